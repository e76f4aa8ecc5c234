/* SPDX-License-Identifier: ISC */
/* This host's sockets: what they do is told to the daemon; what they send over UDP leaves from the alias. */
#ifndef CLUA_ALIASD_BPF_SOCK_H
#define CLUA_ALIASD_BPF_SOCK_H

#include "kernel.h"
#include "out.h"
#include "sock_event.h"

#define CLOCK_MONOTONIC 1

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
	return type == DP_EV_ESTABLISHED || type == DP_EV_ENDING || type == DP_EV_CLOSED || type == DP_EV_DUE;
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

/*
 * What the timer looks through at once, and how soon again if that was not all; what wakings that the daemon
 * does not answer to may take of its buffer.
 */
#define YOUNG_STEPS 128
#define YOUNG_MOMENT 500000ull
#define DUE_ROOM 4096

/* In how many ns the first in the queue is to be looked at again; 0: there is none. */
INLINE __u64
young_wait(void)
{
	static const struct dp_event due = { .type = DP_EV_DUE };
	__u64 now = bpf_ktime_get_ns(), look = LOAD(events_look), when = 0;
	enum dp_young_first first = dp_young_first(&young, YOUNG_STEPS, &when);

	if (first == DP_YOUNG_FIRST_NONE)
		return 0;
	if (first == DP_YOUNG_FIRST_BUSY)
		return YOUNG_MOMENT;
	when += DP_YOUNG_AGE;
	if (when < look) /* the daemon looks by itself, unless it is late then */
		when = look;
	if (when > now)
		return when - now;
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) <= DUE_ROOM)
		event_report(&due);
	return DP_YOUNG_AGAIN;
}

static int
young_alarm(void *map, __u32 *key, struct young_timer *t)
{
	__u64 wait = young_wait();

	if (!wait) {
		__sync_lock_test_and_set(&young_timed, 0);
		/* Who came since may have relied on us. */
		if (LOAD(young.head) == LOAD(young.tail) || !DP_YOUNG_SWAP(&young_timed, 0, 1))
			return 0;
		wait = DP_YOUNG_AGE;
	}
	bpf_timer_start(&t->timer, wait, 0);
	return 0;
}

/* Nonzero: it will not go off. The first start makes it; a successor of the program puts its own end in. */
INLINE int
young_start(void)
{
	__u32 zero = 0;
	struct young_timer *t;

	if (LOAD(young_timed) || !DP_YOUNG_SWAP(&young_timed, 0, 1))
		return 0;
	t = bpf_map_lookup_elem(&young_timers, &zero);
	if (t) {
		bpf_timer_init(&t->timer, &young_timers, CLOCK_MONOTONIC);
		bpf_timer_set_callback(&t->timer, young_alarm);
		if (!bpf_timer_start(&t->timer, DP_YOUNG_AGE, 0))
			return 0;
	}
	__sync_lock_test_and_set(&young_timed, 0);
	return -1;
}

/* Nonzero: the daemon is to hear of it as of any other event. */
INLINE int
young_begins(const struct dp_young *c, __u64 hash)
{
	if (dp_young_begin(&young, c, hash))
		return -1;
	if (!young_start())
		return 0;
	return dp_young_end(&young, c, hash) ? 0 : -1; /* unless it has been taken all the same */
}

/*
 * True: the daemon is not to hear of it, or not yet. A connection that its owner closes is nearly always over
 * in a moment, and is as if it began now.
 */
INLINE int
young_has(struct dp_event *ev)
{
	struct dp_young c = { .alias = ev->alias, .client = ev->client, .client_port = ev->client_port,
		.port = ev->port };
	__u64 hash = dp_flow_hash(dp_flow_key(c.client, c.client_port, c.port), 0, flow_seed);

	if (ev->type != DP_EV_CLOSED)
		c.when = bpf_ktime_get_ns();
	if (ev->type != DP_EV_ESTABLISHED && dp_young_end(&young, &c, hash))
		return 0;
	if (ev->type == DP_EV_CLOSED)
		return 1;
	ev->type = DP_EV_ESTABLISHED;
	return !young_begins(&c, hash);
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

	if (!is_of_connection(type) || !young_has(&ev))
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
