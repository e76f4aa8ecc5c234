/* SPDX-License-Identifier: ISC */
#include "lltd/linkstate.h"

static bool
set_state(struct linkstate *l, uint8_t state)
{
	bool changed = state != l->state;

	l->state = state;
	if (state == LLT_LINK_INACTIVE)
		l->deaf = true;
	return changed;
}

static uint8_t
live_state(const struct linkstate *l)
{
	return l->silent || l->deaf ? LLT_LINK_TROUBLE : LLT_LINK_UP;
}

bool
linkstate_heard(struct linkstate *l, uint64_t now)
{
	l->silent = false;
	if (now > l->heard)
		l->heard = now;
	return set_state(l, live_state(l));
}

bool
linkstate_set_deaf(struct linkstate *l, bool deaf)
{
	if (l->state == LLT_LINK_INACTIVE)
		return false;
	l->deaf = deaf;
	return set_state(l, live_state(l));
}

bool
linkstate_hears(const struct linkstate *l)
{
	return l->state != LLT_LINK_INACTIVE && !l->silent;
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

bool
linkstate_check(struct linkstate *l, const struct llt_timers *t, uint64_t now)
{
	uint64_t silence = now > l->heard ? now - l->heard : 0;

	if (l->state == LLT_LINK_INACTIVE || silence >= t->inactive)
		return set_state(l, LLT_LINK_INACTIVE);
	l->silent = silence >= t->trouble[l->prio];
	return set_state(l, live_state(l));
}

bool
linkstate_down(struct linkstate *l)
{
	return set_state(l, LLT_LINK_INACTIVE);
}

uint64_t
linkstate_deadline(const struct linkstate *l, const struct llt_timers *t)
{
	if (l->state == LLT_LINK_INACTIVE)
		return UINT64_MAX;
	if (l->silent || t->trouble[l->prio] > t->inactive)
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
	set_state(l, LLT_LINK_INACTIVE);
	l->hb_sent = 0;
	l->hb_seen = 0;
}
