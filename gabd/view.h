/* SPDX-License-Identifier: ISC */
/* The present view, and the member's side of a view change. */
#ifndef CLUA_GABD_VIEW_H
#define CLUA_GABD_VIEW_H

#include "proto/gab_msg.h"

struct gab_core;

struct view_state {
	struct gab_vid vid; /* gen 0: in no view */
	struct gab_set members;
	bool quorate;
	uint32_t quorum_gen;
	struct gab_vid prev; /* as in the INSTALL of this view */
	uint64_t prev_final;
	struct gab_set kept;
	struct gab_set lost; /* members whose connection broke since */
	uint8_t *install;    /* the INSTALL body, for those who missed it */
	size_t install_len;

	struct gab_att promised; /* highest attempt that we answered */
	uint32_t max_num;        /* highest attempt seen */
	bool flushed;            /* this view is closed */
	bool waiting;            /* for the outcome of the promised attempt */
	struct gab_set prom_members;
	struct gab_set prom_lost; /* connections that broke since our FLUSH */
	uint64_t give_up_at;
};

void view_init(struct gab_core *);
void view_fini(struct gab_core *);
/* The view cannot go on: the coordinator must replace it. */
bool view_dirty(const struct gab_core *);
void view_conn_down(struct gab_core *, unsigned node);
void view_see_num(struct gab_core *, uint32_t num);
void view_propose(struct gab_core *, unsigned src, const struct gab_propose *);
void view_fetch(struct gab_core *, unsigned src, const struct gab_fetch *);
void view_forward(struct gab_core *, unsigned src, const struct gab_fetch *);
void view_catchup(struct gab_core *, unsigned src, struct wire_rd *);
void view_install(struct gab_core *, unsigned src, const uint8_t *body, size_t len);
void view_abort(struct gab_core *, unsigned src, const struct gab_att *);
/* Is this the attempt whose outcome we wait for? */
bool view_awaits(const struct gab_core *, const struct gab_att *);
void view_forgive(struct gab_core *, uint64_t late);
void view_tick(struct gab_core *);
uint64_t view_deadline(const struct gab_core *);

#endif
