/* SPDX-License-Identifier: ISC */
#include "aliasd/core/peers.h"

#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "common/llthosts.h"
#include "proto/alias_msg_list.h"

struct peer {
	bool vmac;
	uint8_t step;
	uint8_t prefix[2];
	size_t n;
	struct alias_lan *lan;
};

struct peers {
	struct peer *peer[LLT_MAX_NODES];
};

struct peers *
peers_new(void)
{
	return mem_zalloc(sizeof(struct peers));
}

static void
drop(struct peers *ps, uint16_t node)
{
	struct peer *p = node < LLT_MAX_NODES ? ps->peer[node] : NULL;

	if (p == NULL)
		return;
	free(p->lan);
	free(p);
	ps->peer[node] = NULL;
}

void
peers_clear(struct peers *ps)
{
	uint16_t i;

	for (i = 0; i < LLT_MAX_NODES; i++)
		drop(ps, i);
}

void
peers_free(struct peers *ps)
{
	if (ps == NULL)
		return;
	peers_clear(ps);
	free(ps);
}

static struct peer *
take(struct alias_msg *m)
{
	struct peer *p = mem_zalloc(sizeof(*p));
	struct alias_lan l;

	p->vmac = m->vmac;
	p->step = m->step;
	memcpy(p->prefix, m->prefix, sizeof(p->prefix));
	p->lan = mem_zalloc((m->count + 1) * sizeof(*p->lan));
	while (alias_msg_next_lan(m, &l)) {
		struct alias_lan *to = &p->lan[p->n++];

		/* Field by field: the padding is to compare equal. */
		memcpy(to->mac, l.mac, sizeof(to->mac));
		to->addr = l.addr;
		to->prefixlen = l.prefixlen;
		to->carrier = l.carrier;
	}
	return p;
}

static bool
same(const struct peer *a, const struct peer *b)
{
	return a->vmac == b->vmac && a->step == b->step &&
	    memcmp(a->prefix, b->prefix, sizeof(a->prefix)) == 0 && a->n == b->n &&
	    memcmp(a->lan, b->lan, a->n * sizeof(*a->lan)) == 0;
}

bool
peers_set(struct peers *ps, uint16_t node, struct alias_msg *m)
{
	struct peer *fresh;
	bool changed;

	if (node >= LLT_MAX_NODES)
		return false;
	fresh = take(m);
	changed = ps->peer[node] == NULL || !same(ps->peer[node], fresh);
	drop(ps, node);
	ps->peer[node] = fresh;
	return changed;
}

bool
peers_get(const struct peers *ps, uint16_t node, struct peer_lan *out)
{
	const struct peer *p = node < LLT_MAX_NODES ? ps->peer[node] : NULL;

	if (p == NULL)
		return false;
	out->vmac = p->vmac;
	out->step = p->step;
	memcpy(out->prefix, p->prefix, sizeof(out->prefix));
	out->n = p->n;
	out->lan = p->lan;
	return true;
}

bool
peers_has_mac(const struct peers *ps, const uint8_t mac[6])
{
	size_t i, j;

	for (i = 0; i < LLT_MAX_NODES; i++) {
		const struct peer *p = ps->peer[i];

		for (j = 0; p != NULL && j < p->n; j++) {
			if (memcmp(p->lan[j].mac, mac, 6) == 0)
				return true;
		}
	}
	return false;
}

bool
peers_has_addr(const struct peers *ps, struct in_addr addr)
{
	size_t i, j;

	for (i = 0; addr.s_addr != 0 && i < LLT_MAX_NODES; i++) {
		const struct peer *p = ps->peer[i];

		for (j = 0; p != NULL && j < p->n; j++) {
			if (p->lan[j].addr.s_addr == addr.s_addr)
				return true;
		}
	}
	return false;
}

bool
peers_has_vmac(const struct peers *ps, struct in_addr alias, const uint8_t mac[6])
{
	uint8_t vmac[6];
	size_t i;

	for (i = 0; i < LLT_MAX_NODES; i++) {
		const struct peer *p = ps->peer[i];

		if (p == NULL || !p->vmac)
			continue;
		vmac_of(vmac, p->prefix, alias);
		if (memcmp(vmac, mac, 6) == 0)
			return true;
	}
	return false;
}

void
vmac_of(uint8_t mac[6], const uint8_t prefix[2], struct in_addr alias)
{
	memcpy(mac, prefix, 2);
	memcpy(mac + 2, &alias.s_addr, 4);
}
