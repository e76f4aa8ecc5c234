/* SPDX-License-Identifier: ISC */
/* The control socket: status. */
#include <stdio.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"

struct status {
	struct engine *e;
	struct ipc_conn *conn;
	uint32_t reqid;
	const struct state_alias *alias;
	uint8_t buf[16384];
	struct wire_wr w;
};

static void
begin(struct status *s)
{
	wire_wr_init(&s->w, s->buf, sizeof(s->buf));
}

static void
send_row(struct status *s, uint16_t type)
{
	if (wire_wr_ok(&s->w))
		ipc_conn_send(s->conn, type, s->reqid, s->buf, wire_wr_len(&s->w));
}

static void
group_row(struct status *s)
{
	struct engine *e = s->e;
	const struct stray_stats *st = stray_stats(e->stray);
	struct alias_ctl_group g = { .self = e->self, .in_group = state_gen(e->state) != 0,
		.quorate = state_quorate(e->state), .loaded = state_loaded(e->state),
		.synced = state_is_synced(e->state, e->self), .gen = state_gen(e->state),
		.held = st->held, .asked = st->asked, .resets = st->resets,
		.aliases = (uint32_t)state_alias_count(e->state), .max_aliases = engine_max_aliases(e) };

	snprintf(g.status, sizeof(g.status), "%s", engine_status_text(e));
	begin(s);
	alias_ctl_group_encode(&s->w, &g);
	send_row(s, ALIAS_ROW_GROUP);
}

static void
routing_row(struct status *s)
{
	struct alias_ctl_routing g = { 0 };

	engine_routes_status(s->e, &g);
	begin(s);
	alias_ctl_routing_encode(&s->w, &g);
	send_row(s, ALIAS_ROW_ROUTING);
}

/* Those of one alias, or all. */
static void
route_rows(struct status *s, const struct state_alias *a)
{
	const struct route_set *set = engine_routes_set(s->e);
	size_t i;

	for (i = 0; set != NULL && i < set->n; i++) {
		const struct route *r = &set->r[i];
		struct alias_ctl_route row = { .dst = r->dst, .prefixlen = r->prefixlen,
			.metric = r->metric };

		if (a != NULL && (a->addr.s_addr & addr_mask(r->prefixlen).s_addr) != r->dst.s_addr)
			continue;
		begin(s);
		alias_ctl_route_encode(&s->w, &row);
		send_row(s, ALIAS_ROW_ROUTE);
	}
}

static void
iface_rows(struct status *s)
{
	struct alias_ctl_iface row;
	uint32_t lan[LAN_MAX];
	size_t i, n = lan_ifaces(s->e->lan, lan);

	for (i = 0; i < n; i++) {
		engine_probe_row(s->e, lan[i], &row);
		begin(s);
		alias_ctl_iface_encode(&s->w, &row);
		send_row(s, ALIAS_ROW_IFACE);
	}
}

static void
node_row(struct status *s, uint16_t id)
{
	struct engine *e = s->e;
	struct dp_path path[LLT_MAX_LINKS];
	struct alias_ctl_node n = { .id = id, .member = state_is_member(e->state, id),
		.synced = state_is_synced(e->state, id),
		.paths = (uint16_t)paths_get(e->paths, id, path), .share = (uint8_t)engine_share(e, id),
		.vmac_differs = state_is_member(e->state, id) && engine_vmac_differs(e, id) };

	if (n.paths > 0 && path[0].remote.s_addr != 0)
		n.tunnel = (uint16_t)path[0].limit;
	n.file = (uint8_t)state_file(e->state, id);
	if (e->dp != NULL)
		n.flows = datapath_flow_count(e->dp, id);
	snprintf(n.name, sizeof(n.name), "%s", e->name[id]);
	begin(s);
	alias_ctl_node_encode(&s->w, &n);
	send_row(s, ALIAS_ROW_NODE);
}

