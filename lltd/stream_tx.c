/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "lltd/stream.h"

#define MASK (STREAM_WINDOW - 1)
#define REORDER 3                      /* how much a single link may reorder */
#define RTO_MIN (4 * NSEC_PER_MSEC)
#define RTO_MAX (250 * NSEC_PER_MSEC)
#define RTO_FIRST (30 * NSEC_PER_MSEC)
#define CWND_FIRST 64
#define CWND_MIN 16

/* A fragment in flight. */
struct frag {
	struct stream_msg *msg;
	uint32_t off;
	uint32_t len;
	uint64_t sent_at;
	uint64_t order; /* place among those sent over its link */
	uint8_t link;
	uint8_t flags;
	bool lost;
	bool acked;
	bool resent;
	bool expired; /* lost because its time ran out */
};

struct stream_tx {
	size_t frag_len;
	struct stream_counters *counters;
	struct frag ring[STREAM_WINDOW]; /* una .. nxt-1 */
	uint64_t una, nxt;
	unsigned nlost;
	unsigned cwnd;
	struct stream_msg **queue; /* messages not wholly in the ring; a ring of qcap */
	size_t qcap, qhead, qlen;
	uint32_t off; /* of the first one in the queue */
	size_t bytes;
	uint64_t order[LLT_MAX_LINKS];
	uint64_t order_acked[LLT_MAX_LINKS];
	uint64_t srtt;
	unsigned backoff;
};

struct stream_msg *
stream_msg_new(const uint8_t *data, size_t len, bool patient)
{
	struct stream_msg *m = malloc(sizeof(*m) + len);

	if (m == NULL)
		return NULL;
	m->refs = 1;
	m->len = (uint32_t)len;
	m->patient = patient;
	memcpy(m->data, data, len);
	return m;
}

void
stream_msg_unref(struct stream_msg *m)
{
	if (m != NULL && --m->refs == 0)
		free(m);
}

struct stream_tx *
stream_tx_new(size_t frag_len, struct stream_counters *counters)
{
	struct stream_tx *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->frag_len = frag_len;
	t->counters = counters;
	t->una = t->nxt = 1;
	t->cwnd = CWND_FIRST;
	return t;
}

void
stream_tx_free(struct stream_tx *t)
{
	if (t == NULL)
		return;
	for (uint64_t s = t->una; s < t->nxt; s++)
		stream_msg_unref(t->ring[s & MASK].msg);
	for (size_t i = 0; i < t->qlen; i++)
		stream_msg_unref(t->queue[(t->qhead + i) % t->qcap]);
	free(t->queue);
	free(t);
}

static bool
queue_grow(struct stream_tx *t)
{
	size_t cap = t->qcap == 0 ? 16 : t->qcap * 2;
	struct stream_msg **q = calloc(cap, sizeof(*q));

	if (q == NULL)
		return false;
	for (size_t i = 0; i < t->qlen; i++)
		q[i] = t->queue[(t->qhead + i) % t->qcap];
	free(t->queue);
	t->queue = q;
	t->qcap = cap;
	t->qhead = 0;
	return true;
}

void
stream_tx_push(struct stream_tx *t, struct stream_msg *m)
{
	if (t->qlen == t->qcap && !queue_grow(t))
		abort();
	m->refs++;
	t->queue[(t->qhead + t->qlen++) % t->qcap] = m;
	t->bytes += m->len;
}

size_t
stream_tx_queued(const struct stream_tx *t)
{
	return t->bytes;
}

bool
stream_tx_idle(const struct stream_tx *t)
{
	return t->una == t->nxt && t->qlen == 0;
}

static void
fill(const struct stream_tx *t, uint64_t seq, struct llt_data *d)
{
	const struct frag *f = &t->ring[seq & MASK];

	d->seq = seq;
	d->flags = f->flags;
	d->data = f->msg->data + f->off;
	d->len = f->len;
}

/* Cuts the next fragment off the queue, into the ring. */
static void
cut(struct stream_tx *t)
{
	struct stream_msg *m = t->queue[t->qhead];
	struct frag *f = &t->ring[t->nxt & MASK];
	uint32_t left = m->len - t->off;

	memset(f, 0, sizeof(*f));
	f->msg = m;
	f->off = t->off;
	f->len = left > t->frag_len ? (uint32_t)t->frag_len : left;
	f->flags = (t->off == 0 ? LLT_D_FIRST : 0) | (f->len == left ? LLT_D_LAST : 0) |
	    (m->patient ? LLT_D_PATIENT : 0);
	f->lost = true; /* to be sent, like one that was lost */
	t->nlost++;
	t->nxt++;
	t->off += f->len;
	if (f->len < left) {
		m->refs++;
		return;
	}
	t->qhead = (t->qhead + 1) % t->qcap;
	t->qlen--;
	t->off = 0;
}

bool
stream_tx_next(struct stream_tx *t, struct llt_data *d, int *avoid)
{
	uint64_t seq = t->una;

	if (t->nlost == 0) {
		if (t->qlen == 0 || t->nxt - t->una >= t->cwnd)
			return false;
		cut(t);
		seq = t->nxt - 1;
	}
	while (!t->ring[seq & MASK].lost)
		seq++;
	fill(t, seq, d);
	*avoid = t->ring[seq & MASK].expired ? t->ring[seq & MASK].link : -1;
	return true;
}

