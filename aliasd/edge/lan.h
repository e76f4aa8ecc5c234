/* SPDX-License-Identifier: ISC */
/*
 * The LAN interfaces of this host: those named in the configuration, or else every interface that can
 * broadcast, is up, has an IPv4 address and is not a high-priority link of lltd.
 */
#ifndef CLUA_ALIASD_LAN_H
#define CLUA_ALIASD_LAN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/netlink.h"

#define LAN_MAX 64

struct ev_loop;
struct lan;

enum lan_role {
	LAN_NONE,  /* no business of ours, or a link */
	LAN_GUARD, /* no LAN interface, but the kernel would answer ARP there for every address it has */
	LAN_OURS,
};

struct lan_ops {
	/* The role of an interface is another now. gone: it does not exist any more. */
	void (*on_iface)(const struct netlink_link *, enum lan_role, bool gone, void *arg);
	/* An interface of ours has carrier: again, or for the first time. */
	void (*on_up)(const struct netlink_link *, void *arg);
	/* Something changed that lan_attached() may depend on. */
	void (*on_change)(void *arg);
};

/*
 * names: those configured; none = all that qualify. Nothing is reported before lan_set_links(). Once an
 * interface is ours it stays so while it is down, so that nothing comes through when it is up again.
 */
struct lan *lan_open(struct ev_loop *, const char (*names)[NETLINK_NAME_MAX], size_t n,
    const struct lan_ops *, void *arg);
void lan_close(struct lan *);
/* The high-priority links, which are no LAN interfaces; and all links, which need no guard. */
void lan_set_links(struct lan *, const uint32_t *high, size_t nhigh, const uint32_t *all, size_t nall);
struct netlink *lan_netlink(struct lan *);

/* The interfaces of ours, by name order of their index. */
size_t lan_ifaces(const struct lan *, uint32_t out[LAN_MAX]);
void lan_each(const struct lan *,
    void (*fn)(const struct netlink_link *, enum lan_role, void *arg), void *arg); /* that has a role */
bool lan_is_iface(const struct lan *, uint32_t ifindex);
/* An interface of ours with carrier whose subnet holds addr; 0 if there is none. */
uint32_t lan_attached(const struct lan *, struct in_addr addr);
/* Any interface of ours has carrier. */
bool lan_carrier(const struct lan *);
/* There are interfaces of ours, and none has carrier. */
bool lan_cut_off(const struct lan *);
/* Our own address on the interface in the subnet of addr, or 0.0.0.0. */
struct in_addr lan_source(const struct lan *, uint32_t ifindex, struct in_addr addr);
/* Every address of an interface of ours. */
void lan_each_addr(const struct lan *, void (*fn)(const struct netlink_link *, const struct netlink_addr *,
    void *arg), void *arg);
/* NULL, or why the address cannot be an alias: ours already, or no host's. */
const char *lan_refuses(const struct lan *, struct in_addr addr);
/* NULL, or why it cannot be one in a virtual subnet of this length. */
const char *lan_refuses_virtual(const struct lan *, struct in_addr addr, uint8_t prefixlen);
/* True if the MAC is that of an interface of this host. */
bool lan_own_mac(const struct lan *, const uint8_t mac[6]);

#endif
