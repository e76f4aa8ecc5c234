/* SPDX-License-Identifier: ISC */
/* The small pure parts: paths, announcements, listening sockets, own rows, gratuitous ARP. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/announce.h"
#include "aliasd/core/garp.h"
#include "aliasd/core/listen.h"
#include "aliasd/core/map.h"
#include "aliasd/core/own.h"
#include "aliasd/core/paths.h"
#include "aliasd/core/losses.h"
#include "aliasd/core/relearn.h"
#include "common/clock.h"
#include "tests/unit/unit.h"

static struct in_addr alias = { .s_addr = 0x6400010a }, any;

static bool
set_link(struct paths *p, uint8_t link, uint8_t prio, uint8_t state)
{
	struct llt_ev_link ev = { .node = 2, .link = link, .prio = prio, .state = state, .known = 1,
		.ifindex = 10u + link, .addr = { 2, link }, .peer_addr = { 4, link } };

	return paths_link(p, &ev);
}

START_TEST(path_classes)
{
	struct paths *p = paths_new();
	struct dp_path out[LLT_MAX_LINKS];
	uint32_t ifaces[LLT_MAX_LINKS];
	uint8_t macs[LLT_MAX_LINKS][6];

	ck_assert(!paths_reachable(p, 2));
	ck_assert(set_link(p, 0, LLT_PRIO_HIGH, LLT_LINK_UP));
	ck_assert(!set_link(p, 0, LLT_PRIO_HIGH, LLT_LINK_UP));
	ck_assert(set_link(p, 1, LLT_PRIO_HIGH, LLT_LINK_UP));
	ck_assert(!set_link(p, 2, LLT_PRIO_LOW, LLT_LINK_UP));
	ck_assert(!set_link(p, 3, LLT_PRIO_LOW, LLT_LINK_UP));
	ck_assert_uint_eq(paths_get(p, 2, out), 2);
	ck_assert(set_link(p, 0, LLT_PRIO_HIGH, LLT_LINK_TROUBLE));
	ck_assert_uint_eq(paths_get(p, 2, out), 1);
	ck_assert_uint_eq(out[0].ifindex, 11);
	ck_assert_uint_eq(out[0].dst[0], 4);
	/* None is up: the first of the low-priority ones alone. */
	ck_assert(set_link(p, 1, LLT_PRIO_HIGH, LLT_LINK_INACTIVE));
	ck_assert_uint_eq(paths_get(p, 2, out), 1);
	ck_assert_uint_eq(out[0].ifindex, 12);
	ck_assert(set_link(p, 2, LLT_PRIO_LOW, LLT_LINK_INACTIVE));
	ck_assert_uint_eq(paths_get(p, 2, out), 1);
	ck_assert_uint_eq(out[0].ifindex, 13);
	/* One in trouble is better than nothing. */
	ck_assert(set_link(p, 3, LLT_PRIO_LOW, LLT_LINK_INACTIVE));
	ck_assert_uint_eq(paths_get(p, 2, out), 1);
	ck_assert_uint_eq(out[0].ifindex, 10);
	ck_assert(set_link(p, 0, LLT_PRIO_HIGH, LLT_LINK_INACTIVE));
	ck_assert(!paths_reachable(p, 2));
	ck_assert_uint_eq(paths_ifaces(p, true, ifaces), 2);
	ck_assert_uint_eq(paths_ifaces(p, false, ifaces), 4);
	ck_assert_uint_eq(paths_macs(p, 2, macs), 4);
	ck_assert(!set_link(p, LLT_MAX_LINKS, LLT_PRIO_LOW, LLT_LINK_UP));
	paths_free(p);
}
END_TEST

static void
set_udp(struct paths *p, uint16_t node, uint32_t ifindex)
{
	struct llt_ev_link ev = { .node = node, .link = 4, .prio = LLT_PRIO_LOW, .state = LLT_LINK_UP, .known = 1,
		.kind = LLT_KIND_UDP, .ifindex = ifindex, .mtu = 1472, .peer_addr = { 10, 0, 0, 1 } };

	paths_link(p, &ev);
}

