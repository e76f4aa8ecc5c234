/* SPDX-License-Identifier: ISC */
/*
 * inbound=balance: which client is told which member's MAC address for an alias. Every client of the
 * LAN is given to a slot, a LAN interface of a member, in proportion to the weights; when slots come,
 * go or change their weight, as few clients as possible are moved. Pure; addresses in network byte
 * order, times in ns.
 */
#ifndef CLUA_ALIASD_INBOUND_H
#define CLUA_ALIASD_INBOUND_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INBOUND_CLIENTS_MAX 65536 /* of an alias; those beyond are told a MAC, but not remembered */

struct inbound;

struct inbound_slot {
	uint16_t node;
	uint8_t mac[6];
	uint32_t weight; /* > 0 */
};

struct inbound_client {
	struct in_addr alias, addr;
	uint8_t mac[6]; /* its own */
	uint8_t to[6];  /* that of the member it was told */
	uint64_t heard; /* when it asked last */
};

typedef void inbound_fn(const struct inbound_client *, void *arg);

struct inbound *inbound_new(void);
void inbound_free(struct inbound *);
/* The alias is not balanced, or there is no such alias any more. */
void inbound_drop(struct inbound *, struct in_addr alias);
void inbound_clear(struct inbound *);
bool inbound_any(const struct inbound *); /* there is such an alias */

/* Slots in an order that is the same on all members. False if they are what they were. */
bool inbound_set_slots(struct inbound *, struct in_addr alias, const struct inbound_slot *, size_t n);
/*
 * A client asks. True with its place in c->to; news: it was not there before, or is now another. False
 * if there is no slot.
 */
bool inbound_ask(struct inbound *, struct inbound_client *c, bool *news);
/* What the one who answers has told a client; to becomes a slot when there is one with this MAC. */
void inbound_learn(struct inbound *, const struct inbound_client *);
/* Gives every client a place in proportion to the weights, and calls fn for each that is moved. */
size_t inbound_move(struct inbound *, struct in_addr alias, inbound_fn *, void *arg);
/* By ascending address. fn must not change anything. */
void inbound_each(const struct inbound *, struct in_addr alias, inbound_fn *, void *arg);
void inbound_each_alias(const struct inbound *, void (*fn)(struct in_addr alias, void *arg), void *arg);
/* NULL if the client is not known. Valid until the next change. */
const struct inbound_client *inbound_get(
    const struct inbound *, struct in_addr alias, struct in_addr client);
/* Clients that did not ask since. */
void inbound_forget(struct inbound *, struct in_addr alias, uint64_t since);
/* Clients that were told a MAC of the node. */
size_t inbound_count(const struct inbound *, struct in_addr alias, uint16_t node);

#endif
