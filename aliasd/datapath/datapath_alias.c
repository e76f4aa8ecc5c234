/* SPDX-License-Identifier: ISC */
/*
 * The table of aliases that the packet program reads. An alias's number is known to its flows and
 * services, so it lives as long as one of them does, also while the alias itself is not active.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/clock.h"
#include "common/log.h"

uint32_t
alias_numbers_for(uint32_t max_aliases)
{
	uint32_t n = max_aliases + max_aliases / 4;

	if (n < DP_ALIASES_MIN)
		return DP_ALIASES_MIN;
	return n < DP_ALIASES_MAX ? n : DP_ALIASES_MAX;
}

uint32_t
datapath_max_aliases(const struct datapath *dp)
{
	return dp->aliases.n - dp->aliases.n / 5;
}

uint32_t
alias_buckets_for(uint32_t numbers)
{
	uint32_t n = 1;

	while (n < numbers)
		n *= 2;
	return n;
}

/* 32 bits in the filter for each alias. */
uint32_t
alias_shift_for(uint32_t numbers)
{
	uint32_t shift = 12;

	while (1u << (32 - shift) > DP_FILTER_BITS || 1u << (31 - shift) >= numbers * 32)
		shift++;
	return shift;
}

static uint32_t
bucket_of(const struct datapath *dp, uint32_t addr, int choice)
{
	return dp_alias_bucket(dp_alias_hash(addr), choice, dp->aliases.buckets - 1);
}

/* The place of an address, or of an empty one with address 0. */
static int
way_of(const struct dp_alias_bucket *b, uint32_t addr)
{
	int i;

	for (i = 0; i < DP_ALIAS_WAYS; i++)
		if (b->addr[i] == addr)
			return i;
	return -1;
}

static struct dp_alias_bucket *
find(const struct datapath *dp, uint32_t addr, int *way)
{
	struct dp_alias_bucket *b;
	int choice;

	for (choice = 0; choice < 2; choice++) {
		b = &dp->aliases.bucket[bucket_of(dp, addr, choice)];
		if ((*way = way_of(b, addr)) >= 0)
			return b;
	}
	return NULL;
}

static int
used(const struct dp_alias_bucket *b)
{
	int i, n = 0;

	for (i = 0; i < DP_ALIAS_WAYS; i++)
		n += b->addr[i] != 0;
	return n;
}

static void
number_put(struct alias_table *t, uint32_t number)
{
	t->addr[number] = 0;
	t->free[(t->free_first + t->free_count++) % t->n] = number;
}

static uint32_t
number_get(struct alias_table *t)
{
	uint32_t number = t->free[t->free_first];

	t->free_first = (t->free_first + 1) % t->n;
	t->free_count--;
	return number;
}

static int
make(struct datapath *dp, uint32_t addr)
{
	struct alias_table *t = &dp->aliases;
	struct dp_alias_bucket *a = &t->bucket[bucket_of(dp, addr, 0)];
	struct dp_alias_bucket *b = &t->bucket[bucket_of(dp, addr, 1)];
	struct dp_alias_bucket *to = used(b) < used(a) ? b : a;
	int way = way_of(to, 0);
	uint32_t number;

	if (way < 0 || !t->free_count) {
		errno = ENOSPC;
		if (log_limit_ok(&t->full, clock_ns()))
			log_err("datapath", "no room for an alias more, %u are there: raise max_aliasid",
			    t->n - t->free_count);
		return -1;
	}
	number = number_get(t);
	t->addr[number] = addr;
	t->slot[number] = (struct dp_alias_slot){ .fallback = DP_NODE_NONE };
	to->number[way] = number | DP_ALIAS_ASLEEP;
	__atomic_store_n(&to->addr[way], addr, __ATOMIC_RELEASE);
	return number;
}

int
alias_number(struct datapath *dp, struct in_addr addr, bool create)
{
	const struct dp_alias_bucket *b = NULL;
	int way;

	if (addr.s_addr)
		b = find(dp, addr.s_addr, &way);
	if (b)
		return b->number[way] & ~DP_ALIAS_ASLEEP;
	errno = addr.s_addr ? ENOENT : EINVAL;
	return create && addr.s_addr ? make(dp, addr.s_addr) : -1;
}

/* Another active alias may stand behind the same bit. */
static void
filter_count(struct datapath *dp, uint32_t addr, int change)
{
	uint32_t bit = dp_alias_filter_bit(dp_alias_hash(addr), dp->aliases.shift);
	uint64_t *word = &dp->state.alias_filter[bit / 64], mask = 1ull << (bit % 64);
	bool on = dp->aliases.filter[bit] += change;

	__atomic_store_n(word, on ? *word | mask : *word & ~mask, __ATOMIC_RELEASE);
}

/* Packets find the numbers of active aliases alone. */
static void
alias_wake(struct datapath *dp, uint32_t number)
{
	bool active = dp->aliases.slot[number].flags & DP_ALIAS_ACTIVE;
	struct dp_alias_bucket *b;
	int way;

	if ((b = find(dp, dp->aliases.addr[number], &way)))
		__atomic_store_n(&b->number[way], active ? number : number | DP_ALIAS_ASLEEP,
		    __ATOMIC_RELEASE);
}

