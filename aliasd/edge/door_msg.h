/* SPDX-License-Identifier: ISC */
/* The netlink messages of the door, built into buf (MNL_SOCKET_BUFFER_SIZE); for door.c and its test. */
#ifndef CLUA_ALIASD_DOOR_MSG_H
#define CLUA_ALIASD_DOOR_MSG_H

#include <libmnl/libmnl.h>

#include "aliasd/edge/door.h"

struct nlmsghdr *door_msg_make_pair(void *buf);
struct nlmsghdr *door_msg_address(void *buf, uint32_t ifindex);
/* type: RTM_NEWRULE or RTM_DELRULE. own: ours; else the one that looks up local addresses. */
struct nlmsghdr *door_msg_rule(void *buf, uint16_t type, bool own);
/* The rule of sockets with the mark DP_MARK | n, and the route of the table with that number. */
struct nlmsghdr *door_msg_source_rule(void *buf, uint16_t type, unsigned n);
struct nlmsghdr *door_msg_source_route(
    void *buf, uint16_t type, unsigned n, uint32_t ifindex, struct in_addr alias);
struct nlmsghdr *door_msg_dump_rules(void *buf);
struct nlmsghdr *door_msg_route(void *buf, uint16_t type, struct in_addr to, uint32_t ifindex,
    struct in_addr from, uint32_t mtu);

enum door_rule { DOOR_RULE_OTHER, DOOR_RULE_OWN, DOOR_RULE_SOURCE, DOOR_RULE_LOCAL };
/* Which of them it is. */
enum door_rule door_msg_read_rule(const struct nlmsghdr *);

#endif
