/* SPDX-License-Identifier: ISC */
/* IPv4 packets for an alias: UDP, ICMP, fragments, and who is to see to the rest. */
#ifndef CLUA_ALIASD_BPF_IP_H
#define CLUA_ALIASD_BPF_IP_H

#include "tcp.h"

/* <linux/icmp.h> drags the C library in. */
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

#define ICMP_HEADER 8
#define IP_MORE 0x2000
#define IP_OFFSET 0x1fff

INLINE __u32
udp_packet(struct packet *p)
{
	struct udphdr *udp = packet_header(p, p->l4, sizeof(*udp));
	int node;

	if (!udp || p->l4 + sizeof(*udp) > p->l4_end)
		return to_nobody(DP_C_MALFORMED);
	p->hash = dp_flow_hash(dp_flow_key(p->client, udp->source, udp->dest), p->alias, flow_seed);
	node = service_select(p->alias, IPPROTO_UDP, udp->dest);
	if (node == SELECT_UNREACHABLE)
		return to_nobody(DP_C_NO_PATH);
	if (node == SELECT_REFUSED)
		return to_nobody(DP_C_NO_TARGET);
	if (node < 0)
		return to_fallback(p);
	return to_node(node, DP_C_UDP_LOCAL, DP_C_UDP_FORWARDED);
}

/* An error about a TCP packet that a member sent from the alias: the owner of the connection wants it. */
INLINE __u32
icmp_about_tcp(struct packet *p, __u32 client, __u16 client_port, __u16 port)
{
	struct dp_flow_key key = { .key = dp_flow_key(client, client_port, port), .alias = p->alias };
	struct dp_half_open *known;
	__u32 owner;

	p->hash = dp_flow_hash(key.key, p->alias, flow_seed);
	owner = flow_owner_rarely(key.key, p->alias, p->hash);
	if (owner != DP_NODE_NONE)
		return to_node(owner, DP_C_FLOW_LOCAL, DP_C_FLOW_FORWARDED);
	known = bpf_map_lookup_elem(&half_open, &key);
	if (known)
		return to_node(known->node, DP_C_HALFOPEN_HIT, DP_C_HALFOPEN_FORWARDED);
	return to_fallback(p);
}

INLINE __u32
icmp_about_udp(struct packet *p, __u16 port)
{
	struct dp_ring *ring = service_ring(service_of(p->alias, IPPROTO_UDP, port));
	__u32 node;

	if (!ring || !ring->n)
		return to_fallback(p);
	node = ring->t[0].node;
	if (node == DP_NODE_NONE || !node_reachable(node))
		return to_fallback(p);
	return to_node(node, DP_C_UDP_LOCAL, DP_C_UDP_FORWARDED);
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
		return to_nobody(DP_C_MALFORMED);
	src = ip->saddr;
	client = ip->daddr;
	proto = ip->protocol;
	ihl = ip->ihl * 4;
	if (src != p->addr || ihl < sizeof(*ip) || ip->frag_off & bpf_htons(IP_OFFSET))
		return to_fallback(p);
	ports = packet_header(p, p->l4 + ICMP_HEADER + ihl, 8);
	if (!ports)
		return to_nobody(DP_C_MALFORMED);
	if (proto == IPPROTO_TCP)
		return icmp_about_tcp(p, client, ports[1], ports[0]);
	if (proto == IPPROTO_UDP)
		return icmp_about_udp(p, ports[0]);
	return to_fallback(p);
}

INLINE __u32
icmp_packet(struct packet *p)
{
	__u8 *type = packet_header(p, p->l4, ICMP_HEADER);

	if (!type)
		return to_nobody(DP_C_MALFORMED);
	switch (*type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return icmp_error(p);
	}
	return to_fallback(p);
}

/* Only the first fragment says for which port it is; the others go where it went. */
INLINE __u32
later_fragment(struct packet *p)
{
	struct dp_frag_key key = {
		.saddr = p->client, .daddr = p->addr, .id = p->id, .proto = p->proto
	};
	__u32 *node = bpf_map_lookup_elem(&frags, &key);

	p->l4 = 0; /* there is none */
	if (!node)
		return to_nobody(DP_C_NO_TARGET);
	return to_node(*node, DP_C_FRAGMENT, DP_C_FRAGMENT_FORWARDED);
}

/* Fills in what the IP header says; false if it cannot be. */
INLINE int
ip_header(struct packet *p, __u32 *offset)
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
	*offset = ip->frag_off & bpf_htons(IP_OFFSET);
	p->more = (ip->frag_off & bpf_htons(IP_MORE)) && !*offset;
	return 1;
}

/* A well-formed packet for an alias that no member has seen yet. */
INLINE __u32
ip_decide(struct packet *p, __u32 offset)
{
	p->hash = dp_flow_hash(p->client, 0, 0); /* those with ports do better */
	if (offset)
		return later_fragment(p);
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

/* The router counts a connection once, however often its SYN comes; so does who receives it. */
INLINE int
syn_is_new(struct packet *p)
{
	struct tcphdr *tcp = packet_header(p, p->l4, sizeof(*tcp));
	struct dp_flow_key key = { .alias = p->alias };
	__u32 isn, *known;

	if (!tcp || !tcp->syn || tcp->ack)
		return 0;
	isn = tcp->seq;
	key.key = dp_flow_key(p->client, tcp->source, tcp->dest);
	known = bpf_map_lookup_elem(&syns_received, &key);
	if (known && *known == isn)
		return 0;
	bpf_map_update_elem(&syns_received, &key, &isn, BPF_ANY);
	return 1;
}

INLINE void
count_received(struct packet *p, __u32 offset)
{
	if (offset)
		count(p, DP_C_FRAGMENT_RECEIVED);
	else if (p->proto == IPPROTO_UDP)
		count(p, DP_C_UDP_RECEIVED);
	else if (p->proto == IPPROTO_TCP && syn_is_new(p))
		count(p, DP_C_NEW_RECEIVED);
}

/* What a member redirected to us, over a link or over the LAN. */
INLINE int
from_member(struct packet *p)
{
	__u32 offset;

	count(p, DP_C_FROM_MEMBER);
	if (!ip_header(p, &offset))
		return drop(p, DP_C_MALFORMED);
	count_received(p, offset);
	if (offset)
		p->l4 = 0;
	return deliver(p);
}

#endif
