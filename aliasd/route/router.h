/* SPDX-License-Identifier: ISC */
/*
 * Brings what the routing daemon has in line with what it should have: writes the file, tells the
 * daemon, waits for its answer, tries again when it failed. One telling at a time; changes meanwhile
 * make one more. Pure: what is to be done goes through ops, and time comes in.
 */
#ifndef CLUA_ALIASD_ROUTER_H
#define CLUA_ALIASD_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTER_RETRY (2000000000ull) /* ns */
#define ROUTER_TEXT_MAX 256

struct router;

struct router_ops {
	/* 1: written, 0: it says so already, -1: failed, why says how. */
	int (*write)(const char *text, size_t len, char *why, size_t size, void *arg);
	/* router_told() follows, not from inside. */
	void (*tell)(void *arg);
	/* At that time router_tick() is to be called; 0 = never. */
	void (*timer)(uint64_t at, void *arg);
	/* state or text is another; also when it is settled. */
	void (*on_state)(void *arg);
};

enum router_state {
	ROUTER_IDLE,    /* nothing was asked for yet */
	ROUTER_PENDING, /* on its way */
	ROUTER_DONE,    /* the daemon has confirmed it */
	ROUTER_FAILED,  /* router_text() says why; it is tried again */
	ROUTER_PAUSED,  /* the daemon is left alone */
};

struct router *router_new(const struct router_ops *, void *arg);
void router_free(struct router *);

/* What the file should say; takes text (from malloc). */
void router_set(struct router *, char *text, size_t len, uint64_t now);
void router_pause(struct router *, bool, uint64_t now);
/* The answer to tell(). */
void router_told(struct router *, bool ok, const char *text, uint64_t now);
/* The daemon is gone or was started anew. */
void router_lost(struct router *, const char *why, uint64_t now);
/* Once more, whatever was confirmed. */
void router_again(struct router *, uint64_t now);
void router_tick(struct router *, uint64_t now);

enum router_state router_state(const struct router *);
const char *router_text(const struct router *); /* the last answer or failure */
/* Nothing is under way: done, failed or left alone. */
bool router_settled(const struct router *);

#endif
