/* SPDX-License-Identifier: ISC */
/*
 * Which ports this host hands out to sockets that ask for any: the kernel's ip_local_reserved_ports and
 * ip_local_port_range, with what the administrator has there left in place and put back at the end.
 * What was changed is kept in a file, so that it is not forgotten when aliasd is killed. Host order.
 */
#ifndef CLUA_ALIASD_HOSTPORTS_H
#define CLUA_ALIASD_HOSTPORTS_H

#include "aliasd/core/portset.h"

#define HOSTPORTS_DIR "/proc/sys/net/ipv4"
#define HOSTPORTS_SAVED RUNDIR "/aliasd.ports"

struct hostports;

/* dir is where the settings are: /proc/sys/net/ipv4. */
struct hostports *hostports_new(const char *dir, const char *file);
void hostports_free(struct hostports *);

/* These are not handed out, beside those that the administrator reserved. 0, or -1; logged. */
int hostports_reserve(struct hostports *, const struct portset *);
/* Only these are handed out; 0, 0: those that were before. */
int hostports_limit(struct hostports *, uint16_t first, uint16_t last);
/* What is handed out without us; false if the kernel does not say. */
bool hostports_usual(struct hostports *, uint16_t *first, uint16_t *last);
/* What is handed out on our account, also of an earlier life; false: no limit is in force. */
bool hostports_limited(const struct hostports *, uint16_t *first, uint16_t *last);
/* Somebody else may have changed the settings: what was asked for is put on top of that. */
void hostports_look(struct hostports *);
/* What an earlier aliasd left is taken back: how many settings, or -1; logged. */
int hostports_cleanup(const char *dir, const char *file);
/* Takes back everything. */
void hostports_restore(struct hostports *);

#endif
