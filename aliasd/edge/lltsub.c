/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/lltsub.h"

#include <stdlib.h>

#include "aliasd/core/map.h"
#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"

#define RETRY (100 * NSEC_PER_MSEC)

struct lltsub {
	struct ipc_client *ipc;
	const struct lltsub_ops *ops;
	void *arg;
	uint64_t asked; /* 0: no question is open */
	uint64_t alive;
};

enum { ID_SUBSCRIBE = 1, ID_ALIVE };

static void
on_up(struct ipc_client *c, void *arg)
{
	struct lltsub *s = arg;

	s->asked = 0;
	ipc_client_send(c, LLT_SUBSCRIBE, ID_SUBSCRIBE, NULL, 0);
	lltsub_ask(s);
}

void
lltsub_ask(struct lltsub *s)
{
	if (s->asked != 0)
		return;
	s->asked = clock_ns();
	if (ipc_client_send(s->ipc, LLT_ALIVE, ID_ALIVE, NULL, 0) == -1)
		s->asked = 0;
}

uint64_t
lltsub_alive(const struct lltsub *s)
{
	return s->alive;
}

static void
on_down(struct ipc_client *c, void *arg)
{
	struct lltsub *s = arg;

	s->ops->on_down(s->arg);
}

/* False if the message is malformed. */
static bool
dispatch(struct lltsub *s, const struct ipc_msg *m)
{
	struct llt_ev_self self;
	struct llt_ev_node node;
	struct llt_ev_link link;

	switch (m->type) {
	case LLT_EV_SELF:
		if (!llt_ev_self_decode(m->data, m->len, &self))
			return false;
		s->ops->on_self(&self, s->arg);
		return true;
	case LLT_EV_NODE:
		if (!llt_ev_node_decode(m->data, m->len, &node))
			return false;
		s->ops->on_node(&node, s->arg);
		return true;
	case LLT_EV_LINK:
		if (!llt_ev_link_decode(m->data, m->len, &link))
			return false;
		s->ops->on_link(&link, s->arg);
		return true;
	case LLT_EV_SNAPSHOT_END:
		s->ops->on_snapshot(s->arg);
		return true;
	default:
		return true;
	}
}

static void
on_msg(struct ipc_client *c, const struct ipc_msg *m, void *arg)
{
	struct lltsub *s = arg;

	if (m->type == IPC_REPLY && m->reqid == ID_ALIVE && s->asked != 0) {
		s->alive = s->asked;
		s->asked = 0;
	} else if (!dispatch(s, m))
		log_warnx("llt", "lltd sent a malformed message of type 0x%04x", m->type);
}

static const struct ipc_client_ops ipc_ops = { .on_up = on_up, .on_down = on_down, .on_msg = on_msg };

struct lltsub *
lltsub_new(struct ev_loop *loop, const struct lltsub_ops *ops, void *arg)
{
	struct lltsub *s = mem_zalloc(sizeof(*s));

	s->ops = ops;
	s->arg = arg;
	s->ipc = ipc_client_new(loop, LLT_SOCK, RETRY, &ipc_ops, s);
	return s;
}

void
lltsub_poll(struct lltsub *s)
{
	ipc_client_poll(s->ipc);
}

void
lltsub_free(struct lltsub *s)
{
	if (s == NULL)
		return;
	ipc_client_free(s->ipc);
	free(s);
}
