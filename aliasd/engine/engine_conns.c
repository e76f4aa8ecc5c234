/* SPDX-License-Identifier: ISC */
/*
 * The connections of this host, as its kernel lists them: when aliasd begins, when the kernel could not tell of
 * all that begin and end, and those of which it is doubtful whether their clients still have them.
 *
 * What is left of a connection that its client gave up while this host was cut off looks like any other. One
 * lives if the kernel has accepted something from its client since.
 */
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"

#define PROVE_FIRST (200 * NSEC_PER_MSEC)
#define PROVE_MAX (60 * NSEC_PER_SEC)
/* Where there are many sockets a list of them takes its time: a tenth of ours at most. */
#define REST_TIMES 9

struct open_conn {
	struct alias_conn conn;
	bool alive;
};

struct open_conns {
	struct engine *e;
	uint64_t now;
	size_t n, size;
	struct open_conn *conn;
};

static void
remember(struct open_conns *o, const struct alias_conn *c, bool alive)
{
	if (o->n == o->size) {
		o->size = o->size * 2 + 1024;
		o->conn = mem_grow(o->conn, o->size, sizeof(*o->conn));
	}
	o->conn[o->n++] = (struct open_conn){ .conn = *c, .alive = alive };
}

/* The kernel counts in its ticks. */
static bool
is_alive(const struct open_conns *o, uint32_t silent_ms)
{
	uint64_t silent = (silent_ms + 10ull) * NSEC_PER_MSEC;

	return o->e->back_since != 0 && silent < o->now && o->now - silent > o->e->back_since;
}

static void
kernel_has(const struct alias_conn *c, uint32_t silent_ms, void *arg)
{
	struct open_conns *o = arg;
	struct dp_conn d = engine_dp_conn(c);

	if (datapath_is_young(o->e->dp, &d))
		return;
	/* After a restart we may serve aliases that nobody has named to us yet. */
	if (own_get(o->e->own, c->alias) != NULL ||
	    (datapath_resumed(o->e->dp) && local_has(o->e->local, c->alias)))
		remember(o, c, is_alive(o, silent_ms));
}

static bool
list_kernel(struct engine *e, struct open_conns *kernel)
{
	*kernel = (struct open_conns){ .e = e, .now = clock_ns() };
	if (diag_connections(e->diag, kernel_has, kernel) == 0)
		return true;
	log_warn("flow", "cannot list the TCP connections");
	free(kernel->conn);
	return false;
}

static void
table_has(const struct dp_conn *c, uint16_t owner, void *arg)
{
	struct alias_conn conn = engine_conn(c);

	remember(arg, &conn, true);
}

static int
by_bytes(const void *a, const void *b)
{
	const struct open_conn *x = a, *y = b;

	return memcmp(&x->conn, &y->conn, sizeof(x->conn));
}

/* What only the table has. */
static size_t
delete_ended(struct engine *e, const struct open_conns *kernel)
{
	struct open_conns table = { 0 };
	size_t i, changes = 0;

	datapath_each_flow(e->dp, e->self, table_has, &table);
	datapath_each_flow(e->dp, DP_DOUBTED, table_has, &table);
	for (i = 0; i < table.n; i++) {
		if (kernel->n > 0 && bsearch(&table.conn[i], kernel->conn, kernel->n, sizeof(*kernel->conn),
		    by_bytes) != NULL)
			continue;
		engine_flow(e, &table.conn[i].conn, ALIAS_FLOW_DEL, kernel->now);
		changes++;
	}
	free(table.conn);
	return changes;
}

static void
prove_soon(struct engine *e)
{
	e->prove_gap = PROVE_FIRST;
	e->prove_at = clock_ns() + e->prove_gap;
}

