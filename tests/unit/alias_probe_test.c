/* SPDX-License-Identifier: ISC */
#include <check.h>

#include "aliasd/core/probe.h"
#include "common/clock.h"
#include "tests/unit/unit.h"

static unsigned asked, last_tries;
static uint32_t last_ifindex;

static void
ask(uint32_t ifindex, unsigned tries, void *arg)
{
	asked++;
	last_tries = tries;
	last_ifindex = ifindex;
}

START_TEST(asks_at_once_and_ever_more_seldom)
{
	struct probe *p = probe_new();
	uint64_t now = NSEC_PER_SEC, next, gap = 0;
	unsigned i;

	ck_assert_uint_eq(probe_run(p, now, ask, NULL), 0);
	probe_add(p, 3, now);
	for (i = 0; i < 20; i++) {
		next = probe_run(p, now, ask, NULL);
		ck_assert_uint_eq(asked, i + 1);
		ck_assert_uint_eq(last_tries, i);
		ck_assert_uint_ge(next - now, gap);
		gap = next - now;
		ck_assert_uint_eq(probe_run(p, next - 1, ask, NULL), next);
		now = next;
	}
	ck_assert_uint_eq(gap, 30 * NSEC_PER_SEC);
	probe_free(p);
}
END_TEST

START_TEST(proven_once)
{
	struct probe *p = probe_new();

	probe_add(p, 3, 1);
	probe_add(p, 4, 1);
	ck_assert(!probe_is_proven(p, 3));
	ck_assert(probe_prove(p, 3));
	ck_assert(!probe_prove(p, 3));
	ck_assert(probe_is_proven(p, 3));
	ck_assert(!probe_prove(p, 5));
	probe_run(p, 1, ask, NULL);
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(last_ifindex, 4);
	ck_assert(probe_prove(p, 4));
	ck_assert_uint_eq(probe_run(p, NSEC_PER_SEC, ask, NULL), 0);
	probe_free(p);
}
END_TEST

START_TEST(anew_after_it_went)
{
	struct probe *p = probe_new();

	probe_add(p, 3, 1);
	ck_assert(probe_prove(p, 3));
	probe_del(p, 3);
	ck_assert(!probe_is_proven(p, 3));
	probe_add(p, 3, 1);
	ck_assert(!probe_is_proven(p, 3));
	ck_assert(probe_prove(p, 3));
	probe_add(p, 3, 2); /* attached again */
	ck_assert(!probe_is_proven(p, 3));
	probe_run(p, 2, ask, NULL);
	ck_assert_uint_eq(asked, 1);
	probe_del(p, 9);
	probe_free(p);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { asks_at_once_and_ever_more_seldom, proven_once,
		anew_after_it_went, NULL };

	return unit_run("alias_probe", tests);
}
