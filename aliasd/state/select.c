/* SPDX-License-Identifier: ISC */
#include "aliasd/state/select.h"

#include <stdlib.h>

#include "proto/alias_svc.h"

static size_t
refuse(struct sel_target *out)
{
	out[0].node = SEL_NO_NODE;
	out[0].weight = 1;
	return 1;
}

static int
by_node(const void *a, const void *b)
{
	const struct sel_target *x = a, *y = b;

	return (int)x->node - (int)y->node;
}

static size_t
select_multi(const struct sel_candidate *c, size_t n, struct sel_target *out)
{
	size_t i, count = 0;
	int tier = -1;

	for (i = 0; i < n; i++) {
		if (c[i].selw > 0 && c[i].selp > tier)
			tier = c[i].selp;
	}
	for (i = 0; i < n; i++) {
		if (c[i].selw == 0 || c[i].selp != tier)
			continue;
		out[count].node = c[i].node;
		out[count++].weight = c[i].selw;
	}
	qsort(out, count, sizeof(*out), by_node);
	return count;
}

static uint16_t
select_single(const struct sel_candidate *c, size_t n, uint16_t present)
{
	uint16_t first = SEL_NO_NODE;
	size_t i;

	for (i = 0; i < n; i++) {
		if (c[i].selw == 0)
			continue;
		if (c[i].node == present)
			return present;
		if (first == SEL_NO_NODE)
			first = c[i].node;
	}
	return first;
}

size_t
select_targets(uint16_t attrs, const struct sel_candidate *c, size_t n, uint16_t present,
    uint16_t *active, struct sel_target *out)
{
	size_t count;

	*active = SEL_NO_NODE;
	if (n == 0)
		return 0;
	if (attrs & ALIAS_IN_NOALIAS)
		return refuse(out);
	if (attrs & ALIAS_IN_MULTI) {
		count = select_multi(c, n, out);
		return count == 0 ? refuse(out) : count;
	}
	*active = select_single(c, n, present);
	if (*active == SEL_NO_NODE)
		return refuse(out);
	out[0].node = *active;
	out[0].weight = 1;
	return 1;
}

static bool
better(const struct sel_router *r, const struct sel_router *best, uint16_t present)
{
	if (best == NULL || r->rpri != best->rpri)
		return best == NULL || r->rpri > best->rpri;
	if (best->node == present || r->node == present)
		return r->node == present;
	return r->node < best->node;
}

uint16_t
select_master(const struct sel_router *r, size_t n, uint16_t present)
{
	const struct sel_router *best = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		if (r[i].eligible && better(&r[i], best, present))
			best = &r[i];
	}
	return best == NULL ? SEL_NO_NODE : best->node;
}
