/* SPDX-License-Identifier: ISC */
/* The daemon: puts the core, its edge and the control socket together. */
#include "lltd/lltd.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/rt.h"
#include "lltd/core.h"
#include "lltd/ctl.h"
#include "lltd/edge.h"
#include "lltd/lltd_conf.h"
#include "lltd/lltd_conf_link.h"

static struct {
	struct ev_loop *loop;
	struct lltd_conf *conf;
	struct core *core;
	struct edge *edge;
	struct ctl *ctl; /* only after the start check */
} self;

/* ---- what the core wants ---- */
static void
on_transmit(void *arg, unsigned link, const uint8_t *dst, const uint8_t *frame, size_t len)
{
	edge_send(self.edge, link, dst, frame, len);
}

static bool
on_deliver(void *arg, const struct llt_ctl_recv *m)
{
	return self.ctl != NULL && ctl_deliver(self.ctl, m);
}

static void
on_node_changed(void *arg, uint16_t node)
{
	if (self.ctl != NULL)
		ctl_node_changed(self.ctl, node);
}

static void
on_link_changed(void *arg, uint16_t node, unsigned link)
{
	if (self.ctl != NULL)
		ctl_link_changed(self.ctl, node, link);
}

static void
on_drained(void *arg, uint16_t node)
{
	if (self.ctl != NULL)
		ctl_drained(self.ctl);
}

static void
on_random(void *arg, void *buf, size_t len)
{
	crypto_random(buf, len);
}

/* ---- what the control socket wants ---- */
static void
on_sent(void *arg)
{
	edge_kick(self.edge);
}

static const struct lltd_conf *
on_conf(void *arg)
{
	return self.conf;
}

static const struct ctl_ops ctl_ops = { .sent = on_sent, .conf = on_conf };

static void
on_checked(void *arg, const char *why)
{
	char text[128];

	if (why != NULL) {
		log_errx("check", "not started: %s", why);
		clud_exit(1);
		return;
	}
	self.ctl = ctl_new(self.loop, self.core, &ctl_ops, NULL);
	if (self.ctl == NULL) {
		clud_exit(1);
		return;
	}
	snprintf(text, sizeof(text), "node %u (%s) of cluster %u", self.conf->id, self.conf->node,
	    self.conf->cluster);
	clud_ready(text);
}

static const struct core_ops core_ops = {
	.transmit = on_transmit,
	.deliver = on_deliver,
	.node_changed = on_node_changed,
	.link_changed = on_link_changed,
	.drained = on_drained,
	.random = on_random,
	.checked = on_checked,
};

/* ---- life ---- */
static void
check_realtime(const struct lltd_conf *c)
{
	bool needs = c->profile == LLTD_FAST || c->profile == LLTD_EXTREME;

	if (rt_lock_memory() == -1)
		log_warn("rt", "cannot lock memory: a page fault may delay heartbeats");
	if (!needs)
		return;
	if (rt_is_realtime())
		log_info("rt", "profile %s, with real-time scheduling", lltd_conf_profile_name(c));
	else
		log_warnx("rt", "profile %s without real-time scheduling: expect false alarms under load",
		    lltd_conf_profile_name(c));
}

static void
core_links(const struct lltd_conf *c, struct core_link_conf link[LLT_MAX_LINKS])
{
	for (size_t i = 0; i < c->nlinks; i++) {
		link[i].kind = (uint8_t)(c->link[i].kind == LLTD_KIND_NONE ? LLT_KIND_ETHER : c->link[i].kind);
		link[i].prio = (uint8_t)c->link[i].prio;
		link[i].burst = c->link[i].burst;
	}
}

static struct core *
make_core(const struct lltd_conf *c)
{
	struct core_conf cc = { .cluster = (uint16_t)c->cluster, .node = c->id,
		.check_ns = c->check.ns, .balance = (uint8_t)c->balance,
		.key = c->authentication == LLTD_AUTH_KEY ? c->key : NULL,
		.nlinks = (unsigned)c->nlinks, .hosts = &c->hosts };

	memcpy(cc.name, c->node, sizeof(cc.name));
	lltd_conf_timers(c, &cc.timers);
	core_links(c, cc.link);
	return core_new(&cc, &core_ops, NULL, clock_ns());
}

static void
end(void)
{
	ctl_free(self.ctl);
	self.ctl = NULL;
	edge_free(self.edge);
	core_free(self.core);
	lltd_conf_free(self.conf);
	memset(&self, 0, sizeof(self));
}

static int
lltd_init(struct ev_loop *loop, void *conf)
{
	self.loop = loop;
	self.conf = conf;
	check_realtime(conf);
	if (self.conf->authentication == LLTD_AUTH_NONE)
		log_warnx("auth", "authentication is off: whoever reaches a link can take part");
	self.core = make_core(conf);
	self.edge = edge_new(loop, conf);
	if (self.core == NULL || self.edge == NULL) {
		log_errx("daemon", "out of memory");
	} else if (edge_start(self.edge, self.core) == 0)
		return 0;
	end();
	return -1;
}

static void
lltd_fini(void)
{
	core_bye(self.core, clock_ns());
	edge_stop(self.edge);
	end();
}

static bool
may_reload(const struct lltd_conf *old, const struct lltd_conf *fresh, struct conf_errors *errs)
{
	const char *what = lltd_conf_fixed_difference(old, fresh);
	int node;

	if (what != NULL) {
		conf_error(errs, fresh->path, 0, what,
		    "cannot change while lltd runs: restart it on this node");
		return false;
	}
	node = core_depends_on(self.core, lltd_links_moved(old, fresh));
	if (node == -1)
		return true;
	conf_error(errs, fresh->path, 0, "links",
	    "node %d (%s) is reached by no link that stays: add the new ones first, and remove the old when "
	    "they are up",
	    node, fresh->hosts.name[node]);
	return false;
}

static int
lltd_reload(void *conf, struct conf_errors *errs)
{
	struct core_link_conf link[LLT_MAX_LINKS];
	struct lltd_conf *fresh = conf, *old = self.conf;
	uint32_t moved = lltd_links_moved(old, fresh);
	struct llt_timers t;

	if (!may_reload(old, fresh, errs))
		return -1;
	lltd_conf_timers(fresh, &t);
	/* The core keeps looking into the table of hosts it began with, which is equal. */
	fresh->hosts = old->hosts;
	core_set_timers(self.core, &t, &fresh->hosts, clock_ns());
	edge_close_links(self.edge, moved);
	core_links(fresh, link);
	core_set_links(self.core, (unsigned)fresh->nlinks, link);
	self.conf = fresh;
	edge_set_conf(self.edge, fresh, moved | lltd_links_other_peers(old, fresh));
	edge_kick(self.edge);
	lltd_conf_free(old);
	return 0;
}

static void *
lltd_load(const char *path, struct conf_errors *errs)
{
	return lltd_conf_load(path, errs);
}

static void
lltd_print(FILE *out, const void *conf)
{
	lltd_conf_print(out, conf);
}

static void
lltd_free(void *conf)
{
	lltd_conf_free(conf);
}

const struct clud_ops lltd_ops = {
	.name = "lltd",
	.conf_path = LLTD_CONF_PATH,
	.load = lltd_load,
	.print = lltd_print,
	.free = lltd_free,
	.init = lltd_init,
	.reload = lltd_reload,
	.fini = lltd_fini,
};