void
stream_tx_sent(struct stream_tx *t, uint64_t seq, unsigned link, uint64_t now)
{
	struct frag *f = &t->ring[seq & MASK];

	f->resent = f->sent_at != 0;
	if (f->resent)
		t->counters->resent++;
	t->counters->sent++;
	f->sent_at = now;
	f->link = (uint8_t)link;
	f->order = ++t->order[link];
	f->lost = f->expired = false;
	t->nlost--;
}

static void
lose(struct stream_tx *t, struct frag *f)
{
	if (f->lost || f->acked || f->sent_at == 0)
		return;
	f->lost = true;
	t->nlost++;
}

static void
measure(struct stream_tx *t, const struct frag *f, uint64_t now)
{
	uint64_t rtt = now > f->sent_at ? now - f->sent_at : 0;

	/* Of one sent twice nobody knows which was answered: a longer timeout stays until one is clear. */
	if (f->resent)
		return;
	if ((f->flags & LLT_D_PATIENT) == 0) /* else the peer took its time */
		t->srtt = t->srtt == 0 ? rtt : t->srtt - t->srtt / 8 + rtt / 8;
	t->backoff = 0;
}

static void
mark_acked(struct stream_tx *t, struct frag *f, uint64_t now)
{
	if (f->acked || f->sent_at == 0)
		return;
	f->acked = true;
	if (f->lost) {
		f->lost = false;
		t->nlost--;
	}
	measure(t, f, now);
	/* A fragment sent twice may have been acknowledged for its first journey, over another link. */
	if (!f->resent && f->order > t->order_acked[f->link])
		t->order_acked[f->link] = f->order;
	t->counters->acked++;
	if (t->cwnd < STREAM_WINDOW)
		t->cwnd++;
}

static void
mark_words(struct stream_tx *t, const struct llt_ack *a, uint64_t now)
{
	for (unsigned i = 0; i < a->nwords; i++)
		for (uint64_t w = a->words[i]; w != 0; w &= w - 1) {
			uint64_t seq = a->next + 1 + i * 64 + (unsigned)__builtin_ctzll(w);

			if (seq >= t->una && seq < t->nxt)
				mark_acked(t, &t->ring[seq & MASK], now);
		}
}

/* Frees what is acknowledged without a gap. */
static size_t
advance(struct stream_tx *t)
{
	size_t freed = 0;

	while (t->una < t->nxt && t->ring[t->una & MASK].acked) {
		struct frag *f = &t->ring[t->una++ & MASK];

		freed += f->len;
		stream_msg_unref(f->msg);
		f->msg = NULL;
	}
	t->bytes -= freed;
	return freed;
}

static void
find_overtaken(struct stream_tx *t)
{
	for (uint64_t s = t->una; s < t->nxt; s++) {
		struct frag *f = &t->ring[s & MASK];

		if (!f->acked && !f->lost && f->order + REORDER <= t->order_acked[f->link]) {
			lose(t, f);
			t->counters->fast++;
		}
	}
}

bool
stream_tx_ack(struct stream_tx *t, const struct llt_ack *a, uint64_t now, size_t *freed)
{
	*freed = 0;
	if (a->next > t->nxt)
		return false;
	for (uint64_t s = t->una; s < a->next; s++) {
		if (t->ring[s & MASK].sent_at == 0)
			return false;
		mark_acked(t, &t->ring[s & MASK], now);
	}
	mark_words(t, a, now);
	*freed = advance(t);
	find_overtaken(t);
	return true;
}

void
stream_tx_link_gone(struct stream_tx *t, unsigned link)
{
	for (uint64_t s = t->una; s < t->nxt; s++)
		if (t->ring[s & MASK].link == link)
			lose(t, &t->ring[s & MASK]);
}

/* Nobody waits for what is in flight: neither who sent it, nor others of whom it is known that they arrived. */
static bool
is_patient(const struct stream_tx *t)
{
	for (uint64_t s = t->una; s < t->nxt; s++) {
		const struct frag *f = &t->ring[s & MASK];

		if (f->acked || (f->flags & LLT_D_PATIENT) == 0)
			return false;
	}
	return true;
}

static uint64_t
rto(const struct stream_tx *t)
{
	uint64_t v = t->srtt == 0 ? RTO_FIRST : 2 * t->srtt + RTO_MIN;

	v <<= t->backoff;
	if (v > RTO_MAX)
		v = RTO_MAX;
	return is_patient(t) ? v + LLT_PATIENCE : v;
}

void
stream_tx_tick(struct stream_tx *t, uint64_t now)
{
	uint64_t limit = rto(t);
	bool any = false;

	for (uint64_t s = t->una; s < t->nxt; s++) {
		struct frag *f = &t->ring[s & MASK];

		if (f->acked || f->lost || f->sent_at + limit > now)
			continue;
		lose(t, f);
		f->expired = any = true;
		t->counters->timeouts++;
	}
	if (!any)
		return;
	if (t->backoff < 6)
		t->backoff++;
	t->cwnd = t->cwnd / 2 > CWND_MIN ? t->cwnd / 2 : CWND_MIN;
}

uint64_t
stream_tx_deadline(const struct stream_tx *t)
{
	uint64_t first = UINT64_MAX;

	for (uint64_t s = t->una; s < t->nxt; s++) {
		const struct frag *f = &t->ring[s & MASK];

		if (!f->acked && !f->lost && f->sent_at < first)
			first = f->sent_at;
	}
	return first == UINT64_MAX ? first : first + rto(t);
}
