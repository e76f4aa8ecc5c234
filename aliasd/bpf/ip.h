/* SPDX-License-Identifier: ISC */
/* IPv4 packets for an alias: what kind they are, who shall have them, and how they get there. */
#ifndef CLUA_ALIASD_BPF_IP_H
#define CLUA_ALIASD_BPF_IP_H

#include "frag.h"
#include "icmp.h"

INLINE __u32
udp_packet(struct packet *p)
{
	struct udphdr *udp = packet_header(p, p->l4, sizeof(*udp));
	int node;

	if (!udp || p->l4 + sizeof(*udp) > p->l4_end)
		return to_nobody(DP_C_MALFORMED);
	p->hash = dp_flow_hash(dp_flow_key(p->client, udp->source, udp->dest), p->alias, flow_seed);
	node = service_select(p->alias, IPPROTO_UDP, udp->dest, p->client);
	if (node == SELECT_UNREACHABLE)
		return to_nobody(DP_C_NO_PATH);
	if (node == SELECT_REFUSED)
		return to_nobody(DP_C_NO_TARGET);
	if (node < 0)
		return to_sharer(p, udp->dest, DP_C_UDP_LOCAL, DP_C_UDP_FORWARDED);
	return to_node(node, DP_C_UDP_LOCAL, DP_C_UDP_FORWARDED);
}

/*
 * Fills in what the IP header says; false if it cannot be. frag: the field of the header, but for the
 * bit that forbids them; 0 in a whole datagram.
 */
INLINE int
ip_header(struct packet *p, __u16 *frag)
{
	struct iphdr *ip = packet_header(p, ETH_HLEN, sizeof(*ip));
	__u32 ihl, len;

	if (!ip || ip->version != 4)
		return 0;
	ihl = ip->ihl * 4;
	len = bpf_ntohs(ip->tot_len);
	if (!len && packet_is_aggregate(p)) /* an aggregate of more than 64 KiB */
		len = packet_len(p) - ETH_HLEN;
	if (ihl < sizeof(*ip) || len < ihl || ETH_HLEN + len > packet_len(p))
		return 0;
	p->l4 = ETH_HLEN + ihl;
	p->l4_end = ETH_HLEN + len;
	p->proto = ip->protocol;
	p->id = ip->id;
	*frag = ip->frag_off & bpf_htons(IP_MORE | IP_OFFSET);
	return 1;
}

INLINE __u32
ip_fragment(struct packet *p, __u16 frag)
{
	__u32 node;

	if (frag & bpf_htons(IP_OFFSET))
		return frag_later(p, frag);
	if (frag_again(p, &node))
		return node == DP_NODE_NONE ? to_nobody(DP_C_FRAGMENT_LOST) :
					      to_node(node, DP_C_FRAGMENT, DP_C_FRAGMENT_FORWARDED);
	p->more = 1;
	return 0;
}

/* A well-formed packet for an alias that no member has seen yet. */
INLINE __u32
ip_decide(struct packet *p, __u16 frag)
{
	__u32 verdict;

	if (p->rest && (frag || p->proto != IPPROTO_ICMP))
		return VERDICT_LEAVE;
	p->hash = dp_flow_hash(p->client, 0, 0); /* those with ports do better */
	if (frag && (verdict = ip_fragment(p, frag)))
		return verdict;
	switch (p->proto) {
	case IPPROTO_TCP:
		return tcp_packet(p);
	case IPPROTO_UDP:
		return udp_packet(p);
	case IPPROTO_ICMP:
		return icmp_packet(p);
	}
	return to_fallback(p);
}

INLINE int
carry_out(struct packet *p, __u32 verdict)
{
	__u32 node = verdict & 0xffff, local = verdict >> 16 & 0xff, remote = verdict >> 24;

	if (verdict == VERDICT_LEAVE)
		return PASS;
	if (p->more)
		frag_remember(p, verdict & VERDICT_DROP ? DP_NODE_NONE : node);
	if (verdict & VERDICT_DROP)
		return drop(p, node);
	if (node != self_node)
		return forward(p, node, remote);
	count_all(p, local);
	return p->own ? own_deliver(p) : deliver(p);
}

/* The router counts a connection once, however often its SYN comes; so does who receives it. */
INLINE int
syn_is_new(struct packet *p)
{
	struct tcphdr *tcp = packet_header(p, p->l4, sizeof(*tcp));
	__u32 tag, *place;
	__u64 hash;

	if (!tcp || !tcp->syn || tcp->ack)
		return 0;
	hash = dp_flow_hash(dp_flow_key(p->client, tcp->source, tcp->dest), p->alias, flow_seed);
	tag = (__u32)(hash >> 32) ^ tcp->seq;
	place = &syns_received[hash & (DP_SYNS - 1)];
	if (LOAD(*place) == tag)
		return 0;
	*place = tag;
	return 1;
}

INLINE void
count_received(struct packet *p, __u16 frag)
{
	if (frag & bpf_htons(IP_OFFSET))
		count(p, DP_C_FRAGMENT_RECEIVED);
	else if (p->proto == IPPROTO_UDP)
		count_all(p, DP_C_UDP_RECEIVED);
	else if (p->proto == IPPROTO_TCP && syn_is_new(p))
		count(p, DP_C_NEW_RECEIVED);
}

/* See routers_new_until. */
INLINE int
routers_are_new(void)
{
	__u64 until = LOAD(routers_new_until);

	if (!until)
		return 0;
	if (bpf_ktime_get_coarse_ns() < until)
		return 1;
	__sync_val_compare_and_swap(&routers_new_until, until, 0);
	return 0;
}

/* What a member redirected to us, over a link or over the LAN. */
INLINE int
from_member(struct packet *p)
{
	struct segment s = {};
	__u16 frag;

	count(p, DP_C_FROM_MEMBER);
	if (!ip_header(p, &frag))
		return drop(p, DP_C_MALFORMED);
	count_received(p, frag);
	if (frag & bpf_htons(IP_OFFSET))
		p->l4 = 0;
	else if (p->proto == IPPROTO_TCP && routers_are_new() && segment_read(p, &s) && segment_is_anothers(p, &s))
		return drop(p, stray(p, &s, DP_UP_ASTRAY));
	return deliver(p);
}

#endif
