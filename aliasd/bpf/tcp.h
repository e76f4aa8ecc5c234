/* SPDX-License-Identifier: ISC */
/* TCP: established connections, half-open ones, new ones, and strays. */
#ifndef CLUA_ALIASD_BPF_TCP_H
#define CLUA_ALIASD_BPF_TCP_H

#include "flow.h"
#include "kernel.h"
#include "select.h"
#include "up.h"

#define TCP_LISTEN_STATE 10
#define TCP_NEW_SYN_RECV_STATE 12
#define TCP_SYN_SENT_STATE 2
/* Bytes: windows change, and what was sent within an earlier one is not to be taken for another connection's. */
#define WINDOW_MIN (1u << 20)

struct segment {
	__u64 key;
	__u32 seq; /* in host order */
	__u16 sport, dport;
	__u8 syn, ack, rst; /* syn: without ack; ack: it counts, with neither of the others */
	/* Once it is in no flow: */
	struct dp_half_set *set;
	__u64 half; /* what its SYN left there, or 0 … */
	__u32 place; /* … and where */
};

/* What to count. */
INLINE __u32
stray(struct packet *p, struct segment *s, __u32 kind)
{
	int err;

	if (packet_len(p) <= DP_STRAY_SHORT)
		err = up_frame(p, DP_STRAY_SHORT, kind, s->sport, s->dport);
	else
		err = up_frame(p, DP_STRAY_LONG, kind, s->sport, s->dport);
	return err ? DP_C_STRAY_LOST : DP_C_STRAY;
}

/* A SYN that nobody shall have. The daemon may answer it, for which headers do. */
INLINE __u32
refuse(struct packet *p, struct segment *s)
{
	if (!up_has_room(REFUSED_ROOM) ||
	    up_frame(p, DP_STRAY_SHORT, DP_UP_REFUSED, s->sport, s->dport))
		return to_nobody(DP_C_STRAY_LOST);
	return to_nobody(DP_C_REFUSED);
}

/* A SYN cookie of ours comes back in the first ACK; it stands for a half-open connection. */
INLINE int
cookie_is_ours(struct packet *p, struct segment *s, struct bpf_sock *listener)
{
	struct tcphdr *tcp = packet_header(p, p->l4, sizeof(*tcp));
	struct iphdr *ip = packet_data(p) + ETH_HLEN;

	if (!tcp || !s->ack || (void *)(ip + 1) > packet_end(p))
		return 0;
	return bpf_tcp_check_syncookie(listener, ip, sizeof(*ip), tcp, sizeof(*tcp)) == 0;
}

INLINE int
is_between(__u32 seq, __u32 first, __u32 last)
{
	return seq - first <= last - first;
}

INLINE __u32
largest_window(__u32 a, __u32 b)
{
	__u32 window = a > b ? a : b;

	return window > WINDOW_MIN ? window : WINDOW_MIN;
}

INLINE int
open_fits(const struct segment *s, __u32 ack, const struct tcp_sock *tp)
{
	__u32 window = largest_window(tp->rcv_wnd, tp->window_clamp);

	if (!is_between(s->seq, tp->rcv_nxt - window, tp->rcv_nxt + window))
		return 0;
	return !s->ack || is_between(ack, tp->snd_una - largest_window(tp->max_window, 0), tp->snd_nxt);
}

/* The SYN has come, and not the acknowledgement of ours. */
INLINE int
request_fits(const struct segment *s, __u32 ack, const struct tcp_request_sock *req)
{
	return is_between(s->seq, req->rcv_isn, req->rcv_isn + WINDOW_MIN) &&
	    (!s->ack || ack == req->snt_isn + 1);
}

