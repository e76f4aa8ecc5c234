/* SPDX-License-Identifier: ISC */
/*
 * Who gets new connections. A service points to a ring of members, which it shares with all services
 * that have the same ones in the same order; a change points it to another ring, filled before, so that
 * a packet sees the old set or the new one. Turns are counted by service.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/core/map.h"
#include "aliasd/datapath/datapath_int.h"
#include "common/clock.h"
#include "common/log.h"

#define NO_RING UINT32_MAX
#define BATCH 64

struct service_table {
	struct map *map; /* service_key() -> its ring + 1 */
	uint32_t rings;
	uint32_t *users; /* of each ring */
	uint32_t *next;  /* in its chain */
	uint32_t *head;  /* chains of rings in use, by their content */
	uint32_t *free;  /* a queue: what was left last is used again last */
	uint32_t free_first, free_count;
	struct log_limit full;
	/* Changes that the kernel is told of in one go, and the rings that they leave. */
	bool open;
	uint32_t npending;
	struct dp_service_key pending[BATCH];
	struct dp_service fresh[BATCH];
	uint32_t old[BATCH];
};

uint32_t
service_rings_for(uint32_t services)
{
	uint32_t n = services / 16;

	return n < 4096 ? 4096 : n;
}

static uint64_t
service_key(const struct dp_service_key *k)
{
	return (uint64_t)k->alias << 32 | (uint32_t)k->proto << 16 | k->port;
}

static int
services_fd(const struct datapath *dp)
{
	return bpf_map__fd(dp->skel->maps.services);
}

static uint32_t
service_ring(const struct service_table *t, const struct dp_service_key *k)
{
	return (uint32_t)(uintptr_t)map_get(t->map, service_key(k)) - 1;
}

static uint32_t
ring_hash(const struct dp_ring *r)
{
	uint64_t h = r->n;
	uint32_t i;

	for (i = 0; i < r->n; i++) {
		h = (h ^ r->t[i].node) * 0x9e3779b97f4a7c15ull;
		h = (h ^ r->t[i].end) * 0xc2b2ae3d27d4eb4full;
		h ^= h >> 32;
	}
	return h;
}

static uint32_t *
ring_head(struct service_table *t, const struct dp_ring *r)
{
	return &t->head[ring_hash(r) % t->rings];
}

static void
ring_free(struct service_table *t, uint32_t ring)
{
	t->free[(t->free_first + t->free_count++) % t->rings] = ring;
}

static void
ring_link(struct datapath *dp, uint32_t ring)
{
	struct service_table *t = dp->services;
	uint32_t *head = ring_head(t, &dp->rings[ring]);

	t->next[ring] = *head;
	*head = ring;
}

static void
ring_drop(struct datapath *dp, uint32_t ring)
{
	struct service_table *t = dp->services;
	uint32_t *at = ring_head(t, &dp->rings[ring]);

	if (--t->users[ring] > 0)
		return;
	while (*at != ring)
		at = &t->next[*at];
	*at = t->next[ring];
	ring_free(t, ring);
}

static void
ring_make(struct dp_ring *r, const struct dp_target *t, size_t n)
{
	size_t i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < n; i++) {
		r->total += t[i].weight;
		r->t[i].end = r->total;
		r->t[i].node = t[i].node;
	}
	r->n = n;
}

/* A ring with this content, for one user more. NO_RING and errno when there is no room. */
static uint32_t
ring_get(struct datapath *dp, const struct dp_ring *r)
{
	struct service_table *t = dp->services;
	uint32_t ring;

	for (ring = *ring_head(t, r); ring != NO_RING; ring = t->next[ring])
		if (memcmp(&dp->rings[ring], r, sizeof(*r)) == 0)
			break;
	if (ring == NO_RING && t->free_count > 0) {
		ring = t->free[t->free_first];
		t->free_first = (t->free_first + 1) % t->rings;
		t->free_count--;
		dp->rings[ring] = *r;
		ring_link(dp, ring);
	}
	if (ring == NO_RING)
		errno = ENOSPC;
	else
		t->users[ring]++;
	return ring;
}

