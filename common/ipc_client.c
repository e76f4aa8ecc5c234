/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ev.h"
#include "common/ipc.h"
#include "common/ipc_sock.h"
#include "common/log.h"

struct ipc_client {
	struct ev_loop *loop;
	struct ev_timer *timer; /* up: for the loss noticed while sending; down: to try again */
	struct ev_io *io;
	int fd; /* -1: down */
	uint64_t retry_ns;
	struct sockaddr_un sun;
	const struct ipc_client_ops *ops;
	void *arg;
	struct ipc_out out;
	bool complained; /* one message a row of failures */
	bool lost;       /* noticed while sending: the loop will call on_down */
	unsigned busy;   /* callbacks that are running */
	bool freed;      /* by one of them */
	uint8_t buf[IPC_PKT_MAX];
};

static void
client_destroy(struct ipc_client *c)
{
	ev_timer_free(c->timer);
	ev_io_free(c->io);
	if (c->fd != -1)
		close(c->fd);
	ipc_out_clear(&c->out);
	free(c);
}

/* A callback may free the client: between enter and leave it stays, and leave says if it is gone. */
static void
enter(struct ipc_client *c)
{
	c->busy++;
}

static bool
leave(struct ipc_client *c)
{
	if (--c->busy != 0 || !c->freed)
		return true;
	client_destroy(c);
	return false;
}

static void
client_down(struct ipc_client *c)
{
	ev_io_free(c->io);
	c->io = NULL;
	close(c->fd);
	c->fd = -1;
	c->lost = false;
	ipc_out_clear(&c->out);
	ev_timer_set(c->timer, c->retry_ns);
	enter(c);
	c->ops->on_down(c, c->arg);
	leave(c);
}

static void
client_lost(struct ipc_client *c)
{
	/* Not on_down from inside ipc_client_send(): its caller would not expect it. */
	c->lost = true;
	ipc_out_clear(&c->out);
	ev_io_want(c->io, false, false);
	ev_timer_set(c->timer, 0);
}

/* 1: dispatched; 0: nothing there; -1: the connection is of no use any more. */
static int
client_recv(struct ipc_client *c)
{
	struct ipc_msg msg;
	const char *why;
	ssize_t n = ipc_sock_recv(c->fd, c->buf, sizeof(c->buf));

	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n == -1 && errno != ECONNRESET)
		log_warn("ipc", "%s", c->sun.sun_path);
	if (n <= 0)
		return -1;
	why = ipc_decode(c->buf, (size_t)n, &msg);
	if (why != NULL) {
		log_warnx("ipc", "%s: bad message: %s", c->sun.sun_path, why);
		return -1;
	}
	c->ops->on_msg(c, &msg, c->arg);
	return 1;
}

static void
client_readable(int fd, void *arg)
{
	struct ipc_client *c = arg;
	int rc = 1;

	enter(c);
	for (unsigned i = 0; rc == 1 && i < IPC_DISPATCH_MAX && !c->freed && !c->lost; i++)
		rc = client_recv(c);
	if (leave(c) && rc == -1)
		client_down(c);
}

void
ipc_client_poll(struct ipc_client *c)
{
	int rc = 1;

	if (c->fd == -1 || c->busy > 0)
		return;
	enter(c);
	for (unsigned i = 0; rc == 1 && i < IPC_DISPATCH_MAX && !c->freed && !c->lost; i++)
		rc = client_recv(c);
	if (leave(c) && rc == -1)
		client_lost(c);
}

static void
client_writable(int fd, void *arg)
{
	struct ipc_client *c = arg;

	if (ipc_out_flush(&c->out, c->fd) == -1)
		client_lost(c);
	else if (c->out.bytes == 0)
		ev_io_want(c->io, true, false);
}

static int
client_open(struct ipc_client *c)
{
	c->fd = ipc_sock_new(SOCK_NONBLOCK);
	if (c->fd == -1)
		return -1;
	if (connect(c->fd, (struct sockaddr *)&c->sun, sizeof(c->sun)) == 0) {
		c->io = ev_io_new(c->loop, c->fd, client_readable, client_writable, c);
		if (c->io != NULL)
			return 0;
	}
	close(c->fd);
	c->fd = -1;
	return -1;
}

static void
client_timer(void *arg)
{
	struct ipc_client *c = arg;

	if (c->fd != -1) {
		if (c->lost)
			client_down(c);
		return;
	}
	if (client_open(c) == -1) {
		if (!c->complained)
			log_warn("ipc", "%s: not there yet", c->sun.sun_path);
		c->complained = true;
		ev_timer_set(c->timer, c->retry_ns);
		return;
	}
	c->complained = false;
	enter(c);
	c->ops->on_up(c, c->arg);
	leave(c);
}

struct ipc_client *
ipc_client_new(struct ev_loop *loop, const char *path, uint64_t retry_ns,
    const struct ipc_client_ops *ops, void *arg)
{
	struct ipc_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->fd = -1;
	c->retry_ns = retry_ns;
	c->ops = ops;
	c->arg = arg;
	ipc_out_init(&c->out);
	if (!ipc_sock_addr(&c->sun, path)) {
		free(c);
		return NULL;
	}
	c->timer = ev_timer_new(loop, client_timer, c);
	if (c->timer == NULL) {
		free(c);
		return NULL;
	}
	ev_timer_set(c->timer, 0);
	return c;
}

void
ipc_client_free(struct ipc_client *c)
{
	if (c == NULL)
		return;
	if (c->busy == 0) {
		client_destroy(c);
		return;
	}
	c->freed = true;
	ev_timer_cancel(c->timer);
	if (c->io != NULL)
		ev_io_want(c->io, false, false);
}

bool
ipc_client_is_up(const struct ipc_client *c)
{
	return c->fd != -1 && !c->lost;
}

int
ipc_client_send(struct ipc_client *c, uint16_t type, uint32_t reqid, const void *data, size_t len)
{
	if (!ipc_client_is_up(c) || c->freed) {
		errno = ENOTCONN;
		return -1;
	}
	if (ipc_out_send(&c->out, c->fd, type, reqid, data, len) == -1) {
		if (errno != EMSGSIZE && errno != ENOMEM)
			client_lost(c);
		return -1;
	}
	if (c->out.bytes != 0)
		ev_io_want(c->io, true, true);
	return 0;
}

size_t
ipc_client_queued(const struct ipc_client *c)
{
	return c->out.bytes;
}
