/* SPDX-License-Identifier: ISC */
/* A question by UDP every so often: when did answers come, when did they not, and from which address. */
#include "config.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/net/loadgen.h"

#define GAPS_MAX 4096
#define SOURCES_MAX 16
#define GAP_NOTED (5 * NSEC_PER_MSEC)
#define ANSWERS_TAKE NSEC_PER_SEC /* the last of them at most */

struct probe {
	const struct load_opts *opts;
	int fd, epoll;
	uint64_t interval, due;
	uint64_t sent, received, wrong;
	uint64_t first_answer, last_answer, longest, longest_at;
	size_t ngaps, nsources;
	struct {
		uint64_t at, len;
	} gaps[GAPS_MAX];
	struct in_addr sources[SOURCES_MAX];
	struct load_owners owners;
};

static void
note_gap(struct probe *p, uint64_t now)
{
	uint64_t len = p->last_answer != 0 ? now - p->last_answer : 0;

	if (len > p->longest) {
		p->longest = len;
		p->longest_at = p->last_answer;
	}
	if (len < GAP_NOTED || p->ngaps == GAPS_MAX)
		return;
	p->gaps[p->ngaps].at = p->last_answer;
	p->gaps[p->ngaps++].len = len;
}

static void
note_source(struct probe *p, struct in_addr from)
{
	for (size_t i = 0; i < p->nsources; i++)
		if (p->sources[i].s_addr == from.s_addr)
			return;
	if (p->nsources < SOURCES_MAX)
		p->sources[p->nsources++] = from;
}

static void
probe_answer(struct probe *p, const char *buf, size_t len, struct in_addr from)
{
	const char *blank = memchr(buf, ' ', len);
	int owner = blank != NULL ? load_owner(&p->owners, buf, (size_t)(blank - buf)) : -1;
	uint64_t now = clock_ns();

	note_source(p, from);
	if (owner < 0) {
		p->wrong++;
		return;
	}
	if (p->received++ == 0) {
		p->first_answer = now;
		load_say_ready();
	}
	p->owners.of[owner].count++;
	note_gap(p, now);
	p->last_answer = now;
}

static void
probe_receive(struct probe *p)
{
	char buf[2048];
	struct sockaddr_in from;

	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(p->fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		probe_answer(p, buf, (size_t)n, from.sin_addr);
	}
}

static void
probe_send(struct probe *p)
{
	char text[32];
	uint64_t now = clock_ns();

	if (now < p->due)
		return;
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)p->sent++);
	sendto(p->fd, text, (size_t)n, 0, (const struct sockaddr *)&p->opts->to, sizeof(p->opts->to));
	p->due += p->interval;
	if (p->due < now)
		p->due = now + p->interval;
	if (p->sent == p->opts->count)
		p->due = now + ANSWERS_TAKE;
}

/* All that were to be sent are, and answered, or their answers are given up. */
static bool
probe_done(const struct probe *p)
{
	if (p->opts->count == 0 || p->sent < p->opts->count)
		return false;
	return p->received + p->wrong >= p->sent || clock_ns() >= p->due;
}

static void
probe_json(struct probe *p)
{
	struct json j;

	note_gap(p, clock_ns());
	json_begin(&j, stdout);
	json_uint(&j, "sent", p->sent);
	json_uint(&j, "received", p->received);
	json_uint(&j, "wrong", p->wrong);
	json_uint(&j, "first_answer_us", p->first_answer / NSEC_PER_USEC);
	json_uint(&j, "last_answer_us", p->last_answer / NSEC_PER_USEC);
	json_double(&j, "longest_ms", (double)p->longest / 1e6);
	json_uint(&j, "longest_at_us", p->longest_at / NSEC_PER_USEC);
	load_owners_json(&p->owners, &j);
	json_array(&j, "sources");
	for (size_t i = 0; i < p->nsources; i++)
		json_str(&j, NULL, inet_ntoa(p->sources[i]));
	json_array_end(&j);
	json_array(&j, "gaps");
	for (size_t i = 0; i < p->ngaps; i++) {
		json_object(&j, NULL);
		json_uint(&j, "at_us", p->gaps[i].at / NSEC_PER_USEC);
		json_double(&j, "ms", (double)p->gaps[i].len / 1e6);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_finish(&j);
}

int
load_probe(const struct load_opts *opts)
{
	struct probe *p = calloc(1, sizeof(*p));
	struct epoll_event event;

	if (p == NULL)
		err(1, "calloc");
	p->opts = opts;
	p->interval = (opts->interval_ms != 0 ? opts->interval_ms : 1) * NSEC_PER_MSEC;
	/* Not connected: an answer from a wrong address shall be seen, not filtered out. */
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		err(1, "socket");
	p->epoll = net_epoll();
	net_watch(p->epoll, p->fd, EPOLLIN, 0);
	p->due = clock_ns();
	while (!net_stopped() && !probe_done(p)) {
		if (opts->count == 0 || p->sent < opts->count)
			probe_send(p);
		if (net_wait(p->epoll, &event, 1, p->due) > 0)
			probe_receive(p);
	}
	probe_json(p);
	int status = p->received == 0;
	free(p);
	return status;
}