/* Of a link that is taken out of the configuration lltd says that it has no interface. */
START_TEST(links_by_udp)
{
	struct paths *p = paths_new();

	ck_assert(!paths_any_udp(p));
	set_udp(p, 2, 3);
	set_udp(p, 5, 3);
	ck_assert(paths_any_udp(p));
	ck_assert(!paths_reachable(p, 5));
	paths_set_tunnel(p, 9);
	ck_assert(paths_reachable(p, 5));
	set_udp(p, 2, 0);
	ck_assert(paths_any_udp(p));
	set_udp(p, 5, 0);
	ck_assert(!paths_any_udp(p));
	ck_assert(!paths_reachable(p, 5));
	paths_free(p);
}
END_TEST

static void
count_node(uint16_t node, void *arg)
{
	ck_assert_uint_eq(node, 2);
	++*(unsigned *)arg;
}

/* lltd starts anew with fewer links than it had. */
START_TEST(links_that_are_no_more)
{
	struct paths *p = paths_new();
	struct dp_path out[LLT_MAX_LINKS];
	unsigned told = 0;

	paths_begin(p);
	set_link(p, 0, LLT_PRIO_HIGH, LLT_LINK_UP);
	set_link(p, 1, LLT_PRIO_HIGH, LLT_LINK_UP);
	set_udp(p, 5, 3);
	paths_end(p, count_node, &told);
	ck_assert_uint_eq(told, 0);
	/* Until all is said the old ones count. */
	paths_begin(p);
	set_link(p, 0, LLT_PRIO_HIGH, LLT_LINK_UP);
	ck_assert_uint_eq(paths_get(p, 2, out), 2);
	paths_end(p, count_node, &told);
	ck_assert_uint_eq(told, 1);
	ck_assert_uint_eq(paths_get(p, 2, out), 1);
	ck_assert_uint_eq(out[0].ifindex, 10);
	ck_assert(!paths_any_udp(p));
	paths_free(p);
}
END_TEST

START_TEST(announcements)
{
	struct announce *a = announce_new();
	struct alias_conn c = { .alias = alias }, got;
	unsigned i, n = 0;
	uint8_t op;

	for (i = 0; i < 3000; i++) {
		c.client_port = htons((uint16_t)i);
		ck_assert_uint_eq(announce_add(a, &c, ALIAS_FLOW_SET, false, i * NSEC_PER_MSEC), i + 1);
	}
	for (i = 0; announce_next(a, &got, &op); i++)
		ck_assert_uint_eq(ntohs(got.client_port), i);
	ck_assert_uint_eq(i, 3000);
	/* A view change at 3 s: what is younger than 2 s again. */
	announce_again(a, 3000 * NSEC_PER_MSEC);
	while (announce_next(a, &got, &op)) {
		ck_assert_uint_ge(ntohs(got.client_port), 1000);
		n++;
	}
	ck_assert_uint_eq(n, 2000);
	announce_clear(a);
	announce_again(a, 3000 * NSEC_PER_MSEC);
	ck_assert(!announce_next(a, &got, &op));
	announce_free(a);
}
END_TEST

static unsigned
tell_all(struct announce *a, uint8_t ops[4])
{
	struct alias_conn got;
	unsigned n = 0;

	while (n < 4 && announce_next(a, &got, &ops[n]))
		n++;
	return n;
}

