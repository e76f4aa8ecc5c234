/* SPDX-License-Identifier: ISC */
#include "proto/gab_msg.h"

#include <string.h>

bool
gab_vid_equal(const struct gab_vid *a, const struct gab_vid *b)
{
	return a->gen == b->gen && a->coord == b->coord && a->inc == b->inc;
}

int
gab_att_compare(const struct gab_att *a, const struct gab_att *b)
{
	if (a->num != b->num)
		return a->num < b->num ? -1 : 1;
	return (a->coord > b->coord) - (a->coord < b->coord);
}

void
gab_msg_begin(struct wire_wr *w, enum gab_msg_type type)
{
	wire_wr_u8(w, GAB_MSG_VERSION);
	wire_wr_u8(w, (uint8_t)type);
}

uint8_t
gab_msg_open(struct wire_rd *r, const uint8_t *buf, size_t len)
{
	uint8_t version, type;

	wire_rd_init(r, buf, len);
	version = wire_rd_u8(r);
	type = wire_rd_u8(r);
	if (!wire_rd_ok(r) || version != GAB_MSG_VERSION || type > GAB_MSG_UNICAST)
		return 0;
	return type;
}

static uint16_t
node_decode(struct wire_rd *r)
{
	uint16_t node = wire_rd_u16(r);

	if (node >= LLT_MAX_NODES) {
		wire_rd_fail(r);
		return 0;
	}
	return node;
}

static uint32_t
gen_decode(struct wire_rd *r)
{
	uint32_t gen = wire_rd_u32(r);

	if (gen > GAB_GEN_MAX) {
		wire_rd_fail(r);
		return 0;
	}
	return gen;
}

static uint8_t
flags_decode(struct wire_rd *r, uint8_t known)
{
	uint8_t flags = wire_rd_u8(r);

	if ((flags & ~known) != 0)
		wire_rd_fail(r);
	return flags;
}

static void
vid_encode(struct wire_wr *w, const struct gab_vid *v)
{
	wire_wr_u32(w, v->gen);
	wire_wr_u16(w, v->coord);
	wire_wr_u64(w, v->inc);
}

static void
vid_decode(struct wire_rd *r, struct gab_vid *v)
{
	v->gen = gen_decode(r);
	v->coord = node_decode(r);
	v->inc = wire_rd_u64(r);
}

void
gab_att_encode(struct wire_wr *w, const struct gab_att *a)
{
	wire_wr_u32(w, a->num);
	wire_wr_u16(w, a->coord);
}

void
gab_att_decode(struct wire_rd *r, struct gab_att *a)
{
	a->num = gen_decode(r);
	a->coord = node_decode(r);
}

/* Of that view or an earlier one. */
static uint32_t
quorum_gen_decode(struct wire_rd *r, const struct gab_vid *vid)
{
	uint32_t gen = gen_decode(r);

	if (gen > vid->gen)
		wire_rd_fail(r);
	return gen;
}

void
gab_hello_encode(struct wire_wr *w, const struct gab_hello *m)
{
	wire_wr_u64(w, m->cid);
	wire_wr_u64(w, m->peer_cid);
}

bool
gab_hello_decode(struct wire_rd *r, struct gab_hello *m)
{
	m->cid = wire_rd_u64(r);
	m->peer_cid = wire_rd_u64(r);
	return wire_rd_done(r) && m->cid != 0;
}

void
gab_topo_encode(struct wire_wr *w, const struct gab_topo *m)
{
	wire_wr_u16(w, m->origin);
	wire_wr_u64(w, m->inc);
	wire_wr_u64(w, m->version);
	wire_wr_u8(w, m->flags);
	vid_encode(w, &m->vid);
	wire_wr_u32(w, m->quorum_gen);
	gab_set_encode(w, &m->set);
}

bool
gab_topo_decode(struct wire_rd *r, struct gab_topo *m)
{
	m->origin = node_decode(r);
	m->inc = wire_rd_u64(r);
	m->version = wire_rd_u64(r);
	m->flags = flags_decode(r, GAB_TOPO_SEEDED | GAB_TOPO_DIRTY | GAB_TOPO_FAILING);
	vid_decode(r, &m->vid);
	m->quorum_gen = quorum_gen_decode(r, &m->vid);
	gab_set_decode(r, &m->set);
	/* A node that could count no further would be deaf to its own news. */
	return wire_rd_ok(r) && m->version < UINT64_MAX / 2;
}

void
gab_propose_encode(struct wire_wr *w, const struct gab_propose *m)
{
	gab_att_encode(w, &m->att);
	gab_set_encode(w, &m->members);
}

