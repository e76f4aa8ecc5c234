/* SPDX-License-Identifier: ISC */
/* lltd's links and the host's interfaces: where packets come in and go out. */
#include <stdio.h>
#include <string.h>

#include "aliasd/edge/tunnel.h"
#include "aliasd/engine/engine_priv.h"
#include "common/daemon.h"

#define ARP_IGNORE_HOST_SCOPE 3 /* no answers for addresses like those of aliases on lo */

bool
engine_usable(uint16_t node, void *arg)
{
	struct engine *e = arg;

	return node == e->self || paths_reachable(e->paths, node);
}

static void
on_self(const struct llt_ev_self *self, void *arg)
{
	struct engine *e = arg;

	if (e->known && self->node != e->self) {
		log_errx("llt", "lltd is node %u now, and was node %u: aliasd must start anew", self->node,
		    e->self);
		clud_exit(1);
		return;
	}
	paths_begin(e->paths);
	e->self = self->node;
	e->cluster = self->cluster;
	e->peerinact_ns = self->peerinact_ns;
	snprintf(e->name[self->node], LLT_NAME_MAX, "%s", self->name);
}

static void
on_node(const struct llt_ev_node *n, void *arg)
{
	struct engine *e = arg;
	bool was;

	if (n->node >= LLT_MAX_NODES)
		return;
	snprintf(e->name[n->node], LLT_NAME_MAX, "%s", n->name);
	was = e->open[n->node];
	e->open[n->node] = n->state == LLT_OPEN_STATE;
	if (e->open[n->node]) {
		/* In a moment we are in one group: what we do not know it may own, or its group. */
		if (!was && !state_is_member(e->state, n->node))
			engine_flows_quiet(e);
		return;
	}
	handover_gone(e->handover, n->node);
	engine_owner_down(e, n->node);
}

static void
tell_paths(struct engine *e, uint16_t node)
{
	struct dp_path path[LLT_MAX_LINKS];
	uint8_t mac[LLT_MAX_LINKS][6];
	struct in_addr addr[LLT_MAX_LINKS];
	size_t n = engine_paths(e, node, path);

	datapath_set_paths(e->dp, node, path, n);
	n = paths_macs(e->paths, node, mac);
	datapath_set_member_macs(e->dp, node, (const uint8_t(*)[6])mac, n);
	n = paths_addrs(e->paths, node, addr);
	datapath_set_member_addrs(e->dp, node, addr, n);
}

void
engine_tell_paths(struct engine *e)
{
	size_t i;

	for (i = 0; i < LLT_MAX_NODES; i++) {
		if (paths_reachable(e->paths, (uint16_t)i))
			tell_paths(e, (uint16_t)i);
	}
}

/* What members redirect comes in on links from an address that no route leads to. */
static void
open_link(struct engine *e, uint32_t ifindex)
{
	const struct netlink_link *k = netlink_link_by_index(lan_netlink(e->lan), ifindex);

	if (k == NULL)
		return;
	sysctls_set(e->sysctls, k->name, "rp_filter", 0);
	if (!lan_is_iface(e->lan, ifindex))
		datapath_attach_link(e->dp, ifindex);
}

/* An interface that was made anew has another number; the old ones must not fill the list. */
static void
forget_links(struct engine *e, const uint32_t *all, size_t n)
{
	size_t i, j, kept = 0;

	for (i = 0; i < e->nlink_ifaces; i++) {
		for (j = 0; j < n && all[j] != e->link_iface[i]; j++)
			continue;
		if (j == n)
			continue;
		e->link_mtu[kept] = e->link_mtu[i];
		e->link_iface[kept++] = e->link_iface[i];
	}
	e->nlink_ifaces = kept;
}

