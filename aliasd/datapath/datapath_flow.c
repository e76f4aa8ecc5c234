/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "aliasd/datapath/datapath_flow.h"

/* What the hash map holds, once more, by bucket: to find what may move into a place that became free. */
struct over {
	struct over *next;
	uint64_t key;
	uint32_t value;
	uint32_t bucket;
};

#define FIRST_BUCKETS 64 /* a page */

struct flow_table {
	struct flow_memory m;
	struct dp_bucket *buckets;
	uint32_t in_use, heads, overflowed;
	size_t count;
	struct over **head;
	size_t by_owner[DP_OWNERS];
	size_t *by_alias;
};

static uint32_t
value_alias(uint32_t value)
{
	return dp_flow_alias(value);
}

static uint16_t
value_owner(uint32_t value)
{
	return dp_flow_owner(value);
}

static void
account(struct flow_table *t, uint32_t value, int change)
{
	t->by_owner[value_owner(value) % DP_OWNERS] += change;
	t->by_alias[value_alias(value) % t->m.aliases] += change;
	t->count += change;
}

static uint32_t
bucket_of(const struct flow_table *t, uint64_t key, uint32_t alias)
{
	return dp_flow_bucket(dp_flow_hash(key, alias, t->m.seed), *t->m.space);
}

/* Is there an entry at that place, and not just a copy of one that a split moved away? */
static bool
lives(const struct flow_table *t, uint32_t bucket, int way)
{
	const struct dp_bucket *b = &t->buckets[bucket];

	return b->value[way] && bucket_of(t, b->key[way], value_alias(b->value[way])) == bucket;
}

uint32_t
flow_table_buckets_for(uint32_t max_flows)
{
	uint64_t n = ((uint64_t)max_flows * 2 + DP_WAYS - 1) / DP_WAYS;

	return n < 64 ? 64 : n;
}

uint32_t
flow_table_overflow_for(uint32_t max_flows)
{
	return max_flows / 16 < 1024 ? 1024 : max_flows / 16;
}

static struct over **
over_head(const struct flow_table *t, uint32_t bucket)
{
	return &t->head[bucket % t->heads];
}

/* The link that points to the entry, or to NULL. */
static struct over **
over_find(const struct flow_table *t, uint32_t bucket, uint64_t key, uint32_t alias)
{
	struct over **o = over_head(t, bucket);

	while (*o && ((*o)->key != key || value_alias((*o)->value) != alias))
		o = &(*o)->next;
	return o;
}

static int
over_write(struct flow_table *t, uint64_t key, uint32_t value)
{
	struct dp_flow_key k = { .key = key, .alias = value_alias(value) };

	return t->m.overflow_fd < 0 ? 0 : bpf_map_update_elem(t->m.overflow_fd, &k, &value, BPF_ANY);
}

static int
over_link(struct flow_table *t, uint32_t bucket, uint64_t key, uint32_t value)
{
	struct over *o, **head = over_head(t, bucket);

	if (!(o = malloc(sizeof(*o))))
		return -1;
	*o = (struct over){ .next = *head, .key = key, .value = value, .bucket = bucket };
	*head = o;
	t->overflowed++;
	return 0;
}

static int
over_add(struct flow_table *t, uint32_t bucket, uint64_t key, uint32_t value)
{
	struct dp_bucket *b = &t->buckets[bucket];

	if (t->overflowed >= t->m.overflow_max) {
		errno = ENOSPC;
		return -1;
	}
	if (over_write(t, key, value) < 0 || over_link(t, bucket, key, value) < 0)
		return -1;
	__atomic_store_n(&b->overflow, b->overflow + 1, __ATOMIC_RELEASE);
	return 0;
}

/* The packet program looks there only while the bucket says so: it is told last. */
static void
over_remove(struct flow_table *t, struct over **link)
{
	struct over *o = *link;
	struct dp_bucket *b = &t->buckets[o->bucket];
	struct dp_flow_key k = { .key = o->key, .alias = value_alias(o->value) };

	if (t->m.overflow_fd >= 0)
		bpf_map_delete_elem(t->m.overflow_fd, &k);
	__atomic_store_n(&b->overflow, b->overflow - 1, __ATOMIC_RELEASE);
	*link = o->next;
	free(o);
	t->overflowed--;
}

