/* SPDX-License-Identifier: ISC */
/* A stream over an imaginary network of two links that loses, doubles and reorders, by seed. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "lltd/stream.h"
#include "tests/unit/unit.h"

#define MS NSEC_PER_MSEC
#define FRAG 1000
#define MAXPKT 4096

struct pkt {
	bool used;
	uint64_t at;
	bool is_ack;
	struct llt_ack ack;
	struct llt_data d;
	int avoid;
	uint8_t data[FRAG];
};

struct net {
	struct stream_tx *tx;
	struct stream_rx *rx;
	struct stream_counters counters;
	struct pkt pkts[MAXPKT];
	unsigned loss, dup, jitter_us; /* per mille, per mille, microseconds */
	bool cut[2];
	uint64_t now;
	uint32_t expect, got;
	size_t freed;
};

static struct net net;
static bool soon;

static void
put(const struct llt_data *d, const struct llt_ack *a)
{
	unsigned copies = 1 + ((unsigned)random() % 1000 < net.dup);

	if ((unsigned)random() % 1000 < net.loss)
		return;
	while (copies-- > 0)
		for (unsigned i = 0; i < MAXPKT; i++) {
			struct pkt *p = &net.pkts[i];

			if (p->used)
				continue;
			p->used = true;
			p->at = net.now + 100000 + (uint64_t)random() % (net.jitter_us * 1000 + 1);
			p->is_ack = a != NULL;
			if (a != NULL)
				p->ack = *a;
			else {
				p->d = *d;
				memcpy(p->data, d->data, d->len);
				p->d.data = p->data;
			}
			break;
		}
}

/* Message n has a length and a content that follow from n. */
static size_t
msg_len(uint32_t n)
{
	return 4 + n * 7919 % 9000;
}

static void
on_deliver(void *arg, const uint8_t *data, size_t len)
{
	bool intact = true;
	uint32_t n;

	ck_assert_uint_ge(len, 4);
	memcpy(&n, data, 4);
	ck_assert_uint_eq(n, net.expect);
	ck_assert_uint_eq(len, msg_len(n));
	for (size_t i = 4; i < len; i++)
		intact &= data[i] == (uint8_t)(n + i);
	ck_assert(intact);
	net.expect++;
	net.got++;
}

static void
push(uint32_t n)
{
	static uint8_t data[LLT_MAX_MSG];
	size_t len = msg_len(n);
	struct stream_msg *m;

	for (size_t i = 4; i < len; i++)
		data[i] = (uint8_t)(n + i);
	memcpy(data, &n, 4);
	m = stream_msg_new(data, len, n % 3 == 0);
	stream_tx_push(net.tx, m);
	stream_msg_unref(m);
}

static void
arrive(struct pkt *p)
{
	struct llt_ack a = { .port = 0 };
	size_t freed;

	p->used = false;
	if (p->is_ack) {
		ck_assert(stream_tx_ack(net.tx, &p->ack, net.now, &freed));
		net.freed += freed;
		return;
	}
	ck_assert_int_ne(stream_rx_input(net.rx, &p->d, on_deliver, NULL, &soon), STREAM_BAD);
	stream_rx_ack(net.rx, &a);
	put(NULL, &a);
}

static void
step(void)
{
	static unsigned turn;
	struct llt_data d;
	int avoid;

	net.now += 50000;
	for (unsigned i = 0; i < MAXPKT; i++)
		if (net.pkts[i].used && net.pkts[i].at <= net.now)
			arrive(&net.pkts[i]);
	if (stream_tx_deadline(net.tx) <= net.now)
		stream_tx_tick(net.tx, net.now);
	for (unsigned k = 0; k < 20 && stream_tx_next(net.tx, &d, &avoid); k++) {
		unsigned link = turn++ % 2;

		stream_tx_sent(net.tx, d.seq, link, net.now);
		if (!net.cut[link])
			put(&d, NULL);
	}
}

static void
net_start(unsigned seed)
{
	memset(&net, 0, sizeof(net));
	srandom(seed);
	net.now = 1000 * MS;
	net.tx = stream_tx_new(FRAG, &net.counters);
	net.rx = stream_rx_new();
}

static void
net_stop(void)
{
	stream_tx_free(net.tx);
	stream_rx_free(net.rx);
}

static void
run_until_done(uint32_t n)
{
	for (unsigned i = 0; i < 200000 && !(net.got == n && stream_tx_idle(net.tx)); i++)
		step();
	ck_assert_uint_eq(net.got, n);
	ck_assert(stream_tx_idle(net.tx));
	ck_assert_uint_eq(stream_tx_queued(net.tx), 0);
}

START_TEST(clean_network_sends_once)
{
	net_start(1);
	for (uint32_t n = 0; n < 300; n++)
		push(n);
	run_until_done(300);
	ck_assert_uint_eq(net.counters.resent, 0);
	net_stop();
}
END_TEST

START_TEST(bad_network)
{
	net_start((unsigned)_i);
	net.loss = (unsigned)_i * 15 % 300;
	net.dup = (unsigned)_i * 31 % 200;
	net.jitter_us = (unsigned)_i * 97 % 3000;
	for (uint32_t n = 0; n < 100; n++)
		push(n);
	run_until_done(100);
	net_stop();
}
END_TEST

