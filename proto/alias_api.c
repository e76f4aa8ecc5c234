/* SPDX-License-Identifier: ISC */
#include "proto/alias_api.h"

#include <string.h>

enum { REG_TRANSIENT = 1, REG_CHOOSING = 2, REG_RESV = 4 };

bool
alias_api_options_ok(uint16_t options)
{
	if (options & ALIAS_NONE)
		return options == ALIAS_NONE;
	return (options & ~(ALIAS_ATTR_VALID | ALIAS_TRANSIENT)) == 0 &&
	    alias_attr_conflict(options & ALIAS_ATTR_VALID) == NULL;
}

uint16_t
alias_api_attrs(uint16_t options)
{
	uint16_t attrs = options & ALIAS_ATTR_VALID;

	if (!(attrs & (ALIAS_IN_MULTI | ALIAS_IN_NOALIAS)))
		attrs |= ALIAS_IN_SINGLE;
	return attrs;
}

const char *
alias_api_text(uint16_t status)
{
	switch (status) {
	case ALIAS_API_OK:
		return "";
	case ALIAS_API_EBADOPTION:
		return "unknown options, or options that exclude each other";
	case ALIAS_API_EPORTCONFLICT:
		return "the port is registered already, with other attributes";
	case ALIAS_API_ENOTRESERVED:
		return "no program has registered the port";
	case ALIAS_API_EFULL:
		return "no room: too many ports are registered, or none is free on all members";
	case ALIAS_API_EBUSY:
		return "the common port is taken on this member, and in use on others";
	default:
		return "not understood";
	}
}

bool
alias_api_request_decode(const uint8_t *buf, size_t len, struct alias_api *a)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	alias_api_decode(&r, a);
	return wire_rd_done(&r);
}

void
alias_api_result_encode(struct wire_wr *w, const struct alias_api_result *res)
{
	wire_wr_u16(w, res->status);
	wire_wr_u16(w, res->port_h);
}

bool
alias_api_result_decode(const uint8_t *buf, size_t len, struct alias_api_result *res)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	res->status = wire_rd_u16(&r);
	res->port_h = wire_rd_u16(&r);
	return wire_rd_done(&r);
}

void
alias_api_reg_encode(struct wire_wr *w, const struct alias_api_reg *g)
{
	uint16_t i;

	alias_svc_encode(w, &g->svc);
	wire_wr_u8(w, (uint8_t)((g->transient ? REG_TRANSIENT : 0) | (g->choosing ? REG_CHOOSING : 0) |
	    (g->resv ? REG_RESV : 0)));
	wire_wr_u32(w, g->prog);
	wire_wr_u16(w, g->nnodes);
	for (i = 0; i < g->nnodes; i++)
		wire_wr_u16(w, g->node[i]);
}

bool
alias_api_reg_decode(const uint8_t *buf, size_t len, struct alias_api_reg *g)
{
	struct wire_rd r;
	uint8_t flags;
	uint16_t i;

	memset(g, 0, sizeof(*g));
	wire_rd_init(&r, buf, len);
	alias_svc_decode(&r, &g->svc);
	flags = wire_rd_u8(&r);
	g->transient = flags & REG_TRANSIENT;
	g->choosing = flags & REG_CHOOSING;
	g->resv = flags & REG_RESV;
	g->prog = wire_rd_u32(&r);
	g->nnodes = (uint16_t)wire_rd_count16(&r, 2, LLT_MAX_NODES);
	for (i = 0; i < g->nnodes; i++)
		g->node[i] = wire_rd_u16(&r);
	return wire_rd_done(&r) && (flags & ~(REG_TRANSIENT | REG_CHOOSING | REG_RESV)) == 0;
}
