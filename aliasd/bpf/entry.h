/* SPDX-License-Identifier: ISC */
/* Where packets enter: from the LAN, and from a link. */
#ifndef CLUA_ALIASD_BPF_ENTRY_H
#define CLUA_ALIASD_BPF_ENTRY_H

#include "arp.h"
#include "ip.h"

/* A packet whose destination is in the filter. */
INLINE int
lan_candidate(struct __sk_buff *skb, __u32 saddr, __u32 daddr)
{
	struct packet p = { .skb = skb, .client = saddr, .addr = daddr };
	struct ethhdr *eth;
	__u32 offset;

	p.alias = alias_find(daddr);
	if (p.alias == DP_ALIAS_NONE || CTX_LOAD(__u64, skb, vlan_present))
		return PASS;
	if (CTX_LOAD(__u64, skb, mark) == DP_MARK_DELIVER) { /* a link gave it to us, and counted it */
		skb->mark = 0;
		return PASS;
	}
	if (!frame_is_ours(skb, p.alias))
		return PASS;
	p.counts = counts_of(p.alias);
	eth = packet_data(skb);
	if ((void *)(eth + 1) > packet_end(skb))
		return PASS;
	if (mac_is_member(mac_load(eth->h_source)))
		return from_member(&p);
	if (!ip_header(&p, &offset))
		return drop(&p, DP_C_MALFORMED);
	return carry_out(&p, ip_decide(&p, offset));
}

INLINE int
lan_packet(struct __sk_buff *skb)
{
	struct iphdr *ip;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		ip = packet_header(skb, ETH_HLEN, sizeof(*ip));
		if (!ip)
			return PASS;
		if (!alias_filter_has(dp_alias_hash(ip->daddr)))
			return PASS;
		return lan_candidate(skb, ip->saddr, ip->daddr);
	}
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return arp_packet(skb, 1);
	return PASS;
}

/* Into the stack as if the packet had come in by the LAN, which keeps reverse path filters content. */
INLINE int
deliver_on_lan(struct __sk_buff *skb)
{
	struct ethhdr *eth = packet_header(skb, 0, sizeof(*eth));
	int i;

	if (!eth)
		return DROP;
#pragma unroll
	for (i = 0; i < 6; i++)
		eth->h_dest[i] = deliver_mac[i];
	skb->mark = DP_MARK_DELIVER;
	return bpf_redirect(deliver_ifindex, BPF_F_INGRESS);
}

INLINE int
link_ip(struct __sk_buff *skb)
{
	struct iphdr *ip = packet_header(skb, ETH_HLEN, sizeof(*ip));
	struct packet p = { .skb = skb };
	int verdict;

	if (!ip)
		return PASS;
	p.client = ip->saddr;
	p.addr = ip->daddr;
	p.alias = alias_find(p.addr);
	if (p.alias == DP_ALIAS_NONE || CTX_LOAD(__u64, skb, vlan_present) || !frame_is_ours(skb, p.alias))
		return PASS;
	p.counts = counts_of(p.alias);
	verdict = from_member(&p);
	return verdict == PASS && deliver_ifindex ? deliver_on_lan(skb) : verdict;
}

INLINE int
link_packet(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return link_ip(skb);
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return arp_packet(skb, 0);
	return PASS;
}

#endif
