/* SPDX-License-Identifier: ISC */
#include "gabd/topo.h"

#include <stdlib.h>

#include "common/clock.h"
#include "gabd/clique.h"
#include "gabd/core_priv.h"

/* News that are not urgent are held back for a moment: while a cluster boots they come in swarms. */
#define FLOOD_DELAY (1 * NSEC_PER_MSEC)
#define RELAY_DELAY (2 * NSEC_PER_MSEC)

void
topo_init(struct gab_core *core)
{
	struct topo_state *t = &core->topo;
	struct gab_topo *own;

	t->node = core_alloc(core->conf.max_nodes * sizeof(*t->node));
	t->flood_at = t->relay_at = CORE_NEVER;
	t->node[core->conf.self].known = true;
	gab_set_add(&t->known, core->conf.self);
	own = &t->node[core->conf.self].row;
	own->origin = core->conf.self;
	own->inc = core->conf.inc;
	own->version = 1;
	gab_set_add(&own->set, core->conf.self);
}

void
topo_fini(struct gab_core *core)
{
	free(core->topo.node);
}

/* Both ends say that they are connected. */
static bool
mutual(const struct topo_state *t, unsigned a, unsigned b)
{
	return t->node[a].known && t->node[b].known && gab_set_has(&t->node[a].row.set, b) &&
	    gab_set_has(&t->node[b].row.set, a);
}

static void
send_rows(struct gab_core *core, const struct gab_set *origins, const struct gab_set *dst)
{
	struct wire_wr *w = NULL;
	uint8_t *count = NULL;
	uint16_t n = 0;

	GAB_SET_EACH(origin, origins) {
		if (n == GAB_TOPO_MAX) {
			wire_put_u16(count, n);
			core_send(core, dst);
			n = 0;
		}
		if (n == 0) {
			w = core_begin(core, GAB_MSG_TOPO);
			count = wire_wr_reserve(w, 2);
		}
		gab_topo_encode(w, &core->topo.node[origin].row);
		n++;
	}
	if (n > 0) {
		wire_put_u16(count, n);
		core_send(core, dst);
	}
}

static void
flood(struct gab_core *core)
{
	struct gab_set self = { { 0 } };

	core->topo.flood_at = CORE_NEVER;
	if (gab_set_empty(&core->conn.open))
		return;
	gab_set_add(&self, core->conf.self);
	send_rows(core, &self, &core->conn.open);
}

/* by's row changes: those that it drops may be dead. We are not. */
static void
doubt(struct gab_core *core, unsigned by, const struct gab_set *now)
{
	struct topo_state *t = &core->topo;
	struct gab_set dropped = t->node[by].row.set;

	gab_set_sub(&dropped, now);
	gab_set_and(&dropped, &t->known);
	GAB_SET_EACH(node, &dropped)
		t->node[node].doubted = node != core->conf.self;
}

void
topo_refresh(struct gab_core *core, bool urgent)
{
	struct gab_topo *own = &core->topo.node[core->conf.self].row;
	struct gab_set set = core->conn.open;
	bool news;
	uint8_t flags = (core->seeded ? GAB_TOPO_SEEDED : 0) | (view_dirty(core) ? GAB_TOPO_DIRTY : 0) |
	    (conn_failing(core) ? GAB_TOPO_FAILING : 0);

	gab_set_add(&set, core->conf.self);
	/* The mark stays until the view is replaced; a new view alone is no news. */
	if (gab_vid_equal(&own->vid, &core->view.vid))
		flags |= own->flags & GAB_TOPO_DIRTY;
	news = !gab_set_equal(&set, &own->set) || (flags & ~own->flags) != 0 ||
	    ((flags ^ own->flags) & GAB_TOPO_FAILING) != 0;
	doubt(core, core->conf.self, &set);
	own->set = set;
	own->flags = flags;
	own->vid = core->view.vid;
	own->quorum_gen = core->view.quorum_gen;
	if (!news)
		return;
	own->version++;
	core->reconsider = true;
	if (urgent || (flags & GAB_TOPO_DIRTY) != 0)
		flood(core);
	else if (core->topo.flood_at == CORE_NEVER)
		core->topo.flood_at = core->now + FLOOD_DELAY;
}

void
topo_announce(struct gab_core *core)
{
	core->topo.node[core->conf.self].row.version++;
	flood(core);
}

