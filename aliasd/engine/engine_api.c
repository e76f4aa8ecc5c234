/* SPDX-License-Identifier: ISC */
/*
 * What programs ask for through libclua. A registration that is to end with its program is tied to the
 * process at the other end of the socket, which need not keep the connection open.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aliasd/engine/engine_priv.h"

struct watch { /* of a process */
	struct engine *e;
	struct registry_entry *entry;
	struct ev_io *io;
	int fd;
};

static void
broadcast(struct engine *e, enum alias_msg_type type, uint64_t token, const struct alias_api *a)
{
	uint8_t buf[64];
	struct wire_wr w;

	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_api(&w, type, token, a);
	engine_broadcast(e, buf, wire_wr_len(&w));
}

/* ---- questions ---- */

static void
send_alias(struct ipc_conn *conn, const struct ipc_msg *m, struct engine *e,
    const struct state_alias *a)
{
	struct alias_ctl_alias row;
	struct wire_wr w;
	uint8_t buf[1024];

	engine_ctl_alias_row(e, a, &row);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_alias_encode(&w, &row);
	ipc_conn_send(conn, ALIAS_ROW_ALIAS, m->reqid, buf, wire_wr_len(&w));
}

/* True if it was answered: a host outside of the group knows no alias. */
static bool
outside(struct ipc_conn *conn, const struct ipc_msg *m, const struct engine *e)
{
	const char *why = engine_ctl_not_now(e);

	if (why != NULL)
		ipc_conn_reply(conn, m, IPC_EBUSY, "not possible now: %s", why);
	return why != NULL;
}

void
engine_api_next(struct ipc_conn *conn, const struct ipc_msg *m, void *arg)
{
	struct engine *e = arg;
	const struct state_alias *a = NULL;
	const struct state_row *r = NULL;
	struct wire_rd rd;
	uint32_t id;

	wire_rd_init(&rd, m->data, m->len);
	id = wire_rd_u32(&rd);
	if (!wire_rd_done(&rd)) {
		ipc_conn_reply(conn, m, IPC_EPROTO, "malformed request");
		return;
	}
	if (outside(conn, m, e))
		return;
	do {
		a = state_alias_after(e->state, a == NULL ? id : a->id);
		r = a == NULL ? NULL : state_row(a, e->self);
	} while (a != NULL && (r == NULL || !(r->flags & ALIAS_ROW_JOINED)));
	if (a == NULL) {
		ipc_conn_reply(conn, m, IPC_ENOENT, "no more aliases");
		return;
	}
	send_alias(conn, m, e, a);
	ipc_conn_reply(conn, m, IPC_OK, "%s", "");
}

void
engine_api_alias(struct ipc_conn *conn, const struct ipc_msg *m, void *arg)
{
	struct engine *e = arg;
	const struct state_alias *a;
	struct alias_ctl_query q;
	struct alias_ctl_member row;
	struct wire_wr w;
	uint8_t buf[64];
	size_t i;

	if (!alias_ctl_query_decode(m->data, m->len, &q) || q.all) {
		ipc_conn_reply(conn, m, IPC_EPROTO, "malformed request");
		return;
	}
	if (outside(conn, m, e))
		return;
	a = q.is_default && e->conf->default_alias[0] == '\0' ? NULL :
	    state_alias(e->state, q.is_default ? e->conf->default_addr : q.addr);
	if (a == NULL) {
		ipc_conn_reply(conn, m, IPC_ENOENT, "no such cluster alias");
		return;
	}
	send_alias(conn, m, e, a);
	for (i = 0; i < a->nrows; i++) {
		engine_ctl_member_row(e, &a->rows[i], &row);
		wire_wr_init(&w, buf, sizeof(buf));
		alias_ctl_member_encode(&w, &row);
		ipc_conn_send(conn, ALIAS_ROW_MEMBER, m->reqid, buf, wire_wr_len(&w));
	}
	ipc_conn_reply(conn, m, IPC_OK, "%s", "");
}

/* ---- programs that end ---- */

static void
unwatch(struct registry_entry *entry)
{
	struct watch *w = entry->watch;

	if (w == NULL)
		return;
	entry->watch = NULL;
	ev_io_free(w->io);
	close(w->fd);
	free(w);
}

