/* SPDX-License-Identifier: ISC */
/* Every kind of packet: ARP, fragments, ICMP, options, tags, truncations, links, virtual MACs. */
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include <bpf/bpf.h>
#include <check.h>

#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define CLIENT "10.1.0.101"
#define OTHER "10.1.0.11"

static struct rig rig;
static const uint8_t vmac[6] = { 0x02, 0, 0x0a, 1, 0, 100 };
static const uint8_t nobody[6];

static bool xdp;

static void
setup(void)
{
	static const struct dp_target both[] = { { 2, 1 }, { 1, 1 } }, second[] = { { 2, 1 } };
	struct dp_alias a = { .addr.s_addr = addr(RIG_ALIAS), .master = true, .fallback = 3 };

	memset(&rig, 0, sizeof(rig));
	rig.xdp = xdp;
	rig_open(&rig);
	datapath_set_alias(rig.dp, &a);
	rig_paths(&rig, 2, 1);
	rig_paths(&rig, 3, 1);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 1, second);
	rig_service(&rig, RIG_ALIAS, IPPROTO_UDP, 53, 2, both);
}

static void
teardown(void)
{
	rig_close(&rig);
}

static void
build_tcp(struct frame *f, const uint8_t dst[6], const uint8_t src[6], size_t options)
{
	frame_ether(f, dst, src, 0x0800);
	frame_ip(f, CLIENT, RIG_ALIAS, IPPROTO_TCP, options);
	frame_tcp(f, 1000, 80, F_SYN, 1);
	frame_finish(f);
}

static void
tcp_any_options(struct frame *f, size_t options)
{
	build_tcp(f, rig.lan_mac, rig_client_mac, options);
}

enum { PASSED = RIG_SELF, DROPPED = -1 };

static void
b_syn(struct frame *f)
{
	tcp_any_options(f, 0);
}

static void
b_options_4(struct frame *f)
{
	tcp_any_options(f, 4);
}

static void
b_options_40(struct frame *f)
{
	tcp_any_options(f, 40);
}

static void
b_vlan(struct frame *f)
{
	tcp_any_options(f, 0);
	frame_vlan(f, 10);
}

static void
b_ip6(struct frame *f)
{
	tcp_any_options(f, 0);
	f->b[12] = 0x86;
	f->b[13] = 0xdd;
}

static void
b_other_mac(struct frame *f)
{
	build_tcp(f, rig_client_mac, rig_client_mac, 0);
}

static void
b_broadcast(struct frame *f)
{
	build_tcp(f, rig_broadcast, rig_client_mac, 0);
}

static void
b_not_ours(struct frame *f)
{
	rig_tcp(&rig, f, CLIENT, 1000, OTHER, 80, F_SYN, 1);
}

static void
b_ihl_4(struct frame *f)
{
	tcp_any_options(f, 0);
	f->b[f->ip] = 0x44;
}

static void
b_version_6(struct frame *f)
{
	tcp_any_options(f, 0);
	f->b[f->ip] = 0x65;
}

static void
b_ihl_15_short(struct frame *f)
{
	tcp_any_options(f, 0);
	f->b[f->ip] = 0x4f;
}

static void
b_total_beyond(struct frame *f)
{
	tcp_any_options(f, 0);
	f->b[f->ip + 3] = 200;
}

static void
b_total_short(struct frame *f)
{
	tcp_any_options(f, 0);
	f->b[f->ip + 3] = 39; /* one byte of the TCP header is not in the datagram */
}

static void
b_doff_4(struct frame *f)
{
	tcp_any_options(f, 0);
	f->b[f->l4 + 12] = 4 << 4;
}

static void
b_echo(struct frame *f)
{
	frame_ether(f, rig.lan_mac, rig_client_mac, 0x0800);
	frame_ip(f, CLIENT, RIG_ALIAS, IPPROTO_ICMP, 0);
	frame_icmp(f, 8, 0);
	frame_data(f, 56);
	frame_finish(f);
}

