/* SPDX-License-Identifier: ISC */
/*
 * pktcost: nanoseconds a packet, by BPF_PROG_TEST_RUN, of our program beside floors, as JSON lines. The
 * programs take turns, and of several rounds the quickest counts: other work on the machine only adds.
 * Last what a flow takes to keep and to load; with the argument "loading" only that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/clock.h"
#include "tests/bpf/rig.h"
#include "tests/bench/pktcost.skel.h"

#define ROUNDS 25
#define REPEAT 100000
#define FLOWS 100000
#define CLIENT "10.1.0.101"
#define PORT 80

struct cost {
	const char *name;
	int prog;
	const struct frame *frame;
	uint32_t verdict;
	bool xdp;
	double ns; /* the quickest round */
};

static struct rig rig;
static struct pktcost_bpf *skel;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* Our program in there works on the maps of the data plane that is open. */
static void
share_maps(void)
{
	struct bpf_map *ours, *theirs;
	const char *name;

	bpf_object__for_each_map (ours, rig.dp->skel->obj) {
		name = bpf_map__name(ours);
		if (strstr(name, ".rodata") || strstr(name, ".bss"))
			continue;
		theirs = bpf_object__find_map_by_name(skel->obj, name);
		if (!theirs || bpf_map__reuse_fd(theirs, bpf_map__fd(ours)) < 0)
			die(name);
	}
}

static void
share_constants(void)
{
	const struct clua_bpf__rodata *ours = rig.dp->skel->rodata;
	struct pktcost_bpf__rodata *theirs = skel->rodata;

	theirs->self_node = ours->self_node;
	theirs->flow_seed = ours->flow_seed;
	theirs->half_open_sets = ours->half_open_sets;
	theirs->netns_cookie = ours->netns_cookie;
	theirs->alias_filter_shift = ours->alias_filter_shift;
	theirs->alias_bucket_mask = ours->alias_bucket_mask;
	theirs->list_length = FLOWS;
}

/* The tables in the program's data are its own: copied once they are filled. */
static void
share_tables(void)
{
	const struct clua_bpf__bss *ours = rig.dp->skel->bss;
	struct pktcost_bpf__bss *theirs = skel->bss;

	memcpy(theirs->alias_filter, ours->alias_filter, sizeof(ours->alias_filter));
	memcpy(theirs->nodes, ours->nodes, sizeof(ours->nodes));
	theirs->flow_space = ours->flow_space;
	theirs->floor_path = *(struct dp_path_slot *)&ours->nodes[2].path[1][0];
}

static void
load(void)
{
	if (!(skel = pktcost_bpf__open()))
		die("open");
	bpf_program__set_autoload(skel->progs.clua_sock, false);
	bpf_program__set_autoload(skel->progs.clua_sendmsg, false);
	bpf_program__set_autoload(skel->progs.clua_link, false);
	share_maps();
	share_constants();
	if (pktcost_bpf__load(skel) < 0)
		die("load");
	share_tables();
}

static void
add_flow(uint32_t client, uint16_t cport)
{
	struct { uint32_t saddr, daddr; uint16_t sport, dport; } key = { client, addr(RIG_ALIAS),
		cport, htons(PORT) };
	struct dp_conn c = { .client.s_addr = client, .alias.s_addr = addr(RIG_ALIAS),
		.client_port = cport, .port = htons(PORT) };

	if (datapath_set_flow(rig.dp, &c, 2) < 0 ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.floor_flows), &key, &skel->bss->floor_path,
		BPF_ANY) < 0)
		die("flow");
}

static uint64_t
random_number(void)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

/* FLOWS of them, then shuffled: not in the order in which the tables got them. */
static void
fill(void)
{
	static uint64_t list[FLOWS];
	uint64_t swap;
	uint32_t i, j;

	add_flow(addr(CLIENT), htons(1000)); /* the one flow */
	for (i = 0; i < FLOWS; i++) {
		list[i] = random_number() & 0xffffffff0000ffffull;
		add_flow(list[i] >> 32, list[i]);
	}
	for (i = FLOWS - 1; i > 0; i--) {
		j = random_number() % (i + 1);
		swap = list[i];
		list[i] = list[j];
		list[j] = swap;
	}
	for (i = 0; i < FLOWS; i++)
		if (bpf_map_update_elem(bpf_map__fd(skel->maps.flow_list), &i, &list[i], BPF_ANY) < 0)
			die("list");
	share_tables();
}

static void
measure(struct cost *c)
{
	struct __sk_buff skb = { .ifindex = rig.lan };
	struct xdp_md xdp = { .ingress_ifindex = rig.lan, .data_end = c->frame->len };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = c->frame->b,
	    .data_size_in = c->frame->len, .ctx_in = c->xdp ? (void *)&xdp : (void *)&skb,
	    .ctx_size_in = c->xdp ? sizeof(xdp) : sizeof(skb), .repeat = REPEAT);

	if (bpf_prog_test_run_opts(c->prog, &opts) < 0)
		die(c->name);
	if (opts.retval != c->verdict) {
		fprintf(stderr, "%s: verdict %d\n", c->name, (int)opts.retval);
		exit(1);
	}
	if (!c->ns || opts.duration < c->ns)
		c->ns = opts.duration;
}

static void
report(const char *name, const struct cost *c, const struct cost *reference, double bar)
{
	printf("{\"name\": \"%s\", \"ns\": %.0f, \"reference\": \"%s\", \"reference_ns\": %.0f, "
	       "\"ratio\": %.2f, \"bar\": %.2f}\n",
	    name, c->ns, reference->name, reference->ns, c->ns / reference->ns, bar);
}

