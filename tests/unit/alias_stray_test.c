/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <string.h>

#include "aliasd/core/stray.h"
#include "common/clock.h"
#include "tests/unit/unit.h"

static unsigned asked, delivered, resets;
static bool acks; /* what was asked last */
static uint16_t owner;
static size_t npeers;
static uint64_t too_early; /* … for a reset; 0: it is not */

static const uint16_t *
on_peers(size_t *n, void *arg)
{
	static const uint16_t peers[2] = { 2, 3 };

	*n = npeers;
	return peers;
}

static void
on_ask(const struct alias_ask *a, void *arg)
{
	asked++;
	acks = a->acks;
}

static void
on_deliver(uint16_t to, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	owner = to;
	delivered++;
}

static uint64_t
on_reset(const struct alias_ask *a, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	ck_assert_uint_eq(ifindex, 7);
	resets += too_early == 0;
	return too_early;
}

static const struct stray_ops ops = { on_peers, on_ask, on_deliver, on_reset };

static struct alias_conn
conn(uint16_t port)
{
	struct alias_conn c = { .client_port = htons(port), .port = htons(80) };

	inet_aton("10.1.0.101", &c.client);
	inet_aton("10.1.0.100", &c.alias);
	return c;
}

static void
long_packet(struct stray *s, uint16_t port, uint8_t flags, size_t len, size_t n, uint64_t now)
{
	uint8_t f[STRAY_FRAME_MAX] = { 0 };
	struct alias_conn c = conn(port);
	struct alias_ask a;

	f[12] = 0x08;
	f[14] = 0x45;
	f[16] = (uint8_t)((len - 14) >> 8);
	f[17] = (uint8_t)(len - 14);
	f[23] = IPPROTO_TCP;
	f[46] = 0x50;
	f[47] = flags;
	npeers = n;
	if (stray_ask(&c, f, len, &a))
		stray_packet(s, &a, 7, f, len, now);
}

static void
packet(struct stray *s, uint16_t port, uint8_t flags, size_t n, uint64_t now)
{
	long_packet(s, port, flags, 54, n, now);
}

static void
answer(struct stray *s, uint16_t from, uint16_t port, enum alias_verdict v, uint64_t now)
{
	struct alias_conn c = conn(port);

	stray_answer(s, from, &c, v, now);
}

START_TEST(found)
{
	struct stray *s = stray_new(&ops, NULL);

	packet(s, 1, 0x10, 2, 0);
	packet(s, 1, 0x10, 2, 0);
	packet(s, 1, 0x10, 2, 0);
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(stray_stats(s)->held, 2);
	answer(s, 2, 1, ALIAS_NOT_MINE, 0);
	answer(s, 2, 1, ALIAS_NOT_MINE, 0); /* says it twice: still one to answer */
	ck_assert_uint_eq(resets, 0);
	answer(s, 3, 1, ALIAS_MINE, 0);
	ck_assert_uint_eq(delivered, 2);
	ck_assert_uint_eq(owner, 3);
	ck_assert_uint_eq(stray_stats(s)->held, 0);
	answer(s, 3, 1, ALIAS_MINE, 0);
	ck_assert_uint_eq(delivered, 2);
	stray_free(s);
}
END_TEST

START_TEST(refused)
{
	struct stray *s = stray_new(&ops, NULL);

	packet(s, 1, 0x10, 2, 0);
	answer(s, 2, 1, ALIAS_NOT_MINE, 0);
	stray_member_left(s, 3, 0);
	ck_assert_uint_eq(resets, 1);
	/* Remembered for a while, then asked about again. */
	packet(s, 1, 0x10, 2, NSEC_PER_MSEC);
	ck_assert_uint_eq(resets, 2);
	ck_assert_uint_eq(asked, 1);
	packet(s, 1, 0x10, 2, 2 * NSEC_PER_SEC);
	ck_assert_uint_eq(asked, 2);
	/* Nobody to ask. */
	packet(s, 2, 0x10, 0, 3 * NSEC_PER_SEC);
	ck_assert_uint_eq(resets, 3);
	stray_free(s);
}
END_TEST

