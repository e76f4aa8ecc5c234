/* SPDX-License-Identifier: ISC */
/* Sets of ports, and the settings of the host that are made of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aliasd/edge/hostports.h"
#include "tests/unit/unit.h"

static void
same(const char *text, const char *as)
{
	struct portset s;
	char *out;

	ck_assert_msg(portset_parse(&s, text), "%s", text);
	out = portset_format(&s);
	ck_assert_str_eq(out, as);
	free(out);
}

START_TEST(text)
{
	static const char *const bad[] = { ",", "1,", ",1", "1,,2", "1-", "-1", "5-4", "65536", "1-65536",
		"99999999999", "a", "1 2", "1\n2", "+1", "0x10" };
	struct portset s;
	size_t i;

	same("", "");
	same("\n", "");
	same("8080\n", "8080");
	same("3,1,2,65535,0", "0-3,65535");
	same("1-3,2-5,7", "1-5,7");
	same("0-65535", "0-65535");
	same("64-127,129", "64-127,129");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(!portset_parse(&s, bad[i]), "%s", bad[i]);
		ck_assert(portset_empty(&s));
	}
}
END_TEST

/* Every other port: the longest there is. */
START_TEST(longest)
{
	struct portset s = { 0 }, again;
	unsigned p;
	char *out;

	for (p = 1; p < 65536; p += 2)
		portset_add(&s, (uint16_t)p);
	out = portset_format(&s);
	ck_assert(portset_parse(&again, out));
	ck_assert(portset_equal(&s, &again));
	ck_assert(portset_has(&again, 65535) && !portset_has(&again, 65534));
	free(out);
}
END_TEST

static const char *reserved, *range, *saved;

static void
files(const char *reserved_text, const char *range_text)
{
	reserved = strdup(unit_file("ip_local_reserved_ports", reserved_text));
	range = strdup(unit_file("ip_local_port_range", range_text));
	saved = strdup(unit_path("saved"));
}

static struct hostports *
start(void)
{
	char dir[256];

	snprintf(dir, sizeof(dir), "%s", reserved);
	*strrchr(dir, '/') = '\0';
	return hostports_new(dir, saved);
}

/* A file is no setting of the kernel: what was there and is longer stays behind the new line. */
static const char *
first_line(const char *path)
{
	static char line[256];
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	line[strcspn(line, "\n")] = '\0';
	fclose(f);
	return line;
}

static struct portset
set(const char *list)
{
	struct portset s;

	ck_assert(portset_parse(&s, list));
	return s;
}

static void
reserve(struct hostports *h, const char *list)
{
	struct portset s = set(list);

	ck_assert_int_eq(hostports_reserve(h, &s), 0);
}

START_TEST(beside_the_administrator)
{
	struct hostports *h;

	files("513,9000-9010\n", "32768 60999\n");
	h = start();
	reserve(h, "");
	ck_assert_str_eq(first_line(reserved), "513,9000-9010");
	ck_assert_int_ne(access(saved, F_OK), 0);
	reserve(h, "512-514,600");
	ck_assert_str_eq(first_line(reserved), "512-514,600,9000-9010");
	reserve(h, "514");
	ck_assert_str_eq(first_line(reserved), "513-514,9000-9010");
	/* What he does meanwhile stays; what he took away of ours comes back. */
	unit_file("ip_local_reserved_ports", "100,513\n");
	hostports_look(h);
	ck_assert_str_eq(first_line(reserved), "100,513-514");
	hostports_restore(h);
	ck_assert_str_eq(first_line(reserved), "100,513");
	ck_assert_int_ne(access(saved, F_OK), 0);
	hostports_free(h);
}
END_TEST

START_TEST(killed)
{
	struct hostports *h;

	files("7\n", "32768 60999\n");
	h = start();
	reserve(h, "7,600");
	ck_assert_int_eq(hostports_limit(h, 40000, 41999), 0);
	hostports_free(h); /* no restore */
	ck_assert_str_eq(first_line(reserved), "7,600");
	ck_assert_str_eq(first_line(range), "40000 41999");
	h = start();
	reserve(h, "601");
	ck_assert_str_eq(first_line(reserved), "7,601");
	hostports_restore(h);
	ck_assert_str_eq(first_line(reserved), "7");
	ck_assert_str_eq(first_line(range), "32768 60999");
	hostports_free(h);
}
END_TEST

START_TEST(range_of_ports)
{
	uint16_t first = 0, last = 0;
	struct hostports *h;

	files("\n", "32768	60999\n");
	h = start();
	ck_assert(hostports_usual(h, &first, &last));
	ck_assert(first == 32768 && last == 60999);
	ck_assert_int_eq(hostports_limit(h, 0, 0), 0);
	ck_assert_int_eq(hostports_limit(h, 40000, 40999), 0);
	ck_assert_str_eq(first_line(range), "40000 40999");
	ck_assert_int_eq(hostports_limit(h, 50000, 50999), 0);
	ck_assert(hostports_usual(h, &first, &last));
	ck_assert(first == 32768 && last == 60999);
	/* The administrator changes it: ours goes on top, his comes back. */
	unit_file("ip_local_port_range", "10000 60000\n");
	hostports_look(h);
	ck_assert_str_eq(first_line(range), "50000 50999");
	ck_assert_int_eq(hostports_limit(h, 0, 0), 0);
	ck_assert_str_eq(first_line(range), "10000 60000");
	/* He changes it in the last moment: his stays. */
	ck_assert_int_eq(hostports_limit(h, 50000, 50999), 0);
	unit_file("ip_local_port_range", "20000 60000\n");
	hostports_restore(h);
	ck_assert_str_eq(first_line(range), "20000 60000");
	hostports_free(h);
}
END_TEST

START_TEST(cleaned_up)
{
	struct hostports *h;
	char dir[256];

	files("7\n", "32768 60999\n");
	snprintf(dir, sizeof(dir), "%s", reserved);
	*strrchr(dir, '/') = '\0';
	ck_assert_int_eq(hostports_cleanup(dir, saved), 0);
	h = start();
	reserve(h, "600");
	ck_assert_int_eq(hostports_limit(h, 40000, 40999), 0);
	hostports_free(h);
	ck_assert_int_eq(hostports_cleanup(dir, saved), 2);
	ck_assert_str_eq(first_line(reserved), "7");
	ck_assert_str_eq(first_line(range), "32768 60999");
	ck_assert_int_ne(access(saved, F_OK), 0);
	ck_assert_int_eq(hostports_cleanup(dir, saved), 0);
}
END_TEST

START_TEST(strange_settings)
{
	struct portset s = set("600");
	uint16_t first, last;
	struct hostports *h;

	files("what?\n", "32768\n");
	h = start();
	ck_assert_int_lt(hostports_reserve(h, &s), 0);
	ck_assert_int_lt(hostports_limit(h, 40000, 40999), 0);
	ck_assert(!hostports_usual(h, &first, &last));
	ck_assert_str_eq(first_line(reserved), "what?");
	ck_assert_str_eq(first_line(range), "32768");
	hostports_free(h);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { text, longest, beside_the_administrator, killed, range_of_ports,
		cleaned_up, strange_settings, NULL };

	return unit_run("alias_ports", tests);
}
