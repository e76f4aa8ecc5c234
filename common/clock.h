/* SPDX-License-Identifier: ISC */
/* Time: CLOCK_MONOTONIC nanoseconds everywhere. Pure cores get `now` as an argument, never from here. */
#ifndef CLUA_COMMON_CLOCK_H
#define CLUA_COMMON_CLOCK_H

#include <stdint.h>

#define NSEC_PER_USEC 1000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC 1000000000ull

uint64_t clock_ns(void);

#endif
