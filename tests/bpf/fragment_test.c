/* SPDX-License-Identifier: ISC */
/* Fragments in every order, from one datagram and from several with the same number. */
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include <check.h>

#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define CLIENT "10.1.0.101"
#define CLIENT2 "10.1.0.102"
#define PIECE 72

static struct rig rig;
static bool xdp;

enum { PASSED = RIG_SELF, DROPPED = -1 };

static void
setup(void)
{
	static const struct dp_target both[] = { { 2, 1 }, { 1, 1 } }, second[] = { { 2, 1 } };

	memset(&rig, 0, sizeof(rig));
	rig.xdp = xdp;
	rig_open(&rig);
	rig_alias(&rig, RIG_ALIAS, true);
	rig_paths(&rig, 2, 1);
	rig_service(&rig, RIG_ALIAS, IPPROTO_UDP, 53, 2, both);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 1, second);
}

static void
teardown(void)
{
	rig_close(&rig);
}

/* One of three pieces; which one by its number. sum tells apart datagrams with the same id. */
static void
build(struct frame *f, const char *client, uint16_t id, int piece, uint8_t sum)
{
	rig_udp(&rig, f, client, 5000, RIG_ALIAS, 53);
	f->b[f->l4 + 6] = sum;
	frame_data(f, PIECE - 8);
	frame_fragment(f, id, piece * PIECE, piece < 2);
	frame_finish(f);
}

static int
piece(const char *client, uint16_t id, int n, uint8_t sum)
{
	struct frame f;

	build(&f, client, id, n, sum);
	return rig_where(&rig, &f);
}

START_TEST(in_order)
{
	int i, first;

	for (i = 0; i < 20; i++) {
		first = piece(CLIENT, i, 0, 1);
		ck_assert_int_eq(first, i % 2 ? PASSED : 2);
		ck_assert_int_eq(piece(CLIENT, i, 1, 1), first);
		ck_assert_int_eq(piece(CLIENT, i, 2, 1), first);
	}
	ck_assert_uint_eq(rig_counter(&rig, DP_C_UDP_LOCAL), 10);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_UDP_FORWARDED), 10);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT), 20);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_FORWARDED), 20);
}
END_TEST

/* What the daemon does with one that it held. */
static int
put_in(struct frame *f)
{
	struct run r;

	rig_run_again(&rig, f, &r);
	if (r.verdict == RIG_PASS)
		return PASSED;
	return r.verdict == RIG_REDIRECT ? r.out.b[2] << 8 | r.out.b[3] : DROPPED;
}

START_TEST(first_one_last)
{
	struct frame f;

	ck_assert_int_eq(piece(CLIENT, 7, 2, 1), DROPPED);
	ck_assert_int_eq(piece(CLIENT, 7, 1, 1), DROPPED);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.fragments, 2);
	ck_assert_uint_eq(rig.known_fragments, 0);
	ck_assert_uint_eq(rig.firsts, 0);
	ck_assert_uint_eq(ntohs(rig.fragment.id), 7);
	ck_assert_uint_eq(rig.fragment.ipproto, IPPROTO_UDP);
	ck_assert_uint_eq(rig.fragment.client.s_addr, addr(CLIENT));
	ck_assert_uint_eq(rig.fragment.alias.s_addr, addr(RIG_ALIAS));
	build(&f, CLIENT, 7, 1, 1);
	ck_assert_uint_eq(rig.stray_len, f.len);
	ck_assert_mem_eq(rig.stray_frame, f.b, f.len);
	ck_assert_int_eq(piece(CLIENT, 7, 0, 1), 2);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.firsts, 1);
	ck_assert_int_eq(put_in(&f), 2);
	build(&f, CLIENT, 7, 2, 1);
	ck_assert_int_eq(put_in(&f), 2);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_HELD), 2);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_FORWARDED), 2);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_LOST), 0);
}
END_TEST

START_TEST(the_first_came_before_the_daemon_looked)
{
	ck_assert_int_eq(piece(CLIENT, 7, 1, 1), DROPPED);
	ck_assert_int_eq(piece(CLIENT, 7, 0, 1), 2);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.fragments, 1);
	ck_assert_uint_eq(rig.known_fragments, 1);
}
END_TEST

START_TEST(the_first_never_comes)
{
	struct frame f;

	ck_assert_int_eq(piece(CLIENT, 7, 1, 1), DROPPED);
	build(&f, CLIENT, 7, 1, 1);
	ck_assert_int_eq(put_in(&f), DROPPED);
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.fragments, 1); /* not handed up once more */
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_LOST), 1);
}
END_TEST

