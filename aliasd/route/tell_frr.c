/* SPDX-License-Identifier: ISC */
/*
 * FRR, by way of vtysh: what is running is read, the difference to what should be is fed in, and what
 * is running is read again. So whatever an earlier aliasd left is found, and nothing is taken for
 * granted that a daemon of FRR has not taken. A connection to each of these daemons stays open: its
 * end is the end of the daemon, and of what it was told. Those that were not there are looked for: what
 * one daemon has been told the others have not.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "aliasd/route/tell.h"
#include "common/child.h"
#include "common/clock.h"
#include "common/ev.h"
#include "common/ipc_sock.h"

#define WORDS_MAX 32
#define LOOK_AGAIN NSEC_PER_SEC

enum phase { IDLE, READ, CHANGE, VERIFY };

static const char *const daemons[] = { "zebra", "staticd", "ripd", "ospfd", "bfdd" };
#define NDAEMONS (sizeof(daemons) / sizeof(daemons[0]))

struct watch {
	int fd; /* -1: it is not running */
	struct ev_io *io;
};

struct tell_frr {
	struct ev_loop *loop;
	const struct tell_conf *conf;
	const struct tell_events *events;
	void *arg;
	enum phase phase;
	struct child *child;
	struct ev_timer *start, *look;
	struct watch watch[NDAEMONS];
	struct route_set set;
	char *frame;      /* to be there */
	char *frame_done; /* was taken by the daemons that are running now */
	char changes[PATH_MAX + 16];
	char command[PATH_MAX];
	const char *argv[WORDS_MAX];
};

static void
forget_frame(struct tell_frr *t)
{
	free(t->frame_done);
	t->frame_done = NULL;
}

static void
finish(struct tell_frr *t, bool ok, const char *text)
{
	t->phase = IDLE;
	if (ok)
		ev_timer_set(t->look, LOOK_AGAIN);
	else
		forget_frame(t);
	t->events->on_done(ok, text, t->arg);
}

/* ---- the daemons' lives ---- */

