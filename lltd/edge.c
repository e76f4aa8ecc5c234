/* SPDX-License-Identifier: ISC */
#include "lltd/edge.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/ev.h"
#include "common/log.h"
#include "common/netlink.h"
#include "lltd/core.h"
#include "lltd/lltd_conf.h"
#include "lltd/rawsock.h"

#define READ_MAX 2048 /* frames of one link at a time: a flood must not keep us from the others */

struct edge_link {
	struct edge *edge;
	unsigned index;
	uint32_t ifindex;
	uint8_t mac[6];
	struct rawsock *sock;
	struct ev_io *io;
};

struct edge {
	struct ev_loop *loop;
	const struct lltd_conf *conf;
	struct core *core;
	struct netlink *netlink;
	struct ev_timer *timer;
	struct ev_timer *soon; /* one flush for all that happens in this round of the loop */
	uint64_t timer_at;
	bool kicked;
	struct edge_link link[LLT_MAX_LINKS];
};

static void
send_all(struct edge *e)
{
	for (size_t i = 0; i < e->conf->nlinks; i++)
		if (e->link[i].sock != NULL)
			rawsock_flush(e->link[i].sock);
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
		rawsock_read(l->sock, READ_MAX, on_frame, &r);
}

static void
on_readable(int fd, void *arg)
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
		rawsock_send(e->link[link].sock, dst, frame, len);
}

/* ---- interfaces ---- */
static void
close_link(struct edge_link *l)
{
	ev_io_free(l->io);
	rawsock_close(l->sock);
	l->io = NULL;
	l->sock = NULL;
}

static void
open_link(struct edge_link *l, const struct netlink_link *nl)
{
	const struct lltd_link *conf = &l->edge->conf->link[l->index];

	close_link(l);
	l->ifindex = nl->ifindex;
	memcpy(l->mac, nl->mac, sizeof(l->mac));
	l->sock = rawsock_open(nl->ifindex, (uint16_t)conf->ethertype, nl->mac);
	if (l->sock != NULL)
		l->io = ev_io_new(l->edge->loop, rawsock_fd(l->sock), on_readable, NULL, l);
	if (l->io == NULL) {
		log_warn("link", "link %u (%s) cannot be opened", l->index, conf->device);
		close_link(l);
	}
}

static void
link_state(struct edge_link *l, const struct netlink_link *nl, bool gone)
{
	const struct lltd_link *conf = &l->edge->conf->link[l->index];
	struct core_link_info was;
	size_t mtu = conf->mtu != 0 && conf->mtu < nl->mtu ? conf->mtu : nl->mtu;
	bool up;

	if (!gone && (l->sock == NULL || nl->ifindex != l->ifindex ||
		memcmp(nl->mac, l->mac, sizeof(l->mac)) != 0))
		open_link(l, nl);
	up = !gone && nl->carrier && l->sock != NULL;
	core_link_info(l->edge->core, l->index, &was);
	if (was.carrier != up)
		log_info("link", "link %u (%s) is %s", l->index, conf->device, up ? "up" : "down");
	core_carrier(l->edge->core, l->index, up, nl->mac, nl->ifindex, mtu, clock_ns());
	if (gone)
		close_link(l);
}

static void
on_link(const struct netlink_link *nl, bool gone, void *arg)
{
	struct edge *e = arg;

	for (size_t i = 0; i < e->conf->nlinks; i++) {
		struct edge_link *l = &e->link[i];

		if (gone ? l->sock != NULL && l->ifindex == nl->ifindex
			 : strcmp(e->conf->link[i].device, nl->name) == 0)
			link_state(l, nl, gone);
	}
	edge_kick(e);
}

static const struct netlink_ops netlink_ops = { .on_link = on_link };

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
	if (e->timer != NULL && e->soon != NULL)
		return e;
	edge_free(e);
	return NULL;
}

int
edge_start(struct edge *e, struct core *core)
{
	unsigned found = 0;

	e->core = core;
	e->netlink = netlink_open(e->loop, &netlink_ops, e);
	if (e->netlink == NULL)
		return -1;
	for (size_t i = 0; i < e->conf->nlinks; i++) {
		if (e->link[i].sock != NULL)
			found++;
		else
			log_warnx("link", "link %zu (%s) does not exist", i, e->conf->link[i].device);
	}
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
		close_link(&e->link[i]);
}

void
edge_free(struct edge *e)
{
	if (e == NULL)
		return;
	netlink_close(e->netlink);
	for (unsigned i = 0; i < LLT_MAX_LINKS; i++)
		close_link(&e->link[i]);
	ev_timer_free(e->timer);
	ev_timer_free(e->soon);
	free(e);
}

void
edge_set_conf(struct edge *e, const struct lltd_conf *conf)
{
	e->conf = conf;
}
