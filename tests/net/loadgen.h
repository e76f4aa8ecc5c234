/* SPDX-License-Identifier: ISC */
/* The modes of loadgen, and what they share. */
#ifndef CLUA_TESTS_NET_LOADGEN_H
#define CLUA_TESTS_NET_LOADGEN_H

#include "common/json.h"
#include "tests/net/net.h"

struct load_opts {
	struct sockaddr_in to;
	size_t count;         /* 0 = the mode's default */
	size_t clients;       /* at once */
	uint64_t interval_ms; /* 0 = the mode's default */
	uint64_t rate;        /* new connections per second; 0 = as fast as it goes */
	uint64_t slow_ms;     /* with quiet: connections that took longer are listed all the same */
	double seconds;
	bool http, quiet, reset, data, reopen, oneway;
};

/* Each runs to its end, prints its account, and returns the exit status. */
int load_blast(const struct load_opts *);
int load_conns(const struct load_opts *);
int load_flood(const struct load_opts *);
int load_probe(const struct load_opts *);
int load_short(const struct load_opts *);

/* ---- owners: who answered, by name ---- */
#define LOAD_OWNERS_MAX 64
struct load_owners {
	size_t n;
	struct {
		char name[NET_OWNER_MAX];
		uint64_t count;
	} of[LOAD_OWNERS_MAX];
};

/* The index of a name of len bytes, which is entered if it is new; -1 if it cannot be a name. */
int load_owner(struct load_owners *, const char *name, size_t len);
void load_owners_json(const struct load_owners *, struct json *);
void load_lates_json(struct json *);
void load_say_ready(void);

#endif
