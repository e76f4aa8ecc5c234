/* SPDX-License-Identifier: ISC */
/* The daemon: puts the core between lltd and the clients. */
#include "gabd/gabd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/ev.h"
#include "common/log.h"
#include "common/rt.h"
#include "gabd/core.h"
#include "gabd/ctl.h"
#include "gabd/gabd_conf.h"
#include "gabd/llt.h"
#include "gabd/members.h"

/* What lltd has not taken yet: above, the clients have to wait. */
#define LLT_QUEUE_HIGH (16u * 1024 * 1024)
#define LLT_QUEUE_LOW (4u * 1024 * 1024)
#define LLT_QUEUE_POLL (2 * NSEC_PER_MSEC)
#define PATIENCE_MIN (50 * NSEC_PER_MSEC)
#define EPOCH_2020 1577836800

static struct {
	struct ev_loop *loop;
	struct gabd_conf *conf;
	struct llt *llt;
	struct ctl *ctl;
	struct gab_core *core;   /* while configured and lltd is there */
	struct ev_timer *timer;  /* the core's */
	struct ev_timer *drain;  /* looks at lltd's queue */
	uint64_t armed;
	uint64_t patience;
	uint32_t gen;     /* the highest that a core of ours has seen */
	uint16_t node;
	bool off;         /* gabconfig -U */
	bool holding;     /* clients, for lltd's queue */
	struct gab_set jeopardy;
} self;

/* After every call into the core. */
static void
arm(void)
{
	uint64_t at = self.core == NULL ? UINT64_MAX : gab_core_deadline(self.core);

	if (at == self.armed)
		return;
	self.armed = at;
	if (at == UINT64_MAX)
		ev_timer_cancel(self.timer);
	else
		ev_timer_set_at(self.timer, at);
}

static void
on_timer(void *arg)
{
	self.armed = UINT64_MAX;
	if (self.core != NULL)
		gab_core_tick(self.core, clock_ns());
	arm();
}

static void
on_drain(void *arg)
{
	if (llt_queued(self.llt) > LLT_QUEUE_LOW) {
		ev_timer_set(self.drain, LLT_QUEUE_POLL);
		return;
	}
	self.holding = false;
	ctl_hold(self.ctl, false);
}

/* ---- what the core wants ---- */

static void
on_core_send(void *arg, const struct gab_set *dst, bool patient, const uint8_t *data, size_t len)
{
	llt_send(self.llt, dst, patient, data, len);
	if (self.holding || llt_queued(self.llt) < LLT_QUEUE_HIGH)
		return;
	self.holding = true;
	ctl_hold(self.ctl, true);
	ev_timer_set(self.drain, LLT_QUEUE_POLL);
}

static void
on_core_view(void *arg, unsigned port, uint32_t inst, const struct gab_ev_view *v)
{
	char text[256];

	members_text(v->members, v->nmembers, text, sizeof(text));
	log_info("port", "port %c gen %x membership %s%s", 'a' + port, v->gen, text,
	    v->fresh ? ", we are new" : "");
	ctl_view(self.ctl, port, v);
}

static void
on_core_message(void *arg, unsigned port, uint32_t inst, const struct gab_ev_msg *m)
{
	ctl_message(self.ctl, port, m);
}

static void
on_core_room(void *arg, unsigned port, uint32_t inst)
{
	ctl_room(self.ctl, port);
}

static void
on_core_node_view(void *arg, const struct gab_node_view *v)
{
	uint16_t ids[LLT_MAX_NODES];
	unsigned n = gab_set_list(&v->members, ids);
	char text[256], status[300];

	members_text(ids, n, text, sizeof(text));
	log_info("view", "port a gen %x membership %s%s%s", v->vid.gen, text,
	    v->fresh ? ", we are new" : "", v->quorate ? "" : ", not quorate");
	snprintf(status, sizeof(status), "membership %s", text);
	clud_status(status);
}

