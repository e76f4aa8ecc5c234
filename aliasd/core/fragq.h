/* SPDX-License-Identifier: ISC */
/*
 * Fragments that came before the first of their datagram: held until it has come, then given back in
 * the order in which they came. Pure; times in ns.
 *
 * Everything is bounded: bytes held, and the time. The oldest go first when there is no room.
 */
#ifndef CLUA_ALIASD_FRAGQ_H
#define CLUA_ALIASD_FRAGQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aliasd/datapath/datapath.h"

#define FRAGQ_NEVER UINT64_MAX
#define FRAGQ_TIME 500000000ull
#define FRAGQ_BYTES (4u << 20)

struct fragq;

/* Gets back each fragment exactly once, in time or not. frame is the callee's to read only. */
typedef void fragq_fn(const uint8_t *frame, size_t len, void *arg);

struct fragq *fragq_new(fragq_fn *, void *arg);
void fragq_free(struct fragq *); /* gives nothing back */
void fragq_hold(struct fragq *, const struct dp_fragment *, const uint8_t *frame, size_t len, uint64_t now);
void fragq_release(struct fragq *, const struct dp_fragment *);
/* Gives back what has waited too long. Returns when to call again, or FRAGQ_NEVER. */
uint64_t fragq_run(struct fragq *, uint64_t now);
size_t fragq_bytes(const struct fragq *);

#endif
