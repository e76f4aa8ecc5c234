/* SPDX-License-Identifier: ISC */
/*
 * Connections of this host to be told to the other members. A message costs every member the same,
 * whatever it holds, and a connection that ends within milliseconds is not worth one: until it is told
 * of, the router knows it by its SYN, and should the router die just then, the next one asks. So a
 * message is due when a connection has lasted ANNOUNCE_AT, and takes all along that is to be told by
 * then. Ends are in less of a hurry: what still comes for such a connection its owner answers best. A
 * message that is due for them alone takes no connection along that may end untold: each of those would
 * have an end to be told of, and so on for ever. What was told is kept for a while, because a view change
 * may drop what is on its way. Pure; times in ns, of CLOCK_MONOTONIC or any other clock.
 */
#ifndef CLUA_ALIASD_ANNOUNCE_H
#define CLUA_ALIASD_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/alias_msg.h"

struct announce;

/* No connection is older than 5 ms when it is told, by a daemon that is not late. */
#define ANNOUNCE_AT 4500000ull
#define ANNOUNCE_END_AT 9000000ull
#define ANNOUNCE_SLACK 250000ull /* what is due within that is due */

struct announce *announce_new(void);
void announce_free(struct announce *);
/*
 * It began (SET) or ended (DEL) at that time. again: others may know this connection already. Returns the
 * number of entries that wait.
 */
size_t announce_add(struct announce *, const struct alias_conn *, enum alias_flow_op, bool again,
    uint64_t when);
/* It began some time ago, and others may not know it: to be told, unless that it began is yet to be told. */
size_t announce_held(struct announce *, const struct alias_conn *, uint64_t when);
/*
 * Its owner closed it at that time: nearly always it ends at once. If nobody has been told of it yet, it
 * is as if it began now.
 */
void announce_ending(struct announce *, const struct alias_conn *, uint64_t when);
/* When something is due; UINT64_MAX: nothing waits. */
uint64_t announce_due(struct announce *);
/* What is due at that time is to be told, and what goes with it; without this, everything. */
void announce_begin(struct announce *, uint64_t now);
/* The next entry to be told; false when there is none. */
bool announce_next(struct announce *, struct alias_conn *, uint8_t *op);
/* The view changed: what was sent lately is to be sent again. */
void announce_again(struct announce *, uint64_t now);
void announce_clear(struct announce *);

/* ---- whose connections we hold ---- */
struct holds;

struct holds *holds_new(void);
void holds_free(struct holds *);
/* All of these will tell us theirs; nothing is held until they have. */
void holds_expect(struct holds *, const uint16_t *nodes, size_t n, uint16_t self);
void holds_left(struct holds *, uint16_t node);
void holds_end(struct holds *, uint16_t node);
bool holds_all(const struct holds *);

#endif
