/* SPDX-License-Identifier: ISC */
#include "aliasd/core/stray.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "aliasd/core/frame.h"
#include "aliasd/core/map.h"
#include "common/clock.h"
#include "common/log.h"

#define MAX_PER_CONN 2
#define TIMEOUT (200 * NSEC_PER_MSEC)
/* A connection nobody knew is not asked about again for so long. */
#define REFUSED_FOR NSEC_PER_SEC
#define REFUSED_SLOTS 1024

struct packet {
	uint32_t ifindex;
	size_t len;
	uint8_t *frame;
};

struct pending {
	TAILQ_ENTRY(pending) next; /* by age: they all wait equally long */
	struct alias_conn conn;
	uint64_t deadline;
	size_t nwait;
	uint16_t *wait; /* who has not answered yet */
	size_t n;
	struct packet packet[MAX_PER_CONN];
};

TAILQ_HEAD(pending_list, pending);

struct refused {
	struct alias_conn conn;
	uint64_t until;
};

struct stray {
	const struct stray_ops *ops;
	void *arg;
	struct pending_list pending;
	struct map *by_conn; /* the same by conn_hash() */
	size_t bytes;        /* of packets held */
	struct refused refused[REFUSED_SLOTS];
	struct log_limit limit;
	struct stray_stats stats;
};

struct stray *
stray_new(const struct stray_ops *ops, void *arg)
{
	struct stray *s = mem_zalloc(sizeof(*s));

	s->ops = ops;
	s->arg = arg;
	TAILQ_INIT(&s->pending);
	s->by_conn = map_new();
	s->limit.interval_ns = NSEC_PER_SEC;
	s->limit.burst = STRAY_RESETS_PER_SEC;
	return s;
}

static bool
same(const struct alias_conn *a, const struct alias_conn *b)
{
	return a->client.s_addr == b->client.s_addr && a->alias.s_addr == b->alias.s_addr &&
	    a->client_port == b->client_port && a->port == b->port;
}

static uint64_t
conn_hash(const struct alias_conn *c)
{
	uint64_t h = (uint64_t)c->client.s_addr << 32 | (uint32_t)c->client_port << 16 | c->port;

	return (h ^ c->alias.s_addr) * 0x9e3779b97f4a7c15ull;
}

static struct refused *
refused_slot(struct stray *s, const struct alias_conn *c)
{
	return &s->refused[conn_hash(c) >> 54];
}

/* With its packets. */
static void
drop(struct stray *s, struct pending *p)
{
	size_t i;

	TAILQ_REMOVE(&s->pending, p, next);
	map_del(s->by_conn, conn_hash(&p->conn));
	for (i = 0; i < p->n; i++) {
		s->bytes -= p->packet[i].len;
		free(p->packet[i].frame);
	}
	s->stats.held -= p->n;
	free(p->wait);
	free(p);
}

void
stray_clear(struct stray *s)
{
	while (!TAILQ_EMPTY(&s->pending))
		drop(s, TAILQ_FIRST(&s->pending));
}

void
stray_free(struct stray *s)
{
	if (s == NULL)
		return;
	stray_clear(s);
	map_free(s->by_conn, NULL);
	free(s);
}

static void
reset(struct stray *s, uint32_t ifindex, const uint8_t *frame, size_t len, uint64_t now)
{
	if (!log_limit_ok(&s->limit, now)) {
		s->stats.limited++;
		return;
	}
	s->stats.resets++;
	s->ops->reset(ifindex, frame, len, s->arg);
}

static void
refuse(struct stray *s, struct pending *p, uint64_t now)
{
	struct refused *r = refused_slot(s, &p->conn);
	const struct packet *newest;

	r->conn = p->conn;
	r->until = now + REFUSED_FOR;
	/* One is enough: what the client had sent before is answered by the same. */
	if (p->n > 0) {
		newest = &p->packet[p->n - 1];
		reset(s, newest->ifindex, newest->frame, newest->len, now);
	}
	drop(s, p);
}

static bool
has_room(const struct stray *s)
{
	return s->stats.held < STRAY_HELD_MAX && s->bytes <= STRAY_BYTES_MAX - STRAY_FRAME_MAX;
}

