/* SPDX-License-Identifier: ISC */
/*
 * A local address and port as a link: frames as datagrams, across routers. Nothing reaches all: what is
 * sent to llt_addr_all goes to each of the peers that are configured.
 */
#ifndef CLUA_LLTD_UDPSOCK_H
#define CLUA_LLTD_UDPSOCK_H

#include <stddef.h>

#include "lltd/linksock.h"

/*
 * The addresses are copied. listed_only: what comes from others is not for us (else whoever has the key
 * may speak, which is how a node of our id elsewhere is found). NULL and errno on failure.
 */
struct linksock *udpsock_open(const uint8_t addr[LLT_ADDR_LEN], const uint8_t (*peers)[LLT_ADDR_LEN],
    size_t npeers, bool listed_only);
/* The longest IP packet on the way to an address, as far as the kernel knows; 0: it does not. */
size_t udpsock_path_mtu(const uint8_t addr[LLT_ADDR_LEN], const uint8_t to[LLT_ADDR_LEN]);

#endif