void
datapath_answer_until(struct datapath *dp, uint64_t when)
{
	__atomic_store_n(dp->state.answer_until, when, __ATOMIC_RELAXED);
}

void
datapath_routers_new_until(struct datapath *dp, uint64_t when)
{
	__atomic_store_n(dp->state.routers_new_until, when, __ATOMIC_RELAXED);
}

int
datapath_set_alias(struct datapath *dp, const struct dp_alias *a)
{
	int alias = alias_number(dp, a->addr, true);
	struct dp_alias_slot *slot;
	uint16_t flags = DP_ALIAS_ACTIVE;

	if (alias < 0)
		return -1;
	slot = &dp->aliases.slot[alias];
	if (a->master)
		flags |= DP_ALIAS_MASTER;
	if (a->has_vmac)
		flags |= DP_ALIAS_VMAC;
	if (a->by_daemon)
		flags |= DP_ALIAS_BY_DAEMON;
	__atomic_store_n(&slot->fallback, a->fallback, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->ifindex, a->ifindex, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->source, a->source, __ATOMIC_RELAXED);
	if (a->has_vmac && memcmp(slot->vmac, a->vmac, sizeof(slot->vmac)) != 0) {
		/* Nobody is told half an address. */
		__atomic_store_n(&slot->flags, slot->flags & ~DP_ALIAS_MASTER, __ATOMIC_SEQ_CST);
		memcpy(slot->vmac, a->vmac, sizeof(slot->vmac));
	}
	if (!(slot->flags & DP_ALIAS_ACTIVE))
		filter_count(dp, a->addr.s_addr, 1);
	__atomic_store_n(&slot->flags, flags, __ATOMIC_SEQ_CST);
	alias_wake(dp, alias);
	return 0;
}

/* The counts of an alias that goes are kept in the sum. */
static void
retire_counts(struct datapath *dp, int alias)
{
	struct in_addr addr = { .s_addr = dp->aliases.addr[alias] };
	int map = bpf_map__fd(dp->skel->maps.counts), cpus = libbpf_num_possible_cpus(), i;
	uint64_t sums[DP_C_MAX], (*zero)[DP_COUNTERS];
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
	struct alias_table *t = &dp->aliases;
	struct dp_alias_bucket *b;
	int way;

	if (!t->addr[alias] || t->slot[alias].flags & DP_ALIAS_ACTIVE || t->services[alias] ||
	    flow_table_alias_count(dp->flows, alias))
		return;
	if ((b = find(dp, t->addr[alias], &way))) {
		__atomic_store_n(&b->addr[way], 0, __ATOMIC_RELEASE);
		b->number[way] = DP_ALIAS_NONE;
	}
	number_put(t, alias);
}

int
datapath_del_alias(struct datapath *dp, struct in_addr addr)
{
	int alias = alias_number(dp, addr, false);

	if (alias < 0)
		return -1;
	if (dp->aliases.slot[alias].flags & DP_ALIAS_ACTIVE)
		filter_count(dp, addr.s_addr, -1);
	__atomic_store_n(&dp->aliases.slot[alias].flags, 0, __ATOMIC_SEQ_CST);
	alias_wake(dp, alias);
	service_drop_alias(dp, alias);
	retire_counts(dp, alias);
	alias_release(dp, alias);
	return 0;
}

static int
allocate(struct alias_table *t)
{
	t->addr = calloc(t->n, sizeof(*t->addr));
	t->services = calloc(t->n, sizeof(*t->services));
	t->free = calloc(t->n, sizeof(*t->free));
	t->filter = calloc(1u << (32 - t->shift), sizeof(*t->filter));
	t->full = (struct log_limit){ .interval_ns = 10 * NSEC_PER_SEC, .burst = 1 };
	return t->addr && t->services && t->free && t->filter ? 0 : -1;
}

static void
adopt_place(struct datapath *dp, struct dp_alias_bucket *b, int way)
{
	struct alias_table *t = &dp->aliases;
	uint32_t number = b->number[way] & ~DP_ALIAS_ASLEEP;

	/* Left in the middle of a change, or empty: no number stands behind address 0. */
	if (!b->addr[way] || number >= t->n || t->addr[number]) {
		b->addr[way] = 0;
		b->number[way] = DP_ALIAS_NONE;
		return;
	}
	t->addr[number] = b->addr[way];
	if (t->slot[number].flags & DP_ALIAS_ACTIVE)
		filter_count(dp, b->addr[way], 1);
	alias_wake(dp, number);
}

int
alias_adopt(struct datapath *dp)
{
	struct alias_table *t = &dp->aliases;
	uint32_t i;
	int way;

	t->n = dp->meta->aliases;
	t->buckets = alias_buckets_for(t->n);
	t->shift = alias_shift_for(t->n);
	if (allocate(t) < 0)
		return -1;
	for (i = 0; i < t->buckets; i++)
		for (way = 0; way < DP_ALIAS_WAYS; way++)
			adopt_place(dp, &t->bucket[i], way);
	for (i = 0; i < t->n; i++)
		if (!t->addr[i])
			number_put(t, i);
	return 0;
}

void
alias_close(struct datapath *dp)
{
	free(dp->aliases.addr);
	free(dp->aliases.services);
	free(dp->aliases.free);
	free(dp->aliases.filter);
}
