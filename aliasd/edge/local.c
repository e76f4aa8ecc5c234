/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/local.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "aliasd/core/map.h"
#include "common/log.h"
#include "common/netlink.h"

#define ROUTE_PROTO 202 /* marks our routes: nobody else is known to use it */
#define LISTED (&kinds[0])
#define ROUTED (&kinds[1])

static char kinds[2];

struct local {
	struct netlink *nl;
	struct map *map; /* address -> LISTED or ROUTED */
	size_t listed, listed_max;
};

static uint32_t
loopback(const struct local *l)
{
	const struct netlink_link *lo = netlink_link_by_name(l->nl, "lo");

	return lo == NULL ? 0 : lo->ifindex;
}

static void
note_listed(const struct netlink_addr *a, void *arg)
{
	struct local *l = arg;

	if (a->ifindex != loopback(l) || ntohl(a->addr.s_addr) >> 24 == 127 || a->prefixlen != 32)
		return;
	map_put(l->map, a->addr.s_addr, LISTED);
	l->listed++;
}

static void
note_routed(struct in_addr addr, void *arg)
{
	struct local *l = arg;

	map_put(l->map, addr.s_addr, ROUTED);
}

struct local *
local_new(struct netlink *nl, size_t listed_max)
{
	struct local *l = mem_zalloc(sizeof(*l));

	l->nl = nl;
	l->listed_max = listed_max;
	l->map = map_new();
	netlink_each_addr(nl, note_listed, l);
	if (netlink_each_local(nl, ROUTE_PROTO, note_routed, l) < 0)
		log_warn("alias", "cannot list the local routes");
	return l;
}

void
local_free(struct local *l)
{
	if (l == NULL)
		return;
	map_free(l->map, NULL);
	free(l);
}

static int
unless(int rc, int accepted)
{
	return rc == 0 || errno == accepted ? 0 : -1;
}

static int
add_listed(struct local *l, struct in_addr addr)
{
	if (unless(netlink_addr_add(l->nl, loopback(l), addr, 32, RT_SCOPE_HOST), EEXIST) < 0)
		return -1;
	map_put(l->map, addr.s_addr, LISTED);
	l->listed++;
	return 0;
}

int
local_add(struct local *l, struct in_addr addr)
{
	const char *how = map_get(l->map, addr.s_addr);

	/* One that an earlier aliasd, which was told otherwise, left on the interface is moved. */
	if (how == ROUTED || (how == LISTED && l->listed <= l->listed_max))
		return 0;
	if (l->listed < l->listed_max)
		return add_listed(l, addr);
	if (unless(netlink_local_add(l->nl, loopback(l), addr, ROUTE_PROTO), EEXIST) < 0)
		return -1;
	if (how == LISTED)
		local_del(l, addr);
	map_put(l->map, addr.s_addr, ROUTED);
	return 0;
}

int
local_del(struct local *l, struct in_addr addr)
{
	const char *how = map_del(l->map, addr.s_addr);

	if (how == ROUTED)
		return unless(netlink_local_del(l->nl, loopback(l), addr, ROUTE_PROTO), ESRCH);
	if (how == LISTED)
		l->listed--;
	return unless(netlink_addr_del(l->nl, loopback(l), addr, 32), EADDRNOTAVAIL);
}

bool
local_has(const struct local *l, struct in_addr addr)
{
	return map_get(l->map, addr.s_addr) != NULL;
}

const char *
local_how(const struct local *l, struct in_addr addr)
{
	return map_get(l->map, addr.s_addr) == ROUTED ? "a local route" : "on lo";
}
