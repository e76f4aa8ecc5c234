/* SPDX-License-Identifier: ISC */
/* lltd: the daemon as its main() sees it. */
#ifndef CLUA_LLTD_LLTD_H
#define CLUA_LLTD_LLTD_H

#include "common/daemon.h"

extern const struct clud_ops lltd_ops;

#endif
