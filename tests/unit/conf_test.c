/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/conf_near.h"
#include "tests/unit/unit.h"

struct link {
	char device[16];
	int prio;
	uint32_t burst;
	int line;
};

struct timers {
	uint64_t heartbeat;
	bool heartbeat_set;
	uint64_t trouble;
};

struct sample {
	uint32_t cluster;
	uint32_t big;
	bool fast;
	char node[8];
	int profile;
	struct timers timers;
	struct link links[3];
	size_t nlinks;
	char peers[2][8];
	size_t npeers;
	char note[16];
};

static const char *const prios[] = { "high", "low", NULL };
static const char *const profiles[] = { "classic", "lan", "fast", NULL };

static const struct conf_item link_items[] = {
	{ .key = "device", .type = CONF_STRING, .offset = offsetof(struct link, device), .size = 16,
	    .min = 1, .line_offset = offsetof(struct link, line) },
	{ .key = "priority", .type = CONF_ENUM, .offset = offsetof(struct link, prio),
	    .names = prios, .def = "high" },
	{ .key = "burst", .type = CONF_UINT, .offset = offsetof(struct link, burst), .min = 1,
	    .max = 64, .def = "1" },
	{ .type = CONF_END },
};

static const struct conf_item timer_items[] = {
	{ .key = "heartbeat", .type = CONF_MSEC, .offset = offsetof(struct timers, heartbeat),
	    .min = 1, .max = 60000, .optional = true,
	    .set_offset = offsetof(struct timers, heartbeat_set) },
	{ .key = "trouble", .type = CONF_MSEC, .offset = offsetof(struct timers, trouble), .min = 1,
	    .max = 60000, .def = "150.5" },
	{ .type = CONF_END },
};

static const struct conf_item schema[] = {
	{ .key = "cluster", .type = CONF_UINT, .offset = offsetof(struct sample, cluster),
	    .max = 65535 },
	{ .key = "big", .type = CONF_UINT, .offset = offsetof(struct sample, big),
	    .max = UINT32_MAX, .def = "7" },
	{ .key = "fast", .type = CONF_BOOL, .offset = offsetof(struct sample, fast), .def = "true" },
	{ .key = "node", .type = CONF_STRING, .offset = offsetof(struct sample, node), .size = 8,
	    .def = "n1" },
	{ .key = "profile", .type = CONF_ENUM, .offset = offsetof(struct sample, profile),
	    .names = profiles, .def = "lan" },
	{ .key = "timers", .type = CONF_GROUP, .offset = offsetof(struct sample, timers),
	    .sub = timer_items, .def = "" },
	{ .key = "links", .type = CONF_LIST, .offset = offsetof(struct sample, links),
	    .size = sizeof(struct link), .sub = link_items, .min = 1, .max_items = 3,
	    .count_offset = offsetof(struct sample, nlinks) },
	{ .key = "peers", .type = CONF_STRLIST, .offset = offsetof(struct sample, peers), .size = 8,
	    .max_items = 2, .count_offset = offsetof(struct sample, npeers), .optional = true },
	{ .key = "note", .type = CONF_STRING, .offset = offsetof(struct sample, note), .size = 16,
	    .optional = true },
	{ .type = CONF_END },
};

#define OK_LINK "links = ( { device = \"ic0\"; } );\n"

static struct sample got;
static struct conf_errors *errs;

static bool
load(const char *text)
{
	conf_errors_free(errs);
	errs = conf_errors_new();
	memset(&got, 0xa5, sizeof(got));
	return conf_load(unit_file("t.conf", text), schema, &got, errs);
}

/* The text behind ".../t.conf:" of error i. */
static const char *
error(size_t i)
{
	const char *text = conf_errors_get(errs, i);

	ck_assert_ptr_nonnull(text);
	text = strstr(text, "/t.conf");
	ck_assert_ptr_nonnull(text);
	return text + strlen("/t.conf");
}

/* The whole file is refused for one reason. */
#define refused(text, why) \
	do { \
		ck_assert(!load(text)); \
		ck_assert_str_eq(error(0), why); \
		ck_assert_uint_eq(conf_errors_count(errs), 1); \
	} while (0)

START_TEST(defaults)
{
	ck_assert(load("cluster = 42;\n" OK_LINK));
	ck_assert_uint_eq(got.cluster, 42);
	ck_assert_uint_eq(got.big, 7);
	ck_assert(got.fast);
	ck_assert_str_eq(got.node, "n1");
	ck_assert_int_eq(got.profile, 1);
	ck_assert_uint_eq(got.timers.trouble, 150500000);
	ck_assert(!got.timers.heartbeat_set);
	ck_assert_uint_eq(got.nlinks, 1);
	ck_assert_int_eq(got.links[0].line, 2);
	ck_assert_uint_eq(got.links[0].burst, 1);
	ck_assert_uint_eq(got.npeers, 0);
	ck_assert_str_eq(got.note, "");
}
END_TEST

