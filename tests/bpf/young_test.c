/* SPDX-License-Identifier: ISC */
/* The queue of connections that have just begun: by itself, and with several processors at once. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "aliasd/bpf/young.h"
#include "aliasd/datapath/datapath_int.h"
#include "tests/bpf/suite.h"

static struct dp_young_queue queue;
static struct dp_meta meta = { .seed = 1 };
static struct datapath dp = { .state.young = &queue, .meta = &meta };

static void
setup(void)
{
	memset(&queue, 0, sizeof(queue));
	dp.young_seen = 0;
}

static struct dp_young
conn(uint32_t client, uint64_t when)
{
	return (struct dp_young){ .when = when, .client = client, .alias = 7, .client_port = 1, .port = 2 };
}

static int
begin(uint32_t client, uint64_t when, uint64_t hash)
{
	struct dp_young c = conn(client, when);

	return dp_young_begin(&queue, &c, hash);
}

static int
end(uint32_t client, uint64_t hash)
{
	struct dp_young c = conn(client, 0);

	return dp_young_end(&queue, &c, hash);
}

/* The client of the next one that is old enough, or 0. */
static uint32_t
take(uint64_t when)
{
	struct dp_young y;

	return young_take(&dp, when, &y) ? y.client : 0;
}

START_TEST(only_what_lasts_is_taken)
{
	ck_assert_uint_eq(take(1000), 0);
	ck_assert_uint_eq(young_due(&dp), UINT64_MAX);
	ck_assert_int_eq(begin(1, 10, 1), 0);
	ck_assert_int_eq(begin(2, 20, 2), 0);
	ck_assert_int_eq(begin(3, 30, 3), 0);
	ck_assert_uint_eq(young_due(&dp), 10 + DP_YOUNG_AGE);
	ck_assert_int_eq(end(1, 1), 0);
	ck_assert_uint_eq(young_due(&dp), 20 + DP_YOUNG_AGE);
	ck_assert_uint_eq(take(19), 0);
	ck_assert_uint_eq(take(20), 2);
	ck_assert_uint_eq(take(20), 0);
	ck_assert_int_eq(end(2, 2), -1); /* it was told of */
	ck_assert_int_eq(end(3, 3), 0);
	ck_assert_int_eq(end(3, 3), -1); /* once */
	ck_assert_uint_eq(take(1000), 0);
	ck_assert_uint_eq(young_due(&dp), UINT64_MAX);
	ck_assert_int_eq(end(4, 4), -1); /* nobody knows it here */
}
END_TEST

/* Whose hashes are the same have DP_YOUNG_CHOICES places. */
START_TEST(who_has_no_place_is_told_of)
{
	uint32_t last = DP_YOUNG_CHOICES, i;

	for (i = 1; i <= last; i++)
		ck_assert_int_eq(begin(i, i, 5), 0);
	ck_assert_int_eq(begin(last + 1, 100, 5), -1);
	for (i = 1; i <= last; i++)
		ck_assert_int_eq(begin(i, 101, 5), 0); /* the same again */
	ck_assert_int_eq(end(last + 1, 5), -1);
	ck_assert_uint_eq(take(1), 1);
	ck_assert_int_eq(begin(last + 1, 102, 5), 0); /* a place is free */
	ck_assert_int_eq(end(1, 5), -1);
	for (i = 2; i <= last; i++)
		ck_assert_int_eq(end(i, 5), 0);
	ck_assert_uint_eq(take(102), last + 1);
	ck_assert_uint_eq(take(1000), 0);
}
END_TEST

/* The first of its places may be free again. */
START_TEST(it_is_found_where_it_was_put)
{
	ck_assert_int_eq(begin(1, 1, 5), 0);
	ck_assert_int_eq(begin(2, 2, 5), 0);
	ck_assert_int_eq(end(1, 5), 0);
	ck_assert_int_eq(begin(2, 3, 5), 0);
	ck_assert_int_eq(end(2, 5), 0);
	ck_assert_int_eq(end(2, 5), -1); /* it was there once */
	ck_assert_uint_eq(take(1000), 0);
}
END_TEST

START_TEST(a_full_queue)
{
	uint32_t i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < DP_YOUNGS - DP_YOUNG_SPARE; i++)
			ck_assert_int_eq(begin(i + 1, i, i), 0);
		ck_assert_int_eq(begin(i + 1, i, i), -1);
		ck_assert_int_eq(end(i + 1, i), -1);
		for (i = 0; i < DP_YOUNGS - DP_YOUNG_SPARE; i += 2)
			ck_assert_int_eq(end(i + 1, i), 0);
		for (i = 1; i < DP_YOUNGS - DP_YOUNG_SPARE; i += 2)
			ck_assert_uint_eq(take(DP_YOUNGS), i + 1);
		ck_assert_uint_eq(take(DP_YOUNGS), 0);
	}
}
END_TEST

static bool
is_young(uint32_t client)
{
	struct dp_young c = conn(client, 0);
	struct dp_conn d = { .alias.s_addr = c.alias, .client.s_addr = c.client, .client_port = c.client_port,
		.port = c.port };

	return datapath_is_young(&dp, &d);
}

