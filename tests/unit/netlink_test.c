/* SPDX-License-Identifier: ISC */
/* In a network namespace of its own: needs root. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/ev.h"
#include "common/netlink.h"
#include "common/netlink_msg.h"
#include "common/netlink_table.h"
#include "tests/unit/unit.h"

static struct ev_loop *loop;
static struct netlink *nl;
/* What was heard, one word an event; and the word that ends the wait. */
static char heard[4096];
static const char *awaited;

static void
note(const char *word)
{
	if (strlen(heard) + strlen(word) + 2 < sizeof(heard)) {
		strcat(heard, word);
		strcat(heard, " ");
	}
	if (awaited != NULL && strcmp(word, awaited) == 0)
		ev_loop_break(loop);
}

static void
on_link(const struct netlink_link *l, bool gone, void *arg)
{
	char word[64];

	snprintf(word, sizeof(word), "%s%s:%s%s", gone ? "-" : "+", l->name, l->up ? "up" : "down",
	    l->carrier ? ",carrier" : "");
	note(word);
}

static void
on_addr(const struct netlink_addr *a, bool gone, void *arg)
{
	char word[64], text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &a->addr, text, sizeof(text));
	snprintf(word, sizeof(word), "%s%s/%u", gone ? "-" : "+", text, a->prefixlen);
	note(word);
}

static const struct netlink_ops ops = { .on_link = on_link, .on_addr = on_addr };

static void
enter_namespace(void)
{
	ck_assert_msg(unshare(CLONE_NEWNET) == 0, "needs root: %s", strerror(errno));
	loop = ev_loop_new();
}

static void
await(const char *word)
{
	awaited = word;
	ck_assert_int_eq(ev_loop_run(loop), 0);
	awaited = NULL;
}

static void
sh(const char *cmd)
{
	ck_assert_int_eq(system(cmd), 0);
}

static struct in_addr
ip(const char *text)
{
	struct in_addr a;

	ck_assert_int_eq(inet_pton(AF_INET, text, &a), 1);
	return a;
}

START_TEST(first_reading)
{
	const struct netlink_link *l;

	enter_namespace();
	sh("ip link add v0 address 02:00:00:00:00:01 mtu 1400 type veth peer name v1");
	sh("ip link add br0 type bridge; ip link set v1 master br0");
	sh("ip link set v0 up; ip link set lo up; ip addr add 192.0.2.1/24 dev v0");
	nl = netlink_open(loop, &ops, NULL);
	ck_assert_ptr_nonnull(nl);
	l = netlink_link_by_name(nl, "v0");
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_eq(l->mtu, 1400);
	ck_assert_uint_eq(l->type, ARPHRD_ETHER);
	ck_assert_str_eq(l->kind, "veth");
	ck_assert_mem_eq(l->mac, "\2\0\0\0\0\1", 6);
	ck_assert(l->up);
	ck_assert(!l->carrier); /* the other end is down */
	ck_assert_ptr_eq(netlink_link_by_index(nl, l->ifindex), l);
	l = netlink_link_by_name(nl, "v1");
	ck_assert_uint_eq(l->master, netlink_link_by_name(nl, "br0")->ifindex);
	ck_assert_ptr_null(netlink_link_by_name(nl, "v2"));
	ck_assert_ptr_nonnull(strstr(heard, "+lo:up,carrier "));
	ck_assert_ptr_nonnull(strstr(heard, "+127.0.0.1/8 "));
	ck_assert_ptr_nonnull(strstr(heard, "+192.0.2.1/24 "));
	netlink_close(nl);
	ev_loop_free(loop);
}
END_TEST

START_TEST(events)
{
	enter_namespace();
	nl = netlink_open(loop, &ops, NULL);
	ck_assert_str_eq(heard, "+lo:down ");
	sh("ip link add v0 type veth peer name v1");
	await("+v0:down");
	sh("ip link set v0 up; ip link set v1 up");
	await("+v0:up,carrier");
	sh("ip link set v1 down");
	await("+v0:up");
	sh("ip addr add 192.0.2.1/24 dev v0");
	await("+192.0.2.1/24");
	/* A port that leaves its bridge is still there. */
	sh("ip link add br0 type bridge; ip link set v1 master br0; ip link set v1 nomaster");
	await("+br0:down");
	sh("ip addr del 192.0.2.1/24 dev v0");
	await("-192.0.2.1/24");
	ck_assert_ptr_null(strstr(heard, "-v1"));
	sh("ip link del v0");
	await("-v0:down");
	netlink_close(nl);
	ev_loop_free(loop);
}
END_TEST

