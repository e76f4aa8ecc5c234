/* SPDX-License-Identifier: ISC */
/* lltd's control socket: subscriptions, ports, messages in and out, status. */
#ifndef CLUA_LLTD_CTL_H
#define CLUA_LLTD_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/llt_ctl.h"

struct core;
struct ctl;
struct ev_loop;
struct lltd_conf;

struct ctl_ops {
	/* Something was given to the core to send: it wants a flush. */
	void (*sent)(void *arg);
	const struct lltd_conf *(*conf)(void *arg);
};

struct ctl *ctl_new(struct ev_loop *, struct core *, const struct ctl_ops *, void *arg);
void ctl_free(struct ctl *);

/* What the core has to tell, see struct core_ops. */
bool ctl_deliver(struct ctl *, const struct llt_ctl_recv *);
void ctl_node_changed(struct ctl *, uint16_t node);
void ctl_link_changed(struct ctl *, uint16_t node, unsigned link);
void ctl_drained(struct ctl *);

#endif
