/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "lltd/stream.h"

#define MASK (STREAM_WINDOW - 1)

/* A fragment that came too early. Its buffer is kept for the next one that uses the place. */
struct early {
	uint8_t *data;
	size_t len, cap;
	uint8_t flags;
	bool here;
};

struct stream_rx {
	uint64_t next; /* the first that has not arrived */
	uint64_t highest;
	struct early ring[STREAM_WINDOW];
	uint8_t *msg; /* what has arrived of the present message */
	size_t msg_len, msg_cap;
	bool inside;  /* a message has begun */
	bool skip;    /* … and is not wanted */
};

struct stream_rx *
stream_rx_new(void)
{
	struct stream_rx *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->next = 1;
	return r;
}

void
stream_rx_free(struct stream_rx *r)
{
	if (r == NULL)
		return;
	for (unsigned i = 0; i < STREAM_WINDOW; i++)
		free(r->ring[i].data);
	free(r->msg);
	free(r);
}

static bool
append(struct stream_rx *r, const uint8_t *data, size_t len)
{
	if (r->msg_len + len > LLT_MAX_MSG)
		return false;
	if (r->msg == NULL && (r->msg = malloc(LLT_MAX_MSG)) == NULL)
		return false;
	memcpy(r->msg + r->msg_len, data, len);
	r->msg_len += len;
	return true;
}

/* The next fragment in order. False if it makes no sense where it stands. */
static bool
assemble(struct stream_rx *r, uint8_t flags, const uint8_t *data, size_t len,
    stream_deliver *deliver, void *arg)
{
	bool first = (flags & LLT_D_FIRST) != 0, last = (flags & LLT_D_LAST) != 0, ok;

	ok = first != r->inside;
	if (first) {
		r->msg_len = 0;
		r->skip = false;
		r->inside = true;
	}
	if (first && last) {
		r->inside = false;
		if (len <= LLT_MAX_MSG)
			deliver(arg, data, len);
		return ok;
	}
	if (!r->inside)
		return false;
	if (!r->skip && !append(r, data, len)) {
		r->skip = true;
		ok = false;
	}
	if (last) {
		r->inside = false;
		if (!r->skip)
			deliver(arg, r->msg, r->msg_len);
	}
	return ok;
}

static enum stream_rx_result
keep(struct stream_rx *r, const struct llt_data *d)
{
	struct early *e = &r->ring[d->seq & MASK];

	if (e->here)
		return STREAM_DUPLICATE;
	if (e->cap < d->len) {
		uint8_t *p = realloc(e->data, d->len);

		if (p == NULL)
			return STREAM_OUT_OF_WINDOW;
		e->data = p;
		e->cap = d->len;
	}
	memcpy(e->data, d->data, d->len);
	e->len = d->len;
	e->flags = d->flags;
	e->here = true;
	if (d->seq > r->highest)
		r->highest = d->seq;
	return STREAM_TAKEN;
}

enum stream_rx_result
stream_rx_input(
    struct stream_rx *r, const struct llt_data *d, stream_deliver *deliver, void *arg, bool *soon)
{
	struct early *e;
	bool ok;

	*soon = true;
	if (d->seq < r->next)
		return STREAM_DUPLICATE;
	if (d->seq >= r->next + STREAM_WINDOW)
		return STREAM_OUT_OF_WINDOW;
	if (d->seq != r->next)
		return keep(r, d);
	r->next++;
	ok = assemble(r, d->flags, d->data, d->len, deliver, arg);
	while ((e = &r->ring[r->next & MASK])->here) {
		e->here = false;
		r->next++;
		ok &= assemble(r, e->flags, e->data, e->len, deliver, arg);
	}
	*soon = (d->flags & LLT_D_PATIENT) == 0 || r->next <= r->highest;
	return ok ? STREAM_TAKEN : STREAM_BAD;
}

void
stream_rx_ack(const struct stream_rx *r, struct llt_ack *a)
{
	a->next = r->next;
	a->nwords = 0;
	for (uint64_t s = r->next + 1; s <= r->highest && s - r->next - 1 < 64 * LLT_ACK_WORDS; s++) {
		unsigned bit = (unsigned)(s - r->next - 1);

		while (a->nwords <= bit / 64)
			a->words[a->nwords++] = 0;
		if (r->ring[s & MASK].here)
			a->words[bit / 64] |= 1ull << (bit % 64);
	}
}

void
stream_rx_forget(struct stream_rx *r)
{
	if (r->inside)
		r->skip = true;
}
