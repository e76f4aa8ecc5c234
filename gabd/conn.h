/* SPDX-License-Identifier: ISC */
/* Connections with other gabds. */
#ifndef CLUA_GABD_CONN_H
#define CLUA_GABD_CONN_H

#include "proto/gab_msg.h"

struct gab_core;

struct conn_peer {
	bool llt_up;
	uint32_t session;
	uint64_t cid;      /* our name of the connection */
	uint64_t peer_cid; /* theirs, 0 = not known */
	uint64_t told;     /* peer_cid in our last HELLO */
	uint64_t heard, spoke;
};

struct conn_state {
	struct conn_peer *peer; /* by node id */
	struct gab_set up;      /* lltd has a session */
	struct gab_set open;
	uint64_t next_cid;
	uint64_t tick_at;
};

void conn_init(struct gab_core *);
void conn_fini(struct gab_core *);
void conn_peer_up(struct gab_core *, unsigned node, uint32_t session);
void conn_peer_down(struct gab_core *, unsigned node);
/* Gives the connection up and tries for a new one. */
void conn_reset(struct gab_core *, unsigned node, const char *why);
void conn_hello(struct gab_core *, unsigned node, const struct gab_hello *);
void conn_bye(struct gab_core *, unsigned node);
/* Our own lateness is not the peers' silence. */
void conn_forgive(struct gab_core *, uint64_t late);
void conn_tick(struct gab_core *);

#endif
