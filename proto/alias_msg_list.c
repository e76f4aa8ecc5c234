/* SPDX-License-Identifier: ISC */
#include "proto/alias_msg_list.h"

#include "common/llthosts.h"

/* ---- the list ---- */

static void
list_start(struct alias_list *l, struct wire_wr *w)
{
	l->w = w;
	l->count = 0;
	l->count_at = wire_wr_reserve(w, 4);
}

void
alias_list_begin(struct alias_list *l, struct wire_wr *w, enum alias_msg_type type)
{
	alias_msg_begin(w, type);
	list_start(l, w);
}

void
alias_list_begin_of(struct alias_list *l, struct wire_wr *w, uint16_t owner)
{
	alias_msg_begin(w, ALIAS_MSG_FLOWS_OF);
	wire_wr_u16(w, owner);
	list_start(l, w);
}

void
alias_list_begin_lan(
    struct alias_list *l, struct wire_wr *w, bool vmac, uint8_t step, const uint8_t prefix[2])
{
	alias_msg_begin(w, ALIAS_MSG_LAN);
	wire_wr_u8(w, (uint8_t)(vmac | (step & 3) << 1));
	wire_wr_bytes(w, prefix, 2);
	list_start(l, w);
}

void
alias_list_begin_rows(
    struct alias_list *l, struct wire_wr *w, uint64_t token, uint32_t max_aliases)
{
	alias_msg_begin(w, ALIAS_MSG_ROWS);
	wire_wr_u64(w, token);
	wire_wr_u32(w, max_aliases);
	list_start(l, w);
}

void
alias_list_end(struct alias_list *l)
{
	if (l->count_at != NULL)
		wire_put_u32(l->count_at, l->count);
}

/* One of those that are left, if there is any. */
static bool
take(struct alias_msg *m)
{
	if (m->count == 0)
		return false;
	m->count--;
	return true;
}

/* ---- its items ---- */

void
alias_list_row(struct alias_list *l, const struct alias_row *row)
{
	alias_row_encode(l->w, row);
	l->count++;
}

bool
alias_msg_next_row(struct alias_msg *m, struct alias_row *row)
{
	if (!take(m))
		return false;
	alias_row_decode(&m->items, row);
	return wire_rd_ok(&m->items);
}

void
alias_list_listen(struct alias_list *l, const struct alias_listen *item)
{
	alias_listen_encode(l->w, item);
	l->count++;
}

bool
alias_msg_next_listen(struct alias_msg *m, struct alias_listen *l)
{
	if (!take(m))
		return false;
	alias_listen_decode(&m->items, l);
	return wire_rd_ok(&m->items);
}

bool
alias_msg_next_svc(struct alias_msg *m, struct alias_svc *s)
{
	if (!take(m))
		return false;
	alias_svc_decode(&m->items, s);
	return wire_rd_ok(&m->items);
}

void
alias_list_conn(struct alias_list *l, const struct alias_conn *c, uint8_t op)
{
	wire_wr_u8(l->w, op);
	wire_wr_addr(l->w, c->client);
	wire_wr_bytes(l->w, &c->client_port, 2);
	wire_wr_addr(l->w, c->alias);
	wire_wr_bytes(l->w, &c->port, 2);
	l->count++;
}

static void
conn_decode(struct wire_rd *r, struct alias_conn *c, uint8_t *op)
{
	*op = wire_rd_u8(r);
	c->client = wire_rd_addr(r);
	wire_rd_copy(r, &c->client_port, 2);
	c->alias = wire_rd_addr(r);
	wire_rd_copy(r, &c->port, 2);
	if (*op > ALIAS_MINE_CLOSING)
		wire_rd_fail(r);
}

bool
alias_msg_next_conn(struct alias_msg *m, struct alias_conn *c, uint8_t *op)
{
	if (!take(m))
		return false;
	conn_decode(&m->items, c, op);
	return wire_rd_ok(&m->items);
}

void
alias_list_ask(struct alias_list *l, const struct alias_ask *a)
{
	alias_list_conn(l, &a->conn, a->acks);
	wire_wr_u32(l->w, a->seq);
	wire_wr_u32(l->w, a->ack);
}

