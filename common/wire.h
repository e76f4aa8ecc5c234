/* SPDX-License-Identifier: ISC */
/*
 * Bounds-checked cursors over a buffer: how every frame, message and control
 * request is read and written.
 *
 * All integers are big-endian on the wire. The error is sticky: after the first
 * read or write that does not fit, every later one is a no-op that returns 0,
 * and wire_rd_ok()/wire_wr_ok() say so. One check at the end is enough, but
 * a count read from the wire must be checked (wire_rd_count) before it
 * bounds a loop or an allocation.
 *
 * Neither cursor owns its buffer.
 */
#ifndef CLUA_COMMON_WIRE_H
#define CLUA_COMMON_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct in_addr; /* whoever reads or writes one includes <netinet/in.h> */

struct wire_rd {
	const uint8_t *pos;
	const uint8_t *end;
	bool bad;
};

struct wire_wr {
	uint8_t *start;
	uint8_t *pos;
	uint8_t *end;
	bool bad;
};

void wire_rd_init(struct wire_rd *, const void *buf, size_t len);
uint8_t wire_rd_u8(struct wire_rd *);
uint16_t wire_rd_u16(struct wire_rd *);
uint32_t wire_rd_u32(struct wire_rd *);
uint64_t wire_rd_u64(struct wire_rd *);
struct in_addr wire_rd_addr(struct wire_rd *); /* stays in network order */
/* Copies n bytes out; on error dst is zeroed. */
void wire_rd_copy(struct wire_rd *, void *dst, size_t n);
/* A pointer to n bytes inside the buffer, NULL on error. Lives as long as the buffer. */
const uint8_t *wire_rd_view(struct wire_rd *, size_t n);
/* u16 length, then bytes; dst gets a NUL. Error if it does not fit dst or holds a NUL. */
void wire_rd_str(struct wire_rd *, char *dst, size_t dstsize);
/*
 * A u16/u32 count of items of at least item_min bytes each; error, and 0, if the rest of
 * the buffer cannot hold that many, or if there are more than max.
 */
uint32_t wire_rd_count16(struct wire_rd *, size_t item_min, uint32_t max);
uint32_t wire_rd_count32(struct wire_rd *, size_t item_min, uint32_t max);
size_t wire_rd_left(const struct wire_rd *);
/* Marks the cursor bad: for values that decode but may not be. */
void wire_rd_fail(struct wire_rd *);
bool wire_rd_ok(const struct wire_rd *);
/* No error and nothing left over. */
bool wire_rd_done(const struct wire_rd *);

void wire_wr_init(struct wire_wr *, void *buf, size_t size);
void wire_wr_u8(struct wire_wr *, uint8_t);
void wire_wr_u16(struct wire_wr *, uint16_t);
void wire_wr_u32(struct wire_wr *, uint32_t);
void wire_wr_u64(struct wire_wr *, uint64_t);
void wire_wr_addr(struct wire_wr *, struct in_addr);
void wire_wr_bytes(struct wire_wr *, const void *src, size_t n);
/* u16 length, then the bytes without the NUL. */
void wire_wr_str(struct wire_wr *, const char *);
/* Reserves n zero bytes and returns their place, for a length to be filled in later; NULL on error. */
uint8_t *wire_wr_reserve(struct wire_wr *, size_t n);
size_t wire_wr_len(const struct wire_wr *);
bool wire_wr_ok(const struct wire_wr *);

/* Big-endian stores into a place got from wire_wr_reserve(). */
void wire_put_u16(uint8_t *, uint16_t);
void wire_put_u32(uint8_t *, uint32_t);

#endif
