/* SPDX-License-Identifier: ISC */
/* cluamgr -a */
#include <stdio.h>

#include "aliasd/aliasd_conf.h"
#include "cluamgr/cluamgr.h"
#include "cluamgr/status.h"
#include "common/ipc.h"
#include "proto/alias_ctl.h"

/* What the member still has of an alias that it leaves. */
static void
on_row(const struct ipc_msg *m, void *arg)
{
	struct alias_ctl_drain d;

	if (m->type != ALIAS_ROW_DRAIN || !alias_ctl_drain_decode(m->data, m->len, &d))
		return;
	printf("%s: ", (const char *)arg);
	cm_drain_text(stdout, &d);
}

int
cm_alias(const struct cm_args *args)
{
	struct alias_ctl_set s = { 0 };
	uint8_t buf[1024];
	struct wire_wr w;
	char err[256];

	if (!alias_opts_parse(args->arg, &s.opts, err, sizeof(err))) {
		cm_error("%s", err);
		return CM_USAGE;
	}
	s.is_default = alias_opts_is_default(&s.opts);
	if (!s.is_default && !aliasd_conf_resolve(s.opts.alias, &s.addr)) {
		cm_error("alias \"%s\" does not resolve: expected an IPv4 address, or a name that "
		    "stands in /etc/hosts",
		    s.opts.alias);
		return CM_FAILED;
	}
	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_set_encode(&w, &s);
	return cm_call(ALIAS_CTL_SET, buf, wire_wr_len(&w), on_row, s.opts.alias);
}
