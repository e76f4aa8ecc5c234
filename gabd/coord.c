/* SPDX-License-Identifier: ISC */
#include "gabd/coord.h"

#include <stdlib.h>

#include "common/clock.h"
#include "gabd/core_priv.h"
#include "gabd/rules.h"

#define RETRY_FIRST (2 * NSEC_PER_MSEC)
#define RETRY_DOUBLINGS 5
#define GUARD (1 * NSEC_PER_SEC)
#define PATIENCE (50 * NSEC_PER_MSEC) /* before a member that nobody lost has to go for others */
#define SETTLE_ROUNDS 8 /* a target that goes on changing is waited for at most that many times */

void
coord_init(struct gab_core *core)
{
	struct coord_state *c = &core->coord;

	c->flush = core_alloc(core->conf.max_nodes * sizeof(*c->flush));
	c->final = core_alloc(core->conf.max_nodes * sizeof(*c->final));
	c->restart_at = c->settle_at = c->wake_at = CORE_NEVER;
}

static void
drop_flush(struct coord_state *c, unsigned node)
{
	free(c->flush[node]);
	c->flush[node] = NULL;
}

static void
stop(struct gab_core *core)
{
	struct coord_state *c = &core->coord;

	GAB_SET_EACH(node, &c->members)
		drop_flush(c, (unsigned)node);
	gab_set_clear(&c->missing);
	gab_set_clear(&c->unfilled);
	c->running = false;
	c->restart_at = CORE_NEVER;
}

void
coord_fini(struct gab_core *core)
{
	stop(core);
	free(core->coord.flush);
	free(core->coord.final);
}

void
coord_abandon(struct gab_core *core)
{
	struct coord_state *c = &core->coord;

	if (!c->running)
		return;
	core_trace(core, "abandon %u", c->att.num);
	stop(core);
	gab_att_encode(core_begin(core, GAB_MSG_ABORT), &c->att);
	core_send(core, &c->members);
	core->reconsider = true;
}

static void
start(struct gab_core *core, const struct gab_set *target)
{
	struct coord_state *c = &core->coord;
	struct gab_propose m;

	if (core->view.max_num >= GAB_GEN_MAX)
		return;
	c->att.num = ++core->view.max_num;
	c->att.coord = core->conf.self;
	c->members = c->missing = *target;
	gab_set_clear(&c->unfilled);
	c->running = true;
	c->restart_at = core->now + GUARD;
	c->settle_at = CORE_NEVER;
	core->stats.attempts++;
	core_trace(core, "propose %u: %u nodes", c->att.num, gab_set_count(target));
	topo_flush(core);
	m.att = c->att;
	m.members = *target;
	gab_propose_encode(core_begin(core, GAB_MSG_PROPOSE), &m);
	core_send(core, target);
}

static void
wake(struct gab_core *core, uint64_t at)
{
	if (at < core->coord.wake_at)
		core->coord.wake_at = at;
}

/* More news may be about to come: true when the target has stayed the same for long enough. */
static bool
settled(struct gab_core *core, const struct gab_set *target, uint64_t wait)
{
	struct coord_state *c = &core->coord;

	if (c->settle_at == CORE_NEVER || !gab_set_equal(target, &c->settling)) {
		if (c->settle_at == CORE_NEVER)
			c->settle_max = core->now + SETTLE_ROUNDS * wait;
		c->settling = *target;
		c->settle_at = core->now + wait;
		if (c->settle_at > c->settle_max)
			c->settle_at = c->settle_max;
	}
	wake(core, c->settle_at);
	return core->now >= c->settle_at;
}

/* May we, of all nodes, start an attempt for this target now? If only later, sets the timer. */
static bool
our_turn(struct gab_core *core, const struct gab_set *target)
{
	const struct view_state *v = &core->view;
	uint64_t alone_at = core->started + core->conf.alone;

	/* Somebody's attempt that is still alive goes first. */
	if ((v->flushed && v->waiting) || gab_set_first(target) != core->conf.self)
		return false;
	if (core->now < core->coord.retry_at) {
		wake(core, core->coord.retry_at);
		return false;
	}
	if (rules_may_form(&core->conf, core->seeded || topo_seeded(core, target),
	    gab_set_count(target), core->now, alone_at))
		return true;
	if (core->now < alone_at)
		wake(core, alone_at);
	return false;
}

bool
coord_closed(const struct gab_core *core)
{
	const struct view_state *v = &core->view;

	return v->flushed || view_dirty(core) ||
	    (v->vid.gen != 0 && topo_dirty(core, &v->members, &v->vid));
}

