/* SPDX-License-Identifier: ISC */
/* Core: what comes in. Whatever is wrong with a frame has a counter of its own. */
#include <string.h>

#include "common/clock.h"
#include "lltd/core_priv.h"

static bool
is_own_addr(const struct core *c, const uint8_t *addr)
{
	for (unsigned i = 0; i < c->conf.nlinks; i++)
		if (memcmp(c->link[i].addr, addr, LLT_ADDR_LEN) == 0)
			return true;
	return false;
}

static enum stat
frame_error(enum llt_frame_error e)
{
	if (e == LLT_FRAME_TRUNCATED)
		return STAT_DROP_TRUNCATED;
	return e == LLT_FRAME_MALFORMED ? STAT_DROP_MALFORMED : STAT_DROP_VERSION;
}

/* Everything that can be said without the key. STAT_COUNT: nothing is wrong so far. */
static enum stat
check_head(const struct core *c, const struct input *in)
{
	const struct llt_frame *f = &in->f;
	bool may_broadcast = f->type == LLT_F_PROBE || f->type == LLT_F_HELLO;

	if (!c->link[in->link].carrier)
		return STAT_DROP_LINK_DOWN;
	if (f->cluster != c->conf.cluster)
		return STAT_DROP_CLUSTER;
	if (is_own_addr(c, in->src))
		return STAT_DROP_OWN_ECHO;
	if (f->dst != c->conf.node && !(f->dst == LLT_BROADCAST && may_broadcast))
		return STAT_DROP_DESTINATION;
	/* Of links by UDP a node may have others than its peer: the addresses tell them apart. */
	if (f->link != in->link && c->conf.link[in->link].kind == LLT_KIND_ETHER)
		return STAT_DROP_CROSSED;
	return STAT_COUNT;
}

static void
report_crossed(struct core *c, const struct input *in)
{
	if (log_limit_ok(&c->log_crossed, in->now))
		log_warnx("link", "link %u hears link %u of node %u: links on one network, crossed, or in "
				  "another order in its configuration", in->link, in->f.link, in->f.src);
}

/* ---- frames of a session ---- */
struct delivery {
	struct core *c;
	struct peer *p;
	uint8_t port;
};

static void
on_message(void *arg, const uint8_t *data, size_t len)
{
	struct delivery *d = arg;
	struct llt_ctl_recv m = { .port = d->port, .src = d->p->node, .session = d->p->session,
		.data = data, .len = len };

	core_count(d->c, STAT_RCV_MSGS);
	if (!d->c->ops->deliver(d->c->arg, &m))
		core_count(d->c, STAT_DROP_NO_CLIENT);
}

static void
data_result(struct core *c, enum stream_rx_result r)
{
	if (r == STREAM_DUPLICATE)
		core_count(c, STAT_RCV_DUPLICATES);
	else if (r == STREAM_OUT_OF_WINDOW)
		core_count(c, STAT_RCV_OUT_OF_WINDOW);
	else if (r == STREAM_BAD)
		core_count(c, STAT_DROP_BAD_FRAGMENT);
}

/* Whom nobody waits for may wait for the next heartbeat, which wakes the peer anyway. */
static void
owe_ack(struct core *c, struct peer *p, const struct input *in, uint8_t port, bool soon)
{
	p->ack_ports |= 1u << port;
	p->ack_link = (uint8_t)in->link;
	p->ack_soon |= soon;
	if (p->ack_by == 0)
		p->ack_by = in->now + LLT_PATIENCE / 2;
	if (p->ack_by < c->wake)
		c->wake = p->ack_by;
	if (++p->unacked >= ACK_EVERY)
		tx_acks(c, p);
}

