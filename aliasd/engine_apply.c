/* SPDX-License-Identifier: ISC */
/* What the state says, carried out: the data plane and gratuitous ARP. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine_priv.h"
#include "aliasd/frame.h"

#define MAX_TARGETS 64 /* of one service in the data plane */

static uint64_t
service_key(struct in_addr alias, uint8_t proto, uint16_t port_h)
{
	return (uint64_t)alias.s_addr << 32 | (uint64_t)proto << 16 | port_h;
}

static struct told *
get_told(struct engine *e, struct in_addr addr)
{
	struct told *t = map_get(e->told, addr.s_addr);

	if (t != NULL)
		return t;
	t = mem_zalloc(sizeof(*t));
	t->dp.addr = addr;
	t->dp.fallback = DP_NO_NODE;
	map_put(e->told, addr.s_addr, t);
	return t;
}

/* Who gets what no service claims: ourselves if we serve the alias, else the first who does. */
static uint16_t
fallback(struct engine *e, const struct state_alias *a)
{
	uint16_t best = DP_NO_NODE;
	size_t i;

	for (i = 0; i < a->nrows; i++) {
		const struct state_row *r = &a->rows[i];

		if (!(r->flags & ALIAS_ROW_JOINED) || !engine_usable(r->node, e))
			continue;
		if (r->node == e->self)
			return e->self;
		if (best == DP_NO_NODE)
			best = r->node;
	}
	return best;
}

static void
send_garp(struct in_addr addr, void *arg)
{
	struct engine *e = arg;
	uint32_t ifindex = lan_attached(e->lan, addr);
	const struct netlink_link *k = netlink_link_by_index(lan_netlink(e->lan), ifindex);
	uint8_t frame[FRAME_ARP_LEN];

	if (ifindex == 0 || k == NULL)
		return;
	frame_garp(frame, k->mac, addr, false);
	rawsock_send(e->raw, ifindex, frame, sizeof(frame));
	frame_garp(frame, k->mac, addr, true);
	rawsock_send(e->raw, ifindex, frame, sizeof(frame));
}

void
engine_run_garp(struct engine *e)
{
	uint64_t next = garp_run(e->garp, clock_ns(), send_garp, e);

	if (next == GARP_NEVER)
		ev_timer_cancel(e->garp_timer);
	else
		ev_timer_set_at(e->garp_timer, next);
}

void
engine_garp_timer(void *arg)
{
	engine_run_garp(arg);
}

static void
log_master(const struct engine *e, struct in_addr addr, bool master)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &addr, text, sizeof(text));
	log_info("arp", "%s: %s", text, master ? "ARP master" : "not ARP master any more");
}

/* Tells the data plane if anything differs from what it was told. */
static void
tell_alias(struct engine *e, struct told *t, bool master, uint16_t fall)
{
	bool was = t->dp.master;

	if (e->dp == NULL || (t->told && was == master && t->dp.fallback == fall))
		return;
	t->told = true;
	t->dp.master = master;
	t->dp.fallback = fall;
	if (was && !master)
		garp_stop(e->garp, t->dp.addr);
	datapath_set_alias(e->dp, &t->dp);
	if (was != master)
		log_master(e, t->dp.addr, master);
	if (master && !was) {
		garp_start(e->garp, t->dp.addr, clock_ns());
		engine_run_garp(e);
	}
}

void
engine_alias(struct engine *e, const struct state_alias *a)
{
	struct told *t = get_told(e, a->addr);

	tell_alias(e, t, a->master == e->self && lan_attached(e->lan, a->addr) != 0, fallback(e, a));
	engine_local_address(e, a->addr);
}

struct forget {
	struct engine *e;
	struct in_addr addr;
};

static void
forget_service(uint64_t key, void *value, void *arg)
{
	struct forget *f = arg;

	if (key >> 32 != f->addr.s_addr)
		return;
	datapath_set_service(
	    f->e->dp, f->addr, (uint8_t)(key >> 16), htons((uint16_t)key), NULL, 0);
	map_del(f->e->services, key);
}

void
engine_alias_gone(struct engine *e, struct in_addr addr)
{
	struct told *t = map_get(e->told, addr.s_addr);
	struct forget f = { .e = e, .addr = addr };

	if (t == NULL || e->dp == NULL)
		return;
	garp_stop(e->garp, addr);
	map_each(e->services, forget_service, &f);
	datapath_del_alias(e->dp, addr);
	t->told = t->dp.master = false;
	t->dp.fallback = DP_NO_NODE;
	engine_local_address(e, addr);
	if (!t->here)
		free(map_del(e->told, addr.s_addr));
}

