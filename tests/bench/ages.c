/* SPDX-License-Identifier: ISC */
/*
 * ages ALIAS PORT COUNT: how old a connection is when another member knows of it. Runs with the interfaces of a
 * client and the files of a router, whose table it looks at: COUNT connections, one after the other, from the
 * moment in which the client has one to that in which the table has it: its owner's waiting, and the way here.
 * Beside each, as what the machine makes of such a time, a sleep of DP_YOUNG_AGE. Prints both as JSON, in ms.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "aliasd/bpf/layout.h"
#include "aliasd/bpf/clua.skel.h" /* speaks of the layout */
#include "common/clock.h"
#include "common/json.h"
#include "tests/net/net.h"

#define PINS "/sys/fs/bpf/clua/"
#define ALIASES 8 /* the alias has one of the first numbers */
#define BOUND (5 * NSEC_PER_MSEC)
#define LOOK_EVERY 20000
#define GIVE_UP NSEC_PER_SEC

static const struct dp_meta *meta;
static const struct dp_bucket *buckets;
static const struct clua_bpf__bss *state;

static const void *
map(const char *name)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	char path[64];
	void *at;
	int fd;

	snprintf(path, sizeof(path), PINS "%s", name);
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		err(1, "%s", path);
	at = mmap(NULL, (size_t)(info.value_size + 7) / 8 * 8 * info.max_entries, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		err(1, "%s", path);
	close(fd);
	return at;
}

/* As the packet program does, but for what has found no place in its bucket. */
static bool
is_known(uint64_t key)
{
	const struct dp_bucket *b;
	uint32_t alias, way;

	for (alias = 0; alias < ALIASES; alias++) {
		b = &buckets[dp_flow_bucket(dp_flow_hash(key, alias, meta->seed), DP_LOAD(state->flow_space))];
		for (way = 0; way < DP_WAYS; way++)
			if (DP_LOAD(b->key[way]) == key &&
			    dp_flow_alias(__atomic_load_n(&b->value[way], __ATOMIC_ACQUIRE)) == alias)
				return true;
	}
	return false;
}

static void
rest(uint64_t until)
{
	struct timespec t = { .tv_sec = (time_t)(until / NSEC_PER_SEC), .tv_nsec = (long)(until % NSEC_PER_SEC) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		continue;
}

static uint64_t
slept(void)
{
	uint64_t began = clock_ns();

	rest(began + DP_YOUNG_AGE);
	return clock_ns() - began;
}

static uint64_t
age(const struct sockaddr_in *alias)
{
	const struct linger at_once = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in own;
	socklen_t len = sizeof(own);
	uint64_t key, began, now;

	if (fd < 0 || connect(fd, (const struct sockaddr *)alias, sizeof(*alias)) < 0)
		err(1, "connect");
	began = now = clock_ns();
	if (getsockname(fd, (struct sockaddr *)&own, &len) < 0)
		err(1, "getsockname");
	key = dp_flow_key(own.sin_addr.s_addr, own.sin_port, alias->sin_port);
	while (!is_known(key) && now - began < GIVE_UP) {
		rest(now + LOOK_EVERY);
		now = clock_ns();
	}
	now = clock_ns();
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	return now - began;
}

static int
ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
put(struct json *j, const char *name, uint64_t *ns, size_t n)
{
	size_t i, over = 0;

	qsort(ns, n, sizeof(*ns), ascending);
	for (i = 0; i < n; i++)
		over += ns[i] > BOUND;
	json_object(j, name);
	json_double(j, "p50", (double)ns[n / 2] / 1e6);
	json_double(j, "p99", (double)ns[n * 99 / 100] / 1e6);
	json_double(j, "max", (double)ns[n - 1] / 1e6);
	json_uint(j, "over_5", over);
	json_object_end(j);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in alias = { .sin_family = AF_INET };
	uint64_t *ages, *sleeps;
	struct json j;
	size_t i, n;

	if (argc != 4)
		errx(2, "usage: ages ALIAS PORT COUNT");
	if (inet_pton(AF_INET, argv[1], &alias.sin_addr) != 1)
		errx(2, "%s: no address", argv[1]);
	alias.sin_port = htons((uint16_t)net_number(argv[2], 65535));
	n = (size_t)net_number(argv[3], 1000000);
	meta = map("meta");
	buckets = map("flows");
	state = map("state");
	prctl(PR_SET_TIMERSLACK, 1000);
	ages = calloc(n, sizeof(*ages));
	sleeps = calloc(n, sizeof(*sleeps));
	if (n == 0 || ages == NULL || sleeps == NULL)
		errx(1, "no room for %zu", n);
	for (i = 0; i < n; i++) {
		ages[i] = age(&alias);
		sleeps[i] = slept();
	}
	json_begin_line(&j, stdout);
	json_uint(&j, "connections", n);
	put(&j, "known_ms", ages, n);
	put(&j, "sleep_ms", sleeps, n);
	json_finish(&j);
	return 0;
}
