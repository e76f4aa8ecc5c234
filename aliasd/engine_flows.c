/* SPDX-License-Identifier: ISC */
/* Who owns which connection: told by the owner, kept by all. */
#include "aliasd/engine_priv.h"

#define FLUSH_AFTER NSEC_PER_MSEC
#define CONNS_A_MESSAGE 4000
#define QUIET_MIN (150 * NSEC_PER_MSEC)
#define QUIET_MAX (2 * NSEC_PER_SEC)

struct message {
	struct wire_wr w;
	struct alias_list list;
	uint8_t buf[CONNS_A_MESSAGE * ALIAS_CONN_LEN + 64];
};

static void
message_begin(struct message *m)
{
	wire_wr_init(&m->w, m->buf, sizeof(m->buf));
	alias_list_begin(&m->list, &m->w, ALIAS_MSG_FLOWS);
}

void
engine_arm_flush(struct engine *e)
{
	if (e->flush_armed)
		return;
	e->flush_armed = true;
	ev_timer_set(e->flush_timer, FLUSH_AFTER);
}

static void
send_to_all(struct engine *e, const void *data, size_t len)
{
	const uint16_t *members;
	size_t i, n = state_members(e->state, &members);

	for (i = 0; i < n; i++) {
		if (members[i] != e->self)
			engine_unicast(e, members[i], data, len);
	}
}

static void
flush_announcements(struct engine *e)
{
	static struct message m;
	struct alias_conn c;
	uint8_t op;

	if (state_gen(e->state) == 0)
		return;
	message_begin(&m);
	while (announce_next(e->announce, &c, &op)) {
		alias_list_conn(&m.list, &c, op);
		if (m.list.count < CONNS_A_MESSAGE)
			continue;
		alias_list_end(&m.list);
		send_to_all(e, m.buf, wire_wr_len(&m.w));
		message_begin(&m);
	}
	alias_list_end(&m.list);
	if (m.list.count > 0)
		send_to_all(e, m.buf, wire_wr_len(&m.w));
}

void
engine_flush_timer(void *arg)
{
	struct engine *e = arg;

	e->flush_armed = false;
	flush_announcements(e);
	engine_flush_asks(e);
}

/* A connection of this host began or ended. */
void
engine_flow(struct engine *e, const struct alias_conn *c, enum alias_flow_op op)
{
	struct dp_conn d = engine_dp_conn(c);

	if (op == ALIAS_FLOW_SET)
		datapath_set_flow(e->dp, &d, e->self);
	else
		datapath_del_flow(e->dp, &d, e->self);
	if (state_gen(e->state) == 0)
		return; /* whoever comes is told everything */
	if (announce_add(e->announce, c, op, clock_ns()) >= CONNS_A_MESSAGE)
		flush_announcements(e);
	else
		engine_arm_flush(e);
}

struct push {
	struct engine *e;
	const uint16_t *to;
	size_t n, sent;
	struct message *m;
};

static void
push_send(struct push *p)
{
	size_t i;

	alias_list_end(&p->m->list);
	for (i = 0; p->m->list.count > 0 && i < p->n; i++)
		engine_unicast(p->e, p->to[i], p->m->buf, wire_wr_len(&p->m->w));
	p->sent += p->m->list.count;
	message_begin(p->m);
}

static void
push_one(const struct dp_conn *c, uint16_t owner, void *arg)
{
	struct push *p = arg;
	struct alias_conn conn = engine_conn(c);

	alias_list_conn(&p->m->list, &conn, ALIAS_FLOW_SET);
	if (p->m->list.count == CONNS_A_MESSAGE)
		push_send(p);
}

/* Everything we own to those who may not have it, and a mark behind it. */
static void
push_flows(struct engine *e, const uint16_t *to, size_t n)
{
	static struct message m;
	struct push p = { .e = e, .to = to, .n = n, .m = &m };
	uint8_t end[16];
	struct wire_wr w;
	size_t i;

	if (n == 0)
		return;
	message_begin(&m);
	datapath_each_flow(e->dp, e->self, push_one, &p);
	push_send(&p);
	wire_wr_init(&w, end, sizeof(end));
	alias_msg_flows_end(&w, state_gen(e->state));
	for (i = 0; i < n; i++)
		engine_unicast(e, to[i], end, wire_wr_len(&w));
	log_info("flow", "%zu connections told to %zu members", p.sent, n);
}

