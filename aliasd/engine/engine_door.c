/* SPDX-License-Identifier: ISC */
/* What this host itself sends to an alias, and fragments that came before the first of their datagram. */
#include <arpa/inet.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"

/* Packets that come back from an alias are from an address that a route leads elsewhere: strict filters
 * would drop them. */
static void
loosen_filter(struct engine *e, const char *ifname)
{
	int all, one;

	if (netlink_sysctl_get("all", "rp_filter", &all) == 0 &&
	    netlink_sysctl_get(ifname, "rp_filter", &one) == 0 && (all > one ? all : one) == 1)
		sysctls_set(e->sysctls, ifname, "rp_filter", 2);
}

void
engine_door_lan(struct engine *e, const char *ifname)
{
	if (e->door != NULL && e->conf->local_clients)
		loosen_filter(e, ifname);
}

void
engine_open_door(struct engine *e)
{
	e->door = door_open(e->conf->local_clients);
	if (e->door == NULL)
		return;
	if (datapath_attach_own(e->dp, door_ifindex(e->door), door_peer(e->door)) < 0) {
		door_close(e->door);
		e->door = NULL;
		return;
	}
}

void
engine_close_door(struct engine *e)
{
	door_close(e->door);
	e->door = NULL;
}

struct source {
	const struct lan *lan;
	uint32_t ifindex; /* wanted, or 0: of any */
	struct in_addr addr;
};

static void
look_at_address(const struct netlink_addr *a, void *arg)
{
	struct source *s = arg;

	if (s->addr.s_addr == 0 && a->prefixlen < 32 && lan_is_iface(s->lan, a->ifindex) &&
	    (s->ifindex == 0 || s->ifindex == a->ifindex)) {
		s->addr = a->addr;
		s->ifindex = a->ifindex;
	}
}

/* This host's own address on the LAN of the alias, or else on any. */
static struct source
source_for(const struct engine *e, struct in_addr alias)
{
	struct source s = { .lan = e->lan, .ifindex = lan_attached(e->lan, alias) };

	netlink_each_addr(lan_netlink(e->lan), look_at_address, &s);
	if (s.addr.s_addr == 0 && s.ifindex != 0) {
		s.ifindex = 0;
		netlink_each_addr(lan_netlink(e->lan), look_at_address, &s);
	}
	return s;
}

/* What fits the LAN and every link. */
static uint32_t
smallest_mtu(const struct engine *e, uint32_t lan)
{
	const struct netlink_link *k = netlink_link_by_index(lan_netlink(e->lan), lan);
	uint32_t mtu = k == NULL ? 1500 : k->mtu;
	size_t i;

	for (i = 0; i < e->nlink_ifaces; i++) {
		k = netlink_link_by_index(lan_netlink(e->lan), e->link_iface[i]);
		if (k != NULL && k->mtu < mtu)
			mtu = k->mtu;
	}
	return mtu;
}

/*
 * What a client sends in packets that fit the LAN and no link cannot be sent on as it is. Said once for
 * each link, as long as it stays so.
 */
void
engine_check_mtu(struct engine *e)
{
	const struct netlink_link *k, *l;
	uint32_t lan[LAN_MAX], largest = 0;
	size_t i, n = lan_ifaces(e->lan, lan);
	bool changed = false;

	for (i = 0; i < n; i++) {
		l = netlink_link_by_index(lan_netlink(e->lan), lan[i]);
		if (l != NULL && l->mtu > largest)
			largest = l->mtu;
	}
	for (i = 0; i < e->nlink_ifaces; i++) {
		k = netlink_link_by_index(lan_netlink(e->lan), e->link_iface[i]);
		if (k == NULL || k->mtu == e->link_mtu[i])
			continue;
		e->link_mtu[i] = k->mtu;
		changed = true;
		if (k->mtu < largest)
			log_warnx("path", "%s: its MTU of %u is less than the LAN's %u: clients are told to send "
			    "smaller packets when theirs are to go to another member by it", k->name, k->mtu,
			    largest);
	}
	if (changed)
		engine_tell_paths(e);
}

void
engine_door_route(struct engine *e, struct told *t, bool wanted)
{
	struct source s = { 0 };
	uint32_t mtu = 0;

	if (e->door == NULL || !e->conf->local_clients)
		return;
	if (wanted) {
		s = source_for(e, t->dp.addr);
		mtu = smallest_mtu(e, s.ifindex);
	}
	if (s.addr.s_addr == t->from.s_addr && (s.addr.s_addr == 0 || mtu == t->from_mtu))
		return;
	if (door_route(e->door, t->dp.addr, s.addr, mtu) < 0)
		return;
	t->from = s.addr;
	t->from_mtu = mtu;
}

static unsigned
free_source(struct engine *e)
{
	unsigned n;

	for (n = 1; n <= DOOR_SOURCES; n++)
		if (!(e->sources & 1ull << n))
			return n;
	if (!e->said_sources)
		log_warnx("alias", "more than %d aliases with UDP services: of the others, servers that connect a "
		    "socket bound to any address answer from this host's own", DOOR_SOURCES);
	e->said_sources = true;
	return 0;
}

static void
take_source(struct engine *e, struct told *t)
{
	unsigned n = free_source(e);

	if (n == 0 || door_source(e->door, n, t->dp.addr) < 0)
		return;
	e->sources |= 1ull << n;
	t->source = (uint16_t)n;
	engine_tell_alias(e, t);
}

static void
leave_source(struct engine *e, struct told *t)
{
	unsigned n = t->source;

	t->source = 0;
	engine_tell_alias(e, t);
	if (door_source(e->door, n, (struct in_addr){ 0 }) == 0)
		e->sources &= ~(1ull << n);
}

void
engine_door_source(struct engine *e, struct told *t)
{
	bool wanted = t->here && t->nudp > 0;

	if (e->door == NULL || wanted == (t->source != 0))
		return;
	if (wanted)
		take_source(e, t);
	else
		leave_source(e, t);
}

static void
route_one(uint64_t key, void *value, void *arg)
{
	struct engine *e = arg;
	struct told *t = value;

	engine_door_route(e, t, state_alias(e->state, t->dp.addr) != NULL);
}

void
engine_door_routes(struct engine *e)
{
	if (e->door != NULL && e->told != NULL)
		map_each(e->told, route_one, e);
}

/* Through the data plane once more: by now it knows where, or counts it as lost. */
void
engine_put_in(const uint8_t *frame, size_t len, void *arg)
{
	struct engine *e = arg;
	uint8_t copy[DOOR_FRAME_MAX];

	if (e->door == NULL || len < 14 || len > sizeof(copy))
		return;
	memcpy(copy, frame, len);
	memcpy(copy, door_mac(e->door), 6);
	rawsock_send(e->raw, door_peer(e->door), copy, len);
}

static void
arm(struct engine *e)
{
	uint64_t next = fragq_run(e->fragq, clock_ns());

	if (next == FRAGQ_NEVER)
		ev_timer_cancel(e->frag_timer);
	else
		ev_timer_set_at(e->frag_timer, next);
}

void
engine_frag_timer(void *arg)
{
	arm(arg);
}

void
engine_on_fragment(
    const struct dp_fragment *id, bool known, const uint8_t *frame, size_t len, void *arg)
{
	struct engine *e = arg;

	if (known)
		engine_put_in(frame, len, e);
	else
		fragq_hold(e->fragq, id, frame, len, clock_ns());
	arm(e);
}

void
engine_on_first(const struct dp_fragment *id, void *arg)
{
	struct engine *e = arg;

	fragq_release(e->fragq, id);
	arm(e);
}
