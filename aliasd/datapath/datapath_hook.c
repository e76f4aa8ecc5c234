/* SPDX-License-Identifier: ISC */
/* The programs that watch this host's sockets: the tracepoint and the cgroup hooks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include <bpf/libbpf.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/log.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int
hook_netns_cookie(uint64_t *cookie)
{
	socklen_t len = sizeof(*cookie);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -1;
	err = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len);
	close(fd);
	return err;
}

/* "… <mount point> <options> … - cgroup2 …" */
static bool
find_cgroup2(char dir[4096])
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[8192], *type;
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = (type = strstr(line, " - ")) && strncmp(type, " - cgroup2 ", 11) == 0 &&
		    sscanf(line, "%*s %*s %*s %*s %4095s", dir) == 1;
	fclose(f);
	return found;
}

static int
open_cgroup(struct datapath *dp)
{
	char dir[4096];
	int fd;

	if (dp->conf.cgroup)
		snprintf(dir, sizeof(dir), "%s", dp->conf.cgroup);
	else if (!find_cgroup2(dir)) {
		errno = ENOENT;
		log_err("datapath", "no cgroup2 file system is mounted");
		return -1;
	}
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		log_err("datapath", "%s", dir);
	return fd;
}

static int
attach_cgroup(struct datapath *dp)
{
	const struct {
		struct bpf_program *prog;
		const char *pin;
	} hooks[DP_CGROUP_HOOKS] = { { dp->skel->progs.clua_sendmsg, "link_sendmsg" },
		{ dp->skel->progs.clua_connect4, "link_connect4" },
		{ dp->skel->progs.clua_connect6, "link_connect6" } };
	int i, fd = open_cgroup(dp), err = fd < 0 ? -1 : 0;

	for (i = 0; i < DP_CGROUP_HOOKS && !err; i++) {
		dp->cgroup_link[i] = bpf_program__attach_cgroup(hooks[i].prog, fd);
		if (!dp->cgroup_link[i])
			log_err("datapath", "cannot attach %s to the control group",
			    bpf_program__name(hooks[i].prog));
		err = dp->cgroup_link[i] ? pin_link(dp, dp->cgroup_link[i], hooks[i].pin) : -1;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

void
hook_detach(struct datapath *dp)
{
	int i;

	bpf_link__destroy(dp->sock_link);
	for (i = 0; i < DP_CGROUP_HOOKS; i++)
		bpf_link__destroy(dp->cgroup_link[i]);
}

int
hook_attach(struct datapath *dp)
{
	dp->sock_link = bpf_program__attach(dp->skel->progs.clua_sock);
	if (!dp->sock_link) {
		log_err("datapath", "cannot watch the states of sockets");
		return -1;
	}
	if (pin_link(dp, dp->sock_link, "link_sock") < 0)
		return -1;
	return attach_cgroup(dp);
}
