/* SPDX-License-Identifier: ISC */
/*
 * What becomes of a member's connections when it leaves the group and when it comes back.
 *
 * If its host is gone, so are they. If only its aliasd is (lltd still reaches the host), its kernel goes
 * on serving them: they are kept for a while, and nobody's packets are reset in the meantime. When
 * it is back it tells everything anew, and what it does not name again is stale.
 */
#include "aliasd/engine/engine_priv.h"

#define KEEP_FOR (60 * NSEC_PER_SEC)

static void
forget(struct engine *e, uint16_t node)
{
	relearn_free(e->relearn[node]);
	e->relearn[node] = NULL;
	e->orphaned[node] = 0;
	e->doubted[node] = false;
	e->given_up[node] = clock_ns();
	datapath_del_owner(e->dp, node);
}

/* It is the host that its connections were told of: not one that came back after we had lost it. */
bool
engine_host_is_up(const struct engine *e, uint16_t node)
{
	return e->open[node] && !e->lost[node] && paths_reachable(e->paths, node);
}

/* That lltd has a connection to, and ours. */
unsigned
engine_hosts(const struct engine *e)
{
	unsigned node, n = 1;

	for (node = 0; node < LLT_MAX_NODES; node++)
		n += e->open[node];
	return n;
}

/*
 * A member that holds everything says that this host goes on without aliasd. Who is just loading believes
 * it: not that host was cut off then, but we were.
 */
bool
engine_owner_vouched(struct engine *e, uint16_t node)
{
	if (!e->said_synced && e->open[node])
		e->lost[node] = false;
	return engine_host_is_up(e, node);
}

void
engine_owner_left(struct engine *e, uint16_t node)
{
	losses_forget(e->losses, node);
	if (!engine_host_is_up(e, node)) {
		forget(e, node);
		return;
	}
	e->orphaned[node] = clock_ns();
	log_info("flow", "node %u (%s): without aliasd, its connections are kept", node, e->name[node]);
}

bool
engine_owner_is_absent(const struct engine *e, uint16_t node)
{
	return e->orphaned[node] != 0 && !e->doubted[node];
}

/* A member says so: we came later. */
void
engine_owner_absent(struct engine *e, uint16_t node)
{
	e->doubted[node] = false;
	e->given_up[node] = 0;
	if (e->orphaned[node] != 0)
		return;
	e->orphaned[node] = clock_ns();
	log_info("flow", "node %u (%s): without aliasd, what others keep for it is taken over", node,
	    e->name[node]);
}

static size_t
lost_message(uint8_t buf[16], uint16_t node)
{
	struct wire_wr w;

	wire_wr_init(&w, buf, 16);
	alias_msg_lost(&w, node);
	return wire_wr_len(&w);
}

void
engine_owner_tell_lost(struct engine *e, uint16_t node)
{
	uint8_t buf[16];

	engine_multicast(e, buf, lost_message(buf, node));
	e->told_lost[node] = clock_ns();
}

/* It may have been dropped on its way by the change of views, and who has come has not heard it. */
void
engine_owners_tell_lost_again(struct engine *e)
{
	uint64_t now = clock_ns(), told;
	uint8_t buf[16];
	uint16_t node;

	for (node = 0; node < LLT_MAX_NODES; node++) {
		told = e->told_lost[node];
		if (told != 0 && now - told < ENGINE_ARRIVES_IN && node != e->self &&
		    !state_is_member(e->state, node) && !engine_host_is_up(e, node))
			engine_multicast(e, buf, lost_message(buf, node));
	}
}

/*
 * It is back, and has sockets of connections that we gave up. If any of us may have told their clients so,
 * they may have begun anew elsewhere.
 */
void
engine_owner_tell_given_up(struct engine *e, uint16_t node, uint64_t now)
{
	uint64_t since = e->given_up[node] + engine_quiet_time(e);
	uint8_t buf[16];

	if (e->given_up[node] != 0 && since < now && e->quorate_since != 0 && e->quorate_since < now)
		engine_unicast(e, node, buf, lost_message(buf, node));
}

/*
 * We were lost to the others, and they gave up what we had. What no other has taken since is told to nobody
 * before its client shows that it lives: it may be what is left of a connection whose client has another by
 * now, with a member that is dead.
 */
void
engine_owner_doubt_ours(struct engine *e)
{
	size_t n;

	if (!e->was_given_up)
		return;
	e->was_given_up = false;
	engine_owner_tell_lost(e, e->self);
	n = engine_conns_doubt(e);
	if (n > 0)
		log_info("flow", "the others gave us up: %zu connections are to prove that they live", n);
}

/*
 * A host that one of us does not reach is in no group with all of us: who still reaches it must not go on
 * sending it clients that others reset. Those begin when the quiet time is over; until then it may turn out
 * that it is the other one that is cut off. Who names us gave us up; who names himself was given up.
 */
void
engine_owner_lost(struct engine *e, uint16_t src, uint16_t node)
{
	if (node == e->self) {
		e->was_given_up = true;
		if (e->said_synced)
			engine_owner_doubt_ours(e);
		return;
	}
	if (node == src) {
		datapath_del_owner(e->dp, node);
		return;
	}
	if (e->orphaned[node] == 0 || state_is_member(e->state, node))
		return;
	losses_add(e->losses, node, src, clock_ns() + engine_quiet_time(e) / 2);
	ev_timer_set_at(e->losses_timer, losses_due(e->losses));
}