START_TEST(link_cut_under_load)
{
	net_start((unsigned)_i + 1000);
	for (uint32_t n = 0; n < 200; n++)
		push(n);
	for (unsigned i = 0; i < 20; i++)
		step();
	ck_assert_uint_lt(net.got, 200);
	net.cut[_i % 2] = true;
	for (unsigned i = 0; i < 100; i++)
		step();
	net.cut[_i % 2] = false;
	stream_tx_link_gone(net.tx, (unsigned)_i % 2);
	run_until_done(200);
	net_stop();
}
END_TEST

START_TEST(ack_of_the_unsent)
{
	struct llt_ack a = { .next = 2 };
	struct llt_data d;
	int avoid;
	size_t freed;

	net_start(1);
	ck_assert(!stream_tx_ack(net.tx, &a, net.now, &freed));
	push(0);
	ck_assert(!stream_tx_ack(net.tx, &a, net.now, &freed));
	ck_assert(stream_tx_next(net.tx, &d, &avoid));
	ck_assert(!stream_tx_ack(net.tx, &a, net.now, &freed)); /* cut, but not sent */
	stream_tx_sent(net.tx, d.seq, 0, net.now);
	ck_assert(stream_tx_ack(net.tx, &a, net.now, &freed));
	a.next = UINT64_MAX;
	ck_assert(!stream_tx_ack(net.tx, &a, net.now, &freed));
	net_stop();
}
END_TEST

static void
count_deliver(void *arg, const uint8_t *data, size_t len)
{
	++*(unsigned *)arg;
}

START_TEST(nonsense_fragments)
{
	uint8_t data[FRAG] = { 0 };
	struct stream_rx *r = stream_rx_new();
	struct llt_data d = { .seq = 1, .data = data, .len = 10 };
	unsigned n = 0;

	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_BAD); /* no beginning */
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_DUPLICATE);
	d.seq = 2 + STREAM_WINDOW;
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_OUT_OF_WINDOW);
	d.seq = UINT64_MAX;
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_OUT_OF_WINDOW);
	d.seq = 2;
	d.flags = LLT_D_FIRST;
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_TAKEN);
	d.seq = 3;
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_BAD); /* two beginnings */
	d.flags = 0;
	d.len = FRAG;
	for (d.seq = 4; d.seq < 100; d.seq++) /* longer than a message may be */
		stream_rx_input(r, &d, count_deliver, &n, &soon);
	d.flags = LLT_D_LAST;
	stream_rx_input(r, &d, count_deliver, &n, &soon);
	ck_assert_uint_eq(n, 0);
	d.seq++;
	d.flags = LLT_D_FIRST | LLT_D_LAST;
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_TAKEN);
	ck_assert_uint_eq(n, 1);
	stream_rx_free(r);
}
END_TEST

START_TEST(forgotten_message)
{
	uint8_t data[10] = { 0 };
	struct stream_rx *r = stream_rx_new();
	struct llt_data d = { .seq = 1, .flags = LLT_D_FIRST, .data = data, .len = 10 };
	unsigned n = 0;

	stream_rx_input(r, &d, count_deliver, &n, &soon);
	stream_rx_forget(r);
	d.seq = 2;
	d.flags = LLT_D_LAST;
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_TAKEN);
	ck_assert_uint_eq(n, 0);
	d.seq = 3;
	d.flags = LLT_D_FIRST | LLT_D_LAST;
	stream_rx_input(r, &d, count_deliver, &n, &soon);
	ck_assert_uint_eq(n, 1);
	stream_rx_free(r);
}
END_TEST

START_TEST(acknowledged_soon_or_later)
{
	uint8_t data[10] = { 0 };
	struct stream_rx *r = stream_rx_new();
	struct llt_data d = { .seq = 1, .flags = LLT_D_FIRST | LLT_D_LAST, .data = data, .len = 10 };
	unsigned n = 0;

	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_TAKEN);
	ck_assert(soon);
	d.flags |= LLT_D_PATIENT;
	d.seq = 2;
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_TAKEN);
	ck_assert(!soon);
	/* Who sends it again thinks it lost. */
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_DUPLICATE);
	ck_assert(soon);
	/* One is missing: that is told at once, and still when only one of two is. */
	d.seq = 4;
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_TAKEN);
	ck_assert(soon);
	d.seq = 6;
	stream_rx_input(r, &d, count_deliver, &n, &soon);
	d.seq = 3;
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_TAKEN);
	ck_assert(soon);
	d.seq = 5;
	ck_assert_int_eq(stream_rx_input(r, &d, count_deliver, &n, &soon), STREAM_TAKEN);
	ck_assert(!soon);
	ck_assert_uint_eq(n, 6);
	stream_rx_free(r);
}
END_TEST

static void
add_tests(TCase *t)
{
	tcase_add_test(t, clean_network_sends_once);
	tcase_add_loop_test(t, bad_network, 0, 40);
	tcase_add_loop_test(t, link_cut_under_load, 0, 10);
	tcase_add_test(t, ack_of_the_unsent);
	tcase_add_test(t, nonsense_fragments);
	tcase_add_test(t, forgotten_message);
	tcase_add_test(t, acknowledged_soon_or_later);
}

int
main(void)
{
	return unit_run_cases("llt_stream", add_tests, 120);
}
