/* SPDX-License-Identifier: ISC */
/* Addresses for the eye, and masks. */
#ifndef CLUA_COMMON_ADDR_H
#define CLUA_COMMON_ADDR_H

#include <netinet/in.h>
#include <stdint.h>

/* By value, so that an argument of printf(3) can be addr_ip(a).s: it lives as long as the call. */
struct addr_text {
	char s[20];
};

struct addr_text addr_ip(struct in_addr);
struct addr_text addr_mac(const uint8_t mac[6]);
/* In network byte order; prefixlen: 0..32. */
struct in_addr addr_mask(uint8_t prefixlen);

#endif
