/* SPDX-License-Identifier: ISC */
/*
 * The kernel's network interfaces and their IPv4 addresses: a table kept up to date by events, and
 * the few changes that daemons make. Addresses are in network byte order, as struct in_addr has them.
 */
#ifndef CLUA_COMMON_NETLINK_H
#define CLUA_COMMON_NETLINK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define NETLINK_NAME_MAX 16 /* with the NUL */

struct ev_loop;
struct mnl_socket;
struct netlink;

struct netlink_link {
	uint32_t ifindex;
	char name[NETLINK_NAME_MAX];
	uint16_t type;     /* ARPHRD_ETHER, ARPHRD_LOOPBACK, ... */
	char kind[16];     /* "veth", "bridge", ...; "" for hardware */
	uint8_t mac[6];    /* zero if it has none of this length */
	uint32_t mtu;
	uint32_t master;   /* ifindex of its bridge or bond, or 0 */
	bool up;           /* set up by the administrator */
	bool carrier;      /* only if up */
	uint32_t carrier_changes; /* so that one that was gone only for a moment is heard of */
};

struct netlink_addr {
	uint32_t ifindex;
	struct in_addr addr;
	uint8_t prefixlen;
	uint8_t scope; /* RT_SCOPE_UNIVERSE, RT_SCOPE_HOST, ... */
	bool ours;     /* a daemon of ours added it, whoever that was */
};

/* Either may be NULL. They must not call netlink_close(). gone: the last time it is heard of. */
struct netlink_ops {
	void (*on_link)(const struct netlink_link *, bool gone, void *arg);
	void (*on_addr)(const struct netlink_addr *, bool gone, void *arg);
};

/*
 * Subscribes, then reads all links and addresses, with a call for each before it returns; after
 * that the calls come from the loop, and only for real changes: also when the kernel had to drop
 * events and everything is read anew. ops must outlive it. NULL and errno on failure; logged.
 */
struct netlink *netlink_open(struct ev_loop *, const struct netlink_ops *ops, void *arg);
void netlink_close(struct netlink *);

/* NULL if there is none. Valid until the loop runs again. */
const struct netlink_link *netlink_link_by_index(const struct netlink *, uint32_t ifindex);
const struct netlink_link *netlink_link_by_name(const struct netlink *, const char *name);
void netlink_each_link(
    const struct netlink *, void (*fn)(const struct netlink_link *, void *), void *arg);
void netlink_each_addr(
    const struct netlink *, void (*fn)(const struct netlink_addr *, void *), void *arg);

/*
 * What is added is marked as ours. 0, or -1 and errno as the kernel says: EEXIST if it is there,
 * EADDRNOTAVAIL if it is not.
 */
int netlink_addr_add(
    struct netlink *, uint32_t ifindex, struct in_addr, uint8_t prefixlen, uint8_t scope);
int netlink_addr_del(struct netlink *, uint32_t ifindex, struct in_addr, uint8_t prefixlen);

/* An address besides its own that the interface takes frames for. 0, or -1 and errno. */
int netlink_mac_add(struct netlink *, uint32_t ifindex, const uint8_t mac[6]);
int netlink_mac_del(struct netlink *, uint32_t ifindex, const uint8_t mac[6]);
/*
 * An address without an entry in the list of an interface, which the kernel searches from its start: a
 * route that makes it one of this host's own, for sockets and packets alike. proto (1..255) marks who
 * made it. Errors: EEXIST, ESRCH.
 */
int netlink_local_add(struct netlink *, uint32_t ifindex, struct in_addr, uint8_t proto);
int netlink_local_del(struct netlink *, uint32_t ifindex, struct in_addr, uint8_t proto);
/* Calls fn for every such route with this mark. 0, or -1 and errno. fn must make no changes. */
int netlink_each_local(struct netlink *, uint8_t proto, void (*fn)(struct in_addr, void *), void *arg);

/* /proc/sys/net/ipv4/conf/IFNAME/KEY, also for "all" and "default". 0, or -1 and errno. */
int netlink_sysctl_get(const char *ifname, const char *key, int *value);
int netlink_sysctl_set(const char *ifname, const char *key, int value);

/* For those who speak to the kernel themselves; flags: SOCK_NONBLOCK or 0. NULL and errno on failure. */
struct mnl_socket *netlink_socket(int bus, int flags, unsigned groups);

#endif
