/* SPDX-License-Identifier: ISC */
#include "aliasd/core/acd.h"

#include <stdlib.h>
#include <string.h>

#include "aliasd/core/heap.h"
#include "aliasd/core/map.h"
#include "common/clock.h"

#define LOOK_AFTER (5 * NSEC_PER_SEC)

struct entry {
	struct heap_item item; /* first */
	struct acd_conflict c;
};

struct acd {
	struct map *map;
	struct heap heap;
};

struct acd *
acd_new(void)
{
	struct acd *a = mem_zalloc(sizeof(*a));

	a->map = map_new();
	return a;
}

void
acd_free(struct acd *a)
{
	if (a == NULL)
		return;
	heap_clear(&a->heap);
	map_free(a->map, free);
	free(a);
}

bool
acd_note(struct acd *a, const struct acd_conflict *c, uint64_t now)
{
	struct entry *e = map_get(a->map, c->addr.s_addr);
	bool news = e == NULL || memcmp(e->c.mac, c->mac, 6) != 0 || e->c.used != c->used;

	if (e == NULL) {
		e = mem_zalloc(sizeof(*e));
		map_put(a->map, c->addr.s_addr, e);
	}
	e->c = *c;
	heap_set(&a->heap, &e->item, now + LOOK_AFTER);
	return news;
}

bool
acd_clear(struct acd *a, struct in_addr addr)
{
	struct entry *e = map_del(a->map, addr.s_addr);

	if (e == NULL)
		return false;
	heap_del(&a->heap, &e->item);
	free(e);
	return true;
}

void
acd_clear_all(struct acd *a)
{
	heap_clear(&a->heap);
	map_clear(a->map, free);
}

const struct acd_conflict *
acd_get(const struct acd *a, struct in_addr addr)
{
	const struct entry *e = map_get(a->map, addr.s_addr);

	return e == NULL ? NULL : &e->c;
}

struct each {
	void (*fn)(const struct acd_conflict *, void *);
	void *arg;
};

static void
each_one(uint64_t key, void *value, void *arg)
{
	const struct entry *e = value;
	struct each *x = arg;

	x->fn(&e->c, x->arg);
}

void
acd_each(const struct acd *a, void (*fn)(const struct acd_conflict *, void *arg), void *arg)
{
	struct each x = { .fn = fn, .arg = arg };

	map_each(a->map, each_one, &x);
}

uint64_t
acd_run(struct acd *a, uint64_t now, void (*look)(const struct acd_conflict *, void *arg), void *arg)
{
	while (heap_due(&a->heap) <= now) {
		struct entry *e = (struct entry *)heap_first(&a->heap);
		struct acd_conflict c = e->c;

		heap_set(&a->heap, &e->item, now + LOOK_AFTER);
		look(&c, arg);
	}
	return heap_due(&a->heap);
}
