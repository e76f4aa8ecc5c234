/* SPDX-License-Identifier: ISC */
/* What the state says, carried out: the data plane and gratuitous ARP. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"

#define MAX_TARGETS 64 /* of one service in the data plane */
#define SYNS_COME_AGAIN (8 * NSEC_PER_SEC) /* most hosts send one again after 1, 3 and 7 s */

uint64_t
engine_service_key(struct in_addr alias, uint8_t proto, uint16_t port_h)
{
	return (uint64_t)alias.s_addr << 32 | (uint64_t)proto << 16 | port_h;
}

struct told *
engine_told(struct engine *e, struct in_addr addr)
{
	struct told *t = map_get(e->told, addr.s_addr);

	if (t != NULL)
		return t;
	t = mem_zalloc(sizeof(*t));
	t->dp.addr = addr;
	t->dp.fallback = t->fallback = DP_NO_NODE;
	t->last = t->free_from = SEL_NO_NODE;
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
log_master(struct engine *e, struct in_addr addr, bool master)
{
	if (engine_say(e, master ? SAY_MASTER : SAY_NOT_MASTER))
		log_info("arp", "%s: %s", addr_ip(addr).s, master ? "ARP master" : "not ARP master any more");
}

static struct dp_alias
as_it_should_be(struct engine *e, const struct told *t)
{
	struct dp_alias d = { .addr = t->dp.addr, .fallback = t->fallback,
		.master = t->phase == TOLD_MASTER,
		.ifindex = lan_attached(e->lan, t->dp.addr), .source = t->source };

	d.by_daemon = engine_is_balanced(e, d.addr);
	d.has_vmac = !d.by_daemon && (e->routing & ALIAS_RT_VMAC) != 0;
	vmac_of(d.vmac, e->conf->vmac_prefix, d.addr);
	return d;
}

static bool
same_place(const struct dp_alias *a, const struct dp_alias *b)
{
	return a->ifindex == b->ifindex && a->has_vmac == b->has_vmac && a->by_daemon == b->by_daemon &&
	    (!a->has_vmac || memcmp(a->vmac, b->vmac, sizeof(a->vmac)) == 0);
}

/* Frames for the virtual MAC are taken before anybody is told of it, and until nobody is any more. */
static void
move_vmac(struct engine *e, const struct dp_alias *from, const struct dp_alias *to)
{
	bool had = from->master && from->has_vmac, has = to->master && to->has_vmac;

	if (has && !(had && same_place(from, to)))
		vmacs_add(e->vmacs, to->ifindex, to->vmac);
	datapath_set_alias(e->dp, to);
	if (had && !(has && same_place(from, to)))
		vmacs_del(e->vmacs, from->ifindex, from->vmac);
}

/* Who stops answering does so before anything else; who begins is ready before he says so. */
void
engine_tell_alias(struct engine *e, struct told *t)
{
	struct dp_alias was = t->dp, is = as_it_should_be(e, t);
	bool same = was.master == is.master && same_place(&was, &is);

	if (e->dp == NULL || (t->told && same && was.fallback == is.fallback && was.source == is.source))
		return;
	t->told = true;
	t->dp = is;
	if (was.master && !is.master)
		garp_stop(e->garp, is.addr);
	move_vmac(e, &was, &is);
	if (was.master != is.master) {
		log_master(e, is.addr, is.master);
		engine_event_master_here(e, is.addr, is.master);
	}
	if (is.master && !same) {
		t->said = false;
		engine_announce(e, is.addr);
	}
}

/* Noted while the state is changing: those who get new connections are told after all that it changes. */
static void
note_cut_off(struct engine *e, const struct state_alias *a)
{
	size_t i;

	for (i = 0; i < a->nrows; i++) {
		uint16_t node = a->rows[i].node;
		bool cut_off = (a->rows[i].flags & ALIAS_ROW_CUT_OFF) != 0;

		if (cut_off && !e->cut_off[node])
			e->newly_cut_off[node] = e->any_newly_cut_off = true;
		e->cut_off[node] = cut_off;
	}
}

/* A client whose SYN was given to a member that cannot answer sends it again: it goes to another. */
void
engine_take_back_syns(struct engine *e)
{
	uint16_t node;

	for (node = 0; e->any_newly_cut_off && node < LLT_MAX_NODES; node++) {
		if (e->newly_cut_off[node] && e->dp != NULL)
			datapath_forget_syns(e->dp, node);
		e->newly_cut_off[node] = false;
	}
	e->any_newly_cut_off = false;
}

/* Some client's next SYN may come by another one than its last. */
void
engine_routers_new(struct engine *e)
{
	if (e->dp != NULL)
		datapath_routers_new_until(e->dp, clock_ns() + SYNS_COME_AGAIN);
}

static bool
own_is_silent(const struct engine *e, const struct state_alias *a)
{
	const struct state_row *r = state_row(a, e->self);

	return r != NULL && (r->flags & ALIAS_ROW_SILENT);
}

void
engine_alias(struct engine *e, const struct state_alias *a)
{
	struct told *t = engine_told(e, a->addr);

	t->fallback = fallback(e, a);
	note_cut_off(e, a);
	engine_routers_new(e);
	engine_vigil_marked(e, t, own_is_silent(e, a));
	engine_master(e, t, a->master, lan_attached(e->lan, a->addr) != 0);
	engine_inbound_alias(e, a);
	engine_local_address(e, a->addr);
	/* When the LAN changes that is looked at for all of them. */
	if (t->from.s_addr == 0)
		engine_door_route(e, t, true);
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

/* As long as the address is here the kernel must not answer ARP for it. */
static void
keep_silent(struct engine *e, struct told *t)
{
	t->fallback = DP_NO_NODE;
	t->told = false;
	engine_tell_alias(e, t);
}

void
engine_alias_gone(struct engine *e, struct in_addr addr)
{
	struct told *t = map_get(e->told, addr.s_addr);
	struct forget f = { .e = e, .addr = addr };

	if (t == NULL || e->dp == NULL)
		return;
	engine_not_master(e, t);
	t->used = false;
	acd_clear(e->acd, addr);
	inbound_drop(e->inbound, addr);
	vigil_drop(e->vigil, addr);
	ask_stop(e->ask, ASK_CONFLICT, addr);
	if (t->nservices > 0)
		map_each(e->services, forget_service, &f);
	t->nservices = t->nudp = 0;
	engine_door_source(e, t);
	engine_local_address(e, addr);
	engine_door_route(e, t, false);
	if (t->here) {
		keep_silent(e, t);
		return;
	}
	datapath_del_alias(e->dp, addr);
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

/* In the list of services: this member answers datagrams of it, or just one of the data plane. */
static char answers, listed;

/* is: one of these, or NULL: it is none of the data plane any more. */
static void
count_service(struct engine *e, struct in_addr alias, uint64_t key, char *is)
{
	struct told *t = is == NULL ? map_get(e->told, alias.s_addr) : engine_told(e, alias);
	char *was = map_get(e->services, key);

	if (is != NULL && is != was)
		map_put(e->services, key, is);
	else if (is == NULL)
		map_del(e->services, key);
	if (t == NULL || is == was)
		return;
	t->nservices += (unsigned)((is != NULL) - (was != NULL));
	t->nudp += (unsigned)((is == &answers) - (was == &answers));
	engine_door_source(e, t);
}

void
engine_service(struct engine *e, struct in_addr alias, uint8_t proto, uint16_t port_h)
{
	static struct sel_target out[LLT_MAX_NODES + 1];
	struct dp_target t[MAX_TARGETS];
	uint64_t key = engine_service_key(alias, proto, port_h);
	bool here = false;
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
		here |= out[i].node == e->self;
	}
	/* Those clients that have not heard of the next master yet still come to us. */
	if (!state_quorate(e->state) && (n > 0 || map_get(e->services, key) != NULL)) {
		t[0] = (struct dp_target){ .node = DP_REFUSE, .weight = 1 };
		n = 1;
		here = false;
	}
	datapath_set_service(e->dp, alias, proto, htons(port_h), t, n);
	count_service(e, alias, key, n == 0 ? NULL : here && proto == IPPROTO_UDP ? &answers : &listed);
	log_debug("service", "port %u/%s of %08x: %zu targets", port_h, alias_proto_name(proto),
	    ntohl(alias.s_addr), n);
}

void
engine_refresh(struct engine *e)
{
	if (!state_loaded(e->state))
		return;
	engine_refresh_later(e);
	engine_settle(e);
}

static void
step_down_one(uint64_t key, void *value, void *arg)
{
	engine_not_master(arg, value);
}

void
engine_step_down(struct engine *e)
{
	map_each(e->told, step_down_one, e);
	acd_clear_all(e->acd);
	peers_clear(e->peers);
	inbound_clear(e->inbound);
	vigil_clear(e->vigil);
}

static void
start_alias(struct alias_row *r, void *arg)
{
	struct engine *e = arg;
	struct told *t = engine_told(e, r->addr);

	t->fallback = r->flags & ALIAS_ROW_JOINED ? e->self : DP_NO_NODE;
	engine_tell_alias(e, t);
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
engine_services_quorum(struct engine *e, bool was)
{
	bool has = state_quorate(e->state);

	/* What is to be loaded yet will be told when it is. */
	if (has != was && (!has || state_loaded(e->state)))
		map_each(e->services, sweep_service, e);
}

void
engine_sweep(struct engine *e)
{
	/* Services first: what has none is forgotten without a search. */
	map_each(e->services, sweep_service, e);
	map_each(e->told, sweep_alias, e);
}
