/* SPDX-License-Identifier: ISC */
/* The core on the imaginary network: sessions, links, messages, the start check. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lltd/crypto.h"
#include "lltd/stream.h"
#include "tests/unit/llt_net.h"
#include "tests/unit/unit.h"

static void
all_on(void)
{
	for (unsigned i = 0; i < net.nnodes; i++)
		net_on(i);
}

START_TEST(sessions_form)
{
	net_start(3, 3, (unsigned)_i);
	net.conf.link[2].prio = LLT_PRIO_LOW;
	net.loss = (unsigned)_i * 10;
	net.dup = (unsigned)_i * 5;
	net.jitter = (uint64_t)_i * 100000;
	all_on();
	net_form(5000 * MS);
	net_stop();
}
END_TEST

START_TEST(quick_on_a_good_network)
{
	net_start(3, 2, 1);
	all_on();
	net_form(25 * MS);
	net_run(1000 * MS);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(net_drops(i), 0);
		ck_assert_uint_eq(net_stat(i, STAT_SESSIONS), 2);
	}
	net_stop();
}
END_TEST

/* Everybody sends to everybody on two ports, while the network does what it can. */
START_TEST(messages_on_bad_links)
{
	const uint64_t count = 60;

	net_start(3, 2, 100 + (unsigned)_i);
	net.conf.timers = (struct llt_timers){ { 50 * MS, 50 * MS }, { 400 * MS, 400 * MS }, 900 * MS };
	all_on();
	net_form(3000 * MS);
	net.loss = (unsigned)_i * 13 % 150;
	net.dup = (unsigned)_i * 29 % 100;
	net.jitter = (uint64_t)_i * 37 % 2000 * 1000;
	for (uint64_t n = 0; n < count; n++) {
		for (unsigned k = 0; k < 6; k++)
			net_send(k / 2, (k / 2 + 1 + k % 2) % 3, (uint8_t)(n % 2), n / 2);
		net_run((uint64_t)random() % (3 * MS));
	}
	for (unsigned k = 0; k < 100; k++)
		net_run(100 * MS);
	for (unsigned to = 0; to < 3; to++)
		for (unsigned from = 0; from < 3; from++)
			for (unsigned port = 0; from != to && port < 2; port++)
				ck_assert_uint_eq(net.node[to].got[from][port], count / 2);
	net_stop();
}
END_TEST

/* ---- bursts ---- */
static unsigned order[20000], norder;

static void
tap_data(unsigned from, unsigned link, const uint8_t *frame, size_t len)
{
	if (from == 0 && frame[2] == LLT_F_DATA && norder < 20000)
		order[norder++] = link;
}

START_TEST(bursts_alternate)
{
	net_start(2, 2, 1);
	net.conf.link[0].burst = 4;
	net.conf.link[1].burst = 1;
	all_on();
	net_form(1000 * MS);
	net.tap = tap_data;
	norder = 0;
	for (uint64_t n = 0; n < 200; n++)
		net_send(0, 1, 3, n);
	net_run(1000 * MS);
	ck_assert_uint_eq(net.node[1].got[0][3], 200);
	ck_assert_uint_gt(norder, 400);
	for (unsigned i = 0; i < norder; i++)
		ck_assert_uint_eq(order[i], (i % 5) == 4);
	net_stop();
}
END_TEST

/* ---- links come and go ---- */
static void
stream_step(uint64_t *n, unsigned ms)
{
	for (unsigned k = 0; k < ms; k++) {
		net_send(0, 1, 3, (*n)++);
		net_run(MS);
	}
}

