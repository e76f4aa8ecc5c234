/* SPDX-License-Identifier: ISC */
/* What follows from the tables: masters, active members, targets. Only what an event touched is redone. */
#include <stdlib.h>
#include <string.h>

#include "aliasd/state/state_priv.h"

void
state_free_service(void *value)
{
	struct service *s = value;

	free(s->targets);
	free(s);
}

/* How fit a member is for master: whether packets reach it at all comes before what priority it has. */
static unsigned
fitness(const struct state *st, const struct state_row *r)
{
	if (!(r->flags & ALIAS_ROW_ATTACHED) || !(st->node[r->node] & NODE_SYNCED))
		return 0;
	/* One that is not heard is better than none: who found so may be the deaf one. */
	if (r->flags & ALIAS_ROW_SILENT)
		return 1;
	return r->flags & ALIAS_ROW_UNPROVEN ? 2 : 3;
}

static void
derive_master(struct state *st, struct state_alias *a)
{
	struct sel_router r[LLT_MAX_NODES];
	unsigned best = 1;
	size_t i;

	for (i = 0; i < a->nrows; i++)
		best = fitness(st, &a->rows[i]) > best ? fitness(st, &a->rows[i]) : best;
	for (i = 0; i < a->nrows; i++) {
		r[i].node = a->rows[i].node;
		r[i].rpri = a->rows[i].rpri;
		r[i].eligible = fitness(st, &a->rows[i]) == best;
	}
	a->master = st->quorate ? select_master(r, a->nrows, a->master) : SEL_NO_NODE;
}

static void
drop_service(struct state *st, struct in_addr alias, uint8_t proto, uint16_t port_h)
{
	struct service *s = map_del(st->services, state_service_key(alias, proto, port_h));

	if (s == NULL)
		return;
	state_free_service(s);
	state_tell(st, on_service, alias, proto, port_h);
}

static struct service *
get_service(struct state *st, const struct state_alias *a, const struct port *p)
{
	uint64_t key = state_service_key(a->addr, p->proto, p->port_h);
	struct service *s = map_get(st->services, key);

	if (s != NULL)
		return s;
	s = mem_zalloc(sizeof(*s));
	s->alias = a->addr;
	s->proto = p->proto;
	s->port_h = p->port_h;
	s->active = SEL_NO_NODE;
	map_put(st->services, key, s);
	return s;
}

static bool
same(const struct service *s, uint16_t active, const struct sel_target *t, size_t n)
{
	size_t i;

	if (s->active != active || s->n != n)
		return false;
	for (i = 0; i < n; i++) {
		if (s->targets[i].node != t[i].node || s->targets[i].weight != t[i].weight)
			return false;
	}
	return true;
}

static void
derive_service(struct state *st, const struct state_alias *a, const struct port *p)
{
	struct sel_candidate *c = mem_grow(NULL, p->n, sizeof(*c));
	size_t n = state_candidates(a, p, c);
	struct sel_target *t;
	struct service *s;
	uint16_t active;

	if (n == 0) {
		free(c);
		drop_service(st, a->addr, p->proto, p->port_h);
		return;
	}
	s = get_service(st, a, p);
	t = mem_grow(NULL, n + 1, sizeof(*t));
	n = select_targets(state_attrs(st, p->proto, p->port_h), c, n, s->active, &active, t);
	free(c);
	if (same(s, active, t, n)) {
		free(t);
		return;
	}
	free(s->targets);
	s->targets = t;
	s->n = n;
	s->active = active;
	state_tell(st, on_service, a->addr, p->proto, p->port_h);
}

struct pass {
	struct state *st;
	struct state_alias *alias;
	struct port *port;
};

static void
alias_port(uint64_t key, void *value, void *arg)
{
	struct pass *x = arg;
	struct port *p = value;

	/* A dirty port has its own turn. */
	if (!p->dirty)
		derive_service(x->st, x->alias, p);
}

static void
port_alias(uint64_t key, void *value, void *arg)
{
	struct pass *x = arg;

	derive_service(x->st, value, x->port);
}

