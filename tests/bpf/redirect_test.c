/* SPDX-License-Identifier: ISC */
/* Which member gets a packet: TCP, UDP, and what is not for us at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <pthread.h>

#include <check.h>

#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define CLIENT "10.1.0.101"

static struct rig rig;

static bool xdp;

static void
setup(void)
{
	static const struct dp_target web[] = { { 1, 3 }, { 2, 2 }, { 3, 1 } };

	memset(&rig, 0, sizeof(rig));
	rig.xdp = xdp;
	rig_open(&rig);
	rig_alias(&rig, RIG_ALIAS, true);
	rig_paths(&rig, 2, 2);
	rig_paths(&rig, 3, 1);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 3, web);
	rig_service(&rig, RIG_ALIAS, IPPROTO_UDP, 53, 3, web);
}

static void
teardown(void)
{
	rig_close(&rig);
}

static uint32_t last_isn;

static int
syn(uint16_t sport, uint32_t seq)
{
	struct frame f;

	last_isn = seq;
	rig_tcp(&rig, &f, CLIENT, sport, RIG_ALIAS, 80, F_SYN, seq);
	return rig_where(&rig, &f);
}

static int
ack(uint16_t sport)
{
	struct frame f;

	rig_tcp(&rig, &f, CLIENT, sport, RIG_ALIAS, 80, F_ACK, last_isn + 1);
	return rig_where(&rig, &f);
}

START_TEST(new_connections_by_weight)
{
	unsigned got[4] = { 0 }, i;
	int node;

	for (i = 0; i < 600; i++) {
		node = syn(1000 + i, i);
		ck_assert_int_ge(node, 1);
		ck_assert_int_le(node, 3);
		/* Three in a row, two in a row, one. */
		ck_assert_int_eq(node, i % 6 < 3 ? 1 : i % 6 < 5 ? 2 : 3);
		got[node]++;
	}
	ck_assert_uint_eq(got[1], 300);
	ck_assert_uint_eq(got[2], 200);
	ck_assert_uint_eq(got[3], 100);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NEW_LOCAL), 300);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NEW_FORWARDED), 300);
}
END_TEST

START_TEST(same_set_keeps_the_turn)
{
	static const struct dp_target web[] = { { 1, 3 }, { 2, 2 }, { 3, 1 } };
	static const struct dp_target less[] = { { 2, 1 }, { 3, 1 } };
	unsigned i;

	for (i = 0; i < 4; i++)
		syn(1000 + i, i);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 3, web);
	ck_assert_int_eq(syn(2000, 1), 2);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 2, less);
	ck_assert_int_eq(syn(2001, 1), 2);
	ck_assert_int_eq(syn(2002, 1), 3);
	ck_assert_int_eq(syn(2003, 1), 2);
	/* Half-open ones stay where they are. */
	ck_assert_int_eq(syn(1000, 0), 1);
}
END_TEST

START_TEST(syn_again_and_syn_anew)
{
	ck_assert_int_eq(syn(1000, 77), 1);
	ck_assert_int_eq(syn(1000, 77), 1);
	ck_assert_int_eq(syn(1000, 77), 1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_HALFOPEN_HIT), 2);
	ck_assert_int_eq(syn(1001, 1), 1);
	ck_assert_int_eq(syn(1002, 1), 1);
	ck_assert_int_eq(syn(1000, 78), 2); /* another connection: the next turn */
	ck_assert_int_eq(ack(1000), 2);
	ck_assert_int_eq(ack(1001), 1);
}
END_TEST

START_TEST(retransmission_to_one_that_went_away)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		syn(1000 + i, 1);
	ck_assert_int_eq(syn(1003, 1), 2);
	rig_paths(&rig, 2, 0);
	ck_assert_int_eq(syn(1003, 1), 3); /* the turn of 2 goes to the next */
	ck_assert_int_eq(ack(1003), 3);
}
END_TEST

START_TEST(half_open_on_one_that_died)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		syn(1000 + i, 1);
	ck_assert_int_eq(ack(1003), 2);
	rig_paths(&rig, 2, 0);
	ck_assert_int_eq(ack(1003), -1);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.strays, 1); /* somebody will answer it with a reset */
	ck_assert_uint_eq(ntohs(rig.stray_conn.client_port), 1003);
}
END_TEST

