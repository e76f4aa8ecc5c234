/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "proto/gab_status.h"
#include "tests/unit/unit.h"

static uint8_t buf[70000];
static struct wire_wr w;

static void
begin(void)
{
	wire_wr_init(&w, buf, sizeof(buf));
}

START_TEST(view)
{
	static struct gab_ev_view v = { .gen = 7, .self = 3, .quorate = true, .fresh = true, .nmembers = 2,
		.members = { 3, 1023 }, .njoined = 1, .joined = { 3 }, .nleft = 1, .left = { 0 } };
	static struct gab_ev_view d;

	begin();
	gab_ev_view_encode(&w, &v);
	ck_assert(gab_ev_view_decode(buf, wire_wr_len(&w), &d));
	ck_assert_uint_eq(d.gen, 7);
	ck_assert_uint_eq(d.self, 3);
	ck_assert(d.quorate && d.fresh);
	ck_assert_uint_eq(d.nmembers, 2);
	ck_assert_uint_eq(d.members[1], 1023);
	ck_assert_uint_eq(d.njoined, 1);
	ck_assert_uint_eq(d.left[0], 0);
	for (size_t n = 0; n < wire_wr_len(&w); n++)
		ck_assert(!gab_ev_view_decode(buf, n, &d));
	ck_assert(!gab_ev_view_decode(buf, wire_wr_len(&w) + 1, &d));
}
END_TEST

START_TEST(view_with_bad_ids)
{
	static struct gab_ev_view v = { .gen = 7, .nmembers = 2, .members = { 3, 3 } };
	static struct gab_ev_view d;

	begin();
	gab_ev_view_encode(&w, &v); /* twice the same */
	ck_assert(!gab_ev_view_decode(buf, wire_wr_len(&w), &d));
	v.members[1] = LLT_MAX_NODES;
	begin();
	gab_ev_view_encode(&w, &v);
	ck_assert(!gab_ev_view_decode(buf, wire_wr_len(&w), &d));
	v.members[1] = 4;
	begin();
	gab_ev_view_encode(&w, &v);
	ck_assert(gab_ev_view_decode(buf, wire_wr_len(&w), &d));
	buf[7] = 2; /* fresh */
	ck_assert(!gab_ev_view_decode(buf, wire_wr_len(&w), &d));
}
END_TEST

START_TEST(messages)
{
	static uint8_t data[GAB_MAX_MSG + 1];
	struct gab_ctl_send s = { .kind = GAB_UNICAST, .dst = 5, .gen = 9, .data = data, .len = 3 }, ds;
	struct gab_ev_msg m = { .kind = GAB_ORDERED, .src = 6, .gen = 8, .data = data }, dm;

	begin();
	gab_ctl_send_encode(&w, &s);
	ck_assert(gab_ctl_send_decode(buf, wire_wr_len(&w), &ds));
	ck_assert(ds.kind == s.kind && ds.dst == 5 && ds.gen == 9 && ds.len == 3);
	ck_assert(!gab_ctl_send_decode(buf, 7, &ds)); /* nothing to send */
	buf[0] = GAB_MULTICAST;
	ck_assert(gab_ctl_send_decode(buf, wire_wr_len(&w), &ds) && ds.kind == GAB_MULTICAST);
	buf[0] = GAB_MULTICAST + 1;
	ck_assert(!gab_ctl_send_decode(buf, wire_wr_len(&w), &ds));
	for (m.len = GAB_MAX_MSG; m.len <= GAB_MAX_MSG + 1; m.len++) {
		begin();
		gab_ev_msg_encode(&w, &m);
		ck_assert(gab_ev_msg_decode(buf, wire_wr_len(&w), &dm) == (m.len == GAB_MAX_MSG));
	}
}
END_TEST

START_TEST(rows)
{
	static struct gab_row_port p = { .letter = 'h', .gen = 4, .client = "x", .nmembers = 1,
		.members = { 2 } }, dp;
	struct gab_row_status s = { .configured = true, .self = 9, .settle = 5000000 }, ds;
	struct gab_req_configure c = { .what = GAB_CONFIGURE_SEED, .seed = 3 }, dc;
	struct gab_row_counter n = { .name = "views", .value = 1ull << 40 }, dn;

	begin();
	gab_row_port_encode(&w, &p);
	ck_assert(gab_row_port_decode(buf, wire_wr_len(&w), &dp));
	ck_assert(dp.letter == 'h' && dp.nmembers == 1 && dp.members[0] == 2);
	buf[0] = 'A';
	ck_assert(!gab_row_port_decode(buf, wire_wr_len(&w), &dp));
	begin();
	gab_row_status_encode(&w, &s);
	ck_assert(gab_row_status_decode(buf, wire_wr_len(&w), &ds));
	ck_assert(ds.configured && !ds.seeded && ds.self == 9 && ds.settle == 5000000);
	ck_assert(!gab_row_status_decode(buf, wire_wr_len(&w) - 1, &ds));
	begin();
	gab_req_configure_encode(&w, &c);
	ck_assert(gab_req_configure_decode(buf, wire_wr_len(&w), &dc));
	buf[0] = 3;
	ck_assert(!gab_req_configure_decode(buf, wire_wr_len(&w), &dc));
	begin();
	gab_row_counter_encode(&w, &n);
	ck_assert(gab_row_counter_decode(buf, wire_wr_len(&w), &dn));
	ck_assert_str_eq(dn.name, "views");
	ck_assert_uint_eq(dn.value, 1ull << 40);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { view, view_with_bad_ids, messages, rows, NULL };

	return unit_run("gab_ctl", tests);
}
