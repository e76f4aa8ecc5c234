/* SPDX-License-Identifier: ISC */
#include "lltd/cmd.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ipc.h"

#define TIMEOUT_MS 5000

int
cmd_connect(const char *program)
{
	int fd = ipc_connect(LLT_SOCK);

	if (fd != -1)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		fprintf(stderr, "%s: LLT is not running (%s)\n", program, LLT_SOCK);
	else
		fprintf(stderr, "%s: %s: %s\n", program, LLT_SOCK, strerror(errno));
	exit(1);
}

void
cmd_ask(int fd, const char *program, uint16_t type, void (*fn)(const struct ipc_msg *, void *),
    void *arg)
{
	struct ipc_result res;

	if (ipc_call(fd, type, NULL, 0, TIMEOUT_MS, fn, arg, &res) == -1) {
		fprintf(stderr, "%s: lltd: %s\n", program, strerror(errno));
		exit(1);
	}
	if (res.code != IPC_OK) {
		fprintf(stderr, "%s: lltd: %s\n", program, res.text);
		exit(1);
	}
}

void
cmd_bad_row(const char *program)
{
	fprintf(stderr, "%s: lltd sent something that this program does not understand\n", program);
	exit(1);
}

const char *
cmd_link_state(uint8_t state)
{
	static const char *const names[] = { "DOWN", "TROUBLE", "UP" };

	return names[state];
}

const char *
cmd_node_state(uint8_t state)
{
	return state == LLT_OPEN_STATE ? "OPEN" : "CONNWAIT";
}

static void
add_node(struct cmd_state *s, const struct ipc_msg *msg)
{
	struct cmd_node *n = calloc(1, sizeof(*n));

	if (n == NULL || s->nnodes == LLT_MAX_NODES ||
	    !llt_ev_node_decode(msg->data, msg->len, &n->node))
		cmd_bad_row(s->program);
	s->node[s->nnodes++] = n;
}

static void
add_peer_link(struct cmd_state *s, const struct ipc_msg *msg)
{
	struct llt_ev_link l;

	if (!llt_ev_link_decode(msg->data, msg->len, &l))
		cmd_bad_row(s->program);
	for (unsigned i = 0; i < s->nnodes; i++)
		if (s->node[i]->node.node == l.node && s->node[i]->nlinks < LLT_MAX_LINKS)
			s->node[i]->link[s->node[i]->nlinks++] = l;
}

static void
on_node_row(const struct ipc_msg *msg, void *arg)
{
	struct cmd_state *s = arg;

	if (msg->type == LLT_EV_SELF) {
		if (!llt_ev_self_decode(msg->data, msg->len, &s->self))
			cmd_bad_row(s->program);
	} else if (msg->type == LLT_EV_NODE)
		add_node(s, msg);
	else if (msg->type == LLT_EV_LINK)
		add_peer_link(s, msg);
	else
		cmd_bad_row(s->program);
}

static void
on_link_row(const struct ipc_msg *msg, void *arg)
{
	struct cmd_state *s = arg;

	if (msg->type != LLT_ROW_LINK || s->nlinks == LLT_MAX_LINKS ||
	    !llt_row_link_decode(msg->data, msg->len, &s->link[s->nlinks]))
		cmd_bad_row(s->program);
	s->nlinks++;
}

void
cmd_get_state(int fd, const char *program, struct cmd_state *s)
{
	memset(s, 0, sizeof(*s));
	s->program = program;
	cmd_ask(fd, program, LLT_GET_NODES, on_node_row, s);
	cmd_ask(fd, program, LLT_GET_LINKS, on_link_row, s);
}