bool
gab_propose_decode(struct wire_rd *r, struct gab_propose *m)
{
	gab_att_decode(r, &m->att);
	gab_set_decode(r, &m->members);
	return wire_rd_done(r);
}

void
gab_nack_encode(struct wire_wr *w, const struct gab_nack *m)
{
	gab_att_encode(w, &m->att);
	wire_wr_u32(w, m->num);
}

bool
gab_nack_decode(struct wire_rd *r, struct gab_nack *m)
{
	gab_att_decode(r, &m->att);
	m->num = gen_decode(r);
	return wire_rd_done(r);
}

static void
ports_encode(struct wire_wr *w, const struct gab_ports *p)
{
	uint8_t *count = wire_wr_reserve(w, 2);
	uint16_t n = 0;

	for (unsigned i = 1; i < GAB_NPORTS; i++) {
		const struct gab_port_row *row = &p->row[i];

		if (row->vid.gen == 0)
			continue;
		wire_wr_u8(w, (uint8_t)i);
		vid_encode(w, &row->vid);
		gab_set_encode(w, &row->members);
		gab_set_encode(w, &row->joined);
		n++;
	}
	if (count != NULL)
		wire_put_u16(count, n);
}

static void
ports_decode(struct wire_rd *r, struct gab_ports *p)
{
	uint32_t n = wire_rd_count16(r, 19, GAB_NPORTS - 1);
	unsigned last = 0;

	memset(p, 0, sizeof(*p));
	for (uint32_t i = 0; i < n && wire_rd_ok(r); i++) {
		unsigned port = wire_rd_u8(r);
		struct gab_port_row *row;

		if (port <= last || port >= GAB_NPORTS) {
			wire_rd_fail(r);
			return;
		}
		row = &p->row[port];
		last = port;
		vid_decode(r, &row->vid);
		gab_set_decode(r, &row->members);
		gab_set_decode(r, &row->joined);
		if (row->vid.gen == 0 || gab_set_empty(&row->members) ||
		    !gab_set_subset(&row->joined, &row->members))
			wire_rd_fail(r);
	}
}

void
gab_flush_encode(struct wire_wr *w, const struct gab_flush *m)
{
	gab_att_encode(w, &m->att);
	wire_wr_u8(w, m->flags);
	vid_encode(w, &m->vid);
	wire_wr_u32(w, m->quorum_gen);
	wire_wr_u64(w, m->high);
	wire_wr_u32(w, m->gen);
	wire_wr_u32(w, m->clients);
	vid_encode(w, &m->prev);
	wire_wr_u64(w, m->prev_final);
	gab_set_encode(w, &m->kept);
	ports_encode(w, &m->ports);
}

bool
gab_flush_decode(struct wire_rd *r, struct gab_flush *m)
{
	gab_att_decode(r, &m->att);
	m->flags = flags_decode(r, GAB_FLUSH_SEEDED | GAB_FLUSH_QUORATE | GAB_FLUSH_LOSSY);
	vid_decode(r, &m->vid);
	m->quorum_gen = quorum_gen_decode(r, &m->vid);
	m->high = wire_rd_u64(r);
	m->gen = gen_decode(r);
	m->clients = wire_rd_u32(r);
	vid_decode(r, &m->prev);
	m->prev_final = wire_rd_u64(r);
	gab_set_decode(r, &m->kept);
	ports_decode(r, &m->ports);
	return wire_rd_done(r);
}

void
gab_fetch_encode(struct wire_wr *w, const struct gab_fetch *m)
{
	gab_att_encode(w, &m->att);
	vid_encode(w, &m->vid);
	wire_wr_u16(w, m->dst);
	wire_wr_u64(w, m->from);
	wire_wr_u64(w, m->to);
}

bool
gab_fetch_decode(struct wire_rd *r, struct gab_fetch *m)
{
	gab_att_decode(r, &m->att);
	vid_decode(r, &m->vid);
	m->dst = node_decode(r);
	m->from = wire_rd_u64(r);
	m->to = wire_rd_u64(r);
	return wire_rd_done(r);
}

void
gab_ready_encode(struct wire_wr *w, const struct gab_ready *m)
{
	gab_att_encode(w, &m->att);
	wire_wr_u64(w, m->high);
}

bool
gab_ready_decode(struct wire_rd *r, struct gab_ready *m)
{
	gab_att_decode(r, &m->att);
	m->high = wire_rd_u64(r);
	return wire_rd_done(r);
}

void
gab_install_encode(struct wire_wr *w, const struct gab_install *m)
{
	gab_att_encode(w, &m->att);
	vid_encode(w, &m->vid);
	wire_wr_u32(w, m->gen);
	wire_wr_u8(w, m->quorate);
	wire_wr_u32(w, m->quorum_gen);
	gab_set_encode(w, &m->members);
	vid_encode(w, &m->prev);
	wire_wr_u64(w, m->prev_final);
	gab_set_encode(w, &m->kept);
	ports_encode(w, &m->ports);
}