START_TEST(nobody_reachable)
{
	static const struct dp_target remote[] = { { 2, 1 }, { 3, 1 } };
	struct frame f;

	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 2, remote);
	rig_paths(&rig, 2, 0);
	rig_paths(&rig, 3, 0);
	rig_tcp(&rig, &f, CLIENT, 1000, RIG_ALIAS, 80, F_SYN, 1);
	ck_assert_int_eq(rig_where(&rig, &f), -1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NO_PATH), 1);
}
END_TEST

START_TEST(established_follow_their_owner)
{
	struct dp_conn c = rig_conn(CLIENT, 1000, RIG_ALIAS, 80);

	ck_assert_int_eq(syn(1000, 1), 1);
	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 3), 0);
	ck_assert_int_eq(ack(1000), 3);
	ck_assert_int_eq(syn(1000, 99), 3); /* the owner decides what that is */
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FLOW_FORWARDED), 2);
	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 1), 0);
	ck_assert_int_eq(ack(1000), 1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FLOW_LOCAL), 1);
	ck_assert_int_eq(datapath_del_flow(rig.dp, &c, 3), -1);
	ck_assert_int_eq(ack(1000), 1);
	ck_assert_uint_eq(datapath_flow_count(rig.dp, 1), 1);
	ck_assert_int_eq(datapath_del_flow(rig.dp, &c, 1), 0);
	ck_assert_int_eq(syn(1000, 100), 1);
}
END_TEST

#define MANY 70

START_TEST(many_end_together)
{
	struct dp_conn c;
	uint16_t port;

	for (port = 1000; port < 1000 + MANY; port++) {
		c = rig_conn(CLIENT, port, RIG_ALIAS, 80);
		ck_assert_int_ge(syn(port, 1), 1);
		ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 2), 0);
	}
	for (port = 1000; port < 1000 + MANY; port++) {
		c = rig_conn(CLIENT, port, RIG_ALIAS, 80);
		ck_assert_int_eq(datapath_del_flow(rig.dp, &c, 2), 0);
	}
	/* Not to whom their SYNs went. */
	for (port = 1000; port < 1000 + MANY; port++)
		ck_assert_int_eq(ack(port), -1);
}
END_TEST

START_TEST(owner_without_a_path)
{
	struct dp_conn c = rig_conn(CLIENT, 1000, RIG_ALIAS, 80);

	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 9), 0);
	ck_assert_int_eq(ack(1000), -1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NO_PATH), 1);
}
END_TEST

START_TEST(strays_go_up)
{
	struct frame f;

	rig_tcp(&rig, &f, CLIENT, 4000, RIG_ALIAS, 80, F_ACK | F_PSH, 5);
	frame_data(&f, 1400);
	frame_finish(&f);
	ck_assert_int_eq(rig_where(&rig, &f), -1);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.strays, 1);
	ck_assert_uint_eq(rig.stray_len, f.len);
	ck_assert_mem_eq(rig.stray_frame, f.b, f.len);
	ck_assert_uint_eq(ntohs(rig.stray_conn.client_port), 4000);
	ck_assert_uint_eq(ntohs(rig.stray_conn.port), 80);
	ck_assert_uint_eq(rig.stray_conn.alias.s_addr, addr(RIG_ALIAS));
	rig_tcp(&rig, &f, CLIENT, 4000, RIG_ALIAS, 80, F_RST, 5);
	ck_assert_int_eq(rig_where(&rig, &f), -1);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.strays, 2);
	ck_assert_uint_eq(rig.stray_len, 54);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_STRAY), 2);
}
END_TEST

START_TEST(strays_that_find_no_room)
{
	struct frame f;
	unsigned i;

	rig_tcp(&rig, &f, CLIENT, 4000, RIG_ALIAS, 80, F_ACK, 5);
	frame_data(&f, 1400);
	frame_finish(&f);
	for (i = 0; i < 1200; i++)
		ck_assert_int_eq(rig_where(&rig, &f), -1);
	ck_assert_uint_gt(rig_counter(&rig, DP_C_STRAY_LOST), 0);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_STRAY_LOST) + rig_counter(&rig, DP_C_STRAY), 1200);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.strays, rig_counter(&rig, DP_C_STRAY));
}
END_TEST

