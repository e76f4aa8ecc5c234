/* SPDX-License-Identifier: ISC */
#include "aliasd/core/inbound.h"

#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"

#define NO_SLOT SIZE_MAX

struct client {
	struct inbound_client c;
	size_t slot; /* index, or NO_SLOT: c.to is nobody's, or nobody's yet */
};

struct alias {
	struct in_addr addr;
	size_t nslots;
	struct inbound_slot *slot;
	size_t *count; /* clients of each slot */
	struct map *clients;
};

struct inbound {
	struct map *aliases;
};

struct inbound *
inbound_new(void)
{
	struct inbound *in = mem_zalloc(sizeof(*in));

	in->aliases = map_new();
	return in;
}

static void
alias_free(void *value)
{
	struct alias *a = value;

	map_free(a->clients, free);
	free(a->slot);
	free(a->count);
	free(a);
}

void
inbound_free(struct inbound *in)
{
	if (in == NULL)
		return;
	map_free(in->aliases, alias_free);
	free(in);
}

void
inbound_clear(struct inbound *in)
{
	map_clear(in->aliases, alias_free);
}

bool
inbound_any(const struct inbound *in)
{
	return map_count(in->aliases) > 0;
}

void
inbound_drop(struct inbound *in, struct in_addr alias)
{
	struct alias *a = map_del(in->aliases, alias.s_addr);

	if (a != NULL)
		alias_free(a);
}

static struct alias *
get(const struct inbound *in, struct in_addr alias)
{
	return map_get(in->aliases, alias.s_addr);
}

static struct alias *
make(struct inbound *in, struct in_addr alias)
{
	struct alias *a = get(in, alias);

	if (a != NULL)
		return a;
	a = mem_zalloc(sizeof(*a));
	a->addr = alias;
	a->clients = map_new();
	map_put(in->aliases, alias.s_addr, a);
	return a;
}

static size_t
slot_of_mac(const struct alias *a, const uint8_t mac[6])
{
	size_t i;

	for (i = 0; i < a->nslots; i++) {
		if (memcmp(a->slot[i].mac, mac, 6) == 0)
			return i;
	}
	return NO_SLOT;
}

static void
place(struct alias *a, struct client *c, size_t slot)
{
	if (c->slot != NO_SLOT)
		a->count[c->slot]--;
	c->slot = slot;
	if (slot == NO_SLOT)
		return;
	a->count[slot]++;
	memcpy(c->c.to, a->slot[slot].mac, 6);
}

/* The slot that is furthest below its share, if it had so many: the highest quotient of D'Hondt. */
static size_t
neediest(const struct alias *a, const size_t *has)
{
	size_t i, best = NO_SLOT;

	for (i = 0; i < a->nslots; i++) {
		if (best == NO_SLOT || (uint64_t)a->slot[i].weight * (has[best] + 1) >
		    (uint64_t)a->slot[best].weight * (has[i] + 1))
			best = i;
	}
	return best;
}

static bool
same_slots(const struct alias *a, const struct inbound_slot *slot, size_t n)
{
	size_t i;

	if (a->nslots != n)
		return false;
	for (i = 0; i < n; i++) {
		if (a->slot[i].node != slot[i].node || a->slot[i].weight != slot[i].weight ||
		    memcmp(a->slot[i].mac, slot[i].mac, 6) != 0)
			return false;
	}
	return true;
}

static void
find_slot(uint64_t key, void *value, void *arg)
{
	struct client *c = value;
	struct alias *a = arg;

	c->slot = NO_SLOT;
	place(a, c, slot_of_mac(a, c->c.to));
}

bool
inbound_set_slots(struct inbound *in, struct in_addr alias, const struct inbound_slot *slot, size_t n)
{
	struct alias *a = make(in, alias);

	if (same_slots(a, slot, n))
		return false;
	a->nslots = n;
	a->slot = mem_grow(a->slot, n + 1, sizeof(*a->slot));
	if (n > 0)
		memcpy(a->slot, slot, n * sizeof(*slot));
	free(a->count);
	a->count = mem_zalloc((n + 1) * sizeof(*a->count));
	map_each(a->clients, find_slot, a);
	return true;
}

static struct client *
client_make(struct alias *a, const struct inbound_client *from)
{
	struct client *c = map_get(a->clients, from->addr.s_addr);

	if (c == NULL) {
		c = mem_zalloc(sizeof(*c));
		c->slot = NO_SLOT;
		map_put(a->clients, from->addr.s_addr, c);
	}
	c->c.alias = a->addr;
	c->c.addr = from->addr;
	memcpy(c->c.mac, from->mac, 6);
	c->c.heard = from->heard;
	return c;
}

