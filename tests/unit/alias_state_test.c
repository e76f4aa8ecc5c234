/* SPDX-License-Identifier: ISC */
/*
 * Several state machines on one simulated group: joins, crashes, partitions and merges at random, by
 * seed. Members that were delivered the same must be equal, and what they derived must be right.
 */
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "aliasd/state/state.h"
#include "proto/alias_msg_list.h"
#include "tests/unit/unit.h"

/* Check's own assertions leave a mark in a file each time: too slow for millions of them. */
#define must(x)                                                                                    \
	do {                                                                                           \
		if (!(x))                                                                                  \
			ck_abort_msg("%s", #x);                                                                \
	} while (0)

#define NODES 5
#define MAX_LOG 4096
#define MAX_CARRY 1024

struct event {
	bool is_view;
	struct gab_ev_view *view; /* of those who were there; fresh ones get it as fresh */
	bool fresh[NODES];
	uint16_t src;
	size_t len;
	uint8_t *data;
	uint64_t digest; /* of the first loaded member that got here */
	bool seen;
};

struct group { /* a connected part */
	bool used;
	size_t n;
	struct event log[MAX_LOG];
};

struct node {
	struct state *st;
	uint16_t id;
	int group; /* -1: down */
	size_t pos;
	bool stateful, in_sync;
	uint8_t listens[8];
	struct event carry[MAX_CARRY]; /* sent, but not ordered before the view ended */
	size_t ncarry;
	unsigned resets, loads, asked, results;
};

static struct group *groups;
static struct node nodes[NODES];
static uint32_t next_gen;
static uint64_t rng;
static unsigned checked, views;

static uint32_t
rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 20) % n;
}

static void
append(struct group *g, uint16_t src, const uint8_t *data, size_t len)
{
	struct event *e = &g->log[g->n];

	must(g->n < MAX_LOG);
	g->n++;
	memset(e, 0, sizeof(*e));
	e->src = src;
	e->len = len;
	e->data = mem_zalloc(len);
	memcpy(e->data, data, len);
}

static void
sim_broadcast(const uint8_t *data, size_t len, void *arg)
{
	struct node *n = arg;

	append(&groups[n->group], n->id, data, len);
}

static struct in_addr
addr_of(uint32_t i)
{
	struct in_addr a = { .s_addr = htonl(0x0a010064 + i) };

	return a;
}

static void
send_row(struct node *n)
{
	struct alias_row r = { .addr = addr_of(rnd(3)), .selw = (uint16_t)rnd(4),
		.selp = (uint16_t)rnd(2), .rpri = (uint16_t)rnd(3), .prefixlen = (uint8_t)rnd(33) };
	uint8_t buf[512];
	struct wire_wr w;

	if (rnd(8) != 0)
		r.flags = (uint8_t)(ALIAS_ROW_ROUTES | (rnd(4) ? ALIAS_ROW_JOINED : 0) |
		    (rnd(4) ? ALIAS_ROW_ATTACHED : 0));
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_row(&w, 1, 0, &r);
	sim_broadcast(buf, wire_wr_len(&w), n);
}

static void
send_listen(struct node *n, uint32_t i)
{
	struct alias_listen l = { .add = n->listens[i], .proto = i & 1 ? IPPROTO_UDP : IPPROTO_TCP,
		.port_h = (uint16_t)(80 + i) };
	uint8_t buf[64];
	struct wire_wr w;
	struct alias_list list;

	if (i >= 6)
		l.bound = addr_of(i - 6);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_list_begin(&list, &w, ALIAS_MSG_LISTEN);
	alias_list_listen(&list, &l);
	alias_list_end(&list);
	sim_broadcast(buf, wire_wr_len(&w), n);
}

static void
send_services(struct node *n, bool initial)
{
	struct alias_svc s[3] = { { "a", IPPROTO_TCP, 80, ALIAS_IN_MULTI, 0 },
		{ "b", IPPROTO_UDP, 81, ALIAS_IN_MULTI, 0 }, { "c", IPPROTO_TCP, 82, ALIAS_IN_NOALIAS, 0 } };
	uint8_t buf[512];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_services(&w, 2, initial, s, rnd(4));
	sim_broadcast(buf, wire_wr_len(&w), n);
}

