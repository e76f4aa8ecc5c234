/* SPDX-License-Identifier: ISC */
/* Forged, flipped, cut, replayed and echoed frames into a running pair: nothing happens but counting. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lltd/crypto.h"
#include "tests/unit/llt_net.h"
#include "tests/unit/unit.h"

/* The last frame of every kind from node 0 to node 1, and the link it went over. */
static struct {
	uint8_t bytes[LLT_FRAME_MAX];
	size_t len;
	unsigned link;
} sample[LLT_F_LAST + 1];

static void
tap(unsigned from, unsigned link, const uint8_t *frame, size_t len)
{
	uint8_t type = frame[2];

	if (from != 0)
		return;
	memcpy(sample[type].bytes, frame, len);
	sample[type].len = len;
	sample[type].link = link;
}

static void
send_dgram(void)
{
	static struct llt_ctl_send s;

	s = (struct llt_ctl_send){ .port = 1, .datagram = true, .ndst = 1, .dst = { 1 },
		.data = (const uint8_t *)"datagram", .len = 8 };
	core_send(net.node[0].core, &s, net.now);
}

/* A pair with a sample of every kind taken, none of them on its way any more. */
static void
prepare(void)
{
	net_start(2, 2, 7);
	memset(sample, 0, sizeof(sample));
	net.tap = tap;
	net.conf.check_ns = 20 * MS;
	net_on(1);
	net_on(0);
	net_form(1000 * MS);
	send_dgram();
	net_send(0, 1, 1, 0);
	net_send(1, 0, 1, 0);
	net_run(50 * MS);
	for (unsigned t = 1; t <= LLT_F_LAST; t++)
		ck_assert_msg(sample[t].len > 0, "no sample of type %u", t);
	net.tap = NULL;
}

static void
inject(unsigned type, const uint8_t *bytes, size_t len)
{
	uint8_t mac[6], *copy = malloc(len + 1);

	memcpy(copy, bytes, len);
	net_mac(0, sample[type].link, mac);
	core_input(net.node[1].core, sample[type].link, mac, copy, len, net.now);
	core_flush(net.node[1].core, net.now);
	free(copy);
}

/* Injects; exactly one drop is counted, and nobody has noticed anything. */
static void
expect_drop(unsigned type, const uint8_t *bytes, size_t len)
{
	struct net_node *n = &net.node[1];
	uint64_t drops = net_drops(1), dgrams = n->dgrams, got = n->got[0][1];
	unsigned events = n->node_events + n->link_events;

	inject(type, bytes, len);
	if (net_drops(1) != drops + 1 || n->dgrams != dgrams || n->got[0][1] != got ||
	    n->node_events + n->link_events != events)
		ck_abort_msg("type %u length %zu was not just dropped", type, len);
}

