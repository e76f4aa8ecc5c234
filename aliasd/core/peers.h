/* SPDX-License-Identifier: ISC */
/*
 * What the other members said of their LAN interfaces, and of their settings for virtual MACs: to tell
 * them from foreign hosts. It is kept of those that left: they are no strangers, and may still answer for
 * a moment. Pure.
 */
#ifndef CLUA_ALIASD_PEERS_H
#define CLUA_ALIASD_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/alias_msg.h"

struct peers;

struct peer_lan {
	bool vmac;
	uint8_t step; /* how overloaded it is: core/overload.h */
	uint8_t prefix[2];
	size_t n;
	const struct alias_lan *lan;
};

struct peers *peers_new(void);
void peers_free(struct peers *);
/* Takes the items out of the message. False if the node told the same before. */
bool peers_set(struct peers *, uint16_t node, struct alias_msg *);
void peers_clear(struct peers *);
/* False if the node has told nothing. Valid until the next change. */
bool peers_get(const struct peers *, uint16_t node, struct peer_lan *);
/* A LAN interface of a member has this MAC. */
bool peers_has_mac(const struct peers *, const uint8_t mac[6]);
/* A LAN interface of a member has this address. */
bool peers_has_addr(const struct peers *, struct in_addr);
/* The MAC is, by the prefix of a member, the virtual one of the alias. */
bool peers_has_vmac(const struct peers *, struct in_addr alias, const uint8_t mac[6]);

/* The virtual MAC of an alias: the prefix and the address. */
void vmac_of(uint8_t mac[6], const uint8_t prefix[2], struct in_addr alias);

#endif
