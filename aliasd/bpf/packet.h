/* SPDX-License-Identifier: ISC */
/* A packet on its way through the program, and the few things that end it. */
#ifndef CLUA_ALIASD_BPF_PACKET_H
#define CLUA_ALIASD_BPF_PACKET_H

#include "ctx.h"
#include "names.h"

#define IP_MORE 0x2000
#define IP_OFFSET 0x1fff

#define X(name, text) DP_C_##name,
enum { DP_COUNTER_LIST(X) };
#undef X

INLINE struct counters *
counts_of(__u32 alias)
{
	return bpf_map_lookup_elem(&counts, &alias);
}

INLINE void
count(struct packet *p, __u32 what)
{
	if (p->counts)
		p->counts->v[BELOW(DP_COUNTERS, what)]++;
}

/* All packets of an aggregate. */
INLINE void
count_all(struct packet *p, __u32 what)
{
	if (p->counts)
		p->counts->v[BELOW(DP_COUNTERS, what)] += packet_segments(p);
}

INLINE int
drop(struct packet *p, __u32 why)
{
	count(p, why);
	return DROP;
}

/* Of a number that alias_find() gave: there always is one, but the verifier does not know. */
INLINE struct dp_alias_slot *
alias_slot_of(__u32 alias)
{
	return bpf_map_lookup_elem(&alias_slots, &alias);
}

INLINE __u32
alias_find_in(__u32 addr, __u32 bucket)
{
	struct dp_alias_bucket *b = bpf_map_lookup_elem(&alias_buckets, &bucket);
	__u64 place = 0;
	__u32 i, number;

	if (!b)
		return DP_ALIAS_NONE;
#pragma unroll
	for (i = 0; i < DP_ALIAS_WAYS; i++)
		place |= (i + 1) & dp_if_zero(LOAD(b->addr[i]) ^ addr);
	if (!place)
		return DP_ALIAS_NONE;
	number = LOAD(b->number[(place - 1) & (DP_ALIAS_WAYS - 1)]);
	return number & DP_ALIAS_ASLEEP ? DP_ALIAS_NONE : number;
}

INLINE int
alias_filter_has(__u32 hash)
{
	__u32 bit = dp_alias_filter_bit(hash, alias_filter_shift);

	return alias_filter[bit / 64 & (DP_FILTER_BITS / 64 - 1)] >> (bit % 64) & 1;
}

/* The number of an active alias, or DP_ALIAS_NONE: of an address that is one most of the time. */
INLINE __u32
alias_find_likely(__u32 addr)
{
	__u32 hash = dp_alias_hash(addr), alias;

	alias = alias_find_in(addr, dp_alias_bucket(hash, 0, alias_bucket_mask));
	if (alias != DP_ALIAS_NONE)
		return alias;
	return alias_find_in(addr, dp_alias_bucket(hash, 1, alias_bucket_mask));
}

/* The same of any address. Costs one load for nearly every other. */
INLINE __u32
alias_find(__u32 addr)
{
	return alias_filter_has(dp_alias_hash(addr)) ? alias_find_likely(addr) : DP_ALIAS_NONE;
}

INLINE int
mac_is_member(__u64 mac)
{
	__u32 bit = dp_mac_hash(mac);

	if (!(mac_filter[bit / 64] >> (bit % 64) & 1))
		return 0;
	return bpf_map_lookup_elem(&macs, &mac) != 0;
}

INLINE int
node_reachable(__u32 node)
{
	return node == self_node || nodes[node & (DP_NODES - 1)].current & 0xff;
}

/* The member that a packet to the default alias is the answer to, by its port; or DP_NODE_NONE. */
INLINE __u32
out_owner(struct packet *p, __u16 port)
{
	__u32 n = LOAD(out.n), size = LOAD(out.size), i;

	if (!n || !size || p->addr != out.addr)
		return DP_NODE_NONE;
	i = (bpf_ntohs(port) - out.first) / size;
	return i < n ? LOAD(out.node[i & (DP_SHARES - 1)]) : DP_NODE_NONE;
}

