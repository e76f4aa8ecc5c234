/* SPDX-License-Identifier: ISC */
/* Names of aliases. None is asked for that the file does not have: that would ask the network. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/names.h"
#include "tests/unit/unit.h"

static void
expect(struct names *s, const char *name, const char *addr)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr got;

	ck_assert_msg(names_resolve(s, name, &got), "%s", name);
	ck_assert_str_eq(inet_ntop(AF_INET, &got, text, sizeof(text)), addr);
}

START_TEST(what_the_file_says)
{
	struct names *s = names_new(unit_file("hosts",
	    "# 192.0.2.9 one\n"
	    "192.0.2.1\tone uno # eins\n"
	    "192.0.2.2 two Two.example.org\n"
	    "::1 one\n"
	    "192.0.2.300 three\n"
	    "192.0.2.3 three one\n"
	    "192.0.2.4\n"));

	expect(s, "one", "192.0.2.1");
	expect(s, "uno", "192.0.2.1");
	expect(s, "two.EXAMPLE.org", "192.0.2.2");
	expect(s, "three", "192.0.2.3");
	expect(s, "192.0.2.77", "192.0.2.77");
	ck_assert(!names_resolve(s, "", &(struct in_addr){ 0 }));
	names_free(s);
}
END_TEST

START_TEST(no_file)
{
	struct names *s = names_new(unit_path("none"));

	expect(s, "192.0.2.77", "192.0.2.77");
	ck_assert(!names_resolve(s, "", &(struct in_addr){ 0 }));
	names_free(s);
}
END_TEST

/* Changed after the first look: all of one file of aliases are of one reading. */
START_TEST(many)
{
	enum { N = 5000 };
	size_t size = N * 40;
	char *text = malloc(size), name[32], addr[32];
	struct names *s;
	size_t at = 0;
	unsigned i;

	ck_assert_ptr_nonnull(text);
	for (i = 0; i < N; i++)
		at += (size_t)snprintf(text + at, size - at, "10.64.%u.%u a%u b%u\n", i >> 8, i & 255, i * 7919 % N,
		    i);
	s = names_new(unit_file("hosts", text));
	free(text);
	expect(s, "b0", "10.64.0.0");
	unit_file("hosts", "");
	for (i = 0; i < N; i++) {
		snprintf(addr, sizeof(addr), "10.64.%u.%u", i >> 8, i & 255);
		snprintf(name, sizeof(name), "b%u", i);
		expect(s, name, addr);
		snprintf(name, sizeof(name), "A%u", i * 7919 % N);
		expect(s, name, addr);
	}
	names_free(s);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { what_the_file_says, no_file, many, NULL };

	return unit_run("alias_names", tests);
}
