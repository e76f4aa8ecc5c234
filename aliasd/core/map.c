/* SPDX-License-Identifier: ISC */
#include "aliasd/core/map.h"

#include <stdlib.h>

#include "common/log.h"

struct entry {
	uint64_t key;
	void *value;
	struct entry *next;
};

struct map {
	struct entry **bucket;
	size_t nbuckets; /* a power of two */
	size_t count;
};

void *
mem_zalloc(size_t size)
{
	void *p = calloc(1, size == 0 ? 1 : size);

	if (p == NULL) {
		log_errx("memory", "out of memory for %zu bytes", size);
		abort();
	}
	return p;
}

void *
mem_grow(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n == 0 ? 1 : n, size);

	if (p == NULL) {
		log_errx("memory", "out of memory for %zu items of %zu bytes", n, size);
		abort();
	}
	return p;
}

static size_t
slot(const struct map *m, uint64_t key)
{
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccdull;
	key ^= key >> 33;
	key *= 0xc4ceb9fe1a85ec53ull;
	key ^= key >> 33;
	return (size_t)key & (m->nbuckets - 1);
}

struct map *
map_new(void)
{
	struct map *m = mem_zalloc(sizeof(*m));

	m->nbuckets = 16;
	m->bucket = mem_zalloc(m->nbuckets * sizeof(*m->bucket));
	return m;
}

void
map_clear(struct map *m, void (*free_value)(void *))
{
	struct entry *e, *next;
	size_t i;

	for (i = 0; i < m->nbuckets; i++) {
		for (e = m->bucket[i]; e != NULL; e = next) {
			next = e->next;
			if (free_value != NULL)
				free_value(e->value);
			free(e);
		}
		m->bucket[i] = NULL;
	}
	m->count = 0;
}

void
map_free(struct map *m, void (*free_value)(void *))
{
	if (m == NULL)
		return;
	map_clear(m, free_value);
	free(m->bucket);
	free(m);
}

void *
map_get(const struct map *m, uint64_t key)
{
	const struct entry *e;

	for (e = m->bucket[slot(m, key)]; e != NULL; e = e->next) {
		if (e->key == key)
			return e->value;
	}
	return NULL;
}

static void
grow(struct map *m)
{
	struct entry **old = m->bucket, *e, *next;
	size_t i, n = m->nbuckets;

	m->nbuckets = n * 2;
	m->bucket = mem_zalloc(m->nbuckets * sizeof(*m->bucket));
	for (i = 0; i < n; i++) {
		for (e = old[i]; e != NULL; e = next) {
			size_t s = slot(m, e->key);

			next = e->next;
			e->next = m->bucket[s];
			m->bucket[s] = e;
		}
	}
	free(old);
}

void
map_put(struct map *m, uint64_t key, void *value)
{
	struct entry *e;

	for (e = m->bucket[slot(m, key)]; e != NULL; e = e->next) {
		if (e->key == key) {
			e->value = value;
			return;
		}
	}
	if (m->count >= m->nbuckets)
		grow(m);
	e = mem_zalloc(sizeof(*e));
	e->key = key;
	e->value = value;
	e->next = m->bucket[slot(m, key)];
	m->bucket[slot(m, key)] = e;
	m->count++;
}

void *
map_del(struct map *m, uint64_t key)
{
	struct entry **at = &m->bucket[slot(m, key)], *e;
	void *value;

	for (; *at != NULL; at = &(*at)->next) {
		if ((*at)->key == key)
			break;
	}
	e = *at;
	if (e == NULL)
		return NULL;
	value = e->value;
	*at = e->next;
	free(e);
	m->count--;
	return value;
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

void
map_each(const struct map *m, void (*fn)(uint64_t key, void *value, void *arg), void *arg)
{
	struct entry *e, *next;
	size_t i;

	for (i = 0; i < m->nbuckets; i++) {
		for (e = m->bucket[i]; e != NULL; e = next) {
			next = e->next;
			fn(e->key, e->value, arg);
		}
	}
}

static int
by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t *
map_keys(const struct map *m, size_t *n)
{
	uint64_t *keys = mem_grow(NULL, m->count, sizeof(*keys));
	const struct entry *e;
	size_t i;

	*n = 0;
	for (i = 0; i < m->nbuckets; i++) {
		for (e = m->bucket[i]; e != NULL; e = e->next)
			keys[(*n)++] = e->key;
	}
	qsort(keys, *n, sizeof(*keys), by_key);
	return keys;
}
