/* SPDX-License-Identifier: ISC */

#include "cluamgr/status.h"
#include "common/addr.h"
#include "common/json.h"

static void
node_or_null(struct json *j, const char *key, uint16_t id)
{
	if (id == ALIAS_NO_NODE)
		json_null(j, key);
	else
		json_uint(j, key, id);
}

static void
put_mac(struct json *j, const char *key, bool there, const uint8_t m[6])
{
	if (there)
		json_str(j, key, addr_mac(m).s);
	else
		json_null(j, key);
}

static void
put_member(struct json *j, const struct cm_status *s, const struct alias_ctl_member *m)
{
	json_object(j, NULL);
	json_uint(j, "id", m->id);
	json_str(j, "name", cm_status_node_name(s, m->id));
	json_uint(j, "selw", m->selw);
	json_uint(j, "selp", m->selp);
	json_uint(j, "rpri", m->rpri);
	json_array(j, "flags");
	if (m->flags & ALIAS_MF_JOINED)
		json_str(j, NULL, "JOINED");
	if (m->flags & ALIAS_MF_ENABLED)
		json_str(j, NULL, "ENABLED");
	json_array_end(j);
	json_bool(j, "attached", m->attached);
	json_bool(j, "synced", m->synced);
	json_bool(j, "answering", !m->silent);
	json_uint(j, "clients", m->clients);
	json_object_end(j);
}

static void
put_attrs(struct json *j, uint16_t attrs)
{
	const char *word;
	uint16_t bit;
	size_t i;

	json_array(j, "attrs");
	for (i = 0; (word = alias_attr_word(i, &bit)) != NULL; i++) {
		if (attrs & bit)
			json_str(j, NULL, word);
	}
	json_array_end(j);
}

static void
put_sticky(struct json *j, const struct alias_svc *s)
{
	if (s->attrs & ALIAS_STICKY)
		json_uint(j, "sticky", s->sticky);
	else
		json_null(j, "sticky");
}

static void
put_service(struct json *j, const struct alias_ctl_service *s)
{
	uint16_t i;

	json_object(j, NULL);
	json_str(j, "name", s->svc.name);
	json_uint(j, "port", s->svc.port_h);
	json_str(j, "proto", alias_proto_name(s->svc.proto));
	put_attrs(j, s->svc.attrs);
	put_sticky(j, &s->svc);
	json_array(j, "listeners");
	for (i = 0; i < s->nlisteners; i++)
		json_uint(j, NULL, s->listener[i]);
	json_array_end(j);
	json_array(j, "targets");
	for (i = 0; i < s->ntargets; i++) {
		json_object(j, NULL);
		json_uint(j, "id", s->target[i].id);
		json_uint(j, "weight", s->target[i].weight);
		json_object_end(j);
	}
	json_array_end(j);
	node_or_null(j, "active", s->active);
	json_object_end(j);
}

static void
put_flags(struct json *j, uint16_t flags)
{
	json_array(j, "flags");
	if (flags & ALIAS_F_ENABLED)
		json_str(j, NULL, "ENABLED");
	if (flags & ALIAS_F_DEFAULT)
		json_str(j, NULL, "DEFAULT");
	if (flags & ALIAS_F_IP_V4)
		json_str(j, NULL, "IP_V4");
	if (flags & ALIAS_F_VIRTUAL)
		json_str(j, NULL, "VIRTUAL");
	if (flags & ALIAS_F_BALANCED)
		json_str(j, NULL, "BALANCED");
	json_array_end(j);
}

static void
put_drain(struct json *j, const struct cm_alias_status *a)
{
	if (!a->draining) {
		json_null(j, "draining");
		return;
	}
	json_object(j, "draining");
	json_uint(j, "left", a->drain.left);
	if (a->drain.reset_in == ALIAS_LEAVE_NOT_SAID)
		json_null(j, "reset_in");
	else
		json_uint(j, "reset_in", a->drain.reset_in);
	json_object_end(j);
}

static void
put_alias(struct json *j, const struct cm_status *s, const struct cm_alias_status *a)
{
	size_t i;

	json_object(j, NULL);
	json_str(j, "alias", addr_ip(a->row.addr).s);
	json_str(j, "name", a->row.name);
	json_uint(j, "id", a->row.id);
	json_str(j, "netmask", addr_ip(a->row.netmask).s);
	put_flags(j, a->row.flags);
	node_or_null(j, "master", a->row.master);
	put_mac(j, "vmac", a->row.has_vmac, a->row.vmac);
	put_mac(j, "conflict", a->row.conflict != ALIAS_CONFLICT_NONE, a->row.conflict_mac);
	json_bool(j, "in_use", a->row.conflict != ALIAS_CONFLICT_UNUSED);
	json_object(j, "counters");
	for (i = 0; i < ALIAS_COUNTERS; i++)
		json_uint(j, alias_counter_key[i], a->row.counter[i]);
	json_object_end(j);
	json_object(j, "drops");
	for (i = 0; i < ALIAS_DROPS; i++)
		json_uint(j, alias_drop_key[i], a->row.drop[i]);
	json_object_end(j);
	json_array(j, "members");
	for (i = 0; i < a->nmembers; i++)
		put_member(j, s, &a->members[i]);
	json_array_end(j);
	json_array(j, "services");
	for (i = 0; i < a->nservices; i++)
		put_service(j, a->services[i]);
	json_array_end(j);
	put_drain(j, a);
	json_object_end(j);
}

