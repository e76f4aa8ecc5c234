/* SPDX-License-Identifier: ISC */
/*
 * Several cores on an imaginary network: links that lose, double, delay and reorder frames by seed, cables
 * that are cut, nodes that sleep, die and are born again. Time is simulated; a run depends on the seed only.
 */
#ifndef CLUA_TESTS_LLT_NET_H
#define CLUA_TESTS_LLT_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "lltd/core.h"

#define MS NSEC_PER_MSEC
#define NET_NODES 4
#define NET_FRAMES 20000

struct net_node {
	struct core *core; /* NULL: switched off */
	bool asleep;       /* frames pile up, nothing is run */
	bool cut[LLT_MAX_LINKS]; /* its cable, at the switch */
	bool dumb[LLT_MAX_LINKS]; /* the half of it that it sends on */
	char refused[320];       /* what the start check said */
	bool checked;
	unsigned node_events, link_events, drained;
	uint64_t got[NET_NODES][LLT_MAX_PORTS]; /* the next number expected */
	uint64_t dgrams;
	bool deaf; /* no client has its ports open */
};

struct net_frame {
	uint64_t at;
	unsigned to, link;
	uint8_t src[6];
	size_t len;
	uint8_t *bytes;
};

struct net {
	unsigned nnodes;
	uint64_t now;
	unsigned loss, dup;     /* per mille */
	bool patient;           /* what net_send() sends */
	unsigned mute;          /* 1 + the node that nothing reaches; 0 = none */
	uint64_t delay, jitter; /* ns */
	struct core_conf conf;  /* of all nodes; node and name are set for each */
	struct llthosts hosts;
	struct net_node node[NET_NODES + 1]; /* the last: an intruder that has another's id */
	struct net_frame heap[NET_FRAMES];
	unsigned nframes;
	/* Sees every frame that is sent, before the network has it. */
	void (*tap)(unsigned from, unsigned link, const uint8_t *frame, size_t len);
};

extern struct net net;

void net_start(unsigned nnodes, unsigned nlinks, unsigned seed); /* profile fast, no node is on yet */
void net_stop(void);
void net_on(unsigned i);
void net_on_as(unsigned i, uint16_t node, const char *name); /* under another name */
void net_off(unsigned i);                                    /* power cut */
void net_run(uint64_t ns);
/* Runs until all nodes that are on have all links up to each other; fails after so long. */
void net_form(uint64_t limit);
void net_mac(unsigned i, unsigned link, uint8_t mac[6]);
void net_carrier(unsigned i, unsigned link, bool up);
/* Message number n of this (from, to, port); its length and content follow from n. */
void net_send(unsigned from, unsigned to, uint8_t port, uint64_t n);
uint64_t net_stat(unsigned i, enum stat);
uint64_t net_drops(unsigned i); /* sum of all reasons */
bool net_open(unsigned i, unsigned peer);
uint32_t net_session(unsigned i, unsigned peer); /* which it is, from 1; 0: there was none */
uint8_t net_link(unsigned i, unsigned peer, unsigned link); /* enum llt_link_state */

#endif
