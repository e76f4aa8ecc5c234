/* SPDX-License-Identifier: ISC */
/* Real time: what a daemon with deadlines of milliseconds asks of the system. */
#ifndef CLUA_COMMON_RT_H
#define CLUA_COMMON_RT_H

#include <stdbool.h>

/*
 * Keeps all memory, present and future, from being paged out. 0, or -1 and errno. EPERM: the limit on
 * locked memory is so low that later allocations could fail because of it; nothing was locked then.
 */
int rt_lock_memory(void);
/* Whether this thread runs under a real-time policy (set by the unit, or by chrt). */
bool rt_is_realtime(void);

#endif
