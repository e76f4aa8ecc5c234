/* SPDX-License-Identifier: ISC */
/*
 * From "the state says that we are master" to answering ARP. An alias that no member used before is
 * looked for on the LAN first: it may be a foreign host's. One that another member was master of is
 * taken when that one does not answer any more, so that no client ever gets two answers.
 */
#include <arpa/inet.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"

#define TAKEOVER_ASKS 3
#define TAKEOVER_GAP (15 * NSEC_PER_MSEC)
/* The packet program of one that hangs or was killed answers no longer than ENGINE_MASTER_FOR. */
#define TAKEOVER_WAIT (ENGINE_MASTER_FOR + ENGINE_MASTER_FOR / 10)

static struct told *
get(struct engine *e, struct in_addr addr)
{
	return map_get(e->told, addr.s_addr);
}

static void
be_master(struct engine *e, struct told *t)
{
	const struct state_alias *a = state_alias(e->state, t->dp.addr);

	t->phase = TOLD_MASTER;
	t->used = true;
	engine_tell_alias(e, t);
	if (a != NULL)
		engine_inbound_alias(e, a); /* the clients of who is gone */
}

static bool
may_still_answer(const struct engine *e, const struct told *t, uint16_t former)
{
	if (former == SEL_NO_NODE || former == e->self || former == t->free_from)
		return false;
	return state_is_member(e->state, former) || e->open[former];
}

/*
 * Its aliasd is away, its packet program is not yet. Who is master next may be so for a moment only, not
 * long enough to find out that nobody answers any more: that falls to the one after it.
 */
static void
note_former(struct engine *e, struct told *t, uint16_t former)
{
	if (may_still_answer(e, t, former) && !state_is_member(e->state, former))
		formers_add(&t->formers, former, clock_ns() + TAKEOVER_WAIT);
}

/* Who still answers of those that were masters before the former one, or FORMERS_NONE. */
static uint16_t
one_before(const struct engine *e, struct told *t)
{
	uint16_t node;

	while ((node = formers_last(&t->formers, clock_ns())) != FORMERS_NONE && !e->open[node])
		formers_del(&t->formers, node);
	return node;
}

static void
wait_for(struct engine *e, struct told *t, uint16_t former)
{
	t->phase = TOLD_WAITING;
	t->waits_for = former;
	handover_wait(e->handover, t->dp.addr, former, TAKEOVER_WAIT, clock_ns());
	engine_arp_soon(e);
}

/* Alone, and without a LAN until now: others may be there, whom we do not see yet. */
static bool
may_be_late(const struct engine *e, uint16_t former)
{
	const uint16_t *members;

	return former == SEL_NO_NODE && state_members(e->state, &members) == 1;
}

static void
begin(struct engine *e, struct told *t, uint16_t former)
{
	uint16_t before = one_before(e, t);

	if (!may_still_answer(e, t, former) && before != FORMERS_NONE)
		former = before;
	if (!t->used || may_be_late(e, former)) {
		struct ask_question q = { .what = ASK_NEW, .addr = t->dp.addr };

		t->phase = TOLD_PROBING;
		ask_start(e->ask, &q, ENGINE_PROBES, ENGINE_PROBE_GAP, clock_ns());
		engine_arp_soon(e);
	} else if (may_still_answer(e, t, former)) {
		wait_for(e, t, former);
	} else {
		be_master(e, t);
	}
}

static void
stop(struct engine *e, struct told *t)
{
	/* Whom we wait for has not let go: we have nothing to release, nor can we begin without it. */
	if (t->phase == TOLD_WAITING) {
		formers_add(&t->formers, t->waits_for, clock_ns() + TAKEOVER_WAIT);
		t->waited = true;
	}
	handover_drop(e->handover, t->dp.addr);
	ask_stop(e->ask, ASK_NEW, t->dp.addr);
	t->phase = TOLD_IDLE;
}

