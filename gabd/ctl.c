/* SPDX-License-Identifier: ISC */
#include "gabd/ctl.h"

#include <stdlib.h>
#include <string.h>

#include "common/ev.h"
#include "common/ipc.h"
#include "common/log.h"

#define CLIENT_QUEUE (64u * 1024 * 1024)

struct client {
	struct ipc_conn *conn;
	unsigned port; /* 0: none */
	bool full;     /* the core takes no more of it */
	char name[GAB_CLIENT_MAX];
};

struct ctl {
	struct ipc_server *server;
	const struct ctl_ops *ops;
	void *arg;
	bool held;
	struct client *owner[GAB_NPORTS];
	struct gab_row_port port_row;
	uint8_t buf[IPC_MAX_PAYLOAD];
};

static void
on_open(struct ipc_conn *conn, void *arg)
{
	struct client *cl = calloc(1, sizeof(*cl));

	if (cl == NULL) {
		ipc_conn_close(conn);
		return;
	}
	cl->conn = conn;
	ipc_conn_set_data(conn, cl);
}

static void
on_close(struct ipc_conn *conn, void *arg)
{
	struct client *cl = ipc_conn_data(conn);
	struct ctl *ctl = arg;

	if (cl != NULL && cl->port != 0) {
		log_info("port", "port %c: %s left", 'a' + cl->port, cl->name);
		ctl->owner[cl->port] = NULL;
		ctl->ops->left(ctl->arg, cl->port);
	}
	free(cl);
}

/* ---- clients of ports ---- */

/* NULL, or why this connection cannot have this port. */
static const char *
refuse(const struct ctl *ctl, const struct client *cl, uint8_t letter, const char *name)
{
	const char *closed = ctl->ops->closed(ctl->arg);

	if (cl == NULL || closed != NULL)
		return closed;
	if (letter < 'b' || letter > 'z')
		return "ports are 'b' to 'z'; 'a' is gabd's own";
	if (name[0] == '\0')
		return "a client needs a name";
	if (cl->port != 0)
		return "this connection has a port already";
	return ctl->owner[letter - 'a'] != NULL ? "the port is taken on this node" : NULL;
}

static void
on_register(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct client *cl = ipc_conn_data(conn);
	struct ctl *ctl = arg;
	char name[GAB_CLIENT_MAX];
	const char *why;
	struct wire_rd r;
	uint8_t letter;

	wire_rd_init(&r, msg->data, msg->len);
	letter = wire_rd_u8(&r);
	wire_rd_str(&r, name, sizeof(name));
	if (!wire_rd_done(&r)) {
		ipc_conn_reply(conn, msg, IPC_EPROTO, "malformed registration");
		return;
	}
	why = refuse(ctl, cl, letter, name);
	if (why != NULL || cl == NULL) {
		ipc_conn_reply(conn, msg, letter >= 'b' && letter <= 'z' ? IPC_EBUSY : IPC_EINVAL, "%s",
		    why == NULL ? "out of memory" : why);
		return;
	}
	cl->port = letter - 'a';
	memcpy(cl->name, name, sizeof(name));
	ctl->owner[cl->port] = cl;
	if (ctl->held)
		ipc_conn_pause(conn, true);
	ipc_conn_reply(conn, msg, IPC_OK, "registered on port %c", letter);
	log_info("port", "port %c: %s registered", letter, name);
	ctl->ops->registered(ctl->arg, cl->port);
}

static void
on_send(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct client *cl = ipc_conn_data(conn);
	struct ctl *ctl = arg;
	struct gab_ctl_send send;

	if (cl == NULL || cl->port == 0) {
		ipc_conn_reply(conn, msg, IPC_EINVAL, "register on a port first");
		return;
	}
	if (!gab_ctl_send_decode(msg->data, msg->len, &send)) {
		ipc_conn_reply(conn, msg, IPC_EPROTO, "malformed message to send");
		return;
	}
	if (ctl->ops->send(ctl->arg, cl->port, &send) != GAB_SENT_FULL)
		return;
	cl->full = true;
	ipc_conn_pause(conn, true);
}

static void
to_client(struct ctl *ctl, unsigned port, uint16_t type, const struct wire_wr *w)
{
	if (ctl->owner[port] == NULL)
		return;
	if (!wire_wr_ok(w) ||
	    ipc_conn_send(ctl->owner[port]->conn, type, 0, ctl->buf, wire_wr_len(w)) == -1)
		log_warnx("port", "port %c: an event is lost", 'a' + port);
}

void
ctl_view(struct ctl *ctl, unsigned port, const struct gab_ev_view *v)
{
	struct wire_wr w;

	wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
	gab_ev_view_encode(&w, v);
	to_client(ctl, port, GAB_EV_VIEW, &w);
}

