/* SPDX-License-Identifier: ISC */
#include "lltd/sched.h"

static int
first(uint8_t mask)
{
	return mask == 0 ? -1 : __builtin_ctz(mask);
}

/* The next member of mask after link, around the corner. */
static int
next_after(uint8_t mask, unsigned link)
{
	uint8_t above = (uint8_t)(mask & ~((2u << link) - 1));

	return above != 0 ? first(above) : first(mask);
}

int
sched_roundrobin(struct sched *s, uint8_t high, uint8_t low, const uint32_t *burst)
{
	if (high == 0)
		return first(low);
	if (s->left == 0 || (high >> s->link & 1) == 0) {
		s->link = (uint8_t)next_after(high, s->link);
		s->left = burst[s->link];
	}
	s->left--;
	return s->link;
}

int
sched_destination(uint16_t node, uint8_t port, uint8_t high, uint8_t low)
{
	unsigned n;

	if (high == 0)
		return first(low);
	n = (node + port) % (unsigned)__builtin_popcount(high);
	while (n-- > 0)
		high &= (uint8_t)(high - 1);
	return first(high);
}