START_TEST(short_connections)
{
	struct announce *a = announce_new();
	struct alias_conn c = { .alias = alias, .client_port = 7 }, other = c;
	uint8_t op[4];

	/* Gone before anybody was told. */
	announce_add(a, &c, ALIAS_FLOW_SET, false, 10);
	ck_assert_uint_eq(announce_due(a), 10 + ANNOUNCE_AT);
	announce_add(a, &c, ALIAS_FLOW_DEL, false, 11);
	ck_assert_uint_eq(announce_due(a), UINT64_MAX);
	ck_assert_uint_eq(tell_all(a, op), 0);
	/* Its end is told if it was. */
	announce_add(a, &c, ALIAS_FLOW_SET, false, 20);
	ck_assert(tell_all(a, op) == 1 && op[0] == ALIAS_FLOW_SET);
	announce_add(a, &c, ALIAS_FLOW_DEL, false, 21);
	ck_assert(tell_all(a, op) == 1 && op[0] == ALIAS_FLOW_DEL);
	/* A view change sends both again, and keeps what was never told to itself. */
	announce_again(a, 31);
	ck_assert(tell_all(a, op) == 2 && op[0] == ALIAS_FLOW_SET && op[1] == ALIAS_FLOW_DEL);
	/* What may be known to others is not kept from them, whoever said so first. */
	announce_add(a, &c, ALIAS_FLOW_SET, true, 40);
	announce_add(a, &c, ALIAS_FLOW_DEL, false, 41);
	ck_assert(tell_all(a, op) == 2 && op[1] == ALIAS_FLOW_DEL);
	/* Found, and perhaps unknown to others; but that it began is told once, as what it is. */
	announce_held(a, &c, 50);
	ck_assert_uint_eq(announce_due(a), 50 + ANNOUNCE_AT);
	ck_assert(tell_all(a, op) == 1 && op[0] == ALIAS_FLOW_HELD);
	announce_add(a, &other, ALIAS_FLOW_SET, false, 51);
	announce_held(a, &other, 52);
	ck_assert(tell_all(a, op) == 1 && op[0] == ALIAS_FLOW_SET);
	announce_held(a, &other, 53);
	announce_add(a, &other, ALIAS_FLOW_DEL, false, 54);
	ck_assert(tell_all(a, op) == 2 && op[0] == ALIAS_FLOW_HELD && op[1] == ALIAS_FLOW_DEL);
	/* The same client at another alias is another connection. */
	other.alias.s_addr ^= htonl(1);
	announce_add(a, &c, ALIAS_FLOW_SET, false, 60);
	announce_add(a, &other, ALIAS_FLOW_DEL, false, 60);
	ck_assert(tell_all(a, op) == 2 && op[0] == ALIAS_FLOW_SET && op[1] == ALIAS_FLOW_DEL);
	announce_free(a);
}
END_TEST

START_TEST(told_by_age)
{
	const uint64_t set = ANNOUNCE_AT, end = ANNOUNCE_END_AT;
	struct announce *a = announce_new();
	struct alias_conn c = { .alias = alias, .client_port = 1 }, other = { .alias = alias };
	uint8_t op[4];

	announce_add(a, &c, ALIAS_FLOW_SET, false, 100);
	announce_add(a, &other, ALIAS_FLOW_SET, false, 200);
	ck_assert_uint_eq(announce_due(a), 100 + set);
	/* It is about to end, and gets the time for it. */
	announce_ending(a, &c, 300);
	ck_assert_uint_eq(announce_due(a), 200 + set);
	announce_add(a, &other, ALIAS_FLOW_DEL, false, 400);
	ck_assert_uint_eq(announce_due(a), 300 + set);
	ck_assert(tell_all(a, op) == 1 && op[0] == ALIAS_FLOW_SET);
	ck_assert_uint_eq(announce_due(a), UINT64_MAX);
	/* It was told of: nothing is held back any more. */
	announce_ending(a, &c, 500);
	ck_assert_uint_eq(announce_due(a), UINT64_MAX);
	/* An end waits longer, but not for what begins behind it, nor does that for the end. */
	announce_add(a, &c, ALIAS_FLOW_DEL, false, 600);
	ck_assert_uint_eq(announce_due(a), 600 + end);
	announce_add(a, &other, ALIAS_FLOW_SET, false, 700);
	ck_assert_uint_eq(announce_due(a), 700 + set);
	announce_add(a, &other, ALIAS_FLOW_DEL, false, 800);
	ck_assert_uint_eq(announce_due(a), 600 + end);
	announce_add(a, &other, ALIAS_FLOW_SET, false, 600 + end);
	ck_assert_uint_eq(announce_due(a), 600 + end);
	ck_assert(tell_all(a, op) == 2 && op[0] == ALIAS_FLOW_DEL && op[1] == ALIAS_FLOW_SET);
	/* After a view change both are due again, as they were. */
	announce_again(a, 600 + end);
	ck_assert_uint_eq(announce_due(a), 300 + set);
	announce_free(a);
}
END_TEST

