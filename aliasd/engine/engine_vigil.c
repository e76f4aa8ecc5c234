/* SPDX-License-Identifier: ISC */
/* The members watch each other: does the master of an alias answer ARP as a client would ask? */
#include <string.h>

#include "aliasd/engine/engine_priv.h"

#define CHECKS_A_TICK 16 /* questions to everybody on the LAN: a few, in turn over all aliases */
#define LOOKS_A_TICK 1024
#define ASKS 3
#define ASK_GAP (100 * NSEC_PER_MSEC)
#define HEARD_LATELY (3 * NSEC_PER_SEC)
#define SILENT_FOR (30 * NSEC_PER_SEC)
#define SILENT_MAX (480 * NSEC_PER_SEC)

/* Those on the subnet of the alias, by ascending id; out has room for LLT_MAX_NODES. */
static size_t
attached(const struct engine *e, const struct state_alias *a, uint16_t *out)
{
	size_t i, n = 0;

	for (i = 0; i < a->nrows; i++) {
		if ((a->rows[i].flags & ALIAS_ROW_ATTACHED) && state_is_synced(e->state, a->rows[i].node))
			out[n++] = a->rows[i].node;
	}
	return n;
}

static bool
is_ours_to_check(const struct engine *e, const struct state_alias *a)
{
	uint16_t ids[LLT_MAX_NODES];

	return a->master != SEL_NO_NODE && a->master != e->self &&
	    vigil_choose(a->master, ids, attached(e, a, ids)) == e->self;
}

static void
check(struct in_addr addr, uint16_t master, void *arg)
{
	struct ask_question q = { .what = ASK_CHECK, .addr = addr, .ref = master };
	struct engine *e = arg;
	const struct state_alias *a = state_alias(e->state, addr);

	if (a == NULL || a->master != master || !is_ours_to_check(e, a)) {
		vigil_drop(e->vigil, addr);
		return;
	}
	ask_start(e->ask, &q, ASKS, ASK_GAP, clock_ns());
	engine_arp_soon(e);
}

/* By ascending id, from where the last tick ended. */
void
engine_vigil_tick(struct engine *e)
{
	const struct state_alias *a = NULL;
	unsigned checks = 0, looks;

	if (!state_loaded(e->state) || !state_is_synced(e->state, e->self))
		return;
	for (looks = 0; looks < LOOKS_A_TICK && checks < CHECKS_A_TICK; looks++) {
		a = state_alias_after(e->state, e->watched_id);
		e->watched_id = a == NULL ? 0 : a->id;
		if (a == NULL)
			return;
		if (!is_ours_to_check(e, a))
			continue;
		check(a->addr, a->master, e);
		checks++;
	}
}

void
engine_vigil_silence(struct engine *e, struct in_addr addr, uint16_t master)
{
	const struct state_alias *a = state_alias(e->state, addr);

	if (a != NULL && a->master == master && is_ours_to_check(e, a))
		vigil_silence(e->vigil, addr, master, clock_ns());
	else
		vigil_drop(e->vigil, addr);
	engine_arp_soon(e);
}

static void
announce(struct in_addr addr, uint16_t master, void *arg)
{
	struct alias_arp item = { .op = ALIAS_ARP_ANNOUNCE, .alias = addr };
	struct engine *e = arg;

	if (log_limit_ok(&e->claim_limit, clock_ns()))
		log_warnx("arp", "%s: node %u (%s), its ARP master, does not answer us", addr_ip(addr).s,
		    master, e->name[master]);
	if (state_is_member(e->state, master))
		engine_send_arp(e, master, &item);
}

static size_t
opinions(struct in_addr addr, uint16_t master, void *arg)
{
	struct alias_arp item = { .op = ALIAS_ARP_DOUBT, .alias = addr, .node = master };
	struct engine *e = arg;
	const struct state_alias *a = state_alias(e->state, addr);
	uint16_t ids[LLT_MAX_NODES];
	size_t i, n = a == NULL ? 0 : attached(e, a, ids), asked = 0;

	for (i = 0; i < n; i++) {
		if (ids[i] == master || ids[i] == e->self)
			continue;
		engine_send_arp(e, ids[i], &item);
		asked++;
	}
	return asked;
}

static bool
hears(void *arg)
{
	struct engine *e = arg;

	return e->lan_heard != 0 && clock_ns() - e->lan_heard < HEARD_LATELY;
}

static void
mark(struct in_addr addr, uint16_t master, void *arg)
{
	struct engine *e = arg;
	struct wire_wr w;
	uint8_t buf[32];

	log_warnx("arp", "%s: nobody hears node %u (%s): another is to be ARP master", addr_ip(addr).s,
	    master, e->name[master]);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_silent(&w, addr, master);
	engine_broadcast(e, buf, wire_wr_len(&w));
}

static void
unsure(struct in_addr addr, uint16_t master, void *arg)
{
	struct engine *e = arg;

	if (log_limit_ok(&e->claim_limit, clock_ns()))
		log_warnx("arp", "%s: we do not hear node %u (%s), but that may be due to us: it stays ARP master",
		    addr_ip(addr).s, master, e->name[master]);
}

const struct vigil_ops engine_vigil_ops = { .check = check, .announce = announce,
	.opinions = opinions, .hears = hears, .mark = mark, .unsure = unsure };

/* ---- as the one who is asked for an opinion ---- */

void
engine_vigil_doubt(struct engine *e, uint16_t src, const struct alias_arp *item)
{
	struct ask_question q = { .what = ASK_OPINION, .addr = item->alias,
		.ref = (uint64_t)item->node << 16 | src };

	if (lan_attached(e->lan, item->alias) == 0)
		return;
	ask_start(e->ask, &q, ASKS, ASK_GAP, clock_ns());
	engine_arp_soon(e);
}

void
engine_vigil_tell(struct engine *e, const struct ask_question *q, bool heard)
{
	struct alias_arp item = { .op = heard ? ALIAS_ARP_HEARD : ALIAS_ARP_UNHEARD, .alias = q->addr,
		.node = (uint16_t)(q->ref >> 16) };

	if (state_is_member(e->state, (uint16_t)q->ref))
		engine_send_arp(e, (uint16_t)q->ref, &item);
}

/* ---- as the one who is not heard ---- */

/* Others marked us. After a while we offer ourselves again, each time after a longer one. */
void
engine_vigil_marked(struct engine *e, struct told *t, bool silent)
{
	if (silent == (t->silent_until != 0))
		return;
	if (!silent) {
		t->silent_until = 0;
		return;
	}
	t->silent_for = t->silent_for == 0 ? SILENT_FOR :
	    t->silent_for * 2 < SILENT_MAX ? t->silent_for * 2 : SILENT_MAX;
	t->silent_until = clock_ns() + t->silent_for;
	log_warnx("arp", "%s: the other members do not hear our answers to ARP requests; no ARP master for "
	    "%u s", addr_ip(t->dp.addr).s, (unsigned)(t->silent_for / NSEC_PER_SEC));
}

static void
offer_one(uint64_t key, void *value, void *arg)
{
	struct engine *e = arg;
	struct told *t = value;
	const struct alias_row *r = own_get(e->own, t->dp.addr);

	if (t->silent_until == 0 || clock_ns() < t->silent_until || r == NULL)
		return;
	t->silent_until = 0;
	engine_send_row(e, r, TOKEN_NONE);
}

void
engine_vigil_offer(struct engine *e)
{
	map_each(e->told, offer_one, e);
}