/* What the data plane counts, in the ancestor's words. */
static void
counters(struct engine *e, struct in_addr addr, struct alias_ctl_alias *row)
{
	static const enum dp_counter drops[ALIAS_DROPS] = { DP_C_STRAY, DP_C_STRAY_LOST, DP_C_REFUSED,
		DP_C_NO_TARGET, DP_C_NO_PATH, DP_C_MALFORMED, DP_C_FRAGMENT_LOST, DP_C_TOO_BIG,
		DP_C_TOO_BIG_SPLIT, DP_C_TOO_BIG_LOST, DP_C_TUNNEL_STRANGER };
	uint64_t c[DP_C_MAX], *out = row->counter;
	size_t i;

	if (e->dp == NULL || !datapath_alias_counters(e->dp, addr, c))
		return;
	for (i = 0; i < ALIAS_DROPS; i++)
		row->drop[i] = c[drops[i]];
	out[0] = c[DP_C_NEW_LOCAL] + c[DP_C_NEW_FORWARDED];
	out[1] = c[DP_C_NEW_FORWARDED];
	out[2] = c[DP_C_NEW_RECEIVED];
	out[4] = c[DP_C_FLOW_FORWARDED] + c[DP_C_HALFOPEN_FORWARDED];
	out[3] = c[DP_C_FLOW_LOCAL] + c[DP_C_HALFOPEN_HIT] + out[4];
	out[5] = c[DP_C_UDP_LOCAL] + c[DP_C_UDP_FORWARDED];
	out[6] = c[DP_C_UDP_FORWARDED];
	out[7] = c[DP_C_UDP_RECEIVED];
	out[8] = c[DP_C_FRAGMENT] + c[DP_C_FRAGMENT_FORWARDED];
	out[9] = c[DP_C_FRAGMENT_FORWARDED];
	out[10] = c[DP_C_FRAGMENT_RECEIVED];
}

static struct in_addr
virtual_mask(uint8_t prefixlen)
{
	if (prefixlen == 0)
		prefixlen = ALIAS_PREFIXLEN_DEFAULT;
	return addr_mask(prefixlen);
}

static void
arp_columns(struct engine *e, struct in_addr addr, struct alias_ctl_alias *row)
{
	const struct acd_conflict *c = acd_get(e->acd, addr);

	if (c != NULL) {
		row->conflict = c->used ? ALIAS_CONFLICT_USED : ALIAS_CONFLICT_UNUSED;
		memcpy(row->conflict_mac, c->mac, sizeof(row->conflict_mac));
	}
	row->has_vmac = (e->routing & ALIAS_RT_VMAC) != 0;
	if (row->has_vmac)
		vmac_of(row->vmac, e->conf->vmac_prefix, addr);
}

void
engine_ctl_alias_row(
    struct engine *e, const struct state_alias *a, struct alias_ctl_alias *row)
{
	size_t i;

	memset(row, 0, sizeof(*row));
	row->addr = a->addr;
	row->id = a->id;
	row->master = a->master;
	row->flags = ALIAS_F_ENABLED | ALIAS_F_IP_V4;
	for (i = 0; i < a->nrows; i++) {
		if (a->rows[i].flags & ALIAS_ROW_DEFAULT)
			row->flags |= ALIAS_F_DEFAULT;
		if (a->rows[i].node == a->master && (a->rows[i].flags & ALIAS_ROW_BALANCE))
			row->flags |= ALIAS_F_BALANCED;
		if (!(a->rows[i].flags & ALIAS_ROW_VIRTUAL))
			continue;
		row->flags |= ALIAS_F_VIRTUAL;
		if (row->netmask.s_addr == 0)
			row->netmask = virtual_mask(a->rows[i].prefixlen);
	}
	snprintf(row->name, sizeof(row->name), "%s", a->name);
	counters(e, a->addr, row);
	arp_columns(e, a->addr, row);
}

void
engine_ctl_member_row(
    struct engine *e, const struct state_row *r, struct alias_ctl_member *m)
{
	*m = (struct alias_ctl_member){ .id = r->node, .selw = r->selw, .selp = r->selp,
		.rpri = r->rpri, .flags = ALIAS_MF_ENABLED, .attached = r->flags & ALIAS_ROW_ATTACHED,
		.synced = state_is_synced(e->state, r->node), .silent = r->flags & ALIAS_ROW_SILENT };
	if (r->flags & ALIAS_ROW_JOINED)
		m->flags |= ALIAS_MF_JOINED;
}

static void
alias_row(struct status *s)
{
	struct alias_ctl_alias row;

	engine_ctl_alias_row(s->e, s->alias, &row);
	begin(s);
	alias_ctl_alias_encode(&s->w, &row);
	send_row(s, ALIAS_ROW_ALIAS);
}