static void
forget(struct engine *e, struct registry_entry *entry)
{
	unwatch(entry);
	registry_remove(e->registry, entry);
}

static void
program_ended(struct engine *e, struct registry_entry *entry)
{
	struct alias_api a = entry->api;
	bool last = registry_others(e->registry, entry) == 0;

	log_debug("service", "process %d, which registered port %u/%s, has ended", (int)entry->pid,
	    a.port_h, alias_proto_name(a.proto));
	forget(e, entry);
	registry_store(e->registry);
	if (!last || !state_loaded(e->state))
		return;
	/* Its sockets are closed by now: first that, then this, so that all see it in this order. */
	engine_listen_dump(e, a.proto);
	broadcast(e, ALIAS_MSG_RELEASE, TOKEN_NONE, &a);
}

static void
on_end(int fd, void *arg)
{
	struct watch *w = arg;

	program_ended(w->e, w->entry);
}

/* False if the process is gone already. One that cannot be watched is believed to live. */
static bool
watch(struct engine *e, struct registry_entry *entry)
{
	struct watch *w;
	int fd;

	if (entry->pid == 0 || entry->watch != NULL)
		return true;
	fd = (int)syscall(SYS_pidfd_open, entry->pid, 0);
	if (fd < 0)
		return errno != ESRCH;
	w = mem_zalloc(sizeof(*w));
	w->e = e;
	w->entry = entry;
	w->fd = fd;
	w->io = ev_io_new(e->loop, fd, on_end, NULL, w);
	entry->watch = w;
	if (w->io == NULL)
		unwatch(entry);
	return true;
}

static void
start_one(struct registry_entry *entry, void *arg)
{
	struct engine *e = arg;

	if (!watch(e, entry))
		forget(e, entry);
}

void
engine_api_start(struct engine *e)
{
	registry_each(e->registry, start_one, e);
}

static void
stop_one(struct registry_entry *entry, void *arg)
{
	unwatch(entry);
}

void
engine_api_stop(struct engine *e)
{
	registry_each(e->registry, stop_one, e);
}

/* ---- the group ---- */

static void
say_again(struct registry_entry *entry, void *arg)
{
	struct engine *e = arg;

	entry->token = e->next_token++;
	broadcast(e, ALIAS_MSG_REGISTER, entry->token, &entry->api);
}

void
engine_api_loaded(struct engine *e)
{
	registry_each(e->registry, say_again, e);
}

static void
reset_one(struct registry_entry *entry, void *arg)
{
	entry->token = 0;
	entry->in_force = false;
}

/* A wish that was on its way is lost; who waits for it is told. */
static void
drop_unknown(struct registry_entry *entry, void *arg)
{
	if (!entry->kept)
		forget(arg, entry);
}

void
engine_api_reset(struct engine *e)
{
	registry_each(e->registry, drop_unknown, e);
	registry_each(e->registry, reset_one, e);
}

struct changed {
	struct engine *e;
	bool any;
};

static void
changed_one(struct registry_entry *entry, void *arg)
{
	struct changed *c = arg;

	if (!entry->in_force || entry->token != 0 || state_has_registration(c->e->state, &entry->api))
		return;
	forget(c->e, entry);
	c->any = true;
}

void
engine_api_changed(struct engine *e)
{
	struct changed c = { .e = e };

	registry_each(e->registry, changed_one, &c);
	if (c.any)
		registry_store(e->registry);
}

void
engine_api_result(
    struct engine *e, uint64_t token, enum alias_api_status status, uint16_t port_h)
{
	struct registry_entry *entry = registry_by_token(e->registry, token);

	engine_ctl_result(e, token, status, port_h);
	if (entry == NULL)
		return;
	entry->token = 0;
	if (status == ALIAS_API_OK) {
		entry->in_force = entry->kept = true;
		entry->api.port_h = port_h;
	} else if (!entry->in_force || !state_has_registration(e->state, &entry->api)) {
		if (entry->kept)
			log_warnx("service", "port %u/%s, registered by a program: %s", entry->api.port_h,
			    alias_proto_name(entry->api.proto), alias_api_text((uint16_t)status));
		forget(e, entry);
	}
	registry_store(e->registry);
}

