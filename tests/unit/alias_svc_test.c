/* SPDX-License-Identifier: ISC */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "proto/alias_svc.h"
#include "tests/unit/unit.h"

static struct alias_svc s;
static char err[256];

static bool
parse(const char *text)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", text);
	return alias_svc_parse_line(copy, &s, err, sizeof(err));
}

static void
expect_error(const char *text, const char *why)
{
	ck_assert_msg(!parse(text), "%s", text);
	ck_assert_msg(strstr(err, why) != NULL, "%s: %s, not %s", text, err, why);
}

START_TEST(good)
{
	char words[128];

	ck_assert(parse("http 80/tcp in_multi"));
	ck_assert_str_eq(s.name, "http");
	ck_assert_uint_eq(s.proto, IPPROTO_TCP);
	ck_assert_uint_eq(s.port_h, 80);
	ck_assert_uint_eq(s.attrs, ALIAS_IN_MULTI);
	ck_assert(parse("login\t513/udp   out_alias,static,in_multi"));
	ck_assert_uint_eq(s.proto, IPPROTO_UDP);
	alias_attr_format(s.attrs, s.sticky, words, sizeof(words));
	ck_assert_str_eq(words, "in_multi,out_alias,static");
	ck_assert(parse("x 65535/tcp in_nolocal,sticky"));
	ck_assert_uint_eq(s.sticky, ALIAS_STICKY_DEFAULT);
	alias_attr_format(s.attrs, s.sticky, words, sizeof(words));
	ck_assert_str_eq(words, "in_nolocal,sticky=300");
	alias_attr_format(s.attrs, 0, words, sizeof(words));
	ck_assert_str_eq(words, "in_nolocal,sticky");
	ck_assert(parse("x 1/udp sticky=65535,in_multi"));
	ck_assert_uint_eq(s.sticky, 65535);
	alias_attr_format(0, 0, words, sizeof(words));
	ck_assert_str_eq(words, "");
}
END_TEST

START_TEST(bad)
{
	expect_error("http", "expected \"name port/protocol");
	expect_error("http 80", "expected port/tcp or port/udp");
	expect_error("http 80/tcp", "no attribute");
	expect_error("http 70000/tcp in_multi", "port 70000: expected a number from 1 to 65535");
	expect_error("http 0/tcp in_multi", "port 0");
	expect_error("http -1/tcp in_multi", "port -1");
	expect_error("http 80/sctp in_multi", "protocol \"sctp\"");
	expect_error("http 80/tcp in_multi,in_single", "in_multi and in_single exclude each other");
	expect_error("http 80/tcp in_noalias,in_single", "in_single and in_noalias exclude");
	expect_error("http 80/tcp in_noalias,in_multi", "in_multi and in_noalias exclude");
	expect_error("http 80/tcp in_noalias,in_nolocal", "in_nolocal and in_noalias exclude");
	expect_error("http 80/tcp in_multy", "unknown attribute \"in_multy\"");
	expect_error("http 80/tcp in_multi,", "unknown attribute \"\"");
	expect_error("http 80/tcp in_multi,in_multi", "stands twice");
	expect_error("http 80/tcp in_multi,sticky=0", "sticky=0: expected a number of seconds from 1");
	expect_error("http 80/tcp sticky=65536", "sticky=65536");
	expect_error("http 80/tcp sticky=", "sticky=: expected a number");
	expect_error("http 80/tcp sticky=1,sticky=2", "stands twice");
	expect_error("http 80/tcp in_multi=1", "in_multi takes no value");
	expect_error("http 80/tcp in_multi, static", "a blank before \"static\"");
}
END_TEST

START_TEST(wire)
{
	uint8_t buf[128];
	struct wire_wr w;
	struct wire_rd r;
	struct alias_svc in, out;
	size_t cut, len;

	ck_assert(parse("http 80/tcp in_multi,static"));
	in = s;
	wire_wr_init(&w, buf, sizeof(buf));
	alias_svc_encode(&w, &in);
	len = wire_wr_len(&w);
	wire_rd_init(&r, buf, len);
	alias_svc_decode(&r, &out);
	ck_assert(wire_rd_done(&r));
	ck_assert_mem_eq(&in, &out, sizeof(in));
	for (cut = 0; cut < len; cut++) {
		wire_rd_init(&r, buf, cut);
		alias_svc_decode(&r, &out);
		ck_assert(!wire_rd_ok(&r));
	}
	buf[6] = 9; /* s of a service that is not sticky */
	wire_rd_init(&r, buf, len);
	alias_svc_decode(&r, &out);
	ck_assert(!wire_rd_ok(&r));
	buf[6] = 0;
	buf[4] |= 0x20; /* in_single beside in_multi */
	wire_rd_init(&r, buf, len);
	alias_svc_decode(&r, &out);
	ck_assert(!wire_rd_ok(&r));
}
END_TEST

START_TEST(digest)
{
	struct alias_svc a[3], b[3];

	ck_assert(parse("http 80/tcp in_multi"));
	a[0] = s;
	ck_assert(parse("dns 53/udp in_multi,sticky=5"));
	a[1] = s;
	ck_assert(parse("ssh 22/tcp in_noalias"));
	a[2] = s;
	b[0] = a[2], b[1] = a[0], b[2] = a[1];
	ck_assert(alias_svc_digest(a, 3) == alias_svc_digest(b, 3));
	snprintf(b[0].name, sizeof(b[0].name), "other");
	ck_assert(alias_svc_digest(a, 3) == alias_svc_digest(b, 3));
	ck_assert(alias_svc_digest(a, 2) != alias_svc_digest(a, 3));
	b[2].sticky = 6;
	ck_assert(alias_svc_digest(a, 3) != alias_svc_digest(b, 3));
	b[2] = a[1];
	b[1].proto = IPPROTO_UDP;
	ck_assert(alias_svc_digest(a, 3) != alias_svc_digest(b, 3));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { good, bad, wire, digest, NULL };

	return unit_run("alias_svc", tests);
}