/* The next master waits for this. */
static void
release(struct engine *e, struct told *t, uint16_t next)
{
	struct alias_arp item = { .op = ALIAS_ARP_RELEASED, .alias = t->dp.addr };

	if (next != SEL_NO_NODE && state_is_member(e->state, next))
		engine_send_arp(e, next, &item);
}

void
engine_master(struct engine *e, struct told *t, uint16_t master, bool attached)
{
	uint16_t former = t->last;
	bool mine = master == e->self && attached;

	if (former != master)
		note_former(e, t, former);
	if (master != SEL_NO_NODE && master != e->self)
		t->used = true;
	if (mine && t->phase == TOLD_IDLE)
		begin(e, t, former);
	else if (!mine)
		stop(e, t);
	engine_tell_alias(e, t);
	if (former != master) {
		t->last = master;
		t->free_from = SEL_NO_NODE;
		if (former == e->self && !t->waited)
			release(e, t, master);
		t->waited = false;
	}
}

void
engine_not_master(struct engine *e, struct told *t)
{
	stop(e, t);
	t->last = t->free_from = SEL_NO_NODE;
	engine_tell_alias(e, t);
}

struct retire {
	struct engine *e;
	uint16_t to;
};

static void
retire_one(uint64_t key, void *value, void *arg)
{
	struct retire *r = arg;
	struct told *t = value;

	if (t->retired)
		release(r->e, t, r->to);
}

static void
mark_retired(uint64_t key, void *value, void *arg)
{
	struct told *t = value;

	t->retired = t->dp.master;
}

/* In the order of messages this comes before the view without us. */
void
engine_retire(struct engine *e)
{
	struct retire r = { .e = e };
	const uint16_t *ids;
	size_t i, n;

	map_each(e->told, mark_retired, e);
	engine_step_down(e);
	n = state_members(e->state, &ids);
	for (i = 0; i < n && e->group != NULL; i++) {
		r.to = ids[i];
		if (ids[i] != e->self)
			map_each(e->told, retire_one, &r);
	}
	engine_flush_arp(e);
}

/* ---- what the LAN and the others say ---- */

void
engine_not_in_use(struct engine *e, struct in_addr addr)
{
	struct told *t = get(e, addr);

	if (t != NULL && (t->phase == TOLD_PROBING || t->phase == TOLD_REFUSED))
		be_master(e, t);
}

void
engine_in_use(struct engine *e, struct in_addr addr)
{
	struct told *t = get(e, addr);

	if (t != NULL && t->phase == TOLD_PROBING)
		t->phase = TOLD_REFUSED;
}

void
engine_released(struct engine *e, uint16_t src, struct in_addr addr)
{
	struct told *t = get(e, addr);

	if (t == NULL)
		return;
	/* It may come before we know that we are the next. */
	if (t->last == src)
		t->free_from = src;
	/* It answered, so nobody before it does. */
	if (t->last == src || (t->phase == TOLD_WAITING && t->waits_for == src))
		formers_clear(&t->formers);
	handover_released(e->handover, addr, src);
}

static void
ask_former(struct in_addr addr, uint16_t node, void *arg)
{
	struct ask_question q = { .what = ASK_TAKEOVER, .addr = addr, .ref = node };
	struct engine *e = arg;

	ask_start(e->ask, &q, TAKEOVER_ASKS, TAKEOVER_GAP, clock_ns());
}

static void
take(struct in_addr addr, void *arg)
{
	struct engine *e = arg;
	struct told *t = get(e, addr);
	uint16_t before;

	ask_stop(e->ask, ASK_TAKEOVER, addr);
	if (t == NULL || t->phase != TOLD_WAITING)
		return;
	formers_del(&t->formers, t->waits_for);
	before = one_before(e, t);
	if (before != FORMERS_NONE)
		wait_for(e, t, before);
	else
		be_master(e, t);
}

const struct handover_ops engine_handover_ops = { .ask = ask_former, .take = take };
