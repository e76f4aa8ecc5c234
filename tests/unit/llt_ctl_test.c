/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "proto/llt_ctl.h"
#include "tests/unit/unit.h"

static uint8_t buf[LLT_MAX_MSG + 4096];

/* Every truncation and one byte more must be refused. */
#define CHECK_LENGTHS(decode, len, out)                                                            \
	do {                                                                                       \
		ck_assert(decode(buf, len, out));                                                  \
		for (size_t i_ = 0; i_ < (len); i_++) {                                            \
			uint8_t *p_ = malloc(i_ + 1);                                              \
			memcpy(p_, buf, i_);                                                       \
			ck_assert_msg(!decode(p_, i_, out), "accepted %zu bytes", i_);             \
			free(p_);                                                                  \
		}                                                                                  \
		buf[len] = 0;                                                                      \
		ck_assert(!decode(buf, (len) + 1, out));                                           \
	} while (0)

START_TEST(self_roundtrip)
{
	struct llt_ev_self a = { .cluster = 42, .node = 7, .name = "n7", .incarnation = 0x1122334455667788,
		.peerinact_ns = 30000000, .nlinks = 3 }, b;
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	llt_ev_self_encode(&w, &a);
	ck_assert(llt_ev_self_decode(buf, wire_wr_len(&w), &b));
	ck_assert_uint_eq(b.incarnation, a.incarnation);
	ck_assert_str_eq(b.name, "n7");
	CHECK_LENGTHS(llt_ev_self_decode, wire_wr_len(&w), &b);
	a.node = LLT_MAX_NODES;
	wire_wr_init(&w, buf, sizeof(buf));
	llt_ev_self_encode(&w, &a);
	ck_assert(!llt_ev_self_decode(buf, wire_wr_len(&w), &b));
}
END_TEST

START_TEST(node_roundtrip)
{
	struct llt_ev_node a = { .seq = 9, .node = 1023, .name = "x", .state = LLT_OPEN_STATE,
		.session = 4, .links_up = 8 }, b;
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	llt_ev_node_encode(&w, &a);
	ck_assert(llt_ev_node_decode(buf, wire_wr_len(&w), &b));
	ck_assert_uint_eq(b.session, 4);
	ck_assert_uint_eq(b.links_up, 8);
	CHECK_LENGTHS(llt_ev_node_decode, wire_wr_len(&w), &b);
	a.state = 2;
	wire_wr_init(&w, buf, sizeof(buf));
	llt_ev_node_encode(&w, &a);
	ck_assert(!llt_ev_node_decode(buf, wire_wr_len(&w), &b));
}
END_TEST

START_TEST(link_roundtrip)
{
	struct llt_ev_link a = { .seq = 1, .node = 2, .link = 7, .prio = LLT_PRIO_LOW,
		.state = LLT_LINK_UP, .known = 1, .ifindex = 17, .ifname = "ic0",
		.addr = { 1, 2, 3, 4, 5, 6 }, .peer_addr = { 6, 5, 4, 3, 2, 1 } }, b;
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	llt_ev_link_encode(&w, &a);
	ck_assert(llt_ev_link_decode(buf, wire_wr_len(&w), &b));
	ck_assert_mem_eq(b.peer_addr, a.peer_addr, 6);
	ck_assert_str_eq(b.ifname, "ic0");
	CHECK_LENGTHS(llt_ev_link_decode, wire_wr_len(&w), &b);
}
END_TEST

START_TEST(send_roundtrip)
{
	static struct llt_ctl_send a, b;
	struct wire_wr w;

	a = (struct llt_ctl_send){ .port = 31, .ndst = 2, .dst = { 3, 1023 },
		.data = (const uint8_t *)"hello", .len = 5 };
	wire_wr_init(&w, buf, sizeof(buf));
	llt_ctl_send_encode(&w, &a);
	ck_assert(llt_ctl_send_decode(buf, wire_wr_len(&w), &b));
	ck_assert_uint_eq(b.ndst, 2);
	ck_assert_uint_eq(b.dst[1], 1023);
	ck_assert_mem_eq(b.data, "hello", 5);
	CHECK_LENGTHS(llt_ctl_send_decode, wire_wr_len(&w), &b);
}
END_TEST

START_TEST(send_limits)
{
	static struct llt_ctl_send a, b;
	static const uint8_t data[LLT_MAX_MSG + 1];
	struct wire_wr w;

	for (unsigned i = 0; i < 5; i++) {
		a = (struct llt_ctl_send){ .port = 0, .ndst = 1, .data = data, .len = LLT_MAX_MSG };
		if (i == 1)
			a.port = LLT_MAX_PORTS;
		else if (i == 2)
			a.ndst = 0;
		else if (i == 3)
			a.len++;
		else if (i == 4)
			a.len = 0;
		wire_wr_init(&w, buf, sizeof(buf));
		llt_ctl_send_encode(&w, &a);
		ck_assert_msg(llt_ctl_send_decode(buf, wire_wr_len(&w), &b) == (i == 0), "case %u", i);
	}
}
END_TEST

START_TEST(recv_roundtrip)
{
	struct llt_ctl_recv a = { .port = 1, .datagram = true, .src = 5, .session = 77,
		.data = (const uint8_t *)"x", .len = 1 }, b;
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	llt_ctl_recv_encode(&w, &a);
	ck_assert(llt_ctl_recv_decode(buf, wire_wr_len(&w), &b));
	ck_assert(b.datagram);
	ck_assert_uint_eq(b.session, 77);
	CHECK_LENGTHS(llt_ctl_recv_decode, wire_wr_len(&w), &b);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		self_roundtrip, node_roundtrip, link_roundtrip, send_roundtrip, send_limits,
		recv_roundtrip,
		NULL,
	};

	return unit_run("llt_ctl", tests);
}
