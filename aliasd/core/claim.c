/* SPDX-License-Identifier: ISC */
#include "aliasd/core/claim.h"

bool
claim_stands(const struct claim *c)
{
	if (!c->known || c->news)
		return true;
	if (c->ours)
		return c->loading && c->accord > c->holders_accord;
	return !c->member || !c->settled || c->accord > c->holders_accord;
}
