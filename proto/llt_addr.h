/* SPDX-License-Identifier: ISC */
/*
 * Addresses on links: what a frame came from or goes to. Of the same length on every kind of link, so
 * that whoever only compares and carries them needs not know which it is.
 */
#ifndef CLUA_PROTO_LLT_ADDR_H
#define CLUA_PROTO_LLT_ADDR_H

#include <stdint.h>

#define LLT_ADDR_LEN 6 /* ether: the MAC; udp: IPv4 address and port, both big-endian */
#define LLT_UDP_HEAD 28     /* bytes of an IP packet that are not the frame's */
#define LLT_UDP_PORT 50000 /* where nothing else is configured */

enum llt_link_kind { LLT_KIND_ETHER, LLT_KIND_UDP, LLT_KIND_LAST = LLT_KIND_UDP };

struct in_addr;

/* To all that are on the link, whatever its kind. */
extern const uint8_t llt_addr_all[LLT_ADDR_LEN];

/* Both in network byte order. */
void llt_addr_udp(uint8_t addr[LLT_ADDR_LEN], const struct in_addr *, uint16_t port);
void llt_addr_udp_get(const uint8_t addr[LLT_ADDR_LEN], struct in_addr *, uint16_t *port);

/* For the eye: "02:00:00:00:00:01", "10.1.0.11:50000"; in one of a few static buffers. */
const char *llt_addr_text(uint8_t kind, const uint8_t addr[LLT_ADDR_LEN]);
const char *llt_kind_name(uint8_t kind); /* "ether", "udp" */

#endif
