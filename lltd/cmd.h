/* SPDX-License-Identifier: ISC */
/* What the commands around lltd share: asking it, and the picture of its state. */
#ifndef CLUA_LLTD_CMD_H
#define CLUA_LLTD_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/llt_status.h"

struct ipc_msg;

/* An open control socket; ends the program with a message and status 1 if lltd is not running. */
int cmd_connect(const char *program);
/* A request without arguments; every row goes to fn. Ends the program if anything is wrong. */
void cmd_ask(int fd, const char *program, uint16_t type,
    void (*fn)(const struct ipc_msg *, void *), void *arg);
/* Ends the program: a row that does not decode. */
void cmd_bad_row(const char *program);

const char *cmd_link_state(uint8_t state);
const char *cmd_node_state(uint8_t state);

struct cmd_node {
	struct llt_ev_node node;
	unsigned nlinks;
	struct llt_ev_link link[LLT_MAX_LINKS];
};

/* All that LLT_GET_NODES and LLT_GET_LINKS tell. Nodes are in the order of their ids. */
struct cmd_state {
	const char *program;
	struct llt_ev_self self;
	unsigned nnodes;
	struct cmd_node *node[LLT_MAX_NODES];
	unsigned nlinks;
	struct llt_row_link link[LLT_MAX_LINKS];
};

void cmd_get_state(int fd, const char *program, struct cmd_state *);

#endif
