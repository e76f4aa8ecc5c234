/* SPDX-License-Identifier: ISC */
/*
 * Aliases we are to be master of while the former master may still answer ARP for them: it lives, or its
 * host does, whose packet program goes on for a moment after the daemon was killed. They wait until it
 * says that it let go, until nobody hears it any more, or until it must have stopped by itself. Pure;
 * times in ns.
 */
#ifndef CLUA_ALIASD_HANDOVER_H
#define CLUA_ALIASD_HANDOVER_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define HANDOVER_NEVER UINT64_MAX

struct handover;

struct handover_ops {
	/* Look on the LAN whether the node still answers for it; if not: handover_gone(). */
	void (*ask)(struct in_addr, uint16_t node, void *arg);
	/* Nobody else is master any more. It is forgotten already. */
	void (*take)(struct in_addr, void *arg);
};

struct handover *handover_new(const struct handover_ops *, void *arg);
void handover_free(struct handover *);
/* longest_ns: after that it is ours in any case. */
void handover_wait(
    struct handover *, struct in_addr, uint16_t node, uint64_t longest_ns, uint64_t now);
void handover_drop(struct handover *, struct in_addr); /* it is not to be ours after all */
void handover_clear(struct handover *);
/* The node let go of this one. */
void handover_released(struct handover *, struct in_addr, uint16_t node);
/* The node answers for nothing any more. */
void handover_gone(struct handover *, uint16_t node);
/* Returns when to call again, or HANDOVER_NEVER. */
uint64_t handover_run(struct handover *, uint64_t now);

#endif