static void
send_synced(struct node *n)
{
	uint8_t buf[64];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_synced(&w, state_gen(n->st));
	sim_broadcast(buf, wire_wr_len(&w), n);
}

static void
sim_loaded(void *arg)
{
	struct node *n = arg;
	uint32_t i;

	n->loads++;
	send_services(n, true);
	for (i = 0; i < 8; i++) {
		if (n->listens[i])
			send_listen(n, i);
	}
	send_row(n);
}

static void
sim_bad_snapshot(void *arg)
{
	must(!"what a member sends can be read");
}

static void
sim_reset(void *arg)
{
	((struct node *)arg)->resets++;
}

static void
sim_alias(const struct state_alias *a, void *arg)
{
	must(a->nrows > 0);
}

static void
sim_gone(struct in_addr a, void *arg)
{
	struct node *n = arg;

	must((state_alias(n->st, a)) == NULL);
}

static void
sim_own(uint64_t token, void *arg)
{
	must(token == 1 || token == 2);
}

static void
sim_result(uint64_t token, enum alias_api_status status, uint16_t port_h, void *arg)
{
	struct node *n = arg;

	must(token >= 100);
	must(status < ALIAS_API_PENDING);
	if (status == ALIAS_API_OK)
		must(port_h != 0);
	n->results++;
}

/* Some ports are taken on some nodes. */
static void
sim_probe(const struct alias_api *a, void *arg)
{
	struct node *n = arg;
	struct alias_api vote = *a;
	uint8_t buf[64];
	struct wire_wr w;

	vote.busy = a->port_h % (NODES + 2) == n->id;
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_api(&w, ALIAS_MSG_VOTE, 0, &vote);
	sim_broadcast(buf, wire_wr_len(&w), n);
}

static void
sim_full(struct in_addr addr, uint16_t node, void *arg)
{
	must(false);
}

static const struct state_ops ops = { .broadcast = sim_broadcast, .on_loaded = sim_loaded,
	.on_bad_snapshot = sim_bad_snapshot, .on_reset = sim_reset, .on_alias = sim_alias,
	.on_alias_gone = sim_gone, .on_full = sim_full, .on_own = sim_own, .on_result = sim_result,
	.on_probe = sim_probe };

static void
send_api(struct node *n)
{
	static const enum alias_msg_type types[] = { ALIAS_MSG_REGISTER, ALIAS_MSG_REGISTER,
		ALIAS_MSG_UNREGISTER, ALIAS_MSG_RELEASE, ALIAS_MSG_COMMPORT, ALIAS_MSG_COMMPORT };
	static const uint16_t options[] = { 0, ALIAS_IN_MULTI, ALIAS_IN_MULTI | ALIAS_TRANSIENT,
		ALIAS_IN_SINGLE | ALIAS_TRANSIENT, ALIAS_IN_NOALIAS, ALIAS_NONE,
		ALIAS_IN_MULTI | ALIAS_IN_SINGLE };
	struct alias_api a = { .proto = rnd(2) ? IPPROTO_UDP : IPPROTO_TCP,
		.port_h = (uint16_t)(80 + rnd(6)), .options = options[rnd(7)] };
	enum alias_msg_type type = types[rnd(6)];
	uint8_t buf[64];
	struct wire_wr w;

	if (type == ALIAS_MSG_COMMPORT || (type == ALIAS_MSG_RELEASE && rnd(2))) {
		a.prog = 0x20000000 + rnd(2);
		a.resv = rnd(2);
		a.port_h = rnd(4) == 0 ? 61000 : 0;
	}
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_api(&w, type, 100 + n->asked++, &a);
	sim_broadcast(buf, wire_wr_len(&w), n);
}

static bool
always(uint16_t node, void *arg)
{
	return true;
}

struct check {
	struct node *n;
	const struct state_alias *a;
	uint64_t hash;
};

static void
mix(uint64_t *h, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len-- > 0)
		*h = (*h ^ *p++) * 0x100000001b3ull;
}

