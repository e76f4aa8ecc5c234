/* SPDX-License-Identifier: ISC */
#include "proto/gab_ctl.h"

#include "proto/gab_ids.h"

void
gab_ids_encode(struct wire_wr *w, const uint16_t *ids, uint16_t n)
{
	wire_wr_u16(w, n);
	for (uint16_t i = 0; i < n; i++)
		wire_wr_u16(w, ids[i]);
}

/* Ids must ascend: then they are distinct, too. */
uint16_t
gab_ids_decode(struct wire_rd *r, uint16_t ids[LLT_MAX_NODES])
{
	uint32_t n = wire_rd_count16(r, 2, LLT_MAX_NODES);

	for (uint32_t i = 0; i < n; i++) {
		ids[i] = wire_rd_u16(r);
		if (ids[i] >= LLT_MAX_NODES || (i > 0 && ids[i] <= ids[i - 1]))
			wire_rd_fail(r);
	}
	return wire_rd_ok(r) ? (uint16_t)n : 0;
}

bool
gab_bool_decode(struct wire_rd *r)
{
	uint8_t v = wire_rd_u8(r);

	if (v > 1)
		wire_rd_fail(r);
	return v == 1;
}

void
gab_ev_view_encode(struct wire_wr *w, const struct gab_ev_view *v)
{
	wire_wr_u32(w, v->gen);
	wire_wr_u16(w, v->self);
	wire_wr_u8(w, v->quorate);
	wire_wr_u8(w, v->fresh);
	gab_ids_encode(w, v->members, v->nmembers);
	gab_ids_encode(w, v->joined, v->njoined);
	gab_ids_encode(w, v->left, v->nleft);
}

bool
gab_ev_view_decode(const uint8_t *buf, size_t len, struct gab_ev_view *v)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	v->gen = wire_rd_u32(&r);
	v->self = wire_rd_u16(&r);
	v->quorate = gab_bool_decode(&r);
	v->fresh = gab_bool_decode(&r);
	v->nmembers = gab_ids_decode(&r, v->members);
	v->njoined = gab_ids_decode(&r, v->joined);
	v->nleft = gab_ids_decode(&r, v->left);
	return wire_rd_done(&r) && v->self < LLT_MAX_NODES;
}

void
gab_ctl_send_encode(struct wire_wr *w, const struct gab_ctl_send *s)
{
	wire_wr_u8(w, s->kind);
	wire_wr_u16(w, s->dst);
	wire_wr_u32(w, s->gen);
	wire_wr_bytes(w, s->data, s->len);
}

/* The message is the rest of the packet: 1..GAB_MAX_MSG bytes. */
static bool
data_decode(struct wire_rd *r, const uint8_t **data, size_t *len)
{
	*len = wire_rd_left(r);
	*data = wire_rd_view(r, *len);
	return wire_rd_done(r) && *len >= 1 && *len <= GAB_MAX_MSG;
}

bool
gab_ctl_send_decode(const uint8_t *buf, size_t len, struct gab_ctl_send *s)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	s->kind = wire_rd_u8(&r);
	s->dst = wire_rd_u16(&r);
	s->gen = wire_rd_u32(&r);
	return data_decode(&r, &s->data, &s->len) && s->kind <= GAB_MULTICAST && s->dst < LLT_MAX_NODES;
}

void
gab_ev_msg_encode(struct wire_wr *w, const struct gab_ev_msg *m)
{
	wire_wr_u8(w, m->kind);
	wire_wr_u16(w, m->src);
	wire_wr_u32(w, m->gen);
	wire_wr_bytes(w, m->data, m->len);
}

bool
gab_ev_msg_decode(const uint8_t *buf, size_t len, struct gab_ev_msg *m)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	m->kind = wire_rd_u8(&r);
	m->src = wire_rd_u16(&r);
	m->gen = wire_rd_u32(&r);
	return data_decode(&r, &m->data, &m->len) && m->kind <= GAB_UNICAST && m->src < LLT_MAX_NODES;
}
