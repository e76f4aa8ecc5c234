/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/load.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aliasd/core/map.h"
#include "common/clock.h"

#define IFACES_MAX 64
#define LINE_LEN 1024 /* in /proc/net/softnet_stat a line is 160 */

struct iface {
	char name[NETLINK_NAME_MAX];
	uint64_t bytes;
	bool seen;
};

struct load {
	uint64_t at; /* of the last look; 0 = none */
	size_t n;
	struct iface iface[IFACES_MAX];
	uint64_t drops, waited_us;
};

struct load *
load_new(void)
{
	return mem_zalloc(sizeof(struct load));
}

void
load_free(struct load *l)
{
	free(l);
}

/* Mbit/s; 0 if it does not say. */
static uint32_t
speed_of(const char *name)
{
	struct ethtool_cmd cmd = { .cmd = ETHTOOL_GSET };
	struct ifreq req = { .ifr_data = (void *)&cmd };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;
	uint32_t speed;

	if (fd < 0)
		return 0;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	rc = ioctl(fd, SIOCETHTOOL, &req);
	close(fd);
	speed = ethtool_cmd_speed(&cmd);
	return rc < 0 || speed == (uint32_t)SPEED_UNKNOWN || speed == UINT16_MAX ? 0 : speed;
}

static struct iface *
get(struct load *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (strcmp(l->iface[i].name, name) == 0)
			return &l->iface[i];
	}
	if (l->n == IFACES_MAX)
		l->n = 0; /* they come and go: begin anew */
	l->iface[l->n] = (struct iface){ 0 };
	snprintf(l->iface[l->n].name, sizeof(l->iface[l->n].name), "%s", name);
	return &l->iface[l->n++];
}

static uint32_t
part_of(uint64_t bytes, uint32_t mbits, uint64_t elapsed)
{
	double could = (double)mbits * 1e6 / 8 * (double)elapsed / (double)NSEC_PER_SEC;
	double part = could > 0 ? (double)bytes * 100 / could : 0;

	return part > 1000 ? 1000 : (uint32_t)part;
}

static uint32_t
look_at_iface(struct load *l, const char *name, uint64_t bytes, uint64_t elapsed)
{
	struct iface *f = get(l, name);
	uint64_t more = f->seen && bytes > f->bytes ? bytes - f->bytes : 0;

	f->bytes = bytes;
	f->seen = true;
	return more == 0 ? 0 : part_of(more, speed_of(name), elapsed);
}

/* " eth0: 1234 …": the first number is of bytes received. */
static bool
device_line(const char *line, char name[NETLINK_NAME_MAX], uint64_t *bytes)
{
	unsigned long long n;

	if (sscanf(line, " %15[^: ]: %llu", name, &n) != 2)
		return false;
	*bytes = n;
	return true;
}

static uint32_t
look_at_ifaces(struct load *l, const struct lan *lan, uint64_t elapsed)
{
	FILE *f = fopen("/proc/self/net/dev", "re");
	char line[LINE_LEN], name[NETLINK_NAME_MAX];
	uint32_t most = 0, part;
	uint64_t bytes;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (!device_line(line, name, &bytes) || !lan_is_iface(lan, if_nametoindex(name)))
			continue;
		part = look_at_iface(l, name, bytes, elapsed);
		most = part > most ? part : most;
	}
	if (f != NULL)
		fclose(f);
	return most;
}

static uint64_t
total_drops(void)
{
	FILE *f = fopen("/proc/net/softnet_stat", "re");
	char line[LINE_LEN];
	uint64_t sum = 0;
	unsigned dropped;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%*x %x", &dropped) == 1)
			sum += dropped;
	}
	if (f != NULL)
		fclose(f);
	return sum;
}

/* Some kernels do not account for it, and then there is no such file. */
static uint64_t
total_waited_us(void)
{
	FILE *f = fopen("/proc/pressure/cpu", "re");
	unsigned long long us = 0;
	char line[LINE_LEN];
	const char *total;

	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) != NULL && (total = strstr(line, "total=")) != NULL)
		us = strtoull(total + strlen("total="), NULL, 10);
	fclose(f);
	return us;
}

static uint64_t
more_than(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

struct load_seen
load_look(struct load *l, const struct lan *lan, uint64_t now)
{
	uint64_t elapsed = l->at != 0 && now > l->at ? now - l->at : 0, drops = total_drops(),
	    waited = total_waited_us();
	struct load_seen seen = { .receive = look_at_ifaces(l, lan, elapsed) };

	if (elapsed > 0) {
		seen.drops = (uint32_t)((double)more_than(drops, l->drops) * (double)NSEC_PER_SEC / (double)elapsed);
		seen.cpu = (uint32_t)((double)more_than(waited, l->waited_us) * 1e5 / (double)elapsed);
	}
	l->at = now;
	l->drops = drops;
	l->waited_us = waited;
	return seen;
}
