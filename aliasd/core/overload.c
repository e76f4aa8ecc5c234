/* SPDX-License-Identifier: ISC */
#include "aliasd/core/overload.h"

#include "common/clock.h"

#define HOT_LOAD 100
#define HOT_FOR (5 * NSEC_PER_SEC)
#define COOL_LOAD 90 /* after the step up, if load follows the number of clients */
#define COOL_FOR (30 * NSEC_PER_SEC)
#define COOL_FOR_MAX (1800 * NSEC_PER_SEC)
#define BETWEEN (15 * NSEC_PER_SEC)    /* until the last step has taken effect */
#define IN_VAIN (120 * NSEC_PER_SEC)   /* a step up taken back within this time was none */
#define FORGIVEN (3600 * NSEC_PER_SEC) /* without a step: as at first */

static const unsigned shares[OVERLOAD_STEPS] = { 100, 75, 50, 25 };

unsigned
overload_share(uint8_t step)
{
	return shares[step < OVERLOAD_STEPS ? step : OVERLOAD_STEPS - 1];
}

static void
note_since(uint64_t *since, bool is_so, uint64_t now)
{
	if (!is_so)
		*since = 0;
	else if (*since == 0)
		*since = now;
}

static bool
lasted(uint64_t since, uint64_t how_long, uint64_t now)
{
	return since != 0 && now - since >= how_long;
}

static bool
would_be_cool(const struct overload *o, uint32_t load)
{
	return o->step > 0 && (uint64_t)load * shares[o->step - 1] / shares[o->step] < COOL_LOAD;
}

static void
be_patient(struct overload *o, uint64_t now)
{
	if (o->up_at != 0 && now - o->up_at < IN_VAIN)
		o->patience = o->patience * 2 < COOL_FOR_MAX ? o->patience * 2 : COOL_FOR_MAX;
}

static void
forgive(struct overload *o, uint64_t now)
{
	uint64_t last = o->down_at > o->up_at ? o->down_at : o->up_at;

	if (o->patience == 0 || now - last >= FORGIVEN)
		o->patience = COOL_FOR;
}

bool
overload_look(struct overload *o, uint32_t load, uint64_t now)
{
	forgive(o, now);
	note_since(&o->hot_since, load >= HOT_LOAD, now);
	note_since(&o->cool_since, would_be_cool(o, load), now);
	if (lasted(o->hot_since, HOT_FOR, now) && o->step + 1 < OVERLOAD_STEPS &&
	    (o->down_at == 0 || now - o->down_at >= BETWEEN)) {
		be_patient(o, now);
		o->step++;
		o->down_at = now;
	} else if (lasted(o->cool_since, o->patience, now)) {
		o->step--;
		o->up_at = now;
	} else {
		return false;
	}
	o->hot_since = o->cool_since = 0;
	return true;
}
