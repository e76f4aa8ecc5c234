/* SPDX-License-Identifier: ISC */
/*
 * What follows from an event but need not be done before the next one is looked at: telling the data
 * plane of services, when thousands change at once. A little is done at once, so that small changes are
 * in force when the event is dealt with; the rest in slices, with whatever happens in between first.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "aliasd/engine/engine_priv.h"

#define SLICE (2 * NSEC_PER_MSEC)
#define REST NSEC_PER_MSEC /* for the others on this processor: we may have a real-time priority */
#define LOOK_AT_CLOCK 16 /* items */
#define SAY 8            /* lines of a kind, before they are only counted */

struct work {
	uint64_t *key; /* services, in a ring: engine_service_key() */
	size_t size, first, n;
	struct map *queued;
	uint64_t *refresh; /* addresses of aliases to look at anew */
	size_t nrefresh, at;
	size_t said[ENGINE_SAY_MAX];
};

struct work *
engine_work_new(void)
{
	struct work *w = mem_zalloc(sizeof(*w));

	w->queued = map_new();
	return w;
}

void
engine_work_free(struct work *w)
{
	if (w == NULL)
		return;
	map_free(w->queued, NULL);
	free(w->key);
	free(w->refresh);
	free(w);
}

void
engine_work_soon(struct engine *e)
{
	if (!e->work_armed)
		ev_timer_set(e->work_timer, 0);
	e->work_armed = true;
}

bool
engine_work_left(const struct engine *e)
{
	return e->work->n > 0 || state_owes(e->state) || e->work->at < e->work->nrefresh;
}

static void
grow(struct work *w)
{
	size_t size = w->size * 2 + 64, i;
	uint64_t *key = mem_grow(NULL, size, sizeof(*key));

	for (i = 0; i < w->n; i++)
		key[i] = w->key[(w->first + i) % w->size];
	free(w->key);
	w->key = key;
	w->size = size;
	w->first = 0;
}

/* Those of an alias that has connections go before the others. */
void
engine_service_later(struct engine *e, struct in_addr alias, uint8_t proto, uint16_t port_h)
{
	uint64_t key = engine_service_key(alias, proto, port_h);
	struct work *w = e->work;

	if (map_get(w->queued, key) != NULL)
		return;
	if (w->n == w->size)
		grow(w);
	if (e->dp != NULL && datapath_alias_flows(e->dp, alias) > 0) {
		w->first = (w->first + w->size - 1) % w->size;
		w->key[w->first] = key;
	} else {
		w->key[(w->first + w->n) % w->size] = key;
	}
	w->n++;
	map_put(w->queued, key, w);
	engine_work_soon(e);
}

static void
one_service(struct engine *e)
{
	struct work *w = e->work;
	uint64_t key = w->key[w->first];
	struct in_addr alias = { .s_addr = (uint32_t)(key >> 32) };

	w->first = (w->first + 1) % w->size;
	w->n--;
	map_del(w->queued, key);
	engine_service(e, alias, (uint8_t)(key >> 16), (uint16_t)key);
}

static void
remember(const struct state_alias *a, void *arg)
{
	struct work *w = arg;

	w->refresh[w->nrefresh++] = a->addr.s_addr;
}

void
engine_refresh_later(struct engine *e)
{
	struct work *w = e->work;

	w->nrefresh = w->at = 0;
	w->refresh = mem_grow(w->refresh, state_alias_count(e->state), sizeof(*w->refresh));
	state_each_alias(e->state, remember, w);
	engine_work_soon(e);
}

static void
service_later(uint8_t proto, uint16_t port_h, void *arg)
{
	struct engine *e = arg;
	struct in_addr alias = { .s_addr = (uint32_t)e->work->refresh[e->work->at] };

	engine_service_later(e, alias, proto, port_h);
}

static void
one_refresh(struct engine *e)
{
	struct work *w = e->work;
	struct in_addr addr = { .s_addr = (uint32_t)w->refresh[w->at] };
	const struct state_alias *a = state_alias(e->state, addr);

	if (a != NULL) {
		engine_alias(e, a);
		state_each_service(e->state, addr, service_later, e);
	}
	w->at++;
}

bool
engine_say(struct engine *e, enum engine_say what)
{
	engine_work_soon(e);
	return e->work->said[what]++ < SAY;
}

/* How many more there were of what was said one by one. */
static void
say_rest(struct work *w)
{
	static const char *const token[ENGINE_SAY_MAX] = { "arp", "arp", "alias", "alias" };
	static const char *const text[ENGINE_SAY_MAX] = { "ARP master", "not ARP master any more",
		"joined, their addresses are here", "their addresses are not here any more" };
	unsigned i;

	for (i = 0; i < ENGINE_SAY_MAX; i++) {
		if (w->said[i] > SAY)
			log_info(token[i], "%zu more aliases: %s", w->said[i] - SAY, text[i]);
		w->said[i] = 0;
	}
}

static bool
services_left(const struct engine *e)
{
	return e->work->n > 0;
}

/* Services first: of one the only member may be dead. */
static void
slice(struct engine *e, bool (*left)(const struct engine *))
{
	uint64_t until = clock_ns() + SLICE;
	unsigned i;

	if (!left(e))
		return;
	if (e->dp != NULL)
		datapath_services_begin(e->dp);
	for (i = 1; left(e); i++) {
		if (services_left(e))
			one_service(e);
		else if (state_owes(e->state))
			state_work(e->state, 1);
		else
			one_refresh(e);
		if (i % LOOK_AT_CLOCK == 0 && clock_ns() >= until)
			break;
	}
	if (e->dp != NULL)
		datapath_services_end(e->dp);
}

void
engine_services_now(struct engine *e)
{
	slice(e, services_left);
}

void
engine_settle(struct engine *e)
{
	slice(e, engine_work_left);
	if (!engine_work_left(e)) {
		engine_take_back_syns(e);
		engine_ctl_settled(e);
		return;
	}
	e->work_armed = true;
	ev_timer_set(e->work_timer, REST);
}

void
engine_work_timer(void *arg)
{
	struct engine *e = arg;

	e->work_armed = false;
	engine_rows_flush(e);
	say_rest(e->work);
	engine_settle(e);
}
