/* SPDX-License-Identifier: ISC */
/*
 * What a member's table said before it began to tell everything anew. Entries stay in use until it has
 * told all; those it did not name again are stale then. Pure.
 */
#ifndef CLUA_ALIASD_RELEARN_H
#define CLUA_ALIASD_RELEARN_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/alias_msg.h"

struct relearn;

struct relearn *relearn_new(void);
void relearn_free(struct relearn *); /* NULL is fine */
/* First all old entries, */
void relearn_old(struct relearn *, const struct alias_conn *);
/* then what is told, */
void relearn_told(struct relearn *, const struct alias_conn *);
bool relearn_is_told(struct relearn *, const struct alias_conn *);
/* and at the end fn for every entry that was not told again. */
void relearn_stale(
    struct relearn *, void (*fn)(const struct alias_conn *, void *arg), void *arg);

#endif
