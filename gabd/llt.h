/* SPDX-License-Identifier: ISC */
/* The way to lltd: its nodes, and our port there. */
#ifndef CLUA_GABD_LLT_H
#define CLUA_GABD_LLT_H

#include "proto/gab_set.h"
#include "proto/llt_ctl.h"

struct ev_loop;
struct llt;

struct llt_events {
	/* The port is ours and all nodes are known: see llt_node(). */
	void (*ready)(void *arg, const struct llt_ev_self *);
	void (*lost)(void *arg); /* lltd went away; only after ready */
	void (*node)(void *arg, const struct llt_ev_node *); /* after ready */
	void (*recv)(void *arg, const struct llt_ctl_recv *); /* after ready */
};

struct llt *llt_new(struct ev_loop *, const struct llt_events *, void *arg);
void llt_free(struct llt *);
bool llt_is_ready(const struct llt *);
/* NULL if lltd does not know this node. */
const struct llt_ev_node *llt_node(const struct llt *, unsigned node);
/* patient: as in struct llt_ctl_send. */
void llt_send(struct llt *, const struct gab_set *dst, bool patient, const uint8_t *, size_t);
size_t llt_queued(const struct llt *);

#endif
