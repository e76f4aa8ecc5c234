/* SPDX-License-Identifier: ISC */
/*
 * Who was master of an alias and may still answer ARP for it: the daemon is gone, its packet program goes on for
 * a moment. Several, if masters follow each other faster than that. Pure; times in ns. All zero: nobody.
 */
#ifndef CLUA_ALIASD_FORMERS_H
#define CLUA_ALIASD_FORMERS_H

#include <stdint.h>

#define FORMERS_MAX 4
#define FORMERS_NONE UINT16_MAX

struct formers {
	uint16_t node[FORMERS_MAX];
	uint64_t until[FORMERS_MAX]; /* 0: the place is free */
};

/* It answers until then, or later if that was said before. If there are too many, who ends first is forgotten. */
void formers_add(struct formers *, uint16_t node, uint64_t until);
void formers_del(struct formers *, uint16_t node);
void formers_clear(struct formers *);
/* Who goes on for longest of those who do at that time, or FORMERS_NONE. */
uint16_t formers_last(const struct formers *, uint64_t now);

#endif