static void
on_core_note(void *arg, const char *text)
{
	log_warnx("view", "%s", text);
}

static void
on_core_trace(void *arg, const char *text)
{
	log_debug("view", "%s", text);
}

static const struct gab_core_ops core_ops = {
	.send = on_core_send,
	.view = on_core_view,
	.message = on_core_message,
	.room = on_core_room,
	.node_view = on_core_node_view,
	.note = on_core_note,
	.trace = on_core_trace,
};

/* ---- beginning and ending a membership ---- */

static uint64_t
new_incarnation(void)
{
	uint64_t inc = 0;

	while (inc == 0)
		if (getrandom(&inc, sizeof(inc), 0) != sizeof(inc))
			inc = clock_ns();
	return inc;
}

/*
 * Generations start at the time of day, so that they go on growing over restarts of everybody; or,
 * when there was more than a view each second, where they were.
 */
static uint32_t
first_gen(void)
{
	time_t now = time(NULL);
	uint32_t gen = 0;

	if (now > EPOCH_2020 && now - EPOCH_2020 < GAB_GEN_MAX / 2)
		gen = (uint32_t)(now - EPOCH_2020);
	return self.gen > gen && self.gen < GAB_GEN_MAX ? self.gen : gen;
}

static void
note_links(const struct llt_ev_node *n)
{
	bool was = gab_set_has(&self.jeopardy, n->node);
	bool is = n->state == LLT_OPEN_STATE && n->links_up == 1;

	if (is == was)
		return;
	if (is) {
		gab_set_add(&self.jeopardy, n->node);
		log_warnx("node", "node %u (%s) in jeopardy: one link is left", n->node, n->name);
	} else {
		gab_set_del(&self.jeopardy, n->node);
		if (n->state == LLT_OPEN_STATE)
			log_info("node", "node %u (%s) out of jeopardy", n->node, n->name);
	}
}

static void
take_node(const struct llt_ev_node *n)
{
	note_links(n);
	gab_core_links(self.core, n->node, n->state == LLT_OPEN_STATE ? n->links_up : 0, clock_ns());
	if (n->state == LLT_OPEN_STATE)
		gab_core_peer_up(self.core, n->node, n->session, clock_ns());
	else
		gab_core_peer_down(self.core, n->node, clock_ns());
}

static void
begin(void)
{
	struct gab_core_conf cc = { .self = self.node, .max_nodes = LLT_MAX_NODES,
		.inc = new_incarnation(), .gen_start = first_gen(), .patience = self.patience };

	if (self.core != NULL || self.off || !llt_is_ready(self.llt))
		return;
	gabd_conf_core(self.conf, &cc);
	self.core = gab_core_new(&cc, &core_ops, NULL, clock_ns());
	if (self.core == NULL) {
		log_errx("daemon", "node %u cannot take part", self.node);
		return;
	}
	clud_status("no membership yet");
	for (unsigned port = 1; port < GAB_NPORTS; port++)
		if (ctl_has_client(self.ctl, port))
			gab_core_register(self.core, port, clock_ns());
	for (unsigned i = 0; i < LLT_MAX_NODES; i++)
		if (llt_node(self.llt, i) != NULL)
			take_node(llt_node(self.llt, i));
	arm();
}

static void
end(const char *status)
{
	struct gab_core_status st;

	if (self.core != NULL) {
		gab_core_status(self.core, &st);
		self.gen = st.gen;
		gab_core_stop(self.core);
	}
	gab_core_free(self.core);
	self.core = NULL;
	gab_set_clear(&self.jeopardy);
	ctl_drop_clients(self.ctl);
	clud_status(status);
	arm();
}

/* ---- what lltd says ---- */

