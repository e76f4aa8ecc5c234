/* SPDX-License-Identifier: ISC */
/* Proof, by a frame that another member's packet program sent, that ours sees what comes from the LAN. */
#include <stdio.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"

/* By then, a second and a quarter, members that are there have answered. */
#define TRIES_BEFORE_A_WORD 7

static const char *
name_of(struct engine *e, uint32_t ifindex)
{
	const struct netlink_link *k = netlink_link_by_index(lan_netlink(e->lan), ifindex);

	return k == NULL ? "?" : k->name;
}

struct others {
	uint16_t self;
	bool attached;
};

static void
look_for_others(const struct state_alias *a, void *arg)
{
	struct others *o = arg;
	size_t i;

	for (i = 0; i < a->nrows && !o->attached; i++)
		o->attached = a->rows[i].node != o->self && a->rows[i].flags & ALIAS_ROW_ATTACHED;
}

/* Is there another member that could answer, as far as the group knows? */
static bool
others_attached(struct engine *e)
{
	struct others o = { .self = e->self };

	state_each_alias_by_id(e->state, look_for_others, &o);
	return o.attached;
}

static void
ask(uint32_t ifindex, unsigned tries, void *arg)
{
	const struct netlink_link *k;
	uint8_t frame[DP_PROBE_LEN];
	struct engine *e = arg;

	k = netlink_link_by_index(lan_netlink(e->lan), ifindex);
	if (k == NULL)
		return;
	datapath_probe_frame(k->mac, frame);
	rawsock_send(e->raw, ifindex, frame, sizeof(frame));
	if (tries == TRIES_BEFORE_A_WORD && others_attached(e))
		log_warnx("lan", "%s: no probe frame of another member has reached the packet program: "
		    "this member answers for an alias only if no other one can", k->name);
}

void
engine_probe_timer(void *arg)
{
	struct engine *e = arg;
	uint64_t now = clock_ns(), next = probe_run(e->probe, now, ask, e);

	if (next != 0)
		ev_timer_set(e->probe_timer, next > now ? next - now : 0);
}

void
engine_probe_start(struct engine *e, uint32_t ifindex)
{
	probe_add(e->probe, ifindex, clock_ns());
	engine_probe_timer(e);
}

void
engine_on_proven(uint32_t ifindex, void *arg)
{
	struct dp_attachment a;
	struct engine *e = arg;

	/* The word of it may be older than this daemon. */
	if (!datapath_attachment(e->dp, ifindex, &a) || !a.proven || !probe_prove(e->probe, ifindex))
		return;
	log_info("lan", "%s: a probe frame of another member has reached the packet program",
	    name_of(e, ifindex));
	engine_attached(e);
}

bool
engine_probe_ok(const struct engine *e, uint32_t ifindex)
{
	return !e->conf->probe || probe_is_proven(e->probe, ifindex);
}

void
engine_probe_row(struct engine *e, uint32_t ifindex, struct alias_ctl_iface *row)
{
	struct dp_attachment a;

	memset(row, 0, sizeof(*row));
	snprintf(row->name, sizeof(row->name), "%s", name_of(e, ifindex));
	if (e->dp == NULL || !datapath_attachment(e->dp, ifindex, &a))
		return;
	snprintf(row->mode, sizeof(row->mode), "%s", datapath_attach_name(a.mode));
	snprintf(row->why, sizeof(row->why), "%s", a.why);
	if (probe_is_proven(e->probe, ifindex))
		row->proof = ALIAS_PROVEN;
	else
		row->proof = others_attached(e) ? ALIAS_NOT_PROVEN : ALIAS_PROOF_ALONE;
}