START_TEST(udp_packet_by_packet)
{
	unsigned got[4] = { 0 }, i;
	struct frame f;

	for (i = 0; i < 60; i++) {
		rig_udp(&rig, &f, CLIENT, 5000, RIG_ALIAS, 53);
		got[rig_where(&rig, &f) & 3]++;
	}
	ck_assert_uint_eq(got[1], 30);
	ck_assert_uint_eq(got[2], 20);
	ck_assert_uint_eq(got[3], 10);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_UDP_LOCAL), 30);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_UDP_FORWARDED), 30);
}
END_TEST

START_TEST(what_no_service_claims)
{
	struct dp_alias a = { .addr.s_addr = addr(RIG_ALIAS), .fallback = 3 };
	struct frame f;

	rig_tcp(&rig, &f, CLIENT, 1000, RIG_ALIAS, 81, F_SYN, 1);
	ck_assert_int_eq(rig_where(&rig, &f), RIG_SELF);
	ck_assert_int_eq(datapath_set_alias(rig.dp, &a), 0);
	ck_assert_int_eq(rig_where(&rig, &f), 3);
	rig_udp(&rig, &f, CLIENT, 1000, RIG_ALIAS, 80);
	ck_assert_int_eq(rig_where(&rig, &f), 3);
	a.fallback = DP_NO_NODE;
	ck_assert_int_eq(datapath_set_alias(rig.dp, &a), 0);
	ck_assert_int_eq(rig_where(&rig, &f), -1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NO_TARGET), 1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FALLBACK), 3);
}
END_TEST

START_TEST(refused_by_the_service)
{
	static const struct dp_target refuse[] = { { DP_REFUSE, 1 } }, web[] = { { 2, 1 } };
	static const struct dp_target mixed[] = { { 2, 1 }, { DP_REFUSE, 1 } };
	struct in_addr alias = { .s_addr = addr(RIG_ALIAS) };
	struct frame f;

	ck_assert_int_eq(datapath_set_service(rig.dp, alias, IPPROTO_TCP, htons(80), mixed, 2), -1);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 1, refuse);
	rig_service(&rig, RIG_ALIAS, IPPROTO_UDP, 53, 1, refuse);
	rig_paths(&rig, DP_NODES - 1, 1); /* no number of a node is mistaken for it */
	rig_tcp(&rig, &f, CLIENT, 1000, RIG_ALIAS, 80, F_SYN, 77);
	frame_data(&f, 1000);
	frame_finish(&f);
	ck_assert_int_eq(rig_where(&rig, &f), -1);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.refused, 1);
	ck_assert_uint_eq(rig.strays, 0);
	ck_assert_uint_eq(ntohs(rig.stray_conn.port), 80);
	ck_assert_uint_eq(rig.stray_len, DP_STRAY_SHORT);
	ck_assert_mem_eq(rig.stray_frame, f.b, rig.stray_len);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_REFUSED), 1);
	rig_udp(&rig, &f, CLIENT, 5000, RIG_ALIAS, 53);
	ck_assert_int_eq(rig_where(&rig, &f), -1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NO_TARGET), 1);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 1, web);
	ck_assert_int_eq(syn(1000, 77), 2);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 1, refuse);
	/* What has begun goes on. */
	ck_assert_int_eq(syn(1000, 77), 2);
	ck_assert_int_eq(ack(1000), 2);
	ck_assert_int_eq(syn(1001, 1), -1);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.refused, 2);
}
END_TEST

START_TEST(refused_where_nobody_joined)
{
	struct dp_alias a = { .addr.s_addr = addr(RIG_ALIAS), .fallback = DP_NO_NODE };
	struct frame f;

	ck_assert_int_eq(datapath_set_alias(rig.dp, &a), 0);
	rig_tcp(&rig, &f, CLIENT, 1000, RIG_ALIAS, 81, F_SYN, 1);
	ck_assert_int_eq(rig_where(&rig, &f), -1);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.refused, 1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_REFUSED), 1);
}
END_TEST

