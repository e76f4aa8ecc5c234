/* SPDX-License-Identifier: ISC */
#include "proto/alias_ctl.h"

#include <string.h>

const char *const alias_counter_key[ALIAS_COUNTERS] = {
	"connections_received_from_network",
	"connections_forwarded_within_cluster",
	"connections_received_within_cluster",
	"data_packets_received_from_network",
	"data_packets_forwarded_within_cluster",
	"datagrams_received_from_network",
	"datagrams_forwarded_within_cluster",
	"datagrams_received_within_cluster",
	"fragments_received_from_network",
	"fragments_forwarded_within_cluster",
	"fragments_received_within_cluster",
};

const char *const alias_counter_text[ALIAS_COUNTERS] = {
	"connections rcvd from net",
	"connections forwarded",
	"connections rcvd within cluster",
	"data packets received from network",
	"data packets forwarded within cluster",
	"datagrams received from network",
	"datagrams forwarded within cluster",
	"datagrams received within cluster",
	"fragments received from network",
	"fragments forwarded within cluster",
	"fragments received within cluster",
};

const char *const alias_drop_key[ALIAS_DROPS] = { "stray", "stray_lost", "refused", "no_target",
	"no_path", "malformed", "fragment_lost", "too_big", "too_big_split", "too_big_lost",
	"tunnel_stranger" };

const char *const alias_drop_text[ALIAS_DROPS] = {
	"of unknown connections, for which the members are asked",
	"of unknown connections, too many to ask for",
	"connection requests refused",
	"which no member is to get",
	"for members that cannot be reached",
	"malformed",
	"fragments without a first one",
	"too large for the way, of which the sender is told",
	"too large for the way, and sent on in pieces",
	"too large for the way, and too many",
	"in the tunnel, and from no member",
};

static bool
get_bool(struct wire_rd *r)
{
	uint8_t v = wire_rd_u8(r);

	if (v > 1)
		wire_rd_fail(r);
	return v == 1;
}

void
alias_ctl_set_encode(struct wire_wr *w, const struct alias_ctl_set *s)
{
	wire_wr_u8(w, s->is_default);
	wire_wr_addr(w, s->addr);
	wire_wr_str(w, s->opts.alias);
	wire_wr_u32(w, s->opts.set);
	wire_wr_u16(w, s->opts.selw);
	wire_wr_u16(w, s->opts.selp);
	wire_wr_u16(w, s->opts.rpri);
	wire_wr_u8(w, s->opts.virt);
	wire_wr_u8(w, s->opts.prefixlen);
	wire_wr_u32(w, s->opts.leave_limit);
	wire_wr_u8(w, s->opts.balance);
}

bool
alias_ctl_set_decode(const uint8_t *buf, size_t len, struct alias_ctl_set *s)
{
	const uint32_t both = ALIAS_OPT_JOIN | ALIAS_OPT_LEAVE;
	struct wire_rd r;

	memset(s, 0, sizeof(*s));
	wire_rd_init(&r, buf, len);
	s->is_default = get_bool(&r);
	s->addr = wire_rd_addr(&r);
	wire_rd_str(&r, s->opts.alias, sizeof(s->opts.alias));
	s->opts.set = wire_rd_u32(&r);
	s->opts.selw = wire_rd_u16(&r);
	s->opts.selp = wire_rd_u16(&r);
	s->opts.rpri = wire_rd_u16(&r);
	s->opts.virt = get_bool(&r);
	s->opts.prefixlen = wire_rd_u8(&r);
	s->opts.leave_limit = wire_rd_u32(&r);
	s->opts.balance = get_bool(&r);
	return wire_rd_done(&r) && (s->opts.set & ~ALIAS_OPT_ALL) == 0 &&
	    (s->opts.set & both) != both && s->opts.rpri <= ALIAS_RPRI_MAX &&
	    s->opts.prefixlen <= 32 && (s->opts.prefixlen != 0 || !(s->opts.set & ALIAS_OPT_MASK)) &&
	    (s->opts.leave_limit <= ALIAS_LEAVE_MAX || s->opts.leave_limit == ALIAS_LEAVE_NOT_SAID);
}

void
alias_routing_encode(struct wire_wr *w, const struct alias_routing *c)
{
	wire_wr_u32(w, c->on);
	wire_wr_u32(w, c->off);
}

