/* SPDX-License-Identifier: ISC */
/* The routing daemon is told once for many changes, and again when it did not take them. */
#include <stdio.h>
#include <string.h>

#include "aliasd/route/route_file.h"
#include "aliasd/route/router.h"
#include "tests/unit/unit.h"

static struct router *r;
static char trace[512], written[64];
static uint64_t at;
static int result = 1;

static int
fake_write(const char *text, size_t len, char *why, size_t size, void *arg)
{
	snprintf(written, sizeof(written), "%.*s", (int)len, text);
	snprintf(why, size, "disk full");
	strcat(trace, "w");
	return result;
}

static void
fake_tell(void *arg)
{
	strcat(trace, "t");
}

static void
fake_timer(uint64_t when, void *arg)
{
	at = when;
}

static void
fake_state(void *arg)
{
	static const char letters[] = "IPDFL";
	size_t n = strlen(trace);

	trace[n] = letters[router_state(r)];
	trace[n + 1] = '\0';
}

static const struct router_ops ops = { .write = fake_write, .tell = fake_tell, .timer = fake_timer,
	.on_state = fake_state };

static void
set(const char *text, uint64_t now)
{
	router_set(r, strdup(text), strlen(text), now);
}

static void
expect(const char *want)
{
	ck_assert_str_eq(trace, want);
	trace[0] = '\0';
}

START_TEST(once_for_many)
{
	r = router_new(&ops, NULL);
	ck_assert(router_settled(r));
	set("a", 1);
	expect("wPt");
	ck_assert(!router_settled(r));
	set("b", 2);
	set("c", 3);
	set("d", 4);
	expect("");
	router_told(r, true, "yes", 5);
	expect("wt");
	ck_assert_str_eq(written, "d");
	router_told(r, true, "yes", 6);
	expect("D");
	ck_assert(router_settled(r));
	set("d", 7);
	expect("");
	router_again(r, 8);
	expect("wPt");
	router_told(r, true, "yes", 9);
	router_free(r);
}
END_TEST

START_TEST(failures)
{
	r = router_new(&ops, NULL);
	set("a", 1);
	router_told(r, false, "gone", 10);
	expect("wPtF");
	ck_assert(router_settled(r));
	ck_assert_uint_eq(at, 10 + ROUTER_RETRY);
	ck_assert_str_eq(router_text(r), "gone");
	/* The same failure again is no news. */
	router_tick(r, at);
	expect("wt");
	router_told(r, false, "gone", 20);
	expect("");
	/* A change does not wait. */
	set("b", 21);
	expect("wt");
	ck_assert_uint_eq(at, 0);
	router_told(r, true, "yes", 22);
	expect("D");
	router_lost(r, "died", 23);
	expect("F");
	ck_assert_uint_eq(at, 23 + ROUTER_RETRY);
	result = -1;
	router_tick(r, at);
	expect("wF");
	ck_assert_str_eq(router_text(r), "disk full");
	result = 0;
	router_tick(r, at);
	router_told(r, true, "yes", 30);
	expect("wtD");
	router_free(r);
	router_free(NULL);
}
END_TEST

START_TEST(paused)
{
	r = router_new(&ops, NULL);
	set("a", 1);
	router_pause(r, true, 2);
	expect("wPtL");
	router_told(r, true, "yes", 3);
	set("b", 4);
	router_lost(r, "died", 5);
	router_tick(r, 6);
	expect("");
	ck_assert(router_settled(r));
	router_pause(r, false, 7);
	expect("Pwt");
	ck_assert_str_eq(written, "b");
	router_told(r, true, "yes", 8);
	expect("D");
	router_free(r);
}
END_TEST

START_TEST(file)
{
	const char *path = unit_path("made/clua.conf");
	char why[256], text[16] = "";
	FILE *f;

	ck_assert_int_eq(route_file_put(path, "one\n", 4, why, sizeof(why)), 1);
	ck_assert_int_eq(route_file_put(path, "one\n", 4, why, sizeof(why)), 0);
	ck_assert_int_eq(route_file_put(path, "on", 2, why, sizeof(why)), 1);
	ck_assert_int_eq(route_file_put(path, "one\n", 4, why, sizeof(why)), 1);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), f));
	ck_assert_str_eq(text, "one\n");
	fclose(f);
	ck_assert_int_eq(route_file_put("/nonexistent/a/b", "x", 1, why, sizeof(why)), -1);
	ck_assert_str_eq(why, "/nonexistent/a/b: No such file or directory");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { once_for_many, failures, paused, file, NULL };

	return unit_run("alias_router", tests);
}
