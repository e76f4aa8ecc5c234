/* SPDX-License-Identifier: ISC */
/* What must always hold, looked at from above. */
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "tests/sim/sim.h"

#define BUCKETS 4096
#define MAX_QUEUED_ITEMS 100000

/* A view of nodes (port 0), a view of a port, or a step from one port view to the next (from.gen != 0). */
struct chk_key {
	uint32_t port;
	uint32_t gen, from_gen;
	uint32_t coord, from_coord;
	uint64_t inc, from_inc;
};

struct chk_entry {
	struct chk_entry *next;
	struct chk_key key;
	struct gab_set members, joined;
	/* views of nodes */
	struct gab_set installed, fresh;
	struct gab_vid prev[SIM_NODES]; /* by index of the node */
	bool knows_quorum;
	uint32_t quorum; /* the last view with a quorum that its state has been in, 0: none */
	/* views of ports: the order of messages, as far as anybody has delivered */
	uint64_t *order;
	size_t len, size;
	/* steps: what was delivered before */
	uint64_t hash, count;
	unsigned by;
};

struct chk {
	struct chk_entry *bucket[BUCKETS];
};

void
chk_new(struct sim *s)
{
	s->chk = calloc(1, sizeof(*s->chk));
}

void
chk_free(struct sim *s)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		while (s->chk->bucket[i] != NULL) {
			struct chk_entry *e = s->chk->bucket[i];

			s->chk->bucket[i] = e->next;
			free(e->order);
			free(e);
		}
	free(s->chk);
	s->chk = NULL;
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static struct chk_entry *
entry(struct sim *s, unsigned port, const struct gab_vid *vid, const struct gab_vid *from, bool *is_new)
{
	struct chk_key key;
	struct chk_entry **at, *e;
	uint64_t h;

	memset(&key, 0, sizeof(key));
	key.port = port;
	key.gen = vid->gen;
	key.coord = vid->coord;
	key.inc = vid->inc;
	if (from != NULL) {
		key.from_gen = from->gen;
		key.from_coord = from->coord;
		key.from_inc = from->inc;
	}
	h = mix(mix(mix(mix(key.port, key.gen), key.inc + key.coord), key.from_gen), key.from_inc);
	at = &s->chk->bucket[h % BUCKETS];
	for (e = *at; e != NULL; e = e->next)
		if (memcmp(&e->key, &key, sizeof(key)) == 0) {
			*is_new = false;
			return e;
		}
	e = calloc(1, sizeof(*e));
	e->key = key;
	e->next = *at;
	*at = e;
	*is_new = true;
	return e;
}

/* ---- views of nodes ---- */

struct side {
	struct gab_vid vid;
	unsigned nodes, lowest;
	bool fresh, kept;
	const struct chk_entry *view;
};

/* What its state has seen: of a view that those who keep theirs have installed. */
static void
note_quorum(struct sim *s, struct chk_entry *e, const struct gab_vid *from, const struct gab_node_view *v)
{
	const struct chk_entry *before;
	bool is_new;

	if (v->quorate) {
		e->quorum = v->vid.gen;
		e->knows_quorum = true;
	} else if (!v->fresh) {
		before = entry(s, 0, from, NULL, &is_new);
		e->quorum = before->quorum;
		e->knows_quorum = before->knows_quorum;
	}
}

static bool
forgets(const struct chk_entry *kept, const struct chk_entry *other)
{
	return kept->knows_quorum && kept->quorum != kept->key.gen && other->knows_quorum &&
	    other->quorum > kept->quorum;
}

/*
 * What was agreed with a quorum nobody may forget who was there: its state goes on. But there may be a quorum of
 * nodes that have restarted since, and know nothing of it.
 */
static void
check_quorums(struct sim *s, const struct chk_entry *e, const struct side *sides, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < n; k++)
			if (sides[k].kept && forgets(sides[k].view, sides[i].view))
				sim_fail(s, "view %u: the state of the quorum of view %u is not kept, but that of %u",
				    e->key.gen, sides[i].view->quorum, sides[k].view->quorum);
}

