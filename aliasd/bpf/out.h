/* SPDX-License-Identifier: ISC */
/* Sockets of this host and the table of services: what is not accepted, and what leaves from the alias. */
#ifndef CLUA_ALIASD_BPF_OUT_H
#define CLUA_ALIASD_BPF_OUT_H

#include "udp.h"

#define FAMILY_IP4 2
#define FAMILY_IP6 10
#define MULTICAST 0xe0000000u /* and all above */

/* Does what goes there leave from the default alias? Not to an alias, and not to this host by itself. */
INLINE int
out_goes(__u32 addr, __u16 port, __u32 proto)
{
	__u32 addr_h = bpf_ntohl(addr);

	if (!LOAD(out.source) || !(port_flags[proto & 1][BELOW(DP_PORTS, bpf_ntohs(port))] & DP_PORT_OUT))
		return 0;
	return addr_h >> 24 != 127 && addr_h < MULTICAST && alias_find(addr) == DP_ALIAS_NONE;
}

INLINE int
out_is_ours(__u32 port_h)
{
	return port_h >= LOAD(out.own_first) && port_h <= LOAD(out.own_last);
}

/* A socket that has no address and no port yet, on its way there. */
INLINE int
out_connects(struct bpf_sock_addr *ctx, __u32 addr)
{
	__u32 proto = ctx->protocol == IPPROTO_UDP ? DP_PORT_UDP : DP_PORT_TCP;

	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP)
		return 0;
	return out_goes(addr, ctx->user_port, proto) && bpf_get_netns_cookie(ctx) == netns_cookie;
}

/*
 * The kernel chooses the port when the socket connects, from this host's share, so that the connections
 * to different servers may have the same. Where it cannot be, the address stays as it would have been.
 */
SEC("cgroup/connect4")
int
clua_connect4(struct bpf_sock_addr *ctx)
{
	struct sockaddr_in from = { .sin_family = FAMILY_IP4 };
	struct bpf_sock *sk = ctx->sk;

	if (!sk || sk->src_ip4)
		return 1;
	udp_connects(ctx, ctx->user_ip4);
	if (sk->src_port || !out_connects(ctx, ctx->user_ip4))
		return 1;
	from.sin_addr.s_addr = out.source;
	bpf_bind(ctx, (struct sockaddr *)&from, sizeof(from));
	return 1;
}

/* The same with an IPv4 address in an IPv6 one. */
SEC("cgroup/connect6")
int
clua_connect6(struct bpf_sock_addr *ctx)
{
	struct sockaddr_in6 from = { .sin6_family = FAMILY_IP6 };
	struct bpf_sock *sk = ctx->sk;

	if (!sk || ctx->user_ip6[0] || ctx->user_ip6[1] || ctx->user_ip6[2] != bpf_htonl(0xffff))
		return 1;
	if (sk->src_ip6[0] || sk->src_ip6[1] || sk->src_ip6[2] || sk->src_ip6[3])
		return 1;
	udp_connects(ctx, ctx->user_ip6[3]);
	if (sk->src_port || !out_connects(ctx, ctx->user_ip6[3]))
		return 1;
	from.sin6_addr.in6_u.u6_addr32[2] = bpf_htonl(0xffff);
	from.sin6_addr.in6_u.u6_addr32[3] = out.source;
	bpf_bind(ctx, (struct sockaddr *)&from, sizeof(from));
	return 1;
}

/*
 * Who shall have a new connection, or a datagram for a socket that is not connected: nobody, if the
 * port is closed on this kind of address. TCP then answers with a reset. Datagrams go to a socket that
 * throws them away, for their senders shall hear nothing.
 */
SEC("sk_lookup")
int
clua_lookup(struct bpf_sk_lookup *ctx)
{
	__u32 proto = ctx->protocol == IPPROTO_UDP ? DP_PORT_UDP : DP_PORT_TCP, zero = 0;
	__u8 flags = port_flags[proto][ctx->local_port & (DP_PORTS - 1)], closed = DP_PORT_NOLOCAL;
	struct bpf_sock *sk;
	long err = -1;

	if (!(flags & (DP_PORT_NOLOCAL | DP_PORT_NOALIAS)))
		return SK_PASS;
	if (ctx->family == FAMILY_IP4 && alias_find(ctx->local_ip4) != DP_ALIAS_NONE)
		closed = DP_PORT_NOALIAS;
	if (!(flags & closed))
		return SK_PASS;
	if (proto == DP_PORT_UDP && (sk = bpf_map_lookup_elem(&sink, &zero))) {
		err = bpf_sk_assign(ctx, sk, 0);
		bpf_sk_release(sk);
	}
	return err ? SK_DROP : SK_PASS;
}

#endif
