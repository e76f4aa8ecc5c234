/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/door.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "aliasd/edge/door_msg.h"
#include "aliasd/edge/rtnl.h"
#include "common/addr.h"
#include "common/log.h"
#include "common/netlink.h"

#define DOOR_MTU 9202 /* DOOR_FRAME_MAX without the Ethernet header */

struct door {
	struct mnl_socket *nl;
	bool rule; /* what this host sends comes here */
	uint32_t ifindex, peer;
	uint8_t mac[6];
};

struct order {
	bool own, local_before, local_after;
};

static int
look_at_rule(const struct nlmsghdr *nlh, void *arg)
{
	enum door_rule rule = door_msg_read_rule(nlh);
	struct order *o = arg;

	if (rule == DOOR_RULE_OWN || rule == DOOR_RULE_SOURCE) {
		o->own |= rule == DOOR_RULE_OWN;
		o->local_before |= o->local_after;
		o->local_after = false;
	} else if (rule == DOOR_RULE_LOCAL && o->own)
		o->local_after = true;
	else if (rule == DOOR_RULE_LOCAL)
		o->local_before = true;
	return MNL_CB_OK;
}

static int
change_rule(struct mnl_socket *nl, uint16_t type, bool own)
{
	char buf[1024];

	return rtnl_request(nl, door_msg_rule(buf, type, own), NULL, NULL);
}

/*
 * Ours first, then the kernel's for local addresses. As the latter is at priority 0, nothing can come
 * before it but by making it anew behind ours; it is there at every moment, once or twice.
 */
static int
order_rules(struct mnl_socket *nl)
{
	char buf[1024];
	int i;

	for (i = 0; i < 8; i++) {
		struct order o = { 0 };

		if (rtnl_request(nl, door_msg_dump_rules(buf), look_at_rule, &o) < 0)
			return -1;
		if (o.own && !o.local_before)
			return 0;
		if (!o.own && change_rule(nl, RTM_NEWRULE, true) < 0)
			return -1;
		if (o.own && !o.local_after && change_rule(nl, RTM_NEWRULE, false) < 0)
			return -1;
		if (o.own && o.local_after && change_rule(nl, RTM_DELRULE, false) < 0)
			return -1;
	}
	errno = EBUSY; /* somebody else is at it */
	return -1;
}

/* What is dealt out to this very host comes in by clua0, from an address of this host. */
static void
quieten(const char *ifname)
{
	rtnl_quieten(ifname);
	netlink_sysctl_set(ifname, "accept_local", 1);
}

static int
read_mac(uint8_t mac[6])
{
	struct ifreq ifr = { .ifr_name = DOOR_IN };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -1;
	err = ioctl(fd, SIOCGIFHWADDR, &ifr);
	close(fd);
	if (err == 0)
		memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return err;
}

static int
make_pair(struct door *d)
{
	char buf[1024];

	if (rtnl_request(d->nl, door_msg_make_pair(buf), NULL, NULL) < 0 && errno != EEXIST)
		return -1;
	d->ifindex = if_nametoindex(DOOR_IN);
	d->peer = if_nametoindex(DOOR_OUT);
	if (d->ifindex == 0 || d->peer == 0 || read_mac(d->mac) < 0)
		return -1;
	quieten(DOOR_IN);
	quieten(DOOR_OUT);
	if (rtnl_link_up(d->nl, d->peer, DOOR_MTU) < 0 ||
	    rtnl_link_up(d->nl, d->ifindex, DOOR_MTU) < 0)
		return -1;
	if (rtnl_request(d->nl, door_msg_address(buf, d->ifindex), NULL, NULL) < 0 && errno != EEXIST)
		return -1;
	return 0;
}

static bool
is_none(int err)
{
	return err == ENOENT || err == ESRCH || err == EAFNOSUPPORT || err == EOPNOTSUPP;
}

/* How many there were, or -1. */
static int
remove_rule(struct mnl_socket *nl)
{
	int n = 0;

	while (change_rule(nl, RTM_DELRULE, true) == 0)
		n++;
	return is_none(errno) ? n : -1;
}

/* A rule or a route of which it is all the same if it was there. */
static int
remove_it(struct mnl_socket *nl, struct nlmsghdr *request)
{
	return rtnl_request(nl, request, NULL, NULL) == 0 || is_none(errno) ? 0 : -1;
}