static void
b_gre(struct frame *f)
{
	frame_ether(f, rig.lan_mac, rig_client_mac, 0x0800);
	frame_ip(f, CLIENT, RIG_ALIAS, 47, 0);
	frame_data(f, 56);
	frame_finish(f);
}

static void
b_udp_short(struct frame *f)
{
	frame_ether(f, rig.lan_mac, rig_client_mac, 0x0800);
	frame_ip(f, CLIENT, RIG_ALIAS, IPPROTO_UDP, 0);
	frame_data(f, 7);
	frame_finish(f);
}

static void
b_icmp_short(struct frame *f)
{
	frame_ether(f, rig.lan_mac, rig_client_mac, 0x0800);
	frame_ip(f, CLIENT, RIG_ALIAS, IPPROTO_ICMP, 0);
	frame_data(f, 7);
	frame_finish(f);
}

static const struct row {
	const char *name;
	void (*build)(struct frame *);
	int where;
	int counter; /* of an alias; -1: nothing is counted */
} rows[] = {
	{ "a SYN", b_syn, 2, DP_C_NEW_FORWARDED },
	{ "one word of IP options", b_options_4, 2, DP_C_NEW_FORWARDED },
	{ "as many IP options as there may be", b_options_40, 2, DP_C_NEW_FORWARDED },
	{ "a VLAN tag", b_vlan, PASSED, -1 },
	{ "IPv6", b_ip6, PASSED, -1 },
	{ "a frame to another host", b_other_mac, PASSED, -1 },
	{ "a broadcast frame", b_broadcast, PASSED, -1 },
	{ "another address", b_not_ours, PASSED, -1 },
	{ "an IP header too short", b_ihl_4, DROPPED, DP_C_MALFORMED },
	{ "a wrong IP version", b_version_6, DROPPED, DP_C_MALFORMED },
	{ "options beyond the end", b_ihl_15_short, DROPPED, DP_C_MALFORMED },
	{ "a datagram beyond the end", b_total_beyond, DROPPED, DP_C_MALFORMED },
	{ "a TCP header beyond the datagram", b_total_short, DROPPED, DP_C_MALFORMED },
	{ "a TCP header too short", b_doff_4, DROPPED, DP_C_MALFORMED },
	{ "a UDP header too short", b_udp_short, DROPPED, DP_C_MALFORMED },
	{ "an ICMP header too short", b_icmp_short, DROPPED, DP_C_MALFORMED },
	{ "an echo request", b_echo, 3, DP_C_FALLBACK },
	{ "another protocol", b_gre, 3, DP_C_FALLBACK },
};

START_TEST(row)
{
	const struct row *r = &rows[_i];
	uint64_t counters[DP_C_MAX];
	struct frame f;
	int i;

	r->build(&f);
	ck_assert_msg(rig_where(&rig, &f) == r->where, "%s", r->name);
	ck_assert_int_eq(datapath_counters(rig.dp, counters), 0);
	for (i = 0; i < DP_C_MAX; i++)
		ck_assert_msg(counters[i] == (i == r->counter), "%s: %s is %lu", r->name,
		    datapath_counter_name(i), (unsigned long)counters[i]);
}
END_TEST

/* Cut anywhere, a frame is dropped: the shortest that is redirected is the whole. */
START_TEST(truncated_anywhere)
{
	struct frame whole, f;
	size_t len;
	int where;

	tcp_any_options(&whole, 8);
	for (len = 34; len < whole.len; len++) { /* the kernel runs none that is shorter */
		f = whole;
		f.len = len;
		where = rig_where(&rig, &f);
		ck_assert_msg(where == DROPPED, "%zu bytes: %d", len, where);
	}
	ck_assert_int_eq(rig_where(&rig, &whole), 2);
}
END_TEST

static void
arp(struct frame *f, const uint8_t dst[6], uint16_t op, const char *spa, const char *tpa)
{
	frame_ether(f, dst, rig_client_mac, 0x0806);
	frame_arp(f, op, rig_client_mac, spa, nobody, tpa);
	frame_data(f, 18); /* padding */
}

