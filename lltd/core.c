/* SPDX-License-Identifier: ISC */
#include "lltd/core.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "lltd/core_priv.h"

#define HELLO_MIN (20 * NSEC_PER_MSEC)
#define HELLO_MAX NSEC_PER_SEC

static bool
add_peers(struct core *c)
{
	uint8_t fresh[LLT_CHALLENGE];

	c->peers = calloc(c->conf.hosts->count + 1, sizeof(struct peer *));
	if (c->peers == NULL)
		return false;
	for (unsigned id = 0; id < LLT_MAX_NODES; id++) {
		struct peer *p;

		if (c->conf.hosts->name[id][0] == '\0' || id == c->conf.node)
			continue;
		if ((p = calloc(1, sizeof(*p))) == NULL)
			return false;
		p->node = (uint16_t)id;
		p->name = c->conf.hosts->name[id];
		p->answers = (struct log_limit){ .interval_ns = 100 * NSEC_PER_MSEC, .burst = 32 };
		for (unsigned i = 0; i < LLT_MAX_LINKS; i++)
			linkstate_reset(&p->link[i]);
		c->ops->random(c->arg, fresh, sizeof(fresh));
		session_init(&p->s, fresh);
		c->by_node[id] = p;
		c->peers[c->npeers++] = p;
	}
	return true;
}

static void
init_limits(struct core *c)
{
	struct log_limit slow = { .interval_ns = 10 * NSEC_PER_SEC, .burst = 3 };

	c->log_late = c->log_auth = c->log_dup = c->log_name = c->log_crossed = slow;
	c->welcomes = c->refusals =
	    (struct log_limit){ .interval_ns = 100 * NSEC_PER_MSEC, .burst = 32 };
}

struct core *
core_new(const struct core_conf *conf, const struct core_ops *ops, void *arg, uint64_t now)
{
	struct core *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->conf = *conf;
	c->ops = ops;
	c->arg = arg;
	if (conf->key != NULL) {
		crypto_cluster_init(&c->keys, conf->key, conf->cluster);
		c->cluster_keys = &c->keys;
		c->conf.key = NULL;
	}
	init_limits(c);
	ops->random(arg, &c->inc, sizeof(c->inc));
	c->check_end = now + conf->check_ns;
	c->wake = now;
	c->stream_wake = UINT64_MAX;
	if (!add_peers(c)) {
		core_free(c);
		return NULL;
	}
	core_set_links(c, conf->nlinks, conf->link);
	return c;
}

void
core_free(struct core *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < c->npeers; i++)
		peer_free(c->peers[i]);
	free(c->peers);
	crypto_wipe(c, sizeof(*c));
	free(c);
}

void
core_bye(struct core *c, uint64_t now)
{
	for (unsigned i = 0; i < c->npeers; i++)
		for (unsigned l = 0; l < c->conf.nlinks && c->peers[i]->s.up; l++)
			if (c->peers[i]->link[l].known)
				tx_heartbeat(c, c->peers[i], l, LLT_HB_BYE);
}

/* Those that it was the last one to come last: whoever watches knows by then that it is ours that failed. */
static void
link_lost(struct core *c, unsigned link)
{
	for (unsigned last = 0; last < 2; last++)
		for (unsigned i = 0; i < c->npeers; i++)
			if ((last || c->peers[i]->links_up > 1) && linkstate_down(&c->peers[i]->link[link]))
				peer_links_changed(c, c->peers[i], 1u << link);
}

void
core_carrier(struct core *c, unsigned link, bool up, const uint8_t addr[LLT_ADDR_LEN],
    uint32_t ifindex, size_t longest, uint64_t now)
{
	size_t mtu = longest < LLT_FRAME_MAX ? longest : LLT_FRAME_MAX;
	struct core_link *l = &c->link[link];
	bool lost = l->carrier && !up, moved = l->ifindex != ifindex || l->mtu != mtu;

	if (up && !l->carrier) {
		l->next_hello = now;
		c->next_probe = now;
		c->wake = now;
	}
	l->carrier = up;
	l->ifindex = ifindex;
	l->mtu = mtu;
	memcpy(l->addr, addr, LLT_ADDR_LEN);
	if (lost)
		link_lost(c, link);
	for (unsigned i = 0; i < c->npeers && moved; i++) {
		c->ops->link_changed(c->arg, c->peers[i]->node, link);
		if (c->peers[i]->link[link].known)
			peer_links_changed(c, c->peers[i], 0);
	}
}