/*
 * What our next view should be, and how long to wait for it (0: not at all). News of connections come
 * one by one, so while nodes join, the largest clique may for a moment be one without a member who
 * is well. So a loss is answered among the members alone, and joins come afterwards; and a member
 * whom nobody lost goes only for a clique that stays the largest. Nor do all find out a loss at the
 * same moment: who does first sees the others still holding on to what it lost, and would be better
 * off without itself. If so, they will tell it.
 */
static uint64_t
decide(const struct gab_core *core, struct gab_set *target)
{
	const struct view_state *v = &core->view;
	unsigned gone = topo_gone_on(core, &v->members, &v->vid);
	struct gab_set rest;
	bool best = topo_target(core, NULL, target);

	if (gab_set_subset(&v->members, target))
		return coord_closed(core) ? 0 : core->conf.settle;
	if (gone > 0)
		return best || 2 * gone >= gab_set_count(&v->members) ? 0 : core->conf.patience;
	best = topo_target(core, &v->members, &rest);
	if (gab_set_equal(&rest, &v->members) && !coord_closed(core))
		return PATIENCE;
	*target = rest;
	return best ? 0 : core->conf.patience;
}

static bool
due(struct gab_core *core, const struct gab_set *target, uint64_t wait)
{
	if (gab_set_equal(target, &core->view.members) && !coord_closed(core)) {
		core->coord.settle_at = CORE_NEVER;
		return topo_gone_on(core, target, &core->view.vid) > 0;
	}
	return wait == 0 || settled(core, target, wait);
}

static void
consider(struct gab_core *core)
{
	struct coord_state *c = &core->coord;
	struct gab_set target;
	uint64_t wait;

	c->wake_at = CORE_NEVER;
	if (c->running) {
		if (topo_intact(core, &c->members))
			return;
		coord_abandon(core);
	}
	wait = decide(core, &target);
	if (!our_turn(core, &target))
		c->settle_at = CORE_NEVER;
	else if (due(core, &target, wait))
		start(core, &target);
}

void
coord_evaluate(struct gab_core *core)
{
	if (!core->reconsider || core->stopped)
		return;
	core->reconsider = false;
	consider(core);
}

/* ---- what the members said ---- */

static struct gab_flush *
said(const struct gab_core *core, int node)
{
	return core->coord.flush[node];
}

/* of missed the INSTALL of by's view, although it was ready for it. */
static bool
missed(const struct gab_flush *of, int node, const struct gab_flush *by)
{
	return of->vid.gen != 0 && by->vid.gen > of->vid.gen && gab_vid_equal(&of->vid, &by->prev) &&
	    gab_set_has(&by->kept, (unsigned)node) && of->high == by->prev_final;
}

static bool
bring_up(struct gab_core *core, int node)
{
	struct coord_state *c = &core->coord;

	GAB_SET_EACH(helper, &c->members) {
		struct gab_fetch m = { .att = c->att, .dst = (uint16_t)node };

		if (!missed(said(core, node), node, said(core, helper)))
			continue;
		m.vid = said(core, helper)->vid;
		gab_fetch_encode(core_begin(core, GAB_MSG_FORWARD), &m);
		core_send_one(core, (unsigned)helper);
		return true;
	}
	return false;
}

/* True if somebody has to catch up with a whole view first; he will flush again. */
static bool
catch_up(struct gab_core *core)
{
	struct coord_state *c = &core->coord;
	struct gab_set behind = { { 0 } };

	GAB_SET_EACH(node, &c->members)
		if (bring_up(core, node))
			gab_set_add(&behind, (unsigned)node);
	GAB_SET_EACH(node, &behind)
		drop_flush(c, (unsigned)node);
	c->missing = behind;
	return !gab_set_empty(&behind);
}

/* Of those who come from node's view: the one who has most of it. */
static int
owner_of(const struct gab_core *core, int node)
{
	int best = node;

	GAB_SET_EACH(other, &core->coord.members)
		if (gab_vid_equal(&said(core, other)->vid, &said(core, node)->vid) &&
		    (said(core, other)->high > said(core, best)->high ||
		    (said(core, other)->high == said(core, best)->high && other < best)))
			best = other;
	return best;
}