bool
alias_routing_decode(const uint8_t *buf, size_t len, struct alias_routing *c)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	c->on = wire_rd_u32(&r);
	c->off = wire_rd_u32(&r);
	return wire_rd_done(&r) && ((c->on | c->off) & ~ALIAS_RT_ALL) == 0 && (c->on & c->off) == 0;
}

void
alias_ctl_query_encode(struct wire_wr *w, const struct alias_ctl_query *q)
{
	wire_wr_u8(w, q->all);
	wire_wr_u8(w, q->is_default);
	wire_wr_addr(w, q->addr);
}

bool
alias_ctl_query_decode(const uint8_t *buf, size_t len, struct alias_ctl_query *q)
{
	struct wire_rd r;

	memset(q, 0, sizeof(*q));
	wire_rd_init(&r, buf, len);
	q->all = get_bool(&r);
	q->is_default = get_bool(&r);
	q->addr = wire_rd_addr(&r);
	return wire_rd_done(&r);
}

void
alias_ctl_drain_encode(struct wire_wr *w, const struct alias_ctl_drain *d)
{
	wire_wr_u64(w, d->left);
	wire_wr_u32(w, d->reset_in);
}

bool
alias_ctl_drain_decode(const uint8_t *buf, size_t len, struct alias_ctl_drain *d)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	d->left = wire_rd_u64(&r);
	d->reset_in = wire_rd_u32(&r);
	return wire_rd_done(&r);
}

void
alias_ctl_group_encode(struct wire_wr *w, const struct alias_ctl_group *g)
{
	wire_wr_u16(w, g->self);
	wire_wr_u8(w, g->in_group);
	wire_wr_u8(w, g->quorate);
	wire_wr_u8(w, g->loaded);
	wire_wr_u8(w, g->synced);
	wire_wr_u32(w, g->gen);
	wire_wr_str(w, g->status);
	wire_wr_u64(w, g->held);
	wire_wr_u64(w, g->asked);
	wire_wr_u64(w, g->resets);
	wire_wr_u32(w, g->aliases);
	wire_wr_u32(w, g->max_aliases);
}

bool
alias_ctl_group_decode(const uint8_t *buf, size_t len, struct alias_ctl_group *g)
{
	struct wire_rd r;

	memset(g, 0, sizeof(*g));
	wire_rd_init(&r, buf, len);
	g->self = wire_rd_u16(&r);
	g->in_group = get_bool(&r);
	g->quorate = get_bool(&r);
	g->loaded = get_bool(&r);
	g->synced = get_bool(&r);
	g->gen = wire_rd_u32(&r);
	wire_rd_str(&r, g->status, sizeof(g->status));
	g->held = wire_rd_u64(&r);
	g->asked = wire_rd_u64(&r);
	g->resets = wire_rd_u64(&r);
	g->aliases = wire_rd_u32(&r);
	g->max_aliases = wire_rd_u32(&r);
	return wire_rd_done(&r);
}

void
alias_ctl_routing_encode(struct wire_wr *w, const struct alias_ctl_routing *g)
{
	wire_wr_u32(w, g->opts);
	wire_wr_str(w, g->daemon);
	wire_wr_str(w, g->state);
	wire_wr_str(w, g->text);
	wire_wr_str(w, g->file);
}

bool
alias_ctl_routing_decode(const uint8_t *buf, size_t len, struct alias_ctl_routing *g)
{
	struct wire_rd r;

	memset(g, 0, sizeof(*g));
	wire_rd_init(&r, buf, len);
	g->opts = wire_rd_u32(&r);
	wire_rd_str(&r, g->daemon, sizeof(g->daemon));
	wire_rd_str(&r, g->state, sizeof(g->state));
	wire_rd_str(&r, g->text, sizeof(g->text));
	wire_rd_str(&r, g->file, sizeof(g->file));
	return wire_rd_done(&r) && (g->opts & ~ALIAS_RT_ALL) == 0;
}

void
alias_ctl_iface_encode(struct wire_wr *w, const struct alias_ctl_iface *i)
{
	wire_wr_str(w, i->name);
	wire_wr_str(w, i->mode);
	wire_wr_u8(w, i->proof);
	wire_wr_str(w, i->why);
}

