/* SPDX-License-Identifier: ISC */
#include "aliasd/core/ask.h"

#include <stdlib.h>

#include "aliasd/core/heap.h"
#include "aliasd/core/map.h"
#include "common/clock.h"

#define SENDS_A_TURN 256
#define TURN (2 * NSEC_PER_MSEC)

struct entry {
	struct heap_item item; /* first */
	struct entry *next;    /* of the same address */
	struct ask_question q;
	unsigned left;
	uint64_t gap;
};

struct ask {
	const struct ask_ops *ops;
	void *arg;
	struct map *map; /* address -> the first of its questions */
	struct heap heap;
};

struct ask *
ask_new(const struct ask_ops *ops, void *arg)
{
	struct ask *a = mem_zalloc(sizeof(*a));

	a->ops = ops;
	a->arg = arg;
	a->map = map_new();
	return a;
}

static void
free_list(void *value)
{
	struct entry *e, *next;

	for (e = value; e != NULL; e = next) {
		next = e->next;
		free(e);
	}
}

void
ask_free(struct ask *a)
{
	if (a == NULL)
		return;
	heap_clear(&a->heap);
	map_free(a->map, free_list);
	free(a);
}

static struct entry *
find(const struct ask *a, enum ask_what what, struct in_addr addr, const uint64_t *ref)
{
	struct entry *e;

	for (e = map_get(a->map, addr.s_addr); e != NULL; e = e->next) {
		if (e->q.what == what && (ref == NULL || e->q.ref == *ref))
			return e;
	}
	return NULL;
}

void
ask_start(struct ask *a, const struct ask_question *q, unsigned times, uint64_t gap_ns, uint64_t now)
{
	struct entry *e;

	if (find(a, q->what, q->addr, &q->ref) != NULL)
		return;
	e = mem_zalloc(sizeof(*e));
	e->q = *q;
	e->left = times;
	e->gap = gap_ns;
	e->next = map_get(a->map, q->addr.s_addr);
	map_put(a->map, q->addr.s_addr, e);
	heap_set(&a->heap, &e->item, now);
}

static void
unlink_entry(struct ask *a, struct entry *e)
{
	struct entry *first = map_get(a->map, e->q.addr.s_addr), *p;

	heap_del(&a->heap, &e->item);
	if (first == e && e->next == NULL)
		map_del(a->map, e->q.addr.s_addr);
	else if (first == e)
		map_put(a->map, e->q.addr.s_addr, e->next);
	for (p = first; p != e && p != NULL; p = p->next) {
		if (p->next == e)
			p->next = e->next;
	}
}

void
ask_stop(struct ask *a, enum ask_what what, struct in_addr addr)
{
	struct entry *e;

	while ((e = find(a, what, addr, NULL)) != NULL) {
		unlink_entry(a, e);
		free(e);
	}
}

bool
ask_pending(const struct ask *a, enum ask_what what, struct in_addr addr)
{
	return find(a, what, addr, NULL) != NULL;
}

void
ask_heard(struct ask *a, struct in_addr addr, const uint8_t mac[6], bool direct)
{
	struct ask_question q[8];
	size_t i, n = 0;
	struct entry *e;

	/* The callbacks may change the list: those that are asked now hear of it. */
	for (e = map_get(a->map, addr.s_addr); e != NULL && n < 8; e = e->next)
		q[n++] = e->q;
	for (i = 0; i < n; i++) {
		if (find(a, q[i].what, q[i].addr, &q[i].ref) == NULL ||
		    !a->ops->on_answer(&q[i], mac, direct, a->arg))
			continue;
		e = find(a, q[i].what, q[i].addr, &q[i].ref);
		if (e == NULL)
			continue;
		unlink_entry(a, e);
		free(e);
	}
}

static void
silence(struct ask *a, struct entry *e)
{
	struct ask_question q = e->q;

	unlink_entry(a, e);
	free(e);
	a->ops->on_silence(&q, a->arg);
}

uint64_t
ask_due(const struct ask *a)
{
	return heap_due(&a->heap);
}

uint64_t
ask_run(struct ask *a, uint64_t now)
{
	unsigned sent = 0;

	while (heap_due(&a->heap) <= now) {
		struct entry *e = (struct entry *)heap_first(&a->heap);

		if (e->left == 0) {
			silence(a, e);
			continue;
		}
		if (sent++ == SENDS_A_TURN)
			return now + TURN;
		e->left--;
		heap_set(&a->heap, &e->item, now + e->gap);
		a->ops->send(&e->q, a->arg);
	}
	return heap_due(&a->heap);
}
