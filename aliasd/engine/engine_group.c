/* SPDX-License-Identifier: ISC */
/* Views and messages of the group. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"

/* Two versions that do not understand each other would else join and leave without a pause. */
#define REJOIN_AFTER NSEC_PER_SEC

int
engine_broadcast(struct engine *e, const void *data, size_t len)
{
	/* In the order in which it came about. */
	engine_rows_flush(e);
	if (e->group == NULL || group_gab.broadcast(e->group, data, len) < 0) {
		log_warn("group", "cannot broadcast %zu bytes", len);
		return -1;
	}
	return 0;
}

void
engine_unicast(struct engine *e, uint16_t node, const void *data, size_t len)
{
	if (e->group != NULL && group_gab.unicast(e->group, node, data, len) < 0)
		log_warn("group", "cannot send %zu bytes to node %u", len, node);
}

void
engine_multicast(struct engine *e, const void *data, size_t len)
{
	if (e->group != NULL && group_gab.multicast(e->group, data, len) < 0)
		log_warn("group", "cannot send %zu bytes to the other members", len);
}

static void
st_broadcast(const uint8_t *data, size_t len, void *arg)
{
	engine_broadcast(arg, data, len);
}

static void
st_limit(uint16_t node, void *arg)
{
	struct engine *e = arg;
	uint32_t its = state_limit_of(e->state, node);

	if (node != e->self && its != 0 && its != e->conf->max_aliasid)
		log_warnx("alias", "max_aliasid is %u on node %u (%s) and %u here: it must be the same on all "
		    "members, and the lowest counts", its, node, e->name[node], e->conf->max_aliasid);
}

static void
st_loaded(void *arg)
{
	struct engine *e = arg;

	const uint16_t *id;
	size_t i, n = state_members(e->state, &id);

	log_info("group", "state is complete: %zu aliases", state_alias_count(e->state));
	for (i = 0; i < n; i++)
		st_limit(id[i], e);
	engine_services_loaded(e);
	engine_send_all_rows(e);
	engine_listen_flush(e);
	engine_api_loaded(e);
	engine_flows_loaded(e);
	engine_event_group(e);
	engine_update_status(e);
}

static void
st_reset(void *arg)
{
	struct engine *e = arg;

	engine_step_down(e);
	stray_clear(e->stray);
	listen_forget(e->listen);
	e->nasks = 0;
	engine_rows_clear(e);
	engine_event_reset(e);
	e->said_synced = false;
	engine_api_reset(e);
	engine_ctl_lost(e);
	engine_out_source(e);
}

static void
st_bad_snapshot(void *arg)
{
	struct engine *e = arg;

	log_errx("group", "the state that the other members sent is malformed: leaving the group, and "
	    "joining it again in a second");
	group_gab.leave(e->group);
	e->group = NULL;
	ev_timer_set(e->rejoin_timer, REJOIN_AFTER);
}

static void
st_alias(const struct state_alias *a, void *arg)
{
	engine_alias(arg, a);
	engine_event_alias(arg, a);
	engine_routes_touch(arg);
}

static void
st_alias_gone(struct in_addr addr, void *arg)
{
	engine_event_alias_gone(arg, addr);
	engine_alias_gone(arg, addr);
	engine_routes_touch(arg);
}

static void
st_service(struct in_addr alias, uint8_t proto, uint16_t port_h, void *arg)
{
	engine_event_service(arg, alias, proto, port_h);
	engine_service_later(arg, alias, proto, port_h);
}

static bool
st_is_urgent(struct in_addr addr, void *arg)
{
	struct engine *e = arg;

	return e->dp != NULL && datapath_alias_flows(e->dp, addr) > 0;
}

static void
st_urgent(void *arg)
{
	engine_services_now(arg);
	engine_arp_run(arg);
}

static void
st_services(void *arg)
{
	engine_services_changed(arg);
	engine_api_changed(arg);
}

static void
st_shares(void *arg)
{
	engine_out_shares(arg);
}

static void
st_file(uint16_t node, void *arg)
{
	engine_services_file(arg, node);
}

static void
st_own(uint64_t token, void *arg)
{
	struct engine *e = arg;

	if (token == TOKEN_SWEEP)
		engine_sweep(e);
	else
		engine_ctl_done(e, token);
	e->full = NULL;
}

/* Two members may have asked at the same time; or there are more in the file than there may be. */
static void
st_full(struct in_addr addr, uint16_t node, void *arg)
{
	struct engine *e = arg;

	if (log_limit_ok(&e->full_limit, clock_ns()))
		log_errx("alias", "%s of node %u is refused: %s", addr_ip(addr).s, node, engine_full(e));
	if (node == e->self) {
		e->full = engine_full(e);
		engine_own_refused(e, addr);
	}
}

