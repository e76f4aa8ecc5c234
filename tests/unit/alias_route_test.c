/* SPDX-License-Identifier: ISC */
/* Which routes follow from the aliases, and how the routing daemons are told of them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/route/route.h"
#include "aliasd/route/route_text.h"
#include "tests/unit/unit.h"

static struct route_set set;
static const char ifaces[2][NETLINK_NAME_MAX] = { "eth0", "eth1" };
static struct route_spec spec = { .member = 2, .name = "n2", .protocols = ROUTE_RIP | ROUTE_OSPF,
	.area = "0.0.0.0", .nifaces = 2, .ifaces = ifaces };

static struct route_alias
alias(const char *addr, uint16_t rpri)
{
	return (struct route_alias){ .addr.s_addr = inet_addr(addr), .rpri = rpri, .via = "eth0" };
}

static void
add(struct route_alias a, bool resvok)
{
	route_set_alias(&set, &a, resvok);
}

static void
expect(size_t i, const char *dst, uint8_t len, uint8_t metric)
{
	ck_assert_uint_lt(i, set.n);
	ck_assert_uint_eq(set.r[i].dst.s_addr, inet_addr(dst));
	ck_assert_uint_eq(set.r[i].prefixlen, len);
	ck_assert_uint_eq(set.r[i].metric, metric);
}

START_TEST(host_routes)
{
	struct route_alias last = alias("192.0.2.3", 0);

	add(alias("192.0.2.2", 100), false);
	add(alias("192.0.2.1", 1), false);
	last.others = true;
	add(last, false);
	last.addr.s_addr = inet_addr("192.0.2.4");
	last.others = false;
	add(last, false);
	route_set_finish(&set);
	ck_assert_uint_eq(set.n, 3);
	expect(0, "192.0.2.1", 32, 14);
	expect(1, "192.0.2.2", 32, 10);
	expect(2, "192.0.2.4", 32, 14);
	route_set_free(&set);
}
END_TEST

START_TEST(reserved_addresses)
{
	static const char *const reserved[] = { "10.0.0.0", "10.255.255.255", "172.16.0.1",
		"172.31.255.255", "192.168.0.1" };
	static const char *const others[] = { "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0",
		"192.167.255.255", "192.169.0.0" };
	size_t i;

	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		ck_assert(route_rfc1918((struct in_addr){ inet_addr(reserved[i]) }));
		add(alias(reserved[i], 1), false);
	}
	ck_assert_uint_eq(set.n, 0);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert(!route_rfc1918((struct in_addr){ inet_addr(others[i]) }));
	add(alias("10.1.0.100", 1), true);
	ck_assert_uint_eq(set.n, 1);
	route_set_free(&set);
}
END_TEST

START_TEST(network_routes)
{
	struct route_alias a = alias("192.0.2.77", 1);

	a.virt = true;
	add(a, false);
	/* The same subnet, and the better metric counts. */
	a.addr.s_addr = inet_addr("192.0.2.78");
	a.rpri = 100;
	add(a, false);
	a.addr.s_addr = inet_addr("198.51.100.200");
	a.prefixlen = 26;
	add(a, false);
	a.addr.s_addr = inet_addr("203.0.113.1");
	a.prefixlen = 32;
	add(a, false);
	route_set_finish(&set);
	ck_assert_uint_eq(set.n, 6);
	expect(0, "192.0.2.0", 24, 10);
	expect(1, "192.0.2.77", 32, 14);
	expect(2, "192.0.2.78", 32, 10);
	expect(3, "198.51.100.192", 26, 10);
	expect(4, "198.51.100.200", 32, 10);
	expect(5, "203.0.113.1", 32, 10);
	route_set_free(&set);
}
END_TEST

static void
two_aliases(void)
{
	struct route_alias v = alias("10.77.0.1", 100);

	v.virt = true;
	v.prefixlen = 20;
	add(v, true);
	add(alias("10.1.0.100", 1), true);
	route_set_finish(&set);
}

static void
expect_file(enum route_daemon daemon, const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], want[8192], *got;
	size_t len, n;
	FILE *f = open_memstream(&got, &len);

	route_text(f, daemon, &spec, &set);
	fclose(f);
	snprintf(path, sizeof(path), "%s/tests/routes/%s", srcdir == NULL ? "." : srcdir, name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	n = fread(want, 1, sizeof(want) - 1, f);
	want[n] = '\0';
	fclose(f);
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(golden)
{
	two_aliases();
	expect_file(ROUTE_BIRD, "bird.conf");
	expect_file(ROUTE_FRR, "frr.conf");
	expect_file(ROUTE_GATED, "gated.conf");
	spec.bfd = true;
	expect_file(ROUTE_BIRD, "bird-bfd.conf");
	expect_file(ROUTE_FRR, "frr-bfd.conf");
	spec.bfd = false;
	set.n = 0;
	spec.protocols = ROUTE_RIP;
	spec.nifaces = 0;
	expect_file(ROUTE_GATED, "gated-none.conf");
	route_set_free(&set);
}
END_TEST

static size_t
delta(const char *running, const char *want)
{
	char copy[2048], *got;
	size_t len, n;
	FILE *f = open_memstream(&got, &len);

	snprintf(copy, sizeof(copy), "%s", running);
	n = route_frr_delta(f, copy, &set);
	fclose(f);
	ck_assert_str_eq(got, want);
	free(got);
	return n;
}

START_TEST(frr_delta)
{
	two_aliases();
	ck_assert_uint_eq(delta("ip route 10.1.0.100/32 eth0 tag 42014\r\n"
	    "ip route 10.77.0.0/20 blackhole tag 42010\n"
	    "ip route 10.77.0.1/32 blackhole tag 42010\n", ""), 0);
	/* Another metric, another way; routes of others, and what only looks like ours. */
	ck_assert_uint_eq(delta("!\nip route 10.1.0.100/32 eth0 tag 42010\nip route 0.0.0.0/0 10.1.0.1\n"
	    "ip route 10.5.0.0/16 blackhole tag 4201\n ip route 10.6.0.0/16 blackhole tag 42010\n"
	    "ip route 10.77.0.0/20 eth0 tag 42010\nip route 10.78.0.1/32 blackhole tag 42014\n",
	    "no ip route 10.1.0.100/32 eth0 tag 42010\nno ip route 10.77.0.0/20 eth0 tag 42010\n"
	    "no ip route 10.78.0.1/32 blackhole tag 42014\nip route 10.1.0.100/32 eth0 tag 42014\n"
	    "ip route 10.77.0.0/20 blackhole tag 42010\nip route 10.77.0.1/32 blackhole tag 42010\n"), 6);
	set.n = 0;
	ck_assert_uint_eq(delta("ip route 10.1.0.100/32 eth0 tag 42014\n",
	    "no ip route 10.1.0.100/32 eth0 tag 42014\n"), 1);
	ck_assert(!route_frr_has_map("route-map clua permit 10\n match tag 42010\n set metric 10\nexit\n"));
	ck_assert(route_frr_has_map("!\nroute-map clua permit 10\n match tag 42010\n set metric 10\nexit\n!\n"
	    "route-map clua permit 14\n match tag 42014\n set metric 14\nexit\n!\n"));
	route_set_free(&set);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { host_routes, reserved_addresses, network_routes, golden, frr_delta,
		NULL };

	return unit_run("alias_route", tests);
}