static bool
data_input(struct core *c, struct peer *p, const struct input *in, size_t len)
{
	struct delivery dl = { c, p, 0 };
	struct llt_data d;
	bool soon;

	if (!llt_data_decode(c->plain, len, &d))
		return false;
	core_count(c, STAT_RCV_DATA);
	dl.port = d.port;
	if (p->rx[d.port] == NULL && (p->rx[d.port] = stream_rx_new()) == NULL) {
		core_count(c, STAT_DROP_NO_MEMORY);
		return true;
	}
	data_result(c, stream_rx_input(p->rx[d.port], &d, on_message, &dl, &soon));
	owe_ack(c, p, in, d.port, soon);
	return true;
}

static bool
dgram_input(struct core *c, struct peer *p, size_t len)
{
	struct llt_ctl_recv m = { .datagram = true, .src = p->node, .session = p->session };
	struct llt_data d;

	if (!llt_dgram_decode(c->plain, len, &d))
		return false;
	core_count(c, STAT_RCV_DGRAMS);
	m.port = d.port;
	m.data = d.data;
	m.len = d.len;
	if (!c->ops->deliver(c->arg, &m))
		core_count(c, STAT_DROP_NO_CLIENT);
	return true;
}

static bool
ack_input(struct core *c, struct peer *p, const struct input *in, size_t len)
{
	struct llt_ack a;
	size_t freed;

	if (!llt_ack_decode(c->plain, len, &a))
		return false;
	core_count(c, STAT_RCV_ACKS);
	if (p->tx[a.port] == NULL || !stream_tx_ack(p->tx[a.port], &a, in->now, &freed)) {
		core_count(c, STAT_DROP_BAD_ACK);
		return true;
	}
	if (stream_tx_idle(p->tx[a.port]))
		p->tx_ports &= ~(1u << a.port);
	tx_acked(c, p, freed);
	return true;
}

static bool
heartbeat_input(struct core *c, struct peer *p, const struct input *in, size_t len)
{
	struct linkstate *l = &p->link[in->link];
	struct llt_heartbeat hb;
	bool newest;

	if (!llt_heartbeat_decode(c->plain, len, &hb))
		return false;
	core_count(c, STAT_RCV_HEARTBEATS);
	newest = hb.seq > l->hb_seen;
	linkstate_heartbeat(l, hb.seq, hb.period_ms * NSEC_PER_MSEC, in->now);
	if ((hb.flags & LLT_HB_BYE) != 0)
		peer_close(c, p, "it said goodbye");
	else if (newest && linkstate_set_deaf(l, (hb.flags & LLT_HB_DEAF) != 0))
		peer_links_changed(c, p, 1u << in->link);
	return true;
}

static bool
session_body(struct core *c, struct peer *p, const struct input *in)
{
	switch (in->f.type) {
	case LLT_F_HEARTBEAT:
		return heartbeat_input(c, p, in, in->f.bodylen);
	case LLT_F_DATA:
		return data_input(c, p, in, in->f.bodylen);
	case LLT_F_ACK:
		return ack_input(c, p, in, in->f.bodylen);
	default:
		return dgram_input(c, p, in->f.bodylen);
	}
}

/* STAT_COUNT: it is the peer's, of this session, fresh, and its body lies in c->plain. */
static enum stat
open_session(struct core *c, struct peer *p, const struct input *in)
{
	const struct linkstate *l;

	if (p == NULL)
		return in->f.src == c->conf.node ? STAT_DROP_DUPLICATE_NODE : STAT_DROP_UNKNOWN_NODE;
	l = &p->link[in->link];
	if (!p->s.up || in->f.session != p->keys.tag)
		return STAT_DROP_NO_SESSION;
	if (!l->known || memcmp(l->addr, in->src, LLT_ADDR_LEN) != 0)
		return STAT_DROP_SOURCE;
	if (!replay_fresh(&p->rx_seen, in->f.seq))
		return STAT_DROP_REPLAY;
	if (!crypto_open(c->cluster_keys == NULL ? NULL : p->keys.rx, in->bytes, &in->f, c->plain))
		return STAT_DROP_AUTH;
	if (in->f.seq > p->rx_seen.top)
		p->top_at = in->now;
	replay_mark(&p->rx_seen, in->f.seq);
	return STAT_COUNT;
}

