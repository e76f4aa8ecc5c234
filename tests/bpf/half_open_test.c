/* SPDX-License-Identifier: ISC */
/*
 * Half-open connections: the table by itself, with several writers at once, and as the packet program and
 * the daemon use it, in a table of a single set, where everybody meets.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include <check.h>

#include "aliasd/bpf/half_open.h"
#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define CLIENT "10.1.0.101"
#define OTHER "10.1.0.99"
#define SEED 0x1234567890abcdefull

static struct rig rig;
static bool xdp;

static void
setup(void)
{
	static const struct dp_target web[] = { { 1, 3 }, { 2, 2 }, { 3, 1 } };

	memset(&rig, 0, sizeof(rig));
	rig.xdp = xdp;
	rig.conf.max_half_open = DP_HALF_WAYS;
	rig_open(&rig);
	rig_alias(&rig, RIG_ALIAS, true);
	rig_alias(&rig, OTHER, true);
	rig_paths(&rig, 2, 1);
	rig_paths(&rig, 3, 1);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 3, web);
	rig_service(&rig, OTHER, IPPROTO_TCP, 80, 3, web);
}

static void
teardown(void)
{
	rig_close(&rig);
}

static int
segment(const char *alias, uint16_t sport, uint8_t flags, uint32_t seq)
{
	struct frame f;

	rig_tcp(&rig, &f, CLIENT, sport, alias, 80, flags, seq);
	return rig_where(&rig, &f);
}

static int
syn(uint16_t sport, uint32_t seq)
{
	return segment(RIG_ALIAS, sport, F_SYN, seq);
}

static int
ack(uint16_t sport)
{
	return segment(RIG_ALIAS, sport, F_ACK, 7);
}

static void
put(struct dp_half_set *set, uint64_t key, uint32_t alias, uint32_t isn, uint32_t node)
{
	uint32_t place;

	dp_half_find(set, key, alias, SEED, &place);
	dp_half_put(set, place, key, dp_half_entry(isn, alias, node), SEED);
}

static uint64_t
find(const struct dp_half_set *set, uint64_t key, uint32_t alias)
{
	uint32_t place;

	return dp_half_find(set, key, alias, SEED, &place);
}

START_TEST(entries_hold_all_there_is)
{
	struct dp_half_set set = { 0 };
	uint64_t e;

	put(&set, UINT64_MAX, DP_ALIASES_MAX - 1, UINT32_MAX, DP_NODES - 1);
	put(&set, 0, 0, 0, 0);
	e = find(&set, UINT64_MAX, DP_ALIASES_MAX - 1);
	ck_assert_uint_eq(dp_half_isn(e), UINT32_MAX);
	ck_assert_uint_eq(dp_half_alias(e), DP_ALIASES_MAX - 1);
	ck_assert_uint_eq(dp_half_node(e), DP_NODES - 1);
	e = find(&set, 0, 0);
	ck_assert_uint_ne(e, 0);
	ck_assert_uint_eq(dp_half_node(e), 0);
	ck_assert_uint_eq(find(&set, 0, 1), 0);
	ck_assert_uint_eq(find(&set, 1, 0), 0);
	ck_assert_uint_eq(find(&set, UINT64_MAX, 0), 0);
}
END_TEST

/* However often, the oldest goes; one that is put anew in its own place is the youngest from then on. */
START_TEST(oldest_is_replaced)
{
	struct dp_half_set set = { 0 };
	uint32_t i, j;

	for (i = 0; i < 1000; i++) {
		put(&set, i, 5, i, i % 7);
		for (j = 0; j <= i; j++) {
			uint64_t e = find(&set, j, 5);

			ck_assert_int_eq(e != 0, i - j < DP_HALF_WAYS);
			if (e)
				ck_assert_uint_eq(dp_half_node(e), j % 7);
		}
	}
	put(&set, 996, 5, 1, 9);
	put(&set, 1000, 5, 1, 1);
	ck_assert_uint_eq(find(&set, 997, 5), 0);
	ck_assert_uint_eq(dp_half_node(find(&set, 996, 5)), 9);
	ck_assert_uint_ne(find(&set, 998, 5), 0);
}
END_TEST

