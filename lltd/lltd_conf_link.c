/* SPDX-License-Identifier: ISC */
#include "lltd/lltd_conf_link.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/conf.h"
#include "lltd/lltd_conf.h"

#define ETHERTYPE 0xcafe
#define UDP_MTU_MIN 576 /* what every host must take */

static const char *const kinds[] = { "ether", "udp", "none", NULL };
static const char *const prios[] = { "high", "low", NULL };

#define LINK(field) offsetof(struct lltd_link, field)
#define PEER(field) offsetof(struct lltd_peer, field)

static const struct conf_item peer_items[] = {
	{ .key = "node", .type = CONF_STRING, .offset = PEER(node), .size = LLT_NAME_MAX, .min = 1 },
	{ .key = "address", .type = CONF_STRING, .offset = PEER(address), .size = INET_ADDRSTRLEN,
	    .min = 1 },
	{ .key = "port", .type = CONF_UINT, .offset = PEER(port), .min = 1, .max = 65535,
	    .optional = true },
	{ .type = CONF_END },
};

const struct conf_item lltd_link_items[] = {
	{ .key = "type", .type = CONF_ENUM, .offset = LINK(kind), .names = kinds, .def = "ether" },
	{ .key = "device", .type = CONF_STRING, .offset = LINK(device), .size = LLT_IFNAME_MAX,
	    .min = 1, .optional = true },
	{ .key = "priority", .type = CONF_ENUM, .offset = LINK(prio), .names = prios, .def = "high" },
	{ .key = "burst", .type = CONF_UINT, .offset = LINK(burst), .min = 1, .max = 65535,
	    .def = "32" },
	{ .key = "sap", .type = CONF_UINT, .offset = LINK(ethertype), .min = 0x0600, .max = 0xffff,
	    .optional = true, .set_offset = LINK(ethertype_set) },
	{ .key = "mtu", .type = CONF_UINT, .offset = LINK(mtu), .min = 256, .max = LLT_FRAME_MAX,
	    .optional = true },
	{ .key = "address", .type = CONF_STRING, .offset = LINK(address), .size = INET_ADDRSTRLEN,
	    .min = 1, .optional = true, .line_offset = LINK(address_line) },
	{ .key = "port", .type = CONF_UINT, .offset = LINK(port), .min = 1, .max = 65535,
	    .optional = true, .line_offset = LINK(port_line) },
	{ .key = "peers", .type = CONF_LIST, .offset = LINK(peer), .size = sizeof(struct lltd_peer),
	    .sub = peer_items, .min = 1, .max_items = LLT_MAX_NODES, .count_offset = LINK(npeers),
	    .item_line_offset = PEER(line), .optional = true },
	{ .type = CONF_END },
};

struct checking {
	const char *path;
	const struct lltd_conf *conf;
	struct conf_errors *errs;
};

/* What belongs to the other type of link. */
static void
check_foreign(const struct checking *ck, const struct lltd_link *l)
{
	const struct {
		const char *key;
		bool there;
		int kind;
	} keys[] = {
		{ "device", l->device[0] != '\0', LLT_KIND_ETHER },
		{ "sap", l->ethertype_set, LLT_KIND_ETHER },
		{ "address", l->address[0] != '\0', LLT_KIND_UDP },
		{ "port", l->port != 0, LLT_KIND_UDP },
		{ "peers", l->npeers != 0, LLT_KIND_UDP },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].there && keys[i].kind != l->kind)
			conf_error(ck->errs, ck->path, l->line, keys[i].key,
			    "is of links of type \"%s\", and this one is \"%s\"", kinds[keys[i].kind],
			    kinds[l->kind]);
}

static bool
read_address(const struct checking *ck, const char *text, uint32_t port, int line, uint8_t *addr)
{
	struct in_addr in;
	uint32_t h;

	if (inet_pton(AF_INET, text, &in) == 1 && (h = ntohl(in.s_addr)) >> 24 != 0 &&
	    h < 0xe0000000) {
		llt_addr_udp(addr, &in, htons((uint16_t)port));
		return true;
	}
	conf_error(ck->errs, ck->path, line, "address",
	    "is \"%s\", expected the IPv4 address of one host", text);
	return false;
}

/* Of two entries for one node, or at one address, neither can be meant. */
static void
check_twice(const struct checking *ck, const struct lltd_link *l, size_t i)
{
	const struct lltd_peer *p = &l->peer[i];

	for (size_t k = 0; k < i; k++)
		if (strcmp(p->node, l->peer[k].node) == 0)
			conf_error(ck->errs, ck->path, p->line, "node", "%s has an address already, in line %d",
			    p->node, l->peer[k].line);
		else if (memcmp(p->addr, l->peer[k].addr, LLT_ADDR_LEN) == 0)
			conf_error(ck->errs, ck->path, p->line, "address", "%s is that of %s already, in line %d",
			    llt_addr_text(LLT_KIND_UDP, p->addr), l->peer[k].node, l->peer[k].line);
}

static bool
is_us(const struct checking *ck, const struct lltd_peer *p)
{
	return strcmp(p->node, ck->conf->node) == 0;
}

/* The same list may stand on every node: then it says our own address, too. */
static void
take_own_entry(const struct checking *ck, struct lltd_link *l)
{
	for (size_t i = 0; i < l->npeers; i++) {
		const struct lltd_peer *p = &l->peer[i];

		if (!is_us(ck, p))
			continue;
		if (l->address[0] == '\0') {
			memcpy(l->address, p->address, sizeof(l->address));
			l->address_line = p->line;
		}
		if (l->port == 0)
			l->port = p->port;
	}
}

