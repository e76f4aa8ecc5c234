/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "gabd/clique.h"
#include "gabd/members.h"
#include "gabd/rules.h"
#include "tests/unit/unit.h"

/* ---- cliques ---- */

static struct gab_set adj[LLT_MAX_NODES];
static struct clique_graph g;

static void
full(unsigned n)
{
	memset(adj, 0, sizeof(adj));
	g = (struct clique_graph){ .n = n, .adj = adj };
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < n; k++)
			if (i != k)
				gab_set_add(&adj[i], k);
}

static void
cut(unsigned a, unsigned b)
{
	gab_set_del(&adj[a], b);
	gab_set_del(&adj[b], a);
}

static const char *
clique(unsigned self)
{
	static char text[256];
	struct gab_set out;
	uint16_t ids[LLT_MAX_NODES];

	clique_of(&g, self, &out);
	members_text(ids, gab_set_list(&out, ids), text, sizeof(text));
	return text;
}

START_TEST(cliques)
{
	full(4);
	ck_assert_str_eq(clique(3), "0123");
	cut(2, 3); /* a tie: lowest ids */
	ck_assert_str_eq(clique(0), "012");
	ck_assert_str_eq(clique(2), "012");
	ck_assert_str_eq(clique(3), ";3");
	gab_set_add(&g.suspect, 2); /* unless it is doubtful */
	ck_assert_str_eq(clique(0), "013");
	ck_assert_str_eq(clique(2), ";2");
	gab_set_add(&g.present, 0); /* and unless another would have to go for it */
	gab_set_add(&g.present, 2);
	ck_assert_str_eq(clique(0), "012");
	cut(0, 2);
	cut(1, 2);
	ck_assert_str_eq(clique(0), "013"); /* more are better all the same */
}
END_TEST

START_TEST(the_first_or_not)
{
	struct gab_set out;

	full(4);
	cut(2, 3);
	ck_assert(clique_of(&g, 0, &out));
	ck_assert(clique_of(&g, 2, &out));
	ck_assert(!clique_of(&g, 3, &out));
}
END_TEST

START_TEST(partitions_and_chains)
{
	full(5);
	for (unsigned a = 0; a < 2; a++)
		for (unsigned b = 2; b < 5; b++)
			cut(a, b);
	ck_assert_str_eq(clique(1), "01");
	ck_assert_str_eq(clique(3), ";234");
	memset(adj, 0, sizeof(adj));
	for (unsigned a = 0; a < 4; a++) { /* 0-1-2-3-4 */
		gab_set_add(&adj[a], a + 1);
		gab_set_add(&adj[a + 1], a);
	}
	ck_assert_str_eq(clique(0), "01");
	ck_assert_str_eq(clique(2), ";23");
	ck_assert_str_eq(clique(4), ";4");
}
END_TEST

START_TEST(largest_wins_over_lowest)
{
	full(6);
	for (unsigned b = 2; b < 6; b++)
		cut(0, b); /* 0 sees only 1 */
	ck_assert_str_eq(clique(1), ";12345");
	ck_assert_str_eq(clique(0), "0");
}
END_TEST

/* Whatever the graph: it ends, everybody is in a clique, and the cliques do not overlap. */
START_TEST(random_graphs)
{
	srand(4711);
	for (unsigned round = 0; round < 30; round++) {
		unsigned n = 2 + (unsigned)rand() % 40, percent = (unsigned)rand() % 100;
		struct gab_set out[64];

		full(n);
		for (unsigned a = 0; a < n; a++)
			for (unsigned b = a + 1; b < n; b++)
				if ((unsigned)rand() % 100 < percent)
					cut(a, b);
		for (unsigned a = 0; a < n; a++) {
			clique_of(&g, a, &out[a]);
			ck_assert(gab_set_has(&out[a], a));
			GAB_SET_EACH(x, &out[a])
				GAB_SET_EACH(y, &out[a])
					ck_assert(x == y || gab_set_has(&adj[x], (unsigned)y));
		}
		for (unsigned a = 0; a < n; a++)
			GAB_SET_EACH(b, &out[a])
				ck_assert(gab_set_equal(&out[a], &out[b]));
	}
}
END_TEST

/* ---- rules ---- */

START_TEST(seeding)
{
	struct gab_core_conf c = { .seed = 3 };

	ck_assert(!rules_may_form(&c, false, 2, 1000, 0));
	ck_assert(rules_may_form(&c, false, 3, 0, 1000));
	ck_assert(rules_may_form(&c, true, 1, 0, 1000)); /* seeded: at once */
	c.seed = 1;
	ck_assert(!rules_may_form(&c, false, 1, 999, 1000)); /* alone: not before its time */
	ck_assert(rules_may_form(&c, false, 1, 1000, 1000));
	ck_assert(rules_may_form(&c, false, 2, 0, 1000));
	c.seed = 0;
	ck_assert(!rules_may_form(&c, false, 9, 5000, 1000));
}
END_TEST

START_TEST(quorum)
{
	struct gab_core_conf c = { .quorum = GAB_QUORUM_NONE, .expected = 5 };

	ck_assert(rules_quorate(&c, 1, false));
	c.quorum = GAB_QUORUM_MAJORITY;
	ck_assert(!rules_quorate(&c, 2, true));
	ck_assert(rules_quorate(&c, 3, false));
	c.expected = 4;
	ck_assert(!rules_quorate(&c, 2, true)); /* half is not more than half */
	c.expected = 2;
	ck_assert(!rules_quorate(&c, 1, true));
	c.two_node = true;
	ck_assert(rules_quorate(&c, 1, true));
	ck_assert(!rules_quorate(&c, 1, false)); /* never saw the other */
	ck_assert(rules_quorate(&c, 2, false));
}
END_TEST

START_TEST(sides)
{
	struct rules_side a = { true, 9, 2, 5 }, b = { true, 9, 3, 7 };

	ck_assert_int_lt(rules_compare(&a, &b), 0);
	b.nodes = 2;
	ck_assert_int_gt(rules_compare(&a, &b), 0);
	b.quorum_gen = 10;
	ck_assert_int_gt(rules_compare(&a, &b), 0);
	a.quorate = false;
	ck_assert_int_lt(rules_compare(&a, &b), 0);
	a.quorum_gen = 20;
	ck_assert_int_lt(rules_compare(&a, &b), 0);
	b.quorate = false;
	b.nodes = 3;
	ck_assert_int_gt(rules_compare(&a, &b), 0);
}
END_TEST

/* ---- memberships as text ---- */

START_TEST(text)
{
	static const uint16_t small[] = { 0, 1, 2 }, gap[] = { 1, 2, 9 }, big[] = { 0, 1, 2, 3, 12, 15, 16 };
	char buf[32];

	members_text(small, 3, buf, sizeof(buf));
	ck_assert_str_eq(buf, "012");
	members_text(gap, 3, buf, sizeof(buf));
	ck_assert_str_eq(buf, ";129");
	members_text(gap, 1, buf, sizeof(buf));
	ck_assert_str_eq(buf, ";1");
	members_text(big, 7, buf, sizeof(buf));
	ck_assert_str_eq(buf, "0-3,12,15-16");
	members_text(big, 7, buf, 6);
	ck_assert_str_eq(buf, "0-3,1");
	members_text(gap, 3, buf, 3);
	ck_assert_str_eq(buf, ";1");
	members_text(big, 0, buf, sizeof(buf));
	ck_assert_str_eq(buf, "");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { cliques, the_first_or_not, partitions_and_chains, largest_wins_over_lowest,
		random_graphs, seeding, quorum, sides, text, NULL };

	return unit_run("gab_parts", tests);
}