/* Everybody is in: exactly one of the views that met went on, and the right one. */
static void
check_merge(struct sim *s, const struct chk_entry *e)
{
	struct side sides[SIM_NODES];
	unsigned n = 0, kept = 0, best = 0;
	bool is_new;

	for (unsigned i = 0; i < s->nodes; i++) {
		struct side *x = sides;

		if (!gab_set_has(&e->members, s->node[i].id) || e->prev[i].gen == 0)
			continue;
		while (x < sides + n && !gab_vid_equal(&x->vid, &e->prev[i]))
			x++;
		if (x == sides + n) {
			n++;
			memset(x, 0, sizeof(*x));
			x->vid = e->prev[i];
			x->lowest = s->node[i].id;
			x->view = entry(s, 0, &x->vid, NULL, &is_new);
		}
		x->nodes++;
		if (gab_set_has(&e->fresh, s->node[i].id))
			x->fresh = true;
		else
			x->kept = true;
	}
	for (unsigned i = 0; i < n; i++) {
		kept += sides[i].kept;
		if (sides[i].fresh && sides[i].kept)
			sim_fail(s, "view %u: one side in part fresh, in part not", e->key.gen);
		if (sides[i].nodes > sides[best].nodes ||
		    (sides[i].nodes == sides[best].nodes && sides[i].lowest < sides[best].lowest))
			best = i;
	}
	if (n > 0 && kept != 1)
		sim_fail(s, "view %u: %u of %u sides keep their state", e->key.gen, kept, n);
	if (n > 0 && !sides[best].kept && s->core_conf.quorum == GAB_QUORUM_NONE)
		sim_fail(s, "view %u: not the larger side keeps its state", e->key.gen);
	if (s->core_conf.quorum == GAB_QUORUM_MAJORITY)
		check_quorums(s, e, sides, n);
}

void
chk_node_view(struct sim *s, struct sim_node *n, const struct gab_node_view *v)
{
	bool is_new;
	struct chk_entry *e = entry(s, 0, &v->vid, NULL, &is_new);
	unsigned count = gab_set_count(&v->members);

	sim_trace(s, "view %u: gen %u by %u, %u members%s%s", n->id, v->vid.gen, v->vid.coord, count,
	    v->fresh ? ", fresh" : "", v->quorate ? "" : ", not quorate");
	if (is_new) {
		e->members = v->members;
		s->views++;
	}
	if (!gab_set_equal(&e->members, &v->members))
		sim_fail(s, "view %u by %u has other members at node %u", v->vid.gen, v->vid.coord, n->id);
	if (v->vid.gen <= n->vid.gen)
		sim_fail(s, "node %u: generation %u after %u", n->id, v->vid.gen, n->vid.gen);
	if (!gab_set_has(&v->members, n->id) || gab_set_has(&e->installed, n->id))
		sim_fail(s, "node %u: not its view, or twice", n->id);
	if (s->core_conf.quorum == GAB_QUORUM_MAJORITY &&
	    v->quorate != (count > s->core_conf.expected / 2))
		sim_fail(s, "node %u: wrong about quorum with %u members", n->id, count);
	note_quorum(s, e, &n->vid, v);
	e->prev[n->idx] = n->vid;
	gab_set_add(&e->installed, n->id);
	if (v->fresh) {
		gab_set_add(&e->fresh, n->id);
		s->fresh_views++;
		n->put_out++;
	}
	n->vid = v->vid;
	n->fresh = v->fresh;
	if (gab_set_equal(&e->installed, &e->members))
		check_merge(s, e);
}

/* ---- views of ports ---- */

static void
list_to_set(struct gab_set *set, const uint16_t *ids, unsigned n)
{
	gab_set_clear(set);
	for (unsigned i = 0; i < n; i++)
		gab_set_add(set, ids[i]);
}

/* All that go this step together have delivered the same messages in the same order. */
static void
check_step(struct sim *s, struct sim_node *n, unsigned port, const struct sim_client *c,
    const struct gab_vid *to)
{
	bool is_new;
	struct chk_entry *e = entry(s, port, to, &c->vid, &is_new);

	if (is_new) {
		e->hash = c->hash;
		e->count = c->count;
		e->by = n->id;
	} else if (e->hash != c->hash || e->count != c->count) {
		sim_fail(s, "port %c: nodes %u and %u go from %u to %u together with %llu and %llu messages",
		    'a' + port, e->by, n->id, c->vid.gen, to->gen, (unsigned long long)e->count,
		    (unsigned long long)c->count);
	}
}

