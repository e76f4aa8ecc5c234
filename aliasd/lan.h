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

struct lan_ops {
	/* An interface became, or is no more, one of ours. gone: it does not exist any more. */
	void (*on_iface)(const struct netlink_link *, bool added, bool gone, void *arg);
	/* Something changed that lan_attached() may depend on. */
	void (*on_change)(void *arg);
};

/* names: those configured; none = all that qualify. Nothing is reported before lan_set_links(). */
struct lan *lan_open(struct ev_loop *, const char (*names)[NETLINK_NAME_MAX], size_t n,
    const struct lan_ops *, void *arg);
void lan_close(struct lan *);
/* The high-priority links, which are no LAN interfaces. */
void lan_set_links(struct lan *, const uint32_t *ifindex, size_t n);
struct netlink *lan_netlink(struct lan *);

/* The interfaces of ours, by name order of their index. */
size_t lan_ifaces(const struct lan *, uint32_t out[LAN_MAX]);
bool lan_is_iface(const struct lan *, uint32_t ifindex);
/* An interface of ours with carrier whose subnet holds addr; 0 if there is none. */
uint32_t lan_attached(const struct lan *, struct in_addr addr);
/* Any interface of ours has carrier. */
bool lan_carrier(const struct lan *);
/* NULL, or why the address cannot be an alias: ours already, or no host's. */
const char *lan_refuses(const struct lan *, struct in_addr addr);
/* An address on the loopback interface that is none of 127.0.0.0/8: an alias that was joined. */
bool lan_on_loopback(const struct lan *, struct in_addr addr);
/* True if the MAC is that of an interface of this host. */
bool lan_own_mac(const struct lan *, const uint8_t mac[6]);

#endif
