/* SPDX-License-Identifier: ISC */
/*
 * The routes that a member announces for the aliases: a host route for each that it routes, a network
 * route for each virtual subnet. Pure.
 */
#ifndef CLUA_ALIASD_ROUTE_H
#define CLUA_ALIASD_ROUTE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/netlink.h"

/* As RIP counts, with 16 for infinity: whoever can shall prefer the member with rpri=100. */
#define ROUTE_METRIC 14
#define ROUTE_METRIC_PREFERRED 10

struct route {
	struct in_addr dst; /* network order, host bits are zero */
	uint8_t prefixlen;
	uint8_t metric;
	char via[NETLINK_NAME_MAX]; /* the interface on whose subnet it is; "" = none */
};

struct route_set { /* by ascending address, then length */
	size_t n, size;
	struct route *r;
};

struct route_alias { /* an alias as this member sees it */
	struct in_addr addr;
	bool virt;
	uint8_t prefixlen; /* of its virtual subnet; 0 = not said */
	uint16_t rpri;
	bool others; /* another member with rpri > 0 routes for it */
	const char *via;
};

bool route_rfc1918(struct in_addr);
/* In any order; route_set_finish() when all are there. resvok: addresses of RFC 1918 too. */
void route_set_alias(struct route_set *, const struct route_alias *, bool resvok);
void route_set_finish(struct route_set *);
void route_set_free(struct route_set *);

#endif
