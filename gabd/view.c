/* SPDX-License-Identifier: ISC */
#include "gabd/view.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "gabd/core_priv.h"

/* Every attempt ends by itself; this only guards against what nobody thought of. */
#define GIVE_UP (3 * NSEC_PER_SEC)

void
view_init(struct gab_core *core)
{
	core->view.give_up_at = CORE_NEVER;
}

void
view_fini(struct gab_core *core)
{
	free(core->view.install);
}

bool
view_dirty(const struct gab_core *core)
{
	const struct view_state *v = &core->view;

	return (v->flushed && !v->waiting) || gab_set_meet(&v->lost, &v->members);
}

bool
view_awaits(const struct gab_core *core, const struct gab_att *att)
{
	const struct view_state *v = &core->view;

	if (core_breaks(core, GAB_BREAK_STALE))
		return v->flushed;
	return v->flushed && v->waiting && gab_att_compare(att, &v->promised) == 0;
}

void
view_see_num(struct gab_core *core, uint32_t num)
{
	if (num > core->view.max_num)
		core->view.max_num = num;
}

/* The promised attempt comes to nothing. We stay closed, and say so. */
static void
in_vain(struct gab_core *core)
{
	core_trace(core, "flushed in vain for %u.%u", core->view.promised.num, core->view.promised.coord);
	core->view.waiting = false;
	core->view.give_up_at = CORE_NEVER;
	core->reconsider = true;
	topo_refresh(core, true);
}

void
view_conn_down(struct gab_core *core, unsigned node)
{
	struct view_state *v = &core->view;

	gab_set_add(&v->lost, node);
	gab_set_and(&v->lost, &v->members);
	gab_set_add(&v->prom_lost, node);
	if (v->waiting && v->promised.coord == node)
		in_vain(core);
}

/*
 * Who goes on in another view may have messages of the present one that we shall never see, or may give
 * up the proposal and see them, when others that took it have gone on already. No port may go on as if
 * nothing had happened.
 */
static bool
is_lossy(const struct view_state *v)
{
	return gab_set_meet(&v->lost, &v->prom_members) || !gab_set_subset(&v->members, &v->prom_members);
}

static void
send_flush(struct gab_core *core)
{
	struct view_state *v = &core->view;
	struct gab_flush *f = core_alloc(sizeof(*f));

	f->att = v->promised;
	f->vid = v->vid;
	f->quorum_gen = v->quorum_gen;
	f->high = order_high(core);
	f->gen = core->gen;
	f->prev = v->prev;
	f->prev_final = v->prev_final;
	f->kept = v->kept;
	f->flags = (core->seeded ? GAB_FLUSH_SEEDED : 0) | (v->quorate ? GAB_FLUSH_QUORATE : 0) |
	    (is_lossy(v) ? GAB_FLUSH_LOSSY : 0);
	port_flush(core, f);
	core_trace(core, "flush for %u.%u: gen %u, high %llu", f->att.num, f->att.coord, f->vid.gen,
	    (unsigned long long)f->high);
	gab_flush_encode(core_begin(core, GAB_MSG_FLUSH), f);
	core_send_one(core, v->promised.coord);
	free(f);
}

static void
refuse(struct gab_core *core, unsigned src, const struct gab_att *att)
{
	struct gab_nack nack = { .att = *att, .num = core->view.max_num };

	core_trace(core, "refuse %u.%u of node %u", att->num, att->coord, src);
	gab_nack_encode(core_begin(core, GAB_MSG_NACK), &nack);
	core_send_one(core, src);
}

/*
 * Worse than what may become of our view without it: it would put somebody out whom nobody lost, or leaves
 * us with fewer. Its coordinator does not know yet who is in our view, or what happens to that.
 */
