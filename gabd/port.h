/* SPDX-License-Identifier: ISC */
/* Port memberships, which are part of the ordered state; local clients; unicasts. */
#ifndef CLUA_GABD_PORT_H
#define CLUA_GABD_PORT_H

#include "gabd/core.h"

struct port_unicast; /* one from a port view that we have not seen yet */

struct port_local {
	uint32_t inst;         /* the local client, 0 = none */
	bool member;           /* its registration has been delivered */
	uint32_t flushed_inst; /* who was here when we answered PROPOSE */
	uint32_t fresh_gen;    /* its last fresh view */
	size_t queued, queued_bytes;
	bool full;
};

struct port_state {
	struct gab_ports ports;
	struct port_local local[GAB_NPORTS];
	uint32_t last_inst;
	struct port_unicast *early, **early_tail;
	size_t early_count, early_bytes;
	struct gab_ev_view ev;
};

void port_init(struct gab_core *);
void port_fini(struct gab_core *);
uint32_t port_register(struct gab_core *, unsigned port);
void port_leave(struct gab_core *, unsigned port);
enum gab_sent port_send(struct gab_core *, unsigned port, const struct gab_ctl_send *);
void port_deliver(struct gab_core *, const struct gab_item *);
void port_returned(struct gab_core *, const struct gab_item *);
void port_recv_unicast(struct gab_core *, unsigned src, const struct gab_unicast *);
void port_conn_down(struct gab_core *, unsigned node);
/* View changes: who is here now; fill in our part of FLUSH; the outcome. */
void port_note_clients(struct gab_core *);
void port_flush(struct gab_core *, struct gab_flush *);
void port_new_view(struct gab_core *, const struct gab_install *, bool fresh);

#endif