/* What an installer must hold to, whoever it is. */
static bool
install_sane(const struct gab_install *m)
{
	if (m->vid.gen == 0 || m->gen < m->vid.gen || !gab_set_has(&m->members, m->vid.coord) ||
	    !gab_set_subset(&m->kept, &m->members) || (m->prev.gen == 0) != gab_set_empty(&m->kept) ||
	    m->prev.gen >= m->vid.gen)
		return false;
	for (unsigned i = 1; i < GAB_NPORTS; i++) {
		const struct gab_port_row *row = &m->ports.row[i];

		if (row->vid.gen > m->gen || !gab_set_subset(&row->members, &m->members))
			return false;
	}
	return true;
}

bool
gab_install_decode(struct wire_rd *r, struct gab_install *m)
{
	gab_att_decode(r, &m->att);
	vid_decode(r, &m->vid);
	m->gen = gen_decode(r);
	m->quorate = flags_decode(r, 1) != 0;
	m->quorum_gen = quorum_gen_decode(r, &m->vid);
	gab_set_decode(r, &m->members);
	vid_decode(r, &m->prev);
	m->prev_final = wire_rd_u64(r);
	gab_set_decode(r, &m->kept);
	ports_decode(r, &m->ports);
	return wire_rd_done(r) && install_sane(m);
}

void
gab_batch_encode(struct wire_wr *w, const struct gab_batch *m)
{
	gab_att_encode(w, &m->att);
	vid_encode(w, &m->vid);
	wire_wr_u64(w, m->first);
	wire_wr_u64(w, m->mark);
	wire_wr_u16(w, m->count);
}

bool
gab_batch_decode(struct wire_rd *r, struct gab_batch *m)
{
	gab_att_decode(r, &m->att);
	vid_decode(r, &m->vid);
	m->first = wire_rd_u64(r);
	m->mark = wire_rd_u64(r);
	m->count = (uint16_t)wire_rd_count16(r, GAB_ITEM_OVERHEAD, GAB_ITEMS_MAX);
	return wire_rd_ok(r) && m->count != 0;
}

void
gab_item_encode(struct wire_wr *w, const struct gab_item *m)
{
	wire_wr_u16(w, m->origin);
	wire_wr_u64(w, m->oseq);
	wire_wr_u8(w, m->kind);
	wire_wr_u8(w, m->port);
	wire_wr_u32(w, m->inst);
	wire_wr_u32(w, (uint32_t)m->len);
	wire_wr_bytes(w, m->data, m->len);
}

bool
gab_item_decode(struct wire_rd *r, struct gab_item *m)
{
	m->origin = node_decode(r);
	m->oseq = wire_rd_u64(r);
	m->kind = wire_rd_u8(r);
	m->port = wire_rd_u8(r);
	m->inst = wire_rd_u32(r);
	m->len = wire_rd_u32(r);
	if (!wire_rd_ok(r) || m->kind > GAB_ITEM_LEAVE || m->port == 0 || m->port >= GAB_NPORTS ||
	    m->len > GAB_MAX_MSG || (m->kind != GAB_ITEM_DATA && m->len != 0))
		wire_rd_fail(r);
	m->data = wire_rd_view(r, m->len);
	return wire_rd_ok(r);
}

void
gab_ack_encode(struct wire_wr *w, const struct gab_ack *m)
{
	vid_encode(w, &m->vid);
	wire_wr_u64(w, m->high);
}

bool
gab_ack_decode(struct wire_rd *r, struct gab_ack *m)
{
	vid_decode(r, &m->vid);
	m->high = wire_rd_u64(r);
	return wire_rd_done(r);
}

void
gab_unicast_encode(struct wire_wr *w, const struct gab_unicast *m)
{
	wire_wr_u8(w, m->port);
	vid_encode(w, &m->vid);
	wire_wr_u32(w, (uint32_t)m->len);
	wire_wr_bytes(w, m->data, m->len);
}

bool
gab_unicast_decode(struct wire_rd *r, struct gab_unicast *m)
{
	m->port = wire_rd_u8(r);
	vid_decode(r, &m->vid);
	m->len = wire_rd_u32(r);
	if (!wire_rd_ok(r) || m->port == 0 || m->port >= GAB_NPORTS || m->len > GAB_MAX_MSG)
		wire_rd_fail(r);
	m->data = wire_rd_view(r, m->len);
	return wire_rd_done(r);
}
