/* SPDX-License-Identifier: ISC */
/*
 * XDP programs on interfaces, by BPF links that are pinned: one is replaced in its place, it stays when
 * the daemon is gone, and nobody can take it away by mistake.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_link.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/log.h"

#define PIN_PREFIX "xdp_"

static char *
link_path(const char *pin_dir, uint32_t ifindex)
{
	char *path;

	return asprintf(&path, "%s/" PIN_PREFIX "%u", pin_dir, ifindex) < 0 ? NULL : path;
}

bool
xdp_pin_ifindex(const char *name, uint32_t *ifindex)
{
	char end;

	return sscanf(name, PIN_PREFIX "%u%c", ifindex, &end) == 1;
}

/* -1 if there is none. */
static int
open_link(const char *pin_dir, uint32_t ifindex)
{
	char *path = link_path(pin_dir, ifindex);
	int fd = path ? bpf_obj_get(path) : -1;

	free(path);
	return fd;
}

static uint32_t
mode_flags(enum dp_attach mode)
{
	return mode == DP_ATTACH_XDP ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

/* An interface that was made anew has the number of another, but not its program. */
static bool
link_is(int fd, uint32_t ifindex, enum dp_attach mode)
{
	DECLARE_LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0 || info.type != BPF_LINK_TYPE_XDP ||
	    info.xdp.ifindex != ifindex || bpf_xdp_query((int)ifindex, 0, &query) < 0)
		return false;
	return (mode == DP_ATTACH_XDP ? query.drv_prog_id : query.skb_prog_id) == info.prog_id;
}

bool
xdp_replace(struct datapath *dp, uint32_t ifindex, enum dp_attach mode, int prog)
{
	int fd = open_link(dp->conf.pin_dir, ifindex);
	bool done;

	if (fd < 0)
		return false;
	done = link_is(fd, ifindex, mode) && bpf_link_update(fd, prog, NULL) == 0;
	close(fd);
	return done;
}

bool
xdp_is_attached(const char *pin_dir, uint32_t ifindex, enum dp_attach mode)
{
	int fd = open_link(pin_dir, ifindex);
	bool is = fd >= 0 && link_is(fd, ifindex, mode);

	if (fd >= 0)
		close(fd);
	return is;
}

static void
name_of(uint32_t prog_id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id);

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	else
		snprintf(name, BPF_OBJ_NAME_LEN, "?");
	if (fd >= 0)
		close(fd);
}

static uint32_t
foreign_program(uint32_t ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query((int)ifindex, 0, &query) < 0)
		return 0;
	if (query.prog_id)
		return query.prog_id;
	return query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id;
}

static void
explain(uint32_t ifindex, int err, char why[160])
{
	char name[BPF_OBJ_NAME_LEN];
	uint32_t id = foreign_program(ifindex);

	if (id) {
		name_of(id, name);
		snprintf(why, 160, "XDP program \"%s\" (id %u) of somebody else is there", name, id);
	} else if (err == EOPNOTSUPP) {
		snprintf(why, 160, "its driver has no XDP");
	} else {
		snprintf(why, 160, "its driver does not take an XDP program: %s", strerror(err));
	}
}

int
xdp_attach(struct datapath *dp, uint32_t ifindex, enum dp_attach mode, int prog, char why[160])
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = mode_flags(mode));
	int fd = bpf_link_create(prog, (int)ifindex, BPF_XDP, &opts), err = 0;
	char *path;

	if (fd < 0) {
		explain(ifindex, -fd, why);
		return -1;
	}
	path = link_path(dp->conf.pin_dir, ifindex);
	if (!path || bpf_obj_pin(fd, path) < 0) {
		snprintf(why, 160, "cannot pin it: %s", strerror(errno));
		err = -1;
	}
	free(path);
	close(fd);
	return err;
}

bool
xdp_detach(const char *pin_dir, uint32_t ifindex)
{
	char *path = link_path(pin_dir, ifindex);
	int fd = path ? bpf_obj_get(path) : -1;

	if (fd >= 0) {
		bpf_link_detach(fd);
		close(fd);
	}
	if (path)
		unlink(path);
	free(path);
	return fd >= 0;
}
