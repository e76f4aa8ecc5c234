/* SPDX-License-Identifier: ISC */
/* The table of services: carried out on this host, and compared with the file. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aliasd/bpf/layout.h"
#include "aliasd/engine/engine_priv.h"
#include "common/conf.h"

/* So long the members have to say how their files are. */
#define REPORT_WITHIN (2 * NSEC_PER_SEC)

void
engine_send_services(struct engine *e, const struct services *s, bool initial, uint64_t token)
{
	static uint8_t buf[GAB_MAX_MSG];
	struct wire_wr w;

	if (!state_loaded(e->state)) {
		/* What the administrator changed meanwhile is no less meant for all. */
		e->services_due |= !initial;
		return;
	}
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_services(&w, token, initial, s->svc, s->n);
	if (!wire_wr_ok(&w))
		log_errx("service", "%zu services do not fit a message", s->n);
	else if (engine_broadcast(e, buf, wire_wr_len(&w)) == 0)
		e->services_due = false;
}

/* ---- what it says of ports ---- */

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
	engine_out_reserve(e, s, n, &reserved);
	hostports_reserve(e->hostports, &reserved);
}

void
engine_services_apply(struct engine *e)
{
	size_t n;
	struct alias_svc *table = state_svc_table(e->state, &n);

	tell_ports(e, table, n);
	engine_out_services(e, table, n);
	reserve_ports(e, table, n);
	free(table);
}

/* ---- the file of this host beside it ---- */

static void
read_file(const struct engine *e, struct alias_file *f)
{
	struct conf_errors *errs = conf_errors_new();
	struct services s;

	if (access(e->conf->services_file, F_OK) != 0) {
		f->state = ALIAS_FILE_MISSING;
	} else if (!services_load(e->conf->services_file, &s, errs)) {
		f->state = ALIAS_FILE_BAD;
	} else {
		f->state = ALIAS_FILE_SAME;
		f->digest = alias_svc_digest(s.svc, s.n);
		services_free(&s);
	}
	conf_errors_free(errs);
}

static void
say_file(struct engine *e)
{
	struct alias_file f = { .version = state_svc_version(e->state) };
	struct wire_wr w;
	uint8_t buf[32];

	read_file(e, &f);
	e->file_version = f.version;
	wire_wr_init(&w, buf, sizeof(buf));
	alias_msg_file(&w, &f);
	engine_broadcast(e, buf, wire_wr_len(&w));
}

void
engine_services_changed(struct engine *e)
{
	engine_services_apply(e);
	if (state_loaded(e->state) && e->file_version != state_svc_version(e->state)) {
		log_info("service", "the table of services is at version %u", state_svc_version(e->state));
		say_file(e);
	}
}

void
engine_services_loaded(struct engine *e)
{
	e->share_asked = false;
	engine_send_services(e, &e->conf->services, !e->services_due, TOKEN_NONE);
	engine_services_apply(e);
	say_file(e);
	if (state_shares(e->state)->n > 0)
		engine_out_shares(e);
}

void
engine_services_reread(struct engine *e)
{
	if (state_loaded(e->state))
		say_file(e);
}

static void
log_own_file(const struct engine *e)
{
	enum alias_file_state s = state_file(e->state, e->self);

	if (s == ALIAS_FILE_DIFFERS)
		log_warnx("service", "%s differs from the table in force, version %u: cluamgr -f on the member "
		    "with the right file makes that the table", e->conf->services_file,
		    state_svc_version(e->state));
	else if (s == ALIAS_FILE_BAD)
		log_warnx("service", "%s has errors; the table in force, version %u, is not touched by that",
		    e->conf->services_file, state_svc_version(e->state));
}

/* ---- who has applied it, for the one who asked ---- */

static void
send_applied(struct engine *e, const struct waiter *w, uint16_t id)
{
	struct alias_ctl_applied a = { .id = id, .member = state_is_member(e->state, id) };
	struct wire_wr wr;
	uint8_t buf[256];

	if (a.member && state_file_version(e->state, id) >= w->version)
		a.file = (uint8_t)state_file(e->state, id);
	snprintf(a.name, sizeof(a.name), "%s", e->name[id]);
	wire_wr_init(&wr, buf, sizeof(buf));
	alias_ctl_applied_encode(&wr, &a);
	ipc_conn_send(w->conn, ALIAS_ROW_APPLIED, w->reqid, buf, wire_wr_len(&wr));
}

static bool
all_said(const struct engine *e, uint32_t version)
{
	const uint16_t *members;
	size_t i, n = state_members(e->state, &members);

	for (i = 0; i < n; i++) {
		if (state_file_version(e->state, members[i]) < version)
			return false;
	}
	return true;
}

static struct waiter *
find_reported(struct engine *e)
{
	struct waiter *w;

	for (w = e->waiters; w != NULL; w = w->next) {
		if (w->version != 0 && (all_said(e, w->version) || clock_ns() > w->until))
			return w;
	}
	return NULL;
}

void
engine_services_reports(struct engine *e)
{
	struct waiter *w;
	uint16_t id;

	while ((w = find_reported(e)) != NULL) {
		for (id = 0; id < LLT_MAX_NODES; id++) {
			if (e->name[id][0] != '\0' || state_is_member(e->state, id))
				send_applied(e, w, id);
		}
		engine_ctl_finish(e, w->token);
	}
}

void
engine_services_report(struct engine *e, struct waiter *w)
{
	w->version = state_svc_version(e->state);
	w->until = clock_ns() + REPORT_WITHIN;
	engine_services_reports(e);
}

void
engine_services_file(struct engine *e, uint16_t node)
{
	if (node == e->self)
		log_own_file(e);
	engine_services_reports(e);
}
