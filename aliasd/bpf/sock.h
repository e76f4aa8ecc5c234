/* SPDX-License-Identifier: ISC */
/* This host's sockets: what they do is told to the daemon; what they send over UDP leaves from the alias. */
#ifndef CLUA_ALIASD_BPF_SOCK_H
#define CLUA_ALIASD_BPF_SOCK_H

#include "out.h"
#include "sock_event.h"

/* Only the members we read; their places are found when the program is loaded. */
#define CORE __attribute__((preserve_access_index))
struct net {
	__u64 net_cookie;
} CORE;

typedef struct {
	struct net *net;
} CORE possible_net_t;

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_reuse : 4;
	unsigned char skc_reuseport : 1;
	unsigned char skc_ipv6only : 1;
	possible_net_t skc_net;
} CORE;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
} CORE;

struct inet_sock {
	__u16 inet_sport;
} CORE;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
} CORE;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
} CORE;

INLINE int
sock_is_ours(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	if (sk->__sk_common.skc_net.net->net_cookie != netns_cookie)
		return 0;
	if (family == FAMILY_IP6 ? BPF_CORE_READ_BITFIELD(&sk->__sk_common, skc_ipv6only) :
				   family != FAMILY_IP4)
		return 0;
	return sk->sk_protocol == IPPROTO_TCP; /* in another cache line */
}

/* See DP_LOOK; who listens is told at once. */
INLINE int
is_of_connection(int type)
{
	return type == DP_EV_ESTABLISHED || type == DP_EV_ENDING || type == DP_EV_CLOSED;
}

INLINE __u64
sock_wake(int type, __u64 now)
{
	if (is_of_connection(type) && (now < events_look || now - events_woken < DP_WAKE_GAP))
		return BPF_RB_NO_WAKEUP;
	events_woken = now;
	return BPF_RB_FORCE_WAKEUP;
}

INLINE void
event_report(const struct dp_event *event)
{
	struct dp_event *ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);

	if (!ev) {
		events_lost = 1;
		return;
	}
	*ev = *event;
	ev->when = bpf_ktime_get_ns();
	bpf_ringbuf_submit(ev, sock_wake(ev->type, ev->when));
}

/* skc_num is gone when a connection closes. */
INLINE __u16
sock_port(struct sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	return tcp ? tcp->inet_conn.icsk_inet.inet_sport : 0;
}

INLINE void
sock_report(struct sock *sk, int type)
{
	struct dp_event ev = {
		.type = type,
		.alias = sk->__sk_common.skc_rcv_saddr,
		.client = sk->__sk_common.skc_daddr,
		.client_port = sk->__sk_common.skc_dport,
		.port = sock_port(sk),
	};

	event_report(&ev);
}

SEC("tp_btf/inet_sock_set_state")
int
BPF_PROG(clua_sock, struct sock *sk, int from, int to)
{
	int type = dp_sock_event(from, to);

	if (type < 0 || !sock_is_ours(sk))
		return 0;
	if (is_of_connection(type))
		if (alias_find(sk->__sk_common.skc_rcv_saddr) == DP_ALIAS_NONE)
			return 0;
	sock_report(sk, type);
	return 0;
}

SEC("cgroup/sendmsg4")
int
clua_sendmsg(struct bpf_sock_addr *ctx)
{
	struct dp_udp_source *source;
	struct bpf_sock *sk = ctx->sk;

	if (ctx->msg_src_ip4 || !sk || bpf_get_netns_cookie(ctx) != netns_cookie)
		return 1;
	udp_unmark(ctx, sk);
	source = udp_source_of(ctx->user_ip4, ctx->user_port, sk->src_port);
	if (source)
		ctx->msg_src_ip4 = source->alias;
	else if (out_goes(ctx->user_ip4, ctx->user_port, DP_PORT_UDP) && out_is_ours(sk->src_port))
		ctx->msg_src_ip4 = out.source;
	return 1;
}

#endif