void
engine_losses_timer(void *arg)
{
	struct engine *e = arg;
	uint16_t node;

	while (losses_next(e->losses, clock_ns(), &node)) {
		if (e->orphaned[node] == 0)
			continue;
		log_info("flow", "node %u (%s): another member does not reach it, its connections are given up",
		    node, e->name[node]);
		forget(e, node);
		engine_flows_quiet(e);
		/* Who has come since has not heard it, but may have our word that the host goes on. */
		engine_owner_tell_lost(e, node);
	}
	if (losses_due(e->losses) != LOSSES_NEVER)
		ev_timer_set_at(e->losses_timer, losses_due(e->losses));
}

/* lltd lost the host. */
void
engine_owner_down(struct engine *e, uint16_t node)
{
	e->lost[node] = true;
	if (e->dp == NULL || e->orphaned[node] == 0)
		return;
	forget(e, node);
	engine_flows_quiet(e);
	if (state_gen(e->state) != 0)
		engine_owner_tell_lost(e, node);
}

static void
old_entry(const struct dp_conn *c, uint16_t owner, void *arg)
{
	struct alias_conn conn = engine_conn(c);

	relearn_old(arg, &conn);
}

/* A member starts to tell all its connections. */
void
engine_owner_begins(struct engine *e, uint16_t node)
{
	e->orphaned[node] = 0;
	e->doubted[node] = false;
	e->lost[node] = false;
	e->given_up[node] = 0;
	losses_forget(e->losses, node);
	e->accord[node] = 0;
	relearn_free(e->relearn[node]);
	e->relearn[node] = NULL;
	if (datapath_flow_count(e->dp, node) == 0)
		return;
	e->relearn[node] = relearn_new();
	datapath_each_flow(e->dp, node, old_entry, e->relearn[node]);
}

void
engine_owner_told(struct engine *e, uint16_t node, const struct alias_conn *c)
{
	if (e->relearn[node] != NULL)
		relearn_told(e->relearn[node], c);
}

/*
 * A socket of ours that another owns by now is what is left of a connection that its client gave up
 * without our hearing of it; see claim.h.
 */
bool
engine_is_anothers(struct engine *e, const struct alias_conn *c)
{
	struct dp_conn d = engine_dp_conn(c);
	uint16_t owner = datapath_flow_owner(e->dp, &d);

	return owner != DP_NO_NODE && owner != e->self;
}

bool
engine_owner_settled(const struct engine *e, uint16_t node, const struct alias_conn *c)
{
	return e->relearn[node] == NULL || relearn_is_told(e->relearn[node], c);
}

struct stale {
	struct engine *e;
	uint16_t node;
	size_t n;
};

static void
stale_entry(const struct alias_conn *c, void *arg)
{
	struct stale *s = arg;
	struct dp_conn d = engine_dp_conn(c);

	datapath_del_flow(s->e->dp, &d, s->node);
	s->n++;
}

void
engine_owner_ends(struct engine *e, uint16_t node)
{
	struct stale s = { .e = e, .node = node };

	if (e->relearn[node] == NULL)
		return;
	relearn_stale(e->relearn[node], stale_entry, &s);
	relearn_free(e->relearn[node]);
	e->relearn[node] = NULL;
	if (s.n > 0)
		log_info("flow", "node %u (%s): %zu connections are gone", node, e->name[node], s.n);
}

/* We start afresh, with a table of an earlier life. */
void
engine_owners_fresh(struct engine *e)
{
	uint16_t node;

	for (node = 0; node < LLT_MAX_NODES; node++) {
		/* It may have been we who were cut off. */
		e->given_up[node] = e->told_lost[node] = 0;
		if (state_is_member(e->state, node))
			e->lost[node] = false;
		if (node == e->self || datapath_flow_count(e->dp, node) == 0)
			continue;
		if (state_is_member(e->state, node))
			engine_owner_begins(e, node);
		else
			engine_owner_left(e, node);
		e->doubted[node] = e->orphaned[node] != 0;
	}
}

static bool
anybody_was_here(const struct engine *e)
{
	const uint16_t *member;
	size_t i, n = state_members(e->state, &member);

	for (i = 0; i < n; i++) {
		if (member[i] != e->self && state_is_synced(e->state, member[i]))
			return true;
	}
	return false;
}

void
engine_owners_loaded(struct engine *e)
{
	bool known = anybody_was_here(e);
	uint16_t node;

	for (node = 0; node < LLT_MAX_NODES; node++) {
		if (!e->doubted[node])
			continue;
		e->doubted[node] = false;
		if (!known)
			continue; /* all of us are new */
		log_info("flow", "node %u (%s): no member keeps connections for it: ours are void", node,
		    e->name[node]);
		forget(e, node);
	}
}

size_t
engine_owners_missing(struct engine *e, uint16_t *one)
{
	uint64_t now = clock_ns();
	uint16_t node;
	size_t n = 0;

	for (node = 0; node < LLT_MAX_NODES; node++) {
		if (e->orphaned[node] == 0)
			continue;
		if (now - e->orphaned[node] > KEEP_FOR) {
			forget(e, node);
			continue;
		}
		*one = node;
		n++;
	}
	return n;
}
