/* SPDX-License-Identifier: ISC */
/*
 * The addresses of aliases on this host. The first of them are on the loopback interface, where
 * ip-address(8) shows them; the others are local routes, for the kernel searches an interface's list from
 * its start at every change. Both are this host's own to sockets and packets.
 */
#ifndef CLUA_ALIASD_LOCAL_H
#define CLUA_ALIASD_LOCAL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define LOCAL_LISTED 256

struct local;
struct netlink;

/* listed: how many may be on the interface. */
struct local *local_new(struct netlink *, size_t listed);
void local_free(struct local *); /* the addresses stay */
/* 0, or -1 and errno. What is there, or not, already is no error. */
int local_add(struct local *, struct in_addr);
int local_del(struct local *, struct in_addr);
/* Here, because of us or of an earlier aliasd. */
bool local_has(const struct local *, struct in_addr);
/* How it is here, for a message: "on lo", or "a local route". */
const char *local_how(const struct local *, struct in_addr);

#endif
