/* SPDX-License-Identifier: ISC */
/* Netlink messages to and from our structures; for netlink.c and its test. */
#ifndef CLUA_COMMON_NETLINK_MSG_H
#define CLUA_COMMON_NETLINK_MSG_H

#include <libmnl/libmnl.h>

#include "common/netlink.h"

/* False: malformed, or about something that is none of ours. */
bool netlink_msg_link(const struct nlmsghdr *, struct netlink_link *);
bool netlink_msg_addr(const struct nlmsghdr *, struct netlink_addr *);
/* Builds into buf (MNL_SOCKET_BUFFER_SIZE). type: RTM_NEWADDR or RTM_DELADDR. */
struct nlmsghdr *netlink_msg_build_addr(void *buf, uint16_t type, const struct netlink_addr *);
/* type: RTM_NEWNEIGH or RTM_DELNEIGH. */
struct nlmsghdr *netlink_msg_build_mac(void *buf, uint16_t type, uint32_t ifindex, const uint8_t mac[6]);
/* A local route as netlink_local_add() makes it. type: RTM_NEWROUTE or RTM_DELROUTE. */
struct nlmsghdr *netlink_msg_build_local(
    void *buf, uint16_t type, uint32_t ifindex, struct in_addr, uint8_t proto);
/* False if it is no such route with this mark. */
bool netlink_msg_local(const struct nlmsghdr *, uint8_t proto, struct in_addr *);
/* type: RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE. */
struct nlmsghdr *netlink_msg_build_dump(void *buf, uint16_t type);

#endif
