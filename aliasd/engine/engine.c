/* SPDX-License-Identifier: ISC */
#include "aliasd/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"
#include "aliasd/route/route_text.h"
#include "common/conf.h"
#include "common/daemon.h"

#define READY_AFTER (3 * NSEC_PER_SEC)
#define REFUSALS_A_SECOND 1000

struct alias_conn
engine_conn(const struct dp_conn *c)
{
	return (struct alias_conn){ .client = c->client, .alias = c->alias,
		.client_port = c->client_port, .port = c->port };
}

struct dp_conn
engine_dp_conn(const struct alias_conn *c)
{
	return (struct dp_conn){ .client = c->client, .alias = c->alias,
		.client_port = c->client_port, .port = c->port };
}

const char *
engine_status_text(const struct engine *e)
{
	if (!e->known)
		return "waiting for lltd";
	if (state_gen(e->state) == 0)
		return "waiting for gabd: not in the group";
	if (!state_loaded(e->state))
		return "waiting for the state of the other members";
	if (!state_is_synced(e->state, e->self))
		return "waiting for the connections of the other members";
	if (!state_quorate(e->state))
		return "without quorum: routing nothing";
	return "";
}

void
engine_update_status(struct engine *e)
{
	const char *text = engine_status_text(e);

	if (text[0] == '\0')
		text = "in the group";
	if (text == e->status && e->ready)
		return;
	e->status = text;
	if (!e->ready && e->known && state_is_synced(e->state, e->self)) {
		e->ready = true;
		clud_ready(text);
	} else if (e->ready) {
		clud_status(text);
	}
}

static void
ready_timer(void *arg)
{
	struct engine *e = arg;

	if (e->ready)
		return;
	e->ready = true;
	clud_ready(engine_status_text(e));
}

static bool
make_timers(struct engine *e)
{
	e->asks_timer = ev_timer_new(e->loop, engine_flush_asks, e);
	e->arp_timer = ev_timer_new(e->loop, engine_arp_timer, e);
	e->send_timer = ev_timer_new(e->loop, engine_send_timer, e);
	e->stray_timer = ev_timer_new(e->loop, engine_stray_timer, e);
	e->losses_timer = ev_timer_new(e->loop, engine_losses_timer, e);
	e->poll_timer = ev_timer_new(e->loop, engine_poll_timer, e);
	e->frag_timer = ev_timer_new(e->loop, engine_frag_timer, e);
	e->verify_timer = ev_timer_new(e->loop, engine_verify_timer, e);
	e->ready_timer = ev_timer_new(e->loop, ready_timer, e);
	e->rejoin_timer = ev_timer_new(e->loop, engine_rejoin_timer, e);
	e->work_timer = ev_timer_new(e->loop, engine_work_timer, e);
	e->page_timer = ev_timer_new(e->loop, engine_page_timer, e);
	e->probe_timer = ev_timer_new(e->loop, engine_probe_timer, e);
	return e->asks_timer && e->arp_timer && e->send_timer && e->stray_timer && e->poll_timer &&
	    e->frag_timer && e->verify_timer && e->ready_timer && e->rejoin_timer && e->work_timer &&
	    e->probe_timer && e->page_timer && e->losses_timer;
}

