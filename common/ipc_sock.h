/* SPDX-License-Identifier: ISC */
/* What the parts of the control sockets share; nobody else includes it (but their tests). */
#ifndef CLUA_COMMON_IPC_SOCK_H
#define CLUA_COMMON_IPC_SOCK_H

#include <sys/un.h>

#include "common/ipc.h"

/* ipc_decode() answers with this very pointer when only the version is wrong. */
extern const char ipc_other_version[];

/* Messages dispatched before the loop gets a turn for the others. */
#define IPC_DISPATCH_MAX 64
#define IPC_PKT_MAX (IPC_HDR_LEN + IPC_MAX_PAYLOAD)

/* Who is at the other end, as the kernel says. */
#define IPC_PEER_GROUPS 64
struct ipc_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	size_t ngroups;
	gid_t groups[IPC_PEER_GROUPS];
};

bool ipc_allowed(const struct ipc_peer *, bool have_group, gid_t group, enum ipc_right);

/* A close-on-exec SOCK_SEQPACKET with room for bursts; flags: SOCK_NONBLOCK or 0. -1 and errno. */
int ipc_sock_new(int flags);
/* Raises the buffers: not inherited from the listening socket. */
void ipc_sock_tune(int fd);
/* False and ENAMETOOLONG if path does not fit. */
bool ipc_sock_addr(struct sockaddr_un *, const char *path);
int ipc_sock_peer(int fd, struct ipc_peer *);
/* Bytes received (0: the other end closed), -1 and errno; a packet that does not fit is EMSGSIZE. */
ssize_t ipc_sock_recv(int fd, void *buf, size_t size);

/* Messages that the socket did not take yet, in order. */
struct ipc_out {
	struct ipc_out_msg *head;
	struct ipc_out_msg **tail;
	size_t bytes;
};

void ipc_out_init(struct ipc_out *);
void ipc_out_clear(struct ipc_out *);
/* Sends now if nothing waits, queues otherwise. 0, or -1 and errno when the connection is lost. */
int ipc_out_send(struct ipc_out *, int fd, uint16_t type, uint32_t reqid, const void *, size_t len);
/* Sends what waits. 0 when done or would block (look at bytes), -1 and errno when lost. */
int ipc_out_flush(struct ipc_out *, int fd);

#endif