START_TEST(everything)
{
	ck_assert(load("cluster = 0;\nbig = 0xffffffff; fast = false; node = \"abcdefg\";\n"
		       "profile = \"fast\"; timers = { heartbeat = 2.5; trouble = 6; };\n"
		       "links = (\n { device = \"a\"; burst = 4; },\n"
		       " { device = \"b\"; priority = \"low\"; } );\n"
		       "peers = [ \"x\", \"y\" ]; note = \"q\\\"\\\\\";"));
	ck_assert_uint_eq(got.big, UINT32_MAX);
	ck_assert(!got.fast);
	ck_assert_int_eq(got.profile, 2);
	ck_assert_uint_eq(got.timers.heartbeat, 2500000);
	ck_assert(got.timers.heartbeat_set);
	ck_assert_uint_eq(got.nlinks, 2);
	ck_assert_str_eq(got.links[1].device, "b");
	ck_assert_int_eq(got.links[1].prio, 1);
	ck_assert_int_eq(got.links[1].line, 6);
	ck_assert_uint_eq(got.npeers, 2);
	ck_assert_str_eq(got.peers[1], "y");
	ck_assert_str_eq(got.note, "q\"\\");
}
END_TEST

START_TEST(round_trip)
{
	struct sample first;
	char *text;
	size_t size;
	FILE *f;

	ck_assert(load("cluster = 1; big = 4000000000; timers = { heartbeat = 0x7; trouble = 1.25; };\n"
		       "links = ( { device = \"a\"; }, { device = \"b\"; burst = 64; } );\n"
		       "peers = ( \"x\" ); note = \"tab\\tq\\\"\\\\\";"));
	ck_assert_uint_eq(got.big, 4000000000);
	first = got;
	f = open_memstream(&text, &size);
	conf_print(f, schema, &got);
	fclose(f);
	ck_assert(load(text));
	free(text);
	ck_assert_uint_eq(got.big, first.big);
	ck_assert_mem_eq(&got.timers.heartbeat, &first.timers.heartbeat, sizeof(uint64_t));
	ck_assert_uint_eq(got.timers.trouble, 1250000);
	ck_assert(got.timers.heartbeat_set);
	ck_assert_uint_eq(got.nlinks, 2);
	ck_assert_uint_eq(got.links[1].burst, 64);
	ck_assert_str_eq(got.peers[0], "x");
	ck_assert_str_eq(got.note, "tab\tq\"\\");
}
END_TEST

START_TEST(all_errors_at_once)
{
	ck_assert(!load("clutser = 42;\n"
			"node = \"much too long\";\n"
			"fast = 1;\n"
			"timers = { heartbeat = 0.5; bogus = 1; };\n"
			"links = ( { device = 7; },\n"
			"  { priority = \"lo\"; burst = 65; },\n"
			"  5 );\n"));
	ck_assert_str_eq(error(0), ":1: clutser: unknown key, did you mean \"cluster\"?");
	ck_assert_str_eq(error(1), ":2: node: has 13 bytes, at most 7");
	ck_assert_str_eq(error(2), ":3: fast: is a whole number, expected true or false");
	ck_assert_str_eq(error(3), ":4: timers.heartbeat: is 0.5 ms, expected 1..60000 ms");
	ck_assert_str_eq(error(4), ":4: timers.bogus: unknown key");
	ck_assert_str_eq(error(5), ":5: links[0].device: is a whole number, expected a string");
	ck_assert_str_eq(error(6),
	    ":6: links[1].priority: is \"lo\", expected \"high\" or \"low\"; did you mean \"low\"?");
	ck_assert_str_eq(error(7), ":6: links[1].burst: is 65, expected 1..64");
	ck_assert_str_eq(error(8), ":6: links[1].device: missing, and has no default");
	ck_assert_str_eq(error(9), ":7: links[2]: is a whole number, expected a group, { ... }");
	ck_assert_str_eq(error(10), ": cluster: missing, and has no default");
	ck_assert_uint_eq(conf_errors_count(errs), 11);
}
END_TEST

START_TEST(ranges)
{
	refused("cluster = 65536;\n" OK_LINK, ":1: cluster: is 65536, expected 0..65535");
	refused("cluster = -1;\n" OK_LINK, ":1: cluster: is -1, expected 0..65535");
	/* 2^32 + 1 would be 1 after libconfig cut it to 32 bits. */
	refused("cluster = 4294967297;\n" OK_LINK, ":1: cluster: is 4294967297, expected 0..65535");
	refused("cluster = 4294967297L;\n" OK_LINK, ":1: cluster: is 4294967297, expected 0..65535");
	refused("cluster = 1.5;\n" OK_LINK,
	    ":1: cluster: is a number with a fraction, expected a whole number");
	refused("cluster = 1; timers = { trouble = 1e999; };\n" OK_LINK,
	    ":1: timers.trouble: is inf ms, expected 1..60000 ms");
	refused("cluster = 1; big = 4294967296;\n" OK_LINK,
	    ":1: big: is 4294967296, expected 0..4294967295");
}
END_TEST

