/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ipc.h"
#include "common/ipc_sock.h"
#include "common/wire.h"

int
ipc_connect(const char *path)
{
	struct sockaddr_un sun;
	int fd, saved;

	if (!ipc_sock_addr(&sun, path))
		return -1;
	fd = ipc_sock_new(0);
	if (fd == -1)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* 0: ready; -1 and errno, ETIMEDOUT when the deadline (0: none) has passed. */
static int
wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	for (;;) {
		int ms = -1, rc;

		if (deadline != 0) {
			uint64_t now = clock_ns();

			ms = now >= deadline ? 0 : (int)((deadline - now) / NSEC_PER_MSEC) + 1;
		}
		rc = poll(&pfd, 1, ms);
		if (rc > 0)
			return 0;
		if (rc == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (errno != EINTR)
			return -1;
	}
}

static int
send_request(int fd, uint16_t type, uint32_t reqid, const void *data, size_t len, uint64_t deadline)
{
	struct ipc_out out;
	int rc;

	ipc_out_init(&out);
	rc = ipc_out_send(&out, fd, type, reqid, data, len);
	while (rc == 0 && out.bytes != 0) {
		rc = wait_for(fd, POLLOUT, deadline);
		if (rc == 0)
			rc = ipc_out_flush(&out, fd);
	}
	ipc_out_clear(&out);
	return rc;
}

static int
read_reply(const struct ipc_msg *msg, struct ipc_result *res)
{
	struct wire_rd r;

	wire_rd_init(&r, msg->data, msg->len);
	res->code = wire_rd_u16(&r);
	wire_rd_str(&r, res->text, sizeof(res->text));
	if (wire_rd_done(&r))
		return 0;
	errno = EPROTO;
	return -1;
}

/* 1: got a message of this request into msg; 0: something else came; -1 and errno. */
static int
recv_answer(int fd, uint8_t *buf, uint32_t reqid, struct ipc_msg *msg, struct ipc_result *res)
{
	ssize_t n = ipc_sock_recv(fd, buf, IPC_PKT_MAX);
	const char *why;

	if (n == -1)
		return errno == EAGAIN ? 0 : -1;
	if (n == 0) {
		errno = ECONNRESET;
		return -1;
	}
	why = ipc_decode(buf, (size_t)n, msg);
	if (why != NULL) {
		res->code = why == ipc_other_version ? IPC_EVERSION : IPC_EPROTO;
		strcpy(res->text, why);
		errno = EPROTO;
		return -1;
	}
	/* Events, and rows that answer an earlier call given up in the middle, are not for us. */
	return msg->reqid == reqid;
}

static int
collect(int fd, uint8_t *buf, uint32_t reqid, int timeout_ms,
    void (*on_row)(const struct ipc_msg *, void *arg), void *arg, struct ipc_result *res)
{
	struct ipc_msg msg;

	for (;;) {
		/* Every message starts the wait anew: silence is what times out, not a long list. */
		uint64_t deadline =
		    timeout_ms < 0 ? 0 : clock_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;
		int rc = wait_for(fd, POLLIN, deadline);

		if (rc == 0)
			rc = recv_answer(fd, buf, reqid, &msg, res);
		if (rc == -1)
			return -1;
		if (rc == 0)
			continue;
		if (msg.type == IPC_REPLY)
			return read_reply(&msg, res);
		if (on_row == NULL) {
			errno = EPROTO;
			return -1;
		}
		on_row(&msg, arg);
	}
}

int
ipc_call(int fd, uint16_t type, const void *data, size_t len, int timeout_ms,
    void (*on_row)(const struct ipc_msg *, void *arg), void *arg, struct ipc_result *res)
{
	static uint32_t last_reqid;
	uint64_t deadline = timeout_ms < 0 ? 0 : clock_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;
	uint32_t reqid;
	uint8_t *buf;
	int rc;

	memset(res, 0, sizeof(*res));
	res->code = IPC_EFAILED;
	/* Threads of a program may call at the same time; 0 is for events. */
	do {
		reqid = __atomic_add_fetch(&last_reqid, 1, __ATOMIC_RELAXED);
	} while (reqid == 0);
	buf = malloc(IPC_PKT_MAX);
	if (buf == NULL)
		return -1;
	rc = send_request(fd, type, reqid, data, len, deadline);
	/* A daemon that refuses us may have closed already, and left its reason in the socket. */
	if (rc == 0 || errno == EPIPE)
		rc = collect(fd, buf, reqid, timeout_ms, on_row, arg, res);
	free(buf);
	return rc;
}
