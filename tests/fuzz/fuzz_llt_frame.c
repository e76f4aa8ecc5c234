/* SPDX-License-Identifier: ISC */
/*
 * Frames into a running core. The input is a list of records: u8 what, u8 length / 4, bytes.
 *
 *   what & 3   0: the bytes are a whole frame; 1: a session's body, 2: a body under the cluster's key, each
 *              put into a right frame, so that the decoders behind the seal are reached; 3: time goes on
 *   what >> 2  the type of the frame, or the milliseconds
 *
 * The core runs without authentication, except in inputs that begin with an odd byte.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "lltd/core.h"
#include "lltd/crypto.h"
#include "tests/fuzz/fuzz.h"

#define SELF 1
#define PEER 2
#define PEER_INC 0x1111111111111111ull

static const uint8_t key[CRYPTO_KEY_LEN] = "the key of the fuzzer";
static const uint8_t self_mac[LLT_ADDR_LEN] = { 2, 0, 0, 0, 0, SELF };
static const uint8_t peer_addr[LLT_ADDR_LEN] = { 2, 0, 0, 0, 0, PEER };
static struct llthosts hosts;
static struct core *core;
static uint64_t now, seq;
static uint8_t random_byte; /* from the same in every run, and not that of the peer's incarnation */
static uint16_t session;  /* the tag that the core uses with the peer */
static uint8_t challenge[LLT_CHALLENGE]; /* the core's latest */

/* Learns from what the core sends without a seal what a peer has to know. */
static void
on_transmit(void *arg, unsigned link, const uint8_t *dst, const uint8_t *frame, size_t len)
{
	struct llt_frame f;
	struct llt_hello h;

	if (llt_frame_decode(frame, len, &f) != LLT_FRAME_OK)
		abort();
	if (!llt_frame_is_cluster(f.type))
		session = f.session;
	else if (f.type == LLT_F_HELLO && f.flags == 0 && f.dst == PEER &&
	    llt_hello_decode(f.body, f.bodylen, &h))
		memcpy(challenge, h.challenge, sizeof(challenge));
}

static bool
on_deliver(void *arg, const struct llt_ctl_recv *m)
{
	uint8_t sum = 0;

	if (m->len == 0 || m->len > LLT_MAX_MSG || m->port >= LLT_MAX_PORTS)
		abort();
	for (size_t i = 0; i < m->len; i++)
		sum ^= m->data[i];
	return sum != 0;
}

static void
on_node(void *arg, uint16_t node)
{
}

static void
on_link(void *arg, uint16_t node, unsigned link)
{
}

static void
on_random(void *arg, void *buf, size_t len)
{
	memset(buf, ++random_byte, len);
}

static void
on_checked(void *arg, const char *why)
{
}

static const struct core_ops ops = { on_transmit, on_deliver, on_node, on_link, on_node, on_random,
	on_checked };

static void
quiet(enum log_level level, const char *line, void *arg)
{
}

static void
start(bool authentic)
{
	struct core_conf conf = { .cluster = 42, .node = SELF, .name = "n1", .nlinks = 2,
		.hosts = &hosts, .key = authentic ? key : NULL, .link = { { .burst = 4 },
		    { .kind = LLT_KIND_UDP, .prio = LLT_PRIO_LOW, .burst = 1 } },
		.timers = { { 10000000, 20000000 }, { 20000000, 40000000 }, 30000000 } };

	log_set_sink(quiet, NULL);
	crypto_init();
	strcpy(hosts.name[SELF], "n1");
	strcpy(hosts.name[PEER], "n2");
	hosts.count = 2;
	now = 1000000000;
	seq = 0;
	session = 0;
	random_byte = 0x20;
	core = core_new(&conf, &ops, NULL, now);
	if (core == NULL)
		abort();
	core_carrier(core, 0, true, self_mac, 1, 1500, now);
	core_carrier(core, 1, true, self_mac, 2, 1500, now);
	core_tick(core, now);
}

static void
frame_in(uint8_t type, const uint8_t *body, size_t len)
{
	struct llt_frame f = { .type = type, .cluster = 42, .src = PEER, .dst = SELF, .seq = ++seq };
	uint8_t buf[2048];
	size_t head;

	if (llt_frame_is_cluster(type))
		f.incarnation = PEER_INC;
	else
		f.session = session;
	head = llt_frame_head_encode(buf, &f, len);
	memcpy(buf + head, body, len);
	core_input(core, 0, peer_addr, buf, crypto_seal(NULL, buf, &f, len), now);
}

static void
hello(bool echo)
{
	struct llt_hello h = { .flags = LLT_H_NEED | (echo ? LLT_H_ECHO : 0), .mtu = 1500,
		.challenge = { 1 }, .name = "n2" };
	uint8_t buf[256];
	struct wire_wr w;

	memcpy(h.addr, peer_addr, sizeof(h.addr));
	memcpy(h.echo, challenge, sizeof(h.echo));
	wire_wr_init(&w, buf, sizeof(buf));
	llt_hello_encode(&w, &h);
	frame_in(LLT_F_HELLO, buf, wire_wr_len(&w));
}

/* Something to acknowledge, so that acknowledgements mean something. */
static void
send_something(void)
{
	static struct llt_ctl_send s;
	static uint8_t data[5000];

	s = (struct llt_ctl_send){ .port = 1, .ndst = 1, .dst = { PEER }, .data = data,
		.len = sizeof(data) };
	core_send(core, &s, now);
}

static void
record(uint8_t what, const uint8_t *bytes, size_t len)
{
	uint8_t arg = what >> 2;

	switch (what & 3) {
	case 0:
		core_input(core, arg & 1, peer_addr, bytes, len, now);
		break;
	case 1:
		frame_in((uint8_t)(LLT_F_HEARTBEAT + arg % 4), bytes, len);
		break;
	case 2:
		frame_in((uint8_t)(LLT_F_PROBE + arg % 3), bytes, len);
		break;
	default:
		now += arg * NSEC_PER_MSEC;
		core_tick(core, now);
	}
	core_flush(core, now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct llt_ev_node e;

	if (size == 0)
		return 0;
	start((data[0] & 1) != 0);
	hello(false);
	hello(true);
	core_node_info(core, PEER, &e);
	fuzz_require((data[0] & 1) != 0 || e.state == LLT_OPEN_STATE, "there is a session");
	send_something();
	for (size_t at = 1; at + 2 <= size;) {
		size_t len = data[at + 1] * 4u, left = size - at - 2;
		uint8_t *copy;

		len = len < left ? len : left;
		/* A copy of its own, so that reading past its end is found out. */
		copy = malloc(len + 1);
		memcpy(copy, data + at + 2, len);
		record(data[at], copy, len);
		free(copy);
		at += 2 + len;
	}
	core_free(core);
	return 0;
}
