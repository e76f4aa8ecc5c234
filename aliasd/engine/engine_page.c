/* SPDX-License-Identifier: ISC */
/*
 * Long answers: something about every alias, written as fast as the client reads and never for long at a
 * time. An alias that goes meanwhile is left out; one that comes is not in it.
 */
#include <stdlib.h>

#include "aliasd/engine/engine_priv.h"

#define SLICE NSEC_PER_MSEC
#define LOOK_AT_CLOCK 8 /* aliases */
#define QUEUED (256 * 1024)
#define AGAIN (2 * NSEC_PER_MSEC)

static void
collect(const struct state_alias *a, void *arg)
{
	struct page *p = arg;

	p->addr[p->n++] = a->addr;
}

static void
end(struct engine *e, struct page **at, bool finished)
{
	struct page *p = *at;

	*at = p->next;
	if (finished)
		p->ops->end(p);
	if (e->pages == NULL)
		ev_timer_cancel(e->page_timer);
	free(p->addr);
	free(p);
}

/* True when all is written. */
static bool
write_some(struct page *p, uint64_t until)
{
	unsigned i;

	for (i = 1; p->at < p->n; i++) {
		p->alias = state_alias(p->e->state, p->addr[p->at++]);
		if (p->alias != NULL)
			p->ops->alias(p);
		if (ipc_conn_queued(p->conn) > QUEUED || (i % LOOK_AT_CLOCK == 0 && clock_ns() >= until))
			break;
	}
	return p->at == p->n;
}

static void
run(struct engine *e)
{
	uint64_t until = clock_ns() + SLICE;
	struct page **at = &e->pages;
	bool waits = true;

	while (*at != NULL) {
		struct page *p = *at;

		if (ipc_conn_queued(p->conn) <= QUEUED) {
			if (write_some(p, until)) {
				end(e, at, true);
				continue;
			}
			waits = false;
		}
		at = &p->next;
	}
	if (e->pages != NULL)
		ev_timer_set(e->page_timer, waits ? AGAIN : 0);
}

void
engine_page_timer(void *arg)
{
	run(arg);
}

void
engine_page(struct engine *e, struct ipc_conn *conn, uint32_t reqid, const struct page_ops *ops)
{
	struct page *p = mem_zalloc(sizeof(*p));

	p->e = e;
	p->conn = conn;
	p->reqid = reqid;
	p->ops = ops;
	p->addr = mem_grow(NULL, state_alias_count(e->state) + 1, sizeof(*p->addr));
	state_each_alias_by_id(e->state, collect, p);
	p->next = e->pages;
	e->pages = p;
	run(e);
}

void
engine_page_closed(struct engine *e, const struct ipc_conn *conn)
{
	struct page **at = &e->pages;

	while (*at != NULL) {
		if ((*at)->conn == conn)
			end(e, at, false);
		else
			at = &(*at)->next;
	}
}