bool
alias_msg_next_ask(struct alias_msg *m, struct alias_ask *a)
{
	uint8_t acks;

	if (!take(m))
		return false;
	conn_decode(&m->items, &a->conn, &acks);
	a->acks = acks == 1;
	a->seq = wire_rd_u32(&m->items);
	a->ack = wire_rd_u32(&m->items);
	if (acks > 1)
		wire_rd_fail(&m->items);
	return wire_rd_ok(&m->items);
}

void
alias_list_lan(struct alias_list *l, const struct alias_lan *item)
{
	wire_wr_bytes(l->w, item->mac, sizeof(item->mac));
	wire_wr_addr(l->w, item->addr);
	wire_wr_u8(l->w, item->prefixlen);
	wire_wr_u8(l->w, item->carrier);
	l->count++;
}

bool
alias_msg_next_lan(struct alias_msg *m, struct alias_lan *l)
{
	struct wire_rd *r = &m->items;

	if (!take(m))
		return false;
	wire_rd_copy(r, l->mac, sizeof(l->mac));
	l->addr = wire_rd_addr(r);
	l->prefixlen = wire_rd_u8(r);
	l->carrier = wire_rd_u8(r);
	if (l->prefixlen > 32 || l->carrier > 1)
		wire_rd_fail(r);
	return wire_rd_ok(r);
}

void
alias_list_arp(struct alias_list *l, const struct alias_arp *item)
{
	wire_wr_u8(l->w, item->op);
	wire_wr_addr(l->w, item->alias);
	wire_wr_u16(l->w, item->node);
	wire_wr_bytes(l->w, item->mac, sizeof(item->mac));
	l->count++;
}

bool
alias_msg_next_arp(struct alias_msg *m, struct alias_arp *a)
{
	struct wire_rd *r = &m->items;

	if (!take(m))
		return false;
	a->op = wire_rd_u8(r);
	a->alias = wire_rd_addr(r);
	a->node = wire_rd_u16(r);
	wire_rd_copy(r, a->mac, sizeof(a->mac));
	if (a->op >= ALIAS_ARP_OPS || a->node >= LLT_MAX_NODES)
		wire_rd_fail(r);
	return wire_rd_ok(r);
}

void
alias_list_client(struct alias_list *l, const struct alias_client *item)
{
	wire_wr_addr(l->w, item->alias);
	wire_wr_addr(l->w, item->client);
	wire_wr_bytes(l->w, item->mac, sizeof(item->mac));
	wire_wr_bytes(l->w, item->to, sizeof(item->to));
	l->count++;
}

bool
alias_msg_next_client(struct alias_msg *m, struct alias_client *c)
{
	struct wire_rd *r = &m->items;

	if (!take(m))
		return false;
	c->alias = wire_rd_addr(r);
	c->client = wire_rd_addr(r);
	wire_rd_copy(r, c->mac, sizeof(c->mac));
	wire_rd_copy(r, c->to, sizeof(c->to));
	if (c->alias.s_addr == 0 || c->client.s_addr == 0)
		wire_rd_fail(r);
	return wire_rd_ok(r);
}

/* ---- all of it ---- */

union item {
	struct alias_row row;
	struct alias_listen listen;
	struct alias_svc svc;
	struct alias_conn conn;
	struct alias_ask ask;
	struct alias_lan lan;
	struct alias_arp arp;
	struct alias_client client;
};

static bool
next(struct alias_msg *m, union item *i)
{
	uint8_t op;

	switch (m->type) {
	case ALIAS_MSG_ROWS:
		return alias_msg_next_row(m, &i->row);
	case ALIAS_MSG_LISTEN:
		return alias_msg_next_listen(m, &i->listen);
	case ALIAS_MSG_SERVICES:
		return alias_msg_next_svc(m, &i->svc);
	case ALIAS_MSG_ASK:
		return alias_msg_next_ask(m, &i->ask);
	case ALIAS_MSG_LAN:
		return alias_msg_next_lan(m, &i->lan);
	case ALIAS_MSG_ARP:
		return alias_msg_next_arp(m, &i->arp);
	case ALIAS_MSG_CLIENTS:
		return alias_msg_next_client(m, &i->client);
	default:
		return alias_msg_next_conn(m, &i->conn, &op);
	}
}

bool
alias_msg_list_ok(const struct alias_msg *m)
{
	struct alias_msg walk = *m;
	union item item;

	while (next(&walk, &item))
		continue;
	return wire_rd_done(&walk.items);
}
