/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/bpf/names.h"
#include "aliasd/datapath/datapath_int.h"
#include "common/log.h"

#define DEFAULT_FLOWS 1000000
#define DEFAULT_HALF_OPEN 131072
#define DEFAULT_ALIASES 8
#define DEFAULT_SERVICES 65536
#define DEFAULT_PIN_DIR "/sys/fs/bpf/clua"

static int
print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];

	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	if (level == LIBBPF_WARN && !strstr(line, "Kernel error message"))
		log_warnx("datapath", "%s", line);
	else
		log_debug("datapath", "%s", line);
	return 0;
}

static int
set_conf(struct datapath *dp, const struct dp_conf *conf)
{
	dp->conf = *conf;
	if (!dp->conf.max_flows)
		dp->conf.max_flows = DEFAULT_FLOWS;
	if (!dp->conf.max_half_open)
		dp->conf.max_half_open = DEFAULT_HALF_OPEN;
	if (!dp->conf.max_aliases)
		dp->conf.max_aliases = DEFAULT_ALIASES;
	if (!dp->conf.max_services)
		dp->conf.max_services = DEFAULT_SERVICES;
	dp->conf.pin_dir = strdup(conf->pin_dir ? conf->pin_dir : DEFAULT_PIN_DIR);
	dp->conf.cgroup = conf->cgroup ? strdup(conf->cgroup) : NULL;
	return dp->conf.pin_dir && (!conf->cgroup || dp->conf.cgroup) ? 0 : -1;
}

/* Are the tables of a predecessor of use: as large as we need them at least? */
static bool
may_resume(struct datapath *dp, struct dp_meta *meta)
{
	if (!pin_find_meta(dp, meta))
		return false;
	if (meta->aliases >= alias_numbers_for(dp->conf.max_aliases) &&
	    meta->services >= dp->conf.max_services)
		return true;
	log_info("datapath", "the tables in place are too small for %u aliases and %u services: "
	    "starting anew", dp->conf.max_aliases, dp->conf.max_services);
	return false;
}

/* What the maps in place say, or what the configuration asks for. */
static int
choose_layout(struct datapath *dp, struct dp_meta *meta)
{
	dp->resumed = may_resume(dp, meta);
	if (dp->resumed) {
		if (meta->max_flows != dp->conf.max_flows)
			log_info("datapath", "keeping the flow table of %u flows that is in place",
			    meta->max_flows);
		return 0;
	}
	*meta = (struct dp_meta){ .layout = DP_LAYOUT,
		.buckets = flow_table_buckets_for(dp->conf.max_flows),
		.max_flows = dp->conf.max_flows,
		.max_half_open = dp->conf.max_half_open,
		.aliases = alias_numbers_for(dp->conf.max_aliases),
		.services = dp->conf.max_services };
	return getrandom(&meta->seed, sizeof(meta->seed), 0) == sizeof(meta->seed) ? 0 : -1;
}

static int
set_constants(struct datapath *dp, const struct dp_meta *meta)
{
	struct clua_bpf__rodata *ro = dp->skel->rodata;
	uint64_t cookie;
	uint8_t mac[6];

	if (hook_netns_cookie(&cookie) < 0)
		return -1;
	if (dp->conf.deliver_ifindex) {
		if (iface_mac(dp->conf.deliver_ifindex, mac) < 0)
			return -1;
		memcpy((void *)ro->deliver_mac, mac, sizeof(mac));
	}
	ro->self_node = dp->conf.self;
	ro->tunnel_vni = dp->conf.vni;
	ro->flow_seed = meta->seed;
	ro->half_open_sets = dp_half_sets(meta->max_half_open);
	ro->alias_filter_shift = alias_shift_for(meta->aliases);
	ro->alias_bucket_mask = alias_buckets_for(meta->aliases) - 1;
	ro->netns_cookie = cookie;
	ro->deliver_ifindex = dp->conf.deliver_ifindex;
	return 0;
}

static int
set_sizes(struct datapath *dp, const struct dp_meta *meta)
{
	bpf_map__set_max_entries(dp->skel->maps.flows, meta->buckets);
	bpf_map__set_max_entries(dp->skel->maps.half_open, dp_half_sets(meta->max_half_open));
	bpf_map__set_max_entries(dp->skel->maps.overflow, flow_table_overflow_for(meta->max_flows));
	bpf_map__set_max_entries(dp->skel->maps.alias_buckets, alias_buckets_for(meta->aliases));
	bpf_map__set_max_entries(dp->skel->maps.alias_slots, meta->aliases);
	bpf_map__set_max_entries(dp->skel->maps.counts, meta->aliases);
	bpf_map__set_max_entries(dp->skel->maps.services, meta->services);
	bpf_map__set_max_entries(dp->skel->maps.rings, service_rings_for(meta->services));
	return 0;
}

