/* SPDX-License-Identifier: ISC */
/*
 * Where the core meets the world: sockets, interfaces and the clock. Everything that arrived is
 * read before a timeout is judged, and what the core sends leaves in batches.
 */
#ifndef CLUA_LLTD_EDGE_H
#define CLUA_LLTD_EDGE_H

#include <stddef.h>
#include <stdint.h>

struct core;
struct edge;
struct ev_loop;
struct lltd_conf;

/* conf must outlive it or be replaced. NULL: logged. The core comes later, see edge_start(). */
struct edge *edge_new(struct ev_loop *, const struct lltd_conf *);
/* From now on frames go to the core, and the state of the links. -1: no link exists; logged. */
int edge_start(struct edge *, struct core *);
void edge_stop(struct edge *); /* no more reading; what is queued is sent */
void edge_free(struct edge *);
/* Of another configuration: links (a bit each) that are not in it, or not the same, are closed first. */
void edge_close_links(struct edge *, uint32_t links);
/* Opens these, anew if they are open, and sees that the others are as it says. */
void edge_set_conf(struct edge *, const struct lltd_conf *, uint32_t links);
void edge_send(struct edge *, unsigned link, const uint8_t *dst, const uint8_t *frame, size_t len);
/* The core was given something: sends what came out of it, and sets the timer anew. Cheap. */
void edge_kick(struct edge *);

#endif
