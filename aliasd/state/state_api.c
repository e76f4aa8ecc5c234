/* SPDX-License-Identifier: ISC */
/*
 * What programs registered: ports with their attributes, and common ports of RPC programs. Kept apart
 * from the table of the file, which wins where both name a port.
 *
 * A transient registration ends when nobody in the group listens on the port any more, but not before
 * every member whose program registered it has listened there once, or has no such program left.
 *
 * A common port is chosen by all: each looks whether the proposed one is free at its place, and says so;
 * one "busy", and the next is proposed. Who comes later may find it taken, and is told.
 */
#include <stdlib.h>
#include <string.h>

#include "aliasd/state/state_priv.h"

/* Above the kernel's usual range for clients, and what bindresvport(3) takes its ports from. */
#define COMMON_FIRST 61000
#define COMMON_LAST 65535
#define RESV_FIRST 600
#define RESV_LAST 1023

/* Reserved ports of services that may be started later: IPMI, IPP, LDAPS, IMAPS and the like. */
static const uint16_t well_known[] = { 623, 631, 636, 655, 664, 749, 750, 774, 783, 853, 873, 921, 953,
	989, 990, 992, 993, 994, 995 };

void
state_free_reg(void *value)
{
	struct reg *g = value;

	free(g->holder);
	free(g->await);
	free(g->token);
	free(g);
}

struct reg *
state_reg(const struct state *st, uint8_t proto, uint16_t port_h)
{
	return map_get(st->api, state_port_key(proto, port_h));
}

static uint64_t
key_of(const struct reg *g)
{
	return state_port_key(g->svc.proto, g->svc.port_h);
}

/* ---- results for our own programs, told when everything is derived ---- */

static void
result(struct state *st, uint64_t token, enum alias_api_status status, uint16_t port_h)
{
	if (token == 0)
		return;
	st->done = mem_grow(st->done, st->ndone + 1, sizeof(*st->done));
	st->done[st->ndone++] = (struct api_done){ token, status, port_h };
}

void
state_api_flush(struct state *st)
{
	struct api_done *done = st->done;
	size_t i, n = st->ndone;

	st->done = NULL;
	st->ndone = 0;
	for (i = 0; i < n; i++)
		state_tell(st, on_result, done[i].token, done[i].status, done[i].port_h);
	free(done);
}

/* Everybody who waits for this common port. */
static void
results(struct state *st, struct reg *g, enum alias_api_status status)
{
	size_t i;

	for (i = 0; i < g->ntokens; i++)
		result(st, g->token[i], status, status == ALIAS_API_OK ? g->svc.port_h : 0);
	free(g->token);
	g->token = NULL;
	g->ntokens = 0;
}

/* ---- who holds it, who listens ---- */

static bool
listens(const struct state *st, uint8_t proto, uint16_t port_h, uint16_t node)
{
	const struct port *p = map_get(st->ports, state_port_key(proto, port_h));
	size_t i;

	for (i = 0; p != NULL && i < p->n; i++) {
		if (node == SEL_NO_NODE || p->l[i].node == node)
			return true;
	}
	return false;
}

struct api_holder *
state_reg_holder(const struct reg *g, uint16_t node)
{
	size_t i;

	for (i = 0; i < g->nholders; i++) {
		if (g->holder[i].node == node)
			return &g->holder[i];
	}
	return NULL;
}

void
state_reg_hold(struct reg *g, uint16_t node, bool used)
{
	struct api_holder *h = state_reg_holder(g, node);
	size_t i = g->nholders;

	if (h == NULL) {
		g->holder = mem_grow(g->holder, g->nholders + 1, sizeof(*g->holder));
		for (; i > 0 && g->holder[i - 1].node > node; i--)
			g->holder[i] = g->holder[i - 1];
		h = &g->holder[i];
		g->nholders++;
		h->node = node;
	}
	h->used = used;
}

static void
release(struct reg *g, uint16_t node)
{
	struct api_holder *h = state_reg_holder(g, node);

	if (h == NULL)
		return;
	g->nholders--;
	memmove(h, h + 1, (size_t)(g->holder + g->nholders - h) * sizeof(*h));
}