static void *
map_memory(struct bpf_map *map, size_t value_size, size_t *size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *p;

	*size = (bpf_map__max_entries(map) * ((value_size + 7) & ~(size_t)7) + page - 1) & ~(page - 1);
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	return p == MAP_FAILED ? NULL : p;
}

static int
map_all(struct datapath *dp, const struct dp_meta *meta)
{
	struct clua_bpf__bss *bss = dp->skel->bss;
	size_t size;

	dp->state = (struct datapath_state){ .alias_filter = (void *)bss->alias_filter,
		.mac_filter = (void *)bss->mac_filter,
		.nodes = (void *)bss->nodes,
		.flow_space = (void *)&bss->flow_space,
		.answer_until = (void *)&bss->answer_until,
		.routers_new_until = (void *)&bss->routers_new_until,
		.own_ifindex = &bss->own_ifindex,
		.port_flags = (void *)bss->port_flags,
		.out = (void *)&bss->out,
		.events_lost = &bss->events_lost,
		.events_look = (void *)&bss->events_look,
		.young = (void *)&bss->young };
	dp->meta = map_memory(dp->skel->maps.meta, sizeof(*dp->meta), &size);
	dp->buckets = map_memory(dp->skel->maps.flows, sizeof(*dp->buckets), &dp->buckets_size);
	dp->rings = map_memory(dp->skel->maps.rings, sizeof(*dp->rings), &dp->rings_size);
	dp->half_open = map_memory(
	    dp->skel->maps.half_open, sizeof(*dp->half_open), &dp->half_open_size);
	dp->aliases.bucket = map_memory(dp->skel->maps.alias_buckets, sizeof(*dp->aliases.bucket),
	    &dp->aliases.bucket_size);
	dp->aliases.slot = map_memory(
	    dp->skel->maps.alias_slots, sizeof(*dp->aliases.slot), &dp->aliases.slot_size);
	if (!dp->meta || !dp->buckets || !dp->rings || !dp->half_open || !dp->aliases.bucket ||
	    !dp->aliases.slot)
		return -1;
	if (!dp->resumed)
		*dp->meta = *meta;
	else if (dp->meta->layout != meta->layout || dp->meta->buckets != meta->buckets ||
	    dp->meta->aliases != meta->aliases) {
		log_warnx("datapath", "the tables in place went while they were taken over");
		return -1;
	}
	return 0;
}

static void
unmap(void *at, size_t size)
{
	if (at)
		munmap(at, size);
}

static void
unload(struct datapath *dp)
{
	unmap(dp->meta, sysconf(_SC_PAGESIZE));
	unmap(dp->buckets, dp->buckets_size);
	unmap(dp->rings, dp->rings_size);
	unmap(dp->half_open, dp->half_open_size);
	unmap(dp->aliases.bucket, dp->aliases.bucket_size);
	unmap(dp->aliases.slot, dp->aliases.slot_size);
	dp->aliases.bucket = NULL;
	dp->aliases.slot = NULL;
	dp->meta = NULL;
	dp->buckets = NULL;
	dp->rings = NULL;
	dp->half_open = NULL;
	clua_bpf__destroy(dp->skel);
	dp->skel = NULL;
}

static int
load(struct datapath *dp)
{
	struct dp_meta meta;

	if (choose_layout(dp, &meta) < 0 || !(dp->skel = clua_bpf__open()))
		return -1;
	if (!dp->resumed) /* which qdiscs are ours to remove is worth knowing whatever came before */
		pin_remove(dp->conf.pin_dir, PIN_BUT_IFACES);
	if (pin_prepare(dp->conf.pin_dir) < 0 || set_constants(dp, &meta) < 0 ||
	    set_sizes(dp, &meta) < 0 || pin_maps(dp) < 0 || clua_bpf__load(dp->skel) < 0 ||
	    map_all(dp, &meta) < 0) {
		log_err("datapath", "cannot load the packet programs");
		unload(dp);
		return -1;
	}
	return 0;
}

