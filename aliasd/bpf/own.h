/* SPDX-License-Identifier: ISC */
/*
 * clua0, this host's own interface of the data plane: routes lead there what processes of this host
 * send to an alias, which is then dealt out like what comes from the LAN; and there the daemon puts in
 * the fragments it held.
 */
#ifndef CLUA_ALIASD_BPF_OWN_H
#define CLUA_ALIASD_BPF_OWN_H

#include "entry.h"

/* Sent from an address that only this host can answer: 127.0.0.0/8, or an alias. */
INLINE int
own_stays(struct packet *p)
{
	return (bpf_ntohl(p->client) >> 24) == 127 || alias_find(p->client) != DP_ALIAS_NONE;
}

INLINE int
own_ip(struct packet *p)
{
	__u16 frag;

	if (!ip_header(p, &frag))
		return drop(p, DP_C_MALFORMED);
	if (own_stays(p)) {
		if (frag & bpf_htons(IP_OFFSET))
			p->l4 = 0;
		return own_deliver(p);
	}
	count(p, DP_C_OWN);
	return carry_out(p, ip_decide(p, frag));
}

/* For which alias, from whom; false: for none. */
INLINE int
own_read(struct packet *p)
{
	struct iphdr *ip;

	if (packet_protocol(p) != bpf_htons(ETH_P_IP))
		return 0;
	ip = packet_header(p, ETH_HLEN, sizeof(*ip));
	if (!ip)
		return 0;
	p->client = ip->saddr;
	p->addr = ip->daddr;
	p->alias = alias_find_likely(p->addr);
	if (p->alias == DP_ALIAS_NONE)
		return 0;
	p->counts = counts_of(p->alias);
	return 1;
}

/* Out of clua0: from this host. */
INLINE int
own_packet(struct packet *p)
{
	p->own = 1;
	p->answer_ifindex = LOAD(own_ifindex);
	return own_read(p) ? own_ip(p) : DROP;
}

INLINE int
own_is_back(const struct packet *p)
{
	struct ethhdr *eth = packet_header(p, 0, sizeof(*eth));

	return eth && mac_load(eth->h_source) == mac_load(eth->h_dest);
}

/* Into clua0: what is for this very host, what the daemon held, and its answers to this host. */
INLINE int
again_packet(struct packet *p)
{
	__u16 frag;
	int verdict;

	p->held = 1;
	if (own_is_back(p) || !own_read(p))
		return PASS;
	if (!ip_header(p, &frag))
		return drop(p, DP_C_MALFORMED);
	verdict = carry_out(p, ip_decide(p, frag));
	return verdict == PASS && deliver_ifindex ? deliver_on_lan(p) : verdict;
}

#endif
