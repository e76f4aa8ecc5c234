/* SPDX-License-Identifier: ISC */
/* The whole state as bytes: for members that join, and to compare members in tests. */
#include <stdlib.h>
#include <string.h>

#include "aliasd/state/state_priv.h"

#define SNAP_VERSION 3
#define MAX_ITEMS 1000000

static void
put_alias(struct wire_wr *w, const struct state_alias *a)
{
	size_t i;

	wire_wr_addr(w, a->addr);
	wire_wr_u32(w, a->id);
	wire_wr_u16(w, a->master);
	wire_wr_str(w, a->name);
	wire_wr_u16(w, (uint16_t)a->nrows);
	for (i = 0; i < a->nrows; i++) {
		wire_wr_u16(w, a->rows[i].node);
		wire_wr_u16(w, a->rows[i].flags);
		wire_wr_u16(w, a->rows[i].selw);
		wire_wr_u16(w, a->rows[i].selp);
		wire_wr_u16(w, a->rows[i].rpri);
		wire_wr_u8(w, a->rows[i].prefixlen);
	}
}

static void
put_port(struct wire_wr *w, const struct port *p)
{
	size_t i;

	wire_wr_u8(w, p->proto);
	wire_wr_u16(w, p->port_h);
	wire_wr_u32(w, (uint32_t)p->n);
	for (i = 0; i < p->n; i++) {
		wire_wr_u16(w, p->l[i].node);
		wire_wr_addr(w, p->l[i].bound);
	}
}

static void
put_active(struct wire_wr *w, const struct service *s)
{
	wire_wr_addr(w, s->alias);
	wire_wr_u8(w, s->proto);
	wire_wr_u16(w, s->port_h);
	wire_wr_u16(w, s->active);
}

static void
put_svc(struct wire_wr *w, const struct alias_svc *s)
{
	alias_svc_encode(w, s);
}

static void
put_reg(struct wire_wr *w, const struct reg *g)
{
	size_t i;

	alias_svc_encode(w, &g->svc);
	wire_wr_u8(w, (uint8_t)(g->transient | g->choosing << 1 | g->resv << 2));
	wire_wr_u32(w, g->prog);
	wire_wr_u32(w, g->tries);
	wire_wr_u16(w, (uint16_t)g->nholders);
	for (i = 0; i < g->nholders; i++) {
		wire_wr_u16(w, g->holder[i].node);
		wire_wr_u8(w, g->holder[i].used);
	}
	wire_wr_u16(w, (uint16_t)g->nawait);
	for (i = 0; i < g->nawait; i++)
		wire_wr_u16(w, g->await[i]);
}

static void
put_map(struct wire_wr *w, const struct map *m, void (*put)(struct wire_wr *, const void *))
{
	size_t i, n;
	uint64_t *key = map_keys(m, &n);

	wire_wr_u32(w, (uint32_t)n);
	for (i = 0; i < n; i++)
		put(w, map_get(m, key[i]));
	free(key);
}

static void
put_alias_v(struct wire_wr *w, const void *v)
{
	put_alias(w, v);
}

static void
put_port_v(struct wire_wr *w, const void *v)
{
	put_port(w, v);
}

static void
put_active_v(struct wire_wr *w, const void *v)
{
	put_active(w, v);
}

static void
put_svc_v(struct wire_wr *w, const void *v)
{
	put_svc(w, v);
}

static void
put_reg_v(struct wire_wr *w, const void *v)
{
	put_reg(w, v);
}

static void
put_all(struct wire_wr *w, const struct state *st)
{
	size_t i;

	wire_wr_u8(w, SNAP_VERSION);
	wire_wr_u32(w, st->svc_version);
	wire_wr_u16(w, (uint16_t)st->nmembers);
	for (i = 0; i < st->nmembers; i++) {
		wire_wr_u16(w, st->members[i]);
		wire_wr_u8(w, st->node[st->members[i]] & NODE_SYNCED);
		wire_wr_u32(w, st->limit[st->members[i]]);
	}
	put_map(w, st->aliases, put_alias_v);
	put_map(w, st->ports, put_port_v);
	put_map(w, st->services, put_active_v);
	put_map(w, st->svc, put_svc_v);
	put_map(w, st->api, put_reg_v);
	state_put_shares(w, st);
	state_put_files(w, st);
}

uint8_t *
state_dump(const struct state *st, size_t *len)
{
	size_t size = 16384;
	struct wire_wr w;
	uint8_t *buf = NULL;

	do {
		buf = mem_grow(buf, size, 1);
		wire_wr_init(&w, buf, size);
		put_all(&w, st);
		size *= 2;
	} while (!wire_wr_ok(&w));
	*len = wire_wr_len(&w);
	return buf;
}

static void
get_nodes(struct state *st, struct wire_rd *r)
{
	uint32_t n = wire_rd_count16(r, 7, LLT_MAX_NODES);

	while (n-- > 0) {
		uint16_t node = wire_rd_u16(r);
		uint8_t flags = wire_rd_u8(r);
		uint32_t limit = wire_rd_u32(r);

		if (node >= LLT_MAX_NODES) {
			wire_rd_fail(r);
		} else if (st->node[node] & NODE_MEMBER) {
			st->node[node] |= flags & NODE_SYNCED;
			st->limit[node] = limit;
		}
	}
}

