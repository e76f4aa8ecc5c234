/* SPDX-License-Identifier: ISC */
/* Where programs and maps are kept while no daemon holds them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/log.h"

static bool
is_bpffs(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) == 0 && (uint32_t)fs.f_type == (uint32_t)BPF_FS_MAGIC;
}

static int
make_dir(const char *dir)
{
	char *path = strdup(dir), *p;
	int err = 0;

	if (!path)
		return -1;
	for (p = strchr(path + 1, '/'); p && !err; p = strchr(p + 1, '/')) {
		*p = 0;
		err = mkdir(path, 0755) < 0 && errno != EEXIST;
		*p = '/';
	}
	if (!err)
		err = mkdir(path, 0700) < 0 && errno != EEXIST;
	free(path);
	return err ? -1 : 0;
}

/* The directory above is where the file system belongs, as with /sys/fs/bpf. */
static int
mount_above(const char *dir)
{
	char *above = strdup(dir), *slash;
	int err;

	if (!above)
		return -1;
	if ((slash = strrchr(above, '/')) && slash != above)
		*slash = 0;
	err = make_dir(above);
	if (!err && !is_bpffs(above)) {
		err = mount("bpf", above, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700");
		if (!err)
			log_info("datapath", "mounted a BPF file system on %s", above);
	}
	free(above);
	return err;
}

int
pin_prepare(const char *dir)
{
	if (is_bpffs(dir))
		return 0;
	if (mount_above(dir) < 0 || make_dir(dir) < 0) {
		log_err("datapath", "%s", dir);
		return -1;
	}
	return 0;
}

char *
pin_path(const struct datapath *dp, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dp->conf.pin_dir, name) < 0 ? NULL : path;
}

bool
pin_find_meta(struct datapath *dp, struct dp_meta *found)
{
	char *path = pin_path(dp, "meta");
	struct bpf_map_info info = { 0 };
	uint32_t zero = 0, size = sizeof(info);
	bool ok;
	int fd;

	if (!path)
		return false;
	fd = bpf_obj_get(path);
	free(path);
	if (fd < 0)
		return false;
	ok = bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.value_size == sizeof(*found) &&
	    info.key_size == sizeof(zero) && bpf_map_lookup_elem(fd, &zero, found) == 0 &&
	    found->layout == DP_LAYOUT && found->buckets;
	close(fd);
	return ok;
}

int
pin_maps(struct datapath *dp)
{
	struct bpf_map *map;
	const char *name;
	char *path;
	int err = 0;

	bpf_object__for_each_map (map, dp->skel->obj) {
		name = bpf_map__name(map);
		if (strstr(name, ".rodata"))
			continue; /* each load has its own */
		path = pin_path(dp, strchr(name, '.') ? "state" : name);
		err = path ? bpf_map__set_pin_path(map, path) : -1;
		free(path);
		if (err)
			break;
	}
	return err ? -1 : 0;
}

/* In the place of an earlier one, which ends with its name. */
int
pin_link(struct datapath *dp, struct bpf_link *link, const char *name)
{
	char *path = pin_path(dp, name);
	int err;

	if (!path)
		return -1;
	unlink(path);
	err = bpf_link__pin(link, path);
	if (err)
		log_err("datapath", "%s", path);
	free(path);
	return err ? -1 : 0;
}

static bool
stays(const char *name, enum pin_keep keep)
{
	uint32_t ifindex;

	if (keep == PIN_BUT_IFACES && strcmp(name, "ifaces") == 0)
		return true;
	return keep != PIN_ALL && xdp_pin_ifindex(name, &ifindex);
}

void
pin_drop(struct datapath *dp, const char *name)
{
	char *path = pin_path(dp, name);

	if (path)
		unlink(path);
	free(path);
}

void
pin_remove(const char *dir, enum pin_keep keep)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && !stays(e->d_name, keep) && unlinkat(dirfd(d), e->d_name, 0) < 0)
			log_warn("datapath", "%s/%s", dir, e->d_name);
	closedir(d);
	if (keep == PIN_ALL)
		rmdir(dir);
}
