/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/lan.h"

#include <arpa/inet.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "aliasd/edge/door.h"
#include "aliasd/edge/tunnel.h"
#include "common/addr.h"
#include "common/ev.h"
#include "common/log.h"

#define MAX_LINKS 64
#define MAX_GUARDS 100 /* the packet programs have room for so many interfaces in all */

struct iface {
	uint32_t ifindex;
	enum lan_role role;
	bool carrier;
	uint32_t changes; /* of the carrier */
};

struct subnet { /* of an interface of ours */
	uint32_t ifindex;
	struct in_addr addr;
	uint32_t mask;
};

struct lan {
	const struct lan_ops *ops;
	void *arg;
	struct netlink *nl;
	bool ready;
	size_t nnames, nhigh, nlinks, n, nours;
	char (*names)[NETLINK_NAME_MAX];
	uint32_t high[MAX_LINKS], links[MAX_LINKS];
	struct iface *ifaces; /* those that have a role */
	size_t nsubnets;
	struct subnet *subnets; /* kept, for it is asked for every alias */
};

static bool
in_list(const uint32_t *list, size_t n, uint32_t v)
{
	size_t i;

	for (i = 0; i < n && list[i] != v; i++)
		continue;
	return i < n;
}

static bool
is_named(const struct lan *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->nnames; i++) {
		if (strcmp(l->names[i], name) == 0)
			return true;
	}
	return false;
}

struct find {
	const struct lan *lan;
	uint32_t ifindex;
	struct in_addr addr, source;
	uint8_t prefixlen;
	bool found;
	const char *why;
};

static void
has_address(const struct netlink_addr *a, void *arg)
{
	struct find *f = arg;

	if (a->ifindex == f->ifindex && a->scope <= 200) /* universe, or of a site */
		f->found = true;
}

/* Frames for a port of a bridge or a bond go up the stack by that. */
static bool
is_port(const struct lan *l, const struct netlink_link *k)
{
	const struct netlink_link *m = k->master == 0 ? NULL : netlink_link_by_index(l->nl, k->master);

	return m != NULL && strcmp(m->kind, "vrf") != 0;
}

static bool
is_ours(const struct lan *l, const struct netlink_link *k)
{
	struct find f = { .ifindex = k->ifindex };

	if (l->nnames > 0)
		return is_named(l, k->name);
	if (in_list(l->high, l->nhigh, k->ifindex))
		return false;
	netlink_each_addr(l->nl, has_address, &f);
	return f.found;
}

static enum lan_role
role_of(const struct lan *l, const struct netlink_link *k, enum lan_role before)
{
	if (k->type != ARPHRD_ETHER || door_is_name(k->name) || tunnel_is_name(k->name))
		return LAN_NONE;
	if (is_ours(l, k))
		return k->up || before == LAN_OURS ? LAN_OURS : before;
	if (in_list(l->links, l->nlinks, k->ifindex) || is_port(l, k))
		return LAN_NONE;
	return k->up ? LAN_GUARD : before == LAN_OURS ? LAN_GUARD : before;
}

static struct iface *
find_iface(const struct lan *l, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (l->ifaces[i].ifindex == ifindex)
			return &l->ifaces[i];
	}
	return NULL;
}

static struct iface *
add_iface(struct lan *l, uint32_t ifindex, enum lan_role role)
{
	if ((role == LAN_OURS && l->nours >= LAN_MAX) ||
	    (role == LAN_GUARD && l->n - l->nours >= MAX_GUARDS))
		return NULL;
	l->ifaces = mem_grow(l->ifaces, l->n + 1, sizeof(*l->ifaces));
	l->ifaces[l->n] = (struct iface){ .ifindex = ifindex };
	return &l->ifaces[l->n++];
}

static void
set_role(struct lan *l, struct iface *f, enum lan_role role)
{
	l->nours += (role == LAN_OURS) - (size_t)(f->role == LAN_OURS);
	f->role = role;
	if (role == LAN_NONE)
		*f = l->ifaces[--l->n];
}

static void
look_at_carrier(struct lan *l, struct iface *f, const struct netlink_link *k)
{
	bool again = f->role == LAN_OURS && k->carrier && (!f->carrier || f->changes != k->carrier_changes);

	f->carrier = k->carrier;
	f->changes = k->carrier_changes;
	if (again)
		l->ops->on_up(k, l->arg);
}

static void
consider(const struct netlink_link *k, void *arg)
{
	struct lan *l = arg;
	struct iface *f = find_iface(l, k->ifindex);
	enum lan_role before = f == NULL ? LAN_NONE : f->role, role = role_of(l, k, before);

	if (before != role) {
		if (f == NULL && (f = add_iface(l, k->ifindex, role)) == NULL)
			return;
		set_role(l, f, role);
		l->ops->on_iface(k, role, false, l->arg);
	}
	if (role != LAN_NONE && (f = find_iface(l, k->ifindex)) != NULL)
		look_at_carrier(l, f, k);
}

