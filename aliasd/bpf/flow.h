/* SPDX-License-Identifier: ISC */
/* Reading the flow table: see struct dp_bucket for the rules. */
#ifndef CLUA_ALIASD_BPF_FLOW_H
#define CLUA_ALIASD_BPF_FLOW_H

#include "packet.h"

#define LOAD(x) (*(volatile typeof(x) *)&(x))

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

INLINE __u32
bucket_match(struct dp_bucket *b, __u32 i, __u64 key, __u32 alias)
{
	__u32 value = *(volatile __u32 *)((void *)&b->value[i] + after(key));

	if (value >> 16 != alias || !value)
		return 0;
	if (*(volatile __u64 *)((void *)&b->key[i] + after(value)) != key)
		return 0;
	return value;
}

INLINE __u32
flow_overflowed(__u64 key, __u32 alias)
{
	struct dp_flow_key k = { .key = key, .alias = alias };
	__u32 *value = bpf_map_lookup_elem(&overflow, &k);

	return value ? *value : 0;
}

INLINE __u32
bucket_find(struct dp_bucket *b, __u64 key, __u32 alias)
{
	__u32 i, value;

#pragma unroll
	for (i = 0; i < DP_WAYS; i++)
		if (LOAD(b->key[i]) == key && (value = bucket_match(b, i, key, alias)))
			return value;
	return 0;
}

/* The owner of an established connection, or DP_NODE_NONE. */
INLINE __u32
flow_owner(__u64 key, __u32 alias, __u64 hash)
{
	__u32 index = dp_flow_bucket(hash, flow_buckets), value;
	struct dp_bucket *b = bpf_map_lookup_elem(&flows, &index);

	if (!b)
		return DP_NODE_NONE;
	value = bucket_find(b, key, alias);
	if (!value && LOAD(b->overflow)) {
		value = flow_overflowed(key, alias);
		if (!value) /* it may just have moved from there to here */
			value = bucket_find(b, key, alias);
	}
	return value ? (value & 0xffff) - 1 : DP_NODE_NONE;
}

#endif
