/* SPDX-License-Identifier: ISC */
/* Our own rows, what the administrator asks for, and the addresses on this host. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"

static void
set_attached(struct engine *e, struct alias_row *r)
{
	const uint16_t mask =
	    ALIAS_ROW_ROUTER | ALIAS_ROW_ATTACHED | ALIAS_ROW_CUT_OFF | ALIAS_ROW_UNPROVEN;
	uint16_t can = lan_cut_off(e->lan) ? ALIAS_ROW_CUT_OFF : 0;
	uint32_t ifindex = 0;

	if (engine_may_route(e)) {
		can |= lan_carrier(e->lan) ? ALIAS_ROW_ROUTER : 0;
		ifindex = r->flags & ALIAS_ROW_VIRTUAL ? 0 : lan_attached(e->lan, r->addr);
	}
	if (ifindex != 0)
		can |= ALIAS_ROW_ATTACHED | (engine_probe_ok(e, ifindex) ? 0 : ALIAS_ROW_UNPROVEN);
	r->flags = (uint16_t)((r->flags & ~mask) | can);
}

static void
send_one(struct alias_row *r, void *arg)
{
	set_attached(arg, r);
	engine_send_row(arg, r, TOKEN_NONE);
}

void
engine_send_all_rows(struct engine *e)
{
	own_each(e->own, send_one, e);
	engine_send_marker(e, TOKEN_SWEEP);
}

/* How many aliases there may be: what we are configured for, or another member for fewer. */
uint32_t
engine_max_aliases(const struct engine *e)
{
	uint32_t limit = state_limit(e->state);

	return limit < e->conf->max_aliasid ? limit : e->conf->max_aliasid;
}

const char *
engine_full(struct engine *e)
{
	static char text[256];
	uint32_t limit = engine_max_aliases(e);

	if (limit < e->conf->max_aliasid)
		snprintf(text, sizeof(text), "there are %u aliases, as many as max_aliasid allows on another "
		    "member: raise it in aliasd.conf there (see the log for which), and reload", limit);
	else
		snprintf(text, sizeof(text), "there are %u aliases, as many as max_aliasid allows: raise it in "
		    "aliasd.conf on all members, and reload", limit);
	return text;
}

/* What the alias would be like. */
static const char *
refuses_virtual(struct engine *e, const struct alias_ctl_set *s, struct in_addr addr)
{
	const struct alias_row *r = own_get(e->own, addr);
	bool virt = r != NULL && (r->flags & ALIAS_ROW_VIRTUAL);
	uint8_t len = r == NULL ? 0 : r->prefixlen;

	if (s->opts.set & ALIAS_OPT_VIRTUAL)
		virt = s->opts.virt;
	if (s->opts.set & ALIAS_OPT_MASK)
		len = s->opts.prefixlen;
	if (!virt)
		return NULL;
	return lan_refuses_virtual(e->lan, addr, len == 0 ? ALIAS_PREFIXLEN_DEFAULT : len);
}

const char *
engine_check_set(struct engine *e, const struct alias_ctl_set *s)
{
	struct in_addr addr = s->is_default ? e->conf->default_addr : s->addr;
	const char *why;

	if (s->is_default && e->conf->default_alias[0] == '\0')
		return "there is no default alias: set default_alias in aliasd.conf";
	why = lan_refuses(e->lan, addr);
	if (why == NULL)
		why = refuses_virtual(e, s, addr);
	if (why == NULL && peers_has_addr(e->peers, addr))
		why = "it is an address of another member";
	if (why != NULL || s->is_default)
		return why;
	if (state_alias(e->state, addr) == NULL && own_get(e->own, addr) == NULL &&
	    (state_alias_count(e->state) >= engine_max_aliases(e) ||
		own_count(e->own) >= engine_max_aliases(e)))
		return engine_full(e);
	return NULL;
}

