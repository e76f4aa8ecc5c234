/* SPDX-License-Identifier: ISC */
/* What the parts of the core share: its state, put together from theirs, and how to send. */
#ifndef CLUA_GABD_CORE_PRIV_H
#define CLUA_GABD_CORE_PRIV_H

#include "gabd/conn.h"
#include "gabd/coord.h"
#include "gabd/core.h"
#include "gabd/order.h"
#include "gabd/port.h"
#include "gabd/topo.h"
#include "gabd/view.h"

#define CORE_NEVER UINT64_MAX

struct core_loop; /* a message to ourselves */

struct gab_core {
	struct gab_core_conf conf;
	const struct gab_core_ops *ops;
	void *arg;
	uint64_t now, started;
	bool stopped;
	bool seeded;
	bool reconsider; /* something that the coordinator's decision rests on has changed */
	uint32_t gen;    /* highest seen */
	struct conn_state conn;
	struct topo_state topo;
	struct view_state view;
	struct coord_state coord;
	struct order_state order;
	struct port_state port;
	struct gab_core_stats stats;
	struct core_loop *loop_head, **loop_tail;
	struct wire_wr wr;
	uint8_t tx[GAB_MSG_MAX];
};

/* Zeroed memory. Sizes are bounded by the tables, so failure means the machine is lost: aborts. */
void *core_alloc(size_t);

/* One message at a time: begin, encode, then one of the sends. */
struct wire_wr *core_begin(struct gab_core *, enum gab_msg_type);
/* To those of dst that are connected, ourselves included (by way of the loop). */
void core_send(struct gab_core *, const struct gab_set *dst);
void core_send_one(struct gab_core *, unsigned node);
/* To peers that lltd sees, connected or not: for HELLO. */
void core_send_unopened(struct gab_core *, const struct gab_set *dst);
/* To others, whose view does not wait for it: see gab_core_ops. */
void core_send_patiently(struct gab_core *, const struct gab_set *dst);

void core_conn_up(struct gab_core *, unsigned node);
void core_conn_down(struct gab_core *, unsigned node);
void core_trace(struct gab_core *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void core_note(struct gab_core *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline bool
core_breaks(const struct gab_core *core, enum gab_break what)
{
	return (core->conf.breaks & what) != 0;
}

#endif
