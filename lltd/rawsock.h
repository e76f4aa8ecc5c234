/* SPDX-License-Identifier: ISC */
/* An Ethernet interface as a link: frames of one EtherType. */
#ifndef CLUA_LLTD_RAWSOCK_H
#define CLUA_LLTD_RAWSOCK_H

#include <stdint.h>

#include "lltd/linksock.h"

/* ethertype in host byte order. NULL and errno on failure. */
struct linksock *rawsock_open(uint32_t ifindex, uint16_t ethertype, const uint8_t mac[6]);

#endif
