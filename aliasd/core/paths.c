/* SPDX-License-Identifier: ISC */
#include "aliasd/core/paths.h"

#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"

const uint8_t paths_tunnel_mac[6] = { 0x02, 'c', 'l', 'u', 'a', 0x01 };
const uint8_t paths_tunnel_peer_mac[6] = { 0x02, 'c', 'l', 'u', 'a', 0x02 };

struct link {
	bool present, known;
	unsigned told; /* when lltd last named it */
	uint8_t kind, prio, state;
	uint32_t ifindex, mtu;
	uint8_t addr[LLT_ADDR_LEN], peer_addr[LLT_ADDR_LEN];
};

struct peer {
	struct link link[LLT_MAX_LINKS];
};

struct paths {
	uint32_t tunnel; /* ifindex; 0: links by UDP are no ways */
	unsigned round;  /* of lltd telling everything */
	struct peer *peer[LLT_MAX_NODES];
};

struct paths *
paths_new(void)
{
	return mem_zalloc(sizeof(struct paths));
}

void
paths_free(struct paths *p)
{
	size_t i;

	for (i = 0; p != NULL && i < LLT_MAX_NODES; i++)
		free(p->peer[i]);
	free(p);
}

static void
ether_path(const struct link *l, struct dp_path *out)
{
	out->ifindex = l->ifindex;
	memcpy(out->src, l->addr, 6);
	memcpy(out->dst, l->peer_addr, 6);
}

static void
udp_path(const struct link *l, uint32_t tunnel, struct dp_path *out)
{
	uint32_t room = l->mtu + LLT_UDP_HEAD;
	uint16_t port;

	out->ifindex = tunnel;
	out->limit = room > PATHS_TUNNEL_OVERHEAD ? room - PATHS_TUNNEL_OVERHEAD : 1;
	memcpy(out->src, paths_tunnel_peer_mac, 6);
	memcpy(out->dst, paths_tunnel_mac, 6);
	llt_addr_udp_get(l->addr, &out->local, &port);
	llt_addr_udp_get(l->peer_addr, &out->remote, &port);
}

static bool
is_like(const struct link *l, uint8_t kind, uint8_t prio, uint8_t state)
{
	return l->present && l->known && l->kind == kind && l->prio == prio && l->state == state;
}

/* Where there is a choice packets go as they are. */
static size_t
collect(const struct paths *p, const struct peer *peer, uint8_t prio, uint8_t state, size_t max,
    struct dp_path *out)
{
	size_t i, n = 0;

	for (i = 0; i < LLT_MAX_LINKS && n < max; i++)
		if (is_like(&peer->link[i], LLT_KIND_ETHER, prio, state))
			ether_path(&peer->link[i], &out[n++]);
	for (i = 0; i < LLT_MAX_LINKS && n < max && p->tunnel != 0; i++)
		if ((n == 0 || out[0].remote.s_addr != 0) &&
		    is_like(&peer->link[i], LLT_KIND_UDP, prio, state))
			udp_path(&peer->link[i], p->tunnel, &out[n++]);
	return n;
}

size_t
paths_get(const struct paths *p, uint16_t node, struct dp_path out[LLT_MAX_LINKS])
{
	const struct peer *peer = node < LLT_MAX_NODES ? p->peer[node] : NULL;
	size_t n;

	memset(out, 0, LLT_MAX_LINKS * sizeof(*out));
	if (peer == NULL)
		return 0;
	/* A link in trouble is a dead one more often than not. */
	n = collect(p, peer, LLT_PRIO_HIGH, LLT_LINK_UP, LLT_MAX_LINKS, out);
	if (n == 0)
		n = collect(p, peer, LLT_PRIO_LOW, LLT_LINK_UP, 1, out);
	if (n == 0)
		n = collect(p, peer, LLT_PRIO_HIGH, LLT_LINK_TROUBLE, LLT_MAX_LINKS, out);
	if (n == 0)
		n = collect(p, peer, LLT_PRIO_LOW, LLT_LINK_TROUBLE, 1, out);
	return n;
}

bool
paths_reachable(const struct paths *p, uint16_t node)
{
	struct dp_path out[LLT_MAX_LINKS];

	return paths_get(p, node, out) > 0;
}

