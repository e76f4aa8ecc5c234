/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ev.h"
#include "common/ipc.h"
#include "common/ipc_listen.h"
#include "common/ipc_sock.h"
#include "common/log.h"
#include "common/wire.h"

#define MAX_QUEUE_DEFAULT (8 * 1024 * 1024)
#define ACCEPT_RETRY (100 * NSEC_PER_MSEC)

struct ipc_conn {
	TAILQ_ENTRY(ipc_conn) link;
	struct ipc_server *server;
	int fd;
	unsigned id;
	struct ipc_peer peer;
	struct ev_io *io;
	struct ipc_out out;
	void *data;
	bool paused;
	bool closing; /* the reaper will close it */
};

TAILQ_HEAD(conn_list, ipc_conn);

struct ipc_server {
	struct ev_loop *loop;
	struct ipc_listen *listen;
	struct ev_io *io;
	struct ev_timer *reaper;
	struct ev_timer *resume; /* accepting again after running out of descriptors */
	const struct ipc_server_ops *ops;
	void *arg;
	size_t max_queue;
	bool have_group;
	gid_t group;
	struct conn_list conns;
	unsigned last_id;
	struct log_limit limit;
	uint8_t buf[IPC_PKT_MAX];
};

/* Set once by the daemon's frame, before there is any server. */
static const struct ipc_cmd *base_cmds;

void
ipc_server_set_base_cmds(const struct ipc_cmd *cmds)
{
	base_cmds = cmds;
}

static void
conn_watch(struct ipc_conn *c)
{
	ev_io_want(c->io, !c->closing && !c->paused, !c->closing && c->out.bytes != 0);
}

static void
conn_free(struct ipc_conn *c)
{
	struct ipc_server *s = c->server;

	if (s->ops->on_close != NULL)
		s->ops->on_close(c, s->arg);
	TAILQ_REMOVE(&s->conns, c, link);
	ev_io_free(c->io);
	close(c->fd);
	ipc_out_clear(&c->out);
	free(c);
}

static void
reap(void *arg)
{
	struct ipc_server *s = arg;
	struct ipc_conn *c, *next;

	for (c = TAILQ_FIRST(&s->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->closing)
			conn_free(c);
	}
}

void
ipc_conn_close(struct ipc_conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	conn_watch(c);
	ev_timer_set(c->server->reaper, 0);
}

int
ipc_conn_send(struct ipc_conn *c, uint16_t type, uint32_t reqid, const void *data, size_t len)
{
	struct ipc_server *s = c->server;

	if (c->closing) {
		errno = EPIPE;
		return -1;
	}
	if (c->out.bytes + len > s->max_queue) {
		log_warnx("ipc", "client %u (pid %d) does not read: %zu bytes waiting, cut off",
		    c->id, (int)c->peer.pid, c->out.bytes);
		ipc_conn_close(c);
		errno = ENOBUFS;
		return -1;
	}
	if (ipc_out_send(&c->out, c->fd, type, reqid, data, len) == -1) {
		/* A message that is too long is the caller's fault, anything else the connection's. */
		if (errno != EMSGSIZE)
			ipc_conn_close(c);
		return -1;
	}
	if (c->out.bytes != 0)
		conn_watch(c);
	return 0;
}

int
ipc_conn_reply(
    struct ipc_conn *c, const struct ipc_msg *req, enum ipc_code code, const char *fmt, ...)
{
	char text[sizeof(((struct ipc_result *)NULL)->text)];
	uint8_t buf[sizeof(text) + 4];
	struct wire_wr w;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_u16(&w, (uint16_t)code);
	wire_wr_str(&w, text);
	return ipc_conn_send(c, IPC_REPLY, req->reqid, buf, wire_wr_len(&w));
}

static const struct ipc_cmd *
find_cmd(const struct ipc_cmd *cmds, uint16_t type)
{
	if (cmds == NULL)
		return NULL;
	for (; cmds->fn != NULL; cmds++)
		if (cmds->type == type)
			return cmds;
	return NULL;
}

static void
dispatch(struct ipc_conn *c, const struct ipc_msg *msg)
{
	struct ipc_server *s = c->server;
	const struct ipc_cmd *cmd = find_cmd(s->ops->cmds, msg->type);

	if (cmd == NULL)
		cmd = find_cmd(base_cmds, msg->type);
	if (cmd == NULL)
		ipc_conn_reply(c, msg, IPC_EUNKNOWN, "unknown request 0x%04x", msg->type);
	else if (!ipc_allowed(&c->peer, s->have_group, s->group, cmd->right))
		ipc_conn_reply(c, msg, IPC_EPERM,
		    cmd->right == IPC_CHANGE ? "only root may do this"
					     : "only root and the group " IPC_GROUP " may ask");
	else
		cmd->fn(c, msg, s->arg);
}

/* A packet that is no message: the client is told why, then closed, for it speaks another language. */
static void
refuse(struct ipc_conn *c, const struct ipc_msg *msg, const char *why)
{
	enum ipc_code code = why == ipc_other_version ? IPC_EVERSION : IPC_EPROTO;

	if (log_limit_ok(&c->server->limit, clock_ns()))
		log_warnx("ipc", "client %u (pid %d): bad message: %s", c->id, (int)c->peer.pid, why);
	ipc_conn_reply(c, msg, code, "%s; this daemon has version %d", why, IPC_VERSION);
	ipc_conn_close(c);
}

