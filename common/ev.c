/* SPDX-License-Identifier: ISC */
#include "common/ev.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/timerheap.h"

#define TIME_MAX ((uint64_t)INT64_MAX) /* the latest that the kernel can be asked for */

/*
 * libevent's own timers are precise only if it sets the kernel's anew in every round, one system call of
 * the four or five that a message takes. Here the kernel's timer is touched only when something is due
 * earlier than it is set to; what is cancelled or put off may wake us for nothing.
 */
struct ev_loop {
	struct event_base *base;
	struct timerheap timers;
	size_t ntimers; /* also those that are not set */
	int timerfd;
	uint64_t armed; /* clock_ns() it is set to; 0: it is not */
	bool running;   /* timers are called */
	struct event *due; /* when timerfd says so, or at once if made active */
};

struct ev_io {
	struct event *rd;
	struct event *wr;
	ev_io_cb *on_read;
	ev_io_cb *on_write;
	void *arg;
};

struct ev_timer {
	struct timerheap_node node; /* first */
	struct ev_loop *loop;
	ev_timer_cb *cb;
	void *arg;
};

struct ev_signal {
	struct event *ev;
	ev_signal_cb *cb;
	void *arg;
};

/* ---- timers ---- */

static void
arm(struct ev_loop *loop)
{
	const struct timerheap_node *first = timerheap_first(&loop->timers);
	struct itimerspec at = { 0 };

	if (first == NULL || (loop->armed != 0 && loop->armed <= first->when))
		return;
	loop->armed = first->when;
	at.it_value.tv_sec = (time_t)(first->when / NSEC_PER_SEC);
	at.it_value.tv_nsec = (long)(first->when % NSEC_PER_SEC);
	(void)timerfd_settime(loop->timerfd, TFD_TIMER_ABSTIME, &at, NULL);
}

/*
 * Those that are due by now. What they set is for the next round, also if it is due at once: made active
 * here, libevent would call it before it looks at any descriptor again.
 */
static void
run_timers(evutil_socket_t fd, short what, void *arg)
{
	struct ev_loop *loop = arg;
	uint64_t now = clock_ns();
	struct timerheap_node *n;

	if (loop->armed <= now)
		loop->armed = 0;
	loop->running = true;
	while ((n = timerheap_first(&loop->timers)) != NULL && n->when <= now) {
		struct ev_timer *t = (struct ev_timer *)n;

		timerheap_cancel(&loop->timers, n);
		t->cb(t->arg);
		if (event_base_got_break(loop->base))
			break;
	}
	loop->running = false;
	arm(loop);
}

struct ev_timer *
ev_timer_new(struct ev_loop *loop, ev_timer_cb *cb, void *arg)
{
	struct ev_timer *t;

	if (!timerheap_reserve(&loop->timers, loop->ntimers + 1))
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	loop->ntimers++;
	t->loop = loop;
	t->cb = cb;
	t->arg = arg;
	return t;
}

void
ev_timer_set_at(struct ev_timer *t, uint64_t when)
{
	timerheap_set(&t->loop->timers, &t->node, when != 0 ? when : 1);
	arm(t->loop);
}

void
ev_timer_set(struct ev_timer *t, uint64_t delay_ns)
{
	uint64_t now = clock_ns();

	if (delay_ns == 0) {
		timerheap_set(&t->loop->timers, &t->node, now);
		if (!t->loop->running)
			event_active(t->loop->due, EV_TIMEOUT, 0);
	} else
		ev_timer_set_at(t, delay_ns < TIME_MAX - now ? now + delay_ns : TIME_MAX);
}

void
ev_timer_cancel(struct ev_timer *t)
{
	timerheap_cancel(&t->loop->timers, &t->node);
}

void
ev_timer_free(struct ev_timer *t)
{
	if (t == NULL)
		return;
	ev_timer_cancel(t);
	t->loop->ntimers--;
	free(t);
}

