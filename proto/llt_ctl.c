/* SPDX-License-Identifier: ISC */
#include "proto/llt_ctl.h"

enum { SEND_STREAM, SEND_DATAGRAM, SEND_PATIENT };

static uint8_t
rd_max8(struct wire_rd *r, uint8_t max)
{
	uint8_t v = wire_rd_u8(r);

	if (v > max)
		wire_rd_fail(r);
	return v;
}

static uint16_t
rd_node(struct wire_rd *r)
{
	uint16_t v = wire_rd_u16(r);

	if (v >= LLT_MAX_NODES)
		wire_rd_fail(r);
	return v;
}

/* u32 length, then the bytes up to the very end of the message. */
static const uint8_t *
rd_data(struct wire_rd *r, size_t *len)
{
	*len = wire_rd_u32(r);
	if (*len == 0 || *len > LLT_MAX_MSG)
		wire_rd_fail(r);
	return wire_rd_view(r, *len);
}

static void
wr_data(struct wire_wr *w, const uint8_t *data, size_t len)
{
	wire_wr_u32(w, (uint32_t)len);
	wire_wr_bytes(w, data, len);
}

void
llt_ev_self_encode(struct wire_wr *w, const struct llt_ev_self *e)
{
	wire_wr_u16(w, e->cluster);
	wire_wr_u16(w, e->node);
	wire_wr_str(w, e->name);
	wire_wr_u64(w, e->incarnation);
	wire_wr_u64(w, e->peerinact_ns);
	wire_wr_u16(w, e->nlinks);
}

bool
llt_ev_self_decode(const uint8_t *buf, size_t len, struct llt_ev_self *e)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	e->cluster = wire_rd_u16(&r);
	e->node = rd_node(&r);
	wire_rd_str(&r, e->name, sizeof(e->name));
	e->incarnation = wire_rd_u64(&r);
	e->peerinact_ns = wire_rd_u64(&r);
	e->nlinks = wire_rd_u16(&r);
	if (e->nlinks > LLT_MAX_LINKS)
		wire_rd_fail(&r);
	return wire_rd_done(&r);
}

void
llt_ev_node_encode(struct wire_wr *w, const struct llt_ev_node *e)
{
	wire_wr_u64(w, e->seq);
	wire_wr_u16(w, e->node);
	wire_wr_str(w, e->name);
	wire_wr_u8(w, e->state);
	wire_wr_u32(w, e->session);
	wire_wr_u8(w, e->links_up);
}

bool
llt_ev_node_decode(const uint8_t *buf, size_t len, struct llt_ev_node *e)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	e->seq = wire_rd_u64(&r);
	e->node = rd_node(&r);
	wire_rd_str(&r, e->name, sizeof(e->name));
	e->state = rd_max8(&r, LLT_OPEN_STATE);
	e->session = wire_rd_u32(&r);
	e->links_up = rd_max8(&r, LLT_MAX_LINKS);
	return wire_rd_done(&r);
}

void
llt_ev_link_encode(struct wire_wr *w, const struct llt_ev_link *e)
{
	wire_wr_u64(w, e->seq);
	wire_wr_u16(w, e->node);
	wire_wr_u8(w, e->link);
	wire_wr_u8(w, e->prio);
	wire_wr_u8(w, e->state);
	wire_wr_u8(w, e->known);
	wire_wr_u8(w, e->kind);
	wire_wr_u32(w, e->ifindex);
	wire_wr_u32(w, e->mtu);
	wire_wr_str(w, e->ifname);
	wire_wr_bytes(w, e->addr, sizeof(e->addr));
	wire_wr_bytes(w, e->peer_addr, sizeof(e->peer_addr));
}

bool
llt_ev_link_decode(const uint8_t *buf, size_t len, struct llt_ev_link *e)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	e->seq = wire_rd_u64(&r);
	e->node = rd_node(&r);
	e->link = rd_max8(&r, LLT_MAX_LINKS - 1);
	e->prio = rd_max8(&r, LLT_PRIO_LOW);
	e->state = rd_max8(&r, LLT_LINK_UP);
	e->known = rd_max8(&r, 1);
	e->kind = rd_max8(&r, LLT_KIND_LAST);
	e->ifindex = wire_rd_u32(&r);
	e->mtu = wire_rd_u32(&r);
	wire_rd_str(&r, e->ifname, sizeof(e->ifname));
	wire_rd_copy(&r, e->addr, sizeof(e->addr));
	wire_rd_copy(&r, e->peer_addr, sizeof(e->peer_addr));
	return wire_rd_done(&r);
}

void
llt_ctl_send_encode(struct wire_wr *w, const struct llt_ctl_send *s)
{
	wire_wr_u8(w, s->port);
	wire_wr_u8(w, s->datagram ? SEND_DATAGRAM : s->patient ? SEND_PATIENT : SEND_STREAM);
	wire_wr_u16(w, s->ndst);
	for (unsigned i = 0; i < s->ndst; i++)
		wire_wr_u16(w, s->dst[i]);
	wr_data(w, s->data, s->len);
}

bool
llt_ctl_send_decode(const uint8_t *buf, size_t len, struct llt_ctl_send *s)
{
	struct wire_rd r;
	uint8_t kind;

	wire_rd_init(&r, buf, len);
	s->port = rd_max8(&r, LLT_MAX_PORTS - 1);
	kind = rd_max8(&r, SEND_PATIENT);
	s->datagram = kind == SEND_DATAGRAM;
	s->patient = kind == SEND_PATIENT;
	s->ndst = (uint16_t)wire_rd_count16(&r, 2, LLT_MAX_NODES);
	if (s->ndst == 0)
		wire_rd_fail(&r);
	for (unsigned i = 0; i < s->ndst; i++)
		s->dst[i] = rd_node(&r);
	s->data = rd_data(&r, &s->len);
	return wire_rd_done(&r);
}

void
llt_ctl_recv_encode(struct wire_wr *w, const struct llt_ctl_recv *m)
{
	wire_wr_u8(w, m->port);
	wire_wr_u8(w, m->datagram);
	wire_wr_u16(w, m->src);
	wire_wr_u32(w, m->session);
	wr_data(w, m->data, m->len);
}

bool
llt_ctl_recv_decode(const uint8_t *buf, size_t len, struct llt_ctl_recv *m)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	m->port = rd_max8(&r, LLT_MAX_PORTS - 1);
	m->datagram = rd_max8(&r, 1);
	m->src = rd_node(&r);
	m->session = wire_rd_u32(&r);
	m->data = rd_data(&r, &m->len);
	return wire_rd_done(&r);
}
