/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "proto/alias_ctl.h"
#include "tests/unit/unit.h"

static struct alias_routing c;
static char err[256];

static void
expect(const char *text, uint32_t on, uint32_t off)
{
	ck_assert_msg(alias_routing_parse(text, &c, err, sizeof(err)), "%s: %s", text, err);
	ck_assert_uint_eq(c.on, on);
	ck_assert_uint_eq(c.off, off);
}

static void
expect_error(const char *text, const char *why)
{
	ck_assert_msg(!alias_routing_parse(text, &c, err, sizeof(err)), "%s", text);
	ck_assert_msg(strstr(err, why) != NULL, "%s: %s, not %s", text, err, why);
}

START_TEST(words)
{
	char list[300];

	expect("start", ALIAS_RT_START, 0);
	expect("stop", 0, ALIAS_RT_START);
	expect("resvok,start", ALIAS_RT_START | ALIAS_RT_RESVOK, 0);
	expect("nogated,novmac,noresvok", 0, ALIAS_RT_GATED | ALIAS_RT_VMAC | ALIAS_RT_RESVOK);
	expect("vmac,stop,vmac", ALIAS_RT_VMAC, ALIAS_RT_START);
	expect_error("", "an empty routing option");
	expect_error("start,", "an empty routing option");
	expect_error("start,stop", "start and stop exclude each other");
	expect_error("nogated,gated", "gated and nogated exclude each other");
	expect_error("restart", "unknown routing option \"restart\"");
	memset(list, 'a', sizeof(list) - 1);
	list[sizeof(list) - 1] = '\0';
	expect_error(list, "longer than");
}
END_TEST

START_TEST(text)
{
	char out[ALIAS_RT_TEXT_MAX];

	alias_routing_format(ALIAS_RT_DEFAULT, out, sizeof(out));
	ck_assert_str_eq(out, "start,noresvok,gated,novmac");
	alias_routing_format(ALIAS_RT_RESVOK | ALIAS_RT_VMAC, out, sizeof(out));
	ck_assert_str_eq(out, "stop,resvok,nogated,vmac");
	ck_assert_ptr_null(alias_routing_word(4, true));
}
END_TEST

START_TEST(messages)
{
	const struct alias_routing bad[] = { { .on = ALIAS_RT_ALL + 1 }, { .off = 1u << 31 },
		{ .on = ALIAS_RT_VMAC, .off = ALIAS_RT_VMAC } };
	struct alias_routing in = { .on = ALIAS_RT_RESVOK, .off = ALIAS_RT_START };
	uint8_t buf[64];
	struct wire_wr w;
	size_t i;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_routing_encode(&w, &in);
	ck_assert(alias_routing_decode(buf, wire_wr_len(&w), &c));
	ck_assert_uint_eq(c.on, in.on);
	ck_assert_uint_eq(c.off, in.off);
	for (i = 0; i < wire_wr_len(&w); i++)
		ck_assert(!alias_routing_decode(buf, i, &c));
	for (i = 0; i < 3; i++) {
		wire_wr_init(&w, buf, sizeof(buf));
		alias_routing_encode(&w, &bad[i]);
		ck_assert(!alias_routing_decode(buf, wire_wr_len(&w), &c));
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { words, text, messages, NULL };

	return unit_run("alias_routing", tests);
}
