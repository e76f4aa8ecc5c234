/* SPDX-License-Identifier: ISC */
#include "gabd/order.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "gabd/core_priv.h"

/* Not yet delivered of one origin; the sequencer refuses more. */
#define OUT_ITEMS 64
#define OUT_BYTES (256 * 1024)
/* Not yet known to be everywhere. */
#define WINDOW_ITEMS 1024
#define WINDOW_BYTES (4 * 1024 * 1024)
/* A batch ends before it would be longer. */
#define BATCH_BYTES (GAB_MAX_MSG + GAB_ITEM_OVERHEAD)
#define ACK_ITEMS 32
#define ACK_BYTES (128 * 1024)
#define ACK_DELAY (10 * NSEC_PER_MSEC)

struct order_item {
	struct order_item *next;
	uint64_t seq;
	struct gab_item item; /* its data is what follows */
	uint8_t data[];
};

/* ---- queues ---- */

static void
queue_init(struct order_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
	q->count = q->bytes = 0;
}

static struct order_item *
queue_add(struct order_queue *q, const struct gab_item *item, uint64_t seq)
{
	struct order_item *i = core_alloc(sizeof(*i) + item->len);

	i->seq = seq;
	i->item = *item;
	i->item.data = i->data;
	if (item->len != 0)
		memcpy(i->data, item->data, item->len);
	*q->tail = i;
	q->tail = &i->next;
	q->count++;
	q->bytes += item->len;
	return i;
}

static void
queue_pop(struct order_queue *q)
{
	struct order_item *i = q->head;

	q->head = i->next;
	if (q->head == NULL)
		q->tail = &q->head;
	q->count--;
	q->bytes -= i->item.len;
	free(i);
}

static void
queue_clear(struct order_queue *q)
{
	while (q->head != NULL)
		queue_pop(q);
}

void
order_init(struct gab_core *core)
{
	struct order_state *o = &core->order;

	o->peer = core_alloc(core->conf.max_nodes * sizeof(*o->peer));
	queue_init(&o->kept);
	queue_init(&o->own);
	queue_init(&o->backlog);
	o->ack_at = CORE_NEVER;
}

void
order_fini(struct gab_core *core)
{
	queue_clear(&core->order.kept);
	queue_clear(&core->order.own);
	queue_clear(&core->order.backlog);
	free(core->order.peer);
}

uint64_t
order_high(const struct gab_core *core)
{
	return core->order.high;
}

void
order_new_view(struct gab_core *core, bool fresh)
{
	struct order_state *o = &core->order;

	queue_clear(&o->kept);
	queue_clear(&o->backlog);
	if (fresh)
		queue_clear(&o->own);
	o->unsent = o->own.head;
	o->out_count = o->out_bytes = 0;
	o->high = o->stable = o->acked = o->assigned = 0;
	o->unacked_bytes = 0;
	o->ack_at = CORE_NEVER;
	memset(o->peer, 0, core->conf.max_nodes * sizeof(*o->peer));
}

/* ---- batches ---- */

struct batch {
	struct wire_wr *w;
	uint8_t *head;
	struct gab_batch b;
	size_t bytes;
};

static void
batch_begin(struct gab_core *core, struct batch *x, enum gab_msg_type type, const struct gab_batch *b)
{
	x->b = *b;
	x->b.count = 0;
	x->bytes = 0;
	x->w = core_begin(core, type);
	gab_batch_encode(x->w, &x->b);
	x->head = x->w->pos - 2; /* the count */
}

static bool
batch_fits(const struct batch *x, const struct order_item *i)
{
	return x->b.count < GAB_ITEMS_MAX &&
	    x->bytes + i->item.len + GAB_ITEM_OVERHEAD <= BATCH_BYTES;
}

static void
batch_add(struct batch *x, const struct order_item *i)
{
	gab_item_encode(x->w, &i->item);
	x->bytes += i->item.len + GAB_ITEM_OVERHEAD;
	wire_put_u16(x->head, ++x->b.count);
}

/* ---- origin ---- */

void
order_queue_own(struct gab_core *core, const struct gab_item *item)
{
	struct order_state *o = &core->order;
	struct gab_item mine = *item;
	struct order_item *i;

	mine.origin = core->conf.self;
	mine.oseq = ++o->oseq;
	i = queue_add(&o->own, &mine, 0);
	if (o->unsent == NULL)
		o->unsent = i;
}

static bool
may_send(const struct order_state *o)
{
	return o->unsent != NULL && o->out_count < OUT_ITEMS &&
	    (o->out_count == 0 || o->out_bytes + o->unsent->item.len <= OUT_BYTES);
}

