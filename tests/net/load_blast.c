/* SPDX-License-Identifier: ISC */
/*
 * Numbered datagrams at an even rate, and which of them came back; with -o nobody answers, and who
 * counts is the receiver (echod -c).
 */
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

#define BATCH 64
#define TEXT_MAX (NET_OWNER_MAX + 32)
#define STRAGGLERS (3 * NSEC_PER_SEC) /* without an answer for so long none will come */

struct blast {
	const struct load_opts *opts;
	int fd, epoll;
	uint64_t start, last_answer, sent, received, twice, wrong, longest, longest_at;
	uint8_t *seen; /* a byte a number */
	struct load_owners owners;
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	char text[BATCH][TEXT_MAX];
};

static void
blast_send(struct blast *b, size_t n)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++) {
		b->iov[i].iov_base = b->text[i];
		b->iov[i].iov_len = (size_t)snprintf(b->text[i], TEXT_MAX, "%llu",
		    (unsigned long long)(b->sent + i));
	}
	while (done < n) {
		int rc = sendmmsg(b->fd, b->msg + done, (unsigned)(n - done), 0);
		if (rc < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
			err(1, "send");
		if (rc > 0)
			done += (size_t)rc;
	}
	b->sent += n;
}

/* "OWNER NUMBER" */
static void
blast_answer(struct blast *b, char *text, size_t len, uint64_t now)
{
	char *blank = memchr(text, ' ', len), *end;
	unsigned long long number;
	int owner;

	if (blank == NULL || len == TEXT_MAX) {
		b->wrong++;
		return;
	}
	text[len] = '\0';
	number = strtoull(blank + 1, &end, 10);
	owner = load_owner(&b->owners, text, (size_t)(blank - text));
	if (*end != '\0' || number >= b->sent || owner < 0) {
		b->wrong++;
	} else if (b->seen[number]++ != 0) {
		b->twice++;
	} else {
		b->received++;
		b->owners.of[owner].count++;
	}
	if (now - b->last_answer > b->longest) {
		b->longest = now - b->last_answer;
		b->longest_at = b->last_answer;
	}
	b->last_answer = now;
}

static void
blast_receive(struct blast *b)
{
	int n;

	do {
		for (size_t i = 0; i < BATCH; i++) {
			b->iov[i].iov_base = b->text[i];
			b->iov[i].iov_len = TEXT_MAX - 1;
		}
		n = recvmmsg(b->fd, b->msg, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			blast_answer(b, b->text[i], b->msg[i].msg_len, clock_ns());
	} while (n == BATCH);
}

static bool
blast_over(struct blast *b, uint64_t now)
{
	if (b->sent < b->opts->count && !net_stopped())
		return false;
	return b->opts->oneway || b->received + b->wrong >= b->sent || now - b->last_answer > STRAGGLERS;
}

static void
blast_run(struct blast *b)
{
	struct epoll_event event;
	uint64_t now;

	b->start = b->last_answer = clock_ns();
	while (now = clock_ns(), !blast_over(b, now)) {
		uint64_t due = (now - b->start) * b->opts->rate / NSEC_PER_SEC + 1;
		if (due > b->opts->count || net_stopped())
			due = net_stopped() ? b->sent : b->opts->count;
		/* Late is late: what could not be sent in time comes in batches, one a turn. */
		if (b->sent < due)
			blast_send(b, due - b->sent < BATCH ? due - b->sent : BATCH);
		if (net_wait(b->epoll, &event, 1, b->sent < due ? 0 : now + NSEC_PER_MSEC / 4) > 0)
			blast_receive(b);
	}
}

static void
blast_json(struct blast *b, double seconds)
{
	struct json j;
	uint64_t first = 0, last = 0;

	for (uint64_t i = b->sent; i-- > 0;)
		if (b->seen[i] == 0)
			first = i;
	for (uint64_t i = 0; i < b->sent; i++)
		if (b->seen[i] == 0)
			last = i;
	json_begin(&j, stdout);
	json_uint(&j, "sent", b->sent);
	json_uint(&j, "received", b->received);
	json_uint(&j, "lost", b->sent - b->received);
	json_uint(&j, "first_lost", first);
	json_uint(&j, "last_lost", last);
	json_uint(&j, "twice", b->twice);
	json_uint(&j, "wrong", b->wrong);
	json_double(&j, "seconds", seconds);
	json_double(&j, "per_second", (double)b->sent / seconds);
	json_double(&j, "longest_ms", (double)b->longest / 1e6);
	json_uint(&j, "longest_at_us", b->longest_at / NSEC_PER_USEC);
	load_owners_json(&b->owners, &j);
	json_finish(&j);
}

static void
blast_open(struct blast *b)
{
	int room = 64 << 20;

	b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (b->fd < 0)
		err(1, "socket");
	setsockopt(b->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(b->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	if (connect(b->fd, (const struct sockaddr *)&b->opts->to, sizeof(b->opts->to)) != 0)
		err(1, "connect");
	b->epoll = net_epoll();
	net_watch(b->epoll, b->fd, EPOLLIN, 0);
	for (size_t i = 0; i < BATCH; i++) {
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

int
load_blast(const struct load_opts *opts)
{
	struct blast *b = calloc(1, sizeof(*b));

	if (opts->count == 0 || opts->rate == 0)
		errx(2, "blast needs -n and -r");
	if (b == NULL || (b->seen = calloc(opts->count, 1)) == NULL)
		err(1, "calloc");
	b->opts = opts;
	blast_open(b);
	load_say_ready();
	blast_run(b);
	uint64_t sent_in = opts->count * NSEC_PER_SEC / opts->rate;
	uint64_t took = clock_ns() - b->start;
	blast_json(b, net_seconds(took < sent_in ? sent_in : took));
	int status = b->received != b->sent;
	free(b->seen);
	free(b);
	return status;
}
