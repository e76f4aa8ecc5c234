/* SPDX-License-Identifier: ISC */
#include "proto/gab_set.h"

#include <string.h>

void
gab_set_clear(struct gab_set *s)
{
	memset(s, 0, sizeof(*s));
}

unsigned
gab_set_count(const struct gab_set *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < GAB_SET_WORDS; i++)
		n += (unsigned)__builtin_popcountll(s->w[i]);
	return n;
}

bool
gab_set_empty(const struct gab_set *s)
{
	return gab_set_first(s) < 0;
}

bool
gab_set_equal(const struct gab_set *a, const struct gab_set *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool
gab_set_subset(const struct gab_set *small, const struct gab_set *big)
{
	for (unsigned i = 0; i < GAB_SET_WORDS; i++)
		if ((small->w[i] & ~big->w[i]) != 0)
			return false;
	return true;
}

bool
gab_set_meet(const struct gab_set *a, const struct gab_set *b)
{
	for (unsigned i = 0; i < GAB_SET_WORDS; i++)
		if ((a->w[i] & b->w[i]) != 0)
			return true;
	return false;
}

void
gab_set_and(struct gab_set *a, const struct gab_set *b)
{
	for (unsigned i = 0; i < GAB_SET_WORDS; i++)
		a->w[i] &= b->w[i];
}

void
gab_set_or(struct gab_set *a, const struct gab_set *b)
{
	for (unsigned i = 0; i < GAB_SET_WORDS; i++)
		a->w[i] |= b->w[i];
}

void
gab_set_sub(struct gab_set *a, const struct gab_set *b)
{
	for (unsigned i = 0; i < GAB_SET_WORDS; i++)
		a->w[i] &= ~b->w[i];
}

int
gab_set_first(const struct gab_set *s)
{
	return gab_set_next(s, -1);
}

int
gab_set_next(const struct gab_set *s, int prev)
{
	unsigned from = (unsigned)(prev + 1), i = from / 64;
	uint64_t w;

	if (from >= LLT_MAX_NODES)
		return -1;
	w = s->w[i] & ~UINT64_C(0) << (from % 64);
	while (w == 0) {
		if (++i == GAB_SET_WORDS)
			return -1;
		w = s->w[i];
	}
	return (int)(i * 64) + __builtin_ctzll(w);
}

int
gab_set_compare(const struct gab_set *a, const struct gab_set *b)
{
	for (unsigned i = 0; i < GAB_SET_WORDS; i++) {
		uint64_t diff = a->w[i] ^ b->w[i];

		if (diff != 0)
			return (a->w[i] & (diff & -diff)) != 0 ? -1 : 1;
	}
	return 0;
}

unsigned
gab_set_list(const struct gab_set *s, uint16_t out[LLT_MAX_NODES])
{
	unsigned n = 0;

	GAB_SET_EACH(node, s)
		out[n++] = (uint16_t)node;
	return n;
}

void
gab_set_encode(struct wire_wr *w, const struct gab_set *s)
{
	uint8_t bytes[LLT_MAX_NODES / 8] = { 0 };
	size_t n = 0;

	GAB_SET_EACH(node, s) {
		bytes[node / 8] |= (uint8_t)(1u << (node % 8));
		n = (size_t)node / 8 + 1;
	}
	wire_wr_u16(w, (uint16_t)n);
	wire_wr_bytes(w, bytes, n);
}

void
gab_set_decode(struct wire_rd *r, struct gab_set *s)
{
	size_t n = wire_rd_count16(r, 1, LLT_MAX_NODES / 8);
	const uint8_t *bytes = wire_rd_view(r, n);

	gab_set_clear(s);
	for (size_t i = 0; bytes != NULL && i < n; i++)
		s->w[i / 8] |= (uint64_t)bytes[i] << (i % 8 * 8);
}