/* Who comes (back) may own it: no word from before is good enough for a reset. */
START_TEST(comes_back)
{
	struct stray *s = stray_new(&ops, NULL);

	packet(s, 1, 0x10, 1, 0);
	answer(s, 2, 1, ALIAS_NOT_MINE, 0);
	ck_assert_uint_eq(resets, 1);
	packet(s, 2, 0x10, 1, 0);
	packet(s, 3, 0x10, 2, 0);
	answer(s, 2, 3, ALIAS_NOT_MINE, 0);
	ck_assert_uint_eq(asked, 3);
	stray_member_joined(s, 3);
	answer(s, 2, 2, ALIAS_NOT_MINE, 0);
	ck_assert_uint_eq(resets, 1);
	packet(s, 1, 0x10, 2, NSEC_PER_MSEC);
	ck_assert_uint_eq(resets, 1);
	ck_assert_uint_eq(asked, 4);
	answer(s, 3, 1, ALIAS_MINE, NSEC_PER_MSEC);
	ck_assert_uint_eq(delivered, 1);
	/* It leaves before it said anything. */
	stray_member_left(s, 3, NSEC_PER_MSEC);
	ck_assert_uint_eq(resets, 2);
	stray_run(s, NSEC_PER_SEC);
	ck_assert_uint_eq(resets, 2);
	ck_assert_uint_eq(stray_stats(s)->held, 0);
	stray_free(s);
}
END_TEST

/* It ends what its client gave up, and is answered by nobody. */
START_TEST(a_reset_has_an_owner)
{
	struct stray *s = stray_new(&ops, NULL);

	packet(s, 1, 0x10, 2, 0);
	ck_assert(acks);
	packet(s, 2, 0x14, 2, 0);
	ck_assert(!acks);
	answer(s, 3, 2, ALIAS_MINE, 0);
	ck_assert_uint_eq(delivered, 1);
	ck_assert_uint_eq(owner, 3);
	too_early = 500;
	packet(s, 3, 0x04, 0, 0);
	ck_assert_uint_eq(resets + stray_stats(s)->put_off, 0);
	stray_free(s);
}
END_TEST

START_TEST(silence)
{
	struct stray *s = stray_new(&ops, NULL);
	uint64_t next;

	packet(s, 1, 0x10, 2, 1000);
	next = stray_run(s, 1000);
	ck_assert_uint_gt(next, 1000);
	ck_assert_uint_eq(stray_run(s, next), STRAY_NEVER);
	ck_assert_uint_eq(stray_stats(s)->expired, 1);
	ck_assert_uint_eq(stray_stats(s)->held, 0);
	ck_assert_uint_eq(resets, 0);
	answer(s, 2, 1, ALIAS_MINE, next);
	ck_assert_uint_eq(delivered, 0);
	stray_free(s);
}
END_TEST

START_TEST(bounds)
{
	struct stray *s = stray_new(&ops, NULL);
	unsigned i;

	for (i = 1; i <= 20000; i++)
		packet(s, (uint16_t)i, 0x10, 2, 1000);
	ck_assert_uint_eq(stray_stats(s)->held, STRAY_HELD_MAX);
	ck_assert_uint_eq(asked, STRAY_HELD_MAX);
	ck_assert_uint_eq(stray_stats(s)->overflow, 20000 - STRAY_HELD_MAX);
	stray_member_left(s, 2, 1000);
	stray_member_left(s, 3, 1000);
	ck_assert_uint_eq(resets, STRAY_RESETS_PER_SEC);
	ck_assert_uint_eq(stray_stats(s)->limited, STRAY_HELD_MAX - STRAY_RESETS_PER_SEC);
	/* The rest has its turn in the next second. */
	ck_assert_uint_eq(stray_stats(s)->held, STRAY_HELD_MAX - STRAY_RESETS_PER_SEC);
	npeers = 0;
	ck_assert_uint_eq(stray_run(s, 1000 + NSEC_PER_SEC), STRAY_NEVER);
	ck_assert_uint_eq(resets, STRAY_HELD_MAX);
	ck_assert_uint_eq(stray_stats(s)->held, 0);
	stray_free(s);
}
END_TEST

/* However few: what each holds is long. */
START_TEST(bytes_are_bounded)
{
	struct stray *s = stray_new(&ops, NULL);
	unsigned i, round;

	for (round = 0; round < 2; round++) {
		for (i = 1; i <= 10000; i++)
			long_packet(s, (uint16_t)i, 0x10, STRAY_FRAME_MAX, 2, 1000);
		ck_assert_uint_eq(stray_stats(s)->held, STRAY_BYTES_MAX / STRAY_FRAME_MAX);
		stray_clear(s);
	}
	stray_free(s);
}
END_TEST

START_TEST(refused_again)
{
	struct stray *s = stray_new(&ops, NULL);
	unsigned i;

	packet(s, 1, 0x10, 0, 1000);
	for (i = 0; i < STRAY_RESETS_PER_SEC + 9; i++)
		packet(s, 1, 0x10, 2, 1000); /* refused a moment ago */
	ck_assert_uint_eq(resets, STRAY_RESETS_PER_SEC);
	ck_assert_uint_eq(stray_stats(s)->limited, 10);
	stray_free(s);
}
END_TEST

