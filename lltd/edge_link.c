/* SPDX-License-Identifier: ISC */
/* The links as the host has them: interfaces and addresses that come and go, and their sockets. */
#include <string.h>

#include "common/clock.h"
#include "common/ev.h"
#include "common/log.h"
#include "common/netlink.h"
#include "lltd/core.h"
#include "lltd/edge_priv.h"
#include "lltd/lltd_conf_link.h"
#include "lltd/rawsock.h"
#include "lltd/udpsock.h"

#define MEASURE (2 * NSEC_PER_SEC)

void
edge_link_close(struct edge_link *l)
{
	ev_io_free(l->io);
	linksock_close(l->sock);
	l->io = NULL;
	l->sock = NULL;
}

static struct linksock *
open_udp(const struct lltd_conf *conf, const struct lltd_link *lc)
{
	uint8_t peer[LLT_MAX_NODES][LLT_ADDR_LEN];
	size_t n = 0;

	for (size_t i = 0; i < lc->npeers; i++)
		if (memcmp(lc->peer[i].addr, lc->addr, LLT_ADDR_LEN) != 0)
			memcpy(peer[n++], lc->peer[i].addr, LLT_ADDR_LEN);
	/* Without a key nothing but its address speaks for a frame. */
	return udpsock_open(lc->addr, (const uint8_t(*)[LLT_ADDR_LEN])peer, n,
	    conf->authentication == LLTD_AUTH_NONE);
}

static const struct lltd_link *
link_conf(const struct edge_link *l)
{
	return &l->edge->conf->link[l->index];
}

static void
open_link(struct edge_link *l, const struct netlink_link *nl)
{
	const struct lltd_link *conf = link_conf(l);
	bool udp = conf->kind == LLT_KIND_UDP;

	edge_link_close(l);
	l->ifindex = nl->ifindex;
	memcpy(l->addr, udp ? conf->addr : nl->mac, LLT_ADDR_LEN);
	if (udp)
		l->sock = open_udp(l->edge->conf, conf);
	else
		l->sock = rawsock_open(nl->ifindex, (uint16_t)conf->ethertype, nl->mac);
	if (l->sock != NULL)
		l->io = ev_io_new(l->edge->loop, linksock_fd(l->sock), edge_on_readable, NULL, l);
	if (l->io == NULL) {
		log_warn("link", "link %u (%s) cannot be opened", l->index, conf->name);
		edge_link_close(l);
	}
}

/* The longest frame. */
static size_t
link_mtu(const struct edge_link *l, const struct netlink_link *nl)
{
	const struct lltd_link *conf = link_conf(l);
	size_t mtu = conf->mtu != 0 && conf->mtu < nl->mtu ? conf->mtu : nl->mtu;

	if (conf->kind == LLT_KIND_ETHER)
		return mtu;
	if (l->path_mtu != 0 && l->path_mtu < mtu)
		mtu = l->path_mtu;
	return mtu > LLT_UDP_HEAD ? mtu - LLT_UDP_HEAD : 0;
}

static bool
is_open(const struct edge_link *l, const struct netlink_link *nl)
{
	return l->sock != NULL && nl->ifindex == l->ifindex &&
	    (link_conf(l)->kind == LLT_KIND_UDP || memcmp(nl->mac, l->addr, sizeof(l->addr)) == 0);
}

static void
link_state(struct edge_link *l, const struct netlink_link *nl, bool gone)
{
	const struct lltd_link *conf = link_conf(l);
	struct core_link_info was;
	bool up;

	if (!gone && !is_open(l, nl))
		open_link(l, nl);
	up = !gone && nl->carrier && l->sock != NULL;
	core_link_info(l->edge->core, l->index, &was);
	if (was.carrier != up)
		log_info("link", "link %u (%s) is %s", l->index, conf->name, up ? "up" : "down");
	core_carrier(l->edge->core, l->index, up, l->addr, nl->ifindex, link_mtu(l, nl), clock_ns());
	if (gone)
		edge_link_close(l);
}

