/* SPDX-License-Identifier: ISC */
/* Thousands of aliases: rows in batches, how many there may be, and announcements that are paced. */
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/garp.h"
#include "aliasd/core/map.h"
#include "aliasd/state/state.h"
#include "common/clock.h"
#include "proto/alias_msg_list.h"
#include "tests/unit/unit.h"

#define MANY 10000

static unsigned told, gone, full, limits, urgent_told;
static struct in_addr urgent, last_told;
static struct state *st;

static void
on_alias(const struct state_alias *a, void *arg)
{
	told++;
	last_told = a->addr;
}

static bool
is_urgent(struct in_addr addr, void *arg)
{
	return urgent.s_addr != 0 && addr.s_addr == urgent.s_addr;
}

static void
on_urgent(void *arg)
{
	urgent_told = told;
	ck_assert_uint_eq(last_told.s_addr, urgent.s_addr);
}

static void
on_gone(struct in_addr addr, void *arg)
{
	gone++;
}

static void
on_full(struct in_addr addr, uint16_t node, void *arg)
{
	full++;
}

static void
on_limit(uint16_t node, void *arg)
{
	limits++;
}

static const struct state_ops ops = { .on_alias = on_alias, .on_alias_gone = on_gone,
	.is_urgent = is_urgent, .on_urgent = on_urgent, .on_full = on_full, .on_limit = on_limit };

/* Members 0 and 1; we are 0. */
static void
setup(void)
{
	struct gab_ev_view v = { .gen = 1, .self = 0, .quorate = true, .fresh = true, .nmembers = 2,
		.members = { 0, 1 }, .njoined = 2, .joined = { 0, 1 } };

	told = gone = full = limits = urgent_told = 0;
	urgent.s_addr = 0;
	st = state_new(&ops, NULL);
	state_view(st, &v);
	ck_assert(state_loaded(st));
}

static struct in_addr
addr_of(unsigned i)
{
	return (struct in_addr){ .s_addr = htonl(0x0a400000 + i) };
}

/* Rows from..to-1 of a member that is configured for so many aliases. */
static void
rows(uint16_t node, uint32_t max_aliases, uint8_t flags, unsigned from, unsigned to)
{
	static uint8_t buf[GAB_MAX_MSG];
	struct alias_list list;
	struct wire_wr w;

	while (from < to) {
		wire_wr_init(&w, buf, sizeof(buf));
		alias_list_begin_rows(&list, &w, 0, max_aliases);
		while (from < to && list.count < 3000) {
			struct alias_row r = { .addr = addr_of(from++), .flags = flags, .rpri = 1 };

			alias_list_row(&list, &r);
		}
		alias_list_end(&list);
		ck_assert(wire_wr_ok(&w));
		ck_assert(state_ordered(st, node, buf, wire_wr_len(&w)));
	}
}

START_TEST(in_batches)
{
	setup();
	rows(0, MANY, ALIAS_ROW_ROUTES, 1, MANY + 1);
	ck_assert_uint_eq(state_alias_count(st), MANY);
	ck_assert_uint_eq(told, MANY);
	ck_assert_uint_eq(state_alias(st, addr_of(1))->id, 1);
	ck_assert_uint_eq(state_alias(st, addr_of(MANY))->id, MANY);
	/* Ids that became free are given again, the lowest first. */
	rows(0, MANY, 0, 5, 7);
	ck_assert_uint_eq(gone, 2);
	rows(0, MANY, ALIAS_ROW_ROUTES, MANY + 1, MANY + 3);
	ck_assert_uint_eq(state_alias(st, addr_of(MANY + 1))->id, 5);
	ck_assert_uint_eq(state_alias(st, addr_of(MANY + 2))->id, 6);
	rows(0, MANY, 0, 1, MANY + 3);
	ck_assert_uint_eq(state_alias_count(st), 0);
	ck_assert_uint_eq(full, 0);
	state_free(st);
}
END_TEST

START_TEST(no_more_than_may_be)
{
	setup();
	rows(0, 8, ALIAS_ROW_ROUTES, 1, 10);
	ck_assert_uint_eq(state_alias_count(st), 8);
	ck_assert_uint_eq(full, 1);
	ck_assert_ptr_null(state_alias(st, addr_of(9)));
	/* What is there can still be changed and joined. */
	rows(1, 8, ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED, 1, 9);
	ck_assert_uint_eq(state_alias(st, addr_of(8))->nrows, 2);
	ck_assert_uint_eq(full, 1);
	state_free(st);
}
END_TEST

START_TEST(the_lowest_counts)
{
	struct gab_ev_view left = { .gen = 2, .self = 0, .quorate = true, .nmembers = 1,
		.members = { 0 }, .nleft = 1, .left = { 1 } };

	setup();
	rows(0, 100, ALIAS_ROW_ROUTES, 1, 10);
	ck_assert_uint_eq(state_limit(st), 100);
	rows(1, 8, 0, 1, 2); /* a row of nothing says it, too */
	ck_assert_uint_eq(limits, 2);
	ck_assert_uint_eq(state_limit_of(st, 1), 8);
	ck_assert_uint_eq(state_limit(st), 8);
	rows(0, 100, ALIAS_ROW_ROUTES, 10, 11);
	ck_assert_uint_eq(full, 1);
	ck_assert_uint_eq(state_alias_count(st), 9);
	state_view(st, &left);
	ck_assert_uint_eq(state_limit(st), 100);
	rows(0, 100, ALIAS_ROW_ROUTES, 10, 11);
	ck_assert_uint_eq(state_alias_count(st), 10);
	state_free(st);
}
END_TEST

