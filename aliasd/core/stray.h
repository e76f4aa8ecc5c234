/* SPDX-License-Identifier: ISC */
/*
 * TCP packets of connections that no table knows: held for a moment while all members are asked, then
 * sent to the owner, or answered with a reset when nobody owns them. When it is too early for a reset they
 * are kept, and all are asked again: the client may not send for long. Pure; times in ns.
 *
 * Everything is bounded: packets held, packets a connection, resets a second, remembered refusals. What is
 * kept for later gives way to what is new.
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
	/* The other members, who will be asked; valid until the next call. */
	const uint16_t *(*peers)(size_t *n, void *arg);
	/* Is to be asked of all of them: an answer of each is expected through stray_answer(). */
	void (*ask)(const struct alias_ask *, void *arg);
	/* The packet belongs to owner. */
	void (*deliver)(uint16_t owner, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg);
	/*
	 * Nobody knows the connection: the packet is to be answered with a reset. 0, or it is too early, and
	 * all are to be asked again then.
	 */
	uint64_t (*reset)(const struct alias_ask *, uint32_t ifindex, const uint8_t *frame, size_t len,
	    void *arg);
};

struct stray_stats {
	uint64_t asked, delivered, resets, limited, expired, overflow, put_off;
	size_t held; /* packets, now */
};

struct stray *stray_new(const struct stray_ops *, void *arg);
void stray_free(struct stray *);

/*
 * What to ask about a frame; false if it is no whole segment. A reset has an owner, too: the client of a
 * connection that it gave up ends it so when its port is to be used again.
 */
bool stray_ask(const struct alias_conn *, const uint8_t *frame, size_t len, struct alias_ask *);
void stray_packet(struct stray *, const struct alias_ask *, uint32_t ifindex, const uint8_t *frame,
    size_t len, uint64_t now);
void stray_answer(struct stray *, uint16_t from, const struct alias_conn *, enum alias_verdict,
    uint64_t now);
/* What it would have answered counts as a no. */
void stray_member_left(struct stray *, uint16_t node, uint64_t now);
/*
 * It may own what nobody knew so far: nothing is refused on the word of those who were asked before.
 */
void stray_member_joined(struct stray *, uint16_t node);
void stray_clear(struct stray *);
/* Gives up what nobody answered in time; asks again. Returns when to call again, or STRAY_NEVER. */
uint64_t stray_run(struct stray *, uint64_t now);
const struct stray_stats *stray_stats(const struct stray *);

#endif
