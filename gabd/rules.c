/* SPDX-License-Identifier: ISC */
#include "gabd/rules.h"

bool
rules_may_form(const struct gab_core_conf *conf, bool seeded, unsigned nodes, uint64_t now,
    uint64_t alone_at)
{
	if (seeded)
		return true;
	if (conf->seed == 0 || nodes < conf->seed)
		return false;
	return nodes > 1 || now >= alone_at;
}

bool
rules_quorate(const struct gab_core_conf *conf, unsigned nodes, bool from_quorate)
{
	if (conf->quorum == GAB_QUORUM_NONE)
		return true;
	/*
	 * Of two nodes, one alone goes on being quorate if it was. It cannot tell the other's death
	 * from the loss of all links: that is what several links are for. One that starts alone is not.
	 */
	if (conf->two_node && conf->expected == 2)
		return nodes >= 2 || from_quorate;
	return nodes > conf->expected / 2;
}

int
rules_compare(const struct rules_side *a, const struct rules_side *b)
{
	if (a->quorate != b->quorate)
		return a->quorate ? 1 : -1;
	/* Two that are quorate are the halves of a cluster of two. */
	if (!a->quorate && a->quorum_gen != b->quorum_gen)
		return a->quorum_gen > b->quorum_gen ? 1 : -1;
	if (a->nodes != b->nodes)
		return a->nodes > b->nodes ? 1 : -1;
	return a->lowest < b->lowest ? 1 : -1;
}
