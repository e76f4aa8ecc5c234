/* SPDX-License-Identifier: ISC */
/* What lltstat and its like ask for. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "lltd/core.h"
#include "lltd/ctl_priv.h"
#include "lltd/lltd_conf.h"
#include "lltd/lltd_conf_link.h"
#include "proto/llt_status.h"

unsigned
ctl_nlinks(struct ctl *ctl)
{
	return (unsigned)ctl->ops->conf(ctl->arg)->nlinks;
}

/* Or only a number that is kept free. */
static bool
ctl_is_link(struct ctl *ctl, unsigned link)
{
	return ctl->ops->conf(ctl->arg)->link[link].kind != LLTD_KIND_NONE;
}

bool
ctl_link_row(struct ctl *ctl, uint16_t node, unsigned link, struct llt_ev_link *e)
{
	if (!ctl_is_link(ctl, link) || !core_link_state(ctl->core, node, link, e))
		return false;
	memcpy(e->ifname, ctl->ops->conf(ctl->arg)->link[link].name, sizeof(e->ifname));
	return true;
}

static void
send_row(struct ctl *ctl, struct ipc_conn *conn, uint32_t reqid, uint16_t type,
    const struct wire_wr *w)
{
	ipc_conn_send(conn, type, reqid, ctl->buf, wire_wr_len(w));
}

static void
send_nodes(struct ctl *ctl, struct ipc_conn *conn, uint32_t reqid)
{
	struct llt_ev_node e;
	struct wire_wr w;

	for (unsigned id = 0; id < LLT_MAX_NODES; id++) {
		if (!core_node_info(ctl->core, (uint16_t)id, &e))
			continue;
		e.seq = ctl->seq;
		wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
		llt_ev_node_encode(&w, &e);
		send_row(ctl, conn, reqid, LLT_EV_NODE, &w);
	}
}

static void
send_links(struct ctl *ctl, struct ipc_conn *conn, uint32_t reqid)
{
	struct llt_ev_link e;
	struct wire_wr w;

	for (unsigned id = 0; id < LLT_MAX_NODES; id++)
		for (unsigned l = 0; l < ctl_nlinks(ctl); l++) {
			if (!ctl_link_row(ctl, (uint16_t)id, l, &e))
				continue;
			e.seq = ctl->seq;
			wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
			llt_ev_link_encode(&w, &e);
			send_row(ctl, conn, reqid, LLT_EV_LINK, &w);
		}
}

void
ctl_send_state(struct ctl *ctl, struct ipc_conn *conn, uint32_t reqid)
{
	struct llt_ev_self self;
	struct wire_wr w;

	core_self(ctl->core, &self);
	wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
	llt_ev_self_encode(&w, &self);
	send_row(ctl, conn, reqid, LLT_EV_SELF, &w);
	send_nodes(ctl, conn, reqid);
	send_links(ctl, conn, reqid);
}

void
ctl_get_nodes(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	ctl_send_state(arg, conn, msg->reqid);
	ipc_conn_reply(conn, msg, IPC_OK, "ok");
}

void
ctl_get_counters(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct ctl *ctl = arg;
	const struct stats *st = core_stats(ctl->core);
	struct llt_row_counter row;
	struct wire_wr w;

	for (unsigned i = 0; i < STAT_COUNT; i++) {
		snprintf(row.key, sizeof(row.key), "%s", stat_key((enum stat)i));
		snprintf(row.text, sizeof(row.text), "%s", stat_text((enum stat)i));
		row.error = i >= STAT_DROPS;
		row.value = st->n[i];
		wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
		llt_row_counter_encode(&w, &row);
		send_row(ctl, conn, msg->reqid, LLT_ROW_COUNTER, &w);
	}
	ipc_conn_reply(conn, msg, IPC_OK, "ok");
}