static void
get_rows(struct state_alias *a, struct wire_rd *r)
{
	uint32_t n = wire_rd_count16(r, 11, LLT_MAX_NODES);

	if (n == 0)
		wire_rd_fail(r);
	while (n-- > 0) {
		uint16_t node = wire_rd_u16(r);
		struct state_row *row;

		if (node >= LLT_MAX_NODES || state_row(a, node) != NULL) {
			wire_rd_fail(r);
			return;
		}
		row = state_add_row(a, node);
		row->flags = wire_rd_u16(r);
		row->selw = wire_rd_u16(r);
		row->selp = wire_rd_u16(r);
		row->rpri = wire_rd_u16(r);
		row->prefixlen = wire_rd_u8(r);
		if (row->prefixlen > 32)
			wire_rd_fail(r);
	}
}

static void
get_aliases(struct state *st, struct wire_rd *r)
{
	uint32_t n = wire_rd_count32(r, 21, MAX_ITEMS);

	while (n-- > 0 && wire_rd_ok(r)) {
		struct in_addr addr = wire_rd_addr(r);
		uint32_t id = wire_rd_u32(r);
		struct state_alias *a;

		if (id == 0 || map_get(st->ids, id) != NULL || state_alias(st, addr) != NULL) {
			wire_rd_fail(r);
			return;
		}
		a = state_add_alias(st, addr, id);
		a->master = wire_rd_u16(r);
		wire_rd_str(r, a->name, sizeof(a->name));
		get_rows(a, r);
		state_touch_alias(st, a);
	}
}

static void
get_ports(struct state *st, struct wire_rd *r)
{
	uint32_t i, m, n = wire_rd_count32(r, 7, MAX_ITEMS);
	struct alias_listen l = { .add = 1 };

	while (n-- > 0 && wire_rd_ok(r)) {
		l.proto = wire_rd_u8(r);
		l.port_h = wire_rd_u16(r);
		m = wire_rd_count32(r, 6, MAX_ITEMS);
		for (i = 0; i < m && wire_rd_ok(r); i++) {
			uint16_t node = wire_rd_u16(r);

			l.bound = wire_rd_addr(r);
			if (node >= LLT_MAX_NODES)
				wire_rd_fail(r);
			else if (wire_rd_ok(r))
				state_set_listen(st, node, &l);
		}
	}
}

static void
get_actives(struct state *st, struct wire_rd *r)
{
	uint32_t n = wire_rd_count32(r, 9, MAX_ITEMS);

	while (n-- > 0 && wire_rd_ok(r)) {
		struct service *s = mem_zalloc(sizeof(*s));
		struct service *old;

		s->alias = wire_rd_addr(r);
		s->proto = wire_rd_u8(r);
		s->port_h = wire_rd_u16(r);
		s->active = wire_rd_u16(r);
		old = map_del(st->services, state_service_key(s->alias, s->proto, s->port_h));
		if (old != NULL)
			state_free_service(old);
		map_put(st->services, state_service_key(s->alias, s->proto, s->port_h), s);
	}
}

static void
get_svcs(struct state *st, struct wire_rd *r)
{
	uint32_t n = wire_rd_count32(r, ALIAS_SVC_MIN_LEN, ALIAS_SVC_MAX);

	while (n-- > 0 && wire_rd_ok(r)) {
		struct alias_svc s, *copy;

		alias_svc_decode(r, &s);
		if (!wire_rd_ok(r) || state_svc(st, s.proto, s.port_h) != NULL) {
			wire_rd_fail(r);
			return;
		}
		copy = mem_zalloc(sizeof(*copy));
		*copy = s;
		map_put(st->svc, state_port_key(s.proto, s.port_h), copy);
	}
}

static void
get_reg(struct reg *g, struct wire_rd *r)
{
	uint8_t flags;
	uint32_t n;

	alias_svc_decode(r, &g->svc);
	flags = wire_rd_u8(r);
	g->transient = flags & 1;
	g->choosing = flags & 2;
	g->resv = flags & 4;
	g->prog = wire_rd_u32(r);
	g->tries = wire_rd_u32(r);
	for (n = wire_rd_count16(r, 3, LLT_MAX_NODES); n > 0; n--) {
		uint16_t node = wire_rd_u16(r);

		state_reg_hold(g, node, wire_rd_u8(r) != 0);
		if (node >= LLT_MAX_NODES)
			wire_rd_fail(r);
	}
	n = wire_rd_count16(r, 2, LLT_MAX_NODES);
	g->await = mem_grow(NULL, n + 1, sizeof(*g->await));
	while (g->nawait < n)
		g->await[g->nawait++] = wire_rd_u16(r);
	if (g->choosing && (!g->transient || g->prog == 0 || n == 0))
		wire_rd_fail(r);
}

static void
get_regs(struct state *st, struct wire_rd *r)
{
	uint32_t n = wire_rd_count32(r, ALIAS_SVC_MIN_LEN + 13, ALIAS_SVC_MAX);

	while (n-- > 0 && wire_rd_ok(r)) {
		struct reg *g = mem_zalloc(sizeof(*g));

		get_reg(g, r);
		if (!wire_rd_ok(r) || state_reg(st, g->svc.proto, g->svc.port_h) != NULL) {
			wire_rd_fail(r);
			state_free_reg(g);
			return;
		}
		map_put(st->api, state_port_key(g->svc.proto, g->svc.port_h), g);
	}
}

bool
state_load(struct state *st, const uint8_t *buf, size_t len)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	if (wire_rd_u8(&r) != SNAP_VERSION)
		wire_rd_fail(&r);
	st->svc_version = wire_rd_u32(&r);
	get_nodes(st, &r);
	get_aliases(st, &r);
	get_ports(st, &r);
	get_actives(st, &r);
	get_svcs(st, &r);
	get_regs(st, &r);
	state_get_shares(st, &r);
	state_get_files(st, &r);
	st->svc_changed = true;
	if (wire_rd_done(&r))
		return true;
	state_clear(st);
	return false;
}
