/* SPDX-License-Identifier: ISC */
#include "proto/llt_addr.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

const uint8_t llt_addr_all[LLT_ADDR_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void
llt_addr_udp(uint8_t addr[LLT_ADDR_LEN], const struct in_addr *in, uint16_t port)
{
	memcpy(addr, in, 4);
	memcpy(addr + 4, &port, 2);
}

void
llt_addr_udp_get(const uint8_t addr[LLT_ADDR_LEN], struct in_addr *in, uint16_t *port)
{
	memcpy(in, addr, 4);
	memcpy(port, addr + 4, 2);
}

const char *
llt_addr_text(uint8_t kind, const uint8_t a[LLT_ADDR_LEN])
{
	static char buf[4][24];
	static unsigned turn;
	char *p = buf[turn++ % 4];

	if (kind == LLT_KIND_UDP)
		snprintf(p, sizeof(buf[0]), "%u.%u.%u.%u:%u", a[0], a[1], a[2], a[3], a[4] << 8 | a[5]);
	else
		snprintf(p, sizeof(buf[0]), "%02X:%02X:%02X:%02X:%02X:%02X", a[0], a[1], a[2], a[3], a[4],
		    a[5]);
	return p;
}

const char *
llt_kind_name(uint8_t kind)
{
	return kind == LLT_KIND_UDP ? "udp" : "ether";
}
