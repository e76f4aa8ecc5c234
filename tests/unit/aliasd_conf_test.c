/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/aliasd_conf.h"
#include "aliasd/route/route_text.h"
#include "common/conf.h"
#include "tests/unit/unit.h"

static struct conf_errors *errs;

/* A configuration whose two other files hold this. */
static struct aliasd_conf *
load(const char *conf, const char *aliases, const char *services)
{
	char text[8192];
	const char *a = unit_file("clu_alias.config", aliases);
	const char *s = unit_file("clua_services", services);

	snprintf(text, sizeof(text), "alias_config = \"%s\";\nservices = \"%s\";\n%s", a, s, conf);
	conf_errors_free(errs);
	errs = conf_errors_new();
	return aliasd_conf_load(unit_file("aliasd.conf", text), errs);
}

static void
expect_error(const char *conf, const char *aliases, const char *services, const char *why)
{
	ck_assert_ptr_null(load(conf, aliases, services));
	ck_assert_uint_eq(conf_errors_count(errs), 1);
	ck_assert_msg(strstr(conf_errors_get(errs, 0), why) != NULL, "%s, not %s",
	    conf_errors_get(errs, 0), why);
}

START_TEST(good)
{
	struct aliasd_conf *c = load("default_alias = \"10.1.0.100\";\ninterfaces = [ \"eth0\" ];\n",
	    "# ours\n/usr/sbin/cluamgr -a alias=DEFAULTALIAS,join,selw=3\n\ncluamgr -a alias=10.1.0.99\n",
	    "http 80/tcp in_multi # web\ndns 53/udp in_multi,sticky\n");

	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->naliases, 2);
	ck_assert(c->aliases[0].is_default);
	ck_assert_uint_eq(c->aliases[0].addr.s_addr, inet_addr("10.1.0.100"));
	ck_assert(!c->aliases[1].is_default);
	ck_assert_int_gt(c->alias_line[1], c->alias_line[0]);
	ck_assert_uint_eq(c->services.n, 2);
	ck_assert_uint_eq(c->nifaces, 1);
	ck_assert_uint_eq(c->max_aliasid, 8);
	ck_assert_uint_eq(c->max_flows, 1000000);
	aliasd_conf_free(c);
	c = load("", "", "");
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->naliases, 0);
	aliasd_conf_free(c);
}
END_TEST

START_TEST(bad)
{
	expect_error("max_aliasid = 0;\n", "", "", "aliasd.conf:3: max_aliasid:");
	expect_error("maxflows = 5;\n", "", "", "aliasd.conf:3: maxflows:");
	expect_error("default_alias = \"no-such-name.invalid\";\n", "", "",
	    "aliasd.conf:3: default_alias: \"no-such-name.invalid\" does not resolve");
	expect_error("routing = \"quagga\";\n", "", "", "aliasd.conf:3: routing:");
	expect_error("routing_protocols = [ \"rip\", \"isis\" ];\n", "", "",
	    "aliasd.conf:3: routing_protocols: unknown protocol \"isis\"");
	expect_error("routing_area = \"backbone\";\n", "", "", "aliasd.conf:3: routing_area: \"backbone\" is no");
	expect_error("routing_bfd = true;\n", "", "", "aliasd.conf:3: routing_bfd: there is no protocol");
	expect_error("routing = \"gated\";\nrouting_bfd = true;\n", "", "", "routing_bfd: gated has no BFD");
	expect_error("routing = \"frr\";\nrouting_bfd = true;\nrouting_protocols = [ \"rip\" ];\n", "", "",
	    "routing_bfd: with \"frr\" it needs \"ospf\"");
	expect_error("routing_file = \"bird.conf\";\n", "", "", "expected an absolute path");
	expect_error("", "\ncluamgr -a alias=DEFAULTALIAS,join\n", "",
	    "clu_alias.config:2: DEFAULTALIAS means nothing");
	expect_error("", "cluamgr -a alias=no-such-name.invalid\n", "",
	    "clu_alias.config:1: alias \"no-such-name.invalid\" does not resolve");
	expect_error("", "cluamgr -a alias=10.1.0.99, join\n", "",
	    "clu_alias.config:1: a blank in the option list");
	expect_error("", "", "http 80/tcp in_multi,in_single\n",
	    "clua_services:1: in_multi and in_single exclude each other");
	expect_error("", "", "a 1/tcp static\nhttp 70000/tcp in_multi\n", "clua_services:2: port 70000");
	expect_error("", "", "a 80/tcp static\nb 80/udp static\nc 80/tcp in_multi\n",
	    "clua_services:3: 80/tcp stands in line 1 already");
}
END_TEST

START_TEST(all_at_once)
{
	ck_assert_ptr_null(load("", "x\ncluamgr -a alias=1.2.3.4,foo\n", "http\nhttp 80/tcp x\n"));
	ck_assert_uint_eq(conf_errors_count(errs), 4);
}
END_TEST

START_TEST(fixed)
{
	struct aliasd_conf *a = load("max_flows = 2000;\n", "", ""), *b;

	b = load("max_flows = 3000;\nmax_aliasid = 9;\npin_dir = \"/x\";\n", "", "");
	aliasd_conf_check_fixed(a, b, errs);
	ck_assert_uint_eq(conf_errors_count(errs), 2);
	ck_assert_ptr_nonnull(strstr(conf_errors_get(errs, 0), "aliasd.conf:3: max_flows: cannot be"));
	ck_assert_int_eq(conf_errors_get(errs, 0)[0], '/');
	ck_assert_ptr_nonnull(strstr(conf_errors_get(errs, 1), "aliasd.conf:5: pin_dir: cannot be"));
	aliasd_conf_free(a);
	aliasd_conf_free(b);
}
END_TEST