static void
drop_alias_service(uint64_t key, void *value, void *arg)
{
	struct pass *x = arg;
	struct port *p = value;

	drop_service(x->st, x->alias->addr, p->proto, p->port_h);
}

static void
remove_alias(struct state *st, struct state_alias *a)
{
	struct pass x = { .st = st, .alias = a };

	map_each(st->ports, drop_alias_service, &x);
	map_del(st->ids, a->id);
	if (a->id < st->low_id)
		st->low_id = a->id;
	map_del(st->aliases, a->addr.s_addr);
	state_tell(st, on_alias_gone, a->addr);
	free(a->rows);
	free(a);
}

static void
derive_aliases(struct state *st, const uint32_t *addr, size_t n)
{
	struct state_alias *a;
	size_t i;

	for (i = 0; i < n; i++) {
		a = map_get(st->aliases, addr[i]);
		a->dirty = false;
		if (a->nrows == 0)
			remove_alias(st, a);
		else
			derive_master(st, a);
	}
	/* Who loses an alias lets go of all of them before it takes up any. */
	for (i = 0; i < n; i++) {
		a = map_get(st->aliases, addr[i]);
		if (a != NULL && a->master != st->self)
			state_tell(st, on_alias, a);
	}
	for (i = 0; i < n; i++) {
		a = map_get(st->aliases, addr[i]);
		if (a != NULL && a->master == st->self)
			state_tell(st, on_alias, a);
	}
	for (i = 0; i < n; i++) {
		struct pass x = { .st = st, .alias = map_get(st->aliases, addr[i]) };

		if (x.alias != NULL)
			map_each(st->ports, alias_port, &x);
	}
}

static void
derive_ports(struct state *st, const uint64_t *key, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct pass x = { .st = st, .port = map_get(st->ports, key[i]) };

		x.port->dirty = false;
		map_each(st->aliases, port_alias, &x);
		if (x.port->n > 0)
			continue;
		map_del(st->ports, key[i]);
		free(x.port->l);
		free(x.port);
	}
}

void
state_derive(struct state *st)
{
	size_t na = st->ndirty_aliases, np = st->ndirty_ports;

	if (st->svc_changed)
		state_tell(st, on_services);
	st->svc_changed = false;
	st->ndirty_aliases = st->ndirty_ports = 0;
	derive_aliases(st, st->dirty_aliases, na);
	derive_ports(st, st->dirty_ports, np);
}

/* ---- questions ---- */

const struct state_alias *
state_alias(const struct state *st, struct in_addr addr)
{
	return map_get(st->aliases, addr.s_addr);
}

size_t
state_alias_count(const struct state *st)
{
	return map_count(st->aliases);
}

struct each {
	void (*fn)(const struct state_alias *, void *arg);
	void *arg;
};

static void
each_one(uint64_t key, void *value, void *arg)
{
	struct each *e = arg;

	e->fn(value, e->arg);
}

void
state_each_alias(const struct state *st, void (*fn)(const struct state_alias *, void *arg), void *arg)
{
	struct each e = { .fn = fn, .arg = arg };

	map_each(st->aliases, each_one, &e);
}

void
state_each_alias_by_id(
    const struct state *st, void (*fn)(const struct state_alias *, void *arg), void *arg)
{
	size_t i, n;
	uint64_t *id = map_keys(st->ids, &n);

	for (i = 0; i < n; i++)
		fn(map_get(st->ids, id[i]), arg);
	free(id);
}

const struct state_alias *
state_alias_after(const struct state *st, uint32_t id)
{
	const struct state_alias *a = NULL;

	while (a == NULL && id < st->max_id)
		a = map_get(st->ids, ++id);
	return a;
}

void
state_each_service(const struct state *st, struct in_addr alias,
    void (*fn)(uint8_t proto, uint16_t port_h, void *arg), void *arg)
{
	size_t i, n;
	uint64_t *key = map_keys(st->ports, &n);

	for (i = 0; i < n; i++) {
		uint8_t proto = (uint8_t)(key[i] >> 16);
		uint16_t port_h = (uint16_t)key[i];

		if (map_get(st->services, state_service_key(alias, proto, port_h)) != NULL)
			fn(proto, port_h, arg);
	}
	free(key);
}

