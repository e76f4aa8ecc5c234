/* SPDX-License-Identifier: ISC */
/*
 * hostile -i DEVICE -k forged|replayed|truncated|flipped -n COUNT [-r PER_SECOND] [-e ETHERTYPE] [-s SEED]
 *
 * Listens to what goes out of a device (a port of the testbed's switch), then sends what an enemy would:
 *   forged     well-formed on the outside: a real frame with everything after its first bytes made up
 *   replayed   real frames once more
 *   truncated  real frames cut anywhere
 *   flipped    real frames with one to three bits turned over
 * The Ethernet addresses stay those of real peers. Prints how many were sent.
 */
#include "config.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/net/net.h"

#define CAPTURED_MAX 512
#define FRAME_MAX 2048
#define CAPTURE_NS (3 * NSEC_PER_SEC)
#define FROZEN_HEADER 16 /* of lltd, in clear */

struct hostile {
	const char *device, *kind;
	size_t count;
	uint64_t rate, seed;
	uint16_t ethertype;
	int fd;
	size_t ncaptured;
	struct {
		size_t len;
		uint8_t data[FRAME_MAX];
	} captured[CAPTURED_MAX];
};

static uint64_t
random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static size_t
random_below(struct hostile *h, size_t limit)
{
	return (size_t)(random_next(&h->seed) % limit);
}

static void
hostile_open(struct hostile *h)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
	    .sll_ifindex = (int)if_nametoindex(h->device)};

	if (to.sll_ifindex == 0)
		err(1, "%s", h->device);
	h->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (h->fd < 0 || bind(h->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		err(1, "packet socket on %s", h->device);
}

static void
capture_one(struct hostile *h)
{
	struct sockaddr_ll from;
	socklen_t flen = sizeof(from);
	uint8_t buf[FRAME_MAX];
	ssize_t n = recvfrom(h->fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &flen);

	if (n <= ETH_HLEN + FROZEN_HEADER || from.sll_pkttype != PACKET_OUTGOING)
		return;
	if (buf[12] != h->ethertype >> 8 || buf[13] != (h->ethertype & 0xff))
		return;
	memcpy(h->captured[h->ncaptured].data, buf, (size_t)n);
	h->captured[h->ncaptured++].len = (size_t)n;
}

static void
capture(struct hostile *h)
{
	uint64_t end = clock_ns() + CAPTURE_NS;

	while (h->ncaptured < CAPTURED_MAX && clock_ns() < end && !net_stopped()) {
		struct pollfd p = {.fd = h->fd, .events = POLLIN};
		if (poll(&p, 1, 10) > 0)
			capture_one(h);
	}
	if (h->ncaptured == 0)
		errx(1, "%s: not one frame of type 0x%04x in 3 s", h->device, h->ethertype);
}

/* Changes a copy of a real frame of len bytes; its new length. */
static size_t
corrupt(struct hostile *h, uint8_t *frame, size_t len)
{
	size_t body = len - ETH_HLEN;

	switch (h->kind[0]) {
	case 'f':
		if (h->kind[1] == 'l') {
			for (size_t i = 1 + random_below(h, 3); i > 0; i--)
				frame[ETH_HLEN + random_below(h, body)] ^=
				    (uint8_t)(1u << random_below(h, 8));
			return len;
		}
		for (size_t i = ETH_HLEN + FROZEN_HEADER; i < len; i++)
			frame[i] = (uint8_t)random_next(&h->seed);
		return len;
	case 't':
		return ETH_HLEN + random_below(h, body);
	default:
		return len;
	}
}

static void
attack(struct hostile *h)
{
	uint8_t frame[FRAME_MAX];
	uint64_t begin = clock_ns();

	for (size_t i = 0; i < h->count && !net_stopped(); i++) {
		size_t from = random_below(h, h->ncaptured), len = h->captured[from].len;
		memcpy(frame, h->captured[from].data, len);
		len = corrupt(h, frame, len);
		while (send(h->fd, frame, len, 0) < 0)
			if (errno != ENOBUFS && errno != EAGAIN)
				err(1, "send");
		uint64_t due = begin + (i + 1) * NSEC_PER_SEC / h->rate, now = clock_ns();
		if (due > now + NSEC_PER_MSEC) {
			struct timespec ts = {.tv_nsec = (long)(due - now)};
			nanosleep(&ts, NULL);
		}
	}
}

int
main(int argc, char **argv)
{
	struct hostile *h = calloc(1, sizeof(*h));
	int opt;

	if (h == NULL)
		err(1, "calloc");
	*h = (struct hostile){.kind = "", .count = 1, .rate = 20000, .seed = 1, .ethertype = 0xcafe};
	while ((opt = getopt(argc, argv, "i:k:n:r:e:s:")) != -1) {
		switch (opt) {
		case 'i': h->device = optarg; break;
		case 'k': h->kind = optarg; break;
		case 'n': h->count = (size_t)net_number(optarg, 100000000); break;
		case 'r': h->rate = net_number(optarg, 1000000); break;
		case 'e': h->ethertype = (uint16_t)strtoul(optarg, NULL, 0); break;
		case 's': h->seed = net_number(optarg, UINT64_MAX); break;
		default: errx(2, "usage: see the top of hostile.c");
		}
	}
	if (h->device == NULL || strchr("frt", h->kind[0]) == NULL || h->kind[0] == '\0' ||
	    h->rate == 0 || h->seed == 0)
		errx(2, "usage: see the top of hostile.c");
	net_catch_signals();
	hostile_open(h);
	capture(h);
	attack(h);
	printf("{\"sent\": %zu, \"captured\": %zu}\n", h->count, h->ncaptured);
	free(h);
	return 0;
}
