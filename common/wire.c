/* SPDX-License-Identifier: ISC */
#include "common/wire.h"

#include <netinet/in.h>
#include <string.h>

void
wire_rd_init(struct wire_rd *r, const void *buf, size_t len)
{
	r->pos = buf;
	r->end = r->pos + len;
	r->bad = false;
}

const uint8_t *
wire_rd_view(struct wire_rd *r, size_t n)
{
	const uint8_t *p = r->pos;

	if (r->bad || wire_rd_left(r) < n) {
		r->bad = true;
		return NULL;
	}
	r->pos += n;
	return p;
}

uint8_t
wire_rd_u8(struct wire_rd *r)
{
	const uint8_t *p = wire_rd_view(r, 1);

	return p == NULL ? 0 : p[0];
}

uint16_t
wire_rd_u16(struct wire_rd *r)
{
	const uint8_t *p = wire_rd_view(r, 2);

	return p == NULL ? 0 : (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t
wire_rd_u32(struct wire_rd *r)
{
	const uint8_t *p = wire_rd_view(r, 4);

	if (p == NULL)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t
wire_rd_u64(struct wire_rd *r)
{
	uint64_t hi = wire_rd_u32(r);

	return hi << 32 | wire_rd_u32(r);
}

void
wire_rd_copy(struct wire_rd *r, void *dst, size_t n)
{
	const uint8_t *p = wire_rd_view(r, n);

	if (p == NULL)
		memset(dst, 0, n);
	else
		memcpy(dst, p, n);
}

struct in_addr
wire_rd_addr(struct wire_rd *r)
{
	struct in_addr a;

	wire_rd_copy(r, &a.s_addr, sizeof(a.s_addr));
	return a;
}

void
wire_rd_str(struct wire_rd *r, char *dst, size_t dstsize)
{
	size_t n = wire_rd_u16(r);
	const uint8_t *p = wire_rd_view(r, n);

	dst[0] = '\0';
	if (p == NULL)
		return;
	if (n >= dstsize || memchr(p, '\0', n) != NULL) {
		r->bad = true;
		return;
	}
	memcpy(dst, p, n);
	dst[n] = '\0';
}

static uint32_t
check_count(struct wire_rd *r, uint32_t n, size_t item_min, uint32_t max)
{
	if (r->bad || n > max || (item_min != 0 && n > wire_rd_left(r) / item_min)) {
		r->bad = true;
		return 0;
	}
	return n;
}

uint32_t
wire_rd_count16(struct wire_rd *r, size_t item_min, uint32_t max)
{
	uint32_t n = wire_rd_u16(r);

	return check_count(r, n, item_min, max);
}

uint32_t
wire_rd_count32(struct wire_rd *r, size_t item_min, uint32_t max)
{
	uint32_t n = wire_rd_u32(r);

	return check_count(r, n, item_min, max);
}

size_t
wire_rd_left(const struct wire_rd *r)
{
	return (size_t)(r->end - r->pos);
}

void
wire_rd_fail(struct wire_rd *r)
{
	r->bad = true;
}

bool
wire_rd_ok(const struct wire_rd *r)
{
	return !r->bad;
}

bool
wire_rd_done(const struct wire_rd *r)
{
	return !r->bad && r->pos == r->end;
}

void
wire_wr_init(struct wire_wr *w, void *buf, size_t size)
{
	w->start = w->pos = buf;
	w->end = w->start + size;
	w->bad = false;
}

static uint8_t *
wr_take(struct wire_wr *w, size_t n)
{
	uint8_t *p = w->pos;

	if (w->bad || (size_t)(w->end - w->pos) < n) {
		w->bad = true;
		return NULL;
	}
	w->pos += n;
	return p;
}

uint8_t *
wire_wr_reserve(struct wire_wr *w, size_t n)
{
	uint8_t *p = wr_take(w, n);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

void
wire_wr_bytes(struct wire_wr *w, const void *src, size_t n)
{
	uint8_t *p = wr_take(w, n);

	if (p != NULL && n != 0)
		memcpy(p, src, n);
}

void
wire_wr_u8(struct wire_wr *w, uint8_t v)
{
	wire_wr_bytes(w, &v, 1);
}

void
wire_wr_u16(struct wire_wr *w, uint16_t v)
{
	uint8_t *p = wr_take(w, 2);

	if (p != NULL)
		wire_put_u16(p, v);
}

void
wire_wr_u32(struct wire_wr *w, uint32_t v)
{
	uint8_t *p = wr_take(w, 4);

	if (p != NULL)
		wire_put_u32(p, v);
}

void
wire_wr_u64(struct wire_wr *w, uint64_t v)
{
	uint8_t *p = wr_take(w, 8);

	if (p == NULL)
		return;
	wire_put_u32(p, (uint32_t)(v >> 32));
	wire_put_u32(p + 4, (uint32_t)v);
}

void
wire_wr_addr(struct wire_wr *w, struct in_addr a)
{
	wire_wr_bytes(w, &a.s_addr, sizeof(a.s_addr));
}

void
wire_wr_str(struct wire_wr *w, const char *s)
{
	size_t n = strlen(s);

	if (n > UINT16_MAX) {
		w->bad = true;
		return;
	}
	wire_wr_u16(w, (uint16_t)n);
	wire_wr_bytes(w, s, n);
}

size_t
wire_wr_len(const struct wire_wr *w)
{
	return (size_t)(w->pos - w->start);
}

bool
wire_wr_ok(const struct wire_wr *w)
{
	return !w->bad;
}

void
wire_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void
wire_put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}
