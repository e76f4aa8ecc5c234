/* SPDX-License-Identifier: ISC */
#include "aliasd/lan.h"

#include <arpa/inet.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/map.h"
#include "common/ev.h"
#include "common/log.h"

#define MAX_LINKS 64

struct lan {
	const struct lan_ops *ops;
	void *arg;
	struct netlink *nl;
	bool ready;
	size_t nnames, nlinks, n;
	char (*names)[NETLINK_NAME_MAX];
	uint32_t links[MAX_LINKS];
	uint32_t ifaces[LAN_MAX];
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

static uint32_t
netmask(uint8_t prefixlen)
{
	return prefixlen == 0 ? 0 : htonl(~0u << (32 - prefixlen));
}

struct find {
	const struct lan *lan;
	uint32_t ifindex;
	struct in_addr addr;
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

static bool
qualifies(const struct lan *l, const struct netlink_link *k)
{
	struct find f = { .ifindex = k->ifindex };

	if (!k->up || k->type != ARPHRD_ETHER)
		return false;
	if (l->nnames > 0)
		return is_named(l, k->name);
	if (in_list(l->links, l->nlinks, k->ifindex))
		return false;
	netlink_each_addr(l->nl, has_address, &f);
	return f.found;
}

static void
consider(const struct netlink_link *k, void *arg)
{
	struct lan *l = arg;
	bool was = in_list(l->ifaces, l->n, k->ifindex), is = qualifies(l, k);
	size_t i;

	if (was == is)
		return;
	if (is && l->n < LAN_MAX) {
		l->ifaces[l->n++] = k->ifindex;
		l->ops->on_iface(k, true, false, l->arg);
	} else if (was) {
		for (i = 0; l->ifaces[i] != k->ifindex; i++)
			continue;
		l->ifaces[i] = l->ifaces[--l->n];
		l->ops->on_iface(k, false, false, l->arg);
	}
}

static void
look(struct lan *l)
{
	if (!l->ready)
		return;
	netlink_each_link(l->nl, consider, l);
	l->ops->on_change(l->arg);
}

static void
on_link(const struct netlink_link *k, bool gone, void *arg)
{
	struct lan *l = arg;
	size_t i;

	if (gone && l->ready && in_list(l->ifaces, l->n, k->ifindex)) {
		for (i = 0; l->ifaces[i] != k->ifindex; i++)
			continue;
		l->ifaces[i] = l->ifaces[--l->n];
		l->ops->on_iface(k, false, true, l->arg);
		l->ops->on_change(l->arg);
		return;
	}
	if (l->nl != NULL && !gone)
		look(l);
}

static void
on_addr(const struct netlink_addr *a, bool gone, void *arg)
{
	struct lan *l = arg;

	if (l->nl != NULL)
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
	free(l);
}

void
lan_set_links(struct lan *l, const uint32_t *ifindex, size_t n)
{
	l->nlinks = n < MAX_LINKS ? n : MAX_LINKS;
	memcpy(l->links, ifindex, l->nlinks * sizeof(*ifindex));
	l->ready = true;
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
	memcpy(out, l->ifaces, l->n * sizeof(*out));
	return l->n;
}

bool
lan_is_iface(const struct lan *l, uint32_t ifindex)
{
	return in_list(l->ifaces, l->n, ifindex);
}

static void
holds_address(const struct netlink_addr *a, void *arg)
{
	struct find *f = arg;
	uint32_t mask = netmask(a->prefixlen);
	const struct netlink_link *k;

	if (f->ifindex != 0 || a->prefixlen == 32 || ((a->addr.s_addr ^ f->addr.s_addr) & mask) != 0 ||
	    !lan_is_iface(f->lan, a->ifindex))
		return;
	k = netlink_link_by_index(f->lan->nl, a->ifindex);
	if (k != NULL && k->up && k->carrier)
		f->ifindex = a->ifindex;
}

bool
lan_carrier(const struct lan *l)
{
	const struct netlink_link *k;
	size_t i;

	for (i = 0; i < l->n; i++) {
		k = netlink_link_by_index(l->nl, l->ifaces[i]);
		if (k != NULL && k->up && k->carrier)
			return true;
	}
	return false;
}

uint32_t
lan_attached(const struct lan *l, struct in_addr addr)
{
	struct find f = { .lan = l, .addr = addr };

	netlink_each_addr(l->nl, holds_address, &f);
	return f.ifindex;
}

static void
conflicts(const struct netlink_addr *a, void *arg)
{
	struct find *f = arg;
	const struct netlink_link *k = netlink_link_by_index(f->lan->nl, a->ifindex);
	uint32_t mask = netmask(a->prefixlen);

	if (k == NULL || k->type == ARPHRD_LOOPBACK)
		return;
	if (a->addr.s_addr == f->addr.s_addr)
		f->why = "it is an address of this host itself";
	else if (a->prefixlen < 31 && f->addr.s_addr == (a->addr.s_addr | ~mask))
		f->why = "it is the broadcast address of a subnet here";
	else if (a->prefixlen < 31 && f->addr.s_addr == (a->addr.s_addr & mask))
		f->why = "it is the address of a subnet here, not of a host";
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
on_loopback(const struct netlink_addr *a, void *arg)
{
	struct find *f = arg;
	const struct netlink_link *k = netlink_link_by_index(f->lan->nl, a->ifindex);

	if (k != NULL && k->type == ARPHRD_LOOPBACK && a->addr.s_addr == f->addr.s_addr)
		f->found = true;
}

bool
lan_on_loopback(const struct lan *l, struct in_addr addr)
{
	struct find f = { .lan = l, .addr = addr };

	if (ntohl(addr.s_addr) >> 24 == 127)
		return false;
	netlink_each_addr(l->nl, on_loopback, &f);
	return f.found;
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
