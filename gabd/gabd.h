/* SPDX-License-Identifier: ISC */
#ifndef CLUA_GABD_GABD_H
#define CLUA_GABD_GABD_H

#include "common/daemon.h"

extern const struct clud_ops gabd_ops;

#endif
