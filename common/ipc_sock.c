/* SPDX-License-Identifier: ISC */
#include "common/ipc_sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* A good dozen of the largest messages. */
#define SOCK_BUF (1024 * 1024)

struct ipc_out_msg {
	struct ipc_out_msg *next;
	size_t len;
	uint8_t pkt[];
};

void
ipc_sock_tune(int fd)
{
	int size = SOCK_BUF;

	/* The forced kind passes net.core.wmem_max and needs CAP_NET_ADMIN; best effort without. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) == -1)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == -1)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

int
ipc_sock_new(int flags)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);

	if (fd != -1)
		ipc_sock_tune(fd);
	return fd;
}

bool
ipc_sock_addr(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (*path == '\0' || strlen(path) >= sizeof(sun->sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	strcpy(sun->sun_path, path);
	return true;
}

int
ipc_sock_peer(int fd, struct ipc_peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	memset(peer, 0, sizeof(*peer));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return -1;
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	peer->pid = cred.pid;
	len = sizeof(peer->groups);
	/* Too many groups to hear of is as good as none: the rights only shrink. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &len) == 0)
		peer->ngroups = len / sizeof(peer->groups[0]);
	return 0;
}

ssize_t
ipc_sock_recv(int fd, void *buf, size_t size)
{
	ssize_t n;

	do {
		n = recv(fd, buf, size, MSG_DONTWAIT | MSG_TRUNC);
	} while (n == -1 && errno == EINTR);
	if (n > (ssize_t)size) {
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}

void
ipc_out_init(struct ipc_out *out)
{
	out->head = NULL;
	out->tail = &out->head;
	out->bytes = 0;
}

static void
out_drop_head(struct ipc_out *out)
{
	struct ipc_out_msg *m = out->head;

	out->head = m->next;
	if (out->head == NULL)
		out->tail = &out->head;
	out->bytes -= m->len;
	free(m);
}

void
ipc_out_clear(struct ipc_out *out)
{
	while (out->head != NULL)
		out_drop_head(out);
}

/* 1: sent, 0: would block, -1: lost. */
static int
send_iov(int fd, struct iovec *iov, size_t n)
{
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = n };

	for (;;) {
		if (sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) != -1)
			return 1;
		if (errno == EAGAIN || errno == ENOBUFS)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

static int
out_queue(struct ipc_out *out, const uint8_t *hdr, const void *data, size_t len)
{
	struct ipc_out_msg *m = malloc(sizeof(*m) + IPC_HDR_LEN + len);

	if (m == NULL)
		return -1;
	m->next = NULL;
	m->len = IPC_HDR_LEN + len;
	memcpy(m->pkt, hdr, IPC_HDR_LEN);
	if (len != 0)
		memcpy(m->pkt + IPC_HDR_LEN, data, len);
	*out->tail = m;
	out->tail = &m->next;
	out->bytes += m->len;
	return 0;
}

int
ipc_out_send(
    struct ipc_out *out, int fd, uint16_t type, uint32_t reqid, const void *data, size_t len)
{
	uint8_t hdr[IPC_HDR_LEN];
	struct iovec iov[2] = { { hdr, sizeof(hdr) }, { (void *)(uintptr_t)data, len } };
	int rc;

	if (len > IPC_MAX_PAYLOAD) {
		errno = EMSGSIZE;
		return -1;
	}
	ipc_hdr_encode(hdr, type, reqid, len);
	if (out->head == NULL) {
		rc = send_iov(fd, iov, len == 0 ? 1 : 2);
		if (rc != 0)
			return rc == 1 ? 0 : -1;
	}
	return out_queue(out, hdr, data, len);
}

int
ipc_out_flush(struct ipc_out *out, int fd)
{
	while (out->head != NULL) {
		struct iovec iov = { out->head->pkt, out->head->len };
		int rc = send_iov(fd, &iov, 1);

		if (rc != 1)
			return rc;
		out_drop_head(out);
	}
	return 0;
}
