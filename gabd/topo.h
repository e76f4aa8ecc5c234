/* SPDX-License-Identifier: ISC */
/*
 * Who is connected to whom. Every node floods its row; a row is passed on only to nodes that its
 * origin cannot reach itself, so in a full mesh nothing is relayed.
 */
#ifndef CLUA_GABD_TOPO_H
#define CLUA_GABD_TOPO_H

#include "proto/gab_msg.h"

struct gab_core;

struct topo_node {
	bool known;
	bool doubted; /* somebody lost it, and it has said nothing since */
	struct gab_topo row;
	struct gab_set relay; /* origins whose rows this peer is to get */
};

struct topo_state {
	struct topo_node *node;  /* by id; our own row included */
	struct gab_set known;
	uint64_t flood_at;       /* our row, when only gains are to be told */
	uint64_t relay_at;
};

void topo_init(struct gab_core *);
void topo_fini(struct gab_core *);
/* Our row may have changed: connections, view or flags. Losses are told at once. */
void topo_refresh(struct gab_core *, bool urgent);
/* Floods our row although it has not changed: for a new view that others must know of. */
void topo_announce(struct gab_core *);
/* Our row as it is now, if it is being held back: nobody may learn of what follows from it first. */
void topo_flush(struct gab_core *);
void topo_conn_up(struct gab_core *, unsigned node);
void topo_recv(struct gab_core *, unsigned src, struct wire_rd *);
void topo_tick(struct gab_core *);
/* Nodes that rows lead to from ourselves. Whom we have no connection with can yet decide for others. */
void topo_reachable(const struct gab_core *, struct gab_set *);
/*
 * The members that our next view should have: the best clique that we are in, of all nodes, or (not
 * NULL) of these; of those alike the one that others can join. False if the best of all does without us.
 */
bool topo_target(const struct gab_core *, const struct gab_set *within, struct gab_set *);
/* Is everybody of the set connected with everybody? */
bool topo_intact(const struct gab_core *, const struct gab_set *);
/* The largest clique of these that we are in: its size. */
unsigned topo_most_with_us(const struct gab_core *, const struct gab_set *);
bool topo_seeded(const struct gab_core *, const struct gab_set *);
/* Does one of these nodes say that view vid cannot go on? */
bool topo_dirty(const struct gab_core *, const struct gab_set *, const struct gab_vid *);
/* Which of these nodes, members of view vid, have not gone on to a later one. */
void topo_still_in(
    const struct gab_core *, const struct gab_set *, const struct gab_vid *, struct gab_set *out);
/* How many of them have. */
unsigned topo_gone_on(const struct gab_core *, const struct gab_set *, const struct gab_vid *);

#endif
