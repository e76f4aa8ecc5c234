/* SPDX-License-Identifier: ISC */
/*
 * The queue of connections that have just begun, as struct dp_young_queue of layout.h has it: what the
 * program about sockets does with it, and the tests. Inlined everywhere. What the daemon does with it:
 * datapath_young.c.
 */
#ifndef CLUA_ALIASD_BPF_YOUNG_H
#define CLUA_ALIASD_BPF_YOUNG_H

#include "layout.h"

#define DP_YOUNG_SWAP(at, from, to) (__sync_val_compare_and_swap(at, from, to) == (from))

static inline __u64
dp_young_state(__u64 ticket, __u32 what)
{
	return ticket << 2 | what;
}

static inline struct dp_young *
dp_young_slot(struct dp_young_queue *q, __u64 ticket)
{
	return &q->slot[ticket & (DP_YOUNGS - 1)];
}

/* Where a connection of this hash may be, in one cache line: its first choice, its second, … */
static inline __u64 *
dp_young_place(struct dp_young_queue *q, __u64 hash, __u32 choice)
{
	return &q->place[(hash & (DP_YOUNG_PLACES - 1)) ^ choice];
}

static inline int
dp_young_same(const struct dp_young *a, const struct dp_young *b)
{
	return a->client == b->client && a->client_port == b->client_port && a->port == b->port &&
	    a->alias == b->alias;
}

/* Filled in before it is said to be there. */
static inline void
dp_young_fill(struct dp_young *y, const struct dp_young *c, __u64 state)
{
	__u64 before = DP_LOAD(y->state);

	y->when = c->when;
	y->alias = c->alias;
	y->client = c->client;
	y->client_port = c->client_port;
	y->port = c->port;
	(void)DP_YOUNG_SWAP(&y->state, before, state);
}

/* place: what is said there. True: somebody who has not ended. */
static inline int
dp_young_lives(struct dp_young_queue *q, __u64 place)
{
	return place && DP_LOAD(dp_young_slot(q, place - 1)->state) == dp_young_state(place - 1, DP_YOUNG_BEGAN);
}

/*
 * A connection begins. hash: dp_flow_hash() of it. 0: the daemon hears of it if it lasts. -1: there is no
 * room, or others have its places: the daemon is to hear of it now.
 */
static inline int
dp_young_begin(struct dp_young_queue *q, const struct dp_young *c, __u64 hash)
{
	__u64 *place, *free = 0, said, before = 0, ticket;
	struct dp_young *y;
	__u32 i;

	for (i = 0; i < DP_YOUNG_CHOICES; i++) {
		place = dp_young_place(q, hash, i);
		said = DP_LOAD(*place);
		if (dp_young_lives(q, said)) {
			if (dp_young_same(dp_young_slot(q, said - 1), c))
				return 0;
		} else if (!free) {
			free = place;
			before = said;
		}
	}
	if (!free || DP_LOAD(q->head) - DP_LOAD(q->tail) >= DP_YOUNGS - DP_YOUNG_SPARE)
		return -1;
	ticket = __sync_fetch_and_add(&q->head, 1);
	y = dp_young_slot(q, ticket);
	dp_young_fill(y, c, dp_young_state(ticket, DP_YOUNG_BEGAN));
	if (DP_YOUNG_SWAP(free, before, ticket + 1))
		return 0;
	/* Another processor had the same place in mind: nobody would find ours when it ends. */
	(void)DP_YOUNG_SWAP(&y->state, dp_young_state(ticket, DP_YOUNG_BEGAN),
	    dp_young_state(ticket, DP_YOUNG_ENDED));
	return -1;
}

/* It ends. 0: the daemon has never heard of it and will not; -1: it has, and is to hear of this, too. */
static inline int
dp_young_end(struct dp_young_queue *q, const struct dp_young *c, __u64 hash)
{
	struct dp_young *y;
	__u64 said;
	__u32 i;

	for (i = 0; i < DP_YOUNG_CHOICES; i++) {
		said = DP_LOAD(*dp_young_place(q, hash, i));
		y = dp_young_slot(q, said - 1);
		if (dp_young_lives(q, said) && dp_young_same(y, c))
			return DP_YOUNG_SWAP(&y->state, dp_young_state(said - 1, DP_YOUNG_BEGAN),
				   dp_young_state(said - 1, DP_YOUNG_ENDED)) ?
			    0 :
			    -1;
	}
	return -1;
}

/* What the first in the queue is, once at most so many that have ended are out of it. */
static inline enum dp_young_first
dp_young_first(struct dp_young_queue *q, __u32 most, __u64 *when)
{
	struct dp_young *y;
	__u64 tail, state;
	__u32 i;

	for (i = 0; i < most; i++) {
		tail = DP_LOAD(q->tail);
		y = dp_young_slot(q, tail);
		state = DP_LOAD(y->state);
		*when = y->when;
		if (state == dp_young_state(tail, DP_YOUNG_BEGAN))
			return DP_YOUNG_FIRST_BEGAN;
		if (state == dp_young_state(tail, DP_YOUNG_TAKEN))
			return DP_YOUNG_FIRST_BUSY;
		if (state != dp_young_state(tail, DP_YOUNG_ENDED))
			return tail == DP_LOAD(q->head) ? DP_YOUNG_FIRST_NONE : DP_YOUNG_FIRST_BUSY;
		(void)DP_YOUNG_SWAP(&q->tail, tail, tail + 1);
	}
	return DP_YOUNG_FIRST_BUSY;
}

#endif
