/* SPDX-License-Identifier: ISC */
#include "aliasd/core/relearn.h"

#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"

struct entry {
	struct alias_conn conn; /* first: compared alone */
	bool told;
};

struct relearn {
	size_t n, size;
	bool sorted;
	struct entry *entry;
};

struct relearn *
relearn_new(void)
{
	return mem_zalloc(sizeof(struct relearn));
}

void
relearn_free(struct relearn *r)
{
	if (r == NULL)
		return;
	free(r->entry);
	free(r);
}

void
relearn_old(struct relearn *r, const struct alias_conn *c)
{
	if (r->n == r->size) {
		r->size = r->size * 2 + 64;
		r->entry = mem_grow(r->entry, r->size, sizeof(*r->entry));
	}
	r->entry[r->n].conn = *c;
	r->entry[r->n++].told = false;
	r->sorted = false;
}

static int
by_conn(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct alias_conn));
}

static struct entry *
find(struct relearn *r, const struct alias_conn *c)
{
	if (r->n == 0)
		return NULL;
	if (!r->sorted)
		qsort(r->entry, r->n, sizeof(*r->entry), by_conn);
	r->sorted = true;
	return bsearch(c, r->entry, r->n, sizeof(*r->entry), by_conn);
}

void
relearn_told(struct relearn *r, const struct alias_conn *c)
{
	struct entry *e = find(r, c);

	if (e != NULL)
		e->told = true;
}

/* What is not among the old ones was told since. */
bool
relearn_is_told(struct relearn *r, const struct alias_conn *c)
{
	const struct entry *e = find(r, c);

	return e == NULL || e->told;
}

void
relearn_stale(struct relearn *r, void (*fn)(const struct alias_conn *, void *arg), void *arg)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (!r->entry[i].told)
			fn(&r->entry[i].conn, arg);
	}
}