static void
look_at_links(struct engine *e)
{
	uint32_t high[LLT_MAX_LINKS], all[LLT_MAX_LINKS];
	size_t i, j, nhigh = paths_ifaces(e->paths, true, high), n = paths_ifaces(e->paths, false, all);
	bool news = false;

	lan_set_links(e->lan, high, nhigh, all, n);
	forget_links(e, all, n);
	for (i = 0; e->dp != NULL && i < n; i++) {
		for (j = 0; j < e->nlink_ifaces && e->link_iface[j] != all[i]; j++)
			continue;
		if (j < e->nlink_ifaces || j == LLT_MAX_LINKS)
			continue;
		e->link_mtu[e->nlink_ifaces] = 0;
		e->link_iface[e->nlink_ifaces++] = all[i];
		open_link(e, all[i]);
		news = true;
	}
	if (e->dp != NULL)
		engine_check_mtu(e);
	if (news)
		engine_door_routes(e);
}

static void
ways_changed(struct engine *e, uint16_t node, bool was)
{
	tell_paths(e, node);
	if (was == paths_reachable(e->paths, node))
		return;
	log_info("path", "node %u (%s): %s", node, e->name[node], was ? "no way to it is left" : "reachable");
	engine_refresh(e);
}

static void
on_link(const struct llt_ev_link *l, void *arg)
{
	struct engine *e = arg;
	bool was, changed;

	if (l->node >= LLT_MAX_NODES)
		return;
	was = paths_reachable(e->paths, l->node);
	changed = paths_link(e->paths, l);
	if (e->dp == NULL)
		return;
	if (engine_check_tunnel(e) || changed)
		ways_changed(e, l->node, was);
	look_at_links(e);
}

static void
lost_ways(uint16_t node, void *arg)
{
	ways_changed(arg, node, true);
}

/* A LAN interface, as the one through which what links bring enters the stack. */
static uint32_t
deliver_ifindex(struct engine *e)
{
	uint32_t lan[LAN_MAX];
	int all;

	if (netlink_sysctl_get("all", "rp_filter", &all) < 0 || all == 0 || lan_ifaces(e->lan, lan) == 0)
		return 0;
	return lan[0];
}

/* A packet that passes by ours is answered by the kernel's stack: the sooner the better. */
static void
check_program(uint32_t ifindex, void *arg)
{
	struct engine *e = arg;

	if (e->dp == NULL)
		return;
	if (ifindex == 0)
		datapath_check_all(e->dp);
	else
		datapath_check(e->dp, ifindex);
}

static bool
open_datapath(struct engine *e)
{
	static const struct dp_ops ops = { .on_sock = engine_on_sock, .on_looked = engine_on_looked,
		.on_stray = engine_on_stray, .on_refused = engine_on_refused,
		.on_fragment = engine_on_fragment, .on_first = engine_on_first,
		.on_too_big = engine_on_too_big,
		.on_proven = engine_on_proven, .on_arp = engine_on_arp_request };
	struct dp_conf conf = { .attach = (enum dp_attach)e->conf->attach, .self = e->self,
		.vni = TUNNEL_VNI | e->cluster,
		.max_flows = e->conf->max_flows,
		.max_half_open = e->conf->max_half_open, .max_aliases = e->conf->max_aliasid,
		.max_services = aliasd_conf_services(e->conf), .pin_dir = e->conf->pin_dir,
		.cgroup = e->conf->cgroup[0] == '\0' ? NULL : e->conf->cgroup };

	look_at_links(e);
	conf.deliver_ifindex = deliver_ifindex(e);
	e->dp = datapath_open(e->loop, &conf, &ops, e);
	if (e->dp == NULL)
		return false;
	e->hookwatch = hookwatch_open(e->loop, check_program, e);
	engine_open_door(e);
	engine_open_tunnel(e);
	return true;
}

