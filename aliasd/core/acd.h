/* SPDX-License-Identifier: ISC */
/*
 * Address conflicts (RFC 5227): hosts that are no members and have the address of an alias. The master of
 * the alias finds them, looks now and then whether they are still there, and tells the other members,
 * who remember what they are told. Pure; times in ns.
 */
#ifndef CLUA_ALIASD_ACD_H
#define CLUA_ALIASD_ACD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACD_NEVER UINT64_MAX

struct acd;

struct acd_conflict {
	struct in_addr addr;
	uint8_t mac[6]; /* of the other host */
	bool used;      /* the group uses the address all the same: it did so before */
};

struct acd *acd_new(void);
void acd_free(struct acd *);
/* Somebody else has it. True if that is news: no conflict was known, or with another host. */
bool acd_note(struct acd *, const struct acd_conflict *, uint64_t now);
/* False if there was none. */
bool acd_clear(struct acd *, struct in_addr);
void acd_clear_all(struct acd *);
const struct acd_conflict *acd_get(const struct acd *, struct in_addr); /* or NULL */
void acd_each(const struct acd *, void (*fn)(const struct acd_conflict *, void *arg), void *arg);
/* Calls look for those that nobody heard of for 5 s. Returns when to call again, or ACD_NEVER. */
uint64_t acd_run(
    struct acd *, uint64_t now, void (*look)(const struct acd_conflict *, void *arg), void *arg);

#endif
