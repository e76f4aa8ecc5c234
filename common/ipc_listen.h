/* SPDX-License-Identifier: ISC */
/* The listening end of a control socket and its place in the file system. */
#ifndef CLUA_COMMON_IPC_LISTEN_H
#define CLUA_COMMON_IPC_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#define IPC_GROUP "clua"

struct ipc_listen;

/* NULL and errno (EADDRINUSE: another process answers there); logged. */
struct ipc_listen *ipc_listen_new(const char *path);
int ipc_listen_fd(const struct ipc_listen *);
/* Closes it and removes the file, unless somebody has put another in its place. */
void ipc_listen_free(struct ipc_listen *);
/* Makes the folder that a path is in; logged if that fails. */
void ipc_make_folder(const char *path);
/* The group that may read. False if this system has none. */
bool ipc_group(gid_t *gid);

#endif
