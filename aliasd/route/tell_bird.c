/* SPDX-License-Identifier: ISC */
/*
 * BIRD's control socket: lines "NNNN text" (the last of an answer), "NNNN-text" and " text". Told to
 * read its files, it is asked until it has done so and has our routes: whoever forgot to include our
 * file would not notice else. The connection stays open: its end is the end of the daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "aliasd/route/tell.h"
#include "common/clock.h"
#include "common/ev.h"
#include "common/ipc_sock.h"

#define ASK_AGAIN (50 * NSEC_PER_MSEC)
/* Of the whole time: as long as it may take until it has the routes that it has read. */
#define FOR_ROUTES(conf) ((conf)->timeout / 10 * 3)

enum phase { DOWN, GREETING, IDLE, CONFIGURE, STATUS, COUNT };

struct tell_bird {
	struct ev_loop *loop;
	const struct tell_conf *conf;
	const struct tell_events *events;
	void *arg;
	enum phase phase;
	bool asked; /* begin() is not answered yet */
	size_t want, got;
	uint64_t since; /* it said that it has its configuration */
	int fd;
	struct ev_io *io;
	struct ev_timer *again, *timeout;
	size_t len;
	bool skipping; /* a line that is longer than any of ours: the rest of it is none */
	char in[4096];
};

static void
hang_up(struct tell_bird *t)
{
	ev_io_free(t->io);
	t->io = NULL;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->phase = DOWN;
	ev_timer_cancel(t->again);
}

static void
finish(struct tell_bird *t, bool ok, const char *text)
{
	t->asked = false;
	t->phase = t->fd < 0 ? DOWN : IDLE;
	ev_timer_cancel(t->again);
	ev_timer_cancel(t->timeout);
	t->events->on_done(ok, text, t->arg);
}

static void
broken(struct tell_bird *t, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%s: %s", t->conf->socket, why);
	hang_up(t);
	if (t->asked)
		finish(t, false, text);
	else
		t->events->on_lost(text, t->arg);
}

static void
ask(struct tell_bird *t, enum phase phase, const char *command)
{
	t->phase = phase;
	t->got = 0;
	if (send(t->fd, command, strlen(command), MSG_NOSIGNAL) != (ssize_t)strlen(command))
		broken(t, strerror(errno));
}

static void
configure(struct tell_bird *t)
{
	ask(t, CONFIGURE, "configure\n");
}

static void
on_again(void *arg)
{
	struct tell_bird *t = arg;

	if (t->phase == STATUS)
		ask(t, STATUS, "show status\n");
	else if (t->phase == COUNT)
		ask(t, COUNT, "show route protocol " ROUTE_BIRD_PROTOCOL " count\n");
}

static void
on_timeout(void *arg)
{
	broken(arg, "no answer");
}

static void
counted(struct tell_bird *t, int code)
{
	char why[256];

	if (code < 1000 && t->got == t->want) {
		snprintf(why, sizeof(why), "reconfigured, it has %zu routes", t->want);
		finish(t, true, why);
	} else if (clock_ns() - t->since < FOR_ROUTES(t->conf)) {
		ev_timer_set(t->again, ASK_AGAIN);
	} else if (code >= 1000) {
		snprintf(why, sizeof(why), "it has no protocol \"" ROUTE_BIRD_PROTOCOL "\": its "
		    "configuration does not include %s", t->conf->file);
		finish(t, false, why);
	} else {
		snprintf(why, sizeof(why), "it has %zu of our %zu routes", t->got, t->want);
		finish(t, false, why);
	}
}

static void
has_status(struct tell_bird *t, const char *text)
{
	if (strstr(text, "progress") != NULL) {
		ev_timer_set(t->again, ASK_AGAIN);
		return;
	}
	t->since = clock_ns();
	t->phase = COUNT;
	on_again(t);
}

