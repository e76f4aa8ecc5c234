/* SPDX-License-Identifier: ISC */
#include "libclua/call.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/ipc_sock.h"
#include "libclua/clua/clua.h"
#include "proto/alias_ctl.h"

/* Between messages of aliasd. A change waits for the whole cluster, which may be forming anew. */
#define TIMEOUT_MS 20000

static const char *
sock_path(void)
{
	const char *path = secure_getenv(CLUA_SOCK_ENV);

	return path != NULL ? path : ALIAS_SOCK;
}

/* connect() waits while the queue of a daemon that hangs is full: not longer than the rest does. */
static int
dial(void)
{
	const struct timeval limit = { .tv_sec = TIMEOUT_MS / 1000 };
	struct sockaddr_un sun;
	int fd, rc, saved;

	if (!ipc_sock_addr(&sun, sock_path()))
		return -1;
	fd = ipc_sock_new(0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	do {
		rc = connect(fd, (struct sockaddr *)&sun, sizeof(sun));
	} while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return fd;
	saved = errno == EAGAIN ? ETIMEDOUT : errno;
	close(fd);
	errno = saved;
	return -1;
}

/* No daemon, or one that goes away in the middle: then this host is no member of anything. */
static int
failed(int err, const struct ipc_result *res)
{
	if (res != NULL && res->code == IPC_EVERSION)
		return CLUA_EBADVERSION;
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
		return CLUA_ENOCLUSTER;
	case EPROTO:
		return CLUA_EBADVERSION;
	default:
		errno = err;
		return CLUA_ERRNO;
	}
}

static int
answered(const struct ipc_result *res)
{
	switch (res->code) {
	case IPC_OK:
		return CLUA_SUCCESS;
	case IPC_ENOENT:
		return CLUA_ENOTALIAS;
	case IPC_EBUSY:
	case IPC_EFAILED: /* it fell out of the group before the others agreed */
		return CLUA_ENOCLUSTER;
	case IPC_EVERSION:
	case IPC_EUNKNOWN:
	case IPC_EPROTO:
		return CLUA_EBADVERSION;
	case IPC_EPERM:
		errno = EACCES;
		return CLUA_ERRNO;
	default:
		errno = EINVAL;
		return CLUA_ERRNO;
	}
}

int
clua_call(uint16_t type, const void *data, size_t len,
    void (*on_row)(const struct ipc_msg *, void *arg), void *arg)
{
	struct ipc_result res;
	int fd = dial(), rc, err;

	if (fd < 0)
		return failed(errno, NULL);
	rc = ipc_call(fd, type, data, len, TIMEOUT_MS, on_row, arg, &res);
	err = errno;
	close(fd);
	return rc < 0 ? failed(err, &res) : answered(&res);
}
