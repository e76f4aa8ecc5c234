/* SPDX-License-Identifier: ISC */
/* Services and their attributes: a line of /etc/clua_services, and the same on the wire. */
#ifndef CLUA_PROTO_ALIAS_SVC_H
#define CLUA_PROTO_ALIAS_SVC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire.h"

#define ALIAS_SVC_NAME_MAX 64 /* with the NUL */
#define ALIAS_SVC_MIN_LEN 9   /* bytes of the shortest service on the wire */
#define ALIAS_SVC_MAX 4096    /* services in the table */

/* Values as in the ancestor's programming interface. */
enum alias_attr {
	ALIAS_IN_MULTI = 0x0010,
	ALIAS_IN_SINGLE = 0x0020,
	ALIAS_IN_NOALIAS = 0x0080,
	ALIAS_OUT_ALIAS = 0x0100,
	ALIAS_IN_NOLOCAL = 0x0200,
	ALIAS_STATIC = 0x0400,
	ALIAS_STICKY = 0x2000,
};
#define ALIAS_ATTR_VALID                                                                           \
	(ALIAS_IN_MULTI | ALIAS_IN_SINGLE | ALIAS_IN_NOALIAS | ALIAS_OUT_ALIAS | ALIAS_IN_NOLOCAL |    \
	    ALIAS_STATIC | ALIAS_STICKY)
#define ALIAS_STICKY_DEFAULT 300 /* s */
#define ALIAS_STICKY_MAX 65535

struct alias_svc {
	char name[ALIAS_SVC_NAME_MAX];
	uint8_t proto;   /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t port_h; /* 1..65535, host order */
	uint16_t attrs;  /* of enum alias_attr; without an in_ word: in_single is meant */
	uint16_t sticky; /* s that a client stays with its member; > 0 exactly with ALIAS_STICKY */
};

/* "name port/proto attr[,attr…]", comment already cut off. Changes text. */
bool alias_svc_parse_line(char *text, struct alias_svc *, char *err, size_t errsize);
/* NULL, or why these attributes cannot stand together. */
const char *alias_attr_conflict(uint16_t attrs);
/* The i-th attribute word and its bit; NULL past the last. */
const char *alias_attr_word(size_t i, uint16_t *bit);
/* Comma list; "" for none. sticky = 0: the word alone. */
void alias_attr_format(uint16_t attrs, uint16_t sticky, char *out, size_t size);
/* Of a table in any order, the same for the same services and attributes whatever their names. */
uint64_t alias_svc_digest(const struct alias_svc *, size_t n);
const char *alias_proto_name(uint8_t proto);

void alias_svc_encode(struct wire_wr *, const struct alias_svc *);
/* Marks the cursor bad for values that may not be. */
void alias_svc_decode(struct wire_rd *, struct alias_svc *);

#endif