void
order_submit(struct gab_core *core)
{
	struct order_state *o = &core->order;
	struct gab_batch head = { .vid = core->view.vid };

	if (core->view.vid.gen == 0 || core->view.flushed)
		return;
	while (may_send(o)) {
		struct batch x;

		batch_begin(core, &x, GAB_MSG_SUBMIT, &head);
		while (may_send(o) && batch_fits(&x, o->unsent)) {
			batch_add(&x, o->unsent);
			o->out_count++;
			o->out_bytes += o->unsent->item.len;
			o->unsent = o->unsent->next;
		}
		core_send_one(core, core->view.vid.coord);
	}
}

/* One of ours came back at its place. */
static void
returned(struct gab_core *core, const struct gab_item *item)
{
	struct order_state *o = &core->order;
	struct order_item *i = o->own.head;

	if (i == NULL || i->item.oseq != item->oseq || core_breaks(core, GAB_BREAK_DUP))
		return;
	if (i == o->unsent) {
		o->unsent = i->next;
	} else if (o->out_count > 0) {
		o->out_count--;
		o->out_bytes -= i->item.len;
	}
	queue_pop(&o->own);
	port_returned(core, item);
}

/* ---- everybody ---- */

static void
deliver(struct gab_core *core, uint64_t seq, const struct gab_item *item)
{
	struct order_state *o = &core->order;

	o->high = seq;
	o->unacked_bytes += item->len;
	queue_add(&o->kept, item, seq);
	core->stats.ordered++;
	if (item->origin == core->conf.self)
		returned(core, item);
	port_deliver(core, item);
}

static void
forget_stable(struct order_state *o, uint64_t stable)
{
	if (stable > o->high)
		stable = o->high;
	while (o->kept.head != NULL && o->kept.head->seq <= stable)
		queue_pop(&o->kept);
	if (stable > o->stable)
		o->stable = stable;
}

static void
send_ack(struct gab_core *core)
{
	struct order_state *o = &core->order;
	struct gab_ack m = { .vid = core->view.vid, .high = o->high };

	o->acked = o->high;
	o->unacked_bytes = 0;
	o->ack_at = CORE_NEVER;
	gab_ack_encode(core_begin(core, GAB_MSG_ACK), &m);
	core_send_one(core, core->view.vid.coord);
}

static void
ack(struct gab_core *core)
{
	struct order_state *o = &core->order;

	if (o->high == o->acked || core->view.vid.coord == core->conf.self)
		return;
	if (o->high - o->acked >= ACK_ITEMS || o->unacked_bytes >= ACK_BYTES)
		send_ack(core);
	else if (o->ack_at == CORE_NEVER)
		o->ack_at = core->now + ACK_DELAY;
}

/* Delivers what continues our own row of numbers. False if the batch is malformed. */
static bool
take_items(struct gab_core *core, const struct gab_batch *b, struct wire_rd *r)
{
	struct gab_item item, second;

	for (uint16_t n = 0; n < b->count; n++) {
		if (!gab_item_decode(r, &item))
			return false;
		if (b->first + n != core->order.high + 1)
			continue;
		if (core_breaks(core, GAB_BREAK_ORDER) && core->conf.self % 2 == 1 &&
		    n + 1 < b->count && item.kind == GAB_ITEM_DATA && gab_item_decode(r, &second)) {
			deliver(core, b->first + n++, &second);
			deliver(core, b->first + n, &item);
			continue;
		}
		deliver(core, b->first + n, &item);
	}
	return wire_rd_done(r);
}

void
order_recv_ordered(struct gab_core *core, unsigned src, struct wire_rd *r)
{
	struct order_state *o = &core->order;
	struct gab_batch b;

	if (!gab_batch_decode(r, &b)) {
		core->stats.bad_messages++;
		return;
	}
	if (src != core->view.vid.coord || !gab_vid_equal(&b.vid, &core->view.vid) ||
	    (core->view.flushed && !core_breaks(core, GAB_BREAK_FREEZE))) {
		core->stats.stale_messages++;
		return;
	}
	if (!take_items(core, &b, r))
		core->stats.bad_messages++;
	forget_stable(o, b.mark);
	if (o->kept.count > 4 * WINDOW_ITEMS || o->kept.bytes > 4 * (size_t)WINDOW_BYTES)
		conn_reset(core, src, "its window has no end");
	ack(core);
	order_submit(core);
}

