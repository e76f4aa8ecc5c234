/* SPDX-License-Identifier: ISC */
#include "aliasd/core/formers.h"

#include <string.h>

void
formers_add(struct formers *f, uint16_t node, uint64_t until)
{
	unsigned i, place = 0;

	for (i = 0; i < FORMERS_MAX; i++) {
		if (f->until[i] != 0 && f->node[i] == node) {
			place = i;
			break;
		}
		if (f->until[i] < f->until[place])
			place = i;
	}
	if (f->until[place] >= until)
		return;
	f->node[place] = node;
	f->until[place] = until;
}

void
formers_del(struct formers *f, uint16_t node)
{
	unsigned i;

	for (i = 0; i < FORMERS_MAX; i++)
		if (f->node[i] == node)
			f->until[i] = 0;
}

void
formers_clear(struct formers *f)
{
	memset(f, 0, sizeof(*f));
}

uint16_t
formers_last(const struct formers *f, uint64_t now)
{
	unsigned i, last = 0;

	for (i = 1; i < FORMERS_MAX; i++)
		if (f->until[i] > f->until[last])
			last = i;
	return f->until[last] > now ? f->node[last] : FORMERS_NONE;
}
