/* SPDX-License-Identifier: ISC */
#include "tests/sim/sim.h"

static unsigned
any(struct sim *s)
{
	return (unsigned)sim_rand(s, s->nodes);
}

/* Deals the nodes into groups; groups do not see each other. */
static void
partition(struct sim *s)
{
	unsigned groups = 2 + (unsigned)sim_rand(s, 2), in[SIM_NODES];

	sim_trace(s, "partition into %u", groups);
	for (unsigned i = 0; i < s->nodes; i++)
		in[i] = (unsigned)sim_rand(s, groups);
	for (unsigned a = 0; a < s->nodes; a++)
		for (unsigned b = a + 1; b < s->nodes; b++)
			net_cut(s, a, b, in[a] != in[b]);
}

static void
chaos(struct sim *s, unsigned percent)
{
	sim_trace(s, "chaos %u", percent);
	for (unsigned a = 0; a < s->nodes; a++)
		for (unsigned b = a + 1; b < s->nodes; b++)
			net_cut(s, a, b, sim_chance(s, percent));
}

/* A chain: every node sees only its neighbours. */
static void
chain(struct sim *s)
{
	sim_trace(s, "chain");
	for (unsigned a = 0; a < s->nodes; a++)
		for (unsigned b = a + 1; b < s->nodes; b++)
			net_cut(s, a, b, b != a + 1);
}

static void
mend_all(struct sim *s)
{
	for (unsigned a = 0; a < s->nodes; a++)
		for (unsigned b = a + 1; b < s->nodes; b++)
			net_cut(s, a, b, false);
}

static void
power(struct sim *s, unsigned node, bool up)
{
	if (up) {
		net_host(s, node, true);
		sim_gabd_start(s, node);
	} else {
		sim_gabd_kill(s, node);
		net_host(s, node, false);
	}
}

static void
slow(struct sim *s)
{
	unsigned a = any(s), b = any(s);

	if (a != b)
		net_dir(s, a, b)->delay = sim_chance(s, 50) ? sim_rand(s, 40 * SIM_MS) : s->latency;
}

/* Several things at nearly the same time: that is where the trouble is. */
static void
one(struct sim *s)
{
	unsigned n = any(s);

	switch (sim_rand(s, 14)) {
	case 0:
	case 1: power(s, n, false); break;
	case 2:
	case 3:
	case 4: power(s, n, true); break;
	case 5: sim_gabd_kill(s, n); break;
	case 6: sim_gabd_start(s, n); break;
	case 7: net_cut(s, n, any(s), true); break;
	case 8: net_cut(s, n, any(s), false); break;
	case 9: partition(s); break;
	case 10: sim_pause(s, n, sim_rand(s, sim_chance(s, 30) ? 2000 * SIM_MS : 50 * SIM_MS)); break;
	case 11: slow(s); break;
	case 12:
		if (sim_chance(s, 30))
			chain(s);
		else
			chaos(s, (unsigned)sim_rand(s, 50));
		break;
	default: mend_all(s); break;
	}
}

void
fault_event(struct sim *s)
{
	uint64_t next;

	if (s->quiet)
		return;
	one(s);
	if (sim_chance(s, 40))
		next = sim_rand(s, 3 * SIM_MS);
	else if (sim_chance(s, 70))
		next = sim_rand(s, 60 * SIM_MS);
	else
		next = sim_rand(s, 700 * SIM_MS);
	sim_at(s, next, SIM_EV_FAULT, 0, 0);
}

void
fault_heal(struct sim *s)
{
	mend_all(s);
	for (unsigned i = 0; i < s->nodes; i++) {
		power(s, i, true);
		for (unsigned j = 0; j < s->nodes; j++)
			if (i != j)
				net_dir(s, i, j)->delay = s->latency;
	}
}
