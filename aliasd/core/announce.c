/* SPDX-License-Identifier: ISC */
#include "aliasd/core/announce.h"

#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "common/clock.h"
#include "common/llthosts.h"

#define KEEP (2 * NSEC_PER_SEC)
#define VOID 0xff /* instead of an op: began and ended untold */

struct entry {
	struct alias_conn conn;
	uint8_t op;
	uint64_t when;
};

struct announce {
	struct entry *ring; /* a power of two of them */
	size_t size;
	uint64_t first, next, end; /* kept from first, not yet sent from next; indices never wrap */
	uint64_t set;              /* of what is not sent, there is no SET or HELD before this one */
	struct map *untold; /* connection -> its SET that was never sent: index + 1 */
	uint64_t stop; /* what is sent now ends before this one; UINT64_MAX: with the last */
};

/* Alias left out: whoever looks it up compares the whole. */
static uint64_t
key_of(const struct alias_conn *c)
{
	return (uint64_t)c->client.s_addr << 32 | (uint64_t)c->client_port << 16 | c->port;
}

struct announce *
announce_new(void)
{
	struct announce *a = mem_zalloc(sizeof(*a));

	a->size = 1024;
	a->ring = mem_grow(NULL, a->size, sizeof(*a->ring));
	a->stop = UINT64_MAX;
	a->untold = map_new();
	return a;
}

void
announce_free(struct announce *a)
{
	if (a == NULL)
		return;
	map_free(a->untold, NULL);
	free(a->ring);
	free(a);
}

static struct entry *
at(const struct announce *a, uint64_t i)
{
	return &a->ring[i & (a->size - 1)];
}

static void
grow(struct announce *a)
{
	struct announce old = *a;
	uint64_t i;

	a->size *= 2;
	a->ring = mem_grow(NULL, a->size, sizeof(*a->ring));
	for (i = old.first; i < old.end; i++)
		*at(a, i) = *at(&old, i);
	free(old.ring);
}

static void
forget_old(struct announce *a, uint64_t now)
{
	while (a->first < a->next && now - at(a, a->first)->when > KEEP)
		a->first++;
}

static struct entry *
entry_of(const struct announce *a, const void *found, const struct alias_conn *c)
{
	uintptr_t i = (uintptr_t)found;
	struct entry *e = i == 0 ? NULL : at(a, i - 1);

	return e != NULL && e->conn.alias.s_addr == c->alias.s_addr ? e : NULL;
}

static struct entry *
untold_of(const struct announce *a, const struct alias_conn *c)
{
	return entry_of(a, map_get(a->untold, key_of(c)), c);
}

/* The SET of this connection that nobody was told of, if there is one; it is not untold any more. */
static struct entry *
take_untold(struct announce *a, const struct alias_conn *c)
{
	return entry_of(a, map_del(a->untold, key_of(c)), c);
}

/* Nobody will be told of it. False: there is none. */
static bool
drop_untold(struct announce *a, const struct alias_conn *c)
{
	struct entry *e = take_untold(a, c);

	if (e != NULL)
		e->op = VOID;
	return e != NULL;
}

static void
append(struct announce *a, const struct alias_conn *c, enum alias_flow_op op, uint64_t when)
{
	struct entry *e;

	if (a->end - a->first == a->size)
		grow(a);
	e = at(a, a->end++);
	e->conn = *c;
	e->op = (uint8_t)op;
	e->when = when;
}

static void
append_untold(struct announce *a, const struct alias_conn *c, uint64_t when)
{
	append(a, c, ALIAS_FLOW_SET, when);
	map_put(a->untold, key_of(c), (void *)(uintptr_t)a->end);
}

size_t
announce_add(struct announce *a, const struct alias_conn *c, enum alias_flow_op op, bool again,
    uint64_t when)
{
	bool untold = drop_untold(a, c);

	forget_old(a, when);
	if (op == ALIAS_FLOW_SET && !again)
		append_untold(a, c, when);
	else if (op == ALIAS_FLOW_SET || !untold)
		append(a, c, op, when);
	return (size_t)(a->end - a->next);
}

