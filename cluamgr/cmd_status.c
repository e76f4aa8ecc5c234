/* SPDX-License-Identifier: ISC */
/* cluamgr -s */
#include <stdio.h>
#include <string.h>

#include "aliasd/aliasd_conf.h"
#include "cluamgr/cluamgr.h"
#include "cluamgr/status.h"

static bool
make_query(const char *arg, struct alias_ctl_query *q)
{
	memset(q, 0, sizeof(*q));
	q->all = arg == NULL || strcmp(arg, "all") == 0;
	q->is_default = !q->all && strcmp(arg, ALIAS_DEFAULT_KEYWORD) == 0;
	return q->all || q->is_default || aliasd_conf_resolve(arg, &q->addr);
}

int
cm_status(const struct cm_args *args)
{
	struct cm_status s = { 0 };
	struct alias_ctl_query q;
	struct wire_wr w;
	uint8_t buf[64];
	int rc;

	if (!make_query(args->arg, &q)) {
		cm_error("alias \"%s\" does not resolve", args->arg);
		return CM_FAILED;
	}
	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_query_encode(&w, &q);
	rc = cm_call(ALIAS_CTL_STATUS, buf, wire_wr_len(&w), cm_status_row, &s);
	if (rc == CM_OK && args->json)
		cm_status_json(stdout, &s);
	else if (rc == CM_OK)
		cm_status_text(stdout, &s);
	if (rc == CM_OK && s.group.status[0] != '\0' && !args->json)
		cm_error("aliasd is %s", s.group.status);
	if (s.bad > 0)
		cm_error("%zu rows of the answer could not be read", s.bad);
	if (rc == CM_OK && (fflush(stdout) != 0 || s.bad > 0))
		rc = CM_FAILED;
	cm_status_free(&s);
	return rc;
}
