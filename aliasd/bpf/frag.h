/* SPDX-License-Identifier: ISC */
/*
 * Fragments. Only the first one says for which port the datagram is; the others go where it went. One
 * that comes before the first is handed to the daemon, which holds it until the first has been seen and
 * then sends it through clua0 once more. The table forgets a datagram when all of it has passed, so
 * that a client may use its number again at once.
 */
#ifndef CLUA_ALIASD_BPF_FRAG_H
#define CLUA_ALIASD_BPF_FRAG_H

#include "forward.h"

INLINE void
frag_key(struct packet *p, struct dp_frag_key *key)
{
	key->saddr = p->client;
	key->daddr = p->addr;
	key->id = p->id;
	key->proto = p->proto;
	key->pad = 0;
}

/* What is known of the datagram, unless that was another one with the same number, long ago. */
INLINE struct dp_frag *
frag_find(const struct dp_frag_key *key)
{
	struct dp_frag *f = bpf_map_lookup_elem(&frags, key);

	if (!f || bpf_ktime_get_ns() - f->since <= DP_FRAG_FRESH)
		return f;
	bpf_map_delete_elem(&frags, key);
	return 0;
}

/* By its ports, length and checksum: tells a first fragment that comes twice from another one's. */
INLINE __u64
frag_sign(struct packet *p)
{
	__u32 *l4 = packet_header(p, p->l4, 2 * sizeof(*l4));

	return l4 ? ((__u64)l4[0] << 32 | l4[1]) : 0;
}

/* Counts what has passed. end: the length of it all, 0 if the fragment was not the last. */
INLINE void
frag_account(const struct dp_frag_key *key, struct dp_frag *f, __u32 len, __u32 end)
{
	__u32 got = __sync_fetch_and_add(&f->got, len) + len;

	if (end)
		f->total = end;
	if (f->total && got >= f->total)
		bpf_map_delete_elem(&frags, key);
}

/* Once it is decided who gets the first fragment, or that nobody does (DP_NODE_NONE). */
INLINE void
frag_remember(struct packet *p, __u32 node)
{
	struct dp_frag fresh = { .since = bpf_ktime_get_ns(), .sign = frag_sign(p), .node = node,
		.got = p->l4_end - p->l4 };
	struct dp_frag_key key;
	struct dp_frag *old;
	int held;

	frag_key(p, &key);
	if (bpf_map_update_elem(&frags, &key, &fresh, BPF_NOEXIST) == 0)
		return;
	old = bpf_map_lookup_elem(&frags, &key);
	held = old && old->node == DP_FRAG_HELD;
	bpf_map_update_elem(&frags, &key, &fresh, BPF_ANY);
	if (held)
		up_note(p, DP_UP_FIRST, p->id, 0);
}

/* A first fragment that comes once more goes where it went, as what follows it does. */
INLINE __u32
frag_again(struct packet *p, __u32 *node)
{
	struct dp_frag_key key;
	struct dp_frag *f;

	frag_key(p, &key);
	f = frag_find(&key);
	if (!f || f->node == DP_FRAG_HELD || f->sign != frag_sign(p))
		return 0;
	*node = f->node;
	return 1;
}

/* Its first fragment has not come. What was held once and is still unknown has waited long enough. */
INLINE __u32
frag_hold(struct packet *p)
{
	int err;

	if (p->held || !up_has_room(FRAGMENT_ROOM))
		return to_nobody(DP_C_FRAGMENT_LOST);
	if (packet_len(p) <= DP_STRAY_LONG)
		err = up_frame(p, DP_STRAY_LONG, DP_UP_FRAGMENT, p->id, 0);
	else
		err = up_frame(p, DP_STRAY_JUMBO, DP_UP_FRAGMENT, p->id, 0);
	return to_nobody(err ? DP_C_FRAGMENT_LOST : DP_C_FRAGMENT_HELD);
}

/* The datagram's entry; it says that we wait if there was none, not even one that came just now. */
INLINE struct dp_frag *
frag_find_or_wait(const struct dp_frag_key *key)
{
	struct dp_frag waiting = { .since = bpf_ktime_get_ns(), .node = DP_FRAG_HELD };
	struct dp_frag *f = frag_find(key);

	if (f || bpf_map_update_elem(&frags, key, &waiting, BPF_NOEXIST) == 0)
		return f;
	return bpf_map_lookup_elem(&frags, key);
}

/* Where a fragment that is not the first goes. frag: the field of the IP header. */
INLINE __u32
frag_later(struct packet *p, __u16 frag)
{
	__u32 len = p->l4_end - p->l4, at = (bpf_ntohs(frag) & 0x1fff) * 8, node;
	struct dp_frag_key key;
	struct dp_frag *f;

	p->l4 = 0; /* there is none */
	frag_key(p, &key);
	f = frag_find_or_wait(&key);
	if (!f || f->node == DP_FRAG_HELD)
		return frag_hold(p);
	node = f->node;
	frag_account(&key, f, len, frag & bpf_htons(IP_MORE) ? 0 : at + len);
	if (node == DP_NODE_NONE)
		return to_nobody(DP_C_FRAGMENT_LOST);
	return to_node(node, DP_C_FRAGMENT, DP_C_FRAGMENT_FORWARDED);
}

#endif
