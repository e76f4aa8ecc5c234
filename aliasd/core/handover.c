/* SPDX-License-Identifier: ISC */
#include "aliasd/core/handover.h"

#include <stdlib.h>

#include "aliasd/core/heap.h"
#include "aliasd/core/map.h"
#include "common/clock.h"
#include "common/llthosts.h"

#define ASK_EVERY (60 * NSEC_PER_MSEC)
/* A few of its aliases speak for a node: it answers for all or for none. */
#define SPEAKERS 4

struct entry {
	struct heap_item item; /* first */
	struct in_addr addr;
	uint16_t node;
	uint64_t end;
};

struct handover {
	const struct handover_ops *ops;
	void *arg;
	struct map *map;
	struct heap heap;
	size_t waiting[LLT_MAX_NODES];
};

struct handover *
handover_new(const struct handover_ops *ops, void *arg)
{
	struct handover *h = mem_zalloc(sizeof(*h));

	h->ops = ops;
	h->arg = arg;
	h->map = map_new();
	return h;
}

void
handover_free(struct handover *h)
{
	if (h == NULL)
		return;
	heap_clear(&h->heap);
	map_free(h->map, free);
	free(h);
}

void
handover_wait(
    struct handover *h, struct in_addr addr, uint16_t node, uint64_t longest_ns, uint64_t now)
{
	struct entry *e;

	if (node >= LLT_MAX_NODES)
		return;
	handover_drop(h, addr);
	e = mem_zalloc(sizeof(*e));
	e->addr = addr;
	e->node = node;
	e->end = now + longest_ns;
	map_put(h->map, addr.s_addr, e);
	heap_set(&h->heap, &e->item, h->waiting[node]++ < SPEAKERS ? now : e->end);
}

static void
forget(struct handover *h, struct entry *e)
{
	h->waiting[e->node]--;
	heap_del(&h->heap, &e->item);
	map_del(h->map, e->addr.s_addr);
	free(e);
}

void
handover_drop(struct handover *h, struct in_addr addr)
{
	struct entry *e = map_get(h->map, addr.s_addr);

	if (e != NULL)
		forget(h, e);
}

void
handover_clear(struct handover *h)
{
	size_t i;

	heap_clear(&h->heap);
	map_clear(h->map, free);
	for (i = 0; i < LLT_MAX_NODES; i++)
		h->waiting[i] = 0;
}

static void
take(struct handover *h, struct entry *e)
{
	struct in_addr addr = e->addr;

	forget(h, e);
	h->ops->take(addr, h->arg);
}

void
handover_released(struct handover *h, struct in_addr addr, uint16_t node)
{
	struct entry *e = map_get(h->map, addr.s_addr);

	if (e != NULL && e->node == node)
		take(h, e);
}

void
handover_gone(struct handover *h, uint16_t node)
{
	size_t i, n;
	uint64_t *key;

	if (node >= LLT_MAX_NODES || h->waiting[node] == 0)
		return;
	key = map_keys(h->map, &n);
	for (i = 0; i < n; i++) {
		struct entry *e = map_get(h->map, key[i]);

		if (e != NULL && e->node == node)
			take(h, e);
	}
	free(key);
}

uint64_t
handover_run(struct handover *h, uint64_t now)
{
	while (heap_due(&h->heap) <= now) {
		struct entry *e = (struct entry *)heap_first(&h->heap);

		if (now >= e->end) {
			take(h, e);
			continue;
		}
		heap_set(&h->heap, &e->item, now + ASK_EVERY < e->end ? now + ASK_EVERY : e->end);
		h->ops->ask(e->addr, e->node, h->arg);
	}
	return heap_due(&h->heap);
}
