/* SPDX-License-Identifier: ISC */
#include "lltd/linkstate.h"

bool
linkstate_heard(struct linkstate *l, uint64_t now)
{
	bool changed = l->state != LLT_LINK_UP;

	l->state = LLT_LINK_UP;
	l->heard = now;
	return changed;
}

void
linkstate_heartbeat(struct linkstate *l, uint32_t seq, uint64_t period_ns, uint64_t now)
{
	if (seq <= l->hb_seen) {
		/* It was counted as lost when a later one overtook it. */
		if (l->hb_lost > 0)
			l->hb_lost--;
		return;
	}
	if (l->hb_seen != 0) {
		l->hb_lost += seq - l->hb_seen - 1;
		if (seq == l->hb_seen + 1 && now > l->hb_seen_at + period_ns + period_ns / 2)
			l->hb_late++;
	}
	l->hb_seen = seq;
	l->hb_seen_at = now;
}

static uint8_t
state_at(const struct linkstate *l, const struct llt_timers *t, uint64_t now)
{
	uint64_t silence = now > l->heard ? now - l->heard : 0;

	if (l->state == LLT_LINK_INACTIVE || silence >= t->inactive)
		return LLT_LINK_INACTIVE;
	return silence >= t->trouble[l->prio] ? LLT_LINK_TROUBLE : LLT_LINK_UP;
}

bool
linkstate_check(struct linkstate *l, const struct llt_timers *t, uint64_t now)
{
	uint8_t state = state_at(l, t, now);
	bool changed = state != l->state;

	l->state = state;
	return changed;
}

bool
linkstate_down(struct linkstate *l)
{
	bool changed = l->state != LLT_LINK_INACTIVE;

	l->state = LLT_LINK_INACTIVE;
	return changed;
}

uint64_t
linkstate_deadline(const struct linkstate *l, const struct llt_timers *t)
{
	if (l->state == LLT_LINK_INACTIVE)
		return UINT64_MAX;
	if (l->state == LLT_LINK_TROUBLE || t->trouble[l->prio] > t->inactive)
		return l->heard + t->inactive;
	return l->heard + t->trouble[l->prio];
}

void
linkstate_discount(struct linkstate *l, uint64_t late, uint64_t now)
{
	l->heard = l->heard + late < now ? l->heard + late : now;
}

void
linkstate_reset(struct linkstate *l)
{
	l->state = LLT_LINK_INACTIVE;
	l->hb_sent = 0;
	l->hb_seen = 0;
	l->next_hb = 0;
}
