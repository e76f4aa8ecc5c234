/* SPDX-License-Identifier: ISC */
/* Requests of gabconfig to gabd, and their rows. Decoders as in gab_ctl.h. */
#ifndef CLUA_PROTO_GAB_STATUS_H
#define CLUA_PROTO_GAB_STATUS_H

#include "proto/gab_ctl.h"

enum gab_status_type {
	GAB_GET_STATUS = 0x0210, /* empty: GAB_ROW_STATUS, GAB_ROW_PORT …, GAB_ROW_COUNTER … */
	GAB_CONFIGURE = 0x0211,  /* struct gab_req_configure */

	GAB_ROW_STATUS = 0x02a0,
	GAB_ROW_PORT = 0x02a1,
	GAB_ROW_COUNTER = 0x02a2,
};

enum gab_configure {
	GAB_CONFIGURE_ON,   /* take part */
	GAB_CONFIGURE_OFF,  /* leave; clients are cut off, and refused until ON */
	GAB_CONFIGURE_SEED, /* form a membership now, whoever is there */
};

struct gab_req_configure {
	uint8_t what;  /* enum gab_configure */
	uint32_t seed; /* ON: nodes needed to begin; 0 = as configured */
};

struct gab_row_status {
	bool configured;
	bool lltd; /* connected, and our node is known */
	bool seeded;
	bool quorate;
	bool changing; /* a view change is under way */
	uint16_t self;
	uint32_t gen; /* of the view of nodes; 0 = in none */
	uint32_t seed;
	uint8_t quorum; /* enum gab_quorum */
	uint32_t expected;
	bool two_node;
	uint64_t settle; /* ns */
};

struct gab_row_port {
	char letter; /* 'a'..'z' */
	uint32_t gen;
	char client[GAB_CLIENT_MAX]; /* on this node; "" = nobody */
	uint16_t nmembers, njeopardy, nvisible;
	uint16_t members[LLT_MAX_NODES];
	uint16_t jeopardy[LLT_MAX_NODES]; /* of the members: one link left to them */
	uint16_t visible[LLT_MAX_NODES];  /* run gabd, but have nobody on this port */
};

struct gab_row_counter {
	char name[32];
	uint64_t value;
};

void gab_req_configure_encode(struct wire_wr *, const struct gab_req_configure *);
bool gab_req_configure_decode(const uint8_t *, size_t, struct gab_req_configure *);
void gab_row_status_encode(struct wire_wr *, const struct gab_row_status *);
bool gab_row_status_decode(const uint8_t *, size_t, struct gab_row_status *);
void gab_row_port_encode(struct wire_wr *, const struct gab_row_port *);
bool gab_row_port_decode(const uint8_t *, size_t, struct gab_row_port *);
void gab_row_counter_encode(struct wire_wr *, const struct gab_row_counter *);
bool gab_row_counter_decode(const uint8_t *, size_t, struct gab_row_counter *);

#endif
