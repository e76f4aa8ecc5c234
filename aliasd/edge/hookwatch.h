/* SPDX-License-Identifier: ISC */
/* Hears when packet programs are attached to interfaces and removed from them, by whomever. */
#ifndef CLUA_ALIASD_EDGE_HOOKWATCH_H
#define CLUA_ALIASD_EDGE_HOOKWATCH_H

#include <stdint.h>

struct ev_loop;
struct hookwatch;

/*
 * Calls fn from the loop for every interface whose qdiscs or filters changed, or the interface itself,
 * which may be its XDP program; ifindex 0: events were lost, it may be any. NULL, logged, if the kernel
 * cannot tell.
 */
struct hookwatch *hookwatch_open(
    struct ev_loop *, void (*fn)(uint32_t ifindex, void *arg), void *arg);
void hookwatch_close(struct hookwatch *);

#endif
