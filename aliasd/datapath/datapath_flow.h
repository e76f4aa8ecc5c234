/* SPDX-License-Identifier: ISC */
/*
 * The writer's side of the flow table (bpf/layout.h says how it is laid out): the one writer of a
 * mapping that packets read at any time. Addresses and ports in network byte order.
 */
#ifndef CLUA_ALIASD_DATAPATH_FLOW_H
#define CLUA_ALIASD_DATAPATH_FLOW_H

#include <stddef.h>
#include <stdint.h>

#include "aliasd/bpf/layout.h"

struct flow_table;

struct flow_memory { /* all of it the caller's, and longer-lived than the table */
	struct dp_bucket *buckets; /* the mapping */
	uint32_t n;
	uint64_t *space; /* dp_flow_space() of those in use; 0: the table is new */
	uint64_t seed;
	uint32_t aliases; /* their numbers are below */
	int overflow_fd; /* the hash map behind, -1: none (tests) */
	uint32_t overflow_max;
};

/* What is in the memory is taken over. NULL and errno on failure. */
struct flow_table *flow_table_new(const struct flow_memory *);
void flow_table_free(struct flow_table *);

/* Buckets and overflow entries for so many flows: at most 32 bytes a flow, all told, when it is full. */
uint32_t flow_table_buckets_for(uint32_t max_flows);
uint32_t flow_table_overflow_for(uint32_t max_flows);

/* key is dp_flow_key(). 0, or -1 and errno (ENOSPC: full). */
int flow_table_set(struct flow_table *, uint64_t key, uint32_t alias, uint16_t owner);
int flow_table_owner(const struct flow_table *, uint64_t key, uint32_t alias); /* -1: none */
/* ENOENT if there is none, or if it is another's. */
int flow_table_del(struct flow_table *, uint64_t key, uint32_t alias, uint16_t owner);
size_t flow_table_del_owner(struct flow_table *, uint16_t owner); /* the number of flows removed */
size_t flow_table_count(const struct flow_table *, uint16_t owner);
size_t flow_table_alias_count(const struct flow_table *, uint32_t alias);
size_t flow_table_overflowed(const struct flow_table *);
/*
 * So many will be added: grows at once, which costs next to nothing while the table holds little, and
 * a multiple when it is done between additions. No more than a hint.
 */
void flow_table_expect(struct flow_table *, size_t more);
uint32_t flow_table_in_use(const struct flow_table *); /* buckets */

typedef void flow_table_fn(uint64_t key, uint32_t alias, uint16_t owner, void *arg);
/* Every flow once, as long as fn changes none. */
void flow_table_each(const struct flow_table *, flow_table_fn *, void *arg);

#endif
