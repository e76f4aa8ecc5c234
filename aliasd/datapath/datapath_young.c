/* SPDX-License-Identifier: ISC */
/* Connections of this host that have just begun: what the daemon takes out of their queue. */
#include "aliasd/bpf/young.h"
#include "aliasd/datapath/datapath_int.h"

/* How many that have ended are looked through at once: all there can be. */
#define STEPS (2 * DP_YOUNGS)

static uint64_t
hash_of(const struct datapath *dp, const struct dp_conn *c)
{
	return dp_flow_hash(dp_flow_key(c->client.s_addr, c->client_port, c->port), 0, dp->meta->seed);
}

/* Ours, if it has not ended meanwhile. Nobody else lets the queue go on past it, so that it stays as it is. */
static bool
take_first(struct dp_young_queue *q, struct dp_young *taken)
{
	uint64_t tail = __atomic_load_n(&q->tail, __ATOMIC_ACQUIRE);
	struct dp_young *y = dp_young_slot(q, tail);
	bool ours;

	ours = DP_YOUNG_SWAP(&y->state, dp_young_state(tail, DP_YOUNG_BEGAN),
	    dp_young_state(tail, DP_YOUNG_TAKEN));
	if (!ours)
		return false;
	*taken = *y;
	(void)DP_YOUNG_SWAP(&q->tail, tail, tail + 1);
	return true;
}

/* A predecessor may have been ended between the two steps of taking one. */
static void
pass_taken(struct dp_young_queue *q)
{
	uint64_t tail = __atomic_load_n(&q->tail, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&dp_young_slot(q, tail)->state, __ATOMIC_ACQUIRE) ==
	    dp_young_state(tail, DP_YOUNG_TAKEN))
		(void)DP_YOUNG_SWAP(&q->tail, tail, tail + 1);
}

bool
young_take(struct datapath *dp, uint64_t when, struct dp_young *taken)
{
	struct dp_young_queue *q = dp->state.young;
	__u64 began;

	pass_taken(q);
	while (dp_young_first(q, STEPS, &began) == DP_YOUNG_FIRST_BEGAN && began <= when)
		if (take_first(q, taken))
			return true;
	dp->young_seen = __atomic_load_n(&q->tail, __ATOMIC_ACQUIRE);
	return false;
}

uint64_t
young_due(struct datapath *dp)
{
	__u64 began;

	if (dp_young_first(dp->state.young, STEPS, &began) != DP_YOUNG_FIRST_BEGAN)
		return UINT64_MAX;
	return began + DP_YOUNG_AGE;
}

/*
 * There, or ended without a word to the daemon, and that since it looked last: what ended earlier says nothing
 * of a later connection with the same ports.
 */
static bool
says(const struct datapath *dp, uint64_t said, const struct dp_young *y)
{
	const struct dp_young *slot = dp_young_slot(dp->state.young, said - 1);
	uint64_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);

	if (said == 0 || !dp_young_same(slot, y))
		return false;
	return state == dp_young_state(said - 1, DP_YOUNG_BEGAN) ||
	    (state == dp_young_state(said - 1, DP_YOUNG_ENDED) && said - 1 >= dp->young_seen);
}

bool
datapath_is_young(const struct datapath *dp, const struct dp_conn *c)
{
	struct dp_young_queue *q = dp->state.young;
	struct dp_young y = { .alias = c->alias.s_addr, .client = c->client.s_addr,
		.client_port = c->client_port, .port = c->port };
	uint64_t hash = hash_of(dp, c);
	uint32_t i;

	for (i = 0; i < DP_YOUNG_CHOICES; i++)
		if (says(dp, __atomic_load_n(dp_young_place(q, hash, i), __ATOMIC_ACQUIRE), &y))
			return true;
	return false;
}
