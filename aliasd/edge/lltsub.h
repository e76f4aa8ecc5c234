/* SPDX-License-Identifier: ISC */
/* lltd's nodes and links, followed by subscription; connects again by itself. */
#ifndef CLUA_ALIASD_LLTSUB_H
#define CLUA_ALIASD_LLTSUB_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/llt_ctl.h"

struct ev_loop;
struct lltsub;

struct lltsub_ops {
	void (*on_self)(const struct llt_ev_self *, void *arg);
	void (*on_node)(const struct llt_ev_node *, void *arg);
	void (*on_link)(const struct llt_ev_link *, void *arg);
	void (*on_snapshot)(void *arg); /* complete; what follows are changes */
	void (*on_down)(void *arg);
};

struct lltsub *lltsub_new(struct ev_loop *, const struct lltsub_ops *, void *arg);
void lltsub_free(struct lltsub *);
/* Asks lltd whether it runs, unless it still owes an answer. */
void lltsub_ask(struct lltsub *);
/* CLOCK_MONOTONIC, ns: when lltd certainly ran last, for it answered a question of that time; 0: not yet. */
uint64_t lltsub_alive(const struct lltsub *);
void lltsub_poll(struct lltsub *); /* what lltd has said already is told at once */

#endif
