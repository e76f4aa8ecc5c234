/* SPDX-License-Identifier: ISC */
#include "aliasd/garp.h"

#include <stdlib.h>

#include "aliasd/map.h"
#include "common/clock.h"

#define REFRESH (30 * NSEC_PER_SEC)
#define DEFEND (200 * NSEC_PER_MSEC)

/* Pauses after the first announcement. */
static const uint64_t pause_ns[] = { 20 * NSEC_PER_MSEC, 80 * NSEC_PER_MSEC, 200 * NSEC_PER_MSEC,
	300 * NSEC_PER_MSEC, 400 * NSEC_PER_MSEC };
#define PAUSES (sizeof(pause_ns) / sizeof(pause_ns[0]))

struct entry {
	struct in_addr addr;
	unsigned step;
	uint64_t due, defended; /* defended: the last time, 0 = never */
};

struct garp {
	struct map *map;
	uint64_t next; /* no entry is due before */
};

struct garp *
garp_new(void)
{
	struct garp *g = mem_zalloc(sizeof(*g));

	g->map = map_new();
	g->next = GARP_NEVER;
	return g;
}

void
garp_free(struct garp *g)
{
	if (g == NULL)
		return;
	map_free(g->map, free);
	free(g);
}

static void
due_now(struct garp *g, struct entry *e, uint64_t now)
{
	e->step = 0;
	e->due = now;
	if (now < g->next)
		g->next = now;
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
garp_stop(struct garp *g, struct in_addr addr)
{
	free(map_del(g->map, addr.s_addr));
}

void
garp_stop_all(struct garp *g)
{
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
	void (*send)(struct in_addr, void *);
	void *arg;
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
garp_claim(struct garp *g, struct in_addr addr, uint64_t now)
{
	struct entry *e = map_get(g->map, addr.s_addr);

	if (e == NULL || (e->defended != 0 && now - e->defended < DEFEND))
		return false;
	e->defended = now;
	due_now(g, e, now);
	return true;
}

static void
run_one(uint64_t key, void *value, void *arg)
{
	struct entry *e = value;
	struct pass *p = arg;

	if (e->due <= p->now) {
		p->send(e->addr, p->arg);
		e->due = p->now + (e->step < PAUSES ? pause_ns[e->step] : REFRESH);
		e->step++;
	}
	if (e->due < p->g->next)
		p->g->next = e->due;
}

uint64_t
garp_run(struct garp *g, uint64_t now, void (*send)(struct in_addr, void *), void *arg)
{
	struct pass p = { .g = g, .now = now, .send = send, .arg = arg };

	if (now < g->next && map_count(g->map) > 0 && g->next != GARP_NEVER)
		return g->next;
	g->next = GARP_NEVER;
	map_each(g->map, run_one, &p);
	return g->next;
}
