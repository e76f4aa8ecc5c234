/* SPDX-License-Identifier: ISC */
/*
 * gabtool PORT [-c COUNT] [-s SIZE] [-r RATE] [-m MEMBERS] [-t SECONDS] [-u] [-p]
 *
 * Registers on a port and prints JSON lines of what it sees. Once the view has MEMBERS members it
 * sends COUNT numbered messages of SIZE bytes, RATE a second (0: as many as are taken), and verifies
 * everybody's: no gap, none twice. Ends when its own are all back, or after SECONDS; 0 = never.
 *   -u  also sends every message as a unicast to the next member
 *   -p  prints every message
 * Every view carries the number and the digest of the ordered messages delivered before it: equal
 * for all who go from one view to the next together. Exit status 1 after any violation.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/ev.h"
#include "common/ipc.h"
#include "common/log.h"
#include "proto/gab_ctl.h"

#define HEAD 24
#define QUEUE (1024 * 1024)
#define BATCH 64 /* messages in one go */

static struct {
	char port;
	uint64_t count, size, rate, members, seconds;
	bool unicasts, print;

	struct ev_loop *loop;
	struct ipc_client *client;
	struct ev_timer *timer, *deadline;
	struct gab_ev_view view;
	bool in_view, going;
	uint64_t started, sent, back, received, unicasts_received, violations;
	uint64_t digest, delivered; /* in this view */
	uint64_t last[LLT_MAX_NODES], last_unicast[LLT_MAX_NODES];
	uint64_t *latency; /* ns, of own messages */
	uint8_t buf[GAB_MAX_MSG + 64];
} self;

/* number is what came, after is what it came after. */
static void
violation(const char *what, unsigned node, uint64_t no, uint64_t after)
{
	printf("{\"event\": \"violation\", \"what\": \"%s\", \"node\": %u, \"number\": %" PRIu64
	    ", \"after\": %" PRIu64 ", \"gen\": %u}\n", what, node, no, after, self.view.gen);
	self.violations++;
}

static void
print_ids(const char *key, const uint16_t *ids, unsigned n)
{
	printf(", \"%s\": [", key);
	for (unsigned i = 0; i < n; i++)
		printf("%s%u", i == 0 ? "" : ", ", ids[i]);
	printf("]");
}

/* ---- sending ---- */

static void
send_one(uint8_t kind, uint16_t dst, uint64_t no)
{
	static uint8_t data[GAB_MAX_MSG];
	struct gab_ctl_send s = { .kind = kind, .dst = dst, .gen = self.view.gen, .data = data };
	struct wire_wr w;

	wire_wr_init(&w, data, sizeof(data));
	wire_wr_u64(&w, no);
	wire_wr_u64(&w, clock_ns());
	wire_wr_u64(&w, self.view.gen);
	s.len = self.size;
	wire_wr_init(&w, self.buf, sizeof(self.buf));
	gab_ctl_send_encode(&w, &s);
	ipc_client_send(self.client, GAB_SEND, 0, self.buf, wire_wr_len(&w));
}

static uint16_t
next_member(void)
{
	for (unsigned i = 0; i < self.view.nmembers; i++)
		if (self.view.members[i] == self.view.self)
			return self.view.members[(i + 1) % self.view.nmembers];
	return self.view.self;
}

static bool
due(void)
{
	if (self.sent >= self.count || ipc_client_queued(self.client) > QUEUE)
		return false;
	return self.rate == 0 || self.sent * NSEC_PER_SEC / self.rate <= clock_ns() - self.started;
}

static void
on_timer(void *arg)
{
	/* Between a lost connection and the first view of the next there is no view to send in. */
	if (!self.going || !self.in_view)
		return;
	for (unsigned i = 0; i < BATCH && due(); i++) {
		send_one(GAB_ORDERED, 0, ++self.sent);
		if (self.unicasts && next_member() != self.view.self)
			send_one(GAB_UNICAST, next_member(), self.sent);
	}
	if (self.sent < self.count)
		ev_timer_set(self.timer, due() ? 0 : 200 * NSEC_PER_USEC);
}

