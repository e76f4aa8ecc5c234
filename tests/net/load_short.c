/* SPDX-License-Identifier: ISC */
/* Short connections: connect, ask, read the answer, close. What became of each, and when. */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/net/loadgen.h"

#define GIVE_UP (5 * NSEC_PER_SEC)

static const char http_question[] = "GET / HTTP/1.0\r\n\r\n";

enum result { OK, REFUSED, RESET, CLOSED, TIMEOUT, GARBAGE, OTHER, RESULTS };
static const char *const result_name[RESULTS] = {
    "ok", "refused", "reset", "closed", "timeout", "garbage", "other"};

struct record { /* of a finished connection */
	uint64_t start, end;
	int8_t owner; /* -1: not ok */
	uint8_t result;
};

struct client {
	int fd;
	bool asked;
	uint64_t start;
	size_t len;
	char in[2048];
};

struct shorts {
	const struct load_opts *opts;
	int epoll;
	size_t limit, started, finished;
	uint64_t begin, count[RESULTS], slowest, slowest_at;
	struct load_owners owners;
	struct record *records;
	size_t nrecords, room;
	struct client *clients;
};

static void
remember(struct shorts *s, const struct record *r)
{
	bool slow = s->opts->slow_ms != 0 && r->end - r->start > s->opts->slow_ms * NSEC_PER_MSEC;

	if (s->opts->quiet && r->result == OK && !slow)
		return;
	if (s->nrecords == s->room) {
		s->room = s->room != 0 ? s->room * 2 : 4096;
		s->records = realloc(s->records, s->room * sizeof(*s->records));
		if (s->records == NULL)
			err(1, "realloc");
	}
	s->records[s->nrecords++] = *r;
}

static void
finish(struct shorts *s, struct client *c, enum result result, int owner)
{
	struct record r = {
	    .start = c->start, .end = clock_ns(), .owner = (int8_t)owner, .result = (uint8_t)result};

	if (c->fd >= 0) {
		struct linger abort = {.l_onoff = 1};
		if (s->opts->reset)
			setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
		close(c->fd);
	}
	c->fd = -1;
	s->finished++;
	s->count[result]++;
	if (owner >= 0)
		s->owners.of[owner].count++;
	if (result == OK && r.end - r.start > s->slowest) {
		s->slowest = r.end - r.start;
		s->slowest_at = r.start;
	}
	remember(s, &r);
}

static enum result
result_of(int error)
{
	switch (error) {
	case ECONNREFUSED: return REFUSED;
	case ECONNRESET:
	case EPIPE: return RESET;
	case ETIMEDOUT: return TIMEOUT;
	default: return OTHER;
	}
}

static bool
may_start(struct shorts *s, uint64_t now)
{
	if (net_stopped() || (s->limit != 0 && s->started == s->limit))
		return false;
	uint64_t rate = s->opts->rate;
	return rate == 0 || s->started <= (now - s->begin) * rate / NSEC_PER_SEC;
}

static void
start(struct shorts *s, struct client *c)
{
	c->start = clock_ns();
	c->asked = false;
	c->len = 0;
	s->started++;
	c->fd = net_tcp_connect(&s->opts->to);
	if (c->fd < 0) {
		finish(s, c, result_of(errno), -1);
		return;
	}
	net_watch(s->epoll, c->fd, EPOLLOUT | EPOLLIN, (uint64_t)(c - s->clients));
}

static void
ask(struct shorts *s, struct client *c)
{
	const char *question = s->opts->http ? http_question : "who\n";

	if (send(c->fd, question, strlen(question), MSG_NOSIGNAL) != (ssize_t)strlen(question)) {
		finish(s, c, result_of(errno), -1);
		return;
	}
	c->asked = true;
	net_watch(s->epoll, c->fd, EPOLLIN, (uint64_t)(c - s->clients));
}

