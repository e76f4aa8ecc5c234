/* SPDX-License-Identifier: ISC */
/*
 * The membership and ordering core of gabd: pure. Input and the time go in, actions come out through
 * the ops, which must not call back into the core. Time is in nanoseconds of any clock that never
 * runs backwards. Thread-free; every queue and table is bounded.
 *
 * How it works
 *   conn.c   connections with other gabds over lltd's sessions; signs of life
 *   topo.c   who is connected to whom: every node's row is flooded; target = the clique to be in
 *   clique.c largest clique
 *   coord.c  the lowest id of a clique installs the view: PROPOSE, FLUSH, (FETCH, FILL, READY), INSTALL
 *   view.c   the member's side of that, and the present view
 *   order.c  total order inside a view: its installer numbers the messages
 *   port.c   ports, local clients, unicasts
 *   rules.c  seeding, quorum
 *
 * Rules of a view change: a member that answered FLUSH delivers nothing more of its view except what
 * the coordinator has it fill, so that all survivors of one view deliver the same. Of the views that
 * meet, one keeps its state: the quorate before the others, then what is left of the last quorate one,
 * so that nothing is forgotten that was agreed with a quorum, then the one that brings the most
 * members, then the one with the lowest id. Everybody else is fresh. An attempt that meets a higher
 * number, a lost connection or an abort is void; who was flushed for it says so (dirty) and waits
 * for the next. A member that missed an INSTALL which others got is given it by one of them.
 */
#ifndef CLUA_GABD_CORE_H
#define CLUA_GABD_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/gab_ctl.h"
#include "proto/gab_msg.h"

struct gab_core;

enum gab_quorum { GAB_QUORUM_NONE, GAB_QUORUM_MAJORITY };

/* Deliberate faults, so that tests can show that they are found. */
enum gab_break {
	GAB_BREAK_FLUSH = 1,  /* install without filling gaps */
	GAB_BREAK_FREEZE = 2, /* go on delivering after the answer to PROPOSE */
	GAB_BREAK_ORDER = 4,  /* odd nodes swap two messages of a batch */
	GAB_BREAK_FRESH = 8,  /* the losing side of a merge keeps its state */
	GAB_BREAK_DUP = 16,   /* what was delivered is sent again after a view change */
	GAB_BREAK_GEN = 32,   /* generations do not look at the other side's */
	GAB_BREAK_STALE = 64, /* accept the INSTALL of an attempt that was given up */
	GAB_BREAK_QUORUM = 128, /* it does not matter who has been in the last quorum */
};

struct gab_core_conf {
	uint16_t self;
	uint16_t max_nodes; /* ids 0..max_nodes-1; 1..LLT_MAX_NODES */
	uint64_t inc;       /* differs at every start, never 0 */
	uint32_t gen_start; /* generations begin above; below GAB_GEN_MAX */
	uint32_t seed;      /* nodes needed to form the first view; 0 = only by gab_core_seed() */
	enum gab_quorum quorum;
	uint32_t expected; /* nodes, for GAB_QUORUM_MAJORITY */
	bool two_node;
	uint64_t settle;    /* wait that long for more joins; losses never wait */
	uint64_t patience;  /* within that time of each other all find out a loss */
	uint64_t alone;     /* wait that long before the first view is one of ourselves alone */
	uint64_t alive;     /* a sign of life at least that often */
	uint64_t dead;      /* a gabd silent for that long is given up although lltd sees its node */
	unsigned breaks;    /* enum gab_break; 0 outside tests */
};

struct gab_node_view {
	struct gab_vid vid;
	struct gab_set members;
	bool fresh;
	bool quorate;
};

struct gab_core_ops {
	/*
	 * Reliable, in order per node. dst holds connected nodes only, never ourselves. patient: nothing
	 * of ours waits for it.
	 */
	void (*send)(void *arg, const struct gab_set *dst, bool patient, const uint8_t *, size_t);
	/* To the local client inst of port 1..25. */
	void (*view)(void *arg, unsigned port, uint32_t inst, const struct gab_ev_view *);
	void (*message)(void *arg, unsigned port, uint32_t inst, const struct gab_ev_msg *);
	/* The client that gab_core_send() called full may go on. */
	void (*room)(void *arg, unsigned port, uint32_t inst);
	/* A view of nodes was installed, before its ports' views. May be NULL. */
	void (*node_view)(void *arg, const struct gab_node_view *);
	/* Something an administrator may want to know. May be NULL. */
	void (*note)(void *arg, const char *text);
	/* The steps of view changes, for debugging. May be NULL. */
	void (*trace)(void *arg, const char *text);
};

/* NULL if conf makes no sense. ops must outlive the core. */
struct gab_core *gab_core_new(
    const struct gab_core_conf *, const struct gab_core_ops *, void *arg, uint64_t now);
void gab_core_free(struct gab_core *);
/* Settings that may change while running: seed, quorum, expected, two_node, settle. */
void gab_core_reconf(struct gab_core *, const struct gab_core_conf *, uint64_t now);

/* lltd's view of a peer. Up with another session than before implies down. */
void gab_core_peer_up(struct gab_core *, unsigned node, uint32_t session, uint64_t now);
void gab_core_peer_down(struct gab_core *, unsigned node, uint64_t now);
/* How many of its links with that peer are up; before it says that the peer is down because of it. */
void gab_core_links(struct gab_core *, unsigned node, unsigned links, uint64_t now);
void gab_core_recv(struct gab_core *, unsigned node, uint32_t session, const uint8_t *, size_t,
    uint64_t now);

/* A client registers: its instance, or 0 if the port (1..25) is taken. */
uint32_t gab_core_register(struct gab_core *, unsigned port, uint64_t now);
void gab_core_leave(struct gab_core *, unsigned port, uint64_t now);

enum gab_sent {
	GAB_SENT,
	GAB_SENT_FULL, /* taken, but no more until ops->room() */
	GAB_SENT_NOT,  /* dropped: no view, before the fresh one, or (unicast) another or no member */
};
enum gab_sent gab_core_send(
    struct gab_core *, unsigned port, const struct gab_ctl_send *, uint64_t now);

/* Timers: call tick at the deadline (or later; earlier does no harm). */
uint64_t gab_core_deadline(const struct gab_core *);
void gab_core_tick(struct gab_core *, uint64_t now);

/* Form the first view now, whoever is there. */
void gab_core_seed(struct gab_core *, uint64_t now);
/* Leaves: says good-bye to the peers, so that nobody has to wait for our silence. */
void gab_core_stop(struct gab_core *);

struct gab_core_stats {
	uint64_t views, fresh, attempts, retries, catchups, fills, resets, watchdogs;
	uint64_t bad_messages, stale_messages;
	uint64_t ordered, unicasts, dropped_unicasts;
};

struct gab_core_status {
	bool seeded;
	bool quorate;
	bool changing; /* a view change is under way */
	struct gab_vid vid; /* gen 0: in no view */
	uint32_t gen;       /* the highest generation seen, of nodes or ports */
	struct gab_set members;
	struct gab_set connected; /* peers */
	uint32_t seed;
	size_t queued_items, queued_bytes; /* all queues together */
	struct gab_core_stats stats;
};
void gab_core_status(const struct gab_core *, struct gab_core_status *);
const struct gab_port_row *gab_core_port(const struct gab_core *, unsigned port);

#endif
