/* SPDX-License-Identifier: ISC */
/*
 * Where this host listens: TCP and UDP sockets counted per (protocol, port, bound address), and what
 * of that the group has been told. Pure.
 *
 * Only sockets bound to any address or to an alias matter; the others are kept, in case their address
 * becomes an alias.
 */
#ifndef CLUA_ALIASD_LISTEN_H
#define CLUA_ALIASD_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/alias_msg.h"

struct listen_table;

struct listen_table *listen_new(void);
void listen_free(struct listen_table *);

/* A socket more or less. The number of sockets left there. */
unsigned listen_event(
    struct listen_table *, bool add, uint8_t proto, uint16_t port_h, struct in_addr bound);

/* True if there are sockets, as far as we know. */
bool listen_has(const struct listen_table *, uint8_t proto, uint16_t port_h, struct in_addr bound);

/* A complete list of one protocol's sockets: begin, one call for each, end. */
void listen_dump_begin(struct listen_table *, uint8_t proto);
void listen_dump_socket(struct listen_table *, uint8_t proto, uint16_t port_h, struct in_addr bound);
void listen_dump_end(struct listen_table *, uint8_t proto);

/*
 * Calls emit for what the group does not know yet, in the order of the ports, and takes it for told.
 * is_alias says which bound addresses are aliases.
 */
void listen_flush(struct listen_table *, bool (*is_alias)(struct in_addr, void *),
    void (*emit)(const struct alias_listen *, void *), void *arg);
/* The group knows nothing of us (any more). */
void listen_forget(struct listen_table *);

#endif