/*
 * Who was taken for dead may only have been late, and be back in a moment, or it is we who were. So
 * long nobody's connection is reset on the word of those who are left.
 */
static uint64_t
quiet_time(const struct engine *e)
{
	uint64_t t = 5 * e->peerinact_ns;

	if (t < QUIET_MIN)
		return QUIET_MIN;
	return t > QUIET_MAX ? QUIET_MAX : t;
}

/* What a member told in an earlier life is void, or will be. */
static void
review_owners(struct engine *e, const struct gab_ev_view *v)
{
	uint64_t now = clock_ns();
	size_t i;

	if (v->fresh)
		engine_owners_fresh(e);
	if (v->fresh || v->nleft > 0)
		e->quiet_until = now + quiet_time(e);
	for (i = 0; i < v->nleft; i++) {
		engine_owner_left(e, v->left[i]);
		stray_member_left(e->stray, v->left[i], now);
	}
	for (i = 0; i < v->njoined; i++) {
		if (v->joined[i] == e->self)
			continue;
		engine_owner_begins(e, v->joined[i]);
		stray_member_left(e->stray, v->joined[i], now);
	}
}

static bool
self_joined(const struct engine *e, const struct gab_ev_view *v)
{
	size_t i;

	for (i = 0; i < v->njoined; i++) {
		if (v->joined[i] == e->self)
			return true;
	}
	return false;
}

static void
check_synced(struct engine *e)
{
	uint8_t buf[16];
	struct wire_wr w;

	if (e->said_synced || !state_loaded(e->state) || !holds_all(e->holds))
		return;
	e->said_synced = true;
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_synced(&w, state_gen(e->state));
	engine_broadcast(e, buf, wire_wr_len(&w));
	log_info("flow", "all members' connections are known");
}

/*
 * A view change may have dropped what was on its way. Members that hold everything get the latest
 * changes again; those that do not yet, everything.
 */
void
engine_flows_view(struct engine *e, const struct gab_ev_view *v)
{
	uint16_t to[LLT_MAX_NODES];
	bool anew = self_joined(e, v);
	size_t i, n = 0;

	review_owners(e, v);
	if (anew)
		announce_clear(e->announce);
	else
		announce_again(e->announce, clock_ns());
	if (!state_is_synced(e->state, e->self) && !e->said_synced)
		holds_expect(e->holds, v->members, v->nmembers, e->self);
	flush_announcements(e);
	for (i = 0; i < v->nmembers; i++) {
		if (v->members[i] != e->self && (anew || !state_is_synced(e->state, v->members[i])))
			to[n++] = v->members[i];
	}
	push_flows(e, to, n);
	check_synced(e);
}

void
engine_flows_loaded(struct engine *e)
{
	check_synced(e);
}

static void
take_flows(struct engine *e, uint16_t src, struct alias_msg *m)
{
	struct alias_conn c;
	uint8_t op;

	while (alias_msg_next_conn(m, &c, &op)) {
		struct dp_conn d = engine_dp_conn(&c);

		if (op == ALIAS_FLOW_SET) {
			datapath_set_flow(e->dp, &d, src);
			engine_owner_told(e, src, &c);
		} else {
			datapath_del_flow(e->dp, &d, src);
		}
	}
}

void
engine_flows_message(struct engine *e, uint16_t src, struct alias_msg *m)
{
	if (m->type == ALIAS_MSG_FLOWS) {
		take_flows(e, src, m);
	} else if (m->type == ALIAS_MSG_FLOWS_END && m->gen == state_gen(e->state)) {
		engine_owner_ends(e, src);
		holds_end(e->holds, src);
		check_synced(e);
	}
}
