/* SPDX-License-Identifier: ISC */
#include "aliasd/route/route_text.h"

#include <string.h>

#include "common/addr.h"

static void
head(FILE *f, const char *comment, const struct route_spec *s)
{
	fprintf(f, "%s Routes to the cluster aliases, announced by member %u (%s).\n", comment, s->member,
	    s->name);
	fprintf(f, "%s Written by aliasd, which overwrites what is changed here.\n", comment);
}

/* ---- BIRD ---- */

static void
bird_bfd(FILE *f, const struct route_spec *s)
{
	size_t i;

	if (!s->bfd || s->protocols == 0)
		return;
	fprintf(f, "\nprotocol bfd " ROUTE_BIRD_BFD " {\n");
	for (i = 0; i < s->nifaces; i++)
		fprintf(f, "\tinterface \"%s\" { interval %d ms; multiplier %d; };\n", s->ifaces[i],
		    ROUTE_BFD_INTERVAL, ROUTE_BFD_MULTIPLIER);
	fprintf(f, "}\n");
}

static void
bird_protocols(FILE *f, const struct route_spec *s)
{
	size_t i;

	if (s->protocols & ROUTE_RIP) {
		fprintf(f, "\nprotocol rip clua_rip {\n"
		    "\tipv4 { import none; export where proto = \"" ROUTE_BIRD_PROTOCOL "\"; };\n");
		for (i = 0; i < s->nifaces; i++)
			fprintf(f, "\tinterface \"%s\" { version 2;%s };\n", s->ifaces[i],
			    s->bfd ? " bfd yes;" : "");
		fprintf(f, "}\n");
	}
	if (s->protocols & ROUTE_OSPF) {
		fprintf(f, "\nprotocol ospf v2 clua_ospf {\n"
		    "\tipv4 { import none; export where proto = \"" ROUTE_BIRD_PROTOCOL "\"; };\n"
		    "\tarea %s {\n", s->area);
		for (i = 0; i < s->nifaces; i++)
			fprintf(f, "\t\tinterface \"%s\" {%s };\n", s->ifaces[i], s->bfd ? " bfd yes;" : "");
		fprintf(f, "\t};\n}\n");
	}
}

static void
bird_text(FILE *f, const struct route_spec *s, const struct route_set *set)
{
	size_t i;

	head(f, "#", s);
	fprintf(f, "\nprotocol static " ROUTE_BIRD_PROTOCOL " {\n\tipv4;\n");
	for (i = 0; i < set->n; i++) {
		const struct route *r = &set->r[i];

		fprintf(f, "\troute %s/%u unreachable { rip_metric = %u; ospf_metric2 = %u; };\n",
		    addr_ip(r->dst).s, r->prefixlen, r->metric, r->metric);
	}
	fprintf(f, "}\n");
	bird_bfd(f, s);
	bird_protocols(f, s);
}

/* ---- gated ---- */

static void
gated_interfaces(FILE *f, const struct route_spec *s)
{
	size_t i;

	for (i = 0; i < s->nifaces; i++)
		fprintf(f, "%s%s", i == 0 ? "" : " ", s->ifaces[i]);
	if (s->nifaces == 0)
		fprintf(f, "lo");
}

static void
gated_protocols(FILE *f, const struct route_spec *s)
{
	fprintf(f, "\nrip %s", s->protocols & ROUTE_RIP ? "yes {\n\tbroadcast ;\n" : "no ;\n");
	if (s->protocols & ROUTE_RIP) {
		fprintf(f, "\tinterface all noripin noripout ;\n\tinterface ");
		gated_interfaces(f, s);
		fprintf(f, " noripin ripout version 2 multicast ;\n} ;\n");
	}
	fprintf(f, "\nospf %s", s->protocols & ROUTE_OSPF ? "yes {\n" : "no ;\n");
	if (s->protocols & ROUTE_OSPF) {
		if (strcmp(s->area, "0.0.0.0") == 0)
			fprintf(f, "\tbackbone {\n");
		else
			fprintf(f, "\tarea %s {\n", s->area);
		fprintf(f, "\t\tauthtype none ;\n\t\tinterface ");
		gated_interfaces(f, s);
		fprintf(f, " {\n\t\t\tenable ;\n\t\t} ;\n\t} ;\n} ;\n");
	}
}

static void
gated_destination(FILE *f, const struct route *r)
{
	if (r->prefixlen == 32)
		fprintf(f, "host %s", addr_ip(r->dst).s);
	else
		fprintf(f, "%s masklen %u", addr_ip(r->dst).s, r->prefixlen);
}

static void
gated_export(FILE *f, const char *to, const struct route_set *set)
{
	size_t i;

	if (set->n == 0) {
		fprintf(f, "\nexport proto %s restrict ;\n", to);
		return;
	}
	fprintf(f, "\nexport proto %s {\n\tproto static {\n", to);
	for (i = 0; i < set->n; i++) {
		fprintf(f, "\t\t");
		gated_destination(f, &set->r[i]);
		fprintf(f, " metric %u ;\n", set->r[i].metric);
	}
	fprintf(f, "\t} ;\n} ;\n");
}

static void
gated_text(FILE *f, const struct route_spec *s, const struct route_set *set)
{
	size_t i;

	head(f, "#", s);
	gated_protocols(f, s);
	if (set->n > 0)
		fprintf(f, "\nstatic {\n");
	for (i = 0; i < set->n; i++) {
		fprintf(f, "\t");
		gated_destination(f, &set->r[i]);
		/* For the others alone: this host's own packets go the ways they have. */
		fprintf(f, " gateway 127.0.0.1 noinstall ;\n");
	}
	if (set->n > 0)
		fprintf(f, "} ;\n");
	if (s->protocols & ROUTE_RIP)
		gated_export(f, "rip", set);
	if (s->protocols & ROUTE_OSPF)
		gated_export(f, "ospfase type 2", set);
}

/* ---- all ---- */

static void
frr_text(FILE *f, const struct route_spec *s, const struct route_set *set)
{
	char nothing[] = "";

	head(f, "!", s);
	route_frr_frame(f, s);
	route_frr_delta(f, nothing, set);
}

void
route_text(FILE *f, enum route_daemon daemon, const struct route_spec *s, const struct route_set *set)
{
	if (daemon == ROUTE_BIRD)
		bird_text(f, s, set);
	else if (daemon == ROUTE_FRR)
		frr_text(f, s, set);
	else
		gated_text(f, s, set);
}
