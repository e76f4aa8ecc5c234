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
/* type: RTM_GETLINK or RTM_GETADDR. */
struct nlmsghdr *netlink_msg_build_dump(void *buf, uint16_t type);

#endif
