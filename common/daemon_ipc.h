/* SPDX-License-Identifier: ISC */
/* What every daemon answers on its control socket: IPC_LOG_LEVEL and IPC_RELOAD. */
#ifndef CLUA_COMMON_DAEMON_IPC_H
#define CLUA_COMMON_DAEMON_IPC_H

#include "common/ipc.h"

extern const struct ipc_cmd daemon_ipc_cmds[]; /* for ipc_server_set_base_cmds() */

#endif
