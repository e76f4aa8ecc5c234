/* SPDX-License-Identifier: ISC */
/* Which ways lead to which member, from what lltd says about its links. Pure. */
#ifndef CLUA_ALIASD_PATHS_H
#define CLUA_ALIASD_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aliasd/datapath/datapath.h"
#include "proto/llt_ctl.h"

struct paths;

struct paths *paths_new(void);
void paths_free(struct paths *);
/* True if the usable ways to the node changed. A link index out of range is ignored. */
bool paths_link(struct paths *, const struct llt_ev_link *);
/*
 * The ways to use: the high-priority links that are up; if none is, those in trouble; if there is none
 * either, the first usable low-priority link. By ascending link.
 */
size_t paths_get(const struct paths *, uint16_t node, struct dp_path out[LLT_MAX_LINKS]);
bool paths_reachable(const struct paths *, uint16_t node);
/* Addresses from which the node sends on our interfaces, low-priority links included. */
size_t paths_macs(const struct paths *, uint16_t node, uint8_t (*out)[6]);
/* Our interfaces that are links, each once; those of high priority only, or all. */
size_t paths_ifaces(const struct paths *, bool high_only, uint32_t out[LLT_MAX_LINKS]);

#endif