/* Was this frame sent to us: to our MAC, or to the virtual one of an alias that we hold? */
INLINE int
frame_is_ours(const struct packet *p)
{
	struct dp_alias_slot *slot = alias_slot_of(p->alias);
	__u32 addressee = packet_addressee(p);
	struct ethhdr *eth = packet_data(p);

	if (addressee == PACKET_HOST)
		return 1;
	if (addressee != PACKET_OTHERHOST || !slot || !(slot->flags & DP_ALIAS_MASTER) ||
	    !(slot->flags & DP_ALIAS_VMAC) || (void *)(eth + 1) > packet_end(p))
		return 0;
	return mac_load(eth->h_dest) == mac_load(slot->vmac);
}

/* Written now and then: a line that is only read stays in the caches of all CPUs. */
INLINE void
udp_seen(struct dp_udp_source *source, __u64 now)
{
	if (age_of(LOAD(source->seen), now) > DP_UDP_FRESH / 64)
		source->seen = now;
}

INLINE void
udp_note(const struct dp_udp_key *key, __u32 addr, __u64 now)
{
	struct dp_udp_source *known = bpf_map_lookup_elem(&udp_sources, key);
	struct dp_udp_source fresh = { .seen = now, .alias = addr };

	if (known && known->alias == addr)
		udp_seen(known, now);
	else
		bpf_map_update_elem(&udp_sources, key, &fresh, BPF_ANY);
}

/* Remembers which alias a datagram was for, so that the answer can leave from it. */
INLINE void
udp_remember(struct packet *p)
{
	struct udphdr *udp = packet_header(p, p->l4, sizeof(*udp));
	struct dp_udp_key key = { .client = p->client };
	__u64 now, hash, tag, *place;

	if (!udp)
		return;
	key.client_port = udp->source;
	key.port = udp->dest;
	now = bpf_ktime_get_coarse_ns();
	hash = dp_flow_hash(dp_flow_key(key.client, key.client_port, key.port), 0, flow_seed);
	tag = dp_udp_tag(hash, p->addr, now);
	place = &udp_recent[hash & (DP_UDP_RECENT - 1)];
	if (LOAD(*place) == tag)
		return;
	udp_note(&key, p->addr, now);
	*place = tag;
}

/* Up our own stack. A frame to a virtual MAC is not for the interface's own and would be dropped. */
INLINE int
deliver(struct packet *p)
{
	if (p->proto == IPPROTO_UDP && p->l4)
		udp_remember(p);
	packet_adopt(p);
	return PASS;
}

/*
 * To a socket of this very host: back in by the interface that it leaves by, clua0. The frame is from
 * that interface to itself, which says that it has been seen.
 */
INLINE int
own_deliver(struct packet *p)
{
	if (p->proto == IPPROTO_UDP && p->l4)
		udp_remember(p);
	return bpf_redirect(packet_ifindex(p), BPF_F_INGRESS);
}

/*
 * What is decided about a packet: the node that shall have it and what to count, or why it is dropped.
 * Carried out in one place, which keeps the program small.
 */
#define VERDICT_DROP 0x80000000u
#define VERDICT_LEAVE 0xffffffffu /* to TC, or what XDP did not leave to us */

INLINE __u32
to_node(__u32 node, __u32 local, __u32 remote)
{
	return remote << 24 | local << 16 | node;
}

INLINE __u32
to_nobody(__u32 why)
{
	return VERDICT_DROP | why;
}

INLINE __u32
alias_fallback(__u32 alias)
{
	struct dp_alias_slot *slot = alias_slot_of(alias);

	return slot ? slot->fallback : DP_NODE_NONE;
}

/* What no service claims. */
INLINE __u32
to_fallback(struct packet *p)
{
	__u32 node = alias_fallback(p->alias);

	if (node == DP_NODE_NONE)
		return to_nobody(DP_C_NO_TARGET);
	return to_node(node, DP_C_FALLBACK, DP_C_FALLBACK);
}

#endif
