/* SPDX-License-Identifier: ISC */
#include "proto/gab_status.h"

#include "proto/gab_ids.h"

void
gab_req_configure_encode(struct wire_wr *w, const struct gab_req_configure *m)
{
	wire_wr_u8(w, m->what);
	wire_wr_u32(w, m->seed);
}

bool
gab_req_configure_decode(const uint8_t *buf, size_t len, struct gab_req_configure *m)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	m->what = wire_rd_u8(&r);
	m->seed = wire_rd_u32(&r);
	return wire_rd_done(&r) && m->what <= GAB_CONFIGURE_SEED && m->seed <= LLT_MAX_NODES;
}

void
gab_row_status_encode(struct wire_wr *w, const struct gab_row_status *m)
{
	wire_wr_u8(w, m->configured);
	wire_wr_u8(w, m->lltd);
	wire_wr_u8(w, m->seeded);
	wire_wr_u8(w, m->quorate);
	wire_wr_u8(w, m->changing);
	wire_wr_u16(w, m->self);
	wire_wr_u32(w, m->gen);
	wire_wr_u32(w, m->seed);
	wire_wr_u8(w, m->quorum);
	wire_wr_u32(w, m->expected);
	wire_wr_u8(w, m->two_node);
	wire_wr_u64(w, m->settle);
}

bool
gab_row_status_decode(const uint8_t *buf, size_t len, struct gab_row_status *m)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	m->configured = gab_bool_decode(&r);
	m->lltd = gab_bool_decode(&r);
	m->seeded = gab_bool_decode(&r);
	m->quorate = gab_bool_decode(&r);
	m->changing = gab_bool_decode(&r);
	m->self = wire_rd_u16(&r);
	m->gen = wire_rd_u32(&r);
	m->seed = wire_rd_u32(&r);
	m->quorum = wire_rd_u8(&r);
	m->expected = wire_rd_u32(&r);
	m->two_node = gab_bool_decode(&r);
	m->settle = wire_rd_u64(&r);
	return wire_rd_done(&r) && m->self < LLT_MAX_NODES;
}

void
gab_row_port_encode(struct wire_wr *w, const struct gab_row_port *m)
{
	wire_wr_u8(w, (uint8_t)m->letter);
	wire_wr_u32(w, m->gen);
	wire_wr_str(w, m->client);
	gab_ids_encode(w, m->members, m->nmembers);
	gab_ids_encode(w, m->jeopardy, m->njeopardy);
	gab_ids_encode(w, m->visible, m->nvisible);
}

bool
gab_row_port_decode(const uint8_t *buf, size_t len, struct gab_row_port *m)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	m->letter = (char)wire_rd_u8(&r);
	m->gen = wire_rd_u32(&r);
	wire_rd_str(&r, m->client, sizeof(m->client));
	m->nmembers = gab_ids_decode(&r, m->members);
	m->njeopardy = gab_ids_decode(&r, m->jeopardy);
	m->nvisible = gab_ids_decode(&r, m->visible);
	return wire_rd_done(&r) && m->letter >= 'a' && m->letter <= 'z';
}

void
gab_row_counter_encode(struct wire_wr *w, const struct gab_row_counter *m)
{
	wire_wr_str(w, m->name);
	wire_wr_u64(w, m->value);
}

bool
gab_row_counter_decode(const uint8_t *buf, size_t len, struct gab_row_counter *m)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	wire_rd_str(&r, m->name, sizeof(m->name));
	m->value = wire_rd_u64(&r);
	return wire_rd_done(&r);
}
