/* SPDX-License-Identifier: ISC */
#include "proto/llt_frame.h"

#include <string.h>

#include "proto/llt_ctl.h"

bool
llt_frame_is_cluster(uint8_t type)
{
	return type <= LLT_F_HELLO;
}

size_t
llt_frame_headlen(uint8_t type)
{
	return llt_frame_is_cluster(type) ? LLT_FRAME_HEAD_CLUSTER : LLT_FRAME_HEAD_SESSION;
}

/* The frozen part. Returns the body length it states. */
static size_t
hdr_decode(struct wire_rd *r, struct llt_frame *f, uint8_t *min_version, uint8_t *zero)
{
	size_t bodylen;

	(void)wire_rd_u8(r);
	*min_version = wire_rd_u8(r);
	f->type = wire_rd_u8(r);
	f->flags = wire_rd_u8(r);
	f->cluster = wire_rd_u16(r);
	f->src = wire_rd_u16(r);
	f->dst = wire_rd_u16(r);
	f->link = wire_rd_u8(r);
	*zero = wire_rd_u8(r);
	bodylen = wire_rd_u16(r);
	f->session = wire_rd_u16(r);
	return bodylen;
}

static bool
hdr_valid(const struct llt_frame *f, uint8_t zero)
{
	if (f->type == 0 || f->type > LLT_F_LAST || zero != 0 || (f->flags & ~LLT_FF_SEALED) != 0)
		return false;
	return f->src < LLT_MAX_NODES && (f->dst < LLT_MAX_NODES || f->dst == LLT_BROADCAST) &&
	    f->link < LLT_MAX_LINKS && (!llt_frame_is_cluster(f->type) || f->session == 0);
}

enum llt_frame_error
llt_frame_decode(const uint8_t *buf, size_t len, struct llt_frame *f)
{
	struct wire_rd r;
	uint8_t version, min_version, zero;

	memset(f, 0, sizeof(*f));
	wire_rd_init(&r, buf, len);
	f->bodylen = hdr_decode(&r, f, &min_version, &zero);
	if (!wire_rd_ok(&r))
		return LLT_FRAME_TRUNCATED;
	version = buf[0];
	if (min_version > LLT_FRAME_VERSION || version < LLT_FRAME_VERSION || min_version > version ||
	    min_version == 0)
		return LLT_FRAME_VERSION_UNKNOWN;
	if (!hdr_valid(f, zero))
		return LLT_FRAME_MALFORMED;
	f->seq = wire_rd_u64(&r);
	if (llt_frame_is_cluster(f->type))
		f->incarnation = wire_rd_u64(&r);
	f->headlen = llt_frame_headlen(f->type);
	f->body = wire_rd_view(&r, f->bodylen);
	f->tag = wire_rd_view(&r, LLT_FRAME_TAG);
	if (!wire_rd_ok(&r))
		return LLT_FRAME_TRUNCATED;
	return wire_rd_done(&r) && f->seq != 0 ? LLT_FRAME_OK : LLT_FRAME_MALFORMED;
}

size_t
llt_frame_head_encode(uint8_t *buf, const struct llt_frame *f, size_t bodylen)
{
	struct wire_wr w;

	wire_wr_init(&w, buf, LLT_FRAME_HEAD_CLUSTER);
	wire_wr_u8(&w, LLT_FRAME_VERSION);
	wire_wr_u8(&w, LLT_FRAME_VERSION);
	wire_wr_u8(&w, f->type);
	wire_wr_u8(&w, f->flags);
	wire_wr_u16(&w, f->cluster);
	wire_wr_u16(&w, f->src);
	wire_wr_u16(&w, f->dst);
	wire_wr_u8(&w, f->link);
	wire_wr_u8(&w, 0);
	wire_wr_u16(&w, (uint16_t)bodylen);
	wire_wr_u16(&w, f->session);
	wire_wr_u64(&w, f->seq);
	if (llt_frame_is_cluster(f->type))
		wire_wr_u64(&w, f->incarnation);
	return wire_wr_len(&w);
}

void
llt_probe_encode(struct wire_wr *w, const struct llt_probe *p)
{
	wire_wr_bytes(w, p->addr, LLT_ADDR_LEN);
	wire_wr_str(w, p->name);
}

bool
llt_probe_decode(const uint8_t *buf, size_t len, struct llt_probe *p)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	wire_rd_copy(&r, p->addr, LLT_ADDR_LEN);
	wire_rd_str(&r, p->name, sizeof(p->name));
	return wire_rd_done(&r);
}

void
llt_answer_encode(struct wire_wr *w, const struct llt_answer *a)
{
	wire_wr_u64(w, a->echo);
	wire_wr_u8(w, a->verdict);
	wire_wr_u8(w, a->starting);
	wire_wr_bytes(w, a->addr, LLT_ADDR_LEN);
	wire_wr_bytes(w, a->holder, LLT_ADDR_LEN);
	wire_wr_str(w, a->name);
}