/* However many are to be refused, strays find room. */
START_TEST(refusals_leave_room_for_strays)
{
	static const struct dp_target refuse[] = { { DP_REFUSE, 1 } };
	unsigned i;

	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 1, refuse);
	for (i = 0; i < 5000; i++)
		ck_assert_int_eq(syn(1000 + i, i), -1);
	ck_assert_uint_gt(rig_counter(&rig, DP_C_STRAY_LOST), 0);
	ck_assert_int_eq(ack(999), -1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_STRAY), 1);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.strays, 1);
	ck_assert_uint_eq(rig.refused, rig_counter(&rig, DP_C_REFUSED));
	ck_assert_uint_gt(rig.refused, 1000);
}
END_TEST

START_TEST(paths_are_all_used)
{
	unsigned seen[DP_PATHS] = { 0 }, i;
	struct dp_conn c;
	struct frame f;
	struct run r;

	rig_paths(&rig, 2, 8);
	for (i = 0; i < 800; i++) {
		c = rig_conn(CLIENT, 1000 + i, RIG_ALIAS, 80);
		ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 2), 0);
		rig_tcp(&rig, &f, CLIENT, 1000 + i, RIG_ALIAS, 80, F_ACK, 1);
		rig_run(&rig, &f, &r);
		ck_assert_uint_eq(r.verdict, RIG_REDIRECT);
		seen[r.out.b[5] & 7]++;
	}
	for (i = 0; i < DP_PATHS; i++) {
		ck_assert_uint_gt(seen[i], 50);
		ck_assert_uint_lt(seen[i], 150);
	}
}
END_TEST

static int stop_reading;
static unsigned wrong_reads, right_reads;

/* Its owner is 2 whenever it is known at all. */
static void *
read_beside(void *arg)
{
	struct frame f;
	int node;

	rig_tcp(&rig, &f, CLIENT, 1000, RIG_ALIAS, 80, F_ACK, 1);
	while (!__atomic_load_n(&stop_reading, __ATOMIC_RELAXED)) {
		node = rig_where(&rig, &f);
		wrong_reads += node != 2 && node != -1;
		right_reads += node == 2;
	}
	return NULL;
}

/* The table changes under the program: flows of another owner come and go in every bucket. */
START_TEST(reading_while_writing)
{
	struct dp_conn known = rig_conn(CLIENT, 1000, RIG_ALIAS, 80), c;
	pthread_t thread;
	unsigned round, i;

	stop_reading = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, read_beside, NULL), 0);
	for (round = 0; round < 30; round++) {
		for (i = 0; i < 9000; i++) {
			c = rig_conn(CLIENT, 2000 + i, RIG_ALIAS, 80);
			datapath_set_flow(rig.dp, &c, 3);
			if (i % 8 == 0)
				datapath_set_flow(rig.dp, &known, 2);
			if (i % 8 == 4)
				datapath_del_flow(rig.dp, &known, 2);
		}
		ck_assert_uint_eq(datapath_del_owner(rig.dp, 3), 9000);
	}
	__atomic_store_n(&stop_reading, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(wrong_reads, 0);
	ck_assert_uint_gt(right_reads, 0);
}
END_TEST

/* Several processors at once: no turn is lost or given twice. */
static void *
many_syns(void *arg)
{
	unsigned *got = arg, i;
	struct frame f;
	int node;

	for (i = 0; i < 3000; i++) {
		rig_tcp(&rig, &f, got[0] ? "10.1.0.102" : "10.1.0.103", 1000 + i, RIG_ALIAS, 80, F_SYN, i);
		node = rig_where(&rig, &f);
		if (node >= 1 && node <= 3)
			got[node]++;
	}
	return NULL;
}

START_TEST(turns_are_exact_over_processors)
{
	unsigned a[4] = { 1 }, b[4] = { 0 };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, many_syns, b), 0);
	many_syns(a);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(a[1] + b[1], 3000);
	ck_assert_uint_eq(a[2] + b[2], 2000);
	ck_assert_uint_eq(a[3] + b[3], 1000);
}
END_TEST

