/* SPDX-License-Identifier: ISC */
/* Of the replicated state: who has which ports for outgoing connections, and whose file is the table's. */
#include <stdlib.h>

#include "aliasd/state/state_priv.h"

/* ---- shares ---- */

static int
share_of(const struct state_shares *s, uint16_t node)
{
	uint16_t i;

	for (i = 0; i < s->n; i++) {
		if (s->node[i] == node)
			return i;
	}
	return -1;
}

/* Of one that left its connections may be open still: who is away for the longest time loses it first. */
static int
longest_away(const struct state *st)
{
	const struct state_shares *s = &st->shares;
	int best = -1;
	uint16_t i;

	for (i = 0; i < s->n; i++) {
		if (st->node[s->node[i]] & NODE_MEMBER)
			continue;
		if (best < 0 || s->left_at[i] < s->left_at[best])
			best = i;
	}
	return best;
}

static int
free_share(const struct state *st, uint16_t wanted)
{
	const struct state_shares *s = &st->shares;
	int first = share_of(s, SEL_NO_NODE);

	if (wanted < s->n && s->node[wanted] == SEL_NO_NODE)
		return wanted;
	return first >= 0 ? first : longest_away(st);
}

void
state_set_share(struct state *st, uint16_t node, const struct alias_share *a)
{
	struct state_shares *s = &st->shares;
	uint16_t i;
	int share;

	if (s->n == 0) {
		s->first = a->first;
		s->size = a->size;
		s->n = a->n;
		for (i = 0; i < a->n; i++)
			s->node[i] = SEL_NO_NODE;
	}
	if (share_of(s, node) < 0 && (share = free_share(st, a->wanted)) >= 0) {
		s->node[share] = node;
		s->left_at[share] = st->gen;
	}
	state_tell(st, on_shares);
}

/* It keeps the share: its connections may be open, and it may come back. */
void
state_share_left(struct state *st, uint16_t node)
{
	int share = share_of(&st->shares, node);

	if (share >= 0)
		st->shares.left_at[share] = st->gen;
}

const struct state_shares *
state_shares(const struct state *st)
{
	return &st->shares;
}

int
state_share_of(const struct state *st, uint16_t node)
{
	return share_of(&st->shares, node);
}

void
state_put_shares(struct wire_wr *w, const struct state *st)
{
	const struct state_shares *s = &st->shares;
	uint16_t i;

	wire_wr_u16(w, s->n);
	wire_wr_u16(w, s->first);
	wire_wr_u16(w, s->size);
	for (i = 0; i < s->n; i++) {
		wire_wr_u16(w, s->node[i]);
		wire_wr_u32(w, s->left_at[i]);
	}
}

void
state_get_shares(struct state *st, struct wire_rd *r)
{
	struct state_shares *s = &st->shares;
	struct alias_share a = { 0 };
	uint16_t i;

	a.n = wire_rd_u16(r);
	a.first = wire_rd_u16(r);
	a.size = wire_rd_u16(r);
	if (a.n != 0 && !alias_share_ok(&a))
		wire_rd_fail(r);
	for (i = 0; i < a.n && wire_rd_ok(r); i++) {
		s->node[i] = wire_rd_u16(r);
		s->left_at[i] = wire_rd_u32(r);
		if (s->node[i] != SEL_NO_NODE &&
		    (s->node[i] >= LLT_MAX_NODES || share_of(s, s->node[i]) >= 0))
			wire_rd_fail(r);
		s->n = (uint16_t)(i + 1);
	}
	s->first = a.first;
	s->size = a.size;
}

/* ---- files ---- */

void
state_set_file(struct state *st, uint16_t node, const struct alias_file *f)
{
	st->file[node] = *f;
	state_tell(st, on_file, node);
}

static uint64_t
table_digest(const struct state *st)
{
	size_t i, n;
	uint64_t *key = map_keys(st->svc, &n), digest;
	struct alias_svc *s = mem_grow(NULL, n + 1, sizeof(*s));

	for (i = 0; i < n; i++)
		s[i] = *(const struct alias_svc *)map_get(st->svc, key[i]);
	digest = alias_svc_digest(s, n);
	free(s);
	free(key);
	return digest;
}

enum alias_file_state
state_file(const struct state *st, uint16_t node)
{
	const struct alias_file *f = &st->file[node];

	if (!state_is_member(st, node))
		return ALIAS_FILE_UNKNOWN;
	if (f->state != ALIAS_FILE_SAME)
		return f->state;
	return f->digest == table_digest(st) ? ALIAS_FILE_SAME : ALIAS_FILE_DIFFERS;
}

uint32_t
state_file_version(const struct state *st, uint16_t node)
{
	return st->file[node].version;
}

void
state_put_files(struct wire_wr *w, const struct state *st)
{
	size_t i;

	wire_wr_u16(w, (uint16_t)st->nmembers);
	for (i = 0; i < st->nmembers; i++) {
		wire_wr_u16(w, st->members[i]);
		alias_file_encode(w, &st->file[st->members[i]]);
	}
}

void
state_get_files(struct state *st, struct wire_rd *r)
{
	uint32_t n = wire_rd_count16(r, 2 + ALIAS_FILE_LEN, LLT_MAX_NODES);

	while (n-- > 0 && wire_rd_ok(r)) {
		uint16_t node = wire_rd_u16(r);
		struct alias_file f;

		alias_file_decode(r, &f);
		if (node >= LLT_MAX_NODES)
			wire_rd_fail(r);
		else
			st->file[node] = f;
	}
}
