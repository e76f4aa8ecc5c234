/* SPDX-License-Identifier: ISC */
/*
 * TCP packets of connections that no table knows: held for a moment while all members are asked, then
 * sent to the owner, or answered with a reset when nobody owns them. Pure; times in ns.
 *
 * Everything is bounded: packets held, packets a connection, resets a second, remembered refusals.
 */
#ifndef CLUA_ALIASD_STRAY_H
#define CLUA_ALIASD_STRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/alias_msg.h"

struct stray;

#define STRAY_NEVER UINT64_MAX
#define STRAY_FRAME_MAX 2048 /* longer frames are not held: the client sends them again */
/*
 * Clients of a member that died retransmit together: after some time of backing off the kernel rounds their
 * timers to the same moment, and who is not heard in it is silent for twice as long again. All are to be told
 * in the moment in which they next send.
 */
#define STRAY_HELD_MAX 16384 /* packets, */
#define STRAY_BYTES_MAX (8u << 20) /* and what is in them */
#define STRAY_RESETS_PER_SEC 10000

struct stray_ops {
	/* Is to be asked of all members: an answer of each is expected through stray_answer(). */
	void (*ask)(const struct alias_ask *, void *arg);
	/* The packet belongs to owner. */
	void (*deliver)(uint16_t owner, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg);
	/* Nobody knows the connection: the packet is to be answered with a reset. */
	void (*reset)(uint32_t ifindex, const uint8_t *frame, size_t len, void *arg);
};

struct stray_stats {
	uint64_t asked, delivered, resets, limited, expired, overflow;
	size_t held; /* packets, now */
};

struct stray *stray_new(const struct stray_ops *, void *arg);
void stray_free(struct stray *);

/* peers: who will be asked, ascending. Resets are never answered. */
void stray_packet(struct stray *, const struct alias_conn *, uint32_t ifindex, const uint8_t *frame,
    size_t len, const uint16_t *peers, size_t npeers, uint64_t now);
void stray_answer(struct stray *, uint16_t from, const struct alias_conn *, enum alias_verdict,
    uint64_t now);
/* What it would have answered counts as a no. */
void stray_member_left(struct stray *, uint16_t node, uint64_t now);
/*
 * It may own what nobody knew so far: nothing is refused on the word of those who were asked before.
 */
void stray_member_joined(struct stray *, uint16_t node);
void stray_clear(struct stray *);
/* Gives up what nobody answered in time. Returns when to call again, or STRAY_NEVER. */
uint64_t stray_run(struct stray *, uint64_t now);
const struct stray_stats *stray_stats(const struct stray *);

#endif
