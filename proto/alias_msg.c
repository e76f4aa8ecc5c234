/* SPDX-License-Identifier: ISC */
#include "proto/alias_msg.h"

#include <string.h>

#include "common/llthosts.h"

#define MAX_ITEMS 8192

void
alias_row_encode(struct wire_wr *w, const struct alias_row *row)
{
	wire_wr_addr(w, row->addr);
	wire_wr_u16(w, row->flags);
	wire_wr_u16(w, row->selw);
	wire_wr_u16(w, row->selp);
	wire_wr_u16(w, row->rpri);
	wire_wr_u8(w, row->prefixlen);
	wire_wr_str(w, row->name);
}

void
alias_row_decode(struct wire_rd *r, struct alias_row *row)
{
	memset(row, 0, sizeof(*row));
	row->addr = wire_rd_addr(r);
	row->flags = wire_rd_u16(r);
	row->selw = wire_rd_u16(r);
	row->selp = wire_rd_u16(r);
	row->rpri = wire_rd_u16(r);
	row->prefixlen = wire_rd_u8(r);
	wire_rd_str(r, row->name, sizeof(row->name));
	if (row->addr.s_addr == 0 || (row->flags & ~ALIAS_ROW_FLAGS) || row->rpri > ALIAS_RPRI_MAX ||
	    row->prefixlen > 32)
		wire_rd_fail(r);
}

void
alias_listen_encode(struct wire_wr *w, const struct alias_listen *l)
{
	wire_wr_u8(w, l->add);
	wire_wr_u8(w, l->proto);
	wire_wr_u16(w, l->port_h);
	wire_wr_addr(w, l->bound);
}

void
alias_listen_decode(struct wire_rd *r, struct alias_listen *l)
{
	l->add = wire_rd_u8(r);
	l->proto = wire_rd_u8(r);
	l->port_h = wire_rd_u16(r);
	l->bound = wire_rd_addr(r);
	if (l->add > 1 || (l->proto != IPPROTO_TCP && l->proto != IPPROTO_UDP) || l->port_h == 0)
		wire_rd_fail(r);
}

enum { API_RESV = 1, API_BUSY = 2 };

void
alias_api_encode(struct wire_wr *w, const struct alias_api *a)
{
	wire_wr_u8(w, a->proto);
	wire_wr_u8(w, (uint8_t)((a->resv ? API_RESV : 0) | (a->busy ? API_BUSY : 0)));
	wire_wr_u16(w, a->port_h);
	wire_wr_u16(w, a->options);
	wire_wr_u32(w, a->prog);
}

void
alias_api_decode(struct wire_rd *r, struct alias_api *a)
{
	uint8_t flags;

	memset(a, 0, sizeof(*a));
	a->proto = wire_rd_u8(r);
	flags = wire_rd_u8(r);
	a->port_h = wire_rd_u16(r);
	a->options = wire_rd_u16(r);
	a->prog = wire_rd_u32(r);
	a->resv = flags & API_RESV;
	a->busy = flags & API_BUSY;
	if ((a->proto != IPPROTO_TCP && a->proto != IPPROTO_UDP) || (flags & ~(API_RESV | API_BUSY)))
		wire_rd_fail(r);
}

bool
alias_share_ok(const struct alias_share *a)
{
	return a->n > 0 && a->n <= ALIAS_SHARES_MAX && a->size > 0 && a->first > 0 &&
	    (uint32_t)a->first + (uint32_t)a->n * a->size <= 65536;
}

static void
share_decode(struct wire_rd *r, struct alias_share *a)
{
	a->first = wire_rd_u16(r);
	a->size = wire_rd_u16(r);
	a->n = wire_rd_u16(r);
	a->wanted = wire_rd_u16(r);
	if (!alias_share_ok(a))
		wire_rd_fail(r);
}

void
alias_file_encode(struct wire_wr *w, const struct alias_file *f)
{
	wire_wr_u32(w, f->version);
	wire_wr_u8(w, f->state);
	wire_wr_u64(w, f->digest);
}

