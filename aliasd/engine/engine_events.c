/* SPDX-License-Identifier: ISC */
/* What happens, told to those who watch the control socket, and to the event scripts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"

static void
send_event(struct ipc_conn *conn, uint32_t reqid, const struct alias_event *ev)
{
	uint8_t buf[1024];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_event_encode(&w, ev);
	if (wire_wr_ok(&w))
		ipc_conn_send(conn, ALIAS_ROW_EVENT, reqid, buf, wire_wr_len(&w));
}

static void
emit(struct engine *e, struct alias_event *ev)
{
	struct watcher *w;

	ev->seq = ++e->event_seq;
	for (w = e->watchers; w != NULL; w = w->next)
		send_event(w->conn, w->reqid, ev);
}

static void
name_node(const struct engine *e, struct alias_event *ev, uint16_t node)
{
	ev->node = node;
	if (node < LLT_MAX_NODES)
		snprintf(ev->name, sizeof(ev->name), "%s", e->name[node]);
}

/* ---- one function for each kind: how things are ---- */

static struct alias_event
group_event(const struct engine *e)
{
	struct alias_event ev = alias_event_new(ALIAS_EV_GROUP);

	ev.on = state_loaded(e->state);
	name_node(e, &ev, e->self);
	return ev;
}

static struct alias_event
quorum_event(bool on)
{
	struct alias_event ev = alias_event_new(ALIAS_EV_QUORUM);

	ev.on = on;
	return ev;
}

static struct alias_event
member_event(const struct engine *e, uint16_t node, bool on)
{
	struct alias_event ev = alias_event_new(ALIAS_EV_MEMBER);

	ev.on = on;
	name_node(e, &ev, node);
	return ev;
}

static struct alias_event
alias_event(enum alias_event_type type, const struct state_alias *a)
{
	struct alias_event ev = alias_event_new(type);

	ev.on = true;
	ev.addr = a->addr;
	snprintf(ev.name, sizeof(ev.name), "%s", a->name);
	return ev;
}

static struct alias_event
master_event(const struct state_alias *a, uint16_t former)
{
	struct alias_event ev = alias_event(ALIAS_EV_MASTER, a);

	ev.on = a->master != SEL_NO_NODE;
	ev.node = a->master;
	ev.former = former;
	return ev;
}

static struct alias_event
service_event(struct engine *e, struct in_addr addr, uint8_t proto, uint16_t port_h)
{
	static uint16_t list[LLT_MAX_NODES];
	struct alias_event ev = alias_event_new(ALIAS_EV_SERVICE);
	size_t n = state_listeners(e->state, addr, proto, port_h, list);

	ev.addr = addr;
	ev.proto = proto;
	ev.port_h = port_h;
	ev.on = n > 0;
	ev.node = state_active(e->state, addr, proto, port_h);
	ev.nlisteners = (uint16_t)(n < ALIAS_EV_LISTENERS ? n : ALIAS_EV_LISTENERS);
	memcpy(ev.listener, list, ev.nlisteners * sizeof(*list));
	return ev;
}

/* ---- changes ---- */

static void
hook(struct engine *e, enum hook_event event, uint16_t node, struct in_addr addr)
{
	struct hook_item i = { .event = event, .node = node, .addr = addr };

	engine_hook(e, &i);
}

void
engine_event_group(struct engine *e)
{
	struct alias_event ev = group_event(e);

	if (ev.on == e->said_group)
		return;
	e->said_group = ev.on;
	emit(e, &ev);
}

static void
member_changed(struct engine *e, uint16_t node, bool on)
{
	struct alias_event ev = member_event(e, node, on);

	if (e->said_member[node] == on)
		return;
	e->said_member[node] = on;
	emit(e, &ev);
	if (node != e->self)
		hook(e, on ? HOOK_MEMBER_UP : HOOK_MEMBER_DOWN, node, (struct in_addr){ 0 });
}

void
engine_event_members(struct engine *e, const struct gab_ev_view *v)
{
	bool is[LLT_MAX_NODES] = { false };
	uint16_t i;

	for (i = 0; v != NULL && i < v->nmembers; i++)
		is[v->members[i]] = true;
	for (i = 0; i < LLT_MAX_NODES; i++)
		member_changed(e, i, is[i]);
}

void
engine_event_quorum(struct engine *e)
{
	bool quorate = state_quorate(e->state);
	struct alias_event ev = quorum_event(quorate);

	if (quorate == e->said_quorate)
		return;
	e->said_quorate = quorate;
	emit(e, &ev);
	hook(e, quorate ? HOOK_QUORUM : HOOK_NO_QUORUM, SEL_NO_NODE, (struct in_addr){ 0 });
}

void
engine_event_alias(struct engine *e, const struct state_alias *a)
{
	struct told *t = engine_told(e, a->addr);
	struct alias_event ev = alias_event(ALIAS_EV_ALIAS, a);
	uint16_t former = t->said_alias ? t->said_master : SEL_NO_NODE;

	if (!t->said_alias)
		emit(e, &ev);
	t->said_alias = true;
	t->said_master = a->master;
	ev = master_event(a, former);
	if (former != a->master)
		emit(e, &ev);
}

