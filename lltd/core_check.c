/* SPDX-License-Identifier: ISC */
/*
 * Core: the start check, and what a running node does for those who start. A probe says who we are;
 * every node answers with who it is and what it thinks of us, and shows by our incarnation, which is
 * random, that it answers us and not an earlier one.
 */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "lltd/core_priv.h"

#define PROBES 6

static void
send_probe(struct core *c, unsigned link)
{
	struct llt_probe p;
	struct wire_wr w;

	memcpy(p.name, c->conf.name, sizeof(p.name));
	memcpy(p.addr, c->link[link].addr, LLT_ADDR_LEN);
	tx_begin(c, &w, LLT_F_PROBE);
	llt_probe_encode(&w, &p);
	tx_cluster(c, &w, LLT_F_PROBE, link, LLT_BROADCAST, llt_addr_all);
	core_count(c, STAT_SND_HELLOS);
}

void
check_tick(struct core *c, uint64_t now)
{
	if (c->state != CORE_CHECKING)
		return;
	if (now >= c->check_end) {
		c->state = CORE_RUNNING;
		c->ops->checked(c->arg, NULL);
		return;
	}
	if (now < c->next_probe)
		return;
	c->next_probe = now + c->conf.check_ns / PROBES;
	for (unsigned i = 0; i < c->conf.nlinks; i++)
		send_probe(c, i);
}

static void
send_answer(struct core *c, const struct input *in, uint8_t verdict, const uint8_t *holder,
    struct log_limit *limit)
{
	struct llt_answer a = { .echo = in->f.incarnation, .verdict = verdict,
		.starting = c->state == CORE_CHECKING };
	struct wire_wr w;

	if (!log_limit_ok(limit, in->now)) {
		core_count(c, STAT_DROP_RATE);
		return;
	}
	memcpy(a.name, c->conf.name, sizeof(a.name));
	memcpy(a.addr, c->link[in->link].addr, LLT_ADDR_LEN);
	if (holder != NULL)
		memcpy(a.holder, holder, LLT_ADDR_LEN);
	tx_begin(c, &w, LLT_F_ANSWER);
	llt_answer_encode(&w, &a);
	tx_cluster(c, &w, LLT_F_ANSWER, in->link, in->f.src, in->src);
	core_count(c, STAT_SND_HELLOS);
}

/* The asker must be told, and cannot make us send without bound. */
void
check_answer(struct core *c, const struct input *in, uint8_t verdict, const struct peer *holder)
{
	const struct linkstate *l = holder == NULL ? NULL : &holder->link[in->link];

	send_answer(c, in, verdict, l != NULL && l->known ? l->addr : NULL, &c->refusals);
}

static bool
name_known(const struct core *c, uint16_t node, const char *name)
{
	const char *ours = c->conf.hosts->name[node];

	return ours[0] != '\0' && strcmp(ours, name) == 0;
}

void
check_report_auth(struct core *c, const struct input *in)
{
	if (log_limit_ok(&c->log_auth, in->now))
		log_warnx("auth", "node %u at %s on link %u speaks for cluster %u without our key: ignored",
		    in->f.src, addr_text(c, in->link, in->src), in->link, c->conf.cluster);
}

void
check_report_duplicate(struct core *c, const struct input *in, const char *name)
{
	if (log_limit_ok(&c->log_dup, in->now))
		log_warnx("check", "refused a second node %u (%s) of cluster %u at %s on link %u", in->f.src,
		    name, c->conf.cluster, addr_text(c, in->link, in->src), in->link);
}

static void
report_name(struct core *c, const struct input *in, const char *name)
{
	if (log_limit_ok(&c->log_name, in->now))
		log_warnx("check", "refused node %u (%s) at %s on link %u: not so in our llthosts",
		    in->f.src, name, addr_text(c, in->link, in->src), in->link);
}

bool
check_sender(struct core *c, const struct input *in, const uint8_t addr[LLT_ADDR_LEN], const char *name)
{
	if (memcmp(addr, in->src, LLT_ADDR_LEN) != 0) {
		core_count(c, STAT_DROP_SOURCE);
		return false;
	}
	core_count(c, STAT_RCV_HELLOS);
	if (in->f.src == c->conf.node) {
		core_count(c, STAT_DROP_DUPLICATE_NODE);
		check_report_duplicate(c, in, name);
		check_answer(c, in, LLT_V_DUPLICATE_ID, NULL);
		return false;
	}
	if (!name_known(c, in->f.src, name)) {
		core_count(c, STAT_DROP_UNKNOWN_NODE);
		report_name(c, in, name);
		check_answer(c, in, LLT_V_UNKNOWN_NAME, NULL);
		return false;
	}
	return true;
}

