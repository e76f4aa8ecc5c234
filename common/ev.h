/* SPDX-License-Identifier: ISC */
/*
 * The event loop: the only header through which daemons see libevent, which ev.c alone includes.
 * One loop per process, with timers precise to well under a millisecond.
 */
#ifndef CLUA_COMMON_EV_H
#define CLUA_COMMON_EV_H

#include <stdbool.h>
#include <stdint.h>

struct ev_loop;
struct ev_io;
struct ev_timer;
struct ev_signal;

typedef void ev_io_cb(int fd, void *arg);
typedef void ev_timer_cb(void *arg);
typedef void ev_signal_cb(int signo, void *arg);

struct ev_loop *ev_loop_new(void); /* NULL and errno on failure */
void ev_loop_free(struct ev_loop *);
int ev_loop_run(struct ev_loop *); /* until ev_loop_break(); 0, or -1 */
void ev_loop_break(struct ev_loop *);

/* Level-triggered. The callbacks may free their own watcher. fd stays the caller's. */
struct ev_io *ev_io_new(struct ev_loop *, int fd, ev_io_cb *on_read, ev_io_cb *on_write, void *arg);
void ev_io_want(struct ev_io *, bool reading, bool writing); /* new watchers want reading only */
void ev_io_free(struct ev_io *);                             /* NULL is fine */

struct ev_timer *ev_timer_new(struct ev_loop *, ev_timer_cb *, void *arg);
void ev_timer_set(struct ev_timer *, uint64_t delay_ns); /* one shot; replaces an earlier setting */
void ev_timer_set_at(struct ev_timer *, uint64_t when);  /* absolute clock_ns() */
void ev_timer_cancel(struct ev_timer *);
void ev_timer_free(struct ev_timer *);

struct ev_signal *ev_signal_new(struct ev_loop *, int signo, ev_signal_cb *, void *arg);
void ev_signal_free(struct ev_signal *);

#endif
