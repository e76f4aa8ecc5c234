/* SPDX-License-Identifier: ISC */
/*
 * A core with hostile peers. The input is a row of steps: u8 what, then for a message u16 length and
 * its bytes. Bytes of value 0xf1 0xf2 in messages stand for the attempt and the view that the core
 * would believe, so that the deeper checks are reached.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "gabd/core.h"
#include "tests/fuzz/fuzz.h"

#define SELF 1
#define MAX_STEPS 200

static struct {
	struct gab_core *core;
	uint64_t now;
	uint64_t cid[4];         /* the core's name of the connection with each */
	struct gab_att att;      /* the last attempt that was in the air */
	uint64_t views, messages;
} self;

static void
on_send(void *arg, const struct gab_set *dst, bool patient, const uint8_t *data, size_t len)
{
	struct gab_propose propose;
	struct gab_hello hello;
	struct wire_rd r;
	uint8_t type = gab_msg_open(&r, data, len);

	fuzz_require(type != 0 && len <= GAB_MSG_MAX, "the core sends messages");
	fuzz_require(!gab_set_has(dst, SELF), "and not to itself");
	if (type == GAB_MSG_HELLO && gab_hello_decode(&r, &hello))
		self.cid[gab_set_first(dst)] = hello.cid;
	if (type == GAB_MSG_PROPOSE && gab_propose_decode(&r, &propose))
		self.att = propose.att;
}

static void
on_view(void *arg, unsigned port, uint32_t inst, const struct gab_ev_view *v)
{
	fuzz_require(v->nmembers >= 1 && v->nmembers <= 4, "a view has members that there are");
	self.views++;
}

static void
on_message(void *arg, unsigned port, uint32_t inst, const struct gab_ev_msg *m)
{
	fuzz_require(m->len <= GAB_MAX_MSG, "messages are bounded");
	self.messages++;
}

static void
on_room(void *arg, unsigned port, uint32_t inst)
{
}

static const struct gab_core_ops ops = {
	.send = on_send, .view = on_view, .message = on_message, .room = on_room,
};

static void
greet(unsigned peer)
{
	struct gab_hello hello = { .cid = 1000 + peer, .peer_cid = self.cid[peer] };
	uint8_t buf[64];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	gab_msg_begin(&w, GAB_MSG_HELLO);
	gab_hello_encode(&w, &hello);
	gab_core_recv(self.core, peer, 1, buf, wire_wr_len(&w), self.now);
}

/* Puts what the core would believe in the place of the marks. */
static void
believable(uint8_t *msg, size_t len)
{
	struct gab_core_status st;
	struct wire_wr w;

	gab_core_status(self.core, &st);
	for (size_t i = 0; i + 1 < len; i++) {
		wire_wr_init(&w, msg + i, len - i);
		if (msg[i] == 0xf1 && msg[i + 1] == 0xf1) {
			gab_att_encode(&w, &self.att);
		} else if (msg[i] == 0xf2 && msg[i + 1] == 0xf2) {
			wire_wr_u32(&w, st.vid.gen);
			wire_wr_u16(&w, st.vid.coord);
			wire_wr_u64(&w, st.vid.inc);
		}
	}
}

static void
hostile(struct wire_rd *r, unsigned peer)
{
	static uint8_t msg[GAB_MSG_MAX];
	size_t len = wire_rd_u16(r);

	if (len > wire_rd_left(r))
		len = wire_rd_left(r);
	wire_rd_copy(r, msg, len);
	believable(msg, len);
	gab_core_recv(self.core, peer, 1, msg, len, self.now);
}

static void
local(uint8_t what)
{
	struct gab_ctl_send s = { .kind = what & 1, .dst = 2, .data = (const uint8_t *)"x", .len = 1,
		.gen = gab_core_port(self.core, 2)->vid.gen };

	if ((what & 6) == 0)
		gab_core_register(self.core, 2, self.now);
	else if ((what & 6) == 2)
		gab_core_leave(self.core, 2, self.now);
	else
		gab_core_send(self.core, 2, &s, self.now);
}

static void
step(struct wire_rd *r)
{
	uint8_t what = wire_rd_u8(r);
	unsigned peer = what % 4;

	if (peer == SELF)
		peer = 0;
	switch (what >> 5) {
	case 0: gab_core_peer_down(self.core, peer, self.now); break;
	case 1: gab_core_peer_up(self.core, peer, 1, self.now); greet(peer); break;
	case 2: self.now += (uint64_t)(what & 31) * 20 * NSEC_PER_MSEC; gab_core_tick(self.core, self.now); break;
	case 3: local(what >> 2); break;
	default: hostile(r, peer); break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gab_core_conf conf = { .self = SELF, .max_nodes = 4, .inc = 5, .seed = 1, .alive = 100 * NSEC_PER_MSEC,
		.dead = 500 * NSEC_PER_MSEC };
	struct gab_core_status st;
	struct wire_rd r;

	memset(&self, 0, sizeof(self));
	self.core = gab_core_new(&conf, &ops, NULL, 0);
	fuzz_require(self.core != NULL, "a core");
	gab_core_register(self.core, 2, 0);
	for (unsigned peer = 0; peer < 4; peer++)
		if (peer != SELF) {
			gab_core_peer_up(self.core, peer, 1, 0);
			greet(peer);
		}
	wire_rd_init(&r, data, size);
	for (unsigned i = 0; i < MAX_STEPS && wire_rd_left(&r) > 0; i++) {
		step(&r);
		gab_core_status(self.core, &st);
		fuzz_require(gab_set_count(&st.members) <= 4 || st.vid.gen == 0, "members are nodes");
	}
	gab_core_free(self.core);
	return 0;
}