/*
 * Where nothing reaches all, the one that has this id may never hear of the other: whoever is in a
 * session with it speaks for it.
 */
static bool
beyond_broadcasts(const struct core *c, const struct input *in)
{
	const struct peer *p = c->by_node[in->f.src];

	return c->conf.link[in->link].kind == LLT_KIND_UDP && p != NULL && p->link[in->link].known &&
	    hello_is_stranger(p, in);
}

void
check_probe_input(struct core *c, const struct input *in, const uint8_t *body)
{
	struct llt_probe p;

	if (!llt_probe_decode(body, in->f.bodylen, &p)) {
		core_count(c, STAT_DROP_MALFORMED);
		return;
	}
	if (!check_sender(c, in, p.addr, p.name))
		return;
	if (beyond_broadcasts(c, in))
		hello_stranger(c, c->by_node[in->f.src], in);
	else /* Out of another purse: whoever replays a good probe must not silence refusals. */
		send_answer(c, in, LLT_V_WELCOME, NULL, &c->welcomes);
}

/* Fills why with the reason not to start; false: there is none. */
static bool
objection(const struct core *c, const struct input *in, const struct llt_answer *a, char *why,
    size_t size)
{
	const char *at = addr_text(c, in->link, in->src);
	unsigned node = in->f.src, cluster = c->conf.cluster;
	static const uint8_t none[LLT_ADDR_LEN];
	bool held = memcmp(a->holder, none, LLT_ADDR_LEN) != 0;

	if (in->f.src == c->conf.node) {
		/* Of two that start together, one may. */
		if (a->starting && in->f.incarnation > c->inc)
			return false;
		snprintf(why, size, "node %u already exists in cluster %u: it is %s and has the address %s",
		    node, cluster, a->name, at);
		return true;
	}
	if (!name_known(c, in->f.src, a->name)) {
		snprintf(why, size, "cluster %u is already used by node %u (%s), which is not in our "
				    "llthosts and has the address %s", cluster, node, a->name, at);
		return true;
	}
	if (a->verdict == LLT_V_DUPLICATE_ID) {
		snprintf(why, size, "node %u already exists in cluster %u: node %u (%s) knows it%s%s",
		    c->conf.node, cluster, node, a->name, held ? " at the address " : "",
		    held ? addr_text(c, in->link, a->holder) : "");
		return true;
	}
	if (a->verdict == LLT_V_UNKNOWN_NAME) {
		snprintf(why, size, "node %u (%s) with the address %s has no node %u (%s) in its llthosts",
		    node, a->name, at, c->conf.node, c->conf.name);
		return true;
	}
	return false;
}

static void
late_verdict(struct core *c, const struct input *in, const struct llt_answer *a)
{
	if (a->verdict != LLT_V_WELCOME && log_limit_ok(&c->log_dup, in->now))
		log_errx("check", "node %u (%s) at %s refuses us: %s", in->f.src, a->name,
		    addr_text(c, in->link, in->src), a->verdict == LLT_V_DUPLICATE_ID ?
			"another node with our id is running" : "we are not so in its llthosts");
}

void
check_answer_input(struct core *c, const struct input *in, const uint8_t *body)
{
	struct llt_answer a;
	char why[320];

	if (!llt_answer_decode(body, in->f.bodylen, &a)) {
		core_count(c, STAT_DROP_MALFORMED);
		return;
	}
	if (memcmp(a.addr, in->src, LLT_ADDR_LEN) != 0) {
		core_count(c, STAT_DROP_SOURCE);
		return;
	}
	if (a.echo != c->inc) {
		core_count(c, STAT_DROP_REPLAY);
		return;
	}
	core_count(c, STAT_RCV_HELLOS);
	if (c->state == CORE_RUNNING)
		late_verdict(c, in, &a);
	else if (objection(c, in, &a, why, sizeof(why))) {
		c->state = CORE_REFUSED;
		c->ops->checked(c->arg, why);
	}
}
