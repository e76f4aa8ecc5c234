/* SPDX-License-Identifier: ISC */
/*
 * Real sockets through the data plane: a client, a router that is master, and an owner of the service,
 * each in a network namespace of its own, a LAN between all three and a link between router and owner.
 */
#ifndef CLUA_TESTS_BPF_LIVE_H
#define CLUA_TESTS_BPF_LIVE_H

#include <check.h>

#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define ROUTER 1
#define OWNER 2
#define PORT 7007 /* the service */
#define CLIENT "10.1.0.101"

struct host {
	const char *name;
	int ns;
	struct datapath *dp;
	uint32_t lan, link;
	unsigned events[DP_LOST + 1];
	struct dp_conn last[DP_LOST + 1];
	unsigned strays;
};
extern struct host client, router, owner;

/* For main(): the tests, each with fresh hosts. 0 or 1. */
int live_run(const char *name, void (*add)(TCase *));
void enter(const struct host *); /* its network namespace; NULL: our own */
/* Its data plane, which may have been closed. */
void start(struct host *, uint16_t self, bool master);
/* All of the service, by the router: it is the owner's, at first. */
void deal_to(uint16_t node);
/* Of 10 s patience. */
int sock_in(const struct host *, int type, const char *address, uint16_t port);
int listener(const struct host *, uint16_t port);
int connect_to(int fd, uint16_t port); /* of the alias */
/* Sends n bytes one way while the other end reads them all. */
void pour(int from, int to, size_t n);
uint64_t counter(struct host *, enum dp_counter);
void expect_counter(struct host *, enum dp_counter, uint64_t n); /* in a while */
/* Handles events until there is one of this kind; the socket that makes it has done so already. */
void expect_event(struct host *, enum dp_sock_event, unsigned n);

#endif
