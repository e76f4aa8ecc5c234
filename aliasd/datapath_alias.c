/* SPDX-License-Identifier: ISC */
/*
 * The table of aliases that the packet program reads. A slot is the alias's number for its flows and
 * services, so it lives as long as one of them does, also while the alias itself is not active.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath_int.h"
#include "common/log.h"

static int
find(const struct datapath *dp, uint32_t addr)
{
	uint32_t hash = dp_alias_hash(addr), bucket;
	int choice, i;

	for (choice = 0; choice < 2; choice++) {
		bucket = dp_alias_bucket(hash, choice);
		for (i = 0; i < DP_ALIAS_WAYS; i++)
			if (dp->state.alias_addr[bucket][i] == addr)
				return bucket * DP_ALIAS_WAYS + i;
	}
	return -1;
}

static int
used(const struct datapath *dp, uint32_t bucket)
{
	int i, n = 0;

	for (i = 0; i < DP_ALIAS_WAYS; i++)
		n += dp->state.alias_addr[bucket][i] != 0;
	return n;
}

static int
make(struct datapath *dp, uint32_t addr)
{
	uint32_t hash = dp_alias_hash(addr);
	uint32_t a = dp_alias_bucket(hash, 0), b = dp_alias_bucket(hash, 1);
	uint32_t bucket = used(dp, b) < used(dp, a) ? b : a;
	int i;

	for (i = 0; i < DP_ALIAS_WAYS; i++) {
		if (dp->state.alias_addr[bucket][i])
			continue;
		dp->state.alias_slot[bucket * DP_ALIAS_WAYS + i] =
		    (struct dp_alias_slot){ .fallback = DP_NODE_NONE };
		__atomic_store_n(&dp->state.alias_addr[bucket][i], addr, __ATOMIC_RELEASE);
		return bucket * DP_ALIAS_WAYS + i;
	}
	errno = ENOSPC;
	log_err("datapath", "too many aliases");
	return -1;
}

int
alias_number(struct datapath *dp, struct in_addr addr, bool create)
{
	int alias = -1;

	if (addr.s_addr)
		alias = find(dp, addr.s_addr);
	if (alias >= 0)
		return alias;
	errno = addr.s_addr ? ENOENT : EINVAL;
	return create && addr.s_addr ? make(dp, addr.s_addr) : -1;
}

static uint32_t *
addr_of(struct datapath *dp, int alias)
{
	return &dp->state.alias_addr[alias / DP_ALIAS_WAYS][alias % DP_ALIAS_WAYS];
}

static void
filter_set(struct datapath *dp, uint32_t bit, bool on)
{
	uint64_t *word = &dp->state.alias_filter[bit / 64], mask = 1ull << (bit % 64);

	__atomic_store_n(word, on ? *word | mask : *word & ~mask, __ATOMIC_RELEASE);
}

/* Another active alias may stand behind the same bit. */
static void
filter_clear(struct datapath *dp, uint32_t bit)
{
	int alias;

	for (alias = 0; alias < DP_ALIASES; alias++)
		if (dp->state.alias_slot[alias].flags & DP_ALIAS_ACTIVE &&
		    dp_alias_filter_bit(dp_alias_hash(*addr_of(dp, alias))) == bit)
			return;
	filter_set(dp, bit, false);
}

void
datapath_answer_until(struct datapath *dp, uint64_t when)
{
	__atomic_store_n(dp->state.answer_until, when, __ATOMIC_RELAXED);
}

int
datapath_set_alias(struct datapath *dp, const struct dp_alias *a)
{
	int alias = alias_number(dp, a->addr, true);
	struct dp_alias_slot *slot;
	uint16_t flags = DP_ALIAS_ACTIVE;

	if (alias < 0)
		return -1;
	slot = &dp->state.alias_slot[alias];
	if (a->master)
		flags |= DP_ALIAS_MASTER;
	if (a->has_vmac)
		flags |= DP_ALIAS_VMAC;
	__atomic_store_n(&slot->fallback, a->fallback, __ATOMIC_RELAXED);
	if (a->has_vmac && memcmp(slot->vmac, a->vmac, sizeof(slot->vmac)) != 0) {
		/* Nobody is told half an address. */
		__atomic_store_n(&slot->flags, flags & ~DP_ALIAS_MASTER, __ATOMIC_SEQ_CST);
		memcpy(slot->vmac, a->vmac, sizeof(slot->vmac));
	}
	__atomic_store_n(&slot->flags, flags, __ATOMIC_SEQ_CST);
	filter_set(dp, dp_alias_filter_bit(dp_alias_hash(a->addr.s_addr)), true);
	return 0;
}

/* The counts of an alias that goes are kept in the sum. */
static void
retire_counts(struct datapath *dp, int alias)
{
	struct in_addr addr = { .s_addr = *addr_of(dp, alias) };
	int map = bpf_map__fd(dp->skel->maps.counts), cpus = libbpf_num_possible_cpus(), i;
	uint64_t sums[DP_C_MAX], (*zero)[DP_C_MAX];
	uint32_t key = alias;

	if (cpus <= 0 || !datapath_alias_counters(dp, addr, sums))
		return;
	if (!(zero = calloc(cpus, sizeof(*zero))))
		return;
	if (bpf_map_update_elem(map, &key, zero, BPF_ANY) == 0)
		for (i = 0; i < DP_C_MAX; i++)
			dp->meta->retired[i] += sums[i];
	free(zero);
}

void
alias_release(struct datapath *dp, int alias)
{
	if (dp->state.alias_slot[alias].flags & DP_ALIAS_ACTIVE || dp->services_of[alias] ||
	    flow_table_alias_count(dp->flows, alias))
		return;
	__atomic_store_n(addr_of(dp, alias), 0, __ATOMIC_RELEASE);
}

int
datapath_del_alias(struct datapath *dp, struct in_addr addr)
{
	int alias = alias_number(dp, addr, false);

	if (alias < 0)
		return -1;
	__atomic_store_n(&dp->state.alias_slot[alias].flags, 0, __ATOMIC_SEQ_CST);
	filter_clear(dp, dp_alias_filter_bit(dp_alias_hash(addr.s_addr)));
	service_drop_alias(dp, alias);
	retire_counts(dp, alias);
	alias_release(dp, alias);
	return 0;
}