static void
member_row(struct status *s, const struct state_row *r)
{
	struct alias_ctl_member m;

	engine_ctl_member_row(s->e, r, &m);
	m.clients = (uint32_t)inbound_count(s->e->inbound, s->alias->addr, r->node);
	begin(s);
	alias_ctl_member_encode(&s->w, &m);
	send_row(s, ALIAS_ROW_MEMBER);
}

static void
service_row(uint8_t proto, uint16_t port_h, void *arg)
{
	static struct sel_target out[LLT_MAX_NODES + 1];
	static struct alias_ctl_service row;
	struct status *s = arg;
	struct engine *e = s->e;
	const struct alias_svc *svc = state_svc(e->state, proto, port_h);
	struct in_addr addr = s->alias->addr;
	size_t i, n;

	memset(&row, 0, sizeof(row));
	if (svc != NULL)
		row.svc = *svc;
	row.svc.proto = proto;
	row.svc.port_h = port_h;
	row.svc.attrs = state_attrs(e->state, proto, port_h);
	row.active = state_active(e->state, addr, proto, port_h);
	row.nlisteners = (uint16_t)state_listeners(e->state, addr, proto, port_h, row.listener);
	n = state_targets(e->state, addr, proto, port_h, engine_usable, e, out);
	for (i = 0; i < n; i++) {
		if (out[i].node == SEL_NO_NODE)
			continue;
		row.target[row.ntargets].id = out[i].node;
		row.target[row.ntargets++].weight = out[i].weight;
	}
	begin(s);
	alias_ctl_service_encode(&s->w, &row);
	send_row(s, ALIAS_ROW_SERVICE);
}

static void
registered_row(const struct alias_api_reg *g, void *arg)
{
	struct status *s = arg;

	begin(s);
	alias_api_reg_encode(&s->w, g);
	send_row(s, ALIAS_ROW_REGISTERED);
}

static void
drain_row(struct status *s)
{
	struct alias_ctl_drain d;

	if (!engine_draining(s->e, s->alias->addr, &d))
		return;
	begin(s);
	alias_ctl_drain_encode(&s->w, &d);
	send_row(s, ALIAS_ROW_DRAIN);
}

static void
alias_rows(const struct state_alias *a, void *arg)
{
	struct status *s = arg;
	size_t i;

	s->alias = a;
	alias_row(s);
	for (i = 0; i < a->nrows; i++)
		member_row(s, &a->rows[i]);
	state_each_service(s->e->state, a->addr, service_row, s);
	drain_row(s);
}

static struct status *
status_of(struct page *p)
{
	static struct status s;

	s.e = p->e;
	s.conn = p->conn;
	s.reqid = p->reqid;
	return &s;
}

static void
page_alias(struct page *p)
{
	alias_rows(p->alias, status_of(p));
}

static void
end_status(struct status *s)
{
	struct ipc_msg m = { .reqid = s->reqid };

	state_each_registration(s->e->state, registered_row, s);
	ipc_conn_reply(s->conn, &m, IPC_OK, "%s", engine_status_text(s->e));
}

static void
page_end(struct page *p)
{
	end_status(status_of(p));
}

void
engine_ctl_status(struct ipc_conn *conn, const struct ipc_msg *m, void *arg)
{
	static const struct page_ops page_ops = { .alias = page_alias, .end = page_end };
	static struct status s;
	struct engine *e = arg;
	struct alias_ctl_query q;
	const struct state_alias *a;
	uint16_t id;

	if (!alias_ctl_query_decode(m->data, m->len, &q)) {
		ipc_conn_reply(conn, m, IPC_EPROTO, "malformed request");
		return;
	}
	if (q.is_default && e->conf->default_alias[0] == '\0') {
		ipc_conn_reply(conn, m, IPC_ENOENT, "there is no default alias: set default_alias in aliasd.conf");
		return;
	}
	a = state_alias(e->state, q.is_default ? e->conf->default_addr : q.addr);
	if (!q.all && a == NULL) {
		ipc_conn_reply(conn, m, IPC_ENOENT, "no such cluster alias");
		return;
	}
	s.e = e;
	s.conn = conn;
	s.reqid = m->reqid;
	group_row(&s);
	routing_row(&s);
	route_rows(&s, q.all ? NULL : a);
	iface_rows(&s);
	for (id = 0; id < LLT_MAX_NODES; id++) {
		if (e->name[id][0] != '\0')
			node_row(&s, id);
	}
	if (q.all) {
		engine_page(e, conn, m->reqid, &page_ops);
		return;
	}
	alias_rows(a, &s);
	end_status(&s);
}
