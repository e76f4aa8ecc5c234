/* SPDX-License-Identifier: ISC */
/* Inside ctl. */
#ifndef CLUA_LLTD_CTL_PRIV_H
#define CLUA_LLTD_CTL_PRIV_H

#include "common/ipc.h"
#include "lltd/ctl.h"

struct ctl {
	struct core *core;
	const struct ctl_ops *ops;
	void *arg;
	struct ipc_server *server;
	struct ipc_conn *owner[LLT_MAX_PORTS];
	uint64_t seq; /* of events, the same for all subscribers */
	struct llt_ctl_send send;
	uint8_t buf[LLT_MAX_MSG + 256];
};

/* ---- ctl_status.c ---- */
void ctl_get_nodes(struct ipc_conn *, const struct ipc_msg *, void *);
void ctl_get_counters(struct ipc_conn *, const struct ipc_msg *, void *);
void ctl_get_links(struct ipc_conn *, const struct ipc_msg *, void *);
void ctl_get_ports(struct ipc_conn *, const struct ipc_msg *, void *);
void ctl_get_config(struct ipc_conn *, const struct ipc_msg *, void *);
/* SELF, all NODEs, all LINKs. */
void ctl_send_state(struct ctl *, struct ipc_conn *, uint32_t reqid);
/* False: no such node or link. */
bool ctl_link_row(struct ctl *, uint16_t node, unsigned link, struct llt_ev_link *);
unsigned ctl_nlinks(struct ctl *);

#endif
