/* SPDX-License-Identifier: ISC */
#include "gabd/gabd_conf.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "gabd/core.h"

static const char *const quorums[] = { "none", "majority", NULL };

#define CONF(field) offsetof(struct gabd_conf, field)

static const struct conf_item schema[] = {
	{ .key = "seed", .type = CONF_UINT, .offset = CONF(seed), .max = LLT_MAX_NODES, .def = "1",
	    .line_offset = CONF(seed_line) },
	{ .key = "quorum", .type = CONF_ENUM, .offset = CONF(quorum), .names = quorums, .def = "none" },
	{ .key = "expected", .type = CONF_UINT, .offset = CONF(expected), .min = 1,
	    .max = LLT_MAX_NODES, .optional = true, .set_offset = CONF(expected_set),
	    .line_offset = CONF(expected_line) },
	{ .key = "two_node", .type = CONF_BOOL, .offset = CONF(two_node), .def = "false",
	    .line_offset = CONF(two_node_line) },
	{ .key = "settle", .type = CONF_MSEC, .offset = CONF(settle), .max = 10000, .def = "5" },
	{ .key = "alone", .type = CONF_MSEC, .offset = CONF(alone), .max = 600000, .def = "1000" },
	{ .key = "alive", .type = CONF_MSEC, .offset = CONF(alive), .min = 5, .max = 10000,
	    .def = "100", .line_offset = CONF(alive_line) },
	{ .key = "dead", .type = CONF_MSEC, .offset = CONF(dead), .min = 20, .max = 600000,
	    .def = "500", .line_offset = CONF(dead_line) },
	{ .key = "llthosts", .type = CONF_STRING, .offset = CONF(hosts_file), .size = PATH_MAX,
	    .min = 1, .def = SYSCONFDIR "/llthosts" },
	{ .type = CONF_END },
};

static void
check(const char *path, struct gabd_conf *c, struct conf_errors *errs)
{
	if (c->seed > c->hosts.count)
		conf_error(errs, path, c->seed_line, "seed", "%u nodes are needed, but %s has only %zu",
		    c->seed, c->hosts_file, c->hosts.count);
	if (c->expected_set && c->expected > c->hosts.count)
		conf_error(errs, path, c->expected_line, "expected", "%u nodes, but %s has only %zu",
		    c->expected, c->hosts_file, c->hosts.count);
	if (!c->expected_set)
		c->expected = (uint32_t)c->hosts.count;
	c->expected_set = true; /* so that -nv shows it */
	if (c->two_node && (c->expected != 2 || c->quorum != GAB_QUORUM_MAJORITY))
		conf_error(errs, path, c->two_node_line, "two_node",
		    "is a rule for quorum = \"majority\" with 2 expected nodes, not with %u", c->expected);
	if (c->dead < 2 * c->alive)
		conf_error(errs, path, c->dead_line, "dead",
		    "is %g ms, expected at least twice alive, which is %g ms", (double)c->dead / 1e6,
		    (double)c->alive / 1e6);
}

struct gabd_conf *
gabd_conf_load(const char *path, struct conf_errors *errs)
{
	struct gabd_conf *c = calloc(1, sizeof(*c));
	size_t before = conf_errors_count(errs);

	if (c == NULL) {
		conf_error(errs, path, 0, NULL, "out of memory");
		return NULL;
	}
	snprintf(c->path, sizeof(c->path), "%s", path);
	if (conf_load(path, schema, c, errs) && llthosts_load(c->hosts_file, &c->hosts, errs))
		check(path, c, errs);
	if (conf_errors_count(errs) == before)
		return c;
	free(c);
	return NULL;
}

void
gabd_conf_print(FILE *out, const struct gabd_conf *c)
{
	conf_print(out, schema, c);
}

void
gabd_conf_free(struct gabd_conf *c)
{
	free(c);
}

void
gabd_conf_core(const struct gabd_conf *c, struct gab_core_conf *core)
{
	core->seed = c->seed;
	core->quorum = (enum gab_quorum)c->quorum;
	core->expected = c->expected;
	core->two_node = c->two_node;
	core->settle = c->settle;
	core->alone = c->alone;
	core->alive = c->alive;
	core->dead = c->dead;
}

void
gabd_conf_check_fixed(
    const struct gabd_conf *old, const struct gabd_conf *fresh, struct conf_errors *errs)
{
	static const char text[] = "cannot be changed while gabd runs: restart it";

	if (old->alive != fresh->alive)
		conf_error(errs, fresh->path, fresh->alive_line, "alive", "%s", text);
	if (old->dead != fresh->dead)
		conf_error(errs, fresh->path, fresh->dead_line, "dead", "%s", text);
}

const char *
gabd_conf_quorum_name(int quorum)
{
	return quorum == GAB_QUORUM_MAJORITY ? quorums[1] : quorums[0];
}