static bool
ended(const struct state *st, const struct reg *g)
{
	size_t i;

	if (!g->transient)
		return false;
	if (g->choosing)
		return g->nholders == 0;
	for (i = 0; i < g->nholders; i++) {
		if (!g->holder[i].used)
			return false;
	}
	return !listens(st, g->svc.proto, g->svc.port_h, SEL_NO_NODE);
}

/* What is registered there is in force, or no more. */
static void
changed(struct state *st, const struct reg *g)
{
	struct port *p = map_get(st->ports, key_of(g));

	st->svc_changed = true;
	if (p != NULL)
		state_touch_port(st, p);
}

static void
drop(struct state *st, struct reg *g)
{
	map_del(st->api, key_of(g));
	changed(st, g);
	results(st, g, ALIAS_API_EFULL);
	state_free_reg(g);
}

static void
drop_if_ended(struct state *st, struct reg *g)
{
	if (ended(st, g))
		drop(st, g);
}

void
state_api_listen(struct state *st, uint16_t node, const struct alias_listen *l)
{
	struct reg *g = state_reg(st, l->proto, l->port_h);
	struct api_holder *h;

	if (g == NULL)
		return;
	h = state_reg_holder(g, node);
	if (l->add && h != NULL)
		h->used = true;
	if (!l->add)
		drop_if_ended(st, g);
}

/* ---- registering ---- */

static struct reg *
by_program(const struct state *st, const struct alias_api *a)
{
	struct reg *g, *found = NULL;
	size_t i, n;
	uint64_t *key;

	if (a->prog == 0)
		return NULL;
	key = map_keys(st->api, &n);
	for (i = 0; i < n && found == NULL; i++) {
		g = map_get(st->api, key[i]);
		if (g->prog == a->prog && g->resv == a->resv && g->svc.proto == a->proto)
			found = g;
	}
	free(key);
	return found;
}

static struct reg *
add(struct state *st, const struct alias_api *a, uint16_t port_h)
{
	struct reg *g = mem_zalloc(sizeof(*g));

	g->svc.proto = a->proto;
	g->svc.port_h = port_h;
	g->svc.attrs = alias_api_attrs(a->options);
	if (g->svc.attrs & ALIAS_STICKY)
		g->svc.sticky = ALIAS_STICKY_DEFAULT;
	g->transient = a->options & ALIAS_TRANSIENT;
	g->prog = a->prog;
	g->resv = a->resv;
	map_put(st->api, key_of(g), g);
	changed(st, g);
	return g;
}

static enum alias_api_status
unset(struct state *st, const struct alias_api *a)
{
	struct reg *g = state_reg(st, a->proto, a->port_h);

	if (map_get(st->svc, state_port_key(a->proto, a->port_h)) != NULL ||
	    (g != NULL && g->choosing))
		return ALIAS_API_EPORTCONFLICT;
	if (g != NULL)
		drop(st, g);
	return ALIAS_API_OK;
}

/* Whether what is there bears what is asked for. */
static bool
conflicts(const struct state *st, const struct alias_api *a, const struct reg *g)
{
	const struct alias_svc *file = map_get(st->svc, state_port_key(a->proto, a->port_h));
	const struct reg *other = by_program(st, a);
	uint16_t attrs = alias_api_attrs(a->options);

	if (file != NULL && alias_api_attrs(file->attrs) != attrs)
		return true;
	if (g != NULL && (g->choosing || g->svc.attrs != attrs || g->prog != a->prog))
		return true;
	return other != NULL && other != g;
}