START_TEST(empty_places_come_first)
{
	struct dp_half_set set = { 0 };
	uint32_t i, place;

	for (i = 0; i < DP_HALF_WAYS; i++)
		put(&set, i, 0, 1, 1);
	dp_half_find(&set, 2, 0, SEED, &place);
	set.way[place].entry = 0;
	ck_assert_uint_eq(find(&set, 2, 0), 0);
	put(&set, 9, 0, 1, 1);
	ck_assert(find(&set, 0, 0) && find(&set, 1, 0) && find(&set, 3, 0) && find(&set, 9, 0));
	put(&set, 10, 0, 1, 1);
	ck_assert_uint_eq(find(&set, 0, 0), 0);
}
END_TEST

START_TEST(sets_are_evenly_used)
{
	static uint32_t n[100];
	uint32_t i;

	ck_assert_uint_eq(dp_half_sets(1), 1);
	ck_assert_uint_eq(dp_half_sets(400), 100);
	ck_assert_uint_eq(dp_half_sets(397), 100);
	ck_assert_uint_eq(dp_half_sets(16777216), 4194304);
	for (i = 0; i < 100000; i++)
		n[dp_half_index(dp_flow_hash(i, 0, SEED), 100)]++;
	for (i = 0; i < 100; i++) {
		ck_assert_uint_gt(n[i], 800);
		ck_assert_uint_lt(n[i], 1200);
	}
}
END_TEST

static struct dp_half_set shared;
static int stop;

static uint64_t
key_of(unsigned i)
{
	return dp_flow_key(0x0a000000 + i, 1024, 80);
}

/* All of an entry follows from its key: nothing else may ever be found. */
static void *
write_beside(void *arg)
{
	unsigned i = 1;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		i = i * 1103515245 + 12345;
		put(&shared, key_of(i >> 16 & 7), (i >> 16) & 3, (i >> 16 & 7) * 1000, (i >> 16 & 7) * 100);
		if ((i >> 24) % 16 == 0)
			__atomic_store_n(&shared.way[i >> 28 & 3].entry, 0, __ATOMIC_RELAXED);
	}
	return NULL;
}

START_TEST(nothing_mixed_is_found)
{
	unsigned i, key, wrong = 0, found = 0;
	pthread_t thread;
	uint64_t e;

	stop = 0;
	memset(&shared, 0, sizeof(shared));
	ck_assert_int_eq(pthread_create(&thread, NULL, write_beside, NULL), 0);
	for (i = 0; i < 20000000; i++) {
		key = i % 8;
		if (i % 4 == 0)
			put(&shared, key_of(key), key & 3, key * 1000, key * 100);
		e = find(&shared, key_of(key), key & 3);
		found += e != 0;
		wrong += e && (dp_half_node(e) != key * 100 || dp_half_isn(e) != key * 1000);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(found, 0);
}
END_TEST

START_TEST(fifth_of_a_set)
{
	unsigned i;

	for (i = 0; i < DP_HALF_WAYS; i++)
		syn(1000 + i, 1);
	for (i = 0; i < DP_HALF_WAYS; i++)
		ck_assert_int_eq(ack(1000 + i), i < 3 ? 1 : 2);
	ck_assert_int_eq(syn(1004, 1), 2);
	ck_assert_int_eq(ack(1000), -1); /* a stray: whoever has it answers */
	for (i = 1; i < DP_HALF_WAYS; i++)
		ck_assert_int_eq(ack(1000 + i), i < 3 ? 1 : 2);
	ck_assert_int_eq(ack(1004), 2);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_STRAY), 1);
}
END_TEST