START_TEST(flipped_bits)
{
	prepare();
	for (unsigned t = 1; t <= LLT_F_LAST; t++)
		for (size_t bit = 0; bit < sample[t].len * 8; bit++) {
			sample[t].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			expect_drop(t, sample[t].bytes, sample[t].len);
			sample[t].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	net_stop();
}
END_TEST

/* The same with frames that never arrived: only the seal can tell, and the frame is good until the end. */
START_TEST(flipped_bits_of_fresh_frames)
{
	prepare();
	net.tap = tap;
	net.mute = 2;
	send_dgram();
	net_send(0, 1, 1, 1);
	net_send(1, 0, 1, 1);
	net_run(11 * MS);
	for (unsigned t = LLT_F_HEARTBEAT; t <= LLT_F_LAST; t++) {
		uint64_t before = net_stat(1, STAT_DROP_AUTH), drops;

		for (size_t bit = LLT_FRAME_HEAD_SESSION * 8; bit < sample[t].len * 8; bit++) {
			sample[t].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			expect_drop(t, sample[t].bytes, sample[t].len);
			sample[t].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		ck_assert_uint_eq(net_stat(1, STAT_DROP_AUTH) - before,
		    (sample[t].len - LLT_FRAME_HEAD_SESSION) * 8);
		drops = net_drops(1);
		inject(t, sample[t].bytes, sample[t].len);
		ck_assert_uint_eq(net_drops(1), drops);
	}
	net_stop();
}
END_TEST

START_TEST(truncations)
{
	prepare();
	for (unsigned t = 1; t <= LLT_F_LAST; t++)
		for (size_t len = 0; len < sample[t].len; len++) {
			uint64_t before = net_stat(1, STAT_DROP_TRUNCATED);

			expect_drop(t, sample[t].bytes, len);
			ck_assert_uint_eq(net_stat(1, STAT_DROP_TRUNCATED), before + 1);
		}
	net_stop();
}
END_TEST

START_TEST(replays)
{
	prepare();
	for (unsigned t = LLT_F_HELLO; t <= LLT_F_LAST; t++) {
		uint64_t before = net_stat(1, STAT_DROP_REPLAY);

		for (unsigned i = 0; i < 1000; i++)
			expect_drop(t, sample[t].bytes, sample[t].len);
		ck_assert_uint_eq(net_stat(1, STAT_DROP_REPLAY), before + 1000);
	}
	net_stop();
}
END_TEST

START_TEST(old_session)
{
	prepare();
	net_off(0);
	net_on(0);
	net_form(2000 * MS);
	for (unsigned t = LLT_F_HEARTBEAT; t <= LLT_F_LAST; t++) {
		uint64_t before = net_stat(1, STAT_DROP_NO_SESSION);

		expect_drop(t, sample[t].bytes, sample[t].len);
		ck_assert_uint_eq(net_stat(1, STAT_DROP_NO_SESSION), before + 1);
	}
	net_stop();
}
END_TEST

/* Hellos of a former life, whoever plays them: the session stays, and the answers are few. */
START_TEST(old_hellos)
{
	uint64_t sent;
	unsigned events;

	prepare();
	net_off(0);
	net_on(0);
	net_form(2000 * MS);
	sent = net_stat(1, STAT_SND_HELLOS);
	events = net.node[1].node_events;
	for (unsigned i = 0; i < 100000; i++)
		inject(LLT_F_HELLO, sample[LLT_F_HELLO].bytes, sample[LLT_F_HELLO].len);
	net_run(100 * MS);
	ck_assert_uint_lt(net_stat(1, STAT_SND_HELLOS) - sent, 100);
	ck_assert_uint_eq(net.node[1].node_events, events);
	ck_assert(net_open(1, 0));
	net_stop();
}
END_TEST

START_TEST(wrong_place)
{
	uint8_t stranger[6] = { 2, 9, 9, 9, 9, 9 }, own[6];
	uint64_t before;

	prepare();
	for (unsigned t = 1; t <= LLT_F_LAST; t++) {
		before = net_stat(1, STAT_DROP_CROSSED);
		core_input(net.node[1].core, 1 - sample[t].link, stranger, sample[t].bytes, sample[t].len,
		    net.now);
		ck_assert_uint_eq(net_stat(1, STAT_DROP_CROSSED), before + 1);
		before = net_stat(1, STAT_DROP_OWN_ECHO);
		net_mac(1, 0, own);
		core_input(net.node[1].core, sample[t].link, own, sample[t].bytes, sample[t].len, net.now);
		ck_assert_uint_eq(net_stat(1, STAT_DROP_OWN_ECHO), before + 1);
	}
	for (unsigned t = LLT_F_HEARTBEAT; t <= LLT_F_LAST; t++) {
		before = net_stat(1, STAT_DROP_SOURCE);
		core_input(net.node[1].core, sample[t].link, stranger, sample[t].bytes, sample[t].len,
		    net.now);
		ck_assert_uint_eq(net_stat(1, STAT_DROP_SOURCE), before + 1);
	}
	net_stop();
}
END_TEST

START_TEST(random_bytes)
{
	uint8_t buf[1600];

	prepare();
	for (unsigned i = 0; i < 100000; i++) {
		size_t len = (size_t)random() % (i % 2 == 0 ? 100 : sizeof(buf));
		unsigned t = 1 + (unsigned)random() % LLT_F_LAST;

		for (size_t k = 0; k < len; k++)
			buf[k] = (uint8_t)random();
		/* Half of them with a believable head. */
		if (i % 3 == 0 && len > LLT_FRAME_HDR)
			memcpy(buf, sample[t].bytes, LLT_FRAME_HDR);
		expect_drop(t, buf, len);
	}
	ck_assert(net_open(1, 0));
	net_stop();
}
END_TEST

START_TEST(plain_frames_are_not_taken)
{
	prepare();
	for (unsigned t = 1; t <= LLT_F_LAST; t++) {
		uint64_t before = net_stat(1, STAT_DROP_AUTH) + net_stat(1, STAT_DROP_REPLAY);

		sample[t].bytes[3] = 0;
		memset(sample[t].bytes + sample[t].len - LLT_FRAME_TAG, 0, LLT_FRAME_TAG);
		sample[t].bytes[16] = 1; /* a counter that was never used */
		expect_drop(t, sample[t].bytes, sample[t].len);
		ck_assert_uint_eq(net_stat(1, STAT_DROP_AUTH) + net_stat(1, STAT_DROP_REPLAY), before + 1);
	}
	net_stop();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		flipped_bits, flipped_bits_of_fresh_frames, truncations, replays, old_session, old_hellos, wrong_place,
		random_bytes, plain_frames_are_not_taken,
		NULL,
	};

	return crypto_init() ? unit_run("llt_hostile", tests) : 1;
}
