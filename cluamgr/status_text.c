/* SPDX-License-Identifier: ISC */
/* The status in the layout that administrators of the ancestor know. */
#include <inttypes.h>

#include "cluamgr/status.h"
#include "common/addr.h"

struct flag {
	unsigned bit;
	const char *name;
};

static void
print_flags(FILE *out, unsigned flags, const struct flag *names, size_t n)
{
	const char *comma = "";
	size_t i;

	fprintf(out, "%x<", flags);
	for (i = 0; i < n; i++) {
		if (!(flags & names[i].bit))
			continue;
		fprintf(out, "%s%s", comma, names[i].name);
		comma = ",";
	}
	fputc('>', out);
}

static void
print_member(FILE *out, const struct alias_ctl_member *m)
{
	static const struct flag names[] = { { ALIAS_MF_JOINED, "JOINED" },
		{ ALIAS_MF_ENABLED, "ENABLED" } };

	fprintf(out, "memberid: %u, selw=%u, selp=%u, rpri=%u flags=", m->id, m->selw, m->selp, m->rpri);
	print_flags(out, m->flags, names, 2);
	if (m->clients > 0)
		fprintf(out, " clients=%u", m->clients);
	fputs(m->silent ? " NOT ANSWERING ARP\n" : "\n", out);
}

static void
print_service(FILE *out, const struct alias_ctl_service *s)
{
	char attrs[128];
	uint16_t i;

	alias_attr_format(s->svc.attrs, s->svc.sticky, attrs, sizeof(attrs));
	fprintf(out, "service: %s %u/%s %s, listening:", s->svc.name[0] == '\0' ? "-" : s->svc.name,
	    s->svc.port_h, alias_proto_name(s->svc.proto), attrs);
	for (i = 0; i < s->nlisteners; i++)
		fprintf(out, "%s%u", i == 0 ? " " : ",", s->listener[i]);
	fprintf(out, "; receiving:");
	for (i = 0; i < s->ntargets; i++)
		fprintf(out, "%s%u*%u", i == 0 ? " " : ",", s->target[i].id, s->target[i].weight);
	fprintf(out, "%s\n", s->ntargets == 0 ? " none" : "");
}

void
cm_drain_text(FILE *out, const struct alias_ctl_drain *d)
{
	fprintf(out, "%" PRIu64 " connection%s left", d->left, d->left == 1 ? "" : "s");
	if (d->left > 0 && d->reset_in != ALIAS_LEAVE_NOT_SAID)
		fprintf(out, ", to be reset in %u s", d->reset_in);
	fputc('\n', out);
}

static void
print_macs(FILE *out, const struct cm_status *s, const struct alias_ctl_alias *a)
{
	size_t i;

	if (a->has_vmac)
		fprintf(out, "vMAC: %s\n", addr_mac(a->vmac).s);
	for (i = 0; i < s->nnodes; i++) {
		if (s->nodes[i].vmac_differs)
			fprintf(out, "WARNING: memberid %u (%s) is set otherwise for vMAC\n", s->nodes[i].id,
			    s->nodes[i].name);
	}
	for (i = 0; i < s->nnodes; i++) {
		if ((a->flags & ALIAS_F_BALANCED) && s->nodes[i].member && s->nodes[i].share < 100)
			fprintf(out, "OVERLOADED: memberid %u (%s) takes %u%% of its clients\n", s->nodes[i].id,
			    s->nodes[i].name, s->nodes[i].share);
	}
	if (a->conflict == ALIAS_CONFLICT_USED)
		fprintf(out, "ADDRESS CONFLICT: a host that is no member uses it too: %s\n",
		    addr_mac(a->conflict_mac).s);
	if (a->conflict == ALIAS_CONFLICT_UNUSED)
		fprintf(out, "ADDRESS CONFLICT: not in use, a host that is no member has it: %s\n",
		    addr_mac(a->conflict_mac).s);
}

