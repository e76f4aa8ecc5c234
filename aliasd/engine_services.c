/* SPDX-License-Identifier: ISC */
/* The table of services, carried out on this host. */
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine_priv.h"
#include "aliasd/bpf/layout.h"

void
engine_send_services(struct engine *e, const struct services *s, bool initial, uint64_t token)
{
	static uint8_t buf[GAB_MAX_MSG];
	struct wire_wr w;

	if (!state_loaded(e->state))
		return;
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_services(&w, token, initial, s->svc, s->n);
	if (!wire_wr_ok(&w))
		log_errx("service", "%zu services do not fit a message", s->n);
	else
		engine_broadcast(e, buf, wire_wr_len(&w));
}

static uint8_t
port_flags(uint16_t attrs)
{
	return (uint8_t)((attrs & ALIAS_IN_NOLOCAL ? DP_PORT_NOLOCAL : 0) |
	    (attrs & ALIAS_IN_NOALIAS ? DP_PORT_NOALIAS : 0) |
	    (attrs & ALIAS_OUT_ALIAS ? DP_PORT_OUT : 0));
}

static void
tell_ports(struct engine *e, const struct alias_svc *s, size_t n)
{
	struct dp_port *p = mem_grow(NULL, n + 1, sizeof(*p));
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (struct dp_port){ .ipproto = s[i].proto, .port_h = s[i].port_h,
			.flags = port_flags(s[i].attrs), .sticky = s[i].sticky };
	datapath_set_ports(e->dp, p, n);
	free(p);
}

static void
reserve_ports(struct engine *e, const struct alias_svc *s, size_t n)
{
	struct portset reserved = { 0 };
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i].attrs & ALIAS_STATIC)
			portset_add(&reserved, s[i].port_h);
	}
	hostports_reserve(e->hostports, &reserved);
}

void
engine_services_changed(struct engine *e)
{
	size_t n;
	struct alias_svc *table = state_svc_table(e->state, &n);

	log_info("service", "%zu services are registered, version %u", n, state_svc_version(e->state));
	tell_ports(e, table, n);
	reserve_ports(e, table, n);
	free(table);
}
