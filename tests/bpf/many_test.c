/* SPDX-License-Identifier: ISC */
/* As many aliases as the configuration allows: each is found, alone, and what goes leaves room again. */
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <check.h>

#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define CLIENT "10.1.0.101"
#define MANY 10240
#define PORTS 3

static struct rig rig;

static void
setup(void)
{
	memset(&rig, 0, sizeof(rig));
	rig.conf.max_aliases = MANY;
	rig.conf.max_services = MANY * PORTS;
	rig_open(&rig);
}

static void
teardown(void)
{
	rig_close(&rig);
}

/* In a row, as an administrator would have them. */
static const char *
alias(unsigned i)
{
	static char text[32];

	snprintf(text, sizeof(text), "10.%u.%u.%u", 2 + i / 65536, i / 256 % 256, i % 256);
	return text;
}

static void
set_all(void)
{
	static const struct dp_target two[] = { { RIG_SELF, 2 }, { 2, 1 } };
	unsigned i, port;

	for (i = 0; i < MANY; i++) {
		rig_alias(&rig, alias(i), i % 2 == 0);
		for (port = 0; port < PORTS; port++)
			rig_service(&rig, alias(i), IPPROTO_TCP, 80 + port, 2, two);
	}
}

static void
delete_all(void)
{
	struct in_addr a;
	unsigned i, port;

	for (i = 0; i < MANY; i++) {
		for (port = 0; port < PORTS; port++)
			rig_service(&rig, alias(i), IPPROTO_TCP, 80 + port, 0, NULL);
		a.s_addr = addr(alias(i));
		ck_assert_int_eq(datapath_del_alias(rig.dp, a), 0);
	}
}

static uint32_t
asked(const char *address)
{
	static const uint8_t nobody[6];
	struct frame f;
	struct run r;

	frame_ether(&f, rig_broadcast, rig_client_mac, 0x0806);
	frame_arp(&f, 1, rig_client_mac, CLIENT, nobody, address);
	rig_run(&rig, &f, &r);
	return r.verdict;
}

static int
syn(const char *address, uint16_t sport)
{
	struct frame f;

	rig_tcp(&rig, &f, CLIENT, sport, address, 81, F_SYN, 1);
	return rig_where(&rig, &f);
}

START_TEST(each_is_found)
{
	unsigned i;

	rig_paths(&rig, 2, 1);
	set_all();
	for (i = 0; i < MANY; i++) {
		ck_assert_uint_eq(asked(alias(i)), i % 2 == 0 ? RIG_REDIRECT : RIG_DROP);
		/* Every alias counts its own turns, whoever shares its members. */
		ck_assert_int_eq(syn(alias(i), 1001), RIG_SELF);
		ck_assert_int_eq(syn(alias(i), 1002), RIG_SELF);
		ck_assert_int_eq(syn(alias(i), 1003), 2);
	}
	for (i = MANY; i < 2 * MANY; i++)
		ck_assert_uint_eq(asked(alias(i)), RIG_PASS);
	ck_assert_uint_eq(asked("0.0.0.0"), RIG_PASS);
}
END_TEST

START_TEST(what_goes_leaves_room)
{
	unsigned round;

	for (round = 0; round < 3; round++) {
		set_all();
		delete_all();
		ck_assert_uint_eq(asked(alias(MANY - 1)), RIG_PASS);
		ck_assert_uint_eq(rig.dp->aliases.free_count, rig.dp->aliases.n);
	}
}
END_TEST

/* One more than there is room for is refused, and breaks nothing. */
START_TEST(no_room)
{
	struct dp_alias a = { .fallback = RIG_SELF };
	uint32_t i, n = rig.dp->aliases.n;

	for (i = 0; i < n; i++)
		rig_alias(&rig, alias(i), true);
	a.addr.s_addr = addr(alias(n));
	ck_assert_int_eq(datapath_set_alias(rig.dp, &a), -1);
	ck_assert_uint_eq(asked(alias(n)), RIG_PASS);
	ck_assert_uint_eq(asked(alias(n - 1)), RIG_REDIRECT);
	a.addr.s_addr = addr(alias(7));
	ck_assert_int_eq(datapath_del_alias(rig.dp, a.addr), 0);
	rig_alias(&rig, alias(n), true);
	ck_assert_uint_eq(asked(alias(n)), RIG_REDIRECT);
	ck_assert_uint_eq(asked(alias(7)), RIG_PASS);
}
END_TEST

START_TEST(taken_over)
{
	rig_paths(&rig, 2, 1);
	set_all();
	datapath_close(rig.dp, false);
	rig_open(&rig);
	ck_assert(datapath_resumed(rig.dp));
	ck_assert_uint_eq(asked(alias(MANY - 2)), RIG_REDIRECT);
	ck_assert_int_eq(syn(alias(MANY - 1), 1001), RIG_SELF);
	delete_all();
	ck_assert_uint_eq(rig.dp->aliases.free_count, rig.dp->aliases.n);
}
END_TEST

/* Tables that are too small now are no use; those that are larger than need be are. */
START_TEST(another_size)
{
	rig_alias(&rig, alias(1), true);
	datapath_close(rig.dp, false);
	rig.conf.max_aliases = 8;
	rig_open(&rig);
	ck_assert(datapath_resumed(rig.dp));
	ck_assert_uint_eq(asked(alias(1)), RIG_REDIRECT);
	datapath_close(rig.dp, false);
	rig.conf.max_aliases = 102400;
	rig_open(&rig);
	ck_assert(!datapath_resumed(rig.dp));
	ck_assert_uint_eq(asked(alias(1)), RIG_PASS);
	ck_assert_uint_ge(rig.dp->aliases.n, 102400);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, each_is_found);
	tcase_add_test(tc, what_goes_leaves_room);
	tcase_add_test(tc, no_room);
	tcase_add_test(tc, taken_over);
	tcase_add_test(tc, another_size);
}

int
main(void)
{
	static const struct suite suite = { .name = "many", .add = add_tests, .setup = setup,
		.teardown = teardown, .timeout = 300 };

	rig_isolate();
	return suite_run(&suite);
}
