/* SPDX-License-Identifier: ISC */
/* Core: what others may see of it. */
#include <string.h>

#include "lltd/core_priv.h"

void
core_self(const struct core *c, struct llt_ev_self *e)
{
	memset(e, 0, sizeof(*e));
	e->cluster = c->conf.cluster;
	e->node = c->conf.node;
	memcpy(e->name, c->conf.name, sizeof(e->name));
	e->incarnation = c->inc;
	e->peerinact_ns = c->conf.timers.inactive;
	e->nlinks = (uint16_t)c->conf.nlinks;
}

bool
core_node_info(const struct core *c, uint16_t node, struct llt_ev_node *e)
{
	const struct peer *p = node < LLT_MAX_NODES ? c->by_node[node] : NULL;

	if (p == NULL)
		return false;
	memset(e, 0, sizeof(*e));
	e->node = node;
	strncpy(e->name, p->name, sizeof(e->name) - 1);
	e->state = p->s.up ? LLT_OPEN_STATE : LLT_CONNWAIT;
	e->session = p->session;
	e->links_up = p->links_up;
	return true;
}

bool
core_link_state(const struct core *c, uint16_t node, unsigned link, struct llt_ev_link *e)
{
	const struct peer *p = node < LLT_MAX_NODES ? c->by_node[node] : NULL;

	if (p == NULL || link >= c->conf.nlinks)
		return false;
	memset(e, 0, sizeof(*e));
	e->node = node;
	e->link = (uint8_t)link;
	e->prio = c->link[link].prio;
	e->state = p->link[link].state;
	e->known = p->link[link].known;
	e->kind = c->conf.link[link].kind;
	e->mtu = (uint32_t)c->link[link].mtu;
	e->ifindex = c->link[link].ifindex;
	memcpy(e->addr, c->link[link].addr, LLT_ADDR_LEN);
	memcpy(e->peer_addr, p->link[link].addr, LLT_ADDR_LEN);
	return true;
}

void
core_link_info(const struct core *c, unsigned link, struct core_link_info *e)
{
	const struct core_link *l = &c->link[link];

	memset(e, 0, sizeof(*e));
	e->carrier = l->carrier;
	e->prio = l->prio;
	e->burst = l->burst;
	e->ifindex = l->ifindex;
	memcpy(e->addr, l->addr, LLT_ADDR_LEN);
	e->mtu = l->mtu;
	e->tx_frames = l->tx_frames;
	e->tx_bytes = l->tx_bytes;
	e->rx_frames = l->rx_frames;
	e->rx_bytes = l->rx_bytes;
	for (unsigned i = 0; i < c->npeers; i++) {
		e->hb_late += c->peers[i]->link[link].hb_late;
		e->hb_lost += c->peers[i]->link[link].hb_lost;
	}
}

int
core_depends_on(const struct core *c, uint32_t links)
{
	for (unsigned i = 0; i < c->npeers; i++) {
		const struct peer *p = c->peers[i];
		bool other = false;

		for (unsigned l = 0; l < c->conf.nlinks; l++)
			other |= (links >> l & 1) == 0 && p->link[l].state != LLT_LINK_INACTIVE;
		if (p->s.up && !other)
			return p->node;
	}
	return -1;
}

unsigned
core_port_peers(const struct core *c, uint8_t port, uint16_t *nodes, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->npeers && n < max; i++)
		if (c->peers[i]->tx[port] != NULL || c->peers[i]->rx[port] != NULL)
			nodes[n++] = c->peers[i]->node;
	return n;
}

const struct stats *
core_stats(struct core *c)
{
	c->stats.n[STAT_SND_RESENT] = c->streams.resent;
	c->stats.n[STAT_SND_FAST] = c->streams.fast;
	c->stats.n[STAT_SND_TIMEOUTS] = c->streams.timeouts;
	return &c->stats;
}

bool
core_running(const struct core *c)
{
	return c->state == CORE_RUNNING;
}
