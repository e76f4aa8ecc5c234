/* SPDX-License-Identifier: ISC */
/*
 * Two members name the same connection as theirs: whose is it?
 *
 * It happens after a host was cut off. Its clients were told that their connections are gone, and used
 * their ports again for new ones, which others own; but its sockets are still open, and it tells of them
 * when it is back. What begins now is always right: the client cannot have the old one any more. Of two
 * that tell what they have had for a while, the one is right that was longer with the others: where the
 * newer connection began, the older one's owner was gone by then. So it does not matter in which order
 * several that come back at once are heard. Pure.
 */
#ifndef CLUA_ALIASD_CLAIM_H
#define CLUA_ALIASD_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#define CLAIM_ACCORD_NOW UINT32_MAX

struct claim { /* somebody says that a connection is his */
	bool news;   /* it began just now; else he tells what he has had for a while */
	bool known;  /* our table has an owner for it, and it is another: the holder */
	bool ours;   /* the holder is this host */
	bool member; /* the holder is in the group, or its host goes on without aliasd */
	bool settled; /* the holder said so in this life of its, and needs not say so again */
	bool loading; /* we do not know yet what happened without us */
	/* The view in which his table last agreed with the others'; 0: never. And so for the holder's. */
	uint32_t accord, holders_accord;
};

/* True if our table is to name him from now on. */
bool claim_stands(const struct claim *);

#endif