static void
note_subnet(const struct netlink_addr *a, void *arg)
{
	struct lan *l = arg;

	if (a->prefixlen == 32 || !lan_is_iface(l, a->ifindex))
		return;
	l->subnets = mem_grow(l->subnets, l->nsubnets + 1, sizeof(*l->subnets));
	l->subnets[l->nsubnets++] = (struct subnet){ .ifindex = a->ifindex, .addr = a->addr,
		.mask = addr_mask(a->prefixlen).s_addr };
}

static void
look(struct lan *l)
{
	if (!l->ready)
		return;
	netlink_each_link(l->nl, consider, l);
	l->nsubnets = 0;
	netlink_each_addr(l->nl, note_subnet, l);
	l->ops->on_change(l->arg);
}

static void
on_link(const struct netlink_link *k, bool gone, void *arg)
{
	struct lan *l = arg;
	struct iface *f = find_iface(l, k->ifindex);

	if (gone && l->ready && f != NULL) {
		set_role(l, f, LAN_NONE);
		l->ops->on_iface(k, LAN_NONE, true, l->arg);
		look(l);
		return;
	}
	if (l->nl != NULL && !gone)
		look(l);
}

static void
on_addr(const struct netlink_addr *a, bool gone, void *arg)
{
	struct lan *l = arg;
	const struct netlink_link *k;

	if (l->nl == NULL)
		return;
	/* Aliases come and go there, by the hundred. */
	k = netlink_link_by_index(l->nl, a->ifindex);
	if (k == NULL || k->type != ARPHRD_LOOPBACK)
		look(l);
}

static const struct netlink_ops nl_ops = { .on_link = on_link, .on_addr = on_addr };

struct lan *
lan_open(struct ev_loop *loop, const char (*names)[NETLINK_NAME_MAX], size_t n,
    const struct lan_ops *ops, void *arg)
{
	struct lan *l = mem_zalloc(sizeof(*l));

	l->ops = ops;
	l->arg = arg;
	l->nnames = n;
	l->names = mem_zalloc((n + 1) * sizeof(*l->names));
	if (n > 0)
		memcpy(l->names, names, n * sizeof(*l->names));
	l->nl = netlink_open(loop, &nl_ops, l);
	if (l->nl == NULL) {
		lan_close(l);
		return NULL;
	}
	return l;
}

void
lan_close(struct lan *l)
{
	if (l == NULL)
		return;
	if (l->nl != NULL)
		netlink_close(l->nl);
	free(l->names);
	free(l->ifaces);
	free(l->subnets);
	free(l);
}

/* False if they are what they were. */
static bool
copy_links(uint32_t out[MAX_LINKS], size_t *nout, const uint32_t *ifindex, size_t n)
{
	n = n < MAX_LINKS ? n : MAX_LINKS;
	if (*nout == n && memcmp(out, ifindex, n * sizeof(*ifindex)) == 0)
		return false;
	memcpy(out, ifindex, n * sizeof(*ifindex));
	*nout = n;
	return true;
}

void
lan_set_links(struct lan *l, const uint32_t *high, size_t nhigh, const uint32_t *all, size_t nall)
{
	bool news = copy_links(l->high, &l->nhigh, high, nhigh);

	/* Said again at every sign of trouble on a link, when there is other work. */
	news = copy_links(l->links, &l->nlinks, all, nall) || news || !l->ready;
	l->ready = true;
	if (news)
		look(l);
}

struct netlink *
lan_netlink(struct lan *l)
{
	return l->nl;
}

size_t
lan_ifaces(const struct lan *l, uint32_t out[LAN_MAX])
{
	size_t i, n = 0;

	for (i = 0; i < l->n; i++) {
		if (l->ifaces[i].role == LAN_OURS)
			out[n++] = l->ifaces[i].ifindex;
	}
	return n;
}

void
lan_each(const struct lan *l, void (*fn)(const struct netlink_link *, enum lan_role, void *arg),
    void *arg)
{
	const struct netlink_link *k;
	size_t i;

	for (i = 0; i < l->n; i++) {
		k = netlink_link_by_index(l->nl, l->ifaces[i].ifindex);
		if (k != NULL)
			fn(k, l->ifaces[i].role, arg);
	}
}

bool
lan_is_iface(const struct lan *l, uint32_t ifindex)
{
	const struct iface *f = find_iface(l, ifindex);

	return f != NULL && f->role == LAN_OURS;
}

bool
lan_carrier(const struct lan *l)
{
	const struct netlink_link *k;
	size_t i;

	for (i = 0; i < l->n; i++) {
		k = netlink_link_by_index(l->nl, l->ifaces[i].ifindex);
		if (l->ifaces[i].role == LAN_OURS && k != NULL && k->up && k->carrier)
			return true;
	}
	return false;
}

