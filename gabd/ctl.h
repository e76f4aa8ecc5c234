/* SPDX-License-Identifier: ISC */
/* The control socket: clients of ports, and gabconfig. */
#ifndef CLUA_GABD_CTL_H
#define CLUA_GABD_CTL_H

#include "gabd/core.h"
#include "proto/gab_status.h"

struct ctl;
struct ev_loop;

struct ctl_ops {
	/* NULL, or the reason why nobody can register now. */
	const char *(*closed)(void *arg);
	void (*registered)(void *arg, unsigned port);
	void (*left)(void *arg, unsigned port);
	enum gab_sent (*send)(void *arg, unsigned port, const struct gab_ctl_send *);
	void (*status)(void *arg, struct gab_row_status *);
	/* False: the port has nobody anywhere. The client's name is ctl's to fill in. */
	bool (*port)(void *arg, unsigned port, struct gab_row_port *);
	/* The i-th counter, or false after the last. */
	bool (*counter)(void *arg, unsigned i, struct gab_row_counter *);
	/* NULL, or the reason why not. */
	const char *(*configure)(void *arg, const struct gab_req_configure *);
};

struct ctl *ctl_new(struct ev_loop *, const struct ctl_ops *, void *arg);
void ctl_free(struct ctl *);
bool ctl_has_client(const struct ctl *, unsigned port);
void ctl_view(struct ctl *, unsigned port, const struct gab_ev_view *);
void ctl_message(struct ctl *, unsigned port, const struct gab_ev_msg *);
void ctl_room(struct ctl *, unsigned port);
/* Stops reading from all clients of ports, or goes on. */
void ctl_hold(struct ctl *, bool);
/* Cuts off all clients of ports: their membership is void. They connect again, and start afresh. */
void ctl_drop_clients(struct ctl *);

#endif
