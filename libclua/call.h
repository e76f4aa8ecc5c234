/* SPDX-License-Identifier: ISC */
/* One request to aliasd, from its connection to the status of the ancestor's interface. */
#ifndef CLUA_LIBCLUA_CALL_H
#define CLUA_LIBCLUA_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "common/ipc.h"

/* Environment variable with another path of the socket: for tests; ignored in set-user-id programs. */
#define CLUA_SOCK_ENV "CLUA_ALIASD_SOCK"

/*
 * CLUA_SUCCESS when aliasd answered with IPC_OK; CLUA_ENOTALIAS for IPC_ENOENT; CLUA_ERRNO, with errno
 * set, for what the caller can do nothing about. on_row gets the rows before the answer.
 */
int clua_call(uint16_t type, const void *data, size_t len,
    void (*on_row)(const struct ipc_msg *, void *arg), void *arg);

#endif
