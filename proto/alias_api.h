/* SPDX-License-Identifier: ISC */
/*
 * What programs ask of aliasd through libclua, on its control socket: aliases, the registration of
 * ports, and common ports of RPC programs.
 *
 * Addresses are in network byte order, ports in host order.
 */
#ifndef CLUA_PROTO_ALIAS_API_H
#define CLUA_PROTO_ALIAS_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/llthosts.h"
#include "common/wire.h"
#include "proto/alias_msg.h"
#include "proto/alias_svc.h"

enum alias_api_type {
	/* u32 id: ALIAS_ROW_ALIAS of the next one that this member joined; IPC_ENOENT: no more */
	ALIAS_API_NEXT = 0x0340,
	/* struct alias_ctl_query: ALIAS_ROW_ALIAS, then ALIAS_ROW_MEMBERs; IPC_ENOENT: none such */
	ALIAS_API_ALIAS = 0x0341,
	/* struct alias_api; ALIAS_ROW_RESULT; answered when it is in force everywhere */
	ALIAS_API_REGISTER = 0x0342,
	ALIAS_API_UNREGISTER = 0x0343,
	ALIAS_API_COMMPORT = 0x0344,

	ALIAS_ROW_RESULT = 0x03b0,     /* struct alias_api_result */
	ALIAS_ROW_REGISTERED = 0x03b1, /* struct alias_api_reg: of a status */
};

/* Options beside the attributes of enum alias_attr; values as in the ancestor's interface. */
enum alias_api_option {
	ALIAS_OUT_LOCAL = 0x0800, /* not known here */
	ALIAS_TRANSIENT = 0x1000, /* until the last socket on the port is closed */
	ALIAS_NONE = 0x4000,      /* what was registered is undone */
};

/* How the group judged a wish; every member alike. */
enum alias_api_status {
	ALIAS_API_OK,
	ALIAS_API_EBADOPTION,
	ALIAS_API_EPORTCONFLICT,
	ALIAS_API_ENOTRESERVED,
	ALIAS_API_EFULL, /* the table, or the range of common ports */
	ALIAS_API_EBUSY, /* the common port is taken on the asking member, and in use on others */
	ALIAS_API_PENDING,
};

struct alias_api_result {
	uint16_t status; /* enum alias_api_status */
	uint16_t port_h;
};

/* A registration as it is shown. */
struct alias_api_reg {
	struct alias_svc svc;
	bool transient, choosing, resv;
	uint32_t prog;
	uint16_t nnodes; /* members with a program that holds it, if transient */
	uint16_t node[LLT_MAX_NODES];
};

/* False for options that are unknown or exclude each other. */
bool alias_api_options_ok(uint16_t options);
/* The attributes that the options mean, the default included. */
uint16_t alias_api_attrs(uint16_t options);
/* One line for people. */
const char *alias_api_text(uint16_t status);

bool alias_api_request_decode(const uint8_t *, size_t, struct alias_api *);
void alias_api_result_encode(struct wire_wr *, const struct alias_api_result *);
bool alias_api_result_decode(const uint8_t *, size_t, struct alias_api_result *);
void alias_api_reg_encode(struct wire_wr *, const struct alias_api_reg *);
bool alias_api_reg_decode(const uint8_t *, size_t, struct alias_api_reg *);

#endif