static void
expect_answer(const struct frame *f, const char *spa, const uint8_t mac[6])
{
	struct frame answer;
	struct run r;

	rig_run(&rig, f, &r);
	ck_assert_uint_eq(r.verdict, RIG_REDIRECT);
	frame_ether(&answer, rig_client_mac, mac, 0x0806);
	frame_arp(&answer, 2, mac, RIG_ALIAS, rig_client_mac, spa);
	frame_data(&answer, 18);
	ck_assert_uint_eq(r.out.len, answer.len);
	ck_assert_mem_eq(r.out.b, answer.b, answer.len);
}

START_TEST(arp_master_answers)
{
	struct frame f;

	arp(&f, rig_broadcast, 1, CLIENT, RIG_ALIAS);
	expect_answer(&f, CLIENT, rig.lan_mac);
	arp(&f, rig.lan_mac, 1, CLIENT, RIG_ALIAS);
	expect_answer(&f, CLIENT, rig.lan_mac);
	arp(&f, rig_broadcast, 1, "0.0.0.0", RIG_ALIAS);
	expect_answer(&f, "0.0.0.0", rig.lan_mac);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_ARP_ANSWERED), 3);
}
END_TEST

START_TEST(arp_others_are_silent)
{
	struct frame f;

	rig_alias(&rig, RIG_ALIAS, false);
	arp(&f, rig_broadcast, 1, CLIENT, RIG_ALIAS);
	ck_assert_int_eq(rig_where(&rig, &f), DROPPED);
	arp(&f, rig.lan_mac, 1, CLIENT, RIG_ALIAS);
	ck_assert_int_eq(rig_where(&rig, &f), DROPPED);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_ARP_DROPPED), 2);
}
END_TEST

START_TEST(arp_that_is_not_a_question_to_us)
{
	struct frame f;
	struct run r;

	arp(&f, rig_broadcast, 1, CLIENT, OTHER);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	/* Another announces it: no question that the kernel would answer any more. */
	arp(&f, rig_broadcast, 1, RIG_ALIAS, RIG_ALIAS);
	rig_run(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_PASS);
	ck_assert_uint_eq(r.out.b[21], 2);
	arp(&f, rig.lan_mac, 2, CLIENT, RIG_ALIAS);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	arp(&f, rig_client_mac, 1, CLIENT, RIG_ALIAS);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	arp(&f, rig_broadcast, 1, CLIENT, RIG_ALIAS);
	f.b[15] = 6; /* not Ethernet */
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	arp(&f, rig_broadcast, 1, CLIENT, RIG_ALIAS);
	f.len = 41;
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	arp(&f, rig_broadcast, 1, CLIENT, RIG_ALIAS);
	frame_vlan(&f, 5);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
}
END_TEST

/* By which a member finds out whether the others' packet programs see the LAN's frames. */
START_TEST(probes)
{
	static const uint8_t several[6] = { 0x01, 0, 0x5e, 0, 0, 1 };
	struct frame f;
	struct run r;

	arp(&f, rig_broadcast, DP_PROBE_ASK, CLIENT, OTHER);
	rig_run(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_REDIRECT);
	ck_assert_mem_eq(r.out.b, rig_client_mac, 6);
	ck_assert_uint_eq(r.out.b[21], DP_PROBE_ANSWER);
	arp(&f, rig.lan_mac, DP_PROBE_ANSWER, CLIENT, OTHER);
	ck_assert_int_eq(rig_where(&rig, &f), DROPPED);
	arp(&f, rig_client_mac, DP_PROBE_ASK, CLIENT, OTHER);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	arp(&f, several, DP_PROBE_ASK, CLIENT, OTHER);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
}
END_TEST

START_TEST(arp_on_a_link_is_never_answered)
{
	struct frame f;
	struct run r;

	arp(&f, rig_broadcast, 1, CLIENT, RIG_ALIAS);
	rig_run_link(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_DROP);
	arp(&f, rig_broadcast, 1, CLIENT, OTHER);
	rig_run_link(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_PASS);
}
END_TEST

