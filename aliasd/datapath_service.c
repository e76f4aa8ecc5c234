/* SPDX-License-Identifier: ISC */
/*
 * Who gets new connections. A service points to a ring of members; a change fills an unused ring and
 * points the service there, so that a packet sees the old set or the new one.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath_int.h"
#include "common/log.h"

static int
services_fd(const struct datapath *dp)
{
	return bpf_map__fd(dp->skel->maps.services);
}

static void
ring_put(struct datapath *dp, uint32_t ring)
{
	dp->free_ring[(dp->free_first + dp->free_count++) % DP_RINGS] = ring;
}

static int
ring_get(struct datapath *dp)
{
	int ring;

	if (!dp->free_count) {
		errno = ENOSPC;
		return -1;
	}
	ring = dp->free_ring[dp->free_first];
	dp->free_first = (dp->free_first + 1) % DP_RINGS;
	dp->free_count--;
	return ring;
}

int
service_adopt(struct datapath *dp)
{
	struct dp_service_key key, *prev = NULL;
	static bool taken[DP_RINGS];
	uint32_t ring;

	memset(taken, 0, sizeof(taken));
	for (; bpf_map_get_next_key(services_fd(dp), prev, &key) == 0; prev = &key) {
		if (bpf_map_lookup_elem(services_fd(dp), &key, &ring) < 0 || ring >= DP_RINGS ||
		    key.alias >= DP_ALIASES)
			continue;
		taken[ring] = true;
		dp->services_of[key.alias]++;
	}
	for (ring = 0; ring < DP_RINGS; ring++)
		if (!taken[ring])
			ring_put(dp, ring);
	return 0;
}

static bool
ring_is(const struct dp_ring *r, const struct dp_target *t, size_t n)
{
	uint32_t end = 0;
	size_t i;

	for (i = 0; i < n && i < r->n; i++) {
		end += t[i].weight;
		if (r->t[i].end != end || r->t[i].node != t[i].node)
			return false;
	}
	return r->n == n;
}

static void
ring_fill(struct dp_ring *r, const struct dp_target *t, size_t n)
{
	size_t i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < n; i++) {
		r->total += t[i].weight;
		r->t[i].end = r->total;
		r->t[i].node = t[i].node;
	}
	__atomic_store_n(&r->n, n, __ATOMIC_RELEASE);
}

static int
service_remove(struct datapath *dp, const struct dp_service_key *key)
{
	uint32_t ring;

	if (bpf_map_lookup_elem(services_fd(dp), key, &ring) < 0)
		return 0; /* none: as asked */
	if (bpf_map_delete_elem(services_fd(dp), key) < 0)
		return -1;
	ring_put(dp, ring);
	dp->services_of[key->alias]--;
	return 0;
}

static int
service_write(
    struct datapath *dp, const struct dp_service_key *key, const struct dp_target *t, size_t n)
{
	uint32_t old, fresh;
	int ring, had = bpf_map_lookup_elem(services_fd(dp), key, &old) == 0;

	if (had && ring_is(&dp->rings[old], t, n))
		return 0;
	if ((ring = ring_get(dp)) < 0)
		return -1;
	ring_fill(&dp->rings[ring], t, n);
	fresh = ring;
	if (bpf_map_update_elem(services_fd(dp), key, &fresh, BPF_ANY) < 0) {
		ring_put(dp, ring);
		return -1;
	}
	if (had)
		ring_put(dp, old);
	else
		dp->services_of[key->alias]++;
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
		log_err("datapath", "service of port %u", ntohs(port));
	alias_release(dp, alias);
	return err;
}

void
service_drop_alias(struct datapath *dp, int alias)
{
	struct dp_service_key key, next;
	int more = bpf_map_get_next_key(services_fd(dp), NULL, &next);

	while (more == 0) {
		key = next;
		more = bpf_map_get_next_key(services_fd(dp), &key, &next);
		if (key.alias == alias)
			service_remove(dp, &key);
	}
}
