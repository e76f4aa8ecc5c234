/* SPDX-License-Identifier: ISC */
#include "common/ev.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/clock.h"

#define DELAY_MAX (10 * 365 * 86400 * NSEC_PER_SEC)

struct ev_loop {
	struct event_base *base;
};

struct ev_io {
	struct event *rd;
	struct event *wr;
	ev_io_cb *on_read;
	ev_io_cb *on_write;
	void *arg;
};

struct ev_timer {
	struct event *ev;
	ev_timer_cb *cb;
	void *arg;
};

struct ev_signal {
	struct event *ev;
	ev_signal_cb *cb;
	void *arg;
};

struct ev_loop *
ev_loop_new(void)
{
	struct ev_loop *loop = calloc(1, sizeof(*loop));
	struct event_config *cfg = event_config_new();

	if (loop == NULL || cfg == NULL)
		goto fail;
	/* A cached time would let timers set late in a long callback fire early. */
	if (event_config_set_flag(cfg,
		EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME) == -1)
		goto fail;
	loop->base = event_base_new_with_config(cfg);
	if (loop->base == NULL)
		goto fail;
	event_config_free(cfg);
	return loop;
fail:
	if (cfg != NULL)
		event_config_free(cfg);
	free(loop);
	errno = ENOMEM;
	return NULL;
}

void
ev_loop_free(struct ev_loop *loop)
{
	if (loop == NULL)
		return;
	event_base_free(loop->base);
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
timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct ev_timer *t = arg;

	t->cb(t->arg);
}

struct ev_timer *
ev_timer_new(struct ev_loop *loop, ev_timer_cb *cb, void *arg)
{
	struct ev_timer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->cb = cb;
	t->arg = arg;
	t->ev = evtimer_new(loop->base, timer_fired, t);
	if (t->ev == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void
ev_timer_set(struct ev_timer *t, uint64_t delay_ns)
{
	struct timeval tv;

	/*
	 * Rounded up, and one more for the microseconds that libevent cuts off its own clock: a timer
	 * that fires early would find that its time has not come and spin.
	 */
	if (delay_ns > DELAY_MAX)
		delay_ns = DELAY_MAX;
	if (delay_ns != 0)
		delay_ns += 2 * NSEC_PER_USEC - 1;
	tv.tv_sec = (time_t)(delay_ns / NSEC_PER_SEC);
	tv.tv_usec = (suseconds_t)(delay_ns % NSEC_PER_SEC / NSEC_PER_USEC);
	event_add(t->ev, &tv);
}

void
ev_timer_set_at(struct ev_timer *t, uint64_t when)
{
	uint64_t now = clock_ns();

	ev_timer_set(t, when > now ? when - now : 0);
}

void
ev_timer_cancel(struct ev_timer *t)
{
	event_del(t->ev);
}

void
ev_timer_free(struct ev_timer *t)
{
	if (t == NULL)
		return;
	event_free(t->ev);
	free(t);
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
