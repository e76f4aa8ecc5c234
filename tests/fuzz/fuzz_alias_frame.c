/* SPDX-License-Identifier: ISC */
/*
 * Frames from the LAN as the daemon itself reads them: ARP, packets of connections that nobody knows,
 * fragments. The first byte says how long a frame may be sent.
 */
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/fragq.h"
#include "aliasd/core/frame.h"
#include "aliasd/core/split.h"
#include "aliasd/core/stray.h"
#include "tests/fuzz/fuzz.h"

struct back {
	const uint8_t *data;
	size_t len;
	unsigned frames;
};

static void
same(struct back *b, const uint8_t *frame, size_t len)
{
	fuzz_require(len == b->len && memcmp(frame, b->data, len) == 0, "given back as it was held");
	b->frames++;
}

static void
fragment(const uint8_t *frame, size_t len, void *arg)
{
	same(arg, frame, len);
}

static void
asked(const struct alias_ask *a, void *arg)
{
}

static void
delivered(uint16_t owner, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	same(arg, frame, len);
}

static uint64_t
reset(const struct alias_ask *a, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	uint8_t out[FRAME_RST_LEN];

	same(arg, frame, len);
	(void)frame_rst(out, frame, len);
	return 0;
}

static const uint16_t *
peers(size_t *n, void *arg)
{
	static const uint16_t peer = 2;

	*n = 1;
	return &peer;
}

static void
hold_fragment(const uint8_t *data, size_t size)
{
	struct dp_fragment f = { .id = 1 };
	struct back b = { data, size, 0 };
	struct fragq *q = fragq_new(fragment, &b);

	fragq_hold(q, &f, data, size, 0);
	if (size & 1)
		fragq_release(q, &f);
	fragq_run(q, UINT64_MAX / 2);
	fuzz_require(b.frames == 1 && fragq_bytes(q) == 0, "each fragment comes back once");
	fragq_free(q);
}

static void
hold_stray(const uint8_t *data, size_t size, enum alias_verdict verdict)
{
	static const struct stray_ops ops = { peers, asked, delivered, reset };
	struct alias_conn c = { .client_port = 1, .port = 2 };
	struct back b = { data, size, 0 };
	struct stray *s = stray_new(&ops, &b);
	struct alias_ask a;

	if (stray_ask(&c, data, size, &a))
		stray_packet(s, &a, 1, data, size, 0);
	stray_answer(s, 2, &c, verdict, 1);
	stray_run(s, UINT64_MAX / 2);
	fuzz_require(b.frames <= 1 && stray_stats(s)->held == 0, "nothing is held for ever");
	stray_free(s);
}

static void
answer_arp(const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	uint8_t out[FRAME_ARP_LEN];
	struct frame_arp a, back;

	if (!frame_arp(data, size, &a))
		return;
	fuzz_require(size >= FRAME_ARP_LEN, "an ARP frame has a length");
	frame_arp_reply(out, mac, mac, &a);
	fuzz_require(frame_arp(out, sizeof(out), &back) && !back.request, "our answer is one");
	fuzz_require(back.sender.s_addr == a.target.s_addr, "for what was asked");
}

static void
refit(const uint8_t *data, size_t size, size_t max)
{
	uint8_t *copy = malloc(size + 1);
	struct frame_tcp t;
	size_t len;

	memcpy(copy, data, size);
	len = frame_refit(copy, size, max);
	fuzz_require(len <= size && len <= max, "not longer than it was, nor than it may be");
	if (len != 0)
		fuzz_require(frame_tcp(copy, len, &t), "still a segment");
	free(copy);
}

struct pieces {
	size_t limit, n;
};

static void
piece(const uint8_t *frame, size_t len, void *arg)
{
	struct pieces *p = arg;

	fuzz_require(len >= 34 && len <= 14 + p->limit, "a piece fits");
	fuzz_require(frame[14] >> 4 == 4, "and is an IP packet");
	p->n++;
}

/* Aggregates: every other input is one. */
static void
take_apart(const uint8_t *data, size_t size, size_t limit)
{
	struct pieces p = { limit < 128 ? 128 : limit, 0 };
	uint16_t segment = limit % 12 == 2 ? 0 : (uint16_t)limit;
	uint8_t notice[SPLIT_NOTICE_MAX], *copy = malloc(size + 1);
	size_t n;

	fuzz_require(split_notice(notice, data, size, (uint16_t)p.limit) <= sizeof(notice), "a notice fits");
	memcpy(copy, data, size);
	n = split_frame(copy, size, (uint16_t)p.limit, segment, piece, &p);
	fuzz_require(n == p.n, "as many pieces as it says");
	free(copy);
}

static void
answer_tcp(const uint8_t *data, size_t size)
{
	uint8_t out[FRAME_RST_LEN], again[FRAME_RST_LEN];
	struct frame_tcp t;

	if (!frame_rst(out, data, size))
		return;
	fuzz_require(frame_tcp(data, size, &t) && !(t.flags & FRAME_RST), "only a segment is answered");
	fuzz_require(frame_tcp(out, sizeof(out), &t) && (t.flags & FRAME_RST), "by a reset");
	fuzz_require(!frame_rst(again, out, sizeof(out)), "which nobody answers");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t max;

	if (size == 0)
		return 0;
	max = 14 + (size_t)data[0] * 6;
	data++;
	size--;
	answer_arp(data, size);
	answer_tcp(data, size);
	refit(data, size, max);
	take_apart(data, size, max);
	hold_fragment(data, size);
	hold_stray(data, size, size % 3);
	return 0;
}
