/* SPDX-License-Identifier: ISC */
/*
 * Where a packet meets the program: traffic control's ingress hook, with a socket buffer, or XDP, with
 * the bare frame. All that differs between the two is in this file. The hook is a constant in each
 * entry and everything is inlined into it, so that an entry holds the code of its own hook alone.
 */
#ifndef CLUA_ALIASD_BPF_CTX_H
#define CLUA_ALIASD_BPF_CTX_H

#include "maps.h"

#define INLINE static __always_inline
#define LOAD(x) (*(volatile typeof(x) *)&(x))

/*
 * A number that is below limit, a power of two, said to the verifier at the very place where it is used: that of
 * Linux 6.1 does not follow it through swaps of bytes, copies and the stack.
 */
#define BELOW(limit, x)                                                                            \
	({                                                                                         \
		__u64 below_ = (x);                                                                \
		asm volatile("%0 &= %1" : "+r"(below_) : "i"((limit) - 1));                        \
		below_;                                                                            \
	})

/* How long ago it was; another CPU may have noted it since we looked at the clock. */
INLINE __u64
age_of(__u64 when, __u64 now)
{
	return when < now ? now - when : 0;
}

enum hook { HOOK_TC, HOOK_XDP };

/*
 * Verdicts, in the numbers of traffic control; those of XDP that go through here as they are
 * (XDP_TX, XDP_REDIRECT) differ from both. PASS: on to whatever comes after us, then up the stack.
 */
#define PASS TC_ACT_UNSPEC
#define DROP TC_ACT_SHOT

struct packet {
	void *ctx;
	enum hook hook;
	__u8 proto;
	__u8 more; /* first of several fragments */
	__u8 held; /* comes from the daemon, which held it */
	__u8 own;  /* comes from this host itself */
	__u8 rest; /* has passed the XDP entry, which leaves to TC what it cannot do, and nothing else */
	__u16 id;
	struct counters *counts;
	__u32 client, addr; /* the alias's address … */
	__u32 alias;        /* … and number */
	__u32 l4;           /* where the transport header starts */
	__u32 l4_end;       /* end of the datagram as its header says */
	__u32 to, limit;      /* of one that is too big for its way there */
	__u32 answer_ifindex; /* where the daemon reaches who sent it, if not where it came in */
	__u64 hash;         /* spreads flows over paths */
};

/*
 * The context is read by single instructions with the offset in them: the compiler likes to keep the
 * sum of context and offset in a register, which the verifier refuses.
 */
#define CTX_LOAD(type, ctx, kind, field)                                                           \
	({                                                                                         \
		type ctx_value_;                                                                   \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                                              \
			     : "=r"(ctx_value_)                                                    \
			     : "r"(ctx), "i"(__builtin_offsetof(kind, field)));                    \
		ctx_value_;                                                                        \
	})
#define SKB_LOAD(type, p, field) CTX_LOAD(type, (p)->ctx, struct __sk_buff, field)
#define XDP_LOAD(type, p, field) CTX_LOAD(type, (p)->ctx, struct xdp_md, field)

INLINE void *
packet_data(const struct packet *p)
{
	return p->hook == HOOK_XDP ? XDP_LOAD(void *, p, data) : SKB_LOAD(void *, p, data);
}

INLINE void *
packet_end(const struct packet *p)
{
	return p->hook == HOOK_XDP ? XDP_LOAD(void *, p, data_end) : SKB_LOAD(void *, p, data_end);
}

INLINE __u64
packet_len(const struct packet *p)
{
	__u64 len;

	if (p->hook == HOOK_TC)
		return SKB_LOAD(__u64, p, len);
	len = packet_end(p) - packet_data(p);
	return BELOW(0x40000, len); /* no frame is longer */
}

INLINE __u32
packet_ifindex(const struct packet *p)
{
	if (p->hook == HOOK_XDP)
		return XDP_LOAD(__u64, p, ingress_ifindex);
	return SKB_LOAD(__u64, p, ifindex);
}

