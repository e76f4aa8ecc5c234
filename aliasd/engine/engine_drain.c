/* SPDX-License-Identifier: ISC */
/* Members that are given no more connections, and those that they still have. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"

struct rest { /* our connections to one alias */
	struct in_addr addr;
	bool list;
	size_t n, size;
	struct alias_conn *conn; /* if a list is wanted */
};

static void
rest_one(const struct dp_conn *c, uint16_t owner, void *arg)
{
	struct rest *r = arg;

	if (c->alias.s_addr != r->addr.s_addr)
		return;
	if (r->list && r->n == r->size) {
		r->size = r->size * 2 + 256;
		r->conn = mem_grow(r->conn, r->size, sizeof(*r->conn));
	}
	if (r->list)
		r->conn[r->n] = engine_conn(c);
	r->n++;
}

static void
rest_each(struct engine *e, struct rest *r)
{
	datapath_each_flow(e->dp, e->self, rest_one, r);
	if (datapath_flow_count(e->dp, DP_DOUBTED) > 0)
		datapath_each_flow(e->dp, DP_DOUBTED, rest_one, r);
}

size_t
engine_left(struct engine *e, struct in_addr addr)
{
	struct rest r = { .addr = addr };

	if (e->dp != NULL && datapath_alias_flows(e->dp, addr) > 0)
		rest_each(e, &r);
	return r.n;
}

void
engine_drain_set(struct engine *e, const struct alias_ctl_set *s)
{
	struct told *t = map_get(e->told, s->addr.s_addr);
	uint32_t limit = s->opts.leave_limit;

	if (t == NULL || !(s->opts.set & (ALIAS_OPT_JOIN | ALIAS_OPT_LEAVE)))
		return;
	t->leave_until = 0;
	if (s->opts.set & ALIAS_OPT_JOIN)
		return;
	if (limit == ALIAS_LEAVE_NOT_SAID && e->conf->leave_limit != 0)
		limit = e->conf->leave_limit;
	if (limit != ALIAS_LEAVE_NOT_SAID)
		t->leave_until = clock_ns() + limit * NSEC_PER_SEC;
}

bool
engine_draining(struct engine *e, struct in_addr addr, struct alias_ctl_drain *d)
{
	const struct alias_row *r = own_get(e->own, addr);
	const struct told *t = map_get(e->told, addr.s_addr);
	uint64_t now = clock_ns();

	if (t == NULL || !t->here || (r != NULL && (r->flags & ALIAS_ROW_JOINED) && r->selw > 0))
		return false;
	d->left = engine_left(e, addr);
	d->reset_in = ALIAS_LEAVE_NOT_SAID;
	if (t->leave_until != 0)
		d->reset_in = t->leave_until <= now ? 0 :
		    (uint32_t)((t->leave_until - now + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
	return true;
}

/* Their end is told as that of any. */
static void
reset_rest(struct engine *e, struct told *t)
{
	struct rest r = { .addr = t->dp.addr, .list = true };
	struct addr_text text = addr_ip(t->dp.addr);
	size_t i, failed = 0;

	t->leave_until = 0;
	rest_each(e, &r);
	for (i = 0; i < r.n; i++) {
		if (diag_abort(e->diag, &r.conn[i]) < 0 && errno != ENOENT)
			failed++;
	}
	if (r.n > 0)
		log_info("alias", "%s: time to leave is over: %zu connections reset", text.s, r.n - failed);
	if (failed > 0)
		log_warn("alias", "%s: %zu connections cannot be reset, and go on", text.s, failed);
	free(r.conn);
}

static void
drained_one(uint64_t key, void *value, void *arg)
{
	struct engine *e = arg;
	struct told *t = value;

	if (t->here && t->leave_until != 0 && clock_ns() >= t->leave_until)
		reset_rest(e, t);
	if (!t->here)
		return;
	engine_local_address(e, t->dp.addr);
	if (!t->here && state_loaded(e->state) && state_alias(e->state, t->dp.addr) == NULL &&
	    own_get(e->own, t->dp.addr) == NULL)
		engine_alias_gone(e, t->dp.addr);
}

void
engine_drained(struct engine *e)
{
	map_each(e->told, drained_one, e);
}
