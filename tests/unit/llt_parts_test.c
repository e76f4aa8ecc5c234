/* SPDX-License-Identifier: ISC */
/* The small pure parts of lltd: replay window, session, link state, choice of links. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "lltd/linkstate.h"
#include "lltd/replay.h"
#include "lltd/sched.h"
#include "lltd/session.h"
#include "tests/unit/unit.h"

#define MS NSEC_PER_MSEC

static bool
see(struct replay *r, uint64_t seq)
{
	bool fresh = replay_fresh(r, seq);

	if (fresh)
		replay_mark(r, seq);
	return fresh;
}

START_TEST(replay_each_once)
{
	struct replay r;

	replay_init(&r);
	ck_assert(!see(&r, 0));
	for (uint64_t i = 8; i < 50000; i++) {
		ck_assert(see(&r, i ^ 5)); /* neighbours swapped */
		ck_assert(!see(&r, i ^ 5));
	}
}
END_TEST

START_TEST(replay_wide_enough)
{
	struct replay r;

	replay_init(&r);
	ck_assert(see(&r, 10000));
	ck_assert(see(&r, 10000 - 4096));
	ck_assert(!see(&r, 10000 - 4096));
	ck_assert(!see(&r, 10000 - REPLAY_BITS));
	ck_assert(see(&r, UINT64_MAX - 1));
	ck_assert(!see(&r, 10000));
	ck_assert(!see(&r, 9999));
	ck_assert(see(&r, UINT64_MAX));
	ck_assert(!see(&r, UINT64_MAX - 1));
}
END_TEST

START_TEST(replay_like_a_set)
{
	static uint8_t seen[40000];
	struct replay r;
	uint64_t top = 0;

	srandom(7);
	replay_init(&r);
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t seq = 1 + i / 6 + (uint64_t)random() % 6000;
		bool expect = seen[seq] == 0 && seq + REPLAY_BITS - 64 > top;

		if (seq + REPLAY_BITS < top || (seq + REPLAY_BITS - 64 <= top && seen[seq] == 0))
			continue; /* at the edge of the window either answer is right */
		ck_assert_int_eq(see(&r, seq), expect);
		seen[seq] = 1;
		if (seq > top)
			top = seq;
	}
}
END_TEST

/* ---- session ---- */
static uint8_t fresh_byte;

static const uint8_t *
fresh(void)
{
	static uint8_t ch[LLT_CHALLENGE];

	memset(ch, 0, sizeof(ch));
	ch[0] = ++fresh_byte;
	return ch;
}

struct end {
	struct session s;
	uint64_t inc;
	bool silent; /* the other one seems gone */
};

/* a's hello goes to b; says what b did with it and whether b wants to answer. */
static enum session_result
greet(struct end *a, struct end *b, bool *answer)
{
	struct llt_hello h = { .flags = 0 };

	session_output(&a->s, b->inc, &h);
	return session_input(&b->s, a->inc, &h, b->silent, fresh(), answer);
}

static void
start(struct end *e, uint64_t inc)
{
	e->inc = inc;
	e->silent = false;
	session_init(&e->s, fresh());
}

static void
connect_ends(struct end *a, struct end *b)
{
	bool answer;

	ck_assert_int_eq(greet(a, b, &answer), SESSION_SAME);
	ck_assert(answer);
	ck_assert_int_eq(greet(b, a, &answer), SESSION_OPENED);
	ck_assert(answer);
	ck_assert_int_eq(greet(a, b, &answer), SESSION_OPENED);
	ck_assert(!answer);
}

static void
check_pair(const struct end *a, const struct end *b)
{
	ck_assert(a->s.up && b->s.up);
	ck_assert_mem_eq(a->s.my_ch, b->s.peer_ch, LLT_CHALLENGE);
	ck_assert_mem_eq(b->s.my_ch, a->s.peer_ch, LLT_CHALLENGE);
	ck_assert_uint_eq(a->s.peer_inc, b->inc);
	ck_assert_uint_eq(b->s.peer_inc, a->inc);
}

START_TEST(session_opens)
{
	struct end a, b;
	bool answer;

	start(&a, 1);
	start(&b, 2);
	connect_ends(&a, &b);
	check_pair(&a, &b);
	/* Said again, it changes nothing and needs no answer. */
	ck_assert_int_eq(greet(&a, &b, &answer), SESSION_SAME);
	ck_assert(!answer);
}
END_TEST

START_TEST(session_last_hello_lost)
{
	struct end a, b;
	bool answer;

	start(&a, 1);
	start(&b, 2);
	greet(&a, &b, &answer);
	ck_assert_int_eq(greet(&b, &a, &answer), SESSION_OPENED);
	/* a's answer is lost; b asks again */
	ck_assert_int_eq(greet(&b, &a, &answer), SESSION_SAME);
	ck_assert(answer);
	ck_assert_int_eq(greet(&a, &b, &answer), SESSION_OPENED);
	check_pair(&a, &b);
}
END_TEST