bool
alias_ctl_iface_decode(const uint8_t *buf, size_t len, struct alias_ctl_iface *i)
{
	struct wire_rd r;

	memset(i, 0, sizeof(*i));
	wire_rd_init(&r, buf, len);
	wire_rd_str(&r, i->name, sizeof(i->name));
	wire_rd_str(&r, i->mode, sizeof(i->mode));
	i->proof = wire_rd_u8(&r);
	wire_rd_str(&r, i->why, sizeof(i->why));
	return wire_rd_done(&r) && i->proof <= ALIAS_PROOF_ALONE;
}

void
alias_ctl_route_encode(struct wire_wr *w, const struct alias_ctl_route *t)
{
	wire_wr_addr(w, t->dst);
	wire_wr_u8(w, t->prefixlen);
	wire_wr_u8(w, t->metric);
}

bool
alias_ctl_route_decode(const uint8_t *buf, size_t len, struct alias_ctl_route *t)
{
	struct wire_rd r;

	wire_rd_init(&r, buf, len);
	t->dst = wire_rd_addr(&r);
	t->prefixlen = wire_rd_u8(&r);
	t->metric = wire_rd_u8(&r);
	return wire_rd_done(&r) && t->prefixlen <= 32;
}

void
alias_ctl_node_encode(struct wire_wr *w, const struct alias_ctl_node *n)
{
	wire_wr_u16(w, n->id);
	wire_wr_str(w, n->name);
	wire_wr_u8(w, n->member);
	wire_wr_u8(w, n->synced);
	wire_wr_u64(w, n->flows);
	wire_wr_u16(w, n->paths);
	wire_wr_u16(w, n->tunnel);
	wire_wr_u8(w, n->share);
	wire_wr_u8(w, n->vmac_differs);
	wire_wr_u8(w, n->file);
}

bool
alias_ctl_node_decode(const uint8_t *buf, size_t len, struct alias_ctl_node *n)
{
	struct wire_rd r;

	memset(n, 0, sizeof(*n));
	wire_rd_init(&r, buf, len);
	n->id = wire_rd_u16(&r);
	wire_rd_str(&r, n->name, sizeof(n->name));
	n->member = get_bool(&r);
	n->synced = get_bool(&r);
	n->flows = wire_rd_u64(&r);
	n->paths = wire_rd_u16(&r);
	n->tunnel = wire_rd_u16(&r);
	n->share = wire_rd_u8(&r);
	n->vmac_differs = get_bool(&r);
	n->file = wire_rd_u8(&r);
	return wire_rd_done(&r) && n->id < LLT_MAX_NODES;
}

void
alias_ctl_applied_encode(struct wire_wr *w, const struct alias_ctl_applied *a)
{
	wire_wr_u16(w, a->id);
	wire_wr_str(w, a->name);
	wire_wr_u8(w, a->member);
	wire_wr_u8(w, a->file);
}

bool
alias_ctl_applied_decode(const uint8_t *buf, size_t len, struct alias_ctl_applied *a)
{
	struct wire_rd r;

	memset(a, 0, sizeof(*a));
	wire_rd_init(&r, buf, len);
	a->id = wire_rd_u16(&r);
	wire_rd_str(&r, a->name, sizeof(a->name));
	a->member = get_bool(&r);
	a->file = wire_rd_u8(&r);
	return wire_rd_done(&r) && a->id < LLT_MAX_NODES;
}

const char *
alias_file_word(uint8_t state)
{
	static const char *const words[] = { [ALIAS_FILE_SAME] = "same", [ALIAS_FILE_DIFFERS] = "differs",
		[ALIAS_FILE_MISSING] = "missing", [ALIAS_FILE_BAD] = "errors" };

	return state > ALIAS_FILE_UNKNOWN && state <= ALIAS_FILE_BAD ? words[state] : "unknown";
}

void
alias_ctl_alias_encode(struct wire_wr *w, const struct alias_ctl_alias *a)
{
	size_t i;

	wire_wr_addr(w, a->addr);
	wire_wr_addr(w, a->netmask);
	wire_wr_u32(w, a->id);
	wire_wr_u16(w, a->flags);
	wire_wr_u16(w, a->master);
	wire_wr_str(w, a->name);
	for (i = 0; i < ALIAS_COUNTERS; i++)
		wire_wr_u64(w, a->counter[i]);
	for (i = 0; i < ALIAS_DROPS; i++)
		wire_wr_u64(w, a->drop[i]);
	wire_wr_u8(w, a->conflict);
	wire_wr_bytes(w, a->conflict_mac, sizeof(a->conflict_mac));
	wire_wr_u8(w, a->has_vmac);
	wire_wr_bytes(w, a->vmac, sizeof(a->vmac));
}