/* The next message as it goes out at that time. */
static unsigned
tell_due(struct announce *a, uint64_t now, uint8_t ops[4])
{
	announce_begin(a, now);
	return tell_all(a, ops);
}

START_TEST(ends_take_none_along)
{
	const uint64_t end = ANNOUNCE_END_AT;
	struct announce *a = announce_new();
	struct alias_conn c = { .alias = alias, .client_port = 1 }, young = { .alias = alias };
	uint8_t op[4];

	announce_add(a, &c, ALIAS_FLOW_SET, false, 100);
	announce_add(a, &young, ALIAS_FLOW_SET, false, 200);
	ck_assert_uint_eq(tell_due(a, 100 + ANNOUNCE_AT, op), 2);
	/* Ends are due: what began just now, before and after them, is not told, and ends untold. */
	announce_add(a, &c, ALIAS_FLOW_DEL, false, 10000);
	announce_add(a, &c, ALIAS_FLOW_SET, false, end);
	announce_add(a, &young, ALIAS_FLOW_DEL, false, end);
	announce_add(a, &young, ALIAS_FLOW_SET, false, end + 1);
	ck_assert(tell_due(a, 10000 + end, op) == 2 && op[0] == ALIAS_FLOW_DEL && op[1] == ALIAS_FLOW_DEL);
	ck_assert_uint_eq(announce_due(a), end + ANNOUNCE_AT);
	announce_add(a, &c, ALIAS_FLOW_DEL, false, 10001 + end);
	ck_assert_uint_eq(announce_due(a), end + 1 + ANNOUNCE_AT);
	/* What lasts is told in time, and its end after it. */
	announce_add(a, &c, ALIAS_FLOW_SET, false, 10002 + end);
	ck_assert(tell_due(a, end + 1 + ANNOUNCE_AT, op) == 2 && op[0] == ALIAS_FLOW_SET);
	announce_add(a, &young, ALIAS_FLOW_DEL, false, 20000 + end);
	ck_assert(tell_due(a, 20000 + 2 * end, op) == 1 && op[0] == ALIAS_FLOW_DEL);
	/* Without a time nothing waits; nor does what others may know. */
	announce_add(a, &c, ALIAS_FLOW_DEL, false, 20001 + end);
	announce_add(a, &young, ALIAS_FLOW_SET, true, 20002 + end);
	announce_begin(a, 20001 + end);
	ck_assert(tell_all(a, op) == 2 && op[1] == ALIAS_FLOW_SET);
	announce_add(a, &c, ALIAS_FLOW_SET, false, 30000 + end);
	ck_assert(tell_all(a, op) == 1 && op[0] == ALIAS_FLOW_SET);
	announce_free(a);
}
END_TEST

START_TEST(holding)
{
	const uint16_t members[] = { 1, 2, 3 };
	struct holds *h = holds_new();

	ck_assert(holds_all(h));
	holds_expect(h, members, 3, 2);
	ck_assert(!holds_all(h));
	holds_end(h, 1);
	holds_end(h, 1);
	holds_end(h, 9);
	ck_assert(!holds_all(h));
	holds_left(h, 3);
	ck_assert(holds_all(h));
	holds_free(h);
}
END_TEST

static unsigned nstale;

static void
on_stale(const struct alias_conn *c, void *arg)
{
	ck_assert_uint_eq(ntohs(c->client_port) % 3, 0);
	nstale++;
}

