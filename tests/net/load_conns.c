/* SPDX-License-Identifier: ISC */
/*
 * Long-lived connections. Every byte that comes back is checked, and so is who sent it; with -D both ends
 * check what the other sends (net_data.h). With -R a connection that broke is replaced by a new one.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/net/loadgen.h"
#include "tests/net/net_data.h"

#define UNDER_WAY 16 /* lines that a connection sends without having had an answer */
#define REOPEN_AFTER (500 * NSEC_PER_MSEC)

struct conn {
	TAILQ_ENTRY(conn) next;
	int fd;
	bool sending;         /* in the queue of those that will send */
	unsigned life;        /* how many were before it in its place */
	int owner;            /* -1 before the first answer */
	unsigned port;        /* our own */
	uint64_t sent, lines; /* how many lines went out, and were answered */
	uint64_t sent_at[UNDER_WAY]; /* of line i % UNDER_WAY */
	uint64_t due;         /* time of the next line */
	uint64_t longest, longest_at;
	uint64_t opened_at, broken_at;
	const char *why; /* it broke */
	size_t len;
	char in[NET_OWNER_MAX + NET_LINE_MAX];
};

TAILQ_HEAD(conn_list, conn);

struct ended { /* a broken connection whose place another took */
	int owner;
	unsigned port;
	uint64_t lines, longest, longest_at, opened_at, broken_at;
	const char *why;
};

struct conns {
	const struct load_opts *opts;
	int epoll;
	size_t count, opened, answered, broken;
	uint64_t interval, start;
	struct load_owners owners;
	struct conn *all;
	struct conn_list sending, reopening; /* by time: all wait equally long */
	size_t nended, room;
	struct ended *ended;
};

static void
remember(struct conns *cs, const struct conn *c)
{
	if (cs->nended == cs->room) {
		cs->room = cs->room != 0 ? cs->room * 2 : 1024;
		cs->ended = realloc(cs->ended, cs->room * sizeof(*cs->ended));
		if (cs->ended == NULL)
			err(1, "realloc");
	}
	cs->ended[cs->nended++] = (struct ended){.owner = c->owner, .port = c->port, .lines = c->lines,
	    .longest = c->longest, .longest_at = c->longest_at, .opened_at = c->opened_at,
	    .broken_at = c->broken_at, .why = c->why};
}

static void
conn_break(struct conns *cs, struct conn *c, const char *why, uint64_t now)
{
	c->why = why;
	c->broken_at = now;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	cs->broken++;
	if (c->sending)
		TAILQ_REMOVE(&cs->sending, c, next);
	c->sending = false;
	if (!cs->opts->reopen)
		return;
	remember(cs, c);
	TAILQ_INSERT_TAIL(&cs->reopening, c, next);
}

static const char *
why_of(int error)
{
	switch (error) {
	case ECONNREFUSED: return "refused";
	case ECONNRESET:
	case EPIPE: return "reset";
	case ETIMEDOUT: return "timeout";
	case EHOSTUNREACH:
	case ENETUNREACH: return "unreachable";
	default: return "error";
	}
}

static unsigned
port_of(int fd)
{
	struct sockaddr_in sin = {0};
	socklen_t len = sizeof(sin);

	return getsockname(fd, (struct sockaddr *)&sin, &len) < 0 ? 0 : ntohs(sin.sin_port);
}

static void
conn_open(struct conns *cs, struct conn *c)
{
	c->owner = -1;
	c->opened_at = clock_ns();
	c->fd = net_tcp_connect(&cs->opts->to);
	if (c->fd < 0) {
		conn_break(cs, c, why_of(errno), c->opened_at);
		return;
	}
	c->port = port_of(c->fd);
	/* Writable = connected: the first line goes out then. */
	net_watch(cs->epoll, c->fd, EPOLLIN | EPOLLOUT, (uint64_t)(c - cs->all));
}

/* The broken one's place is taken by a new one that knows nothing of it. */
static void
conn_reopen(struct conns *cs, struct conn *c)
{
	unsigned life = c->life;

	TAILQ_REMOVE(&cs->reopening, c, next);
	memset(c, 0, sizeof(*c));
	c->life = life + 1;
	conn_open(cs, c);
}

