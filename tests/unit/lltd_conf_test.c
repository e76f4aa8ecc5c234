/* SPDX-License-Identifier: ISC */
/* lltd.conf, llthosts and the key file: what is right, and the line that each mistake gets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/conf.h"
#include "lltd/keyfile.h"
#include "lltd/lltd_conf.h"
#include "lltd/lltd_conf_link.h"
#include "tests/unit/unit.h"

#define KEY_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define GOOD "cluster = 42;\nnode = \"n1\";\nprofile = \"fast\";\nlinks = ( { device = \"ic0\"; } );\n"

static struct conf_errors *errs;

/* Loads text with paths to good files of hosts and key behind it. */
static struct lltd_conf *
load(const char *text)
{
	char buf[8192], hosts[512], key[512];

	snprintf(hosts, sizeof(hosts), "%s", unit_file("llthosts", "1 n1\n2 n2\n"));
	snprintf(key, sizeof(key), "%s", unit_file("key", KEY_HEX "\n"));
	snprintf(buf, sizeof(buf), "%s\nllthosts = \"%s\";\nkey_file = \"%s\";\n", text, hosts, key);
	errs = conf_errors_new();
	return lltd_conf_load(unit_file("lltd.conf", buf), errs);
}

static void
expect(const char *text, const char *where, const char *what)
{
	struct lltd_conf *c = load(text);
	const char *line;

	ck_assert_msg(c == NULL, "accepted: %s", text);
	ck_assert_uint_eq(conf_errors_count(errs), 1);
	line = conf_errors_get(errs, 0);
	ck_assert_msg(strstr(line, where) != NULL && strstr(line, what) != NULL, "%s", line);
	conf_errors_free(errs);
}

START_TEST(good)
{
	struct lltd_conf *c = load(GOOD);
	struct llt_timers t;

	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->id, 1);
	ck_assert_uint_eq(c->link[0].ethertype, 0xcafe);
	ck_assert_uint_eq(c->key[31], 0x1f);
	lltd_conf_timers(c, &t);
	ck_assert_uint_eq(t.heartbeat[LLT_PRIO_LOW], 20 * NSEC_PER_MSEC);
	ck_assert_uint_eq(t.inactive, 30 * NSEC_PER_MSEC);
	lltd_conf_free(c);
	conf_errors_free(errs);
}
END_TEST

START_TEST(single_timers)
{
	struct lltd_conf *c = load(GOOD "heartbeat = 5; inactive = 25.5;");
	struct llt_timers t;

	ck_assert_ptr_nonnull(c);
	lltd_conf_timers(c, &t);
	ck_assert_uint_eq(t.heartbeat[LLT_PRIO_HIGH], 5 * NSEC_PER_MSEC);
	ck_assert_uint_eq(t.inactive, 25500000);
	lltd_conf_free(c);
	conf_errors_free(errs);
}
END_TEST

START_TEST(mistakes)
{
	expect(GOOD "colour = 1;", ":5:", "colour");
	expect("cluster = 70000;\nnode = \"n1\"; links = ( { device = \"a\"; } );", ":1:", "70000");
	expect(GOOD "trouble = 9;", ":5:", "heartbeat");
	expect("cluster = 1;\nnode = \"n7\";\nlinks = ( { device = \"a\"; } );", ":2:", "n7");
	expect("cluster = 1;\nnode = \"n1\";\nlinks = ( { device = \"a\"; },\n { device = \"a\"; } );", ":4:",
	    "line 3");
	expect("cluster = 1;\nnode = \"n1\";\nlinks = ( {device=\"a\";}, {device=\"b\";}, {device=\"c\";},"
	       "{device=\"d\";}, {device=\"e\";}, {device=\"f\";}, {device=\"g\";}, {device=\"h\";},"
	       "{device=\"i\";} );", ":3:", "8");
	expect("cluster = 1;\nnode = \"n1\";\nlinks = ( { device = \"a\"; burst = 0; } );", ":3:", "burst");
}
END_TEST

