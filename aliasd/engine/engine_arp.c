/* SPDX-License-Identifier: ISC */
/* ARP as the daemon speaks it: announcements, questions, what is heard, conflicts with foreign hosts. */
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/frame.h"
#include "aliasd/engine/engine_priv.h"

#define LOOKS 2
#define LOOK_GAP (200 * NSEC_PER_MSEC)

/* ---- sending ---- */

static void
tell_everybody(struct engine *e, const struct dp_alias *alias, bool both)
{
	const struct netlink_link *k = netlink_link_by_index(lan_netlink(e->lan), alias->ifindex);
	uint8_t frame[FRAME_ARP_LEN];
	const uint8_t *mac;

	if (k == NULL)
		return;
	/* From the virtual MAC if there is one: switches learn from it where it is now. */
	mac = alias->has_vmac ? alias->vmac : k->mac;
	frame_garp(frame, mac, alias->addr, false);
	rawsock_send(e->raw, k->ifindex, frame, sizeof(frame));
	if (!both)
		return;
	frame_garp(frame, mac, alias->addr, true);
	rawsock_send(e->raw, k->ifindex, frame, sizeof(frame));
}

/*
 * A new master that spreads its clients may not know all of them: nobody is left with a member that is
 * dead. Those it knows are told better at once; later they alone are told again.
 */
static void
send_garp(struct in_addr addr, bool both, void *arg)
{
	struct engine *e = arg;
	struct told *t = map_get(e->told, addr.s_addr);

	if (t == NULL || !t->dp.master)
		return;
	if (!t->dp.by_daemon || !t->said)
		tell_everybody(e, &t->dp, both);
	t->said = true;
	if (t->dp.by_daemon)
		engine_inbound_announce(e, addr);
}

static bool
is_of_members(enum ask_what what)
{
	return what == ASK_TAKEOVER || what == ASK_CHECK || what == ASK_OPINION;
}

static void
send_question(const struct ask_question *q, void *arg)
{
	struct engine *e = arg;
	uint32_t ifindex = lan_attached(e->lan, q->addr);
	const struct netlink_link *k = netlink_link_by_index(lan_netlink(e->lan), ifindex);
	struct in_addr src = { 0 };
	uint8_t frame[FRAME_ARP_LEN];

	if (ifindex == 0 || k == NULL)
		return;
	/* RFC 5227: who does not have an address, or not for sure, asks without saying so. */
	if (is_of_members(q->what))
		src = lan_source(e->lan, ifindex, q->addr);
	frame_arp_request(frame, k->mac, src, q->addr);
	rawsock_send(e->raw, ifindex, frame, sizeof(frame));
}

static void look_at_conflict(const struct acd_conflict *, void *);

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Everything that is due. What it brings about may make more so. */
void
engine_arp_run(struct engine *e)
{
	uint64_t next, now, began = clock_ns();

	if (e->arp_running) {
		e->arp_again = true;
		return;
	}
	e->arp_running = true;
	do {
		e->arp_again = false;
		now = clock_ns();
		/* We may be late: what came in meanwhile counts. */
		if (ask_due(e->ask) <= now)
			rawsock_poll(e->raw);
		next = handover_run(e->handover, now);
		next = earlier(next, vigil_run(e->vigil, now));
		next = earlier(next, ask_run(e->ask, now));
		next = earlier(next, acd_run(e->acd, now, look_at_conflict, e));
		next = earlier(next, garp_run(e->garp, now, send_garp, e));
	} while (e->arp_again);
	e->arp_running = false;
	/* As long as it took, others have the processor: we may have a real-time priority. */
	now = clock_ns();
	if (next == GARP_NEVER)
		ev_timer_cancel(e->arp_timer);
	else
		ev_timer_set_at(e->arp_timer, next > now + (now - began) ? next : now + (now - began));
}

void
engine_arp_timer(void *arg)
{
	engine_arp_run(arg);
}

void
engine_arp_soon(struct engine *e)
{
	e->arp_again = true;
	ev_timer_set(e->arp_timer, 0);
}

void
engine_announce(struct engine *e, struct in_addr addr)
{
	/* Clients that have connections ask nobody, and wait. */
	if (datapath_alias_flows(e->dp, addr) > 0)
		garp_start_urgent(e->garp, addr, clock_ns());
	else
		garp_start(e->garp, addr, clock_ns());
	engine_arp_soon(e);
}

/* Whoever was heard meanwhile: the last word is ours. */
void
engine_announce_all(struct engine *e)
{
	garp_restart_all(e->garp, clock_ns());
	engine_arp_run(e);
}

static void
announce_on(uint64_t key, void *value, void *arg)
{
	struct told *t = value;
	struct engine *e = arg;

	if (t->dp.master && t->dp.ifindex == e->up_ifindex)
		garp_start(e->garp, t->dp.addr, clock_ns());
}

