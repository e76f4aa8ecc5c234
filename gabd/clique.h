/* SPDX-License-Identifier: ISC */
#ifndef CLUA_GABD_CLIQUE_H
#define CLUA_GABD_CLIQUE_H

#include <stdbool.h>

#include "proto/gab_set.h"

/* An undirected graph on nodes 0..n-1, without loops. */
struct clique_graph {
	unsigned n;
	struct gab_set *adj; /* [n] */
	struct gab_set present; /* who are in the latest view */
	struct gab_set favoured; /* by what is not in the graph */
	struct gab_set suspect;
};

/*
 * Deals the graph into cliques: the largest, then the largest of the rest, and so on, and answers
 * the one that holds self; false if it is not the first. Among equals: most of those present, so that
 * nobody is put out for nothing, then most of those favoured, then fewest suspects, then lowest ids. The
 * same graph gives the same answer everywhere. Exact for graphs of some dozen conflicts, good beyond.
 */
bool clique_of(const struct clique_graph *, unsigned self, struct gab_set *out);
/* The first of those that self's part of the graph is dealt into. */
void clique_best(const struct clique_graph *, unsigned self, struct gab_set *out);

#endif
