/* SPDX-License-Identifier: ISC */
/* Questions to the replicated state. */
#include <stdlib.h>
#include <string.h>

#include "aliasd/state/state_priv.h"

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
