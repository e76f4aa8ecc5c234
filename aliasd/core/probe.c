/* SPDX-License-Identifier: ISC */
#include "aliasd/core/probe.h"

#include <stddef.h>
#include <stdlib.h>

#include "aliasd/core/map.h"
#include "common/clock.h"

#define FIRST_GAP (10 * NSEC_PER_MSEC)
#define LAST_GAP (30 * NSEC_PER_SEC)

struct iface {
	uint32_t ifindex;
	unsigned tries;
	bool proven;
	uint64_t next, gap;
};

struct probe {
	size_t n;
	struct iface *iface;
};

static struct iface *
find(const struct probe *p, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->iface[i].ifindex == ifindex)
			return &p->iface[i];
	}
	return NULL;
}

struct probe *
probe_new(void)
{
	return mem_zalloc(sizeof(struct probe));
}

void
probe_free(struct probe *p)
{
	if (p == NULL)
		return;
	free(p->iface);
	free(p);
}

void
probe_add(struct probe *p, uint32_t ifindex, uint64_t now)
{
	struct iface *i = find(p, ifindex);

	if (i == NULL) {
		p->iface = mem_grow(p->iface, p->n + 1, sizeof(*p->iface));
		i = &p->iface[p->n++];
	}
	*i = (struct iface){ .ifindex = ifindex, .next = now, .gap = FIRST_GAP };
}

void
probe_del(struct probe *p, uint32_t ifindex)
{
	struct iface *i = find(p, ifindex);

	if (i != NULL)
		*i = p->iface[--p->n];
}

bool
probe_prove(struct probe *p, uint32_t ifindex)
{
	struct iface *i = find(p, ifindex);

	if (i == NULL || i->proven)
		return false;
	i->proven = true;
	return true;
}

bool
probe_is_proven(const struct probe *p, uint32_t ifindex)
{
	const struct iface *i = find(p, ifindex);

	return i != NULL && i->proven;
}

uint64_t
probe_run(struct probe *p, uint64_t now, void (*ask)(uint32_t, unsigned, void *), void *arg)
{
	uint64_t next = 0;
	size_t n;

	for (n = 0; n < p->n; n++) {
		struct iface *i = &p->iface[n];

		if (i->proven)
			continue;
		if (i->next <= now) {
			ask(i->ifindex, i->tries++, arg);
			i->next = now + i->gap;
			i->gap = i->gap * 2 < LAST_GAP ? i->gap * 2 : LAST_GAP;
		}
		if (next == 0 || i->next < next)
			next = i->next;
	}
	return next;
}
