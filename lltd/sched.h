/* SPDX-License-Identifier: ISC */
/*
 * Which link the next data frame takes. Round robin with bursts over the usable high-priority links,
 * or by destination; the first usable low-priority link when there is none. Sets are bit masks by link.
 */
#ifndef CLUA_LLTD_SCHED_H
#define CLUA_LLTD_SCHED_H

#include <stdint.h>

#include "proto/llt_ctl.h"

struct sched {
	uint8_t link; /* the burst goes on here … */
	uint32_t left; /* … for so many frames */
};

#define SCHED_START { .link = LLT_MAX_LINKS - 1, .left = 0 } /* so that the first link is next */

/* burst[]: frames back to back, per link, at least 1. -1: no usable link. */
int sched_roundrobin(struct sched *, uint8_t high, uint8_t low, const uint32_t *burst);
/* The same (node, port) takes the same link as long as the set of links stays. */
int sched_destination(uint16_t node, uint8_t port, uint8_t high, uint8_t low);

#endif