START_TEST(another_isn)
{
	ck_assert_int_eq(syn(1000, 1), 1);
	ck_assert_int_eq(syn(1000, 1), 1);
	ck_assert_int_eq(syn(1001, 1), 1);
	ck_assert_int_eq(syn(1002, 1), 1);
	ck_assert_int_eq(syn(1000, 2), 2); /* another connection, in the place of the one before */
	ck_assert_int_eq(ack(1000), 2);
	ck_assert_int_eq(syn(1003, 1), 2);
	ck_assert_int_eq(syn(1004, 1), 3);
	ck_assert_int_eq(ack(1001), -1);
	ck_assert_int_eq(ack(1000), 2);
}
END_TEST

/* What is further on, or before it, is of a connection whose SYN went by another router. */
START_TEST(segments_of_another_connection)
{
	const uint32_t isn = UINT32_MAX - 5;

	ck_assert_int_eq(syn(1000, isn), 1);
	ck_assert_int_eq(segment(RIG_ALIAS, 1000, F_ACK, isn), 1); /* a probe whether it is still there */
	ck_assert_int_eq(segment(RIG_ALIAS, 1000, F_ACK, isn + 1), 1);
	ck_assert_int_eq(segment(RIG_ALIAS, 1000, F_ACK, isn + DP_HALF_SPAN - 1), 1);
	ck_assert_int_eq(segment(RIG_ALIAS, 1000, F_ACK, isn + DP_HALF_SPAN), -1);
	ck_assert_int_eq(segment(RIG_ALIAS, 1000, F_ACK, isn - 1), -1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_STRAY), 2);
	ck_assert_int_eq(syn(1000, isn), 1);
}
END_TEST

/* Whoever got the SYN may have a socket of these ports left, whose numbers are quite others. */
START_TEST(resets_follow_the_syn)
{
	const uint32_t isn = 1000, far = 1u << 31;

	ck_assert_int_eq(segment(RIG_ALIAS, 1000, F_RST, far), -1);
	ck_assert_int_eq(syn(1000, isn), 1);
	ck_assert_int_eq(segment(RIG_ALIAS, 1000, F_RST, far), 1);
	ck_assert_int_eq(segment(RIG_ALIAS, 1000, F_RST | F_ACK, far), 1);
	ck_assert_int_eq(segment(RIG_ALIAS, 1000, F_ACK, far), -1);
	ck_assert_int_eq(segment(OTHER, 1000, F_RST, far), -1);
	ck_assert_int_eq(syn(1000, isn), 1);
}
END_TEST

START_TEST(same_client_to_another_alias)
{
	ck_assert_int_eq(syn(1000, 1), 1);
	ck_assert_int_eq(segment(OTHER, 1000, F_ACK, 1), -1);
	ck_assert_int_eq(syn(1001, 1), 1);
	ck_assert_int_eq(syn(1002, 1), 1);
	ck_assert_int_eq(syn(1003, 1), 2);
	ck_assert_int_eq(segment(OTHER, 1003, F_SYN, 1), 1);
	ck_assert_int_eq(segment(OTHER, 1003, F_ACK, 1), 1);
	ck_assert_int_eq(ack(1003), 2);
}
END_TEST

/* The end of a connection takes away what its SYN left, of this connection alone. */
START_TEST(forgotten_with_the_connection)
{
	struct dp_conn c = rig_conn(CLIENT, 1003, RIG_ALIAS, 80);

	syn(1000, 1);
	syn(1001, 1);
	ck_assert_int_eq(syn(1003, 1), 1);
	ck_assert_int_eq(segment(OTHER, 1003, F_SYN, 1), 1);
	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 1), 0);
	ck_assert_int_eq(datapath_del_flow(rig.dp, &c, 1), 0);
	ck_assert_int_eq(ack(1003), -1);
	ck_assert_int_eq(ack(1000), 1);
	ck_assert_int_eq(ack(1001), 1);
	ck_assert_int_eq(segment(OTHER, 1003, F_ACK, 1), 1);
	ck_assert_int_eq(syn(1004, 1), 2); /* in the empty place */
	ck_assert_int_eq(ack(1000), 1);
}
END_TEST

