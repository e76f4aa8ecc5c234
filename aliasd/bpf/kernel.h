/* SPDX-License-Identifier: ISC */
/* What we read of the kernel's own. */
#ifndef CLUA_ALIASD_BPF_KERNEL_H
#define CLUA_ALIASD_BPF_KERNEL_H

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
	__u32 skc_tw_rcv_nxt, skc_tw_snd_nxt; /* of a time-wait rest */
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
	__u32 rcv_nxt, rcv_wnd, window_clamp;
	__u32 snd_una, snd_nxt, max_window;
} CORE;

struct tcp_request_sock {
	__u32 rcv_isn, snt_isn;
} CORE;

struct inet_timewait_sock {
	struct sock_common __tw_common;
} CORE;

struct tcp_timewait_sock {
	struct inet_timewait_sock tw_sk;
} CORE;

#endif