static void
check_service(uint8_t proto, uint16_t port_h, void *arg)
{
	static struct sel_target kept[LLT_MAX_NODES + 1], anew[LLT_MAX_NODES + 1];
	static uint16_t listeners[LLT_MAX_NODES];
	struct check *c = arg;
	size_t i, n, m, nl;
	uint16_t active = state_active(c->n->st, c->a->addr, proto, port_h);

	/* What was kept from event to event is what a fresh look at the tables says. */
	n = state_targets(c->n->st, c->a->addr, proto, port_h, NULL, NULL, kept);
	m = state_targets(c->n->st, c->a->addr, proto, port_h, always, NULL, anew);
	must(n == m);
	must(n > 0);
	must(memcmp(kept, anew, n * sizeof(kept[0])) == 0);
	nl = state_listeners(c->n->st, c->a->addr, proto, port_h, listeners);
	must(nl > 0);
	for (i = 0; i < nl && listeners[i] != active; i++)
		continue;
	must(active == SEL_NO_NODE || i < nl);
	if (state_attrs(c->n->st, proto, port_h) & ALIAS_IN_SINGLE)
		must(n == 1);
	mix(&c->hash, kept, n * sizeof(kept[0]));
}

static void
check_alias(const struct state_alias *a, void *arg)
{
	struct check c = { .n = arg, .a = a };
	const struct state_row *r = state_row(a, a->master);

	if (a->master != SEL_NO_NODE) {
		must(state_quorate(c.n->st));
		must(state_is_synced(c.n->st, a->master));
		must((r) != NULL);
		must(r->flags & ALIAS_ROW_ATTACHED);
	}
	state_each_service(c.n->st, a->addr, check_service, &c);
}

static void
check_node(struct node *n, struct event *e)
{
	uint64_t hash = 0xcbf29ce484222325ull;
	uint8_t *dump;
	size_t len;

	if (!state_loaded(n->st))
		return;
	state_each_alias(n->st, check_alias, n);
	dump = state_dump(n->st, &len);
	mix(&hash, dump, len);
	free(dump);
	if (e->seen)
		must(e->digest == hash);
	e->seen = true;
	e->digest = hash;
	checked++;
}

static void
step(struct node *n)
{
	struct event *e = &groups[n->group].log[n->pos++];

	if (e->is_view) {
		static struct gab_ev_view v;

		v = *e->view;
		v.self = n->id;
		v.fresh = e->fresh[n->id];
		if (v.fresh)
			v.nleft = 0;
		n->in_sync = n->in_sync && !v.fresh;
		state_view(n->st, &v);
		views++;
	} else {
		must(state_ordered(n->st, e->src, e->data, e->len));
	}
	check_node(n, e);
	if (state_loaded(n->st) && !n->in_sync && rnd(4) == 0) {
		n->in_sync = true;
		send_synced(n);
	}
}

static void
free_event(struct event *e)
{
	free(e->data);
	free(e->view);
}

/* Cuts the log off at end: what was not ordered by then waits with its sender for the next view. */
static void
cut_off(struct group *g, size_t end)
{
	size_t i;

	for (i = end; i < g->n; i++) {
		struct node *n = &nodes[g->log[i].src];

		if (n->ncarry < MAX_CARRY && groups + n->group == g)
			n->carry[n->ncarry++] = g->log[i];
		else
			free_event(&g->log[i]);
	}
	g->n = end < g->n ? end : g->n;
}

static void
flush(struct node *n, size_t end)
{
	while (n->pos < end)
		step(n);
	cut_off(&groups[n->group], end);
}

static void
free_group(struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		free_event(&g->log[i]);
	g->n = 0;
	g->used = false;
}

static int
new_group(void)
{
	int i;

	for (i = 0; i < 2 * NODES; i++) {
		if (!groups[i].used) {
			groups[i].used = true;
			groups[i].n = 0;
			return i;
		}
	}
	ck_abort_msg("no room");
	return -1;
}

static void
carry_over(struct node *n, bool keep)
{
	size_t i;

	for (i = 0; i < n->ncarry; i++) {
		if (keep)
			sim_broadcast(n->carry[i].data, n->carry[i].len, n);
		free(n->carry[i].data);
	}
	n->ncarry = 0;
}

