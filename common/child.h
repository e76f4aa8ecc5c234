/* SPDX-License-Identifier: ISC */
/*
 * Commands that a daemon runs without waiting for them. The command has its own process group, an
 * ordinary scheduling policy, default signals, no input, and none of our files; what it prints is
 * gathered.
 */
#ifndef CLUA_COMMON_CHILD_H
#define CLUA_COMMON_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct child;

#define CHILD_OUT_MAX ((size_t)8 << 20) /* what is printed beyond is dropped */

struct child_result {
	int status;      /* exit status, or 128 + signal */
	bool timed_out;  /* it was killed for that */
	const char *out; /* standard output and error, with a NUL behind; lives as long as the callback */
	size_t len;
};

typedef void child_done(const struct child_result *, void *arg);

/*
 * argv ends with NULL; argv[0] is searched for in PATH. env as for execve(2), or NULL for our own. done
 * comes from the loop, once, and may start another. NULL and errno if it cannot be started at all.
 */
struct child *child_run(struct ev_loop *, const char *const *argv, char *const *env,
    uint64_t timeout_ns, child_done *, void *arg);
/* Kills it, without a callback. NULL is fine; not to be called from or after its callback. */
void child_free(struct child *);

#endif