/* What does not fit together is not taken over. */
static int
load_or_renew(struct datapath *dp)
{
	if (load(dp) == 0)
		return 0;
	if (access(dp->conf.pin_dir, F_OK) < 0)
		return -1;
	log_warnx("datapath", "what is pinned in %s is of no use; starting anew", dp->conf.pin_dir);
	pin_remove(dp->conf.pin_dir, PIN_BUT_XDP);
	return load(dp);
}

static int
adopt(struct datapath *dp)
{
	struct flow_memory memory = { .buckets = dp->buckets,
		.n = dp->meta->buckets,
		.space = dp->state.flow_space,
		.seed = dp->meta->seed,
		.aliases = dp->meta->aliases,
		.overflow_fd = bpf_map__fd(dp->skel->maps.overflow),
		.overflow_max = flow_table_overflow_for(dp->meta->max_flows) };

	iface_forget_gone(dp);
	dp->flows = flow_table_new(&memory);
	return dp->flows && alias_adopt(dp) == 0 && service_adopt(dp) == 0 ? 0 : -1;
}

struct datapath *
datapath_open(
    struct ev_loop *loop, const struct dp_conf *conf, const struct dp_ops *ops, void *arg)
{
	struct datapath *dp = calloc(1, sizeof(*dp));

	if (!dp)
		return NULL;
	libbpf_set_print(print_libbpf);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	dp->loop = loop;
	dp->ops = ops;
	dp->arg = arg;
	if (set_conf(dp, conf) < 0 || port_open(dp) < 0 || load_or_renew(dp) < 0 || adopt(dp) < 0 ||
	    event_open(dp) < 0 || hook_attach(dp) < 0) {
		datapath_close(dp, dp->skel && !dp->resumed);
		return NULL;
	}
	return dp;
}

void
datapath_close(struct datapath *dp, bool leave)
{
	if (!dp)
		return;
	event_close(dp);
	if (leave)
		iface_detach_all(dp);
	if (leave)
		pin_remove(dp->conf.pin_dir, PIN_ALL);
	hook_detach(dp);
	port_close(dp);
	flow_table_free(dp->flows);
	service_close(dp);
	alias_close(dp);
	unload(dp);
	free((char *)dp->conf.pin_dir);
	free((char *)dp->conf.cgroup);
	free(dp->attached);
	free(dp);
}

bool
datapath_resumed(const struct datapath *dp)
{
	return dp->resumed;
}

#define X(name, text) [DP_C_##name] = text,
static const char *const counter_names[DP_C_MAX] = { DP_COUNTER_LIST(X) };
#undef X

/* The program counts by position. */
#define X(name, text) POSITION_##name,
enum { DP_COUNTER_LIST(X) POSITION_MAX };
#undef X
#define X(name, text) _Static_assert((int)DP_C_##name == (int)POSITION_##name, text);
DP_COUNTER_LIST(X)
#undef X
_Static_assert((int)DP_C_MAX == (int)POSITION_MAX && DP_C_MAX <= DP_COUNTERS, "counters");

const char *
datapath_counter_name(enum dp_counter c)
{
	return (unsigned)c < DP_C_MAX ? counter_names[c] : "?";
}

static int
sum_counts(struct datapath *dp, uint32_t alias, uint64_t out[DP_C_MAX])
{
	int cpus = libbpf_num_possible_cpus(), cpu, i;
	uint64_t(*v)[DP_COUNTERS] = calloc(cpus > 0 ? cpus : 1, sizeof(*v));
	int err = -1;

	if (v && cpus > 0)
		err = bpf_map_lookup_elem(bpf_map__fd(dp->skel->maps.counts), &alias, v);
	for (cpu = 0; !err && cpu < cpus; cpu++)
		for (i = 0; i < DP_C_MAX; i++)
			out[i] += v[cpu][i];
	free(v);
	return err;
}

int
datapath_counters(struct datapath *dp, uint64_t out[DP_C_MAX])
{
	uint32_t alias;
	int i;

	for (i = 0; i < DP_C_MAX; i++)
		out[i] = dp->meta->retired[i];
	for (alias = 0; alias < dp->aliases.n; alias++)
		if (dp->aliases.addr[alias] && sum_counts(dp, alias, out) < 0)
			return -1;
	return 0;
}

bool
datapath_alias_counters(struct datapath *dp, struct in_addr addr, uint64_t out[DP_C_MAX])
{
	int alias = alias_number(dp, addr, false);

	memset(out, 0, DP_C_MAX * sizeof(*out));
	return alias >= 0 && sum_counts(dp, alias, out) == 0;
}
