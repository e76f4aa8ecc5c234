/* SPDX-License-Identifier: ISC */
/*
 * Sends numbered messages over an LLT port, or receives and checks them.
 *
 *   lltmsg send -d node[,node…] [-p port] [-n count] [-s size] [-i microseconds] [-u]
 *   lltmsg recv -f node [-p port] [-n count] [-t milliseconds]
 *
 * Each prints one JSON object at its end. recv ends after count messages, or when none came for so long;
 * its exit status is 0 only if all came, once and in order. Message n holds n and bytes that follow from it.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ipc.h"
#include "common/json.h"
#include "proto/llt_ctl.h"

#define HEAD 8 /* the number */

struct options {
	bool receive, datagram;
	uint16_t node[LLT_MAX_NODES];
	uint16_t nnodes;
	uint8_t port;
	uint64_t count;
	size_t size;
	uint64_t interval_us;
	int timeout_ms;
};

struct tally {
	uint64_t received, expected, lost, duplicated, reordered, corrupt, sessions, foreign;
	uint64_t first_ns, last_ns, longest_gap_ns;
	uint32_t session;
	uint8_t *seen; /* a bit per number */
};

static uint8_t packet[IPC_MAX_PAYLOAD + IPC_HDR_LEN];

static void __attribute__((noreturn))
die(const char *what)
{
	fprintf(stderr, "lltmsg: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void __attribute__((noreturn))
usage(void)
{
	fprintf(stderr, "usage: lltmsg send -d node[,node...] [-p port] [-n count] [-s size] [-i us] [-u]\n"
			"       lltmsg recv -f node [-p port] [-n count] [-t ms]\n");
	exit(2);
}

static void
parse_nodes(struct options *o, char *text)
{
	for (char *s = strtok(text, ","); s != NULL && o->nnodes < LLT_MAX_NODES; s = strtok(NULL, ","))
		o->node[o->nnodes++] = (uint16_t)atoi(s);
}

static void
parse(struct options *o, int argc, char **argv)
{
	int opt;

	*o = (struct options){ .port = 20, .count = 1000, .size = 100, .timeout_ms = 5000 };
	if (argc < 2 || (strcmp(argv[1], "send") != 0 && strcmp(argv[1], "recv") != 0))
		usage();
	o->receive = strcmp(argv[1], "recv") == 0;
	while ((opt = getopt(argc - 1, argv + 1, "d:f:p:n:s:i:t:u")) != -1) {
		if (opt == 'd' || opt == 'f')
			parse_nodes(o, optarg);
		else if (opt == 'p')
			o->port = (uint8_t)atoi(optarg);
		else if (opt == 'n')
			o->count = strtoull(optarg, NULL, 10);
		else if (opt == 's')
			o->size = strtoul(optarg, NULL, 10);
		else if (opt == 'i')
			o->interval_us = strtoull(optarg, NULL, 10);
		else if (opt == 't')
			o->timeout_ms = atoi(optarg);
		else if (opt == 'u')
			o->datagram = true;
		else
			usage();
	}
	if (o->nnodes == 0 || o->size < HEAD || o->size > LLT_MAX_MSG)
		usage();
}

static int
open_port(uint8_t port)
{
	int fd = ipc_connect(LLT_SOCK), size = 4 * 1024 * 1024;
	struct ipc_result res;

	if (fd == -1)
		die(LLT_SOCK);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (ipc_call(fd, LLT_OPEN, &port, 1, 5000, NULL, NULL, &res) == -1)
		die("open");
	if (res.code != IPC_OK) {
		fprintf(stderr, "lltmsg: %s\n", res.text);
		exit(2);
	}
	return fd;
}

static uint8_t
byte_at(uint64_t n, size_t i)
{
	return (uint8_t)(n * 31 + i);
}

static void
send_packet(int fd, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	while (send(fd, packet, len, MSG_NOSIGNAL) == -1) {
		if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			die("send");
		poll(&p, 1, 1000);
	}
}

static void
send_one(int fd, const struct options *o, uint64_t n)
{
	static uint8_t data[LLT_MAX_MSG];
	static struct llt_ctl_send s;
	struct wire_wr w;

	wire_wr_init(&w, data, sizeof(data));
	wire_wr_u64(&w, n);
	for (size_t i = HEAD; i < o->size; i++)
		data[i] = byte_at(n, i);
	s.port = o->port;
	s.datagram = o->datagram;
	s.ndst = o->nnodes;
	memcpy(s.dst, o->node, sizeof(uint16_t) * o->nnodes);
	s.data = data;
	s.len = o->size;
	wire_wr_init(&w, packet + IPC_HDR_LEN, IPC_MAX_PAYLOAD);
	llt_ctl_send_encode(&w, &s);
	ipc_hdr_encode(packet, LLT_SEND, 1, wire_wr_len(&w));
	send_packet(fd, IPC_HDR_LEN + wire_wr_len(&w));
}

static int
run_send(const struct options *o)
{
	int fd = open_port(o->port);
	uint64_t start = clock_ns(), next = start;
	struct json j;

	for (uint64_t n = 0; n < o->count; n++) {
		struct timespec ts = { (time_t)(next / NSEC_PER_SEC), (long)(next % NSEC_PER_SEC) };

		if (o->interval_us != 0)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		next += o->interval_us * NSEC_PER_USEC;
		send_one(fd, o, n);
	}
	json_begin(&j, stdout);
	json_uint(&j, "sent", o->count);
	json_double(&j, "seconds", (double)(clock_ns() - start) / 1e9);
	json_finish(&j);
	return 0;
}

static bool
intact(uint64_t n, const struct llt_ctl_recv *m)
{
	for (size_t i = HEAD; i < m->len; i++)
		if (m->data[i] != byte_at(n, i))
			return false;
	return true;
}

static void
account(struct tally *t, const struct options *o, const struct llt_ctl_recv *m)
{
	uint64_t now = clock_ns(), n;
	struct wire_rd r;

	wire_rd_init(&r, m->data, m->len);
	n = wire_rd_u64(&r);
	if (m->session != t->session) {
		t->session = m->session;
		t->sessions++;
	}
	if (!wire_rd_ok(&r) || n >= o->count || !intact(n, m)) {
		t->corrupt++;
		return;
	}
	if (t->first_ns == 0)
		t->first_ns = now;
	else if (now - t->last_ns > t->longest_gap_ns)
		t->longest_gap_ns = now - t->last_ns;
	t->last_ns = now;
	t->received++;
	if ((t->seen[n / 8] >> (n % 8) & 1) != 0)
		t->duplicated++;
	else if (n < t->expected)
		t->reordered++;
	t->seen[n / 8] |= (uint8_t)(1 << (n % 8));
	if (n >= t->expected)
		t->expected = n + 1;
}

/* False: nothing more comes. */
static bool
receive_one(int fd, const struct options *o, struct tally *t)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct llt_ctl_recv m;
	struct ipc_msg msg;
	ssize_t n;

	if (poll(&p, 1, o->timeout_ms) <= 0)
		return false;
	n = recv(fd, packet, sizeof(packet), 0);
	if (n <= 0)
		return false;
	if (ipc_decode(packet, (size_t)n, &msg) != NULL || msg.type != LLT_EV_RECV ||
	    !llt_ctl_recv_decode(msg.data, msg.len, &m)) {
		t->corrupt++;
		return true;
	}
	if (m.src == o->node[0])
		account(t, o, &m);
	else
		t->foreign++;
	return true;
}

static bool
report(const struct tally *t)
{
	bool ok = t->lost == 0 && t->duplicated == 0 && t->reordered == 0 && t->corrupt == 0;
	struct json j;

	json_begin(&j, stdout);
	json_bool(&j, "ok", ok);
	json_uint(&j, "received", t->received);
	json_uint(&j, "lost", t->lost);
	json_uint(&j, "duplicated", t->duplicated);
	json_uint(&j, "reordered", t->reordered);
	json_uint(&j, "corrupt", t->corrupt);
	json_uint(&j, "foreign", t->foreign);
	json_uint(&j, "sessions", t->sessions);
	json_double(&j, "seconds", (double)(t->last_ns - t->first_ns) / 1e9);
	json_double(&j, "longest_gap_ms", (double)t->longest_gap_ns / 1e6);
	json_finish(&j);
	return ok;
}

static int
run_receive(const struct options *o)
{
	int fd = open_port(o->port);
	struct tally t = { .seen = calloc(o->count / 8 + 1, 1) };
	bool ok;

	if (t.seen == NULL)
		die("memory");
	fprintf(stderr, "lltmsg: port %u open\n", o->port);
	while (t.received < o->count && receive_one(fd, o, &t))
		;
	t.lost = o->count;
	for (uint64_t n = 0; n < o->count; n++)
		t.lost -= t.seen[n / 8] >> (n % 8) & 1;
	ok = report(&t);
	free(t.seen);
	return ok ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct options o;

	parse(&o, argc, argv);
	return o.receive ? run_receive(&o) : run_send(&o);
}
