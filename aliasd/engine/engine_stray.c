/* SPDX-License-Identifier: ISC */
/* Packets of connections that nobody here knows: the members are asked. */
#include <string.h>

#include "aliasd/core/frame.h"
#include "aliasd/engine/engine_priv.h"

#define ASKS_A_MESSAGE 2500
#define ASK_AFTER NSEC_PER_MSEC
/* While hosts are without aliasd. */
#define ASK_AGAIN NSEC_PER_SEC

static void
ask(const struct alias_ask *a, void *arg)
{
	struct engine *e = arg;

	if (e->nasks == e->asks_size) {
		e->asks_size = e->asks_size * 2 + 64;
		e->asks = mem_grow(e->asks, e->asks_size, sizeof(*e->asks));
	}
	e->asks[e->nasks++] = *a;
	if (e->nasks == 1)
		ev_timer_set(e->asks_timer, ASK_AFTER);
}

/* The connection was here all along, or is by now: the data plane finds the socket. */
static void
send_to_owner(uint16_t owner, const uint8_t *frame, size_t len, struct engine *e)
{
	struct dp_path path[LLT_MAX_LINKS];
	uint8_t copy[STRAY_FRAME_MAX];

	if (len < 14 || len > sizeof(copy) || engine_paths(e, owner, path) == 0)
		return;
	memcpy(copy, path[0].dst, 6);
	memcpy(copy + 6, path[0].src, 6);
	memcpy(copy + 12, frame + 12, len - 12);
	len = frame_refit(copy, len, path[0].limit == 0 ? FRAME_MAX : 14 + (size_t)path[0].limit);
	if (len > 0)
		rawsock_send(e->raw, path[0].ifindex, copy, len);
}

static void
deliver(uint16_t owner, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	send_to_owner(owner, frame, len, arg);
}

/*
 * It is ours, or will be: of the handshake by a SYN cookie nobody holds a socket until the client's
 * acknowledgement has reached who sent the cookie, and only that one can tell. Of what it begins the socket
 * will tell. But a socket that does not take the segment is of another connection: of an earlier one, which
 * the client gave up while we were cut off, or of one whose first SYN came here and whose next went elsewhere.
 * False: we cannot tell.
 */
static bool
look_up(struct engine *e, const struct alias_ask *a, enum alias_verdict *verdict)
{
	struct dp_conn conn = engine_dp_conn(&a->conn);
	bool takes;

	*verdict = ALIAS_NOT_MINE;
	if (diag_lookup(e->diag, &a->conn, verdict) < 0)
		return false;
	takes = datapath_takes_segment(e->dp, &conn, a->acks, a->seq, a->ack);
	if (!takes || (*verdict != ALIAS_MINE_CLOSING && engine_is_anothers(e, &a->conn)))
		*verdict = ALIAS_NOT_MINE;
	else if (*verdict == ALIAS_MINE)
		engine_flow(e, &a->conn, ALIAS_FLOW_HELD, clock_ns());
	else if (*verdict == ALIAS_NOT_MINE)
		*verdict = ALIAS_MINE;
	return true;
}

/* Who sent it has taken its port again since. */
static bool
has_owner_by_now(struct engine *e, const struct alias_ask *a)
{
	struct dp_conn conn = engine_dp_conn(&a->conn);
	enum alias_verdict verdict;

	return datapath_flow_owner(e->dp, &conn) != DP_NO_NODE || !look_up(e, a, &verdict) ||
	    verdict != ALIAS_NOT_MINE;
}

static uint64_t
reset(const struct alias_ask *a, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	struct engine *e = arg;
	uint8_t out[FRAME_RST_LEN];
	uint64_t now = clock_ns();
	size_t missing;
	uint16_t one;

	/* The others may know better, and do not tell a member without quorum. Who has sent it may be elsewhere. */
	if (ifindex == 0 || !state_quorate(e->state) || has_owner_by_now(e, a))
		return 0;
	if (now < e->quiet_until)
		return e->quiet_until;
	/*
	 * The owner may be a host whose aliasd is away. If there is one such host, its kernel has the
	 * connection or resets it; if there are more, they may be back soon.
	 */
	missing = engine_owners_missing(e, &one);
	if (missing > 1)
		return now + ASK_AGAIN;
	if (missing == 1)
		send_to_owner(one, frame, len, e);
	else if (frame_rst(out, frame, len))
		rawsock_send(e->raw, ifindex, out, sizeof(out));
	return 0;
}