/* False when there is nothing more to receive for now. */
static bool
conn_recv(struct ipc_conn *c)
{
	struct ipc_server *s = c->server;
	struct ipc_msg msg = { 0 };
	const char *why;
	ssize_t n = ipc_sock_recv(c->fd, s->buf, sizeof(s->buf));

	if (n == -1 && errno == EAGAIN)
		return false;
	if (n == -1 && errno == EMSGSIZE) {
		refuse(c, &msg, "packet too long");
		return false;
	}
	if (n <= 0) {
		ipc_conn_close(c);
		return false;
	}
	why = ipc_decode(s->buf, (size_t)n, &msg);
	if (why != NULL)
		refuse(c, &msg, why);
	else
		dispatch(c, &msg);
	return true;
}

static void
conn_readable(int fd, void *arg)
{
	struct ipc_conn *c = arg;

	/* Closing only marks, so c outlives whatever the callbacks do. */
	for (unsigned i = 0; i < IPC_DISPATCH_MAX && !c->closing && !c->paused; i++)
		if (!conn_recv(c))
			break;
}

static void
conn_writable(int fd, void *arg)
{
	struct ipc_conn *c = arg;

	if (ipc_out_flush(&c->out, c->fd) == -1)
		ipc_conn_close(c);
	else
		conn_watch(c);
}

static void
conn_new(struct ipc_server *s, int fd)
{
	struct ipc_conn *c = calloc(1, sizeof(*c));

	if (c == NULL || ipc_sock_peer(fd, &c->peer) == -1)
		goto fail;
	c->server = s;
	c->fd = fd;
	ipc_out_init(&c->out);
	ipc_sock_tune(fd);
	c->io = ev_io_new(s->loop, fd, conn_readable, conn_writable, c);
	if (c->io == NULL)
		goto fail;
	if (++s->last_id == 0)
		++s->last_id;
	c->id = s->last_id;
	TAILQ_INSERT_TAIL(&s->conns, c, link);
	log_debug("ipc", "client %u: pid %d uid %u", c->id, (int)c->peer.pid, (unsigned)c->peer.uid);
	if (s->ops->on_open != NULL)
		s->ops->on_open(c, s->arg);
	return;
fail:
	log_warn("ipc", "cannot serve a client");
	free(c);
	close(fd);
}

static void
server_resume(void *arg)
{
	struct ipc_server *s = arg;

	ev_io_want(s->io, true, false);
}

static void
server_readable(int fd, void *arg)
{
	struct ipc_server *s = arg;

	for (unsigned i = 0; i < IPC_DISPATCH_MAX; i++) {
		int cfd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (cfd != -1) {
			conn_new(s, cfd);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		/* Out of descriptors: the socket stays readable, so it has to rest. */
		if (log_limit_ok(&s->limit, clock_ns()))
			log_warn("ipc", "accept");
		ev_io_want(s->io, false, false);
		ev_timer_set(s->resume, ACCEPT_RETRY);
		return;
	}
}

struct ipc_server *
ipc_server_new(
    struct ev_loop *loop, const char *path, const struct ipc_server_ops *ops, void *arg)
{
	struct ipc_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	TAILQ_INIT(&s->conns);
	s->loop = loop;
	s->ops = ops;
	s->arg = arg;
	s->max_queue = ops->max_queue != 0 ? ops->max_queue : MAX_QUEUE_DEFAULT;
	s->limit = (struct log_limit){ .interval_ns = 10 * NSEC_PER_SEC, .burst = 10 };
	s->have_group = ipc_group(&s->group);
	s->listen = ipc_listen_new(path);
	if (s->listen == NULL)
		goto fail;
	s->io = ev_io_new(loop, ipc_listen_fd(s->listen), server_readable, NULL, s);
	s->reaper = ev_timer_new(loop, reap, s);
	s->resume = ev_timer_new(loop, server_resume, s);
	if (s->io != NULL && s->reaper != NULL && s->resume != NULL)
		return s;
fail:
	ipc_server_free(s);
	return NULL;
}

void
ipc_server_free(struct ipc_server *s)
{
	struct ipc_conn *c;
	int saved = errno;

	if (s == NULL)
		return;
	while ((c = TAILQ_FIRST(&s->conns)) != NULL) {
		c->closing = true; /* on_close must not send */
		conn_free(c);
	}
	ev_io_free(s->io);
	ev_timer_free(s->reaper);
	ev_timer_free(s->resume);
	ipc_listen_free(s->listen);
	free(s);
	errno = saved;
}

size_t
ipc_conn_queued(const struct ipc_conn *c)
{
	return c->out.bytes;
}

void
ipc_conn_pause(struct ipc_conn *c, bool paused)
{
	c->paused = paused;
	conn_watch(c);
}

void
ipc_conn_set_data(struct ipc_conn *c, void *data)
{
	c->data = data;
}

void *
ipc_conn_data(const struct ipc_conn *c)
{
	return c->data;
}

unsigned
ipc_conn_id(const struct ipc_conn *c)
{
	return c->id;
}

uid_t
ipc_conn_uid(const struct ipc_conn *c)
{
	return c->peer.uid;
}

pid_t
ipc_conn_pid(const struct ipc_conn *c)
{
	return c->peer.pid;
}

void
ipc_server_each(struct ipc_server *s, void (*fn)(struct ipc_conn *, void *), void *arg)
{
	struct ipc_conn *c;

	TAILQ_FOREACH(c, &s->conns, link)
		if (!c->closing)
			fn(c, arg);
}