static int
way_find(const struct dp_bucket *b, uint64_t key, uint32_t alias)
{
	int i;

	for (i = 0; i < DP_WAYS; i++)
		if (b->value[i] && b->key[i] == key && value_alias(b->value[i]) == alias)
			return i;
	return -1;
}

/* A free place in the bucket, the entry's own if possible. */
static int
way_free(const struct flow_table *t, uint32_t bucket, uint64_t key, uint32_t alias)
{
	int i = dp_flow_way(dp_flow_hash(key, alias, t->m.seed));

	if (!lives(t, bucket, i))
		return i;
	for (i = 0; i < DP_WAYS; i++)
		if (!lives(t, bucket, i))
			return i;
	return -1;
}

static void
way_empty(struct dp_bucket *b, int i)
{
	__atomic_store_n(&b->value[i], 0, __ATOMIC_RELAXED);
	/* The key that comes next must not be seen with the value that was. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void
way_fill(struct dp_bucket *b, int i, uint64_t key, uint32_t value)
{
	way_empty(b, i); /* there may be a copy */
	__atomic_store_n(&b->key[i], key, __ATOMIC_RELAXED);
	__atomic_store_n(&b->value[i], value, __ATOMIC_RELEASE);
}

/* Whatever overflowed from this bucket moves in as far as there is room. */
static void
refill(struct flow_table *t, uint32_t bucket)
{
	struct dp_bucket *b = &t->buckets[bucket];
	struct over **o;
	int way;

	while (b->overflow) {
		for (o = over_head(t, bucket); *o && (*o)->bucket != bucket;)
			o = &(*o)->next;
		if (!*o || (way = way_free(t, bucket, (*o)->key, value_alias((*o)->value))) < 0)
			return;
		way_fill(b, way, (*o)->key, (*o)->value);
		over_remove(t, o);
	}
}

/*
 * What overflowed from a bucket and belongs to its new half: counted there before anybody looks. The
 * old count is put right later; too high for a while costs a look-up.
 */
static void
split_overflow(struct flow_table *t, uint32_t old, uint32_t fresh, uint64_t space)
{
	struct over **o = over_head(t, old), *moved;

	while ((moved = *o)) {
		if (moved->bucket != old ||
		    dp_flow_bucket(dp_flow_hash(moved->key, value_alias(moved->value), t->m.seed),
			space) != fresh) {
			o = &moved->next;
			continue;
		}
		*o = moved->next;
		moved->bucket = fresh;
		moved->next = *over_head(t, fresh);
		*over_head(t, fresh) = moved;
		t->buckets[fresh].overflow++;
	}
}

static uint32_t
count_overflow(const struct flow_table *t, uint32_t bucket)
{
	const struct over *o;
	uint32_t n = 0;

	for (o = *over_head(t, bucket); o; o = o->next)
		n += o->bucket == bucket;
	return n;
}

/* Takes one more bucket into use: half of an older one's entries belong there. */
static void
split(struct flow_table *t)
{
	uint32_t fresh = t->in_use, old = fresh & (uint32_t)dp_flow_space(fresh + 1) >> 1;
	struct dp_bucket *from = &t->buckets[old], *to = &t->buckets[fresh];
	uint64_t space = dp_flow_space(fresh + 1), hash;
	int i;

	*to = (struct dp_bucket){ 0 };
	for (i = 0; i < DP_WAYS; i++) {
		if (!lives(t, old, i))
			continue;
		hash = dp_flow_hash(from->key[i], value_alias(from->value[i]), t->m.seed);
		if (dp_flow_bucket(hash, space) == fresh)
			way_fill(to, i, from->key[i], from->value[i]);
	}
	if (from->overflow)
		split_overflow(t, old, fresh, space);
	__atomic_store_n(t->m.space, space, __ATOMIC_RELEASE);
	t->in_use++;
	if (from->overflow)
		__atomic_store_n(&from->overflow, count_overflow(t, old), __ATOMIC_RELEASE);
	refill(t, old);
	refill(t, fresh);
}

