/* SPDX-License-Identifier: ISC */
/*
 * Connections of this host to be told to the other members: gathered for a moment, in which the
 * shortest of them end without a word, and kept for a while after, because a view change may drop what
 * is on its way. Pure; times in ns.
 */
#ifndef CLUA_ALIASD_ANNOUNCE_H
#define CLUA_ALIASD_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/alias_msg.h"

struct announce;

struct announce *announce_new(void);
void announce_free(struct announce *);
/* again: others may know this connection already. Returns the number of entries that wait. */
size_t announce_add(struct announce *, const struct alias_conn *, enum alias_flow_op, bool again,
    uint64_t now);
/* The next entry to be sent; false when there is none. */
bool announce_next(struct announce *, struct alias_conn *, uint8_t *op);
/* There are entries to be sent, the oldest of them added at that time or before. */
bool announce_waits(struct announce *, uint64_t since);
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
