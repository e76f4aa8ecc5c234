/* SPDX-License-Identifier: ISC */
/* What edge.c and edge_link.c know of each other. */
#ifndef CLUA_LLTD_EDGE_PRIV_H
#define CLUA_LLTD_EDGE_PRIV_H

#include <stdbool.h>

#include "lltd/edge.h"
#include "lltd/lltd_conf.h"

struct edge_link {
	struct edge *edge;
	unsigned index;
	uint32_t ifindex; /* of a UDP link: which has its address; 0: none */
	uint8_t addr[LLT_ADDR_LEN];
	size_t path_mtu; /* of a UDP link: what the kernel has learned; 0: nothing */
	struct linksock *sock;
	struct ev_io *io;
};

struct edge {
	struct ev_loop *loop;
	const struct lltd_conf *conf;
	struct core *core;
	struct netlink *netlink;
	struct ev_timer *timer;
	struct ev_timer *measure; /* UDP links: what the kernel learned of their ways */
	struct ev_timer *soon; /* one flush for all that happens in this round of the loop */
	uint64_t timer_at;
	bool kicked;
	struct edge_link link[LLT_MAX_LINKS];
};

/* ---- edge.c ---- */
void edge_on_readable(int fd, void *link);

/* ---- edge_link.c ---- */
extern const struct netlink_ops edge_netlink_ops;
/* By what the table of interfaces says. False: it is not there; logged. */
bool edge_link_find(struct edge_link *);
void edge_link_close(struct edge_link *);
/* The timer that looks at the ways of UDP links. */
void edge_link_measure(void *edge);

#endif