/* Who joins learns what the others are configured for. */
START_TEST(limit_in_the_snapshot)
{
	struct gab_ev_view v = { .gen = 1, .self = 0, .quorate = true, .fresh = true, .nmembers = 2,
		.members = { 0, 1 }, .njoined = 1, .joined = { 0 } };
	static uint8_t buf[GAB_MAX_MSG];
	struct state *fresh = state_new(&ops, NULL);
	uint8_t *dump, *again;
	struct wire_wr w;
	size_t len, len2;

	setup();
	rows(1, 77, ALIAS_ROW_ROUTES, 1, 3);
	dump = state_dump(st, &len);
	state_view(fresh, &v);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_snapshot(&w, 1, 0, 1, dump, len);
	ck_assert(state_ordered(fresh, 1, buf, wire_wr_len(&w)));
	ck_assert(state_loaded(fresh));
	ck_assert_uint_eq(state_limit_of(fresh, 1), 77);
	again = state_dump(fresh, &len2);
	ck_assert_uint_eq(len, len2);
	ck_assert_mem_eq(dump, again, len);
	free(dump);
	free(again);
	state_free(fresh);
	state_free(st);
}
END_TEST

/* ---- when a member leaves ---- */

static const struct gab_ev_view without_1 = { .gen = 2, .self = 0, .quorate = true, .nmembers = 1,
	.members = { 0 }, .nleft = 1, .left = { 1 } };

START_TEST(urgent_ones_first)
{
	unsigned turns = 0;

	setup();
	rows(0, MANY, ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED, 1, MANY + 1);
	rows(1, MANY, ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED, 1, MANY + 1);
	urgent = addr_of(MANY);
	told = 0;
	state_view(st, &without_1);
	ck_assert_uint_eq(urgent_told, 1);
	ck_assert_uint_eq(told, 1);
	ck_assert(state_owes(st));
	while (state_work(st, 100)) {
		turns++;
		ck_assert_uint_eq(told, 1 + turns * 100);
	}
	ck_assert_uint_eq(told, MANY);
	ck_assert(!state_owes(st));
	state_free(st);
}
END_TEST

/* What comes next finds all of it done. */
START_TEST(all_before_the_next_message)
{
	setup();
	rows(0, MANY, ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED, 1, 101);
	rows(1, MANY, ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED, 1, 101);
	told = 0;
	state_view(st, &without_1);
	ck_assert(state_owes(st));
	rows(0, MANY, ALIAS_ROW_ROUTES, 7, 8);
	ck_assert_uint_eq(told, 101);
	ck_assert(!state_owes(st));
	state_free(st);
}
END_TEST

START_TEST(a_few_at_once)
{
	setup();
	rows(0, MANY, ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED, 1, 11);
	rows(1, MANY, ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED, 1, 11);
	told = 0;
	state_view(st, &without_1);
	ck_assert_uint_eq(told, 10);
	ck_assert(!state_owes(st));
	state_free(st);
}
END_TEST

START_TEST(left_in_the_middle)
{
	setup();
	rows(0, MANY, ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED, 1, 101);
	rows(1, MANY, ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED, 1, 101);
	state_view(st, &without_1);
	ck_assert(state_work(st, 10));
	told = 0;
	state_lost(st);
	ck_assert(!state_owes(st) && !state_work(st, 10));
	ck_assert_uint_eq(told, 0);
	state_free(st);
}
END_TEST

/* ---- announcements ---- */

static struct in_addr sent[4 * MANY];
static size_t nsent, nframes;

static void
on_send(struct in_addr addr, bool both, void *arg)
{
	sent[nsent++] = addr;
	nframes += both ? 2 : 1;
}

START_TEST(announcements_are_paced)
{
	static bool seen[MANY];
	struct garp *g = garp_new();
	uint64_t t = NSEC_PER_SEC, next = t;
	size_t before;
	unsigned i;

	nsent = 0;
	for (i = 0; i < MANY; i++)
		garp_start(g, addr_of(i), t);
	garp_start_urgent(g, addr_of(MANY - 1), t);
	while (next < t + 100 * NSEC_PER_MSEC) {
		before = nframes;
		next = garp_run(g, next, on_send, NULL);
		ck_assert_uint_le(nframes - before, 257);
	}
	/* Who has clients that wait comes before all the others, and every first one before repeats. */
	ck_assert_uint_eq(sent[0].s_addr, addr_of(MANY - 1).s_addr);
	ck_assert_uint_ge(nsent, MANY);
	ck_assert_uint_ge(nframes, MANY + 1);
	for (i = 0; i < MANY; i++) {
		ck_assert(!seen[ntohl(sent[i].s_addr) - 0x0a400000]);
		seen[ntohl(sent[i].s_addr) - 0x0a400000] = true;
	}
	garp_free(g);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { in_batches, no_more_than_may_be, the_lowest_counts,
		limit_in_the_snapshot, urgent_ones_first, all_before_the_next_message, a_few_at_once,
		left_in_the_middle, announcements_are_paced, NULL };

	return unit_run("alias_many", tests);
}
