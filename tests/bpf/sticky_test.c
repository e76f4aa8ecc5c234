/* SPDX-License-Identifier: ISC */
/* Services whose clients stay with their member. */
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>

#include <bpf/bpf.h>
#include <check.h>

#include "common/clock.h"
#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define CLIENTS 600
#define SECONDS 60

static const struct dp_target all[] = { { 1, 1 }, { 2, 1 }, { 3, 1 } };
static const struct dp_target less[] = { { 1, 1 }, { 3, 1 } };
static struct rig rig;

static void
sticky(uint16_t seconds)
{
	const struct dp_port p[] = { { IPPROTO_TCP, 0, 80, seconds }, { IPPROTO_UDP, 0, 53, seconds } };

	ck_assert_int_eq(datapath_set_ports(rig.dp, p, 2), 0);
}

static void
services(const struct dp_target *t, size_t n)
{
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, n, t);
	rig_service(&rig, RIG_ALIAS, IPPROTO_UDP, 53, n, t);
}

static void
open_rig(void)
{
	rig_open(&rig);
	rig_alias(&rig, RIG_ALIAS, true);
	rig_paths(&rig, 2, 1);
	rig_paths(&rig, 3, 1);
	sticky(SECONDS);
	services(all, 3);
}

static void
setup(void)
{
	memset(&rig, 0, sizeof(rig));
	open_rig();
}

static void
teardown(void)
{
	rig_close(&rig);
}

static const char *
client(unsigned i)
{
	static char text[32];

	snprintf(text, sizeof(text), "10.2.%u.%u", i / 250, 1 + i % 250);
	return text;
}

static int
syn(unsigned who, uint16_t sport)
{
	struct frame f;

	rig_tcp(&rig, &f, client(who), sport, RIG_ALIAS, 80, F_SYN, sport);
	return rig_where(&rig, &f);
}

static int
datagram(unsigned who, uint16_t sport)
{
	struct frame f;

	rig_udp(&rig, &f, client(who), sport, RIG_ALIAS, 53);
	return rig_where(&rig, &f);
}

static void
age(unsigned who, uint8_t proto, uint16_t port, uint64_t seconds)
{
	struct in_addr a = { .s_addr = addr(RIG_ALIAS) };
	struct dp_sticky_key key = { .alias = alias_number(rig.dp, a, false),
		.client = addr(client(who)), .port = htons(port), .proto = proto };
	int map = bpf_map__fd(rig.dp->skel->maps.sticky);
	struct dp_sticky s;

	ck_assert_int_eq(bpf_map_lookup_elem(map, &key, &s), 0);
	s.seen = clock_ns() - seconds * NSEC_PER_SEC;
	ck_assert_int_eq(bpf_map_update_elem(map, &key, &s, BPF_EXIST), 0);
}

START_TEST(a_client_keeps_its_member)
{
	unsigned i, n, got[4] = { 0 };
	int first;

	for (i = 0; i < CLIENTS; i++) {
		first = syn(i, 1000);
		ck_assert_int_ge(first, 1);
		got[first]++;
		for (n = 1; n < 4; n++)
			ck_assert_int_eq(syn(i, 1000 + n), first);
		/* The same for all services that the same members have. */
		for (n = 0; n < 4; n++)
			ck_assert_int_eq(datagram(i, 2000 + n), first);
	}
	for (i = 1; i < 4; i++) {
		ck_assert_uint_gt(got[i], CLIENTS / 4);
		ck_assert_uint_lt(got[i], CLIENTS * 5 / 12);
	}
}
END_TEST

