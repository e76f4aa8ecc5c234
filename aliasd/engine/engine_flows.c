/* SPDX-License-Identifier: ISC */
/* Who owns which connection: told by the owner, kept by all. */
#include "aliasd/engine/engine_priv.h"
#include "aliasd/bpf/layout.h"

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

/*
 * It ended since, or is another's. Told late, it would take the packets of whoever has its client's
 * port now until the end behind it is told, too. (A table too full for it here is so elsewhere.)
 */
static bool
is_over(struct engine *e, const struct alias_conn *c, uint8_t op)
{
	struct dp_conn d = engine_dp_conn(c);

	return op != ALIAS_FLOW_DEL && datapath_flow_owner(e->dp, &d) != e->self;
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
		if (is_over(e, &c, op))
			continue;
		alias_list_conn(&m.list, &c, op);
		if (m.list.count < CONNS_A_MESSAGE)
			continue;
		alias_list_end(&m.list);
		engine_multicast(e, m.buf, wire_wr_len(&m.w));
		message_begin(&m);
	}
	alias_list_end(&m.list);
	if (m.list.count > 0)
		engine_multicast(e, m.buf, wire_wr_len(&m.w));
}

/* The kernel's events are all here: who ended meanwhile is not told of. */
uint64_t
engine_on_looked(uint64_t now, void *arg)
{
	struct engine *e = arg;

	if (state_gen(e->state) == 0)
		return UINT64_MAX;
	if (announce_due(e->announce) <= now + ANNOUNCE_SLACK) {
		announce_begin(e->announce, now);
		flush_announcements(e);
	}
	return announce_due(e->announce);
}

/* Into our own table, or out of it. True: it is there already, and others may know. */
static bool
note_flow(struct engine *e, const struct alias_conn *c, enum alias_flow_op op)
{
	struct dp_conn d = engine_dp_conn(c);
	bool again = op != ALIAS_FLOW_DEL && datapath_flow_owner(e->dp, &d) == e->self;

	if (op == ALIAS_FLOW_DEL && datapath_is_doubted(e->dp, &d))
		datapath_del_flow(e->dp, &d, DP_DOUBTED);
	else if (op == ALIAS_FLOW_DEL)
		datapath_del_flow(e->dp, &d, e->self);
	else if (!again)
		datapath_set_flow(e->dp, &d, e->self);
	return again;
}

void
engine_flow(struct engine *e, const struct alias_conn *c, enum alias_flow_op op, uint64_t when)
{
	bool again = note_flow(e, c, op);
	size_t waiting;

	if (state_gen(e->state) == 0)
		return; /* whoever comes is told everything */
	if (op == ALIAS_FLOW_HELD)
		waiting = announce_held(e->announce, c, when);
	else
		waiting = announce_add(e->announce, c, op, again, when);
	if (waiting >= CONNS_A_MESSAGE)
		flush_announcements(e);
	else
		datapath_look_by(e->dp, announce_due(e->announce));
}

struct push {
	struct engine *e;
	const uint16_t *to;
	size_t n, sent;
	uint16_t owner;
	struct message *m;
};

static void
push_begin(struct push *p)
{
	struct message *m = p->m;

	if (p->owner == p->e->self) {
		message_begin(m);
		return;
	}
	wire_wr_init(&m->w, m->buf, sizeof(m->buf));
	alias_list_begin_of(&m->list, &m->w, p->owner);
}

static void
push_send(struct push *p)
{
	size_t i;

	alias_list_end(&p->m->list);
	for (i = 0; i < p->n; i++)
		engine_unicast(p->e, p->to[i], p->m->buf, wire_wr_len(&p->m->w));
	p->sent += p->m->list.count;
	push_begin(p);
}

static void
push_one(const struct dp_conn *c, uint16_t owner, void *arg)
{
	struct push *p = arg;
	struct alias_conn conn = engine_conn(c);

	alias_list_conn(&p->m->list, &conn, ALIAS_FLOW_HELD);
	if (p->m->list.count == CONNS_A_MESSAGE)
		push_send(p);
}

/* What our table says of one owner; for another than us also if it is nothing. The number of them. */
static size_t
push_owner(struct engine *e, uint16_t owner, const uint16_t *to, size_t n)
{
	static struct message m;
	struct push p = { .e = e, .to = to, .n = n, .owner = owner, .m = &m };

	push_begin(&p);
	datapath_each_flow(e->dp, owner, push_one, &p);
	if (m.list.count > 0 || (owner != e->self && p.sent == 0))
		push_send(&p);
	return p.sent;
}

/* The lowest member that holds everything speaks for the hosts whose aliasd is away. */
static bool
speaks_for_absent(const struct engine *e)
{
	const uint16_t *members;
	size_t i, n = state_members(e->state, &members);

	for (i = 0; i < n; i++) {
		if (state_is_synced(e->state, members[i]))
			return members[i] == e->self;
	}
	return false;
}