static void
make_parts(struct engine *e)
{
	e->paths = paths_new();
	e->listen = listen_new();
	e->told = map_new();
	e->services = map_new();
	e->state = state_new(&engine_state_ops, e);
	e->own = own_new();
	e->registry = registry_new(REGISTRY_SAVED);
	e->rows = engine_rows_new();
	e->work = engine_work_new();
	e->probe = probe_new();
	e->active = map_new();
	e->hooks = engine_hooks_new(e);
	e->announce = announce_new();
	e->holds = holds_new();
	e->garp = garp_new();
	e->ask = ask_new(&engine_ask_ops, e);
	e->acd = acd_new();
	e->handover = handover_new(&engine_handover_ops, e);
	e->peers = peers_new();
	e->inbound = inbound_new();
	e->load = load_new();
	e->vigil = vigil_new(&engine_vigil_ops, e);
	e->stray = stray_new(&engine_stray_ops, e);
	e->losses = losses_new();
	e->fragq = fragq_new(engine_put_in, e);
	e->sysctls = sysctls_new(SYSCTLS_SAVED);
	e->hostports = hostports_new(HOSTPORTS_DIR, HOSTPORTS_SAVED);
	e->claim_limit.interval_ns = 10 * NSEC_PER_SEC;
	e->claim_limit.burst = 5;
	e->full_limit.interval_ns = 10 * NSEC_PER_SEC;
	e->full_limit.burst = 5;
	e->refuse_limit.interval_ns = NSEC_PER_SEC;
	e->refuse_limit.burst = REFUSALS_A_SECOND;
	e->next_token = TOKEN_FIRST;
}

static bool
open_parts(struct engine *e)
{
	e->lan = lan_open(e->loop, (const char(*)[NETLINK_NAME_MAX])e->conf->ifaces, e->conf->nifaces,
	    &engine_lan_ops, e);
	if (e->lan == NULL)
		return false;
	e->vmacs = vmacs_new(lan_netlink(e->lan), VMACS_SAVED);
	/* FRR takes an address on an interface for a route of its own that goes before ours. */
	e->local = local_new(lan_netlink(e->lan), e->conf->routing == ROUTE_FRR ? 0 : LOCAL_LISTED);
	e->raw = rawsock_open(e->loop, engine_on_arp, e);
	e->diag = diag_open();
	if (e->raw == NULL || e->diag == NULL)
		return false;
	e->watch = diag_watch_udp(e->loop, engine_udp_gone, e);
	e->ipc = ipc_server_new(e->loop, ALIAS_SOCK, &engine_ipc_ops, e);
	if (e->ipc == NULL)
		return false;
	e->llt = lltsub_new(e->loop, &engine_llt_ops, e);
	return e->llt != NULL;
}

/* What only the running daemon can say against lines of clu_alias.config, before any takes effect. */
static void
check_alias_config(struct engine *e, const struct aliasd_conf *fresh, struct conf_errors *errs)
{
	bool *is_new = aliasd_conf_new_lines(fresh, e->conf);
	size_t i;

	for (i = 0; i < fresh->naliases; i++) {
		const char *why = NULL;

		if (is_new[i])
			why = engine_check_set(e, &fresh->aliases[i]);
		if (why != NULL)
			conf_error(errs, fresh->alias_config, fresh->alias_line[i],
			    fresh->aliases[i].opts.alias, "%s", why);
	}
	free(is_new);
}

/* The lines of clu_alias.config; they were parsed and resolved when the file was read. */
static void
run_alias_config(struct engine *e, const struct aliasd_conf *old)
{
	bool *is_new = aliasd_conf_new_lines(e->conf, old);
	size_t i;

	for (i = 0; i < e->conf->naliases; i++) {
		const struct alias_ctl_set *set = &e->conf->aliases[i];
		const char *why;

		if (!is_new[i])
			continue;
		why = engine_check_set(e, set);
		if (why != NULL)
			log_errx("alias", "%s:%d: %s: %s", e->conf->alias_config,
			    e->conf->alias_line[i], set->opts.alias, why);
		else
			engine_set(e, set, TOKEN_NONE);
	}
	free(is_new);
}

struct engine *
engine_new(struct ev_loop *loop, struct aliasd_conf *conf)
{
	struct engine *e = mem_zalloc(sizeof(*e));

	e->loop = loop;
	e->conf = conf;
	e->routing = aliasd_conf_routing(conf);
	make_parts(e);
	if (!make_timers(e) || !open_parts(e)) {
		engine_free(e);
		return NULL;
	}
	engine_api_start(e);
	run_alias_config(e, NULL);
	ev_timer_set(e->ready_timer, READY_AFTER);
	return e;
}

