/* SPDX-License-Identifier: ISC */
#include "aliasd/core/listen.h"

#include <stdlib.h>

#include "aliasd/core/map.h"

struct place {
	uint8_t proto;
	uint16_t port_h;
	struct in_addr bound;
	unsigned sockets, counted; /* counted: in the dump that is going on */
	bool told;
};

struct listen_table {
	struct map *map;
};

struct listen_table *
listen_new(void)
{
	struct listen_table *t = mem_zalloc(sizeof(*t));

	t->map = map_new();
	return t;
}

void
listen_free(struct listen_table *t)
{
	if (t == NULL)
		return;
	map_free(t->map, free);
	free(t);
}

static uint64_t
place_key(uint8_t proto, uint16_t port_h, struct in_addr bound)
{
	return (uint64_t)bound.s_addr << 32 | (uint64_t)proto << 16 | port_h;
}

static struct place *
get_place(struct listen_table *t, uint8_t proto, uint16_t port_h, struct in_addr bound)
{
	uint64_t key = place_key(proto, port_h, bound);
	struct place *p = map_get(t->map, key);

	if (p != NULL)
		return p;
	p = mem_zalloc(sizeof(*p));
	p->proto = proto;
	p->port_h = port_h;
	p->bound = bound;
	map_put(t->map, key, p);
	return p;
}

unsigned
listen_event(
    struct listen_table *t, bool add, uint8_t proto, uint16_t port_h, struct in_addr bound)
{
	struct place *p = get_place(t, proto, port_h, bound);

	if (add)
		p->sockets++;
	else if (p->sockets > 0)
		p->sockets--;
	return p->sockets;
}

bool
listen_has(const struct listen_table *t, uint8_t proto, uint16_t port_h, struct in_addr bound)
{
	const struct place *p = map_get(t->map, place_key(proto, port_h, bound));

	return p != NULL && p->sockets > 0;
}

struct pass {
	struct listen_table *t;
	uint8_t proto;
};

static void
begin_one(uint64_t key, void *value, void *arg)
{
	((struct place *)value)->counted = 0;
}

void
listen_dump_begin(struct listen_table *t, uint8_t proto)
{
	map_each(t->map, begin_one, NULL);
}

void
listen_dump_socket(struct listen_table *t, uint8_t proto, uint16_t port_h, struct in_addr bound)
{
	get_place(t, proto, port_h, bound)->counted++;
}

static void
end_one(uint64_t key, void *value, void *arg)
{
	struct place *p = value;
	struct pass *x = arg;

	if (p->proto == x->proto)
		p->sockets = p->counted;
}

void
listen_dump_end(struct listen_table *t, uint8_t proto)
{
	struct pass x = { .t = t, .proto = proto };

	map_each(t->map, end_one, &x);
}

void
listen_flush(struct listen_table *t, bool (*is_alias)(struct in_addr, void *),
    void (*emit)(const struct alias_listen *, void *), void *arg)
{
	size_t i, n;
	uint64_t *key = map_keys(t->map, &n);

	for (i = 0; i < n; i++) {
		struct place *p = map_get(t->map, key[i]);
		bool wanted = p->sockets > 0 &&
		    (p->bound.s_addr == INADDR_ANY || is_alias(p->bound, arg));
		struct alias_listen l = { .add = wanted, .proto = p->proto, .port_h = p->port_h,
			.bound = p->bound };

		if (wanted != p->told)
			emit(&l, arg);
		p->told = wanted;
		if (p->sockets == 0)
			free(map_del(t->map, key[i]));
	}
	free(key);
}

static void
forget_one(uint64_t key, void *value, void *arg)
{
	((struct place *)value)->told = false;
}

void
listen_forget(struct listen_table *t)
{
	map_each(t->map, forget_one, NULL);
}
