/* SPDX-License-Identifier: ISC */
/* On to another member: the way there, and what is done with a packet that is too big for it. */
#ifndef CLUA_ALIASD_BPF_FORWARD_H
#define CLUA_ALIASD_BPF_FORWARD_H

#include "tunnel.h"

#define IP_DONT_FRAGMENT 0x4000

/* Notices a second, and how many of them at once, as the kernel has it for its own. */
#define NOTICE_EVERY 1000000ull
#define NOTICE_BURST 50

/* The way to a member that packets of this hash take, or NULL. */
INLINE struct dp_path_slot *
path_to(const struct packet *p, __u32 node)
{
	struct dp_node_slot *slot = &nodes[node & (DP_NODES - 1)];
	__u32 current = *(volatile __u32 *)&slot->current;
	__u32 n = current & 0xff, bank = current >> 8 & (DP_PATH_BANKS - 1);

	if (!n)
		return 0;
	return &slot->path[bank][((p->hash >> 48) * n >> 16) & (DP_PATHS - 1)];
}

INLINE int
address_frame(const struct packet *p, const struct dp_path_slot *path)
{
	__u32 *frame = packet_data(p), *mac = (__u32 *)path;

	if ((void *)frame + ETH_HLEN > packet_end(p))
		return 0;
	frame[0] = mac[0];
	frame[1] = mac[1];
	frame[2] = mac[2];
	return 1;
}

/* Of the IP packet, or the largest of those that an aggregate stands for. */
INLINE __u32
packet_ip_len(struct packet *p)
{
	__u32 len = p->l4_end - ETH_HLEN;
	struct tcphdr *tcp;

	if (!packet_is_aggregate(p) || !p->l4)
		return len;
	len = p->l4 - ETH_HLEN + packet_segment(p);
	if (p->proto != IPPROTO_TCP)
		return len + sizeof(struct udphdr);
	tcp = packet_header(p, p->l4, sizeof(*tcp));
	return tcp ? len + tcp->doff * 4 : 0;
}

/* Of two CPUs that come at once, both may be given the same place: there is a little more then. */
INLINE int
notice_is_due(void)
{
	__u64 now = bpf_ktime_get_ns(), due = LOAD(notice_due);

	if (due < now)
		due = now;
	if (due - now >= NOTICE_BURST * NOTICE_EVERY)
		return 0;
	notice_due = due + NOTICE_EVERY;
	return 1;
}

INLINE int
may_be_split(struct packet *p)
{
	struct iphdr *ip = packet_header(p, ETH_HLEN, sizeof(*ip));

	return ip && !(ip->frag_off & bpf_htons(IP_DONT_FRAGMENT));
}

/* All of it, to be sent on in pieces that fit. */
INLINE int
split(struct packet *p, __u32 counter)
{
	__u32 len = packet_len(p);
	int err = -1;

	if (len <= DP_STRAY_LONG)
		err = up_frame(p, DP_STRAY_LONG, DP_UP_TOO_BIG, 0, 0);
	else if (len <= DP_STRAY_JUMBO)
		err = up_frame(p, DP_STRAY_JUMBO, DP_UP_TOO_BIG, 0, 0);
	else if (p->hook == HOOK_TC && len <= DP_STRAY_HUGE)
		err = up_frame(p, DP_STRAY_HUGE, DP_UP_TOO_BIG, 0, 0);
	if (err)
		return drop(p, DP_C_TOO_BIG_LOST);
	count_all(p, counter);
	return drop(p, DP_C_TOO_BIG_SPLIT);
}

/* What may not be taken apart is dropped, and its sender told how large packets may be. */
INLINE int
too_big(struct packet *p, __u32 node, __u32 limit, __u32 counter)
{
	p->to = node;
	p->limit = limit;
	if (!up_has_room(TOO_BIG_ROOM))
		return drop(p, DP_C_TOO_BIG_LOST);
	if (may_be_split(p))
		return split(p, counter);
	if (!notice_is_due() || up_frame(p, DP_STRAY_SHORT, DP_UP_TOO_BIG, 0, 0))
		return drop(p, DP_C_TOO_BIG_LOST);
	return drop(p, DP_C_TOO_BIG);
}

/* Out of a link to the member that shall have it. */
INLINE int
forward(struct packet *p, __u32 node, __u32 counter)
{
	struct dp_path_slot *path = path_to(p, node);
	__u32 limit, remote;

	if (!path)
		return drop(p, DP_C_NO_PATH);
	limit = LOAD(path->limit);
	remote = LOAD(path->remote);
	/* What goes into a tunnel the kernel takes apart, if it may be, with what is around it. */
	if (limit && packet_len(p) - ETH_HLEN > limit && packet_ip_len(p) > limit &&
	    !(remote && may_be_split(p)))
		return too_big(p, node, limit, counter);
	if (!address_frame(p, path) || (remote && !tunnel_address(p, path)))
		return drop(p, DP_C_NO_PATH);
	count_all(p, counter);
	return packet_send(p, path->ifindex);
}

#endif
