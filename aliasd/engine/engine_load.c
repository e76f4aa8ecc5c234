/* SPDX-License-Identifier: ISC */
/* inbound=balance: who is overloaded says so, and is given fewer clients. */
#include "aliasd/engine/engine_priv.h"

static uint32_t
percent(uint32_t is, uint32_t allowed)
{
	uint64_t p = allowed == 0 ? 0 : (uint64_t)is * 100 / allowed;

	return p > UINT32_MAX ? UINT32_MAX : (uint32_t)p;
}

static uint32_t
worst(const struct aliasd_conf *c, const struct load_seen *seen)
{
	uint32_t p = percent(seen->receive, c->overload_receive), q = percent(seen->drops, c->overload_drops);

	p = q > p ? q : p;
	q = percent(seen->cpu, c->overload_cpu);
	return q > p ? q : p;
}

static void
say(const struct engine *e, const struct load_seen *seen)
{
	unsigned share = overload_share(e->overload.step);

	if (e->overload.step > 0)
		log_warnx("inbound", "overloaded: %u%% of a LAN interface's speed received, %u packets a "
		    "second dropped, %u%% of the time something waited for a processor; we take %u%% of our "
		    "clients", seen->receive, seen->drops, seen->cpu, share);
	else
		log_info("inbound", "not overloaded any more: we take all of our clients");
}

/* Every second. */
void
engine_load_tick(struct engine *e)
{
	struct load_seen seen;
	uint8_t before = e->overload.step;

	if (!inbound_any(e->inbound)) {
		e->overload = (struct overload){ 0 };
	} else {
		seen = load_look(e->load, e->lan, clock_ns());
		if (overload_look(&e->overload, worst(e->conf, &seen), clock_ns()))
			say(e, &seen);
	}
	if (before == e->overload.step)
		return;
	engine_send_lan(e);
	engine_inbound_review(e);
}

unsigned
engine_share(const struct engine *e, uint16_t node)
{
	struct peer_lan p;

	if (node == e->self)
		return overload_share(e->overload.step);
	return peers_get(e->peers, node, &p) ? overload_share(p.step) : overload_share(0);
}
