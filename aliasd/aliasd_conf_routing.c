/* SPDX-License-Identifier: ISC */
/* The part of aliasd.conf that is about routing. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "aliasd/aliasd_conf.h"
#include "aliasd/route/route_text.h"
#include "common/conf.h"

const char *const aliasd_conf_routing_names[] = { [ROUTE_NONE] = "none", [ROUTE_BIRD] = "bird",
	[ROUTE_FRR] = "frr", [ROUTE_GATED] = "gated", NULL };

uint32_t
aliasd_conf_routing(const struct aliasd_conf *c)
{
	return (c->route ? ALIAS_RT_START : 0) | (c->resvok ? ALIAS_RT_RESVOK : 0) |
	    (c->vmac ? ALIAS_RT_VMAC : 0) | ALIAS_RT_GATED;
}

const char *
aliasd_conf_routing_socket(const struct aliasd_conf *c)
{
	if (c->routing_socket[0] != '\0')
		return c->routing_socket;
	return c->routing == ROUTE_FRR ? "/run/frr" : "/run/bird/bird.ctl";
}

const char *
aliasd_conf_routing_command(const struct aliasd_conf *c)
{
	if (c->routing_command[0] != '\0')
		return c->routing_command;
	return c->routing == ROUTE_FRR ? "vtysh" : "gdc reconfig";
}

static unsigned
protocol(const char *name)
{
	if (strcmp(name, "rip") == 0)
		return ROUTE_RIP;
	return strcmp(name, "ospf") == 0 ? ROUTE_OSPF : 0;
}

unsigned
aliasd_conf_protocols(const struct aliasd_conf *c)
{
	unsigned set = 0;
	size_t i;

	/* gated has this file and no other, as with the ancestor. */
	if (!c->protocols_set)
		return c->routing == ROUTE_GATED ? ROUTE_RIP : 0;
	for (i = 0; i < c->nprotocols; i++)
		set |= protocol(c->routing_protocols[i]);
	return set;
}

/* "0" and "0.0.0.0" are the same area. */
static bool
normalise_area(char area[16])
{
	struct in_addr a;
	uint64_t n;

	if (inet_pton(AF_INET, area, &a) == 1)
		return true;
	if (!conf_number(area, 0, UINT32_MAX, &n))
		return false;
	a.s_addr = htonl((uint32_t)n);
	inet_ntop(AF_INET, &a, area, 16);
	return true;
}

/* Only where this file sets protocols up that have it. */
static const char *
no_bfd(const struct aliasd_conf *c)
{
	unsigned protocols = aliasd_conf_protocols(c);

	if (c->routing == ROUTE_GATED)
		return "gated has no BFD";
	if (c->routing == ROUTE_FRR && !(protocols & ROUTE_OSPF))
		return "with \"frr\" it needs \"ospf\" in routing_protocols";
	if (c->routing == ROUTE_NONE || protocols == 0)
		return "there is no protocol in routing_protocols that would use it";
	return NULL;
}

void
aliasd_conf_check_routing(struct aliasd_conf *c, struct conf_errors *errs)
{
	size_t i;

	for (i = 0; i < c->nprotocols; i++) {
		if (protocol(c->routing_protocols[i]) == 0)
			conf_error(errs, c->path, c->routing_protocols_line, "routing_protocols",
			    "unknown protocol \"%s\": expected \"rip\" or \"ospf\"", c->routing_protocols[i]);
	}
	if (!normalise_area(c->routing_area))
		conf_error(errs, c->path, c->routing_area_line, "routing_area",
		    "\"%s\" is no area: expected a number, or one in the form 0.0.0.0", c->routing_area);
	if (c->routing_bfd && no_bfd(c) != NULL)
		conf_error(errs, c->path, c->routing_bfd_line, "routing_bfd", "%s", no_bfd(c));
	if (c->routing_file[0] != '\0' && c->routing_file[0] != '/')
		conf_error(errs, c->path, c->routing_file_line, "routing_file",
		    "\"%s\": expected an absolute path", c->routing_file);
}