START_TEST(virtual_mac)
{
	struct dp_alias a = { .addr.s_addr = addr(RIG_ALIAS), .master = true, .has_vmac = true,
		.fallback = 3 };
	struct frame f;

	memcpy(a.vmac, vmac, 6);
	ck_assert_int_eq(datapath_set_alias(rig.dp, &a), 0);
	arp(&f, rig_broadcast, 1, CLIENT, RIG_ALIAS);
	expect_answer(&f, CLIENT, vmac);
	arp(&f, vmac, 1, CLIENT, RIG_ALIAS);
	expect_answer(&f, CLIENT, vmac);
	build_tcp(&f, vmac, rig_client_mac, 0);
	ck_assert_int_eq(rig_where(&rig, &f), 2);
	a.master = false; /* the holder is another: silence */
	ck_assert_int_eq(datapath_set_alias(rig.dp, &a), 0);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NEW_FORWARDED), 1);
}
END_TEST

static void
fragment(struct frame *f, uint16_t id, uint16_t offset, bool more)
{
	rig_udp(&rig, f, CLIENT, 5000, RIG_ALIAS, 53);
	frame_data(f, 64);
	frame_finish(f);
	frame_fragment(f, id, offset, more);
	frame_finish(f);
}

START_TEST(fragments_go_where_the_first_went)
{
	struct frame f;
	int first, i;

	for (i = 0; i < 20; i++) {
		fragment(&f, i, 0, true);
		first = rig_where(&rig, &f);
		ck_assert_int_eq(first, i % 2 ? PASSED : 2);
		fragment(&f, i, 72, true);
		ck_assert_int_eq(rig_where(&rig, &f), first);
		fragment(&f, i, 144, false);
		ck_assert_int_eq(rig_where(&rig, &f), first);
	}
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT), 20);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_FORWARDED), 20);
}
END_TEST

static void
icmp_error(struct frame *f, uint8_t proto, uint16_t port, uint16_t client_port, const char *from)
{
	struct frame inner;

	frame_ether(&inner, rig.lan_mac, rig_client_mac, 0x0800);
	frame_ip(&inner, from, CLIENT, proto, 0);
	if (proto == IPPROTO_TCP)
		frame_tcp(&inner, port, client_port, F_ACK, 1);
	else
		frame_udp(&inner, port, client_port);
	frame_finish(&inner);
	frame_ether(f, rig.lan_mac, rig_client_mac, 0x0800);
	frame_ip(f, "10.1.0.1", RIG_ALIAS, IPPROTO_ICMP, 0);
	frame_icmp(f, 3, 4);
	memcpy(f->b + f->len, inner.b + 14, 28); /* no more than must be there */
	f->len += 28;
	frame_finish(f);
}

/* What XDP leaves to TC, and nothing but that: counted here once, or not. */
static void
check_rest(const struct frame *f, unsigned counted)
{
	uint64_t errors = rig_counter(&rig, DP_C_ICMP_ERROR), fallback = rig_counter(&rig, DP_C_FALLBACK);
	struct run r;

	rig_run_rest(&rig, f, &r);
	ck_assert_uint_eq(r.verdict, RIG_PASS);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_ICMP_ERROR), errors + counted);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FALLBACK), fallback);
}

START_TEST(tc_leaves_what_xdp_has_done)
{
	static const struct dp_target two = { 2, 1 };
	struct frame f;
	struct run r;

	icmp_error(&f, IPPROTO_TCP, 80, 1000, RIG_ALIAS);
	check_rest(&f, 0);
	icmp_error(&f, IPPROTO_UDP, 53, 1000, OTHER);
	check_rest(&f, 0);
	icmp_error(&f, IPPROTO_UDP, 53, 1000, RIG_ALIAS);
	frame_fragment(&f, 7, 0, true);
	frame_finish(&f);
	check_rest(&f, 0);
	f.len = 60;
	check_rest(&f, 0);
	rig_tcp(&rig, &f, CLIENT, 2000, RIG_ALIAS, 80, F_SYN, 1);
	check_rest(&f, 0);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NEW_LOCAL) + rig_counter(&rig, DP_C_NEW_FORWARDED), 0);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_MALFORMED), 0);
	rig_service(&rig, RIG_ALIAS, IPPROTO_UDP, 53, 1, &two);
	icmp_error(&f, IPPROTO_UDP, 53, 1000, RIG_ALIAS);
	rig_run_rest(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_REDIRECT);
}
END_TEST