static void
print_alias(FILE *out, const struct cm_status *s, const struct cm_alias_status *a)
{
	static const struct flag names[] = { { ALIAS_F_ENABLED, "ENABLED" },
		{ ALIAS_F_DEFAULT, "DEFAULT" }, { ALIAS_F_IP_V4, "IP_V4" }, { ALIAS_F_VIRTUAL, "VIRTUAL" },
		{ ALIAS_F_BALANCED, "BALANCED" } };
	struct addr_text addr = addr_ip(a->row.addr), mask = addr_ip(a->row.netmask);
	size_t i;

	fprintf(out, "Status of Cluster Alias: %s\n\n", a->row.name[0] == '\0' ? addr.s : a->row.name);
	fprintf(out, "address: %s\n", addr.s);
	fprintf(out, "netmask: %s\n", a->row.netmask.s_addr == 0 ? "0" : mask.s);
	fprintf(out, "aliasid: %u\n", a->row.id);
	fprintf(out, "flags: ");
	print_flags(out, a->row.flags, names, 5);
	if (a->row.master == ALIAS_NO_NODE)
		fprintf(out, "\nARP master: none\n");
	else
		fprintf(out, "\nARP master: memberid %u (%s)\n", a->row.master,
		    cm_status_node_name(s, a->row.master));
	print_macs(out, s, &a->row);
	for (i = 0; i < ALIAS_COUNTERS; i++)
		fprintf(out, "%s: %" PRIu64 "\n", alias_counter_text[i], a->row.counter[i]);
	for (i = 0; i < ALIAS_DROPS; i++) {
		if (a->row.drop[i] > 0)
			fprintf(out, "packets dropped, %s: %" PRIu64 "\n", alias_drop_text[i],
			    a->row.drop[i]);
	}
	fprintf(out, "Member Attributes:\n");
	for (i = 0; i < a->nmembers; i++)
		print_member(out, &a->members[i]);
	for (i = 0; i < a->nservices; i++)
		print_service(out, a->services[i]);
	if (a->draining) {
		fprintf(out, "draining: ");
		cm_drain_text(out, &a->drain);
	}
}

static void
print_routing(FILE *out, const struct cm_status *s)
{
	const struct alias_ctl_routing *r = &s->routing;
	char opts[ALIAS_RT_TEXT_MAX];
	size_t i;

	alias_routing_format(r->opts, opts, sizeof(opts));
	fprintf(out, "\nRouting of this member: %s\n", opts);
	if (r->state[0] == '\0')
		return;
	fprintf(out, "routing daemon: %s, %s%s%s\n", r->daemon, r->state, r->text[0] == '\0' ? "" : ": ",
	    r->text);
	for (i = 0; i < s->nroutes; i++)
		fprintf(out, "route: %s/%u metric %u\n", addr_ip(s->routes[i].dst).s, s->routes[i].prefixlen,
		    s->routes[i].metric);
}

static void
print_reg(FILE *out, const struct alias_api_reg *g)
{
	char attrs[128];
	uint16_t i;

	alias_attr_format(g->svc.attrs, g->svc.sticky, attrs, sizeof(attrs));
	fprintf(out, "registered: %u/%s %s%s%s", g->svc.port_h, alias_proto_name(g->svc.proto), attrs,
	    g->transient ? ",transient" : "", g->choosing ? " (being chosen)" : "");
	if (g->prog != 0)
		fprintf(out, ", program %u%s", g->prog, g->resv ? " (reserved port)" : "");
	for (i = 0; i < g->nnodes; i++)
		fprintf(out, "%s%u", i == 0 ? ", by memberid: " : ",", g->node[i]);
	fputc('\n', out);
}

static void
print_iface(FILE *out, const struct alias_ctl_iface *i)
{
	if (i->mode[0] == '\0') {
		fprintf(out, "LAN interface %s: not attached\n", i->name);
		return;
	}
	fprintf(out, "LAN interface %s: attached by %s, %s\n", i->name, i->mode, cm_status_proof(i->proof));
	if (i->why[0] != '\0')
		fprintf(out, "\t%s\n", i->why);
}

static void
print_files(FILE *out, const struct cm_status *s)
{
	size_t i;

	for (i = 0; i < s->nnodes; i++) {
		uint8_t file = s->nodes[i].file;

		if (file == ALIAS_FILE_DIFFERS || file == ALIAS_FILE_BAD)
			fprintf(out, "WARNING: memberid %u (%s): its file of services %s\n", s->nodes[i].id,
			    s->nodes[i].name, file == ALIAS_FILE_BAD ? "has errors" :
			    "differs from the table in force");
	}
}

/* Members to which packets do not go as they are. */
static void
print_tunnels(FILE *out, const struct cm_status *s)
{
	size_t i;

	for (i = 0; i < s->nnodes; i++)
		if (s->nodes[i].tunnel != 0)
			fprintf(out, "memberid %u (%s): redirected to in VXLAN, packets of at most %u bytes\n",
			    s->nodes[i].id, s->nodes[i].name, s->nodes[i].tunnel);
}

void
cm_status_text(FILE *out, const struct cm_status *s)
{
	size_t i;

	for (i = 0; i < s->naliases; i++) {
		if (i > 0)
			fputc('\n', out);
		print_alias(out, s, &s->aliases[i]);
	}
	if (s->nregs > 0)
		fprintf(out, "\nPorts registered by programs:\n");
	for (i = 0; i < s->nregs; i++)
		print_reg(out, &s->regs[i]);
	print_routing(out, s);
	for (i = 0; i < s->nifaces; i++)
		print_iface(out, &s->ifaces[i]);
	print_tunnels(out, s);
	print_files(out, s);
}
