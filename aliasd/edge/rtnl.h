/* SPDX-License-Identifier: ISC */
/* Requests to the kernel's routing socket that are not of common/netlink.h. */
#ifndef CLUA_ALIASD_RTNL_H
#define CLUA_ALIASD_RTNL_H

#include <libmnl/libmnl.h>
#include <stdint.h>

/* A request of that type that asks for an answer. */
struct nlmsghdr *rtnl_begin(void *buf, uint16_t type, uint16_t flags);
struct mnl_socket *rtnl_open(void); /* NULL and errno on failure */
/* Every message of the answer goes to fn, which may be NULL. 0, or -1 and what the kernel says in errno. */
int rtnl_request(struct mnl_socket *, const struct nlmsghdr *, mnl_cb_t fn, void *arg);
/* An interface up and without ARP, with this MTU; and no more. */
int rtnl_link_up(struct mnl_socket *, uint32_t ifindex, uint32_t mtu);
int rtnl_link_remove(struct mnl_socket *, uint32_t ifindex);
/* Packets of our own interfaces come from addresses that no route leads to; and nobody speaks IPv6 there. */
void rtnl_quieten(const char *ifname);

#endif
