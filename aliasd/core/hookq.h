/* SPDX-License-Identifier: ISC */
/*
 * Scripts that wait for their turn: a queue in the order of the events, bounded. When it is full, an event
 * takes the place of an older one about the same thing, or else is dropped; both are counted. Pure.
 */
#ifndef CLUA_ALIASD_HOOKQ_H
#define CLUA_ALIASD_HOOKQ_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hook_event {
	HOOK_MASTER,           /* this member answers ARP for the alias */
	HOOK_BACKUP,           /* … does not any more */
	HOOK_MEMBER_UP,        /* another is a member */
	HOOK_MEMBER_DOWN,
	HOOK_SERVICE_ACTIVE,   /* this member is the active one of an in_single service */
	HOOK_SERVICE_INACTIVE,
	HOOK_QUORUM,
	HOOK_NO_QUORUM,
	HOOK_CONFLICT,         /* a foreign host has the address of an alias */
	HOOK_CONFLICT_OVER,
	HOOK_EVENTS
};
extern const char *const hook_event_word[HOOK_EVENTS + 2]; /* then "any", NULL */

struct hook_item {
	enum hook_event event;
	uint16_t hook; /* which of those configured */
	uint16_t node; /* that it is about */
	struct in_addr addr;
	uint8_t proto;
	uint16_t port_h;
	uint64_t seq;
	char text[64]; /* CONFLICT: the MAC */
};

struct hookq;

struct hookq *hookq_new(size_t max);
void hookq_free(struct hookq *);
void hookq_clear(struct hookq *);
void hookq_put(struct hookq *, const struct hook_item *);
bool hookq_get(struct hookq *, struct hook_item *); /* false: it is empty */
size_t hookq_count(const struct hookq *);
/* Events that found the queue full, since this was asked last. */
size_t hookq_coalesced(struct hookq *);
size_t hookq_dropped(struct hookq *);

#endif
