/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/netlink.h"

static int
open_conf(const char *ifname, const char *key, int flags)
{
	char path[128];
	int n;

	/* Names come from configuration: none may lead out of the folder. */
	if (strchr(ifname, '/') != NULL || strchr(key, '/') != NULL || ifname[0] == '.') {
		errno = EINVAL;
		return -1;
	}
	n = snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", ifname, key);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC);
}

static void
close_keep_errno(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

int
netlink_sysctl_get(const char *ifname, const char *key, int *value)
{
	int fd = open_conf(ifname, key, O_RDONLY);
	char text[32], *end;
	ssize_t n;

	if (fd == -1)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close_keep_errno(fd);
	if (n < 0)
		return -1;
	text[n] = '\0';
	*value = (int)strtol(text, &end, 10);
	if (end != text)
		return 0;
	errno = EINVAL;
	return -1;
}

int
netlink_sysctl_set(const char *ifname, const char *key, int value)
{
	int fd = open_conf(ifname, key, O_WRONLY);
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", value);
	ssize_t done;

	if (fd == -1)
		return -1;
	done = write(fd, text, (size_t)n);
	close_keep_errno(fd);
	return done == n ? 0 : -1;
}