static void
fill_gaps(struct gab_core *core)
{
	struct coord_state *c = &core->coord;

	GAB_SET_EACH(node, &c->members) {
		int owner = owner_of(core, node);
		struct gab_fetch m = { .att = c->att, .vid = said(core, node)->vid,
			.dst = (uint16_t)node, .from = said(core, node)->high + 1,
			.to = said(core, owner)->high };

		c->final[node] = m.to;
		if (m.vid.gen == 0 || m.from > m.to || core_breaks(core, GAB_BREAK_FLUSH))
			continue;
		core->stats.fills++;
		gab_set_add(&c->unfilled, (unsigned)node);
		gab_fetch_encode(core_begin(core, GAB_MSG_FETCH), &m);
		core_send_one(core, (unsigned)owner);
	}
}

static struct rules_side
side_of(const struct gab_core *core, int node, struct gab_set *nodes)
{
	struct rules_side side = { 0 };

	gab_set_clear(nodes);
	GAB_SET_EACH(other, &core->coord.members)
		if (gab_vid_equal(&said(core, other)->vid, &said(core, node)->vid))
			gab_set_add(nodes, (unsigned)other);
	side.quorate = (said(core, node)->flags & GAB_FLUSH_QUORATE) != 0;
	if (!core_breaks(core, GAB_BREAK_QUORUM))
		side.quorum_gen = said(core, node)->quorum_gen;
	side.nodes = gab_set_count(nodes);
	side.lowest = (unsigned)gab_set_first(nodes);
	return side;
}

/* Which of the old views keeps its state: a node of it that has all its messages, or -1. */
static int
choose(const struct gab_core *core, struct gab_set *kept)
{
	struct rules_side best = { 0 };
	struct gab_set nodes, seen = { { 0 } };
	int pick = -1;

	gab_set_clear(kept);
	GAB_SET_EACH(node, &core->coord.members) {
		struct rules_side side;

		if (said(core, node)->vid.gen == 0 || gab_set_has(&seen, (unsigned)node))
			continue;
		side = side_of(core, node, &nodes);
		gab_set_or(&seen, &nodes);
		if (pick >= 0 && rules_compare(&side, &best) < 0)
			continue;
		best = side;
		*kept = nodes;
		pick = owner_of(core, node);
	}
	return pick;
}

static void
merge_port(struct gab_core *core, struct gab_install *m, const struct gab_flush *base, unsigned port,
    bool all_new)
{
	struct gab_port_row *row = &m->ports.row[port];
	bool lost = false;

	if (base != NULL) {
		row->members = base->ports.row[port].members;
		row->vid = base->ports.row[port].vid;
		lost = !gab_set_subset(&row->members, &m->kept);
		gab_set_and(&row->members, &m->kept);
	}
	GAB_SET_EACH(node, &m->members)
		if (!gab_set_has(&m->kept, (unsigned)node) &&
		    (said(core, node)->clients >> port & 1) != 0)
			gab_set_add(&row->joined, (unsigned)node);
	gab_set_or(&row->members, &row->joined);
	if (gab_set_empty(&row->members)) {
		row->vid = (struct gab_vid){ 0 };
	} else if (lost || all_new || !gab_set_empty(&row->joined)) {
		row->vid = m->vid;
		row->vid.gen = ++m->gen;
	}
}

static uint32_t
next_gen(const struct gab_core *core)
{
	uint32_t gen = core->gen;

	if (!core_breaks(core, GAB_BREAK_GEN))
		GAB_SET_EACH(node, &core->coord.members)
			if (said(core, node)->gen > gen)
				gen = said(core, node)->gen;
	return gen + 1;
}

static void
compose(struct gab_core *core, struct gab_install *m)
{
	struct coord_state *c = &core->coord;
	int pick = choose(core, &m->kept);
	const struct gab_flush *base = pick < 0 ? NULL : said(core, pick);
	bool was_quorate = base != NULL && (base->flags & GAB_FLUSH_QUORATE) != 0;
	bool all_new;

	m->att = c->att;
	m->vid.gen = m->gen = next_gen(core);
	m->vid.coord = core->conf.self;
	m->vid.inc = core->conf.inc;
	m->members = c->members;
	if (base != NULL) {
		m->prev = base->vid;
		m->prev_final = c->final[pick];
	}
	m->quorate = rules_quorate(&core->conf, gab_set_count(&m->members), was_quorate);
	if (core->conf.quorum != GAB_QUORUM_NONE)
		m->quorum_gen = m->quorate ? m->vid.gen : base != NULL ? base->quorum_gen : 0;
	all_new = m->quorate != was_quorate;
	GAB_SET_EACH(node, &m->kept)
		all_new = all_new || (said(core, node)->flags & GAB_FLUSH_LOSSY) != 0;
	for (unsigned port = 1; port < GAB_NPORTS; port++)
		merge_port(core, m, base, port, all_new);
}

