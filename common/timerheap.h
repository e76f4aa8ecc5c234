/* SPDX-License-Identifier: ISC */
/*
 * Times at which something is due, the first of them at hand. A binary heap of nodes that lie in what
 * they belong to. Pure; the times are whatever their owner counts in.
 */
#ifndef CLUA_COMMON_TIMERHEAP_H
#define CLUA_COMMON_TIMERHEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timerheap_node { /* all 0 to begin with */
	uint64_t when;
	uint64_t turn; /* of those of the same time whoever was set first is first */
	size_t place;  /* from 1; 0: it is not in the heap */
};

struct timerheap { /* all 0 to begin with */
	struct timerheap_node **node;
	size_t n, room;
	uint64_t turn;
};

/* Makes sure that so many can be set, which then cannot fail. False: no memory. */
bool timerheap_reserve(struct timerheap *, size_t n);
void timerheap_free(struct timerheap *); /* not the nodes */
void timerheap_set(struct timerheap *, struct timerheap_node *, uint64_t when); /* or moves it */
void timerheap_cancel(struct timerheap *, struct timerheap_node *);
struct timerheap_node *timerheap_first(const struct timerheap *); /* NULL: it is empty */

#endif
