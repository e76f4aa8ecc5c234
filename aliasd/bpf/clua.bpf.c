/* SPDX-License-Identifier: ISC */
/*
 * The data plane: the program of LAN interfaces, entered from TC or XDP, that of links, two of the
 * interface for this host itself, two about sockets.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "own.h"
#include "sock.h"

SEC("tc")
int
clua_lan(struct __sk_buff *skb)
{
	struct packet p = { .ctx = skb, .hook = HOOK_TC };

	return lan_packet(&p);
}

SEC("tc")
int
clua_link(struct __sk_buff *skb)
{
	struct packet p = { .ctx = skb, .hook = HOOK_TC };

	return link_packet(&p);
}

SEC("tc")
int
clua_tunnel(struct __sk_buff *skb)
{
	struct packet p = { .ctx = skb, .hook = HOOK_TC };

	return tunnel_packet(&p);
}

SEC("tc")
int
clua_own(struct __sk_buff *skb)
{
	struct packet p = { .ctx = skb, .hook = HOOK_TC };

	return own_packet(&p);
}

SEC("tc")
int
clua_again(struct __sk_buff *skb)
{
	struct packet p = { .ctx = skb, .hook = HOOK_TC };

	return again_packet(&p);
}

/* Attached to nothing. */
SEC("tc")
int
clua_segment(struct __sk_buff *skb)
{
	struct packet p = { .ctx = skb, .hook = HOOK_TC };

	return segment_packet(&p);
}

SEC("xdp")
int
clua_lan_xdp(struct xdp_md *xdp)
{
	struct packet p = { .ctx = xdp, .hook = HOOK_XDP };

	return xdp_verdict(lan_packet(&p));
}

SEC("tc")
int
clua_guard(struct __sk_buff *skb)
{
	struct packet p = { .ctx = skb, .hook = HOOK_TC };

	return guard_packet(&p);
}

SEC("xdp")
int
clua_lan_generic(struct xdp_md *xdp)
{
	struct packet p = { .ctx = xdp, .hook = HOOK_XDP };

	return is_large(&p) ? XDP_PASS : xdp_verdict(lan_packet(&p));
}

/* Behind clua_lan_generic. */
SEC("tc")
int
clua_lan_large(struct __sk_buff *skb)
{
	struct packet p = { .ctx = skb, .hook = HOOK_TC };

	return is_large(&p) ? lan_packet(&p) : behind_xdp(&p);
}

/* Behind clua_lan_xdp. */
SEC("tc")
int
clua_lan_rest(struct __sk_buff *skb)
{
	struct packet p = { .ctx = skb, .hook = HOOK_TC };

	return behind_xdp(&p);
}

/* On links: many drivers send what XDP redirects to them only if they have a program themselves. */
SEC("xdp")
int
clua_pass(struct xdp_md *xdp)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