bool
alias_ctl_alias_decode(const uint8_t *buf, size_t len, struct alias_ctl_alias *a)
{
	struct wire_rd r;
	size_t i;

	memset(a, 0, sizeof(*a));
	wire_rd_init(&r, buf, len);
	a->addr = wire_rd_addr(&r);
	a->netmask = wire_rd_addr(&r);
	a->id = wire_rd_u32(&r);
	a->flags = wire_rd_u16(&r);
	a->master = wire_rd_u16(&r);
	wire_rd_str(&r, a->name, sizeof(a->name));
	for (i = 0; i < ALIAS_COUNTERS; i++)
		a->counter[i] = wire_rd_u64(&r);
	for (i = 0; i < ALIAS_DROPS; i++)
		a->drop[i] = wire_rd_u64(&r);
	a->conflict = wire_rd_u8(&r);
	wire_rd_copy(&r, a->conflict_mac, sizeof(a->conflict_mac));
	a->has_vmac = get_bool(&r);
	wire_rd_copy(&r, a->vmac, sizeof(a->vmac));
	return wire_rd_done(&r) && a->conflict < ALIAS_CONFLICTS;
}

void
alias_ctl_member_encode(struct wire_wr *w, const struct alias_ctl_member *m)
{
	wire_wr_u16(w, m->id);
	wire_wr_u16(w, m->flags);
	wire_wr_u16(w, m->selw);
	wire_wr_u16(w, m->selp);
	wire_wr_u16(w, m->rpri);
	wire_wr_u8(w, m->attached);
	wire_wr_u8(w, m->synced);
	wire_wr_u8(w, m->silent);
	wire_wr_u32(w, m->clients);
}

bool
alias_ctl_member_decode(const uint8_t *buf, size_t len, struct alias_ctl_member *m)
{
	struct wire_rd r;

	memset(m, 0, sizeof(*m));
	wire_rd_init(&r, buf, len);
	m->id = wire_rd_u16(&r);
	m->flags = wire_rd_u16(&r);
	m->selw = wire_rd_u16(&r);
	m->selp = wire_rd_u16(&r);
	m->rpri = wire_rd_u16(&r);
	m->attached = get_bool(&r);
	m->synced = get_bool(&r);
	m->silent = get_bool(&r);
	m->clients = wire_rd_u32(&r);
	return wire_rd_done(&r) && m->id < LLT_MAX_NODES;
}

void
alias_ctl_service_encode(struct wire_wr *w, const struct alias_ctl_service *s)
{
	uint16_t i;

	alias_svc_encode(w, &s->svc);
	wire_wr_u16(w, s->active);
	wire_wr_u16(w, s->nlisteners);
	for (i = 0; i < s->nlisteners; i++)
		wire_wr_u16(w, s->listener[i]);
	wire_wr_u16(w, s->ntargets);
	for (i = 0; i < s->ntargets; i++) {
		wire_wr_u16(w, s->target[i].id);
		wire_wr_u16(w, s->target[i].weight);
	}
}

bool
alias_ctl_service_decode(const uint8_t *buf, size_t len, struct alias_ctl_service *s)
{
	struct wire_rd r;
	uint16_t i;

	memset(s, 0, sizeof(*s));
	wire_rd_init(&r, buf, len);
	alias_svc_decode(&r, &s->svc);
	s->active = wire_rd_u16(&r);
	s->nlisteners = (uint16_t)wire_rd_count16(&r, 2, ALIAS_CTL_LIST_MAX);
	for (i = 0; i < s->nlisteners; i++)
		s->listener[i] = wire_rd_u16(&r);
	s->ntargets = (uint16_t)wire_rd_count16(&r, 4, ALIAS_CTL_LIST_MAX);
	for (i = 0; i < s->ntargets; i++) {
		s->target[i].id = wire_rd_u16(&r);
		s->target[i].weight = wire_rd_u16(&r);
	}
	return wire_rd_done(&r);
}