START_TEST(icmp_errors_find_the_owner)
{
	struct dp_conn c = rig_conn(CLIENT, 1000, RIG_ALIAS, 80);
	struct frame f;

	icmp_error(&f, IPPROTO_TCP, 80, 1000, RIG_ALIAS);
	ck_assert_int_eq(rig_where(&rig, &f), 3); /* unknown: the fallback */
	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 2), 0);
	ck_assert_int_eq(rig_where(&rig, &f), 2);
	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 1), 0);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	icmp_error(&f, IPPROTO_TCP, 80, 1000, OTHER);
	ck_assert_int_eq(rig_where(&rig, &f), 3); /* quotes somebody else's packet */
	icmp_error(&f, IPPROTO_UDP, 53, 1000, RIG_ALIAS);
	/* For all that answer clients of the port: here, and a copy to the other. */
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	if (xdp)
		check_rest(&f, 1);
	ck_assert_uint_eq(rig_sent(&rig), 1);
	f.len -= 1;
	frame_finish(&f);
	ck_assert_int_eq(rig_where(&rig, &f), DROPPED);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_MALFORMED), 1);
	/* A half-open connection counts too. */
	rig_tcp(&rig, &f, CLIENT, 2000, RIG_ALIAS, 80, F_SYN, 1);
	ck_assert_int_eq(rig_where(&rig, &f), 2);
	icmp_error(&f, IPPROTO_TCP, 80, 2000, RIG_ALIAS);
	ck_assert_int_eq(rig_where(&rig, &f), 2);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_HALFOPEN_FORWARDED), 0);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FLOW_FORWARDED), 0);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_ICMP_ERROR), 4); /* no data packets */
}
END_TEST

START_TEST(what_a_member_sent_is_not_sent_on)
{
	static const uint8_t mac[2][6] = { { 2, 1, 1, 1, 1, 1 }, { 2, 1, 1, 1, 1, 2 } };
	struct frame f;

	ck_assert_int_eq(datapath_set_member_macs(rig.dp, 2, mac, 2), 0);
	build_tcp(&f, rig.lan_mac, mac[0], 0);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	build_tcp(&f, rig.lan_mac, mac[1], 0);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FROM_MEMBER), 2);
	ck_assert_int_eq(datapath_set_member_macs(rig.dp, 2, mac, 1), 0);
	ck_assert_int_eq(rig_where(&rig, &f), 2);
	ck_assert_int_eq(datapath_set_member_macs(rig.dp, 3, mac + 1, 1), 0);
	ck_assert_int_eq(datapath_set_member_macs(rig.dp, 2, mac, 0), 0);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	build_tcp(&f, rig.lan_mac, mac[0], 0);
	ck_assert_int_eq(rig_where(&rig, &f), 2);
}
END_TEST

START_TEST(links_deliver)
{
	struct frame f;
	struct run r;

	build_tcp(&f, rig.link_mac, rig_client_mac, 0);
	rig_run_link(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_PASS);
	ck_assert_mem_eq(r.out.b, f.b, f.len);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FROM_MEMBER), 1);
	f.b[f.ip] = 0x44;
	rig_run_link(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_DROP);
	frame_ether(&f, rig.link_mac, rig_client_mac, 0x0800);
	frame_ip(&f, CLIENT, OTHER, IPPROTO_TCP, 0);
	frame_tcp(&f, 1, 2, F_SYN, 1);
	frame_finish(&f);
	rig_run_link(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_PASS);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FROM_MEMBER), 2);
}
END_TEST