void
topo_flush(struct gab_core *core)
{
	if (core->topo.flood_at != CORE_NEVER)
		flood(core);
}

void
topo_conn_up(struct gab_core *core, unsigned node)
{
	struct gab_set dst = { { 0 } };

	/* Also what we know of the node itself: after a restart it must count on from there. */
	gab_set_add(&dst, node);
	send_rows(core, &core->topo.known, &dst);
	topo_refresh(core, false);
}

static void
want_relay(struct gab_core *core, unsigned peer, unsigned origin)
{
	gab_set_add(&core->topo.node[peer].relay, origin);
	if (core->topo.relay_at == CORE_NEVER)
		core->topo.relay_at = core->now + RELAY_DELAY;
}

/* origin's row is new: pass it on where it cannot reach, and others' rows to it. */
static void
plan_relay(struct gab_core *core, unsigned src, unsigned origin)
{
	bool direct = gab_set_has(&core->conn.open, origin);

	GAB_SET_EACH(peer, &core->conn.open) {
		if ((unsigned)peer == origin || mutual(&core->topo, (unsigned)peer, origin))
			continue;
		if ((unsigned)peer != src)
			want_relay(core, (unsigned)peer, origin);
		if (direct)
			want_relay(core, origin, (unsigned)peer);
	}
}

static void
relay(struct gab_core *core)
{
	core->topo.relay_at = CORE_NEVER;
	GAB_SET_EACH(peer, &core->conn.open) {
		struct topo_node *node = &core->topo.node[peer];
		struct gab_set rows = { { 0 } }, dst = { { 0 } };

		gab_set_and(&node->relay, &core->topo.known);
		GAB_SET_EACH(origin, &node->relay)
			if (!mutual(&core->topo, (unsigned)peer, (unsigned)origin))
				gab_set_add(&rows, (unsigned)origin);
		gab_set_clear(&node->relay);
		gab_set_add(&dst, (unsigned)peer);
		send_rows(core, &rows, &dst);
	}
}

/* Somebody holds a row of ours that is newer than ours: from an earlier life. Count on from it. */
static void
own_row(struct gab_core *core, const struct gab_topo *row)
{
	struct gab_topo *own = &core->topo.node[core->conf.self].row;

	if (row->version < own->version || (row->inc == own->inc && row->version == own->version))
		return;
	own->version = row->version + 1;
	flood(core);
}

static void
take_row(struct gab_core *core, unsigned src, const struct gab_topo *row)
{
	struct topo_node *node;

	if (row->origin >= core->conf.max_nodes)
		return;
	if (row->origin == core->conf.self) {
		own_row(core, row);
		return;
	}
	node = &core->topo.node[row->origin];
	if (node->known && row->version <= node->row.version)
		return;
	doubt(core, row->origin, &row->set);
	node->known = true;
	node->doubted = false;
	node->row = *row;
	gab_set_add(&node->row.set, row->origin);
	gab_set_add(&core->topo.known, row->origin);
	core->reconsider = true;
	plan_relay(core, src, row->origin);
}

void
topo_recv(struct gab_core *core, unsigned src, struct wire_rd *r)
{
	uint32_t n = wire_rd_count16(r, GAB_TOPO_MIN_LEN, GAB_TOPO_MAX);
	struct gab_topo row;

	for (uint32_t i = 0; i < n && gab_topo_decode(r, &row); i++)
		take_row(core, src, &row);
	if (!wire_rd_done(r))
		core->stats.bad_messages++;
}

void
topo_tick(struct gab_core *core)
{
	if (core->now >= core->topo.flood_at)
		flood(core);
	if (core->now >= core->topo.relay_at)
		relay(core);
}

static bool
is_failing(const struct topo_state *t, unsigned node)
{
	return (t->node[node].row.flags & GAB_TOPO_FAILING) != 0;
}

/*
 * Its links fail; or lost by somebody whom it still claims, and silent since: most likely it is dead and
 * cannot know.
 */
static bool
suspect(const struct topo_state *t, const struct gab_set *nodes, unsigned node)
{
	if (is_failing(t, node))
		return true;
	if (!t->node[node].doubted)
		return false;
	GAB_SET_EACH(by, nodes)
		if (!is_failing(t, (unsigned)by) && gab_set_has(&t->node[node].row.set, (unsigned)by) &&
		    !gab_set_has(&t->node[by].row.set, node))
			return true;
	return false;
}

