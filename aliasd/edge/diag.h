/* SPDX-License-Identifier: ISC */
/* The kernel's sockets, asked through NETLINK_SOCK_DIAG. Calls answer at once; -1 and errno on failure. */
#ifndef CLUA_ALIASD_DIAG_H
#define CLUA_ALIASD_DIAG_H

#include <netinet/in.h>
#include <stdint.h>

#include "proto/alias_msg.h"

struct diag;
struct ev_loop;

struct diag *diag_open(void); /* NULL and errno; logged */
void diag_close(struct diag *);

/*
 * Every TCP socket that listens, or every UDP socket that is bound and not connected. IPv6 sockets
 * that take IPv4 too count, with the IPv4 address.
 */
int diag_listeners(struct diag *, uint8_t proto,
    void (*fn)(uint16_t port_h, struct in_addr bound, void *arg), void *arg);
/*
 * Every TCP connection that was established and has not ended, its local side as the alias. silent_ms: since a
 * segment of the other side was last accepted that acknowledges, as nearly all do.
 */
int diag_connections(struct diag *, void (*fn)(const struct alias_conn *, uint32_t silent_ms, void *arg),
    void *arg);
/*
 * Is there a socket of this very connection? Closing: only its time-wait rest is left, or it is not
 * established yet: no event will tell of its end.
 */
int diag_lookup(struct diag *, const struct alias_conn *, enum alias_verdict *);
/* Ends the connection: both the client and the program that serves it get a reset. ENOENT: there is none. */
int diag_abort(struct diag *, const struct alias_conn *);

/* Calls fn for every UDP socket that is closed, from the loop. NULL if the kernel cannot tell. */
struct diag_watch;
struct diag_watch *diag_watch_udp(struct ev_loop *,
    void (*fn)(uint16_t port_h, struct in_addr bound, void *arg), void *arg);
void diag_watch_free(struct diag_watch *);

#endif