START_TEST(same_number_of_two_clients)
{
	ck_assert_int_eq(piece(CLIENT, 7, 0, 1), 2);
	ck_assert_int_eq(piece(CLIENT2, 7, 0, 1), PASSED);
	ck_assert_int_eq(piece(CLIENT, 7, 1, 1), 2);
	ck_assert_int_eq(piece(CLIENT2, 7, 1, 1), PASSED);
	ck_assert_int_eq(piece(CLIENT2, 7, 2, 1), PASSED);
	ck_assert_int_eq(piece(CLIENT, 7, 2, 1), 2);
}
END_TEST

START_TEST(number_used_again)
{
	int i;

	/* All of it has passed: what comes first now belongs to another datagram. */
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(piece(CLIENT, 7, i, 1), 2);
	ck_assert_int_eq(piece(CLIENT, 7, 2, 2), DROPPED);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_HELD), 1);
	/* Not all of it has passed, but the first of another comes. */
	ck_assert_int_eq(piece(CLIENT, 8, 0, 1), PASSED);
	ck_assert_int_eq(piece(CLIENT, 8, 1, 1), PASSED);
	ck_assert_int_eq(piece(CLIENT, 8, 0, 2), 2);
	ck_assert_int_eq(piece(CLIENT, 8, 1, 2), 2);
	ck_assert_int_eq(piece(CLIENT, 8, 2, 2), 2);
}
END_TEST

START_TEST(first_one_twice)
{
	ck_assert_int_eq(piece(CLIENT, 7, 0, 1), 2);
	ck_assert_int_eq(piece(CLIENT, 7, 0, 1), 2); /* no turn of another */
	ck_assert_int_eq(piece(CLIENT, 7, 1, 1), 2);
	ck_assert_int_eq(piece(CLIENT, 7, 2, 1), 2);
	ck_assert_int_eq(piece(CLIENT, 8, 0, 1), PASSED);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_UDP_FORWARDED), 1);
}
END_TEST

START_TEST(of_a_datagram_that_nobody_gets)
{
	struct frame f;

	rig_udp(&rig, &f, CLIENT, 5000, RIG_ALIAS, 53);
	f.len -= 4; /* the UDP header is not all there */
	frame_fragment(&f, 9, 0, true);
	frame_finish(&f);
	ck_assert_int_eq(rig_where(&rig, &f), DROPPED);
	ck_assert_int_eq(piece(CLIENT, 9, 1, 1), DROPPED);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_MALFORMED), 1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_HELD), 0);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_LOST), 1);
}
END_TEST

START_TEST(of_tcp)
{
	struct dp_conn c = rig_conn(CLIENT, 1000, RIG_ALIAS, 80);
	struct frame f;
	int i;

	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 2), 0);
	for (i = 0; i < 3; i++) {
		rig_tcp(&rig, &f, CLIENT, 1000, RIG_ALIAS, 80, F_ACK, 1);
		frame_data(&f, 52);
		frame_fragment(&f, 7, i * 72, i < 2);
		frame_finish(&f);
		ck_assert_int_eq(rig_where(&rig, &f), 2);
	}
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FLOW_FORWARDED), 1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_FORWARDED), 2);
}
END_TEST

START_TEST(a_flood_of_later_ones_leaves_room)
{
	struct frame f;
	unsigned i;

	for (i = 0; i < 3000; i++)
		ck_assert_int_eq(piece(CLIENT, i, 1, 1), DROPPED);
	ck_assert_uint_gt(rig_counter(&rig, DP_C_FRAGMENT_LOST), 0);
	ck_assert_uint_eq(
	    rig_counter(&rig, DP_C_FRAGMENT_LOST) + rig_counter(&rig, DP_C_FRAGMENT_HELD), 3000);
	rig_tcp(&rig, &f, CLIENT, 1000, RIG_ALIAS, 80, F_ACK, 1);
	ck_assert_int_eq(rig_where(&rig, &f), DROPPED);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_STRAY), 1); /* and none was lost */
	datapath_poll(rig.dp);
	ck_assert_uint_eq(rig.strays, 1);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, in_order);
	tcase_add_test(tc, first_one_last);
	tcase_add_test(tc, the_first_came_before_the_daemon_looked);
	tcase_add_test(tc, the_first_never_comes);
	tcase_add_test(tc, same_number_of_two_clients);
	tcase_add_test(tc, number_used_again);
	tcase_add_test(tc, first_one_twice);
	tcase_add_test(tc, of_a_datagram_that_nobody_gets);
	tcase_add_test(tc, of_tcp);
	tcase_add_test(tc, a_flood_of_later_ones_leaves_room);
}

int
main(void)
{
	static const struct suite suite = { .name = "fragment", .add = add_tests, .setup = setup,
		.xdp = &xdp, .teardown = teardown, .timeout = 60 };

	rig_isolate();
	return suite_run(&suite);
}
