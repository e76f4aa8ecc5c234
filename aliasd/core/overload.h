/* SPDX-License-Identifier: ISC */
/*
 * When a member is overloaded, and how many of its clients others are to take (inbound=balance): a step
 * down when it has been too much for some seconds, a step up when it would be well below even then, for
 * long; longer each time that a step up had to be taken back. Pure; times in ns.
 */
#ifndef CLUA_ALIASD_OVERLOAD_H
#define CLUA_ALIASD_OVERLOAD_H

#include <stdbool.h>
#include <stdint.h>

#define OVERLOAD_STEPS 4 /* 0: not overloaded */

struct overload { /* all zero at first */
	uint8_t step;
	uint64_t hot_since, cool_since; /* 0 = it is not so */
	uint64_t down_at, up_at;        /* the last step each way, 0 = none */
	uint64_t patience;
};

/* load: in percent of what is allowed; to be said about once a second. True if the step is another. */
bool overload_look(struct overload *, uint32_t load, uint64_t now);
/* Of a member's usual clients, in percent. */
unsigned overload_share(uint8_t step);

#endif