void
core_link_close(struct core *c, unsigned link)
{
	for (unsigned i = 0; i < c->npeers; i++) {
		struct peer *p = c->peers[i];

		if (linkstate_down(&p->link[link])) {
			if (c->link[link].carrier)
				tx_heartbeat(c, p, link, 0); /* which says that we do not hear there */
			peer_links_changed(c, p, 1u << link);
		}
		p->link[link].known = false;
	}
	c->link[link].carrier = false;
	c->link[link].ifindex = 0;
	c->link[link].mtu = 0;
	for (unsigned i = 0; i < c->npeers; i++)
		c->ops->link_changed(c->arg, c->peers[i]->node, link);
}

void
core_set_links(struct core *c, unsigned nlinks, const struct core_link_conf *conf)
{
	uint32_t moved = 0; /* to the other priority */

	for (unsigned i = 0; i < nlinks; i++) {
		moved |= (uint32_t)(c->link[i].prio != conf[i].prio) << i;
		c->link[i].prio = conf[i].prio;
		c->link[i].burst = c->burst[i] = conf[i].burst;
		c->conf.link[i] = conf[i];
	}
	c->conf.nlinks = nlinks;
	for (unsigned i = 0; i < c->npeers; i++) {
		struct peer *p = c->peers[i];

		for (unsigned l = 0; l < nlinks; l++) {
			p->link[l].prio = conf[l].prio;
			if ((moved >> l & 1) != 0 && p->link[l].known)
				c->ops->link_changed(c->arg, p->node, l);
		}
		peer_links_changed(c, p, 0);
	}
}

void
core_flush(struct core *c, uint64_t now)
{
	bool waiting = false;

	for (unsigned i = 0; i < c->npeers; i++) {
		struct peer *p = c->peers[i];

		if (p->ack_soon)
			tx_acks(c, p);
		if (p->tx_ports != 0)
			tx_pump(c, p, now);
		waiting |= p->tx_ports != 0;
	}
	/* All is acknowledged: nothing is to be looked after. */
	if (!waiting)
		c->stream_wake = UINT64_MAX;
}

/* ---- time ---- */
/*
 * When we come late, the silence of that time was ours: what arrived meanwhile has been read by now,
 * and who is still silent gets the time back.
 */
static void
discount_lateness(struct core *c, uint64_t now)
{
	uint64_t limit = c->conf.timers.heartbeat[LLT_PRIO_HIGH] / 2;
	uint64_t late = now > c->wake ? now - c->wake : 0;

	if (late <= limit || late <= NSEC_PER_MSEC)
		return;
	core_count(c, STAT_TIMER_LATE);
	if (log_limit_ok(&c->log_late, now))
		log_warnx("timer", "timer late by %llu ms", (unsigned long long)(late / NSEC_PER_MSEC));
	for (unsigned i = 0; i < c->npeers; i++)
		for (unsigned l = 0; l < c->conf.nlinks && c->peers[i]->s.up; l++)
			linkstate_discount(&c->peers[i]->link[l], late, now);
}

static uint64_t
hello_period(const struct core *c)
{
	uint64_t v = 5 * c->conf.timers.heartbeat[LLT_PRIO_HIGH];

	if (v < HELLO_MIN)
		return HELLO_MIN;
	return v > HELLO_MAX ? HELLO_MAX : v;
}

/* Somebody is missing on this link. */
static bool
incomplete(const struct core *c, unsigned link)
{
	for (unsigned i = 0; i < c->npeers; i++)
		if (c->peers[i]->link[link].state != LLT_LINK_UP)
			return true;
	return false;
}