static void
check_members(struct sim *s, struct sim_node *n, unsigned port, const struct sim_client *c,
    const struct gab_ev_view *v, const struct gab_set *members, const struct gab_set *joined)
{
	struct gab_set left, expect, came;

	list_to_set(&left, v->left, v->nleft);
	if (!gab_set_has(members, n->id) || v->self != n->id || !gab_set_subset(joined, members))
		sim_fail(s, "node %u port %c: senseless view %u", n->id, 'a' + port, v->gen);
	if (v->fresh) {
		if (!gab_set_has(joined, n->id) || v->nleft != 0)
			sim_fail(s, "node %u port %c: fresh, but not joined", n->id, 'a' + port);
		return;
	}
	if (!c->in_view || gab_set_has(joined, n->id))
		sim_fail(s, "node %u port %c: new in view %u, but not fresh", n->id, 'a' + port, v->gen);
	expect = c->members;
	gab_set_sub(&expect, members);
	came = *members;
	gab_set_sub(&came, &c->members);
	if (!gab_set_equal(&left, &expect) || !gab_set_subset(&came, joined))
		sim_fail(s, "node %u port %c: left or joined of view %u are wrong", n->id, 'a' + port, v->gen);
}

static void
start_view(struct sim *s, struct sim_client *c, const struct gab_vid *vid, bool fresh,
    const struct gab_set *members, const struct gab_set *joined)
{
	c->vid = *vid;
	c->members = *members;
	c->in_view = true;
	c->hash = c->count = 0;
	memset(c->uni_in, 0, sizeof(c->uni_in));
	memset(c->uni_out, 0, sizeof(c->uni_out));
	for (unsigned i = 0; i < s->nodes; i++)
		if (fresh || gab_set_has(joined, s->node[i].id) || !gab_set_has(members, s->node[i].id))
			c->from[i] = 0;
	if (fresh)
		c->back = c->sent;
}

void
chk_port_view(struct sim *s, struct sim_node *n, unsigned port, uint32_t inst,
    const struct gab_ev_view *v)
{
	int i = client_of_port(port);
	struct sim_client *c = &n->client[i < 0 ? 0 : i];
	struct gab_vid vid = gab_core_port(n->core, port)->vid;
	struct gab_set members, joined;
	struct chk_entry *e;
	bool is_new;

	list_to_set(&members, v->members, v->nmembers);
	list_to_set(&joined, v->joined, v->njoined);
	sim_trace(s, "port %u:%c gen %u, %u members, %u joined, %u left%s", n->id, 'a' + port, v->gen,
	    v->nmembers, v->njoined, v->nleft, v->fresh ? ", fresh" : "");
	/* Its own registration may come back before it knows its instance. */
	if (i < 0 || (c->inst != 0 && c->inst != inst) || c->uid == 0) {
		sim_fail(s, "node %u port %c: view for nobody", n->id, 'a' + port);
		return;
	}
	e = entry(s, port, &vid, NULL, &is_new);
	if (is_new) {
		e->members = members;
		e->joined = joined;
	}
	if (!gab_set_equal(&e->members, &members) || !gab_set_equal(&e->joined, &joined))
		sim_fail(s, "port %c view %u differs at node %u", 'a' + port, v->gen, n->id);
	if (v->gen != vid.gen || (c->in_view && v->gen <= c->vid.gen))
		sim_fail(s, "node %u port %c: generation %u after %u", n->id, 'a' + port, v->gen, c->vid.gen);
	check_members(s, n, port, c, v, &members, &joined);
	if (c->in_view)
		check_step(s, n, port, c, &vid);
	start_view(s, c, &vid, v->fresh, &members, &joined);
}

/* ---- messages ---- */

/* The k-th message of a port's view is the same everywhere. */
static void
check_order(struct sim *s, struct sim_node *n, unsigned port, struct sim_client *c, uint64_t id)
{
	bool is_new;
	struct chk_entry *e = entry(s, port, &c->vid, NULL, &is_new);

	if (c->count == e->len) {
		if (e->len == e->size) {
			e->size = e->size * 2 + 16;
			e->order = realloc(e->order, e->size * sizeof(*e->order));
		}
		e->order[e->len++] = id;
	} else if (e->order[c->count] != id) {
		sim_fail(s, "port %c view %u: message %llu differs at node %u", 'a' + port, c->vid.gen,
		    (unsigned long long)c->count, n->id);
	}
	c->hash = mix(c->hash, id);
	c->count++;
}

static void
check_ordered(struct sim *s, struct sim_node *n, unsigned port, struct sim_client *c, unsigned src,
    uint64_t uid, uint32_t no)
{
	/* Without a gap, unless it is the first that we hear of this client. */
	if (c->from[src] == uid && no != c->last[src] + 1)
		sim_fail(s, "node %u port %c: message %u of node %u after %u", n->id, 'a' + port, no,
		    s->node[src].id, c->last[src]);
	c->from[src] = uid;
	c->last[src] = no;
	check_order(s, n, port, c, mix(uid, no));
	if (src != n->idx)
		return;
	if (uid != c->uid || no != c->back + 1)
		sim_fail(s, "node %u port %c: own message %u comes back after %u", n->id, 'a' + port, no,
		    c->back);
	c->back = no;
}