static void
hold(struct stray *s, struct pending *p, uint32_t ifindex, const uint8_t *frame, size_t len)
{
	struct packet *k;

	if (p->n == MAX_PER_CONN || !has_room(s) || len > STRAY_FRAME_MAX) {
		s->stats.overflow++;
		return;
	}
	k = &p->packet[p->n++];
	k->ifindex = ifindex;
	k->len = len;
	k->frame = mem_zalloc(len);
	memcpy(k->frame, frame, len);
	s->bytes += len;
	s->stats.held++;
}

static struct pending *
add_pending(struct stray *s, const struct alias_conn *c, const uint16_t *peers, size_t npeers,
    uint64_t now)
{
	struct pending *p = mem_zalloc(sizeof(*p));

	p->conn = *c;
	p->deadline = now + TIMEOUT;
	p->wait = mem_grow(NULL, npeers, sizeof(*p->wait));
	if (npeers > 0)
		memcpy(p->wait, peers, npeers * sizeof(*p->wait));
	p->nwait = npeers;
	TAILQ_INSERT_TAIL(&s->pending, p, next);
	map_put(s->by_conn, conn_hash(c), p);
	return p;
}

void
stray_packet(struct stray *s, const struct alias_conn *c, uint32_t ifindex, const uint8_t *frame,
    size_t len, const uint16_t *peers, size_t npeers, uint64_t now)
{
	struct refused *r = refused_slot(s, c);
	struct alias_ask ask = { .conn = *c };
	struct frame_tcp t;
	struct pending *p;

	if (!frame_tcp(frame, len, &t) || (t.flags & FRAME_RST))
		return;
	if (r->until > now && same(&r->conn, c)) {
		reset(s, ifindex, frame, len, now);
		return;
	}
	p = map_get(s->by_conn, conn_hash(c));
	if (p != NULL && same(&p->conn, c)) {
		hold(s, p, ifindex, frame, len);
		return;
	}
	if (p != NULL || !has_room(s)) {
		s->stats.overflow++;
		return;
	}
	p = add_pending(s, c, peers, npeers, now);
	hold(s, p, ifindex, frame, len);
	if (npeers == 0) {
		refuse(s, p, now);
		return;
	}
	s->stats.asked++;
	ask.acks = (t.flags & FRAME_ACK) && !(t.flags & FRAME_SYN);
	ask.seq = t.seq;
	ask.ack = t.ack;
	s->ops->ask(&ask, s->arg);
}

static void
strike_off(struct stray *s, struct pending *p, uint16_t node, uint64_t now)
{
	size_t i;

	for (i = 0; i < p->nwait; i++) {
		if (p->wait[i] != node)
			continue;
		p->wait[i] = p->wait[--p->nwait];
		if (p->nwait == 0)
			refuse(s, p, now);
		return;
	}
}

void
stray_answer(struct stray *s, uint16_t from, const struct alias_conn *c, enum alias_verdict verdict,
    uint64_t now)
{
	struct pending *p = map_get(s->by_conn, conn_hash(c));
	size_t i;

	if (p == NULL || !same(&p->conn, c))
		return;
	if (verdict == ALIAS_NOT_MINE) {
		strike_off(s, p, from, now);
		return;
	}
	for (i = 0; i < p->n; i++) {
		struct packet *k = &p->packet[i];

		s->stats.delivered++;
		s->ops->deliver(from, k->ifindex, k->frame, k->len, s->arg);
	}
	drop(s, p);
}

void
stray_member_left(struct stray *s, uint16_t node, uint64_t now)
{
	struct pending *p, *next;

	for (p = TAILQ_FIRST(&s->pending); p != NULL; p = next) {
		next = TAILQ_NEXT(p, next);
		strike_off(s, p, node, now);
	}
}

/* Nobody asks it; the client's next packet does. */
void
stray_member_joined(struct stray *s, uint16_t node)
{
	struct pending *p;

	memset(s->refused, 0, sizeof(s->refused));
	TAILQ_FOREACH (p, &s->pending, next) {
		p->wait = mem_grow(p->wait, p->nwait + 1, sizeof(*p->wait));
		p->wait[p->nwait++] = node;
	}
}

uint64_t
stray_run(struct stray *s, uint64_t now)
{
	struct pending *p;

	while ((p = TAILQ_FIRST(&s->pending)) != NULL && p->deadline <= now) {
		s->stats.expired++;
		drop(s, p);
	}
	return p == NULL ? STRAY_NEVER : p->deadline;
}

const struct stray_stats *
stray_stats(const struct stray *s)
{
	return &s->stats;
}