static void
maybe_start(void)
{
	if (self.count == 0 || (!self.going && self.view.nmembers < self.members))
		return;
	if (!self.going)
		self.started = clock_ns();
	self.going = true;
	ev_timer_set(self.timer, 0);
}

/* ---- receiving ---- */

static void
on_view(const struct ipc_msg *msg)
{
	uint64_t delivered = self.delivered, digest = self.digest;
	uint32_t before = self.in_view ? self.view.gen : 0;

	if (!gab_ev_view_decode(msg->data, msg->len, &self.view)) {
		violation("malformed view", 0, 0, 0);
		return;
	}
	printf("{\"event\": \"view\", \"time\": %" PRIu64 ", \"gen\": %u, \"before\": %u, \"node\": %u, "
	    "\"quorate\": %s, \"fresh\": %s", clock_ns(), self.view.gen, before, self.view.self,
	    self.view.quorate ? "true" : "false", self.view.fresh ? "true" : "false");
	print_ids("members", self.view.members, self.view.nmembers);
	print_ids("joined", self.view.joined, self.view.njoined);
	print_ids("left", self.view.left, self.view.nleft);
	printf(", \"delivered\": %" PRIu64 ", \"digest\": \"%016" PRIx64 "\"}\n", delivered, digest);
	if (self.view.gen <= before)
		violation("generation does not grow", self.view.self, self.view.gen, before);
	if (self.view.fresh) {
		memset(self.last, 0, sizeof(self.last));
		self.back = self.sent;
		if (self.count != 0 && self.back == self.count)
			ev_timer_set(self.deadline, 300 * NSEC_PER_MSEC); /* what was left is dropped */
	}
	for (unsigned i = 0; i < self.view.njoined; i++)
		self.last[self.view.joined[i]] = 0;
	memset(self.last_unicast, 0, sizeof(self.last_unicast));
	self.delivered = self.digest = 0;
	self.in_view = true;
	maybe_start();
}

static void
take_ordered(const struct gab_ev_msg *m, uint64_t no, uint64_t time)
{
	if (self.last[m->src] != 0 && no != self.last[m->src] + 1)
		violation("gap or repetition", m->src, no, self.last[m->src]);
	self.last[m->src] = no;
	self.digest = (self.digest ^ (no << 16 | m->src)) * UINT64_C(0x9e3779b97f4a7c15);
	self.delivered++;
	self.received++;
	if (m->src != self.view.self)
		return;
	if (no != self.back + 1)
		violation("own message out of turn", m->src, no, self.back);
	self.back = no;
	if (no <= self.count)
		self.latency[no - 1] = clock_ns() - time;
	if (self.back == self.count)
		ev_timer_set(self.deadline, 300 * NSEC_PER_MSEC); /* others may still be sending */
}

static void
on_message(const struct ipc_msg *msg)
{
	struct gab_ev_msg m;
	struct wire_rd r;
	uint64_t no, time;

	if (!gab_ev_msg_decode(msg->data, msg->len, &m) || m.len < HEAD) {
		violation("malformed message", 0, 0, 0);
		return;
	}
	wire_rd_init(&r, m.data, m.len);
	no = wire_rd_u64(&r);
	time = wire_rd_u64(&r);
	if (m.gen != self.view.gen)
		violation("message of another view", m.src, no, m.gen);
	if (self.print)
		printf("{\"event\": \"message\", \"kind\": \"%s\", \"node\": %u, \"number\": %" PRIu64 "}\n",
		    m.kind == GAB_UNICAST ? "unicast" : "ordered", m.src, no);
	if (m.kind == GAB_ORDERED) {
		take_ordered(&m, no, time);
		return;
	}
	if (no <= self.last_unicast[m.src])
		violation("unicast out of turn", m.src, no, self.last_unicast[m.src]);
	self.last_unicast[m.src] = no;
	self.unicasts_received++;
}

static void
on_msg(struct ipc_client *client, const struct ipc_msg *msg, void *arg)
{
	struct wire_rd r;

	if (msg->type == GAB_EV_VIEW) {
		on_view(msg);
	} else if (msg->type == GAB_EV_MSG) {
		on_message(msg);
	} else if (msg->type == IPC_REPLY) {
		wire_rd_init(&r, msg->data, msg->len);
		if (wire_rd_u16(&r) != IPC_OK)
			violation("refused", 0, 0, 0);
	}
}

