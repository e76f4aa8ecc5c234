/* SPDX-License-Identifier: ISC */
/* Packets and aggregates that are too large for the way to the member that shall have them. */
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>

#include <check.h>

#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define CLIENT "10.1.0.101"
#define LIMIT 1400

static struct rig rig;
static bool xdp;

static void
setup(void)
{
	static const struct dp_target two = { 2, 1 };

	memset(&rig, 0, sizeof(rig));
	rig.xdp = xdp;
	rig_open(&rig);
	rig_alias(&rig, RIG_ALIAS, true);
	rig_narrow_paths(&rig, 2, 2, LIMIT);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 1, &two);
	rig_service(&rig, RIG_ALIAS, IPPROTO_UDP, 53, 1, &two);
}

static void
teardown(void)
{
	rig_close(&rig);
}

/* A datagram of so many bytes of IP, or a segment of a connection of node 2. */
static void
packet(struct frame *f, uint8_t proto, size_t len, bool df)
{
	struct dp_conn conn = rig_conn(CLIENT, 5000, RIG_ALIAS, 80);

	frame_ether(f, rig.lan_mac, rig_client_mac, 0x0800);
	frame_ip(f, CLIENT, RIG_ALIAS, proto, 0);
	frame_fragment(f, 7, 0, false);
	if (df)
		f->b[f->ip + 6] = 0x40;
	if (proto == IPPROTO_UDP) {
		frame_udp(f, 5000, 53);
	} else {
		frame_tcp(f, 5000, 80, F_ACK, 1);
		datapath_set_flow(rig.dp, &conn, 2);
	}
	frame_data(f, len - (f->len - f->ip));
	frame_finish(f);
}

static int
where(uint8_t proto, size_t len, bool df)
{
	unsigned before = rig.too_bigs;
	struct frame f;
	int node;

	packet(&f, proto, len, df);
	node = rig_where(&rig, &f);
	datapath_poll(rig.dp);
	if (rig.too_bigs > before)
		ck_assert_mem_eq(rig.stray_frame, f.b, rig.stray_len);
	return node;
}

START_TEST(what_fits_is_redirected)
{
	ck_assert_int_eq(where(IPPROTO_UDP, LIMIT, true), 2);
	ck_assert_int_eq(where(IPPROTO_TCP, LIMIT, true), 2);
	ck_assert_int_eq(where(IPPROTO_TCP, LIMIT, false), 2);
	ck_assert_uint_eq(rig.too_bigs, 0);
}
END_TEST

START_TEST(what_may_not_be_taken_apart_is_told_of)
{
	ck_assert_int_eq(where(IPPROTO_TCP, LIMIT + 1, true), -1);
	ck_assert_uint_eq(rig.too_bigs, 1);
	ck_assert_uint_eq(rig.stray_len, 256);
	ck_assert_uint_eq(rig.too_big.limit, LIMIT);
	ck_assert_uint_eq(rig.too_big.node, 2);
	ck_assert_uint_eq(rig.too_big.segment, 0);
	ck_assert_int_eq(where(IPPROTO_UDP, 1500, true), -1);
	ck_assert_uint_eq(rig.too_bigs, 2);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_TOO_BIG), 2);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_UDP_FORWARDED), 0);
}
END_TEST

START_TEST(what_may_goes_up_whole)
{
	ck_assert_int_eq(where(IPPROTO_UDP, 1500, false), -1);
	ck_assert_uint_eq(rig.too_bigs, 1);
	ck_assert_uint_eq(rig.stray_len, 1514);
	ck_assert_int_eq(where(IPPROTO_TCP, 3000, false), -1);
	ck_assert_uint_eq(rig.too_bigs, 2);
	ck_assert_uint_eq(rig.stray_len, 3014);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_TOO_BIG_SPLIT), 2);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_UDP_FORWARDED), 1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FLOW_FORWARDED), 1);
}
END_TEST

START_TEST(notices_are_few)
{
	struct frame f;
	unsigned i;

	packet(&f, IPPROTO_TCP, 1500, true);
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(rig_where(&rig, &f), -1);
	datapath_poll(rig.dp);
	ck_assert_uint_ge(rig.too_bigs, 50);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_TOO_BIG), rig.too_bigs);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_TOO_BIG_LOST), 1000 - rig.too_bigs);
	ck_assert_uint_gt(rig_counter(&rig, DP_C_TOO_BIG_LOST), 0);
}
END_TEST

START_TEST(the_ring_is_not_filled)
{
	struct frame f;
	unsigned i;

	packet(&f, IPPROTO_UDP, 1500, false);
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(rig_where(&rig, &f), -1);
	datapath_poll(rig.dp);
	ck_assert_uint_ge(rig.too_bigs, 100);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_TOO_BIG_SPLIT), rig.too_bigs);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_TOO_BIG_LOST), 1000 - rig.too_bigs);
}
END_TEST

/* What counts is how large the packets are that an aggregate will be on the link. */
START_TEST(aggregates)
{
	if (xdp)
		return;
	rig.segment = LIMIT - 40;
	ck_assert_int_eq(where(IPPROTO_TCP, 3000, true), 2);
	rig.segment = LIMIT - 39;
	ck_assert_int_eq(where(IPPROTO_TCP, 3000, true), -1);
	ck_assert_uint_eq(rig.too_big.segment, LIMIT - 39);
	rig.segment = LIMIT - 28;
	ck_assert_int_eq(where(IPPROTO_UDP, 3000, false), 2);
	rig.segment = LIMIT - 27;
	ck_assert_int_eq(where(IPPROTO_UDP, 3000, false), -1);
	ck_assert_uint_eq(rig.stray_len, 3014);
}
END_TEST

START_TEST(no_limit_and_another)
{
	rig_narrow_paths(&rig, 2, 2, 0);
	ck_assert_int_eq(where(IPPROTO_TCP, 3000, true), 2);
	rig_narrow_paths(&rig, 2, 2, 1450);
	ck_assert_int_eq(where(IPPROTO_TCP, 1500, true), -1);
	ck_assert_uint_eq(rig.too_big.limit, 1450);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, what_fits_is_redirected);
	tcase_add_test(tc, what_may_not_be_taken_apart_is_told_of);
	tcase_add_test(tc, what_may_goes_up_whole);
	tcase_add_test(tc, notices_are_few);
	tcase_add_test(tc, the_ring_is_not_filled);
	tcase_add_test(tc, aggregates);
	tcase_add_test(tc, no_limit_and_another);
}

int
main(void)
{
	static const struct suite suite = { .name = "size", .add = add_tests, .setup = setup,
		.xdp = &xdp, .teardown = teardown, .timeout = 60 };

	rig_isolate();
	return suite_run(&suite);
}