enum { EMPTY, REWRITE, HASH, LIST_ONLY, LIST_HASH, LRU, NOT_OURS, ONE, MANY, NEW, XDP_EMPTY, XDP_NOT_OURS,
	COSTS };

static void
costs(void)
{
	static struct frame ours, theirs, syn;
	struct cost c[COSTS] = {
		[EMPTY] = { "empty program", bpf_program__fd(skel->progs.bench_empty), &theirs, -1 },
		[REWRITE] = { "rewrite and redirect", bpf_program__fd(skel->progs.bench_rewrite), &ours,
		    7 },
		[HASH] = { "a hash look-up, one flow", bpf_program__fd(skel->progs.bench_hash), &ours,
		    7 },
		[LIST_ONLY] = { "list alone", bpf_program__fd(skel->progs.bench_flow_list), &ours, -1 },
		[LIST_HASH] = { "a hash look-up, 100000 flows",
		    bpf_program__fd(skel->progs.bench_flow_hash), &ours, 7 },
		[LRU] = { "an LRU insertion", bpf_program__fd(skel->progs.bench_new_lru), &syn, 7 },
		[NOT_OURS] = { "", bpf_program__fd(rig.dp->skel->progs.clua_lan), &theirs, -1 },
		[ONE] = { "", bpf_program__fd(rig.dp->skel->progs.clua_lan), &ours, 7 },
		[MANY] = { "", bpf_program__fd(skel->progs.bench_flow_clua), &ours, 7 },
		[NEW] = { "", bpf_program__fd(skel->progs.bench_new_clua), &syn, 7 },
		/* What it redirects once is not for us when it comes again: no more than this. */
		[XDP_EMPTY] = { "empty program, XDP", bpf_program__fd(skel->progs.bench_empty_xdp),
		    &theirs, XDP_PASS, .xdp = true },
		[XDP_NOT_OURS] = { "", bpf_program__fd(rig.dp->skel->progs.clua_lan_xdp), &theirs, XDP_PASS,
		    .xdp = true },
	};
	int round, i;

	rig_tcp(&rig, &ours, CLIENT, 1000, RIG_ALIAS, PORT, F_ACK, 1);
	rig_tcp(&rig, &theirs, CLIENT, 1000, "10.1.0.11", PORT, F_ACK, 1);
	rig_tcp(&rig, &syn, CLIENT, 1000, RIG_ALIAS, PORT, F_SYN, 1);
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < COSTS; i++)
			measure(&c[i]);
	report("not for an alias", &c[NOT_OURS], &c[EMPTY], 1.6);
	report("established, one flow", &c[ONE], &c[HASH], 1.3);
	report("established, 100000 flows", &c[MANY], &c[LIST_HASH], 0.5);
	report("new connection", &c[NEW], &c[LRU], 1.1);
	report("not for an alias, XDP", &c[XDP_NOT_OURS], &c[XDP_EMPTY], 0);
	report("established, one flow", &c[ONE], &c[REWRITE], 0);
	report("not for an alias", &c[NOT_OURS], &c[REWRITE], 0);
	report("choosing the flow from the list", &c[LIST_ONLY], &c[EMPTY], 0);
}

static size_t
map_memory(struct bpf_map *map)
{
	char path[64], line[128];
	size_t bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", bpf_map__fd(map));
	if (!(f = fopen(path, "r")))
		die(path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %zu", &bytes) == 1)
			break;
	fclose(f);
	return bytes;
}

/* The table at its stated load: max_flows of them. */
static void
memory(void)
{
	uint32_t n = rig.conf.max_flows - (uint32_t)datapath_flow_count(rig.dp, 2), i;
	uint64_t start = clock_ns(), bytes;
	clock_t cpu = clock();
	struct dp_conn c = { .alias.s_addr = addr(RIG_ALIAS), .port = htons(PORT) };
	uint64_t ns;

	for (i = 0; i < n; i++) {
		c.client.s_addr = htonl(0x0b000000 + i / 7);
		c.client_port = htons(1024 + i % 7);
		if (datapath_set_flow(rig.dp, &c, 3) < 0)
			die("datapath_set_flow");
	}
	ns = clock_ns() - start;
	cpu = clock() - cpu;
	bytes = map_memory(rig.dp->skel->maps.flows) + map_memory(rig.dp->skel->maps.overflow);
	printf("{\"name\": \"memory of a flow\", \"bytes\": %.1f, \"flows\": %u, \"overflowed\": %zu, "
	       "\"bar\": 32}\n",
	    (double)bytes / rig.conf.max_flows, rig.conf.max_flows,
	    flow_table_overflowed(rig.dp->flows));
	printf("{\"name\": \"loading flows\", \"flows\": %u, \"seconds\": %.3f, \"cpu_seconds\": %.3f, "
	       "\"bar\": %.3f}\n",
	    n, ns / 1e9, (double)cpu / CLOCKS_PER_SEC, n / 1e6);
}

int
main(int argc, char **argv)
{
	static const struct dp_target one[] = { { 2, 3 }, { 3, 2 }, { 4, 1 } };

	rig_isolate();
	rig.conf.max_flows = 1000000;
	rig_open(&rig);
	rig_alias(&rig, RIG_ALIAS, true);
	rig_paths(&rig, 2, 2);
	rig_paths(&rig, 3, 2);
	rig_paths(&rig, 4, 2);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, PORT, 3, one);
	if (argc < 2 || strcmp(argv[1], "loading") != 0) {
		load();
		fill();
		costs();
	}
	memory();
	pktcost_bpf__destroy(skel);
	rig_close(&rig);
	return 0;
}