/* The nodes of set form a new group; those in winner go on, the others are fresh. */
static void
form(const bool *set, const bool *winner)
{
	int id = new_group();
	struct event *e = &groups[id].log[groups[id].n++];
	bool was[NODES] = { false };
	int i, j;

	memset(e, 0, sizeof(*e));
	e->is_view = true;
	e->view = mem_zalloc(sizeof(*e->view));
	e->view->gen = ++next_gen;
	for (i = 0; i < NODES; i++) {
		if (!set[i])
			continue;
		for (j = 0; winner[i] && j < NODES; j++)
			was[j] = was[j] || (nodes[i].stateful && state_is_member(nodes[i].st, (uint16_t)j));
		e->view->members[e->view->nmembers++] = (uint16_t)i;
		e->fresh[i] = !winner[i];
		if (!winner[i])
			e->view->joined[e->view->njoined++] = (uint16_t)i;
	}
	for (i = 0; i < NODES; i++) {
		if (was[i] && !set[i])
			e->view->left[e->view->nleft++] = (uint16_t)i;
	}
	e->view->quorate = e->view->nmembers * 2 > NODES;
	for (i = 0; i < NODES; i++) {
		if (!set[i])
			continue;
		nodes[i].group = id;
		nodes[i].pos = 0;
		nodes[i].stateful = true;
	}
	for (i = 0; i < NODES; i++) {
		if (set[i])
			carry_over(&nodes[i], winner[i]);
	}
}

/* All that go on have delivered the same by then, and everything that any of them had delivered. */
static void
leave_group(int g, const bool *down)
{
	size_t end = 1;
	int i;

	for (i = 0; i < NODES; i++) {
		if (nodes[i].group == g && nodes[i].pos > end)
			end = nodes[i].pos;
	}
	end += rnd((uint32_t)(groups[g].n - end + 1));
	cut_off(&groups[g], end);
	for (i = 0; i < NODES; i++) {
		if (nodes[i].group == g && !down[i])
			flush(&nodes[i], end);
	}
	for (i = 0; i < NODES; i++) {
		if (nodes[i].group == g)
			nodes[i].group = -1;
	}
	free_group(&groups[g]);
}

static void
crash(struct node *n)
{
	carry_over(n, false);
	state_free(n->st);
	n->st = state_new(&ops, n);
	n->group = -1;
	n->stateful = false;
	n->in_sync = false;
}

/* Members of g split in two at random, some crash. */
static void
split(int g)
{
	bool a[NODES] = { false }, b[NODES] = { false }, down[NODES] = { false };
	bool any_a = false, any_b = false;
	int i;

	for (i = 0; i < NODES; i++) {
		if (nodes[i].group != g)
			continue;
		switch (rnd(4)) {
		case 0:
			down[i] = true;
			break;
		case 1:
			b[i] = any_b = true;
			break;
		default:
			a[i] = any_a = true;
			break;
		}
	}
	leave_group(g, down);
	for (i = 0; i < NODES; i++) {
		if (down[i])
			crash(&nodes[i]);
	}
	if (any_a)
		form(a, a);
	if (any_b)
		form(b, b);
}

/* All nodes that are down boot, and everybody meets; the largest group goes on. */
static void
merge(void)
{
	bool all[NODES], winner[NODES] = { false }, none[NODES] = { false };
	int i, j, best = -1, best_n = 0;

	for (i = 0; i < NODES; i++) {
		int n = 0;

		all[i] = true;
		for (j = 0; nodes[i].group >= 0 && j < NODES; j++)
			n += nodes[j].group == nodes[i].group;
		if (n > best_n) {
			best_n = n;
			best = nodes[i].group;
		}
	}
	for (i = 0; i < NODES; i++)
		winner[i] = best >= 0 && nodes[i].group == best;
	for (i = 0; i < 2 * NODES; i++) {
		if (groups[i].used)
			leave_group(i, none);
	}
	form(all, winner);
}

static void
act(struct node *n)
{
	uint32_t i = rnd(8);

	if (!state_loaded(n->st))
		return;
	switch (rnd(5)) {
	case 0:
		send_row(n);
		break;
	case 4:
		send_api(n);
		break;
	case 1:
		send_services(n, false);
		break;
	default:
		n->listens[i] = !n->listens[i];
		send_listen(n, i);
		break;
	}
}

