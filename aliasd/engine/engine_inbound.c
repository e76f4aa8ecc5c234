/* SPDX-License-Identifier: ISC */
/*
 * inbound=balance carried out: the master answers ARP by itself, each client with the MAC address of the
 * member that it is given to, moves clients by ARP directed to them alone, and tells the other members,
 * who may be master next.
 */
#include <string.h>

#include "aliasd/core/frame.h"
#include "aliasd/engine/engine_priv.h"

#define SLOTS_MAX 1024
#define NICS_MAX 15
#define WEIGHT_UNIT 360360 /* any number of interfaces up to 15 divides it */
#define ITEMS_MAX 2500
/* Hosts ask again within minutes of use; who is silent for so long is gone. */
#define CLIENT_KEPT (4 * 3600 * NSEC_PER_SEC)

static bool
wants(const struct state_alias *a, uint16_t node)
{
	const struct state_row *r = state_row(a, node);

	return r != NULL && (r->flags & ALIAS_ROW_BALANCE) && !(r->flags & ALIAS_ROW_VIRTUAL);
}

static bool
anybody_wants(const struct state_alias *a)
{
	size_t i;

	for (i = 0; i < a->nrows; i++) {
		if (wants(a, a->rows[i].node))
			return true;
	}
	return false;
}

bool
engine_is_balanced(const struct engine *e, struct in_addr addr)
{
	const struct state_alias *a = state_alias(e->state, addr);

	return a != NULL && wants(a, e->self);
}

/* ---- who can be told ---- */

struct nics {
	struct in_addr alias;
	size_t n;
	uint8_t mac[NICS_MAX][6];
};

static void
add_nic(struct nics *nics, struct in_addr addr, uint8_t prefixlen, const uint8_t mac[6])
{
	uint32_t mask = addr_mask(prefixlen).s_addr;
	size_t i;

	if (addr.s_addr == 0 || ((addr.s_addr ^ nics->alias.s_addr) & mask) != 0 || nics->n == NICS_MAX)
		return;
	for (i = 0; i < nics->n; i++) {
		if (memcmp(nics->mac[i], mac, 6) == 0)
			return;
	}
	memcpy(nics->mac[nics->n++], mac, 6);
}

static void
add_own(const struct netlink_link *k, const struct netlink_addr *a, void *arg)
{
	if (k->up && k->carrier)
		add_nic(arg, a->addr, a->prefixlen, k->mac);
}

static struct nics
nics_of(struct engine *e, uint16_t node, struct in_addr alias)
{
	struct nics nics = { .alias = alias };
	struct peer_lan p;
	size_t i;

	if (node == e->self)
		lan_each_addr(e->lan, add_own, &nics);
	else if (peers_get(e->peers, node, &p))
		for (i = 0; i < p.n; i++)
			if (p.lan[i].carrier)
				add_nic(&nics, p.lan[i].addr, p.lan[i].prefixlen, p.lan[i].mac);
	return nics;
}

static bool
may_route(struct engine *e, const struct state_row *r)
{
	const uint8_t needs = ALIAS_ROW_ROUTES | ALIAS_ROW_ATTACHED;

	return (r->flags & needs) == needs && !(r->flags & (ALIAS_ROW_SILENT | ALIAS_ROW_UNPROVEN)) &&
	    state_is_synced(e->state, r->node) && engine_usable(r->node, e);
}

/* As with masters, rpri 0 is for when nobody else is there. */
static size_t
slots_of(struct engine *e, const struct state_alias *a, struct inbound_slot *slot)
{
	bool zero = true;
	size_t i, j, n = 0;

	for (i = 0; i < a->nrows; i++)
		zero = zero && !(may_route(e, &a->rows[i]) && a->rows[i].rpri > 0);
	for (i = 0; i < a->nrows; i++) {
		const struct state_row *r = &a->rows[i];
		struct nics nics;

		if (!may_route(e, r) || (r->rpri == 0 && !zero))
			continue;
		nics = nics_of(e, r->node, a->addr);
		for (j = 0; j < nics.n && n < SLOTS_MAX; j++, n++) {
			slot[n].node = r->node;
			slot[n].weight =
			    WEIGHT_UNIT / (uint32_t)nics.n * (zero ? 1 : r->rpri) * engine_share(e, r->node);
			memcpy(slot[n].mac, nics.mac[j], 6);
		}
	}
	return n;
}

