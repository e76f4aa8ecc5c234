/* SPDX-License-Identifier: ISC */
/* What the functions about ports share. */
#ifndef CLUA_LIBCLUA_SERVICE_H
#define CLUA_LIBCLUA_SERVICE_H

#include "proto/alias_api.h"

/*
 * Asks the cluster, and waits until it has agreed. A status of clua.h; with CLUA_ERRNO, errno is
 * ENOSPC when there is no room or no port left, EADDRINUSE when the common port is taken on this
 * member. port_h: the port, of a common one; may be NULL.
 */
int clua_ask_service(enum alias_api_type, const struct alias_api *, uint16_t *port_h);

#endif
