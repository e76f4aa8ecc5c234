/* SPDX-License-Identifier: ISC */
/* The control socket: changes. They are answered when they came back in the order of the group. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"
#include "common/conf.h"

static struct waiter *
add_waiter(struct engine *e, struct ipc_conn *conn, const struct ipc_msg *req)
{
	struct waiter *w = mem_zalloc(sizeof(*w));

	w->token = e->next_token++;
	w->conn = conn;
	w->reqid = req->reqid;
	w->next = e->waiters;
	e->waiters = w;
	return w;
}

uint64_t
engine_ctl_wait(struct engine *e, struct ipc_conn *conn, const struct ipc_msg *req)
{
	return add_waiter(e, conn, req)->token;
}

static void
say_left(struct engine *e, const struct waiter *w)
{
	struct alias_ctl_drain d;
	uint8_t buf[32];
	struct wire_wr wr;

	if (!w->says_left || !engine_draining(e, w->alias, &d))
		return;
	wire_wr_init(&wr, buf, sizeof(buf));
	alias_ctl_drain_encode(&wr, &d);
	ipc_conn_send(w->conn, ALIAS_ROW_DRAIN, w->reqid, buf, wire_wr_len(&wr));
}

static void
answer(const struct waiter *w, enum ipc_code code, const char *text)
{
	struct ipc_msg req = { .reqid = w->reqid };

	ipc_conn_reply(w->conn, &req, code, "%s", text);
}

static void
free_waiter(struct waiter *w)
{
	free(w->set);
	free(w);
}

static void
finish(struct engine *e, uint64_t token, enum ipc_code code, const char *text)
{
	struct waiter **at = &e->waiters, *w;

	while ((w = *at) != NULL) {
		if (w->token != token) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		answer(w, code, text);
		free_waiter(w);
	}
}

void
engine_ctl_done(struct engine *e, uint64_t token)
{
	struct waiter *w;

	for (w = e->waiters; w != NULL && w->token != token; w = w->next)
		continue;
	if (w != NULL && w->reports) {
		engine_services_report(e, w);
	} else if (w != NULL) {
		w->done = true;
		w->why = e->full;
	}
}

void
engine_ctl_finish(struct engine *e, uint64_t token)
{
	finish(e, token, IPC_OK, "");
}

void
engine_ctl_settled(struct engine *e)
{
	struct waiter **at = &e->waiters, *w;

	while ((w = *at) != NULL) {
		if (!w->done) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		if (w->why == NULL)
			say_left(e, w);
		answer(w, w->why == NULL ? IPC_OK : IPC_EINVAL, w->why == NULL ? "" : w->why);
		free_waiter(w);
	}
}

static void
answer_result(const struct waiter *w, enum alias_api_status status, uint16_t port_h)
{
	struct alias_api_result res = { .status = (uint16_t)status, .port_h = port_h };
	struct wire_wr wr;
	uint8_t buf[16];

	wire_wr_init(&wr, buf, sizeof(buf));
	alias_api_result_encode(&wr, &res);
	ipc_conn_send(w->conn, ALIAS_ROW_RESULT, w->reqid, buf, wire_wr_len(&wr));
	answer(w, status == ALIAS_API_OK ? IPC_OK : IPC_EINVAL, alias_api_text((uint16_t)status));
}

void
engine_ctl_result(
    struct engine *e, uint64_t token, enum alias_api_status status, uint16_t port_h)
{
	struct waiter **at = &e->waiters, *w;

	while ((w = *at) != NULL && w->token != token)
		at = &w->next;
	if (w == NULL)
		return;
	*at = w->next;
	answer_result(w, status, port_h);
	free_waiter(w);
}

/* Nobody can say any more whether these came about. */
void
engine_ctl_lost(struct engine *e)
{
	struct waiter *w;

	while ((w = e->waiters) != NULL) {
		e->waiters = w->next;
		answer(w, IPC_EFAILED, "this member fell out of the group before the others agreed");
		free_waiter(w);
	}
}

