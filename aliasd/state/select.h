/* SPDX-License-Identifier: ISC */
/* The two choices every member makes alike: who routes an alias, and who gets a service's connections. */
#ifndef CLUA_ALIASD_SELECT_H
#define CLUA_ALIASD_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEL_NO_NODE 0xffff

struct sel_target {
	uint16_t node;   /* SEL_NO_NODE: refuse */
	uint16_t weight; /* > 0 */
};

struct sel_candidate { /* a member that joined the alias and listens */
	uint16_t node;
	uint16_t selw, selp;
};

/*
 * Fills out, which has room for n + 1, in ascending order of nodes, and says how many. 0 = nobody
 * listens. A single target SEL_NO_NODE = somebody listens but nobody may get anything.
 *
 * candidates stand in the order in which they began to listen; present is the active member of an
 * in_single service before, or SEL_NO_NODE; *active the one from now on. In_single stays where it
 * is as long as it may.
 */
size_t select_targets(uint16_t attrs, const struct sel_candidate *, size_t n, uint16_t present,
    uint16_t *active, struct sel_target *out);

struct sel_router {
	uint16_t node;
	uint16_t rpri;
	bool eligible; /* attached, and holds every member's connections */
};

/*
 * The ARP master: the highest rpri; a tie keeps the present one, else the lowest node id. rpri 0 only
 * when every eligible member has 0. SEL_NO_NODE if there is none.
 */
uint16_t select_master(const struct sel_router *, size_t n, uint16_t present);

#endif
