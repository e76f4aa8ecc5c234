/* SPDX-License-Identifier: ISC */
#include "aliasd/core/paths.h"

#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"

struct link {
	bool present, known;
	uint8_t prio, state;
	uint32_t ifindex;
	uint8_t mac[6], peer_addr[6];
};

struct peer {
	struct link link[LLT_MAX_LINKS];
};

struct paths {
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

static size_t
collect(const struct peer *peer, uint8_t prio, uint8_t state, size_t max, struct dp_path *out)
{
	size_t i, n = 0;

	for (i = 0; i < LLT_MAX_LINKS && n < max; i++) {
		const struct link *l = &peer->link[i];

		if (!l->present || !l->known || l->prio != prio || l->state != state)
			continue;
		out[n].ifindex = l->ifindex;
		memcpy(out[n].src, l->mac, 6);
		memcpy(out[n++].dst, l->peer_addr, 6);
	}
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
	n = collect(peer, LLT_PRIO_HIGH, LLT_LINK_UP, LLT_MAX_LINKS, out);
	if (n == 0)
		n = collect(peer, LLT_PRIO_HIGH, LLT_LINK_TROUBLE, LLT_MAX_LINKS, out);
	if (n == 0)
		n = collect(peer, LLT_PRIO_LOW, LLT_LINK_UP, 1, out);
	if (n == 0)
		n = collect(peer, LLT_PRIO_LOW, LLT_LINK_TROUBLE, 1, out);
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

	if (ev->node >= LLT_MAX_NODES || ev->link >= LLT_MAX_LINKS || ev->kind != LLT_KIND_ETHER)
		return false;
	if (p->peer[ev->node] == NULL)
		p->peer[ev->node] = mem_zalloc(sizeof(struct peer));
	nbefore = paths_get(p, ev->node, before);
	l = &p->peer[ev->node]->link[ev->link];
	l->present = true;
	l->known = ev->known;
	l->prio = ev->prio;
	l->state = ev->state;
	l->ifindex = ev->ifindex;
	memcpy(l->mac, ev->addr, 6);
	memcpy(l->peer_addr, ev->peer_addr, 6);
	nafter = paths_get(p, ev->node, after);
	return nbefore != nafter || memcmp(before, after, sizeof(before)) != 0;
}

size_t
paths_macs(const struct paths *p, uint16_t node, uint8_t (*out)[6])
{
	const struct peer *peer = node < LLT_MAX_NODES ? p->peer[node] : NULL;
	size_t i, n = 0;

	for (i = 0; peer != NULL && i < LLT_MAX_LINKS; i++) {
		if (peer->link[i].present && peer->link[i].known)
			memcpy(out[n++], peer->link[i].peer_addr, 6);
	}
	return n;
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

			if (l->present && (!high_only || l->prio == LLT_PRIO_HIGH))
				n = add_iface(out, n, l->ifindex);
		}
	}
	return n;
}
