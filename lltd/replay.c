/* SPDX-License-Identifier: ISC */
#include "lltd/replay.h"

#include <string.h>

#define WORDS (REPLAY_BITS / 64)

void
replay_init(struct replay *r)
{
	memset(r, 0, sizeof(*r));
}

static uint64_t *
word(struct replay *r, uint64_t seq)
{
	return &r->bits[(seq / 64) % WORDS];
}

/* One word less than the ring: the word that top stands in is still being filled. */
static bool
too_old(const struct replay *r, uint64_t seq)
{
	return seq / 64 + WORDS <= r->top / 64;
}

bool
replay_fresh(const struct replay *r, uint64_t seq)
{
	if (seq == 0)
		return false;
	if (seq > r->top)
		return true;
	if (too_old(r, seq))
		return false;
	return (r->bits[(seq / 64) % WORDS] >> (seq % 64) & 1) == 0;
}

void
replay_mark(struct replay *r, uint64_t seq)
{
	uint64_t from = r->top / 64, to = seq / 64;

	if (to > from + WORDS)
		from = to - WORDS;
	for (uint64_t w = from; w < to; w++)
		r->bits[(w + 1) % WORDS] = 0;
	if (seq > r->top)
		r->top = seq;
	else if (too_old(r, seq))
		return;
	*word(r, seq) |= 1ull << (seq % 64);
}
