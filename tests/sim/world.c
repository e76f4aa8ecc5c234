/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define LONGEST (600 * NSEC_PER_SEC) /* of simulated time, when views do not come */
#define PEACE (5 * NSEC_PER_SEC)     /* in which all must be well again */

struct sim_input {
	struct sim_input *next;
	enum sim_input_type type;
	unsigned peer;
	uint32_t session;
	size_t len;
	uint8_t data[];
};

uint64_t
sim_rand(struct sim *s, uint64_t below)
{
	uint64_t z = s->rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return below == 0 ? 0 : (z ^ z >> 31) % below;
}

bool
sim_chance(struct sim *s, unsigned percent)
{
	return sim_rand(s, 100) < percent;
}

void
sim_trace(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->conf.trace)
		return;
	printf("%llu.%06llu ", s->now / SIM_MS, s->now % SIM_MS);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void
sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->violation[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(s->violation, sizeof(s->violation), fmt, ap);
	va_end(ap);
	sim_trace(s, "VIOLATION %s", s->violation);
}

/* ---- events: a heap by time, then by order of creation ---- */

static bool
before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

struct sim_event *
sim_at(struct sim *s, uint64_t delay, enum sim_event_type type, unsigned a, unsigned b)
{
	struct sim_event *e = calloc(1, sizeof(*e));
	size_t i = s->heap_len++;

	e->at = s->now + delay;
	e->seq = s->seq++;
	e->type = type;
	e->a = a;
	e->b = b;
	if (s->heap_len > s->heap_size) {
		s->heap_size = s->heap_size * 2 + 64;
		s->heap = realloc(s->heap, s->heap_size * sizeof(*s->heap));
	}
	while (i > 0 && before(e, s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = e;
	return e;
}

static struct sim_event *
pop(struct sim *s)
{
	struct sim_event *top = s->heap[0], *e = s->heap[--s->heap_len];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < s->heap_len) {
		if (child + 1 < s->heap_len && before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!before(s->heap[child], e))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = e;
	return top;
}

/* ---- nodes ---- */

void
sim_arm(struct sim *s, struct sim_node *n)
{
	uint64_t at;

	if (n->core == NULL)
		return;
	at = gab_core_deadline(n->core);
	if (at < s->now)
		at = s->now;
	if (at == UINT64_MAX || n->tick_at <= at)
		return;
	n->tick_at = at;
	/* Timers come late, now and then. */
	sim_at(s, at - s->now + (sim_chance(s, 5) ? sim_rand(s, 3 * SIM_MS) : 0), SIM_EV_TICK, n->idx, 0);
}

/* What lltd says of links is true or not; views are to be right either way. */
static unsigned
links(const struct sim *s, unsigned peer)
{
	return 1 + (unsigned)((s->now / SIM_MS + peer) % 3);
}

static void
apply(struct sim *s, struct sim_node *n, const struct sim_input *in)
{
	unsigned peer = s->node[in->peer].id;

	gab_core_links(n->core, peer, in->type == SIM_IN_DOWN ? 0 : links(s, peer), s->now);
	if (in->type == SIM_IN_UP)
		gab_core_peer_up(n->core, peer, in->session, s->now);
	else if (in->type == SIM_IN_DOWN)
		gab_core_peer_down(n->core, peer, s->now);
	else
		gab_core_recv(n->core, peer, in->session, in->data, in->len, s->now);
	chk_bounds(s, n);
}

void
sim_input(struct sim *s, unsigned node, enum sim_input_type type, unsigned peer, uint32_t session,
    const uint8_t *data, size_t len)
{
	struct sim_node *n = &s->node[node];
	struct sim_input *in;

	if (n->core == NULL)
		return;
	in = calloc(1, sizeof(*in) + len);
	in->type = type;
	in->peer = peer;
	in->session = session;
	in->len = len;
	if (len != 0)
		memcpy(in->data, data, len);
	if (n->paused) {
		*n->stalled_tail = in;
		n->stalled_tail = &in->next;
		return;
	}
	apply(s, n, in);
	free(in);
	sim_arm(s, n);
}

static void
drop_stalled(struct sim_node *n)
{
	while (n->stalled != NULL) {
		struct sim_input *in = n->stalled;

		n->stalled = in->next;
		free(in);
	}
	n->stalled_tail = &n->stalled;
}

void
sim_pause(struct sim *s, unsigned node, uint64_t time)
{
	struct sim_node *n = &s->node[node];

	if (n->paused || n->core == NULL)
		return;
	sim_trace(s, "pause %u for %llu ms", n->id, time / SIM_MS);
	n->paused = true;
	sim_at(s, time, SIM_EV_RESUME, node, 0)->x = n->lives;
}

static void
resume(struct sim *s, struct sim_node *n, uint32_t life)
{
	if (!n->paused || life != n->lives)
		return;
	sim_trace(s, "resume %u", n->id);
	n->paused = false;
	/* The timer first, or the messages first: both happen. */
	if (sim_chance(s, 50))
		gab_core_tick(n->core, s->now);
	while (n->stalled != NULL && s->violation[0] == '\0') {
		struct sim_input *in = n->stalled;

		n->stalled = in->next;
		apply(s, n, in);
		free(in);
	}
	drop_stalled(n);
	sim_arm(s, n);
}

/* ---- the core's ops ---- */

static void
op_send(void *arg, const struct gab_set *dst, bool patient, const uint8_t *data, size_t len)
{
	struct sim_node *n = arg;

	for (unsigned i = 0; i < n->sim->nodes; i++)
		if (gab_set_has(dst, n->sim->node[i].id))
			net_send(n->sim, n->idx, i, data, len);
}

static void
op_view(void *arg, unsigned port, uint32_t inst, const struct gab_ev_view *v)
{
	struct sim_node *n = arg;

	chk_port_view(n->sim, n, port, inst, v);
}

static void
op_message(void *arg, unsigned port, uint32_t inst, const struct gab_ev_msg *m)
{
	struct sim_node *n = arg;

	chk_message(n->sim, n, port, inst, m);
}

static void
op_room(void *arg, unsigned port, uint32_t inst)
{
	struct sim_node *n = arg;

	client_room(n->sim, n->idx, port);
}

static void
op_node_view(void *arg, const struct gab_node_view *v)
{
	struct sim_node *n = arg;

	chk_node_view(n->sim, n, v);
}

static void
op_note(void *arg, const char *text)
{
	struct sim_node *n = arg;

	sim_trace(n->sim, "note %u: %s", n->id, text);
}

static void
op_trace(void *arg, const char *text)
{
	struct sim_node *n = arg;

	sim_trace(n->sim, "core %u: %s", n->id, text);
}

static const struct gab_core_ops ops = {
	.send = op_send,
	.view = op_view,
	.message = op_message,
	.room = op_room,
	.node_view = op_node_view,
	.note = op_note,
	.trace = op_trace,
};

void
sim_gabd_start(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->node[node];
	struct gab_core_conf conf = s->core_conf;

	if (n->core != NULL || !n->host_up)
		return;
	n->lives++;
	n->paused = false;
	n->tick_at = UINT64_MAX;
	n->vid = (struct gab_vid){ 0 };
	conf.self = (uint16_t)n->id;
	conf.inc = (s->conf.seed << 24 | (uint64_t)n->id << 12 | n->lives) + 1;
	sim_trace(s, "gabd %u starts, life %u", n->id, n->lives);
	n->core = gab_core_new(&conf, &ops, n, s->now);
	net_snapshot(s, node);
	sim_arm(s, n);
}

void
sim_gabd_kill(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->node[node];
	struct gab_core_status st;

	if (n->core == NULL)
		return;
	gab_core_status(n->core, &st);
	s->catchups += st.stats.catchups;
	s->fills += st.stats.fills;
	s->retries += st.stats.retries;
	s->watchdogs += st.stats.watchdogs;
	s->unicasts += st.stats.unicasts;
	sim_trace(s, "gabd %u dies", n->id);
	gab_core_free(n->core);
	n->core = NULL;
	n->paused = false;
	drop_stalled(n);
	client_gone(s, node);
}

/* ---- running ---- */

static void
choose(struct sim *s)
{
	struct gab_core_conf *c = &s->core_conf;
	unsigned kind = (unsigned)sim_rand(s, 20);
	unsigned step = sim_chance(s, 30) && s->conf.nodes == 0 ? 3 : 1;

	s->nodes = s->conf.nodes != 0 ? s->conf.nodes : kind == 0 ? 16 : kind < 4 ? 8 : 3 + kind % 5;
	for (unsigned i = 0; i < s->nodes; i++)
		s->node[i].id = i * step % SIM_NODES;
	s->latency = 20 * SIM_US + sim_rand(s, 500 * SIM_US);
	s->detect = sim_chance(s, 50) ? 5 * SIM_MS : 50 * SIM_MS;
	c->max_nodes = SIM_NODES;
	c->seed = sim_chance(s, 50) ? 1 : s->nodes;
	c->quorum = sim_chance(s, 50) ? GAB_QUORUM_NONE : GAB_QUORUM_MAJORITY;
	c->expected = s->nodes;
	c->settle = sim_rand(s, 3) * 5 * SIM_MS;
	c->patience = 2 * s->detect + 2 * s->latency;
	c->alone = sim_rand(s, 2) * 200 * SIM_MS;
	c->alive = 100 * SIM_MS;
	c->dead = 500 * SIM_MS;
	c->breaks = s->conf.breaks;
}

void
sim_new(struct sim *s, const struct sim_conf *conf)
{
	memset(s, 0, sizeof(*s));
	s->conf = *conf;
	s->rng = conf->seed * UINT64_C(0xd1342543de82ef95) + 1;
	s->now = NSEC_PER_SEC;
	choose(s);
	chk_new(s);
	net_init(s);
	for (unsigned i = 0; i < s->nodes; i++) {
		s->node[i].sim = s;
		s->node[i].idx = i;
		s->node[i].stalled_tail = &s->node[i].stalled;
		net_host(s, i, true);
		sim_gabd_start(s, i);
		sim_at(s, sim_rand(s, 20 * SIM_MS), SIM_EV_CLIENT, i, 0);
	}
	sim_at(s, 300 * SIM_MS, SIM_EV_FAULT, 0, 0);
}

void
sim_free(struct sim *s)
{
	for (unsigned i = 0; i < s->nodes; i++)
		sim_gabd_kill(s, i);
	while (s->heap_len > 0) {
		struct sim_event *e = pop(s);

		free(e->msg);
		free(e);
	}
	free(s->heap);
	net_free(s);
	chk_free(s);
}

static void
tick(struct sim *s, struct sim_node *n)
{
	n->tick_at = UINT64_MAX;
	if (n->core == NULL || n->paused)
		return;
	gab_core_tick(n->core, s->now);
	chk_bounds(s, n);
	sim_arm(s, n);
}

static void
step(struct sim *s)
{
	struct sim_event *e = pop(s);

	s->now = e->at;
	switch (e->type) {
	case SIM_EV_TICK: tick(s, &s->node[e->a]); break;
	case SIM_EV_RESUME: resume(s, &s->node[e->a], e->x); break;
	case SIM_EV_CLIENT: client_event(s, e->a); break;
	case SIM_EV_FAULT: fault_event(s); break;
	default: net_event(s, e); break;
	}
	free(e->msg);
	free(e);
}

static void
run_until(struct sim *s, uint64_t at)
{
	while (s->violation[0] == '\0' && s->heap_len > 0 && s->heap[0]->at <= at)
		step(s);
	s->now = at > s->now ? at : s->now;
}

void
sim_run_for(struct sim *s, uint64_t time)
{
	run_until(s, s->now + time);
}

bool
sim_wait_whole(struct sim *s, uint64_t time)
{
	uint64_t end = s->now + time;
	char why[200];

	do
		run_until(s, s->now + 100 * SIM_MS);
	while (s->violation[0] == '\0' && !chk_whole(s, why, sizeof(why)) && s->now < end);
	if (!chk_whole(s, why, sizeof(why)))
		sim_fail(s, "not whole again in time: %s", why);
	return s->violation[0] == '\0';
}

void
sim_run(struct sim *s)
{
	uint64_t end = s->now + LONGEST;

	while (s->violation[0] == '\0' && s->views < s->conf.views && s->now < end)
		step(s);
	if (s->violation[0] != '\0')
		return;
	sim_trace(s, "peace");
	s->quiet = true;
	fault_heal(s);
	sim_wait_whole(s, PEACE);
}
