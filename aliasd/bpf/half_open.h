/* SPDX-License-Identifier: ISC */
/*
 * The table of half-open connections, as struct dp_half_set of layout.h has it: what the packet program
 * and the daemon do with it, and the tests. Inlined everywhere. seed: that of the flow table.
 */
#ifndef CLUA_ALIASD_BPF_HALF_OPEN_H
#define CLUA_ALIASD_BPF_HALF_OPEN_H

#include "layout.h"

#define DP_HALF_STORE(x, value) (*(volatile __u64 *)&(x) = (value))

static inline __u32
dp_half_sets(__u32 max_half_open)
{
	return max_half_open / DP_HALF_WAYS + (max_half_open % DP_HALF_WAYS != 0);
}

/* hash: dp_flow_hash() of the connection. */
static inline __u32
dp_half_index(__u64 hash, __u32 sets)
{
	return (hash & 0xffffffff) * sets >> 32;
}

/* Without its order, which is the place's. Never 0. isn: in host order. */
static inline __u64
dp_half_entry(__u32 isn, __u32 alias, __u32 node)
{
	return (__u64)isn << 32 | (alias << DP_OWNER_BITS | (node + 1)) << DP_HALF_ORDER_BITS;
}

static inline __u32
dp_half_isn(__u64 entry)
{
	return entry >> 32;
}

/*
 * What its SYN left speaks for a connection until its owner has told of it, a matter of milliseconds. A
 * segment that is further on than that, or before it, is of another connection from the same port: its
 * SYN went by another router.
 */
static inline int
dp_half_covers(__u64 entry, __u32 seq)
{
	return seq - dp_half_isn(entry) < DP_HALF_SPAN;
}

static inline __u32
dp_half_alias(__u64 entry)
{
	return (__u32)entry >> (DP_OWNER_BITS + DP_HALF_ORDER_BITS);
}

static inline __u32
dp_half_node(__u64 entry)
{
	return (entry >> DP_HALF_ORDER_BITS & ((1u << DP_OWNER_BITS) - 1)) - 1;
}

static inline __u32
dp_half_order(__u64 entry)
{
	return entry & (DP_HALF_ORDERS - 1);
}

static inline __u64
dp_half_mix(__u64 entry, __u64 seed)
{
	__u64 h = (entry ^ seed) * 0x9e3779b97f4a7c15ull;

	return h ^ h >> 32;
}

/* The entry of a connection and its place, or 0. Without jumps, which would be mispredicted. */
static inline __u64
dp_half_find(const struct dp_half_set *set, __u64 key, __u32 alias, __u64 seed, __u32 *place)
{
	__u64 found = 0, entry, is;
	__u32 i;

	*place = DP_HALF_WAYS;
	for (i = 0; i < DP_HALF_WAYS; i++) {
		entry = DP_LOAD(set->way[i].entry);
		is = dp_if_zero((DP_LOAD(set->way[i].check) ^ dp_half_mix(entry, seed) ^ key) |
		    (dp_half_alias(entry) ^ alias));
		/* Two CPUs may have put the same one into two places at once: one of them, not a mixture. */
		found ^= (found ^ entry) & is;
		*place ^= (*place ^ i) & is;
	}
	return found;
}

/* How long ago an entry came, in those of its set that came since; an empty place is the oldest. */
static inline __u32
dp_half_age(__u64 entry, __u32 newest)
{
	return entry ? (newest - dp_half_order(entry)) & (DP_HALF_ORDERS - 1) : DP_HALF_ORDERS;
}

/* The order of the newest entry: those there are lie within half of all orders. */
static inline __u32
dp_half_newest(const struct dp_half_set *set)
{
	__u32 newest = 0, i;
	__u64 entry, any = 0;

	for (i = 0; i < DP_HALF_WAYS; i++) {
		entry = DP_LOAD(set->way[i].entry);
		if (entry && (!any || ((dp_half_order(entry) - newest) & (DP_HALF_ORDERS - 1)) < DP_HALF_ORDERS / 2))
			newest = dp_half_order(entry);
		any |= entry;
	}
	return newest;
}

static inline __u32
dp_half_oldest(const struct dp_half_set *set, __u32 newest)
{
	__u32 oldest = 0, age = 0, i, a;

	for (i = 0; i < DP_HALF_WAYS; i++) {
		a = dp_half_age(DP_LOAD(set->way[i].entry), newest);
		if (a > age) {
			oldest = i;
			age = a;
		}
	}
	return oldest;
}

/* place: what dp_half_find() said of this connection. */
static inline void
dp_half_put(struct dp_half_set *set, __u32 place, __u64 key, __u64 entry, __u64 seed)
{
	__u32 newest = dp_half_newest(set);

	if (place >= DP_HALF_WAYS)
		place = dp_half_oldest(set, newest);
	entry |= (newest + 1) & (DP_HALF_ORDERS - 1);
	DP_HALF_STORE(set->way[place & (DP_HALF_WAYS - 1)].entry, entry);
	DP_HALF_STORE(set->way[place & (DP_HALF_WAYS - 1)].check, key ^ dp_half_mix(entry, seed));
}

#endif
