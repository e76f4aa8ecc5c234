/* SPDX-License-Identifier: ISC */
/*
 * Servers that are bound to any address: what they send over UDP leaves from the alias that its receiver
 * spoke to. Where the datagram has a receiver of its own, so it can have a source of its own.
 *
 * A socket that is connected chooses its address once, by the route to its peer, and if it is bound to a
 * port already it cannot be given another. But routes may depend on the mark of a socket: those that
 * belong to the alias's number have it as their source.
 */
#ifndef CLUA_ALIASD_BPF_UDP_H
#define CLUA_ALIASD_BPF_UDP_H

#include "packet.h"

#define SOCKET_LEVEL 1 /* SOL_SOCKET */
#define SOCKET_MARK 36 /* SO_MARK */

/* What the peer sent to this port lately, or NULL. */
INLINE struct dp_udp_source *
udp_source_of(__u32 peer, __u16 peer_port, __u32 port_h)
{
	struct dp_udp_key key = { .client = peer, .client_port = peer_port, .port = bpf_htons(port_h) };
	struct dp_udp_source *source = bpf_map_lookup_elem(&udp_sources, &key);
	__u64 now = bpf_ktime_get_coarse_ns();

	if (!source || age_of(LOAD(source->seen), now) > DP_UDP_FRESH)
		return 0;
	udp_seen(source, now);
	return source;
}

INLINE int
udp_mark_is_ours(__u32 mark)
{
	return (mark & DP_MARK_MASK) == DP_MARK;
}

INLINE __u32
udp_mark_of(const struct dp_udp_source *source)
{
	__u32 alias = source ? alias_find(source->alias) : DP_ALIAS_NONE;
	struct dp_alias_slot *slot = alias == DP_ALIAS_NONE ? 0 : alias_slot_of(alias);

	return slot && slot->source ? DP_MARK | slot->source : 0;
}

/* A socket that is bound to any address and a port is about to be connected. One with a mark keeps it. */
INLINE void
udp_connects(struct bpf_sock_addr *ctx, __u32 peer)
{
	struct bpf_sock *sk = ctx->sk;
	__u32 mark;

	if (ctx->protocol != IPPROTO_UDP || !sk || !sk->src_port ||
	    bpf_get_netns_cookie(ctx) != netns_cookie)
		return;
	if (sk->mark && !udp_mark_is_ours(sk->mark))
		return;
	mark = udp_mark_of(udp_source_of(peer, ctx->user_port, sk->src_port));
	if (mark != sk->mark)
		bpf_setsockopt(ctx, SOCKET_LEVEL, SOCKET_MARK, &mark, sizeof(mark));
}

/* It was connected once, and is not now. */
INLINE void
udp_unmark(struct bpf_sock_addr *ctx, const struct bpf_sock *sk)
{
	__u32 none = 0;

	if (udp_mark_is_ours(sk->mark))
		bpf_setsockopt(ctx, SOCKET_LEVEL, SOCKET_MARK, &none, sizeof(none));
}

#endif
