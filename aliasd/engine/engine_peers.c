/* SPDX-License-Identifier: ISC */
/* What members tell each other about their LAN interfaces and about ARP. */
#include <string.h>

#include "aliasd/engine/engine_priv.h"

#define LANS_MAX 256
#define ARPS_MAX 4000

static void
put_address(const struct netlink_link *k, const struct netlink_addr *a, void *arg)
{
	struct alias_list *list = arg;
	struct alias_lan l = { .addr = a->addr, .prefixlen = a->prefixlen, .carrier = k->up && k->carrier };

	memcpy(l.mac, k->mac, sizeof(l.mac));
	if (list->count < LANS_MAX)
		alias_list_lan(list, &l);
}

/* An interface without an address has a MAC all the same. */
static void
put_bare(struct engine *e, struct alias_list *list)
{
	uint32_t lan[LAN_MAX];
	size_t i, n = lan_ifaces(e->lan, lan);

	for (i = 0; i < n && list->count < LANS_MAX; i++) {
		const struct netlink_link *k = netlink_link_by_index(lan_netlink(e->lan), lan[i]);
		struct alias_lan l = { .carrier = k != NULL && k->up && k->carrier };

		if (k == NULL)
			continue;
		memcpy(l.mac, k->mac, sizeof(l.mac));
		alias_list_lan(list, &l);
	}
}

void
engine_send_lan(struct engine *e)
{
	static uint8_t buf[(LANS_MAX + LAN_MAX) * ALIAS_LAN_LEN + 64];
	struct alias_list list;
	struct wire_wr w;

	if (state_gen(e->state) == 0)
		return;
	wire_wr_init(&w, buf, sizeof(buf));
	alias_list_begin_lan(
	    &list, &w, (e->routing & ALIAS_RT_VMAC) != 0, e->overload.step, e->conf->vmac_prefix);
	lan_each_addr(e->lan, put_address, &list);
	put_bare(e, &list);
	alias_list_end(&list);
	/* Interfaces come and go, and with them many events that change nothing here. */
	if (wire_wr_len(&w) == e->lan_sent_len && memcmp(buf, e->lan_sent, e->lan_sent_len) == 0 &&
	    e->lan_sent_gen == state_gen(e->state))
		return;
	e->lan_sent_gen = state_gen(e->state);
	e->lan_sent_len = wire_wr_len(&w);
	e->lan_sent = mem_grow(e->lan_sent, e->lan_sent_len, 1);
	memcpy(e->lan_sent, buf, e->lan_sent_len);
	engine_multicast(e, buf, e->lan_sent_len);
}

bool
engine_vmac_differs(const struct engine *e, uint16_t node)
{
	bool on = (e->routing & ALIAS_RT_VMAC) != 0;
	struct peer_lan p;

	if (node == e->self || !peers_get(e->peers, node, &p))
		return false;
	return p.vmac != on || (on && memcmp(p.prefix, e->conf->vmac_prefix, sizeof(p.prefix)) != 0);
}

void
engine_lan_message(struct engine *e, uint16_t src, struct alias_msg *m)
{
	bool before = engine_vmac_differs(e, src), differs;

	if (!peers_set(e->peers, src, m))
		return;
	engine_inbound_review(e);
	differs = engine_vmac_differs(e, src);
	if (differs && !before)
		log_warnx("vmac", "node %u (%s) is set otherwise for virtual MACs: all members must be alike",
		    src, e->name[src]);
	else if (before && !differs)
		log_info("vmac", "node %u (%s) is set alike for virtual MACs", src, e->name[src]);
}

/* ---- many small messages as few large ones ---- */

static bool
fits(const struct engine *e, uint16_t node)
{
	return e->arp_list.count > 0 && e->arp_to == node && e->arp_list.count < ARPS_MAX;
}

void
engine_flush_arp(struct engine *e)
{
	if (e->arp_list.count == 0)
		return;
	alias_list_end(&e->arp_list);
	if (e->arp_to == ENGINE_ALL)
		engine_multicast(e, e->arp_buf, wire_wr_len(&e->arp_w));
	else if (state_is_member(e->state, e->arp_to))
		engine_unicast(e, e->arp_to, e->arp_buf, wire_wr_len(&e->arp_w));
	e->arp_list.count = 0;
}

void
engine_send_arp(struct engine *e, uint16_t node, const struct alias_arp *item)
{
	if (!fits(e, node)) {
		engine_flush_arp(e);
		if (e->arp_buf == NULL)
			e->arp_buf = mem_zalloc(ARPS_MAX * ALIAS_ARP_LEN + 64);
		wire_wr_init(&e->arp_w, e->arp_buf, ARPS_MAX * ALIAS_ARP_LEN + 64);
		alias_list_begin(&e->arp_list, &e->arp_w, ALIAS_MSG_ARP);
		e->arp_to = node;
		ev_timer_set(e->send_timer, 0);
	}
	alias_list_arp(&e->arp_list, item);
}

void
engine_send_timer(void *arg)
{
	engine_flush_arp(arg);
	engine_inbound_flush(arg);
}
