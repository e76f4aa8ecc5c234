/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "proto/alias_opts.h"
#include "tests/unit/unit.h"

static struct alias_opts o;
static char err[256];

static void
expect_error(const char *text, const char *why)
{
	err[0] = '\0';
	ck_assert_msg(!alias_opts_parse(text, &o, err, sizeof(err)), "%s", text);
	ck_assert_msg(strstr(err, why) != NULL, "%s: %s, not %s", text, err, why);
}

static void
expect_line_error(const char *text, const char *why)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", text);
	ck_assert_msg(!alias_opts_parse_line(copy, &o, err, sizeof(err)), "%s", text);
	ck_assert_msg(strstr(err, why) != NULL, "%s: %s, not %s", text, err, why);
}

START_TEST(good)
{
	ck_assert(alias_opts_parse("alias=mail", &o, err, sizeof(err)));
	ck_assert_str_eq(o.alias, "mail");
	ck_assert_uint_eq(o.set, 0);
	ck_assert(alias_opts_parse("alias=10.1.0.100,join,selw=3,selp=10,rpri=100,virtual", &o, err,
	    sizeof(err)));
	ck_assert_uint_eq(o.set,
	    ALIAS_OPT_JOIN | ALIAS_OPT_SELW | ALIAS_OPT_SELP | ALIAS_OPT_RPRI | ALIAS_OPT_VIRTUAL);
	ck_assert_uint_eq(o.selw, 3);
	ck_assert_uint_eq(o.selp, 10);
	ck_assert_uint_eq(o.rpri, 100);
	ck_assert(o.virt);
	ck_assert(alias_opts_parse("alias=DEFAULTALIAS,virtual=f,selw=0,leave", &o, err, sizeof(err)));
	ck_assert_uint_eq(o.leave_limit, ALIAS_LEAVE_NOT_SAID);
	ck_assert(alias_opts_parse("alias=x,leave=30", &o, err, sizeof(err)));
	ck_assert_uint_eq(o.leave_limit, 30);
	ck_assert(alias_opts_parse("alias=DEFAULTALIAS,virtual=f,selw=0,leave", &o, err, sizeof(err)));
	ck_assert(alias_opts_is_default(&o));
	ck_assert(!o.virt);
	ck_assert_uint_eq(o.set, ALIAS_OPT_VIRTUAL | ALIAS_OPT_SELW | ALIAS_OPT_LEAVE);
	ck_assert(alias_opts_parse("alias=x,virtual,mask=255.255.240.0", &o, err, sizeof(err)));
	ck_assert_uint_eq(o.set, ALIAS_OPT_VIRTUAL | ALIAS_OPT_MASK);
	ck_assert_uint_eq(o.prefixlen, 20);
	ck_assert(alias_opts_parse("alias=x,mask=28", &o, err, sizeof(err)));
	ck_assert_uint_eq(o.prefixlen, 28);
	ck_assert(alias_opts_parse("alias=x,mask=255.255.255.255", &o, err, sizeof(err)));
	ck_assert_uint_eq(o.prefixlen, 32);
}
END_TEST

START_TEST(bad)
{
	expect_error("", "expected alias=NAME");
	expect_error("join,alias=x", "first, not \"join\"");
	expect_error("alias=", "alias= needs a name");
	expect_error("alias=x,", "an empty option");
	expect_error("alias=x,,join", "an empty option");
	expect_error("alias=x, join", "a blank in the option list");
	expect_error("alias=x,joni", "unknown option \"joni\"");
	expect_error("alias=x,alias=y", "alias= stands twice");
	expect_error("alias=x,join,join", "join stands twice");
	expect_error("alias=x,join,leave", "exclude each other");
	expect_error("alias=x,leave=", "seconds");
	expect_error("alias=x,leave=604801", "seconds");
	expect_error("alias=x,leave=5,leave", "stands twice");
	expect_error("alias=x,join=t", "takes no value");
	expect_error("alias=x,selw", "selw needs a value");
	expect_error("alias=x,selw=", "selw needs a value");
	expect_error("alias=x,selw=65536", "from 0 to 65535");
	expect_error("alias=x,selw=-1", "from 0 to 65535");
	expect_error("alias=x,selp=1x", "from 0 to 65535");
	expect_error("alias=x,rpri=101", "from 0 to 100");
	expect_error("alias=x,virtual=yes", "expected virtual, virtual=t or virtual=f");
	ck_assert(alias_opts_parse("alias=x,inbound=balance", &o, err, sizeof(err)) && o.balance);
	ck_assert(alias_opts_parse("alias=x,inbound=master", &o, err, sizeof(err)) && !o.balance);
	expect_error("alias=x,inbound", "expected inbound=balance or inbound=master");
	expect_error("alias=x,inbound=both", "expected inbound=balance or inbound=master");
	expect_error("alias=x,mask", "expected a netmask");
	expect_error("alias=x,mask=", "expected a netmask");
	expect_error("alias=x,mask=0", "expected a netmask");
	expect_error("alias=x,mask=33", "expected a netmask");
	expect_error("alias=x,mask=0.0.0.0", "expected a netmask");
	expect_error("alias=x,mask=255.0.255.0", "expected a netmask");
}
END_TEST

START_TEST(lines)
{
	char good1[] = "/usr/sbin/cluamgr -a alias=DEFAULTALIAS,selw=3,selp=1,join";
	char good2[] = "cluamgr\t-a   alias=gourmet,join";
	char good3[] = "/opt/clua/sbin/cluamgr -a alias=x";
	char good4[] = "/cluamgr -a alias=x";

	ck_assert(alias_opts_parse_line(good1, &o, err, sizeof(err)));
	ck_assert_uint_eq(o.selw, 3);
	ck_assert(alias_opts_parse_line(good2, &o, err, sizeof(err)));
	ck_assert_str_eq(o.alias, "gourmet");
	ck_assert(alias_opts_parse_line(good3, &o, err, sizeof(err)));
	ck_assert(alias_opts_parse_line(good4, &o, err, sizeof(err)));
	expect_line_error("rm -rf alias=x", "expected a line of the form");
	expect_line_error("sbin/cluamgr -a alias=x", "expected a line of the form");
	expect_line_error("/sbin/mycluamgr -a alias=x", "expected a line of the form");
	expect_line_error("/sbin/cluamgr/ -a alias=x", "expected a line of the form");
	expect_line_error("/cluamgr/x -a alias=x", "expected a line of the form");
	expect_line_error("cluamgr", "only \"cluamgr -a\"");
	expect_line_error("cluamgr -f", "only \"cluamgr -a\"");
	expect_line_error("cluamgr -a", "-a needs an option list");
	expect_line_error("cluamgr -a alias=x, join", "a blank in the option list before \"join\"");
}
END_TEST

START_TEST(lengths)
{
	char text[2048] = "alias=";

	memset(text + 6, 'a', ALIAS_NAME_MAX - 1);
	ck_assert(alias_opts_parse(text, &o, err, sizeof(err)));
	text[6 + ALIAS_NAME_MAX - 1] = 'a';
	expect_error(text, "longer than 255");
	memset(text + 6, 'a', 1500);
	expect_error(text, "longer than 1023");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { good, bad, lines, lengths, NULL };

	return unit_run("alias_opts", tests);
}
