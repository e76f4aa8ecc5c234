/* SPDX-License-Identifier: ISC */
/* Core: finding peers by broadcast and coming to a session with them. */
#include <string.h>

#include "lltd/core_priv.h"

struct replay *
hello_window(struct peer *p, uint64_t inc)
{
	for (unsigned i = 0; i < HELLO_WINDOWS; i++)
		if (p->hello[i].used != 0 && p->hello[i].inc == inc)
			return &p->hello[i].seen;
	return NULL;
}

/*
 * Remembers an incarnation whose hello was authentic. It takes the place of the oldest, but never of
 * the one we have a session with. Whoever is pushed out can be replayed; the challenge makes that
 * harmless.
 */
static void
hello_window_claim(struct peer *p, const struct input *in)
{
	struct hello_window *old = NULL;

	if (hello_window(p, in->f.incarnation) != NULL)
		return;
	for (unsigned i = 0; i < HELLO_WINDOWS; i++) {
		struct hello_window *w = &p->hello[i];

		if (p->s.up && w->used != 0 && w->inc == p->s.peer_inc)
			continue;
		if (old == NULL || w->used < old->used)
			old = w;
	}
	old->inc = in->f.incarnation;
	old->used = in->now;
	replay_init(&old->seen);
	replay_mark(&old->seen, in->f.seq);
}

/* The longest frame that we take on every link: the peer may send any of its frames over any. */
static uint16_t
smallest_mtu(const struct core *c)
{
	size_t mtu = LLT_FRAME_MAX;

	for (unsigned i = 0; i < c->conf.nlinks; i++)
		if (c->link[i].mtu != 0 && c->link[i].mtu < mtu)
			mtu = c->link[i].mtu;
	return (uint16_t)mtu;
}

static void
hello_fill(struct core *c, unsigned link, struct llt_hello *h)
{
	memset(h, 0, sizeof(*h));
	h->mtu = smallest_mtu(c);
	memcpy(h->addr, c->link[link].addr, LLT_ADDR_LEN);
	memcpy(h->name, c->conf.name, sizeof(h->name));
}

void
hello_broadcast(struct core *c, unsigned link)
{
	struct llt_hello h;
	struct wire_wr w;

	hello_fill(c, link, &h);
	tx_begin(c, &w, LLT_F_HELLO);
	llt_hello_encode(&w, &h);
	tx_cluster(c, &w, LLT_F_HELLO, link, LLT_BROADCAST, llt_addr_all);
	core_count(c, STAT_SND_HELLOS);
}

static void
answer(struct core *c, struct peer *p, const struct input *in)
{
	struct llt_hello h;
	struct wire_wr w;

	if (!log_limit_ok(&p->answers, in->now)) {
		core_count(c, STAT_DROP_RATE);
		return;
	}
	hello_fill(c, in->link, &h);
	session_output(&p->s, in->f.incarnation, &h);
	tx_begin(c, &w, LLT_F_HELLO);
	llt_hello_encode(&w, &h);
	tx_cluster(c, &w, LLT_F_HELLO, in->link, p->node, in->src);
	core_count(c, STAT_SND_HELLOS);
}

static bool
from_its_address(const struct peer *p, const struct input *in)
{
	const struct linkstate *l = &p->link[in->link];

	return l->known && memcmp(l->addr, in->src, LLT_ADDR_LEN) == 0;
}

/*
 * No link to the peer is without trouble, so whoever calls himself by its name from its own address
 * may be its successor. From another address it is as likely a second node of this id: trouble is
 * short and common, and such a one waits until the peer is dead.
 */
static bool
seems_gone(const struct peer *p, const struct input *in)
{
	return (p->up[LLT_PRIO_HIGH] | p->up[LLT_PRIO_LOW]) == 0 && from_its_address(p, in);
}

/* From its own address it was restarted, or lost the session: wait until the old one is silent. */
bool
hello_is_stranger(const struct peer *p, const struct input *in)
{
	return p != NULL && p->s.up && in->f.incarnation != p->s.peer_inc && !from_its_address(p, in);
}

void
hello_stranger(struct core *c, const struct peer *p, const struct input *in)
{
	if (!hello_is_stranger(p, in))
		return;
	core_count(c, STAT_DROP_DUPLICATE_NODE);
	check_report_duplicate(c, in, p->name);
	check_answer(c, in, LLT_V_DUPLICATE_ID, p);
}

static void
broadcast_input(struct core *c, struct peer *p, const struct input *in)
{
	bool same = p->s.up && in->f.incarnation == p->s.peer_inc;

	if (p->s.up && !same && !seems_gone(p, in)) {
		hello_stranger(c, p, in);
		return;
	}
	if (same || !p->s.up)
		peer_learn(c, p, in->link, in->src);
	if (!same || !p->confirmed || p->link[in->link].state != LLT_LINK_UP)
		answer(c, p, in);
}

static void
unicast_input(struct core *c, struct peer *p, const struct input *in, const struct llt_hello *h)
{
	uint8_t fresh[LLT_CHALLENGE];
	enum session_result r;
	bool reply;

	c->ops->random(c->arg, fresh, sizeof(fresh));
	r = session_input(&p->s, in->f.incarnation, h, seems_gone(p, in), fresh, &reply);
	if (r == SESSION_REFUSED) {
		hello_stranger(c, p, in);
		return;
	}
	if (r == SESSION_OPENED || r == SESSION_REPLACED)
		peer_open(c, p, in, h);
	else if (!p->s.up || in->f.incarnation == p->s.peer_inc)
		peer_learn(c, p, in->link, in->src);
	if (reply)
		answer(c, p, in);
}

void
hello_input(struct core *c, struct peer *p, const struct input *in, const uint8_t *body)
{
	struct llt_hello h;

	if (!llt_hello_decode(body, in->f.bodylen, &h)) {
		core_count(c, STAT_DROP_MALFORMED);
		return;
	}
	if (!check_sender(c, in, h.addr, h.name))
		return;
	hello_window_claim(p, in);
	if (in->f.dst == LLT_BROADCAST)
		broadcast_input(c, p, in);
	else
		unicast_input(c, p, in, &h);
}
