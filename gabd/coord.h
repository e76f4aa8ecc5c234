/* SPDX-License-Identifier: ISC */
/* The coordinator's side of a view change: decides when one is due, collects, fills gaps, installs. */
#ifndef CLUA_GABD_COORD_H
#define CLUA_GABD_COORD_H

#include "proto/gab_msg.h"

struct gab_core;

struct coord_state {
	bool running;
	struct gab_att att;
	uint32_t installed; /* number of our last attempt that succeeded */
	struct gab_set members;
	struct gab_set missing;   /* no FLUSH yet */
	struct gab_set unfilled;  /* no READY yet */
	struct gab_flush **flush; /* by node id */
	uint64_t *final;          /* by node id: where the messages of its old view end */
	uint64_t restart_at;      /* guard */
	uint64_t retry_at;        /* not before, after a refusal */
	unsigned refusals;        /* in a row */
	unsigned undone;          /* views that a member did not take, in a row … */
	uint64_t undone_at;       /* … and when that was found out last */
	struct gab_set settling;  /* target that we wait to stay the same */
	uint64_t settle_at, settle_max;
	uint64_t wake_at;         /* when waiting for nothing but time */
};

void coord_init(struct gab_core *);
void coord_fini(struct gab_core *);
/* Looks whether a view change is due, or the running one is void. */
void coord_evaluate(struct gab_core *);
/* Our view cannot go on, although everybody is still there. */
bool coord_closed(const struct gab_core *);
/* Gives the running attempt up and tells its members. */
void coord_abandon(struct gab_core *);
void coord_flush(struct gab_core *, unsigned src, struct wire_rd *);
void coord_ready(struct gab_core *, unsigned src, const struct gab_ready *);
void coord_nack(struct gab_core *, unsigned src, const struct gab_nack *);
void coord_forgive(struct gab_core *, uint64_t late);
void coord_tick(struct gab_core *);
uint64_t coord_deadline(const struct gab_core *);

#endif