static enum alias_api_status
set(struct state *st, uint16_t src, const struct alias_api *a)
{
	struct reg *g = state_reg(st, a->proto, a->port_h);

	if (a->port_h == 0 || !alias_api_options_ok(a->options))
		return ALIAS_API_EBADOPTION;
	if (a->options & ALIAS_NONE)
		return unset(st, a);
	if (conflicts(st, a, g))
		return ALIAS_API_EPORTCONFLICT;
	if (g == NULL && map_count(st->api) >= ALIAS_SVC_MAX)
		return ALIAS_API_EFULL;
	if (g == NULL)
		g = add(st, a, a->port_h);
	if (!(a->options & ALIAS_TRANSIENT))
		g->transient = false;
	else if (g->transient)
		state_reg_hold(g, src, listens(st, a->proto, a->port_h, src));
	return ALIAS_API_OK;
}

static enum alias_api_status
unregister(struct state *st, const struct alias_api *a)
{
	struct reg *g = state_reg(st, a->proto, a->port_h);

	if (g == NULL || g->choosing)
		return ALIAS_API_ENOTRESERVED;
	drop(st, g);
	return ALIAS_API_OK;
}

static void
released(struct state *st, uint16_t src, const struct alias_api *a)
{
	struct reg *g = a->prog != 0 ? by_program(st, a) : state_reg(st, a->proto, a->port_h);

	if (g == NULL)
		return;
	release(g, src);
	drop_if_ended(st, g);
}

/* ---- common ports ---- */

static bool
taken(const struct state *st, const struct reg *g, uint16_t port_h)
{
	uint64_t key = state_port_key(g->svc.proto, port_h);
	size_t i;

	for (i = 0; g->resv && i < sizeof(well_known) / sizeof(well_known[0]); i++) {
		if (well_known[i] == port_h)
			return true;
	}
	return map_get(st->svc, key) != NULL || map_get(st->api, key) != NULL ||
	    listens(st, g->svc.proto, port_h, SEL_NO_NODE);
}

/* 0 when all have been tried. Programs begin at different places, and find theirs again. */
static uint16_t
next_port(const struct state *st, struct reg *g)
{
	uint32_t first = g->resv ? RESV_FIRST : COMMON_FIRST;
	uint32_t n = (g->resv ? RESV_LAST : COMMON_LAST) - first + 1;
	uint32_t start = (uint32_t)(((uint64_t)g->prog * 2654435761u >> 7) % n);

	while (g->tries < n) {
		uint16_t port_h = (uint16_t)(first + (start + g->tries++) % n);

		if (!taken(st, g, port_h))
			return port_h;
	}
	return 0;
}

/* g is in no table; it gets its port, or ends. */
static void
propose(struct state *st, struct reg *g)
{
	size_t i;

	g->choosing = true;
	g->svc.port_h = next_port(st, g);
	if (g->svc.port_h == 0) {
		results(st, g, ALIAS_API_EFULL);
		state_free_reg(g);
		return;
	}
	map_put(st->api, key_of(g), g);
	g->await = mem_grow(g->await, st->nmembers, sizeof(*g->await));
	g->nawait = st->nmembers;
	for (i = 0; i < st->nmembers; i++)
		g->await[i] = st->members[i];
	state_tell(st, on_probe, &(struct alias_api){ .proto = g->svc.proto, .port_h = g->svc.port_h,
		.prog = g->prog, .resv = g->resv });
}

static void
propose_another(struct state *st, struct reg *g)
{
	map_del(st->api, key_of(g));
	changed(st, g);
	propose(st, g);
}

static void
unawait(struct reg *g, uint16_t node)
{
	size_t i;

	for (i = 0; i < g->nawait; i++) {
		if (g->await[i] != node)
			continue;
		g->nawait--;
		memmove(&g->await[i], &g->await[i + 1], (g->nawait - i) * sizeof(*g->await));
		return;
	}
}

static void
decide_if_all(struct state *st, struct reg *g)
{
	if (!g->choosing || g->nawait > 0)
		return;
	g->choosing = false;
	g->tries = 0;
	changed(st, g);
	results(st, g, ALIAS_API_OK);
}

static void
voted(struct state *st, uint16_t src, const struct alias_api *a)
{
	struct reg *g = by_program(st, a);

	if (g == NULL || !g->choosing || g->svc.port_h != a->port_h)
		return;
	if (a->busy) {
		propose_another(st, g);
		return;
	}
	unawait(g, src);
	decide_if_all(st, g);
}

