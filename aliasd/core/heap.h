/* SPDX-License-Identifier: ISC */
/* Things with a time at which they are due, the earliest first. Intrusive; times in ns. Pure. */
#ifndef CLUA_ALIASD_HEAP_H
#define CLUA_ALIASD_HEAP_H

#include <stddef.h>
#include <stdint.h>

#define HEAP_NEVER UINT64_MAX

struct heap_item { /* zero before it is put in for the first time */
	uint64_t due;
	size_t place; /* from 1; 0 = in no heap */
};

struct heap {
	size_t n, size;
	struct heap_item **item;
};

void heap_clear(struct heap *); /* forgets its items and frees what is its own */
/* Puts the item in, or moves it. */
void heap_set(struct heap *, struct heap_item *, uint64_t due);
void heap_del(struct heap *, struct heap_item *);
struct heap_item *heap_first(const struct heap *); /* NULL if there is none */
uint64_t heap_due(const struct heap *);            /* of the first, or HEAP_NEVER */

#endif
