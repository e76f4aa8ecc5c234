/* SPDX-License-Identifier: ISC */
#include "cluamgr/status.h"

#include <stdlib.h>
#include <string.h>

#include "common/ipc.h"

static void *
grow(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n, size);

	if (p == NULL)
		abort();
	return p;
}

static bool
add_node(struct cm_status *s, const struct ipc_msg *m)
{
	s->nodes = grow(s->nodes, s->nnodes + 1, sizeof(*s->nodes));
	return alias_ctl_node_decode(m->data, m->len, &s->nodes[s->nnodes]) && ++s->nnodes;
}

static bool
add_iface(struct cm_status *s, const struct ipc_msg *m)
{
	s->ifaces = grow(s->ifaces, s->nifaces + 1, sizeof(*s->ifaces));
	return alias_ctl_iface_decode(m->data, m->len, &s->ifaces[s->nifaces]) && ++s->nifaces;
}

static bool
add_route(struct cm_status *s, const struct ipc_msg *m)
{
	s->routes = grow(s->routes, s->nroutes + 1, sizeof(*s->routes));
	return alias_ctl_route_decode(m->data, m->len, &s->routes[s->nroutes]) && ++s->nroutes;
}

static bool
add_alias(struct cm_status *s, const struct ipc_msg *m)
{
	struct cm_alias_status *a;

	s->aliases = grow(s->aliases, s->naliases + 1, sizeof(*s->aliases));
	a = &s->aliases[s->naliases];
	memset(a, 0, sizeof(*a));
	return alias_ctl_alias_decode(m->data, m->len, &a->row) && ++s->naliases;
}

static bool
add_member(struct cm_status *s, const struct ipc_msg *m)
{
	struct cm_alias_status *a;

	if (s->naliases == 0)
		return false;
	a = &s->aliases[s->naliases - 1];
	a->members = grow(a->members, a->nmembers + 1, sizeof(*a->members));
	return alias_ctl_member_decode(m->data, m->len, &a->members[a->nmembers]) && ++a->nmembers;
}

static bool
add_service(struct cm_status *s, const struct ipc_msg *m)
{
	struct cm_alias_status *a;

	if (s->naliases == 0)
		return false;
	a = &s->aliases[s->naliases - 1];
	a->services = grow(a->services, a->nservices + 1, sizeof(struct alias_ctl_service *));
	a->services[a->nservices] = grow(NULL, 1, sizeof(struct alias_ctl_service));
	a->nservices++;
	if (alias_ctl_service_decode(m->data, m->len, a->services[a->nservices - 1]))
		return true;
	free(a->services[--a->nservices]);
	return false;
}

static bool
add_reg(struct cm_status *s, const struct ipc_msg *m)
{
	s->regs = grow(s->regs, s->nregs + 1, sizeof(*s->regs));
	return alias_api_reg_decode(m->data, m->len, &s->regs[s->nregs]) && ++s->nregs;
}

static bool
add_drain(struct cm_status *s, const struct ipc_msg *m)
{
	struct cm_alias_status *a;

	if (s->naliases == 0)
		return false;
	a = &s->aliases[s->naliases - 1];
	a->draining = alias_ctl_drain_decode(m->data, m->len, &a->drain);
	return a->draining;
}

void
cm_status_row(const struct ipc_msg *m, void *arg)
{
	struct cm_status *s = arg;
	bool ok = true;

	switch (m->type) {
	case ALIAS_ROW_GROUP:
		ok = alias_ctl_group_decode(m->data, m->len, &s->group);
		break;
	case ALIAS_ROW_ROUTING:
		ok = alias_ctl_routing_decode(m->data, m->len, &s->routing);
		break;
	case ALIAS_ROW_IFACE:
		ok = add_iface(s, m);
		break;
	case ALIAS_ROW_ROUTE:
		ok = add_route(s, m);
		break;
	case ALIAS_ROW_NODE:
		ok = add_node(s, m);
		break;
	case ALIAS_ROW_ALIAS:
		ok = add_alias(s, m);
		break;
	case ALIAS_ROW_MEMBER:
		ok = add_member(s, m);
		break;
	case ALIAS_ROW_SERVICE:
		ok = add_service(s, m);
		break;
	case ALIAS_ROW_REGISTERED:
		ok = add_reg(s, m);
		break;
	case ALIAS_ROW_DRAIN:
		ok = add_drain(s, m);
		break;
	default: /* of a later version */
		break;
	}
	if (!ok)
		s->bad++;
}

void
cm_status_free(struct cm_status *s)
{
	size_t i, j;

	for (i = 0; i < s->naliases; i++) {
		for (j = 0; j < s->aliases[i].nservices; j++)
			free(s->aliases[i].services[j]);
		free(s->aliases[i].services);
		free(s->aliases[i].members);
	}
	free(s->aliases);
	free(s->regs);
	free(s->nodes);
	free(s->ifaces);
	free(s->routes);
	memset(s, 0, sizeof(*s));
}

const char *
cm_status_proof(uint8_t proof)
{
	static const char *const names[] = { [ALIAS_PROVEN] = "proven", [ALIAS_NOT_PROVEN] = "not proven",
		[ALIAS_PROOF_ALONE] = "not proven: no other member" };

	return proof <= ALIAS_PROOF_ALONE ? names[proof] : "?";
}

const char *
cm_status_node_name(const struct cm_status *s, uint16_t id)
{
	size_t i;

	for (i = 0; i < s->nnodes; i++) {
		if (s->nodes[i].id == id)
			return s->nodes[i].name;
	}
	return "";
}