static const uint16_t *
peers(size_t *n, void *arg)
{
	static uint16_t out[LLT_MAX_NODES];
	struct engine *e = arg;
	const uint16_t *members;
	size_t i, count = state_members(e->state, &members);

	*n = 0;
	for (i = 0; i < count; i++) {
		if (members[i] != e->self)
			out[(*n)++] = members[i];
	}
	return out;
}

const struct stray_ops engine_stray_ops = {
	.peers = peers, .ask = ask, .deliver = deliver, .reset = reset };

static void
arm(struct engine *e)
{
	uint64_t next = stray_run(e->stray, clock_ns());

	if (next == STRAY_NEVER)
		ev_timer_cancel(e->stray_timer);
	else
		ev_timer_set_at(e->stray_timer, next);
}

void
engine_stray_timer(void *arg)
{
	arm(arg);
}

void
engine_on_stray(
    const struct dp_conn *d, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	struct engine *e = arg;
	struct alias_conn c = engine_conn(d);
	enum alias_verdict verdict;
	struct alias_ask a;

	/* Who does not know the others knows nothing: the client tries again. */
	if (!state_loaded(e->state) || !stray_ask(&c, frame, len, &a))
		return;
	if (look_up(e, &a, &verdict) && verdict != ALIAS_NOT_MINE)
		return;
	stray_packet(e->stray, &a, ifindex, frame, len, clock_ns());
	arm(e);
}

/* Without a quorum all was refused; the data plane may not have been told yet that there is one again. */
static bool
is_refused(struct engine *e, const struct dp_conn *c)
{
	static struct sel_target out[LLT_MAX_NODES + 1];
	size_t n = state_targets(
	    e->state, c->alias, IPPROTO_TCP, ntohs(c->port), engine_usable, e, out);

	return state_quorate(e->state) && (n == 0 || out[0].node == SEL_NO_NODE);
}

/* As a host does on whose port nobody listens. Who does not know what the others want says nothing. */
void
engine_on_refused(
    const struct dp_conn *c, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	struct engine *e = arg;
	uint8_t out[FRAME_RST_LEN];

	if (!state_loaded(e->state) || !log_limit_ok(&e->refuse_limit, clock_ns()) || !is_refused(e, c))
		return;
	if (frame_rst(out, frame, len))
		rawsock_send(e->raw, ifindex, out, sizeof(out));
}

void
engine_flush_asks(void *arg)
{
	struct engine *e = arg;
	static uint8_t buf[ASKS_A_MESSAGE * ALIAS_ASK_LEN + 64];
	struct alias_list list;
	size_t i, done;
	struct wire_wr w;

	for (done = 0; done < e->nasks; done = i) {
		wire_wr_init(&w, buf, sizeof(buf));
		alias_list_begin(&list, &w, ALIAS_MSG_ASK);
		for (i = done; i < e->nasks && i - done < ASKS_A_MESSAGE; i++)
			alias_list_ask(&list, &e->asks[i]);
		alias_list_end(&list);
		engine_multicast(e, buf, wire_wr_len(&w));
	}
	e->nasks = 0;
}

void
engine_asked(struct engine *e, uint16_t src, struct alias_msg *m)
{
	static uint8_t buf[ASKS_A_MESSAGE * ALIAS_CONN_LEN + 64];
	struct alias_list list;
	struct alias_ask a;
	struct wire_wr w;

	if (m->count > ASKS_A_MESSAGE || e->dp == NULL)
		return;
	wire_wr_init(&w, buf, sizeof(buf));
	alias_list_begin(&list, &w, ALIAS_MSG_ANSWER);
	while (alias_msg_next_ask(m, &a)) {
		enum alias_verdict verdict;

		if (!look_up(e, &a, &verdict))
			continue; /* who cannot tell says nothing, and the client tries again */
		alias_list_conn(&list, &a.conn, (uint8_t)verdict);
	}
	alias_list_end(&list);
	engine_unicast(e, src, buf, wire_wr_len(&w));
}

void
engine_answered(struct engine *e, uint16_t src, struct alias_msg *m)
{
	struct alias_conn c;
	uint8_t verdict;

	while (alias_msg_next_conn(m, &c, &verdict))
		stray_answer(e->stray, src, &c, (enum alias_verdict)verdict, clock_ns());
	arm(e);
}
