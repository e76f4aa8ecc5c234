/* SPDX-License-Identifier: ISC */
/* How this member routes for the aliases: what cluamgr -r and aliasd.conf say. */
#include "aliasd/engine/engine_priv.h"

bool
engine_may_route(const struct engine *e)
{
	return (e->routing & ALIAS_RT_START) && !e->stopping;
}

void
engine_set_routing(struct engine *e, const struct alias_routing *c)
{
	uint32_t before = e->routing;
	char text[ALIAS_RT_TEXT_MAX];

	e->routing = (e->routing | c->on) & ~c->off;
	if (e->routing == before) {
		/* Whoever says "start" again has lost faith in what the routing daemon has. */
		if (c->on & ALIAS_RT_START)
			engine_routes_again(e);
		return;
	}
	alias_routing_format(e->routing, text, sizeof(text));
	log_info("route", "routing options: %s", text);
	engine_attached(e);
}

bool
engine_stop(struct engine *e)
{
	if (!engine_routes_stop(e))
		return false;
	e->stopping = true;
	engine_attached(e);
	return true;
}

/* Only what was changed in the file: what cluamgr -r said of the rest stays. */
void
engine_routing_reload(struct engine *e, const struct aliasd_conf *old)
{
	uint32_t was = aliasd_conf_routing(old), is = aliasd_conf_routing(e->conf);
	struct alias_routing c = { .on = is & ~was, .off = was & ~is };

	engine_set_routing(e, &c);
}
