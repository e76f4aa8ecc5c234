/* SPDX-License-Identifier: ISC */
/* The routes to the aliases: what follows from the state for the routing daemon of this host. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"
#include "aliasd/route/route_file.h"
#include "aliasd/route/router.h"
#include "aliasd/route/tell.h"
#include "common/daemon.h"
#include "proto/alias_ctl.h"

#define ROUTES_DIR RUNDIR "-routes"
/* Changes come in swarms. */
#define GATHER (20 * NSEC_PER_MSEC)
/* After a start on a data plane that works: what is announced stays until we know better. */
#define HOLD (10 * NSEC_PER_SEC)
/* An orderly end waits so long for the routing daemon. */
#define WITHDRAW (5 * NSEC_PER_SEC)

struct engine_routes {
	struct engine *e;
	const struct tell_ops *ops;
	void *tell;
	struct tell_conf tell_conf;
	struct router *router;
	struct route_set set;
	struct route_spec spec;
	char ifaces[LAN_MAX][NETLINK_NAME_MAX];
	char file[PATH_MAX], socket[PATH_MAX], command[PATH_MAX], area[16];
	struct ev_timer *gather, *retry, *end;
	bool armed, stopping, confirmed;
	uint64_t hold_until; /* 0: no more */
};

static enum route_daemon
daemon_of(const struct engine *e)
{
	return (enum route_daemon)e->conf->routing;
}

static const char *
daemon_name(const struct engine *e)
{
	return aliasd_conf_routing_names[e->conf->routing];
}

/* ---- what should be ---- */

static bool
may_announce(const struct engine *e)
{
	return engine_may_route(e) && state_loaded(e->state) && state_quorate(e->state) &&
	    state_is_synced(e->state, e->self) && lan_carrier(e->lan);
}

static bool
others_route(const struct engine *e, const struct state_alias *a)
{
	size_t i;

	for (i = 0; a != NULL && i < a->nrows; i++) {
		const struct state_row *r = &a->rows[i];

		if (r->node != e->self && r->rpri > 0 && (r->flags & ALIAS_ROW_ROUTER) &&
		    state_is_synced(e->state, r->node))
			return true;
	}
	return false;
}

