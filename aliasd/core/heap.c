/* SPDX-License-Identifier: ISC */
#include "aliasd/core/heap.h"

#include <stdlib.h>

#include "aliasd/core/map.h"

static void
put_at(struct heap *h, size_t place, struct heap_item *it)
{
	h->item[place - 1] = it;
	it->place = place;
}

static struct heap_item *
at(const struct heap *h, size_t place)
{
	return h->item[place - 1];
}

static void
sift_up(struct heap *h, struct heap_item *it)
{
	size_t place = it->place;

	for (; place > 1 && at(h, place / 2)->due > it->due; place /= 2)
		put_at(h, place, at(h, place / 2));
	put_at(h, place, it);
}

static void
sift_down(struct heap *h, struct heap_item *it)
{
	size_t place = it->place, child;

	for (; (child = place * 2) <= h->n; place = child) {
		if (child < h->n && at(h, child + 1)->due < at(h, child)->due)
			child++;
		if (at(h, child)->due >= it->due)
			break;
		put_at(h, place, at(h, child));
	}
	put_at(h, place, it);
}

void
heap_clear(struct heap *h)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		h->item[i]->place = 0;
	free(h->item);
	*h = (struct heap){ 0 };
}

void
heap_set(struct heap *h, struct heap_item *it, uint64_t due)
{
	it->due = due;
	if (it->place == 0) {
		if (h->n == h->size) {
			h->size = h->size * 2 + 16;
			h->item = mem_grow(h->item, h->size, sizeof(struct heap_item *));
		}
		put_at(h, ++h->n, it);
	}
	sift_up(h, it);
	sift_down(h, it);
}

void
heap_del(struct heap *h, struct heap_item *it)
{
	struct heap_item *last;

	if (it->place == 0)
		return;
	last = at(h, h->n--);
	if (last != it) {
		put_at(h, it->place, last);
		sift_up(h, last);
		sift_down(h, last);
	}
	it->place = 0;
}

struct heap_item *
heap_first(const struct heap *h)
{
	return h->n == 0 ? NULL : h->item[0];
}

uint64_t
heap_due(const struct heap *h)
{
	return h->n == 0 ? HEAP_NEVER : h->item[0]->due;
}
