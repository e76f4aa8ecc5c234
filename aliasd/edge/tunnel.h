/* SPDX-License-Identifier: ISC */
/*
 * clua-vx, the interface by which packets are redirected to members that no Ethernet link leads to: in
 * VXLAN, as UDP between the addresses of the links. Of what the kernel can decode this is the one that
 * keeps the Ethernet header, so that such a member is one more way out like any other; that every network
 * and firewall knows what to do with; that spreads flows by its source port; and whose aggregates are
 * taken apart, and put together again, by the kernel and by many network cards.
 *
 * The interface has no list of others: the packet program says to whom each packet goes, and looks at
 * who sent it.
 */
#ifndef CLUA_ALIASD_TUNNEL_H
#define CLUA_ALIASD_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#define TUNNEL_NAME "clua-vx"
#define TUNNEL_VNI 0xc10000 /* and the number of the cluster */

struct tunnel;

/*
 * Makes it, or takes over what an earlier aliasd left; port: of UDP, on all members. NULL on failure,
 * after saying why.
 */
struct tunnel *tunnel_open(uint16_t port);
void tunnel_close(struct tunnel *); /* takes it away */
/* The same for what an aliasd left that was killed: 1, 0, or -1 after saying what is left. */
int tunnel_remove(void);
uint32_t tunnel_ifindex(const struct tunnel *);
bool tunnel_is_name(const char *ifname);

#endif