static void
add_alias(struct alias_row *row, void *arg)
{
	struct engine_routes *rs = arg;
	struct engine *e = rs->e;
	const struct netlink_link *k =
	    netlink_link_by_index(lan_netlink(e->lan), lan_attached(e->lan, row->addr));
	struct route_alias a = { .addr = row->addr, .virt = row->flags & ALIAS_ROW_VIRTUAL,
		.prefixlen = row->prefixlen, .rpri = row->rpri,
		.others = others_route(e, state_alias(e->state, row->addr)),
		.via = k == NULL ? NULL : k->name };

	route_set_alias(&rs->set, &a, e->routing & ALIAS_RT_RESVOK);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
look_at_interfaces(struct engine_routes *rs)
{
	struct engine *e = rs->e;
	uint32_t lan[LAN_MAX];
	size_t i, n = lan_ifaces(e->lan, lan);

	rs->spec.nifaces = 0;
	for (i = 0; i < n; i++) {
		const struct netlink_link *k = netlink_link_by_index(lan_netlink(e->lan), lan[i]);

		if (k != NULL)
			snprintf(rs->ifaces[rs->spec.nifaces++], NETLINK_NAME_MAX, "%s", k->name);
	}
	qsort(rs->ifaces, rs->spec.nifaces, sizeof(rs->ifaces[0]), by_name);
}

static void
derive(struct engine_routes *rs)
{
	struct engine *e = rs->e;
	size_t len;
	char *text;
	FILE *f;

	rs->set.n = 0;
	if (may_announce(e))
		own_each(e->own, add_alias, rs);
	route_set_finish(&rs->set);
	look_at_interfaces(rs);
	f = open_memstream(&text, &len);
	route_text(f, daemon_of(e), &rs->spec, &rs->set);
	fclose(f);
	router_pause(rs->router, !(e->routing & ALIAS_RT_GATED), clock_ns());
	router_set(rs->router, text, len, clock_ns());
}

void
engine_routes_touch(struct engine *e)
{
	struct engine_routes *rs = e->routes;

	/* While it holds, each change is looked at: it may be the end of that. */
	if (rs == NULL || (rs->armed && rs->hold_until == 0))
		return;
	rs->armed = true;
	ev_timer_set(rs->gather, GATHER);
}

void
engine_routes_again(struct engine *e)
{
	if (e->routes != NULL)
		router_again(e->routes->router, clock_ns());
}

bool
engine_routes_settled(const struct engine *e)
{
	return e->routes == NULL ||
	    (!e->routes->armed && router_settled(e->routes->router));
}

/* ---- the router's surroundings ---- */

static int
put_file(const char *text, size_t len, char *why, size_t size, void *arg)
{
	struct engine_routes *rs = arg;

	return route_file_put(rs->file, text, len, why, size);
}

static void
tell(void *arg)
{
	struct engine_routes *rs = arg;

	rs->ops->begin(rs->tell, &rs->spec, &rs->set);
}

static void
timer(uint64_t at, void *arg)
{
	struct engine_routes *rs = arg;

	if (at == 0)
		ev_timer_cancel(rs->retry);
	else
		ev_timer_set_at(rs->retry, at);
}

static void
on_retry(void *arg)
{
	struct engine_routes *rs = arg;

	router_tick(rs->router, clock_ns());
}

static void
on_state(void *arg)
{
	struct engine_routes *rs = arg;
	enum router_state s = router_state(rs->router);

	if (s == ROUTER_FAILED)
		log_warnx("route", "%s: %s", daemon_name(rs->e), router_text(rs->router));
	else if (s == ROUTER_DONE)
		log_info("route", "%s: %s", daemon_name(rs->e), router_text(rs->router));
	/* Not from inside the router. */
	if (router_settled(rs->router))
		engine_routes_touch(rs->e);
}

static const struct router_ops router_ops = { .write = put_file, .tell = tell, .timer = timer,
	.on_state = on_state };

static void
on_done(bool ok, const char *text, void *arg)
{
	struct engine_routes *rs = arg;

	router_told(rs->router, ok, text, clock_ns());
}

static void
on_lost(const char *why, void *arg)
{
	struct engine_routes *rs = arg;

	router_lost(rs->router, why, clock_ns());
}

static const struct tell_events tell_events = { .on_done = on_done, .on_lost = on_lost };

/* ---- an orderly end ---- */

static void
on_end(void *arg)
{
	clud_exit(0);
}

/* The routes are withdrawn; who has not heard of it yet is still served for a while. */
static void
withdrawn(struct engine_routes *rs)
{
	if (!rs->stopping || rs->confirmed)
		return;
	rs->confirmed = true;
	if (router_state(rs->router) != ROUTER_DONE) {
		log_warnx("route", "the routes may not be withdrawn: %s", router_text(rs->router));
		ev_timer_set(rs->end, 0);
		return;
	}
	log_info("route", "all routes are withdrawn");
	ev_timer_set(rs->end, rs->e->conf->withdraw_wait);
}

bool
engine_routes_stop(struct engine *e)
{
	struct engine_routes *rs = e->routes;

	if (rs == NULL || router_state(rs->router) == ROUTER_PAUSED || rs->set.n == 0)
		return false;
	rs->stopping = true;
	rs->armed = true;
	ev_timer_set(rs->gather, 0);
	ev_timer_set(rs->end, WITHDRAW);
	return true;
}

/* ---- what it says of itself ---- */

const char *
engine_routes_failure(const struct engine *e)
{
	if (e->routes == NULL || router_state(e->routes->router) != ROUTER_FAILED)
		return NULL;
	return router_text(e->routes->router);
}

const struct route_set *
engine_routes_set(const struct engine *e)
{
	return e->routes == NULL ? NULL : &e->routes->set;
}

void
engine_routes_status(const struct engine *e, struct alias_ctl_routing *s)
{
	static const char *const words[] = { [ROUTER_IDLE] = "waiting", [ROUTER_PENDING] = "pending",
		[ROUTER_DONE] = "done", [ROUTER_FAILED] = "failed", [ROUTER_PAUSED] = "left alone" };
	const struct engine_routes *rs = e->routes;

	s->opts = e->routing;
	snprintf(s->daemon, sizeof(s->daemon), "%s", rs == NULL ? "none" : daemon_name(e));
	if (rs == NULL)
		return;
	snprintf(s->state, sizeof(s->state), "%s", words[router_state(rs->router)]);
	snprintf(s->text, sizeof(s->text), "%s", router_text(rs->router));
	snprintf(s->file, sizeof(s->file), "%.*s", ALIAS_CTL_PATH_MAX - 1, rs->file);
}

/* ---- in the loop ---- */

static void
on_gather(void *arg)
{
	struct engine_routes *rs = arg;
	uint64_t now = clock_ns();

	rs->armed = false;
	if (rs->hold_until != 0 && !rs->stopping && !may_announce(rs->e) && now < rs->hold_until) {
		rs->armed = true;
		ev_timer_set_at(rs->gather, rs->hold_until);
		return;
	}
	rs->hold_until = 0;
	derive(rs);
	if (!engine_routes_settled(rs->e))
		return;
	engine_ctl_routes(rs->e);
	withdrawn(rs);
}

/* ---- life ---- */

static void
name_file(struct engine_routes *rs)
{
	static const char *const names[] = { [ROUTE_BIRD] = ROUTES_DIR "/bird.conf",
		[ROUTE_FRR] = ROUTES_DIR "/frr.conf" };
	const struct aliasd_conf *c = rs->e->conf;

	if (c->routing_file[0] != '\0')
		snprintf(rs->file, sizeof(rs->file), "%s", c->routing_file);
	else if (daemon_of(rs->e) == ROUTE_GATED)
		snprintf(rs->file, sizeof(rs->file), SYSCONFDIR "/gated.conf.member%u", rs->e->self);
	else
		snprintf(rs->file, sizeof(rs->file), "%s", names[daemon_of(rs->e)]);
}

/* What of the configuration is needed later is copied: it may be another one by then. */
static void
prepare(struct engine_routes *rs)
{
	static const struct tell_ops *const ops[] = { [ROUTE_BIRD] = &tell_bird, [ROUTE_FRR] = &tell_frr,
		[ROUTE_GATED] = &tell_gated };
	struct engine *e = rs->e;

	name_file(rs);
	rs->ops = ops[daemon_of(e)];
	snprintf(rs->area, sizeof(rs->area), "%s", e->conf->routing_area);
	snprintf(rs->socket, sizeof(rs->socket), "%s", aliasd_conf_routing_socket(e->conf));
	snprintf(rs->command, sizeof(rs->command), "%s", aliasd_conf_routing_command(e->conf));
	rs->spec = (struct route_spec){ .member = e->self, .name = e->name[e->self],
		.protocols = aliasd_conf_protocols(e->conf), .area = rs->area,
		.bfd = e->conf->routing_bfd,
		.ifaces = (const char(*)[NETLINK_NAME_MAX])rs->ifaces };
	rs->tell_conf = (struct tell_conf){ .file = rs->file, .socket = rs->socket,
		.command = rs->command, .timeout = TELL_TIMEOUT };
	rs->router = router_new(&router_ops, rs);
	rs->gather = ev_timer_new(e->loop, on_gather, rs);
	rs->retry = ev_timer_new(e->loop, on_retry, rs);
	rs->end = ev_timer_new(e->loop, on_end, rs);
	rs->tell = rs->ops->new(e->loop, &rs->tell_conf, &tell_events, rs);
	if (datapath_resumed(e->dp))
		rs->hold_until = clock_ns() + HOLD;
}

void
engine_routes_open(struct engine *e)
{
	struct engine_routes *rs;

	if (e->conf->routing == ROUTE_NONE)
		return;
	rs = mem_zalloc(sizeof(*rs));
	rs->e = e;
	e->routes = rs;
	prepare(rs);
	if (rs->gather != NULL && rs->retry != NULL && rs->end != NULL && rs->tell != NULL) {
		engine_routes_touch(e);
		return;
	}
	log_errx("route", "cannot start: no routes are announced");
	engine_routes_close(e);
}

void
engine_routes_close(struct engine *e)
{
	struct engine_routes *rs = e->routes;

	if (rs == NULL)
		return;
	e->routes = NULL;
	if (rs->tell != NULL)
		rs->ops->free(rs->tell);
	router_free(rs->router);
	ev_timer_free(rs->gather);
	ev_timer_free(rs->retry);
	ev_timer_free(rs->end);
	route_set_free(&rs->set);
	free(rs);
}
