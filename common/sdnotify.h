/* SPDX-License-Identifier: ISC */
/*
 * The service manager's notification protocol: datagrams to the socket named in NOTIFY_SOCKET.
 * Without that variable every call does nothing.
 */
#ifndef CLUA_COMMON_SDNOTIFY_H
#define CLUA_COMMON_SDNOTIFY_H

#include <stdint.h>

struct sdnotify;

/* Takes its variables out of the environment, so that no child speaks for us. NULL: out of memory. */
struct sdnotify *sdnotify_new(void);
void sdnotify_free(struct sdnotify *);
void sdnotify_ready(struct sdnotify *, const char *status);
void sdnotify_status(struct sdnotify *, const char *status);
/* To be followed by sdnotify_ready() when the reload is over, however it ended. */
void sdnotify_reloading(struct sdnotify *);
void sdnotify_stopping(struct sdnotify *);
/* How often sdnotify_watchdog() is wanted, in ns: half of what would be too late. 0: not at all. */
uint64_t sdnotify_watchdog_interval(const struct sdnotify *);
void sdnotify_watchdog(struct sdnotify *);

#endif
