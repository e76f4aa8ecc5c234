/* SPDX-License-Identifier: ISC */
#include "common/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

struct addr_text
addr_ip(struct in_addr a)
{
	struct addr_text t;

	inet_ntop(AF_INET, &a, t.s, sizeof(t.s));
	return t;
}

struct addr_text
addr_mac(const uint8_t m[6])
{
	struct addr_text t;

	snprintf(t.s, sizeof(t.s), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	return t;
}

struct in_addr
addr_mask(uint8_t prefixlen)
{
	return (struct in_addr){ .s_addr = prefixlen == 0 ? 0 : htonl(~0u << (32 - prefixlen)) };
}
