/* SPDX-License-Identifier: ISC */
/*
 * One thing breaks in a cluster at peace: what is left is a largest set of nodes that all see each other,
 * and of these nobody was put out on the way there.
 */
#include "tests/sim/sim.h"

#define FORMED_IN (20 * NSEC_PER_SEC)
#define SETTLED_IN (3 * NSEC_PER_SEC)
#define MOST 10 /* nodes: all sets of them are looked at */

static bool
sees(struct sim *s, unsigned a, unsigned b)
{
	const struct sim_pair *p = a < b ? &s->pair[a][b] : &s->pair[b][a];

	return a == b || (s->node[a].host_up && s->node[b].host_up && !p->cut);
}

static bool
is_clique(struct sim *s, unsigned set)
{
	for (unsigned a = 0; a < s->nodes; a++)
		for (unsigned b = a; b < s->nodes; b++)
			if ((set >> a & 1) && (set >> b & 1) && (!s->node[a].host_up || !sees(s, a, b)))
				return false;
	return true;
}

static unsigned
largest(struct sim *s)
{
	unsigned most = 0;

	for (unsigned set = 1; set < 1u << s->nodes; set++)
		if ((unsigned)__builtin_popcount(set) > most && is_clique(s, set))
			most = (unsigned)__builtin_popcount(set);
	return most;
}

/* The set of those who are in node's view. */
static unsigned
view_of(struct sim *s, unsigned node)
{
	struct gab_core_status st;
	unsigned set = 0;

	gab_core_status(s->node[node].core, &st);
	for (unsigned i = 0; i < s->nodes; i++)
		if (gab_set_has(&st.members, s->node[i].id))
			set |= 1u << i;
	return set;
}

static bool
all_in(struct sim *s, unsigned set, bool unharmed)
{
	for (unsigned i = 0; i < s->nodes; i++)
		if ((set >> i & 1) && (view_of(s, i) != set || (unharmed && s->node[i].put_out != 0)))
			return false;
	return true;
}

static void
check(struct sim *s, bool unharmed)
{
	unsigned most = largest(s), set;

	for (unsigned i = 0; i < s->nodes; i++) {
		if (s->node[i].core == NULL)
			continue;
		set = view_of(s, i);
		if ((unsigned)__builtin_popcount(set) == most && is_clique(s, set) && all_in(s, set, unharmed))
			return;
	}
	sim_fail(s, "no view of %u nodes that see each other%s", most,
	    unharmed ? ", none of which was put out on the way" : "");
}

static void
divide(struct sim *s)
{
	unsigned few = 1 + (unsigned)sim_rand(s, s->nodes / 2), first = (unsigned)sim_rand(s, s->nodes);

	for (unsigned a = 0; a < s->nodes; a++)
		for (unsigned b = a + 1; b < s->nodes; b++)
			if (((a + first) % s->nodes < few) != ((b + first) % s->nodes < few))
				net_cut(s, a, b, true);
}

static void
part(struct sim *s, unsigned pairs)
{
	for (unsigned i = 0; i < pairs; i++) {
		unsigned a = (unsigned)sim_rand(s, s->nodes);

		net_cut(s, a, (a + 1 + (unsigned)sim_rand(s, s->nodes - 1)) % s->nodes, true);
	}
}

static void
power_off(struct sim *s, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned node = (unsigned)sim_rand(s, s->nodes);

		sim_gabd_kill(s, node);
		net_host(s, node, false);
	}
}

/* Several pairs are parted one after the other as the nodes see it: the ways there may differ. */
static bool
break_something(struct sim *s)
{
	switch (sim_rand(s, 4)) {
	case 0: divide(s); return true;
	case 1: part(s, 1); return true;
	case 2: part(s, 2 + (unsigned)sim_rand(s, 3)); return false;
	default: power_off(s, 1 + (unsigned)sim_rand(s, s->nodes / 2)); return true;
	}
}

void
split_run(struct sim *s)
{
	bool unharmed;

	if (s->nodes > MOST)
		return;
	s->quiet = true;
	if (!sim_wait_whole(s, FORMED_IN))
		return;
	for (unsigned i = 0; i < s->nodes; i++)
		s->node[i].put_out = 0;
	sim_trace(s, "break");
	unharmed = break_something(s);
	sim_run_for(s, SETTLED_IN);
	if (s->violation[0] == '\0')
		check(s, unharmed);
	sim_trace(s, "peace");
	fault_heal(s);
	sim_wait_whole(s, FORMED_IN);
}