/* Many at once, answered and given up in any order. */
START_TEST(in_any_order)
{
	struct stray *s = stray_new(&ops, NULL);
	unsigned i;

	for (i = 1; i <= 10000; i++)
		packet(s, (uint16_t)i, 0x10, 1, 1000 + i);
	for (i = 1; i <= 10000; i += 2)
		answer(s, 2, (uint16_t)(i * 7919 % 10007 % 10000 / 2 * 2 + 1), ALIAS_MINE, 20000);
	ck_assert_uint_gt(delivered, 1000);
	ck_assert_uint_eq(stray_stats(s)->held, 10000 - delivered);
	ck_assert_uint_eq(stray_run(s, NSEC_PER_SEC), STRAY_NEVER);
	ck_assert_uint_eq(stray_stats(s)->expired, 10000 - delivered);
	ck_assert_uint_eq(stray_stats(s)->held, 0);
	stray_free(s);
}
END_TEST

/* Nobody has it, but it is too early to say so: later all are asked again, and who came meanwhile. */
START_TEST(put_off)
{
	struct stray *s = stray_new(&ops, NULL);

	too_early = 500;
	packet(s, 1, 0x10, 1, 100);
	answer(s, 2, 1, ALIAS_NOT_MINE, 100);
	ck_assert_uint_eq(stray_stats(s)->held, 1);
	ck_assert_uint_eq(stray_run(s, 499), 500);
	ck_assert_uint_eq(asked, 1);
	npeers = 2;
	too_early = 0;
	ck_assert_uint_gt(stray_run(s, 500), 500);
	ck_assert_uint_eq(asked, 2);
	answer(s, 2, 1, ALIAS_NOT_MINE, 600);
	ck_assert_uint_eq(resets, 0);
	answer(s, 3, 1, ALIAS_NOT_MINE, 600);
	ck_assert_uint_eq(resets, 1);
	ck_assert_uint_eq(stray_stats(s)->held, 0);
	stray_free(s);
}
END_TEST

START_TEST(put_off_until_the_client_sends)
{
	struct stray *s = stray_new(&ops, NULL);
	unsigned i;

	too_early = 500;
	packet(s, 1, 0x10, 0, 100);
	for (i = 0; i < 3; i++)
		packet(s, 1, 0x10, 1, 200);
	ck_assert_uint_eq(asked, 1);
	answer(s, 2, 1, ALIAS_MINE, 200);
	ck_assert_uint_eq(delivered, 2); /* more of one connection are not held */
	ck_assert_uint_eq(stray_run(s, 500), STRAY_NEVER);
	ck_assert_uint_eq(resets, 0);
	stray_free(s);
}
END_TEST

START_TEST(put_off_for_unequal_times)
{
	static const uint64_t due[] = { 500, 300, 400, 600, 200 };
	struct stray *s = stray_new(&ops, NULL);
	unsigned i;

	for (i = 0; i < 5; i++) {
		too_early = due[i];
		packet(s, (uint16_t)(i + 1), 0x10, 0, 100);
	}
	too_early = 0;
	for (i = 2; i <= 6; i++) {
		ck_assert_uint_eq(stray_run(s, i * 100), i < 6 ? (i + 1) * 100 : STRAY_NEVER);
		ck_assert_uint_eq(resets, i - 1);
	}
	stray_free(s);
}
END_TEST

/* However many wait for their reset, who may still be found is asked about. */
START_TEST(put_off_gives_way)
{
	struct stray *s = stray_new(&ops, NULL);
	unsigned i;

	too_early = NSEC_PER_SEC;
	for (i = 1; i <= STRAY_HELD_MAX; i++)
		packet(s, (uint16_t)i, 0x10, 0, 1000);
	ck_assert_uint_eq(stray_stats(s)->held, STRAY_HELD_MAX);
	for (i = 1; i <= 100; i++) {
		packet(s, (uint16_t)(20000 + i), 0x10, 1, 2000);
		answer(s, 2, (uint16_t)(20000 + i), ALIAS_MINE, 2000);
	}
	ck_assert_uint_eq(delivered, 100);
	/* The first of those that wait sends again, and there is no room: another gives way. */
	packet(s, 20000, 0x10, 0, 3000);
	ck_assert_uint_eq(stray_stats(s)->held, STRAY_HELD_MAX);
	packet(s, 2, 0x10, 1, 3000);
	ck_assert_uint_eq(stray_stats(s)->held, STRAY_HELD_MAX);
	answer(s, 2, 2, ALIAS_MINE, 3000);
	ck_assert_uint_eq(delivered, 102);
	ck_assert_uint_eq(stray_stats(s)->overflow, 0);
	stray_free(s);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { found, refused, comes_back, a_reset_has_an_owner, silence, bounds,
		bytes_are_bounded, refused_again, in_any_order, put_off, put_off_until_the_client_sends,
		put_off_for_unequal_times, put_off_gives_way, NULL };

	return unit_run("alias_stray", tests);
}