void
topo_reachable(const struct gab_core *core, struct gab_set *out)
{
	const struct topo_state *t = &core->topo;
	struct gab_set todo = { { 0 } };
	int v;

	gab_set_clear(out);
	gab_set_add(&todo, core->conf.self);
	while ((v = gab_set_first(&todo)) >= 0) {
		struct gab_set near = t->node[v].row.set;

		gab_set_add(out, (unsigned)v);
		gab_set_del(&todo, (unsigned)v);
		gab_set_and(&near, &t->known);
		gab_set_sub(&near, out);
		GAB_SET_EACH(u, &near)
			if (mutual(t, (unsigned)v, (unsigned)u))
				gab_set_add(&todo, (unsigned)u);
	}
}

static void
in_view(const struct topo_state *t, const struct gab_set *nodes, const struct gab_vid *vid,
    struct gab_set *out)
{
	gab_set_clear(out);
	GAB_SET_EACH(node, nodes)
		if (gab_vid_equal(&t->node[node].row.vid, vid))
			gab_set_add(out, (unsigned)node);
}

/* Who is together in a view, as far as they say. */
struct together {
	struct gab_set nodes;
	uint32_t quorum_gen, gen;
};

/* Is it to go on rather than the other, if not all can? */
static bool
goes_before(const struct together *a, const struct together *b)
{
	unsigned n = gab_set_count(&a->nodes), m = gab_set_count(&b->nodes);

	if (a->quorum_gen != b->quorum_gen)
		return a->quorum_gen > b->quorum_gen;
	return n != m ? n > m : a->gen > b->gen;
}

/*
 * Who is still in the view with a quorum, or in what is left of the last one. If there are no quorums: in our
 * view, or in one not older that has more, or in a newer one that has as many. All its members say so when it
 * leaves somebody out who could take part: nobody else has to know.
 */
static void
present_view(const struct gab_core *core, const struct gab_set *nodes, struct gab_set *out)
{
	const struct topo_state *t = &core->topo;
	const struct view_state *own = &core->view;
	const struct gab_vid *seen = &own->vid;
	struct together best = { .quorum_gen = own->quorum_gen, .gen = own->vid.gen };

	topo_still_in(core, &own->members, &own->vid, &best.nodes);
	gab_set_and(&best.nodes, nodes);
	GAB_SET_EACH(node, nodes) {
		const struct gab_topo *row = &t->node[node].row;
		struct together other = { .quorum_gen = row->quorum_gen, .gen = row->vid.gen };

		/* What is older it may have said before it came to us. */
		if (row->vid.gen == 0 || gab_vid_equal(&row->vid, seen) ||
		    (row->vid.gen < own->vid.gen && row->quorum_gen <= own->quorum_gen))
			continue;
		seen = &row->vid;
		in_view(t, nodes, &row->vid, &other.nodes);
		if (goes_before(&other, &best))
			best = other;
	}
	*out = best.nodes;
}

/* The graph in numbers 0..n-1 in order of ids. True if everybody is connected to everybody. */
static bool
build_graph(const struct gab_core *core, const struct gab_set *nodes, const uint16_t *ids,
    struct clique_graph *g)
{
	const struct topo_state *t = &core->topo;
	struct gab_set present;
	bool full = true;

	present_view(core, nodes, &present);
	for (unsigned i = 0; i < g->n; i++) {
		gab_set_clear(&g->adj[i]);
		for (unsigned j = 0; j < g->n; j++) {
			if (i == j)
				continue;
			if (mutual(t, ids[i], ids[j]))
				gab_set_add(&g->adj[i], j);
			else
				full = false;
		}
		if (suspect(t, nodes, ids[i]))
			gab_set_add(&g->suspect, i);
		if (gab_set_has(&present, ids[i]))
			gab_set_add(&g->present, i);
	}
	return full;
}

bool
topo_intact(const struct gab_core *core, const struct gab_set *nodes)
{
	GAB_SET_EACH(a, nodes)
		for (int b = gab_set_next(nodes, a); b >= 0; b = gab_set_next(nodes, b))
			if (!mutual(&core->topo, (unsigned)a, (unsigned)b))
				return false;
	return true;
}