INLINE int
rest_fits(const struct segment *s, __u32 ack, const struct tcp_timewait_sock *tw)
{
	__u32 rcv_nxt = tw->tw_sk.__tw_common.skc_tw_rcv_nxt, snd_nxt = tw->tw_sk.__tw_common.skc_tw_snd_nxt;

	return is_between(s->seq, rcv_nxt - WINDOW_MIN, rcv_nxt + WINDOW_MIN) &&
	    (!s->ack || is_between(ack, snd_nxt - WINDOW_MIN, snd_nxt));
}

/*
 * Of the same ports may also be what a client that we were cut off from gave up without our hearing of it,
 * and what is left of a connection that it closed. What is further away than a window is not of this
 * connection: to be exact would not help, since one that is a little off the kernel answers best.
 */
INLINE int
segment_fits(struct packet *p, struct segment *s, struct bpf_sock *sk)
{
	struct tcphdr *tcp = packet_header(p, p->l4, sizeof(*tcp));
	struct tcp_timewait_sock *tw;
	struct tcp_request_sock *req;
	struct tcp_sock *tp;
	__u32 ack;

	if (!tcp || sk->state == TCP_SYN_SENT_STATE) /* it has got no number yet */
		return 1;
	ack = bpf_ntohl(tcp->ack_seq);
	if ((tp = bpf_skc_to_tcp_sock(sk)))
		return open_fits(s, ack, tp);
	if ((req = bpf_skc_to_tcp_request_sock(sk)))
		return request_fits(s, ack, req);
	if ((tw = bpf_skc_to_tcp_timewait_sock(sk)))
		return rest_fits(s, ack, tw);
	return 1;
}