static size_t
line_text(struct conns *cs, const struct conn *c, uint64_t number, enum net_data_from from,
    char out[NET_LINE_MAX])
{
	size_t i = (size_t)(c - cs->all);
	char id[NET_DATA_ID_MAX];

	if (!cs->opts->data)
		return (size_t)snprintf(
		    out, NET_LINE_MAX, "connection %zu line %" PRIu64 "\n", i, number);
	snprintf(id, sizeof(id), "%zu.%u", i, c->life);
	return net_data_line(id, number, from, out);
}

/* The answer that is due has taken until now. */
static void
conn_waited(struct conn *c, uint64_t now)
{
	uint64_t since = c->sent_at[c->lines % UNDER_WAY];

	if (c->sent == c->lines || now - since <= c->longest)
		return;
	c->longest = now - since;
	c->longest_at = since;
}

static void
conn_send(struct conns *cs, struct conn *c, uint64_t now)
{
	char line[NET_LINE_MAX];
	size_t len;

	TAILQ_REMOVE(&cs->sending, c, next);
	TAILQ_INSERT_TAIL(&cs->sending, c, next);
	c->due += cs->interval;
	if (c->due < now) /* we were late ourselves: no burst to catch up */
		c->due = now + cs->interval;
	if (c->sent - c->lines == UNDER_WAY)
		return;
	len = line_text(cs, c, c->sent, NET_DATA_CLIENT, line);

	if (send(c->fd, line, len, MSG_NOSIGNAL) != (ssize_t)len) {
		conn_waited(c, now);
		conn_break(cs, c, why_of(errno), now);
		return;
	}
	c->sent_at[c->sent++ % UNDER_WAY] = now;
}

/* "OWNER what we sent": NULL, or what is wrong with it. */
static const char *
conn_check(struct conns *cs, struct conn *c, const char *in, size_t len)
{
	const char *blank = memchr(in, ' ', len);
	char line[NET_LINE_MAX];
	size_t sent = line_text(cs, c, c->lines, NET_DATA_SERVER, line);

	if (blank == NULL || c->sent == c->lines)
		return "garbage";
	size_t name = (size_t)(blank - in);
	if (len - name - 1 != sent || memcmp(blank + 1, line, sent) != 0)
		return "garbage";
	int owner = load_owner(&cs->owners, in, name);
	if (owner < 0 || (c->owner >= 0 && owner != c->owner))
		return "other owner";
	if (c->owner < 0) {
		cs->owners.of[owner].count++;
		cs->answered++;
	}
	c->owner = owner;
	return NULL;
}

static void
conn_answers(struct conns *cs, struct conn *c, uint64_t now)
{
	const char *at = c->in, *end;

	while ((end = memchr(at, '\n', c->len)) != NULL) {
		size_t n = (size_t)(end - at) + 1;
		const char *wrong = conn_check(cs, c, at, n);
		if (wrong != NULL) {
			conn_break(cs, c, wrong, now);
			return;
		}
		conn_waited(c, now);
		c->lines++;
		at += n;
		c->len -= n;
	}
	if (c->len == sizeof(c->in))
		conn_break(cs, c, "garbage", now);
	memmove(c->in, at, c->len);
}

static void
conn_event(struct conns *cs, struct conn *c, uint32_t events)
{
	uint64_t now = clock_ns();

	if (c->fd < 0)
		return;
	if (c->due == 0 && (events & EPOLLOUT) && !(events & (EPOLLERR | EPOLLHUP))) {
		c->due = now;
		c->sending = true;
		TAILQ_INSERT_TAIL(&cs->sending, c, next);
		net_watch(cs->epoll, c->fd, EPOLLIN, (uint64_t)(c - cs->all));
		conn_send(cs, c, now);
		return;
	}
	ssize_t n = recv(c->fd, c->in + c->len, sizeof(c->in) - c->len, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		conn_waited(c, now);
		conn_break(cs, c, n == 0 ? "closed" : why_of(errno), now);
		return;
	}
	c->len += (size_t)n;
	conn_answers(cs, c, now);
}

/* Opens what is due by the rate; sends what is due. The time until which nothing is. */
static uint64_t
conns_work(struct conns *cs)
{
	uint64_t now = clock_ns(), next = now + cs->interval;
	uint64_t rate = cs->opts->rate != 0 ? cs->opts->rate : 2000;
	size_t may = (size_t)((now - cs->start) * rate / NSEC_PER_SEC) + 1;
	struct conn *c;

	while (cs->opened < cs->count && cs->opened < may)
		conn_open(cs, &cs->all[cs->opened++]);
	if (cs->opened < cs->count)
		next = now + NSEC_PER_MSEC;
	while ((c = TAILQ_FIRST(&cs->reopening)) != NULL && c->broken_at + REOPEN_AFTER <= now)
		conn_reopen(cs, c);
	while ((c = TAILQ_FIRST(&cs->sending)) != NULL && c->due <= now)
		conn_send(cs, c, now);
	if (c != NULL && c->due < next)
		next = c->due;
	/* A thousand deadlines need not be met to the microsecond. */
	return next > now + NSEC_PER_MSEC ? next : now + NSEC_PER_MSEC;
}