START_TEST(session_crossing_hellos)
{
	struct end a, b;
	struct llt_hello ha = { .flags = 0 }, hb = { .flags = 0 };
	bool answer;

	start(&a, 1);
	start(&b, 2);
	session_output(&a.s, 2, &ha);
	session_output(&b.s, 1, &hb);
	session_input(&a.s, 2, &hb, false, fresh(), &answer);
	session_input(&b.s, 1, &ha, false, fresh(), &answer);
	session_output(&a.s, 2, &ha);
	session_output(&b.s, 1, &hb);
	ck_assert_int_eq(session_input(&a.s, 2, &hb, false, fresh(), &answer), SESSION_OPENED);
	ck_assert_int_eq(session_input(&b.s, 1, &ha, false, fresh(), &answer), SESSION_OPENED);
	check_pair(&a, &b);
}
END_TEST

START_TEST(session_replay_opens_nothing)
{
	struct end a, b;
	struct llt_hello old = { .flags = 0 };
	bool answer;

	start(&a, 1);
	start(&b, 2);
	connect_ends(&a, &b);
	session_output(&b.s, 1, &old); /* what somebody recorded */
	session_end(&a.s, fresh());
	ck_assert_int_eq(session_input(&a.s, 2, &old, true, fresh(), &answer), SESSION_SAME);
	ck_assert(!a.s.up);
}
END_TEST

START_TEST(session_restarted_peer)
{
	struct end a, b, b2;
	bool answer;

	start(&a, 1);
	start(&b, 2);
	connect_ends(&a, &b);
	start(&b2, 3);
	/* The old one is alive: whoever says it is this node is refused. */
	ck_assert_int_eq(greet(&b2, &a, &answer), SESSION_REFUSED);
	ck_assert(!answer);
	a.silent = true;
	ck_assert_int_eq(greet(&b2, &a, &answer), SESSION_SAME);
	ck_assert(answer);
	check_pair(&a, &b); /* still the old session: nothing is proved yet */
	ck_assert_int_eq(greet(&a, &b2, &answer), SESSION_OPENED);
	ck_assert_int_eq(greet(&b2, &a, &answer), SESSION_REPLACED);
	check_pair(&a, &b2);
}
END_TEST

START_TEST(session_one_side_ended)
{
	struct end a, b;
	bool answer;

	start(&a, 1);
	start(&b, 2);
	connect_ends(&a, &b);
	session_end(&b.s, fresh());
	a.silent = true;
	ck_assert_int_eq(greet(&b, &a, &answer), SESSION_SAME);
	ck_assert_int_eq(greet(&a, &b, &answer), SESSION_OPENED);
	ck_assert_int_eq(greet(&b, &a, &answer), SESSION_REPLACED);
	check_pair(&a, &b);
}
END_TEST

/* ---- link state ---- */
static const struct llt_timers timers = { { 10 * MS, 20 * MS }, { 20 * MS, 40 * MS }, 60 * MS };

START_TEST(link_goes_silent)
{
	struct linkstate l = { .prio = LLT_PRIO_HIGH };

	ck_assert_uint_eq(linkstate_deadline(&l, &timers), UINT64_MAX);
	ck_assert(linkstate_heard(&l, 100 * MS));
	ck_assert(!linkstate_heard(&l, 101 * MS));
	ck_assert_uint_eq(linkstate_deadline(&l, &timers), 121 * MS);
	ck_assert(!linkstate_check(&l, &timers, 121 * MS - 1));
	ck_assert(linkstate_check(&l, &timers, 121 * MS));
	ck_assert_uint_eq(l.state, LLT_LINK_TROUBLE);
	ck_assert_uint_eq(linkstate_deadline(&l, &timers), 161 * MS);
	ck_assert(linkstate_check(&l, &timers, 161 * MS));
	ck_assert_uint_eq(l.state, LLT_LINK_INACTIVE);
	ck_assert(linkstate_heard(&l, 200 * MS));
	ck_assert_uint_eq(l.state, LLT_LINK_TROUBLE);
	ck_assert(linkstate_set_deaf(&l, false));
	ck_assert_uint_eq(l.state, LLT_LINK_UP);
}
END_TEST

START_TEST(link_that_hears_us_not)
{
	struct linkstate l = { .prio = LLT_PRIO_HIGH };

	linkstate_reset(&l);
	ck_assert(!linkstate_hears(&l));
	ck_assert(!linkstate_set_deaf(&l, true));
	ck_assert(linkstate_heard(&l, 100 * MS));
	ck_assert_uint_eq(l.state, LLT_LINK_TROUBLE);
	ck_assert(linkstate_hears(&l));
	ck_assert(linkstate_set_deaf(&l, false));
	ck_assert_uint_eq(l.state, LLT_LINK_UP);
	ck_assert(linkstate_set_deaf(&l, true));
	ck_assert(!linkstate_heard(&l, 110 * MS));
	ck_assert(!linkstate_check(&l, &timers, 130 * MS)); /* silent, too */
	ck_assert(!linkstate_hears(&l));
	ck_assert(!linkstate_set_deaf(&l, false));
	ck_assert_uint_eq(l.state, LLT_LINK_TROUBLE);
	ck_assert(linkstate_down(&l));
	ck_assert(!linkstate_set_deaf(&l, false));
}
END_TEST

