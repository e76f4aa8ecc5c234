/* SPDX-License-Identifier: ISC */
#include "aliasd/core/own.h"

#include <stdio.h>
#include <stdlib.h>

#include "aliasd/core/map.h"

struct own {
	struct map *map; /* by address */
};

struct own *
own_new(void)
{
	struct own *o = mem_zalloc(sizeof(*o));

	o->map = map_new();
	return o;
}

void
own_free(struct own *o)
{
	if (o == NULL)
		return;
	map_free(o->map, free);
	free(o);
}

static struct alias_row *
get_row(struct own *o, const struct alias_ctl_set *s)
{
	struct alias_row *r = map_get(o->map, s->addr.s_addr);

	if (r != NULL)
		return r;
	r = mem_zalloc(sizeof(*r));
	r->addr = s->addr;
	r->selw = r->selp = r->rpri = 1;
	map_put(o->map, s->addr.s_addr, r);
	return r;
}

static void
set_flag(struct alias_row *r, uint16_t flag, bool on)
{
	r->flags = (uint16_t)(on ? r->flags | flag : r->flags & ~flag);
}

struct alias_row
own_apply(struct own *o, const struct alias_ctl_set *s, const char *name)
{
	struct alias_row *r = get_row(o, s), copy;
	bool forget = (s->opts.set & ALIAS_OPT_LEAVE) && !(r->flags & ALIAS_ROW_JOINED);

	if (name[0] != '\0')
		snprintf(r->name, sizeof(r->name), "%s", name);
	set_flag(r, ALIAS_ROW_ROUTES, !forget);
	if (s->is_default)
		set_flag(r, ALIAS_ROW_DEFAULT, true);
	if (s->opts.set & (ALIAS_OPT_JOIN | ALIAS_OPT_LEAVE))
		set_flag(r, ALIAS_ROW_JOINED, s->opts.set & ALIAS_OPT_JOIN);
	if (s->opts.set & ALIAS_OPT_VIRTUAL)
		set_flag(r, ALIAS_ROW_VIRTUAL, s->opts.virt);
	if (s->opts.set & ALIAS_OPT_INBOUND)
		set_flag(r, ALIAS_ROW_BALANCE, s->opts.balance);
	if (s->opts.set & ALIAS_OPT_SELW)
		r->selw = s->opts.selw;
	if (s->opts.set & ALIAS_OPT_SELP)
		r->selp = s->opts.selp;
	if (s->opts.set & ALIAS_OPT_RPRI)
		r->rpri = s->opts.rpri;
	if (s->opts.set & ALIAS_OPT_MASK)
		r->prefixlen = s->opts.prefixlen;
	copy = *r;
	if (forget)
		free(map_del(o->map, s->addr.s_addr));
	return copy;
}

struct alias_row *
own_get(struct own *o, struct in_addr addr)
{
	return map_get(o->map, addr.s_addr);
}

void
own_forget(struct own *o, struct in_addr addr)
{
	free(map_del(o->map, addr.s_addr));
}

struct each {
	void (*fn)(struct alias_row *, void *);
	void *arg;
};

static void
each_one(uint64_t key, void *value, void *arg)
{
	struct each *e = arg;

	e->fn(value, e->arg);
}

void
own_each(struct own *o, void (*fn)(struct alias_row *, void *arg), void *arg)
{
	struct each e = { .fn = fn, .arg = arg };

	map_each(o->map, each_one, &e);
}

size_t
own_count(const struct own *o)
{
	return map_count(o->map);
}