static void
new_common(struct state *st, uint16_t src, const struct alias_api *a, uint64_t token)
{
	struct reg *g;

	if (map_count(st->api) >= ALIAS_SVC_MAX) {
		result(st, token, ALIAS_API_EFULL, 0);
		return;
	}
	g = mem_zalloc(sizeof(*g));
	g->svc.proto = a->proto;
	g->svc.attrs = ALIAS_IN_MULTI | ALIAS_STATIC;
	g->transient = true;
	g->prog = a->prog;
	g->resv = a->resv;
	state_reg_hold(g, src, false);
	if (token != 0) {
		g->token = mem_grow(NULL, 1, sizeof(*g->token));
		g->token[g->ntokens++] = token;
	}
	propose(st, g);
}

static void
common(struct state *st, uint16_t src, const struct alias_api *a, uint64_t token)
{
	struct reg *g = by_program(st, a);
	bool alone;

	if (g == NULL) {
		new_common(st, src, a, token);
		return;
	}
	alone = g->nholders == 1 && g->holder[0].node == src &&
	    !listens(st, g->svc.proto, g->svc.port_h, SEL_NO_NODE);
	if (!g->choosing && g->svc.port_h == a->port_h && !alone) {
		result(st, token, ALIAS_API_EBUSY, 0);
		return;
	}
	state_reg_hold(g, src, listens(st, g->svc.proto, g->svc.port_h, src));
	if (!g->choosing && g->svc.port_h != a->port_h) {
		result(st, token, ALIAS_API_OK, g->svc.port_h);
		return;
	}
	if (token != 0) {
		g->token = mem_grow(g->token, g->ntokens + 1, sizeof(*g->token));
		g->token[g->ntokens++] = token;
	}
	if (!g->choosing)
		propose_another(st, g);
}

void
state_api_apply(struct state *st, uint16_t src, const struct alias_msg *m)
{
	uint64_t token = src == st->self && st->loaded ? m->token : 0;

	switch (m->type) {
	case ALIAS_MSG_REGISTER:
		result(st, token, set(st, src, &m->api), m->api.port_h);
		break;
	case ALIAS_MSG_UNREGISTER:
		result(st, token, unregister(st, &m->api), m->api.port_h);
		break;
	case ALIAS_MSG_RELEASE:
		released(st, src, &m->api);
		break;
	case ALIAS_MSG_COMMPORT:
		common(st, src, &m->api, token);
		break;
	case ALIAS_MSG_VOTE:
		voted(st, src, &m->api);
		break;
	default:
		break;
	}
}

void
state_api_drop_node(struct state *st, uint16_t node)
{
	size_t i, n;
	uint64_t *key = map_keys(st->api, &n);

	for (i = 0; i < n; i++) {
		struct reg *g = map_get(st->api, key[i]);

		unawait(g, node);
		release(g, node);
		if (ended(st, g))
			drop(st, g);
		else
			decide_if_all(st, g);
	}
	free(key);
}

static void
put_reg(const struct reg *g, struct alias_api_reg *out)
{
	size_t i;

	memset(out, 0, sizeof(*out));
	out->svc = g->svc;
	out->transient = g->transient;
	out->choosing = g->choosing;
	out->resv = g->resv;
	out->prog = g->prog;
	for (i = 0; i < g->nholders; i++)
		out->node[out->nnodes++] = g->holder[i].node;
}

void
state_each_registration(
    const struct state *st, void (*fn)(const struct alias_api_reg *, void *arg), void *arg)
{
	static struct alias_api_reg out;
	size_t i, n;
	uint64_t *key = map_keys(st->api, &n);

	for (i = 0; i < n; i++) {
		put_reg(map_get(st->api, key[i]), &out);
		fn(&out, arg);
	}
	free(key);
}

bool
state_has_registration(const struct state *st, const struct alias_api *a)
{
	const struct reg *g = a->prog != 0 ? by_program(st, a) : state_reg(st, a->proto, a->port_h);

	return g != NULL;
}
