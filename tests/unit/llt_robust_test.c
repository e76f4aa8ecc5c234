/* SPDX-License-Identifier: ISC */
/* The core against those who record, hold back and replay, and against links that die by half. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lltd/crypto.h"
#include "tests/unit/llt_net.h"
#include "tests/unit/unit.h"

#define RECORDS 4096

static const struct llt_timers lan = { { 50 * MS, 100 * MS }, { 150 * MS, 300 * MS }, 300 * MS };

static struct record {
	unsigned link;
	size_t len;
	uint8_t bytes[256];
} records[RECORDS];
static unsigned nrecords, record_from, record_link;
static uint8_t record_type;

/* Keeps what record_from sends on record_link, if it is of record_type (0: of a session). */
static void
recorder(unsigned from, unsigned link, const uint8_t *frame, size_t len)
{
	bool wanted = record_type == 0 ? frame[2] > LLT_F_HELLO : frame[2] == record_type;

	if (from != record_from || link != record_link || !wanted || nrecords == RECORDS ||
	    len > sizeof(records[0].bytes))
		return;
	records[nrecords].link = link;
	records[nrecords].len = len;
	memcpy(records[nrecords++].bytes, frame, len);
}

static void
record(unsigned from, unsigned link, uint8_t type)
{
	nrecords = 0;
	record_from = from;
	record_link = link;
	record_type = type;
	net.tap = recorder;
}

static void
replay(unsigned to, unsigned i)
{
	uint8_t mac[6];

	net_mac(record_from, records[i].link, mac);
	core_input(net.node[to].core, records[i].link, mac, records[i].bytes, records[i].len, net.now);
	core_flush(net.node[to].core, net.now);
}

static void
form(unsigned nnodes, unsigned nlinks, const struct llt_timers *timers)
{
	net_start(nnodes, nlinks, 7 + (unsigned)nlinks);
	if (timers != NULL)
		net.conf.timers = *timers;
	for (unsigned i = 0; i < nnodes; i++)
		net_on(i);
	net_form(2000 * MS);
	net_run(200 * MS);
}

/* Frames that never arrived are new to us: they prove only that the peer lived when it sent them. */
START_TEST(withheld_frames_keep_nobody_alive)
{
	form(2, 2, NULL);
	net.node[0].cut[1] = true;
	record(1, 1, 0);
	net_run(2000 * MS);
	ck_assert_uint_gt(nrecords, 100);
	net.tap = NULL;
	net_off(1);
	net.node[0].cut[1] = false;
	for (unsigned i = 0; i < 60; i++) {
		replay(0, nrecords - 61 + i);
		net_run(MS);
	}
	ck_assert(!net_open(0, 1));
	net_stop();
}
END_TEST

/* Whoever comes with the id of a peer and an address of his own has to wait until it is dead. */
START_TEST(duplicate_gains_nothing_by_trouble)
{
	form(2, 1, &lan);
	net_on_as(NET_NODES, 0, "n0");
	for (unsigned i = 0; i < 10; i++) {
		net_run(300 * MS + (unsigned)i * 17 * MS);
		net.node[0].cut[0] = true;
		net_run(240 * MS);
		net.node[0].cut[0] = false;
	}
	net_run(200 * MS);
	ck_assert_uint_eq(net_session(1, 0), 1);
	ck_assert(net_open(1, 0));
	ck_assert(!net_open(NET_NODES, 1));
	net_stop();
}
END_TEST

/* One recorded probe, sent again and again, must not keep us from refusing a second node 0. */
START_TEST(replayed_probes_hide_no_duplicate)
{
	net_start(2, 1, 7);
	net.conf.check_ns = 300 * MS;
	net_on(0);
	record(1, 0, LLT_F_PROBE);
	net_on(1);
	net_run(200 * MS);
	ck_assert_uint_gt(nrecords, 0);
	net.tap = NULL;
	net_off(1); /* it never said hello, so its numbers are not known */
	net_run(200 * MS);
	net_on_as(NET_NODES, 0, "n0");
	for (unsigned i = 0; i < 400 && !net.node[NET_NODES].checked; i++) {
		for (unsigned k = 0; k < 40; k++)
			replay(0, 0);
		net_run(MS);
	}
	ck_assert(net.node[NET_NODES].checked);
	ck_assert_str_ne(net.node[NET_NODES].refused, "");
	net_stop();
}
END_TEST

