/* SPDX-License-Identifier: ISC */
/* Where packets enter: from the LAN, and from a link. */
#ifndef CLUA_ALIASD_BPF_ENTRY_H
#define CLUA_ALIASD_BPF_ENTRY_H

#include "arp.h"
#include "ip.h"

/* A packet whose destination is in the filter. */
INLINE int
lan_candidate(struct packet *p, __u32 saddr, __u32 daddr)
{
	struct ethhdr *eth;
	__u16 frag;
	__u64 source;

	p->client = saddr;
	p->addr = daddr;
	p->alias = alias_find_likely(daddr);
	if (p->alias == DP_ALIAS_NONE || packet_is_tagged(p) || !frame_is_ours(p))
		return PASS;
	eth = packet_data(p);
	if ((void *)(eth + 1) > packet_end(p))
		return PASS;
	source = mac_load(eth->h_source);
	if (source == mac_load(eth->h_dest)) /* a link gave it to us, and counted it */
		return PASS;
	p->counts = counts_of(p->alias);
	if (mac_is_member(source))
		return p->rest ? PASS : from_member(p);
	if (!ip_header(p, &frag))
		return p->rest ? PASS : drop(p, DP_C_MALFORMED);
	return carry_out(p, ip_decide(p, frag));
}

INLINE int
lan_packet(struct packet *p)
{
	__u16 protocol = packet_protocol(p);
	struct iphdr *ip;

	if (protocol == bpf_htons(ETH_P_IP)) {
		ip = packet_header(p, ETH_HLEN, sizeof(*ip));
		if (!ip)
			return PASS;
		if (p->rest && ip->protocol != IPPROTO_ICMP)
			return PASS;
		if (!alias_filter_has(dp_alias_hash(ip->daddr)))
			return PASS;
		return lan_candidate(p, ip->saddr, ip->daddr);
	}
	if (protocol == bpf_htons(ETH_P_ARP) && !p->rest)
		return arp_packet(p, 1);
	return PASS;
}

/* What XDP has left: it makes nothing of frames with tags either. */
INLINE int
behind_xdp(struct packet *p)
{
	p->rest = !packet_has_tag(p);
	return lan_packet(p);
}

/* An interface that is neither: the kernel would answer ARP there for every address of the host. */
INLINE int
guard_packet(struct packet *p)
{
	return packet_protocol(p) == bpf_htons(ETH_P_ARP) ? arp_packet(p, 0) : PASS;
}

/*
 * With generic XDP what the interface, or its sender, has put together comes in one piece, which cannot
 * be redirected from there: TC does that. The two leave to each other exactly what the other takes.
 */
INLINE int
is_large(const struct packet *p)
{
	__u32 ifindex = packet_ifindex(p);
	struct dp_iface *iface = bpf_map_lookup_elem(&ifaces, &ifindex);

	return iface && packet_len(p) > iface->limit;
}

/*
 * Into the stack as if the packet had come in by the LAN, which keeps reverse path filters content. No
 * frame comes in from the interface's own address: it says that the packet has been seen.
 */
INLINE int
deliver_on_lan(struct packet *p)
{
	struct ethhdr *eth = packet_header(p, 0, sizeof(*eth));
	int i;

	if (!eth)
		return DROP;
#pragma unroll
	for (i = 0; i < 6; i++)
		eth->h_dest[i] = eth->h_source[i] = deliver_mac[i];
	return bpf_redirect(deliver_ifindex, BPF_F_INGRESS);
}

INLINE int
link_ip(struct packet *p)
{
	struct iphdr *ip = packet_header(p, ETH_HLEN, sizeof(*ip));
	int verdict;

	if (!ip)
		return PASS;
	p->client = ip->saddr;
	p->addr = ip->daddr;
	p->alias = alias_find_likely(p->addr);
	if (p->alias == DP_ALIAS_NONE || packet_is_tagged(p) || !frame_is_ours(p))
		return PASS;
	p->counts = counts_of(p->alias);
	verdict = from_member(p);
	return verdict == PASS && deliver_ifindex ? deliver_on_lan(p) : verdict;
}

/* What a member redirected by UDP. Nothing else has any business there. */
INLINE int
tunnel_packet(struct packet *p)
{
	struct iphdr *ip;

	if (packet_protocol(p) != bpf_htons(ETH_P_IP))
		return DROP;
	ip = packet_header(p, ETH_HLEN, sizeof(*ip));
	if (!ip || (p->alias = alias_find(ip->daddr)) == DP_ALIAS_NONE)
		return DROP;
	p->counts = counts_of(p->alias);
	if (!tunnel_is_member(p))
		return drop(p, DP_C_TUNNEL_STRANGER);
	return link_ip(p);
}

/* By TC alone: what links bring goes up the stack, where it needs a socket buffer anyway. */
INLINE int
link_packet(struct packet *p)
{
	__u16 protocol = packet_protocol(p);

	if (protocol == bpf_htons(ETH_P_IP))
		return link_ip(p);
	if (protocol == bpf_htons(ETH_P_ARP))
		return arp_packet(p, 0);
	return PASS;
}

#endif