/* A pointer to len bytes at offset, or NULL if the packet ends before. Older ones become invalid. */
INLINE void *
packet_header(const struct packet *p, __u32 offset, __u32 len)
{
	void *h = packet_data(p) + offset;

	if (h + len <= packet_end(p))
		return h;
	if (p->hook == HOOK_XDP) /* the whole frame lies before us */
		return 0;
	if (offset + len > packet_len(p) || bpf_skb_pull_data(p->ctx, offset + len))
		return 0;
	h = packet_data(p) + offset;
	if (h + len > packet_end(p))
		return 0;
	return h;
}

/* In network byte order. A frame with a VLAN tag has it as its protocol with XDP, and beside with TC. */
INLINE __u16
packet_protocol(const struct packet *p)
{
	struct ethhdr *eth;

	if (p->hook == HOOK_TC)
		return ((struct __sk_buff *)p->ctx)->protocol;
	eth = packet_data(p);
	return (void *)(eth + 1) <= packet_end(p) ? eth->h_proto : 0;
}

INLINE int
packet_has_tag(const struct packet *p)
{
	return p->hook == HOOK_TC && SKB_LOAD(__u64, p, vlan_present);
}

/* Of a VLAN. A tag of none has a priority alone, and the frame is the interface's own, for the kernel too. */
INLINE int
packet_is_tagged(const struct packet *p)
{
	return packet_has_tag(p) && SKB_LOAD(__u64, p, vlan_tci) & 0xfff;
}

INLINE __u64
mac_load(const __u8 *mac)
{
	return dp_mac_number(*(const __u16 *)mac, *(const __u32 *)(mac + 2));
}

/* Whose frame is it by its destination address: PACKET_HOST, PACKET_BROADCAST or PACKET_OTHERHOST. */
INLINE __u32
packet_addressee(const struct packet *p)
{
	__u32 ifindex = packet_ifindex(p);
	struct dp_iface *iface;
	struct ethhdr *eth;
	__u64 dest;

	if (p->hook == HOOK_TC)
		return SKB_LOAD(__u64, p, pkt_type);
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	eth = packet_data(p);
	if (!iface || (void *)(eth + 1) > packet_end(p))
		return PACKET_OTHERHOST;
	dest = mac_load(eth->h_dest);
	if (dest == mac_load(iface->mac))
		return PACKET_HOST;
	return dest == dp_mac_number(0xffff, 0xffffffff) ? PACKET_BROADCAST : PACKET_OTHERHOST;
}

/* Makes the stack take a frame that was sent to another address than the interface's. */
INLINE void
packet_adopt(const struct packet *p)
{
	__u32 ifindex = packet_ifindex(p);
	struct dp_iface *iface;
	struct ethhdr *eth;

	if (p->hook == HOOK_TC) {
		if (SKB_LOAD(__u64, p, pkt_type) != PACKET_HOST)
			bpf_skb_change_type(p->ctx, PACKET_HOST);
		return;
	}
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	eth = packet_data(p);
	if (iface && (void *)(eth + 1) <= packet_end(p))
		__builtin_memcpy(eth->h_dest, iface->mac, 6);
}

/* Several packets in one, which the kernel has put together: the payload of each, or 0. */
INLINE __u32
packet_segment(const struct packet *p)
{
	return p->hook == HOOK_TC ? ((struct __sk_buff *)p->ctx)->gso_size : 0;
}

INLINE int
packet_is_aggregate(const struct packet *p)
{
	return packet_segment(p) != 0;
}

/* How many those are. */
INLINE __u32
packet_segments(const struct packet *p)
{
	__u32 n = p->hook == HOOK_TC ? ((struct __sk_buff *)p->ctx)->gso_segs : 0;

	return n ? n : 1;
}

INLINE long
packet_copy(const struct packet *p, void *to, __u32 len)
{
	if (p->hook == HOOK_XDP)
		return bpf_xdp_load_bytes(p->ctx, 0, to, len);
	return bpf_skb_load_bytes(p->ctx, 0, to, len);
}

/* Out of an interface; of that which it came in by, every driver with XDP can do it. */
INLINE int
packet_send(const struct packet *p, __u32 ifindex)
{
	if (p->hook == HOOK_XDP && ifindex == packet_ifindex(p))
		return XDP_TX;
	return bpf_redirect(ifindex, 0);
}

/* What an XDP entry returns. */
INLINE int
xdp_verdict(int verdict)
{
	if (verdict == PASS)
		return XDP_PASS;
	return verdict == DROP ? XDP_DROP : verdict;
}

#endif