size_t
engine_conns_doubt(struct engine *e)
{
	struct open_conns table = { 0 };
	struct dp_conn d;
	size_t i;

	datapath_each_flow(e->dp, e->self, table_has, &table);
	for (i = 0; i < table.n; i++) {
		d = engine_dp_conn(&table.conn[i].conn);
		datapath_set_flow(e->dp, &d, DP_DOUBTED);
	}
	free(table.conn);
	e->back_since = clock_ns();
	prove_soon(e);
	return table.n;
}

/*
 * What only the kernel has. If it is another's, and ours after all, their entry will go, and then a packet
 * finds our socket.
 */
static size_t
add_untold(struct engine *e, const struct open_conns *kernel)
{
	const struct open_conn *c;
	struct dp_conn d;
	size_t alive = 0, doubted = 0;

	for (c = kernel->conn; c < kernel->conn + kernel->n; c++) {
		d = engine_dp_conn(&c->conn);
		if (datapath_flow_owner(e->dp, &d) != DP_NO_NODE || datapath_is_doubted(e->dp, &d))
			continue;
		if (c->alive) {
			engine_flow(e, &c->conn, ALIAS_FLOW_SET, kernel->now);
			alive++;
		} else {
			datapath_set_flow(e->dp, &d, DP_DOUBTED);
			doubted++;
		}
	}
	if (doubted > 0)
		prove_soon(e);
	return alive + doubted;
}

size_t
engine_flows_dump(struct engine *e)
{
	struct open_conns kernel;
	size_t changes;

	if (!list_kernel(e, &kernel))
		return 0;
	if (kernel.n > 0)
		qsort(kernel.conn, kernel.n, sizeof(*kernel.conn), by_bytes);
	changes = delete_ended(e, &kernel) + add_untold(e, &kernel);
	free(kernel.conn);
	return changes;
}

static uint64_t
rested(uint64_t began)
{
	uint64_t now = clock_ns();

	return now + (now - began) * REST_TIMES;
}

static void
relist(struct engine *e)
{
	uint64_t now = clock_ns();
	size_t changes;

	if (e->relist == 0 || now < e->relist_after)
		return;
	e->relist--;
	engine_listen_dump(e, IPPROTO_TCP);
	changes = engine_flows_dump(e);
	e->relist_after = rested(now);
	if (changes > 0)
		log_info("flow", "%zu connections had begun or ended here untold", changes);
}

/* At once, and again at the next tick: the last of those changes may just have been about to happen. */
void
engine_conns_untold(struct engine *e)
{
	e->relist = 2;
	relist(e);
}

static size_t
prove_each(struct engine *e, const struct open_conns *kernel)
{
	const struct open_conn *c;
	struct dp_conn d;
	size_t proven = 0;

	for (c = kernel->conn; c < kernel->conn + kernel->n; c++) {
		d = engine_dp_conn(&c->conn);
		if (!c->alive || !datapath_is_doubted(e->dp, &d))
			continue;
		engine_flow(e, &c->conn, ALIAS_FLOW_SET, kernel->now);
		proven++;
	}
	return proven;
}

/* Again and again, less and less often while nobody says anything: they may be idle, or nobody's. */
static void
prove(struct engine *e)
{
	struct open_conns kernel;
	uint64_t now = clock_ns(), rest;
	size_t proven;

	if (now < e->prove_at || datapath_flow_count(e->dp, DP_DOUBTED) == 0 || !list_kernel(e, &kernel))
		return;
	proven = prove_each(e, &kernel);
	free(kernel.conn);
	if (proven > 0)
		log_debug("flow", "%zu connections have proven that they live", proven);
	e->prove_gap = proven > 0 ? PROVE_FIRST : e->prove_gap * 2;
	if (e->prove_gap > PROVE_MAX)
		e->prove_gap = PROVE_MAX;
	rest = rested(now);
	e->prove_at = now + e->prove_gap > rest ? now + e->prove_gap : rest;
}

void
engine_conns_tick(struct engine *e)
{
	relist(e);
	prove(e);
}
