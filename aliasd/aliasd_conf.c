/* SPDX-License-Identifier: ISC */
#include "aliasd/aliasd_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "aliasd/names.h"
#include "common/addr.h"
#include "common/conf.h"

#define OFF(field) offsetof(struct aliasd_conf, field)

/* In the order of enum dp_attach. */
static const char *const attach_modes[] = { "tc", "xdp", "xdp-generic", NULL };

#define HOOK(field) offsetof(struct aliasd_hook, field)

static const struct conf_item hook_items[] = {
	{ .key = "event", .type = CONF_ENUM, .offset = HOOK(event), .names = hook_event_word },
	{ .key = "run", .type = CONF_STRING, .offset = HOOK(run),
	    .size = sizeof(((struct aliasd_hook *)NULL)->run), .min = 1, .line_offset = HOOK(run_line) },
	{ .key = "timeout", .type = CONF_MSEC, .offset = HOOK(timeout), .min = 10, .max = 3600000,
	    .def = "10000" },
	{ .type = CONF_END },
};

static const struct conf_item schema[] = {
	{ .key = "interfaces", .type = CONF_STRLIST, .offset = OFF(ifaces), .size = NETLINK_NAME_MAX,
	    .min = 1, .max_items = ALIASD_CONF_IFACES, .count_offset = OFF(nifaces), .optional = true,
	    .line_offset = OFF(ifaces_line) },
	{ .key = "default_alias", .type = CONF_STRING, .offset = OFF(default_alias),
	    .size = ALIAS_NAME_MAX, .optional = true, .line_offset = OFF(default_alias_line) },
	{ .key = "max_aliasid", .type = CONF_UINT, .offset = OFF(max_aliasid), .min = 1,
	    .max = ALIASD_CONF_ALIASES_MAX, .def = "8", .line_offset = OFF(max_aliasid_line) },
	{ .key = "max_services", .type = CONF_UINT, .offset = OFF(max_services), .min = 0,
	    .max = 16777216, .def = "0", .line_offset = OFF(max_services_line) },
	{ .key = "max_flows", .type = CONF_UINT, .offset = OFF(max_flows), .min = 1024,
	    .max = 100000000, .def = "1000000", .line_offset = OFF(max_flows_line) },
	{ .key = "max_half_open", .type = CONF_UINT, .offset = OFF(max_half_open), .min = 1024,
	    .max = 16777216, .def = "131072", .line_offset = OFF(max_half_open_line) },
	{ .key = "local_clients", .type = CONF_BOOL, .offset = OFF(local_clients), .def = "true",
	    .line_offset = OFF(local_clients_line) },
	{ .key = "leave_limit", .type = CONF_UINT, .offset = OFF(leave_limit), .min = 0,
	    .max = ALIAS_LEAVE_MAX, .def = "0" },
	{ .key = "overload_receive", .type = CONF_UINT, .offset = OFF(overload_receive), .min = 0, .max = 100,
	    .def = "90" },
	{ .key = "overload_drops", .type = CONF_UINT, .offset = OFF(overload_drops), .min = 0,
	    .max = 1000000000, .def = "1000" },
	{ .key = "overload_cpu", .type = CONF_UINT, .offset = OFF(overload_cpu), .min = 0, .max = 100,
	    .def = "0" },
	{ .key = "attach", .type = CONF_ENUM, .offset = OFF(attach), .names = attach_modes, .def = "tc",
	    .line_offset = OFF(attach_line) },
	{ .key = "probe", .type = CONF_BOOL, .offset = OFF(probe), .def = "true",
	    .line_offset = OFF(probe_line) },
	{ .key = "keep_addresses", .type = CONF_BOOL, .offset = OFF(keep_addresses), .def = "false" },
	{ .key = "routing", .type = CONF_ENUM, .offset = OFF(routing), .def = "none",
	    .names = aliasd_conf_routing_names, .line_offset = OFF(routing_line) },
	{ .key = "routing_file", .type = CONF_STRING, .offset = OFF(routing_file), .size = PATH_MAX,
	    .optional = true, .line_offset = OFF(routing_file_line) },
	{ .key = "routing_socket", .type = CONF_STRING, .offset = OFF(routing_socket), .size = PATH_MAX,
	    .optional = true, .line_offset = OFF(routing_socket_line) },
	{ .key = "routing_command", .type = CONF_STRING, .offset = OFF(routing_command),
	    .size = PATH_MAX, .optional = true, .line_offset = OFF(routing_command_line) },
	{ .key = "routing_protocols", .type = CONF_STRLIST, .offset = OFF(routing_protocols), .size = 8,
	    .max_items = 2, .count_offset = OFF(nprotocols), .optional = true,
	    .set_offset = OFF(protocols_set), .line_offset = OFF(routing_protocols_line) },
	{ .key = "routing_area", .type = CONF_STRING, .offset = OFF(routing_area), .size = 16,
	    .def = "0.0.0.0", .line_offset = OFF(routing_area_line) },
	{ .key = "routing_bfd", .type = CONF_BOOL, .offset = OFF(routing_bfd), .def = "false",
	    .line_offset = OFF(routing_bfd_line) },
	{ .key = "withdraw_wait", .type = CONF_MSEC, .offset = OFF(withdraw_wait), .max = 10000,
	    .def = "1000" },
	{ .key = "route", .type = CONF_BOOL, .offset = OFF(route), .def = "true" },
	{ .key = "resvok", .type = CONF_BOOL, .offset = OFF(resvok), .def = "false" },
	{ .key = "vmac", .type = CONF_BOOL, .offset = OFF(vmac), .def = "false" },
	{ .key = "vmac_prefix", .type = CONF_STRING, .offset = OFF(vmac_prefix_text),
	    .size = sizeof(((struct aliasd_conf *)NULL)->vmac_prefix_text), .min = 1, .def = "aa:01",
	    .line_offset = OFF(vmac_prefix_line) },
	{ .key = "hooks", .type = CONF_LIST, .offset = OFF(hooks), .size = sizeof(struct aliasd_hook),
	    .sub = hook_items, .max_items = ALIASD_CONF_HOOKS, .count_offset = OFF(nhooks), .def = "" },
	{ .key = "cgroup", .type = CONF_STRING, .offset = OFF(cgroup), .size = PATH_MAX,
	    .optional = true, .line_offset = OFF(cgroup_line) },
	{ .key = "vxlan_port", .type = CONF_UINT, .offset = OFF(vxlan_port), .min = 1, .max = 65535,
	    .def = "4789", .line_offset = OFF(vxlan_port_line) },
	{ .key = "pin_dir", .type = CONF_STRING, .offset = OFF(pin_dir), .size = PATH_MAX, .min = 1,
	    .def = "/sys/fs/bpf/clua", .line_offset = OFF(pin_dir_line) },
	{ .key = "alias_config", .type = CONF_STRING, .offset = OFF(alias_config), .size = PATH_MAX,
	    .min = 1, .def = SYSCONFDIR "/clu_alias.config" },
	{ .key = "services", .type = CONF_STRING, .offset = OFF(services_file), .size = PATH_MAX,
	    .min = 1, .def = SYSCONFDIR "/clua_services" },
	{ .key = "out_ports", .type = CONF_STRING, .offset = OFF(out_ports), .size = 16,
	    .optional = true, .line_offset = OFF(out_ports_line) },
	{ .key = "out_members", .type = CONF_UINT, .offset = OFF(out_members), .min = 0,
	    .max = ALIAS_SHARES_MAX, .def = "0", .line_offset = OFF(out_members_line) },
	{ .type = CONF_END },
};