void
engine_lan_up(struct engine *e, uint32_t ifindex)
{
	e->up_ifindex = ifindex;
	map_each(e->told, announce_on, e);
	engine_arp_run(e);
}

/* ---- conflicts ---- */

static struct alias_arp
conflict_item(const struct acd_conflict *c)
{
	struct alias_arp item = { .op = ALIAS_ARP_CONFLICT, .alias = c->addr, .node = c->used };

	memcpy(item.mac, c->mac, 6);
	return item;
}

static void
log_conflict(const struct acd_conflict *c)
{
	if (c->used)
		log_warnx("arp", "%s: address conflict: a host with MAC %s, which is no member, uses it too",
		    addr_ip(c->addr).s, addr_mac(c->mac).s);
	else
		log_warnx("arp", "%s: address conflict: not taken into use, a host with MAC %s has it",
		    addr_ip(c->addr).s, addr_mac(c->mac).s);
}

static void
log_cleared(struct in_addr addr)
{
	log_info("arp", "%s: the address conflict is over", addr_ip(addr).s);
}

static void
note_conflict(struct engine *e, struct in_addr addr, const uint8_t mac[6], bool used)
{
	struct acd_conflict c = { .addr = addr, .used = used };
	struct alias_arp item;
	bool news;

	memcpy(c.mac, mac, 6);
	item = conflict_item(&c);
	news = acd_note(e->acd, &c, clock_ns());
	if (news) {
		engine_send_arp(e, ENGINE_ALL, &item);
		engine_event_conflict(e, addr, addr_mac(mac).s, true);
	}
	if (news && log_limit_ok(&e->claim_limit, clock_ns()))
		log_conflict(&c);
	engine_arp_soon(e);
}

static void
clear_conflict(struct engine *e, struct in_addr addr)
{
	struct alias_arp item = { .op = ALIAS_ARP_CLEARED, .alias = addr };

	if (!acd_clear(e->acd, addr))
		return;
	log_cleared(addr);
	engine_event_conflict(e, addr, NULL, true);
	engine_send_arp(e, ENGINE_ALL, &item);
}

/* Only the master looks: it may have become another than the one that found the conflict. */
static void
look_at_conflict(const struct acd_conflict *c, void *arg)
{
	struct ask_question q = { .what = ASK_CONFLICT, .addr = c->addr };
	struct engine *e = arg;
	const struct state_alias *a = state_alias(e->state, c->addr);

	if (a == NULL || a->master != e->self)
		return;
	ask_start(e->ask, &q, LOOKS, LOOK_GAP, clock_ns());
	engine_arp_soon(e);
}

static void
send_conflict(const struct acd_conflict *c, void *arg)
{
	struct engine *e = arg;
	const struct state_alias *a = state_alias(e->state, c->addr);
	struct alias_arp item = conflict_item(c);

	if (a != NULL && a->master == e->self)
		engine_send_arp(e, ENGINE_ALL, &item);
}

/*
 * Members that joined know nothing of conflicts; and they may come from the other part of a partition,
 * where another was master and announced itself.
 */
void
engine_arp_view(struct engine *e, const struct gab_ev_view *v)
{
	size_t i;

	for (i = 0; i < v->nleft; i++) {
		if (!e->open[v->left[i]])
			handover_gone(e->handover, v->left[i]);
	}
	if (v->njoined == 0)
		return;
	acd_each(e->acd, send_conflict, e);
	engine_inbound_joined(e);
	engine_announce_all(e);
}

/* What another member found. */
static void
told_of_conflict(struct engine *e, const struct alias_arp *item)
{
	struct acd_conflict c = { .addr = item->alias, .used = item->node != 0 };

	memcpy(c.mac, item->mac, 6);
	if (state_alias(e->state, c.addr) != NULL && acd_note(e->acd, &c, clock_ns())) {
		log_conflict(&c);
		engine_event_conflict(e, c.addr, addr_mac(c.mac).s, false);
	}
	engine_arp_soon(e);
}

/* ---- hearing ---- */

static bool
is_node_mac(const struct engine *e, const uint8_t *mac)
{
	uint8_t macs[LLT_MAX_LINKS][6];
	size_t i, j, n;

	for (i = 0; i < LLT_MAX_NODES; i++) {
		n = paths_macs(e->paths, (uint16_t)i, macs);
		for (j = 0; j < n; j++) {
			if (memcmp(macs[j], mac, 6) == 0)
				return true;
		}
	}
	return false;
}

static bool
is_vmac(const struct engine *e, struct in_addr alias, const uint8_t *mac)
{
	uint8_t vmac[6];

	vmac_of(vmac, e->conf->vmac_prefix, alias);
	return memcmp(vmac, mac, 6) == 0 || peers_has_vmac(e->peers, alias, mac);
}

