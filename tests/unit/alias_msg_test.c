/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <string.h>

#include "proto/alias_ctl.h"
#include "proto/alias_msg_list.h"
#include "tests/unit/unit.h"

static uint8_t buf[8192];
static struct wire_wr w;
static struct alias_msg m;

static void
start(void)
{
	wire_wr_init(&w, buf, sizeof(buf));
}

/* Every truncation must be refused, and so must a byte too many. */
static void
expect_exact(void)
{
	size_t cut, len = wire_wr_len(&w);

	ck_assert(wire_wr_ok(&w));
	for (cut = 0; cut < len; cut++)
		ck_assert_msg(!alias_msg_decode(buf, cut, &m), "cut at %zu of %zu", cut, len);
	buf[len] = 0;
	ck_assert(!alias_msg_decode(buf, len + 1, &m));
	ck_assert(alias_msg_decode(buf, len, &m));
}

START_TEST(row)
{
	struct alias_row r = { .flags = ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED, .selw = 3, .selp = 65535,
		.rpri = 100, .prefixlen = 20, .name = "clua" }, got;

	inet_aton("10.1.0.100", &r.addr);
	start();
	alias_msg_row(&w, 0x1122334455667788ull, 8, &r);
	expect_exact();
	ck_assert_uint_eq(m.type, ALIAS_MSG_ROWS);
	ck_assert_uint_eq(m.token, 0x1122334455667788ull);
	ck_assert_uint_eq(m.max_aliases, 8);
	ck_assert_uint_eq(m.count, 1);
	ck_assert(alias_msg_next_row(&m, &got));
	ck_assert_mem_eq(&got, &r, sizeof(r));
	ck_assert(!alias_msg_next_row(&m, &got));
	r.rpri = 101;
	start();
	alias_msg_row(&w, 0, 0, &r);
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w), &m));
}
END_TEST

START_TEST(lost_host)
{
	start();
	alias_msg_lost(&w, 1023);
	expect_exact();
	ck_assert_uint_eq(m.type, ALIAS_MSG_LOST);
	ck_assert_uint_eq(m.owner, 1023);
	wire_put_u16(buf + 2, 1024); /* no such node */
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w), &m));
}
END_TEST

START_TEST(lists)
{
	struct alias_listen l = { .add = 1, .proto = IPPROTO_UDP, .port_h = 53 }, gl;
	struct alias_conn c = { .client_port = htons(4000), .port = htons(80) }, gc;
	struct alias_ask a = { .acks = true, .seq = 7, .ack = 0x89abcdef }, ga;
	struct alias_list list;
	uint8_t op;

	start();
	alias_list_begin(&list, &w, ALIAS_MSG_LISTEN);
	alias_list_listen(&list, &l);
	l.add = 0;
	alias_list_listen(&list, &l);
	alias_list_end(&list);
	expect_exact();
	ck_assert(alias_msg_next_listen(&m, &gl));
	ck_assert_uint_eq(gl.add, 1);
	ck_assert(alias_msg_next_listen(&m, &gl));
	ck_assert_uint_eq(gl.port_h, 53);
	ck_assert(!alias_msg_next_listen(&m, &gl));

	inet_aton("10.1.0.101", &c.client);
	inet_aton("10.1.0.100", &c.alias);
	a.conn = c;
	start();
	alias_list_begin(&list, &w, ALIAS_MSG_ANSWER);
	alias_list_conn(&list, &c, ALIAS_MINE);
	alias_list_end(&list);
	expect_exact();
	ck_assert(alias_msg_next_conn(&m, &gc, &op));
	ck_assert_mem_eq(&gc, &c, sizeof(c));
	ck_assert_uint_eq(op, ALIAS_MINE);
	ck_assert(!alias_msg_next_conn(&m, &gc, &op));
	wire_put_u32(buf + 2, 0x80000000u);
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w), &m));

	start();
	alias_list_begin(&list, &w, ALIAS_MSG_ASK);
	alias_list_ask(&list, &a);
	alias_list_end(&list);
	expect_exact();
	ck_assert(alias_msg_next_ask(&m, &ga));
	ck_assert_mem_eq(&ga.conn, &c, sizeof(c));
	ck_assert(ga.acks);
	ck_assert_uint_eq(ga.seq, 7);
	ck_assert_uint_eq(ga.ack, 0x89abcdef);
	ck_assert(!alias_msg_next_ask(&m, &ga));
	buf[6] = 2; /* acks is neither true nor false */
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w), &m));

	start();
	alias_list_begin_of(&list, &w, 1023);
	alias_list_conn(&list, &c, ALIAS_FLOW_SET);
	alias_list_end(&list);
	expect_exact();
	ck_assert_uint_eq(m.owner, 1023);
	ck_assert(alias_msg_next_conn(&m, &gc, &op));
	ck_assert_mem_eq(&gc, &c, sizeof(c));
	wire_put_u16(buf + 2, 1024); /* no such node */
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w), &m));
}
END_TEST