/* nodes, and who of them is connected to whom. */
struct meshed {
	struct clique_graph g;
	uint16_t ids[LLT_MAX_NODES];
	unsigned self; /* as a number of the graph */
	bool full;     /* everybody is connected to everybody */
};

static void
mesh_of(const struct gab_core *core, const struct gab_set *nodes, struct meshed *m)
{
	m->g = (struct clique_graph){ .n = gab_set_list(nodes, m->ids) };
	m->g.adj = core_alloc(m->g.n * sizeof(*m->g.adj));
	m->full = build_graph(core, nodes, m->ids, &m->g);
	m->self = 0;
	while (m->ids[m->self] != core->conf.self)
		m->self++;
}

static void
nodes_of(const struct meshed *m, const struct gab_set *pick, struct gab_set *out)
{
	gab_set_clear(out);
	GAB_SET_EACH(i, pick)
		gab_set_add(out, m->ids[i]);
}

static void
favour(struct meshed *m, const struct gab_set *nodes)
{
	for (unsigned i = 0; i < m->g.n; i++)
		if (gab_set_has(nodes, m->ids[i]))
			gab_set_add(&m->g.favoured, i);
}

/* As topo_target(), of nodes that rows lead to; favoured: by whom of them equals differ, or NULL. */
static bool
best_of(const struct gab_core *core, const struct gab_set *nodes, const struct gab_set *favoured,
    struct gab_set *out)
{
	struct meshed m;
	struct gab_set pick;
	bool best = true;

	mesh_of(core, nodes, &m);
	if (favoured != NULL)
		favour(&m, favoured);
	if (m.full) {
		*out = *nodes;
	} else {
		best = clique_of(&m.g, m.self, &pick);
		nodes_of(&m, &pick, out);
	}
	free(m.g.adj);
	return best;
}

/* The largest that anybody may be in. */
static void
largest(const struct gab_core *core, const struct gab_set *nodes, struct gab_set *out)
{
	struct meshed m;
	struct gab_set pick;

	mesh_of(core, nodes, &m);
	clique_best(&m.g, m.self, &pick);
	nodes_of(&m, &pick, out);
	free(m.g.adj);
}

bool
topo_target(const struct gab_core *core, const struct gab_set *within, struct gab_set *out)
{
	struct gab_set nodes, best;

	topo_reachable(core, &nodes);
	if (within == NULL)
		return best_of(core, &nodes, NULL, out);
	/* Of two parts of the same size that one goes on which others can join. */
	largest(core, &nodes, &best);
	gab_set_and(&nodes, within);
	return best_of(core, &nodes, &best, out);
}

unsigned
topo_most_with_us(const struct gab_core *core, const struct gab_set *nodes)
{
	struct gab_set near = { { 0 } }, pick;

	GAB_SET_EACH(node, nodes)
		if ((unsigned)node == core->conf.self ||
		    mutual(&core->topo, core->conf.self, (unsigned)node))
			gab_set_add(&near, (unsigned)node);
	gab_set_add(&near, core->conf.self);
	best_of(core, &near, NULL, &pick);
	return gab_set_count(&pick);
}

bool
topo_seeded(const struct gab_core *core, const struct gab_set *nodes)
{
	GAB_SET_EACH(node, nodes)
		if ((core->topo.node[node].row.flags & GAB_TOPO_SEEDED) != 0)
			return true;
	return false;
}

bool
topo_dirty(const struct gab_core *core, const struct gab_set *nodes, const struct gab_vid *vid)
{
	GAB_SET_EACH(node, nodes) {
		const struct gab_topo *row = &core->topo.node[node].row;

		if ((row->flags & GAB_TOPO_DIRTY) != 0 && gab_vid_equal(&row->vid, vid))
			return true;
	}
	return false;
}

void
topo_still_in(const struct gab_core *core, const struct gab_set *nodes, const struct gab_vid *vid,
    struct gab_set *out)
{
	*out = *nodes;
	GAB_SET_EACH(node, nodes)
		if (core->topo.node[node].row.vid.gen > vid->gen)
			gab_set_del(out, (unsigned)node);
}

unsigned
topo_gone_on(const struct gab_core *core, const struct gab_set *nodes, const struct gab_vid *vid)
{
	struct gab_set still;

	topo_still_in(core, nodes, vid, &still);
	return gab_set_count(nodes) - gab_set_count(&still);
}
