/* SPDX-License-Identifier: ISC */
#include "lltd/edge.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/ev.h"
#include "common/log.h"
#include "common/netlink.h"
#include "lltd/core.h"
#include "lltd/edge_priv.h"
#include "lltd/linksock.h"

#define READ_MAX 2048 /* frames of one link at a time: a flood must not keep us from the others */

static void
send_all(struct edge *e)
{
	for (size_t i = 0; i < e->conf->nlinks; i++)
		if (e->link[i].sock != NULL)
			linksock_flush(e->link[i].sock);
}

static void
set_timer(struct edge *e)
{
	uint64_t next = core_next(e->core);

	if (next == e->timer_at)
		return;
	e->timer_at = next;
	if (next == UINT64_MAX)
		ev_timer_cancel(e->timer);
	else
		ev_timer_set_at(e->timer, next);
}

static void
settle(struct edge *e)
{
	core_flush(e->core, clock_ns());
	send_all(e);
	set_timer(e);
}

static void
on_soon(void *arg)
{
	struct edge *e = arg;

	e->kicked = false;
	settle(e);
}

void
edge_kick(struct edge *e)
{
	if (e->kicked)
		return;
	e->kicked = true;
	ev_timer_set(e->soon, 0);
}

/* ---- frames ---- */
struct reading {
	struct edge_link *link;
	uint64_t now;
};

static void
on_frame(void *arg, const uint8_t *src, bool for_us, const uint8_t *frame, size_t len)
{
	struct reading *r = arg;
	struct core *core = r->link->edge->core;

	if (for_us)
		core_input(core, r->link->index, src, frame, len, r->now);
	else
		core_input_stray(core, r->link->index);
}

static void
read_link(struct edge_link *l)
{
	struct reading r = { l, clock_ns() };

	if (l->sock != NULL)
		linksock_read(l->sock, READ_MAX, on_frame, &r);
}

void
edge_on_readable(int fd, void *arg)
{
	struct edge_link *l = arg;

	read_link(l);
	settle(l->edge);
}

static void
on_timer(void *arg)
{
	struct edge *e = arg;

	e->timer_at = 0;
	for (size_t i = 0; i < e->conf->nlinks; i++)
		read_link(&e->link[i]);
	core_tick(e->core, clock_ns());
	settle(e);
}

void
edge_send(struct edge *e, unsigned link, const uint8_t *dst, const uint8_t *frame, size_t len)
{
	if (e->link[link].sock != NULL)
		linksock_send(e->link[link].sock, dst, frame, len);
}

/* ---- life ---- */
struct edge *
edge_new(struct ev_loop *loop, const struct lltd_conf *conf)
{
	struct edge *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->loop = loop;
	e->conf = conf;
	for (unsigned i = 0; i < LLT_MAX_LINKS; i++) {
		e->link[i].edge = e;
		e->link[i].index = i;
	}
	e->timer = ev_timer_new(loop, on_timer, e);
	e->soon = ev_timer_new(loop, on_soon, e);
	e->measure = ev_timer_new(loop, edge_link_measure, e);
	if (e->timer != NULL && e->soon != NULL && e->measure != NULL)
		return e;
	edge_free(e);
	return NULL;
}

int
edge_start(struct edge *e, struct core *core)
{
	unsigned found = 0;

	e->core = core;
	e->netlink = netlink_open(e->loop, &edge_netlink_ops, e);
	if (e->netlink == NULL)
		return -1;
	for (size_t i = 0; i < e->conf->nlinks; i++)
		found += edge_link_find(&e->link[i]);
	edge_link_measure(e);
	if (found == 0) {
		log_errx("link", "there is no link at all");
		return -1;
	}
	set_timer(e);
	return 0;
}

void
edge_stop(struct edge *e)
{
	send_all(e);
	for (unsigned i = 0; i < LLT_MAX_LINKS; i++)
		edge_link_close(&e->link[i]);
}

void
edge_free(struct edge *e)
{
	if (e == NULL)
		return;
	netlink_close(e->netlink);
	for (unsigned i = 0; i < LLT_MAX_LINKS; i++)
		edge_link_close(&e->link[i]);
	ev_timer_free(e->timer);
	ev_timer_free(e->soon);
	ev_timer_free(e->measure);
	free(e);
}

void
edge_close_links(struct edge *e, uint32_t links)
{
	for (size_t i = 0; i < e->conf->nlinks; i++) {
		struct edge_link *l = &e->link[i];

		if ((links >> i & 1) == 0)
			continue;
		core_link_close(e->core, l->index);
		if (l->sock != NULL)
			linksock_flush(l->sock);
		edge_link_close(l);
		l->ifindex = 0;
		l->path_mtu = 0;
	}
}

void
edge_set_conf(struct edge *e, const struct lltd_conf *conf, uint32_t links)
{
	e->conf = conf;
	for (size_t i = 0; i < conf->nlinks; i++) {
		if ((links >> i & 1) != 0)
			edge_link_close(&e->link[i]);
		edge_link_find(&e->link[i]);
	}
	edge_link_measure(e);
}
