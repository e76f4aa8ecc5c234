/* SPDX-License-Identifier: ISC */
/* Parts that gab_ctl.c and gab_status.c share. */
#ifndef CLUA_PROTO_GAB_IDS_H
#define CLUA_PROTO_GAB_IDS_H

#include "common/llthosts.h"
#include "common/wire.h"

/* u16 count, then ids, which must ascend. */
void gab_ids_encode(struct wire_wr *, const uint16_t *ids, uint16_t n);
uint16_t gab_ids_decode(struct wire_rd *, uint16_t ids[LLT_MAX_NODES]);
/* u8, 0 or 1. */
bool gab_bool_decode(struct wire_rd *);

#endif
