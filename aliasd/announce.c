/* SPDX-License-Identifier: ISC */
#include "aliasd/announce.h"

#include <stdlib.h>
#include <string.h>

#include "aliasd/map.h"
#include "common/clock.h"
#include "common/llthosts.h"

#define KEEP (2 * NSEC_PER_SEC)

struct entry {
	struct alias_conn conn;
	uint8_t op;
	uint64_t when;
};

struct announce {
	struct entry *ring; /* a power of two of them */
	size_t size;
	uint64_t first, next, end; /* kept from first, not yet sent from next; indices never wrap */
};

struct announce *
announce_new(void)
{
	struct announce *a = mem_zalloc(sizeof(*a));

	a->size = 1024;
	a->ring = mem_grow(NULL, a->size, sizeof(*a->ring));
	return a;
}

void
announce_free(struct announce *a)
{
	if (a == NULL)
		return;
	free(a->ring);
	free(a);
}

static struct entry *
at(const struct announce *a, uint64_t i)
{
	return &a->ring[i & (a->size - 1)];
}

static void
grow(struct announce *a)
{
	struct announce old = *a;
	uint64_t i;

	a->size *= 2;
	a->ring = mem_grow(NULL, a->size, sizeof(*a->ring));
	for (i = old.first; i < old.end; i++)
		*at(a, i) = *at(&old, i);
	free(old.ring);
}

static void
forget_old(struct announce *a, uint64_t now)
{
	while (a->first < a->next && now - at(a, a->first)->when > KEEP)
		a->first++;
}

size_t
announce_add(struct announce *a, const struct alias_conn *c, enum alias_flow_op op, uint64_t now)
{
	struct entry *e;

	forget_old(a, now);
	if (a->end - a->first == a->size)
		grow(a);
	e = at(a, a->end++);
	e->conn = *c;
	e->op = (uint8_t)op;
	e->when = now;
	return (size_t)(a->end - a->next);
}

bool
announce_next(struct announce *a, struct alias_conn *c, uint8_t *op)
{
	const struct entry *e;

	if (a->next == a->end)
		return false;
	e = at(a, a->next++);
	*c = e->conn;
	*op = e->op;
	return true;
}

void
announce_again(struct announce *a, uint64_t now)
{
	forget_old(a, now);
	a->next = a->first;
}

void
announce_clear(struct announce *a)
{
	a->first = a->next = a->end;
}

struct holds {
	bool missing[LLT_MAX_NODES];
	size_t n;
};

struct holds *
holds_new(void)
{
	return mem_zalloc(sizeof(struct holds));
}

void
holds_free(struct holds *h)
{
	free(h);
}

void
holds_expect(struct holds *h, const uint16_t *nodes, size_t n, uint16_t self)
{
	size_t i;

	memset(h, 0, sizeof(*h));
	for (i = 0; i < n; i++) {
		if (nodes[i] == self || nodes[i] >= LLT_MAX_NODES)
			continue;
		h->missing[nodes[i]] = true;
		h->n++;
	}
}

void
holds_end(struct holds *h, uint16_t node)
{
	if (node >= LLT_MAX_NODES || !h->missing[node])
		return;
	h->missing[node] = false;
	h->n--;
}

void
holds_left(struct holds *h, uint16_t node)
{
	holds_end(h, node);
}

bool
holds_all(const struct holds *h)
{
	return h->n == 0;
}
