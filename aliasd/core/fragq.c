/* SPDX-License-Identifier: ISC */
#include "aliasd/core/fragq.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "aliasd/core/map.h"

#define OVERHEAD 512 /* of each, at least: many small ones are not free either */

struct held {
	TAILQ_ENTRY(held) next; /* by age */
	struct dp_fragment id;
	uint64_t until;
	size_t len;
	uint8_t frame[];
};

struct fragq {
	fragq_fn *fn;
	void *arg;
	size_t bytes;
	TAILQ_HEAD(held_list, held) all;
};

struct fragq *
fragq_new(fragq_fn *fn, void *arg)
{
	struct fragq *q = mem_zalloc(sizeof(*q));

	q->fn = fn;
	q->arg = arg;
	TAILQ_INIT(&q->all);
	return q;
}

static void
take_out(struct fragq *q, struct held *h)
{
	TAILQ_REMOVE(&q->all, h, next);
	q->bytes -= h->len + OVERHEAD;
}

static void
give_back(struct fragq *q, struct held *h)
{
	take_out(q, h);
	q->fn(h->frame, h->len, q->arg);
	free(h);
}

void
fragq_free(struct fragq *q)
{
	struct held *h;

	if (q == NULL)
		return;
	while ((h = TAILQ_FIRST(&q->all)) != NULL) {
		take_out(q, h);
		free(h);
	}
	free(q);
}

void
fragq_hold(
    struct fragq *q, const struct dp_fragment *id, const uint8_t *frame, size_t len, uint64_t now)
{
	struct held *h;

	if (len > FRAGQ_BYTES - OVERHEAD) {
		q->fn(frame, len, q->arg);
		return;
	}
	while (q->bytes + len + OVERHEAD > FRAGQ_BYTES)
		give_back(q, TAILQ_FIRST(&q->all));
	h = mem_zalloc(sizeof(*h) + len);
	h->id = *id;
	h->until = now + FRAGQ_TIME;
	h->len = len;
	memcpy(h->frame, frame, len);
	TAILQ_INSERT_TAIL(&q->all, h, next);
	q->bytes += len + OVERHEAD;
}

static bool
same(const struct dp_fragment *a, const struct dp_fragment *b)
{
	return a->client.s_addr == b->client.s_addr && a->alias.s_addr == b->alias.s_addr &&
	    a->id == b->id && a->ipproto == b->ipproto;
}

/* There are few at any time, as networks seldom turn the order round. */
void
fragq_release(struct fragq *q, const struct dp_fragment *id)
{
	struct held *h, *next;

	for (h = TAILQ_FIRST(&q->all); h != NULL; h = next) {
		next = TAILQ_NEXT(h, next);
		if (same(&h->id, id))
			give_back(q, h);
	}
}

uint64_t
fragq_run(struct fragq *q, uint64_t now)
{
	struct held *h;

	while ((h = TAILQ_FIRST(&q->all)) != NULL && h->until <= now)
		give_back(q, h);
	return h == NULL ? FRAGQ_NEVER : h->until;
}

size_t
fragq_bytes(const struct fragq *q)
{
	return q->bytes;
}