static void
check_peer(const struct checking *ck, struct lltd_link *l, size_t i)
{
	struct lltd_peer *p = &l->peer[i];

	if (p->port == 0)
		p->port = l->port;
	if (ck->conf->hosts.count != 0 && llthosts_id(&ck->conf->hosts, p->node) == -1)
		conf_error(ck->errs, ck->path, p->line, "node", "\"%s\" is not in %s", p->node,
		    ck->conf->hosts_file);
	if (!read_address(ck, p->address, p->port, p->line, p->addr))
		return;
	check_twice(ck, l, i);
	if (is_us(ck, p) != (memcmp(p->addr, l->addr, LLT_ADDR_LEN) == 0))
		conf_error(ck->errs, ck->path, p->line, "address",
		    is_us(ck, p) ? "%s is not the link's own" : "%s is the link's own",
		    llt_addr_text(LLT_KIND_UDP, p->addr));
}

static void
check_udp(const struct checking *ck, struct lltd_link *l)
{
	size_t others = 0;

	take_own_entry(ck, l);
	if (l->port == 0)
		l->port = LLT_UDP_PORT;
	for (size_t i = 0; i < l->npeers; i++)
		others += !is_us(ck, &l->peer[i]);
	if (others == 0)
		conf_error(ck->errs, ck->path, l->line, "peers",
		    "names no other node, and nothing is found by broadcast on a link of type \"udp\"");
	if (l->mtu != 0 && l->mtu < UDP_MTU_MIN)
		conf_error(ck->errs, ck->path, l->line, "mtu",
		    "is %u, expected at least %u on a link of type \"udp\"", l->mtu, UDP_MTU_MIN);
	if (l->address[0] == '\0') {
		conf_error(ck->errs, ck->path, l->line, "address",
		    "missing: neither here nor, for %s, in peers", ck->conf->node);
		return;
	}
	if (!read_address(ck, l->address, l->port, l->address_line, l->addr))
		return;
	for (size_t i = 0; i < l->npeers; i++)
		check_peer(ck, l, i);
}

static void
check_ether(const struct checking *ck, struct lltd_link *l)
{
	if (!l->ethertype_set)
		l->ethertype = ETHERTYPE;
	l->ethertype_set = true; /* so that -nv shows it */
	if (l->device[0] == '\0')
		conf_error(ck->errs, ck->path, l->line, "device", "missing, and has no default");
}

static void
check_unique(const struct checking *ck, const struct lltd_link *l, const struct lltd_link *other)
{
	static const uint8_t none[LLT_ADDR_LEN];

	if (l->kind != other->kind || l->kind == LLTD_KIND_NONE)
		return;
	if (l->kind == LLT_KIND_UDP) {
		if (memcmp(l->addr, other->addr, LLT_ADDR_LEN) == 0 &&
		    memcmp(l->addr, none, LLT_ADDR_LEN) != 0)
			conf_error(ck->errs, ck->path, l->port_line != 0 ? l->port_line : l->address_line,
			    "port", "%s is that of a link already, in line %d",
			    llt_addr_text(LLT_KIND_UDP, l->addr), other->line);
	} else if (l->device[0] != '\0' && strcmp(l->device, other->device) == 0)
		conf_error(ck->errs, ck->path, l->line, "device", "%s is a link already, in line %d",
		    l->device, other->line);
}

void
lltd_links_check(const char *path, struct lltd_conf *c, struct conf_errors *errs)
{
	const struct checking ck = { path, c, errs };
	size_t real = 0;

	for (size_t i = 0; i < c->nlinks; i++) {
		struct lltd_link *l = &c->link[i];

		check_foreign(&ck, l);
		if (l->kind == LLT_KIND_UDP) {
			check_udp(&ck, l);
			snprintf(l->name, sizeof(l->name), "udp%zu", i % LLT_MAX_LINKS);
		} else if (l->kind == LLT_KIND_ETHER) {
			check_ether(&ck, l);
			memcpy(l->name, l->device, sizeof(l->name));
		}
		real += l->kind != LLTD_KIND_NONE;
		for (size_t k = 0; k < i; k++)
			check_unique(&ck, l, &c->link[k]);
	}
	if (c->nlinks != 0 && real == 0)
		conf_error(errs, path, c->link[0].line, "links", "all are of type \"none\"");
}

static bool
same_peers(const struct lltd_link *x, const struct lltd_link *y)
{
	if (x->npeers != y->npeers)
		return false;
	for (size_t i = 0; i < x->npeers; i++)
		if (strcmp(x->peer[i].node, y->peer[i].node) != 0 ||
		    memcmp(x->peer[i].addr, y->peer[i].addr, LLT_ADDR_LEN) != 0)
			return false;
	return true;
}

/* Another place, or another way to be there: what was learned on the one says nothing about the other. */
static bool
same_place(const struct lltd_link *x, const struct lltd_link *y)
{
	return x->kind == y->kind && strcmp(x->name, y->name) == 0 && x->ethertype == y->ethertype &&
	    memcmp(x->addr, y->addr, LLT_ADDR_LEN) == 0;
}

uint32_t
lltd_links_moved(const struct lltd_conf *a, const struct lltd_conf *b)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < LLT_MAX_LINKS; i++)
		if ((i < a->nlinks || i < b->nlinks) &&
		    (i >= a->nlinks || i >= b->nlinks || !same_place(&a->link[i], &b->link[i])))
			mask |= 1u << i;
	return mask;
}

uint32_t
lltd_links_other_peers(const struct lltd_conf *a, const struct lltd_conf *b)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < a->nlinks && i < b->nlinks; i++)
		if (!same_peers(&a->link[i], &b->link[i]))
			mask |= 1u << i;
	return mask;
}
