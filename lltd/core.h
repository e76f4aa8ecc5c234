/* SPDX-License-Identifier: ISC */
/*
 * The whole of lltd without sockets and clocks: frames, messages and the time go in; frames, messages
 * and events come out through struct core_ops. `now` is CLOCK_MONOTONIC in ns and never 0.
 *
 * After any number of core_input() and core_send() calls comes one core_flush(), which sends what they
 * made possible. Ops may call the functions that read, but none of those that take `now`.
 */
#ifndef CLUA_LLTD_CORE_H
#define CLUA_LLTD_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/llthosts.h"
#include "lltd/linkstate.h"
#include "lltd/stats.h"
#include "proto/llt_ctl.h"
#include "proto/llt_frame.h"

struct core;

enum core_balance { CORE_ROUNDROBIN, CORE_DESTINATION };

struct core_link_conf {
	uint8_t kind;    /* enum llt_link_kind */
	uint8_t prio;    /* enum llt_link_prio */
	uint32_t burst;  /* data frames back to back */
};

struct core_conf {
	uint16_t cluster;
	uint16_t node;
	char name[LLT_NAME_MAX];
	struct llt_timers timers;
	uint64_t check_ns; /* how long the start check listens; 0 = none */
	uint8_t balance;   /* enum core_balance */
	const uint8_t *key; /* 32 bytes, copied; NULL = no authentication */
	unsigned nlinks;
	struct core_link_conf link[LLT_MAX_LINKS];
	const struct llthosts *hosts; /* the caller's; must outlive the core */
};

struct core_ops {
	/* A frame, without the header of the link. dst is a peer's address, or llt_addr_all. */
	void (*transmit)(void *arg, unsigned link, const uint8_t *dst, const uint8_t *frame, size_t len);
	/* A message for the owner of a port; false: it has none. */
	bool (*deliver)(void *arg, const struct llt_ctl_recv *);
	void (*node_changed)(void *arg, uint16_t node);
	void (*link_changed)(void *arg, uint16_t node, unsigned link);
	/* The queue to a node that was congested has room again, or is gone. */
	void (*drained)(void *arg, uint16_t node);
	void (*random)(void *arg, void *buf, size_t len);
	/* The start check is over: why is NULL, or the one line that says why we must not run. */
	void (*checked)(void *arg, const char *why);
};

/* Begins with the start check; all links are down until core_carrier(). NULL: no memory. */
struct core *core_new(const struct core_conf *, const struct core_ops *, void *arg, uint64_t now);
void core_free(struct core *);
void core_bye(struct core *, uint64_t now); /* tells all peers that we end on purpose */

/* A frame that came on link from the station src; without the header of the link. */
void core_input(struct core *, unsigned link, const uint8_t *src, const uint8_t *frame, size_t len,
    uint64_t now);
/* One that the network should not have brought to us. */
void core_input_stray(struct core *, unsigned link);
/*
 * State of our own link. mtu: longest frame, without the header of the link. One that goes down is
 * inactive for all peers at once.
 */
void core_carrier(struct core *, unsigned link, bool up, const uint8_t addr[LLT_ADDR_LEN],
    uint32_t ifindex, size_t mtu, uint64_t now);
/*
 * A link of ours ends, or is to be another one: down at once, and what was learned there is forgotten. Peers
 * are told not to use it any more, if the frame that says so is still sent.
 */
void core_link_close(struct core *, unsigned link);
/* The links from now on. Those that are others than before were closed, and come by core_carrier(). */
void core_set_links(struct core *, unsigned nlinks, const struct core_link_conf *);
void core_flush(struct core *, uint64_t now);
/* To be called at core_next(), after all frames that had arrived by then were put in. */
void core_tick(struct core *, uint64_t now);
uint64_t core_next(const struct core *);

/*
 * Sends to each of the nodes that is OPEN. True if one of them has now so much queued that the
 * sender should wait for drained(): core_congested() says which.
 */
bool core_send(struct core *, const struct llt_ctl_send *, uint64_t now);
bool core_congested(const struct core *, uint16_t node);
/* The owner of a port is gone: what has begun to arrive for it is dropped. */
void core_port_closed(struct core *, uint8_t port);
/* hosts: the same names, in a place that lives longer. */
void core_set_timers(
    struct core *, const struct llt_timers *, const struct llthosts *hosts, uint64_t now);

/* ---- what there is to see ---- */
struct core_link_info {
	bool carrier;
	uint8_t prio;
	uint32_t burst;
	uint32_t ifindex;
	uint8_t addr[LLT_ADDR_LEN];
	size_t mtu;
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
	uint64_t hb_late, hb_lost;
};

void core_self(const struct core *, struct llt_ev_self *);
/* False: no such node, or it is us. seq and ifname are the caller's to fill in. */
bool core_node_info(const struct core *, uint16_t node, struct llt_ev_node *);
bool core_link_state(const struct core *, uint16_t node, unsigned link, struct llt_ev_link *);
void core_link_info(const struct core *, unsigned link, struct core_link_info *);
/* Nodes with which something was exchanged through this port in their session; returns how many. */
unsigned core_port_peers(const struct core *, uint8_t port, uint16_t *nodes, unsigned max);
const struct stats *core_stats(struct core *);
bool core_running(const struct core *); /* the start check is passed */
/* A node with a session that none but these links (a bit each) reaches; -1: there is none. */
int core_depends_on(const struct core *, uint32_t links);

#endif