static void
on_llt_ready(void *arg, const struct llt_ev_self *me)
{
	self.node = me->node;
	/* One end of a link that is cut may see that at once, the other only that the first is silent. */
	self.patience = me->peerinact_ns + me->peerinact_ns / 4;
	if (self.patience < PATIENCE_MIN)
		self.patience = PATIENCE_MIN;
	log_info("llt", "node %u (%s) of cluster %u", me->node, me->name, me->cluster);
	begin();
}

static void
on_llt_lost(void *arg)
{
	log_errx("llt", "lltd went away: no membership until it is back");
	end("waiting for lltd");
}

static void
on_llt_node(void *arg, const struct llt_ev_node *n)
{
	if (self.core == NULL)
		return;
	take_node(n);
	arm();
}

static void
on_llt_recv(void *arg, const struct llt_ctl_recv *m)
{
	if (self.core == NULL)
		return;
	gab_core_recv(self.core, m->src, m->session, m->data, m->len, clock_ns());
	arm();
}

static const struct llt_events llt_events = {
	.ready = on_llt_ready,
	.lost = on_llt_lost,
	.node = on_llt_node,
	.recv = on_llt_recv,
};

/* ---- what clients want ---- */

static const char *
ctl_closed(void *arg)
{
	return self.off ? "not configured: gabconfig -c first" : NULL;
}

static void
ctl_registered(void *arg, unsigned port)
{
	if (self.core != NULL)
		gab_core_register(self.core, port, clock_ns());
	arm();
}

static void
ctl_left(void *arg, unsigned port)
{
	if (self.core != NULL)
		gab_core_leave(self.core, port, clock_ns());
	arm();
}

static enum gab_sent
ctl_send(void *arg, unsigned port, const struct gab_ctl_send *s)
{
	enum gab_sent sent;

	if (self.core == NULL)
		return GAB_SENT_NOT;
	sent = gab_core_send(self.core, port, s, clock_ns());
	arm();
	return sent;
}

static void
ctl_status(void *arg, struct gab_row_status *row)
{
	struct gab_core_status st = { .seed = self.conf->seed };

	row->configured = !self.off;
	row->lltd = llt_is_ready(self.llt);
	if (self.core != NULL)
		gab_core_status(self.core, &st);
	row->seeded = st.seeded;
	row->quorate = st.quorate;
	row->changing = st.changing;
	row->self = self.node;
	row->gen = st.vid.gen;
	row->seed = self.conf->seed;
	row->quorum = (uint8_t)self.conf->quorum;
	row->expected = self.conf->expected;
	row->two_node = self.conf->two_node;
	row->settle = self.conf->settle;
}

static bool
ctl_port(void *arg, unsigned port, struct gab_row_port *row)
{
	struct gab_core_status st;
	struct gab_set members, jeopardy, visible;

	if (self.core == NULL)
		return false;
	gab_core_status(self.core, &st);
	members = port == 0 ? st.members : gab_core_port(self.core, port)->members;
	row->gen = port == 0 ? st.vid.gen : gab_core_port(self.core, port)->vid.gen;
	jeopardy = members;
	gab_set_and(&jeopardy, &self.jeopardy);
	visible = st.members;
	gab_set_sub(&visible, &members);
	row->nmembers = (uint16_t)gab_set_list(&members, row->members);
	row->njeopardy = (uint16_t)gab_set_list(&jeopardy, row->jeopardy);
	row->nvisible = (uint16_t)gab_set_list(&visible, row->visible);
	return row->gen != 0;
}

#define COUNTER(field) { #field, offsetof(struct gab_core_stats, field) }
static const struct {
	const char *name;
	size_t offset;
} counters[] = {
	COUNTER(views), COUNTER(fresh), COUNTER(attempts), COUNTER(retries), COUNTER(catchups),
	COUNTER(fills), COUNTER(resets), COUNTER(watchdogs), COUNTER(ordered), COUNTER(unicasts),
	COUNTER(dropped_unicasts), COUNTER(bad_messages), COUNTER(stale_messages),
};

