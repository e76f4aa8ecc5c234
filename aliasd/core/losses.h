/* SPDX-License-Identifier: ISC */
/*
 * A member says that it does not reach a host whose connections the others keep. It may be the member that
 * is being cut off: only if it is still there after a while is the host given up. Pure; times in ns.
 */
#ifndef CLUA_ALIASD_LOSSES_H
#define CLUA_ALIASD_LOSSES_H

#include <stdbool.h>
#include <stdint.h>

#define LOSSES_NEVER UINT64_MAX

struct losses;

struct losses *losses_new(void);
void losses_free(struct losses *);
/* For all of them the while is equally long. */
void losses_add(struct losses *, uint16_t host, uint16_t said_by, uint64_t due);
/* What was said of the host, or by it, is void. */
void losses_forget(struct losses *, uint16_t node);
/* A host to be given up by then, which is forgotten; false: none. */
bool losses_next(struct losses *, uint64_t now, uint16_t *host);
uint64_t losses_due(const struct losses *); /* LOSSES_NEVER: none is said to be lost */

#endif
