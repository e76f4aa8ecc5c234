/* SPDX-License-Identifier: ISC */
/* This member's own view of the aliases: what cluamgr and clu_alias.config asked for. Pure. */
#ifndef CLUA_ALIASD_OWN_H
#define CLUA_ALIASD_OWN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/alias_ctl.h"
#include "proto/alias_msg.h"

struct own;

struct own *own_new(void);
void own_free(struct own *);
/*
 * Applies what was asked for. join and leave make a member an end recipient or not; leave on one that
 * is none makes it forget the alias. The row as it stands then, without ALIAS_ROW_ROUTES if it is forgotten.
 */
struct alias_row own_apply(struct own *, const struct alias_ctl_set *, const char *name);
/* NULL if this member does not know the alias. ATTACHED in it is the caller's to keep. */
struct alias_row *own_get(struct own *, struct in_addr);
void own_each(struct own *, void (*fn)(struct alias_row *, void *arg), void *arg);
void own_forget(struct own *, struct in_addr);
size_t own_count(const struct own *);

#endif
