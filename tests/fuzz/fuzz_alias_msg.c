/* SPDX-License-Identifier: ISC */
/*
 * Messages of the group, to the decoder and to a state machine: the input is a row of messages, each
 * with its length in two bytes before it and the sender in the low bits of a third: one of the three
 * members, or a node that is none.
 */
#include <stdlib.h>

#include "aliasd/state/state.h"
#include "tests/fuzz/fuzz.h"

#define MEMBERS 3

struct seen {
	int loads;
	bool out; /* of the group, because of a bad snapshot */
};

static void
fz_broadcast(const uint8_t *data, size_t len, void *arg)
{
	struct alias_msg m;

	fuzz_require(alias_msg_decode(data, len, &m), "what we send can be read");
}

static void
fz_loaded(void *arg)
{
	((struct seen *)arg)->loads++;
}

static void
fz_bad_snapshot(void *arg)
{
	((struct seen *)arg)->out = true;
}

static void
fz_alias(const struct state_alias *a, void *arg)
{
	fuzz_require(a->nrows > 0, "an alias has a row");
}

static void
fz_result(uint64_t token, enum alias_api_status status, uint16_t port_h, void *arg)
{
	fuzz_require(status < ALIAS_API_PENDING, "a result is final");
}

static void
fz_probe(const struct alias_api *a, void *arg)
{
	fuzz_require(a->prog != 0 && a->port_h != 0, "a common port is proposed for a program");
}

static const struct state_ops ops = { .broadcast = fz_broadcast, .on_loaded = fz_loaded,
	.on_bad_snapshot = fz_bad_snapshot, .on_alias = fz_alias,
	.on_result = fz_result, .on_probe = fz_probe };

static void
feed(struct state *st, const uint8_t *data, size_t size, const struct seen *seen)
{
	struct alias_msg m;
	bool good, out;

	while (size >= 3) {
		size_t len = (size_t)data[0] << 8 | data[1];
		uint16_t src = data[2] & 3;

		data += 3;
		size -= 3;
		len = len > size ? size : len;
		good = src < MEMBERS && alias_msg_decode(data, len, &m) && m.type <= ALIAS_MSG_ORDERED_MAX;
		out = seen->out;
		fuzz_require(state_ordered(st, src, data, len) == (good && !out),
		    "the state takes what is well formed and comes from a member");
		fuzz_require(seen->out == (state_gen(st) == 0), "a bad snapshot is the end");
		data += len;
		size -= len;
	}
}

/* The first byte says whether we have state or wait for a snapshot. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gab_ev_view v = { .gen = 1, .self = 1, .quorate = true, .fresh = true, .nmembers = MEMBERS,
		.members = { 0, 1, 2 }, .njoined = MEMBERS, .joined = { 0, 1, 2 } };
	struct seen seen = { 0 };
	struct state *st;
	uint8_t *dump;
	size_t len;

	if (size == 0)
		return 0;
	if (data[0] & 1)
		v.njoined = 2, v.joined[0] = 1, v.joined[1] = 2;
	st = state_new(&ops, &seen);
	state_view(st, &v);
	feed(st, data + 1, size - 1, &seen);
	dump = state_dump(st, &len);
	free(dump);
	v = (struct gab_ev_view){ .gen = 2, .self = 1, .quorate = true, .nmembers = 1, .members = { 1 },
		.nleft = 2, .left = { 0, 2 } };
	state_view(st, &v);
	fuzz_require(seen.loads <= 2, "loaded once");
	state_free(st);
	return 0;
}
