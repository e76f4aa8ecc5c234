/* SPDX-License-Identifier: ISC */
/* The data plane: one program on LAN interfaces, one on links, two that watch this host's sockets. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "ip.h"
#include "arp.h"
#include "sock.h"

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

SEC("tc")
int
clua_lan(struct __sk_buff *skb)
{
	struct iphdr *ip;
	__u32 bit;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		ip = packet_header(skb, ETH_HLEN, sizeof(*ip));
		if (!ip)
			return PASS;
		bit = dp_alias_filter_bit(dp_alias_hash(ip->daddr));
		if (!(alias_filter[bit / 64] >> (bit % 64) & 1))
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

	if (!eth)
		return DROP;
	__builtin_memcpy(eth->h_dest, (const void *)deliver_mac, 6);
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

SEC("tc")
int
clua_link(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return link_ip(skb);
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return arp_packet(skb, 0);
	return PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