START_TEST(changes)
{
	uint32_t lo;

	enter_namespace();
	nl = netlink_open(loop, &ops, NULL);
	lo = netlink_link_by_name(nl, "lo")->ifindex;
	ck_assert_int_eq(netlink_addr_add(nl, lo, ip("192.0.2.7"), 32, RT_SCOPE_HOST), 0);
	await("+192.0.2.7/32");
	ck_assert_int_eq(netlink_addr_add(nl, lo, ip("192.0.2.7"), 32, RT_SCOPE_HOST), -1);
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_int_eq(netlink_addr_del(nl, lo, ip("192.0.2.7"), 32), 0);
	await("-192.0.2.7/32");
	ck_assert_int_eq(netlink_addr_del(nl, lo, ip("192.0.2.7"), 32), -1);
	ck_assert_int_eq(errno, EADDRNOTAVAIL);
	ck_assert_int_eq(netlink_addr_add(nl, 999, ip("192.0.2.7"), 32, RT_SCOPE_HOST), -1);
	ck_assert_int_eq(errno, ENODEV);
	netlink_close(nl);
	ev_loop_free(loop);
}
END_TEST

/* More addresses than the socket's buffer holds events for, while nobody reads. */
START_TEST(overrun)
{
	char cmd[512];
	FILE *f;

	enter_namespace();
	nl = netlink_open(loop, &ops, NULL);
	sh("ip link add d0 type dummy 2>/dev/null || ip link add d0 type veth peer name d1");
	f = fopen(unit_path("batch"), "w");
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 250; i++)
			fprintf(f, "addr add 198.51.%d.%d/32 dev d0\n", round, i);
		if (round < 39)
			fprintf(f, "addr flush dev d0\n");
	}
	fclose(f);
	snprintf(cmd, sizeof(cmd), "ip -batch %s", unit_path("batch"));
	sh(cmd);
	/* The last one: its event was dropped, it is found by reading anew. */
	await("+198.51.39.249/32");
	netlink_close(nl);
	ev_loop_free(loop);
}
END_TEST

START_TEST(sysctl)
{
	int v = -1;

	enter_namespace();
	ck_assert_int_eq(netlink_sysctl_set("lo", "arp_ignore", 1), 0);
	ck_assert_int_eq(netlink_sysctl_get("lo", "arp_ignore", &v), 0);
	ck_assert_int_eq(v, 1);
	ck_assert_int_eq(netlink_sysctl_get("nosuch", "arp_ignore", &v), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(netlink_sysctl_get("../all", "arp_ignore", &v), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(netlink_sysctl_set("..", "arp_ignore", 1), -1);
	ev_loop_free(loop);
}
END_TEST

START_TEST(table_sweeps)
{
	struct netlink_table *t = netlink_table_new(&ops, NULL);
	struct netlink_link a = { .ifindex = 1, .name = "a" }, b = { .ifindex = 2, .name = "b" };
	struct netlink_addr x = { .ifindex = 1, .addr = ip("192.0.2.1"), .prefixlen = 24 };

	netlink_table_begin(t);
	netlink_table_link(t, &a, false);
	netlink_table_link(t, &b, false);
	netlink_table_addr(t, &x, false);
	netlink_table_sweep(t);
	ck_assert_str_eq(heard, "+a:down +b:down +192.0.2.1/24 ");
	heard[0] = '\0';
	netlink_table_begin(t);
	netlink_table_link(t, &a, false);
	netlink_table_sweep(t);
	ck_assert_str_eq(heard, "-192.0.2.1/24 -b:down ");
	heard[0] = '\0';
	netlink_table_link(t, &a, false);
	netlink_table_link(t, &b, true);
	ck_assert_str_eq(heard, "");
	netlink_table_free(t);
}
END_TEST

START_TEST(short_messages)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct netlink_link l;
	struct netlink_addr a;

	ck_assert(!netlink_msg_link(nlh, &l));
	ck_assert(!netlink_msg_addr(nlh, &a));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { first_reading, events, changes, overrun, sysctl,
		table_sweeps, short_messages, NULL };

	return unit_run("netlink", tests);
}