START_TEST(links_pass_what_is_for_no_active_alias)
{
	struct dp_conn c = rig_conn(CLIENT, 1000, OTHER, 80);
	struct frame f;
	struct run r;
	int i;

	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 2), 0); /* has a number from now on */
	rig_tcp(&rig, &f, CLIENT, 1000, OTHER, 80, F_ACK, 1);
	memcpy(f.b, rig.link_mac, 6);
	for (i = 0; i < 3; i++) {
		if (i == 1)
			rig_alias(&rig, OTHER, false);
		if (i == 2)
			ck_assert_int_eq(datapath_del_alias(rig.dp, c.alias), 0);
		rig_run_link(&rig, &f, &r);
		ck_assert_uint_eq(r.verdict, RIG_PASS);
		ck_assert_uint_eq(rig_counter(&rig, DP_C_FROM_MEMBER), i > 0);
	}
	rig_tcp(&rig, &f, CLIENT, 1000, "0.0.0.0", 80, F_ACK, 1);
	rig_run_link(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_PASS);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FROM_MEMBER), 1);
}
END_TEST

static void
from_link(struct frame *f)
{
	struct run r;

	memcpy(f->b, rig.link_mac, 6);
	rig_run_link(&rig, f, &r);
	ck_assert_uint_eq(r.verdict, RIG_PASS);
}

static void
expect_received(uint64_t syns, uint64_t datagrams, uint64_t fragments)
{
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NEW_RECEIVED), syns);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_UDP_RECEIVED), datagrams);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FRAGMENT_RECEIVED), fragments);
}

START_TEST(what_members_send_is_counted)
{
	static const uint8_t mac[1][6] = { { 2, 1, 1, 1, 1, 1 } };
	struct frame f;
	unsigned i;

	for (i = 0; i < 10; i++) {
		rig_tcp(&rig, &f, CLIENT, 1000 + i, RIG_ALIAS, 80, F_SYN, i);
		from_link(&f);
		from_link(&f); /* it got lost, or the answer did: the same connection */
		rig_tcp(&rig, &f, CLIENT, 1000 + i, RIG_ALIAS, 80, F_ACK, i);
		from_link(&f);
	}
	expect_received(10, 0, 0);
	rig_tcp(&rig, &f, CLIENT, 1000, RIG_ALIAS, 80, F_SYN, 99); /* another from the same port */
	from_link(&f);
	expect_received(11, 0, 0);
	rig_udp(&rig, &f, CLIENT, 5000, RIG_ALIAS, 53);
	from_link(&f);
	fragment(&f, 7, 0, true);
	from_link(&f);
	fragment(&f, 7, 72, false);
	from_link(&f);
	expect_received(11, 2, 1);
	/* By the LAN, where that is a link. */
	ck_assert_int_eq(datapath_set_member_macs(rig.dp, 2, mac, 1), 0);
	rig_tcp(&rig, &f, CLIENT, 3000, RIG_ALIAS, 80, F_SYN, 1);
	memcpy(f.b + 6, mac[0], 6);
	ck_assert_int_eq(rig_where(&rig, &f), PASSED);
	expect_received(12, 2, 1);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FROM_MEMBER), 35);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NEW_LOCAL), 0);
}
END_TEST

/* Of 1000 in 65536 places some 8 pairs share one, and are counted twice. */
START_TEST(many_syns_come_again)
{
	struct frame f;
	unsigned round, i;

	rig_alias(&rig, "10.1.0.99", true);
	for (round = 0; round < 3; round++)
		for (i = 0; i < 500; i++) {
			rig_tcp(&rig, &f, CLIENT, 1000 + i, RIG_ALIAS, 80, F_SYN, 7);
			from_link(&f);
			rig_tcp(&rig, &f, CLIENT, 1000 + i, "10.1.0.99", 80, F_SYN, 7);
			from_link(&f);
		}
	ck_assert_uint_ge(rig_counter(&rig, DP_C_NEW_RECEIVED), 1000);
	ck_assert_uint_le(rig_counter(&rig, DP_C_NEW_RECEIVED), 1160);
}
END_TEST

