/* SPDX-License-Identifier: ISC */
/* Commands run from the loop: what they print and how they end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/ev.h"
#include "tests/unit/unit.h"

static struct ev_loop *loop;
static struct child_result last;
static char text[256];
static int ended;

static void
on_done(const struct child_result *r, void *arg)
{
	last = *r;
	snprintf(text, sizeof(text), "%s", r->out);
	ended++;
	ev_loop_break(loop);
}

static struct child *
shell(const char *script, uint64_t timeout_ns)
{
	const char *argv[] = { "sh", "-c", script, NULL };

	return child_run(loop, argv, NULL, timeout_ns, on_done, NULL);
}

static void
run(const char *script, uint64_t timeout_ns)
{
	ck_assert_ptr_nonnull(shell(script, timeout_ns));
	ck_assert_int_eq(ev_loop_run(loop), 0);
}

START_TEST(results)
{
	loop = ev_loop_new();
	run("echo out; echo err >&2; exit 3", 60 * NSEC_PER_SEC);
	ck_assert_int_eq(last.status, 3);
	ck_assert(!last.timed_out);
	ck_assert_str_eq(text, "out\nerr\n");
	run("true", 60 * NSEC_PER_SEC);
	ck_assert_int_eq(last.status, 0);
	ck_assert_str_eq(text, "");
	run("kill -9 $$", 60 * NSEC_PER_SEC);
	ck_assert_int_eq(last.status, 128 + SIGKILL);
	run("read line && echo \"got $line\"", 60 * NSEC_PER_SEC);
	ck_assert_int_eq(last.status, 1);
	ev_loop_free(loop);
}
END_TEST

/* More than a pipe holds; and who inherited the pipe does not hold us up. */
START_TEST(output)
{
	loop = ev_loop_new();
	run("head -c 300000 /dev/zero | tr '\\0' x", 60 * NSEC_PER_SEC);
	ck_assert_uint_eq(last.len, 300000);
	run("sleep 3 & echo here", 60 * NSEC_PER_SEC);
	ck_assert_str_eq(text, "here\n");
	ev_loop_free(loop);
}
END_TEST

START_TEST(surroundings)
{
	int fd = open("/dev/null", O_RDWR);

	ck_assert_int_ge(fd, 3);
	signal(SIGPIPE, SIG_IGN);
	loop = ev_loop_new();
	run("ls /proc/self/fd | wc -l; sed -n 's/^SigIgn:[^0-9a-f]*//p' /proc/self/status",
	    60 * NSEC_PER_SEC);
	/* 0, 1, 2 and the folder that ls reads. */
	ck_assert_int_eq(strncmp(text, "4\n", 2), 0);
	ck_assert_uint_eq(strtoull(text + 2, NULL, 16) & 1ull << (SIGPIPE - 1), 0);
	ev_loop_free(loop);
	close(fd);
}
END_TEST

START_TEST(timeout)
{
	loop = ev_loop_new();
	run("sleep 60", NSEC_PER_MSEC);
	ck_assert(last.timed_out);
	ck_assert_int_eq(last.status, 128 + SIGKILL);
	child_free(shell("sleep 60", 60 * NSEC_PER_SEC));
	child_free(NULL);
	ck_assert_int_eq(ended, 1);
	ev_loop_free(loop);
}
END_TEST

START_TEST(not_there)
{
	const char *argv[] = { "/nonexistent/command", NULL };

	loop = ev_loop_new();
	ck_assert_ptr_null(child_run(loop, argv, NULL, NSEC_PER_SEC, on_done, NULL));
	ck_assert_int_eq(errno, ENOENT);
	ev_loop_free(loop);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { results, output, surroundings, timeout, not_there, NULL };

	return unit_run("child", tests);
}
