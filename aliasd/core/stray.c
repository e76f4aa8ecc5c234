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
/* For resets that are beyond the limit. */
#define RESET_AGAIN NSEC_PER_SEC
/* A connection nobody knew is not asked about again for so long. */
#define REFUSED_FOR NSEC_PER_SEC
#define REFUSED_SLOTS 1024

struct packet {
	uint32_t ifindex;
	size_t len;
	const uint8_t *frame;
};

struct pending {
	TAILQ_ENTRY(pending) next;
	struct alias_ask ask; /* about the newest packet */
	uint64_t due; /* the answers, or to be asked about again */
	bool put_off; /* it is in that list */
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
	struct pending_list asked, put_off; /* by the time at which they are due */
	struct map *by_conn; /* all of them by conn_hash() */
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
	TAILQ_INIT(&s->asked);
	TAILQ_INIT(&s->put_off);
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

static void
unlist(struct stray *s, struct pending *p)
{
	if (p->put_off)
		TAILQ_REMOVE(&s->put_off, p, next);
	else
		TAILQ_REMOVE(&s->asked, p, next);
}

/* With its packets. */
static void
drop(struct stray *s, struct pending *p)
{
	size_t i;

	unlist(s, p);
	map_del(s->by_conn, conn_hash(&p->ask.conn));
	for (i = 0; i < p->n; i++) {
		s->bytes -= p->packet[i].len;
		free((void *)p->packet[i].frame);
	}
	s->stats.held -= p->n;
	free(p->wait);
	free(p);
}

void
stray_clear(struct stray *s)
{
	while (!TAILQ_EMPTY(&s->asked))
		drop(s, TAILQ_FIRST(&s->asked));
	while (!TAILQ_EMPTY(&s->put_off))
		drop(s, TAILQ_FIRST(&s->put_off));
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

/* 0, or when to try again. */
static uint64_t
reset(struct stray *s, const struct alias_ask *a, const struct packet *k, uint64_t now)
{
	uint64_t later;

	if (!log_limit_ok(&s->limit, now)) {
		s->stats.limited++;
		return now + RESET_AGAIN;
	}
	later = s->ops->reset(a, k->ifindex, k->frame, k->len, s->arg);
	if (later == 0)
		s->stats.resets++;
	return later;
}

/* Nearly always it is the last that is due. */
static void
put_off(struct stray *s, struct pending *p, uint64_t due)
{
	struct pending *before = TAILQ_LAST(&s->put_off, pending_list);

	unlist(s, p);
	p->put_off = true;
	p->due = due;
	while (before != NULL && before->due > due)
		before = TAILQ_PREV(before, pending_list, next);
	if (before == NULL)
		TAILQ_INSERT_HEAD(&s->put_off, p, next);
	else
		TAILQ_INSERT_AFTER(&s->put_off, before, p, next);
	s->stats.put_off++;
}

/* One reset is enough: what the client had sent before is answered by the same. A reset is not answered. */
static void
refuse(struct stray *s, struct pending *p, uint64_t now)
{
	uint64_t later;
	struct refused *r;

	if (!p->ask.acks) {
		drop(s, p);
		return;
	}
	later = p->n == 0 ? 0 : reset(s, &p->ask, &p->packet[p->n - 1], now);
	if (later != 0) {
		put_off(s, p, later);
		return;
	}
	r = refused_slot(s, &p->ask.conn);
	r->conn = p->ask.conn;
	r->until = now + REFUSED_FOR;
	drop(s, p);
}

static bool
has_room(const struct stray *s)
{
	return s->stats.held < STRAY_HELD_MAX && s->bytes <= STRAY_BYTES_MAX - STRAY_FRAME_MAX;
}

/* For what is new. */
static bool
make_room(struct stray *s, const struct pending *but)
{
	struct pending *p = TAILQ_FIRST(&s->put_off);

	if (p != NULL && p == but)
		p = TAILQ_NEXT(p, next);
	if (!has_room(s) && p != NULL)
		drop(s, p);
	return has_room(s);
}

static void
hold(struct stray *s, struct pending *p, uint32_t ifindex, const uint8_t *frame, size_t len)
{
	uint8_t *copy;

	if (p->n == MAX_PER_CONN || len > STRAY_FRAME_MAX || !make_room(s, p)) {
		s->stats.overflow++;
		return;
	}
	copy = mem_zalloc(len);
	memcpy(copy, frame, len);
	p->packet[p->n++] = (struct packet){ .ifindex = ifindex, .len = len, .frame = copy };
	s->bytes += len;
	s->stats.held++;
}

static struct pending *
add_pending(struct stray *s, const struct alias_ask *a)
{
	struct pending *p = mem_zalloc(sizeof(*p));

	p->ask = *a;
	TAILQ_INSERT_TAIL(&s->asked, p, next);
	map_put(s->by_conn, conn_hash(&a->conn), p);
	return p;
}

static void
ask(struct stray *s, struct pending *p, uint64_t now)
{
	const uint16_t *peers = s->ops->peers(&p->nwait, s->arg);

	unlist(s, p);
	TAILQ_INSERT_TAIL(&s->asked, p, next);
	p->put_off = false;
	p->due = now + TIMEOUT;
	if (p->nwait == 0) {
		refuse(s, p, now);
		return;
	}
	p->wait = mem_grow(p->wait, p->nwait, sizeof(*p->wait));
	memcpy(p->wait, peers, p->nwait * sizeof(*p->wait));
	s->stats.asked++;
	s->ops->ask(&p->ask, s->arg);
}

bool
stray_ask(const struct alias_conn *c, const uint8_t *frame, size_t len, struct alias_ask *a)
{
	struct frame_tcp t;

	if (!frame_tcp(frame, len, &t))
		return false;
	*a = (struct alias_ask){ .conn = *c, .seq = t.seq, .ack = t.ack,
		.acks = (t.flags & FRAME_ACK) && !(t.flags & (FRAME_SYN | FRAME_RST)) };
	return true;
}

void
stray_packet(struct stray *s, const struct alias_ask *a, uint32_t ifindex, const uint8_t *frame,
    size_t len, uint64_t now)
{
	struct packet packet = { .ifindex = ifindex, .len = len, .frame = frame };
	struct refused *r = refused_slot(s, &a->conn);
	struct pending *p;

	if (r->until > now && same(&r->conn, &a->conn)) {
		if (a->acks)
			reset(s, a, &packet, now);
		return;
	}
	p = map_get(s->by_conn, conn_hash(&a->conn));
	if (p != NULL && same(&p->ask.conn, &a->conn)) {
		hold(s, p, ifindex, frame, len);
		p->ask = *a;
		/* Somebody may know it by now. */
		if (p->put_off)
			ask(s, p, now);
		return;
	}
	if (p != NULL || !make_room(s, NULL)) {
		s->stats.overflow++;
		return;
	}
	p = add_pending(s, a);
	hold(s, p, ifindex, frame, len);
	ask(s, p, now);
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

	if (p == NULL || !same(&p->ask.conn, c))
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

	for (p = TAILQ_FIRST(&s->asked); p != NULL; p = next) {
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
	TAILQ_FOREACH (p, &s->asked, next) {
		p->wait = mem_grow(p->wait, p->nwait + 1, sizeof(*p->wait));
		p->wait[p->nwait++] = node;
	}
}

uint64_t
stray_run(struct stray *s, uint64_t now)
{
	uint64_t due = STRAY_NEVER;
	struct pending *p;

	while ((p = TAILQ_FIRST(&s->put_off)) != NULL && p->due <= now)
		ask(s, p, now);
	if (p != NULL)
		due = p->due;
	while ((p = TAILQ_FIRST(&s->asked)) != NULL && p->due <= now) {
		s->stats.expired++;
		drop(s, p);
	}
	return p != NULL && p->due < due ? p->due : due;
}

const struct stray_stats *
stray_stats(const struct stray *s)
{
	return &s->stats;
}