static int
allocate(struct service_table *t)
{
	uint32_t i;

	t->map = map_new();
	t->users = calloc(t->rings, sizeof(*t->users));
	t->next = calloc(t->rings, sizeof(*t->next));
	t->head = calloc(t->rings, sizeof(*t->head));
	t->free = calloc(t->rings, sizeof(*t->free));
	if (!t->users || !t->next || !t->head || !t->free)
		return -1;
	for (i = 0; i < t->rings; i++)
		t->head[i] = NO_RING;
	return 0;
}

/* What a predecessor left; what makes no sense is left alone, and its ring is not given away. */
static void
adopt_services(struct datapath *dp)
{
	struct service_table *t = dp->services;
	struct dp_service_key key, *prev = NULL;
	struct dp_service s;

	for (; bpf_map_get_next_key(services_fd(dp), prev, &key) == 0; prev = &key) {
		if (bpf_map_lookup_elem(services_fd(dp), &key, &s) < 0 || s.ring >= t->rings ||
		    key.alias >= dp->aliases.n || dp->rings[s.ring].n > DP_TARGETS)
			continue;
		map_put(t->map, service_key(&key), (void *)(uintptr_t)(s.ring + 1));
		dp->aliases.services[key.alias]++;
		if (t->users[s.ring]++ == 0)
			ring_link(dp, s.ring);
	}
}

int
service_adopt(struct datapath *dp)
{
	struct service_table *t = dp->services = calloc(1, sizeof(*t));
	uint32_t ring;

	if (!t)
		return -1;
	t->full = (struct log_limit){ .interval_ns = 10 * NSEC_PER_SEC, .burst = 5 };
	t->rings = service_rings_for(dp->meta->services);
	if (allocate(t) < 0)
		return -1;
	adopt_services(dp);
	for (ring = 0; ring < t->rings; ring++)
		if (!t->users[ring])
			ring_free(t, ring);
	return 0;
}

void
service_close(struct datapath *dp)
{
	struct service_table *t = dp->services;

	if (!t)
		return;
	map_free(t->map, NULL);
	free(t->users);
	free(t->next);
	free(t->head);
	free(t->free);
	free(t);
}

static int
service_complain(struct datapath *dp, const struct dp_service_key *key)
{
	if (log_limit_ok(&dp->services->full, clock_ns()))
		log_err("datapath", "service of port %u", ntohs(key->port));
	return -1;
}

/* The kernel has it, or has not: what is noted of it here follows. */
static int
service_settle(struct datapath *dp, const struct dp_service_key *key, uint32_t fresh, uint32_t old, bool ok)
{
	struct service_table *t = dp->services;

	if (!ok && old == NO_RING) {
		map_del(t->map, service_key(key));
		dp->aliases.services[key->alias]--;
	} else if (!ok) {
		map_put(t->map, service_key(key), (void *)(uintptr_t)(old + 1));
	}
	if (!ok)
		ring_drop(dp, fresh);
	else if (old != NO_RING)
		ring_drop(dp, old);
	return ok ? 0 : -1;
}

static void
services_flush(struct datapath *dp)
{
	struct service_table *t = dp->services;
	uint32_t n = t->npending, count = n, i;
	bool ok;

	t->npending = 0;
	if (n == 0)
		return;
	if (bpf_map_update_batch(services_fd(dp), t->pending, t->fresh, &count, NULL) < 0 && count > n)
		count = 0;
	/* The one that the kernel refused, and those behind it, one by one. */
	for (i = 0; i < n; i++) {
		ok = i < count || bpf_map_update_elem(services_fd(dp), &t->pending[i], &t->fresh[i], BPF_ANY) == 0;
		if (service_settle(dp, &t->pending[i], t->fresh[i].ring, t->old[i], ok) == 0)
			continue;
		service_complain(dp, &t->pending[i]);
		alias_release(dp, t->pending[i].alias);
	}
}

static bool
service_is_pending(const struct service_table *t, const struct dp_service_key *key)
{
	uint32_t i;

	for (i = 0; i < t->npending; i++)
		if (memcmp(&t->pending[i], key, sizeof(*key)) == 0)
			return true;
	return false;
}

void
datapath_services_begin(struct datapath *dp)
{
	dp->services->open = true;
}

