/* SPDX-License-Identifier: ISC */
/* What follows from the tables: masters, active members, targets. Only what an event touched is redone. */
#include <stdlib.h>
#include <string.h>

#include "aliasd/state/state_priv.h"

#define MANY 64 /* aliases that change at once: their order matters */

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
any_port(uint64_t key, void *value, void *arg)
{
	struct pass *x = arg;

	derive_service(x->st, x->alias, value);
}

static void
port_alias(uint64_t key, void *value, void *arg)
{
	struct pass *x = arg;
	struct state_alias *a = value;

	/* Those that changed themselves had all their ports looked at. */
	if (a->pass != x->st->pass)
		derive_service(x->st, a, x->port);
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

/* Masters; what no member has any more goes. Those that are left are moved to the front: how many. */
static size_t
derive_masters(struct state *st, uint32_t *addr, size_t n)
{
	size_t i, kept = 0;

	for (i = 0; i < n; i++) {
		struct state_alias *a = map_get(st->aliases, addr[i]);

		a->dirty = false;
		if (a->nrows == 0) {
			remove_alias(st, a);
			continue;
		}
		derive_master(st, a);
		addr[kept++] = addr[i];
	}
	return kept;
}

/* Moves those for which is() says true to the front. How many they are. */
static size_t
to_front(struct state *st, uint32_t *addr, size_t n, bool (*is)(struct state *, struct in_addr))
{
	struct in_addr a;
	size_t i, first = 0;

	for (i = 0; i < n; i++) {
		a.s_addr = addr[i];
		if (!is(st, a))
			continue;
		addr[i] = addr[first];
		addr[first++] = a.s_addr;
	}
	return first;
}

static bool
is_urgent(struct state *st, struct in_addr addr)
{
	return st->ops->is_urgent != NULL && st->ops->is_urgent(addr, st->arg);
}

static bool
is_not_mine(struct state *st, struct in_addr addr)
{
	const struct state_alias *a = map_get(st->aliases, addr.s_addr);

	return a->master != st->self;
}

/* Who loses aliases lets go of all of them before it takes up any. */
static void
arrange(struct state *st)
{
	struct owed *o = &st->owed;
	size_t first;

	if (o->n == 0)
		return; /* there may be no list yet */
	first = o->n < MANY ? 0 : to_front(st, o->addr, o->n, is_urgent);
	to_front(st, o->addr, first, is_not_mine);
	to_front(st, o->addr + first, o->n - first, is_not_mine);
	if (first == 0)
		return;
	state_work(st, first);
	state_tell(st, on_urgent);
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
state_derive_begin(struct state *st)
{
	struct owed *o = &st->owed;

	if (st->svc_changed)
		state_tell(st, on_services);
	st->svc_changed = false;
	st->pass++;
	*o = (struct owed){ .addr = st->dirty_aliases, .nports = st->ndirty_ports, .port = st->dirty_ports };
	o->n = derive_masters(st, o->addr, st->ndirty_aliases);
	st->ndirty_aliases = st->ndirty_ports = st->dirty_aliases_size = st->dirty_ports_size = 0;
	st->dirty_aliases = NULL;
	st->dirty_ports = NULL;
	arrange(st);
}

void
state_derive(struct state *st)
{
	state_derive_begin(st);
	state_settle(st);
}

void
state_forget_owed(struct state *st)
{
	free(st->owed.addr);
	free(st->owed.port);
	st->owed = (struct owed){ 0 };
}

static void
work_alias(struct state *st, struct state_alias *a)
{
	struct pass x = { .st = st, .alias = a };

	state_tell(st, on_alias, a);
	a->pass = st->pass;
	map_each(st->ports, any_port, &x);
}

bool
state_work(struct state *st, size_t n)
{
	struct owed *o = &st->owed;

	for (; n > 0 && o->at < o->n; n--)
		work_alias(st, map_get(st->aliases, o->addr[o->at++]));
	if (o->at < o->n || n == 0)
		return state_owes(st);
	derive_ports(st, o->port, o->nports);
	state_forget_owed(st);
	return false;
}

bool
state_owes_many(const struct state *st)
{
	return st->owed.n - st->owed.at >= MANY;
}

bool
state_owes(const struct state *st)
{
	return st->owed.at < st->owed.n || st->owed.nports > 0;
}

void
state_settle(struct state *st)
{
	state_work(st, SIZE_MAX);
}
