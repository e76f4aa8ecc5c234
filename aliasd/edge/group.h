/* SPDX-License-Identifier: ISC */
/*
 * The group of the aliasds, as aliasd sees it: join, broadcast, unicast; views and messages come back.
 * gabd is the first implementation (group_gab.c); a simulator and corosync's CPG fit behind it too.
 * Semantics of views and messages: proto/gab_ctl.h.
 */
#ifndef CLUA_ALIASD_GROUP_H
#define CLUA_ALIASD_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "proto/gab_ctl.h"

struct ev_loop;
struct group;

struct group_events {
	void (*on_view)(const struct gab_ev_view *, void *arg);
	void (*on_message)(uint16_t src, uint8_t kind, const uint8_t *, size_t, void *arg);
	/* Not in the group any more (the provider went away); rejoins by itself, fresh. */
	void (*on_lost)(void *arg);
};

struct group_ops {
	const char *name;
	struct group *(*join)(struct ev_loop *, const struct group_events *, void *arg);
	int (*broadcast)(struct group *, const void *, size_t); /* ordered; comes back to us too */
	int (*unicast)(struct group *, uint16_t node, const void *, size_t);
	int (*multicast)(struct group *, const void *, size_t); /* a unicast to every other member */
	void (*leave)(struct group *);
};

extern const struct group_ops group_gab;

#endif