START_TEST(cut_links_lose_nothing)
{
	uint64_t n = 0;

	net_start(2, 3, 7);
	net.conf.link[2].prio = LLT_PRIO_LOW;
	all_on();
	net_form(1000 * MS);
	net.tap = tap_data;
	stream_step(&n, 50);
	net.node[1].cut[0] = true;
	stream_step(&n, 50);
	ck_assert_uint_eq(net_link(0, 1, 0), LLT_LINK_INACTIVE);
	norder = 0;
	stream_step(&n, 20);
	for (unsigned i = 0; i < norder; i++)
		ck_assert_uint_eq(order[i], 1);
	net.node[1].cut[1] = true;
	stream_step(&n, 50);
	ck_assert_uint_eq(net_link(0, 1, 1), LLT_LINK_INACTIVE);
	ck_assert_uint_eq(net_link(0, 1, 2), LLT_LINK_UP);
	norder = 0;
	stream_step(&n, 20);
	ck_assert_uint_gt(norder, 0);
	for (unsigned i = 0; i < norder; i++)
		ck_assert_uint_eq(order[i], 2);
	net.node[1].cut[1] = false;
	net_run(15 * MS);
	norder = 0;
	stream_step(&n, 20);
	for (unsigned i = 0; i < norder; i++)
		ck_assert_uint_eq(order[i], 1); /* back at once */
	net_run(500 * MS);
	ck_assert_uint_eq(net.node[1].got[0][3], n);
	ck_assert_uint_eq(net_session(0, 1), 1);
	ck_assert_uint_eq(net_stat(1, STAT_DROP_BAD_FRAGMENT), 0);
	net_stop();
}
END_TEST

START_TEST(carrier_counts_at_once)
{
	uint64_t n = 0;

	net_start(2, 2, 7);
	all_on();
	net_form(1000 * MS);
	stream_step(&n, 10);
	net_carrier(0, 0, false);
	ck_assert_uint_eq(net_link(0, 1, 0), LLT_LINK_INACTIVE);
	ck_assert(net_open(0, 1));
	stream_step(&n, 10);
	net_carrier(0, 1, false);
	ck_assert(!net_open(0, 1)); /* all links: the peer is gone */
	ck_assert_uint_eq(net.node[1].got[0][3], n);
	net_stop();
}
END_TEST

START_TEST(dead_peer_is_noticed_in_time)
{
	net_start(2, 2, 7);
	all_on();
	net_form(1000 * MS);
	net_run(500 * MS);
	net_off(1);
	net_run(18 * MS);
	ck_assert(net_open(0, 1));
	net_run(13 * MS);
	ck_assert(!net_open(0, 1));
	net_stop();
}
END_TEST

START_TEST(restarted_peer_gets_a_new_session)
{
	uint64_t n = 0;

	net_start(2, 2, 7);
	all_on();
	net_form(1000 * MS);
	stream_step(&n, 10);
	net_send(0, 1, 3, n); /* on its way when the peer dies: never delivered to its successor */
	net_off(1);
	net_on(1);
	net_run(200 * MS);
	ck_assert(net_open(0, 1));
	ck_assert(net_open(1, 0));
	ck_assert_uint_eq(net_session(0, 1), 2);
	ck_assert_uint_eq(net.node[1].got[0][3], 0);
	n = 0;
	stream_step(&n, 10);
	net_run(50 * MS);
	ck_assert_uint_eq(net.node[1].got[0][3], n);
	net_stop();
}
END_TEST

START_TEST(goodbye_is_noticed_at_once)
{
	net_start(2, 2, 7);
	all_on();
	net_form(1000 * MS);
	core_bye(net.node[1].core, net.now);
	net_off(1);
	net_run(MS);
	ck_assert(!net_open(0, 1));
	net_stop();
}
END_TEST