const struct alias_svc *
state_svc(const struct state *st, uint8_t proto, uint16_t port_h)
{
	const struct alias_svc *file = map_get(st->svc, state_port_key(proto, port_h));
	const struct reg *g = file == NULL ? state_reg(st, proto, port_h) : NULL;

	return g != NULL && !g->choosing ? &g->svc : file;
}

uint16_t
state_attrs(const struct state *st, uint8_t proto, uint16_t port_h)
{
	const struct alias_svc *s = state_svc(st, proto, port_h);
	uint16_t attrs = s == NULL ? 0 : s->attrs;

	if (!(attrs & (ALIAS_IN_MULTI | ALIAS_IN_NOALIAS)))
		attrs |= ALIAS_IN_SINGLE;
	return attrs;
}

static int
by_port(const void *a, const void *b)
{
	const struct alias_svc *x = a, *y = b;

	return x->proto != y->proto ? (int)x->proto - (int)y->proto : (int)x->port_h - (int)y->port_h;
}

struct alias_svc *
state_svc_table(const struct state *st, size_t *n)
{
	size_t i, nfile, nreg;
	uint64_t *file = map_keys(st->svc, &nfile), *reg = map_keys(st->api, &nreg);
	struct alias_svc *out = mem_grow(NULL, nfile + nreg + 1, sizeof(*out));

	*n = 0;
	for (i = 0; i < nfile; i++)
		out[(*n)++] = *(const struct alias_svc *)map_get(st->svc, file[i]);
	for (i = 0; i < nreg; i++) {
		const struct reg *g = map_get(st->api, reg[i]);

		if (!g->choosing && map_get(st->svc, reg[i]) == NULL)
			out[(*n)++] = g->svc;
	}
	free(file);
	free(reg);
	qsort(out, *n, sizeof(*out), by_port);
	return out;
}

uint32_t
state_svc_version(const struct state *st)
{
	return st->svc_version;
}

uint16_t
state_active(const struct state *st, struct in_addr alias, uint8_t proto, uint16_t port_h)
{
	const struct service *s = map_get(st->services, state_service_key(alias, proto, port_h));

	return s == NULL ? SEL_NO_NODE : s->active;
}

/* NULL if nobody listens there; the caller frees. */
static struct sel_candidate *
candidates(const struct state *st, struct in_addr alias, uint8_t proto, uint16_t port_h, size_t *n)
{
	const struct state_alias *a = state_alias(st, alias);
	const struct port *p = map_get(st->ports, state_port_key(proto, port_h));
	struct sel_candidate *c;

	*n = 0;
	if (a == NULL || p == NULL)
		return NULL;
	c = mem_grow(NULL, p->n, sizeof(*c));
	*n = state_candidates(a, p, c);
	return c;
}

size_t
state_listeners(
    const struct state *st, struct in_addr alias, uint8_t proto, uint16_t port_h, uint16_t *out)
{
	size_t i, n;
	struct sel_candidate *c = candidates(st, alias, proto, port_h, &n);

	for (i = 0; i < n; i++)
		out[i] = c[i].node;
	free(c);
	return n;
}

size_t
state_targets(const struct state *st, struct in_addr alias, uint8_t proto, uint16_t port_h,
    bool (*usable)(uint16_t node, void *arg), void *arg, struct sel_target *out)
{
	const struct service *s = map_get(st->services, state_service_key(alias, proto, port_h));
	uint16_t attrs = state_attrs(st, proto, port_h), active;
	struct sel_candidate *c;
	size_t i, n, kept = 0;

	if (s == NULL)
		return 0;
	if (usable == NULL || !(attrs & ALIAS_IN_MULTI)) {
		memcpy(out, s->targets, s->n * sizeof(*out));
		return s->n;
	}
	c = candidates(st, alias, proto, port_h, &n);
	for (i = 0; i < n; i++) {
		if (usable(c[i].node, arg))
			c[kept++] = c[i];
	}
	n = select_targets(attrs, c, kept, s->active, &active, out);
	free(c);
	return n;
}
