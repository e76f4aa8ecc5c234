/* SPDX-License-Identifier: ISC */
/*
 * owners ALIAS PORT FIRST COUNT RATE LIFE: tells this host's aliasd that COUNT connections to ALIAS were
 * established here, RATE a second, each of them closed again after LIFE milliseconds (0: never). They are
 * numbered from FIRST. Prints what was told, as JSON, when all is done.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/bpf/layout.h"
#include "common/clock.h"
#include "tests/bench/owners.h"
#include "tests/bench/owners.skel.h"
#include "tests/net/net.h"

#define PINS "/sys/fs/bpf/clua/"
#define MOST 4096 /* events at a time */
#define STEP NSEC_PER_MSEC

struct line { /* of events, each at its time */
	uint64_t told, count, begin, rate;
	bool closed;
};

static struct owners_bpf *skel;
static struct owners_feed feed;
static uint64_t first, waits;

static void
reuse(struct bpf_map *map, const char *name)
{
	int fd;
	char path[64];

	snprintf(path, sizeof(path), PINS "%s", name);
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_map__reuse_fd(map, fd) < 0)
		err(1, "%s", path);
}

/* One program of the object, two maps of the daemon that runs here. */
static void
load(void)
{
	struct bpf_program *prog;
	struct bpf_map *map;

	if ((skel = owners_bpf__open()) == NULL)
		err(1, "open");
	bpf_object__for_each_program (prog, skel->obj)
		bpf_program__set_autoload(prog, prog == skel->progs.owners_feed);
	bpf_object__for_each_map (map, skel->obj)
		if (strchr(bpf_map__name(map), '.') == NULL)
			bpf_map__set_autocreate(map, false);
	bpf_map__set_autocreate(skel->maps.events, true);
	reuse(skel->maps.events, "events");
	reuse(skel->maps.bss, "state");
	if (owners_bpf__load(skel) < 0)
		err(1, "load");
}

static uint64_t
due(const struct line *l, uint64_t now)
{
	uint64_t n = now < l->begin ? 0 : (now - l->begin) / 1000 * l->rate / (NSEC_PER_SEC / 1000);

	return n < l->count ? n : l->count;
}

/* Tells as much of it as is due, and no more than `most` in all. */
static void
advance(struct line *l, uint64_t now, uint64_t most)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &feed, .ctx_size_in = sizeof(feed));
	uint64_t until = due(l, now) < most ? due(l, now) : most;

	while (l->told < until) {
		feed.first = first + l->told;
		feed.count = until - l->told < MOST ? (uint32_t)(until - l->told) : MOST;
		feed.closed = l->closed;
		if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.owners_feed), &opts) < 0)
			err(1, "run");
		l->told += feed.told;
		if (feed.told < feed.count) {
			waits++;
			return;
		}
	}
}

int
main(int argc, char **argv)
{
	struct line opened = { 0 }, closed = { .closed = true };
	struct epoll_event none;
	uint64_t now, ended = 0;
	int epoll;

	if (argc != 7)
		errx(2, "usage: owners ALIAS PORT FIRST COUNT RATE LIFE_MS");
	if (inet_pton(AF_INET, argv[1], &feed.alias) != 1)
		errx(2, "%s: no address", argv[1]);
	feed.port = htons((uint16_t)net_number(argv[2], 65535));
	first = net_number(argv[3], UINT32_MAX);
	opened.count = net_number(argv[4], UINT32_MAX);
	opened.rate = closed.rate = net_number(argv[5], 1000000000);
	closed.count = strcmp(argv[6], "0") == 0 ? 0 : opened.count;
	load();
	epoll = net_epoll();
	opened.begin = clock_ns();
	closed.begin = opened.begin + net_number(argv[6], 1000000) * NSEC_PER_MSEC;
	while (opened.told < opened.count || closed.told < closed.count) {
		now = clock_ns();
		advance(&opened, now, opened.count);
		if (ended == 0 && opened.told == opened.count)
			ended = clock_ns();
		advance(&closed, now, opened.told);
		net_wait(epoll, &none, 1, now + STEP);
	}
	printf("{\"told\": %llu, \"seconds\": %.4f, \"waits\": %llu}\n", (unsigned long long)opened.told,
	    net_seconds(ended - opened.begin), (unsigned long long)waits);
	return 0;
}