/* One line is enough: this is the size of a cluster, not an event. */
static void
say_cut(struct engine *e, uint8_t proto, uint16_t port_h, size_t n)
{
	if (!e->said_cut)
		log_warnx("service", "port %u/%s has %zu members to choose from: only the %d with the lowest "
		    "ids get connections", port_h, alias_proto_name(proto), n, MAX_TARGETS);
	e->said_cut = true;
}

void
engine_service(struct engine *e, struct in_addr alias, uint8_t proto, uint16_t port_h)
{
	static struct sel_target out[LLT_MAX_NODES + 1];
	struct dp_target t[MAX_TARGETS];
	uint64_t key = service_key(alias, proto, port_h);
	size_t i, n;

	if (e->dp == NULL)
		return;
	n = state_targets(e->state, alias, proto, port_h, engine_usable, e, out);
	if (n > MAX_TARGETS) {
		say_cut(e, proto, port_h, n);
		n = MAX_TARGETS;
	}
	for (i = 0; i < n; i++) {
		t[i].node = out[i].node == SEL_NO_NODE ? DP_REFUSE : out[i].node;
		t[i].weight = out[i].weight;
	}
	datapath_set_service(e->dp, alias, proto, htons(port_h), t, n);
	if (n > 0)
		map_put(e->services, key, e);
	else
		map_del(e->services, key);
	log_debug("service", "port %u/%s of %08x: %zu targets", port_h, alias_proto_name(proto),
	    ntohl(alias.s_addr), n);
}

struct refresh {
	struct engine *e;
	struct in_addr addr;
};

static void
refresh_service(uint8_t proto, uint16_t port_h, void *arg)
{
	struct refresh *r = arg;

	engine_service(r->e, r->addr, proto, port_h);
}

static void
refresh_alias(const struct state_alias *a, void *arg)
{
	struct refresh r = { .e = arg, .addr = a->addr };

	engine_alias(r.e, a);
	state_each_service(r.e->state, a->addr, refresh_service, &r);
}

void
engine_refresh(struct engine *e)
{
	if (state_loaded(e->state))
		state_each_alias(e->state, refresh_alias, e);
}

static void
step_down_one(uint64_t key, void *value, void *arg)
{
	struct told *t = value;

	if (t->dp.master)
		tell_alias(arg, t, false, t->dp.fallback);
}

void
engine_step_down(struct engine *e)
{
	garp_stop_all(e->garp);
	map_each(e->told, step_down_one, e);
}

static void
start_alias(struct alias_row *r, void *arg)
{
	struct engine *e = arg;

	tell_alias(e, get_told(e, r->addr), false, r->flags & ALIAS_ROW_JOINED ? e->self : DP_NO_NODE);
}

/* A data plane that an earlier aliasd left must not go on as master: by now another may be. */
void
engine_start_aliases(struct engine *e)
{
	own_each(e->own, start_alias, e);
}

static void
sweep_alias(uint64_t key, void *value, void *arg)
{
	struct engine *e = arg;
	struct told *t = value;

	if (state_alias(e->state, t->dp.addr) == NULL)
		engine_alias_gone(e, t->dp.addr);
}

static void
sweep_service(uint64_t key, void *value, void *arg)
{
	struct in_addr alias = { .s_addr = (uint32_t)(key >> 32) };

	engine_service(arg, alias, (uint8_t)(key >> 16), (uint16_t)key);
}

void
engine_sweep(struct engine *e)
{
	map_each(e->told, sweep_alias, e);
	map_each(e->services, sweep_service, e);
}

static bool
is_node_mac(const struct engine *e, const uint8_t *mac)
{
	uint8_t macs[LLT_MAX_LINKS][6];
	size_t i, j, n;

	for (i = 0; i < LLT_MAX_NODES; i++) {
		n = paths_macs(e->paths, (uint16_t)i, macs);
		for (j = 0; j < n; j++) {
			if (memcmp(macs[j], mac, 6) == 0)
				return true;
		}
	}
	return false;
}

/* Somebody says that an alias of ours is his: say again that it is ours. */
void
engine_on_arp(uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	struct engine *e = arg;
	char text[INET_ADDRSTRLEN];
	struct in_addr addr;
	uint8_t mac[6];

	if (!frame_arp_sender(frame, len, &addr, mac) || !garp_has(e->garp, addr) ||
	    lan_own_mac(e->lan, mac))
		return;
	if (!is_node_mac(e, mac) && log_limit_ok(&e->claim_limit, clock_ns())) {
		inet_ntop(AF_INET, &addr, text, sizeof(text));
		log_warnx("arp", "%s: %02x:%02x:%02x:%02x:%02x:%02x claims it", text, mac[0], mac[1],
		    mac[2], mac[3], mac[4], mac[5]);
	}
	if (garp_claim(e->garp, addr, clock_ns()))
		engine_run_garp(e);
}
