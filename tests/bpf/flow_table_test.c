/* SPDX-License-Identifier: ISC */
/* The flow table without a kernel: the writer, and a reader that does what the packet program does. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <check.h>

#include "aliasd/datapath/datapath_flow.h"

#define MAX 20000

static struct dp_bucket *buckets;
#define ALIASES 2000

static struct flow_memory memory;
static uint64_t space;
static struct flow_table *table;

static void
setup(void)
{
	uint32_t n = flow_table_buckets_for(MAX);

	buckets = aligned_alloc(64, n * sizeof(*buckets));
	memset(buckets, 0, n * sizeof(*buckets));
	space = 0;
	memory = (struct flow_memory){ .buckets = buckets, .n = n, .space = &space, .seed = 42,
		.aliases = ALIASES, .overflow_fd = -1, .overflow_max = flow_table_overflow_for(MAX) };
	table = flow_table_new(&memory);
	ck_assert_ptr_nonnull(table);
}

static void
teardown(void)
{
	flow_table_free(table);
	free(buckets);
}

/* The owner that a reader finds in the buckets, or -1; -2 if it has to look in the hash map. */
static int
reader(uint64_t key, uint32_t alias)
{
	uint64_t now = __atomic_load_n(&space, __ATOMIC_ACQUIRE);
	struct dp_bucket *b = &buckets[dp_flow_bucket(dp_flow_hash(key, alias, 42), now)];
	uint32_t value;
	int i;

	for (i = 0; i < DP_WAYS; i++) {
		value = __atomic_load_n(&b->value[i], __ATOMIC_ACQUIRE);
		if (!value || dp_flow_alias(value) != alias ||
		    __atomic_load_n(&b->key[i], __ATOMIC_ACQUIRE) != key)
			continue;
		if (__atomic_load_n(&b->value[i], __ATOMIC_ACQUIRE) == value)
			return dp_flow_owner(value);
	}
	return __atomic_load_n(&b->overflow, __ATOMIC_ACQUIRE) ? -2 : -1;
}

static uint64_t
key_of(uint32_t i)
{
	return dp_flow_key(0x0a000000 + i / 3, i % 3 + 1024, 80);
}

