/* SPDX-License-Identifier: ISC */
/*
 * When to announce the aliases we are master of: at once, repeated over a second with growing pauses,
 * every 30 s, and again when somebody else claims one. Pure; times in ns.
 */
#ifndef CLUA_ALIASD_GARP_H
#define CLUA_ALIASD_GARP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GARP_NEVER UINT64_MAX

struct garp;

/* Who claims one of ours: a member that does not know better yet, or a host that has no business with it. */
enum garp_rival { GARP_MEMBER, GARP_FOREIGN };

struct garp *garp_new(void);
void garp_free(struct garp *);
/* Starts anew, also if it is announced already (a link came up, a dispute). */
void garp_start(struct garp *, struct in_addr, uint64_t now);
/* The same before all the others: it has clients that wait. */
void garp_start_urgent(struct garp *, struct in_addr, uint64_t now);
void garp_stop(struct garp *, struct in_addr);
void garp_stop_all(struct garp *);
bool garp_has(const struct garp *, struct in_addr);
void garp_restart_all(struct garp *, uint64_t now);
/*
 * Another host said that it has the address. True if that is answered now: a member at most five times a
 * second, a foreign host once in ten seconds (RFC 5227, 2.4). What comes in between is answered at the
 * end of that time, so that the last word is ours.
 */
bool garp_claim(struct garp *, struct in_addr, enum garp_rival, uint64_t now);
/*
 * both: as a request and as an answer, since there are hosts that listen to one of them alone. The first
 * time one is enough, so that it is the turn of all the sooner; unless it is urgent.
 */
typedef void garp_send(struct in_addr, bool both, void *arg);
/*
 * Calls send for those that are due, at most a few hundred in one go. Returns when to call again, or
 * GARP_NEVER.
 */
uint64_t garp_run(struct garp *, uint64_t now, garp_send *, void *arg);

#endif
