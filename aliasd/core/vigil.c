/* SPDX-License-Identifier: ISC */
#include "aliasd/core/vigil.h"

#include <stdlib.h>

#include "aliasd/core/heap.h"
#include "aliasd/core/map.h"
#include "common/clock.h"

#define AGAIN_AFTER (500 * NSEC_PER_MSEC)
#define OPINIONS_WAIT (800 * NSEC_PER_MSEC)
#define CHECK_MAX (5 * NSEC_PER_SEC) /* a check that nobody ended is forgotten */

enum stage { FIRST, CHECKING, VOTING };

struct entry {
	struct heap_item item; /* first */
	struct in_addr addr;
	uint16_t master;
	enum stage stage;
	size_t asked, unheard;
};

struct vigil {
	const struct vigil_ops *ops;
	void *arg;
	struct map *map;
	struct heap heap;
};

uint16_t
vigil_choose(uint16_t master, const uint16_t *attached, size_t n)
{
	uint16_t lowest = master;
	size_t i;

	for (i = 0; i < n; i++) {
		if (attached[i] > master)
			return attached[i];
		if (attached[i] != master && lowest == master)
			lowest = attached[i];
	}
	return lowest;
}

struct vigil *
vigil_new(const struct vigil_ops *ops, void *arg)
{
	struct vigil *p = mem_zalloc(sizeof(*p));

	p->ops = ops;
	p->arg = arg;
	p->map = map_new();
	return p;
}

void
vigil_clear(struct vigil *p)
{
	heap_clear(&p->heap);
	map_clear(p->map, free);
}

void
vigil_free(struct vigil *p)
{
	if (p == NULL)
		return;
	vigil_clear(p);
	map_free(p->map, free);
	free(p);
}

void
vigil_drop(struct vigil *p, struct in_addr addr)
{
	struct entry *e = map_del(p->map, addr.s_addr);

	if (e == NULL)
		return;
	heap_del(&p->heap, &e->item);
	free(e);
}

static void
doubt(struct vigil *p, struct in_addr addr, uint16_t master, uint64_t now)
{
	struct entry *e = mem_zalloc(sizeof(*e));

	e->addr = addr;
	e->master = master;
	map_put(p->map, addr.s_addr, e);
	heap_set(&p->heap, &e->item, now + AGAIN_AFTER);
	p->ops->announce(addr, master, p->arg);
}

static void
decide(struct vigil *p, struct entry *e)
{
	struct in_addr addr = e->addr;
	uint16_t master = e->master;
	bool sure = e->asked > 0 ? e->unheard * 2 > e->asked : p->ops->hears(p->arg);

	vigil_drop(p, addr);
	if (sure)
		p->ops->mark(addr, master, p->arg);
	else
		p->ops->unsure(addr, master, p->arg);
}

void
vigil_silence(struct vigil *p, struct in_addr addr, uint16_t master, uint64_t now)
{
	struct entry *e = map_get(p->map, addr.s_addr);

	if (e != NULL && e->master != master) {
		vigil_drop(p, addr);
		e = NULL;
	}
	if (e == NULL) {
		doubt(p, addr, master, now);
		return;
	}
	if (e->stage != CHECKING)
		return;
	e->stage = VOTING;
	e->asked = p->ops->opinions(addr, master, p->arg);
	heap_set(&p->heap, &e->item, e->asked == 0 ? now : now + OPINIONS_WAIT);
}

void
vigil_heard(struct vigil *p, struct in_addr addr)
{
	vigil_drop(p, addr);
}

void
vigil_opinion(struct vigil *p, struct in_addr addr, uint16_t master, bool heard, uint64_t now)
{
	struct entry *e = map_get(p->map, addr.s_addr);

	if (e == NULL || e->stage != VOTING || e->master != master)
		return;
	if (heard) {
		vigil_drop(p, addr);
		p->ops->unsure(addr, master, p->arg);
	} else if (++e->unheard == e->asked) {
		heap_set(&p->heap, &e->item, now);
	}
}

uint64_t
vigil_run(struct vigil *p, uint64_t now)
{
	while (heap_due(&p->heap) <= now) {
		struct entry *e = (struct entry *)heap_first(&p->heap);

		switch (e->stage) {
		case FIRST:
			e->stage = CHECKING;
			heap_set(&p->heap, &e->item, now + CHECK_MAX);
			p->ops->check(e->addr, e->master, p->arg);
			break;
		case CHECKING:
			vigil_drop(p, e->addr);
			break;
		case VOTING:
			decide(p, e);
			break;
		}
	}
	return heap_due(&p->heap);
}