static void
ended_json(struct conns *cs, const struct ended *c, struct json *j)
{
	json_object(j, NULL);
	json_str(j, "owner", c->owner >= 0 ? cs->owners.of[c->owner].name : "");
	json_uint(j, "port", c->port);
	json_uint(j, "lines", c->lines);
	json_double(j, "longest_ms", (double)c->longest / 1e6);
	json_uint(j, "longest_at_us", c->longest_at / NSEC_PER_USEC);
	json_uint(j, "opened_at_us", c->opened_at / NSEC_PER_USEC);
	json_str(j, "broken", c->why != NULL ? c->why : "");
	json_uint(j, "broken_at_us", c->broken_at / NSEC_PER_USEC);
}

/* waiting_ms: since when the oldest line that has no answer yet was sent. */
static void
conn_json(struct conns *cs, const struct conn *c, uint64_t now, struct json *j)
{
	struct ended e = {.owner = c->owner, .port = c->port, .lines = c->lines, .longest = c->longest,
	    .longest_at = c->longest_at, .opened_at = c->opened_at, .broken_at = c->broken_at,
	    .why = c->why};
	uint64_t since = c->sent_at[c->lines % UNDER_WAY];

	ended_json(cs, &e, j);
	json_double(j, "waiting_ms",
	    c->fd >= 0 && c->sent > c->lines ? (double)(now - since) / 1e6 : 0);
	json_object_end(j);
}

static void
lists_json(struct conns *cs, uint64_t now, struct json *j)
{
	json_array(j, "connections");
	for (size_t i = 0; i < cs->opened && !cs->opts->quiet; i++)
		conn_json(cs, &cs->all[i], now, j);
	json_array_end(j);
	json_array(j, "replaced");
	for (size_t i = 0; i < cs->nended; i++) {
		ended_json(cs, &cs->ended[i], j);
		json_object_end(j);
	}
	json_array_end(j);
}

static void
conns_json(struct conns *cs)
{
	struct json j;
	uint64_t now = clock_ns(), lines = 0, longest = 0;

	for (size_t i = 0; i < cs->opened; i++) {
		struct conn *c = &cs->all[i];
		if (c->fd >= 0)
			conn_waited(c, now);
		lines += c->lines;
		if (c->longest > longest)
			longest = c->longest;
	}
	for (size_t i = 0; i < cs->nended; i++)
		lines += cs->ended[i].lines;
	json_begin(&j, stdout);
	json_uint(&j, "opened", cs->opened);
	json_uint(&j, "answered", cs->answered);
	json_uint(&j, "broken", cs->broken);
	json_uint(&j, "lines", lines);
	json_double(&j, "longest_ms", (double)longest / 1e6);
	load_owners_json(&cs->owners, &j);
	lists_json(cs, now, &j);
	load_lates_json(&j);
	json_finish(&j);
}

int
load_conns(const struct load_opts *opts)
{
	struct conns cs = {
	    .opts = opts,
	    .epoll = net_epoll(),
	    .count = opts->count != 0 ? opts->count : 1000,
	    .interval = (opts->interval_ms != 0 ? opts->interval_ms : 100) * NSEC_PER_MSEC,
	    .start = clock_ns(),
	};
	struct epoll_event events[256];
	bool ready = false;

	TAILQ_INIT(&cs.sending);
	TAILQ_INIT(&cs.reopening);
	cs.all = calloc(cs.count, sizeof(*cs.all));
	if (cs.all == NULL)
		err(1, "calloc");
	while (!net_stopped()) {
		int n = net_wait(cs.epoll, events, 256, conns_work(&cs));
		for (int i = 0; i < n; i++)
			conn_event(&cs, &cs.all[events[i].data.u64], events[i].events);
		if (!ready && cs.answered + cs.broken >= cs.count) {
			load_say_ready();
			ready = true;
		}
	}
	conns_json(&cs);
	free(cs.all);
	free(cs.ended);
	close(cs.epoll);
	return cs.broken != 0 || cs.answered != cs.count;
}
