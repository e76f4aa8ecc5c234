/* SPDX-License-Identifier: ISC */
/* Reading the flow table: see struct dp_bucket for the rules. */
#ifndef CLUA_ALIASD_BPF_FLOW_H
#define CLUA_ALIASD_BPF_FLOW_H

#include "packet.h"

/*
 * Makes the address of the next load depend on what was loaded before, which keeps the two in order on
 * every machine without a barrier. Always 0, but the compiler does not know.
 */
INLINE __u32
after(__u64 loaded)
{
	asm volatile("%0 &= 0" : "+r"(loaded));
	return loaded;
}

/*
 * The value of the entry at a place, or 0 if it is another's. What was found is read once more, key
 * first: had the place been given away meanwhile, one of the two would differ.
 */
INLINE __u32
way_match(struct dp_bucket *b, __u32 way, __u64 key, __u32 alias)
{
	__u64 first = LOAD(b->key[way]), again;
	__u32 value;

	if (first != key)
		return 0;
	value = *(volatile __u32 *)((void *)&b->value[way] + after(first));
	again = *(volatile __u64 *)((void *)&b->key[way] + after(value));
	return again == key && dp_flow_alias(value) == alias ? value : 0;
}

/* In its own place nearly always. The others are looked at without jumps, which would be mispredicted. */
INLINE __u32
bucket_find(struct dp_bucket *b, __u64 hash, __u64 key, __u32 alias)
{
	__u32 value = way_match(b, dp_flow_way(hash), key, alias), i;
	__u64 place = 0;

	if (value)
		return value;
#pragma unroll
	for (i = 0; i < DP_WAYS; i++)
		place |= i & dp_if_zero((LOAD(b->key[i]) ^ key) |
				(LOAD(b->value[i]) >> DP_OWNER_BITS ^ (alias + 1)));
	return place < DP_WAYS ? way_match(b, place, key, alias) : 0;
}

INLINE __u32
flow_overflowed(__u64 key, __u32 alias)
{
	struct dp_flow_key k = { .key = key, .alias = alias };
	__u32 *value = bpf_map_lookup_elem(&overflow, &k);

	return value ? *value : 0;
}

/* The owner of an established connection, or DP_NODE_NONE. */
INLINE __u32
flow_owner(__u64 key, __u32 alias, __u64 hash)
{
	__u32 index = dp_flow_bucket(hash, LOAD(flow_space)), value;
	struct dp_bucket *b = bpf_map_lookup_elem(&flows, &index);

	if (!b)
		return DP_NODE_NONE;
	value = bucket_find(b, hash, key, alias);
	if (!value && LOAD(b->overflow)) {
		value = flow_overflowed(key, alias);
		if (!value) /* it may just have moved from there to here */
			value = bucket_find(b, hash, key, alias);
	}
	return value ? dp_flow_owner(value) : DP_NODE_NONE;
}

/* The same where a call costs nothing; verified once. */
__attribute__((noinline)) __u32
flow_owner_rarely(__u64 key, __u32 alias, __u64 hash)
{
	return flow_owner(key, alias, hash);
}

#endif