/* Is this interface the link, or does it have the address of the link? */
static bool
is_on(const struct edge_link *l, const struct netlink_link *nl, bool gone)
{
	const struct lltd_link *conf = link_conf(l);

	if (gone)
		return l->sock != NULL && l->ifindex == nl->ifindex;
	if (conf->kind == LLT_KIND_UDP)
		return l->ifindex != 0 && l->ifindex == nl->ifindex;
	return conf->kind == LLT_KIND_ETHER && strcmp(conf->device, nl->name) == 0;
}

static void
on_link(const struct netlink_link *nl, bool gone, void *arg)
{
	struct edge *e = arg;

	for (size_t i = 0; i < e->conf->nlinks; i++)
		if (is_on(&e->link[i], nl, gone))
			link_state(&e->link[i], nl, gone);
	edge_kick(e);
}

/* A UDP link, after something happened to its address. While netlink is being opened it is too early. */
static void
look_at_udp(struct edge_link *l, bool gone)
{
	const struct netlink_link *nl =
	    l->edge->netlink == NULL ? NULL : netlink_link_by_index(l->edge->netlink, l->ifindex);

	if (nl != NULL)
		link_state(l, nl, gone);
	if (gone)
		l->ifindex = 0;
}

static void
on_addr(const struct netlink_addr *a, bool gone, void *arg)
{
	struct edge *e = arg;

	for (size_t i = 0; i < e->conf->nlinks; i++) {
		struct edge_link *l = &e->link[i];

		if (link_conf(l)->kind != LLT_KIND_UDP || memcmp(link_conf(l)->addr, &a->addr, 4) != 0 ||
		    (gone && l->ifindex != a->ifindex))
			continue;
		if (!gone)
			l->ifindex = a->ifindex;
		look_at_udp(l, gone);
	}
	edge_kick(e);
}

/* The narrowest way to a peer that the kernel knows: it learns from frames that were too long. */
static void
measure(struct edge_link *l)
{
	const struct lltd_link *conf = link_conf(l);
	size_t least = 0;

	if (conf->kind != LLT_KIND_UDP || l->sock == NULL)
		return;
	for (size_t i = 0; i < conf->npeers; i++) {
		size_t mtu = memcmp(conf->peer[i].addr, l->addr, LLT_ADDR_LEN) == 0 ? 0 :
		    udpsock_path_mtu(l->addr, conf->peer[i].addr);

		if (mtu != 0 && (least == 0 || mtu < least))
			least = mtu;
	}
	if (least == l->path_mtu)
		return;
	l->path_mtu = least;
	look_at_udp(l, false);
}

void
edge_link_measure(void *arg)
{
	struct edge *e = arg;
	bool any = false;

	for (size_t i = 0; i < e->conf->nlinks; i++) {
		measure(&e->link[i]);
		any |= e->conf->link[i].kind == LLT_KIND_UDP;
	}
	if (any)
		ev_timer_set(e->measure, MEASURE);
}

static void
find_address(const struct netlink_addr *a, void *arg)
{
	struct edge_link *l = arg;

	if (memcmp(link_conf(l)->addr, &a->addr, 4) == 0)
		l->ifindex = a->ifindex;
}

bool
edge_link_find(struct edge_link *l)
{
	const struct lltd_link *conf = link_conf(l);
	const struct netlink_link *nl;

	if (conf->kind == LLT_KIND_UDP) {
		netlink_each_addr(l->edge->netlink, find_address, l);
		look_at_udp(l, false);
	} else if (conf->kind == LLT_KIND_ETHER) {
		nl = netlink_link_by_name(l->edge->netlink, conf->device);
		if (nl != NULL)
			link_state(l, nl, false);
	}
	if (l->sock != NULL || conf->kind == LLTD_KIND_NONE)
		return l->sock != NULL;
	if (conf->kind == LLT_KIND_UDP)
		log_warnx("link", "link %u (%s): this host does not have the address %s", l->index,
		    conf->name, conf->address);
	else
		log_warnx("link", "link %u (%s) does not exist", l->index, conf->name);
	return false;
}

const struct netlink_ops edge_netlink_ops = { .on_link = on_link, .on_addr = on_addr };
