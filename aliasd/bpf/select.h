/* SPDX-License-Identifier: ISC */
/* Which member gets the next connection of a service: exact weighted round robin. */
#ifndef CLUA_ALIASD_BPF_SELECT_H
#define CLUA_ALIASD_BPF_SELECT_H

#include "packet.h"

enum { SELECT_UNKNOWN = -1, SELECT_UNREACHABLE = -2, SELECT_REFUSED = -3 };

INLINE struct dp_service *
service_of(__u32 alias, __u8 proto, __u16 port)
{
	struct dp_service_key key = { .alias = alias, .proto = proto, .port = port };

	return bpf_map_lookup_elem(&services, &key);
}

INLINE struct dp_ring *
service_ring(struct dp_service *service)
{
	return service ? bpf_map_lookup_elem(&rings, &service->ring) : 0;
}

/* The member whose turn it is. The counter is one for all CPUs, so that no turn is given twice. */
INLINE __u32
ring_turn(struct dp_ring *ring, __u64 *next)
{
	__u32 i = 0, step, total = ring->total;
	__u64 turn;

	if (ring->n <= 1 || !total)
		return 0;
	turn = __sync_fetch_and_add(next, 1) % total;
#pragma unroll
	for (step = DP_TARGETS / 2; step; step /= 2)
		if (i + step < ring->n && ring->t[(i + step - 1) & (DP_TARGETS - 1)].end <= turn)
			i += step;
	return i;
}

struct ring_search {
	struct dp_ring *ring;
	__u32 i;
	int node;
};

static long
ring_try(__u32 step, struct ring_search *search)
{
	struct dp_ring *ring = search->ring;
	__u32 i = search->i + 1 < ring->n ? search->i + 1 : 0;

	search->i = i;
	search->node = ring->t[i & (DP_TARGETS - 1)].node;
	if (node_reachable(search->node))
		return 1;
	search->node = SELECT_UNREACHABLE;
	return 0;
}

/* A node, or one of the above. A member without a path is passed over. */
INLINE int
ring_select(struct dp_ring *ring, __u64 *next)
{
	struct ring_search search = { .ring = ring, .node = SELECT_UNREACHABLE };
	__u32 node;

	if (!ring->n)
		return SELECT_UNKNOWN;
	search.i = ring_turn(ring, next);
	node = ring->t[search.i & (DP_TARGETS - 1)].node;
	if (node == DP_NODE_NONE)
		return SELECT_REFUSED;
	if (node_reachable(node))
		return node;
	bpf_loop(ring->n, ring_try, &search, 0);
	return search.node;
}

/* Not static: such a function is verified once, for any argument, not at every place it is used. */
__attribute__((noinline)) int
service_select(__u32 alias, __u32 proto, __u32 port)
{
	struct dp_service *service = service_of(alias, proto, port);
	struct dp_ring *ring = service_ring(service);

	return ring ? ring_select(ring, &service->next) : SELECT_UNKNOWN;
}

#endif
