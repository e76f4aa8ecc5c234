/* SPDX-License-Identifier: ISC */
#include "aliasd/state/state.h"

#include <stdlib.h>
#include <string.h>

#include "aliasd/state/state_priv.h"

/* Bytes of the snapshot in one message; a group message takes a little less than 60 KiB. */
#define CHUNK (48 * 1024)
#define MAX_CHUNKS 65536

struct state *
state_new(const struct state_ops *ops, void *arg)
{
	struct state *st = mem_zalloc(sizeof(*st));

	st->ops = ops;
	st->arg = arg;
	st->aliases = map_new();
	st->ids = map_new();
	st->ports = map_new();
	st->services = map_new();
	st->svc = map_new();
	st->api = map_new();
	st->held_end = &st->held;
	st->low_id = 1;
	return st;
}

static void
discard_transfer(struct state *st)
{
	struct held *h, *next;

	for (h = st->held; h != NULL; h = next) {
		next = h->next;
		free(h);
	}
	st->held = NULL;
	st->held_end = &st->held;
	free(st->snap);
	st->snap = NULL;
	st->snap_len = 0;
	st->snap_next = st->snap_total = 0;
}

void
state_free(struct state *st)
{
	if (st == NULL)
		return;
	discard_transfer(st);
	state_clear(st);
	map_free(st->aliases, NULL);
	map_free(st->ids, NULL);
	map_free(st->ports, NULL);
	map_free(st->services, NULL);
	map_free(st->svc, NULL);
	map_free(st->api, NULL);
	free(st->done);
	free(st->dirty_aliases);
	free(st->dirty_ports);
	free(st);
}

static void
reset(struct state *st)
{
	discard_transfer(st);
	state_clear(st);
	memset(st->node, 0, sizeof(st->node));
	memset(st->joined_at, 0, sizeof(st->joined_at));
	memset(st->limit, 0, sizeof(st->limit));
	st->loaded = false;
	state_tell(st, on_reset);
}

void
state_lost(struct state *st)
{
	st->gen = 0;
	st->nmembers = 0;
	st->quorate = false;
	reset(st);
}

static void
take_view(struct state *st, const struct gab_ev_view *v)
{
	bool quorate = st->quorate;
	size_t i;

	st->gen = v->gen;
	st->self = v->self;
	st->quorate = v->quorate;
	for (i = 0; i < v->nleft; i++) {
		state_drop_node(st, v->left[i]);
		st->node[v->left[i]] = 0;
		st->limit[v->left[i]] = 0;
	}
	for (i = 0; i < v->njoined; i++) {
		state_drop_node(st, v->joined[i]);
		st->node[v->joined[i]] = NODE_STATELESS | NODE_SEEN;
		st->joined_at[v->joined[i]] = v->gen;
		st->limit[v->joined[i]] = 0;
	}
	for (i = 0; i < v->nmembers; i++) {
		st->members[i] = v->members[i];
		st->node[v->members[i]] |= NODE_MEMBER;
	}
	st->nmembers = v->nmembers;
	if (quorate != st->quorate)
		state_touch_all(st);
}

static void
send_snapshot(struct state *st)
{
	static uint8_t buf[CHUNK + 64];
	struct wire_wr w;
	size_t len, at, n;
	uint8_t *dump;
	uint32_t i, total;

	state_settle(st); /* who is active is part of it */
	dump = state_dump(st, &len);
	total = (uint32_t)((len + CHUNK - 1) / CHUNK);
	for (i = 0, at = 0; i < total; i++, at += n) {
		n = len - at < CHUNK ? len - at : CHUNK;
		wire_wr_init(&w, buf, sizeof(buf));
		alias_msg_snapshot(&w, st->gen, i, total, dump + at, n);
		state_tell(st, broadcast, buf, wire_wr_len(&w));
	}
	free(dump);
}

static void
all_have_state(struct state *st)
{
	size_t i;

	for (i = 0; i < st->nmembers; i++)
		st->node[st->members[i]] &= (uint8_t)~(NODE_STATELESS | NODE_SEEN);
}

static void
now_loaded(struct state *st)
{
	st->loaded = true;
	state_tell(st, on_loaded);
}

/*
 * Nobody has state, as far as we know. If all joined just now, all know that and start empty. Else
 * those who joined later may take an older one for a member with state: one of the oldest, who do
 * know, plays it.
 */
static void
start_empty(struct state *st)
{
	uint16_t seed = SEL_NO_NODE;
	bool all_new = true;
	size_t i;

	for (i = 0; i < st->nmembers; i++) {
		uint16_t m = st->members[i];

		if (st->joined_at[m] != st->gen)
			all_new = false;
		if (seed == SEL_NO_NODE || st->joined_at[m] < st->joined_at[seed])
			seed = m;
	}
	if (all_new) {
		all_have_state(st);
		now_loaded(st);
	} else if (seed == st->self) {
		send_snapshot(st);
	}
}

/* Who, if anybody, tells those who have no state. */
static void
arrange_transfer(struct state *st)
{
	uint16_t sender = SEL_NO_NODE;
	bool wanted = false;
	size_t i;

	discard_transfer(st);
	for (i = 0; i < st->nmembers; i++) {
		uint16_t m = st->members[i];

		if (st->node[m] & NODE_STATELESS)
			wanted = true;
		else if (sender == SEL_NO_NODE)
			sender = m;
	}
	if (!wanted)
		return;
	if (sender == SEL_NO_NODE)
		start_empty(st);
	else if (sender == st->self)
		send_snapshot(st);
}