static void
free_timers(struct engine *e)
{
	ev_timer_free(e->asks_timer);
	ev_timer_free(e->arp_timer);
	ev_timer_free(e->send_timer);
	ev_timer_free(e->stray_timer);
	ev_timer_free(e->losses_timer);
	ev_timer_free(e->poll_timer);
	ev_timer_free(e->frag_timer);
	ev_timer_free(e->verify_timer);
	ev_timer_free(e->ready_timer);
	ev_timer_free(e->rejoin_timer);
	ev_timer_free(e->work_timer);
	ev_timer_free(e->probe_timer);
	ev_timer_free(e->page_timer);
}

static void
free_parts(struct engine *e)
{
	stray_free(e->stray);
	losses_free(e->losses);
	fragq_free(e->fragq);
	handover_free(e->handover);
	ask_free(e->ask);
	acd_free(e->acd);
	garp_free(e->garp);
	peers_free(e->peers);
	inbound_free(e->inbound);
	load_free(e->load);
	free(e->clients_buf);
	vigil_free(e->vigil);
	free(e->arp_buf);
	free(e->lan_sent);
	holds_free(e->holds);
	announce_free(e->announce);
	registry_free(e->registry);
	own_free(e->own);
	free(e->rows);
	engine_work_free(e->work);
	probe_free(e->probe);
	map_free(e->active, NULL);
	state_free(e->state);
	map_free(e->services, NULL);
	map_free(e->told, free);
	listen_free(e->listen);
	paths_free(e->paths);
	sysctls_free(e->sysctls);
	hostports_free(e->hostports);
	free(e->asks);
	for (size_t i = 0; i < LLT_MAX_NODES; i++)
		relearn_free(e->relearn[i]);
	aliasd_conf_free(e->conf);
}

void
engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	engine_routes_close(e);
	/* First nobody may be sent here any more, then we can let go. */
	if (e->dp != NULL)
		engine_retire(e);
	if (e->group != NULL)
		group_gab.leave(e->group);
	if (e->ipc != NULL)
		ipc_server_free(e->ipc);
	engine_api_stop(e);
	lltsub_free(e->llt);
	hookwatch_close(e->hookwatch);
	e->hookwatch = NULL;
	engine_close_door(e);
	engine_close_tunnel(e);
	/* While an address is here something must keep the kernel from answering ARP for it. */
	if (e->lan != NULL && !e->conf->keep_addresses)
		engine_remove_addresses(e);
	if (e->dp != NULL)
		datapath_close(e->dp, true);
	diag_watch_free(e->watch);
	diag_close(e->diag);
	rawsock_close(e->raw);
	vmacs_free(e->vmacs);
	if (!e->conf->keep_addresses)
		sysctls_restore(e->sysctls);
	hostports_restore(e->hostports);
	local_free(e->local);
	lan_close(e->lan);
	engine_hooks_free(e->hooks);
	free_timers(e);
	free_parts(e);
	free(e);
}

int
engine_reload(struct engine *e, struct aliasd_conf *fresh, struct conf_errors *errs)
{
	struct aliasd_conf *old = e->conf;
	size_t before = conf_errors_count(errs);

	aliasd_conf_check_fixed(old, fresh, errs);
	if (e->dp != NULL && fresh->max_aliasid > datapath_max_aliases(e->dp))
		conf_error(errs, fresh->path, fresh->max_aliasid_line, "max_aliasid",
		    "the tables in the kernel have room for %u: restart aliasd to have larger ones",
		    datapath_max_aliases(e->dp));
	check_alias_config(e, fresh, errs);
	if (conf_errors_count(errs) != before)
		return -1;
	e->conf = fresh;
	engine_hooks_reload(e, old);
	engine_routing_reload(e, old);
	engine_retry_tunnel(e);
	if (old->max_aliasid != fresh->max_aliasid)
		engine_send_marker(e, TOKEN_NONE); /* which says so */
	run_alias_config(e, old);
	if (!services_equal(&old->services, &fresh->services))
		engine_send_services(e, &fresh->services, false, TOKEN_NONE);
	else
		engine_services_reread(e);
	aliasd_conf_free(old);
	return 0;
}