/* A link that is dead and not yet known to be: each message waits for one timeout, not for several. */
START_TEST(dying_link_costs_one_timeout)
{
	uint64_t n = 0, since;

	form(2, 2, NULL);
	for (unsigned i = 0; i < (unsigned)_i; i++)
		net_send(0, 1, 3, n++);
	net_run(50 * MS);
	net.node[1].cut[_i % 2] = true;
	while (net_link(0, 1, (unsigned)_i % 2) == LLT_LINK_UP) {
		since = net.now;
		net_send(0, 1, 3, n++);
		while (net.node[1].got[0][3] < n && net.now - since < 50 * MS)
			net_run(MS / 4);
		ck_assert_uint_lt(net.now - since, 6 * MS);
	}
	net_stop();
}
END_TEST

/* The successor of a node has its session about when the old one's links are in trouble. */
START_TEST(restart_within_the_detection_time)
{
	uint64_t since;

	form(2, 2, &lan);
	net_run((uint64_t)_i * 23 * MS);
	net_off(1);
	since = net.now;
	net_on(1);
	while (!net_open(1, 0) || net_session(0, 1) != 2)
		net_run(MS);
	ck_assert_uint_lt(net.now - since, lan.trouble[0] + 10 * MS);
	net_stop();
}
END_TEST

/* A link on which we hear the peer and it does not hear us carries nothing. */
START_TEST(one_way_link_is_not_up)
{
	form(2, 2, NULL);
	net.node[0].dumb[0] = true;
	net_run(60 * MS);
	ck_assert_uint_eq(net_link(1, 0, 0), LLT_LINK_INACTIVE);
	ck_assert_uint_ne(net_link(0, 1, 0), LLT_LINK_UP);
	ck_assert_uint_eq(net_link(0, 1, 1), LLT_LINK_UP);
	net.node[0].dumb[0] = false;
	net_run(60 * MS);
	ck_assert_uint_eq(net_link(1, 0, 0), LLT_LINK_UP);
	ck_assert_uint_eq(net_link(0, 1, 0), LLT_LINK_UP);
	ck_assert_uint_eq(net_session(0, 1), 1);
	net_stop();
}
END_TEST

static size_t longest;
static unsigned measured = 3; /* links */

static void
measure(unsigned from, unsigned link, const uint8_t *frame, size_t len)
{
	if (from == 0 && frame[2] == LLT_F_DATA && (measured >> link & 1) != 0 && len > longest)
		longest = len;
}

static void
carrier(unsigned i, unsigned link, bool up, size_t mtu)
{
	uint8_t mac[6];

	net_mac(i, link, mac);
	core_carrier(net.node[i].core, link, up, mac, 1 + link, mtu, net.now);
}

/* Any frame may take any link, so all have to fit the narrowest one of either end. */
START_TEST(fragments_fit_every_link)
{
	net_start(2, 2, 7);
	for (unsigned i = 0; i < 2; i++) {
		net_on(i);
		carrier(i, 0, true, 9000);
		carrier(i, 1, false, i == 0 ? 4000 : 1500); /* not yet up when the session opens */
	}
	net_run(100 * MS);
	ck_assert(net_open(0, 1));
	carrier(0, 1, true, 4000);
	carrier(1, 1, true, 1500);
	net_form(1000 * MS);
	longest = 0;
	net.tap = measure;
	for (uint64_t n = 0; n < 50; n++)
		net_send(0, 1, 3, n);
	net_run(100 * MS);
	ck_assert_uint_eq(net.node[1].got[0][3], 50);
	ck_assert_uint_gt(longest, 1400);
	ck_assert_uint_le(longest, 1500);
	net_stop();
}
END_TEST

static void
stream(uint64_t *n, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		net_send(0, 1, 3, (*n)++);
		net_send(1, 0, 3, *n - 1);
		net_run(MS);
	}
}

/*
 * As a reload does that takes the last link out of the configuration. Who watches is told that it is nowhere,
 * whatever it was before.
 */
static void
take_out(unsigned i, unsigned link)
{
	unsigned events = net.node[i].link_events;
	struct llt_ev_link e;

	core_link_close(net.node[i].core, link);
	ck_assert_uint_gt(net.node[i].link_events, events);
	ck_assert(core_link_state(net.node[i].core, (uint16_t)(1 - i), link, &e));
	ck_assert(e.ifindex == 0 && !e.known && e.state == LLT_LINK_INACTIVE);
	core_set_links(net.node[i].core, link, net.conf.link);
}

static void
put_in(unsigned i, unsigned link)
{
	core_set_links(net.node[i].core, link + 1, net.conf.link);
	net_carrier(i, link, true);
}

