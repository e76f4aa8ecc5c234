/* SPDX-License-Identifier: ISC */
/*
 * gabsim [--seed N] [--seeds COUNT] [--views N] [--per-seed N] [--nodes N] [--split]
 *     [--break WHAT] [--trace]
 *
 * Simulates one cluster per seed. Ends after COUNT seeds, or after N view changes over all seeds.
 * --split: one fault in a cluster at peace, see split.c. Prints one line of JSON; exit status 1 if an
 * invariant was violated. --seed N --trace replays one.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

static const struct {
	const char *name;
	enum gab_break what;
} breaks[] = {
	{ "flush", GAB_BREAK_FLUSH },
	{ "freeze", GAB_BREAK_FREEZE },
	{ "order", GAB_BREAK_ORDER },
	{ "fresh", GAB_BREAK_FRESH },
	{ "quorum", GAB_BREAK_QUORUM },
	{ "dup", GAB_BREAK_DUP },
	{ "gen", GAB_BREAK_GEN },
	{ "stale", GAB_BREAK_STALE },
};

struct options {
	uint64_t seed, seeds, views;
	const char *break_name;
	struct sim_conf conf;
};

struct totals {
	uint64_t seeds, views, messages, unicasts, fresh, catchups, fills, retries, violations;
	uint64_t simulated_ms;
};

static int
usage(void)
{
	fprintf(stderr, "usage: gabsim [--seed N] [--seeds COUNT] [--views N] [--per-seed N] [--nodes N]"
	    " [--split] [--break");
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++)
		fprintf(stderr, "%c%s", i == 0 ? ' ' : '|', breaks[i].name);
	fprintf(stderr, "] [--trace]\n");
	return 2;
}

static bool
set_break(struct options *o, const char *name)
{
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++)
		if (strcmp(name, breaks[i].name) == 0) {
			o->conf.breaks |= breaks[i].what;
			o->break_name = breaks[i].name;
			return true;
		}
	return false;
}

static bool
set_number(struct options *o, const char *key, const char *value)
{
	char *end;
	uint64_t n = strtoull(value, &end, 10);

	if (*value == '\0' || *end != '\0')
		return false;
	if (strcmp(key, "--seed") == 0)
		o->seed = n;
	else if (strcmp(key, "--seeds") == 0)
		o->seeds = n;
	else if (strcmp(key, "--views") == 0)
		o->views = n;
	else if (strcmp(key, "--per-seed") == 0)
		o->conf.views = (unsigned)n;
	else if (strcmp(key, "--nodes") == 0 && n <= SIM_NODES)
		o->conf.nodes = (unsigned)n;
	else
		return false;
	return true;
}

static bool
parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0) {
			o->conf.trace = true;
			continue;
		}
		if (strcmp(argv[i], "--split") == 0) {
			o->conf.split = true;
			continue;
		}
		if (i + 1 == argc)
			return false;
		if (strcmp(argv[i], "--break") == 0 ? !set_break(o, argv[i + 1])
						    : !set_number(o, argv[i], argv[i + 1]))
			return false;
		i++;
	}
	return true;
}

static void
one_seed(const struct options *o, uint64_t seed, struct totals *t)
{
	static struct sim s;
	struct sim_conf conf = o->conf;

	conf.seed = seed;
	sim_new(&s, &conf);
	if (conf.split)
		split_run(&s);
	else
		sim_run(&s);
	if (s.violation[0] != '\0') {
		t->violations++;
		fprintf(stderr, "seed %" PRIu64 " (%u nodes): %s\n", seed, s.nodes, s.violation);
	}
	sim_free(&s);
	t->seeds++;
	t->views += s.views;
	t->messages += s.messages;
	t->unicasts += s.unicasts;
	t->fresh += s.fresh_views;
	t->catchups += s.catchups;
	t->fills += s.fills;
	t->retries += s.retries;
	t->simulated_ms += s.now / SIM_MS;
}

int
main(int argc, char **argv)
{
	struct options o = { .seed = 1, .conf = { .views = 200 } };
	struct totals t = { 0 };

	if (!parse(&o, argc, argv))
		return usage();
	if (o.seeds == 0 && o.views == 0)
		o.seeds = 1;
	while ((o.seeds == 0 || t.seeds < o.seeds) && (o.views == 0 || t.views < o.views) &&
	    (t.violations == 0 || o.break_name == NULL))
		one_seed(&o, o.seed + t.seeds, &t);
	printf("{\"schema\": 1, \"first_seed\": %" PRIu64 ", \"seeds\": %" PRIu64 ", \"views\": %" PRIu64
	    ", \"messages\": %" PRIu64 ", \"unicasts\": %" PRIu64 ", \"fresh\": %" PRIu64
	    ", \"catchups\": %" PRIu64 ", \"fills\": %" PRIu64 ", \"retries\": %" PRIu64
	    ", \"simulated_ms\": %" PRIu64 ", \"break\": \"%s\", \"violations\": %" PRIu64 "}\n",
	    o.seed, t.seeds, t.views, t.messages, t.unicasts, t.fresh, t.catchups, t.fills, t.retries,
	    t.simulated_ms, o.break_name == NULL ? "" : o.break_name, t.violations);
	return t.violations == 0 ? 0 : 1;
}