bool
paths_link(struct paths *p, const struct llt_ev_link *ev)
{
	struct dp_path before[LLT_MAX_LINKS], after[LLT_MAX_LINKS];
	size_t nbefore, nafter;
	struct link *l;

	if (ev->node >= LLT_MAX_NODES || ev->link >= LLT_MAX_LINKS)
		return false;
	if (p->peer[ev->node] == NULL)
		p->peer[ev->node] = mem_zalloc(sizeof(struct peer));
	nbefore = paths_get(p, ev->node, before);
	l = &p->peer[ev->node]->link[ev->link];
	l->present = ev->ifindex != 0;
	l->told = p->round;
	l->known = ev->known;
	l->prio = ev->prio;
	l->state = ev->state;
	l->kind = ev->kind;
	l->ifindex = ev->ifindex;
	l->mtu = ev->mtu;
	memcpy(l->addr, ev->addr, LLT_ADDR_LEN);
	memcpy(l->peer_addr, ev->peer_addr, LLT_ADDR_LEN);
	nafter = paths_get(p, ev->node, after);
	return nbefore != nafter || memcmp(before, after, sizeof(before)) != 0;
}

void
paths_begin(struct paths *p)
{
	p->round++;
}

void
paths_end(struct paths *p, void (*fn)(uint16_t node, void *arg), void *arg)
{
	struct dp_path before[LLT_MAX_LINKS], after[LLT_MAX_LINKS];
	uint16_t node;
	size_t i;

	for (node = 0; node < LLT_MAX_NODES; node++) {
		if (p->peer[node] == NULL)
			continue;
		paths_get(p, node, before);
		for (i = 0; i < LLT_MAX_LINKS; i++)
			p->peer[node]->link[i].present &= p->peer[node]->link[i].told == p->round;
		paths_get(p, node, after);
		if (memcmp(before, after, sizeof(before)) != 0)
			fn(node, arg);
	}
}

size_t
paths_macs(const struct paths *p, uint16_t node, uint8_t (*out)[6])
{
	const struct peer *peer = node < LLT_MAX_NODES ? p->peer[node] : NULL;
	size_t i, n = 0;

	for (i = 0; peer != NULL && i < LLT_MAX_LINKS; i++) {
		if (peer->link[i].present && peer->link[i].known && peer->link[i].kind == LLT_KIND_ETHER)
			memcpy(out[n++], peer->link[i].peer_addr, 6);
	}
	return n;
}

size_t
paths_addrs(const struct paths *p, uint16_t node, struct in_addr out[LLT_MAX_LINKS])
{
	const struct peer *peer = node < LLT_MAX_NODES ? p->peer[node] : NULL;
	size_t i, n = 0;
	uint16_t port;

	for (i = 0; peer != NULL && i < LLT_MAX_LINKS; i++) {
		if (peer->link[i].present && peer->link[i].known && peer->link[i].kind == LLT_KIND_UDP)
			llt_addr_udp_get(peer->link[i].peer_addr, &out[n++], &port);
	}
	return n;
}

void
paths_set_tunnel(struct paths *p, uint32_t ifindex)
{
	p->tunnel = ifindex;
}

bool
paths_any_udp(const struct paths *p)
{
	size_t i, j;

	for (i = 0; i < LLT_MAX_NODES; i++)
		for (j = 0; p->peer[i] != NULL && j < LLT_MAX_LINKS; j++)
			if (p->peer[i]->link[j].present && p->peer[i]->link[j].kind == LLT_KIND_UDP)
				return true;
	return false;
}

static size_t
add_iface(uint32_t *out, size_t n, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (out[i] == ifindex)
			return n;
	}
	if (n < LLT_MAX_LINKS && ifindex != 0)
		out[n++] = ifindex;
	return n;
}

size_t
paths_ifaces(const struct paths *p, bool high_only, uint32_t out[LLT_MAX_LINKS])
{
	size_t i, j, n = 0;

	for (i = 0; i < LLT_MAX_NODES; i++) {
		for (j = 0; p->peer[i] != NULL && j < LLT_MAX_LINKS; j++) {
			const struct link *l = &p->peer[i]->link[j];

			if (l->present && l->kind == LLT_KIND_ETHER && (!high_only || l->prio == LLT_PRIO_HIGH))
				n = add_iface(out, n, l->ifindex);
		}
	}
	return n;
}