/* ---- the loop ---- */

static int
loop_open(struct ev_loop *loop)
{
	loop->base = event_base_new();
	if (loop->base == NULL) {
		errno = ENOMEM;
		return -1;
	}
	loop->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timerfd == -1)
		return -1;
	/* An edge each time it expires: nobody needs to read how often it did. */
	loop->due = event_new(loop->base, loop->timerfd, EV_READ | EV_PERSIST | EV_ET, run_timers, loop);
	if (loop->due == NULL || event_add(loop->due, NULL) == -1) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

struct ev_loop *
ev_loop_new(void)
{
	struct ev_loop *loop = calloc(1, sizeof(*loop));
	int e;

	if (loop == NULL)
		return NULL;
	loop->timerfd = -1;
	if (loop_open(loop) == 0)
		return loop;
	e = errno;
	ev_loop_free(loop);
	errno = e;
	return NULL;
}

void
ev_loop_free(struct ev_loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->due != NULL)
		event_free(loop->due);
	if (loop->timerfd != -1)
		close(loop->timerfd);
	if (loop->base != NULL)
		event_base_free(loop->base);
	timerheap_free(&loop->timers);
	free(loop);
}

int
ev_loop_run(struct ev_loop *loop)
{
	/* Without the flag a loop whose last watcher is gone would return instead of waiting. */
	return event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) == -1 ? -1 : 0;
}

void
ev_loop_break(struct ev_loop *loop)
{
	event_base_loopbreak(loop->base);
}

static void
io_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ev_io *io = arg;

	io->on_read(fd, io->arg);
}

static void
io_writable(evutil_socket_t fd, short what, void *arg)
{
	struct ev_io *io = arg;

	io->on_write(fd, io->arg);
}

struct ev_io *
ev_io_new(struct ev_loop *loop, int fd, ev_io_cb *on_read, ev_io_cb *on_write, void *arg)
{
	struct ev_io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return NULL;
	io->on_read = on_read;
	io->on_write = on_write;
	io->arg = arg;
	/* Two events: each may free the watcher without the other being called afterwards. */
	if (on_read != NULL)
		io->rd = event_new(loop->base, fd, EV_READ | EV_PERSIST, io_readable, io);
	if (on_write != NULL)
		io->wr = event_new(loop->base, fd, EV_WRITE | EV_PERSIST, io_writable, io);
	if ((on_read != NULL && io->rd == NULL) || (on_write != NULL && io->wr == NULL) ||
	    (io->rd != NULL && event_add(io->rd, NULL) == -1)) {
		ev_io_free(io);
		return NULL;
	}
	return io;
}

static void
want(struct event *ev, bool on)
{
	if (ev == NULL)
		return;
	if (on)
		event_add(ev, NULL);
	else
		event_del(ev);
}

void
ev_io_want(struct ev_io *io, bool reading, bool writing)
{
	want(io->rd, reading);
	want(io->wr, writing);
}

void
ev_io_free(struct ev_io *io)
{
	if (io == NULL)
		return;
	if (io->rd != NULL)
		event_free(io->rd);
	if (io->wr != NULL)
		event_free(io->wr);
	free(io);
}

static void
signal_came(evutil_socket_t signo, short what, void *arg)
{
	struct ev_signal *s = arg;

	s->cb(signo, s->arg);
}

struct ev_signal *
ev_signal_new(struct ev_loop *loop, int signo, ev_signal_cb *cb, void *arg)
{
	struct ev_signal *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->cb = cb;
	s->arg = arg;
	s->ev = evsignal_new(loop->base, signo, signal_came, s);
	if (s->ev == NULL || event_add(s->ev, NULL) == -1) {
		ev_signal_free(s);
		return NULL;
	}
	return s;
}

void
ev_signal_free(struct ev_signal *s)
{
	if (s == NULL)
		return;
	if (s->ev != NULL)
		event_free(s->ev);
	free(s);
}
