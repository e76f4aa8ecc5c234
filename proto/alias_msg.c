/* SPDX-License-Identifier: ISC */
#include "proto/alias_msg.h"

#include <string.h>

#include "common/llthosts.h"
#include "proto/alias_msg_list.h"

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

void
alias_msg_begin(struct wire_wr *w, enum alias_msg_type type)
{
	wire_wr_u8(w, ALIAS_MSG_VERSION);
	wire_wr_u8(w, (uint8_t)type);
}

void
alias_msg_share(struct wire_wr *w, const struct alias_share *a)
{
	alias_msg_begin(w, ALIAS_MSG_SHARE);
	wire_wr_u16(w, a->first);
	wire_wr_u16(w, a->size);
	wire_wr_u16(w, a->n);
	wire_wr_u16(w, a->wanted);
}

void
alias_msg_file(struct wire_wr *w, const struct alias_file *f)
{
	alias_msg_begin(w, ALIAS_MSG_FILE);
	alias_file_encode(w, f);
}

void
alias_msg_synced(struct wire_wr *w, uint32_t gen)
{
	alias_msg_begin(w, ALIAS_MSG_SYNCED);
	wire_wr_u32(w, gen);
}

void
alias_msg_silent(struct wire_wr *w, struct in_addr alias, uint16_t node)
{
	alias_msg_begin(w, ALIAS_MSG_SILENT);
	wire_wr_addr(w, alias);
	wire_wr_u16(w, node);
}

void
alias_msg_flows_begin(struct wire_wr *w, uint32_t expect, uint32_t accord)
{
	alias_msg_begin(w, ALIAS_MSG_FLOWS_BEGIN);
	wire_wr_u32(w, expect);
	wire_wr_u32(w, accord);
}

void
alias_msg_flows_end(struct wire_wr *w, uint32_t gen)
{
	alias_msg_begin(w, ALIAS_MSG_FLOWS_END);
	wire_wr_u32(w, gen);
}

void
alias_msg_lost(struct wire_wr *w, uint16_t node)
{
	alias_msg_begin(w, ALIAS_MSG_LOST);
	wire_wr_u16(w, node);
}

void
alias_msg_snapshot(struct wire_wr *w, uint32_t gen, uint32_t index, uint32_t total,
    const uint8_t *data, size_t len)
{
	alias_msg_begin(w, ALIAS_MSG_SNAPSHOT);
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

	alias_msg_begin(w, ALIAS_MSG_SERVICES);
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
	alias_msg_begin(w, type);
	wire_wr_u64(w, token);
	alias_api_encode(w, a);
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

static bool
decode_list(struct wire_rd *r, struct alias_msg *m, size_t item_min, uint32_t max)
{
	m->count = wire_rd_count32(r, item_min, max);
	m->items = *r;
	return wire_rd_ok(r) && alias_msg_list_ok(m);
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
		m->accord = wire_rd_u32(&r);
		return wire_rd_done(&r);
	case ALIAS_MSG_LOST:
		m->owner = wire_rd_u16(&r);
		return wire_rd_done(&r) && m->owner < LLT_MAX_NODES;
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
