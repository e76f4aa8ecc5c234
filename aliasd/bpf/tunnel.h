/* SPDX-License-Identifier: ISC */
/* In VXLAN to a member that no Ethernet link leads to, and what comes from one. */
#ifndef CLUA_ALIASD_BPF_TUNNEL_H
#define CLUA_ALIASD_BPF_TUNNEL_H

#include "up.h"

#define TUNNEL_TTL 64

/*
 * The outer packet may be taken apart on its way, so that a way that became narrower stops nothing; what
 * its sender has forbidden to be taken apart is never so long that it has to be.
 */
INLINE int
tunnel_address(struct packet *p, const struct dp_path_slot *path)
{
	struct bpf_tunnel_key key = { .tunnel_id = tunnel_vni, .tunnel_ttl = TUNNEL_TTL };
	struct iphdr *ip;

	if (p->hook != HOOK_TC) /* XDP has no way to say it: whoever has a tunnel does without XDP */
		return 0;
	ip = packet_header(p, ETH_HLEN, sizeof(*ip));
	if (!ip)
		return 0;
	key.tunnel_tos = ip->tos;
	key.remote_ipv4 = bpf_ntohl(LOAD(path->remote));
	key.local_ipv4 = bpf_ntohl(LOAD(path->local));
	return !bpf_skb_set_tunnel_key(p->ctx, &key, sizeof(key), BPF_F_ZERO_CSUM_TX);
}

/* Only members are believed, whoever can send to our port. */
INLINE int
tunnel_is_member(const struct packet *p)
{
	struct bpf_tunnel_key key = { 0 };
	__u32 remote;

	if (bpf_skb_get_tunnel_key(p->ctx, &key, sizeof(key), 0) || key.tunnel_id != tunnel_vni)
		return 0;
	remote = bpf_htonl(key.remote_ipv4);
	return bpf_map_lookup_elem(&tunnel_peers, &remote) != 0;
}

#endif