static void
attach_lan(struct engine *e, uint32_t ifindex, const char *name)
{
	int ignore;

	/* Questions for other hosts never name an alias as the one who asks. */
	sysctls_set(e->sysctls, name, "arp_announce", 2);
	/* Addresses that are to stay when we have ended must be silent without us. */
	if (e->conf->keep_addresses && netlink_sysctl_get("all", "arp_ignore", &ignore) == 0 &&
	    ignore == 0 && netlink_sysctl_get(name, "arp_ignore", &ignore) == 0 && ignore == 0)
		sysctls_set(e->sysctls, name, "arp_ignore", ARP_IGNORE_HOST_SCOPE);
	engine_door_lan(e, name);
	if (datapath_attach_lan(e->dp, ifindex) < 0)
		return;
	log_info("lan", "%s: LAN interface", name);
	engine_probe_start(e, ifindex);
}

static bool
is_link(const struct engine *e, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < e->nlink_ifaces && e->link_iface[i] != ifindex; i++)
		continue;
	return i < e->nlink_ifaces;
}

static void
no_lan(struct engine *e, const struct netlink_link *k, bool gone)
{
	if (gone)
		return;
	if (is_link(e, k->ifindex))
		datapath_attach_link(e->dp, k->ifindex);
	else
		datapath_detach(e->dp, k->ifindex);
}

static void
lan_iface(const struct netlink_link *k, enum lan_role role, bool gone, void *arg)
{
	struct engine *e = arg;

	if (e->dp == NULL)
		return;
	probe_del(e->probe, k->ifindex);
	switch (role) {
	case LAN_OURS:
		attach_lan(e, k->ifindex, k->name);
		break;
	case LAN_GUARD:
		datapath_attach_guard(e->dp, k->ifindex);
		break;
	case LAN_NONE:
		no_lan(e, k, gone);
		break;
	}
	log_debug("lan", "%s: %s", k->name, role == LAN_OURS ? "LAN interface" :
	    role == LAN_GUARD ? "guarded" : "no LAN interface");
}

static void
attach_one(const struct netlink_link *k, enum lan_role role, void *arg)
{
	lan_iface(k, role, false, arg);
}

static void
add_own_address(struct alias_row *r, void *arg)
{
	engine_local_address(arg, r->addr);
}

int
engine_attach(struct engine *e)
{
	uint32_t lan[LAN_MAX];

	engine_start_aliases(e);
	lan_each(e->lan, attach_one, e);
	/* Not before: the kernel would answer ARP for them. */
	own_each(e->own, add_own_address, e);
	if (lan_ifaces(e->lan, lan) == 0)
		log_warnx("lan", "no LAN interface: this member can serve, but not route");
	engine_tell_paths(e);
	look_at_links(e);
	datapath_detach_others(e->dp);
	return 0;
}

static void
on_snapshot(void *arg)
{
	struct engine *e = arg;

	if (e->known) {
		paths_end(e->paths, lost_ways, e);
		engine_check_tunnel(e);
		look_at_links(e);
		return;
	}
	e->known = true;
	if (!open_datapath(e)) {
		log_errx("datapath", "cannot start the data plane");
		clud_exit(1);
		return;
	}
	engine_attach(e);
	engine_routes_open(e);
	engine_join(e);
	engine_update_status(e);
}

/* The ways it knew last are still the best guess. */
static void
on_down(void *arg)
{
	log_warnx("llt", "lost lltd");
}

const struct lltsub_ops engine_llt_ops = {
	.on_self = on_self,
	.on_node = on_node,
	.on_link = on_link,
	.on_snapshot = on_snapshot,
	.on_down = on_down,
};

static void
lan_up(const struct netlink_link *k, void *arg)
{
	struct engine *e = arg;

	if (e->dp != NULL)
		engine_lan_up(e, k->ifindex);
}

static void
lan_change(void *arg)
{
	struct engine *e = arg;

	engine_attached(e);
	if (e->dp != NULL)
		engine_check_mtu(e);
	engine_door_routes(e);
}

const struct lan_ops engine_lan_ops = { .on_iface = lan_iface, .on_up = lan_up,
	.on_change = lan_change };
