/* SPDX-License-Identifier: ISC */
/*
 * Does the master of an alias answer ARP? Another member looks, by asking as a client does: the one with
 * the next higher node id of those on the alias's subnet, after the highest the lowest. If it hears
 * nothing it has the master announce itself, and looks again; if it hears nothing then either, it asks
 * the others on the subnet what they hear, for it may be deaf itself. When most of them hear nothing and
 * none hears the master, it is marked as silent and another becomes master. Pure; times in ns.
 */
#ifndef CLUA_ALIASD_VIGIL_H
#define CLUA_ALIASD_VIGIL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIGIL_NEVER UINT64_MAX

struct vigil;

struct vigil_ops {
	void (*check)(struct in_addr, uint16_t master, void *arg); /* ends in vigil_heard() or vigil_silence() */
	void (*announce)(struct in_addr, uint16_t master, void *arg);
	/* Asks the others; says how many there are. */
	size_t (*opinions)(struct in_addr, uint16_t master, void *arg);
	/* With nobody else to ask: do we hear anything at all on the LAN? */
	bool (*hears)(void *arg);
	void (*mark)(struct in_addr, uint16_t master, void *arg);
	/* It is not marked, for it may be our fault. */
	void (*unsure)(struct in_addr, uint16_t master, void *arg);
};

/* Who looks after this master, of those attached; LLT ids ascending. master if there is nobody else. */
uint16_t vigil_choose(uint16_t master, const uint16_t *attached, size_t n);

struct vigil *vigil_new(const struct vigil_ops *, void *arg);
void vigil_free(struct vigil *);
void vigil_silence(struct vigil *, struct in_addr, uint16_t master, uint64_t now);
void vigil_heard(struct vigil *, struct in_addr);
void vigil_opinion(struct vigil *, struct in_addr, uint16_t master, bool heard, uint64_t now);
/* Nothing is in doubt any more: the master is another, or we are not the one who looks. */
void vigil_drop(struct vigil *, struct in_addr);
void vigil_clear(struct vigil *);
/* Returns when to call again, or VIGIL_NEVER. */
uint64_t vigil_run(struct vigil *, uint64_t now);

#endif