START_TEST(relearning)
{
	struct relearn *r = relearn_new();
	struct alias_conn c = { .alias = alias };
	unsigned i;

	relearn_told(r, &c); /* nothing is old */
	for (i = 0; i < 300; i++) {
		c.client_port = htons((uint16_t)i);
		relearn_old(r, &c);
	}
	for (i = 0; i < 1000; i++) {
		c.client_port = htons((uint16_t)i);
		if (i % 3 != 0)
			relearn_told(r, &c);
	}
	relearn_stale(r, on_stale, NULL);
	ck_assert_uint_eq(nstale, 100);
	relearn_free(r);
}
END_TEST

/* Who says so and leaves was cut off itself; who comes back is not lost. */
START_TEST(lost_hosts)
{
	struct losses *l = losses_new();
	uint16_t host;

	ck_assert(losses_due(l) == LOSSES_NEVER);
	ck_assert(!losses_next(l, 1000, &host));
	losses_add(l, 5, 2, 100);
	losses_add(l, 5, 2, 110); /* said before */
	losses_add(l, 5, 3, 120);
	losses_add(l, 4, 2, 130);
	ck_assert_uint_eq(losses_due(l), 100);
	ck_assert(!losses_next(l, 99, &host));
	losses_forget(l, 2);
	ck_assert_uint_eq(losses_due(l), 120);
	ck_assert(losses_next(l, 120, &host));
	ck_assert_uint_eq(host, 5);
	ck_assert(losses_due(l) == LOSSES_NEVER);
	losses_add(l, 5, 2, 200);
	losses_add(l, 5, 3, 210);
	losses_add(l, 6, 3, 220);
	losses_forget(l, 6);
	ck_assert(losses_next(l, 300, &host));
	ck_assert_uint_eq(host, 5);
	ck_assert(!losses_next(l, 300, &host)); /* once is enough */
	losses_add(l, 7, 3, 400);
	losses_free(l);
}
END_TEST

static char told[256];

static bool
is_alias(struct in_addr a, void *arg)
{
	return a.s_addr == alias.s_addr;
}

static void
emit(const struct alias_listen *l, void *arg)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof(told) - n, "%c%u%s ", l->add ? '+' : '-', l->port_h,
	    l->bound.s_addr == 0 ? "" : "@");
}

static void
expect_told(struct listen_table *t, const char *what)
{
	told[0] = '\0';
	listen_flush(t, is_alias, emit, NULL);
	ck_assert_str_eq(told, what);
}

START_TEST(listening)
{
	struct listen_table *t = listen_new();
	struct in_addr other = { .s_addr = 0x0b00010a };

	/* Several sockets on a port are one listener. */
	listen_event(t, true, IPPROTO_TCP, 80, any);
	listen_event(t, true, IPPROTO_TCP, 80, any);
	listen_event(t, true, IPPROTO_TCP, 22, other);
	listen_event(t, true, IPPROTO_TCP, 81, alias);
	expect_told(t, "+80 +81@ ");
	expect_told(t, "");
	ck_assert_uint_eq(listen_event(t, false, IPPROTO_TCP, 80, any), 1);
	expect_told(t, "");
	ck_assert_uint_eq(listen_event(t, false, IPPROTO_TCP, 80, any), 0);
	ck_assert_uint_eq(listen_event(t, false, IPPROTO_TCP, 80, any), 0);
	expect_told(t, "-80 ");
	/* A dump corrects what was counted twice, for its protocol alone. */
	listen_event(t, true, IPPROTO_UDP, 53, any);
	listen_dump_begin(t, IPPROTO_TCP);
	listen_dump_socket(t, IPPROTO_TCP, 80, any);
	listen_dump_end(t, IPPROTO_TCP);
	expect_told(t, "+80 +53 -81@ ");
	ck_assert(listen_has(t, IPPROTO_UDP, 53, any));
	ck_assert(!listen_has(t, IPPROTO_TCP, 81, alias));
	listen_forget(t);
	expect_told(t, "+80 +53 ");
	listen_free(t);
}
END_TEST