void
state_view(struct state *st, const struct gab_ev_view *v)
{
	bool later = v->njoined == 0 && st->loaded;

	state_settle(st);
	if (v->fresh || st->gen == 0)
		reset(st);
	take_view(st, v);
	state_derive_begin(st);
	if (!later || !state_owes_many(st))
		state_settle(st);
	arrange_transfer(st);
	if (!later)
		state_derive(st);
	state_api_flush(st);
}

static void
hold(struct state *st, uint16_t src, const uint8_t *data, size_t len)
{
	struct held *h = mem_zalloc(sizeof(*h) + len);

	h->src = src;
	h->len = len;
	memcpy(h->data, data, len);
	*st->held_end = h;
	st->held_end = &h->next;
}

static void
apply(struct state *st, uint16_t src, struct alias_msg *m)
{
	struct alias_listen l;
	struct alias_row row;

	switch (m->type) {
	case ALIAS_MSG_ROWS:
		state_set_limit(st, src, m->max_aliases);
		while (alias_msg_next_row(m, &row))
			state_set_row(st, src, &row);
		break;
	case ALIAS_MSG_LISTEN:
		while (alias_msg_next_listen(m, &l)) {
			state_set_listen(st, src, &l);
			state_api_listen(st, src, &l);
		}
		break;
	case ALIAS_MSG_SERVICES:
		state_set_services(st, m);
		break;
	case ALIAS_MSG_SILENT:
		state_set_silent(st, m->alias, m->owner);
		break;
	case ALIAS_MSG_SHARE:
		state_set_share(st, src, &m->share);
		break;
	case ALIAS_MSG_FILE:
		state_set_file(st, src, &m->file);
		break;
	case ALIAS_MSG_SYNCED:
		if (!(st->node[src] & NODE_SYNCED)) {
			st->node[src] |= NODE_SYNCED;
			state_touch_all(st);
		}
		break;
	default:
		state_api_apply(st, src, m);
		break;
	}
}

static void
replay_held(struct state *st)
{
	struct held *h, *next, *first = st->held;
	struct alias_msg m;

	st->held = NULL;
	st->held_end = &st->held;
	for (h = first; h != NULL; h = next) {
		next = h->next;
		if (alias_msg_decode(h->data, h->len, &m))
			apply(st, h->src, &m);
		/* One by one as everybody else did: what is derived depends on what was before. */
		state_derive(st);
		free(h);
	}
}

static void
take_snapshot(struct state *st)
{
	bool fits = st->loaded || state_load(st, st->snap, st->snap_len);

	if (!fits) {
		state_lost(st);
		state_tell(st, on_bad_snapshot);
		return;
	}
	if (!st->loaded) {
		state_derive(st);
		replay_held(st);
		all_have_state(st);
		now_loaded(st);
	}
	all_have_state(st);
	discard_transfer(st);
}

static void
take_chunk(struct state *st, const struct alias_msg *m)
{
	if (m->gen != st->gen || m->total > MAX_CHUNKS)
		return;
	if (m->index == 0) {
		st->snap_next = 0;
		st->snap_len = 0;
		st->snap_total = m->total;
	}
	if (m->index != st->snap_next || m->total != st->snap_total)
		return;
	if (!st->loaded) {
		st->snap = mem_grow(st->snap, st->snap_len + m->len, 1);
		memcpy(st->snap + st->snap_len, m->data, m->len);
		st->snap_len += m->len;
	}
	if (++st->snap_next == st->snap_total)
		take_snapshot(st);
}

bool
state_ordered(struct state *st, uint16_t src, const uint8_t *data, size_t len)
{
	struct alias_msg m;
	uint64_t token;

	if (st->gen == 0 || src >= LLT_MAX_NODES || !(st->node[src] & NODE_MEMBER) ||
	    !alias_msg_decode(data, len, &m) || m.type > ALIAS_MSG_ORDERED_MAX)
		return false;
	state_settle(st);
	if (m.type == ALIAS_MSG_SNAPSHOT) {
		take_chunk(st, &m);
		return true;
	}
	if (!st->loaded) {
		hold(st, src, data, len);
		return true;
	}
	token = m.type < ALIAS_MSG_REGISTER ? m.token : 0;
	apply(st, src, &m);
	state_derive(st);
	if (src == st->self && token != 0)
		state_tell(st, on_own, token);
	state_api_flush(st);
	return true;
}

bool
state_loaded(const struct state *st)
{
	return st->loaded;
}

bool
state_quorate(const struct state *st)
{
	return st->quorate;
}

uint32_t
state_gen(const struct state *st)
{
	return st->gen;
}

uint16_t
state_self(const struct state *st)
{
	return st->self;
}

bool
state_is_member(const struct state *st, uint16_t node)
{
	return st->gen != 0 && node < LLT_MAX_NODES && (st->node[node] & NODE_MEMBER);
}

bool
state_is_synced(const struct state *st, uint16_t node)
{
	return state_is_member(st, node) && (st->node[node] & NODE_SYNCED);
}

uint32_t
state_limit_of(const struct state *st, uint16_t node)
{
	return state_is_member(st, node) ? st->limit[node] : 0;
}

uint32_t
state_limit(const struct state *st)
{
	uint32_t limit = UINT32_MAX;
	size_t i;

	for (i = 0; i < st->nmembers; i++) {
		uint32_t its = st->limit[st->members[i]];

		if (its != 0 && its < limit)
			limit = its;
	}
	return limit;
}

size_t
state_members(const struct state *st, const uint16_t **ids)
{
	*ids = st->members;
	return st->nmembers;
}