static bool
ctl_counter(void *arg, unsigned i, struct gab_row_counter *row)
{
	struct gab_core_status st;

	if (self.core == NULL || i >= sizeof(counters) / sizeof(counters[0]))
		return false;
	gab_core_status(self.core, &st);
	snprintf(row->name, sizeof(row->name), "%s", counters[i].name);
	memcpy(&row->value, (const char *)&st.stats + counters[i].offset, sizeof(row->value));
	return true;
}

static void
reconf(void)
{
	struct gab_core_conf cc = { 0 };

	if (self.core == NULL)
		return;
	gabd_conf_core(self.conf, &cc);
	gab_core_reconf(self.core, &cc, clock_ns());
	arm();
}

static const char *
ctl_configure(void *arg, const struct gab_req_configure *req)
{
	if (req->what == GAB_CONFIGURE_OFF) {
		log_info("daemon", "unconfigured");
		self.off = true;
		end("unconfigured");
		return NULL;
	}
	if (req->what == GAB_CONFIGURE_SEED) {
		if (self.core == NULL)
			return self.off ? "not configured: use -c as well" : "lltd does not run";
		log_info("daemon", "seeded by hand");
		gab_core_seed(self.core, clock_ns());
		arm();
		return NULL;
	}
	if (req->seed > self.conf->hosts.count)
		return "that is more nodes than llthosts has";
	if (req->seed != 0)
		self.conf->seed = req->seed;
	self.off = false;
	reconf();
	begin();
	return NULL;
}

static const struct ctl_ops ctl_ops = {
	.closed = ctl_closed,
	.registered = ctl_registered,
	.left = ctl_left,
	.send = ctl_send,
	.status = ctl_status,
	.port = ctl_port,
	.counter = ctl_counter,
	.configure = ctl_configure,
};

/* ---- life ---- */

static void
gabd_fini(void)
{
	if (self.core != NULL)
		gab_core_stop(self.core);
	gab_core_free(self.core);
	self.core = NULL;
	ctl_free(self.ctl);
	llt_free(self.llt);
	ev_timer_free(self.drain);
	ev_timer_free(self.timer);
	gabd_conf_free(self.conf);
	memset(&self, 0, sizeof(self));
}

static int
gabd_init(struct ev_loop *loop, void *conf)
{
	self.loop = loop;
	self.conf = conf;
	self.armed = UINT64_MAX;
	if (rt_lock_memory() == -1)
		log_warn("rt", "cannot lock memory: a page fault may delay view changes");
	self.timer = ev_timer_new(loop, on_timer, NULL);
	self.drain = ev_timer_new(loop, on_drain, NULL);
	self.ctl = ctl_new(loop, &ctl_ops, NULL);
	self.llt = llt_new(loop, &llt_events, NULL);
	if (self.timer != NULL && self.drain != NULL && self.ctl != NULL && self.llt != NULL) {
		clud_ready("waiting for lltd");
		return 0;
	}
	gabd_fini();
	return -1;
}

static int
gabd_reload(void *conf, struct conf_errors *errs)
{
	struct gabd_conf *fresh = conf;
	size_t before = conf_errors_count(errs);

	gabd_conf_check_fixed(self.conf, fresh, errs);
	if (conf_errors_count(errs) != before)
		return -1;
	gabd_conf_free(self.conf);
	self.conf = fresh;
	reconf();
	return 0;
}

static void *
gabd_load(const char *path, struct conf_errors *errs)
{
	return gabd_conf_load(path, errs);
}

static void
gabd_print(FILE *out, const void *conf)
{
	gabd_conf_print(out, conf);
}

static void
gabd_free(void *conf)
{
	gabd_conf_free(conf);
}

const struct clud_ops gabd_ops = {
	.name = "gabd",
	.conf_path = GABD_CONF_PATH,
	.load = gabd_load,
	.print = gabd_print,
	.free = gabd_free,
	.init = gabd_init,
	.reload = gabd_reload,
	.fini = gabd_fini,
};