uint32_t
aliasd_conf_services(const struct aliasd_conf *c)
{
	uint32_t n = c->max_aliasid * 16;

	if (c->max_services != 0)
		return c->max_services;
	return n < 65536 ? 65536 : n;
}

bool
aliasd_conf_resolve(const char *name, struct in_addr *addr)
{
	struct names *names = names_new(NAMES_HOSTS);
	bool found = names_resolve(names, name, addr);

	names_free(names);
	return found;
}

struct parse {
	struct aliasd_conf *c;
	struct names *names;
	struct conf_errors *errs;
};

static bool
resolve_alias(struct parse *p, struct alias_ctl_set *set, const char *file, int line)
{
	set->is_default = alias_opts_is_default(&set->opts);
	if (set->is_default) {
		set->addr = p->c->default_addr;
		if (p->c->default_alias[0] == '\0')
			conf_error(p->errs, file, line, NULL,
			    "%s means nothing: default_alias is not set in %s", ALIAS_DEFAULT_KEYWORD,
			    p->c->path);
		return p->c->default_alias[0] != '\0';
	}
	if (names_resolve(p->names, set->opts.alias, &set->addr)) {
		set->is_default = p->c->default_alias[0] != '\0' &&
		    set->addr.s_addr == p->c->default_addr.s_addr;
		return true;
	}
	conf_error(p->errs, file, line, NULL,
	    "alias \"%s\" does not resolve: expected an IPv4 address, or a name that stands in /etc/hosts",
	    set->opts.alias);
	return false;
}

