/* SPDX-License-Identifier: ISC */
#include "gabd/llt.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/ev.h"
#include "common/ipc.h"
#include "common/log.h"
#include "proto/gab_msg.h"

#define RETRY (50 * NSEC_PER_MSEC)
#define REQ_SUBSCRIBE 1
#define REQ_OPEN 2

struct llt {
	struct ipc_client *client;
	struct ev_timer *again; /* the port was taken */
	const struct llt_events *events;
	void *arg;
	bool opened, complete, ready;
	struct llt_ev_self self;
	struct llt_ev_node *node; /* [LLT_MAX_NODES], name "" = not there */
	struct llt_ctl_send send;
	struct llt_ctl_recv recv;
	uint8_t buf[IPC_MAX_PAYLOAD];
};

static void
open_port(void *arg)
{
	struct llt *llt = arg;
	const uint8_t port = GAB_LLT_PORT;

	ipc_client_send(llt->client, LLT_OPEN, REQ_OPEN, &port, 1);
}

static void
on_up(struct ipc_client *client, void *arg)
{
	struct llt *llt = arg;

	memset(llt->node, 0, LLT_MAX_NODES * sizeof(*llt->node));
	llt->opened = llt->complete = llt->ready = false;
	open_port(llt);
	ipc_client_send(client, LLT_SUBSCRIBE, REQ_SUBSCRIBE, NULL, 0);
}

static void
on_down(struct ipc_client *client, void *arg)
{
	struct llt *llt = arg;
	bool was_ready = llt->ready;

	ev_timer_cancel(llt->again);
	llt->opened = llt->complete = llt->ready = false;
	if (was_ready)
		llt->events->lost(llt->arg);
}

static void
check_ready(struct llt *llt)
{
	if (llt->ready || !llt->opened || !llt->complete)
		return;
	llt->ready = true;
	llt->events->ready(llt->arg, &llt->self);
}

static void
on_reply(struct llt *llt, const struct ipc_msg *msg)
{
	struct wire_rd r;
	char text[256];
	uint16_t code;

	wire_rd_init(&r, msg->data, msg->len);
	code = wire_rd_u16(&r);
	wire_rd_str(&r, text, sizeof(text));
	if (msg->reqid == REQ_OPEN && code == IPC_OK) {
		llt->opened = true;
	} else if (code != IPC_OK) {
		log_warnx("llt", "lltd refuses: %s", text);
		if (msg->reqid == REQ_OPEN)
			ev_timer_set(llt->again, RETRY);
	}
}

static void
on_node(struct llt *llt, const struct ipc_msg *msg)
{
	struct llt_ev_node node;

	if (!llt_ev_node_decode(msg->data, msg->len, &node) || node.node >= LLT_MAX_NODES) {
		log_warnx("llt", "malformed event of lltd");
		return;
	}
	llt->node[node.node] = node;
	if (llt->ready)
		llt->events->node(llt->arg, &node);
}

static void
on_recv(struct llt *llt, const struct ipc_msg *msg)
{
	if (!llt_ctl_recv_decode(msg->data, msg->len, &llt->recv))
		log_warnx("llt", "malformed message of lltd");
	else if (llt->ready && llt->recv.port == GAB_LLT_PORT && !llt->recv.datagram)
		llt->events->recv(llt->arg, &llt->recv);
}

static void
on_msg(struct ipc_client *client, const struct ipc_msg *msg, void *arg)
{
	struct llt *llt = arg;

	switch (msg->type) {
	case IPC_REPLY: on_reply(llt, msg); break;
	case LLT_EV_SELF:
		if (!llt_ev_self_decode(msg->data, msg->len, &llt->self))
			log_warnx("llt", "malformed event of lltd");
		break;
	case LLT_EV_NODE: on_node(llt, msg); break;
	case LLT_EV_SNAPSHOT_END: llt->complete = true; break;
	case LLT_EV_RECV: on_recv(llt, msg); break;
	default: break;
	}
	check_ready(llt);
}

static const struct ipc_client_ops client_ops = {
	.on_up = on_up,
	.on_down = on_down,
	.on_msg = on_msg,
};

struct llt *
llt_new(struct ev_loop *loop, const struct llt_events *events, void *arg)
{
	struct llt *llt = calloc(1, sizeof(*llt));

	if (llt == NULL)
		return NULL;
	llt->events = events;
	llt->arg = arg;
	llt->node = calloc(LLT_MAX_NODES, sizeof(*llt->node));
	llt->again = ev_timer_new(loop, open_port, llt);
	llt->client = ipc_client_new(loop, LLT_SOCK, RETRY, &client_ops, llt);
	if (llt->node != NULL && llt->again != NULL && llt->client != NULL)
		return llt;
	llt_free(llt);
	return NULL;
}

void
llt_free(struct llt *llt)
{
	if (llt == NULL)
		return;
	ipc_client_free(llt->client);
	ev_timer_free(llt->again);
	free(llt->node);
	free(llt);
}

bool
llt_is_ready(const struct llt *llt)
{
	return llt->ready;
}

const struct llt_ev_node *
llt_node(const struct llt *llt, unsigned node)
{
	return node < LLT_MAX_NODES && llt->node[node].name[0] != '\0' ? &llt->node[node] : NULL;
}

void
llt_send(struct llt *llt, const struct gab_set *dst, bool patient, const uint8_t *data, size_t len)
{
	struct wire_wr w;

	llt->send.port = GAB_LLT_PORT;
	llt->send.datagram = false;
	llt->send.patient = patient;
	llt->send.ndst = (uint16_t)gab_set_list(dst, llt->send.dst);
	llt->send.data = data;
	llt->send.len = len;
	wire_wr_init(&w, llt->buf, sizeof(llt->buf));
	llt_ctl_send_encode(&w, &llt->send);
	if (wire_wr_ok(&w))
		ipc_client_send(llt->client, LLT_SEND, 0, llt->buf, wire_wr_len(&w));
}

size_t
llt_queued(const struct llt *llt)
{
	return ipc_client_queued(llt->client);
}
