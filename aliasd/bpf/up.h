/* SPDX-License-Identifier: ISC */
/* Frames that the daemon is to see to, and short notes to it. */
#ifndef CLUA_ALIASD_BPF_UP_H
#define CLUA_ALIASD_BPF_UP_H

#include "packet.h"

/* Refusals may fill so much of the buffer that they share with strays; fragments and ARP less. */
#define REFUSED_ROOM (DP_STRAY_ROOM / 2)
#define FRAGMENT_ROOM (DP_STRAY_ROOM / 4)
#define ARP_ROOM (DP_STRAY_ROOM / 4)
#define TOO_BIG_ROOM (DP_STRAY_ROOM / 4)

INLINE int
up_has_room(__u32 room)
{
	return bpf_ringbuf_query(&strays, BPF_RB_AVAIL_DATA) <= room;
}

INLINE void
up_fill(struct packet *p, struct dp_stray *stray, __u32 kind, __u16 client_port, __u16 port)
{
	stray->ifindex = p->answer_ifindex ? p->answer_ifindex : packet_ifindex(p);
	stray->alias = p->addr;
	stray->client = p->client;
	stray->port = port;
	stray->client_port = client_port;
	stray->kind = kind;
	stray->proto = p->proto;
	stray->node = p->to;
	stray->limit = p->limit;
	stray->segment = packet_segment(p);
}

/* The frame, or its first bytes. size is a constant for the verifier. */
INLINE int
up_frame(struct packet *p, __u32 size, __u32 kind, __u16 client_port, __u16 port)
{
	struct dp_stray *stray = bpf_ringbuf_reserve(&strays, sizeof(*stray) + size, 0);
	__u32 len = packet_len(p);

	if (!stray)
		return -1;
	if (len > size)
		len = size;
	up_fill(p, stray, kind, client_port, port);
	stray->len = len;
	if (len < ETH_HLEN || len > size || packet_copy(p, stray + 1, len)) {
		bpf_ringbuf_discard(stray, 0);
		return -1;
	}
	bpf_ringbuf_submit(stray, 0);
	return 0;
}

INLINE int
up_note(struct packet *p, __u32 kind, __u16 client_port, __u16 port)
{
	struct dp_stray *stray = bpf_ringbuf_reserve(&strays, sizeof(*stray), 0);

	if (!stray)
		return -1;
	up_fill(p, stray, kind, client_port, port);
	stray->len = 0;
	bpf_ringbuf_submit(stray, 0);
	return 0;
}

#endif
