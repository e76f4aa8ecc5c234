/* SPDX-License-Identifier: ISC */
/* The tables of the replicated state: what the messages say, before anything is derived from it. */
#include <stdlib.h>
#include <string.h>

#include "aliasd/state/state_priv.h"

uint64_t
state_port_key(uint8_t proto, uint16_t port_h)
{
	return (uint64_t)proto << 16 | port_h;
}

uint64_t
state_service_key(struct in_addr alias, uint8_t proto, uint16_t port_h)
{
	return (uint64_t)alias.s_addr << 32 | state_port_key(proto, port_h);
}

void
state_touch_alias(struct state *st, struct state_alias *a)
{
	if (a->dirty)
		return;
	a->dirty = true;
	if (st->ndirty_aliases == st->dirty_aliases_size) {
		st->dirty_aliases_size = st->dirty_aliases_size * 2 + 16;
		st->dirty_aliases =
		    mem_grow(st->dirty_aliases, st->dirty_aliases_size, sizeof(*st->dirty_aliases));
	}
	st->dirty_aliases[st->ndirty_aliases++] = a->addr.s_addr;
}

void
state_touch_port(struct state *st, struct port *p)
{
	if (p->dirty)
		return;
	p->dirty = true;
	if (st->ndirty_ports == st->dirty_ports_size) {
		st->dirty_ports_size = st->dirty_ports_size * 2 + 16;
		st->dirty_ports =
		    mem_grow(st->dirty_ports, st->dirty_ports_size, sizeof(*st->dirty_ports));
	}
	st->dirty_ports[st->ndirty_ports++] = state_port_key(p->proto, p->port_h);
}

static void
touch_one(uint64_t key, void *value, void *arg)
{
	state_touch_alias(arg, value);
}

void
state_touch_all(struct state *st)
{
	map_each(st->aliases, touch_one, st);
}

/* The lowest that is free. */
static uint32_t
free_id(const struct state *st)
{
	uint32_t id = st->low_id;

	while (map_get(st->ids, id) != NULL)
		id++;
	return id;
}

struct state_alias *
state_add_alias(struct state *st, struct in_addr addr, uint32_t id)
{
	struct state_alias *a = mem_zalloc(sizeof(*a));

	a->addr = addr;
	a->master = SEL_NO_NODE;
	a->id = id != 0 ? id : free_id(st);
	if (a->id > st->max_id)
		st->max_id = a->id;
	map_put(st->aliases, addr.s_addr, a);
	map_put(st->ids, a->id, a);
	if (a->id == st->low_id)
		st->low_id++;
	return a;
}

struct state_row *
state_add_row(struct state_alias *a, uint16_t node)
{
	size_t i = a->nrows;

	a->rows = mem_grow(a->rows, a->nrows + 1, sizeof(*a->rows));
	while (i > 0 && a->rows[i - 1].node > node) {
		a->rows[i] = a->rows[i - 1];
		i--;
	}
	memset(&a->rows[i], 0, sizeof(a->rows[i]));
	a->rows[i].node = node;
	a->nrows++;
	return &a->rows[i];
}

static struct state_row *
find_row(const struct state_alias *a, uint16_t node)
{
	size_t i;

	for (i = 0; i < a->nrows; i++) {
		if (a->rows[i].node == node)
			return &a->rows[i];
	}
	return NULL;
}

/* An alias without rows is removed when the event is done. */
static void
drop_row(struct state *st, struct state_alias *a, uint16_t node)
{
	struct state_row *r = find_row(a, node);

	if (r == NULL)
		return;
	a->nrows--;
	memmove(r, r + 1, (size_t)(a->rows + a->nrows - r) * sizeof(*r));
	state_touch_alias(st, a);
}

void
state_set_limit(struct state *st, uint16_t node, uint32_t max_aliases)
{
	if (st->limit[node] == max_aliases)
		return;
	st->limit[node] = max_aliases;
	state_tell(st, on_limit, node);
}

void
state_set_row(struct state *st, uint16_t node, const struct alias_row *row)
{
	struct state_alias *a = map_get(st->aliases, row->addr.s_addr);
	struct state_row *r;

	if (!(row->flags & ALIAS_ROW_ROUTES)) {
		if (a != NULL)
			drop_row(st, a, node);
		return;
	}
	if (a == NULL && map_count(st->aliases) >= state_limit(st)) {
		state_tell(st, on_full, row->addr, node);
		return;
	}
	if (a == NULL)
		a = state_add_alias(st, row->addr, 0);
	r = find_row(a, node);
	if (r == NULL)
		r = state_add_row(a, node);
	r->flags = row->flags;
	r->selw = row->selw;
	r->selp = row->selp;
	r->rpri = row->rpri;
	r->prefixlen = row->prefixlen;
	if (row->name[0] != '\0')
		memcpy(a->name, row->name, sizeof(a->name));
	state_touch_alias(st, a);
}

void
state_set_silent(struct state *st, struct in_addr addr, uint16_t node)
{
	struct state_alias *a = map_get(st->aliases, addr.s_addr);
	struct state_row *r = a == NULL ? NULL : find_row(a, node);

	if (r == NULL || (r->flags & ALIAS_ROW_SILENT))
		return;
	r->flags |= ALIAS_ROW_SILENT;
	state_touch_alias(st, a);
}

