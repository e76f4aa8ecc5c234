/* SPDX-License-Identifier: ISC */
#include "aliasd/core/garp.h"

#include <stdlib.h>

#include "aliasd/core/heap.h"
#include "aliasd/core/map.h"
#include "common/clock.h"

#define REFRESH (30 * NSEC_PER_SEC)
/* Thousands of aliases at once shall leave the network room for others, and us time for other things. */
#define FRAMES_A_TURN 256
#define TURN NSEC_PER_MSEC

#define URGENT 0 /* before all that have a time */

static const uint64_t defend_ns[] = {
	[GARP_MEMBER] = 200 * NSEC_PER_MSEC,
	[GARP_FOREIGN] = 10 * NSEC_PER_SEC,
};

/* Pauses after the first announcement. */
static const uint64_t pause_ns[] = { 20 * NSEC_PER_MSEC, 80 * NSEC_PER_MSEC, 200 * NSEC_PER_MSEC,
	300 * NSEC_PER_MSEC, 400 * NSEC_PER_MSEC };
#define PAUSES (sizeof(pause_ns) / sizeof(pause_ns[0]))

struct entry {
	struct heap_item item; /* first */
	struct in_addr addr;
	unsigned step;
	uint64_t defended; /* the last time, 0 = never */
};

struct garp {
	struct map *map;
	struct heap heap;
};

struct garp *
garp_new(void)
{
	struct garp *g = mem_zalloc(sizeof(*g));

	g->map = map_new();
	return g;
}

void
garp_free(struct garp *g)
{
	if (g == NULL)
		return;
	heap_clear(&g->heap);
	map_free(g->map, free);
	free(g);
}

static void
due_now(struct garp *g, struct entry *e, uint64_t now)
{
	e->step = 0;
	heap_set(&g->heap, &e->item, now);
}

void
garp_start(struct garp *g, struct in_addr addr, uint64_t now)
{
	struct entry *e = map_get(g->map, addr.s_addr);

	if (e == NULL) {
		e = mem_zalloc(sizeof(*e));
		e->addr = addr;
		map_put(g->map, addr.s_addr, e);
	}
	due_now(g, e, now);
}

void
garp_start_urgent(struct garp *g, struct in_addr addr, uint64_t now)
{
	struct entry *e;

	garp_start(g, addr, now);
	e = map_get(g->map, addr.s_addr);
	heap_set(&g->heap, &e->item, URGENT);
}

void
garp_stop(struct garp *g, struct in_addr addr)
{
	struct entry *e = map_del(g->map, addr.s_addr);

	if (e == NULL)
		return;
	heap_del(&g->heap, &e->item);
	free(e);
}

void
garp_stop_all(struct garp *g)
{
	heap_clear(&g->heap);
	map_clear(g->map, free);
}

bool
garp_has(const struct garp *g, struct in_addr addr)
{
	return map_get(g->map, addr.s_addr) != NULL;
}

struct pass {
	struct garp *g;
	uint64_t now;
};

static void
restart_one(uint64_t key, void *value, void *arg)
{
	struct pass *p = arg;

	due_now(p->g, value, p->now);
}

void
garp_restart_all(struct garp *g, uint64_t now)
{
	struct pass p = { .g = g, .now = now };

	map_each(g->map, restart_one, &p);
}

bool
garp_claim(struct garp *g, struct in_addr addr, enum garp_rival rival, uint64_t now)
{
	struct entry *e = map_get(g->map, addr.s_addr);
	uint64_t next;

	if (e == NULL)
		return false;
	next = e->defended + defend_ns[rival];
	if (e->defended != 0 && now < next) {
		if (next < e->item.due)
			heap_set(&g->heap, &e->item, next);
		return false;
	}
	e->defended = now;
	/* To a member the whole row of announcements: one of them may be lost. */
	if (rival == GARP_MEMBER)
		e->step = 0;
	heap_set(&g->heap, &e->item, now);
	return true;
}

uint64_t
garp_run(struct garp *g, uint64_t now, garp_send *send, void *arg)
{
	unsigned frames = 0;

	while (heap_due(&g->heap) <= now) {
		struct entry *e = (struct entry *)heap_first(&g->heap);
		bool both = e->step > 0 || e->item.due == URGENT;

		if (frames >= FRAMES_A_TURN)
			return now + TURN;
		heap_set(&g->heap, &e->item, now + (e->step < PAUSES ? pause_ns[e->step] : REFRESH));
		e->step++;
		frames += both ? 2 : 1;
		send(e->addr, both, arg);
	}
	return heap_due(&g->heap);
}
