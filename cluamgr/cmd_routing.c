/* SPDX-License-Identifier: ISC */
/* cluamgr -r */
#include <stdio.h>

#include "cluamgr/cluamgr.h"
#include "proto/alias_ctl.h"

int
cm_routing(const struct cm_args *args)
{
	struct alias_routing c;
	uint8_t buf[64];
	struct wire_wr w;
	char err[256];

	if (!alias_routing_parse(args->arg, &c, err, sizeof(err))) {
		cm_error("%s", err);
		return CM_USAGE;
	}
	wire_wr_init(&w, buf, sizeof(buf));
	alias_routing_encode(&w, &c);
	return cm_call(ALIAS_CTL_ROUTING, buf, wire_wr_len(&w), cm_note, NULL);
}