void
engine_event_alias_gone(struct engine *e, struct in_addr addr)
{
	struct told *t = map_get(e->told, addr.s_addr);
	struct alias_event ev = alias_event_new(ALIAS_EV_ALIAS);

	if (t == NULL || !t->said_alias)
		return;
	t->said_alias = false;
	ev.addr = addr;
	emit(e, &ev);
}

/* For scripts: what this member does, at the moment it does so. */
void
engine_event_master_here(struct engine *e, struct in_addr addr, bool master)
{
	hook(e, master ? HOOK_MASTER : HOOK_BACKUP, e->self, addr);
}

void
engine_event_service(struct engine *e, struct in_addr addr, uint8_t proto, uint16_t port_h)
{
	uint64_t key = engine_service_key(addr, proto, port_h);
	bool active = state_active(e->state, addr, proto, port_h) == e->self;
	bool was = map_get(e->active, key) != NULL;
	struct hook_item i = { .node = e->self, .addr = addr, .proto = proto, .port_h = port_h };

	if (e->watchers != NULL) {
		struct alias_event ev = service_event(e, addr, proto, port_h);

		emit(e, &ev);
	}
	if (active == was)
		return;
	if (active)
		map_put(e->active, key, e);
	else
		map_del(e->active, key);
	i.event = active ? HOOK_SERVICE_ACTIVE : HOOK_SERVICE_INACTIVE;
	engine_hook(e, &i);
}

void
engine_event_conflict(struct engine *e, struct in_addr addr, const char *mac, bool ours)
{
	struct hook_item i = { .event = mac == NULL ? HOOK_CONFLICT_OVER : HOOK_CONFLICT,
		.node = SEL_NO_NODE, .addr = addr };
	struct alias_event ev = alias_event_new(ALIAS_EV_CONFLICT);

	ev.addr = addr;
	ev.on = mac != NULL;
	if (mac != NULL) {
		snprintf(ev.text, sizeof(ev.text), "%s", mac);
		snprintf(i.text, sizeof(i.text), "%s", mac);
	}
	emit(e, &ev);
	if (ours)
		engine_hook(e, &i);
}

static void
forget_one(uint64_t key, void *value, void *arg)
{
	((struct told *)value)->said_alias = false;
}

static void
inactive_one(uint64_t key, void *value, void *arg)
{
	struct engine *e = arg;
	struct hook_item i = { .event = HOOK_SERVICE_INACTIVE, .node = e->self,
		.addr.s_addr = (uint32_t)(key >> 32), .proto = (uint8_t)(key >> 16), .port_h = (uint16_t)key };

	engine_hook(e, &i);
}

/* We are out of the group, or start afresh in it: what was told is void. */
void
engine_event_reset(struct engine *e)
{
	map_each(e->told, forget_one, NULL);
	map_each(e->active, inactive_one, e);
	map_clear(e->active, NULL);
	engine_event_group(e);
}

/* ---- watching ---- */

static void
snapshot(struct watcher *w, struct alias_event ev)
{
	ev.snapshot = true;
	send_event(w->conn, w->reqid, &ev);
}

static void
snapshot_service(uint8_t proto, uint16_t port_h, void *arg)
{
	struct page *p = arg;
	struct watcher w = { .conn = p->conn, .reqid = p->reqid };

	snapshot(&w, service_event(p->e, p->alias->addr, proto, port_h));
}

static void
snapshot_alias(struct page *p)
{
	struct watcher w = { .conn = p->conn, .reqid = p->reqid };

	snapshot(&w, alias_event(ALIAS_EV_ALIAS, p->alias));
	snapshot(&w, master_event(p->alias, SEL_NO_NODE));
	state_each_service(p->e->state, p->alias->addr, snapshot_service, p);
}

static void
snapshot_end(struct page *p)
{
	struct alias_event ev = alias_event_new(ALIAS_EV_SYNCED);

	ev.on = ev.snapshot = true;
	ev.seq = p->e->event_seq;
	send_event(p->conn, p->reqid, &ev);
}

/* Never answered with a reply: it goes on until one of the two ends it. */
void
engine_ctl_watch(struct ipc_conn *conn, const struct ipc_msg *m, void *arg)
{
	static const struct page_ops ops = { .alias = snapshot_alias, .end = snapshot_end };
	struct engine *e = arg;
	struct watcher *w;
	uint16_t i;

	if (m->len != 0) {
		ipc_conn_reply(conn, m, IPC_EPROTO, "malformed request");
		return;
	}
	w = mem_zalloc(sizeof(*w));
	w->conn = conn;
	w->reqid = m->reqid;
	w->next = e->watchers;
	e->watchers = w;
	snapshot(w, group_event(e));
	snapshot(w, quorum_event(state_quorate(e->state)));
	for (i = 0; i < LLT_MAX_NODES; i++) {
		if (state_is_member(e->state, i))
			snapshot(w, member_event(e, i, true));
	}
	engine_page(e, conn, m->reqid, &ops);
}

void
engine_watch_closed(struct engine *e, const struct ipc_conn *conn)
{
	struct watcher **at = &e->watchers, *w;

	while ((w = *at) != NULL) {
		if (w->conn == conn) {
			*at = w->next;
			free(w);
		} else {
			at = &w->next;
		}
	}
}