static void
unwatch(struct watch *w)
{
	ev_io_free(w->io);
	w->io = NULL;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static void
on_watched(int fd, void *arg)
{
	struct tell_frr *t = arg;
	char data[512], text[64];
	size_t i;

	if (recv(fd, data, sizeof(data), 0) > 0)
		return;
	for (i = 0; i < NDAEMONS && t->watch[i].fd != fd; i++)
		continue;
	unwatch(&t->watch[i]);
	forget_frame(t);
	snprintf(text, sizeof(text), "%s of FRR has gone away", daemons[i]);
	if (t->phase == IDLE)
		t->events->on_lost(text, t->arg);
}

static void
watch_one(struct tell_frr *t, size_t i)
{
	struct watch *w = &t->watch[i];
	char path[PATH_MAX + 32];
	struct sockaddr_un sun;

	snprintf(path, sizeof(path), "%s/%s.vty", t->conf->socket, daemons[i]);
	if (w->fd >= 0 || !ipc_sock_addr(&sun, path))
		return;
	w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd >= 0 && connect(w->fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		w->io = ev_io_new(t->loop, w->fd, on_watched, NULL, t);
	if (w->io == NULL)
		unwatch(w);
}

static void
on_look(void *arg)
{
	struct tell_frr *t = arg;
	char text[64] = "";
	size_t i;

	for (i = 0; i < NDAEMONS; i++) {
		if (t->watch[i].fd >= 0)
			continue;
		watch_one(t, i);
		if (t->watch[i].fd >= 0)
			snprintf(text, sizeof(text), "%s of FRR was started", daemons[i]);
	}
	if (text[0] == '\0') {
		ev_timer_set(t->look, LOOK_AGAIN);
		return;
	}
	forget_frame(t);
	t->events->on_lost(text, t->arg);
}

/* ---- vtysh ---- */

static void run(struct tell_frr *, enum phase, const char *, const char *);

/* Writes what is missing. How many commands that is; -1 after finish(). */
static long
write_changes(struct tell_frr *t, char *running)
{
	bool frame = t->frame_done == NULL || strcmp(t->frame, t->frame_done) != 0 ||
	    !route_frr_has_map(running);
	FILE *f = fopen(t->changes, "we");
	char text[PATH_MAX + 64];
	long n;

	if (f != NULL) {
		if (frame)
			fputs(t->frame, f);
		n = (long)route_frr_delta(f, running, &t->set) + frame;
		if (ferror(f) == 0 && fclose(f) == 0)
			return n;
	}
	snprintf(text, sizeof(text), "%s: %s", t->changes, strerror(errno));
	finish(t, false, text);
	return -1;
}

static void
has_read(struct tell_frr *t, char *running)
{
	long n = write_changes(t, running);
	char text[128];

	if (n < 0)
		return;
	if (n > 0 && t->phase == READ) {
		run(t, CHANGE, "-f", t->changes);
		return;
	}
	if (n == 0)
		snprintf(text, sizeof(text), "it has %zu routes", t->set.n);
	else
		snprintf(text, sizeof(text), "%ld changes were not taken: is staticd running?", n);
	finish(t, n == 0, text);
}

static void
has_changed(struct tell_frr *t)
{
	forget_frame(t);
	t->frame_done = mem_zalloc(strlen(t->frame) + 1);
	memcpy(t->frame_done, t->frame, strlen(t->frame));
	run(t, VERIFY, "-c", "show running-config");
}

static void
on_end(const struct child_result *r, void *arg)
{
	struct tell_frr *t = arg;
	char text[256], *running;

	t->child = NULL;
	if (r->status != 0) {
		tell_reason(r, "vtysh", text, sizeof(text));
		finish(t, false, text);
	} else if (t->phase == CHANGE) {
		has_changed(t);
	} else if (r->len == CHILD_OUT_MAX) {
		/* Ours may be in the part that is missing. */
		finish(t, false, "vtysh: a configuration of more than 8 MiB");
	} else {
		running = mem_zalloc(r->len + 1);
		memcpy(running, r->out, r->len);
		has_read(t, running);
		free(running);
	}
}

static void
run(struct tell_frr *t, enum phase phase, const char *option, const char *value)
{
	char text[256];
	size_t n;

	t->phase = phase;
	snprintf(t->command, sizeof(t->command), "%s", t->conf->command);
	tell_words(t->command, t->argv, WORDS_MAX - 4);
	for (n = 0; t->argv[n] != NULL; n++)
		continue;
	t->argv[n] = "--vty_socket";
	t->argv[n + 1] = t->conf->socket;
	t->argv[n + 2] = option;
	t->argv[n + 3] = value;
	t->argv[n + 4] = NULL;
	errno = ENOENT;
	if (n > 0)
		t->child = child_run(t->loop, t->argv, NULL, t->conf->timeout, on_end, t);
	if (t->child != NULL)
		return;
	snprintf(text, sizeof(text), "cannot run \"%.128s\": %s", t->conf->command, strerror(errno));
	finish(t, false, text);
}

static void
on_start(void *arg)
{
	struct tell_frr *t = arg;
	size_t i;

	/* Before it is read, so that none comes anew unseen. */
	for (i = 0; i < NDAEMONS; i++)
		watch_one(t, i);
	run(t, READ, "-c", "show running-config");
}

static void
begin(void *arg, const struct route_spec *spec, const struct route_set *set)
{
	struct tell_frr *t = arg;
	size_t len;
	FILE *f;

	free(t->frame);
	t->frame = NULL;
	f = open_memstream(&t->frame, &len);
	route_frr_frame(f, spec);
	fclose(f);
	t->set.n = set->n;
	t->set.r = mem_grow(t->set.r, set->n + 1, sizeof(*set->r));
	if (set->n > 0)
		memcpy(t->set.r, set->r, set->n * sizeof(*set->r));
	ev_timer_set(t->start, 0);
	ev_timer_cancel(t->look);
}

static void
discard(void *arg)
{
	struct tell_frr *t = arg;
	size_t i;

	child_free(t->child);
	for (i = 0; i < NDAEMONS; i++)
		unwatch(&t->watch[i]);
	ev_timer_free(t->start);
	ev_timer_free(t->look);
	route_set_free(&t->set);
	free(t->frame);
	free(t->frame_done);
	free(t);
}

static void *
create(struct ev_loop *loop, const struct tell_conf *conf, const struct tell_events *events, void *arg)
{
	struct tell_frr *t = mem_zalloc(sizeof(*t));
	size_t i;

	t->loop = loop;
	t->conf = conf;
	t->events = events;
	t->arg = arg;
	for (i = 0; i < NDAEMONS; i++)
		t->watch[i].fd = -1;
	snprintf(t->changes, sizeof(t->changes), "%s.changes", conf->file);
	t->start = ev_timer_new(loop, on_start, t);
	t->look = ev_timer_new(loop, on_look, t);
	if (t->start != NULL && t->look != NULL)
		return t;
	discard(t);
	return NULL;
}

const struct tell_ops tell_frr = { .new = create, .free = discard, .begin = begin };
