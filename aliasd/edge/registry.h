/* SPDX-License-Identifier: ISC */
/*
 * What programs of this host have registered, so that it can be said again to a group that does not
 * know it, and be ended with the program. Kept in a file over a restart of the daemon. Who is notified
 * of the end of a process is the caller.
 */
#ifndef CLUA_ALIASD_REGISTRY_H
#define CLUA_ALIASD_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/alias_api.h"

#define REGISTRY_SAVED RUNDIR "/aliasd.registered"

struct registry;

struct registry_entry {
	struct alias_api api; /* of a common port: port_h is 0 until it is known */
	pid_t pid;            /* whose end is its end; 0 = nobody's */
	uint64_t started;     /* of that process, in ticks since boot: a pid alone may be another's */
	uint64_t token;       /* while it is being asked for; 0 = the group knows it, or is to be told */
	bool in_force;        /* in the group's state */
	bool kept;            /* it was at some time, and is to be again */
	void *watch; /* the caller's */
};

/* Reads the file, if there is one; what was registered by programs that are gone is left out. */
struct registry *registry_new(const char *file);
void registry_free(struct registry *); /* keeps the file */

/* The same again, by the same program, is one entry. Lives until it is removed. */
struct registry_entry *registry_add(struct registry *, const struct alias_api *, pid_t);
void registry_remove(struct registry *, struct registry_entry *);
struct registry_entry *registry_by_token(struct registry *, uint64_t token); /* or NULL */
/* Other entries for the same port, or the same program of RPC. */
size_t registry_others(const struct registry *, const struct registry_entry *);
/* Whether a process other than this one of this host holds it. */
bool registry_held_by_other(const struct registry *, const struct alias_api *, pid_t);
/* fn may remove the entry it is given. */
void registry_each(
    struct registry *, void (*fn)(struct registry_entry *, void *arg), void *arg);
/* Writes the file anew; logged if that is not possible. */
void registry_store(const struct registry *);

/* In ticks since boot; 0 if there is no such process. */
uint64_t registry_process_start(pid_t);

#endif