static void
check_unicast(struct sim *s, struct sim_node *n, unsigned port, struct sim_client *c, unsigned src,
    uint32_t no, uint32_t gen)
{
	if (gen != c->vid.gen)
		sim_fail(s, "node %u port %c: unicast of view %u in view %u", n->id, 'a' + port, gen,
		    c->vid.gen);
	if (no != ++c->uni_in[src])
		sim_fail(s, "node %u port %c: unicast %u of node %u is the %uth", n->id, 'a' + port, no,
		    s->node[src].id, c->uni_in[src]);
}

void
chk_message(struct sim *s, struct sim_node *n, unsigned port, uint32_t inst,
    const struct gab_ev_msg *m)
{
	int i = client_of_port(port);
	struct sim_client *c = &n->client[i < 0 ? 0 : i];
	unsigned src = 0;
	struct wire_rd r;
	uint64_t uid;
	uint32_t no, gen;

	wire_rd_init(&r, m->data, m->len);
	uid = wire_rd_u64(&r);
	no = wire_rd_u32(&r);
	gen = wire_rd_u32(&r);
	for (unsigned k = 0; m->kind == GAB_UNICAST && k <= n->idx; k++)
		no = wire_rd_u32(&r);
	while (src < s->nodes && s->node[src].id != m->src)
		src++;
	if (i < 0 || !c->in_view || c->inst != inst || src == s->nodes || m->gen != c->vid.gen ||
	    !gab_set_has(&c->members, m->src) || !wire_rd_ok(&r)) {
		sim_fail(s, "node %u port %c: message of node %u outside its view", n->id, 'a' + port, m->src);
		return;
	}
	s->messages++;
	if (m->kind == GAB_ORDERED)
		check_ordered(s, n, port, c, src, uid, no);
	else
		check_unicast(s, n, port, c, src, no, gen);
}

void
chk_bounds(struct sim *s, struct sim_node *n)
{
	struct gab_core_status st;

	gab_core_status(n->core, &st);
	if (st.queued_items > MAX_QUEUED_ITEMS)
		sim_fail(s, "node %u: %zu items in its queues", n->id, st.queued_items);
	if (st.stats.bad_messages != 0)
		sim_fail(s, "node %u: malformed message", n->id);
	if (st.stats.watchdogs != 0)
		sim_fail(s, "node %u: a view change ended only by its guard", n->id);
}

/* ---- the end ---- */

static bool
port_whole(struct sim *s, unsigned i, char *why, size_t size)
{
	struct gab_set want = { { 0 } };
	const struct gab_port_row *row;

	for (unsigned k = 0; k < s->nodes; k++)
		if (s->node[k].client[i].inst != 0)
			gab_set_add(&want, s->node[k].id);
	for (unsigned k = 0; k < s->nodes; k++) {
		const struct sim_client *c = &s->node[k].client[i];

		row = gab_core_port(s->node[k].core, client_port[i]);
		if (gab_set_equal(&row->members, &want) &&
		    row->vid.gen == gab_core_port(s->node[0].core, client_port[i])->vid.gen &&
		    (c->inst == 0 || (c->in_view && c->sent == c->back && !c->full)))
			continue;
		snprintf(why, size, "node %u port %c: %u members of %u, gen %u, sent %u, back %u", s->node[k].id,
		    'a' + client_port[i], gab_set_count(&row->members), gab_set_count(&want), row->vid.gen,
		    c->sent, c->back);
		return false;
	}
	return true;
}

bool
chk_whole(struct sim *s, char *why, size_t size)
{
	struct gab_core_status st;

	for (unsigned k = 0; k < s->nodes; k++) {
		struct sim_node *n = &s->node[k];

		if (n->core == NULL || n->paused) {
			snprintf(why, size, "node %u does not run", n->id);
			return false;
		}
		gab_core_status(n->core, &st);
		if (gab_set_count(&st.members) != s->nodes || st.changing ||
		    !gab_vid_equal(&st.vid, &s->node[0].vid)) {
			snprintf(why, size, "node %u: gen %u with %u members, connected to %u%s", n->id, st.vid.gen,
			    gab_set_count(&st.members), gab_set_count(&st.connected),
			    st.changing ? ", changing" : "");
			return false;
		}
	}
	for (unsigned i = 0; i < SIM_PORTS; i++)
		if (!port_whole(s, i, why, size))
			return false;
	return true;
}
