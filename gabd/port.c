/* SPDX-License-Identifier: ISC */
#include "gabd/port.h"

#include <stdlib.h>
#include <string.h>

#include "gabd/core_priv.h"

/* A client with more than that in the queue has to wait; four times that is refused. */
#define FULL_ITEMS 128
#define FULL_BYTES (512 * 1024)
#define EARLY_ITEMS 1024
#define EARLY_BYTES (4 * 1024 * 1024)

struct port_unicast {
	struct port_unicast *next;
	uint16_t src;
	struct gab_unicast m; /* its data is what follows */
	uint8_t data[];
};

void
port_init(struct gab_core *core)
{
	core->port.early_tail = &core->port.early;
}

/* ---- unicasts ---- */

static void
hand_over(struct gab_core *core, unsigned src, const struct gab_unicast *m)
{
	const struct gab_port_row *row = &core->port.ports.row[m->port];
	struct gab_ev_msg ev = { .kind = GAB_UNICAST, .src = (uint16_t)src, .gen = row->vid.gen,
		.data = m->data, .len = m->len };

	if (!core->port.local[m->port].member || !gab_set_has(&row->members, src)) {
		core->stats.dropped_unicasts++;
		return;
	}
	core->stats.unicasts++;
	core->ops->message(core->arg, m->port, core->port.local[m->port].inst, &ev);
}

static void
keep_early(struct gab_core *core, unsigned src, const struct gab_unicast *m)
{
	struct port_state *p = &core->port;
	struct port_unicast *u;

	if (p->early_count >= EARLY_ITEMS || p->early_bytes + m->len > EARLY_BYTES) {
		conn_reset(core, src, "too many unicasts ahead of its view");
		return;
	}
	u = core_alloc(sizeof(*u) + m->len);
	u->src = (uint16_t)src;
	u->m = *m;
	u->m.data = u->data;
	memcpy(u->data, m->data, m->len);
	*p->early_tail = u;
	p->early_tail = &u->next;
	p->early_count++;
	p->early_bytes += m->len;
}

static void
drop_early(struct port_state *p, struct port_unicast **at)
{
	struct port_unicast *u = *at;

	*at = u->next;
	if (*at == NULL)
		p->early_tail = at;
	p->early_count--;
	p->early_bytes -= u->m.len;
	free(u);
}

/* A port has a new view: what was sent in it can be delivered, what was sent before cannot. */
static void
deliver_early(struct gab_core *core, unsigned port)
{
	struct port_state *p = &core->port;
	const struct gab_vid *now = &p->ports.row[port].vid;
	struct port_unicast **at = &p->early;

	while (*at != NULL) {
		struct port_unicast *u = *at;

		if (u->m.port != port || (u->m.vid.gen > now->gen && !gab_vid_equal(&u->m.vid, now))) {
			at = &u->next;
			continue;
		}
		if (gab_vid_equal(&u->m.vid, now))
			hand_over(core, u->src, &u->m);
		else
			core->stats.dropped_unicasts++;
		drop_early(p, at);
	}
}

void
port_conn_down(struct gab_core *core, unsigned node)
{
	struct port_unicast **at = &core->port.early;

	while (*at != NULL) {
		if ((*at)->src == node)
			drop_early(&core->port, at);
		else
			at = &(*at)->next;
	}
}

void
port_fini(struct gab_core *core)
{
	while (core->port.early != NULL)
		drop_early(&core->port, &core->port.early);
}

void
port_recv_unicast(struct gab_core *core, unsigned src, const struct gab_unicast *m)
{
	const struct gab_vid *now = &core->port.ports.row[m->port].vid;

	if (gab_vid_equal(&m->vid, now) && now->gen != 0)
		hand_over(core, src, m);
	else if (m->vid.gen > now->gen)
		keep_early(core, src, m);
	else
		core->stats.dropped_unicasts++;
}

/* ---- views ---- */

