/* SPDX-License-Identifier: ISC */
/*
 * A simulated cluster: many cores in one process, simulated time, a network that keeps lltd's
 * contract and breaks in every way that the contract allows. All that happens follows from the seed.
 */
#ifndef CLUA_TESTS_SIM_H
#define CLUA_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "gabd/core.h"

#define SIM_NODES 64
#define SIM_PORTS 3 /* ports 'c', 'h', 'm' */
#define SIM_MS NSEC_PER_MSEC
#define SIM_US NSEC_PER_USEC

struct sim;
struct chk;

struct sim_client {
	uint32_t inst; /* 0: nobody registered */
	uint64_t uid;
	bool full;
	/* the checker's */
	bool in_view;
	struct gab_vid vid;
	struct gab_set members;
	uint64_t hash, count;             /* ordered messages delivered in this view */
	uint32_t sent, back;              /* numbers of own ordered messages: last taken, last returned */
	uint64_t from[SIM_NODES];         /* per sender: its client */
	uint32_t last[SIM_NODES];         /* and its last message */
	uint32_t uni_out[SIM_NODES], uni_in[SIM_NODES]; /* unicasts in this view */
};

struct sim_input;

struct sim_node {
	struct sim *sim;
	unsigned idx, id;
	bool host_up;
	struct gab_core *core; /* NULL: no gabd */
	unsigned lives;
	bool paused;
	struct sim_input *stalled, **stalled_tail;
	uint64_t tick_at; /* of the earliest tick event that is due */
	struct sim_client client[SIM_PORTS];
	/* the checker's */
	struct gab_vid vid;
	bool fresh;
	unsigned put_out; /* fresh views */
};

struct sim_msg {
	struct sim_msg *next;
	size_t len;
	uint8_t data[];
};

/* One direction of a pair: what src sends to dst, and src's lltd's idea of dst. */
struct sim_dir {
	bool open;
	uint32_t session;
	uint64_t last; /* time of the last arrival: order is kept */
	uint64_t delay;
	struct sim_msg *limbo, **limbo_tail; /* arrived where it cannot be taken yet */
};

struct sim_pair {
	bool cut;
	bool broken; /* no session, or one that at least one end has given up */
	bool connecting;
	uint32_t session;
	uint32_t epoch;  /* messages of an older one are lost */
	uint32_t cut_no; /* counts cuts: a detection belongs to one */
	struct sim_dir dir[2]; /* [0]: lower to higher index */
};

struct sim_conf {
	uint64_t seed;
	unsigned views;  /* per seed */
	unsigned breaks; /* enum gab_break */
	unsigned nodes;  /* 0 = as the seed says */
	bool split;      /* split_run() in place of sim_run() */
	bool trace;
};

struct sim_event;

struct sim {
	struct sim_conf conf;
	uint64_t rng;
	uint64_t now, seq;
	struct sim_event **heap;
	size_t heap_len, heap_size;
	unsigned nodes;
	struct sim_node node[SIM_NODES];
	struct sim_pair pair[SIM_NODES][SIM_NODES]; /* [low][high] */
	struct gab_core_conf core_conf;
	uint64_t latency, detect; /* typical */
	bool quiet; /* no more faults and messages */
	uint64_t next_uid;
	struct chk *chk;
	/* results */
	uint64_t views, messages, unicasts, fresh_views, catchups, fills, watchdogs, retries;
	char violation[400];
};

/* ---- world.c ---- */
void sim_new(struct sim *, const struct sim_conf *);
void sim_free(struct sim *);
/* Until the views are reached, then in peace until all is well or the time is over. */
void sim_run(struct sim *);
void sim_run_for(struct sim *, uint64_t time);
/* False, and a violation, if the cluster is not whole in that time. */
bool sim_wait_whole(struct sim *, uint64_t time);
void sim_trace(struct sim *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_fail(struct sim *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t sim_rand(struct sim *, uint64_t below);
bool sim_chance(struct sim *, unsigned percent);

enum sim_event_type {
	SIM_EV_DELIVER, /* a -> b */
	SIM_EV_DETECT,  /* a notices that the network to b is gone */
	SIM_EV_LOST,    /* a learns that the session with b is gone */
	SIM_EV_CONNECT, /* a and b find each other */
	SIM_EV_UP,      /* a's end of the session with b is open */
	SIM_EV_RELEASE, /* what waits for b from a may go on */
	SIM_EV_TICK,    /* a's timer */
	SIM_EV_RESUME,  /* a runs again */
	SIM_EV_CLIENT,  /* a's clients do something */
	SIM_EV_FAULT,
};

struct sim_event {
	uint64_t at, seq;
	enum sim_event_type type;
	unsigned a, b;
	uint32_t x, y;
	struct sim_msg *msg;
};
struct sim_event *sim_at(struct sim *, uint64_t delay, enum sim_event_type, unsigned a, unsigned b);

/* A node's inputs wait while it is paused. */
enum sim_input_type { SIM_IN_UP, SIM_IN_DOWN, SIM_IN_RECV };
void sim_input(struct sim *, unsigned node, enum sim_input_type, unsigned peer, uint32_t session,
    const uint8_t *, size_t);
void sim_arm(struct sim *, struct sim_node *); /* after any call into its core */
void sim_pause(struct sim *, unsigned node, uint64_t time);
void sim_gabd_start(struct sim *, unsigned node);
void sim_gabd_kill(struct sim *, unsigned node);

/* ---- net.c ---- */
void net_init(struct sim *);
void net_free(struct sim *);
void net_send(struct sim *, unsigned src, unsigned dst, const uint8_t *, size_t);
void net_event(struct sim *, struct sim_event *);
void net_cut(struct sim *, unsigned a, unsigned b, bool cut);
void net_host(struct sim *, unsigned node, bool up);
/* Tells a new core which sessions are open. */
void net_snapshot(struct sim *, unsigned node);
struct sim_dir *net_dir(struct sim *, unsigned src, unsigned dst);

/* ---- fault.c ---- */
void fault_event(struct sim *);
void fault_heal(struct sim *);

/* ---- split.c ---- */
void split_run(struct sim *);

/* ---- client.c ---- */
extern const unsigned client_port[SIM_PORTS];
void client_event(struct sim *, unsigned node);
void client_gone(struct sim *, unsigned node); /* its gabd died */
void client_room(struct sim *, unsigned node, unsigned port);
int client_of_port(unsigned port);

/* ---- check.c ---- */
void chk_new(struct sim *);
void chk_free(struct sim *);
void chk_node_view(struct sim *, struct sim_node *, const struct gab_node_view *);
void chk_port_view(struct sim *, struct sim_node *, unsigned port, uint32_t inst,
    const struct gab_ev_view *);
void chk_message(struct sim *, struct sim_node *, unsigned port, uint32_t inst,
    const struct gab_ev_msg *);
void chk_bounds(struct sim *, struct sim_node *);
/* Is the cluster whole? why gets the reason if not. */
bool chk_whole(struct sim *, char *why, size_t size);

#endif