START_TEST(two_routers_agree)
{
	unsigned i;
	int first[CLIENTS];

	for (i = 0; i < CLIENTS; i++)
		first[i] = syn(i, 1000);
	rig_close(&rig);
	open_rig(); /* another seed for all that need not agree */
	for (i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(syn(i, 3000), first[i]);
}
END_TEST

START_TEST(shares_by_weight)
{
	static const struct dp_target t[] = { { 1, 5 }, { 2, 3 }, { 3, 2 } };
	unsigned got[4] = { 0 }, i;
	int node;

	services(t, 3);
	for (i = 0; i < 5000; i++) {
		node = syn(i, 1000);
		ck_assert_int_ge(node, 1);
		got[node]++;
	}
	for (i = 0; i < 3; i++) {
		ck_assert_uint_gt(got[i + 1], t[i].weight * 470);
		ck_assert_uint_lt(got[i + 1], t[i].weight * 530);
	}
}
END_TEST

START_TEST(who_leaves_moves_its_own_clients_alone)
{
	int before[CLIENTS], now;
	unsigned i;

	for (i = 0; i < CLIENTS; i++)
		before[i] = syn(i, 1000);
	services(less, 2);
	for (i = 0; i < CLIENTS; i++) {
		now = syn(i, 2000);
		ck_assert_int_ne(now, 2);
		if (before[i] != 2)
			ck_assert_int_eq(now, before[i]);
	}
}
END_TEST

/* A connection that is open, and one that ended, hold their client there when the set changes. */
START_TEST(held_for_some_time)
{
	struct dp_conn c;
	unsigned i;
	int own;

	services(less, 2);
	for (i = 0; i < 50; i++) {
		own = syn(i, 1000);
		c = rig_conn(client(i), 1000, RIG_ALIAS, 80);
		ck_assert_int_eq(datapath_set_flow(rig.dp, &c, own), 0);
	}
	services(all, 3);
	for (i = 0; i < 50; i++)
		ck_assert_int_ne(syn(i, 2000), 2);
	for (i = 0, own = 0; i < 50; i++) {
		age(i, IPPROTO_TCP, 80, SECONDS + 1);
		own += syn(i, 3000) == 2;
	}
	ck_assert_int_gt(own, 5);
	for (i = 0; i < 50; i++) {
		c = rig_conn(client(i), 1000, RIG_ALIAS, 80);
		own = datapath_flow_owner(rig.dp, &c);
		ck_assert_int_eq(datapath_del_flow(rig.dp, &c, own), 0);
		ck_assert_int_eq(syn(i, 4000), own);
	}
}
END_TEST

START_TEST(datagrams_hold_it_too)
{
	unsigned i;
	int moved = 0;

	services(less, 2);
	for (i = 0; i < 50; i++)
		datagram(i, 1000);
	services(all, 3);
	for (i = 0; i < 50; i++)
		ck_assert_int_ne(datagram(i, 1000), 2);
	for (i = 0; i < 50; i++) {
		age(i, IPPROTO_UDP, 53, SECONDS - 1);
		ck_assert_int_ne(datagram(i, 1000), 2); /* and begins anew */
		age(i, IPPROTO_UDP, 53, SECONDS + 1);
		moved += datagram(i, 1000) == 2;
	}
	ck_assert_int_gt(moved, 5);
	/* Held now where it went, whatever came back. */
	for (i = 0; i < 50; i++)
		ck_assert_int_eq(datagram(i, 1000), datagram(i, 1001));
}
END_TEST

START_TEST(a_held_member_that_died)
{
	struct dp_conn c;
	unsigned i;

	for (i = 0; i < 50; i++) {
		c = rig_conn(client(i), 1000, RIG_ALIAS, 80);
		ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 2), 0);
		ck_assert_int_eq(syn(i, 2000), 2);
	}
	rig_paths(&rig, 2, 0);
	for (i = 0; i < 50; i++)
		ck_assert_int_ne(syn(i, 3000), 2);
}
END_TEST

START_TEST(sticky_or_not)
{
	unsigned got[4] = { 0 }, i;

	sticky(0); /* while the service is there */
	for (i = 0; i < 30; i++)
		got[syn(7, 1000 + i)]++;
	for (i = 1; i < 4; i++)
		ck_assert_uint_eq(got[i], 10);
	sticky(5);
	for (i = 0; i < 30; i++)
		ck_assert_int_eq(syn(7, 2000 + i), syn(7, 3000 + i));
}
END_TEST

START_TEST(nobody_may_get_anything)
{
	static const struct dp_target refuse[] = { { DP_REFUSE, 1 } };
	static const struct dp_target gone[] = { { 5, 1 } };

	services(refuse, 1);
	ck_assert_int_eq(syn(1, 1000), -1);
	ck_assert_int_eq(datagram(1, 1000), -1);
	services(gone, 1);
	ck_assert_int_eq(syn(1, 1000), -1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NO_PATH), 1);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, a_client_keeps_its_member);
	tcase_add_test(tc, two_routers_agree);
	tcase_add_test(tc, shares_by_weight);
	tcase_add_test(tc, who_leaves_moves_its_own_clients_alone);
	tcase_add_test(tc, held_for_some_time);
	tcase_add_test(tc, datagrams_hold_it_too);
	tcase_add_test(tc, a_held_member_that_died);
	tcase_add_test(tc, sticky_or_not);
	tcase_add_test(tc, nobody_may_get_anything);
}

int
main(void)
{
	static const struct suite suite = { .name = "sticky", .add = add_tests, .setup = setup,
		.teardown = teardown, .timeout = 60 };

	rig_isolate();
	return suite_run(&suite);
}
