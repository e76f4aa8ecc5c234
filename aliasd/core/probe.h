/* SPDX-License-Identifier: ISC */
/*
 * Is our packet program where the LAN's frames come by? It is once it has seen a frame of another
 * member's; until then each interface asks for one, more and more seldom. Pure: no clock, no sockets.
 */
#ifndef CLUA_ALIASD_PROBE_H
#define CLUA_ALIASD_PROBE_H

#include <stdbool.h>
#include <stdint.h>

struct probe;

struct probe *probe_new(void);
void probe_free(struct probe *);
/* An interface that is not proven, or not any more; it asks at once. */
void probe_add(struct probe *, uint32_t ifindex, uint64_t now);
void probe_del(struct probe *, uint32_t ifindex);
/* True if that is news. */
bool probe_prove(struct probe *, uint32_t ifindex);
bool probe_is_proven(const struct probe *, uint32_t ifindex);
/*
 * Calls ask for each interface whose turn it is; tries: how often it has asked before. Answers when it
 * is to be called again, in the time of now; 0 = not before something changes.
 */
uint64_t probe_run(struct probe *, uint64_t now,
    void (*ask)(uint32_t ifindex, unsigned tries, void *arg), void *arg);

#endif
