/* SPDX-License-Identifier: ISC */
/* Connections by address, over the flow table that knows aliases by number. */
#include "aliasd/datapath/datapath_int.h"

static uint64_t
key_of(const struct dp_conn *c)
{
	return dp_flow_key(c->client.s_addr, c->client_port, c->port);
}

/* Another one that is put there just now stays. */
static void
empty_half_open(struct dp_half_set *set, uint32_t place, uint64_t entry)
{
	__atomic_compare_exchange_n(&set->way[place].entry, &entry, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/*
 * What its SYN left, or the one of an earlier connection of the same client port, unless it names this node:
 * nothing of it may decide about the next.
 */
static void
forget_half_open(struct datapath *dp, const struct dp_conn *c, int alias, uint16_t unless)
{
	uint64_t key = key_of(c), hash = dp_flow_hash(key, alias, dp->meta->seed), entry;
	uint32_t sets = dp_half_sets(dp->meta->max_half_open), place;
	struct dp_half_set *set = &dp->half_open[dp_half_index(hash, sets)];

	while ((entry = dp_half_find(set, key, alias, dp->meta->seed, &place)) && dp_half_node(entry) != unless)
		empty_half_open(set, place, entry);
}

int
datapath_set_flow(struct datapath *dp, const struct dp_conn *c, uint16_t owner)
{
	int alias = alias_number(dp, c->alias, true);

	if (alias < 0)
		return -1;
	if (flow_table_set(dp->flows, key_of(c), alias, owner) < 0) {
		alias_release(dp, alias);
		return -1;
	}
	if (owner != DP_DOUBTED)
		port_note_client(dp, alias, c, owner);
	/* Its SYN may have come here first, and been given to one that did not answer. */
	forget_half_open(dp, c, alias, owner);
	return 0;
}

void
datapath_set_accord(struct datapath *dp, uint32_t gen)
{
	dp->meta->accord = gen;
}

uint32_t
datapath_accord(const struct datapath *dp)
{
	return dp->meta->accord;
}

void
datapath_expect_flows(struct datapath *dp, size_t more)
{
	flow_table_expect(dp->flows, more);
}

_Static_assert(DP_DOUBTED == DP_OWNER_DOUBTED, "one number");

static int
owner_of(struct datapath *dp, const struct dp_conn *c)
{
	int alias = alias_number(dp, c->alias, false);

	return alias < 0 ? -1 : flow_table_owner(dp->flows, key_of(c), alias);
}

uint16_t
datapath_flow_owner(struct datapath *dp, const struct dp_conn *c)
{
	int owner = owner_of(dp, c);

	return owner < 0 || owner == DP_DOUBTED ? DP_NO_NODE : owner;
}

bool
datapath_is_doubted(struct datapath *dp, const struct dp_conn *c)
{
	return datapath_flow_count(dp, DP_DOUBTED) > 0 && owner_of(dp, c) == DP_DOUBTED;
}

int
datapath_del_flow(struct datapath *dp, const struct dp_conn *c, uint16_t owner)
{
	int alias = alias_number(dp, c->alias, false), err;

	if (alias < 0)
		return -1;
	err = flow_table_del(dp->flows, key_of(c), alias, owner);
	if (!err) {
		forget_half_open(dp, c, alias, DP_NO_NODE);
		if (owner != DP_DOUBTED)
			port_note_client(dp, alias, c, owner);
	}
	alias_release(dp, alias);
	return err;
}

void
datapath_forget_syns(struct datapath *dp, uint16_t node)
{
	uint32_t sets = dp_half_sets(dp->meta->max_half_open), i, place;
	uint64_t entry;

	for (i = 0; i < sets; i++)
		for (place = 0; place < DP_HALF_WAYS; place++) {
			entry = DP_LOAD(dp->half_open[i].way[place].entry);
			if (entry && dp_half_node(entry) == node)
				empty_half_open(&dp->half_open[i], place, entry);
		}
}

int
datapath_del_owner(struct datapath *dp, uint16_t owner)
{
	size_t n = flow_table_del_owner(dp->flows, owner);
	int alias;

	datapath_forget_syns(dp, owner);
	for (alias = 0; alias < (int)dp->aliases.n; alias++)
		alias_release(dp, alias);
	return n;
}

size_t
datapath_flow_count(const struct datapath *dp, uint16_t owner)
{
	return flow_table_count(dp->flows, owner);
}

size_t
datapath_alias_flows(struct datapath *dp, struct in_addr addr)
{
	int alias = alias_number(dp, addr, false);

	return alias < 0 ? 0 : flow_table_alias_count(dp->flows, alias);
}

struct each {
	struct datapath *dp;
	uint16_t owner;
	void (*fn)(const struct dp_conn *, uint16_t owner, void *arg);
	void *arg;
};

static void
each(uint64_t key, uint32_t alias, uint16_t owner, void *arg)
{
	struct each *e = arg;
	struct dp_conn c = { .client.s_addr = key >> 32,
		.alias.s_addr = alias < e->dp->aliases.n ? e->dp->aliases.addr[alias] : 0,
		.client_port = key >> 16 & 0xffff,
		.port = key & 0xffff };

	if (e->owner == DP_NO_NODE || e->owner == owner)
		e->fn(&c, owner, e->arg);
}

void
datapath_each_flow(struct datapath *dp, uint16_t owner,
    void (*fn)(const struct dp_conn *, uint16_t owner, void *arg), void *arg)
{
	struct each e = { .dp = dp, .owner = owner, .fn = fn, .arg = arg };

	flow_table_each(dp->flows, each, &e);
}