START_TEST(lists)
{
	refused("cluster = 1;\nlinks = ( {device=\"a\";}, {device=\"a\";},\n {device=\"a\";},"
		"{device=\"a\";} );", ":2: links: 4 items, at most 3");
	refused("cluster = 1;\nlinks = ( );", ":2: links: 0 items, at least 1");
	refused("cluster = 1;\nlinks = \"ic0\";",
	    ":2: links: is a string, expected a list of groups, ( { ... }, ... )");
	refused("cluster = 1;\npeers = ( \"\" );\n" OK_LINK, ":2: peers[0]: is empty");
	refused("cluster = 1;\npeers = [ 1 ];\n" OK_LINK,
	    ":2: peers[0]: is a whole number, expected a string");
}
END_TEST

START_TEST(syntax)
{
	refused("cluster = 1;\nlinks = (\n", ":3: syntax error");
	refused("cluster = 1;\ncluster = 2;\n", ":2: duplicate setting name");
	refused("cluster = 1;\nnode - \"a\";\n", ":2: syntax error");
	refused("cluster = 1;\n @Include \"/\"\n", ":2: @include is not supported");
}
END_TEST

START_TEST(files)
{
	conf_errors_free(errs);
	errs = conf_errors_new();
	ck_assert(!conf_load("/nonexistent/t.conf", schema, &got, errs));
	ck_assert_str_eq(conf_errors_get(errs, 0), "/nonexistent/t.conf: No such file or directory");
	ck_assert(!conf_load("/", schema, &got, errs));
	ck_assert_str_eq(conf_errors_get(errs, 1), "/: Is a directory");
	ck_assert(!conf_load(unit_file_bytes("t.conf", "a\0b", 3), schema, &got, errs));
	ck_assert_str_eq(error(2), ": holds a NUL byte: not a text file?");
}
END_TEST

START_TEST(many_errors_are_bounded)
{
	static char text[40000];
	size_t n = 0;

	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "key%d = %d;\n", i, i);
	ck_assert(!load(text));
	ck_assert_uint_eq(conf_errors_count(errs), 201);
	ck_assert_str_eq(conf_errors_get(errs, 200), "too many errors, the rest is not shown");
}
END_TEST

static void
keep_line(char *text, const char *file, int line, void *arg)
{
	char *all = arg;

	sprintf(all + strlen(all), "%d[%s]", line, text);
}

START_TEST(lines)
{
	char all[256] = "";

	errs = conf_errors_new();
	ck_assert(conf_lines(unit_file("l", "# top\n\n  a b\t# rest\r\n\tc\n#\nlast"), errs, keep_line,
	    all));
	ck_assert_str_eq(all, "3[a b]4[c]6[last]");
	ck_assert(conf_lines(unit_file_bytes("t.conf", "a\nb\0c\n", 6), errs, keep_line, all));
	ck_assert_str_eq(error(0), ":2: holds a NUL byte: not a text file?");
	ck_assert(!conf_lines("/nonexistent", errs, keep_line, all));
	ck_assert(!conf_lines("/", errs, keep_line, all));
	ck_assert_uint_eq(conf_errors_count(errs), 3);
}
END_TEST

START_TEST(words)
{
	char text[] = "  one\ttwo  three ";
	char *w[2];

	ck_assert_uint_eq(conf_words(text, w, 2), 3);
	ck_assert_str_eq(w[0], "one");
	ck_assert_str_eq(w[1], "two");
	text[0] = '\0';
	ck_assert_uint_eq(conf_words(text, w, 2), 0);
}
END_TEST

START_TEST(numbers)
{
	uint64_t v = 5;

	ck_assert(conf_number("0", 0, 9, &v) && v == 0);
	ck_assert(conf_number("18446744073709551615", 0, UINT64_MAX, &v) && v == UINT64_MAX);
	ck_assert(!conf_number("18446744073709551616", 0, UINT64_MAX, &v));
	ck_assert(!conf_number("", 0, 9, &v));
	ck_assert(!conf_number("-1", 0, 9, &v));
	ck_assert(!conf_number("+1", 0, 9, &v));
	ck_assert(!conf_number(" 1", 0, 9, &v));
	ck_assert(!conf_number("1x", 0, 9, &v));
	ck_assert(!conf_number("0x1", 0, 9, &v));
	ck_assert(!conf_number("10", 0, 9, &v));
	ck_assert(!conf_number("1", 2, 9, &v));
}
END_TEST

START_TEST(near)
{
	static const char *const names[] = { "join", "leave", "selw", "selp", "rpri", NULL };

	ck_assert_str_eq(conf_near_of("jion", names), "join");
	ck_assert_str_eq(conf_near_of("leve", names), "leave");
	ck_assert_str_eq(conf_near_of("selw", names), "selw");
	ck_assert_ptr_null(conf_near_of("virtual", names));
	ck_assert_ptr_null(conf_near_of("", names));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { defaults, everything, round_trip, all_errors_at_once,
		ranges, lists, syntax, files, many_errors_are_bounded, lines, words, numbers, near,
		NULL };

	return unit_run("conf", tests);
}