void
alias_file_decode(struct wire_rd *r, struct alias_file *f)
{
	f->version = wire_rd_u32(r);
	f->state = wire_rd_u8(r);
	f->digest = wire_rd_u64(r);
	if (f->state > ALIAS_FILE_BAD)
		wire_rd_fail(r);
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

static void
lan_decode(struct wire_rd *r, struct alias_lan *l)
{
	wire_rd_copy(r, l->mac, sizeof(l->mac));
	l->addr = wire_rd_addr(r);
	l->prefixlen = wire_rd_u8(r);
	l->carrier = wire_rd_u8(r);
	if (l->prefixlen > 32 || l->carrier > 1)
		wire_rd_fail(r);
}

static void
arp_decode(struct wire_rd *r, struct alias_arp *a)
{
	a->op = wire_rd_u8(r);
	a->alias = wire_rd_addr(r);
	a->node = wire_rd_u16(r);
	wire_rd_copy(r, a->mac, sizeof(a->mac));
	if (a->op >= ALIAS_ARP_OPS || a->node >= LLT_MAX_NODES)
		wire_rd_fail(r);
}

static void
client_decode(struct wire_rd *r, struct alias_client *c)
{
	c->alias = wire_rd_addr(r);
	c->client = wire_rd_addr(r);
	wire_rd_copy(r, c->mac, sizeof(c->mac));
	wire_rd_copy(r, c->to, sizeof(c->to));
	if (c->alias.s_addr == 0 || c->client.s_addr == 0)
		wire_rd_fail(r);
}

static void
begin(struct wire_wr *w, enum alias_msg_type type)
{
	wire_wr_u8(w, ALIAS_MSG_VERSION);
	wire_wr_u8(w, (uint8_t)type);
}

void
alias_msg_share(struct wire_wr *w, const struct alias_share *a)
{
	begin(w, ALIAS_MSG_SHARE);
	wire_wr_u16(w, a->first);
	wire_wr_u16(w, a->size);
	wire_wr_u16(w, a->n);
	wire_wr_u16(w, a->wanted);
}

void
alias_msg_file(struct wire_wr *w, const struct alias_file *f)
{
	begin(w, ALIAS_MSG_FILE);
	alias_file_encode(w, f);
}

void
alias_msg_synced(struct wire_wr *w, uint32_t gen)
{
	begin(w, ALIAS_MSG_SYNCED);
	wire_wr_u32(w, gen);
}

void
alias_msg_silent(struct wire_wr *w, struct in_addr alias, uint16_t node)
{
	begin(w, ALIAS_MSG_SILENT);
	wire_wr_addr(w, alias);
	wire_wr_u16(w, node);
}

void
alias_msg_flows_begin(struct wire_wr *w, uint32_t expect)
{
	begin(w, ALIAS_MSG_FLOWS_BEGIN);
	wire_wr_u32(w, expect);
}

void
alias_msg_flows_end(struct wire_wr *w, uint32_t gen)
{
	begin(w, ALIAS_MSG_FLOWS_END);
	wire_wr_u32(w, gen);
}

void
alias_msg_snapshot(struct wire_wr *w, uint32_t gen, uint32_t index, uint32_t total,
    const uint8_t *data, size_t len)
{
	begin(w, ALIAS_MSG_SNAPSHOT);
	wire_wr_u32(w, gen);
	wire_wr_u32(w, index);
	wire_wr_u32(w, total);
	wire_wr_bytes(w, data, len);
}

void
alias_msg_services(
    struct wire_wr *w, uint64_t token, bool initial, const struct alias_svc *svc, size_t n)
{
	size_t i;

	begin(w, ALIAS_MSG_SERVICES);
	wire_wr_u64(w, token);
	wire_wr_u8(w, initial);
	wire_wr_u32(w, (uint32_t)n);
	for (i = 0; i < n; i++)
		alias_svc_encode(w, &svc[i]);
}

void
alias_msg_api(
    struct wire_wr *w, enum alias_msg_type type, uint64_t token, const struct alias_api *a)
{
	begin(w, type);
	wire_wr_u64(w, token);
	alias_api_encode(w, a);
}

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
	begin(w, type);
	list_start(l, w);
}

void
alias_list_begin_of(struct alias_list *l, struct wire_wr *w, uint16_t owner)
{
	begin(w, ALIAS_MSG_FLOWS_OF);
	wire_wr_u16(w, owner);
	list_start(l, w);
}

void
alias_list_begin_lan(
    struct alias_list *l, struct wire_wr *w, bool vmac, uint8_t step, const uint8_t prefix[2])
{
	begin(w, ALIAS_MSG_LAN);
	wire_wr_u8(w, (uint8_t)(vmac | (step & 3) << 1));
	wire_wr_bytes(w, prefix, 2);
	list_start(l, w);
}