/* ---- telling members ---- */

void
engine_inbound_flush(struct engine *e)
{
	if (e->clients_list.count == 0)
		return;
	alias_list_end(&e->clients_list);
	if (state_gen(e->state) != 0)
		engine_multicast(e, e->clients_buf, wire_wr_len(&e->clients_w));
	e->clients_list.count = 0;
}

static void
tell_members(struct engine *e, const struct inbound_client *c)
{
	struct alias_client item = { .alias = c->alias, .client = c->addr };
	const size_t size = ITEMS_MAX * ALIAS_CLIENT_LEN + 64;

	memcpy(item.mac, c->mac, 6);
	memcpy(item.to, c->to, 6);
	if (e->clients_list.count == ITEMS_MAX)
		engine_inbound_flush(e);
	if (e->clients_list.count == 0) {
		if (e->clients_buf == NULL)
			e->clients_buf = mem_zalloc(size);
		wire_wr_init(&e->clients_w, e->clients_buf, size);
		alias_list_begin(&e->clients_list, &e->clients_w, ALIAS_MSG_CLIENTS);
		ev_timer_set(e->send_timer, 0);
	}
	alias_list_client(&e->clients_list, &item);
}

/*
 * The former master's clients may come when we are master already: those that nobody but it knew. What we
 * have told a client ourselves is newer. It may come before the state does, too.
 */
static bool
is_news(const struct engine *e, uint16_t src, const struct alias_client *item)
{
	const struct state_alias *a = state_alias(e->state, item->alias);

	if (!state_loaded(e->state))
		return true;
	if (a == NULL || !wants(a, src))
		return false;
	return a->master != e->self || inbound_get(e->inbound, item->alias, item->client) == NULL;
}

/* If we are master, they have heard that everybody is to come to us. */
static void
tell_late(struct engine *e, struct in_addr alias)
{
	const struct state_alias *a = state_alias(e->state, alias);
	const struct told *t = map_get(e->told, alias.s_addr);

	if (!state_loaded(e->state) || a == NULL || t == NULL || !t->dp.master)
		return;
	engine_inbound_alias(e, a);
	engine_announce(e, alias);
}

void
engine_inbound_message(struct engine *e, uint16_t src, struct alias_msg *m)
{
	struct alias_client item;
	struct in_addr late = { 0 };

	while (alias_msg_next_client(m, &item)) {
		struct inbound_client c = { .alias = item.alias, .addr = item.client, .heard = clock_ns() };

		if (!is_news(e, src, &item))
			continue;
		if (late.s_addr != item.alias.s_addr)
			tell_late(e, late);
		late = item.alias;
		memcpy(c.mac, item.mac, 6);
		memcpy(c.to, item.to, 6);
		inbound_learn(e->inbound, &c);
	}
	tell_late(e, late);
}

static void
tell_one(const struct inbound_client *c, void *arg)
{
	tell_members(arg, c);
}

static void
tell_alias(struct in_addr alias, void *arg)
{
	struct engine *e = arg;
	const struct state_alias *a = state_alias(e->state, alias);

	if (a != NULL && a->master == e->self)
		inbound_each(e->inbound, alias, tell_one, e);
}

/* Who joined knows of no client. */
void
engine_inbound_joined(struct engine *e)
{
	inbound_each_alias(e->inbound, tell_alias, e);
}

/* ---- telling clients ---- */

static const struct netlink_link *
link_of(struct engine *e, struct in_addr alias)
{
	return netlink_link_by_index(lan_netlink(e->lan), lan_attached(e->lan, alias));
}

static void
direct(const struct inbound_client *c, void *arg)
{
	struct engine *e = arg;
	const struct netlink_link *k = link_of(e, c->alias);
	uint8_t frame[FRAME_ARP_LEN];

	if (k == NULL)
		return;
	frame_garp_to(frame, k->mac, c->mac, c->to, c->alias);
	rawsock_send(e->raw, k->ifindex, frame, sizeof(frame));
}

