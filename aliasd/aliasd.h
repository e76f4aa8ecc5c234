/* SPDX-License-Identifier: ISC */
#ifndef CLUA_ALIASD_ALIASD_H
#define CLUA_ALIASD_ALIASD_H

struct clud_ops;

extern const struct clud_ops aliasd_ops;

#endif
