/* SPDX-License-Identifier: ISC */
#include "lltd/lltd_conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf.h"
#include "lltd/core.h"
#include "lltd/keyfile.h"
#include "lltd/lltd_conf_link.h"

static const char *const profiles[] = { "classic", "lan", "fast", "extreme", NULL };
static const char *const balances[] = { "roundrobin", "destination", NULL };
static const char *const auths[] = { "key", "none", NULL };

/* Milliseconds: heartbeat, low, trouble, low, inactive, start check. */
static const struct {
	unsigned heartbeat[2], trouble[2], inactive, check;
} profile_ms[] = {
	[LLTD_CLASSIC] = { { 500, 1000 }, { 2000, 4000 }, 16000, 5000 },
	[LLTD_LAN] = { { 50, 100 }, { 150, 300 }, 300, 300 },
	[LLTD_FAST] = { { 10, 20 }, { 20, 40 }, 30, 300 },
	[LLTD_EXTREME] = { { 2, 4 }, { 6, 12 }, 10, 300 },
};

#define CONF(field) offsetof(struct lltd_conf, field)
#define TIMER(name, minimum, maximum)                                                              \
	{ .key = #name, .type = CONF_MSEC, .offset = CONF(name.ns), .min = minimum, .max = maximum, \
	    .optional = true, .set_offset = CONF(name.set), .line_offset = CONF(name.line) }

static const struct conf_item schema[] = {
	{ .key = "cluster", .type = CONF_UINT, .offset = CONF(cluster), .max = 65535 },
	{ .key = "node", .type = CONF_STRING, .offset = CONF(node), .size = LLT_NAME_MAX, .min = 1,
	    .optional = true, .line_offset = CONF(node_line) },
	{ .key = "profile", .type = CONF_ENUM, .offset = CONF(profile), .names = profiles,
	    .def = "classic" },
	TIMER(heartbeat, 1, 60000),
	TIMER(heartbeat_low, 1, 60000),
	TIMER(trouble, 1, 600000),
	TIMER(trouble_low, 1, 600000),
	TIMER(inactive, 2, 3600000),
	TIMER(check, 0, 60000),
	{ .key = "balance", .type = CONF_ENUM, .offset = CONF(balance), .names = balances,
	    .def = "roundrobin" },
	{ .key = "links", .type = CONF_LIST, .offset = CONF(link), .size = sizeof(struct lltd_link),
	    .sub = lltd_link_items, .min = 1, .max_items = LLT_MAX_LINKS,
	    .count_offset = CONF(nlinks), .item_line_offset = offsetof(struct lltd_link, line) },
	{ .key = "authentication", .type = CONF_ENUM, .offset = CONF(authentication), .names = auths,
	    .def = "key" },
	{ .key = "key_file", .type = CONF_STRING, .offset = CONF(key_file), .size = PATH_MAX, .min = 1,
	    .def = SYSCONFDIR "/clua.key", .line_offset = CONF(key_line) },
	{ .key = "llthosts", .type = CONF_STRING, .offset = CONF(hosts_file), .size = PATH_MAX,
	    .min = 1, .def = SYSCONFDIR "/llthosts" },
	{ .type = CONF_END },
};

const char *
lltd_conf_profile_name(const struct lltd_conf *c)
{
	return profiles[c->profile];
}

static void
fill_timer(struct lltd_timer *t, unsigned ms)
{
	if (!t->set)
		t->ns = ms * NSEC_PER_MSEC;
	t->set = true; /* so that -nv shows it */
}

static void
fill_timers(struct lltd_conf *c)
{
	fill_timer(&c->heartbeat, profile_ms[c->profile].heartbeat[LLT_PRIO_HIGH]);
	fill_timer(&c->heartbeat_low, profile_ms[c->profile].heartbeat[LLT_PRIO_LOW]);
	fill_timer(&c->trouble, profile_ms[c->profile].trouble[LLT_PRIO_HIGH]);
	fill_timer(&c->trouble_low, profile_ms[c->profile].trouble[LLT_PRIO_LOW]);
	fill_timer(&c->inactive, profile_ms[c->profile].inactive);
	fill_timer(&c->check, profile_ms[c->profile].check);
}