/* To be released, if there is one. */
INLINE struct bpf_sock *
socket_of(struct packet *p, struct segment *s)
{
	struct bpf_sock_tuple tuple = {};

	tuple.ipv4.saddr = p->client;
	tuple.ipv4.daddr = p->addr;
	tuple.ipv4.sport = s->sport;
	tuple.ipv4.dport = s->dport;
	return bpf_skc_lookup_tcp(p->ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
}

/* Has this host a socket that takes this segment? */
INLINE int
socket_is_here(struct packet *p, struct segment *s)
{
	struct bpf_sock *sk = socket_of(p, s);
	int here;

	if (!sk)
		return 0;
	here = sk->state == TCP_LISTEN_STATE ? cookie_is_ours(p, s, sk) : segment_fits(p, s, sk);
	bpf_sk_release(sk);
	return here;
}

INLINE int
segment_read(struct packet *p, struct segment *s)
{
	struct tcphdr *tcp = packet_header(p, p->l4, sizeof(*tcp));

	if (!tcp || p->l4 + sizeof(*tcp) > p->l4_end || tcp->doff < 5)
		return 0;
	s->sport = tcp->source;
	s->dport = tcp->dest;
	s->seq = bpf_ntohl(tcp->seq);
	s->ack = tcp->ack && !tcp->syn && !tcp->rst;
	s->syn = tcp->syn && !tcp->ack;
	s->rst = tcp->rst;
	return 1;
}

/* Run by the daemon with a segment that another member cannot place: 1, it is for a socket of ours. */
INLINE int
segment_packet(struct packet *p)
{
	struct iphdr *ip = packet_header(p, ETH_HLEN, sizeof(*ip));
	struct segment s = {};

	if (!ip)
		return 0;
	p->client = ip->saddr;
	p->addr = ip->daddr;
	p->l4 = ETH_HLEN + sizeof(*ip);
	p->l4_end = packet_len(p);
	return segment_read(p, &s) && socket_is_here(p, &s);
}

/*
 * The client's SYN came to us, and by another router to another member, too. The client took the answer of
 * that one, whose connection this is: our kernel would reset it.
 */
INLINE int
segment_is_anothers(struct packet *p, struct segment *s)
{
	struct bpf_sock *sk;
	int is;

	if (!s->ack)
		return 0;
	sk = socket_of(p, s);
	if (!sk)
		return 0;
	is = sk->state == TCP_NEW_SYN_RECV_STATE && !segment_fits(p, s, sk);
	bpf_sk_release(sk);
	return is;
}

INLINE void
half_open_find(struct packet *p, struct segment *s)
{
	__u32 index = dp_half_index(p->hash, half_open_sets);

	s->set = bpf_map_lookup_elem(&half_open, &index);
	if (s->set)
		s->half = dp_half_find(s->set, s->key, p->alias, flow_seed, &s->place);
}

INLINE void
half_open_put(struct packet *p, struct segment *s, __u32 node)
{
	if (s->set)
		dp_half_put(s->set, s->place, s->key, dp_half_entry(s->seq, p->alias, node), flow_seed);
}

/*
 * Where a new connection is looked for is in no cache: two lines that are asked for together come
 * together. This is the second one, before the first is waited for.
 */
INLINE void
half_open_fetch(struct packet *p)
{
	__u32 index = dp_half_index(p->hash, half_open_sets);
	struct dp_half_set *set = bpf_map_lookup_elem(&half_open, &index);

	if (set)
		(void)LOAD(set->way[0].entry);
}

/* A SYN: again the one we know, or a new connection. */
INLINE __u32
tcp_syn(struct packet *p, struct segment *s)
{
	__u32 known = dp_half_node(s->half);
	int node;

	if (s->half && dp_half_isn(s->half) == s->seq && node_reachable(known))
		return to_node(known, DP_C_HALFOPEN_HIT, DP_C_HALFOPEN_FORWARDED);
	node = service_select(p->alias, IPPROTO_TCP, s->dport, p->client);
	if (node == SELECT_UNREACHABLE)
		return to_nobody(DP_C_NO_PATH);
	if (node == SELECT_REFUSED || (node < 0 && alias_fallback(p->alias) == DP_NODE_NONE))
		return refuse(p, s);
	if (node < 0)
		return to_fallback(p);
	half_open_put(p, s, node);
	return to_node(node, DP_C_NEW_LOCAL, DP_C_NEW_FORWARDED);
}

INLINE __u32
tcp_other(struct packet *p, struct segment *s)
{
	__u32 node = dp_half_node(s->half);

	/*
	 * A member that died leaves its entries; its clients are to be told, not left waiting. A reset is how a
	 * client answers to what the member that was given its SYN had left of these ports: it ends that, for
	 * which no daemon needs to be there, or does nothing.
	 */
	if (s->half && (s->rst || dp_half_covers(s->half, s->seq)) && node_reachable(node) &&
	    !(node == self_node && segment_is_anothers(p, s)))
		return to_node(node, DP_C_HALFOPEN_HIT, DP_C_HALFOPEN_FORWARDED);
	node = out_owner(p, s->dport);
	if (node != DP_NODE_NONE && node != self_node && node_reachable(node) &&
	    !service_of(p->alias, IPPROTO_TCP, s->dport))
		return to_node(node, DP_C_HALFOPEN_HIT, DP_C_HALFOPEN_FORWARDED);
	if (socket_is_here(p, s))
		return to_node(self_node, DP_C_FLOW_LOCAL, DP_C_FLOW_LOCAL);
	return to_nobody(stray(p, s, DP_UP_STRAY));
}

INLINE __u32
tcp_packet(struct packet *p)
{
	struct segment s = {};
	__u32 owner;

	if (!segment_read(p, &s))
		return to_nobody(DP_C_MALFORMED);
	s.key = dp_flow_key(p->client, s.sport, s.dport);
	p->hash = dp_flow_hash(s.key, p->alias, flow_seed);
	if (s.syn)
		half_open_fetch(p);
	owner = flow_owner(s.key, p->alias, p->hash);
	if (owner < DP_NODES)
		return to_node(owner, DP_C_FLOW_LOCAL, DP_C_FLOW_FORWARDED);
	half_open_find(p, &s);
	return s.syn ? tcp_syn(p, &s) : tcp_other(p, &s);
}

#endif