void
alias_list_begin_rows(
    struct alias_list *l, struct wire_wr *w, uint64_t token, uint32_t max_aliases)
{
	begin(w, ALIAS_MSG_ROWS);
	wire_wr_u64(w, token);
	wire_wr_u32(w, max_aliases);
	list_start(l, w);
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

void
alias_list_row(struct alias_list *l, const struct alias_row *row)
{
	alias_row_encode(l->w, row);
	l->count++;
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

void
alias_msg_row(
    struct wire_wr *w, uint64_t token, uint32_t max_aliases, const struct alias_row *row)
{
	struct alias_list l;

	alias_list_begin_rows(&l, w, token, max_aliases);
	alias_list_row(&l, row);
	alias_list_end(&l);
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

void
alias_list_listen(struct alias_list *l, const struct alias_listen *item)
{
	alias_listen_encode(l->w, item);
	l->count++;
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

void
alias_list_ask(struct alias_list *l, const struct alias_ask *a)
{
	alias_list_conn(l, &a->conn, a->acks);
	wire_wr_u32(l->w, a->seq);
	wire_wr_u32(l->w, a->ack);
}

void
alias_list_end(struct alias_list *l)
{
	if (l->count_at != NULL)
		wire_put_u32(l->count_at, l->count);
}

bool
alias_msg_next_row(struct alias_msg *m, struct alias_row *row)
{
	if (m->count == 0)
		return false;
	m->count--;
	alias_row_decode(&m->items, row);
	return wire_rd_ok(&m->items);
}

bool
alias_msg_next_listen(struct alias_msg *m, struct alias_listen *l)
{
	if (m->count == 0)
		return false;
	m->count--;
	alias_listen_decode(&m->items, l);
	return wire_rd_ok(&m->items);
}

bool
alias_msg_next_svc(struct alias_msg *m, struct alias_svc *s)
{
	if (m->count == 0)
		return false;
	m->count--;
	alias_svc_decode(&m->items, s);
	return wire_rd_ok(&m->items);
}

bool
alias_msg_next_conn(struct alias_msg *m, struct alias_conn *c, uint8_t *op)
{
	if (m->count == 0)
		return false;
	m->count--;
	conn_decode(&m->items, c, op);
	return wire_rd_ok(&m->items);
}

bool
alias_msg_next_ask(struct alias_msg *m, struct alias_ask *a)
{
	uint8_t acks;

	if (m->count == 0)
		return false;
	m->count--;
	conn_decode(&m->items, &a->conn, &acks);
	a->acks = acks == 1;
	a->seq = wire_rd_u32(&m->items);
	a->ack = wire_rd_u32(&m->items);
	if (acks > 1)
		wire_rd_fail(&m->items);
	return wire_rd_ok(&m->items);
}

bool
alias_msg_next_lan(struct alias_msg *m, struct alias_lan *l)
{
	if (m->count == 0)
		return false;
	m->count--;
	lan_decode(&m->items, l);
	return wire_rd_ok(&m->items);
}

bool
alias_msg_next_arp(struct alias_msg *m, struct alias_arp *a)
{
	if (m->count == 0)
		return false;
	m->count--;
	arp_decode(&m->items, a);
	return wire_rd_ok(&m->items);
}

bool
alias_msg_next_client(struct alias_msg *m, struct alias_client *c)
{
	if (m->count == 0)
		return false;
	m->count--;
	client_decode(&m->items, c);
	return wire_rd_ok(&m->items);
}

/* Walks the list once, so that later reading cannot fail half-way. */
static bool
check_list(const struct alias_msg *m)
{
	struct alias_msg walk = *m;
	struct alias_listen l;
	struct alias_conn c;
	struct alias_row row;
	struct alias_svc s;
	struct alias_lan lan;
	struct alias_arp arp;
	struct alias_client client;
	struct alias_ask ask;
	uint8_t op;

	if (m->type == ALIAS_MSG_ASK) {
		while (alias_msg_next_ask(&walk, &ask))
			continue;
	} else if (m->type == ALIAS_MSG_ROWS) {
		while (alias_msg_next_row(&walk, &row))
			continue;
	} else if (m->type == ALIAS_MSG_LAN) {
		while (alias_msg_next_lan(&walk, &lan))
			continue;
	} else if (m->type == ALIAS_MSG_ARP) {
		while (alias_msg_next_arp(&walk, &arp))
			continue;
	} else if (m->type == ALIAS_MSG_CLIENTS) {
		while (alias_msg_next_client(&walk, &client))
			continue;
	} else if (m->type == ALIAS_MSG_LISTEN) {
		while (alias_msg_next_listen(&walk, &l))
			continue;
	} else if (m->type == ALIAS_MSG_SERVICES) {
		while (alias_msg_next_svc(&walk, &s))
			continue;
	} else {
		while (alias_msg_next_conn(&walk, &c, &op))
			continue;
	}
	return wire_rd_done(&walk.items);
}

static bool
decode_list(struct wire_rd *r, struct alias_msg *m, size_t item_min, uint32_t max)
{
	m->count = wire_rd_count32(r, item_min, max);
	m->items = *r;
	return wire_rd_ok(r) && check_list(m);
}

/* All but the wish for a common port are about a port, or about a program. */
static bool
decode_api(struct wire_rd *r, struct alias_msg *m)
{
	const struct alias_api *a = &m->api;

	m->token = wire_rd_u64(r);
	alias_api_decode(r, &m->api);
	if (m->type == ALIAS_MSG_COMMPORT && a->prog == 0)
		return false;
	return wire_rd_done(r) && (a->prog != 0 || a->port_h != 0);
}

static bool
decode_snapshot(struct wire_rd *r, struct alias_msg *m)
{
	m->gen = wire_rd_u32(r);
	m->index = wire_rd_u32(r);
	m->total = wire_rd_u32(r);
	m->len = wire_rd_left(r);
	m->data = wire_rd_view(r, m->len);
	return wire_rd_ok(r) && m->index < m->total;
}

static bool
decode_lan(struct wire_rd *r, struct alias_msg *m)
{
	uint8_t flags = wire_rd_u8(r);

	m->vmac = flags & 1;
	m->step = flags >> 1 & 3;
	wire_rd_copy(r, m->prefix, sizeof(m->prefix));
	return flags <= 7 && decode_list(r, m, ALIAS_LAN_LEN, MAX_ITEMS);
}

static bool
decode_silent(struct wire_rd *r, struct alias_msg *m)
{
	m->alias = wire_rd_addr(r);
	m->owner = wire_rd_u16(r);
	return wire_rd_done(r) && m->owner < LLT_MAX_NODES;
}

bool
alias_msg_decode(const uint8_t *buf, size_t len, struct alias_msg *m)
{
	struct wire_rd r;

	memset(m, 0, sizeof(*m));
	wire_rd_init(&r, buf, len);
	if (wire_rd_u8(&r) != ALIAS_MSG_VERSION)
		return false;
	m->type = wire_rd_u8(&r);
	switch (m->type) {
	case ALIAS_MSG_ROWS:
		m->token = wire_rd_u64(&r);
		m->max_aliases = wire_rd_u32(&r);
		return decode_list(&r, m, ALIAS_ROW_MIN_LEN, MAX_ITEMS);
	case ALIAS_MSG_LISTEN:
		return decode_list(&r, m, ALIAS_LISTEN_LEN, MAX_ITEMS);
	case ALIAS_MSG_SERVICES:
		m->token = wire_rd_u64(&r);
		m->initial = wire_rd_u8(&r) != 0;
		return decode_list(&r, m, ALIAS_SVC_MIN_LEN, ALIAS_SVC_MAX);
	case ALIAS_MSG_REGISTER:
	case ALIAS_MSG_UNREGISTER:
	case ALIAS_MSG_RELEASE:
	case ALIAS_MSG_COMMPORT:
	case ALIAS_MSG_VOTE:
		return decode_api(&r, m);
	case ALIAS_MSG_SYNCED:
	case ALIAS_MSG_FLOWS_END:
		m->gen = wire_rd_u32(&r);
		return wire_rd_done(&r);
	case ALIAS_MSG_SHARE:
		share_decode(&r, &m->share);
		return wire_rd_done(&r);
	case ALIAS_MSG_FILE:
		alias_file_decode(&r, &m->file);
		return wire_rd_done(&r);
	case ALIAS_MSG_SNAPSHOT:
		return decode_snapshot(&r, m);
	case ALIAS_MSG_SILENT:
		return decode_silent(&r, m);
	case ALIAS_MSG_LAN:
		return decode_lan(&r, m);
	case ALIAS_MSG_ARP:
		return decode_list(&r, m, ALIAS_ARP_LEN, MAX_ITEMS);
	case ALIAS_MSG_CLIENTS:
		return decode_list(&r, m, ALIAS_CLIENT_LEN, MAX_ITEMS);
	case ALIAS_MSG_FLOWS_BEGIN:
		m->expect = wire_rd_u32(&r);
		return wire_rd_done(&r);
	case ALIAS_MSG_FLOWS_OF:
		m->owner = wire_rd_u16(&r);
		return m->owner < LLT_MAX_NODES && decode_list(&r, m, ALIAS_CONN_LEN, MAX_ITEMS);
	case ALIAS_MSG_ASK:
		return decode_list(&r, m, ALIAS_ASK_LEN, MAX_ITEMS);
	case ALIAS_MSG_FLOWS:
	case ALIAS_MSG_ANSWER:
		return decode_list(&r, m, ALIAS_CONN_LEN, MAX_ITEMS);
	default:
		return false;
	}
}
