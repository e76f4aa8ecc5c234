/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "proto/gab_msg.h"
#include "tests/unit/unit.h"

static uint8_t buf[GAB_MSG_MAX];
static struct wire_wr w;

static void
begin(void)
{
	wire_wr_init(&w, buf, sizeof(buf));
}

static struct wire_rd *
reader(size_t cut)
{
	static struct wire_rd r;

	wire_rd_init(&r, buf, wire_wr_len(&w) - cut);
	return &r;
}

START_TEST(sets)
{
	struct gab_set a = { { 0 } }, b = { { 0 } }, d;
	uint16_t ids[LLT_MAX_NODES];

	gab_set_add(&a, 0);
	gab_set_add(&a, 63);
	gab_set_add(&a, 64);
	gab_set_add(&a, 1023);
	gab_set_add(&a, 1024); /* no such node */
	ck_assert_uint_eq(gab_set_list(&a, ids), 4);
	ck_assert_uint_eq(ids[3], 1023);
	ck_assert_int_eq(gab_set_next(&a, 1023), -1);
	gab_set_add(&b, 64);
	ck_assert(gab_set_subset(&b, &a) && !gab_set_subset(&a, &b) && gab_set_meet(&a, &b));
	ck_assert_int_lt(gab_set_compare(&a, &b), 0);
	begin();
	gab_set_encode(&w, &a);
	ck_assert_uint_eq(wire_wr_len(&w), 2 + 128);
	gab_set_decode(reader(0), &d);
	ck_assert(gab_set_equal(&a, &d));
	gab_set_sub(&a, &a);
	ck_assert(gab_set_empty(&a));
	begin();
	gab_set_encode(&w, &a);
	ck_assert_uint_eq(wire_wr_len(&w), 2);
}
END_TEST

START_TEST(set_too_long)
{
	struct gab_set d;
	struct wire_rd *r;

	begin();
	wire_wr_u16(&w, 129);
	wire_wr_reserve(&w, 129);
	r = reader(0);
	gab_set_decode(r, &d);
	ck_assert(!wire_rd_ok(r));
}
END_TEST

static struct gab_install
sample(void)
{
	struct gab_install m = { .att = { 5, 1 }, .vid = { 100, 1, 77 }, .gen = 101, .quorate = true,
		.quorum_gen = 100,
		.prev = { 90, 2, 66 }, .prev_final = 12 };

	gab_set_add(&m.members, 1);
	gab_set_add(&m.members, 2);
	gab_set_add(&m.kept, 2);
	m.ports.row[7].vid = (struct gab_vid){ 101, 1, 77 };
	m.ports.row[7].members = m.members;
	gab_set_add(&m.ports.row[7].joined, 1);
	return m;
}

static bool
install_ok(const struct gab_install *m)
{
	static struct gab_install d;

	begin();
	gab_install_encode(&w, m);
	return gab_install_decode(reader(0), &d) && memcmp(&d, m, sizeof(d)) == 0;
}

START_TEST(install)
{
	static struct gab_install m, d;

	m = sample();
	ck_assert(install_ok(&m));
	for (size_t cut = 1; cut <= wire_wr_len(&w); cut++)
		ck_assert(!gab_install_decode(reader(cut), &d));
	m = sample();
	m.vid.gen = m.prev.gen;
	ck_assert(!install_ok(&m));
	m = sample();
	m.quorum_gen = m.vid.gen + 1;
	ck_assert(!install_ok(&m));
	m = sample();
	gab_set_del(&m.members, 1); /* the installer */
	ck_assert(!install_ok(&m));
	m = sample();
	gab_set_clear(&m.kept); /* nobody comes from the view that goes on */
	ck_assert(!install_ok(&m));
	m = sample();
	gab_set_add(&m.ports.row[7].members, 9); /* in the port, not in the view */
	ck_assert(!install_ok(&m));
	m = sample();
	m.gen = GAB_GEN_MAX + 1;
	ck_assert(!install_ok(&m));
}
END_TEST

START_TEST(flush)
{
	static struct gab_flush m, d;
	struct gab_install i = sample();

	m = (struct gab_flush){ .att = { 9, 3 }, .flags = GAB_FLUSH_SEEDED | GAB_FLUSH_LOSSY,
		.vid = i.vid, .quorum_gen = 99, .high = 1ull << 50, .gen = 101, .clients = 1u << 7, .prev = i.prev,
		.prev_final = 3, .kept = i.kept, .ports = i.ports };
	begin();
	gab_flush_encode(&w, &m);
	ck_assert(gab_flush_decode(reader(0), &d));
	ck_assert(memcmp(&m, &d, sizeof(m)) == 0);
	ck_assert(!gab_flush_decode(reader(1), &d));
	m.flags = 0x80;
	begin();
	gab_flush_encode(&w, &m);
	ck_assert(!gab_flush_decode(reader(0), &d));
}
END_TEST

START_TEST(batch)
{
	struct gab_batch b = { .vid = { 1, 2, 3 }, .first = 4, .mark = 2, .count = 2 }, db;
	struct gab_item i = { .origin = 4, .oseq = 9, .kind = GAB_ITEM_DATA, .port = 2, .inst = 1,
		.data = (const uint8_t *)"abc", .len = 3 }, di;
	struct wire_rd *r;

	begin();
	gab_batch_encode(&w, &b);
	gab_item_encode(&w, &i);
	i.kind = GAB_ITEM_LEAVE;
	gab_item_encode(&w, &i); /* a leave with data: malformed */
	r = reader(0);
	ck_assert(gab_batch_decode(r, &db));
	ck_assert_uint_eq(db.count, 2);
	ck_assert(gab_item_decode(r, &di));
	ck_assert_mem_eq(di.data, "abc", 3);
	ck_assert(!gab_item_decode(r, &di));
	b.count = GAB_ITEMS_MAX + 1;
	begin();
	gab_batch_encode(&w, &b);
	ck_assert(!gab_batch_decode(reader(0), &db));
}
END_TEST

START_TEST(small_ones)
{
	struct gab_hello hello = { .cid = 0, .peer_cid = 4 };
	struct gab_unicast u = { .port = 0, .data = buf + 1000, .len = 1 };
	struct gab_nack nack = { .att = { 3, LLT_MAX_NODES }, .num = 1 };
	struct wire_rd r;

	begin();
	gab_hello_encode(&w, &hello);
	ck_assert(!gab_hello_decode(reader(0), &hello));
	begin();
	gab_unicast_encode(&w, &u);
	ck_assert(!gab_unicast_decode(reader(0), &u));
	begin();
	gab_nack_encode(&w, &nack);
	ck_assert(!gab_nack_decode(reader(0), &nack));
	ck_assert_uint_eq(gab_msg_open(&r, (const uint8_t *)"\1\1", 2), GAB_MSG_HELLO);
	ck_assert_uint_eq(gab_msg_open(&r, (const uint8_t *)"\2\1", 2), 0);
	ck_assert_uint_eq(gab_msg_open(&r, (const uint8_t *)"\1\377", 2), 0);
	ck_assert_uint_eq(gab_msg_open(&r, (const uint8_t *)"\1", 1), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { sets, set_too_long, install, flush, batch, small_ones, NULL };

	return unit_run("gab_msg", tests);
}
