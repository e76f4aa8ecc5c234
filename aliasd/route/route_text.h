/* SPDX-License-Identifier: ISC */
/*
 * The routes in the languages of the routing daemons: BIRD 2, FRR and gated. Pure: text in, text out.
 */
#ifndef CLUA_ALIASD_ROUTE_TEXT_H
#define CLUA_ALIASD_ROUTE_TEXT_H

#include <stdio.h>

#include "aliasd/route/route.h"

enum route_daemon { ROUTE_NONE, ROUTE_BIRD, ROUTE_FRR, ROUTE_GATED };
enum route_protocol { ROUTE_RIP = 1, ROUTE_OSPF = 2 };

/* BFD: a neighbour that is silent for five times as long is dead. FRR's RIP has none. */
#define ROUTE_BFD_INTERVAL 100 /* ms */
#define ROUTE_BFD_MULTIPLIER 5

/* Names that an administrator meets in the other parts of the daemon's configuration. */
#define ROUTE_BIRD_PROTOCOL "clua"
#define ROUTE_BIRD_BFD "clua_bfd"
#define ROUTE_FRR_MAP "clua"
#define ROUTE_FRR_PROFILE "clua" /* of BFD */
#define ROUTE_FRR_TAG 42000 /* and the metric: our routes among the others */

struct route_spec { /* what surrounds the routes */
	uint16_t member;
	const char *name;   /* of the member */
	unsigned protocols; /* of enum route_protocol: to be set up here */
	const char *area;   /* of OSPF */
	bool bfd;           /* for those protocols */
	size_t nifaces;
	const char (*ifaces)[NETLINK_NAME_MAX]; /* to announce on */
};

void route_text(FILE *, enum route_daemon, const struct route_spec *, const struct route_set *);

/* FRR has no file that it reads by itself: its section has to be compared with what is running. */
void route_frr_frame(FILE *, const struct route_spec *); /* all but the routes */
/*
 * The commands that turn running, the output of "show running-config", into the section: the routes
 * that are too many, those that are missing. Changes running. How many commands there are.
 */
size_t route_frr_delta(FILE *, char *running, const struct route_set *);
/* The filter that the protocols need is there. */
bool route_frr_has_map(const char *running);

#endif