static void
on_close(struct ipc_conn *conn, void *arg)
{
	struct engine *e = arg;
	struct waiter **at = &e->waiters, *w;

	engine_page_closed(e, conn);
	engine_watch_closed(e, conn);
	while ((w = *at) != NULL) {
		if (w->conn == conn) {
			*at = w->next;
			free_waiter(w);
		} else {
			at = &w->next;
		}
	}
}

/* NULL, or why no change can be agreed on now. */
const char *
engine_ctl_not_now(const struct engine *e)
{
	return state_loaded(e->state) ? NULL : engine_status_text(e);
}

/* ---- a new alias is no address that a host on the LAN has ---- */

static bool
is_to_be_looked_for(struct engine *e, const struct alias_ctl_set *s)
{
	return !s->is_default && !(s->opts.set & ALIAS_OPT_LEAVE) &&
	    !((s->opts.set & ALIAS_OPT_VIRTUAL) && s->opts.virt) &&
	    state_alias(e->state, s->addr) == NULL && own_get(e->own, s->addr) == NULL &&
	    lan_attached(e->lan, s->addr) != 0;
}

static void
look_for(struct engine *e, struct waiter *w, const struct alias_ctl_set *s)
{
	struct ask_question q = { .what = ASK_SET, .addr = s->addr, .ref = w->token };

	w->set = mem_zalloc(sizeof(*w->set));
	*w->set = *s;
	ask_start(e->ask, &q, ENGINE_PROBES, ENGINE_PROBE_GAP, clock_ns());
	engine_arp_soon(e);
}

void
engine_ctl_in_use(struct engine *e, uint64_t token, const char *mac)
{
	char text[128];

	snprintf(text, sizeof(text), "a host that is no member has this address; its MAC is %s", mac);
	finish(e, token, IPC_EINVAL, text);
}

void
engine_ctl_not_in_use(struct engine *e, uint64_t token)
{
	struct waiter *w;

	for (w = e->waiters; w != NULL && w->token != token; w = w->next)
		continue;
	if (w != NULL && engine_ctl_not_now(e) == NULL)
		engine_set(e, w->set, token);
	else
		finish(e, token, IPC_EFAILED, "this member fell out of the group");
}

static void
set(struct ipc_conn *conn, const struct ipc_msg *m, void *arg)
{
	struct engine *e = arg;
	struct alias_ctl_set s;
	struct waiter *w;
	const char *why;

	if (!alias_ctl_set_decode(m->data, m->len, &s)) {
		ipc_conn_reply(conn, m, IPC_EPROTO, "malformed request");
		return;
	}
	why = engine_check_set(e, &s);
	if (why != NULL) {
		ipc_conn_reply(conn, m, IPC_EINVAL, "%s: %s", s.opts.alias, why);
		return;
	}
	why = engine_ctl_not_now(e);
	if (why != NULL) {
		ipc_conn_reply(conn, m, IPC_EBUSY, "not possible now: %s", why);
		return;
	}
	if (is_to_be_looked_for(e, &s)) {
		look_for(e, add_waiter(e, conn, m), &s);
		return;
	}
	w = add_waiter(e, conn, m);
	w->says_left = (s.opts.set & ALIAS_OPT_LEAVE) || ((s.opts.set & ALIAS_OPT_SELW) && s.opts.selw == 0);
	w->alias = s.is_default ? e->conf->default_addr : s.addr;
	engine_set(e, &s, w->token);
}

static void
refuse_services(struct ipc_conn *conn, const struct ipc_msg *m, const struct conf_errors *errs)
{
	char text[900];
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; i < conf_errors_count(errs) && len < sizeof(text); i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s%s", i == 0 ? "" : "\n", conf_errors_get(errs, i));
	ipc_conn_reply(conn, m, IPC_EINVAL, "%s", text);
}

