/* SPDX-License-Identifier: ISC */
#include "gabd/conn.h"

#include <stdio.h>
#include <stdlib.h>

#include "gabd/core_priv.h"

/* Spreads incarnations, so that the connections of two never have the same name. */
static uint64_t
spread(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void
conn_init(struct gab_core *core)
{
	core->conn.peer = core_alloc(core->conf.max_nodes * sizeof(*core->conn.peer));
	core->conn.next_cid = spread(core->conf.inc);
	core->conn.tick_at = core->now + core->conf.alive;
	core->conn.failing_until = CORE_NEVER;
}

void
conn_fini(struct gab_core *core)
{
	free(core->conn.peer);
}

static void
say_hello(struct gab_core *core, unsigned node)
{
	struct conn_peer *p = &core->conn.peer[node];
	struct gab_hello hello = { .cid = p->cid, .peer_cid = p->peer_cid };
	struct gab_set dst = { { 0 } };

	p->told = p->peer_cid;
	gab_hello_encode(core_begin(core, GAB_MSG_HELLO), &hello);
	gab_set_add(&dst, node);
	core_send_unopened(core, &dst);
}

static void
new_cid(struct gab_core *core, struct conn_peer *p)
{
	do
		p->cid = core->conn.next_cid++;
	while (p->cid == 0);
	p->peer_cid = 0;
	p->told = 0;
}

static void
closed(struct gab_core *core, unsigned node)
{
	if (!gab_set_has(&core->conn.open, node))
		return;
	core_trace(core, "connection with node %u closed", node);
	gab_set_del(&core->conn.open, node);
	core_conn_down(core, node);
}

void
conn_peer_up(struct gab_core *core, unsigned node, uint32_t session)
{
	struct conn_peer *p = &core->conn.peer[node];

	if (p->llt_up && p->session == session)
		return;
	if (p->llt_up)
		conn_peer_down(core, node);
	p->llt_up = true;
	p->session = session;
	gab_set_add(&core->conn.up, node);
	new_cid(core, p);
	say_hello(core, node);
}

void
conn_peer_down(struct gab_core *core, unsigned node)
{
	core->conn.peer[node].llt_up = false;
	gab_set_del(&core->conn.up, node);
	closed(core, node);
}

static bool
fell_lately(const struct gab_core *core, const struct conn_peer *p)
{
	return p->fell_at != 0 && core->now < p->fell_at + core->conf.patience;
}

bool
conn_failing(const struct gab_core *core)
{
	unsigned fell = 0;
	bool there = false;

	for (unsigned node = 0; node < core->conf.max_nodes && core->conn.failing_until != CORE_NEVER; node++) {
		const struct conn_peer *p = &core->conn.peer[node];

		if (!fell_lately(core, p))
			continue;
		fell++;
		there = there || p->links > 0;
	}
	return there && fell > 1;
}

void
conn_links(struct gab_core *core, unsigned node, unsigned links)
{
	struct conn_peer *p = &core->conn.peer[node];
	bool fell = links < p->links;

	p->links = links;
	if (!fell)
		return;
	p->fell_at = core->now;
	core->conn.failing_until = core->now + core->conf.patience;
	topo_refresh(core, false);
}

void
conn_reset(struct gab_core *core, unsigned node, const char *why)
{
	if (!gab_set_has(&core->conn.open, node))
		return;
	core->stats.resets++;
	core_note(core, "connection with node %u given up: %s", node, why);
	closed(core, node);
	new_cid(core, &core->conn.peer[node]);
	say_hello(core, node);
}

/* A HELLO of somebody who does not know us yet: a new start of theirs, or they gave us up. */
static void
first_hello(struct gab_core *core, unsigned node, const struct gab_hello *m)
{
	struct conn_peer *p = &core->conn.peer[node];

	if (gab_set_has(&core->conn.open, node) && p->peer_cid != m->cid) {
		closed(core, node);
		new_cid(core, p);
	}
	p->peer_cid = m->cid;
	say_hello(core, node);
}

void
conn_hello(struct gab_core *core, unsigned node, const struct gab_hello *m)
{
	struct conn_peer *p = &core->conn.peer[node];

	if (m->peer_cid == 0) {
		first_hello(core, node, m);
		return;
	}
	if (m->peer_cid != p->cid) {
		core->stats.stale_messages++;
		return;
	}
	if (gab_set_has(&core->conn.open, node)) {
		if (m->cid != p->peer_cid)
			conn_reset(core, node, "it answered twice");
		return;
	}
	p->peer_cid = m->cid;
	if (p->told != m->cid)
		say_hello(core, node);
	p->heard = core->now;
	core_trace(core, "connected with node %u", node);
	gab_set_add(&core->conn.open, node);
	core_conn_up(core, node);
}

void
conn_bye(struct gab_core *core, unsigned node)
{
	closed(core, node);
	new_cid(core, &core->conn.peer[node]);
}

void
conn_forgive(struct gab_core *core, uint64_t late)
{
	GAB_SET_EACH(node, &core->conn.open)
		core->conn.peer[node].heard += late;
}

static void
tick_peer(struct gab_core *core, unsigned node, struct gab_set *silent)
{
	struct conn_peer *p = &core->conn.peer[node];

	if (!gab_set_has(&core->conn.open, node))
		say_hello(core, node);
	else if (core->now >= p->heard + core->conf.dead)
		conn_reset(core, node, "no sign of life");
	else if (core->now >= p->spoke + core->conf.alive)
		gab_set_add(silent, node);
}

void
conn_tick(struct gab_core *core)
{
	struct gab_set silent = { { 0 } };

	if (core->now >= core->conn.failing_until) {
		core->conn.failing_until = CORE_NEVER;
		topo_refresh(core, false);
	}
	if (core->now < core->conn.tick_at)
		return;
	core->conn.tick_at = core->now + core->conf.alive;
	GAB_SET_EACH(node, &core->conn.up)
		tick_peer(core, (unsigned)node, &silent);
	if (gab_set_empty(&silent))
		return;
	core_begin(core, GAB_MSG_ALIVE);
	core_send(core, &silent);
}