static void
link_row(struct ctl *ctl, unsigned link, struct llt_row_link *row)
{
	const struct lltd_link *conf = &ctl->ops->conf(ctl->arg)->link[link];
	struct core_link_info i;

	core_link_info(ctl->core, link, &i);
	memset(row, 0, sizeof(*row));
	row->link = (uint8_t)link;
	memcpy(row->ifname, conf->name, sizeof(row->ifname));
	row->prio = i.prio;
	row->carrier = i.carrier;
	row->kind = (uint8_t)conf->kind;
	row->ethertype = conf->kind == LLT_KIND_ETHER ? (uint16_t)conf->ethertype : 0;
	row->mtu = (uint32_t)i.mtu;
	row->burst = i.burst;
	memcpy(row->addr, i.addr, sizeof(row->addr));
	row->tx_frames = i.tx_frames;
	row->tx_bytes = i.tx_bytes;
	row->rx_frames = i.rx_frames;
	row->rx_bytes = i.rx_bytes;
	row->hb_late = i.hb_late;
	row->hb_lost = i.hb_lost;
}

void
ctl_get_links(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct ctl *ctl = arg;
	struct llt_row_link row;
	struct wire_wr w;

	for (unsigned i = 0; i < ctl_nlinks(ctl); i++) {
		if (!ctl_is_link(ctl, i))
			continue;
		link_row(ctl, i, &row);
		wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
		llt_row_link_encode(&w, &row);
		send_row(ctl, conn, msg->reqid, LLT_ROW_LINK, &w);
	}
	ipc_conn_reply(conn, msg, IPC_OK, "ok");
}

/* The name of a process, for the eye. */
static void
process_name(pid_t pid, char *buf, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	snprintf(buf, size, "?");
	f = fopen(path, "re");
	if (f == NULL)
		return;
	if (fgets(buf, (int)size, f) != NULL)
		buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

void
ctl_get_ports(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct ctl *ctl = arg;
	struct llt_row_port row;
	struct wire_wr w;

	for (unsigned port = 0; port < LLT_MAX_PORTS; port++) {
		if (ctl->owner[port] == NULL)
			continue;
		row.port = (uint8_t)port;
		row.pid = (uint32_t)ipc_conn_pid(ctl->owner[port]);
		process_name((pid_t)row.pid, row.usage, sizeof(row.usage));
		row.npeers = (uint16_t)core_port_peers(ctl->core, row.port, row.peers, LLT_MAX_NODES);
		wire_wr_init(&w, ctl->buf, sizeof(ctl->buf));
		llt_row_port_encode(&w, &row);
		send_row(ctl, conn, msg->reqid, LLT_ROW_PORT, &w);
	}
	ipc_conn_reply(conn, msg, IPC_OK, "ok");
}

struct settings {
	struct ctl *ctl;
	struct ipc_conn *conn;
	uint32_t reqid;
};

static void __attribute__((format(printf, 3, 4)))
setting(struct settings *s, const char *key, const char *fmt, ...)
{
	struct llt_row_setting row;
	struct wire_wr w;
	va_list ap;

	snprintf(row.key, sizeof(row.key), "%s", key);
	va_start(ap, fmt);
	vsnprintf(row.value, sizeof(row.value), fmt, ap);
	va_end(ap);
	wire_wr_init(&w, s->ctl->buf, sizeof(s->ctl->buf));
	llt_row_setting_encode(&w, &row);
	send_row(s->ctl, s->conn, s->reqid, LLT_ROW_SETTING, &w);
}

static void
timer(struct settings *s, const char *key, const struct lltd_timer *t)
{
	setting(s, key, "%g", (double)t->ns / NSEC_PER_MSEC);
}

void
ctl_get_config(struct ipc_conn *conn, const struct ipc_msg *msg, void *arg)
{
	struct settings s = { arg, conn, msg->reqid };
	const struct lltd_conf *c = s.ctl->ops->conf(s.ctl->arg);

	setting(&s, "cluster", "%u", c->cluster);
	setting(&s, "node", "%u", c->id);
	setting(&s, "name", "%s", c->node);
	setting(&s, "profile", "%s", lltd_conf_profile_name(c));
	setting(&s, "balance", "%s", c->balance == CORE_ROUNDROBIN ? "roundrobin" : "destination");
	setting(&s, "authentication", "%s", c->authentication == LLTD_AUTH_KEY ? "key" : "none");
	setting(&s, "links", "%zu", c->nlinks);
	timer(&s, "heartbeat", &c->heartbeat);
	timer(&s, "heartbeat_low", &c->heartbeat_low);
	timer(&s, "trouble", &c->trouble);
	timer(&s, "trouble_low", &c->trouble_low);
	timer(&s, "inactive", &c->inactive);
	ipc_conn_reply(conn, msg, IPC_OK, "ok");
}
