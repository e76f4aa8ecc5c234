/* SPDX-License-Identifier: ISC */
/* Core: everything that goes out. */
#include <string.h>

#include "common/clock.h"
#include "lltd/core_priv.h"

#define STREAM_TICK (4 * NSEC_PER_MSEC)

void
tx_begin(struct core *c, struct wire_wr *w, uint8_t type)
{
	size_t head = llt_frame_headlen(type);

	wire_wr_init(w, c->out + head, LLT_FRAME_MAX - LLT_FRAME_TAG - head);
}

static void
finish(struct core *c, const struct wire_wr *w, struct llt_frame *f, const uint8_t *key,
    const uint8_t *addr)
{
	struct core_link *l = &c->link[f->link];
	size_t len;

	if (!l->carrier)
		return;
	if (c->cluster_keys != NULL)
		f->flags = LLT_FF_SEALED;
	f->cluster = c->conf.cluster;
	f->src = c->conf.node;
	llt_frame_head_encode(c->out, f, wire_wr_len(w));
	len = crypto_seal(key, c->out, f, wire_wr_len(w));
	core_count(c, STAT_SND_FRAMES);
	l->tx_frames++;
	l->tx_bytes += len;
	c->ops->transmit(c->arg, f->link, addr, c->out, len);
}

void
tx_cluster(struct core *c, struct wire_wr *w, uint8_t type, unsigned link, uint16_t node,
    const uint8_t *addr)
{
	struct llt_frame f = { .type = type, .link = (uint8_t)link, .dst = node,
		.seq = ++c->hello_seq, .incarnation = c->inc };

	finish(c, w, &f, c->cluster_keys == NULL ? NULL : c->keys.hello, addr);
}

void
tx_session(struct core *c, struct wire_wr *w, uint8_t type, struct peer *p, unsigned link)
{
	struct llt_frame f = { .type = type, .link = (uint8_t)link, .dst = p->node,
		.seq = ++p->tx_seq, .session = p->keys.tag };

	finish(c, w, &f, c->cluster_keys == NULL ? NULL : p->keys.tx, p->link[link].addr);
}

void
tx_heartbeat(struct core *c, struct peer *p, unsigned link, uint16_t flags)
{
	uint64_t period = c->conf.timers.heartbeat[c->link[link].prio] / NSEC_PER_MSEC;
	bool deaf = !linkstate_hears(&p->link[link]);
	struct llt_heartbeat hb = { .seq = ++p->link[link].hb_sent, .flags = flags | (deaf ? LLT_HB_DEAF : 0),
		.period_ms = period > UINT16_MAX ? UINT16_MAX : (uint16_t)period };
	struct wire_wr w;

	tx_begin(c, &w, LLT_F_HEARTBEAT);
	llt_heartbeat_encode(&w, &hb);
	tx_session(c, &w, LLT_F_HEARTBEAT, p, link);
	core_count(c, STAT_SND_HEARTBEATS);
}

/* avoid: a link that may be dying, or -1. */
static int
pick_link(struct core *c, struct peer *p, uint8_t port, int avoid)
{
	uint8_t high = p->up[LLT_PRIO_HIGH];

	if (avoid >= 0 && (high & ~(1u << avoid)) != 0)
		high &= (uint8_t)~(1u << avoid);
	if (c->conf.balance == CORE_DESTINATION)
		return sched_destination(p->node, port, high, p->up[LLT_PRIO_LOW]);
	return sched_roundrobin(&p->sched, high, p->up[LLT_PRIO_LOW], c->burst);
}

/* Sends one fragment of this port. False: there is none, or no link to send it on. */
static bool
pump_port(struct core *c, struct peer *p, unsigned port, uint64_t now)
{
	struct stream_tx *t = p->tx[port];
	struct llt_data d = { .port = (uint8_t)port };
	uint64_t look;
	struct wire_wr w;
	int link, avoid;

	if (t == NULL || !stream_tx_next(t, &d, &avoid))
		return false;
	link = pick_link(c, p, (uint8_t)port, avoid);
	if (link < 0)
		return false;
	tx_begin(c, &w, LLT_F_DATA);
	llt_data_encode(&w, &d);
	tx_session(c, &w, LLT_F_DATA, p, (unsigned)link);
	stream_tx_sent(t, d.seq, (unsigned)link, now);
	core_count(c, STAT_SND_DATA);
	look = now + ((d.flags & LLT_D_PATIENT) == 0 ? STREAM_TICK : LLT_PATIENCE);
	if (look < c->stream_wake)
		c->stream_wake = look;
	return true;
}

