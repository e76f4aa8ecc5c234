/* SPDX-License-Identifier: ISC */
/* SYNs from addresses that nobody has (198.18.0.0/15): nothing ever follows on any of them. */
#include "config.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/net/loadgen.h"

#define BATCH 64
#define SOURCES 0xc6120000u /* 198.18.0.0 */

struct syn {
	struct iphdr ip;
	struct tcphdr tcp;
};

struct flood {
	const struct load_opts *opts;
	int fd;
	uint64_t seed, sent, start;
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct syn syn[BATCH];
};

static uint64_t
flood_random(struct flood *f)
{
	f->seed ^= f->seed << 13;
	f->seed ^= f->seed >> 7;
	f->seed ^= f->seed << 17;
	return f->seed;
}

/* The sum over the pseudo header and ours, without carries lost: 20 bytes of TCP. */
static uint16_t
checksum(const struct syn *s)
{
	uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(s->tcp));
	uint16_t word[sizeof(s->tcp) / 2];

	sum += (s->ip.saddr & 0xffff) + (s->ip.saddr >> 16);
	sum += (s->ip.daddr & 0xffff) + (s->ip.daddr >> 16);
	memcpy(word, &s->tcp, sizeof(word));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~((sum & 0xffff) + (sum >> 16));
}

static void
flood_make(struct flood *f, struct syn *s)
{
	uint64_t x = flood_random(f);

	memset(s, 0, sizeof(*s));
	s->ip.version = 4;
	s->ip.ihl = 5;
	s->ip.tot_len = htons(sizeof(*s));
	s->ip.ttl = 64;
	s->ip.protocol = IPPROTO_TCP;
	s->ip.saddr = htonl(SOURCES | (uint32_t)(x & 0x1ffff));
	s->ip.daddr = f->opts->to.sin_addr.s_addr;
	s->tcp.source = htons((uint16_t)(1024 + (x >> 17) % 60000));
	s->tcp.dest = f->opts->to.sin_port;
	s->tcp.seq = (uint32_t)(x >> 32);
	s->tcp.doff = sizeof(s->tcp) / 4;
	s->tcp.syn = 1;
	s->tcp.window = htons(64240);
	s->tcp.check = checksum(s);
}

static void
flood_send(struct flood *f, size_t n)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++)
		flood_make(f, &f->syn[i]);
	while (done < n) {
		int rc = sendmmsg(f->fd, f->msg + done, (unsigned)(n - done), 0);
		if (rc < 0 && errno != EAGAIN && errno != ENOBUFS)
			err(1, "send");
		if (rc > 0)
			done += (size_t)rc;
	}
	f->sent += n;
}

static void
flood_open(struct flood *f)
{
	f->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW); /* with our own IP header */
	if (f->fd < 0)
		err(1, "raw socket");
	for (size_t i = 0; i < BATCH; i++) {
		f->iov[i].iov_base = &f->syn[i];
		f->iov[i].iov_len = sizeof(f->syn[i]);
		f->msg[i].msg_hdr.msg_iov = &f->iov[i];
		f->msg[i].msg_hdr.msg_iovlen = 1;
		f->msg[i].msg_hdr.msg_name = (void *)(uintptr_t)&f->opts->to;
		f->msg[i].msg_hdr.msg_namelen = sizeof(f->opts->to);
	}
}

static void
flood_json(struct flood *f)
{
	struct json j;
	double seconds = net_seconds(clock_ns() - f->start);

	json_begin(&j, stdout);
	json_uint(&j, "sent", f->sent);
	json_double(&j, "seconds", seconds);
	json_double(&j, "per_second", (double)f->sent / seconds);
	json_finish(&j);
}

int
load_flood(const struct load_opts *opts)
{
	struct flood f = {.opts = opts, .seed = 0x9e3779b97f4a7c15ull, .start = clock_ns()};
	struct timespec pause = {.tv_nsec = NSEC_PER_MSEC / 4};

	flood_open(&f);
	load_say_ready();
	while (!net_stopped() && (opts->count == 0 || f.sent < opts->count)) {
		uint64_t may = opts->rate != 0 ?
		    (clock_ns() - f.start) * opts->rate / NSEC_PER_SEC + 1 : f.sent + BATCH;
		if (opts->count != 0 && may > opts->count)
			may = opts->count;
		if (f.sent < may)
			flood_send(&f, may - f.sent < BATCH ? may - f.sent : BATCH);
		else
			nanosleep(&pause, NULL);
	}
	flood_json(&f);
	close(f.fd);
	return 0;
}