static void
alias_line(char *text, const char *file, int line, void *arg)
{
	struct parse *p = arg;
	struct alias_ctl_set set = { 0 };
	char err[256];

	if (!alias_opts_parse_line(text, &set.opts, err, sizeof(err))) {
		conf_error(p->errs, file, line, NULL, "%s", err);
		return;
	}
	if (!resolve_alias(p, &set, file, line))
		return;
	p->c->aliases = mem_grow(p->c->aliases, p->c->naliases + 1, sizeof(set));
	p->c->alias_line = mem_grow(p->c->alias_line, p->c->naliases + 1, sizeof(line));
	p->c->alias_line[p->c->naliases] = line;
	p->c->aliases[p->c->naliases++] = set;
}

/* Two bytes; as the first of a MAC they must not make it a group's. */
static void
parse_vmac_prefix(struct aliasd_conf *c, struct conf_errors *errs)
{
	const char *hex = "0123456789abcdefABCDEF", *t = c->vmac_prefix_text;
	bool good = strlen(t) == 5 && strspn(t, hex) == 2 && (t[2] == ':' || t[2] == '-') &&
	    strspn(t + 3, hex) == 2;

	if (good) {
		c->vmac_prefix[0] = (uint8_t)strtoul(t, NULL, 16);
		c->vmac_prefix[1] = (uint8_t)strtoul(t + 3, NULL, 16);
	}
	if (!good || (c->vmac_prefix[0] & 1))
		conf_error(errs, c->path, c->vmac_prefix_line, "vmac_prefix",
		    "\"%s\" is no prefix of a MAC address: expected two bytes in hexadecimal, the first of them "
		    "even, such as \"aa:01\"", t);
}

/* "FIRST-LAST", with ports enough for out_members. */
static void
check_out_ports(struct aliasd_conf *c, struct conf_errors *errs)
{
	uint64_t first = 0, last = 0, n = c->out_members > 0 ? c->out_members : 1;
	char *dash = strchr(c->out_ports, '-');
	char text[sizeof(c->out_ports)];

	if (c->out_ports[0] == '\0')
		return;
	snprintf(text, sizeof(text), "%s", c->out_ports);
	if (dash != NULL)
		text[dash - c->out_ports] = '\0';
	if (dash == NULL || !conf_number(text, 1024, 65535, &first) ||
	    !conf_number(dash + 1, first + 1, 65535, &last))
		conf_error(errs, c->path, c->out_ports_line, "out_ports",
		    "\"%s\": expected \"first-last\", ports from 1024 to 65535", c->out_ports);
	else if ((last - first) / n < 16)
		conf_error(errs, c->path, c->out_ports_line, "out_ports",
		    "less than 16 ports for each of %u members", (unsigned)n);
	c->out_first = (uint16_t)first;
	c->out_last = (uint16_t)last;
}

static void
check_hooks(const char *path, const struct aliasd_conf *c, struct conf_errors *errs)
{
	size_t i;

	for (i = 0; i < c->nhooks; i++) {
		const struct aliasd_hook *h = &c->hooks[i];

		if (h->run[0] != '/')
			conf_error(errs, path, h->run_line, "run", "is \"%s\", expected an absolute path", h->run);
		else if (access(h->run, X_OK) < 0)
			conf_error(errs, path, h->run_line, "run", "%s: %s", h->run, strerror(errno));
	}
}