static void
move(const struct inbound_client *c, void *arg)
{
	direct(c, arg);
	tell_members(arg, c);
}

/* Instead of the announcement to everybody, which would move all of them to us. */
void
engine_inbound_announce(struct engine *e, struct in_addr alias)
{
	uint64_t now = clock_ns();

	if (now > CLIENT_KEPT)
		inbound_forget(e->inbound, alias, now - CLIENT_KEPT);
	inbound_each(e->inbound, alias, direct, e);
}

/* The alias, its members or their interfaces changed. */
void
engine_inbound_alias(struct engine *e, const struct state_alias *a)
{
	static struct inbound_slot slot[SLOTS_MAX];
	const struct told *t = map_get(e->told, a->addr.s_addr);
	size_t n;

	/* Who has just joined hears of clients before his own row is there. */
	if (!anybody_wants(a))
		inbound_drop(e->inbound, a->addr);
	if (!wants(a, e->self))
		return;
	n = slots_of(e, a, slot);
	if (inbound_set_slots(e->inbound, a->addr, slot, n))
		log_debug("inbound", "%08x: %zu interfaces to spread clients over", ntohl(a->addr.s_addr), n);
	if (t != NULL && t->dp.master && (n = inbound_move(e->inbound, a->addr, move, e)) > 0)
		log_info("inbound", "%zu clients of an alias moved to other members", n);
}

static void
review(const struct state_alias *a, void *arg)
{
	engine_inbound_alias(arg, a);
}

void
engine_inbound_review(struct engine *e)
{
	if (!state_loaded(e->state))
		return;
	engine_routers_new(e);
	state_each_alias(e->state, review, e);
}

/* ---- being asked ---- */

/* A host that makes sure of what it was told asks the member it was told, and no other. */
static bool
confirm(struct engine *e, const struct frame_arp *arp, struct inbound_client *c)
{
	const struct inbound_client *known = inbound_get(e->inbound, arp->target, arp->sender);

	if (known == NULL || memcmp(known->to, arp->eth_dst, 6) != 0 || !lan_own_mac(e->lan, known->to))
		return false;
	*c = *known;
	return true;
}

static bool
decide(struct engine *e, const struct frame_arp *arp, bool master, struct inbound_client *c)
{
	bool news;

	if (!master)
		return confirm(e, arp, c);
	*c = (struct inbound_client){ .alias = arp->target, .addr = arp->sender, .heard = clock_ns() };
	memcpy(c->mac, arp->sender_mac, 6);
	if (!inbound_ask(e->inbound, c, &news))
		return false;
	if (news)
		tell_members(e, c);
	return true;
}

void
engine_on_arp_request(uint32_t ifindex, const uint8_t *asked, size_t len, void *arg)
{
	struct engine *e = arg;
	const struct netlink_link *k = netlink_link_by_index(lan_netlink(e->lan), ifindex);
	uint8_t frame[FRAME_ARP_LEN];
	struct inbound_client c;
	const struct told *t;
	struct frame_arp arp;

	if (k == NULL || !frame_arp(asked, len, &arp) || !arp.request)
		return;
	t = map_get(e->told, arp.target.s_addr);
	if (t == NULL || !t->dp.by_daemon || (t->dp.ifindex != 0 && t->dp.ifindex != ifindex))
		return;
	/*
	 * A probe (RFC 5227) has no sender: whoever it is learns that the address is taken. Members ask to
	 * see whether the master answers: they are no clients.
	 */
	if (arp.sender.s_addr == 0 || !engine_is_foreign(e, arp.target, arp.sender_mac)) {
		if (!t->dp.master)
			return;
		memcpy(c.to, k->mac, 6);
	} else if (!decide(e, &arp, t->dp.master, &c)) {
		return;
	}
	frame_arp_reply(frame, k->mac, c.to, &arp);
	rawsock_send(e->raw, ifindex, frame, sizeof(frame));
}