void
datapath_services_end(struct datapath *dp)
{
	services_flush(dp);
	dp->services->open = false;
}

static int
service_remove(struct datapath *dp, const struct dp_service_key *key)
{
	uint32_t ring;

	services_flush(dp);
	ring = service_ring(dp->services, key);
	if (ring == NO_RING)
		return 0; /* none: as asked */
	if (bpf_map_delete_elem(services_fd(dp), key) < 0 && errno != ENOENT)
		return -1;
	map_del(dp->services->map, service_key(key));
	ring_drop(dp, ring);
	dp->aliases.services[key->alias]--;
	return 0;
}

static int
service_write(
    struct datapath *dp, const struct dp_service_key *key, const struct dp_target *t, size_t n)
{
	struct service_table *all = dp->services;
	struct dp_service fresh = { .sticky = port_sticky(dp, key->proto, key->port) };
	struct dp_ring content;
	uint32_t old;

	if (all->npending == BATCH || service_is_pending(all, key))
		services_flush(dp);
	old = service_ring(all, key);
	ring_make(&content, t, n);
	if (old != NO_RING && memcmp(&dp->rings[old], &content, sizeof(content)) == 0)
		return 0;
	fresh.ring = ring_get(dp, &content);
	if (fresh.ring == NO_RING)
		return -1;
	map_put(all->map, service_key(key), (void *)(uintptr_t)(fresh.ring + 1));
	dp->aliases.services[key->alias] += old == NO_RING;
	if (!all->open)
		return service_settle(dp, key, fresh.ring, old,
		    bpf_map_update_elem(services_fd(dp), key, &fresh, BPF_ANY) == 0);
	all->pending[all->npending] = *key;
	all->fresh[all->npending] = fresh;
	all->old[all->npending++] = old;
	return 0;
}

static bool
targets_ok(const struct dp_target *t, size_t n)
{
	size_t i;

	if (n == 1 && t[0].node == DP_REFUSE)
		return t[0].weight > 0;
	for (i = 0; i < n; i++)
		if (t[i].node >= DP_NODES || !t[i].weight)
			return false;
	return n <= DP_TARGETS;
}

int
datapath_set_service(struct datapath *dp, struct in_addr addr, uint8_t ipproto, in_port_t port,
    const struct dp_target *t, size_t n)
{
	struct dp_service_key key = { .proto = ipproto, .port = port };
	int alias, err;

	if (!targets_ok(t, n)) {
		errno = EINVAL;
		return -1;
	}
	if ((alias = alias_number(dp, addr, n > 0)) < 0)
		return n ? -1 : 0;
	key.alias = alias;
	err = n ? service_write(dp, &key, t, n) : service_remove(dp, &key);
	if (err)
		service_complain(dp, &key);
	alias_release(dp, alias);
	return err;
}

struct drop {
	struct datapath *dp;
	uint32_t alias;
};

static void
drop_one(uint64_t key, void *value, void *arg)
{
	struct drop *d = arg;
	struct dp_service_key k = { .alias = key >> 32, .proto = key >> 16 & 0xff, .port = key & 0xffff };

	if (k.alias == d->alias)
		service_remove(d->dp, &k);
}

static void
restick_one(uint64_t key, void *value, void *arg)
{
	struct dp_service_key k = { .alias = key >> 32, .proto = key >> 16 & 0xff, .port = key & 0xffff };
	struct datapath *dp = arg;
	uint16_t sticky = port_sticky(dp, k.proto, k.port);
	struct dp_service s;

	if (bpf_map_lookup_elem(services_fd(dp), &k, &s) < 0 || s.sticky == sticky)
		return;
	s.sticky = sticky;
	if (bpf_map_update_elem(services_fd(dp), &k, &s, BPF_EXIST) < 0)
		log_warn("datapath", "service of port %u", ntohs(k.port));
}

void
service_restick(struct datapath *dp)
{
	services_flush(dp);
	map_each(dp->services->map, restick_one, dp);
}

void
service_drop_alias(struct datapath *dp, int alias)
{
	struct drop d = { .dp = dp, .alias = alias };

	/* Who removes an alias has removed its services before, as a rule. */
	if (dp->aliases.services[alias])
		map_each(dp->services->map, drop_one, &d);
}
