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
	unsigned links;    /* of lltd's that are up, as far as it says */
	uint64_t fell_at;  /* when one of them went last; 0 = never */
};

struct conn_state {
	struct conn_peer *peer; /* by node id */
	struct gab_set up;      /* lltd has a session */
	struct gab_set open;
	uint64_t next_cid;
	uint64_t tick_at;
	uint64_t failing_until; /* conn_failing() may not be the same any more then */
};

void conn_init(struct gab_core *);
void conn_fini(struct gab_core *);
void conn_peer_up(struct gab_core *, unsigned node, uint32_t session);
void conn_peer_down(struct gab_core *, unsigned node);
/* So many of lltd's links to it are up. */
void conn_links(struct gab_core *, unsigned node, unsigned links);
/*
 * Do we lose links to several nodes at once, one of whom is still there? Then it is ours that fail, one after
 * the other, and whom we do not reach any more is well.
 */
bool conn_failing(const struct gab_core *);
/* Gives the connection up and tries for a new one. */
void conn_reset(struct gab_core *, unsigned node, const char *why);
void conn_hello(struct gab_core *, unsigned node, const struct gab_hello *);
void conn_bye(struct gab_core *, unsigned node);
/* Our own lateness is not the peers' silence. */
void conn_forgive(struct gab_core *, uint64_t late);
void conn_tick(struct gab_core *);

#endif
