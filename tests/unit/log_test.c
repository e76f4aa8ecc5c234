/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "tests/unit/unit.h"

static char lines[4096];

static void
keep(enum log_level level, const char *line, void *arg)
{
	sprintf(lines + strlen(lines), "%d %s\n", (int)level, line);
}

START_TEST(levels)
{
	log_set_sink(keep, NULL);
	log_errx("a", "one");
	log_warnx("b", "two %d", 2);
	log_info("c", "three");
	log_debug("d", "hidden");
	log_set_level(LOG_LVL_ERR);
	log_warnx("e", "hidden");
	ck_assert_int_eq(log_get_level(), LOG_LVL_ERR);
	ck_assert_str_eq(lines, "0 a: one\n1 b: two 2\n2 c: three\n");
}
END_TEST

START_TEST(tokens)
{
	log_set_sink(keep, NULL);
	log_set_level(LOG_LVL_DEBUG);
	log_debug("link", "1");
	log_set_debug_tokens("link,view");
	log_debug("link", "2");
	log_debug("view", "3");
	log_debug("lin", "hidden");
	log_debug("arp", "hidden");
	log_info("arp", "4");
	log_set_debug_tokens(NULL);
	log_debug("arp", "5");
	ck_assert_str_eq(lines, "3 link: 1\n3 link: 2\n3 view: 3\n2 arp: 4\n3 arp: 5\n");
}
END_TEST

START_TEST(errors)
{
	log_set_sink(keep, NULL);
	errno = ENOENT;
	log_err("a", "open");
	ck_assert_int_eq(errno, ENOENT);
	log_warn("a", "open");
	ck_assert_str_eq(lines,
	    "0 a: open: No such file or directory\n1 a: open: No such file or directory\n");
}
END_TEST

START_TEST(one_line_each)
{
	char big[5000];

	log_set_sink(keep, NULL);
	log_info("a", "x\n<0>forged\x1b[2J");
	ck_assert_str_eq(lines, "2 a: x?<0>forged?[2J\n");
	lines[0] = '\0';
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	log_info("a", "%s", big);
	ck_assert_uint_lt(strlen(lines), 2100);
}
END_TEST

/* What really goes to standard error. */
static const char *
printed(void)
{
	static char text[512];
	int old = dup(STDERR_FILENO);
	FILE *f = fopen(unit_path("err"), "w+");
	size_t n;

	dup2(fileno(f), STDERR_FILENO);
	log_warnx("tok", "text");
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

START_TEST(formats)
{
	char want[64];

	unsetenv("JOURNAL_STREAM");
	log_init("prog");
	snprintf(want, sizeof(want), " prog[%d] warning: tok: text\n", (int)getpid());
	ck_assert_str_eq(printed() + strlen("2000-01-01 00:00:00.000"), want);
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_init("prog");
	ck_assert_str_eq(printed(), "<4>tok: text\n");
}
END_TEST

START_TEST(limits)
{
	struct log_limit l = { .interval_ns = NSEC_PER_SEC, .burst = 2 };
	uint64_t now = 5 * NSEC_PER_SEC;

	ck_assert(log_limit_ok(&l, now));
	ck_assert(log_limit_ok(&l, now + 1));
	ck_assert(!log_limit_ok(&l, now + 2));
	ck_assert(!log_limit_ok(&l, now + NSEC_PER_SEC - 1));
	ck_assert_uint_eq(l.suppressed, 2);
	ck_assert(log_limit_ok(&l, now + NSEC_PER_SEC));
	ck_assert_uint_eq(l.suppressed, 0);
	ck_assert(log_limit_ok(&l, now + NSEC_PER_SEC + 1));
	ck_assert(!log_limit_ok(&l, now + NSEC_PER_SEC + 2));
	ck_assert_uint_eq(l.suppressed, 1);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { levels, tokens, errors, one_line_each, formats, limits, NULL };

	return unit_run("log", tests);
}