static bool
gains_nothing(const struct gab_core *core, const struct gab_set *members)
{
	const struct view_state *v = &core->view;
	unsigned count = gab_set_count(members);
	struct gab_set left;

	if (v->vid.gen == 0 || gab_set_subset(&v->members, members))
		return false;
	topo_still_in(core, &v->members, &v->vid, &left);
	if (!coord_closed(core) && gab_set_equal(&left, &v->members) && topo_intact(core, &left))
		return count <= gab_set_count(&left);
	return count < topo_most_with_us(core, &left);
}

static bool
may_join(struct gab_core *core, const struct gab_propose *m)
{
	struct gab_set reach = core->conn.open;

	gab_set_add(&reach, core->conf.self);
	return gab_att_compare(&m->att, &core->view.promised) > 0 &&
	    gab_set_subset(&m->members, &reach) && !gains_nothing(core, &m->members);
}

void
view_propose(struct gab_core *core, unsigned src, const struct gab_propose *m)
{
	struct view_state *v = &core->view;

	view_see_num(core, m->att.num);
	if (m->att.coord != src || !gab_set_has(&m->members, src) ||
	    !gab_set_has(&m->members, core->conf.self)) {
		core->stats.bad_messages++;
		return;
	}
	if (!may_join(core, m)) {
		refuse(core, src, &m->att);
		return;
	}
	if (src != core->conf.self)
		coord_abandon(core);
	/* Whoever counts on us for an earlier attempt must not wait in vain. */
	if (v->waiting && v->promised.coord != src && v->promised.coord != core->conf.self)
		refuse(core, v->promised.coord, &v->promised);
	v->promised = m->att;
	v->prom_members = m->members;
	gab_set_clear(&v->prom_lost);
	v->flushed = v->waiting = true;
	v->give_up_at = core->now + GIVE_UP;
	port_note_clients(core);
	send_flush(core);
}

void
view_fetch(struct gab_core *core, unsigned src, const struct gab_fetch *m)
{
	if (src == m->att.coord && view_awaits(core, &m->att) &&
	    gab_vid_equal(&m->vid, &core->view.vid))
		order_fill(core, m);
}

void
view_forward(struct gab_core *core, unsigned src, const struct gab_fetch *m)
{
	struct view_state *v = &core->view;
	struct wire_wr *w;

	if (src != m->att.coord || !view_awaits(core, &m->att) || v->install == NULL ||
	    !gab_vid_equal(&m->vid, &v->vid))
		return;
	w = core_begin(core, GAB_MSG_CATCHUP);
	gab_att_encode(w, &m->att);
	wire_wr_bytes(w, v->install, v->install_len);
	core_send_one(core, m->dst);
}

static void
tell(struct gab_core *core, bool fresh)
{
	struct gab_node_view nv = { .vid = core->view.vid,
		.members = core->view.members,
		.fresh = fresh,
		.quorate = core->view.quorate };

	core->stats.views++;
	if (fresh)
		core->stats.fresh++;
	if (core->ops->node_view != NULL)
		core->ops->node_view(core->arg, &nv);
}

static void
enter(struct gab_core *core, const struct gab_install *m, const uint8_t *body, size_t len)
{
	struct view_state *v = &core->view;
	uint8_t *copy = core_alloc(len);

	memcpy(copy, body, len);
	free(v->install);
	v->install = copy;
	v->install_len = len;
	v->vid = m->vid;
	v->members = m->members;
	v->quorate = m->quorate;
	v->quorum_gen = m->quorum_gen;
	v->prev = m->prev;
	v->prev_final = m->prev_final;
	v->kept = m->kept;
	core->gen = m->gen;
	core->seeded = true;
	core->reconsider = true;
}

/* Our tables have no room for others. */
static bool
nodes_exist(const struct gab_core *core, const struct gab_set *nodes)
{
	return gab_set_next(nodes, core->conf.max_nodes - 1) < 0;
}