void
ctl_message(struct ctl *ctl, unsigned port, const struct gab_ev_msg *m)
{
	struct wire_wr w;

	wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
	gab_ev_msg_encode(&w, m);
	to_client(ctl, port, GAB_EV_MSG, &w);
}

bool
ctl_has_client(const struct ctl *ctl, unsigned port)
{
	return ctl->owner[port] != NULL;
}

void
ctl_room(struct ctl *ctl, unsigned port)
{
	struct client *cl = ctl->owner[port];

	if (cl == NULL)
		return;
	cl->full = false;
	if (!ctl->held)
		ipc_conn_pause(cl->conn, false);
}

void
ctl_hold(struct ctl *ctl, bool hold)
{
	ctl->held = hold;
	for (unsigned port = 1; port < GAB_NPORTS; port++)
		if (ctl->owner[port] != NULL)
			ipc_conn_pause(ctl->owner[port]->conn, hold || ctl->owner[port]->full);
}

void
ctl_drop_clients(struct ctl *ctl)
{
	for (unsigned port = 1; port < GAB_NPORTS; port++) {
		struct client *cl = ctl->owner[port];

		if (cl == NULL)
			continue;
		ctl->owner[port] = NULL;
		cl->port = 0;
		ipc_conn_close(cl->conn);
	}
}

/* ---- gabconfig ---- */

static void
send_row(struct ctl *ctl, struct ipc_conn *conn, const struct ipc_msg *msg, uint16_t type,
    const struct wire_wr *w)
{
	if (wire_wr_ok(w))
		ipc_conn_send(conn, type, msg->reqid, ctl->buf, wire_wr_len(w));
}

static void
send_ports(struct ctl *ctl, struct ipc_conn *conn, const struct ipc_msg *msg)
{
	struct wire_wr w;

	for (unsigned port = 0; port < GAB_NPORTS; port++) {
		struct gab_row_port *row = &ctl->port_row;

		memset(row, 0, sizeof(*row));
		row->letter = (char)('a' + port);
		if (ctl->owner[port] != NULL)
			memcpy(row->client, ctl->owner[port]->name, sizeof(row->client));
		if (!ctl->ops->port(ctl->arg, port, row))
			continue;
		wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
		gab_row_port_encode(&w, row);
		send_row(ctl, conn, msg, GAB_ROW_PORT, &w);
	}
}

static void
on_status(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct ctl *ctl = arg;
	struct gab_row_status st = { 0 };
	struct gab_row_counter counter;
	struct wire_wr w;

	if (msg->len != 0) {
		ipc_conn_reply(conn, msg, IPC_EPROTO, "this request has no arguments");
		return;
	}
	ctl->ops->status(ctl->arg, &st);
	wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
	gab_row_status_encode(&w, &st);
	send_row(ctl, conn, msg, GAB_ROW_STATUS, &w);
	send_ports(ctl, conn, msg);
	for (unsigned i = 0; ctl->ops->counter(ctl->arg, i, &counter); i++) {
		wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
		gab_row_counter_encode(&w, &counter);
		send_row(ctl, conn, msg, GAB_ROW_COUNTER, &w);
	}
	ipc_conn_reply(conn, msg, IPC_OK, "end");
}

static void
on_configure(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct ctl *ctl = arg;
	struct gab_req_configure req;
	const char *why;

	if (!gab_req_configure_decode(msg->data, msg->len, &req)) {
		ipc_conn_reply(conn, msg, IPC_EPROTO, "malformed request");
		return;
	}
	why = ctl->ops->configure(ctl->arg, &req);
	if (why == NULL)
		ipc_conn_reply(conn, msg, IPC_OK, "done");
	else
		ipc_conn_reply(conn, msg, IPC_EINVAL, "%s", why);
}

static const struct ipc_cmd cmds[] = {
	{ GAB_REGISTER, IPC_CHANGE, on_register },
	{ GAB_SEND, IPC_CHANGE, on_send },
	{ GAB_GET_STATUS, IPC_READ, on_status },
	{ GAB_CONFIGURE, IPC_CHANGE, on_configure },
	{ 0, IPC_READ, NULL },
};

static const struct ipc_server_ops server_ops = {
	.cmds = cmds,
	.on_open = on_open,
	.on_close = on_close,
	.max_queue = CLIENT_QUEUE,
};

struct ctl *
ctl_new(struct ev_loop *loop, const struct ctl_ops *ops, void *arg)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));

	if (ctl == NULL)
		return NULL;
	ctl->ops = ops;
	ctl->arg = arg;
	ctl->server = ipc_server_new(loop, GAB_SOCK, &server_ops, ctl);
	if (ctl->server != NULL)
		return ctl;
	free(ctl);
	return NULL;
}

void
ctl_free(struct ctl *ctl)
{
	if (ctl == NULL)
		return;
	ipc_server_free(ctl->server);
	free(ctl);
}