static void
add_listener(struct state *st, uint16_t node, const struct alias_listen *l)
{
	uint64_t key = state_port_key(l->proto, l->port_h);
	struct port *p = map_get(st->ports, key);
	size_t i;

	if (p == NULL) {
		p = mem_zalloc(sizeof(*p));
		p->proto = l->proto;
		p->port_h = l->port_h;
		map_put(st->ports, key, p);
	}
	for (i = 0; i < p->n; i++) {
		if (p->l[i].node == node && p->l[i].bound.s_addr == l->bound.s_addr)
			return;
	}
	p->l = mem_grow(p->l, p->n + 1, sizeof(*p->l));
	p->l[p->n].node = node;
	p->l[p->n++].bound = l->bound;
	state_touch_port(st, p);
}

static void
drop_listener_at(struct state *st, struct port *p, size_t i)
{
	p->n--;
	memmove(&p->l[i], &p->l[i + 1], (p->n - i) * sizeof(*p->l));
	state_touch_port(st, p);
}

void
state_set_listen(struct state *st, uint16_t node, const struct alias_listen *l)
{
	struct port *p;
	size_t i;

	if (l->add) {
		add_listener(st, node, l);
		return;
	}
	p = map_get(st->ports, state_port_key(l->proto, l->port_h));
	for (i = 0; p != NULL && i < p->n; i++) {
		if (p->l[i].node == node && p->l[i].bound.s_addr == l->bound.s_addr) {
			drop_listener_at(st, p, i);
			return;
		}
	}
}

static void
touch_port_one(uint64_t key, void *value, void *arg)
{
	state_touch_port(arg, value);
}

void
state_set_services(struct state *st, struct alias_msg *m)
{
	struct alias_svc s, *copy;

	if (m->initial && st->svc_version != 0)
		return;
	map_clear(st->svc, free);
	while (alias_msg_next_svc(m, &s)) {
		uint64_t key = state_port_key(s.proto, s.port_h);

		copy = map_get(st->svc, key);
		if (copy == NULL) {
			copy = mem_zalloc(sizeof(*copy));
			map_put(st->svc, key, copy);
		}
		*copy = s;
	}
	st->svc_version++;
	st->svc_changed = true;
	map_each(st->ports, touch_port_one, st);
}

struct drop {
	struct state *st;
	uint16_t node;
};

static void
drop_alias_rows(uint64_t key, void *value, void *arg)
{
	struct drop *d = arg;

	drop_row(d->st, value, d->node);
}

static void
drop_port_listeners(uint64_t key, void *value, void *arg)
{
	struct drop *d = arg;
	struct port *p = value;
	size_t i = 0;

	while (i < p->n) {
		if (p->l[i].node == d->node)
			drop_listener_at(d->st, p, i);
		else
			i++;
	}
}

void
state_drop_node(struct state *st, uint16_t node)
{
	struct drop d = { .st = st, .node = node };

	map_each(st->aliases, drop_alias_rows, &d);
	map_each(st->ports, drop_port_listeners, &d);
	state_api_drop_node(st, node);
	state_share_left(st, node);
	memset(&st->file[node], 0, sizeof(st->file[node]));
}

static void
free_alias(void *value)
{
	struct state_alias *a = value;

	free(a->rows);
	free(a);
}

static void
free_port(void *value)
{
	struct port *p = value;

	free(p->l);
	free(p);
}

void
state_clear(struct state *st)
{
	map_clear(st->ids, NULL);
	map_clear(st->aliases, free_alias);
	map_clear(st->ports, free_port);
	map_clear(st->services, state_free_service);
	map_clear(st->svc, free);
	map_clear(st->api, state_free_reg);
	free(st->done);
	st->done = NULL;
	st->ndone = 0;
	st->max_id = 0;
	st->low_id = 1;
	st->svc_version = 0;
	st->svc_changed = false;
	memset(&st->shares, 0, sizeof(st->shares));
	memset(st->file, 0, sizeof(st->file));
	st->ndirty_aliases = st->ndirty_ports = 0;
	state_forget_owed(st);
}

/* Whoever cannot answer clients gets none, as if drained, unless nobody can. */
static void
pass_over_cut_off(const struct state_alias *a, struct sel_candidate *c, size_t n)
{
	bool any = false;
	size_t i;

	for (i = 0; i < n; i++)
		any |= c[i].selw > 0 && !(find_row(a, c[i].node)->flags & ALIAS_ROW_CUT_OFF);
	for (i = 0; any && i < n; i++) {
		if (find_row(a, c[i].node)->flags & ALIAS_ROW_CUT_OFF)
			c[i].selw = 0;
	}
}

/* One candidate a member, however many addresses it listens on. */
size_t
state_candidates(const struct state_alias *a, const struct port *p, struct sel_candidate *out)
{
	size_t i, j, n = 0;

	for (i = 0; i < p->n; i++) {
		const struct state_row *r = find_row(a, p->l[i].node);

		if (r == NULL || !(r->flags & ALIAS_ROW_JOINED) ||
		    (p->l[i].bound.s_addr != INADDR_ANY && p->l[i].bound.s_addr != a->addr.s_addr))
			continue;
		for (j = 0; j < n && out[j].node != r->node; j++)
			continue;
		if (j < n)
			continue;
		out[n].node = r->node;
		out[n].selw = r->selw;
		out[n++].selp = r->selp;
	}
	pass_over_cut_off(a, out, n);
	return n;
}

const struct state_row *
state_row(const struct state_alias *a, uint16_t node)
{
	return find_row(a, node);
}