/* Tells the local client, if it is in, of the present view; old = the one before, NULL if void. */
static void
tell(struct gab_core *core, unsigned port, const struct gab_port_row *old)
{
	const struct gab_port_row *row = &core->port.ports.row[port];
	struct port_local *l = &core->port.local[port];
	struct gab_ev_view *ev = &core->port.ev;

	if (l->member) {
		ev->gen = row->vid.gen;
		ev->self = core->conf.self;
		ev->quorate = core->view.quorate;
		ev->fresh = old == NULL;
		ev->nmembers = (uint16_t)gab_set_list(&row->members, ev->members);
		ev->njoined = (uint16_t)gab_set_list(&row->joined, ev->joined);
		ev->nleft = 0;
		if (old != NULL) {
			struct gab_set left = old->members;

			gab_set_sub(&left, &row->members);
			ev->nleft = (uint16_t)gab_set_list(&left, ev->left);
		} else {
			l->fresh_gen = row->vid.gen;
		}
		core->ops->view(core->arg, port, l->inst, ev);
	}
	deliver_early(core, port);
}

static void
next_vid(struct gab_core *core, struct gab_port_row *row)
{
	row->vid = core->view.vid;
	row->vid.gen = ++core->gen;
}

static void
joins(struct gab_core *core, const struct gab_item *item)
{
	struct gab_port_row *row = &core->port.ports.row[item->port], old = *row;
	struct port_local *l = &core->port.local[item->port];
	bool first = item->origin == core->conf.self && item->inst == l->inst && !l->member;

	gab_set_add(&row->members, item->origin);
	gab_set_clear(&row->joined);
	gab_set_add(&row->joined, item->origin);
	next_vid(core, row);
	if (first)
		l->member = true;
	tell(core, item->port, first ? NULL : &old);
}

static void
leaves(struct gab_core *core, const struct gab_item *item)
{
	struct gab_port_row *row = &core->port.ports.row[item->port], old = *row;

	if (!gab_set_has(&row->members, item->origin))
		return;
	gab_set_del(&row->members, item->origin);
	gab_set_clear(&row->joined);
	next_vid(core, row);
	if (gab_set_empty(&row->members))
		memset(row, 0, sizeof(*row));
	tell(core, item->port, &old);
}

void
port_deliver(struct gab_core *core, const struct gab_item *item)
{
	const struct gab_port_row *row = &core->port.ports.row[item->port];
	const struct port_local *l = &core->port.local[item->port];
	struct gab_ev_msg ev = { .kind = GAB_ORDERED, .src = item->origin, .gen = row->vid.gen,
		.data = item->data, .len = item->len };

	if (item->kind == GAB_ITEM_REGISTER)
		joins(core, item);
	else if (item->kind == GAB_ITEM_LEAVE)
		leaves(core, item);
	else if (l->member && gab_set_has(&row->members, item->origin))
		core->ops->message(core->arg, item->port, l->inst, &ev);
}

/* ---- local clients ---- */

static void
announce(struct gab_core *core, enum gab_item_kind kind, unsigned port, uint32_t inst)
{
	struct gab_item item = { .kind = (uint8_t)kind, .port = (uint8_t)port, .inst = inst };

	order_queue_own(core, &item);
}

uint32_t
port_register(struct gab_core *core, unsigned port)
{
	struct port_local *l = &core->port.local[port];

	if (l->inst != 0)
		return 0;
	if (++core->port.last_inst == 0)
		core->port.last_inst = 1;
	l->inst = core->port.last_inst;
	/* Without a view there is nobody to tell: FLUSH will name the client. */
	if (core->view.vid.gen != 0) {
		announce(core, GAB_ITEM_REGISTER, port, l->inst);
		order_submit(core);
	}
	return l->inst;
}

void
port_leave(struct gab_core *core, unsigned port)
{
	struct port_local *l = &core->port.local[port];

	if (l->inst == 0)
		return;
	if (core->view.vid.gen != 0) {
		announce(core, GAB_ITEM_LEAVE, port, l->inst);
		order_submit(core);
	}
	l->inst = 0;
	l->member = false;
	l->full = false;
}

/*
 * To those of dst that are other members. After a connection broke, not even a new one may carry on in
 * the same view: there is a gap.
 */
static enum gab_sent
send_unicasts(struct gab_core *core, unsigned port, const struct gab_ctl_send *s,
    const struct gab_set *dst)
{
	const struct gab_port_row *row = &core->port.ports.row[port];
	struct gab_unicast m = { .port = (uint8_t)port, .vid = row->vid, .data = s->data, .len = s->len };
	struct gab_set to = *dst;

	gab_set_and(&to, &row->members);
	gab_set_and(&to, &core->conn.open);
	gab_set_sub(&to, &core->view.lost);
	gab_set_del(&to, core->conf.self);
	if (s->gen != row->vid.gen)
		gab_set_clear(&to);
	core->stats.dropped_unicasts += gab_set_count(dst) - gab_set_count(&to);
	if (gab_set_empty(&to))
		return GAB_SENT_NOT;
	gab_unicast_encode(core_begin(core, GAB_MSG_UNICAST), &m);
	core_send_patiently(core, &to);
	return GAB_SENT;
}

