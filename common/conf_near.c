/* SPDX-License-Identifier: ISC */
#include "common/conf_near.h"

#include <string.h>

#define WORD_MAX 40
#define COST_MAX 2

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[3][WORD_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return COST_MAX + 1;
	for (size_t j = 0; j <= nb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *cur = row[i % 3], *up = row[(i - 1) % 3], *upup = row[(i + 1) % 3];

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			cur[j] = min3(up[j] + 1, cur[j - 1] + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    upup[j - 2] + 1 < cur[j])
				cur[j] = upup[j - 2] + 1;
		}
	}
	return row[na % 3][nb];
}

void
conf_near_try(struct conf_near *near, const char *candidate)
{
	unsigned cost = distance(near->word, candidate);

	/* Half of a short word changed is another word. */
	if (cost > COST_MAX || cost * 2 > strlen(candidate))
		return;
	if (near->best == NULL || cost < near->best_cost) {
		near->best = candidate;
		near->best_cost = cost;
	}
}

const char *
conf_near_of(const char *word, const char *const *names)
{
	struct conf_near near = { .word = word };

	for (; *names != NULL; names++)
		conf_near_try(&near, *names);
	return near.best;
}