START_TEST(set_read_delete)
{
	ck_assert_int_eq(reader(key_of(1), 0), -1);
	ck_assert_int_eq(flow_table_set(table, key_of(1), 0, 0), 0);
	ck_assert_int_eq(reader(key_of(1), 0), 0);
	ck_assert_int_eq(reader(key_of(1), 1), -1);
	ck_assert_int_eq(flow_table_set(table, key_of(1), 1, 1023), 0);
	ck_assert_int_eq(reader(key_of(1), 1), 1023);
	ck_assert_int_eq(flow_table_set(table, key_of(1), 0, 5), 0);
	ck_assert_int_eq(reader(key_of(1), 0), 5);
	ck_assert_uint_eq(flow_table_count(table, 0), 0);
	ck_assert_uint_eq(flow_table_count(table, 5), 1);
	ck_assert_int_eq(flow_table_del(table, key_of(1), 0, 6), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(flow_table_del(table, key_of(1), 0, 5), 0);
	ck_assert_int_eq(flow_table_del(table, key_of(1), 0, 5), -1);
	ck_assert_int_eq(reader(key_of(1), 0), -1);
	ck_assert_uint_eq(flow_table_alias_count(table, 1), 1);
	ck_assert_int_eq(flow_table_set(table, key_of(1), 0, DP_OWNER_DOUBTED), 0);
	ck_assert_int_eq(reader(key_of(1), 0), DP_OWNER_DOUBTED);
	ck_assert_uint_eq(flow_table_count(table, DP_OWNER_DOUBTED), 1);
	ck_assert_uint_eq(flow_table_del_owner(table, DP_OWNER_DOUBTED), 1);
	ck_assert_int_eq(flow_table_set(table, key_of(1), 0, DP_OWNERS), -1);
	ck_assert_int_eq(flow_table_set(table, key_of(1), ALIASES, 0), -1);
}
END_TEST

static void
count_one(uint64_t key, uint32_t alias, uint16_t owner, void *arg)
{
	uint8_t *seen = arg;
	uint32_t host = key >> 32, port = key >> 16 & 0xffff;
	uint32_t i = (host - 0x0a000000) * 3 + port - 1024;

	ck_assert_uint_lt(i, MAX);
	ck_assert_uint_eq(owner, i % 7);
	seen[i]++;
}

START_TEST(full_and_empty_again)
{
	uint8_t *seen = calloc(MAX, 1);
	uint32_t i, in_map = 0;

	for (i = 0; i < MAX; i++)
		ck_assert_int_eq(flow_table_set(table, key_of(i), 0, i % 7), 0);
	for (i = 0; i < MAX; i++) {
		int owner = reader(key_of(i), 0);

		in_map += owner == -2;
		ck_assert(owner == -2 || owner == (int)(i % 7));
	}
	ck_assert_uint_eq(in_map, flow_table_overflowed(table));
	ck_assert_uint_gt(in_map, 0);
	ck_assert_uint_lt(in_map, MAX / 16);
	flow_table_each(table, count_one, seen);
	for (i = 0; i < MAX; i++)
		ck_assert_uint_eq(seen[i], 1);
	ck_assert_uint_eq(flow_table_del_owner(table, 3), (MAX + 3) / 7);
	ck_assert_uint_eq(flow_table_count(table, 3), 0);
	for (i = 0; i < MAX; i++)
		ck_assert_int_eq(flow_table_del(table, key_of(i), 0, i % 7), i % 7 == 3 ? -1 : 0);
	ck_assert_uint_eq(flow_table_overflowed(table), 0);
	for (i = 0; i < memory.n; i++)
		ck_assert_uint_eq(buckets[i].overflow, 0);
	free(seen);
}
END_TEST

START_TEST(table_grows_with_what_it_holds)
{
	uint32_t i, before = flow_table_in_use(table);

	ck_assert_uint_eq(before, 64);
	for (i = 0; i < 128; i++)
		flow_table_set(table, key_of(i), 0, 1);
	ck_assert_uint_eq(flow_table_in_use(table), before);
	for (; i < MAX; i++)
		flow_table_set(table, key_of(i), 0, 1);
	ck_assert_uint_eq(flow_table_in_use(table), memory.n);
}
END_TEST

START_TEST(table_grows_at_once_when_told)
{
	uint32_t i;

	for (i = 0; i < 1000; i++)
		flow_table_set(table, key_of(i), 0, 1);
	flow_table_expect(table, 9000);
	ck_assert_uint_eq(flow_table_in_use(table), 5000);
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(reader(key_of(i), 0), 1);
	for (; i < 10000; i++)
		flow_table_set(table, key_of(i), 0, 1);
	ck_assert_uint_eq(flow_table_in_use(table), 5000);
	for (i = 0; i < 10000; i++)
		ck_assert_int_eq(flow_table_owner(table, key_of(i), 0), 1);
	ck_assert_int_eq(flow_table_owner(table, key_of(i), 0), -1);
	/* Whatever nonsense one is told. */
	flow_table_expect(table, SIZE_MAX);
	ck_assert_uint_eq(flow_table_in_use(table), memory.n);
}
END_TEST

START_TEST(owner_of_any)
{
	uint32_t i;

	for (i = 0; i < MAX; i++)
		flow_table_set(table, key_of(i), 0, i % 7);
	ck_assert_uint_gt(flow_table_overflowed(table), 0);
	for (i = 0; i < MAX; i++)
		ck_assert_int_eq(flow_table_owner(table, key_of(i), 0), (int)(i % 7));
	ck_assert_int_eq(flow_table_owner(table, key_of(0), 1), -1);
	ck_assert_int_eq(flow_table_owner(table, key_of(MAX), 0), -1);
}
END_TEST

START_TEST(too_many)
{
	uint32_t i;

	for (i = 0; i < 4 * MAX; i++)
		if (flow_table_set(table, key_of(i), 0, 1) < 0)
			break;
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_uint_gt(i, MAX);
	ck_assert_uint_eq(flow_table_count(table, 1), i);
	ck_assert_int_eq(flow_table_del(table, key_of(0), 0, 1), 0);
}
END_TEST

/* Random changes against a plain array. */
START_TEST(like_a_plain_array)
{
	static int model[MAX];
	uint64_t state = 1234567;
	uint32_t n, i;
	int owner;

	memset(model, -1, sizeof(model));
	for (n = 0; n < 400000; n++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		i = (state >> 33) % MAX;
		owner = state >> 60;
		if (state >> 20 & 1) {
			ck_assert_int_eq(flow_table_set(table, key_of(i), 2, owner), 0);
			model[i] = owner;
		} else {
			ck_assert_int_eq(flow_table_del(table, key_of(i), 2, owner),
			    model[i] == owner ? 0 : -1);
			if (model[i] == owner)
				model[i] = -1;
		}
		owner = reader(key_of(i), 2);
		ck_assert(owner == model[i] || owner == -2);
	}
}
END_TEST

START_TEST(taken_over)
{
	uint32_t i;

	for (i = 0; i < 5000; i++)
		flow_table_set(table, key_of(i), i % 2, i % 7);
	/* Whatever overflowed is lost here: there is no hash map to find it in. */
	i = flow_table_overflowed(table);
	flow_table_free(table);
	table = flow_table_new(&memory);
	ck_assert_ptr_nonnull(table);
	ck_assert_uint_eq(flow_table_alias_count(table, 0) + flow_table_alias_count(table, 1),
	    5000 - i);
	for (i = 0; i < 5000; i++)
		ck_assert(reader(key_of(i), i % 2) < 0 || reader(key_of(i), i % 2) == (int)i % 7);
}
END_TEST

static int stop;

/* Every key has one owner for good, so a reader may miss one that is away, but never see another. */
static void *
read_all_the_time(void *arg)
{
	size_t *wrong = arg;
	uint32_t i;
	int owner;

	for (i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i = (i + 1) % 4096) {
		owner = reader(key_of(i), 0);
		if (owner >= 0 && owner != (int)(i % 1000))
			++*wrong;
	}
	return NULL;
}

START_TEST(reader_beside_the_writer)
{
	size_t wrong = 0;
	pthread_t thread;
	uint32_t round, i;

	stop = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, read_all_the_time, &wrong), 0);
	for (round = 0; round < 40; round++) {
		for (i = 0; i < 4096; i++)
			flow_table_set(table, key_of(i), 0, i % 1000);
		for (i = 0; i < 4096; i++)
			flow_table_del(table, key_of(i), 0, i % 1000);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* How long it takes to load so many flows into an empty table, in random order. */
static void
bench(uint32_t flows, bool told)
{
	uint32_t n = flow_table_buckets_for(flows), i, failed = 0;
	uint64_t client, new_space = 0;
	struct flow_memory m = { .buckets = aligned_alloc(64, n * sizeof(*buckets)), .n = n,
		.space = &new_space, .seed = 42,
		.aliases = ALIASES, .overflow_max = flow_table_overflow_for(flows) };
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct flow_table *t;
	double start;

	memset(m.buckets, 0, n * sizeof(*buckets));
	m.overflow_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "bench", sizeof(struct dp_flow_key), 4,
	    m.overflow_max, &opts);
	if (m.overflow_fd < 0)
		perror("no hash map: without it");
	t = flow_table_new(&m);
	start = now();
	if (told)
		flow_table_expect(t, flows);
	for (i = 0; i < flows; i++) {
		client = (i * 0x9e3779b97f4a7c15ull) >> 16;
		failed += flow_table_set(t, dp_flow_key(client >> 16, client, 80), 0, i % 4) < 0;
	}
	printf("%u flows, %s: %.3f s, %zu in the hash map, %u failed\n", flows,
	    told ? "told before" : "growing", now() - start, flow_table_overflowed(t), failed);
	flow_table_free(t);
	close(m.overflow_fd);
	free(m.buckets);
}

/* With a number of flows: how long it takes to load them. */
int
main(int argc, char **argv)
{
	Suite *s = suite_create("flow_table");
	TCase *tc = tcase_create("flow_table");
	SRunner *sr = srunner_create(s);
	int failed;

	if (argc > 1) {
		bench(atoi(argv[1]), false);
		bench(atoi(argv[1]), true);
		return 0;
	}
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, set_read_delete);
	tcase_add_test(tc, full_and_empty_again);
	tcase_add_test(tc, table_grows_with_what_it_holds);
	tcase_add_test(tc, table_grows_at_once_when_told);
	tcase_add_test(tc, owner_of_any);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, like_a_plain_array);
	tcase_add_test(tc, taken_over);
	tcase_add_test(tc, reader_beside_the_writer);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
