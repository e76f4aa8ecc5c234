/* SPDX-License-Identifier: ISC */
#include "aliasd/state/select.h"
#include "proto/alias_svc.h"
#include "tests/unit/unit.h"

static struct sel_target t[8];
static uint16_t active;

START_TEST(multi)
{
	const struct sel_candidate c[] = { { 3, 1, 10 }, { 1, 3, 10 }, { 2, 2, 5 }, { 4, 0, 20 } };

	ck_assert_uint_eq(select_targets(ALIAS_IN_MULTI, c, 4, SEL_NO_NODE, &active, t), 2);
	ck_assert_uint_eq(t[0].node, 1);
	ck_assert_uint_eq(t[0].weight, 3);
	ck_assert_uint_eq(t[1].node, 3);
	ck_assert_uint_eq(t[1].weight, 1);
	ck_assert_uint_eq(active, SEL_NO_NODE);
	/* The lower tier only when the higher has nobody who may. */
	ck_assert_uint_eq(select_targets(ALIAS_IN_MULTI, c + 2, 2, SEL_NO_NODE, &active, t), 1);
	ck_assert_uint_eq(t[0].node, 2);
	/* All are drained: refused, not handed to whoever is there. */
	ck_assert_uint_eq(select_targets(ALIAS_IN_MULTI, c + 3, 1, SEL_NO_NODE, &active, t), 1);
	ck_assert_uint_eq(t[0].node, SEL_NO_NODE);
	ck_assert_uint_eq(select_targets(ALIAS_IN_MULTI, c, 0, SEL_NO_NODE, &active, t), 0);
}
END_TEST

START_TEST(single)
{
	const struct sel_candidate c[] = { { 3, 1, 1 }, { 1, 1, 1 }, { 2, 1, 9 } };
	const struct sel_candidate back[] = { { 1, 1, 1 }, { 2, 1, 9 }, { 3, 1, 1 } };
	const struct sel_candidate drained[] = { { 3, 0, 1 }, { 1, 1, 1 } };

	ck_assert_uint_eq(select_targets(0, c, 3, SEL_NO_NODE, &active, t), 1);
	ck_assert_uint_eq(t[0].node, 3);
	ck_assert_uint_eq(active, 3);
	/* The active one went: the next in line. It came back: no fail-back. */
	select_targets(ALIAS_IN_SINGLE, c + 1, 2, 3, &active, t);
	ck_assert_uint_eq(active, 1);
	select_targets(ALIAS_IN_SINGLE, back, 3, 1, &active, t);
	ck_assert_uint_eq(active, 1);
	select_targets(ALIAS_IN_SINGLE, c, 3, 2, &active, t);
	ck_assert_uint_eq(active, 2);
	select_targets(ALIAS_IN_SINGLE, drained, 2, 3, &active, t);
	ck_assert_uint_eq(active, 1);
}
END_TEST

START_TEST(noalias)
{
	const struct sel_candidate c[] = { { 1, 1, 1 } };

	ck_assert_uint_eq(select_targets(ALIAS_IN_NOALIAS, c, 1, 1, &active, t), 1);
	ck_assert_uint_eq(t[0].node, SEL_NO_NODE);
	ck_assert_uint_eq(active, SEL_NO_NODE);
}
END_TEST

START_TEST(master)
{
	struct sel_router r[] = { { 1, 1, true }, { 2, 1, true }, { 3, 0, true } };

	ck_assert_uint_eq(select_master(r, 3, SEL_NO_NODE), 1);
	ck_assert_uint_eq(select_master(r, 3, 2), 2);
	ck_assert_uint_eq(select_master(r, 3, 3), 1);
	r[1].rpri = 100;
	ck_assert_uint_eq(select_master(r, 3, 1), 2);
	r[1].eligible = false;
	ck_assert_uint_eq(select_master(r, 3, 2), 1);
	r[0].eligible = false;
	ck_assert_uint_eq(select_master(r, 3, 2), 3);
	r[2].eligible = false;
	ck_assert_uint_eq(select_master(r, 3, 2), SEL_NO_NODE);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { multi, single, noalias, master, NULL };

	return unit_run("alias_select", tests);
}