/* The ports take turns, frame by frame. */
void
tx_pump(struct core *c, struct peer *p, uint64_t now)
{
	uint32_t left = p->tx_ports;

	while (left != 0) {
		unsigned port = p->next_port++ % LLT_MAX_PORTS;

		if ((left >> port & 1) != 0 && !pump_port(c, p, port, now))
			left &= ~(1u << port);
	}
}

void
tx_acks(struct core *c, struct peer *p)
{
	unsigned link = p->ack_link;
	uint8_t up = p->up[LLT_PRIO_HIGH] | p->up[LLT_PRIO_LOW];
	struct llt_ack a;
	struct wire_wr w;

	if ((up >> link & 1) == 0 && up != 0)
		link = (unsigned)__builtin_ctz(up);
	for (uint32_t m = p->ack_ports; m != 0; m &= m - 1) {
		a.port = (uint8_t)__builtin_ctz(m);
		stream_rx_ack(p->rx[a.port], &a);
		tx_begin(c, &w, LLT_F_ACK);
		llt_ack_encode(&w, &a);
		tx_session(c, &w, LLT_F_ACK, p, link);
		core_count(c, STAT_SND_ACKS);
	}
	p->ack_ports = 0;
	p->ack_soon = false;
	p->ack_by = 0;
	p->unacked = 0;
}

/* Time for the streams of a peer: what is overdue is sent again. */
void
tx_tick(struct core *c, struct peer *p, uint64_t now)
{
	if ((p->up[LLT_PRIO_HIGH] | p->up[LLT_PRIO_LOW]) == 0)
		return;
	for (uint32_t m = p->tx_ports; m != 0; m &= m - 1) {
		struct stream_tx *t = p->tx[__builtin_ctz(m)];
		uint64_t next;

		if (stream_tx_deadline(t) <= now)
			stream_tx_tick(t, now);
		next = stream_tx_deadline(t);
		if (next < c->stream_wake)
			c->stream_wake = next;
		if (stream_tx_idle(t))
			p->tx_ports &= ~(1u << __builtin_ctz(m));
	}
	tx_pump(c, p, now);
}

void
tx_acked(struct core *c, struct peer *p, size_t freed)
{
	p->queued -= freed;
	if (p->congested && p->queued <= QUEUE_LOW) {
		p->congested = false;
		c->ops->drained(c->arg, p->node);
	}
}

static void
send_dgram(struct core *c, struct peer *p, const struct llt_ctl_send *s)
{
	struct llt_data d = { .port = s->port, .data = s->data, .len = s->len };
	struct wire_wr w;
	int link;

	if (s->len > p->frag_len) {
		core_count(c, STAT_DROP_TOO_LONG);
		return;
	}
	link = pick_link(c, p, s->port, -1);
	if (link < 0) {
		core_count(c, STAT_DROP_NO_LINK);
		return;
	}
	tx_begin(c, &w, LLT_F_DGRAM);
	llt_dgram_encode(&w, &d);
	tx_session(c, &w, LLT_F_DGRAM, p, (unsigned)link);
	core_count(c, STAT_SND_DGRAMS);
}

static void
queue_msg(struct core *c, struct peer *p, uint8_t port, struct stream_msg *m, uint64_t now)
{
	if (p->tx[port] == NULL)
		p->tx[port] = stream_tx_new(p->frag_len, &c->streams);
	if (p->tx[port] == NULL) {
		core_count(c, STAT_DROP_NO_MEMORY);
		return;
	}
	stream_tx_push(p->tx[port], m);
	p->tx_ports |= 1u << port;
	p->queued += m->len;
	if (p->queued > QUEUE_HIGH)
		p->congested = true;
	core_count(c, STAT_SND_MSGS);
	tx_pump(c, p, now);
}

bool
core_send(struct core *c, const struct llt_ctl_send *s, uint64_t now)
{
	struct stream_msg *m = s->datagram ? NULL : stream_msg_new(s->data, s->len, s->patient);
	bool congested = false;

	if (m == NULL && !s->datagram) {
		core_count(c, STAT_DROP_NO_MEMORY);
		return false;
	}
	for (unsigned i = 0; i < s->ndst; i++) {
		struct peer *p = s->dst[i] < LLT_MAX_NODES ? c->by_node[s->dst[i]] : NULL;

		if (p == NULL || !p->s.up) {
			core_count(c, STAT_DROP_NOT_OPEN);
			continue;
		}
		if (s->datagram)
			send_dgram(c, p, s);
		else
			queue_msg(c, p, s->port, m, now);
		congested |= p->congested;
	}
	stream_msg_unref(m);
	return congested;
}

bool
core_congested(const struct core *c, uint16_t node)
{
	return node < LLT_MAX_NODES && c->by_node[node] != NULL && c->by_node[node]->congested;
}