size_t
announce_held(struct announce *a, const struct alias_conn *c, uint64_t when)
{
	forget_old(a, when);
	if (untold_of(a, c) == NULL)
		append(a, c, ALIAS_FLOW_HELD, when);
	return (size_t)(a->end - a->next);
}

void
announce_ending(struct announce *a, const struct alias_conn *c, uint64_t when)
{
	if (drop_untold(a, c))
		append_untold(a, c, when);
}

/* The first that waits from there on, of any kind or of those in a hurry. */
static uint64_t
waiting(const struct announce *a, uint64_t from, bool hurry)
{
	while (from < a->end && (at(a, from)->op == VOID || (hurry && at(a, from)->op == ALIAS_FLOW_DEL)))
		from++;
	return from;
}

uint64_t
announce_due(struct announce *a)
{
	uint64_t due = UINT64_MAX;

	a->next = waiting(a, a->next, false);
	a->set = waiting(a, a->set > a->next ? a->set : a->next, true);
	if (a->next < a->end)
		due = at(a, a->next)->when + ANNOUNCE_END_AT;
	if (a->set < a->end && at(a, a->set)->when + ANNOUNCE_AT < due)
		due = at(a, a->set)->when + ANNOUNCE_AT;
	return due;
}

/* Moved behind all others, each with the time that it has. */
static void
put_off_untold(struct announce *a)
{
	uint64_t i, end = a->end;

	for (i = a->next; i < end; i++) {
		struct entry e = *at(a, i);

		if (untold_of(a, &e.conn) != at(a, i))
			continue;
		at(a, i)->op = VOID;
		append_untold(a, &e.conn, e.when);
	}
}

void
announce_begin(struct announce *a, uint64_t now)
{
	a->stop = UINT64_MAX;
	(void)announce_due(a);
	if (a->set < a->end && at(a, a->set)->when + ANNOUNCE_AT <= now + ANNOUNCE_SLACK)
		return;
	a->stop = a->end;
	put_off_untold(a);
}

bool
announce_next(struct announce *a, struct alias_conn *c, uint8_t *op)
{
	const struct entry *e;

	a->next = waiting(a, a->next, false);
	if (a->next == a->end || a->next >= a->stop) {
		a->stop = UINT64_MAX;
		return false;
	}
	e = at(a, a->next++);
	*c = e->conn;
	*op = e->op;
	if (e->op == ALIAS_FLOW_SET)
		take_untold(a, c);
	return true;
}

void
announce_again(struct announce *a, uint64_t now)
{
	forget_old(a, now);
	a->next = a->set = a->first;
}

void
announce_clear(struct announce *a)
{
	a->first = a->next = a->set = a->end;
	map_clear(a->untold, NULL);
}

struct holds {
	bool missing[LLT_MAX_NODES];
	size_t n;
};

struct holds *
holds_new(void)
{
	return mem_zalloc(sizeof(struct holds));
}

void
holds_free(struct holds *h)
{
	free(h);
}

void
holds_expect(struct holds *h, const uint16_t *nodes, size_t n, uint16_t self)
{
	size_t i;

	memset(h, 0, sizeof(*h));
	for (i = 0; i < n; i++) {
		if (nodes[i] == self || nodes[i] >= LLT_MAX_NODES)
			continue;
		h->missing[nodes[i]] = true;
		h->n++;
	}
}

void
holds_end(struct holds *h, uint16_t node)
{
	if (node >= LLT_MAX_NODES || !h->missing[node])
		return;
	h->missing[node] = false;
	h->n--;
}

void
holds_left(struct holds *h, uint16_t node)
{
	holds_end(h, node);
}

bool
holds_all(const struct holds *h)
{
	return h->n == 0;
}