/* b has to be greater than a. Low-priority trouble may be later than inactive: then there is none. */
static void
check_order(const char *path, const char *a_key, const struct lltd_timer *a, const char *b_key,
    const struct lltd_timer *b, struct conf_errors *errs)
{
	if (b->ns <= a->ns)
		conf_error(errs, path, b->line != 0 ? b->line : a->line, b_key,
		    "is %g ms, expected more than %s, which is %g ms", (double)b->ns / 1e6, a_key,
		    (double)a->ns / 1e6);
}

static void
check_timers(const char *path, const struct lltd_conf *c, struct conf_errors *errs)
{
	check_order(path, "heartbeat", &c->heartbeat, "trouble", &c->trouble, errs);
	check_order(path, "heartbeat_low", &c->heartbeat_low, "trouble_low", &c->trouble_low, errs);
	check_order(path, "trouble", &c->trouble, "inactive", &c->inactive, errs);
	check_order(path, "heartbeat_low", &c->heartbeat_low, "inactive", &c->inactive, errs);
}

static void
fill_node(const char *path, struct lltd_conf *c, struct conf_errors *errs)
{
	size_t before = conf_errors_count(errs);
	int id;

	if (c->node[0] == '\0') {
		if (gethostname(c->node, sizeof(c->node) - 1) == -1)
			c->node[0] = '\0';
		c->node[strcspn(c->node, ".")] = '\0';
	}
	llthosts_load(c->hosts_file, &c->hosts, errs);
	if (conf_errors_count(errs) != before)
		return;
	id = llthosts_id(&c->hosts, c->node);
	if (id == -1)
		conf_error(errs, path, c->node_line, "node", "\"%s\" is not in %s", c->node,
		    c->hosts_file);
	else
		c->id = (uint16_t)id;
}

struct lltd_conf *
lltd_conf_load(const char *path, struct conf_errors *errs)
{
	struct lltd_conf *c = calloc(1, sizeof(*c));
	size_t before = conf_errors_count(errs);

	if (c == NULL || !crypto_init()) {
		conf_error(errs, path, 0, NULL, "out of memory, or no random numbers");
		free(c);
		return NULL;
	}
	snprintf(c->path, sizeof(c->path), "%s", path);
	if (conf_load(path, schema, c, errs)) {
		fill_timers(c);
		check_timers(path, c, errs);
		fill_node(path, c, errs);
		lltd_links_check(path, c, errs);
		if (c->authentication == LLTD_AUTH_KEY)
			keyfile_load(c->key_file, c->key, errs);
	}
	if (conf_errors_count(errs) == before)
		return c;
	lltd_conf_free(c);
	return NULL;
}

void
lltd_conf_print(FILE *out, const struct lltd_conf *c)
{
	conf_print(out, schema, c);
}

void
lltd_conf_free(struct lltd_conf *c)
{
	if (c == NULL)
		return;
	crypto_wipe(c->key, sizeof(c->key));
	free(c);
}

void
lltd_conf_timers(const struct lltd_conf *c, struct llt_timers *t)
{
	t->heartbeat[LLT_PRIO_HIGH] = c->heartbeat.ns;
	t->heartbeat[LLT_PRIO_LOW] = c->heartbeat_low.ns;
	t->trouble[LLT_PRIO_HIGH] = c->trouble.ns;
	t->trouble[LLT_PRIO_LOW] = c->trouble_low.ns;
	t->inactive = c->inactive.ns;
}

const char *
lltd_conf_fixed_difference(const struct lltd_conf *a, const struct lltd_conf *b)
{
	if (a->cluster != b->cluster)
		return "cluster";
	if (strcmp(a->node, b->node) != 0 || a->id != b->id)
		return "node";
	if (a->balance != b->balance)
		return "balance";
	if (a->authentication != b->authentication || memcmp(a->key, b->key, sizeof(a->key)) != 0)
		return "key_file";
	if (memcmp(a->hosts.name, b->hosts.name, sizeof(a->hosts.name)) != 0)
		return "llthosts";
	return NULL;
}