static void
put_node(struct json *j, const struct alias_ctl_node *n)
{
	json_object(j, NULL);
	json_uint(j, "id", n->id);
	json_str(j, "name", n->name);
	json_bool(j, "member", n->member);
	json_bool(j, "synced", n->synced);
	json_uint(j, "flows", n->flows);
	json_uint(j, "paths", n->paths);
	if (n->tunnel != 0)
		json_uint(j, "tunnel", n->tunnel);
	else
		json_null(j, "tunnel");
	json_uint(j, "inbound_share", n->share);
	json_bool(j, "vmac_differs", n->vmac_differs);
	json_str(j, "services_file", alias_file_word(n->file));
	json_object_end(j);
}

static void
put_group(struct json *j, const struct alias_ctl_group *g)
{
	json_uint(j, "self", g->self);
	json_bool(j, "in_group", g->in_group);
	json_uint(j, "gen", g->gen);
	json_bool(j, "quorate", g->quorate);
	json_bool(j, "loaded", g->loaded);
	json_bool(j, "synced", g->synced);
	json_str(j, "status", g->status);
	json_uint(j, "alias_count", g->aliases);
	json_uint(j, "max_aliasid", g->max_aliases);
	json_object(j, "strays");
	json_uint(j, "held", g->held);
	json_uint(j, "asked", g->asked);
	json_uint(j, "resets", g->resets);
	json_object_end(j);
}

static void
put_routing(struct json *j, const struct cm_status *s)
{
	const struct alias_ctl_routing *r = &s->routing;
	const char *word;
	size_t i;

	json_object(j, "routing");
	json_array(j, "options");
	for (i = 0; (word = alias_routing_word(i, r->opts >> i & 1)) != NULL; i++)
		json_str(j, NULL, word);
	json_array_end(j);
	json_str(j, "daemon", r->daemon);
	json_str(j, "state", r->state);
	json_str(j, "text", r->text);
	json_str(j, "file", r->file);
	json_array(j, "routes");
	for (i = 0; i < s->nroutes; i++) {
		json_object(j, NULL);
		json_str(j, "destination", addr_ip(s->routes[i].dst).s);
		json_uint(j, "length", s->routes[i].prefixlen);
		json_uint(j, "metric", s->routes[i].metric);
		json_object_end(j);
	}
	json_array_end(j);
	json_object_end(j);
}

static void
put_reg(struct json *j, const struct alias_api_reg *g)
{
	uint16_t i;

	json_object(j, NULL);
	json_uint(j, "port", g->svc.port_h);
	json_str(j, "proto", alias_proto_name(g->svc.proto));
	put_attrs(j, g->svc.attrs);
	json_bool(j, "transient", g->transient);
	json_bool(j, "choosing", g->choosing);
	if (g->prog == 0)
		json_null(j, "program");
	else
		json_uint(j, "program", g->prog);
	json_bool(j, "reserved", g->resv);
	json_array(j, "members");
	for (i = 0; i < g->nnodes; i++)
		json_uint(j, NULL, g->node[i]);
	json_array_end(j);
	json_object_end(j);
}

static void
put_iface(struct json *j, const struct alias_ctl_iface *i)
{
	json_object(j, NULL);
	json_str(j, "name", i->name);
	json_str(j, "attached", i->mode);
	json_str(j, "proof", cm_status_proof(i->proof));
	json_str(j, "note", i->why);
	json_object_end(j);
}

void
cm_status_json(FILE *out, const struct cm_status *s)
{
	struct json j;
	size_t i;

	json_begin(&j, out);
	put_group(&j, &s->group);
	put_routing(&j, s);
	json_array(&j, "interfaces");
	for (i = 0; i < s->nifaces; i++)
		put_iface(&j, &s->ifaces[i]);
	json_array_end(&j);
	json_array(&j, "nodes");
	for (i = 0; i < s->nnodes; i++)
		put_node(&j, &s->nodes[i]);
	json_array_end(&j);
	json_array(&j, "aliases");
	for (i = 0; i < s->naliases; i++)
		put_alias(&j, s, &s->aliases[i]);
	json_array_end(&j);
	json_array(&j, "registered");
	for (i = 0; i < s->nregs; i++)
		put_reg(&j, &s->regs[i]);
	json_array_end(&j);
	json_finish(&j);
}