bool
lan_cut_off(const struct lan *l)
{
	return l->n > 0 && !lan_carrier(l);
}

uint32_t
lan_attached(const struct lan *l, struct in_addr addr)
{
	const struct netlink_link *k;
	size_t i;

	for (i = 0; i < l->nsubnets; i++) {
		if (((l->subnets[i].addr.s_addr ^ addr.s_addr) & l->subnets[i].mask) != 0)
			continue;
		k = netlink_link_by_index(l->nl, l->subnets[i].ifindex);
		if (k != NULL && k->up && k->carrier)
			return k->ifindex;
	}
	return 0;
}

static void
is_source(const struct netlink_addr *a, void *arg)
{
	struct find *f = arg;

	if (a->ifindex == f->ifindex && a->prefixlen != 32 &&
	    ((a->addr.s_addr ^ f->addr.s_addr) & addr_mask(a->prefixlen).s_addr) == 0 && !f->found) {
		f->found = true;
		f->source = a->addr;
	}
}

struct in_addr
lan_source(const struct lan *l, uint32_t ifindex, struct in_addr addr)
{
	struct find f = { .ifindex = ifindex, .addr = addr };

	netlink_each_addr(l->nl, is_source, &f);
	return f.source;
}

struct each {
	const struct lan *lan;
	void (*fn)(const struct netlink_link *, const struct netlink_addr *, void *);
	void *arg;
};

static void
each_addr(const struct netlink_addr *a, void *arg)
{
	struct each *e = arg;
	const struct netlink_link *k = netlink_link_by_index(e->lan->nl, a->ifindex);

	if (k != NULL && lan_is_iface(e->lan, a->ifindex))
		e->fn(k, a, e->arg);
}

void
lan_each_addr(const struct lan *l,
    void (*fn)(const struct netlink_link *, const struct netlink_addr *, void *arg), void *arg)
{
	struct each e = { .lan = l, .fn = fn, .arg = arg };

	netlink_each_addr(l->nl, each_addr, &e);
}

static void
conflicts(const struct netlink_addr *a, void *arg)
{
	struct find *f = arg;
	const struct netlink_link *k = netlink_link_by_index(f->lan->nl, a->ifindex);
	uint32_t mask = addr_mask(a->prefixlen).s_addr;

	if (k == NULL || k->type == ARPHRD_LOOPBACK)
		return;
	if (a->addr.s_addr == f->addr.s_addr)
		f->why = "it is an address of this host itself";
	else if (a->prefixlen < 31 && f->addr.s_addr == (a->addr.s_addr | ~mask))
		f->why = "it is the broadcast address of a subnet here";
	else if (a->prefixlen < 31 && f->addr.s_addr == (a->addr.s_addr & mask))
		f->why = "it is the address of a subnet here, not of a host";
	else if ((f->addr.s_addr & mask) == (a->addr.s_addr & mask) &&
	    in_list(f->lan->high, f->lan->nhigh, a->ifindex))
		f->why = "it lies in the subnet of an interconnect, which clients do not reach";
}

const char *
lan_refuses(const struct lan *l, struct in_addr addr)
{
	struct find f = { .lan = l, .addr = addr };
	uint32_t a = ntohl(addr.s_addr);

	if (a >> 24 == 0)
		return "it is no host's address";
	if (a >> 24 == 127)
		return "it is a loopback address";
	if (a >> 28 == 14)
		return "it is a multicast address";
	if (a >> 28 == 15)
		return "it is a broadcast or reserved address";
	netlink_each_addr(l->nl, conflicts, &f);
	return f.why;
}

static void
overlaps(const struct netlink_addr *a, void *arg)
{
	struct find *f = arg;
	const struct netlink_link *k = netlink_link_by_index(f->lan->nl, a->ifindex);
	uint32_t mask = addr_mask(a->prefixlen < f->prefixlen ? a->prefixlen : f->prefixlen).s_addr;

	if (k != NULL && k->type != ARPHRD_LOOPBACK && (a->addr.s_addr & mask) == (f->addr.s_addr & mask))
		f->why = "its subnet has hosts here: one with \"virtual\" must have none (mask= says how large it is)";
}

const char *
lan_refuses_virtual(const struct lan *l, struct in_addr addr, uint8_t prefixlen)
{
	struct find f = { .lan = l, .addr = addr, .prefixlen = prefixlen };

	netlink_each_addr(l->nl, overlaps, &f);
	return f.why;
}

struct find_mac {
	const uint8_t *mac;
	bool found;
};

static void
same_mac(const struct netlink_link *k, void *arg)
{
	struct find_mac *f = arg;

	if (memcmp(k->mac, f->mac, 6) == 0)
		f->found = true;
}

bool
lan_own_mac(const struct lan *l, const uint8_t mac[6])
{
	struct find_mac f = { .mac = mac };

	netlink_each_link(l->nl, same_mac, &f);
	return f.found;
}