/* echod says "OWNER who"; a web server's answer is in its body, whose first line is the owner. */
static void
evaluate(struct shorts *s, struct client *c)
{
	const char *name = c->in, *end;

	if (s->opts->http) {
		name = memmem(c->in, c->len, "\r\n\r\n", 4);
		if (name == NULL || memmem(c->in, c->len, " 200 ", 5) == NULL) {
			finish(s, c, GARBAGE, -1);
			return;
		}
		name += 4;
	}
	size_t left = c->len - (size_t)(name - c->in);
	end = memchr(name, s->opts->http ? '\n' : ' ', left);
	size_t len = end != NULL ? (size_t)(end - name) : left;
	int owner = load_owner(&s->owners, name, len);
	finish(s, c, owner < 0 ? GARBAGE : OK, owner);
}

static void
client_event(struct shorts *s, struct client *c, uint32_t events)
{
	if (c->fd < 0)
		return;
	if (!c->asked && !(events & (EPOLLERR | EPOLLHUP))) {
		ask(s, c);
		return;
	}
	ssize_t n = recv(c->fd, c->in + c->len, sizeof(c->in) - c->len, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0 || (n == 0 && c->len == 0)) {
		finish(s, c, n < 0 ? result_of(errno) : CLOSED, -1);
		return;
	}
	c->len += (size_t)n;
	bool whole = s->opts->http ? n == 0 : memchr(c->in, '\n', c->len) != NULL;
	if (whole || n == 0 || c->len == sizeof(c->in))
		evaluate(s, c);
}

/* Starts who may; ends who has waited too long. The number still under way. */
static size_t
shorts_work(struct shorts *s)
{
	size_t busy = 0;

	for (size_t i = 0; i < s->opts->clients; i++) {
		struct client *c = &s->clients[i];
		uint64_t now = clock_ns();
		if (c->fd >= 0 && now - c->start > GIVE_UP)
			finish(s, c, TIMEOUT, -1);
		if (c->fd < 0 && may_start(s, now))
			start(s, c);
		busy += c->fd >= 0;
	}
	return busy;
}

static void
records_json(struct shorts *s, struct json *j)
{
	json_array(j, "records");
	for (size_t i = 0; i < s->nrecords; i++) {
		const struct record *r = &s->records[i];
		json_object(j, NULL);
		json_uint(j, "start_us", r->start / NSEC_PER_USEC);
		json_double(j, "ms", (double)(r->end - r->start) / 1e6);
		json_str(j, "owner", r->owner >= 0 ? s->owners.of[r->owner].name : "");
		json_str(j, "result", result_name[r->result]);
		json_object_end(j);
	}
	json_array_end(j);
}

static void
shorts_json(struct shorts *s, uint64_t end)
{
	struct json j;
	double seconds = net_seconds(end - s->begin);

	json_begin(&j, stdout);
	json_uint(&j, "connections", s->finished);
	json_double(&j, "seconds", seconds);
	json_double(&j, "per_second", (double)s->finished / seconds);
	for (size_t i = 0; i < RESULTS; i++)
		json_uint(&j, result_name[i], s->count[i]);
	json_double(&j, "slowest_ms", (double)s->slowest / 1e6);
	json_uint(&j, "slowest_at_us", s->slowest_at / NSEC_PER_USEC);
	load_owners_json(&s->owners, &j);
	records_json(s, &j);
	load_lates_json(&j);
	json_finish(&j);
}

int
load_short(const struct load_opts *opts)
{
	struct shorts s = {
	    .opts = opts, .epoll = net_epoll(), .limit = opts->count, .begin = clock_ns()};
	struct epoll_event events[64];

	s.clients = calloc(opts->clients, sizeof(*s.clients));
	if (s.clients == NULL)
		err(1, "calloc");
	for (size_t i = 0; i < opts->clients; i++)
		s.clients[i].fd = -1;
	load_say_ready();
	for (;;) {
		size_t busy = shorts_work(&s);
		if (busy == 0 && (net_stopped() || (s.limit != 0 && s.started == s.limit)))
			break;
		int n = net_wait(s.epoll, events, 64, clock_ns() + NSEC_PER_MSEC);
		for (int i = 0; i < n; i++)
			client_event(&s, &s.clients[events[i].data.u64], events[i].events);
	}
	shorts_json(&s, clock_ns());
	free(s.clients);
	free(s.records);
	close(s.epoll);
	return s.count[OK] != s.finished;
}