static void
answered(struct tell_bird *t, int code, const char *text)
{
	switch (t->phase) {
	case GREETING:
		t->phase = IDLE;
		if (t->asked)
			configure(t);
		break;
	case CONFIGURE:
		/* 6: it is shutting down. */
		if (code >= 1000 || code == 6) {
			finish(t, false, text);
			return;
		}
		t->phase = STATUS;
		on_again(t);
		break;
	case STATUS:
		has_status(t, text);
		break;
	case COUNT:
		counted(t, code);
		break;
	default:
		break;
	}
}

static void
line(struct tell_bird *t, char *text)
{
	int code;

	/* "1007-N of M routes for K networks in table T", for each table. */
	if (t->phase == COUNT && (strncmp(text, "1007-", 5) == 0 || text[0] == ' '))
		t->got += strtoul(text + (text[0] == ' ' ? 1 : 5), NULL, 10);
	if (strlen(text) < 5 || text[0] == ' ' || text[4] != ' ')
		return;
	text[4] = '\0';
	code = atoi(text);
	answered(t, code, text + 5);
}

static void
on_read(int fd, void *arg)
{
	struct tell_bird *t = arg;
	ssize_t n = recv(fd, t->in + t->len, sizeof(t->in) - 1 - t->len, 0);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		broken(t, n == 0 ? "bird has gone away" : strerror(errno));
		return;
	}
	t->len += (size_t)n;
	t->in[t->len] = '\0';
	while (t->fd == fd && (end = strchr(t->in, '\n')) != NULL) {
		char one[sizeof(t->in)];

		*end = '\0';
		memcpy(one, t->in, (size_t)(end - t->in) + 1);
		t->len -= (size_t)(end + 1 - t->in);
		memmove(t->in, end + 1, t->len + 1);
		if (!t->skipping)
			line(t, one);
		t->skipping = false;
	}
	if (t->len == sizeof(t->in) - 1) {
		t->skipping = true;
		t->len = 0;
	}
}

static bool
dial(struct tell_bird *t, char *why, size_t size)
{
	struct sockaddr_un sun;

	if (!ipc_sock_addr(&sun, t->conf->socket)) {
		snprintf(why, size, "%s: %s", t->conf->socket, strerror(errno));
		return false;
	}
	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	t->len = 0;
	t->skipping = false;
	if (t->fd >= 0 && connect(t->fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		t->io = ev_io_new(t->loop, t->fd, on_read, NULL, t);
	if (t->io != NULL) {
		t->phase = GREETING;
		return true;
	}
	snprintf(why, size, "cannot reach bird: %s: %s", t->conf->socket, strerror(errno));
	hang_up(t);
	return false;
}

/* The answer must not come from inside begin(). */
static void
on_start(void *arg)
{
	struct tell_bird *t = arg;
	char why[256];

	if (t->phase == IDLE)
		configure(t);
	else if (t->phase == DOWN && !dial(t, why, sizeof(why)))
		finish(t, false, why);
	else if (t->phase > IDLE)
		on_again(t);
}

static void
begin(void *arg, const struct route_spec *spec, const struct route_set *set)
{
	struct tell_bird *t = arg;

	t->asked = true;
	t->want = set->n;
	ev_timer_set(t->timeout, t->conf->timeout);
	ev_timer_set(t->again, 0);
}

static void
discard(void *arg)
{
	struct tell_bird *t = arg;

	if (t->again != NULL)
		hang_up(t);
	ev_timer_free(t->again);
	ev_timer_free(t->timeout);
	free(t);
}

static void *
create(struct ev_loop *loop, const struct tell_conf *conf, const struct tell_events *events, void *arg)
{
	struct tell_bird *t = mem_zalloc(sizeof(*t));

	t->loop = loop;
	t->conf = conf;
	t->events = events;
	t->arg = arg;
	t->fd = -1;
	t->again = ev_timer_new(loop, on_start, t);
	t->timeout = ev_timer_new(loop, on_timeout, t);
	if (t->again != NULL && t->timeout != NULL)
		return t;
	discard(t);
	return NULL;
}

const struct tell_ops tell_bird = { .new = create, .free = discard, .begin = begin };