void
engine_set(struct engine *e, const struct alias_ctl_set *asked, uint64_t token)
{
	struct alias_ctl_set s = *asked;
	struct alias_row row, *own;
	const char *name = s.opts.alias;
	struct in_addr ignored;

	if (!s.is_default && e->conf->default_alias[0] != '\0' &&
	    s.addr.s_addr == e->conf->default_addr.s_addr)
		s.is_default = true;
	if (s.is_default) {
		s.addr = e->conf->default_addr;
		name = e->conf->default_alias;
	}
	if (inet_pton(AF_INET, name, &ignored) == 1)
		name = "";
	row = own_apply(e->own, &s, name);
	own = own_get(e->own, s.addr);
	if (own != NULL) {
		set_attached(e, own);
		row = *own;
	}
	engine_local_address(e, s.addr);
	engine_drain_set(e, &s);
	engine_routes_touch(e);
	engine_send_row(e, &row, token);
}

void
engine_own_refused(struct engine *e, struct in_addr addr)
{
	own_forget(e->own, addr);
	engine_routes_touch(e);
	engine_local_address(e, addr);
}

static void
attached_one(struct alias_row *r, void *arg)
{
	struct engine *e = arg;
	uint16_t before = r->flags;
	struct told *t;
	const struct state_alias *a = state_alias(e->state, r->addr);

	set_attached(e, r);
	if (before == r->flags) {
		/* It may be at another interface, or have another MAC. */
		t = map_get(e->told, r->addr.s_addr);
		if (t != NULL)
			engine_tell_alias(e, t);
		return;
	}
	/* Without a cable nobody waits for the others to agree. */
	if (a != NULL)
		engine_alias(e, a);
	engine_send_row(e, r, TOKEN_NONE);
}

void
engine_attached(struct engine *e)
{
	engine_routes_touch(e);
	/* Called while things are being set up, too. */
	if (e->lan == NULL || e->own == NULL)
		return;
	own_each(e->own, attached_one, e);
	if (e->dp == NULL)
		return;
	engine_send_lan(e);
	/* Clients that were told of an interface that is gone, though we have another. */
	engine_inbound_review(e);
}

static void
add_address(struct engine *e, struct told *t)
{
	struct addr_text text = addr_ip(t->dp.addr);

	if (local_add(e->local, t->dp.addr) < 0) {
		log_warn("alias", "cannot add the address %s to this host", text.s);
		return;
	}
	t->here = true;
	engine_door_source(e, t);
	if (engine_say(e, SAY_JOINED))
		log_info("alias", "%s: joined, its address is %s", text.s, local_how(e->local, t->dp.addr));
}

static void
remove_address(struct engine *e, struct told *t)
{
	struct addr_text text = addr_ip(t->dp.addr);

	if (local_del(e->local, t->dp.addr) < 0)
		log_warn("alias", "cannot remove the address %s from this host", text.s);
	else if (engine_say(e, SAY_LEFT))
		log_info("alias", "%s: its address is off this host", text.s);
	t->here = false;
	engine_door_source(e, t);
}

/*
 * The address is here as long as this member has joined, and until its last connection ended. A client whose
 * SYN came here just before may only be about to acknowledge, and has to be asked to a second time.
 */
#define LEAVE_SETTLE (2 * NSEC_PER_SEC)

static bool
has_left(struct engine *e, struct told *t)
{
	uint64_t now = clock_ns();

	if (t->left_at == 0)
		t->left_at = now;
	return now - t->left_at >= LEAVE_SETTLE && engine_left(e, t->dp.addr) == 0;
}

void
engine_local_address(struct engine *e, struct in_addr addr)
{
	const struct alias_row *r = own_get(e->own, addr);
	bool wanted = r != NULL && (r->flags & ALIAS_ROW_JOINED);
	struct told *t = map_get(e->told, addr.s_addr);

	/* Not before the kernel is kept from answering ARP for it. */
	if (e->dp == NULL)
		return;
	if (t == NULL && wanted) {
		t = engine_told(e, addr);
		engine_tell_alias(e, t);
	}
	if (t == NULL)
		return;
	if (wanted)
		t->left_at = 0;
	if (wanted && !t->here)
		add_address(e, t);
	else if (!wanted && t->here && has_left(e, t))
		remove_address(e, t);
}

static void
remove_one(uint64_t key, void *value, void *arg)
{
	struct told *t = value;

	if (t->here)
		remove_address(arg, t);
}

void
engine_remove_addresses(struct engine *e)
{
	map_each(e->told, remove_one, e);
}
