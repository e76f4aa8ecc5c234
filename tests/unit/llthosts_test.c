/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/conf.h"
#include "common/llthosts.h"
#include "tests/unit/unit.h"

static struct llthosts hosts;
static struct conf_errors *errs;

static bool
load(const char *text)
{
	conf_errors_free(errs);
	errs = conf_errors_new();
	return llthosts_load(unit_file("llthosts", text), &hosts, errs);
}

static void
expect_error(const char *text, const char *why)
{
	const char *got;

	ck_assert(!load(text));
	ck_assert_uint_eq(conf_errors_count(errs), 1);
	got = strstr(conf_errors_get(errs, 0), "/llthosts");
	ck_assert_ptr_nonnull(got);
	ck_assert_str_eq(got + strlen("/llthosts"), why);
}

START_TEST(good)
{
	ck_assert(load("# the cluster\n1 n1\n\n  2\tn2 # second\n0 zero\n1023 last"));
	ck_assert_uint_eq(hosts.count, 4);
	ck_assert_str_eq(hosts.name[0], "zero");
	ck_assert_str_eq(hosts.name[2], "n2");
	ck_assert_int_eq(hosts.line[2], 4);
	ck_assert_int_eq(llthosts_id(&hosts, "last"), 1023);
	ck_assert_int_eq(llthosts_id(&hosts, "nobody"), -1);
	ck_assert_int_eq(llthosts_id(&hosts, ""), -1);
}
END_TEST

START_TEST(bad)
{
	expect_error("1 n1\n1 n2\n", ":2: id: 1 is \"n1\" already, in line 1");
	expect_error("1 n1\n2 n1\n", ":2: name: \"n1\" is node 1 already, in line 1");
	expect_error("1024 n1\n", ":1: id: is \"1024\", expected a number in 0..1023");
	expect_error("-1 n1\n", ":1: id: is \"-1\", expected a number in 0..1023");
	expect_error("n1 1\n", ":1: id: is \"n1\", expected a number in 0..1023");
	expect_error("1\n", ":1: 1 words, expected two: <id> <name>");
	expect_error("1 a b\n", ":1: 3 words, expected two: <id> <name>");
	expect_error("1 caf\xc3\xa9\n", ":1: name: \"caf\xc3\xa9\" holds other than printable ASCII");
	expect_error("# nothing\n", ": names no node");
}
END_TEST

START_TEST(name_length)
{
	char text[80] = "1 ";

	memset(text + 2, 'x', 63);
	ck_assert(load(text));
	memset(text + 2, 'x', 64);
	expect_error(text, ":1: name: has 64 bytes, at most 63");
}
END_TEST

START_TEST(all_errors)
{
	ck_assert(!load("1 a\n1 b\nx y\n2 a\n3 c\n"));
	ck_assert_uint_eq(conf_errors_count(errs), 3);
	ck_assert(!llthosts_load("/nonexistent", &hosts, errs));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { good, bad, name_length, all_errors, NULL };

	return unit_run("llthosts", tests);
}