static void
push_absent(struct engine *e, const uint16_t *to, size_t n)
{
	uint16_t node;
	size_t sent;

	for (node = 0; node < LLT_MAX_NODES; node++) {
		if (!engine_owner_is_absent(e, node))
			continue;
		sent = push_owner(e, node, to, n);
		log_info("flow", "%zu connections of node %u (%s), which is without aliasd, told to %zu members",
		    sent, node, e->name[node], n);
	}
}

static size_t
count_to_push(struct engine *e, bool absent)
{
	size_t count = datapath_flow_count(e->dp, e->self);
	uint16_t node;

	for (node = 0; absent && node < LLT_MAX_NODES; node++) {
		if (engine_owner_is_absent(e, node))
			count += datapath_flow_count(e->dp, node);
	}
	return count;
}

/* The view in which our table was last in accord with the others': see claim.h. */
static uint32_t
our_accord(const struct engine *e)
{
	return e->said_synced ? CLAIM_ACCORD_NOW : datapath_accord(e->dp);
}

/*
 * For later, when we come back. Who is cut off does not hear what begins elsewhere: he has no quorum, or,
 * if none is asked for, loses sight of most hosts at once.
 */
static void
note_accord(struct engine *e)
{
	unsigned hosts = engine_hosts(e);

	if (!e->said_synced || !state_quorate(e->state) || hosts * 2 <= e->accord_hosts)
		return;
	e->accord_hosts = hosts;
	datapath_set_accord(e->dp, state_gen(e->state));
}

/* Everything we own to those who may not have it: how much it will be, all of it, and a mark behind it. */
static void
push_flows(struct engine *e, const uint16_t *to, size_t n)
{
	bool absent = speaks_for_absent(e);
	uint8_t begin[16], end[16];
	struct wire_wr b, w;
	size_t i, sent;

	if (n == 0)
		return;
	wire_wr_init(&b, begin, sizeof(begin));
	alias_msg_flows_begin(&b, (uint32_t)count_to_push(e, absent), our_accord(e));
	wire_wr_init(&w, end, sizeof(end));
	alias_msg_flows_end(&w, state_gen(e->state));
	for (i = 0; i < n; i++)
		engine_unicast(e, to[i], begin, wire_wr_len(&b));
	sent = push_owner(e, e->self, to, n);
	if (absent)
		push_absent(e, to, n);
	for (i = 0; i < n; i++)
		engine_unicast(e, to[i], end, wire_wr_len(&w));
	log_info("flow", "%zu connections told to %zu members", sent, n);
}

/*
 * Who was taken for dead may only have been late, and be back in a moment, or it is we who were. So
 * long nobody's connection is reset on the word of those who are left.
 */
uint64_t
engine_quiet_time(const struct engine *e)
{
	uint64_t t = 5 * e->peerinact_ns;

	if (t < QUIET_MIN)
		return QUIET_MIN;
	return t > QUIET_MAX ? QUIET_MAX : t;
}

void
engine_flows_quiet(struct engine *e)
{
	e->quiet_until = clock_ns() + engine_quiet_time(e);
}

