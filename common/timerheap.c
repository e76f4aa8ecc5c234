/* SPDX-License-Identifier: ISC */
#include "common/timerheap.h"

#include <stdlib.h>

/* Places count from 1: the children of i are 2i and 2i + 1. */
static struct timerheap_node *
at(const struct timerheap *h, size_t place)
{
	return h->node[place - 1];
}

static void
put(struct timerheap *h, size_t place, struct timerheap_node *n)
{
	h->node[place - 1] = n;
	n->place = place;
}

static bool
before(const struct timerheap_node *a, const struct timerheap_node *b)
{
	return a->when != b->when ? a->when < b->when : a->turn < b->turn;
}

static void
rise(struct timerheap *h, struct timerheap_node *n, size_t place)
{
	for (; place > 1 && before(n, at(h, place / 2)); place /= 2)
		put(h, place, at(h, place / 2));
	put(h, place, n);
}

static void
sink(struct timerheap *h, struct timerheap_node *n, size_t place)
{
	size_t child;

	for (; (child = 2 * place) <= h->n; place = child) {
		if (child < h->n && before(at(h, child + 1), at(h, child)))
			child++;
		if (!before(at(h, child), n))
			break;
		put(h, place, at(h, child));
	}
	put(h, place, n);
}

bool
timerheap_reserve(struct timerheap *h, size_t n)
{
	struct timerheap_node **grown;

	if (n <= h->room)
		return true;
	grown = realloc(h->node, 2 * n * sizeof(struct timerheap_node *));
	if (grown == NULL)
		return false;
	h->node = grown;
	h->room = 2 * n;
	return true;
}

void
timerheap_free(struct timerheap *h)
{
	free(h->node);
}

void
timerheap_cancel(struct timerheap *h, struct timerheap_node *n)
{
	size_t place = n->place;
	struct timerheap_node *last;

	if (place == 0)
		return;
	n->place = 0;
	last = at(h, h->n--);
	if (last == n)
		return;
	if (place > 1 && before(last, at(h, place / 2)))
		rise(h, last, place);
	else
		sink(h, last, place);
}

void
timerheap_set(struct timerheap *h, struct timerheap_node *n, uint64_t when)
{
	timerheap_cancel(h, n);
	n->when = when;
	n->turn = h->turn++;
	rise(h, n, ++h->n);
}

struct timerheap_node *
timerheap_first(const struct timerheap *h)
{
	return h->n == 0 ? NULL : h->node[0];
}
