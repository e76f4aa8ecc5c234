/* SPDX-License-Identifier: ISC */
/*
 * How a routing daemon is told that its file has changed, and how its answer is had: one
 * implementation for each daemon, none of which waits.
 */
#ifndef CLUA_ALIASD_TELL_H
#define CLUA_ALIASD_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "aliasd/route/route.h"
#include "aliasd/route/route_text.h"

struct ev_loop;

#define TELL_TIMEOUT (10000000000ull) /* ns */

struct tell_conf { /* stays the caller's and outlives it */
	const char *file;
	const char *socket;  /* BIRD: its control socket; FRR: the folder of the daemons' sockets */
	const char *command; /* FRR: vtysh; gated: what makes it read its file. Words between blanks. */
	uint64_t timeout;    /* ns: an answer that takes longer is a failure; TELL_TIMEOUT, but in tests */
};

struct tell_events {
	/* One for each begin(). */
	void (*on_done)(bool ok, const char *text, void *arg);
	/* After a success: the daemon is gone, and what it had may be too. */
	void (*on_lost)(const char *why, void *arg);
};

struct tell_ops {
	void *(*new)(struct ev_loop *, const struct tell_conf *, const struct tell_events *, void *arg);
	void (*free)(void *); /* without a callback */
	/* set and spec stay the caller's; they are read before it returns, or copied. */
	void (*begin)(void *, const struct route_spec *, const struct route_set *);
};

extern const struct tell_ops tell_bird, tell_frr, tell_gated;

/* For their use: words of a command; list has room for max, ends with NULL. Changes text. */
void tell_words(char *text, const char **list, size_t max);
/* The first line of what a command printed that says something, or "exit status N". */
struct child_result;
void tell_reason(const struct child_result *, const char *command, char *out, size_t size);

#endif
