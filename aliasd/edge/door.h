/* SPDX-License-Identifier: ISC */
/*
 * The way of this host's own packets into the data plane: a pair of interfaces, clua0 and clua1, a
 * routing table with a route to every alias through clua0, and a rule that has what this host itself
 * sends look there first, before the kernel's table of local addresses: a member that has an alias on
 * lo would keep what it sends to the alias for itself.
 *
 * What is sent to clua1 comes in by clua0, which is how the daemon reaches this host's own stack.
 */
#ifndef CLUA_ALIASD_DOOR_H
#define CLUA_ALIASD_DOOR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOOR_IN "clua0"
#define DOOR_OUT "clua1"
#define DOOR_TABLE 3098 /* of routes; 0xc1a */
#define DOOR_FRAME_MAX 9216

struct door;

/*
 * Makes it, or takes over what an earlier aliasd left. rule: what this host sends is to come here, else
 * there is the pair of interfaces alone. NULL on failure, after saying why.
 */
struct door *door_open(bool rule);
/* Takes it all away. */
void door_close(struct door *);
/* The same for what an aliasd left that was killed. How many things that were; -1 after saying what is left. */
int door_remove(void);

/* Is it one of the two interfaces? */
bool door_is_name(const char *ifname);
uint32_t door_ifindex(const struct door *); /* of clua0 */
uint32_t door_peer(const struct door *);    /* of clua1 */
const uint8_t *door_mac(const struct door *); /* of clua0 */

/*
 * The route to an alias, with the address that clients on this host shall have, and the largest packet
 * they may send (0: what the interface takes). from 0: no route. 0, or -1 and errno, logged.
 */
int door_route(struct door *, struct in_addr alias, struct in_addr from, uint32_t mtu);

/*
 * Routes, number n of 1 … DOOR_SOURCES, by which UDP sockets with the mark DP_MARK | n choose the alias as
 * their address when they are connected; alias 0: none. 0, or -1, logged.
 */
#define DOOR_SOURCES 32
int door_source(struct door *, unsigned n, struct in_addr alias);

#endif
