/* SPDX-License-Identifier: ISC */
/* cluamgr -f, -F */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluamgr/cluamgr.h"
#include "proto/alias_ctl.h"

int
cm_services(const struct cm_args *args)
{
	char path[PATH_MAX] = "";
	uint8_t buf[PATH_MAX + 16];
	struct wire_wr w;

	/* aliasd reads the file, and has another working directory. */
	if (args->arg != NULL && realpath(args->arg, path) == NULL) {
		fprintf(stderr, "cluamgr: %s: %s\n", args->arg, strerror(errno));
		return CM_FAILED;
	}
	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_str(&w, path);
	return cm_call(ALIAS_CTL_SERVICES, buf, wire_wr_len(&w), cm_note, NULL);
}
