/* SPDX-License-Identifier: ISC */
#include "gabd/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gabd/core_priv.h"

struct core_loop {
	struct core_loop *next;
	size_t len;
	uint8_t data[];
};

void *
core_alloc(size_t n)
{
	void *p = calloc(1, n == 0 ? 1 : n);

	if (p == NULL)
		abort();
	return p;
}

void
core_note(struct gab_core *core, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (core->ops->note == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	core->ops->note(core->arg, text);
}

void
core_trace(struct gab_core *core, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (core->ops->trace == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	core->ops->trace(core->arg, text);
}

/* ---- sending ---- */

struct wire_wr *
core_begin(struct gab_core *core, enum gab_msg_type type)
{
	wire_wr_init(&core->wr, core->tx, sizeof(core->tx));
	gab_msg_begin(&core->wr, type);
	return &core->wr;
}

static void
send_to_self(struct gab_core *core)
{
	size_t len = wire_wr_len(&core->wr);
	struct core_loop *m = core_alloc(sizeof(*m) + len);

	m->len = len;
	memcpy(m->data, core->tx, len);
	*core->loop_tail = m;
	core->loop_tail = &m->next;
}

static void
send_up(struct gab_core *core, const struct gab_set *dst, bool patient)
{
	struct gab_set to = *dst;

	gab_set_and(&to, &core->conn.up);
	if (gab_set_empty(&to) || !wire_wr_ok(&core->wr))
		return;
	GAB_SET_EACH(node, &to)
		core->conn.peer[node].spoke = core->now;
	core->ops->send(core->arg, &to, patient, core->tx, wire_wr_len(&core->wr));
}

void
core_send_unopened(struct gab_core *core, const struct gab_set *dst)
{
	send_up(core, dst, false);
}

void
core_send_patiently(struct gab_core *core, const struct gab_set *dst)
{
	struct gab_set to = *dst;

	gab_set_and(&to, &core->conn.open);
	send_up(core, &to, true);
}

void
core_send(struct gab_core *core, const struct gab_set *dst)
{
	struct gab_set to = *dst;

	gab_set_and(&to, &core->conn.open);
	core_send_unopened(core, &to);
	if (gab_set_has(dst, core->conf.self) && wire_wr_ok(&core->wr))
		send_to_self(core);
}

void
core_send_one(struct gab_core *core, unsigned node)
{
	struct gab_set dst = { { 0 } };

	gab_set_add(&dst, node);
	core_send(core, &dst);
}

/* ---- dispatch ---- */

/* Decodes one message into m (of struct gab_NAME) and calls fn with it, or counts it as bad. */
#define TAKE(name, fn)                                   \
	do {                                             \
		struct gab_##name m;                     \
		if (gab_##name##_decode(r, &m))          \
			fn(core, src, &m);               \
		else                                     \
			core->stats.bad_messages++;      \
	} while (0)

static void
take_abort(struct gab_core *core, unsigned src, struct wire_rd *r)
{
	struct gab_att att;

	gab_att_decode(r, &att);
	if (wire_rd_done(r))
		view_abort(core, src, &att);
	else
		core->stats.bad_messages++;
}

static void
dispatch(struct gab_core *core, unsigned src, uint8_t type, struct wire_rd *r)
{
	switch (type) {
	case GAB_MSG_ALIVE: break;
	case GAB_MSG_TOPO: topo_recv(core, src, r); break;
	case GAB_MSG_PROPOSE: TAKE(propose, view_propose); break;
	case GAB_MSG_NACK: TAKE(nack, coord_nack); break;
	case GAB_MSG_FLUSH: coord_flush(core, src, r); break;
	case GAB_MSG_FETCH: TAKE(fetch, view_fetch); break;
	case GAB_MSG_FILL: order_recv_fill(core, src, r); break;
	case GAB_MSG_READY: TAKE(ready, coord_ready); break;
	case GAB_MSG_FORWARD: TAKE(fetch, view_forward); break;
	case GAB_MSG_CATCHUP: view_catchup(core, src, r); break;
	case GAB_MSG_INSTALL: view_install(core, src, r->pos, wire_rd_left(r)); break;
	case GAB_MSG_ABORT: take_abort(core, src, r); break;
	case GAB_MSG_SUBMIT: order_recv_submit(core, src, r); break;
	case GAB_MSG_ORDERED: order_recv_ordered(core, src, r); break;
	case GAB_MSG_ACK: TAKE(ack, order_recv_ack); break;
	case GAB_MSG_UNICAST: TAKE(unicast, port_recv_unicast); break;
	default: core->stats.bad_messages++; break;
	}
}

static void
take(struct gab_core *core, unsigned src, const uint8_t *buf, size_t len)
{
	struct wire_rd rd, *r = &rd;
	uint8_t type = gab_msg_open(r, buf, len);

	if (type == GAB_MSG_HELLO && src != core->conf.self) {
		TAKE(hello, conn_hello);
		return;
	}
	if (src != core->conf.self && !gab_set_has(&core->conn.open, src)) {
		core->stats.stale_messages++;
		return;
	}
	core->conn.peer[src].heard = core->now;
	if (type == GAB_MSG_BYE && src != core->conf.self)
		conn_bye(core, src);
	else
		dispatch(core, src, type, r);
}

/* ---- input ---- */

static void
enter(struct gab_core *core, uint64_t now)
{
	if (now <= core->now)
		return;
	/* Our timer would have come by long ago: we were not running. That is nobody else's fault. */
	if (now - core->now > 2 * core->conf.alive) {
		uint64_t late = now - core->now - core->conf.alive;

		conn_forgive(core, late);
		coord_forgive(core, late);
		view_forgive(core, late);
	}
	core->now = now;
}

/* Whatever an input led to: messages to ourselves, then decisions, until there is nothing left. */
static void
settle(struct gab_core *core)
{
	for (;;) {
		struct core_loop *m = core->loop_head;

		if (m == NULL) {
			coord_evaluate(core);
			if (core->loop_head == NULL && !core->reconsider)
				return;
			continue;
		}
		core->loop_head = m->next;
		if (core->loop_head == NULL)
			core->loop_tail = &core->loop_head;
		if (!core->stopped)
			take(core, core->conf.self, m->data, m->len);
		free(m);
	}
}

static bool
conf_ok(const struct gab_core_conf *conf)
{
	return conf->max_nodes >= 1 && conf->max_nodes <= LLT_MAX_NODES &&
	    conf->self < conf->max_nodes && conf->inc != 0 && conf->gen_start < GAB_GEN_MAX &&
	    conf->alive != 0 && conf->dead > conf->alive;
}

struct gab_core *
gab_core_new(
    const struct gab_core_conf *conf, const struct gab_core_ops *ops, void *arg, uint64_t now)
{
	struct gab_core *core;

	if (!conf_ok(conf))
		return NULL;
	core = core_alloc(sizeof(*core));
	core->conf = *conf;
	core->ops = ops;
	core->arg = arg;
	core->now = core->started = now;
	core->gen = conf->gen_start;
	core->loop_tail = &core->loop_head;
	core->reconsider = true;
	conn_init(core);
	view_init(core);
	topo_init(core);
	coord_init(core);
	order_init(core);
	port_init(core);
	return core;
}

void
gab_core_free(struct gab_core *core)
{
	if (core == NULL)
		return;
	while (core->loop_head != NULL) {
		struct core_loop *m = core->loop_head;

		core->loop_head = m->next;
		free(m);
	}
	port_fini(core);
	order_fini(core);
	coord_fini(core);
	topo_fini(core);
	view_fini(core);
	conn_fini(core);
	free(core);
}

void
gab_core_reconf(struct gab_core *core, const struct gab_core_conf *conf, uint64_t now)
{
	enter(core, now);
	core->conf.seed = conf->seed;
	core->conf.quorum = conf->quorum;
	core->conf.expected = conf->expected;
	core->conf.two_node = conf->two_node;
	core->conf.settle = conf->settle;
	core->reconsider = true;
	settle(core);
}

static bool
is_peer(const struct gab_core *core, unsigned node)
{
	return !core->stopped && node < core->conf.max_nodes && node != core->conf.self;
}

void
gab_core_peer_up(struct gab_core *core, unsigned node, uint32_t session, uint64_t now)
{
	if (!is_peer(core, node))
		return;
	enter(core, now);
	conn_peer_up(core, node, session);
	settle(core);
}

void
gab_core_links(struct gab_core *core, unsigned node, unsigned links, uint64_t now)
{
	if (!is_peer(core, node))
		return;
	enter(core, now);
	conn_links(core, node, links);
	settle(core);
}

void
gab_core_peer_down(struct gab_core *core, unsigned node, uint64_t now)
{
	if (!is_peer(core, node))
		return;
	enter(core, now);
	conn_peer_down(core, node);
	settle(core);
}

void
gab_core_recv(struct gab_core *core, unsigned node, uint32_t session, const uint8_t *buf, size_t len,
    uint64_t now)
{
	const struct conn_peer *p;

	if (!is_peer(core, node))
		return;
	enter(core, now);
	p = &core->conn.peer[node];
	if (!p->llt_up || p->session != session)
		core->stats.stale_messages++;
	else
		take(core, node, buf, len);
	settle(core);
}

static bool
is_port(const struct gab_core *core, unsigned port)
{
	return !core->stopped && port >= 1 && port < GAB_NPORTS;
}

uint32_t
gab_core_register(struct gab_core *core, unsigned port, uint64_t now)
{
	uint32_t inst;

	if (!is_port(core, port))
		return 0;
	enter(core, now);
	inst = port_register(core, port);
	settle(core);
	return inst;
}

void
gab_core_leave(struct gab_core *core, unsigned port, uint64_t now)
{
	if (!is_port(core, port))
		return;
	enter(core, now);
	port_leave(core, port);
	settle(core);
}

enum gab_sent
gab_core_send(struct gab_core *core, unsigned port, const struct gab_ctl_send *s, uint64_t now)
{
	enum gab_sent sent;

	if (!is_port(core, port))
		return GAB_SENT_NOT;
	enter(core, now);
	sent = port_send(core, port, s);
	settle(core);
	/* In a view of our own it came back already. */
	return sent == GAB_SENT_FULL && !core->port.local[port].full ? GAB_SENT : sent;
}

static uint64_t
min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t
gab_core_deadline(const struct gab_core *core)
{
	uint64_t at = core->conn.tick_at;

	if (core->stopped)
		return CORE_NEVER;
	at = min_u64(at, core->conn.failing_until);
	at = min_u64(at, core->topo.flood_at);
	at = min_u64(at, core->topo.relay_at);
	at = min_u64(at, coord_deadline(core));
	at = min_u64(at, view_deadline(core));
	return min_u64(at, order_deadline(core));
}

void
gab_core_tick(struct gab_core *core, uint64_t now)
{
	if (core->stopped)
		return;
	enter(core, now);
	conn_tick(core);
	topo_tick(core);
	order_tick(core);
	view_tick(core);
	coord_tick(core);
	settle(core);
}

void
gab_core_seed(struct gab_core *core, uint64_t now)
{
	if (core->stopped)
		return;
	enter(core, now);
	core->seeded = true;
	core->reconsider = true;
	topo_refresh(core, true);
	settle(core);
}

void
gab_core_stop(struct gab_core *core)
{
	if (core->stopped)
		return;
	core_begin(core, GAB_MSG_BYE);
	core_send(core, &core->conn.open);
	core->stopped = true;
}

void
core_conn_up(struct gab_core *core, unsigned node)
{
	core->reconsider = true;
	topo_conn_up(core, node);
}

void
core_conn_down(struct gab_core *core, unsigned node)
{
	core->reconsider = true;
	view_conn_down(core, node);
	port_conn_down(core, node);
	topo_refresh(core, true);
}

void
gab_core_status(const struct gab_core *core, struct gab_core_status *st)
{
	memset(st, 0, sizeof(*st));
	st->seeded = core->seeded;
	st->quorate = core->view.vid.gen != 0 && core->view.quorate;
	st->changing = core->view.flushed;
	st->vid = core->view.vid;
	st->gen = core->gen;
	st->members = core->view.members;
	st->connected = core->conn.open;
	st->seed = core->conf.seed;
	st->queued_items = core->order.kept.count + core->order.own.count + core->order.backlog.count +
	    core->port.early_count;
	st->queued_bytes = core->order.kept.bytes + core->order.own.bytes + core->order.backlog.bytes +
	    core->port.early_bytes;
	st->stats = core->stats;
}

const struct gab_port_row *
gab_core_port(const struct gab_core *core, unsigned port)
{
	return port < GAB_NPORTS ? &core->port.ports.row[port] : NULL;
}