/* Two places of a bucket are in use, on average, until there are no more buckets. */
static void
grow(struct flow_table *t, size_t count)
{
	while (t->in_use < t->m.n && count > (size_t)t->in_use * 2)
		split(t);
}

void
flow_table_expect(struct flow_table *t, size_t more)
{
	size_t most = (size_t)t->m.n * DP_WAYS;

	grow(t, t->count + (more < most ? more : most));
}

static int
replace(struct flow_table *t, uint32_t *value, uint32_t fresh)
{
	account(t, *value, -1);
	account(t, fresh, 1);
	__atomic_store_n(value, fresh, __ATOMIC_RELEASE);
	return 0;
}

static int
add(struct flow_table *t, uint32_t bucket, uint64_t key, uint32_t value)
{
	struct dp_bucket *b = &t->buckets[bucket];
	int way = way_free(t, bucket, key, value_alias(value));

	if (way < 0 && over_add(t, bucket, key, value) < 0)
		return -1;
	if (way >= 0)
		way_fill(b, way, key, value);
	account(t, value, 1);
	grow(t, t->count);
	return 0;
}

int
flow_table_owner(const struct flow_table *t, uint64_t key, uint32_t alias)
{
	uint32_t bucket = bucket_of(t, key, alias);
	const struct dp_bucket *b = &t->buckets[bucket];
	int way = way_find(b, key, alias);
	struct over *o;

	if (way >= 0)
		return value_owner(b->value[way]);
	o = b->overflow ? *over_find(t, bucket, key, alias) : NULL;
	return o ? value_owner(o->value) : -1;
}

int
flow_table_set(struct flow_table *t, uint64_t key, uint32_t alias, uint16_t owner)
{
	uint32_t bucket = bucket_of(t, key, alias);
	uint32_t value = dp_flow_value(alias, owner);
	struct dp_bucket *b = &t->buckets[bucket];
	int way = way_find(b, key, alias);
	struct over **o;

	if (owner >= DP_OWNERS || alias >= t->m.aliases) {
		errno = EINVAL;
		return -1;
	}
	if (way >= 0)
		return replace(t, &b->value[way], value);
	if (b->overflow && *(o = over_find(t, bucket, key, alias))) {
		if (over_write(t, key, value) < 0)
			return -1;
		return replace(t, &(*o)->value, value);
	}
	return add(t, bucket, key, value);
}

static int
not_there(void)
{
	errno = ENOENT;
	return -1;
}

int
flow_table_del(struct flow_table *t, uint64_t key, uint32_t alias, uint16_t owner)
{
	uint32_t bucket = bucket_of(t, key, alias);
	uint32_t value = dp_flow_value(alias, owner);
	struct dp_bucket *b = &t->buckets[bucket];
	int way = way_find(b, key, alias);
	struct over **o;

	if (way >= 0) {
		if (b->value[way] != value)
			return not_there();
		way_empty(b, way);
		account(t, value, -1);
		refill(t, bucket);
		return 0;
	}
	if (!b->overflow || !*(o = over_find(t, bucket, key, alias)) || (*o)->value != value)
		return not_there();
	account(t, value, -1);
	over_remove(t, o);
	return 0;
}

static size_t
del_overflowed(struct flow_table *t, uint16_t owner)
{
	struct over **o;
	size_t count = 0;
	uint32_t i;

	for (i = 0; i < t->heads && t->overflowed; i++)
		for (o = &t->head[i]; *o;) {
			if (value_owner((*o)->value) != owner) {
				o = &(*o)->next;
				continue;
			}
			account(t, (*o)->value, -1);
			over_remove(t, o);
			count++;
		}
	return count;
}

size_t
flow_table_del_owner(struct flow_table *t, uint16_t owner)
{
	size_t count = del_overflowed(t, owner);
	struct dp_bucket *b;
	uint32_t bucket;
	int i;

	if (owner >= DP_OWNERS)
		return 0;
	for (bucket = 0; bucket < t->in_use && t->by_owner[owner]; bucket++) {
		b = &t->buckets[bucket];
		for (i = 0; i < DP_WAYS; i++) {
			if (value_owner(b->value[i]) != owner || !lives(t, bucket, i))
				continue;
			account(t, b->value[i], -1);
			way_empty(b, i);
			count++;
		}
		refill(t, bucket);
	}
	return count;
}