static void
on_up(struct ipc_client *client, void *arg)
{
	uint8_t buf[64];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_u8(&w, (uint8_t)self.port);
	wire_wr_str(&w, "gabtool");
	ipc_client_send(client, GAB_REGISTER, 1, buf, wire_wr_len(&w));
}

static void
on_down(struct ipc_client *client, void *arg)
{
	printf("{\"event\": \"lost\"}\n");
	self.in_view = false;
}

static const struct ipc_client_ops client_ops = { on_up, on_down, on_msg };

/* ---- the end ---- */

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
report(void)
{
	double seconds = self.going ? (double)(clock_ns() - self.started) / 1e9 : 0;
	uint64_t n = self.back < self.count ? self.back : self.count;

	qsort(self.latency, n, sizeof(*self.latency), compare);
	printf("{\"event\": \"end\", \"sent\": %" PRIu64 ", \"back\": %" PRIu64 ", \"received\": %" PRIu64
	    ", \"unicasts\": %" PRIu64 ", \"violations\": %" PRIu64 ", \"seconds\": %.3f, \"delivered\": %"
	    PRIu64 ", \"digest\": \"%016" PRIx64 "\"", self.sent, self.back, self.received,
	    self.unicasts_received, self.violations, seconds, self.delivered, self.digest);
	if (n > 0)
		printf(", \"latency_us\": {\"p50\": %" PRIu64 ", \"p99\": %" PRIu64 ", \"max\": %" PRIu64 "}",
		    self.latency[n / 2] / 1000, self.latency[n * 99 / 100] / 1000,
		    self.latency[n - 1] / 1000);
	printf("}\n");
}

static void
on_deadline(void *arg)
{
	ev_loop_break(self.loop);
}

static bool
number(uint64_t min, uint64_t max, uint64_t *out)
{
	if (conf_number(optarg, min, max, out))
		return true;
	fprintf(stderr, "gabtool: %s: not a number from %" PRIu64 " to %" PRIu64 "\n", optarg, min, max);
	return false;
}

static bool
parse(int argc, char **argv)
{
	bool ok = true;
	int opt;

	self.size = HEAD;
	self.members = 1;
	while (ok && (opt = getopt(argc, argv, "c:s:r:m:t:up")) != -1) {
		switch (opt) {
		case 'c': ok = number(0, 10000000, &self.count); break;
		case 's': ok = number(HEAD, GAB_MAX_MSG, &self.size); break;
		case 'r': ok = number(0, 1000000, &self.rate); break;
		case 'm': ok = number(1, LLT_MAX_NODES, &self.members); break;
		case 't': ok = number(0, 100000, &self.seconds); break;
		case 'u': self.unicasts = true; break;
		case 'p': self.print = true; break;
		default: ok = false;
		}
	}
	if (!ok || optind + 1 != argc || strlen(argv[optind]) != 1)
		return false;
	self.port = argv[optind][0];
	return true;
}

int
main(int argc, char **argv)
{
	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: gabtool [-up] [-c count] [-s size] [-r rate] [-m members]"
		    " [-t seconds] port\n");
		return 2;
	}
	log_init("gabtool");
	setvbuf(stdout, NULL, _IOLBF, 0);
	self.latency = calloc(self.count + 1, sizeof(*self.latency));
	self.loop = ev_loop_new();
	self.timer = ev_timer_new(self.loop, on_timer, NULL);
	self.deadline = ev_timer_new(self.loop, on_deadline, NULL);
	self.client = ipc_client_new(self.loop, GAB_SOCK, 20 * NSEC_PER_MSEC, &client_ops, NULL);
	if (self.seconds != 0)
		ev_timer_set(self.deadline, self.seconds * NSEC_PER_SEC);
	ev_loop_run(self.loop);
	report();
	ipc_client_free(self.client);
	ev_timer_free(self.timer);
	ev_timer_free(self.deadline);
	ev_loop_free(self.loop);
	free(self.latency);
	return self.violations == 0 ? 0 : 1;
}
