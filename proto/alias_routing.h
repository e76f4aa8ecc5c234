/* SPDX-License-Identifier: ISC */
/*
 * The option list of "cluamgr -r": words that switch how this member routes for the aliases. One
 * parser for the command line and the daemon's own texts.
 */
#ifndef CLUA_PROTO_ALIAS_ROUTING_H
#define CLUA_PROTO_ALIAS_ROUTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum alias_routing_opt { /* a set of them is in force */
	ALIAS_RT_START = 1 << 0,  /* routes for the aliases at all; off: stop */
	ALIAS_RT_RESVOK = 1 << 1, /* announces routes to RFC 1918 addresses; off: noresvok */
	ALIAS_RT_GATED = 1 << 2,  /* tells the routing daemon; off: nogated */
	ALIAS_RT_VMAC = 1 << 3,   /* uses virtual MAC addresses; off: novmac */
};
#define ALIAS_RT_ALL 0x0fu
#define ALIAS_RT_DEFAULT (ALIAS_RT_START | ALIAS_RT_GATED)
#define ALIAS_RT_TEXT_MAX 64 /* of alias_routing_format() */

struct alias_routing { /* a change: sets of enum alias_routing_opt with nothing in common */
	uint32_t on, off;
};

/* "WORD[,WORD]…". False with the reason in err (one line, no newline). */
bool alias_routing_parse(const char *text, struct alias_routing *, char *err, size_t errsize);
/* The word that says option i is on, or off; NULL past the last option. */
const char *alias_routing_word(size_t i, bool on);
/* Every option as it stands, "start,noresvok,gated,novmac". */
void alias_routing_format(uint32_t opts, char *out, size_t size);

#endif