bool
llt_answer_decode(const uint8_t *buf, size_t len, struct llt_answer *a)
{
	struct wire_rd r;
	uint8_t starting;

	wire_rd_init(&r, buf, len);
	a->echo = wire_rd_u64(&r);
	a->verdict = wire_rd_u8(&r);
	starting = wire_rd_u8(&r);
	a->starting = starting != 0;
	wire_rd_copy(&r, a->addr, LLT_ADDR_LEN);
	wire_rd_copy(&r, a->holder, LLT_ADDR_LEN);
	wire_rd_str(&r, a->name, sizeof(a->name));
	return wire_rd_done(&r) && a->verdict <= LLT_V_LAST && starting <= 1;
}

void
llt_hello_encode(struct wire_wr *w, const struct llt_hello *h)
{
	wire_wr_u8(w, h->flags);
	wire_wr_u8(w, 0);
	wire_wr_u16(w, h->mtu);
	wire_wr_bytes(w, h->addr, LLT_ADDR_LEN);
	wire_wr_bytes(w, h->challenge, LLT_CHALLENGE);
	wire_wr_bytes(w, h->echo, LLT_CHALLENGE);
	wire_wr_str(w, h->name);
}

bool
llt_hello_decode(const uint8_t *buf, size_t len, struct llt_hello *h)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	h->flags = wire_rd_u8(&r);
	if (wire_rd_u8(&r) != 0 || (h->flags & ~LLT_H_ALL) != 0)
		wire_rd_fail(&r);
	h->mtu = wire_rd_u16(&r);
	wire_rd_copy(&r, h->addr, LLT_ADDR_LEN);
	wire_rd_copy(&r, h->challenge, LLT_CHALLENGE);
	wire_rd_copy(&r, h->echo, LLT_CHALLENGE);
	wire_rd_str(&r, h->name, sizeof(h->name));
	return wire_rd_done(&r);
}

void
llt_heartbeat_encode(struct wire_wr *w, const struct llt_heartbeat *h)
{
	wire_wr_u32(w, h->seq);
	wire_wr_u16(w, h->flags);
	wire_wr_u16(w, h->period_ms);
}

bool
llt_heartbeat_decode(const uint8_t *buf, size_t len, struct llt_heartbeat *h)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	h->seq = wire_rd_u32(&r);
	h->flags = wire_rd_u16(&r);
	h->period_ms = wire_rd_u16(&r);
	return wire_rd_done(&r) && (h->flags & ~LLT_HB_ALL) == 0;
}

/* The payload is the rest, and there is some. */
static bool
rd_payload(struct wire_rd *r, struct llt_data *d)
{
	d->len = wire_rd_left(r);
	d->data = wire_rd_view(r, d->len);
	return wire_rd_done(r) && d->len != 0 && d->port < LLT_MAX_PORTS;
}

void
llt_data_encode(struct wire_wr *w, const struct llt_data *d)
{
	wire_wr_u8(w, d->port);
	wire_wr_u8(w, d->flags);
	wire_wr_u16(w, 0);
	wire_wr_u64(w, d->seq);
	wire_wr_bytes(w, d->data, d->len);
}

bool
llt_data_decode(const uint8_t *buf, size_t len, struct llt_data *d)
{
	struct wire_rd r;
	uint16_t zero;

	wire_rd_init(&r, buf, len);
	d->port = wire_rd_u8(&r);
	d->flags = wire_rd_u8(&r);
	zero = wire_rd_u16(&r);
	d->seq = wire_rd_u64(&r);
	return rd_payload(&r, d) && zero == 0 && d->seq != 0 && (d->flags & ~LLT_D_ALL) == 0;
}

void
llt_dgram_encode(struct wire_wr *w, const struct llt_data *d)
{
	wire_wr_u8(w, d->port);
	(void)wire_wr_reserve(w, LLT_DGRAM_HEAD - 1);
	wire_wr_bytes(w, d->data, d->len);
}

bool
llt_dgram_decode(const uint8_t *buf, size_t len, struct llt_data *d)
{
	struct wire_rd r;
	uint8_t zero[LLT_DGRAM_HEAD - 1], bits = 0;

	wire_rd_init(&r, buf, len);
	d->port = wire_rd_u8(&r);
	wire_rd_copy(&r, zero, sizeof(zero));
	for (size_t i = 0; i < sizeof(zero); i++)
		bits |= zero[i];
	d->flags = 0;
	d->seq = 0;
	return rd_payload(&r, d) && bits == 0;
}

void
llt_ack_encode(struct wire_wr *w, const struct llt_ack *a)
{
	wire_wr_u8(w, a->port);
	wire_wr_u8(w, 0);
	wire_wr_u16(w, a->nwords);
	wire_wr_u64(w, a->next);
	for (unsigned i = 0; i < a->nwords; i++)
		wire_wr_u64(w, a->words[i]);
}

bool
llt_ack_decode(const uint8_t *buf, size_t len, struct llt_ack *a)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	a->port = wire_rd_u8(&r);
	if (wire_rd_u8(&r) != 0 || a->port >= LLT_MAX_PORTS)
		wire_rd_fail(&r);
	a->nwords = wire_rd_u16(&r);
	a->next = wire_rd_u64(&r);
	if (a->nwords > LLT_ACK_WORDS || a->next == 0)
		wire_rd_fail(&r);
	if (!wire_rd_ok(&r))
		a->nwords = 0;
	for (unsigned i = 0; i < a->nwords; i++)
		a->words[i] = wire_rd_u64(&r);
	return wire_rd_done(&r);
}
