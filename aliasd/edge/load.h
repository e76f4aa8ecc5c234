/* SPDX-License-Identifier: ISC */
/* How busy this host is with what it receives: read from /proc, from one look to the next. */
#ifndef CLUA_ALIASD_LOAD_H
#define CLUA_ALIASD_LOAD_H

#include <stdint.h>

#include "aliasd/edge/lan.h"

struct load;

struct load_seen { /* in the time since the last look; 0 too where the kernel does not say */
	uint32_t receive; /* % of its speed, of the LAN interface that receives the most of its own */
	uint32_t drops;   /* packets a second that the host had no time for */
	uint32_t cpu;     /* % of the time that something ready to run waited for a processor */
};

struct load *load_new(void);
void load_free(struct load *);
/* now in ns. All 0 the first time. */
struct load_seen load_look(struct load *, const struct lan *, uint64_t now);

#endif
