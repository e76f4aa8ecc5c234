/* SPDX-License-Identifier: ISC */
/*
 * Sets of node ids (0..LLT_MAX_NODES-1). On the wire: u16 count of bytes, then the bytes; bit n%8 of
 * byte n/8 is node n; trailing zero bytes are left out.
 */
#ifndef CLUA_PROTO_GAB_SET_H
#define CLUA_PROTO_GAB_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/llthosts.h"
#include "common/wire.h"

#define GAB_SET_WORDS (LLT_MAX_NODES / 64)

struct gab_set {
	uint64_t w[GAB_SET_WORDS];
};

static inline bool
gab_set_has(const struct gab_set *s, unsigned node)
{
	return node < LLT_MAX_NODES && (s->w[node / 64] >> (node % 64) & 1) != 0;
}

static inline void
gab_set_add(struct gab_set *s, unsigned node)
{
	if (node < LLT_MAX_NODES)
		s->w[node / 64] |= UINT64_C(1) << (node % 64);
}

static inline void
gab_set_del(struct gab_set *s, unsigned node)
{
	if (node < LLT_MAX_NODES)
		s->w[node / 64] &= ~(UINT64_C(1) << (node % 64));
}

void gab_set_clear(struct gab_set *);
unsigned gab_set_count(const struct gab_set *);
bool gab_set_empty(const struct gab_set *);
bool gab_set_equal(const struct gab_set *, const struct gab_set *);
bool gab_set_subset(const struct gab_set *small, const struct gab_set *big);
bool gab_set_meet(const struct gab_set *, const struct gab_set *); /* have a node in common */
void gab_set_and(struct gab_set *, const struct gab_set *);
void gab_set_or(struct gab_set *, const struct gab_set *);
void gab_set_sub(struct gab_set *, const struct gab_set *);
/* Lowest id, or the lowest one above prev; -1 if there is none. */
int gab_set_first(const struct gab_set *);
int gab_set_next(const struct gab_set *, int prev);
/* Of two sets, the one with the lowest id that the other lacks is less: < 0, 0, > 0. */
int gab_set_compare(const struct gab_set *, const struct gab_set *);
/* Ids in ascending order; returns how many. */
unsigned gab_set_list(const struct gab_set *, uint16_t out[LLT_MAX_NODES]);
void gab_set_encode(struct wire_wr *, const struct gab_set *);
void gab_set_decode(struct wire_rd *, struct gab_set *);

#define GAB_SET_EACH(node, set) \
	for (int node = gab_set_first(set); node >= 0; node = gab_set_next(set, node))

#endif