bool
engine_is_foreign(const struct engine *e, struct in_addr alias, const uint8_t mac[6])
{
	return !is_vmac(e, alias, mac) && !peers_has_mac(e->peers, mac) && !is_node_mac(e, mac) &&
	    !lan_own_mac(e->lan, mac);
}

/* Members are asked whether they answer: that they say so by themselves proves nothing. */
static bool
from_member(struct engine *e, const struct ask_question *q)
{
	if (q->what == ASK_CHECK)
		vigil_heard(e->vigil, q->addr);
	else if (q->what == ASK_OPINION)
		engine_vigil_tell(e, q, true);
	return true;
}

static bool
from_stranger(struct engine *e, const struct ask_question *q, const uint8_t mac[6])
{
	switch (q->what) {
	case ASK_NEW:
		engine_in_use(e, q->addr);
		note_conflict(e, q->addr, mac, false);
		return true;
	case ASK_SET:
		engine_ctl_in_use(e, q->ref, addr_mac(mac).s);
		return true;
	case ASK_CONFLICT:
		note_conflict(e, q->addr, mac, garp_has(e->garp, q->addr));
		return true;
	default:
		return false;
	}
}

static bool
on_answer(const struct ask_question *q, const uint8_t mac[6], bool direct, void *arg)
{
	struct engine *e = arg;

	if (engine_is_foreign(e, q->addr, mac))
		return from_stranger(e, q, mac);
	return is_of_members(q->what) && direct && from_member(e, q);
}

static void
on_silence(const struct ask_question *q, void *arg)
{
	struct engine *e = arg;

	switch (q->what) {
	case ASK_NEW:
		engine_not_in_use(e, q->addr);
		break;
	case ASK_SET:
		engine_ctl_not_in_use(e, q->ref);
		break;
	case ASK_CONFLICT:
		clear_conflict(e, q->addr);
		engine_not_in_use(e, q->addr);
		break;
	case ASK_TAKEOVER:
		handover_gone(e->handover, (uint16_t)q->ref);
		break;
	case ASK_CHECK:
		engine_vigil_silence(e, q->addr, (uint16_t)q->ref);
		break;
	case ASK_OPINION:
		engine_vigil_tell(e, q, false);
		break;
	default:
		break;
	}
}

const struct ask_ops engine_ask_ops = { .send = send_question, .on_answer = on_answer,
	.on_silence = on_silence };

/* Somebody says that an alias of ours is his: say again that it is ours. */
static void
claimed(struct engine *e, struct in_addr addr, const uint8_t mac[6])
{
	bool foreign = engine_is_foreign(e, addr, mac);

	if (foreign)
		note_conflict(e, addr, mac, true);
	else
		log_debug("arp", "a member still claims %s", addr_ip(addr).s);
	garp_claim(e->garp, addr, foreign ? GARP_FOREIGN : GARP_MEMBER, clock_ns());
	engine_arp_soon(e);
}

void
engine_on_arp(uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	struct engine *e = arg;
	struct frame_arp arp;

	if (!lan_is_iface(e->lan, ifindex) || !frame_arp(frame, len, &arp) ||
	    lan_own_mac(e->lan, arp.sender_mac))
		return;
	e->lan_heard = clock_ns();
	if (arp.sender.s_addr == 0)
		return;
	ask_heard(e->ask, arp.sender, arp.sender_mac, frame_arp_is_answer(frame, len));
	if (garp_has(e->garp, arp.sender))
		claimed(e, arp.sender, arp.sender_mac);
}

/* ---- what members tell each other ---- */

void
engine_arp_message(struct engine *e, uint16_t src, struct alias_msg *m)
{
	struct alias_arp item;

	while (alias_msg_next_arp(m, &item)) {
		switch (item.op) {
		case ALIAS_ARP_RELEASED:
			engine_released(e, src, item.alias);
			break;
		case ALIAS_ARP_CONFLICT:
			told_of_conflict(e, &item);
			break;
		case ALIAS_ARP_CLEARED:
			if (!acd_clear(e->acd, item.alias))
				break;
			log_cleared(item.alias);
			engine_event_conflict(e, item.alias, NULL, false);
			break;
		case ALIAS_ARP_ANNOUNCE:
			if (garp_has(e->garp, item.alias))
				engine_announce(e, item.alias);
			break;
		case ALIAS_ARP_DOUBT:
			engine_vigil_doubt(e, src, &item);
			break;
		case ALIAS_ARP_HEARD:
		case ALIAS_ARP_UNHEARD:
			vigil_opinion(e->vigil, item.alias, item.node, item.op == ALIAS_ARP_HEARD,
			    clock_ns());
			engine_arp_soon(e);
			break;
		default:
			break;
		}
	}
}
