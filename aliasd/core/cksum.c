/* SPDX-License-Identifier: ISC */
#include "aliasd/core/cksum.h"

#include "common/wire.h"

uint32_t
cksum_add(uint32_t sum, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	return len % 2 == 0 ? sum : sum + (uint32_t)(p[len - 1] << 8);
}

uint16_t
cksum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t
cksum_pseudo(const uint8_t *ip, size_t len)
{
	return cksum_add((uint32_t)(ip[9] + len), ip + 12, 8);
}

void
cksum_ip(uint8_t *ip, size_t ihl)
{
	wire_put_u16(ip + 10, 0);
	wire_put_u16(ip + 10, cksum_fold(cksum_add(0, ip, ihl)));
}
