/* SPDX-License-Identifier: ISC */
/* ICMP: errors about what members sent from an alias, and the rest. */
#ifndef CLUA_ALIASD_BPF_ICMP_H
#define CLUA_ALIASD_BPF_ICMP_H

#include "forward.h"
#include "tcp.h"

/* <linux/icmp.h> drags the C library in. */
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

#define ICMP_HEADER 8

/* An error about a TCP packet that a member sent from the alias: the owner of the connection wants it. */
INLINE __u32
icmp_about_tcp(struct packet *p, __u32 client, __u16 client_port, __u16 port)
{
	struct segment s = { .key = dp_flow_key(client, client_port, port) };
	__u32 owner;

	p->hash = dp_flow_hash(s.key, p->alias, flow_seed);
	owner = flow_owner_rarely(s.key, p->alias, p->hash);
	if (owner < DP_NODES)
		return to_node(owner, DP_C_ICMP_ERROR, DP_C_ICMP_ERROR);
	half_open_find(p, &s);
	if (s.half)
		return to_node(dp_half_node(s.half), DP_C_ICMP_ERROR, DP_C_ICMP_ERROR);
	return to_sharer(p, port, DP_C_ICMP_ERROR, DP_C_ICMP_ERROR);
}

struct icmp_search {
	struct dp_ring *ring;
	__u32 node;
};

static long
icmp_look(__u32 i, struct icmp_search *s)
{
	__u32 node = s->ring->t[i & (DP_TARGETS - 1)].node;

	if (node != DP_NODE_NONE && node_reachable(node) &&
	    (s->node == DP_NODE_NONE || node == self_node))
		s->node = node;
	return 0;
}

/* A member that gets datagrams of this port, ourselves if we are among them; or DP_NODE_NONE. */
__attribute__((noinline)) __u32
icmp_first(__u32 alias, __u32 port)
{
	struct icmp_search s = { .node = DP_NODE_NONE };

	s.ring = service_ring(service_of(alias, IPPROTO_UDP, port));
	if (!s.ring)
		return DP_NODE_NONE;
	bpf_loop(s.ring->n, icmp_look, &s, 0);
	return s.node;
}

struct icmp_copies {
	struct __sk_buff *skb;
	struct dp_ring *ring;
	__u32 keep;
};

static long
icmp_copy(__u32 i, struct icmp_copies *c)
{
	struct packet p = { .ctx = c->skb, .hook = HOOK_TC };
	__u32 node = c->ring->t[i & (DP_TARGETS - 1)].node;
	struct dp_path_slot *path;

	if (node == c->keep || node == self_node)
		return 0;
	path = path_to(&p, node);
	if (path && address_frame(&p, path) && (!LOAD(path->remote) || tunnel_address(&p, path)))
		bpf_clone_redirect(c->skb, path->ifindex, 0);
	return 0;
}

/* A copy to each of the others. With a socket buffer only: XDP has no copies. */
__attribute__((noinline)) __u32
icmp_spread(struct __sk_buff *skb, __u32 alias, __u32 port, __u32 keep)
{
	struct dp_ring *ring = service_ring(service_of(alias, IPPROTO_UDP, port));
	struct icmp_copies copies = { .skb = skb, .ring = ring, .keep = keep };
	__u8 ether[12];

	if (!ring || ring->n < 2 || bpf_skb_load_bytes(skb, 0, ether, sizeof(ether)))
		return 0;
	bpf_loop(ring->n, icmp_copy, &copies, 0);
	bpf_skb_store_bytes(skb, 0, ether, sizeof(ether), 0); /* as it was */
	return 0;
}

/*
 * An error about a datagram that some member sent from the alias. Datagrams of one client go to one
 * member after the other, and all of them answer it: what a router says about the way to the client
 * (that a packet was too big, above all) is news for every one. So all that get datagrams of this port
 * get a copy, which needs no table of who sent what. XDP has no copies, and leaves that to TC.
 */
INLINE __u32
icmp_about_udp(struct packet *p, __u16 port)
{
	__u32 node = icmp_first(p->alias, port);

	if (node == DP_NODE_NONE)
		return to_sharer(p, port, DP_C_ICMP_ERROR, DP_C_ICMP_ERROR);
	if (p->hook == HOOK_TC)
		icmp_spread(p->ctx, p->alias, port, node);
	return to_node(node, DP_C_ICMP_ERROR, DP_C_ICMP_ERROR);
}

/* p->l4 is where the ICMP header is; the packet it speaks of follows. */
INLINE __u32
icmp_error(struct packet *p)
{
	struct iphdr *ip = packet_header(p, p->l4 + ICMP_HEADER, sizeof(*ip));
	__u32 client, src, ihl;
	__u16 *ports;
	__u8 proto;

	if (!ip)
		return p->rest ? VERDICT_LEAVE : to_nobody(DP_C_MALFORMED);
	src = ip->saddr;
	client = ip->daddr;
	proto = ip->protocol;
	ihl = ip->ihl * 4;
	if (src != p->addr || ihl < sizeof(*ip) || ip->frag_off & bpf_htons(IP_OFFSET))
		return p->rest ? VERDICT_LEAVE : to_fallback(p);
	ports = packet_header(p, p->l4 + ICMP_HEADER + ihl, 8);
	if (!ports)
		return p->rest ? VERDICT_LEAVE : to_nobody(DP_C_MALFORMED);
	if (proto == IPPROTO_UDP)
		return p->hook == HOOK_XDP && !p->more ? VERDICT_LEAVE : icmp_about_udp(p, ports[0]);
	if (p->rest)
		return VERDICT_LEAVE;
	if (proto == IPPROTO_TCP)
		return icmp_about_tcp(p, client, ports[1], ports[0]);
	return to_fallback(p);
}

INLINE __u32
icmp_packet(struct packet *p)
{
	__u8 *type = packet_header(p, p->l4, ICMP_HEADER);

	if (!type)
		return p->rest ? VERDICT_LEAVE : to_nobody(DP_C_MALFORMED);
	switch (*type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return icmp_error(p);
	}
	return p->rest ? VERDICT_LEAVE : to_fallback(p);
}

#endif
