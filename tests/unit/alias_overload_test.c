/* SPDX-License-Identifier: ISC */
/* When a member that spreads clients says that it has too many. */
#include "aliasd/core/overload.h"
#include "common/clock.h"
#include "tests/unit/unit.h"

static struct overload o;
static uint64_t now;
static unsigned steps; /* that were taken, both ways */

static void
begin(void)
{
	o = (struct overload){ 0 };
	now = 1000 * NSEC_PER_SEC;
	steps = 0;
}

static void
second(uint32_t load)
{
	now += NSEC_PER_SEC;
	steps += overload_look(&o, load, now);
}

/* Load that follows the number of clients: demand is what it would be with all of them. */
static void
follow(unsigned seconds, uint32_t demand)
{
	for (; seconds > 0; seconds--)
		second(demand * overload_share(o.step) / 100);
}

START_TEST(a_peak_is_no_overload)
{
	unsigned i, j;

	begin();
	for (i = 0; i < 1000; i++) {
		for (j = 0; j < 5; j++)
			second(300);
		second(20);
	}
	ck_assert_uint_eq(steps, 0);
	ck_assert_uint_eq(overload_share(o.step), 100);
}
END_TEST

START_TEST(steps_down_until_it_fits_and_stays)
{
	begin();
	follow(6, 150);
	ck_assert_uint_eq(overload_share(o.step), 75);
	follow(14, 150);
	ck_assert_uint_eq(overload_share(o.step), 75); /* the first one is given time to take effect */
	follow(3600, 150);
	ck_assert_uint_eq(overload_share(o.step), 50); /* 75 %: with more clients it would be too much again */
	ck_assert_uint_eq(steps, 2);
	follow(300, 40);
	ck_assert_uint_eq(overload_share(o.step), 100);
	ck_assert_uint_eq(steps, 4);
}
END_TEST

/* What has nothing to do with the clients does not make it lose all of them. */
START_TEST(never_without_clients)
{
	unsigned i;

	begin();
	for (i = 0; i < 10000; i++)
		second(500);
	ck_assert_uint_eq(overload_share(o.step), 25);
	ck_assert_uint_eq(steps, 3);
}
END_TEST

/* Load that comes back whenever clients do, with pauses that are long enough to fall for. */
START_TEST(does_not_flap)
{
	unsigned i, in_an_hour = 0;

	begin();
	for (i = 1; i <= 24 * 3600; i++) {
		second(i % 120 < 60 ? 120 : 30);
		in_an_hour = i == 3600 ? steps : in_an_hour;
	}
	ck_assert_uint_le(in_an_hour, 8);
	ck_assert_uint_le(steps, 24 * 8);
}
END_TEST

START_TEST(limits)
{
	begin();
	second(UINT32_MAX);
	ck_assert(!overload_look(&o, UINT32_MAX, now));
	ck_assert_uint_eq(overload_share(OVERLOAD_STEPS), 25);
	follow(20, 99);
	ck_assert_uint_eq(steps, 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { a_peak_is_no_overload, steps_down_until_it_fits_and_stays,
		never_without_clients, does_not_flap, limits, NULL };

	return unit_run("alias_overload", tests);
}
