/* SPDX-License-Identifier: ISC */
/* A member whose LAN interfaces have lost their cables is given no connections that others could serve. */
#include <arpa/inet.h>

#include "aliasd/state/state.h"
#include "proto/alias_msg_list.h"
#include "tests/unit/unit.h"

#define PORT 80

static const struct in_addr alias = { .s_addr = 0x6400010a };

static const struct state_ops ops; /* what follows is looked up, not told */

static void
row(struct state *st, uint16_t node, uint8_t flags, uint16_t selw)
{
	struct alias_row r = { .addr = alias, .flags = ALIAS_ROW_ROUTES | ALIAS_ROW_JOINED | flags,
		.selw = selw, .selp = 1, .rpri = 1 };
	uint8_t buf[512];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_row(&w, 0, 0, &r);
	ck_assert(state_ordered(st, node, buf, wire_wr_len(&w)));
}

static void
listens(struct state *st, uint16_t node)
{
	const struct alias_listen l = { .add = 1, .proto = IPPROTO_TCP, .port_h = PORT };
	struct alias_list list;
	uint8_t buf[64];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_list_begin(&list, &w, ALIAS_MSG_LISTEN);
	alias_list_listen(&list, &l);
	alias_list_end(&list);
	ck_assert(state_ordered(st, node, buf, wire_wr_len(&w)));
}

static void
service(struct state *st, uint16_t attrs)
{
	const struct alias_svc s = { .name = "http", .proto = IPPROTO_TCP, .port_h = PORT, .attrs = attrs };
	uint8_t buf[256];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_services(&w, 0, false, &s, 1);
	ck_assert(state_ordered(st, 0, buf, wire_wr_len(&w)));
}

/* Of three members who is a target, one bit each. */
static unsigned
targets(struct state *st)
{
	struct sel_target t[LLT_MAX_NODES + 1];
	size_t i, n = state_targets(st, alias, IPPROTO_TCP, PORT, NULL, NULL, t);
	unsigned found = 0;

	for (i = 0; i < n; i++)
		found |= 1u << (t[i].node == SEL_NO_NODE ? 7 : t[i].node);
	return found;
}

START_TEST(passed_over)
{
	struct gab_ev_view v = { .gen = 1, .self = 0, .quorate = true, .fresh = true, .nmembers = 3,
		.members = { 0, 1, 2 }, .njoined = 3, .joined = { 0, 1, 2 } };
	struct state *st = state_new(&ops, NULL);
	uint16_t node;

	state_view(st, &v);
	ck_assert(state_loaded(st));
	service(st, ALIAS_IN_MULTI);
	for (node = 0; node < 3; node++) {
		row(st, node, 0, 1);
		listens(st, node);
	}
	ck_assert_uint_eq(targets(st), 7);
	row(st, 0, ALIAS_ROW_CUT_OFF, 1);
	ck_assert_uint_eq(targets(st), 6);
	row(st, 1, 0, 0); /* who is drained does not make up for it */
	row(st, 2, ALIAS_ROW_CUT_OFF, 1);
	ck_assert_uint_eq(targets(st), 5);
	row(st, 1, 0, 1);
	ck_assert_uint_eq(targets(st), 2);
	row(st, 0, 0, 1);
	ck_assert_uint_eq(targets(st), 3);
	service(st, ALIAS_IN_SINGLE);
	ck_assert_uint_eq(targets(st), 1);
	row(st, 0, ALIAS_ROW_CUT_OFF, 1);
	ck_assert_uint_eq(targets(st), 2);
	row(st, 0, 0, 1); /* no way back */
	ck_assert_uint_eq(targets(st), 2);
	state_free(st);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { passed_over, NULL };

	return unit_run("alias_cut_off", tests);
}