void
order_recv_fill(struct gab_core *core, unsigned src, struct wire_rd *r)
{
	struct gab_batch b;

	if (!gab_batch_decode(r, &b)) {
		core->stats.bad_messages++;
		return;
	}
	if (!view_awaits(core, &b.att) || !gab_vid_equal(&b.vid, &core->view.vid) ||
	    !gab_set_has(&core->view.prom_members, src) || core->order.high >= b.mark) {
		core->stats.stale_messages++;
		return;
	}
	if (!take_items(core, &b, r))
		core->stats.bad_messages++;
	if (core->order.high >= b.mark) {
		struct gab_ready m = { .att = b.att, .high = core->order.high };

		gab_ready_encode(core_begin(core, GAB_MSG_READY), &m);
		core_send_one(core, b.att.coord);
	}
}

void
order_fill(struct gab_core *core, const struct gab_fetch *m)
{
	struct order_item *i = core->order.kept.head;
	struct gab_batch head = { .att = m->att, .vid = m->vid, .mark = m->to };
	uint64_t to = m->to < core->order.high ? m->to : core->order.high;

	while (i != NULL && i->seq < m->from)
		i = i->next;
	while (i != NULL && i->seq <= to) {
		struct batch x;

		head.first = i->seq;
		batch_begin(core, &x, GAB_MSG_FILL, &head);
		while (i != NULL && i->seq <= to && batch_fits(&x, i)) {
			batch_add(&x, i);
			i = i->next;
		}
		core_send_one(core, m->dst);
	}
}

/* ---- sequencer ---- */

static uint64_t
least_acked(const struct gab_core *core)
{
	uint64_t least = core->order.assigned;

	GAB_SET_EACH(node, &core->view.members)
		if (node != core->conf.self && core->order.peer[node].acked < least)
			least = core->order.peer[node].acked;
	return least;
}

static void
pump(struct gab_core *core)
{
	struct order_state *o = &core->order;
	struct gab_batch head = { .vid = core->view.vid };

	if (o->backlog.head == NULL || core->view.flushed)
		return;
	head.mark = least_acked(core);
	while (o->backlog.head != NULL && o->assigned - head.mark < WINDOW_ITEMS &&
	    o->kept.bytes < WINDOW_BYTES) {
		struct batch x;

		head.first = o->assigned + 1;
		batch_begin(core, &x, GAB_MSG_ORDERED, &head);
		while (o->backlog.head != NULL && batch_fits(&x, o->backlog.head)) {
			batch_add(&x, o->backlog.head);
			o->peer[o->backlog.head->item.origin].waiting--;
			o->assigned++;
			queue_pop(&o->backlog);
		}
		core_send(core, &core->view.members);
	}
}

static bool
accept(struct gab_core *core, unsigned src, const struct gab_item *item)
{
	struct order_peer *p = &core->order.peer[src];

	if (item->origin != src || (p->oseq != 0 && item->oseq != p->oseq + 1) ||
	    p->waiting >= 2 * OUT_ITEMS)
		return false;
	p->oseq = item->oseq;
	p->waiting++;
	queue_add(&core->order.backlog, item, 0);
	return true;
}

/*
 * After a connection broke, not even a new one may carry on in the same view: what was submitted in
 * between is not there, and the first message of an origin could be any of them.
 */
void
order_recv_submit(struct gab_core *core, unsigned src, struct wire_rd *r)
{
	struct gab_batch b;
	struct gab_item item;

	if (!gab_batch_decode(r, &b)) {
		core->stats.bad_messages++;
		return;
	}
	if (core->view.vid.coord != core->conf.self || !gab_vid_equal(&b.vid, &core->view.vid) ||
	    core->view.flushed || !gab_set_has(&core->view.members, src) ||
	    gab_set_has(&core->view.lost, src)) {
		core->stats.stale_messages++;
		return;
	}
	for (uint16_t n = 0; n < b.count; n++)
		if (!gab_item_decode(r, &item) || !accept(core, src, &item)) {
			core->stats.bad_messages++;
			break;
		}
	pump(core);
}

void
order_recv_ack(struct gab_core *core, unsigned src, const struct gab_ack *m)
{
	struct order_state *o = &core->order;

	if (core->view.vid.coord != core->conf.self || !gab_vid_equal(&m->vid, &core->view.vid) ||
	    !gab_set_has(&core->view.members, src))
		return;
	if (m->high > o->peer[src].acked && m->high <= o->assigned)
		o->peer[src].acked = m->high;
	/* Also without new messages: what all have needs no more room. */
	forget_stable(o, least_acked(core));
	pump(core);
}

void
order_tick(struct gab_core *core)
{
	if (core->now >= core->order.ack_at && core->view.vid.gen != 0)
		send_ack(core);
}

uint64_t
order_deadline(const struct gab_core *core)
{
	return core->order.ack_at;
}
