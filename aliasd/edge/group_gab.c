/* SPDX-License-Identifier: ISC */
/* The group through gabd's port c. */
#include <errno.h>
#include <stdlib.h>

#include "aliasd/core/map.h"
#include "aliasd/edge/group.h"
#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "common/wire.h"

#define PORT 'c'
#define RETRY (100 * NSEC_PER_MSEC)
#define REGISTER_ID 1

struct group {
	struct ipc_client *ipc;
	const struct group_events *events;
	void *arg;
	uint32_t gen; /* of the view we are in; 0 = in none */
	struct gab_ev_view view;
	uint8_t buf[GAB_MAX_MSG + 64];
};

static void
on_up(struct ipc_client *c, void *arg)
{
	uint8_t buf[64];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_u8(&w, PORT);
	wire_wr_str(&w, "aliasd");
	ipc_client_send(c, GAB_REGISTER, REGISTER_ID, buf, wire_wr_len(&w));
}

static void
on_down(struct ipc_client *c, void *arg)
{
	struct group *g = arg;

	g->gen = 0;
	g->events->on_lost(g->arg);
}

static void
take_reply(const struct ipc_msg *m)
{
	struct wire_rd r;
	char text[512];
	uint16_t code;

	wire_rd_init(&r, m->data, m->len);
	code = wire_rd_u16(&r);
	wire_rd_str(&r, text, sizeof(text));
	if (wire_rd_ok(&r) && code != IPC_OK)
		log_errx("group", "gabd refuses port %c: %s", PORT, text);
}

static void
take_view(struct group *g, const struct ipc_msg *m)
{
	if (!gab_ev_view_decode(m->data, m->len, &g->view)) {
		log_warnx("group", "gabd sent a malformed view");
		return;
	}
	g->gen = g->view.gen;
	g->events->on_view(&g->view, g->arg);
}

static void
on_msg(struct ipc_client *c, const struct ipc_msg *m, void *arg)
{
	struct group *g = arg;
	struct gab_ev_msg msg;

	if (m->type == IPC_REPLY && m->reqid == REGISTER_ID)
		take_reply(m);
	else if (m->type == GAB_EV_VIEW)
		take_view(g, m);
	else if (m->type != GAB_EV_MSG)
		return;
	else if (!gab_ev_msg_decode(m->data, m->len, &msg))
		log_warnx("group", "gabd sent a malformed message");
	else if (g->gen != 0)
		g->events->on_message(msg.src, msg.kind, msg.data, msg.len, g->arg);
}

static const struct ipc_client_ops ipc_ops = { .on_up = on_up, .on_down = on_down, .on_msg = on_msg };

static struct group *
gab_join(struct ev_loop *loop, const struct group_events *events, void *arg)
{
	struct group *g = mem_zalloc(sizeof(*g));

	g->events = events;
	g->arg = arg;
	g->ipc = ipc_client_new(loop, GAB_SOCK, RETRY, &ipc_ops, g);
	return g;
}

static int
gab_send(struct group *g, uint8_t kind, uint16_t dst, const void *data, size_t len)
{
	struct gab_ctl_send s = { .kind = kind, .dst = dst, .gen = g->gen, .data = data, .len = len };
	struct wire_wr w;

	if (g->gen == 0) {
		errno = ENOTCONN;
		return -1;
	}
	wire_wr_init(&w, g->buf, sizeof(g->buf));
	gab_ctl_send_encode(&w, &s);
	if (!wire_wr_ok(&w)) {
		errno = EMSGSIZE;
		return -1;
	}
	return ipc_client_send(g->ipc, GAB_SEND, 0, g->buf, wire_wr_len(&w));
}

static int
gab_broadcast(struct group *g, const void *data, size_t len)
{
	return gab_send(g, GAB_ORDERED, 0, data, len);
}

static int
gab_unicast(struct group *g, uint16_t node, const void *data, size_t len)
{
	return gab_send(g, GAB_UNICAST, node, data, len);
}

static int
gab_multicast(struct group *g, const void *data, size_t len)
{
	return gab_send(g, GAB_MULTICAST, 0, data, len);
}

static void
gab_leave(struct group *g)
{
	if (g == NULL)
		return;
	ipc_client_free(g->ipc);
	free(g);
}

const struct group_ops group_gab = {
	.name = "gab",
	.join = gab_join,
	.broadcast = gab_broadcast,
	.unicast = gab_unicast,
	.multicast = gab_multicast,
	.leave = gab_leave,
};
