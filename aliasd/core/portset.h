/* SPDX-License-Identifier: ISC */
/* Sets of ports, in host order, and the form in which the kernel's settings have them: "1-5,8". Pure. */
#ifndef CLUA_ALIASD_PORTSET_H
#define CLUA_ALIASD_PORTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct portset {
	uint64_t w[1024];
};

void portset_add(struct portset *, uint16_t port);
bool portset_has(const struct portset *, uint16_t port);
bool portset_empty(const struct portset *);
bool portset_equal(const struct portset *, const struct portset *);
/* a |= b; a &= ~b */
void portset_join(struct portset *a, const struct portset *b);
void portset_remove(struct portset *a, const struct portset *b);

/* False, and the set empty, for anything else than a list of ports and ranges; blanks at the end may be. */
bool portset_parse(struct portset *, const char *text);
/* Caller frees. "" for the empty set. */
char *portset_format(const struct portset *);

#endif
