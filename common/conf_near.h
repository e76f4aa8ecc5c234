/* SPDX-License-Identifier: ISC */
/* "Did you mean": for keys, attributes and commands that somebody mistyped. */
#ifndef CLUA_COMMON_CONF_NEAR_H
#define CLUA_COMMON_CONF_NEAR_H

#include <stddef.h>

/* Collects the nearest of the candidates it is shown. Start with { .word = what was typed }. */
struct conf_near {
	const char *word;
	const char *best; /* NULL: none is near enough */
	unsigned best_cost;
};

void conf_near_try(struct conf_near *, const char *candidate);
/* Of a list that ends with NULL. */
const char *conf_near_of(const char *word, const char *const *names);

#endif
