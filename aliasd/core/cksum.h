/* SPDX-License-Identifier: ISC */
/* The Internet checksum (RFC 1071). Pure. */
#ifndef CLUA_ALIASD_CORE_CKSUM_H
#define CLUA_ALIASD_CORE_CKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The sum with these bytes added; only the last ones of all may be odd in number. At most 64 KiB in all. */
uint32_t cksum_add(uint32_t sum, const uint8_t *p, size_t len);
/* As it stands in a header, in host order. */
uint16_t cksum_fold(uint32_t sum);
/* The sum of the pseudo header of TCP and UDP; ip: the header; len: of what follows it. */
uint32_t cksum_pseudo(const uint8_t *ip, size_t len);
/* Fills in that of an IPv4 header of so many bytes. */
void cksum_ip(uint8_t *ip, size_t ihl);

#endif