/* ---- our own lateness ---- */
START_TEST(sleeper_blames_nobody)
{
	unsigned links, nodes;

	net_start(2, 2, 7);
	net.conf.timers.trouble[0] = net.conf.timers.trouble[1] = 2000 * MS;
	net.conf.timers.inactive = 3000 * MS;
	net_on(0);
	net.conf.timers = (struct llt_timers){ { 10 * MS, 20 * MS }, { 20 * MS, 40 * MS }, 30 * MS };
	net_on(1);
	net_form(1000 * MS);
	net_run(100 * MS);
	links = net.node[1].link_events;
	nodes = net.node[1].node_events;
	net.node[1].asleep = true;
	net_run(500 * MS);
	net.node[1].asleep = false;
	net_run(300 * MS);
	ck_assert_uint_eq(net.node[1].link_events, links);
	ck_assert_uint_eq(net.node[1].node_events, nodes);
	ck_assert_uint_gt(net_stat(1, STAT_TIMER_LATE), 0);
	net_off(0);
	net_run(45 * MS);
	ck_assert(!net_open(1, 0)); /* nor does it forgive who is really gone */
	net_stop();
}
END_TEST

/* ---- the start check ---- */
START_TEST(second_of_an_id_is_refused)
{
	unsigned events;

	net_start(2, 2, 7);
	all_on();
	net_form(1000 * MS);
	net_run(100 * MS);
	events = net.node[1].node_events + net.node[1].link_events;
	net.conf.check_ns = 300 * MS;
	net_on_as(NET_NODES, 0, "n0");
	net_run(400 * MS);
	ck_assert(net.node[NET_NODES].checked);
	ck_assert_ptr_nonnull(strstr(net.node[NET_NODES].refused, "n0"));
	ck_assert_ptr_nonnull(strstr(net.node[NET_NODES].refused, "02:00:00:00:00:0"));
	ck_assert_uint_eq(net.node[1].node_events + net.node[1].link_events, events);
	ck_assert_uint_gt(net_stat(0, STAT_DROP_DUPLICATE_NODE), 0);
	ck_assert_uint_eq(net_session(1, 0), 1);
	net_stop();
}
END_TEST

START_TEST(unknown_name_is_refused)
{
	net_start(2, 1, 7);
	all_on();
	net_form(1000 * MS);
	net.conf.check_ns = 300 * MS;
	net_on_as(NET_NODES, 3, "n3");
	net_run(400 * MS);
	ck_assert_ptr_nonnull(strstr(net.node[NET_NODES].refused, "llthosts"));
	net_off(NET_NODES);
	net_on_as(NET_NODES, 3, "n1");
	net_run(400 * MS);
	ck_assert_ptr_nonnull(strstr(net.node[NET_NODES].refused, "llthosts"));
	net_stop();
}
END_TEST

START_TEST(other_key_refuses_nobody)
{
	static const uint8_t other[32] = "another key, of somebody else.";

	net_start(2, 1, 7);
	all_on();
	net_form(1000 * MS);
	net.conf.check_ns = 300 * MS;
	net.conf.key = other;
	net_on_as(NET_NODES, 0, "n0");
	net_run(1000 * MS);
	ck_assert(net.node[NET_NODES].checked);
	ck_assert_str_eq(net.node[NET_NODES].refused, "");
	ck_assert_uint_gt(net_stat(1, STAT_DROP_AUTH), 0);
	ck_assert(net_open(0, 1));
	ck_assert_uint_eq(net_session(0, 1), 1);
	ck_assert(!net_open(NET_NODES, 1));
	net_stop();
}
END_TEST

START_TEST(later_duplicate_is_refused)
{
	net_start(2, 2, 7);
	all_on();
	net_form(1000 * MS);
	net.conf.check_ns = 0;
	net_on_as(NET_NODES, 0, "n0"); /* it began alone, elsewhere */
	net_run(1000 * MS);
	ck_assert_uint_eq(net_session(1, 0), 1);
	ck_assert(net_open(1, 0));
	ck_assert(!net_open(NET_NODES, 1));
	ck_assert_uint_gt(net_stat(1, STAT_DROP_DUPLICATE_NODE), 0);
	net_stop();
}
END_TEST

START_TEST(two_that_start_together)
{
	net_start(2, 1, 7);
	net.conf.check_ns = 300 * MS;
	net_on(0);
	net_on_as(NET_NODES, 0, "n0");
	net_run(400 * MS);
	ck_assert_int_ne(net.node[0].refused[0] == '\0', net.node[NET_NODES].refused[0] == '\0');
	net_stop();
}
END_TEST