static void
st_result(uint64_t token, enum alias_api_status status, uint16_t port_h, void *arg)
{
	engine_api_result(arg, token, status, port_h);
}

static void
st_probe(const struct alias_api *a, void *arg)
{
	engine_api_probe(arg, a);
}

const struct state_ops engine_state_ops = {
	.broadcast = st_broadcast,
	.on_loaded = st_loaded,
	.on_bad_snapshot = st_bad_snapshot,
	.on_reset = st_reset,
	.on_alias = st_alias,
	.on_alias_gone = st_alias_gone,
	.on_service = st_service,
	.is_urgent = st_is_urgent,
	.on_urgent = st_urgent,
	.on_services = st_services,
	.on_full = st_full,
	.on_limit = st_limit,
	.on_shares = st_shares,
	.on_file = st_file,
	.on_own = st_own,
	.on_result = st_result,
	.on_probe = st_probe,
};

static void
log_view(const struct engine *e, const struct gab_ev_view *v)
{
	char text[512] = "";
	size_t i, len = 0;

	for (i = 0; i < v->nmembers && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %u", v->members[i]);
	log_info("group", "view %u:%s%s%s, %u joined, %u left", v->gen, text,
	    v->quorate ? "" : ", not quorate", v->fresh ? ", fresh" : "", v->njoined, v->nleft);
}

static void
on_view(const struct gab_ev_view *v, void *arg)
{
	struct engine *e = arg;
	bool quorate = state_quorate(e->state);

	/* Who died has no connection to us any more, and need not be waited for. */
	lltsub_poll(e->llt);
	log_view(e, v);
	engine_event_members(e, v); /* what follows from it comes after it */
	/* The state of those who all start afresh is complete at once, but not what they hold. */
	if (v->fresh)
		holds_expect(e->holds, v->members, v->nmembers, v->self);
	/* Masters first: clients wait for them. */
	state_view(e->state, v);
	engine_services_quorum(e, quorate);
	engine_out_source(e);
	engine_services_reports(e);
	engine_send_lan(e);
	engine_arp_view(e, v);
	engine_event_quorum(e);
	engine_flows_view(e, v);
	engine_routes_touch(e);
	engine_update_status(e);
	engine_settle(e);
}

static void
on_message(uint16_t src, uint8_t kind, const uint8_t *data, size_t len, void *arg)
{
	struct engine *e = arg;
	struct alias_msg m;
	bool was;

	if (kind == GAB_ORDERED) {
		was = state_is_synced(e->state, e->self);
		if (!state_ordered(e->state, src, data, len))
			log_warnx("group", "node %u broadcast a malformed message of %zu bytes", src, len);
		if (was != state_is_synced(e->state, e->self))
			engine_routes_touch(e);
		engine_update_status(e);
		engine_settle(e);
		return;
	}
	if (!alias_msg_decode(data, len, &m) || m.type < ALIAS_MSG_FLOWS) {
		log_warnx("group", "node %u sent a malformed message of %zu bytes", src, len);
		return;
	}
	if (!state_is_member(e->state, src))
		return;
	if (m.type == ALIAS_MSG_ARP)
		engine_arp_message(e, src, &m);
	else if (m.type == ALIAS_MSG_CLIENTS)
		engine_inbound_message(e, src, &m);
	else if (m.type == ALIAS_MSG_LAN)
		engine_lan_message(e, src, &m);
	else if (m.type == ALIAS_MSG_ASK)
		engine_asked(e, src, &m);
	else if (m.type == ALIAS_MSG_ANSWER)
		engine_answered(e, src, &m);
	else
		engine_flows_message(e, src, &m);
}

static void
on_lost(void *arg)
{
	struct engine *e = arg;

	log_warnx("group", "out of the group: gabd went away");
	state_lost(e->state);
	engine_routes_touch(e);
	engine_event_members(e, NULL);
	engine_event_quorum(e);
	engine_update_status(e);
}

void
engine_rejoin_timer(void *arg)
{
	static const struct group_events events = { .on_view = on_view, .on_message = on_message,
		.on_lost = on_lost };
	struct engine *e = arg;

	e->group = group_gab.join(e->loop, &events, e);
}

void
engine_join(struct engine *e)
{
	engine_listen_dump(e, IPPROTO_TCP);
	engine_listen_dump(e, IPPROTO_UDP);
	engine_flows_dump(e);
	engine_rejoin_timer(e);
	engine_poll_timer(e);
}
