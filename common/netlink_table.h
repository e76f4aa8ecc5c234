/* SPDX-License-Identifier: ISC */
/*
 * What is known of links and addresses. Pure: reports real changes only, and after a complete
 * reading (begin, updates, sweep) also what has gone without a word.
 */
#ifndef CLUA_COMMON_NETLINK_TABLE_H
#define CLUA_COMMON_NETLINK_TABLE_H

#include "common/netlink.h"

struct netlink_table;

struct netlink_table *netlink_table_new(const struct netlink_ops *, void *arg);
void netlink_table_free(struct netlink_table *);
void netlink_table_link(struct netlink_table *, const struct netlink_link *, bool gone);
void netlink_table_addr(struct netlink_table *, const struct netlink_addr *, bool gone);
void netlink_table_begin(struct netlink_table *);
void netlink_table_sweep(struct netlink_table *);
/* fn answers true to stop there; the answer is where it stopped, or NULL. */
const struct netlink_link *netlink_table_find_link(
    const struct netlink_table *, bool (*fn)(const struct netlink_link *, const void *), const void *);
void netlink_table_each_addr(
    const struct netlink_table *, void (*fn)(const struct netlink_addr *, void *), void *arg);
void netlink_table_each_link(
    const struct netlink_table *, void (*fn)(const struct netlink_link *, void *), void *arg);

#endif