START_TEST(routing)
{
	struct aliasd_conf *c = load("", "", "");

	ck_assert_int_eq(c->routing, ROUTE_NONE);
	ck_assert_uint_eq(aliasd_conf_protocols(c), 0);
	ck_assert_uint_eq(aliasd_conf_routing(c), ALIAS_RT_DEFAULT);
	aliasd_conf_free(c);
	c = load("routing = \"gated\";\nresvok = true;\nroute = false;\nrouting_area = \"258\";\n", "", "");
	ck_assert_uint_eq(aliasd_conf_protocols(c), ROUTE_RIP);
	ck_assert_uint_eq(aliasd_conf_routing(c), ALIAS_RT_GATED | ALIAS_RT_RESVOK);
	ck_assert_str_eq(aliasd_conf_routing_command(c), "gdc reconfig");
	ck_assert_str_eq(c->routing_area, "0.0.1.2");
	aliasd_conf_free(c);
	c = load("routing = \"bird\";\nrouting_protocols = [ \"ospf\", \"rip\" ];\n", "", "");
	ck_assert_uint_eq(aliasd_conf_protocols(c), ROUTE_RIP | ROUTE_OSPF);
	ck_assert_str_eq(aliasd_conf_routing_socket(c), "/run/bird/bird.ctl");
	aliasd_conf_free(c);
	c = load("routing = \"bird\";\nrouting_protocols = [ \"rip\" ];\nrouting_bfd = true;\n", "", "");
	ck_assert(c->routing_bfd);
	aliasd_conf_free(c);
	c = load("routing = \"frr\";\nrouting_command = \"/x/vtysh -u\";\n", "", "");
	ck_assert_uint_eq(aliasd_conf_protocols(c), 0);
	ck_assert_str_eq(aliasd_conf_routing_socket(c), "/run/frr");
	ck_assert_str_eq(aliasd_conf_routing_command(c), "/x/vtysh -u");
	aliasd_conf_free(c);
}
END_TEST

START_TEST(printed)
{
	struct aliasd_conf *c = load("default_alias = \"10.1.0.100\";\n",
	    "cluamgr -a alias=DEFAULTALIAS,join,selw=3,virtual=f\n", "http 80/tcp in_multi\n");
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	aliasd_conf_print(f, c);
	fclose(f);
	ck_assert_ptr_nonnull(strstr(text, "cluamgr -a alias=DEFAULTALIAS,join,selw=3,virtual=f\t# 10.1.0.100"));
	ck_assert_ptr_nonnull(strstr(text, "http\t80/tcp\tin_multi"));
	ck_assert_ptr_nonnull(strstr(text, "max_aliasid = 8"));
	free(text);
	aliasd_conf_free(c);
}
END_TEST

START_TEST(out_ports)
{
	struct aliasd_conf *c = load("out_ports = \"16384-32767\";\nout_members = 64;\n", "", "");

	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(c->out_first, 16384);
	ck_assert_uint_eq(c->out_last, 32767);
	ck_assert_uint_eq(c->out_members, 64);
	aliasd_conf_free(c);
	expect_error("out_ports = \"16384\";\n", "", "", "expected \"first-last\"");
	expect_error("out_ports = \"80-90\";\n", "", "", "expected \"first-last\"");
	expect_error("out_ports = \"5000-4000\";\n", "", "", "expected \"first-last\"");
	expect_error("out_ports = \"5000-65536\";\n", "", "", "expected \"first-last\"");
	expect_error("out_ports = \"5000-5100\";\nout_members = 64;\n", "", "", "less than 16 ports");
	expect_error("out_members = 257;\n", "", "", "out_members");
}
END_TEST

/* "01": the second line alone is new. */
static void
expect_new(const struct aliasd_conf *old, const char *aliases, const char *expected)
{
	struct aliasd_conf *c = load("", aliases, "");
	bool *is_new;
	size_t i;

	ck_assert_ptr_nonnull(c);
	is_new = aliasd_conf_new_lines(c, old);
	ck_assert_uint_eq(c->naliases, strlen(expected));
	for (i = 0; i < c->naliases; i++)
		ck_assert_msg(is_new[i] == (expected[i] == '1'), "%s: line %zu", aliases, i);
	free(is_new);
	aliasd_conf_free(c);
}

START_TEST(new_lines)
{
#define A1 "cluamgr -a alias=10.1.0.1,selw=1\n"
#define A2 "cluamgr -a alias=10.1.0.1,selw=2\n"
#define B1 "cluamgr -a alias=10.1.0.2,join\n"
#define C1 "cluamgr -a alias=10.1.0.3\n"
	struct aliasd_conf *old = load("", A1 B1 A2, "");

	expect_new(NULL, A1 B1 A2, "111");
	expect_new(old, A1 B1 A2, "000");
	expect_new(old, C1 A1 B1 A2, "1000");
	expect_new(old, B1 A1 A2, "000");
	expect_new(old, A1 A2, "00");
	expect_new(old, B1 A2 A1, "011"); /* what counts last is another */
	expect_new(old, A1 A2 A2 B1, "0010");
	expect_new(old, "", "");
	aliasd_conf_free(old);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { good, bad, all_at_once, fixed, routing, printed, out_ports, new_lines,
		NULL };

	return unit_run("aliasd_conf", tests);
}
