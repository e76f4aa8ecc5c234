/* SPDX-License-Identifier: ISC */
/* Which member gets the next connection of a service: exact weighted round robin. */
#ifndef CLUA_ALIASD_BPF_SELECT_H
#define CLUA_ALIASD_BPF_SELECT_H

#include "packet.h"

/* What no service claims: the answer to what a member sent from the alias, or nobody's. */
INLINE __u32
to_sharer(struct packet *p, __u16 port, __u32 local, __u32 remote)
{
	__u32 node = out_owner(p, port);

	if (node == DP_NODE_NONE || !node_reachable(node))
		return to_fallback(p);
	return to_node(node, local, remote);
}

#define NSEC_PER_SEC 1000000000ull

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

struct sticky_search {
	struct dp_ring *ring;
	__u32 client;
	__u32 held; /* where the client was last, or DP_NODE_NONE */
	int node;
	__u32 draw, weight; /* of node */
};

static long
sticky_try(__u32 i, struct sticky_search *s)
{
	struct dp_ring *ring = s->ring;
	__u32 before = i ? ring->t[(i - 1) & (DP_TARGETS - 1)].end : 0;
	__u32 weight = ring->t[i & (DP_TARGETS - 1)].end - before;
	__u32 node = ring->t[i & (DP_TARGETS - 1)].node, draw;

	if (!node_reachable(node))
		return 0;
	if (node == s->held) {
		s->node = node;
		return 1;
	}
	draw = dp_sticky_draw(s->client, node);
	if (s->node >= 0 && (__u64)draw * s->weight >= (__u64)s->draw * weight)
		return 0;
	s->node = node;
	s->draw = draw;
	s->weight = weight;
	return 0;
}

/* Other routers learn from the daemons what clients' connections that are open have. */
INLINE void
sticky_note(struct dp_sticky_key *key, struct dp_sticky *known, __u32 node, __u64 now)
{
	struct dp_sticky fresh = { .seen = now, .node = node };

	if (known && known->node == node)
		known->seen = now;
	else
		bpf_map_update_elem(&sticky, key, &fresh, BPF_ANY);
}

/* The member that this client was given last, as long as it is one; else the one that is its own. */
INLINE int
sticky_select(struct dp_ring *ring, struct dp_sticky_key *key, __u64 limit)
{
	struct sticky_search search = { .ring = ring, .client = key->client, .held = DP_NODE_NONE,
		.node = SELECT_UNREACHABLE };
	struct dp_sticky *known = bpf_map_lookup_elem(&sticky, key);
	__u64 now = bpf_ktime_get_ns();

	if (ring->t[0].node == DP_NODE_NONE)
		return SELECT_REFUSED;
	if (known && age_of(LOAD(known->seen), now) <= limit)
		search.held = known->node;
	bpf_loop(ring->n, sticky_try, &search, 0);
	if (search.node >= 0)
		sticky_note(key, known, search.node, now);
	return search.node;
}

/* Not static: such a function is verified once, for any argument, not at every place it is used. */
__attribute__((noinline)) int
service_select(__u32 alias, __u32 proto, __u32 port, __u32 client)
{
	struct dp_sticky_key key = { .alias = alias, .client = client, .port = port, .proto = proto };
	struct dp_service *service = service_of(alias, proto, port);
	struct dp_ring *ring = service_ring(service);

	if (!ring)
		return SELECT_UNKNOWN;
	if (service->sticky && ring->n)
		return sticky_select(ring, &key, service->sticky * NSEC_PER_SEC);
	return ring_select(ring, &service->next);
}

#endif
