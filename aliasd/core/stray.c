/* SPDX-License-Identifier: ISC */
#include "aliasd/core/stray.h"

#include <stdlib.h>
#include <string.h>

#include "aliasd/core/frame.h"
#include "aliasd/core/map.h"
#include "common/clock.h"
#include "common/log.h"

#define MAX_HELD 1024
#define MAX_PER_CONN 2
#define TIMEOUT (200 * NSEC_PER_MSEC)
/* A connection nobody knew is not asked about again for so long. */
#define REFUSED_FOR NSEC_PER_SEC
#define REFUSED_SLOTS 1024
/* When a member dies, all its clients have to be told within the moment in which they next send. */
#define RESETS_PER_SEC 10000

struct packet {
	uint32_t ifindex;
	size_t len;
	uint8_t *frame;
};

struct pending {
	struct pending *next; /* by age: they all wait equally long */
	struct alias_conn conn;
	uint64_t deadline;
	size_t nwait;
	uint16_t *wait; /* who has not answered yet */
	size_t n;
	struct packet packet[MAX_PER_CONN];
};

struct refused {
	struct alias_conn conn;
	uint64_t until;
};

struct stray {
	const struct stray_ops *ops;
	void *arg;
	struct pending *first, **last;
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
	s->last = &s->first;
	s->limit.interval_ns = NSEC_PER_SEC;
	s->limit.burst = RESETS_PER_SEC;
	return s;
}

static bool
same(const struct alias_conn *a, const struct alias_conn *b)
{
	return a->client.s_addr == b->client.s_addr && a->alias.s_addr == b->alias.s_addr &&
	    a->client_port == b->client_port && a->port == b->port;
}

static struct refused *
refused_slot(struct stray *s, const struct alias_conn *c)
{
	uint64_t h = (uint64_t)c->client.s_addr << 32 | (uint32_t)c->client_port << 16 | c->port;

	h = (h ^ c->alias.s_addr) * 0x9e3779b97f4a7c15ull;
	return &s->refused[h >> 54];
}

/* Unlinks the entry *at and frees it with its packets. */
static void
drop(struct stray *s, struct pending **at)
{
	struct pending *p = *at;
	size_t i;

	*at = p->next;
	if (*at == NULL)
		s->last = at;
	for (i = 0; i < p->n; i++)
		free(p->packet[i].frame);
	s->stats.held -= p->n;
	free(p->wait);
	free(p);
}

void
stray_clear(struct stray *s)
{
	while (s->first != NULL)
		drop(s, &s->first);
}

void
stray_free(struct stray *s)
{
	if (s == NULL)
		return;
	stray_clear(s);
	free(s);
}

static struct pending **
find(struct stray *s, const struct alias_conn *c)
{
	struct pending **at;

	for (at = &s->first; *at != NULL; at = &(*at)->next) {
		if (same(&(*at)->conn, c))
			return at;
	}
	return NULL;
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
refuse(struct stray *s, struct pending **at, uint64_t now)
{
	struct pending *p = *at;
	struct refused *r = refused_slot(s, &p->conn);
	const struct packet *newest;

	r->conn = p->conn;
	r->until = now + REFUSED_FOR;
	/* One is enough: what the client had sent before is answered by the same. */
	if (p->n > 0) {
		newest = &p->packet[p->n - 1];
		reset(s, newest->ifindex, newest->frame, newest->len, now);
	}
	drop(s, at);
}

static void
hold(struct stray *s, struct pending *p, uint32_t ifindex, const uint8_t *frame, size_t len)
{
	struct packet *k;

	if (p->n == MAX_PER_CONN || s->stats.held >= MAX_HELD || len > STRAY_FRAME_MAX) {
		s->stats.overflow++;
		return;
	}
	k = &p->packet[p->n++];
	k->ifindex = ifindex;
	k->len = len;
	k->frame = mem_zalloc(len);
	memcpy(k->frame, frame, len);
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
	*s->last = p;
	s->last = &p->next;
	return p;
}

void
stray_packet(struct stray *s, const struct alias_conn *c, uint32_t ifindex, const uint8_t *frame,
    size_t len, const uint16_t *peers, size_t npeers, uint64_t now)
{
	struct refused *r = refused_slot(s, c);
	struct alias_ask ask = { .conn = *c };
	struct frame_tcp t;
	struct pending **at;

	if (!frame_tcp(frame, len, &t) || (t.flags & FRAME_RST))
		return;
	if (r->until > now && same(&r->conn, c)) {
		reset(s, ifindex, frame, len, now);
		return;
	}
	at = find(s, c);
	if (at != NULL) {
		hold(s, *at, ifindex, frame, len);
		return;
	}
	if (s->stats.held >= MAX_HELD) {
		s->stats.overflow++;
		return;
	}
	hold(s, add_pending(s, c, peers, npeers, now), ifindex, frame, len);
	if (npeers == 0) {
		refuse(s, find(s, c), now);
		return;
	}
	s->stats.asked++;
	ask.acks = (t.flags & FRAME_ACK) && !(t.flags & FRAME_SYN);
	ask.seq = t.seq;
	ask.ack = t.ack;
	s->ops->ask(&ask, s->arg);
}

static void
strike_off(struct stray *s, struct pending **at, uint16_t node, uint64_t now)
{
	struct pending *p = *at;
	size_t i;

	for (i = 0; i < p->nwait; i++) {
		if (p->wait[i] != node)
			continue;
		p->wait[i] = p->wait[--p->nwait];
		if (p->nwait == 0)
			refuse(s, at, now);
		return;
	}
}

void
stray_answer(struct stray *s, uint16_t from, const struct alias_conn *c, enum alias_verdict verdict,
    uint64_t now)
{
	struct pending **at = find(s, c);
	size_t i;

	if (at == NULL)
		return;
	if (verdict == ALIAS_NOT_MINE) {
		strike_off(s, at, from, now);
		return;
	}
	for (i = 0; i < (*at)->n; i++) {
		struct packet *k = &(*at)->packet[i];

		s->stats.delivered++;
		s->ops->deliver(from, k->ifindex, k->frame, k->len, s->arg);
	}
	drop(s, at);
}

void
stray_member_left(struct stray *s, uint16_t node, uint64_t now)
{
	struct pending **at = &s->first, *p;

	while ((p = *at) != NULL) {
		strike_off(s, at, node, now);
		if (*at == p)
			at = &p->next;
	}
}

/* Nobody asks it; the client's next packet does. */
void
stray_member_joined(struct stray *s, uint16_t node)
{
	struct pending *p;

	memset(s->refused, 0, sizeof(s->refused));
	for (p = s->first; p != NULL; p = p->next) {
		p->wait = mem_grow(p->wait, p->nwait + 1, sizeof(*p->wait));
		p->wait[p->nwait++] = node;
	}
}

uint64_t
stray_run(struct stray *s, uint64_t now)
{
	while (s->first != NULL && s->first->deadline <= now) {
		s->stats.expired++;
		drop(s, &s->first);
	}
	return s->first == NULL ? STRAY_NEVER : s->first->deadline;
}

const struct stray_stats *
stray_stats(const struct stray *s)
{
	return &s->stats;
}