/*
 * A frame that was sent before others that we have proves that the peer lived when those came, not
 * that it lives now: somebody may have held it back. And an old one says nothing about its link.
 */
static void
sign_of_life(struct core *c, struct peer *p, const struct input *in)
{
	struct linkstate *l = &p->link[in->link];
	bool heard;

	if (in->f.seq <= p->stale[0] || in->now - p->top_at >= c->conf.timers.trouble[l->prio])
		return;
	heard = linkstate_hears(l);
	if (linkstate_heard(l, p->top_at))
		peer_links_changed(c, p, 1u << in->link);
	if (!heard) /* it waits to be told before it uses the link */
		tx_heartbeat(c, p, in->link, 0);
}

static void
session_frame(struct core *c, const struct input *in)
{
	struct peer *p = c->by_node[in->f.src];
	enum stat why = open_session(c, p, in);

	if (why != STAT_COUNT) {
		core_count(c, why);
		return;
	}
	p->confirmed = true;
	sign_of_life(c, p, in);
	if (!session_body(c, p, in))
		core_count(c, STAT_DROP_MALFORMED);
}

/* ---- frames under the cluster's key ---- */
static void
cluster_body(struct core *c, struct peer *p, const struct input *in)
{
	if (in->f.type == LLT_F_PROBE)
		check_probe_input(c, in, c->plain);
	else if (in->f.type == LLT_F_ANSWER)
		check_answer_input(c, in, c->plain);
	else if (c->state != CORE_RUNNING)
		core_count(c, STAT_DROP_STARTING);
	else
		hello_input(c, p, in, c->plain);
}

static void
cluster_frame(struct core *c, const struct input *in)
{
	struct peer *p = c->by_node[in->f.src];
	struct replay *seen = p == NULL ? NULL : hello_window(p, in->f.incarnation);

	if (in->f.incarnation == c->inc) {
		core_count(c, STAT_DROP_OWN_ECHO);
		return;
	}
	if (seen != NULL && !replay_fresh(seen, in->f.seq)) {
		core_count(c, STAT_DROP_REPLAY);
		return;
	}
	if (!crypto_open(c->cluster_keys == NULL ? NULL : c->keys.hello, in->bytes, &in->f, c->plain)) {
		core_count(c, STAT_DROP_AUTH);
		check_report_auth(c, in);
		return;
	}
	if (seen != NULL)
		replay_mark(seen, in->f.seq);
	cluster_body(c, p, in);
}

void
core_input_stray(struct core *c, unsigned link)
{
	core_count(c, STAT_RCV_FRAMES);
	core_count(c, STAT_DROP_DESTINATION);
	c->link[link].rx_frames++;
}

void
core_input(struct core *c, unsigned link, const uint8_t *src, const uint8_t *frame, size_t len,
    uint64_t now)
{
	struct input in = { .link = link, .src = src, .bytes = frame, .now = now };
	enum llt_frame_error err;
	enum stat why;

	if (link >= c->conf.nlinks || c->state == CORE_REFUSED)
		return;
	core_count(c, STAT_RCV_FRAMES);
	c->link[link].rx_frames++;
	c->link[link].rx_bytes += len;
	err = len > LLT_FRAME_MAX ? LLT_FRAME_MALFORMED : llt_frame_decode(frame, len, &in.f);
	why = err != LLT_FRAME_OK ? frame_error(err) : check_head(c, &in);
	if (why != STAT_COUNT) {
		core_count(c, why);
		if (why == STAT_DROP_CROSSED)
			report_crossed(c, &in);
	} else if (llt_frame_is_cluster(in.f.type))
		cluster_frame(c, &in);
	else
		session_frame(c, &in);
}
