/* SPDX-License-Identifier: ISC */
/* Who may form a cluster, and who is one. */
#ifndef CLUA_GABD_RULES_H
#define CLUA_GABD_RULES_H

#include "gabd/core.h"

/*
 * May this set of nodes form a view? A seeded node among them: yes. Else it takes conf->seed nodes.
 * A single one waits until alone_at first: others may be about to be seen.
 */
bool rules_may_form(const struct gab_core_conf *, bool seeded, unsigned nodes, uint64_t now,
    uint64_t alone_at);

/* from_quorate: the view that keeps its state was quorate, with both nodes in a cluster of two. */
bool rules_quorate(const struct gab_core_conf *, unsigned nodes, bool from_quorate);

/* A view that meets others: what it brings. */
struct rules_side {
	bool quorate;
	uint32_t quorum_gen; /* as in its INSTALL */
	unsigned nodes;
	unsigned lowest;
};
/* > 0: a keeps its state; < 0: b does. */
int rules_compare(const struct rules_side *a, const struct rules_side *b);

#endif