static void
load_all(const char *path, struct parse *p)
{
	struct conf_errors *errs = p->errs;
	struct aliasd_conf *c = p->c;

	if (!conf_load(path, schema, c, errs))
		return;
	parse_vmac_prefix(c, errs);
	check_hooks(path, c, errs);
	if (c->default_alias[0] != '\0' && !names_resolve(p->names, c->default_alias, &c->default_addr))
		conf_error(errs, path, c->default_alias_line, "default_alias",
		    "\"%s\" does not resolve: expected an IPv4 address, or a name that stands in /etc/hosts",
		    c->default_alias);
	check_out_ports(c, errs);
	aliasd_conf_check_routing(c, errs);
	/* No aliases at start, and no registered services, are as good as any. */
	if (access(c->alias_config, F_OK) == 0)
		conf_lines(c->alias_config, errs, alias_line, p);
	if (access(c->services_file, F_OK) == 0)
		services_load(c->services_file, &c->services, errs);
}

struct aliasd_conf *
aliasd_conf_load(const char *path, struct conf_errors *errs)
{
	struct aliasd_conf *c = mem_zalloc(sizeof(*c));
	struct parse p = { .c = c, .names = names_new(NAMES_HOSTS), .errs = errs };
	size_t before = conf_errors_count(errs);

	snprintf(c->path, sizeof(c->path), "%s", path);
	load_all(path, &p);
	names_free(p.names);
	if (conf_errors_count(errs) == before)
		return c;
	aliasd_conf_free(c);
	return NULL;
}

void
aliasd_conf_free(struct aliasd_conf *c)
{
	if (c == NULL)
		return;
	free(c->aliases);
	free(c->alias_line);
	services_free(&c->services);
	free(c);
}

static void
print_alias(FILE *out, const struct alias_ctl_set *s)
{
	const struct alias_opts *o = &s->opts;

	fprintf(out, "#   cluamgr -a alias=%s", o->alias);
	if (o->set & ALIAS_OPT_JOIN)
		fprintf(out, ",join");
	if (o->set & ALIAS_OPT_LEAVE)
		fprintf(out, ",leave");
	if ((o->set & ALIAS_OPT_LEAVE) && o->leave_limit != ALIAS_LEAVE_NOT_SAID)
		fprintf(out, "=%u", o->leave_limit);
	if (o->set & ALIAS_OPT_SELW)
		fprintf(out, ",selw=%u", o->selw);
	if (o->set & ALIAS_OPT_SELP)
		fprintf(out, ",selp=%u", o->selp);
	if (o->set & ALIAS_OPT_RPRI)
		fprintf(out, ",rpri=%u", o->rpri);
	if (o->set & ALIAS_OPT_VIRTUAL)
		fprintf(out, ",virtual=%s", o->virt ? "t" : "f");
	if (o->set & ALIAS_OPT_INBOUND)
		fprintf(out, ",inbound=%s", o->balance ? "balance" : "master");
	if (o->set & ALIAS_OPT_MASK)
		fprintf(out, ",mask=%u", o->prefixlen);
	fprintf(out, "\t# %s\n", addr_ip(s->addr).s);
}

void
aliasd_conf_print(FILE *out, const struct aliasd_conf *c)
{
	char attrs[128];
	size_t i;

	conf_print(out, schema, c);
	fprintf(out, "\n# %s:\n", c->alias_config);
	for (i = 0; i < c->naliases; i++)
		print_alias(out, &c->aliases[i]);
	fprintf(out, "\n# %s:\n", c->services_file);
	for (i = 0; i < c->services.n; i++) {
		const struct alias_svc *s = &c->services.svc[i];

		alias_attr_format(s->attrs, s->sticky, attrs, sizeof(attrs));
		fprintf(out, "#   %s\t%u/%s\t%s\n", s->name, s->port_h, alias_proto_name(s->proto), attrs);
	}
}