START_TEST(duplicate_id)
{
	char buf[1024];
	struct lltd_conf *c;

	snprintf(buf, sizeof(buf), GOOD "authentication = \"none\";\nllthosts = \"%s\";\n",
	    unit_file("twice", "1 n1\n1 n2\n"));
	errs = conf_errors_new();
	c = lltd_conf_load(unit_file("lltd.conf", buf), errs);
	ck_assert_ptr_null(c);
	ck_assert_ptr_nonnull(strstr(conf_errors_get(errs, 0), "twice:2:"));
	conf_errors_free(errs);
}
END_TEST

START_TEST(keys)
{
	uint8_t key[CRYPTO_KEY_LEN], raw[CRYPTO_KEY_LEN] = { 7 };
	const char *path = unit_file("open-key", KEY_HEX);

	errs = conf_errors_new();
	ck_assert(keyfile_load(path, key, errs));
	chmod(path, 0640);
	ck_assert(!keyfile_load(path, key, errs));
	ck_assert_ptr_nonnull(strstr(conf_errors_get(errs, 0), "640"));
	ck_assert(!keyfile_load("/nonexistent", key, errs));
	ck_assert(!keyfile_load("/", key, errs));
	ck_assert(keyfile_parse(raw, sizeof(raw), key));
	ck_assert_mem_eq(raw, key, sizeof(key));
	ck_assert(keyfile_parse((const uint8_t *)"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", 45, key));
	ck_assert_uint_eq(key[31], 0x1f);
	ck_assert(!keyfile_parse((const uint8_t *)KEY_HEX, 62, key));
	ck_assert(!keyfile_parse((const uint8_t *)"", 0, key));
	conf_errors_free(errs);
}
END_TEST

static struct lltd_conf *
with_links(const char *links)
{
	char text[512];
	struct lltd_conf *c;

	snprintf(text, sizeof(text),
	    "cluster = 42; node = \"n1\"; authentication = \"none\"; links = (%s);", links);
	c = load(text);
	ck_assert_ptr_nonnull(c);
	conf_errors_free(errs);
	return c;
}

#define IC(n) "{ device = \"ic" #n "\"; }"
#define UDP(peer) "{ type = \"udp\"; address = \"10.1.0.1\"; peers = ({ node = \"n2\"; address = \"" peer "\"; }); }"
#define NO_LINK "{ type = \"none\"; }"

START_TEST(what_moved)
{
	static const struct {
		const char *from, *to;
		uint32_t moved, peers;
	} cases[] = {
		{ IC(0), IC(0), 0, 0 },
		{ IC(0), "{ device = \"ic0\"; priority = \"low\"; burst = 3; mtu = 1000; }", 0, 0 },
		{ IC(0), "{ device = \"ic0\"; sap = 0xcaff; }", 1, 0 },
		{ IC(0), IC(0) "," IC(1), 2, 0 },
		{ IC(0) "," IC(1), IC(1) "," IC(0), 3, 0 },
		{ IC(0) "," IC(1), NO_LINK "," IC(1), 1, 0 },
		{ IC(0) "," UDP("10.1.0.2"), IC(0) "," UDP("10.1.0.3"), 0, 2 },
		{ IC(0) "," UDP("10.1.0.2"), UDP("10.1.0.2"), 3, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lltd_conf *a = with_links(cases[i].from), *b = with_links(cases[i].to);

		ck_assert_uint_eq(lltd_links_moved(a, b), cases[i].moved);
		ck_assert_uint_eq(lltd_links_moved(b, a), cases[i].moved);
		ck_assert_uint_eq(lltd_links_other_peers(a, b) & ~cases[i].moved, cases[i].peers);
		lltd_conf_free(a);
		lltd_conf_free(b);
	}
}
END_TEST

START_TEST(what_cannot_change)
{
	struct lltd_conf *a = load(GOOD), *b;

	conf_errors_free(errs);
	b = load(GOOD "heartbeat = 5;");
	ck_assert_ptr_null(lltd_conf_fixed_difference(a, b));
	lltd_conf_free(b);
	conf_errors_free(errs);
	b = load(GOOD);
	b->cluster = 43;
	ck_assert_str_eq(lltd_conf_fixed_difference(a, b), "cluster");
	lltd_conf_free(b);
	lltd_conf_free(a);
	conf_errors_free(errs);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		good, single_timers, mistakes, duplicate_id, keys, what_cannot_change, what_moved,
		NULL,
	};

	return crypto_init() ? unit_run("lltd_conf", tests) : 1;
}