START_TEST(member_that_died)
{
	syn(1000, 1);
	syn(1001, 1);
	syn(1002, 1);
	ck_assert_int_eq(syn(1003, 1), 2);
	rig_paths(&rig, 2, 0);
	ck_assert_int_eq(ack(1003), -1);
	ck_assert_int_eq(syn(1003, 1), 3); /* in its own place */
	ck_assert_int_eq(ack(1003), 3);
	ck_assert_int_eq(ack(1000), 1);
}
END_TEST

/* Its SYN came again by another router, which gave it to another member. */
START_TEST(told_by_another_member)
{
	struct dp_conn c = rig_conn(CLIENT, 1000, RIG_ALIAS, 80);

	ck_assert_int_eq(syn(1000, 1), 1);
	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 1), 0);
	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 3), 0);
	ck_assert_int_eq(ack(1000), 3);
	ck_assert_int_eq(datapath_del_owner(rig.dp, 3), 1);
	ck_assert_int_eq(ack(1000), -1); /* to be reset, not to whom the first was given */
	ck_assert_uint_eq(rig_counter(&rig, DP_C_STRAY), 1);
}
END_TEST

/* What a member that is back again did not tell of before it died is as unknown to it as all the rest. */
START_TEST(member_that_is_back)
{
	syn(1000, 1);
	syn(1001, 1);
	syn(1002, 1);
	ck_assert_int_eq(syn(1003, 1), 2);
	ck_assert_int_eq(datapath_del_owner(rig.dp, 2), 0);
	ck_assert_int_eq(ack(1003), -1);
	ck_assert_int_eq(ack(1000), 1);
	ck_assert_int_eq(syn(1003, 1), 2);
	ck_assert_int_eq(ack(1003), 2);
}
END_TEST

struct beside {
	const char *client;
	unsigned followed, lost, wrong;
};

/* What a connection got it keeps, or nobody knows; never another. */
static void *
connections(void *arg)
{
	struct beside *b = arg;
	int node, where;
	struct frame f;
	unsigned i;

	for (i = 0; i < 20000; i++) {
		rig_tcp(&rig, &f, b->client, 1000 + i % 3, RIG_ALIAS, 80, F_SYN, i);
		node = rig_where(&rig, &f);
		rig_tcp(&rig, &f, b->client, 1000 + i % 3, RIG_ALIAS, 80, F_ACK, i);
		where = rig_where(&rig, &f);
		b->followed += where == node;
		b->lost += where == -1;
		b->wrong += where != node && where != -1;
	}
	return NULL;
}

START_TEST(two_processors_in_one_set)
{
	struct beside a = { .client = "10.1.0.102" }, b = { .client = "10.1.0.103" };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, connections, &b), 0);
	connections(&a);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(a.wrong + b.wrong, 0);
	ck_assert_uint_gt(a.followed, 0);
	ck_assert_uint_gt(b.followed, 0);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, entries_hold_all_there_is);
	tcase_add_test(tc, oldest_is_replaced);
	tcase_add_test(tc, empty_places_come_first);
	tcase_add_test(tc, sets_are_evenly_used);
	tcase_add_test(tc, nothing_mixed_is_found);
	tcase_add_test(tc, fifth_of_a_set);
	tcase_add_test(tc, another_isn);
	tcase_add_test(tc, segments_of_another_connection);
	tcase_add_test(tc, resets_follow_the_syn);
	tcase_add_test(tc, same_client_to_another_alias);
	tcase_add_test(tc, forgotten_with_the_connection);
	tcase_add_test(tc, member_that_died);
	tcase_add_test(tc, told_by_another_member);
	tcase_add_test(tc, member_that_is_back);
	tcase_add_test(tc, two_processors_in_one_set);
}

int
main(void)
{
	static const struct suite suite = { .name = "half_open", .add = add_tests, .setup = setup,
		.xdp = &xdp, .teardown = teardown, .timeout = 120 };

	rig_isolate();
	return suite_run(&suite);
}