/* ---- queues ---- */
START_TEST(back_pressure)
{
	static uint8_t data[LLT_MAX_MSG];
	static struct llt_ctl_send s;
	unsigned n = 0;

	net_start(2, 1, 7);
	all_on();
	net_form(1000 * MS);
	net.node[1].deaf = true;
	s = (struct llt_ctl_send){ .port = 1, .ndst = 1, .dst = { 1 }, .data = data, .len = sizeof(data) };
	while (!core_send(net.node[0].core, &s, net.now) && n < 1000)
		n++;
	ck_assert_uint_lt(n, 1000);
	ck_assert(core_congested(net.node[0].core, 1));
	for (unsigned i = 0; i < 100 && net.node[0].drained == 0; i++)
		net_run(10 * MS);
	ck_assert_uint_eq(net.node[0].drained, 1);
	ck_assert(!core_congested(net.node[0].core, 1));
	while (!core_send(net.node[0].core, &s, net.now))
		;
	net_carrier(0, 0, false); /* its queue goes with the session */
	ck_assert_uint_eq(net.node[0].drained, 2);
	net_stop();
}
END_TEST

/* What is acknowledged wakes nobody any more. */
START_TEST(acknowledged_is_done)
{
	uint64_t next;

	net_start(2, 1, 7);
	all_on();
	net_form(1000 * MS);
	for (unsigned i = 0; i < 1000 && core_next(net.node[0].core) < net.now + 8 * MS; i++)
		net_run(MS / 4);
	next = core_next(net.node[0].core);
	ck_assert_uint_ge(next, net.now + 8 * MS);
	net_send(0, 1, 1, 0);
	ck_assert_uint_lt(core_next(net.node[0].core), next);
	net_run(2 * MS);
	ck_assert_uint_eq(net.node[1].got[0][1], 1);
	ck_assert_uint_eq(core_next(net.node[0].core), next);
	net_stop();
}
END_TEST

/* Until the next round of heartbeats is some time off. */
static void
wait_for_quiet(void)
{
	for (unsigned i = 0; i < 1000; i++) {
		if (core_next(net.node[0].core) >= net.now + 8 * MS && core_next(net.node[1].core) >= net.now + 8 * MS)
			return;
		net_run(MS / 4);
	}
	ck_abort_msg("the nodes are never quiet");
}

START_TEST(patient_messages_cost_no_acknowledgement)
{
	uint64_t acks, timeouts;

	net_start(2, 1, 7);
	net.patient = true;
	all_on();
	net_form(1000 * MS);
	wait_for_quiet();
	acks = net_stat(1, STAT_SND_ACKS);
	timeouts = net_stat(0, STAT_SND_TIMEOUTS);
	for (uint8_t port = 1; port <= 3; port++) {
		net_send(0, 1, port, 0);
		net_run(MS);
		ck_assert_uint_eq(net.node[1].got[0][port], 1);
	}
	ck_assert_uint_eq(net_stat(1, STAT_SND_ACKS), acks);
	net_run(10 * MS); /* with a heartbeat */
	ck_assert_uint_eq(net_stat(1, STAT_SND_ACKS), acks + 3);
	net_run(200 * MS);
	ck_assert_uint_eq(net_stat(1, STAT_SND_ACKS), acks + 3);
	ck_assert_uint_eq(net_stat(0, STAT_SND_TIMEOUTS), timeouts);
	net_stop();
}
END_TEST