START_TEST(services)
{
	struct alias_svc s[2] = { { "http", IPPROTO_TCP, 80, ALIAS_IN_MULTI, 0 },
		{ "dns", IPPROTO_UDP, 53, ALIAS_IN_MULTI | ALIAS_STICKY, 300 } };
	struct alias_svc got;

	start();
	alias_msg_services(&w, 7, true, s, 2);
	expect_exact();
	ck_assert(m.initial);
	ck_assert(alias_msg_next_svc(&m, &got));
	ck_assert(alias_msg_next_svc(&m, &got));
	ck_assert_str_eq(got.name, "dns");
	ck_assert(!alias_msg_next_svc(&m, &got));
}
END_TEST

START_TEST(shares_and_files)
{
	struct alias_share s = { .first = 1024, .size = 1000, .n = 64, .wanted = 63 };
	struct alias_file f = { .version = 7, .state = ALIAS_FILE_SAME, .digest = 0x0123456789abcdefull };

	start();
	alias_msg_share(&w, &s);
	expect_exact();
	ck_assert_mem_eq(&m.share, &s, sizeof(s));
	wire_put_u16(buf + 6, 65); /* more ports than there are */
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w), &m));
	wire_put_u16(buf + 6, 0);
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w), &m));
	start();
	alias_msg_file(&w, &f);
	expect_exact();
	ck_assert_uint_eq(m.file.version, 7);
	ck_assert(m.file.digest == f.digest);
	buf[6] = ALIAS_FILE_BAD + 1;
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w), &m));
}
END_TEST

START_TEST(others)
{
	start();
	alias_msg_flows_begin(&w, 1000000, 77);
	expect_exact();
	ck_assert_uint_eq(m.expect, 1000000);
	ck_assert_uint_eq(m.accord, 77);
	start();
	alias_msg_synced(&w, 9);
	expect_exact();
	ck_assert_uint_eq(m.gen, 9);
	start();
	alias_msg_snapshot(&w, 4, 1, 2, (const uint8_t *)"abc", 3);
	ck_assert(alias_msg_decode(buf, wire_wr_len(&w), &m));
	ck_assert_uint_eq(m.len, 3);
	start();
	alias_msg_snapshot(&w, 4, 2, 2, (const uint8_t *)"abc", 3);
	ck_assert(!alias_msg_decode(buf, wire_wr_len(&w), &m));
	ck_assert(!alias_msg_decode((const uint8_t *)"\1\77", 2, &m));
	ck_assert(!alias_msg_decode((const uint8_t *)"\2\4\0\0\0\1", 6, &m));
}
END_TEST

START_TEST(ctl)
{
	static struct alias_ctl_service s = { .svc = { "http", IPPROTO_TCP, 80, ALIAS_IN_MULTI, 0 },
		.active = ALIAS_NO_NODE, .nlisteners = 2, .ntargets = 1 };
	static struct alias_ctl_service got;
	struct alias_ctl_set set = { .opts = { .alias = "x", .set = ALIAS_OPT_SELW, .selw = 4 } }, gs;
	size_t cut, len;

	s.listener[1] = 5;
	s.target[0].id = 5;
	s.target[0].weight = 9;
	start();
	alias_ctl_service_encode(&w, &s);
	len = wire_wr_len(&w);
	for (cut = 0; cut < len; cut++)
		ck_assert(!alias_ctl_service_decode(buf, cut, &got));
	ck_assert(alias_ctl_service_decode(buf, len, &got));
	ck_assert_mem_eq(&got, &s, sizeof(s));
	start();
	alias_ctl_set_encode(&w, &set);
	ck_assert(alias_ctl_set_decode(buf, wire_wr_len(&w), &gs));
	ck_assert_mem_eq(&gs, &set, sizeof(set));
	set.opts.set = ALIAS_OPT_JOIN | ALIAS_OPT_LEAVE;
	start();
	alias_ctl_set_encode(&w, &set);
	ck_assert(!alias_ctl_set_decode(buf, wire_wr_len(&w), &gs));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { row, lost_host, lists, services, shares_and_files, others, ctl,
		NULL };

	return unit_run("alias_msg", tests);
}