/* True if we come from the view that keeps its state, and have all of it. */
static bool
goes_on(const struct gab_core *core, const struct gab_install *m)
{
	const struct view_state *v = &core->view;

	return v->vid.gen != 0 && gab_set_has(&m->kept, core->conf.self) &&
	    gab_vid_equal(&v->vid, &m->prev) &&
	    (order_high(core) == m->prev_final || core->conf.breaks != 0);
}

static void
install(struct gab_core *core, const struct gab_install *m, const uint8_t *body, size_t len)
{
	bool fresh = !goes_on(core, m) && !core_breaks(core, GAB_BREAK_FRESH);

	enter(core, m, body, len);
	tell(core, fresh);
	order_new_view(core, fresh);
	port_new_view(core, m, fresh);
}

void
view_install(struct gab_core *core, unsigned src, const uint8_t *body, size_t len)
{
	struct view_state *v = &core->view;
	struct gab_install *m = core_alloc(sizeof(*m));
	struct wire_rd r;

	wire_rd_init(&r, body, len);
	if (!gab_install_decode(&r, m) || m->vid.coord != src || m->att.coord != src ||
	    !gab_set_has(&m->members, core->conf.self) || !nodes_exist(core, &m->members)) {
		core->stats.bad_messages++;
	} else if (!view_awaits(core, &m->att) ||
	    (!gab_set_equal(&m->members, &v->prom_members) && core->conf.breaks == 0) ||
	    (m->vid.gen <= v->vid.gen && core->conf.breaks == 0)) {
		refuse(core, src, &m->att);
	} else {
		struct gab_set left = v->members, reach;

		gab_set_and(&left, &core->conn.open);
		topo_reachable(core, &reach);
		gab_set_or(&left, &reach);
		gab_set_sub(&left, &m->members);
		v->flushed = v->waiting = false;
		v->give_up_at = CORE_NEVER;
		v->lost = v->prom_lost;
		gab_set_and(&v->lost, &m->members);
		install(core, m, body, len);
		topo_refresh(core, false);
		/* Those left out who can hear us, if only by way of others, would not know otherwise. */
		if (!gab_set_empty(&left))
			topo_announce(core);
		order_submit(core);
	}
	free(m);
}

/* We missed an INSTALL that others got before its coordinator was lost: take it now, flush again. */
void
view_catchup(struct gab_core *core, unsigned src, struct wire_rd *r)
{
	struct gab_install *m = core_alloc(sizeof(*m));
	struct gab_att att;
	const uint8_t *body;
	size_t len;
	struct wire_rd br;

	gab_att_decode(r, &att);
	len = wire_rd_left(r);
	body = wire_rd_view(r, len);
	if (body == NULL) {
		core->stats.bad_messages++;
		free(m);
		return;
	}
	wire_rd_init(&br, body, len);
	if (!gab_install_decode(&br, m) || !gab_set_has(&m->members, core->conf.self) ||
	    !nodes_exist(core, &m->members)) {
		core->stats.bad_messages++;
	} else if (view_awaits(core, &att) && gab_set_has(&core->view.prom_members, src) &&
	    goes_on(core, m)) {
		core->stats.catchups++;
		/* Nobody can say which of our connections held since: assume the worst. */
		core->view.lost = m->members;
		install(core, m, body, len);
		port_note_clients(core);
		send_flush(core);
	}
	free(m);
}

void
view_abort(struct gab_core *core, unsigned src, const struct gab_att *att)
{
	if (src == att->coord && core->view.waiting &&
	    gab_att_compare(att, &core->view.promised) == 0)
		in_vain(core);
}

void
view_forgive(struct gab_core *core, uint64_t late)
{
	if (core->view.give_up_at != CORE_NEVER)
		core->view.give_up_at += late;
}

void
view_tick(struct gab_core *core)
{
	if (core->now < core->view.give_up_at)
		return;
	core->stats.watchdogs++;
	in_vain(core);
}

uint64_t
view_deadline(const struct gab_core *core)
{
	return core->view.give_up_at;
}