START_TEST(counters_of_one_alias)
{
	struct in_addr one = { .s_addr = addr(RIG_ALIAS) }, two = { .s_addr = addr("10.1.0.99") };
	uint64_t c[DP_C_MAX];
	struct frame f;

	rig_alias(&rig, "10.1.0.99", false);
	syn(1, 1);
	rig_udp(&rig, &f, CLIENT, 1, "10.1.0.99", 9);
	rig_where(&rig, &f);
	rig_where(&rig, &f);
	ck_assert(datapath_alias_counters(rig.dp, one, c));
	ck_assert_uint_eq(c[DP_C_NEW_LOCAL], 1);
	ck_assert_uint_eq(c[DP_C_FALLBACK], 0);
	ck_assert(datapath_alias_counters(rig.dp, two, c));
	ck_assert_uint_eq(c[DP_C_FALLBACK], 2);
	ck_assert_int_eq(datapath_del_alias(rig.dp, two), 0);
	ck_assert(!datapath_alias_counters(rig.dp, two, c));
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FALLBACK), 2);
}
END_TEST

/* Flows may be known before their alias is, and outlive it. */
START_TEST(flows_of_an_alias_that_is_not_there)
{
	struct dp_conn c = rig_conn(CLIENT, 1000, "10.1.0.99", 80);
	struct in_addr a = { .s_addr = addr("10.1.0.99") };
	struct frame f;

	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 2), 0);
	rig_tcp(&rig, &f, CLIENT, 1000, "10.1.0.99", 80, F_ACK, 1);
	ck_assert_int_eq(rig_where(&rig, &f), RIG_SELF); /* passed: it is nothing to us */
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FLOW_FORWARDED), 0);
	rig_alias(&rig, "10.1.0.99", false);
	ck_assert_int_eq(rig_where(&rig, &f), 2);
	ck_assert_int_eq(datapath_del_alias(rig.dp, a), 0);
	rig_alias(&rig, "10.1.0.99", false);
	ck_assert_int_eq(rig_where(&rig, &f), 2);
	ck_assert_int_eq(datapath_del_flow(rig.dp, &c, 2), 0);
}
END_TEST

START_TEST(aliases_come_and_go)
{
	struct in_addr a;
	struct frame f;
	char text[32];
	unsigned i;

	for (i = 0; i < 700; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.7", 20 + i % 5, i / 5);
		rig_alias(&rig, text, false);
	}
	for (i = 0; i < 700; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.7", 20 + i % 5, i / 5);
		rig_udp(&rig, &f, CLIENT, 1, text, 9);
		rig_where(&rig, &f);
		a.s_addr = addr(text);
		ck_assert_uint_eq(rig_counter(&rig, DP_C_FALLBACK), i + 1);
		ck_assert_int_eq(datapath_del_alias(rig.dp, a), 0);
		rig_where(&rig, &f);
		ck_assert_uint_eq(rig_counter(&rig, DP_C_FALLBACK), i + 1);
	}
	ck_assert_int_eq(datapath_del_alias(rig.dp, a), -1);
	/* The one that stayed is not disturbed. */
	ck_assert_int_eq(syn(1, 1), 1);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, new_connections_by_weight);
	tcase_add_test(tc, same_set_keeps_the_turn);
	tcase_add_test(tc, syn_again_and_syn_anew);
	tcase_add_test(tc, retransmission_to_one_that_went_away);
	tcase_add_test(tc, half_open_on_one_that_died);
	tcase_add_test(tc, nobody_reachable);
	tcase_add_test(tc, established_follow_their_owner);
	tcase_add_test(tc, many_end_together);
	tcase_add_test(tc, owner_without_a_path);
	tcase_add_test(tc, strays_go_up);
	tcase_add_test(tc, strays_that_find_no_room);
	tcase_add_test(tc, udp_packet_by_packet);
	tcase_add_test(tc, what_no_service_claims);
	tcase_add_test(tc, refused_by_the_service);
	tcase_add_test(tc, refused_where_nobody_joined);
	tcase_add_test(tc, refusals_leave_room_for_strays);
	tcase_add_test(tc, paths_are_all_used);
	tcase_add_test(tc, reading_while_writing);
	tcase_add_test(tc, turns_are_exact_over_processors);
	tcase_add_test(tc, counters_of_one_alias);
	tcase_add_test(tc, flows_of_an_alias_that_is_not_there);
	tcase_add_test(tc, aliases_come_and_go);
}

int
main(void)
{
	static const struct suite suite = { .name = "redirect", .add = add_tests, .setup = setup,
		.xdp = &xdp, .teardown = teardown, .timeout = 120 };

	rig_isolate();
	return suite_run(&suite);
}
