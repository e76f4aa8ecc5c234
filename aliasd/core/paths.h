/* SPDX-License-Identifier: ISC */
/* Which ways lead to which member, from what lltd says about its links. Pure. */
#ifndef CLUA_ALIASD_PATHS_H
#define CLUA_ALIASD_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aliasd/datapath/datapath.h"
#include "proto/llt_ctl.h"

/*
 * In the tunnel: the interface on every host, and whoever sends to it, as what comes from its own address
 * would be dropped.
 */
extern const uint8_t paths_tunnel_mac[6], paths_tunnel_peer_mac[6];
#define PATHS_TUNNEL_OVERHEAD 50 /* bytes around an IP packet: IP, UDP, VXLAN, Ethernet */

struct paths;

struct paths *paths_new(void);
void paths_free(struct paths *);
/* True if the usable ways to the node changed. A link index out of range is ignored. */
bool paths_link(struct paths *, const struct llt_ev_link *);
/*
 * Between the two lltd tells of all links there are: what it does not name is no link any more. fn: to each
 * node of which the usable ways changed by that; there were some.
 */
void paths_begin(struct paths *);
void paths_end(struct paths *, void (*fn)(uint16_t node, void *arg), void *arg);
/*
 * The ways to use: the high-priority links that are up; if none is, those in trouble; if there is none
 * either, the first usable low-priority link. Of those that are equal: Ethernet rather than UDP. By
 * ascending link. A link by UDP is a way while there is a tunnel, which is the way's interface then, with
 * its limit; those of the others are the caller's to fill in.
 */
size_t paths_get(const struct paths *, uint16_t node, struct dp_path out[LLT_MAX_LINKS]);
/* ifindex of the tunnel; 0, as it is at first: there is none. */
void paths_set_tunnel(struct paths *, uint32_t ifindex);
bool paths_any_udp(const struct paths *); /* lltd has a link by UDP */
bool paths_reachable(const struct paths *, uint16_t node);
/* Addresses from which the node sends on our interfaces, low-priority links included. */
size_t paths_macs(const struct paths *, uint16_t node, uint8_t (*out)[6]);
/* … and by UDP. */
size_t paths_addrs(const struct paths *, uint16_t node, struct in_addr out[LLT_MAX_LINKS]);
/* Our interfaces that are Ethernet links, each once; those of high priority only, or all. */
size_t paths_ifaces(const struct paths *, bool high_only, uint32_t out[LLT_MAX_LINKS]);

#endif