static void
install(struct gab_core *core)
{
	struct coord_state *c = &core->coord;
	struct gab_install *m = core_alloc(sizeof(*m));

	compose(core, m);
	if (m->gen < GAB_GEN_MAX) {
		gab_install_encode(core_begin(core, GAB_MSG_INSTALL), m);
		core_send(core, &c->members);
		c->installed = c->att.num;
	}
	free(m);
	stop(core);
	c->refusals = 0;
}

/* A row of an earlier life of some node may have made us believe that it is seeded. */
static bool
still_may_form(struct gab_core *core)
{
	struct coord_state *c = &core->coord;
	bool seeded = core->seeded;

	GAB_SET_EACH(node, &c->members)
		seeded = seeded || (said(core, node)->flags & GAB_FLUSH_SEEDED) != 0;
	return rules_may_form(
	    &core->conf, seeded, gab_set_count(&c->members), core->now, core->started + core->conf.alone);
}

static void
try_later(struct gab_core *core)
{
	struct coord_state *c = &core->coord;
	unsigned shift = c->refusals < RETRY_DOUBLINGS ? c->refusals : RETRY_DOUBLINGS;

	c->refusals++;
	c->retry_at = core->now + (RETRY_FIRST << shift);
	core->stats.retries++;
	coord_abandon(core);
}

static void
all_flushed(struct gab_core *core)
{
	if (!still_may_form(core)) {
		try_later(core);
		return;
	}
	if (catch_up(core))
		return;
	fill_gaps(core);
	if (gab_set_empty(&core->coord.unfilled))
		install(core);
}

void
coord_flush(struct gab_core *core, unsigned src, struct wire_rd *r)
{
	struct coord_state *c = &core->coord;
	struct gab_flush *f = core_alloc(sizeof(*f));

	if (!gab_flush_decode(r, f)) {
		core->stats.bad_messages++;
		free(f);
		return;
	}
	if (!c->running || gab_att_compare(&f->att, &c->att) != 0 || !gab_set_has(&c->missing, src)) {
		core->stats.stale_messages++;
		free(f);
		return;
	}
	free(c->flush[src]);
	c->flush[src] = f;
	gab_set_del(&c->missing, src);
	if (gab_set_empty(&c->missing))
		all_flushed(core);
}

void
coord_ready(struct gab_core *core, unsigned src, const struct gab_ready *m)
{
	struct coord_state *c = &core->coord;

	if (!c->running || gab_att_compare(&m->att, &c->att) != 0 ||
	    !gab_set_has(&c->unfilled, src) || m->high != c->final[src])
		return;
	gab_set_del(&c->unfilled, src);
	if (gab_set_empty(&c->unfilled))
		install(core);
}

/*
 * Two coordinators that do not see each other can take a member from one another for ever, each before the
 * other's view is there.
 */
static void
pause_undone(struct gab_core *core)
{
	struct coord_state *c = &core->coord;
	unsigned shift;

	if (core->now > c->undone_at + GUARD)
		c->undone = 0;
	shift = c->undone < RETRY_DOUBLINGS ? c->undone : RETRY_DOUBLINGS;
	c->undone++;
	c->undone_at = core->now;
	if (c->retry_at < core->now + (RETRY_FIRST << shift))
		c->retry_at = core->now + (RETRY_FIRST << shift);
}

void
coord_nack(struct gab_core *core, unsigned src, const struct gab_nack *m)
{
	struct coord_state *c = &core->coord;

	if (m->att.coord != core->conf.self)
		return;
	view_see_num(core, m->num);
	if (c->running && gab_att_compare(&m->att, &c->att) == 0) {
		try_later(core);
		return;
	}
	/* It did not take our INSTALL: it went after a higher attempt meanwhile. */
	if (gab_set_has(&core->view.members, src) && !gab_set_has(&core->view.lost, src) &&
	    m->att.num == c->installed) {
		gab_set_add(&core->view.lost, src);
		core->reconsider = true;
		pause_undone(core);
		topo_refresh(core, true);
	}
}

void
coord_forgive(struct gab_core *core, uint64_t late)
{
	if (core->coord.restart_at != CORE_NEVER)
		core->coord.restart_at += late;
}

void
coord_tick(struct gab_core *core)
{
	struct coord_state *c = &core->coord;

	if (c->running && core->now >= c->restart_at) {
		core->stats.watchdogs++;
		try_later(core);
	}
	if (core->now >= c->wake_at)
		core->reconsider = true;
}

uint64_t
coord_deadline(const struct gab_core *core)
{
	const struct coord_state *c = &core->coord;

	return c->running ? c->restart_at : c->wake_at;
}
