/* SPDX-License-Identifier: ISC */
#include "proto/llt_status.h"

void
llt_row_counter_encode(struct wire_wr *w, const struct llt_row_counter *c)
{
	wire_wr_str(w, c->key);
	wire_wr_str(w, c->text);
	wire_wr_u8(w, c->error);
	wire_wr_u64(w, c->value);
}

bool
llt_row_counter_decode(const uint8_t *buf, size_t len, struct llt_row_counter *c)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	wire_rd_str(&r, c->key, sizeof(c->key));
	wire_rd_str(&r, c->text, sizeof(c->text));
	c->error = wire_rd_u8(&r);
	c->value = wire_rd_u64(&r);
	return wire_rd_done(&r) && c->error <= 1;
}

void
llt_row_link_encode(struct wire_wr *w, const struct llt_row_link *l)
{
	wire_wr_u8(w, l->link);
	wire_wr_str(w, l->ifname);
	wire_wr_u8(w, l->prio);
	wire_wr_u8(w, l->carrier);
	wire_wr_u8(w, l->kind);
	wire_wr_u16(w, l->ethertype);
	wire_wr_u32(w, l->mtu);
	wire_wr_u32(w, l->burst);
	wire_wr_bytes(w, l->addr, sizeof(l->addr));
	wire_wr_u64(w, l->tx_frames);
	wire_wr_u64(w, l->tx_bytes);
	wire_wr_u64(w, l->rx_frames);
	wire_wr_u64(w, l->rx_bytes);
	wire_wr_u64(w, l->hb_late);
	wire_wr_u64(w, l->hb_lost);
}

bool
llt_row_link_decode(const uint8_t *buf, size_t len, struct llt_row_link *l)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	l->link = wire_rd_u8(&r);
	wire_rd_str(&r, l->ifname, sizeof(l->ifname));
	l->prio = wire_rd_u8(&r);
	l->carrier = wire_rd_u8(&r);
	l->kind = wire_rd_u8(&r);
	l->ethertype = wire_rd_u16(&r);
	l->mtu = wire_rd_u32(&r);
	l->burst = wire_rd_u32(&r);
	wire_rd_copy(&r, l->addr, sizeof(l->addr));
	l->tx_frames = wire_rd_u64(&r);
	l->tx_bytes = wire_rd_u64(&r);
	l->rx_frames = wire_rd_u64(&r);
	l->rx_bytes = wire_rd_u64(&r);
	l->hb_late = wire_rd_u64(&r);
	l->hb_lost = wire_rd_u64(&r);
	return wire_rd_done(&r) && l->link < LLT_MAX_LINKS && l->prio <= LLT_PRIO_LOW &&
	    l->carrier <= 1 && l->kind <= LLT_KIND_LAST;
}

void
llt_row_port_encode(struct wire_wr *w, const struct llt_row_port *p)
{
	wire_wr_u8(w, p->port);
	wire_wr_u32(w, p->pid);
	wire_wr_str(w, p->usage);
	wire_wr_u16(w, p->npeers);
	for (unsigned i = 0; i < p->npeers; i++)
		wire_wr_u16(w, p->peers[i]);
}

bool
llt_row_port_decode(const uint8_t *buf, size_t len, struct llt_row_port *p)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	p->port = wire_rd_u8(&r);
	p->pid = wire_rd_u32(&r);
	wire_rd_str(&r, p->usage, sizeof(p->usage));
	p->npeers = (uint16_t)wire_rd_count16(&r, 2, LLT_MAX_NODES);
	for (unsigned i = 0; i < p->npeers; i++)
		p->peers[i] = wire_rd_u16(&r);
	return wire_rd_done(&r) && p->port < LLT_MAX_PORTS;
}

void
llt_row_setting_encode(struct wire_wr *w, const struct llt_row_setting *s)
{
	wire_wr_str(w, s->key);
	wire_wr_str(w, s->value);
}

bool
llt_row_setting_decode(const uint8_t *buf, size_t len, struct llt_row_setting *s)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	wire_rd_str(&r, s->key, sizeof(s->key));
	wire_rd_str(&r, s->value, sizeof(s->value));
	return wire_rd_done(&r);
}
