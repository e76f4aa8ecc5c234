/* SPDX-License-Identifier: ISC */
/*
 * Messages between members that need no order. What can be read is written again to the same bytes, and
 * every item that the count promises is there.
 */
#include <string.h>

#include "proto/alias_msg_list.h"
#include "tests/fuzz/fuzz.h"

static uint8_t buf[1 << 17];

static void
conns(struct alias_msg *m, struct alias_list *l)
{
	struct alias_conn c;
	uint8_t op;

	while (alias_msg_next_conn(m, &c, &op))
		alias_list_conn(l, &c, op);
}

static void
asks(struct alias_msg *m, struct alias_list *l)
{
	struct alias_ask a;

	while (alias_msg_next_ask(m, &a))
		alias_list_ask(l, &a);
}

static void
lans(struct alias_msg *m, struct alias_list *l)
{
	struct alias_lan item;

	while (alias_msg_next_lan(m, &item)) {
		fuzz_require(item.prefixlen <= 32 && item.carrier <= 1, "a LAN interface");
		alias_list_lan(l, &item);
	}
}

static void
arps(struct alias_msg *m, struct alias_list *l)
{
	struct alias_arp item;

	while (alias_msg_next_arp(m, &item)) {
		fuzz_require(item.op < ALIAS_ARP_OPS, "something about ARP");
		alias_list_arp(l, &item);
	}
}

static void
clients(struct alias_msg *m, struct alias_list *l)
{
	struct alias_client item;

	while (alias_msg_next_client(m, &item))
		alias_list_client(l, &item);
}

static void
begin(struct alias_msg *m, struct alias_list *l, struct wire_wr *w)
{
	if (m->type == ALIAS_MSG_LAN)
		alias_list_begin_lan(l, w, m->vmac, m->step, m->prefix);
	else if (m->type == ALIAS_MSG_FLOWS_OF)
		alias_list_begin_of(l, w, m->owner);
	else
		alias_list_begin(l, w, m->type);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct alias_list l;
	struct alias_msg m;
	struct wire_wr w;
	uint32_t count;

	if (size > sizeof(buf) || !alias_msg_decode(data, size, &m))
		return 0;
	if (m.type <= ALIAS_MSG_ORDERED_MAX || m.type == ALIAS_MSG_FLOWS_BEGIN ||
	    m.type == ALIAS_MSG_FLOWS_END || m.type == ALIAS_MSG_LOST)
		return 0;
	count = m.count;
	wire_wr_init(&w, buf, sizeof(buf));
	begin(&m, &l, &w);
	if (m.type == ALIAS_MSG_LAN)
		lans(&m, &l);
	else if (m.type == ALIAS_MSG_ASK)
		asks(&m, &l);
	else if (m.type == ALIAS_MSG_ARP)
		arps(&m, &l);
	else if (m.type == ALIAS_MSG_CLIENTS)
		clients(&m, &l);
	else
		conns(&m, &l);
	fuzz_require(l.count == count, "as many items as it says");
	alias_list_end(&l);
	fuzz_require(wire_wr_ok(&w) && wire_wr_len(&w) == size && memcmp(buf, data, size) == 0,
	    "encoding gives the message back");
	return 0;
}