START_TEST(link_low_priority_waits_longer)
{
	struct linkstate l = { .prio = LLT_PRIO_LOW };

	linkstate_heard(&l, 100 * MS);
	ck_assert(!linkstate_check(&l, &timers, 139 * MS));
	ck_assert(linkstate_check(&l, &timers, 140 * MS));
	ck_assert_uint_eq(l.state, LLT_LINK_TROUBLE);
}
END_TEST

START_TEST(link_own_lateness)
{
	struct linkstate l = { .prio = LLT_PRIO_HIGH };

	linkstate_heard(&l, 100 * MS);
	/* We slept for 500 ms; the peer was silent for 10 of what we were awake. */
	linkstate_discount(&l, 500 * MS, 610 * MS);
	ck_assert(!linkstate_check(&l, &timers, 610 * MS));
	ck_assert(linkstate_check(&l, &timers, 620 * MS));
	/* It never makes a sign of life out of the future. */
	linkstate_heard(&l, 700 * MS);
	linkstate_discount(&l, 500 * MS, 710 * MS);
	ck_assert_uint_eq(l.heard, 710 * MS);
}
END_TEST

START_TEST(link_heartbeats_counted)
{
	struct linkstate l = { .prio = LLT_PRIO_HIGH };

	linkstate_heartbeat(&l, 5, 10 * MS, 100 * MS);
	ck_assert_uint_eq(l.hb_lost, 0);
	linkstate_heartbeat(&l, 6, 10 * MS, 110 * MS);
	linkstate_heartbeat(&l, 7, 10 * MS, 126 * MS);
	ck_assert_uint_eq(l.hb_late, 1);
	linkstate_heartbeat(&l, 10, 10 * MS, 150 * MS);
	ck_assert_uint_eq(l.hb_lost, 2);
	linkstate_heartbeat(&l, 9, 10 * MS, 151 * MS);
	ck_assert_uint_eq(l.hb_lost, 1);
}
END_TEST

/* ---- choice of links ---- */
START_TEST(sched_bursts)
{
	struct sched s = SCHED_START;
	uint32_t burst[LLT_MAX_LINKS] = { 4, 1 };
	unsigned n[2] = { 0, 0 };

	for (unsigned i = 0; i < 5; i++)
		n[sched_roundrobin(&s, 3, 0, burst)]++;
	ck_assert_uint_eq(n[0], 4);
	ck_assert_uint_eq(n[1], 1);
	for (unsigned i = 0; i < 1000; i++) {
		int first = sched_roundrobin(&s, 3, 0, burst);

		for (unsigned k = 1; k < burst[first]; k++)
			ck_assert_int_eq(sched_roundrobin(&s, 3, 0, burst), first);
		n[first] += burst[first];
	}
	ck_assert_uint_eq(n[0], 4 + 2000);
	ck_assert_uint_eq(n[1], 1 + 500);
}
END_TEST

START_TEST(sched_low_priority)
{
	struct sched s = SCHED_START;
	uint32_t burst[LLT_MAX_LINKS] = { 2, 2, 2, 2 };

	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(sched_roundrobin(&s, 0, 0x0c, burst), 2); /* the first, not in turns */
	ck_assert_int_eq(sched_roundrobin(&s, 0x02, 0x0c, burst), 1); /* back at once */
	ck_assert_int_eq(sched_roundrobin(&s, 0, 0, burst), -1);
	ck_assert_int_eq(sched_destination(1, 1, 0, 0), -1);
	ck_assert_int_eq(sched_destination(1, 1, 0, 0x80), 7);
}
END_TEST

START_TEST(sched_by_destination)
{
	unsigned used = 0;

	for (unsigned node = 0; node < 8; node++) {
		int l = sched_destination((uint16_t)node, 3, 0x15, 0x20);

		ck_assert_int_eq(l, sched_destination((uint16_t)node, 3, 0x15, 0));
		ck_assert((0x15 >> l & 1) != 0);
		used |= 1u << l;
	}
	ck_assert_uint_eq(used, 0x15);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		replay_each_once, replay_wide_enough, replay_like_a_set, session_opens,
		session_last_hello_lost, session_crossing_hellos, session_replay_opens_nothing,
		session_restarted_peer, session_one_side_ended, link_goes_silent,
		link_that_hears_us_not,
		link_low_priority_waits_longer, link_own_lateness, link_heartbeats_counted,
		sched_bursts, sched_low_priority, sched_by_destination,
		NULL,
	};

	return unit_run("llt_parts", tests);
}
