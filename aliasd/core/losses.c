/* SPDX-License-Identifier: ISC */
#include "aliasd/core/losses.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "aliasd/core/map.h"

struct loss {
	TAILQ_ENTRY(loss) next;
	uint16_t host, said_by;
	uint64_t due;
};

struct losses {
	TAILQ_HEAD(, loss) list; /* by time */
};

struct losses *
losses_new(void)
{
	struct losses *l = mem_zalloc(sizeof(*l));

	TAILQ_INIT(&l->list);
	return l;
}

static void
drop(struct losses *l, struct loss *x)
{
	TAILQ_REMOVE(&l->list, x, next);
	free(x);
}

void
losses_free(struct losses *l)
{
	if (l == NULL)
		return;
	while (!TAILQ_EMPTY(&l->list))
		drop(l, TAILQ_FIRST(&l->list));
	free(l);
}

void
losses_add(struct losses *l, uint16_t host, uint16_t said_by, uint64_t due)
{
	struct loss *x;

	TAILQ_FOREACH (x, &l->list, next) {
		if (x->host == host && x->said_by == said_by)
			return;
	}
	x = mem_zalloc(sizeof(*x));
	x->host = host;
	x->said_by = said_by;
	x->due = due;
	TAILQ_INSERT_TAIL(&l->list, x, next);
}

void
losses_forget(struct losses *l, uint16_t node)
{
	struct loss *x, *next;

	for (x = TAILQ_FIRST(&l->list); x != NULL; x = next) {
		next = TAILQ_NEXT(x, next);
		if (x->host == node || x->said_by == node)
			drop(l, x);
	}
}

bool
losses_next(struct losses *l, uint64_t now, uint16_t *host)
{
	struct loss *x = TAILQ_FIRST(&l->list);

	if (x == NULL || x->due > now)
		return false;
	*host = x->host;
	losses_forget(l, *host);
	return true;
}

uint64_t
losses_due(const struct losses *l)
{
	return TAILQ_EMPTY(&l->list) ? LOSSES_NEVER : TAILQ_FIRST(&l->list)->due;
}