/* Between slow heartbeats it is owed for so long, and no longer. */
START_TEST(patience_has_an_end)
{
	uint64_t acks;

	net_start(2, 1, 7);
	net.patient = true;
	net.conf.timers = (struct llt_timers){ .heartbeat = { 500 * MS, 1000 * MS },
		.trouble = { 2000 * MS, 4000 * MS }, .inactive = 16000 * MS };
	all_on();
	net_form(10000 * MS);
	net_run(600 * MS);
	for (unsigned i = 0; i < 1000 && core_next(net.node[1].core) < net.now + 100 * MS; i++)
		net_run(MS);
	acks = net_stat(1, STAT_SND_ACKS);
	net_send(0, 1, 1, 0);
	net_run(LLT_PATIENCE / 2 - MS);
	ck_assert_uint_eq(net.node[1].got[0][1], 1);
	ck_assert_uint_eq(net_stat(1, STAT_SND_ACKS), acks);
	net_run(3 * MS);
	ck_assert_uint_eq(net_stat(1, STAT_SND_ACKS), acks + 1);
	net_stop();
}
END_TEST

START_TEST(a_patient_message_is_lost)
{
	net_start(2, 1, 7);
	net.patient = true;
	all_on();
	net_form(1000 * MS);
	wait_for_quiet();
	net.loss = 1000;
	net_send(0, 1, 1, 0);
	net.loss = 0;
	net_run(LLT_PATIENCE / 2);
	ck_assert_uint_eq(net.node[1].got[0][1], 0);
	net_run(2 * LLT_PATIENCE);
	ck_assert_uint_eq(net.node[1].got[0][1], 1);
	/* Who comes behind is not patient, and has not to be. */
	wait_for_quiet();
	net.loss = 1000;
	net_send(0, 1, 1, 1);
	net.loss = 0;
	net.patient = false;
	net_send(0, 1, 1, 2);
	net_run(LLT_PATIENCE);
	ck_assert_uint_eq(net.node[1].got[0][1], 3);
	net_stop();
}
END_TEST

START_TEST(datagrams)
{
	static struct llt_ctl_send s;
	static uint8_t data[2000];

	net_start(2, 2, 7);
	all_on();
	net_form(1000 * MS);
	s = (struct llt_ctl_send){ .port = 1, .datagram = true, .ndst = 2, .dst = { 1, 3 },
		.data = data, .len = 1000 };
	core_send(net.node[0].core, &s, net.now);
	s.len = sizeof(data);
	core_send(net.node[0].core, &s, net.now);
	net_run(10 * MS);
	ck_assert_uint_eq(net.node[1].dgrams, 1);
	ck_assert_uint_eq(net_stat(0, STAT_DROP_TOO_LONG), 1);
	ck_assert_uint_eq(net_stat(0, STAT_DROP_NOT_OPEN), 2);
	net_stop();
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_loop_test(t, sessions_form, 0, 20);
	tcase_add_test(t, quick_on_a_good_network);
	tcase_add_test(t, acknowledged_is_done);
	tcase_add_test(t, patient_messages_cost_no_acknowledgement);
	tcase_add_test(t, patience_has_an_end);
	tcase_add_test(t, a_patient_message_is_lost);
	tcase_add_loop_test(t, messages_on_bad_links, 0, 30);
	tcase_add_test(t, bursts_alternate);
	tcase_add_test(t, cut_links_lose_nothing);
	tcase_add_test(t, carrier_counts_at_once);
	tcase_add_test(t, dead_peer_is_noticed_in_time);
	tcase_add_test(t, restarted_peer_gets_a_new_session);
	tcase_add_test(t, goodbye_is_noticed_at_once);
	tcase_add_test(t, sleeper_blames_nobody);
	tcase_add_test(t, second_of_an_id_is_refused);
	tcase_add_test(t, unknown_name_is_refused);
	tcase_add_test(t, other_key_refuses_nobody);
	tcase_add_test(t, later_duplicate_is_refused);
	tcase_add_test(t, two_that_start_together);
	tcase_add_test(t, back_pressure);
	tcase_add_test(t, datagrams);
}

int
main(void)
{
	return crypto_init() ? unit_run_cases("llt_core", add_tests, 120) : 1;
}