static void
settle(void)
{
	bool moved = true;
	int i;

	while (moved) {
		moved = false;
		for (i = 0; i < NODES; i++) {
			if (nodes[i].group >= 0 && nodes[i].pos < groups[nodes[i].group].n) {
				step(&nodes[i]);
				moved = true;
			}
		}
	}
	for (i = 0; i < NODES; i++) {
		if (nodes[i].group >= 0)
			must(state_loaded(nodes[i].st));
	}
}

static void
round_of(unsigned steps)
{
	while (steps-- > 0) {
		struct node *n = &nodes[rnd(NODES)];

		if (n->group < 0)
			continue;
		if (n->pos < groups[n->group].n && rnd(3) != 0)
			step(n);
		else if (n->pos > 0 && groups[n->group].n < MAX_LOG / 4)
			act(n);
	}
}

static void
simulate(uint64_t seed)
{
	int i;

	rng = seed * 0x9e3779b97f4a7c15ull | 1;
	next_gen = 0;
	for (i = 0; i < NODES; i++) {
		memset(&nodes[i], 0, sizeof(nodes[i]));
		nodes[i].id = (uint16_t)i;
		nodes[i].group = -1;
		nodes[i].st = state_new(&ops, &nodes[i]);
	}
	for (i = 0; i < 30; i++) {
		int g = (int)rnd(2 * NODES);

		if (rnd(2) == 0 || next_gen == 0)
			merge();
		else if (groups[g].used)
			split(g);
		round_of(rnd(120));
		if (rnd(4) == 0)
			settle();
	}
	merge();
	settle();
	for (i = 0; i < NODES; i++) {
		carry_over(&nodes[i], false);
		state_free(nodes[i].st);
	}
	for (i = 0; i < 2 * NODES; i++)
		free_group(&groups[i]);
}

START_TEST(agreement)
{
	uint64_t seed;

	groups = mem_zalloc(2 * NODES * sizeof(*groups));
	for (seed = 1; seed <= 40; seed++)
		simulate(seed);
	free(groups);
	ck_assert_uint_gt(views, 1500);
	ck_assert_uint_gt(checked, 15000);
}
END_TEST

/* ---- a member alone, fed by hand ---- */

struct alone {
	unsigned loads, resets, bad;
};

static void
alone_loaded(void *arg)
{
	((struct alone *)arg)->loads++;
}

static void
alone_bad_snapshot(void *arg)
{
	((struct alone *)arg)->bad++;
}

static void
alone_reset(void *arg)
{
	((struct alone *)arg)->resets++;
}

static const struct state_ops alone_ops = { .on_loaded = alone_loaded,
	.on_bad_snapshot = alone_bad_snapshot, .on_reset = alone_reset, .on_alias = sim_alias };

static bool
give_snapshot(struct state *st, uint32_t gen, const uint8_t *data, size_t len)
{
	uint8_t buf[1024];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_snapshot(&w, gen, 0, 1, data, len);
	return state_ordered(st, 0, buf, wire_wr_len(&w));
}

START_TEST(bad_snapshot)
{
	struct gab_ev_view v = { .gen = 1, .self = 1, .quorate = true, .fresh = true, .nmembers = 2,
		.members = { 0, 1 }, .njoined = 1, .joined = { 1 } };
	struct alone seen = { 0 };
	struct state *other = state_new(&alone_ops, &seen), *st = state_new(&alone_ops, &seen);
	size_t len;
	uint8_t *dump = state_dump(other, &len);

	seen = (struct alone){ 0 };
	state_view(st, &v);
	ck_assert(give_snapshot(st, 1, dump, len - 1));
	ck_assert_uint_eq(seen.bad, 1);
	ck_assert_uint_eq(seen.loads, 0);
	ck_assert_uint_eq(seen.resets, 2);
	ck_assert_uint_eq(state_gen(st), 0);
	ck_assert_msg(!give_snapshot(st, 1, dump, len), "it is out of the group");
	v.gen = 3;
	state_view(st, &v);
	ck_assert(give_snapshot(st, 3, dump, len));
	ck_assert(state_loaded(st));
	ck_assert_uint_eq(seen.bad, 1);
	ck_assert_uint_eq(seen.loads, 1);
	free(dump);
	state_free(other);
	state_free(st);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { agreement, bad_snapshot, NULL };

	return unit_run("alias_state", tests);
}