size_t
flow_table_count(const struct flow_table *t, uint16_t owner)
{
	return owner < DP_OWNERS ? t->by_owner[owner] : 0;
}

size_t
flow_table_alias_count(const struct flow_table *t, uint32_t alias)
{
	return alias < t->m.aliases ? t->by_alias[alias] : 0;
}

size_t
flow_table_overflowed(const struct flow_table *t)
{
	return t->overflowed;
}

uint32_t
flow_table_in_use(const struct flow_table *t)
{
	return t->in_use;
}

void
flow_table_each(const struct flow_table *t, flow_table_fn *fn, void *arg)
{
	const struct dp_bucket *b;
	const struct over *o;
	uint32_t n;
	int i;

	for (n = 0; n < t->in_use; n++) {
		b = &t->buckets[n];
		for (i = 0; i < DP_WAYS; i++)
			if (lives(t, n, i))
				fn(b->key[i], value_alias(b->value[i]), value_owner(b->value[i]), arg);
	}
	for (n = 0; n < t->heads; n++)
		for (o = t->head[n]; o; o = o->next)
			fn(o->key, value_alias(o->value), value_owner(o->value), arg);
}

/* Takes over one entry of the hash map; one that had moved to its bucket already is removed. */
static int
adopt_one(struct flow_table *t, const struct dp_flow_key *key, uint32_t *counts)
{
	uint32_t bucket = bucket_of(t, key->key, key->alias), value;

	if (bpf_map_lookup_elem(t->m.overflow_fd, key, &value) < 0)
		return 0;
	if (way_find(&t->buckets[bucket], key->key, key->alias) >= 0)
		return bpf_map_delete_elem(t->m.overflow_fd, key);
	if (over_link(t, bucket, key->key, value) < 0)
		return -1;
	account(t, value, 1);
	counts[bucket]++;
	return 0;
}

static int
adopt_overflow(struct flow_table *t, uint32_t *counts)
{
	struct dp_flow_key key, next;
	int more = bpf_map_get_next_key(t->m.overflow_fd, NULL, &next);

	while (more == 0) {
		key = next;
		more = bpf_map_get_next_key(t->m.overflow_fd, &key, &next);
		if (adopt_one(t, &key, counts) < 0)
			return -1;
	}
	return 0;
}

/* What a predecessor left, which may have died between any two steps; packets go on reading it. */
static int
adopt(struct flow_table *t)
{
	uint32_t *counts = calloc(t->in_use, sizeof(*counts)), n;
	int i, err = 0;

	if (!counts)
		return -1;
	for (n = 0; n < t->in_use; n++)
		for (i = 0; i < DP_WAYS; i++)
			if (lives(t, n, i))
				account(t, t->buckets[n].value[i], 1);
	if (t->m.overflow_fd >= 0)
		err = adopt_overflow(t, counts);
	for (n = 0; n < t->in_use && !err; n++)
		if (t->buckets[n].overflow != counts[n])
			__atomic_store_n(&t->buckets[n].overflow, counts[n], __ATOMIC_RELEASE);
	free(counts);
	return err;
}

struct flow_table *
flow_table_new(const struct flow_memory *m)
{
	struct flow_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->m = *m;
	t->buckets = m->buckets;
	if (!*m->space)
		*m->space = dp_flow_space(m->n < FIRST_BUCKETS ? m->n : FIRST_BUCKETS);
	t->in_use = *m->space >> 32;
	t->heads = m->overflow_max < 1024 ? 1024 : m->overflow_max;
	t->head = calloc(t->heads, sizeof(struct over *));
	t->by_alias = calloc(m->aliases, sizeof(*t->by_alias));
	if (!t->head || !t->by_alias || adopt(t) < 0) {
		flow_table_free(t);
		return NULL;
	}
	return t;
}

void
flow_table_free(struct flow_table *t)
{
	struct over *o;
	uint32_t i;

	if (!t)
		return;
	for (i = 0; t->head && i < t->heads; i++)
		while ((o = t->head[i])) {
			t->head[i] = o->next;
			free(o);
		}
	free(t->head);
	free(t->by_alias);
	free(t);
}
