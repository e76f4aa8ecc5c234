/* SPDX-License-Identifier: ISC */
/* Core: the life of a peer: its session opens, its links come and go, its session ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lltd/core_priv.h"

const char *
addr_text(const struct core *c, unsigned link, const uint8_t *addr)
{
	return llt_addr_text(c->conf.link[link].kind, addr);
}

static const char *const state_names[] = { "inactive", "in trouble", "active" };

void
peer_learn(struct core *c, struct peer *p, unsigned link, const uint8_t *addr)
{
	struct linkstate *l = &p->link[link];

	if (l->known && memcmp(l->addr, addr, LLT_ADDR_LEN) == 0)
		return;
	if (l->known)
		log_info("link", "link %u node %u (%s) address changed from %s to %s", link, p->node,
		    p->name, addr_text(c, link, l->addr),
		    addr_text(c, link, addr));
	memcpy(l->addr, addr, LLT_ADDR_LEN);
	l->known = true;
	c->ops->link_changed(c->arg, p->node, link);
	/* The other end may know us on this link already, but hears us only now. */
	if (p->s.up)
		tx_heartbeat(c, p, link, 0);
}

static void
streams_drop(struct peer *p)
{
	for (unsigned i = 0; i < LLT_MAX_PORTS; i++) {
		stream_tx_free(p->tx[i]);
		stream_rx_free(p->rx[i]);
		p->tx[i] = NULL;
		p->rx[i] = NULL;
	}
	p->tx_ports = p->ack_ports = 0;
	p->ack_soon = false;
	p->ack_by = 0;
	p->unacked = 0;
	p->queued = 0;
}

void
peer_free(struct peer *p)
{
	streams_drop(p);
	crypto_wipe(&p->keys, sizeof(p->keys));
	free(p);
}

static size_t
frag_len(const struct core *c, const struct llt_hello *h)
{
	size_t mtu = h->mtu < LLT_FRAME_MAX ? h->mtu : LLT_FRAME_MAX;

	for (unsigned i = 0; i < c->conf.nlinks; i++)
		if (c->link[i].mtu != 0 && c->link[i].mtu < mtu)
			mtu = c->link[i].mtu;
	if (mtu < 256)
		mtu = 256;
	return mtu - LLT_FRAME_HEAD_SESSION - LLT_FRAME_TAG - LLT_DATA_HEAD;
}

static void
make_keys(struct core *c, struct peer *p)
{
	struct crypto_end self = { c->conf.node, c->inc, p->s.my_ch };
	struct crypto_end peer = { p->node, p->s.peer_inc, p->s.peer_ch };

	crypto_session_init(&p->keys, c->cluster_keys, &self, &peer);
}

/* What an ended session leaves behind; the session itself is already over, or another one. */
static void
forget(struct core *c, struct peer *p, const char *why)
{
	log_info("peer", "node %u (%s) closed: %s", p->node, p->name, why);
	crypto_wipe(&p->keys, sizeof(p->keys));
	streams_drop(p);
	for (unsigned i = 0; i < c->conf.nlinks; i++) {
		if (linkstate_down(&p->link[i]))
			c->ops->link_changed(c->arg, p->node, i);
		linkstate_reset(&p->link[i]);
	}
	p->up[0] = p->up[1] = 0;
	p->links_up = 0;
	if (p->congested) {
		p->congested = false;
		c->ops->drained(c->arg, p->node);
	}
}

void
peer_close(struct core *c, struct peer *p, const char *why)
{
	uint8_t fresh[LLT_CHALLENGE];

	if (!p->s.up)
		return;
	c->ops->random(c->arg, fresh, sizeof(fresh));
	session_end(&p->s, fresh);
	forget(c, p, why);
	c->ops->node_changed(c->arg, p->node);
}

void
peer_open(struct core *c, struct peer *p, const struct input *in, const struct llt_hello *h)
{
	if (p->links_up != 0) {
		/* The old session ends before the new one begins, for everybody who watches. */
		p->s.up = false;
		forget(c, p, "it began a new session");
		c->ops->node_changed(c->arg, p->node);
		p->s.up = true;
	}
	make_keys(c, p);
	p->session++;
	p->confirmed = false;
	p->tx_seq = 0;
	p->sched = (struct sched)SCHED_START;
	replay_init(&p->rx_seen);
	p->top_at = in->now;
	p->stale[0] = p->stale[1] = 0;
	p->next_stale = in->now + c->conf.timers.inactive;
	p->frag_len = frag_len(c, h);
	core_count(c, STAT_SESSIONS);
	peer_learn(c, p, in->link, in->src);
	p->link[in->link].deaf = false; /* it answered our challenge */
	linkstate_heard(&p->link[in->link], in->now);
	log_info("peer", "node %u (%s) open, session %u, at %s on link %u", p->node, p->name,
	    p->session, addr_text(c, in->link, in->src), in->link);
	peer_links_changed(c, p, 1u << in->link);
	for (unsigned i = 0; i < c->conf.nlinks; i++)
		if (p->link[i].known)
			tx_heartbeat(c, p, i, 0);
}

/*
 * A session has one length of fragment, for they are sent again on other links. A link that came later, or
 * whose MTU has become smaller, may not take them: it carries heartbeats alone. By UDP the kernel takes
 * them apart. Returns how many links take them.
 */
static unsigned
count_links(struct core *c, struct peer *p)
{
	size_t longest = p->frag_len + LLT_FRAME_HEAD_SESSION + LLT_FRAME_TAG + LLT_DATA_HEAD;
	unsigned fit = 0;

	p->up[0] = p->up[1] = 0;
	p->links_up = 0;
	for (unsigned i = 0; i < c->conf.nlinks; i++) {
		if (p->link[i].state == LLT_LINK_INACTIVE)
			continue;
		p->links_up++;
		if (c->link[i].mtu < longest && c->conf.link[i].kind == LLT_KIND_ETHER)
			continue;
		fit++;
		if (p->link[i].state == LLT_LINK_UP)
			p->up[c->link[i].prio] |= (uint8_t)(1u << i);
	}
	return fit;
}

static void
link_event(struct core *c, struct peer *p, unsigned link)
{
	const struct linkstate *l = &p->link[link];

	log_info("link", "link %u node %u (%s) %s", link, p->node, p->name, state_names[l->state]);
	if (l->state != LLT_LINK_UP)
		for (uint32_t m = p->tx_ports; m != 0; m &= m - 1)
			stream_tx_link_gone(p->tx[__builtin_ctz(m)], link);
	c->ops->link_changed(c->arg, p->node, link);
}

void
peer_links_changed(struct core *c, struct peer *p, uint32_t changed)
{
	uint8_t before = p->links_up;
	unsigned fit = count_links(c, p);

	for (uint32_t m = changed; m != 0; m &= m - 1)
		link_event(c, p, (unsigned)__builtin_ctz(m));
	if (p->links_up == 0)
		peer_close(c, p, "all its links are inactive");
	else if (fit == 0)
		peer_close(c, p, "no link takes frames any more that are as long as this session's");
	else if (p->links_up != before)
		c->ops->node_changed(c->arg, p->node);
}