bool
inbound_ask(struct inbound *in, struct inbound_client *asks, bool *news)
{
	struct alias *a = get(in, asks->alias);
	struct client *c;

	*news = false;
	if (a == NULL || a->nslots == 0)
		return false;
	c = map_get(a->clients, asks->addr.s_addr);
	if (c == NULL && map_count(a->clients) >= INBOUND_CLIENTS_MAX) {
		memcpy(asks->to, a->slot[neediest(a, a->count)].mac, 6);
		return true;
	}
	*news = c == NULL || c->slot == NO_SLOT || memcmp(c->c.mac, asks->mac, 6) != 0;
	c = client_make(a, asks);
	if (c->slot == NO_SLOT)
		place(a, c, neediest(a, a->count));
	*asks = c->c;
	return true;
}

void
inbound_learn(struct inbound *in, const struct inbound_client *told)
{
	struct alias *a = make(in, told->alias);
	struct client *c;

	if (map_count(a->clients) >= INBOUND_CLIENTS_MAX &&
	    map_get(a->clients, told->addr.s_addr) == NULL)
		return;
	c = client_make(a, told);
	place(a, c, slot_of_mac(a, told->to));
	memcpy(c->c.to, told->to, 6);
}

/* How many clients each slot should have. */
static size_t *
shares(const struct alias *a)
{
	size_t *share = mem_zalloc((a->nslots + 1) * sizeof(*share)), i;

	for (i = map_count(a->clients); i > 0; i--)
		share[neediest(a, share)]++;
	return share;
}

/* Clients that have no slot, or one that has too many. */
static size_t
take_movers(struct alias *a, const size_t *share, struct client **mover)
{
	size_t i, n, nmovers = 0;
	uint64_t *keys = map_keys(a->clients, &n);

	for (i = 0; i < n; i++) {
		struct client *c = map_get(a->clients, keys[i]);

		if (c->slot != NO_SLOT && a->count[c->slot] <= share[c->slot])
			continue;
		place(a, c, NO_SLOT);
		mover[nmovers++] = c;
	}
	free(keys);
	return nmovers;
}

size_t
inbound_move(struct inbound *in, struct in_addr alias, inbound_fn *fn, void *arg)
{
	struct alias *a = get(in, alias);
	struct client **mover;
	size_t *share, i, n, to = 0;

	if (a == NULL || a->nslots == 0)
		return 0;
	share = shares(a);
	mover = mem_grow(NULL, map_count(a->clients) + 1, sizeof(struct client *));
	n = take_movers(a, share, mover);
	for (i = 0; i < n; i++) {
		while (a->count[to] >= share[to])
			to++;
		place(a, mover[i], to);
		fn(&mover[i]->c, arg);
	}
	free(mover);
	free(share);
	return n;
}

void
inbound_each(const struct inbound *in, struct in_addr alias, inbound_fn *fn, void *arg)
{
	const struct alias *a = get(in, alias);
	uint64_t *keys;
	size_t i, n;

	if (a == NULL)
		return;
	keys = map_keys(a->clients, &n);
	for (i = 0; i < n; i++)
		fn(&((const struct client *)map_get(a->clients, keys[i]))->c, arg);
	free(keys);
}

void
inbound_each_alias(const struct inbound *in, void (*fn)(struct in_addr alias, void *arg), void *arg)
{
	uint64_t *keys;
	size_t i, n;

	keys = map_keys(in->aliases, &n);
	for (i = 0; i < n; i++)
		fn((struct in_addr){ .s_addr = (in_addr_t)keys[i] }, arg);
	free(keys);
}

const struct inbound_client *
inbound_get(const struct inbound *in, struct in_addr alias, struct in_addr client)
{
	const struct alias *a = get(in, alias);
	const struct client *c = a == NULL ? NULL : map_get(a->clients, client.s_addr);

	return c == NULL ? NULL : &c->c;
}

void
inbound_forget(struct inbound *in, struct in_addr alias, uint64_t since)
{
	struct alias *a = get(in, alias);
	uint64_t *keys;
	size_t i, n;

	if (a == NULL)
		return;
	keys = map_keys(a->clients, &n);
	for (i = 0; i < n; i++) {
		struct client *c = map_get(a->clients, keys[i]);

		if (c->c.heard >= since)
			continue;
		place(a, c, NO_SLOT);
		free(map_del(a->clients, keys[i]));
	}
	free(keys);
}

size_t
inbound_count(const struct inbound *in, struct in_addr alias, uint16_t node)
{
	const struct alias *a = get(in, alias);
	size_t i, n = 0;

	for (i = 0; a != NULL && i < a->nslots; i++)
		n += a->slot[i].node == node ? a->count[i] : 0;
	return n;
}
