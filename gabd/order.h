/* SPDX-License-Identifier: ISC */
/*
 * Total order inside a view. A member submits to the sequencer, which is the node that installed the
 * view; it numbers everything from 1 and sends it to all. Everybody keeps what it delivered until
 * all have it. What was submitted and not delivered when a view ends is submitted again in the next.
 */
#ifndef CLUA_GABD_ORDER_H
#define CLUA_GABD_ORDER_H

#include "proto/gab_msg.h"

struct gab_core;
struct order_item;

struct order_queue {
	struct order_item *head, **tail;
	size_t count, bytes;
};

struct order_peer { /* what the sequencer knows of a member */
	uint64_t acked;
	uint64_t oseq; /* last accepted, 0 = none in this view */
	unsigned waiting;
};

struct order_state {
	uint64_t high;   /* last delivered in this view */
	uint64_t stable; /* all members have up to here */
	uint64_t acked;  /* what we told the sequencer */
	size_t unacked_bytes;
	uint64_t ack_at;
	uint64_t oseq;               /* of our last own item */
	struct order_queue kept;     /* delivered, not stable */
	struct order_queue own;      /* ours, not delivered yet */
	struct order_item *unsent;   /* the first of own that was not submitted in this view */
	size_t out_count, out_bytes; /* submitted in this view, not delivered yet */
	/* the sequencer's */
	struct order_peer *peer; /* by node id */
	struct order_queue backlog;
	uint64_t assigned; /* last number given */
};

void order_init(struct gab_core *);
void order_fini(struct gab_core *);
uint64_t order_high(const struct gab_core *);
/* Begins a view. fresh: what was not delivered is dropped. */
void order_new_view(struct gab_core *, bool fresh);
/* Queues an item of our own; order_submit() sends. */
void order_queue_own(struct gab_core *, const struct gab_item *);
void order_submit(struct gab_core *);
void order_recv_submit(struct gab_core *, unsigned src, struct wire_rd *);
void order_recv_ordered(struct gab_core *, unsigned src, struct wire_rd *);
void order_recv_ack(struct gab_core *, unsigned src, const struct gab_ack *);
void order_recv_fill(struct gab_core *, unsigned src, struct wire_rd *);
/* Sends messages of the present view to one who lacks them. */
void order_fill(struct gab_core *, const struct gab_fetch *);
void order_tick(struct gab_core *);
uint64_t order_deadline(const struct gab_core *);

#endif
