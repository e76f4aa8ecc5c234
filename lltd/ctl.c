/* SPDX-License-Identifier: ISC */
#include "lltd/ctl.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "lltd/core.h"
#include "lltd/ctl_priv.h"
#include "proto/llt_status.h"

#define CLIENT_QUEUE (64u * 1024 * 1024) /* a stream's reader that is so far behind is lost */

struct client {
	bool subscribed;
	bool paused; /* it feeds a node whose queue is full */
};

static void
on_open(struct ipc_conn *conn, void *arg)
{
	ipc_conn_set_data(conn, calloc(1, sizeof(struct client)));
	if (ipc_conn_data(conn) == NULL)
		ipc_conn_close(conn);
}

static void
on_close(struct ipc_conn *conn, void *arg)
{
	struct ctl *ctl = arg;

	for (unsigned port = 0; port < LLT_MAX_PORTS; port++)
		if (ctl->owner[port] == conn) {
			ctl->owner[port] = NULL;
			core_port_closed(ctl->core, (uint8_t)port);
			log_info("port", "port %u closed", port);
		}
	free(ipc_conn_data(conn));
}

/* ---- requests ---- */
static void
on_subscribe(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct client *cl = ipc_conn_data(conn);
	struct ctl *ctl = arg;
	struct wire_wr w;

	if (msg->len != 0) {
		ipc_conn_reply(conn, msg, IPC_EPROTO, "a subscription has no arguments");
		return;
	}
	ipc_conn_reply(conn, msg, IPC_OK, "subscribed");
	ctl_send_state(ctl, conn, 0);
	wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
	wire_wr_u64(&w, ctl->seq);
	ipc_conn_send(conn, LLT_EV_SNAPSHOT_END, 0, ctl->buf, wire_wr_len(&w));
	cl->subscribed = true;
}

static void
on_port_open(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct ctl *ctl = arg;
	struct wire_rd r;
	uint8_t port;

	wire_rd_init(&r, msg->data, msg->len);
	port = wire_rd_u8(&r);
	if (!wire_rd_done(&r))
		ipc_conn_reply(conn, msg, IPC_EPROTO, "malformed request");
	else if (port >= LLT_MAX_PORTS)
		ipc_conn_reply(conn, msg, IPC_EINVAL, "port %u: ports are 0..%u", port, LLT_MAX_PORTS - 1);
	else if (ctl->owner[port] != NULL)
		ipc_conn_reply(conn, msg, IPC_EBUSY, "port %u is open in process %ld", port,
		    (long)ipc_conn_pid(ctl->owner[port]));
	else {
		ctl->owner[port] = conn;
		log_info("port", "port %u opened by process %ld", port, (long)ipc_conn_pid(conn));
		ipc_conn_reply(conn, msg, IPC_OK, "port %u open", port);
	}
}

static void
on_send(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct client *cl = ipc_conn_data(conn);
	struct ctl *ctl = arg;

	if (!llt_ctl_send_decode(msg->data, msg->len, &ctl->send)) {
		ipc_conn_reply(conn, msg, IPC_EPROTO, "malformed message to send");
		return;
	}
	if (ctl->owner[ctl->send.port] != conn) {
		ipc_conn_reply(conn, msg, IPC_EINVAL, "port %u is not yours: open it first", ctl->send.port);
		return;
	}
	if (core_send(ctl->core, &ctl->send, clock_ns())) {
		cl->paused = true;
		ipc_conn_pause(conn, true);
	}
	ctl->ops->sent(ctl->arg);
}

static void
on_alive(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	ipc_conn_reply(conn, msg, IPC_OK, "alive");
}

static const struct ipc_cmd cmds[] = {
	{ LLT_ALIVE, IPC_READ, on_alive },
	{ LLT_SUBSCRIBE, IPC_READ, on_subscribe },
	{ LLT_OPEN, IPC_CHANGE, on_port_open },
	{ LLT_SEND, IPC_CHANGE, on_send },
	{ LLT_GET_NODES, IPC_READ, ctl_get_nodes },
	{ LLT_GET_COUNTERS, IPC_READ, ctl_get_counters },
	{ LLT_GET_LINKS, IPC_READ, ctl_get_links },
	{ LLT_GET_PORTS, IPC_READ, ctl_get_ports },
	{ LLT_GET_CONFIG, IPC_READ, ctl_get_config },
	{ 0, IPC_READ, NULL },
};

static const struct ipc_server_ops server_ops = {
	.cmds = cmds,
	.on_open = on_open,
	.on_close = on_close,
	.max_queue = CLIENT_QUEUE,
};

struct ctl *
ctl_new(struct ev_loop *loop, struct core *core, const struct ctl_ops *ops, void *arg)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));

	if (ctl == NULL)
		return NULL;
	ctl->core = core;
	ctl->ops = ops;
	ctl->arg = arg;
	ctl->server = ipc_server_new(loop, LLT_SOCK, &server_ops, ctl);
	if (ctl->server == NULL) {
		free(ctl);
		return NULL;
	}
	return ctl;
}

void
ctl_free(struct ctl *ctl)
{
	if (ctl == NULL)
		return;
	ipc_server_free(ctl->server);
	free(ctl);
}

/* ---- events ---- */
bool
ctl_deliver(struct ctl *ctl, const struct llt_ctl_recv *m)
{
	struct ipc_conn *conn = ctl->owner[m->port];
	struct wire_wr w;

	if (conn == NULL)
		return false;
	wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
	llt_ctl_recv_encode(&w, m);
	return ipc_conn_send(conn, LLT_EV_RECV, 0, ctl->buf, wire_wr_len(&w)) == 0;
}

struct event {
	uint16_t type;
	const uint8_t *data;
	size_t len;
};

static void
send_event(struct ipc_conn *conn, void *arg)
{
	const struct client *cl = ipc_conn_data(conn);
	const struct event *ev = arg;

	if (cl != NULL && cl->subscribed)
		ipc_conn_send(conn, ev->type, 0, ev->data, ev->len);
}

static void
publish(struct ctl *ctl, uint16_t type, const struct wire_wr *w)
{
	struct event ev = { type, ctl->buf, wire_wr_len(w) };

	ipc_server_each(ctl->server, send_event, &ev);
}

void
ctl_node_changed(struct ctl *ctl, uint16_t node)
{
	struct llt_ev_node e;
	struct wire_wr w;

	if (!core_node_info(ctl->core, node, &e))
		return;
	e.seq = ++ctl->seq;
	wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
	llt_ev_node_encode(&w, &e);
	publish(ctl, LLT_EV_NODE, &w);
}

void
ctl_link_changed(struct ctl *ctl, uint16_t node, unsigned link)
{
	struct llt_ev_link e;
	struct wire_wr w;

	if (!ctl_link_row(ctl, node, link, &e))
		return;
	e.seq = ++ctl->seq;
	wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
	llt_ev_link_encode(&w, &e);
	publish(ctl, LLT_EV_LINK, &w);
}

static void
resume(struct ipc_conn *conn, void *arg)
{
	struct client *cl = ipc_conn_data(conn);

	if (cl == NULL || !cl->paused)
		return;
	/* If it feeds another node that is still full, its next message pauses it again. */
	cl->paused = false;
	ipc_conn_pause(conn, false);
}

void
ctl_drained(struct ctl *ctl)
{
	ipc_server_each(ctl->server, resume, NULL);
}
