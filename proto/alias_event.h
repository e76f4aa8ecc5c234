/* SPDX-License-Identifier: ISC */
/*
 * What happens, as aliasd tells those who watch it (ALIAS_CTL_WATCH): first everything as it is, marked as
 * snapshot and ended by ALIAS_EV_SYNCED, then every change, numbered without gaps. Each says how things
 * are after it, so that a change that comes while the snapshot is still being sent does no harm.
 */
#ifndef CLUA_PROTO_ALIAS_EVENT_H
#define CLUA_PROTO_ALIAS_EVENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire.h"
#include "proto/alias_opts.h"

enum alias_event_type {
	ALIAS_EV_GROUP = 1,    /* on: this member (node) has the state of the group; off: what was told is void */
	ALIAS_EV_QUORUM = 2,   /* on: the group is quorate */
	ALIAS_EV_MEMBER = 3,   /* on: node is a member */
	ALIAS_EV_ALIAS = 4,    /* on: there is this alias */
	ALIAS_EV_MASTER = 5,   /* node is ARP master of it, after former */
	ALIAS_EV_SERVICE = 6,  /* on: somebody listens on the port; listeners; node: active one of in_single */
	ALIAS_EV_CONFLICT = 7, /* on: a foreign host has the address; text: its MAC */
	ALIAS_EV_SYNCED = 8,   /* the snapshot ends here */
	ALIAS_EV_MAX
};

#define ALIAS_EV_LISTENERS 64
#define ALIAS_EV_NO_NODE 0xffff

struct alias_event {
	uint64_t seq; /* 0 in the snapshot; of the last change in SYNCED */
	uint8_t type; /* enum alias_event_type */
	bool on, snapshot;
	uint16_t node, former; /* ALIAS_EV_NO_NODE: none */
	struct in_addr addr;   /* of the alias */
	uint8_t proto;
	uint16_t port_h;
	char name[ALIAS_NAME_MAX]; /* of the alias, or of the node */
	char text[64];
	uint16_t nlisteners;
	uint16_t listener[ALIAS_EV_LISTENERS]; /* the first of them, in order of their listening */
};

void alias_event_encode(struct wire_wr *, const struct alias_event *);
bool alias_event_decode(const uint8_t *, size_t, struct alias_event *);
/* "master", "member", …; NULL past the end. */
const char *alias_event_word(unsigned type);
/* Only those that are set: type, node and former none. */
struct alias_event alias_event_new(enum alias_event_type);

#endif
