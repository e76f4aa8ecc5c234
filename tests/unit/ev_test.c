/* SPDX-License-Identifier: ISC */
/* Order only: when a timer fires exactly is the machine's business. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ev.h"
#include "tests/unit/unit.h"

static struct ev_loop *loop;
static char trace[256];
static struct ev_timer *timers[4];
static struct ev_io *io;
static struct ev_signal *sig;
static uint64_t due;

static void
setup(void)
{
	loop = ev_loop_new();
	ck_assert_ptr_nonnull(loop);
}

static void
run(const char *want)
{
	ck_assert_int_eq(ev_loop_run(loop), 0);
	ck_assert_str_eq(trace, want);
}

static void
mark(void *arg)
{
	strcat(trace, arg);
}

static void
finish(void *arg)
{
	strcat(trace, ".");
	ev_loop_break(loop);
}

START_TEST(timers_in_order)
{
	static char names[3][2] = { "a", "b", "c" };
	uint64_t now;

	setup();
	for (int i = 0; i < 3; i++)
		timers[i] = ev_timer_new(loop, mark, names[i]);
	timers[3] = ev_timer_new(loop, finish, NULL);
	now = clock_ns();
	ev_timer_set_at(timers[3], now + 9 * NSEC_PER_MSEC);
	ev_timer_set(timers[2], 6 * NSEC_PER_MSEC);
	ev_timer_set_at(timers[0], now - NSEC_PER_SEC);
	ev_timer_set(timers[1], 3 * NSEC_PER_MSEC);
	run("abc.");
	ev_timer_set(timers[0], NSEC_PER_MSEC);
	ev_timer_set(timers[1], NSEC_PER_MSEC);
	ev_timer_cancel(timers[1]);
	ev_timer_set(timers[0], 3 * NSEC_PER_SEC); /* replaces */
	ev_timer_set(timers[2], UINT64_MAX);
	ev_timer_set(timers[3], 2 * NSEC_PER_MSEC);
	run("abc..");
	for (int i = 0; i < 4; i++)
		ev_timer_free(timers[i]);
	ev_timer_free(NULL);
	ev_loop_free(loop);
}
END_TEST

static void
not_early(void *arg)
{
	ck_assert_uint_ge(clock_ns(), due);
	if (strlen(trace) == 50) {
		ev_loop_break(loop);
		return;
	}
	strcat(trace, "x");
	due = clock_ns() + 10 * NSEC_PER_USEC;
	ev_timer_set_at(timers[0], due);
}

/* Early is a spin: the owner finds nothing due and sets it again. */
START_TEST(never_early)
{
	setup();
	timers[0] = ev_timer_new(loop, not_early, NULL);
	ev_timer_set(timers[0], 0);
	ck_assert_int_eq(ev_loop_run(loop), 0);
	ev_timer_free(timers[0]);
	ev_loop_free(loop);
}
END_TEST

static void
free_both(void *arg)
{
	strcat(trace, "f");
	ev_timer_free(timers[0]);
	ev_timer_free(timers[1]);
	ev_loop_break(loop);
}

/* Both are due in the same round: whichever comes first frees itself and the other. */
START_TEST(timer_frees_itself_and_others)
{
	setup();
	timers[0] = ev_timer_new(loop, free_both, NULL);
	timers[1] = ev_timer_new(loop, free_both, NULL);
	ev_timer_set(timers[0], 0);
	ev_timer_set(timers[1], 0);
	run("f");
	ev_loop_free(loop);
}
END_TEST

static void
readable(int fd, void *arg)
{
	char c;

	if (read(fd, &c, 1) == 1 && c == 'q') {
		ev_io_free(io);
		ev_loop_break(loop);
	} else {
		strcat(trace, "r");
		ev_io_want(io, true, true);
	}
}

static void
writable(int fd, void *arg)
{
	strcat(trace, "w");
	ev_io_want(io, true, false);
	ck_assert_int_eq(write(*(int *)arg, "q", 1), 1);
}

START_TEST(io_watchers)
{
	int in[2];

	setup();
	ck_assert_int_eq(pipe(in), 0);
	io = ev_io_new(loop, in[0], readable, NULL, NULL);
	ck_assert_int_eq(write(in[1], "aq", 2), 2);
	run("r");
	close(in[0]);
	close(in[1]);
	ev_loop_free(loop);
}
END_TEST

START_TEST(io_writable)
{
	int s[2];

	setup();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	io = ev_io_new(loop, s[0], readable, writable, &s[1]);
	ck_assert_int_eq(write(s[1], "a", 1), 1);
	run("rw"); /* writing is not wanted before it is asked for */
	close(s[0]);
	close(s[1]);
	ev_loop_free(loop);
}
END_TEST

static unsigned turns;

static void
again_at_once(void *arg)
{
	if (++turns == 2)
		ck_assert_int_eq(write(*(int *)arg, "a", 1), 1);
	if (turns == 100000)
		ev_loop_break(loop);
	ev_timer_set(timers[0], 0);
}

static void
only_once(int fd, void *arg)
{
	strcat(trace, "r");
	ev_loop_break(loop);
}

/* A timer that is always due leaves others their turn. */
START_TEST(timers_starve_nobody)
{
	int p[2];

	setup();
	ck_assert_int_eq(pipe(p), 0);
	timers[0] = ev_timer_new(loop, again_at_once, &p[1]);
	ev_timer_set(timers[0], 0);
	io = ev_io_new(loop, p[0], only_once, NULL, NULL);
	run("r");
	ck_assert_uint_lt(turns, 10);
	ev_io_free(io);
	ev_timer_free(timers[0]);
	ev_loop_free(loop);
	close(p[0]);
	close(p[1]);
}
END_TEST

static void
caught(int signo, void *arg)
{
	strcat(trace, signo == SIGUSR1 ? "u" : "?");
	ev_signal_free(sig);
	ev_loop_break(loop);
}

START_TEST(signals)
{
	setup();
	sig = ev_signal_new(loop, SIGUSR1, caught, NULL);
	kill(getpid(), SIGUSR1); /* before the loop runs: waits for it */
	run("u");
	ev_loop_free(loop);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { timers_in_order, never_early, timer_frees_itself_and_others,
		io_watchers, io_writable, timers_starve_nobody, signals, NULL };

	return unit_run("ev", tests);
}
