/* SPDX-License-Identifier: ISC */
/*
 * Which sequence numbers of a sender were seen: a window that slides with the highest one. Links
 * reorder, so it is wide; what is older than the window counts as replayed.
 */
#ifndef CLUA_LLTD_REPLAY_H
#define CLUA_LLTD_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_BITS 8192 /* a power of two */

struct replay {
	uint64_t top; /* highest seen; 0 = none */
	uint64_t bits[REPLAY_BITS / 64];
};

void replay_init(struct replay *);
/* Is seq new? To be asked before authentication, which costs more. */
bool replay_fresh(const struct replay *, uint64_t seq);
/* After authentication: marks seq as seen. */
void replay_mark(struct replay *, uint64_t seq);

#endif