/* What an earlier one numbered is of no use. */
static int
remove_sources(struct mnl_socket *nl)
{
	char buf[1024];
	unsigned n;

	for (n = 1; n <= DOOR_SOURCES; n++) {
		if (remove_it(nl, door_msg_source_rule(buf, RTM_DELRULE, n)) < 0)
			return -1;
	}
	return 0;
}

struct door *
door_open(bool rule)
{
	struct door *d = mem_zalloc(sizeof(*d));

	d->rule = rule;
	d->nl = rtnl_open();
	if (d->nl != NULL && make_pair(d) == 0 && remove_sources(d->nl) >= 0 &&
	    (rule ? order_rules(d->nl) : remove_rule(d->nl)) >= 0)
		return d;
	log_warn("door", "no way for this host's own packets to an alias");
	if (d->nl != NULL)
		door_close(d);
	else
		free(d);
	return NULL;
}

static int
take_away(struct mnl_socket *nl)
{
	uint32_t ifindex = if_nametoindex(DOOR_IN);
	int n = remove_rule(nl);

	if (n >= 0 && remove_sources(nl) < 0)
		n = -1;
	/* The routes go with it. */
	if (n >= 0 && ifindex != 0)
		n = rtnl_link_remove(nl, ifindex) < 0 ? -1 : n + 1;
	if (n < 0)
		log_warn("door", "cannot remove %s and its rule", DOOR_IN);
	return n;
}

void
door_close(struct door *d)
{
	if (d == NULL)
		return;
	take_away(d->nl);
	mnl_socket_close(d->nl);
	free(d);
}

int
door_remove(void)
{
	struct mnl_socket *nl = rtnl_open();
	int n = nl == NULL ? -1 : take_away(nl);

	if (nl != NULL)
		mnl_socket_close(nl);
	return n;
}

bool
door_is_name(const char *ifname)
{
	return strcmp(ifname, DOOR_IN) == 0 || strcmp(ifname, DOOR_OUT) == 0;
}

uint32_t
door_ifindex(const struct door *d)
{
	return d->ifindex;
}

uint32_t
door_peer(const struct door *d)
{
	return d->peer;
}

const uint8_t *
door_mac(const struct door *d)
{
	return d->mac;
}

static int
add_source(struct door *d, unsigned n, struct in_addr alias)
{
	char buf[1024];

	if (rtnl_request(d->nl, door_msg_source_route(buf, RTM_NEWROUTE, n, d->ifindex, alias), NULL, NULL) < 0)
		return -1;
	if (rtnl_request(d->nl, door_msg_source_rule(buf, RTM_NEWRULE, n), NULL, NULL) < 0 && errno != EEXIST)
		return -1;
	/* Clients on this host, too, are answered from the alias. */
	return d->rule ? order_rules(d->nl) : 0;
}

static int
remove_source(struct door *d, unsigned n)
{
	char buf[1024];

	if (remove_it(d->nl, door_msg_source_rule(buf, RTM_DELRULE, n)) < 0)
		return -1;
	/* It went with the address, perhaps. */
	return remove_it(d->nl, door_msg_source_route(buf, RTM_DELROUTE, n, 0, (struct in_addr){ 0 }));
}

int
door_source(struct door *d, unsigned n, struct in_addr alias)
{
	int err = alias.s_addr == 0 ? remove_source(d, n) : add_source(d, n, alias);

	if (err < 0)
		log_warn("door", "cannot change the routes by which UDP servers answer from an alias");
	return err;
}

int
door_route(struct door *d, struct in_addr alias, struct in_addr from, uint32_t mtu)
{
	uint16_t type = from.s_addr == 0 ? RTM_DELROUTE : RTM_NEWROUTE;
	char buf[1024];

	if (rtnl_request(d->nl, door_msg_route(buf, type, alias, d->ifindex, from, mtu), NULL, NULL) == 0)
		return 0;
	if (type == RTM_DELROUTE && errno == ESRCH)
		return 0; /* as asked */
	log_warn("door", "%s: cannot %s the route for this host's own packets", addr_ip(alias).s,
	    type == RTM_NEWROUTE ? "set" : "remove");
	return -1;
}