START_TEST(own_rows)
{
	struct own *o = own_new();
	struct alias_ctl_set s = { .addr = alias };
	struct alias_row r = own_apply(o, &s, "clua");

	ck_assert_uint_eq(r.flags, ALIAS_ROW_ROUTES);
	ck_assert_uint_eq(r.selw, 1);
	ck_assert_uint_eq(r.selp, 1);
	ck_assert_uint_eq(r.rpri, 1);
	s.opts.set = ALIAS_OPT_JOIN | ALIAS_OPT_SELW | ALIAS_OPT_VIRTUAL;
	s.opts.selw = 0;
	s.opts.virt = true;
	r = own_apply(o, &s, "");
	ck_assert_uint_eq(r.flags, ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED | ALIAS_ROW_VIRTUAL);
	ck_assert_uint_eq(r.selw, 0);
	ck_assert_str_eq(r.name, "clua");
	s.opts.set = ALIAS_OPT_LEAVE;
	r = own_apply(o, &s, "");
	ck_assert_uint_eq(r.flags & (ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED), ALIAS_ROW_ROUTES);
	ck_assert_uint_eq(own_count(o), 1);
	r = own_apply(o, &s, "");
	ck_assert_uint_eq(r.flags & ALIAS_ROW_ROUTES, 0);
	ck_assert_uint_eq(own_count(o), 0);
	own_free(o);
}
END_TEST

static unsigned sent;

static void
on_send(struct in_addr a, bool both, void *arg)
{
	ck_assert_uint_eq(a.s_addr, alias.s_addr);
	sent++;
}

START_TEST(gratuitous)
{
	struct garp *g = garp_new();
	uint64_t t = NSEC_PER_SEC, start = t;

	ck_assert_uint_eq(garp_run(g, t, on_send, NULL), GARP_NEVER);
	garp_start(g, alias, t);
	while (t < start + NSEC_PER_SEC + NSEC_PER_MSEC)
		t = garp_run(g, t, on_send, NULL);
	ck_assert_uint_eq(sent, 6);
	ck_assert_uint_eq(t, start + 31 * NSEC_PER_SEC);
	/* A claim is answered at once, but not more than five times a second. */
	ck_assert(garp_claim(g, alias, GARP_MEMBER, start + 2 * NSEC_PER_SEC));
	garp_run(g, start + 2 * NSEC_PER_SEC, on_send, NULL);
	ck_assert_uint_eq(sent, 7);
	ck_assert(!garp_claim(g, alias, GARP_MEMBER, start + 2 * NSEC_PER_SEC + NSEC_PER_MSEC));
	ck_assert(!garp_claim(g, any, GARP_MEMBER, start + 5 * NSEC_PER_SEC));
	garp_stop(g, alias);
	ck_assert(!garp_has(g, alias));
	ck_assert_uint_eq(garp_run(g, start + 90 * NSEC_PER_SEC, on_send, NULL), GARP_NEVER);
	ck_assert_uint_eq(sent, 7);
	garp_free(g);
}
END_TEST

START_TEST(maps)
{
	struct map *m = map_new();
	static int v[1000];
	uint64_t i, *keys;
	size_t n;

	for (i = 0; i < 1000; i++)
		map_put(m, i * 7919, &v[i]);
	ck_assert_uint_eq(map_count(m), 1000);
	for (i = 0; i < 1000; i += 2)
		ck_assert_ptr_eq(map_del(m, i * 7919), &v[i]);
	ck_assert_ptr_null(map_del(m, 0));
	ck_assert_ptr_null(map_get(m, 2 * 7919));
	ck_assert_ptr_eq(map_get(m, 3 * 7919), &v[3]);
	map_put(m, 3 * 7919, &v[4]);
	ck_assert_ptr_eq(map_get(m, 3 * 7919), &v[4]);
	keys = map_keys(m, &n);
	ck_assert_uint_eq(n, 500);
	for (i = 1; i < n; i++)
		ck_assert(keys[i - 1] < keys[i]);
	free(keys);
	map_free(m, NULL);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { path_classes, links_by_udp, links_that_are_no_more, announcements,
		short_connections, told_by_age, ends_take_none_along, holding, relearning, lost_hosts, listening,
		own_rows, gratuitous, maps, NULL };

	return unit_run("alias_parts", tests);
}