static void
hellos(struct core *c, uint64_t now)
{
	for (unsigned i = 0; i < c->conf.nlinks; i++) {
		struct core_link *l = &c->link[i];

		if (!l->carrier || now < l->next_hello)
			continue;
		l->next_hello = now + hello_period(c);
		if (incomplete(c, i))
			hello_broadcast(c, i);
	}
}

static void
heartbeats(struct core *c, uint8_t prio, uint64_t now)
{
	uint64_t period = c->conf.timers.heartbeat[prio];

	if (now < c->next_hb[prio])
		return;
	c->next_hb[prio] += period;
	if (c->next_hb[prio] <= now)
		c->next_hb[prio] = now + period;
	for (unsigned i = 0; i < c->npeers; i++)
		for (unsigned l = 0; l < c->conf.nlinks && c->peers[i]->s.up; l++)
			if (c->link[l].prio == prio && c->link[l].carrier && c->peers[i]->link[l].known)
				tx_heartbeat(c, c->peers[i], l, 0);
	for (unsigned i = 0; i < c->npeers; i++)
		if (c->peers[i]->ack_by != 0)
			tx_acks(c, c->peers[i]);
}

static void
check_peer(struct core *c, struct peer *p, uint64_t now)
{
	uint32_t changed = 0;

	if (now >= p->next_stale) {
		p->next_stale = now + c->conf.timers.inactive;
		p->stale[0] = p->stale[1];
		p->stale[1] = p->rx_seen.top;
	}
	for (unsigned l = 0; l < c->conf.nlinks; l++)
		if (linkstate_check(&p->link[l], &c->conf.timers, now)) {
			changed |= 1u << l;
			c->link[l].next_hello = now; /* if it was restarted, it answers at once */
		}
	if (changed != 0)
		peer_links_changed(c, p, changed);
}

static uint64_t
min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
next_wake(const struct core *c)
{
	uint64_t next = min64(c->next_hb[0], c->next_hb[1]);

	if (c->state == CORE_CHECKING)
		return min64(c->next_probe, c->check_end);
	for (unsigned i = 0; i < c->conf.nlinks; i++)
		if (c->link[i].carrier)
			next = min64(next, c->link[i].next_hello);
	for (unsigned i = 0; i < c->npeers; i++) {
		if (c->peers[i]->ack_by != 0)
			next = min64(next, c->peers[i]->ack_by);
		for (unsigned l = 0; l < c->conf.nlinks && c->peers[i]->s.up; l++)
			next = min64(next, linkstate_deadline(&c->peers[i]->link[l], &c->conf.timers));
	}
	return next;
}

void
core_tick(struct core *c, uint64_t now)
{
	if (c->state == CORE_REFUSED)
		return;
	discount_lateness(c, now);
	check_tick(c, now);
	if (c->state == CORE_RUNNING) {
		c->stream_wake = UINT64_MAX;
		hellos(c, now);
		heartbeats(c, LLT_PRIO_HIGH, now);
		heartbeats(c, LLT_PRIO_LOW, now);
		for (unsigned i = 0; i < c->npeers; i++)
			if (c->peers[i]->s.up) {
				check_peer(c, c->peers[i], now);
				if (c->peers[i]->ack_by != 0 && now >= c->peers[i]->ack_by)
					tx_acks(c, c->peers[i]);
				tx_tick(c, c->peers[i], now);
			}
	}
	c->wake = next_wake(c);
}

uint64_t
core_next(const struct core *c)
{
	return c->state == CORE_REFUSED ? UINT64_MAX : min64(c->wake, c->stream_wake);
}

void
core_set_timers(
    struct core *c, const struct llt_timers *t, const struct llthosts *hosts, uint64_t now)
{
	c->conf.timers = *t;
	c->conf.hosts = hosts;
	for (unsigned i = 0; i < c->npeers; i++)
		c->peers[i]->name = hosts->name[c->peers[i]->node];
	c->next_hb[0] = c->next_hb[1] = now;
	c->wake = now;
}

void
core_port_closed(struct core *c, uint8_t port)
{
	for (unsigned i = 0; i < c->npeers; i++)
		if (c->peers[i]->rx[port] != NULL)
			stream_rx_forget(c->peers[i]->rx[port]);
}