struct fixed {
	const struct aliasd_conf *fresh;
	struct conf_errors *errs;
};

static void
fixed(const struct fixed *f, bool same, const char *key, int line)
{
	if (!same)
		conf_error(f->errs, f->fresh->path, line, key,
		    "cannot be changed while aliasd runs: restart it");
}

void
aliasd_conf_check_fixed(const struct aliasd_conf *old, const struct aliasd_conf *fresh, struct conf_errors *errs)
{
	struct fixed f = { .fresh = fresh, .errs = errs };
	bool same_ifaces = old->nifaces == fresh->nifaces &&
	    memcmp(old->ifaces, fresh->ifaces, old->nifaces * sizeof(old->ifaces[0])) == 0;

	fixed(&f, same_ifaces, "interfaces", fresh->ifaces_line);
	fixed(&f, old->max_services == fresh->max_services, "max_services", fresh->max_services_line);
	fixed(&f, old->attach == fresh->attach, "attach", fresh->attach_line);
	fixed(&f, old->probe == fresh->probe, "probe", fresh->probe_line);
	fixed(&f, old->max_flows == fresh->max_flows, "max_flows", fresh->max_flows_line);
	fixed(&f, old->max_half_open == fresh->max_half_open, "max_half_open",
	    fresh->max_half_open_line);
	fixed(&f, strcmp(old->cgroup, fresh->cgroup) == 0, "cgroup", fresh->cgroup_line);
	fixed(&f, old->local_clients == fresh->local_clients, "local_clients", fresh->local_clients_line);
	fixed(&f, old->vxlan_port == fresh->vxlan_port, "vxlan_port", fresh->vxlan_port_line);
	fixed(&f, strcmp(old->pin_dir, fresh->pin_dir) == 0, "pin_dir", fresh->pin_dir_line);
	fixed(&f, old->routing == fresh->routing, "routing", fresh->routing_line);
	fixed(&f, strcmp(old->routing_file, fresh->routing_file) == 0, "routing_file",
	    fresh->routing_file_line);
	fixed(&f, strcmp(old->routing_socket, fresh->routing_socket) == 0, "routing_socket",
	    fresh->routing_socket_line);
	fixed(&f, strcmp(old->routing_command, fresh->routing_command) == 0, "routing_command",
	    fresh->routing_command_line);
	fixed(&f, strcmp(old->routing_area, fresh->routing_area) == 0, "routing_area",
	    fresh->routing_area_line);
	fixed(&f, old->routing_bfd == fresh->routing_bfd, "routing_bfd", fresh->routing_bfd_line);
	fixed(&f, aliasd_conf_protocols(old) == aliasd_conf_protocols(fresh), "routing_protocols",
	    fresh->routing_protocols_line);
	fixed(&f, old->default_addr.s_addr == fresh->default_addr.s_addr, "default_alias",
	    fresh->default_alias_line);
}

bool *
aliasd_conf_new_lines(const struct aliasd_conf *c, const struct aliasd_conf *old)
{
	bool *fresh = mem_zalloc(c->naliases + 1);
	size_t i, n = old == NULL ? 0 : old->naliases, *next = mem_grow(NULL, n + 1, sizeof(*next));
	struct map *place = map_new(); /* alias -> the line of old it is at, + 1 */

	for (i = n; i-- > 0;) {
		uint32_t alias = old->aliases[i].addr.s_addr;

		next[i] = (size_t)(uintptr_t)map_get(place, alias);
		map_put(place, alias, (void *)(uintptr_t)(i + 1));
	}
	for (i = 0; i < c->naliases; i++) {
		uint32_t alias = c->aliases[i].addr.s_addr;
		size_t at = (size_t)(uintptr_t)map_del(place, alias);

		fresh[i] = at == 0 ||
		    memcmp(&c->aliases[i], &old->aliases[at - 1], sizeof(c->aliases[i])) != 0;
		if (!fresh[i] && next[at - 1] != 0)
			map_put(place, alias, (void *)(uintptr_t)next[at - 1]);
	}
	map_free(place, NULL);
	free(next);
	return fresh;
}