static void
take_services(struct engine *e, struct ipc_conn *conn, const struct ipc_msg *m, const char *path)
{
	struct conf_errors *errs = conf_errors_new();
	const char *why = engine_ctl_not_now(e);
	struct waiter *w;
	struct services s;

	if (!services_load(path, &s, errs)) {
		refuse_services(conn, m, errs);
	} else if (why != NULL) {
		ipc_conn_reply(conn, m, IPC_EBUSY, "not possible now: %s", why);
		services_free(&s);
	} else {
		w = add_waiter(e, conn, m);
		w->reports = true;
		engine_send_services(e, &s, false, w->token);
		services_free(&e->conf->services);
		e->conf->services = s;
	}
	conf_errors_free(errs);
}

static void
services(struct ipc_conn *conn, const struct ipc_msg *m, void *arg)
{
	struct engine *e = arg;
	char path[ALIAS_CTL_PATH_MAX];
	struct wire_rd r;

	wire_rd_init(&r, m->data, m->len);
	wire_rd_str(&r, path, sizeof(path));
	if (!wire_rd_done(&r) || (path[0] != '\0' && path[0] != '/'))
		ipc_conn_reply(conn, m, IPC_EPROTO, "malformed request: expected an absolute path");
	else
		take_services(e, conn, m, path[0] == '\0' ? e->conf->services_file : path);
}

static void
note(struct ipc_conn *conn, const struct ipc_msg *m, const char *text)
{
	struct wire_wr w;
	uint8_t buf[512];

	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_str(&w, text);
	ipc_conn_send(conn, ALIAS_ROW_NOTE, m->reqid, buf, wire_wr_len(&w));
}

/* Effective here at once, and answered when it is so outside. */
static void
routing(struct ipc_conn *conn, const struct ipc_msg *m, void *arg)
{
	struct engine *e = arg;
	struct alias_routing c;

	if (!alias_routing_decode(m->data, m->len, &c)) {
		ipc_conn_reply(conn, m, IPC_EPROTO, "malformed request");
		return;
	}
	engine_set_routing(e, &c);
	engine_ctl_wait(e, conn, m);
	e->waiters->token = TOKEN_ROUTES;
	if (engine_routes_settled(e))
		engine_ctl_routes(e);
}

/* The routes are as they should be, or cannot be: what is left is that the others know. */
void
engine_ctl_routes(struct engine *e)
{
	const char *why = engine_routes_failure(e);
	uint64_t token = e->next_token++;
	struct waiter *w;
	bool any = false;

	for (w = e->waiters; w != NULL; w = w->next) {
		struct ipc_msg req = { .reqid = w->reqid };

		if (w->token != TOKEN_ROUTES)
			continue;
		if (why != NULL)
			note(w->conn, &req, why);
		w->token = token;
		any = true;
	}
	if (any && state_loaded(e->state))
		engine_send_marker(e, token);
	else if (any)
		finish(e, token, IPC_OK, "");
}

static const struct ipc_cmd cmds[] = {
	{ .type = ALIAS_CTL_SET, .right = IPC_CHANGE, .fn = set },
	{ .type = ALIAS_CTL_STATUS, .right = IPC_READ, .fn = engine_ctl_status },
	{ .type = ALIAS_CTL_WATCH, .right = IPC_READ, .fn = engine_ctl_watch },
	{ .type = ALIAS_CTL_ROUTING, .right = IPC_CHANGE, .fn = routing },
	{ .type = ALIAS_CTL_SERVICES, .right = IPC_CHANGE, .fn = services },
	{ .type = ALIAS_API_NEXT, .right = IPC_READ, .fn = engine_api_next },
	{ .type = ALIAS_API_ALIAS, .right = IPC_READ, .fn = engine_api_alias },
	/* Who may bind a port may say how it behaves: the handlers look at that themselves. */
	{ .type = ALIAS_API_REGISTER, .right = IPC_READ, .fn = engine_api_register },
	{ .type = ALIAS_API_UNREGISTER, .right = IPC_READ, .fn = engine_api_unregister },
	{ .type = ALIAS_API_COMMPORT, .right = IPC_READ, .fn = engine_api_commport },
	{ .fn = NULL },
};

const struct ipc_server_ops engine_ipc_ops = { .cmds = cmds, .on_close = on_close };
