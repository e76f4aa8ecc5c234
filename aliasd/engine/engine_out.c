/* SPDX-License-Identifier: ISC */
/*
 * Connections that leave from the default alias. Each member has a share of the ports for them, by which
 * every router knows whose an answer is. While a service is out_alias the kernel hands out ports of the
 * share alone, to whoever asks for one: it does not let us choose by the address that they go with.
 */
#include <string.h>

#include "aliasd/engine/engine_priv.h"

#define SHARES_MIN 4

static uint16_t
count_hosts(const struct engine *e)
{
	uint16_t i, n = 0;

	for (i = 0; i < LLT_MAX_NODES; i++)
		n = (uint16_t)(n + (e->name[i][0] != '\0'));
	return n;
}

/* Room for the hosts that llthosts names, and some to come. */
static uint16_t
choose_number(const struct engine *e)
{
	uint16_t n = SHARES_MIN, hosts = count_hosts(e);

	if (e->conf->out_members != 0)
		return (uint16_t)e->conf->out_members;
	while (n < hosts && n < ALIAS_SHARES_MAX)
		n = (uint16_t)(n * 2);
	return n;
}

/* The kernel likes ranges that begin with an even port and have an even number of them. */
static bool
choose_shares(struct engine *e, struct alias_share *a)
{
	uint16_t first = e->conf->out_first, last = e->conf->out_last;

	if (last == 0 && !hostports_usual(e->hostports, &first, &last))
		return false;
	a->first = (uint16_t)((first + 1) & ~1);
	a->n = choose_number(e);
	a->size = last > a->first ? (uint16_t)((last - a->first + 1) / a->n & ~1) : 0;
	return alias_share_ok(a);
}

/* The one that connections from before a restart have; else by node id, so that few want the same. */
static uint16_t
wanted_share(const struct engine *e, const struct alias_share *a)
{
	uint16_t first, last;

	if (hostports_limited(e->hostports, &first, &last) && first >= a->first)
		return (uint16_t)((first - a->first) / a->size);
	return (uint16_t)((e->self == 0 ? 0 : e->self - 1) % a->n);
}

static void
ask_for_share(struct engine *e)
{
	struct alias_share a = { 0 };
	struct wire_wr w;
	uint8_t buf[32];

	e->share_asked = true;
	if (!choose_shares(e, &a)) {
		log_errx("ports", "out_alias: too few ports for %u members", choose_number(e));
		return;
	}
	a.wanted = wanted_share(e, &a);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_share(&w, &a);
	engine_broadcast(e, buf, wire_wr_len(&w));
}

static void
tell_shares(struct engine *e)
{
	static struct dp_shares d;
	const struct state_shares *s = state_shares(e->state);
	uint16_t i;

	d.addr = e->conf->default_addr;
	d.first = s->first;
	d.size = s->size;
	d.n = s->n;
	for (i = 0; i < s->n; i++)
		d.node[i] = s->node[i] == SEL_NO_NODE ? DP_NO_NODE : s->node[i];
	datapath_set_shares(e->dp, &d);
}

/* Ports of the share, or 0, 0. */
static void
own_share(const struct engine *e, uint16_t *first, uint16_t *last)
{
	const struct state_shares *s = state_shares(e->state);
	int share = state_share_of(e->state, e->self);

	*first = *last = 0;
	if (share < 0)
		return;
	*first = (uint16_t)(s->first + share * s->size);
	*last = (uint16_t)(*first + s->size - 1);
}

static bool
may_use_alias(struct engine *e)
{
	struct in_addr addr = e->conf->default_addr;
	const struct alias_row *r = own_get(e->own, addr);
	const struct told *t = map_get(e->told, addr.s_addr);

	return e->any_out && state_loaded(e->state) && state_quorate(e->state) && r != NULL &&
	    (r->flags & ALIAS_ROW_JOINED) && t != NULL && t->here;
}

void
engine_out_source(struct engine *e)
{
	struct in_addr source = { 0 };
	uint16_t first, last;

	if (e->dp == NULL)
		return;
	own_share(e, &first, &last);
	if (last != 0 && may_use_alias(e))
		source = e->conf->default_addr;
	if (e->out_told && source.s_addr == e->out_source.s_addr && first == e->out_first)
		return;
	if (source.s_addr != 0)
		log_info("ports", "out_alias: connections leave from the default alias, ports %u to %u", first,
		    last);
	else if (e->out_source.s_addr != 0)
		log_info("ports", "out_alias: connections leave from this member's own addresses");
	e->out_told = true;
	e->out_source = source;
	e->out_first = first;
	datapath_set_source(e->dp, source, first, last);
}

/* Ports that a service has are not handed out: answers could not be told from requests. */
void
engine_out_reserve(const struct engine *e, const struct alias_svc *s, size_t n, struct portset *reserved)
{
	const struct state_shares *sh = state_shares(e->state);
	size_t i;

	for (i = 0; e->any_out && i < n; i++) {
		if (s[i].port_h >= sh->first && s[i].port_h - sh->first < sh->n * sh->size)
			portset_add(reserved, s[i].port_h);
	}
}

void
engine_out_services(struct engine *e, const struct alias_svc *s, size_t n)
{
	uint16_t first, last;
	size_t i;

	e->any_out = false;
	for (i = 0; i < n; i++)
		e->any_out |= (s[i].attrs & ALIAS_OUT_ALIAS) && e->conf->default_alias[0] != '\0';
	own_share(e, &first, &last);
	if (!e->any_out)
		hostports_limit(e->hostports, 0, 0);
	else if (last != 0)
		hostports_limit(e->hostports, first, last);
	else if (!e->share_asked && state_loaded(e->state))
		ask_for_share(e);
	engine_out_source(e);
}

/* Somebody got a share, we perhaps. */
void
engine_out_shares(struct engine *e)
{
	const struct state_shares *s = state_shares(e->state);
	struct alias_share mine = { 0 };

	if (e->dp == NULL)
		return;
	tell_shares(e);
	if (e->share_asked && choose_shares(e, &mine) &&
	    (mine.first != s->first || mine.size != s->size || mine.n != s->n) && !e->said_shares) {
		log_warnx("ports", "out_alias: the cluster shares out %u times %u ports from %u on, and this "
		    "member would have taken %u times %u from %u on", s->n, s->size, s->first, mine.n,
		    mine.size, mine.first);
		e->said_shares = true;
	}
	engine_services_apply(e);
}