START_TEST(links_come_and_go)
{
	uint64_t n = 0;

	net_start(2, 2, 7);
	net_on(0);
	net_on(1);
	net_form(1000 * MS);
	stream(&n, 20);
	ck_assert_int_eq(core_depends_on(net.node[0].core, 1u << 1), -1);
	ck_assert_int_eq(core_depends_on(net.node[0].core, 3), 1);
	take_out(0, 1);
	stream(&n, 2);
	/* It was told: long before the silence on the link would have said it. */
	ck_assert_uint_ne(net_link(1, 0, 1), LLT_LINK_UP);
	ck_assert_uint_eq(net_link(1, 0, 0), LLT_LINK_UP);
	ck_assert_int_eq(core_depends_on(net.node[0].core, 1), 1);
	stream(&n, 50);
	ck_assert_uint_eq(net_link(1, 0, 1), LLT_LINK_INACTIVE);
	put_in(0, 1);
	net_form(1000 * MS);
	stream(&n, 50);
	take_out(1, 1);
	stream(&n, 50);
	ck_assert_uint_eq(net_link(0, 1, 1), LLT_LINK_INACTIVE);
	take_out(0, 1);
	stream(&n, 50);
	net_run(100 * MS);
	ck_assert_uint_eq(net.node[1].got[0][3], n);
	ck_assert_uint_eq(net.node[0].got[1][3], n);
	ck_assert_uint_eq(net_session(0, 1), 1);
	net_stop();
}
END_TEST

START_TEST(priority_changes)
{
	struct core_link_conf conf[2];

	net_start(2, 2, 7);
	net_on(0);
	net_on(1);
	net_form(1000 * MS);
	memcpy(conf, net.conf.link, sizeof(conf));
	conf[0].prio = LLT_PRIO_LOW;
	core_set_links(net.node[0].core, 2, conf);
	net.tap = measure;
	measured = 1u << 0;
	longest = 0;
	for (uint64_t n = 0; n < 50; n++)
		net_send(0, 1, 3, n);
	net_run(100 * MS);
	ck_assert_uint_eq(net.node[1].got[0][3], 50);
	ck_assert_uint_eq(longest, 0); /* of the data on what is now a low-priority link */
	ck_assert_uint_eq(net_session(0, 1), 1);
	net_stop();
}
END_TEST

/* A session whose frames a link cannot take does not use it; when there is no other, a new one does. */
START_TEST(link_that_is_too_narrow)
{
	net_start(2, 2, 7);
	for (unsigned i = 0; i < 2; i++) {
		net_on(i);
		carrier(i, 0, true, 9000);
		carrier(i, 1, true, 9000);
	}
	net_form(1000 * MS);
	carrier(0, 1, true, 1500);
	carrier(1, 1, true, 1500);
	net.tap = measure;
	measured = 1u << 1;
	longest = 0;
	for (uint64_t n = 0; n < 50; n++)
		net_send(0, 1, 3, n);
	net_run(100 * MS);
	ck_assert_uint_eq(net.node[1].got[0][3], 50);
	ck_assert_uint_eq(longest, 0);
	ck_assert_uint_eq(net_session(0, 1), 1);
	ck_assert_uint_eq(net_link(0, 1, 1), LLT_LINK_UP);
	carrier(0, 0, false, 9000);
	net_run(1000 * MS);
	ck_assert(net_open(0, 1));
	ck_assert_uint_gt(net_session(0, 1), 1);
	net.node[1].got[0][3] = 0;
	for (uint64_t n = 0; n < 50; n++)
		net_send(0, 1, 3, n);
	net_run(100 * MS);
	ck_assert_uint_eq(net.node[1].got[0][3], 50);
	ck_assert_uint_gt(longest, 256);
	ck_assert_uint_le(longest, 1500);
	net_stop();
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_test(t, withheld_frames_keep_nobody_alive);
	tcase_add_test(t, duplicate_gains_nothing_by_trouble);
	tcase_add_test(t, replayed_probes_hide_no_duplicate);
	tcase_add_loop_test(t, dying_link_costs_one_timeout, 1, 40);
	tcase_add_loop_test(t, restart_within_the_detection_time, 0, 20);
	tcase_add_test(t, one_way_link_is_not_up);
	tcase_add_test(t, fragments_fit_every_link);
	tcase_add_test(t, links_come_and_go);
	tcase_add_test(t, priority_changes);
	tcase_add_test(t, link_that_is_too_narrow);
}

int
main(void)
{
	return crypto_init() ? unit_run_cases("llt_robust", add_tests, 60) : 1;
}