/* Which alias the answer to that client's port leaves from. */
static void
expect_source(uint16_t cport, const char *alias)
{
	struct dp_udp_key key = { .client = addr(CLIENT), .client_port = htons(cport), .port = htons(53) };
	struct dp_udp_source source;

	ck_assert_int_eq(bpf_map_lookup_elem(bpf_map__fd(rig.dp->skel->maps.udp_sources), &key, &source), 0);
	ck_assert_uint_eq(source.alias, addr(alias));
}

/* The next port with the same place among the latest. */
static uint16_t
port_with_same_place(uint16_t cport)
{
	uint64_t seed = rig.dp->meta->seed, hash[2];
	uint16_t other = cport;

	hash[0] = dp_flow_hash(dp_flow_key(addr(CLIENT), htons(cport), htons(53)), 0, seed);
	do {
		other++;
		hash[1] = dp_flow_hash(dp_flow_key(addr(CLIENT), htons(other), htons(53)), 0, seed);
	} while ((hash[0] ^ hash[1]) & (DP_UDP_RECENT - 1));
	return other;
}

START_TEST(datagrams_to_one_alias_and_another)
{
	static const char *const alias[] = { RIG_ALIAS, "10.1.0.99" };
	uint16_t cport[2] = { 5000, port_with_same_place(5000) };
	struct frame f;
	unsigned i;

	rig_alias(&rig, alias[1], true);
	for (i = 0; i < 32; i++) {
		rig_udp(&rig, &f, CLIENT, cport[i % 2], alias[i / 2 % 2], 53);
		from_link(&f);
		if (i & 4)
			from_link(&f);
		expect_source(cport[i % 2], alias[i / 2 % 2]);
		if (i > 0)
			expect_source(cport[(i - 1) % 2], alias[(i - 1) / 2 % 2]);
	}
}
END_TEST

START_TEST(links_deliver_by_the_lan)
{
	struct frame f;
	struct run r;

	rig_close(&rig);
	rig.conf.deliver_ifindex = rig.lan;
	rig_open(&rig);
	rig_alias(&rig, RIG_ALIAS, true);
	rig_paths(&rig, 2, 1);
	build_tcp(&f, rig.link_mac, rig_client_mac, 0);
	rig_run_link(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_REDIRECT);
	ck_assert_mem_eq(r.out.b, rig.lan_mac, 6);
	ck_assert_mem_eq(r.out.b + 6, rig.lan_mac, 6); /* seen already */
	ck_assert_mem_eq(r.out.b + 12, f.b + 12, f.len - 12);
	f = r.out;
	rig_run(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_PASS);
	ck_assert_mem_eq(r.out.b, f.b, f.len);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FROM_MEMBER), 1);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, row, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, truncated_anywhere);
	tcase_add_test(tc, arp_master_answers);
	tcase_add_test(tc, arp_others_are_silent);
	tcase_add_test(tc, arp_that_is_not_a_question_to_us);
	tcase_add_test(tc, probes);
	tcase_add_test(tc, arp_on_a_link_is_never_answered);
	tcase_add_test(tc, virtual_mac);
	tcase_add_test(tc, fragments_go_where_the_first_went);
	tcase_add_test(tc, icmp_errors_find_the_owner);
	tcase_add_test(tc, tc_leaves_what_xdp_has_done);
	tcase_add_test(tc, what_a_member_sent_is_not_sent_on);
	tcase_add_test(tc, links_pass_what_is_for_no_active_alias);
	tcase_add_test(tc, what_members_send_is_counted);
	tcase_add_test(tc, many_syns_come_again);
	tcase_add_test(tc, datagrams_to_one_alias_and_another);
	tcase_add_test(tc, links_deliver);
	tcase_add_test(tc, links_deliver_by_the_lan);
}

int
main(void)
{
	static const struct suite suite = { .name = "packet", .add = add_tests, .setup = setup,
		.xdp = &xdp, .teardown = teardown, .timeout = 120 };

	rig_isolate();
	return suite_run(&suite);
}
