/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "tests/unit/unit.h"

START_TEST(round_trip)
{
	uint8_t buf[64], *place;
	struct wire_wr w;
	struct wire_rd r;
	char s[8];

	wire_wr_init(&w, buf, sizeof(buf));
	place = wire_wr_reserve(&w, 2);
	wire_wr_u8(&w, 0x12);
	wire_wr_u16(&w, 0x3456);
	wire_wr_u32(&w, 0x789abcde);
	wire_wr_u64(&w, 0x0123456789abcdef);
	wire_wr_str(&w, "abc");
	wire_wr_bytes(&w, "xy", 2);
	ck_assert(wire_wr_ok(&w));
	ck_assert_uint_eq(wire_wr_len(&w), 24);
	wire_put_u16(place, 24);
	ck_assert_mem_eq(buf, "\0\x18\x12\x34\x56\x78\x9a\xbc\xde\x01\x23\x45\x67\x89\xab\xcd\xef\0\3abcxy",
	    24);

	wire_rd_init(&r, buf, wire_wr_len(&w));
	ck_assert_uint_eq(wire_rd_u16(&r), 24);
	ck_assert_uint_eq(wire_rd_u8(&r), 0x12);
	ck_assert_uint_eq(wire_rd_u16(&r), 0x3456);
	ck_assert_uint_eq(wire_rd_u32(&r), 0x789abcde);
	ck_assert_uint_eq(wire_rd_u64(&r), 0x0123456789abcdef);
	wire_rd_str(&r, s, sizeof(s));
	ck_assert_str_eq(s, "abc");
	ck_assert(!wire_rd_done(&r));
	ck_assert_mem_eq(wire_rd_view(&r, 2), "xy", 2);
	ck_assert(wire_rd_done(&r));
}
END_TEST

START_TEST(reading_past_the_end_sticks)
{
	static const uint8_t buf[] = { 1, 2, 3 };
	struct wire_rd r;
	uint8_t out[4] = { 9, 9, 9, 9 };

	wire_rd_init(&r, buf, sizeof(buf));
	ck_assert_uint_eq(wire_rd_u32(&r), 0);
	ck_assert(!wire_rd_ok(&r));
	ck_assert_uint_eq(wire_rd_u8(&r), 0); /* would fit */
	ck_assert_ptr_null(wire_rd_view(&r, 0));
	wire_rd_copy(&r, out, sizeof(out));
	ck_assert_mem_eq(out, "\0\0\0\0", 4);
	ck_assert(!wire_rd_done(&r));
}
END_TEST

START_TEST(strings)
{
	struct wire_rd r;
	char s[4] = "zzz";

	wire_rd_init(&r, "\0\4abcd", 6);
	wire_rd_str(&r, s, sizeof(s)); /* no room for the NUL */
	ck_assert(!wire_rd_ok(&r));
	ck_assert_str_eq(s, "");
	wire_rd_init(&r, "\0\3a\0c", 5);
	wire_rd_str(&r, s, sizeof(s));
	ck_assert(!wire_rd_ok(&r));
	wire_rd_init(&r, "\xff\xff", 2);
	wire_rd_str(&r, s, sizeof(s));
	ck_assert(!wire_rd_ok(&r));
	wire_rd_init(&r, "\0\0", 2);
	wire_rd_str(&r, s, sizeof(s));
	ck_assert(wire_rd_done(&r));
}
END_TEST

START_TEST(counts)
{
	struct wire_rd r;

	wire_rd_init(&r, "\0\2aabb", 6);
	ck_assert_uint_eq(wire_rd_count16(&r, 2, 10), 2);
	wire_rd_init(&r, "\0\3aabb", 6);
	ck_assert_uint_eq(wire_rd_count16(&r, 2, 10), 0); /* more than there is */
	ck_assert(!wire_rd_ok(&r));
	wire_rd_init(&r, "\0\2aabb", 6);
	ck_assert_uint_eq(wire_rd_count16(&r, 2, 1), 0); /* more than may be */
	ck_assert(!wire_rd_ok(&r));
	wire_rd_init(&r, "\xff\xff\xff\xff", 4);
	ck_assert_uint_eq(wire_rd_count32(&r, 1u << 31, UINT32_MAX), 0); /* no overflow */
	ck_assert(!wire_rd_ok(&r));
	wire_rd_init(&r, "\0\0\0\0", 4);
	ck_assert_uint_eq(wire_rd_count32(&r, 8, 5), 0);
	ck_assert(wire_rd_done(&r));
}
END_TEST

START_TEST(failing_on_purpose)
{
	struct wire_rd r;

	wire_rd_init(&r, "\1", 1);
	ck_assert_uint_eq(wire_rd_u8(&r), 1);
	wire_rd_fail(&r);
	ck_assert(!wire_rd_done(&r));
}
END_TEST

START_TEST(writing_past_the_end_sticks)
{
	uint8_t buf[8] = { 0 };
	struct wire_wr w;
	char *big;

	wire_wr_init(&w, buf, 3);
	wire_wr_u16(&w, 1);
	wire_wr_u16(&w, 2);
	ck_assert(!wire_wr_ok(&w));
	wire_wr_u8(&w, 3); /* would fit */
	ck_assert_uint_eq(wire_wr_len(&w), 2);
	ck_assert_mem_eq(buf, "\0\1\0\0\0\0\0\0", 8);
	ck_assert_ptr_null(wire_wr_reserve(&w, 0));

	big = calloc(1, UINT16_MAX + 2);
	memset(big, 'x', UINT16_MAX + 1);
	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_str(&w, big);
	ck_assert(!wire_wr_ok(&w));
	free(big);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { round_trip, reading_past_the_end_sticks, strings, counts,
		failing_on_purpose, writing_past_the_end_sticks, NULL };

	return unit_run("wire", tests);
}