static uint64_t
hash_of(uint32_t client)
{
	struct dp_young c = conn(client, 0);

	return dp_flow_hash(dp_flow_key(c.client, c.client_port, c.port), 0, meta.seed);
}

/* A list of sockets may still have what has ended since the daemon looked last. */
START_TEST(who_is_young)
{
	uint64_t hash = hash_of(1);

	ck_assert(!is_young(1));
	ck_assert_int_eq(begin(1, 10, hash), 0);
	ck_assert(is_young(1) && !is_young(2));
	ck_assert_uint_eq(take(9), 0);
	ck_assert(is_young(1));
	ck_assert_int_eq(end(1, hash), 0);
	ck_assert(is_young(1));
	ck_assert_uint_eq(take(1000), 0);
	ck_assert(!is_young(1));
}
END_TEST

/* That an earlier connection of its ports was over in a moment says nothing of one that lasts, wherever they lie. */
START_TEST(who_is_not_young_any_more)
{
	uint64_t hash = hash_of(1);

	ck_assert_int_eq(begin(2, 1, hash), 0);
	ck_assert_int_eq(begin(1, 2, hash), 0);
	ck_assert_int_eq(end(1, hash), 0);
	ck_assert_int_eq(end(2, hash), 0);
	ck_assert_int_eq(begin(1, 3, hash), 0); /* in the other one's place */
	ck_assert_uint_eq(take(3), 1);
	ck_assert_uint_eq(take(3), 0);
	ck_assert(!is_young(1));
}
END_TEST

/* A daemon that was ended between the two steps of taking one. */
START_TEST(what_a_predecessor_took)
{
	ck_assert_int_eq(begin(1, 10, 1), 0);
	ck_assert_int_eq(begin(2, 20, 2), 0);
	queue.slot[0].state = dp_young_state(0, DP_YOUNG_TAKEN);
	ck_assert_int_eq(end(1, 1), -1);
	ck_assert_uint_eq(take(20), 2);
}
END_TEST

#define EACH 300000
#define PROCESSORS 3
#define HASHES 7 /* few, so that they meet */

static struct outcome {
	int8_t began, ended; /* what was answered */
	uint8_t taken;       /* how often */
} (*outcome)[EACH];
static int running;

/* Some last a little. */
static void *
processor(void *arg)
{
	unsigned me = *(unsigned *)arg, i, late;

	for (i = 0; i < EACH; i++) {
		outcome[me][i].began = (int8_t)begin(me * EACH + i + 1, i, i % HASHES);
		if (i % 1024 == 0) { /* lasts for ever */
			outcome[me][i].ended = -1;
			continue;
		}
		if (i % 16 < 12) {
			outcome[me][i].ended = (int8_t)end(me * EACH + i + 1, i % HASHES);
			continue;
		}
		if (i % 16 < 15)
			continue;
		for (late = i - 3; late <= i; late++)
			outcome[me][late].ended = (int8_t)end(me * EACH + late + 1, late % HASHES);
	}
	__atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void
take_all(void)
{
	uint32_t client;

	while ((client = take(UINT64_MAX)) != 0)
		outcome[(client - 1) / EACH][(client - 1) % EACH].taken++;
}

START_TEST(nobody_is_lost_or_told_of_twice)
{
	pthread_t thread[PROCESSORS];
	unsigned number[PROCESSORS], i, k, silent = 0, told = 0;
	const struct outcome *o;

	outcome = calloc(PROCESSORS, sizeof(*outcome));
	running = PROCESSORS;
	for (i = 0; i < PROCESSORS; i++) {
		number[i] = i;
		ck_assert_int_eq(pthread_create(&thread[i], NULL, processor, &number[i]), 0);
	}
	while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) > 0)
		take_all();
	for (i = 0; i < PROCESSORS; i++)
		pthread_join(thread[i], NULL);
	take_all();
	for (i = 0; i < PROCESSORS; i++) {
		for (k = 0; k < EACH; k++) {
			o = &outcome[i][k];
			if (o->began == 0)
				ck_assert_int_eq(o->taken, o->ended == 0 ? 0 : 1);
			else /* told of by itself, and by the queue at most while it was put in */
				ck_assert(o->ended == -1 && o->taken <= 1);
			silent += o->ended == 0;
			told += o->taken;
		}
	}
	ck_assert_uint_gt(silent, 0);
	ck_assert_uint_gt(told, 0);
	free(outcome);
}
END_TEST

static void
add(TCase *tc)
{
	tcase_add_test(tc, only_what_lasts_is_taken);
	tcase_add_test(tc, who_has_no_place_is_told_of);
	tcase_add_test(tc, it_is_found_where_it_was_put);
	tcase_add_test(tc, a_full_queue);
	tcase_add_test(tc, who_is_young);
	tcase_add_test(tc, who_is_not_young_any_more);
	tcase_add_test(tc, what_a_predecessor_took);
	tcase_add_test(tc, nobody_is_lost_or_told_of_twice);
}

int
main(void)
{
	static const struct suite suite = { .name = "young", .add = add, .setup = setup, .timeout = 60 };

	return suite_run(&suite);
}