static enum gab_sent
send_unicast(struct gab_core *core, unsigned port, const struct gab_ctl_send *s)
{
	struct gab_set dst = { { 0 } };

	gab_set_add(&dst, s->dst);
	return send_unicasts(core, port, s, &dst);
}

static enum gab_sent
send_multicast(struct gab_core *core, unsigned port, const struct gab_ctl_send *s)
{
	struct gab_set dst = core->port.ports.row[port].members;

	gab_set_del(&dst, core->conf.self);
	return send_unicasts(core, port, s, &dst);
}

enum gab_sent
port_send(struct gab_core *core, unsigned port, const struct gab_ctl_send *s)
{
	struct port_local *l = &core->port.local[port];
	struct gab_item item = { .kind = GAB_ITEM_DATA, .port = (uint8_t)port, .inst = l->inst,
		.data = s->data, .len = s->len };

	if (!l->member || s->len == 0 || s->len > GAB_MAX_MSG)
		return GAB_SENT_NOT;
	if (s->kind == GAB_UNICAST)
		return send_unicast(core, port, s);
	if (s->kind == GAB_MULTICAST)
		return send_multicast(core, port, s);
	/* A view that this client was not told of: it means one of an earlier life of ours. */
	if (s->gen < l->fresh_gen || s->gen > core->port.ports.row[port].vid.gen ||
	    l->queued >= 4 * FULL_ITEMS || l->queued_bytes >= 4 * FULL_BYTES)
		return GAB_SENT_NOT;
	l->queued++;
	l->queued_bytes += s->len;
	l->full = l->full || l->queued >= FULL_ITEMS || l->queued_bytes >= FULL_BYTES;
	order_queue_own(core, &item);
	order_submit(core);
	return l->full ? GAB_SENT_FULL : GAB_SENT;
}

static void
make_room(struct gab_core *core, unsigned port)
{
	struct port_local *l = &core->port.local[port];

	if (!l->full || l->queued > FULL_ITEMS / 2 || l->queued_bytes > FULL_BYTES / 2)
		return;
	l->full = false;
	core->ops->room(core->arg, port, l->inst);
}

void
port_returned(struct gab_core *core, const struct gab_item *item)
{
	struct port_local *l = &core->port.local[item->port];

	if (item->kind != GAB_ITEM_DATA)
		return;
	l->queued--;
	l->queued_bytes -= item->len;
	make_room(core, item->port);
}

/* ---- view changes ---- */

void
port_note_clients(struct gab_core *core)
{
	for (unsigned i = 1; i < GAB_NPORTS; i++)
		core->port.local[i].flushed_inst = core->port.local[i].inst;
}

void
port_flush(struct gab_core *core, struct gab_flush *f)
{
	f->ports = core->port.ports;
	for (unsigned i = 1; i < GAB_NPORTS; i++)
		if (core->port.local[i].flushed_inst != 0)
			f->clients |= 1u << i;
}

/*
 * We are fresh: the table names the clients that we had when we answered PROPOSE, and what was queued
 * then is gone. Clients that came or went since must be announced again.
 */
static void
start_afresh(struct gab_core *core, unsigned port)
{
	struct port_local *l = &core->port.local[port];
	bool listed = gab_set_has(&core->port.ports.row[port].members, core->conf.self);

	l->queued = l->queued_bytes = 0;
	l->member = listed && l->inst != 0 && l->inst == l->flushed_inst;
	make_room(core, port);
	if (listed && !l->member)
		announce(core, GAB_ITEM_LEAVE, port, l->flushed_inst);
	if (l->inst != 0 && !l->member)
		announce(core, GAB_ITEM_REGISTER, port, l->inst);
}

void
port_new_view(struct gab_core *core, const struct gab_install *m, bool fresh)
{
	for (unsigned i = 1; i < GAB_NPORTS; i++) {
		struct gab_port_row old = core->port.ports.row[i];

		core->port.ports.row[i] = m->ports.row[i];
		if (fresh)
			start_afresh(core, i);
		if (fresh || !gab_vid_equal(&old.vid, &m->ports.row[i].vid))
			tell(core, i, fresh ? NULL : &old);
	}
}
