/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "gabd/gabd_conf.h"
#include "tests/unit/unit.h"

static struct conf_errors *errs;

/* text begins in line 2, after the name of a file with three nodes. */
static struct gabd_conf *
load(const char *text)
{
	char all[1024];

	errs = conf_errors_new();
	snprintf(all, sizeof(all), "llthosts = \"%s\";\n%s",
	    unit_file("llthosts", "0 n0\n1 n1\n2 n2\n"), text);
	return gabd_conf_load(unit_file("gabd.conf", all), errs);
}

static void
expect_error(const char *text, const char *part)
{
	ck_assert_ptr_null(load(text));
	ck_assert_uint_eq(conf_errors_count(errs), 1);
	ck_assert_msg(strstr(conf_errors_get(errs, 0), part) != NULL, "no \"%s\" in: %s", part,
	    conf_errors_get(errs, 0));
	conf_errors_free(errs);
}

START_TEST(wrong)
{
	expect_error("seed = 4;\n", "gabd.conf:2: seed: 4 nodes are needed");
	expect_error("\nexpected = 4;\n", "gabd.conf:3: expected: 4 nodes, but");
	expect_error("two_node = true;\n", "gabd.conf:2: two_node: is a rule for");
	expect_error("alive = 50;\ndead = 99;\n", "gabd.conf:3: dead: is 99 ms");
}
END_TEST

START_TEST(fixed)
{
	struct gabd_conf *a = load(""), *b;

	conf_errors_free(errs);
	ck_assert_ptr_nonnull(a);
	b = load("alive = 101;\nsettle = 6;\n\ndead = 501;\n");
	ck_assert_ptr_nonnull(b);
	gabd_conf_check_fixed(a, b, errs);
	ck_assert_uint_eq(conf_errors_count(errs), 2);
	ck_assert_int_eq(conf_errors_get(errs, 0)[0], '/');
	ck_assert_ptr_nonnull(strstr(conf_errors_get(errs, 0), "gabd.conf:2: alive: cannot be"));
	ck_assert_ptr_nonnull(strstr(conf_errors_get(errs, 1), "gabd.conf:5: dead: cannot be"));
	conf_errors_free(errs);
	gabd_conf_free(a);
	gabd_conf_free(b);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { wrong, fixed, NULL };

	return unit_run("gabd_conf", tests);
}