/* What a member told in an earlier life is void, or will be. */
static void
review_owners(struct engine *e, const struct gab_ev_view *v)
{
	uint64_t now = clock_ns();
	size_t i;

	if (!state_quorate(e->state))
		e->quorate_since = 0;
	else if (e->quorate_since == 0)
		e->quorate_since = now;
	if (v->fresh) {
		e->back_since = now;
		engine_owners_fresh(e);
		engine_flows_quiet(e);
	}
	for (i = 0; i < v->nleft; i++) {
		/* Without aliasd alone a host goes on, and gets what nobody else knows. */
		if (!engine_host_is_up(e, v->left[i])) {
			engine_flows_quiet(e);
			engine_owner_tell_lost(e, v->left[i]);
		}
		engine_owner_left(e, v->left[i]);
		stray_member_left(e->stray, v->left[i], now);
	}
	for (i = 0; i < v->njoined; i++) {
		if (v->joined[i] == e->self)
			continue;
		if (!v->fresh)
			engine_owner_tell_given_up(e, v->joined[i], now);
		engine_owner_begins(e, v->joined[i]);
		stray_member_joined(e->stray, v->joined[i]);
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
	engine_owners_loaded(e);
	engine_owner_doubt_ours(e);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_synced(&w, state_gen(e->state));
	engine_broadcast(e, buf, wire_wr_len(&w));
	note_accord(e);
	log_info("flow", "all members' connections are known");
}

/* All of ours to all, because we are new, or because this view may have cut that short. */
static bool
must_tell_all(struct engine *e, bool anew)
{
	uint64_t now = clock_ns();

	if (!anew && (e->told_all == 0 || now - e->told_all > ENGINE_ARRIVES_IN))
		return false;
	e->told_all = now;
	return true;
}

/*
 * A view change may have dropped what was on its way. Members that hold everything get the latest
 * changes again; those that do not yet, everything.
 */
void
engine_flows_view(struct engine *e, const struct gab_ev_view *v)
{
	uint16_t to[LLT_MAX_NODES];
	bool anew = self_joined(e, v), all = must_tell_all(e, anew);
	size_t i, n = 0;

	review_owners(e, v);
	note_accord(e);
	if (anew)
		announce_clear(e->announce);
	else
		announce_again(e->announce, clock_ns());
	if (!state_is_synced(e->state, e->self) && !e->said_synced)
		holds_expect(e->holds, v->members, v->nmembers, e->self);
	flush_announcements(e);
	for (i = 0; i < v->nmembers; i++) {
		if (v->members[i] != e->self && (all || !state_is_synced(e->state, v->members[i])))
			to[n++] = v->members[i];
	}
	push_flows(e, to, n);
	engine_owners_tell_lost_again(e);
	check_synced(e);
}

void
engine_flows_loaded(struct engine *e)
{
	check_synced(e);
}

static uint32_t
accord_of(const struct engine *e, uint16_t node)
{
	if (node == e->self)
		return our_accord(e);
	if (state_is_synced(e->state, node) || engine_owner_is_absent(e, node))
		return CLAIM_ACCORD_NOW;
	return e->accord[node];
}

static bool
stands(struct engine *e, uint16_t src, const struct alias_conn *c, const struct dp_conn *d, bool news)
{
	uint16_t holder = datapath_flow_owner(e->dp, d);
	struct claim claim = { .news = news, .known = holder != DP_NO_NODE && holder != src };

	if (!claim.known || news)
		return true;
	claim.ours = holder == e->self;
	claim.loading = !e->said_synced;
	claim.member = state_is_member(e->state, holder) || engine_owner_is_absent(e, holder);
	claim.settled = engine_owner_settled(e, holder, c);
	claim.accord = accord_of(e, src);
	claim.holders_accord = accord_of(e, holder);
	if (!claim_stands(&claim))
		return false;
	/* Once its owner is gone our socket would be taken for the connection, and never answer it. */
	if (claim.ours)
		diag_abort(e->diag, c);
	return true;
}

/* What we doubted is another's indeed. */
static void
set_flow(struct engine *e, const struct alias_conn *c, const struct dp_conn *d, uint16_t owner)
{
	if (datapath_is_doubted(e->dp, d) && !datapath_is_young(e->dp, d))
		diag_abort(e->diag, c);
	datapath_set_flow(e->dp, d, owner);
}

static void
take_flows(struct engine *e, uint16_t src, struct alias_msg *m)
{
	struct alias_conn c;
	size_t refused = 0;
	uint8_t op;

	while (alias_msg_next_conn(m, &c, &op)) {
		struct dp_conn d = engine_dp_conn(&c);

		if (op == ALIAS_FLOW_DEL) {
			datapath_del_flow(e->dp, &d, src);
		} else if (stands(e, src, &c, &d, op == ALIAS_FLOW_SET)) {
			set_flow(e, &c, &d, src);
			engine_owner_told(e, src, &c);
		} else {
			refused++;
		}
	}
	if (refused > 0)
		log_info("flow", "node %u (%s): %zu connections it tells of are another's by now", src,
		    e->name[src], refused);
}

/* How much there is to come, as far as it is not here already from an earlier life. */
static void
expect_flows(struct engine *e, uint16_t src, const struct alias_msg *m)
{
	size_t have = datapath_flow_count(e->dp, src);

	e->accord[src] = m->accord;
	if (m->expect > have)
		datapath_expect_flows(e->dp, m->expect - have);
}

/*
 * On the word of another: it stands against no new owner's own, nor against the owner's. But what is left
 * of the time before its holder was cut off, be it we or another that is just back, is older.
 */
static void
take_absent_flows(struct engine *e, struct alias_msg *m)
{
	struct alias_conn c;
	uint8_t op;

	if (m->owner == e->self || state_is_member(e->state, m->owner))
		return;
	if (!engine_owner_vouched(e, m->owner)) {
		/* It was lost to us while our aliasd was away. */
		if (!e->open[m->owner] && engine_hosts(e) > 1)
			engine_owner_tell_lost(e, m->owner);
		return;
	}
	engine_owner_absent(e, m->owner);
	while (alias_msg_next_conn(m, &c, &op)) {
		struct dp_conn d = engine_dp_conn(&c);
		uint16_t holder = datapath_flow_owner(e->dp, &d);

		if (op == ALIAS_FLOW_DEL || (holder != DP_NO_NODE && accord_of(e, holder) == CLAIM_ACCORD_NOW))
			continue;
		set_flow(e, &c, &d, m->owner);
		if (holder == e->self)
			diag_abort(e->diag, &c);
	}
}

void
engine_flows_message(struct engine *e, uint16_t src, struct alias_msg *m)
{
	if (m->type == ALIAS_MSG_FLOWS) {
		take_flows(e, src, m);
	} else if (m->type == ALIAS_MSG_FLOWS_BEGIN) {
		expect_flows(e, src, m);
	} else if (m->type == ALIAS_MSG_FLOWS_OF) {
		take_absent_flows(e, m);
	} else if (m->type == ALIAS_MSG_LOST) {
		engine_owner_lost(e, src, m->owner);
	} else if (m->type == ALIAS_MSG_FLOWS_END && m->gen == state_gen(e->state)) {
		engine_owner_ends(e, src);
		holds_end(e->holds, src);
		check_synced(e);
	}
}
