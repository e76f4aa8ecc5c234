/* SPDX-License-Identifier: ISC */
#include "gabd/clique.h"

#define MAX_STEPS 3000 /* of the search: bounds its time whatever the graph */

struct search {
	const struct clique_graph *g;
	struct gab_set best;
	unsigned best_count, best_present, best_favoured, best_suspects;
	unsigned steps;
};

static unsigned
count_of(const struct gab_set *some, const struct gab_set *s)
{
	struct gab_set t = *s;

	gab_set_and(&t, some);
	return gab_set_count(&t);
}

static void
offer(struct search *s, const struct gab_set *clique)
{
	unsigned count = gab_set_count(clique), present = count_of(&s->g->present, clique);
	unsigned favoured = count_of(&s->g->favoured, clique);
	unsigned suspects = count_of(&s->g->suspect, clique);

	if (count != s->best_count) {
		if (count < s->best_count)
			return;
	} else if (present != s->best_present) {
		if (present < s->best_present)
			return;
	} else if (favoured != s->best_favoured) {
		if (favoured < s->best_favoured)
			return;
	} else if (suspects != s->best_suspects) {
		if (suspects > s->best_suspects)
			return;
	} else if (gab_set_compare(clique, &s->best) >= 0) {
		return;
	}
	s->best = *clique;
	s->best_count = count;
	s->best_present = present;
	s->best_favoured = favoured;
	s->best_suspects = suspects;
}

/* Those of cand that v is not connected to, v itself left out. */
static void
conflicts(const struct clique_graph *g, const struct gab_set *cand, unsigned v, struct gab_set *out)
{
	*out = *cand;
	gab_set_sub(out, &g->adj[v]);
	gab_set_del(out, v);
}

/*
 * The node of cand with the most conflicts, -1 if there are none; *must_go is a number of nodes that
 * no clique can avoid leaving out (pairs in conflict that share no node).
 */
static int
worst(const struct clique_graph *g, const struct gab_set *cand, unsigned *must_go)
{
	struct gab_set free_nodes = *cand, c;
	unsigned most = 0;
	int pick = -1;

	*must_go = 0;
	GAB_SET_EACH(v, cand) {
		unsigned n;
		int mate;

		conflicts(g, cand, (unsigned)v, &c);
		n = gab_set_count(&c);
		if (n > most) {
			most = n;
			pick = v;
		}
		if (n == 0 || !gab_set_has(&free_nodes, (unsigned)v))
			continue;
		gab_set_and(&c, &free_nodes);
		mate = gab_set_first(&c);
		if (mate < 0)
			continue;
		gab_set_del(&free_nodes, (unsigned)v);
		gab_set_del(&free_nodes, (unsigned)mate);
		++*must_go;
	}
	return pick;
}

/* cand: nodes that may still be in; whoever has no conflict inside cand is in. */
static void
search(struct search *s, const struct gab_set *cand)
{
	struct gab_set next;
	unsigned must_go;
	int v = worst(s->g, cand, &must_go);

	s->steps++;
	if (v < 0) {
		offer(s, cand);
		return;
	}
	if (gab_set_count(cand) - must_go < s->best_count)
		return;
	if (s->steps > MAX_STEPS && s->best_count > 0)
		return;
	next = *cand;
	gab_set_del(&next, (unsigned)v);
	search(s, &next);
	conflicts(s->g, cand, (unsigned)v, &next);
	if (s->steps > MAX_STEPS)
		return;
	{
		struct gab_set with = *cand;

		gab_set_sub(&with, &next);
		search(s, &with);
	}
}

/* Nodes of alive that can be reached from self. */
static void
component(const struct clique_graph *g, const struct gab_set *alive, unsigned self, struct gab_set *out)
{
	struct gab_set todo = { { 0 } };
	int v;

	gab_set_clear(out);
	gab_set_add(&todo, self);
	while ((v = gab_set_first(&todo)) >= 0) {
		struct gab_set near = g->adj[v];

		gab_set_add(out, (unsigned)v);
		gab_set_or(&todo, &near);
		gab_set_and(&todo, alive);
		gab_set_sub(&todo, out);
	}
}

/* The largest clique of those of alive that can be reached from self. */
static void
largest(const struct clique_graph *g, const struct gab_set *alive, unsigned self, struct gab_set *out)
{
	struct search s = { .g = g };
	struct gab_set cand;

	component(g, alive, self, &cand);
	search(&s, &cand);
	*out = s.best;
}

static void
all_of(const struct clique_graph *g, struct gab_set *out)
{
	gab_set_clear(out);
	for (unsigned i = 0; i < g->n; i++)
		gab_set_add(out, i);
}

void
clique_best(const struct clique_graph *g, unsigned self, struct gab_set *out)
{
	struct gab_set alive;

	all_of(g, &alive);
	largest(g, &alive, self, out);
}

bool
clique_of(const struct clique_graph *g, unsigned self, struct gab_set *out)
{
	struct gab_set alive;

	all_of(g, &alive);
	for (bool first = true;; first = false) {
		largest(g, &alive, self, out);
		if (gab_set_has(out, self))
			return first;
		gab_set_sub(&alive, out);
	}
}
