/* SPDX-License-Identifier: ISC */
#include "aliasd/core/hookq.h"

#include <stdlib.h>

#include "aliasd/core/map.h"

const char *const hook_event_word[HOOK_EVENTS + 2] = { "master", "backup", "member_up", "member_down",
	"service_active", "service_inactive", "quorum", "no_quorum", "conflict", "conflict_over", "any",
	NULL };

struct hookq {
	struct hook_item *ring;
	size_t size, max, first, n;
	struct map *latest; /* what it is about -> its last place + 1, counted from the first ever */
	uint64_t taken;     /* places that were given back */
	size_t coalesced, dropped;
};

struct hookq *
hookq_new(size_t max)
{
	struct hookq *q = mem_zalloc(sizeof(*q));

	q->max = max;
	q->latest = map_new();
	return q;
}

void
hookq_clear(struct hookq *q)
{
	q->taken += q->n;
	q->first = q->n = 0;
	map_clear(q->latest, NULL);
}

void
hookq_free(struct hookq *q)
{
	if (q == NULL)
		return;
	map_free(q->latest, NULL);
	free(q->ring);
	free(q);
}

/* Master and backup of an alias are about the same thing: the later one is true. */
static uint64_t
about(const struct hook_item *i)
{
	uint64_t key = (uint64_t)(i->event / 2) << 16 | i->hook;

	key = key * 0x9e3779b97f4a7c15ull + i->addr.s_addr;
	key = key * 0x9e3779b97f4a7c15ull + ((uint32_t)i->proto << 16 | i->port_h);
	return key * 0x9e3779b97f4a7c15ull + i->node;
}

static void
grow(struct hookq *q)
{
	size_t size = q->size == 0 ? 64 : q->size * 2, i;
	struct hook_item *ring = mem_grow(NULL, size, sizeof(*ring));

	for (i = 0; i < q->n; i++)
		ring[i] = q->ring[(q->first + i) % q->size];
	free(q->ring);
	q->ring = ring;
	q->size = size;
	q->first = 0;
}

/* In the place of the older one: what comes in between was there before either. */
static bool
coalesce(struct hookq *q, const struct hook_item *i)
{
	uint64_t place = (uint64_t)(uintptr_t)map_get(q->latest, about(i));

	if (place == 0 || place - 1 < q->taken)
		return false;
	q->ring[(q->first + (size_t)(place - 1 - q->taken)) % q->size] = *i;
	return true;
}

void
hookq_put(struct hookq *q, const struct hook_item *i)
{
	if (q->n >= q->max) {
		if (coalesce(q, i))
			q->coalesced++;
		else
			q->dropped++;
		return;
	}
	if (q->n == q->size)
		grow(q);
	q->ring[(q->first + q->n) % q->size] = *i;
	q->n++;
	map_put(q->latest, about(i), (void *)(uintptr_t)(q->taken + q->n));
}

bool
hookq_get(struct hookq *q, struct hook_item *out)
{
	uint64_t key;

	if (q->n == 0)
		return false;
	*out = q->ring[q->first];
	q->first = (q->first + 1) % q->size;
	q->n--;
	q->taken++;
	key = about(out);
	if ((uint64_t)(uintptr_t)map_get(q->latest, key) <= q->taken)
		map_del(q->latest, key);
	return true;
}

size_t
hookq_count(const struct hookq *q)
{
	return q->n;
}

static size_t
take(size_t *n)
{
	size_t was = *n;

	*n = 0;
	return was;
}

size_t
hookq_coalesced(struct hookq *q)
{
	return take(&q->coalesced);
}

size_t
hookq_dropped(struct hookq *q)
{
	return take(&q->dropped);
}
