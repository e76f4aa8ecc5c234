/* SPDX-License-Identifier: ISC */
/* lltping: datagrams there and back over an LLT port. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/ipc.h"
#include "config.h"
#include "lltd/cmd.h"

#define PROGRAM "lltping"
#define SIZE 128
#define REQUEST 1
#define REPLY 2
#define WAIT NSEC_PER_SEC

struct options {
	bool server;
	bool client;
	uint64_t node, port, count;
};

static uint8_t packet[IPC_HDR_LEN + IPC_MAX_PAYLOAD];

static void __attribute__((noreturn))
usage(FILE *out, int status)
{
	fprintf(out, "usage: lltping -s [-p port]\n       lltping -c node [-n count] [-p port]\n"
	    "       lltping -h | -V\n");
	exit(status);
}

static void
parse(int argc, char **argv, struct options *o)
{
	bool ok = true;
	int opt;

	*o = (struct options){ .port = 30, .count = 20 };
	while ((opt = getopt(argc, argv, "sc:p:n:hV")) != -1) {
		if (opt == 's')
			o->server = true;
		else if (opt == 'c') {
			o->client = true;
			ok &= conf_number(optarg, 0, LLT_MAX_NODES - 1, &o->node);
		} else if (opt == 'p')
			ok &= conf_number(optarg, 0, LLT_MAX_PORTS - 1, &o->port);
		else if (opt == 'n')
			ok &= conf_number(optarg, 1, UINT32_MAX, &o->count);
		else if (opt == 'h')
			usage(stdout, 0);
		else if (opt == 'V') {
			printf("lltping (clua) " PACKAGE_VERSION "\n");
			exit(0);
		} else
			usage(stderr, 2);
	}
	if (!ok || optind != argc || o->server == o->client)
		usage(stderr, 2);
}

static int
open_port(uint8_t port)
{
	int fd = cmd_connect(PROGRAM);
	struct ipc_result res;

	if (ipc_call(fd, LLT_OPEN, &port, 1, 5000, NULL, NULL, &res) == -1) {
		perror(PROGRAM ": lltd");
		exit(1);
	}
	if (res.code != IPC_OK) {
		fprintf(stderr, PROGRAM ": lltd: %s\n", res.text);
		exit(1);
	}
	return fd;
}

static void
send_to(int fd, uint8_t port, uint16_t node, const uint8_t *data, size_t len)
{
	static struct llt_ctl_send s;
	struct wire_wr w;

	s.port = port;
	s.datagram = true;
	s.ndst = 1;
	s.dst[0] = node;
	s.data = data;
	s.len = len;
	wire_wr_init(&w, packet + IPC_HDR_LEN, IPC_MAX_PAYLOAD);
	llt_ctl_send_encode(&w, &s);
	ipc_hdr_encode(packet, LLT_SEND, 1, wire_wr_len(&w));
	if (send(fd, packet, IPC_HDR_LEN + wire_wr_len(&w), MSG_NOSIGNAL) == -1) {
		perror(PROGRAM ": lltd");
		exit(1);
	}
}

/* A datagram within the time (-1: for ever), or false, also for other messages. */
static bool
receive(int fd, int timeout_ms, struct llt_ctl_recv *m)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct ipc_msg msg;
	ssize_t n;

	if (poll(&p, 1, timeout_ms) != 1)
		return false;
	n = recv(fd, packet, sizeof(packet), 0);
	if (n <= 0) {
		fprintf(stderr, PROGRAM ": lltd has ended\n");
		exit(1);
	}
	return ipc_decode(packet, (size_t)n, &msg) == NULL && msg.type == LLT_EV_RECV &&
	    llt_ctl_recv_decode(msg.data, msg.len, m) && m->len >= 9;
}

static void __attribute__((noreturn))
serve(const struct options *o)
{
	int fd = open_port((uint8_t)o->port);
	uint8_t data[SIZE];
	struct llt_ctl_recv m;

	for (;;) {
		if (!receive(fd, -1, &m) || m.data[0] != REQUEST || m.len > sizeof(data))
			continue;
		memcpy(data, m.data, m.len);
		data[0] = REPLY;
		send_to(fd, (uint8_t)o->port, m.src, data, m.len);
	}
}

/* The round trip in ns, 0 if nothing came back. */
static uint64_t
ping(int fd, const struct options *o, uint64_t n)
{
	uint64_t start = clock_ns(), end = start + WAIT, now;
	uint8_t data[SIZE] = { REQUEST };
	struct llt_ctl_recv m;
	struct wire_wr w;

	wire_wr_init(&w, data + 1, sizeof(data) - 1);
	wire_wr_u64(&w, n);
	send_to(fd, (uint8_t)o->port, (uint16_t)o->node, data, sizeof(data));
	/* Whatever else comes in, late answers perhaps, does not prolong the wait. */
	while ((now = clock_ns()) < end)
		if (receive(fd, (int)((end - now) / NSEC_PER_MSEC) + 1, &m) && m.src == o->node &&
		    m.data[0] == REPLY && memcmp(m.data + 1, data + 1, 8) == 0)
			return clock_ns() - start;
	return 0;
}

static int
ask(const struct options *o)
{
	int fd = open_port((uint8_t)o->port);
	uint64_t lost = 0, sum = 0, min = UINT64_MAX, max = 0;

	for (uint64_t n = 0; n < o->count; n++) {
		uint64_t rtt = ping(fd, o, n);

		lost += rtt == 0;
		sum += rtt;
		if (rtt != 0 && rtt < min)
			min = rtt;
		if (rtt > max)
			max = rtt;
	}
	printf("node %llu: %llu sent, %llu lost\n", (unsigned long long)o->node,
	    (unsigned long long)o->count, (unsigned long long)lost);
	if (lost == o->count) {
		fprintf(stderr, PROGRAM ": node %llu does not answer: is lltping -s running there?\n",
		    (unsigned long long)o->node);
		return 1;
	}
	printf("round trip: average %.3f ms, maximum %.3f ms, minimum %.3f ms\n",
	    (double)sum / (double)(o->count - lost) / 1e6, (double)max / 1e6, (double)min / 1e6);
	return lost == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct options o;

	parse(argc, argv, &o);
	if (o.server)
		serve(&o);
	return ask(&o);
}