/* ---- registering ---- */

/* True if it was answered: as with bind(2), ports below 1024 are root's. */
static bool
refused(struct ipc_conn *conn, const struct ipc_msg *m, const struct engine *e, bool reserved)
{
	if (ipc_conn_uid(conn) == 0 || !reserved)
		return outside(conn, m, e);
	ipc_conn_reply(conn, m, IPC_EPERM, "ports below 1024 are registered by root");
	return true;
}

static void
ask(struct engine *e, struct ipc_conn *conn, const struct ipc_msg *m, enum alias_msg_type type,
    struct alias_api *a, const struct alias_api *record)
{
	pid_t pid = record->options & ALIAS_TRANSIENT ? ipc_conn_pid(conn) : 0;
	struct registry_entry *entry = registry_add(e->registry, record, pid);

	entry->token = engine_ctl_wait(e, conn, m);
	/* Who listens already is known to all before they judge. */
	engine_listen_dump(e, a->proto);
	broadcast(e, type, entry->token, a);
	if (!watch(e, entry))
		program_ended(e, entry);
}

void
engine_api_register(struct ipc_conn *conn, const struct ipc_msg *m, void *arg)
{
	struct engine *e = arg;
	struct alias_api a;

	if (!alias_api_request_decode(m->data, m->len, &a) || a.port_h == 0 || a.prog != 0) {
		ipc_conn_reply(conn, m, IPC_EPROTO, "malformed request");
		return;
	}
	if (refused(conn, m, e, a.port_h < IPPORT_RESERVED))
		return;
	if (!alias_api_options_ok(a.options))
		engine_ctl_result(e, engine_ctl_wait(e, conn, m), ALIAS_API_EBADOPTION, 0);
	else if (a.options & ALIAS_NONE)
		broadcast(e, ALIAS_MSG_REGISTER, engine_ctl_wait(e, conn, m), &a);
	else
		ask(e, conn, m, ALIAS_MSG_REGISTER, &a, &a);
}

void
engine_api_unregister(struct ipc_conn *conn, const struct ipc_msg *m, void *arg)
{
	struct engine *e = arg;
	struct alias_api a;

	if (!alias_api_request_decode(m->data, m->len, &a) || a.port_h == 0 || a.prog != 0)
		ipc_conn_reply(conn, m, IPC_EPROTO, "malformed request");
	else if (!refused(conn, m, e, a.port_h < IPPORT_RESERVED))
		broadcast(e, ALIAS_MSG_UNREGISTER, engine_ctl_wait(e, conn, m), &a);
}

/* port_h: the port that was handed out and turned out to be taken here. */
void
engine_api_commport(struct ipc_conn *conn, const struct ipc_msg *m, void *arg)
{
	struct engine *e = arg;
	struct alias_api a, record;

	if (!alias_api_request_decode(m->data, m->len, &a) || a.prog == 0) {
		ipc_conn_reply(conn, m, IPC_EPROTO, "malformed request");
		return;
	}
	if (refused(conn, m, e, a.resv))
		return;
	record = a;
	record.port_h = 0;
	record.options = ALIAS_IN_MULTI | ALIAS_STATIC | ALIAS_TRANSIENT;
	/* Another program of this host may have it, bound but not listening yet. */
	if (a.port_h != 0 && registry_held_by_other(e->registry, &record, ipc_conn_pid(conn)))
		engine_ctl_result(e, engine_ctl_wait(e, conn, m), ALIAS_API_EBUSY, 0);
	else
		ask(e, conn, m, ALIAS_MSG_COMMPORT, &a, &record);
}

void
engine_api_probe(struct engine *e, const struct alias_api *a)
{
	int type = a->proto == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM, one = 1;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(a->port_h) };
	struct alias_api vote = *a;

	/* Connections of an earlier server that linger do not keep a new one from binding. */
	if (fd >= 0 && type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	vote.busy = fd >= 0 && bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 && errno == EADDRINUSE;
	if (fd >= 0)
		close(fd);
	broadcast(e, ALIAS_MSG_VOTE, TOKEN_NONE, &vote);
}
