/* SPDX-License-Identifier: ISC */
/* A hash table from 64-bit keys to pointers. Iteration order says nothing; values stay the caller's. */
#ifndef CLUA_ALIASD_MAP_H
#define CLUA_ALIASD_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map;

struct map *map_new(void);
void map_free(struct map *, void (*free_value)(void *)); /* free_value may be NULL */
void map_clear(struct map *, void (*free_value)(void *));
void *map_get(const struct map *, uint64_t key);
void map_put(struct map *, uint64_t key, void *value); /* replaces; value must not be NULL */
void *map_del(struct map *, uint64_t key);             /* what was there, or NULL */
size_t map_count(const struct map *);
/* The key may be deleted, but nothing put, by fn. */
void map_each(const struct map *, void (*fn)(uint64_t key, void *value, void *arg), void *arg);
/* All keys in ascending order: for results that must not depend on history. Caller frees. */
uint64_t *map_keys(const struct map *, size_t *n);

/* malloc and realloc that end the process when there is no memory: nothing sensible can go on then. */
void *mem_zalloc(size_t);
void *mem_grow(void *, size_t n, size_t size);

#endif
