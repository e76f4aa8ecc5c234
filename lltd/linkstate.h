/* SPDX-License-Identifier: ISC */
/*
 * One peer on one link: up, in trouble or inactive by how long it has been silent. A link on which it
 * does not hear us is not up either, for what we send there is lost. Pure; times in ns.
 */
#ifndef CLUA_LLTD_LINKSTATE_H
#define CLUA_LLTD_LINKSTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/llt_ctl.h"
#include "proto/llt_frame.h"

struct llt_timers {
	uint64_t heartbeat[2]; /* by enum llt_link_prio */
	uint64_t trouble[2];
	uint64_t inactive;
};

struct linkstate {
	uint8_t state; /* enum llt_link_state */
	uint8_t prio;
	bool known; /* addr was learned */
	uint8_t addr[LLT_ADDR_LEN];
	bool silent;        /* for longer than it takes to be in trouble */
	bool deaf;          /* it does not hear us, or has not said that it does */
	uint64_t heard;     /* last sign of life */
	uint32_t hb_sent;   /* sequence number of the last one sent */
	uint32_t hb_seen;   /* highest received in this session; 0 = none */
	uint64_t hb_seen_at;
	uint64_t hb_late;   /* heartbeats that came more than half a period late */
	uint64_t hb_lost;   /* gaps in the sequence */
};

/* An authentic frame. True if the state changed. */
bool linkstate_heard(struct linkstate *, uint64_t now);
/* What the peer says about hearing us. True if the state changed. */
bool linkstate_set_deaf(struct linkstate *, bool deaf);
/* Do we hear the peer? */
bool linkstate_hears(const struct linkstate *);
/* Accounts a heartbeat (not the sign of life). period_ns: what the sender keeps. */
void linkstate_heartbeat(struct linkstate *, uint32_t seq, uint64_t period_ns, uint64_t now);
/* The clock went on. True if the state changed. */
bool linkstate_check(struct linkstate *, const struct llt_timers *, uint64_t now);
/* Inactive at once; the learned address stays. True if the state changed. */
bool linkstate_down(struct linkstate *);
/* When linkstate_check() has to be called next; UINT64_MAX = never. */
uint64_t linkstate_deadline(const struct linkstate *, const struct llt_timers *);
/* We ourselves were late by so much: the silence of that time is not the peer's. */
void linkstate_discount(struct linkstate *, uint64_t late, uint64_t now);
/* A new session: numbering starts again. */
void linkstate_reset(struct linkstate *);

#endif
