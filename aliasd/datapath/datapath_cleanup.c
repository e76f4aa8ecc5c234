/* SPDX-License-Identifier: ISC */
/* What a daemon that was killed left in the kernel: filters, qdiscs, pinned programs and tables. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <net/if.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/log.h"

/* Looking for what is not there is no error here. */
static int
print_nothing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

/* The table of interfaces, as it was pinned; -1 if there is none that can be read. */
static int
open_ifaces(const char *pin_dir)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	char *path;
	int fd;

	if (asprintf(&path, "%s/ifaces", pin_dir) < 0)
		return -1;
	fd = bpf_obj_get(path);
	free(path);
	if (fd >= 0 && (bpf_obj_get_info_by_fd(fd, &info, &size) < 0 ||
	    info.key_size != sizeof(uint32_t) || info.value_size != sizeof(struct dp_iface))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* 1 if something of ours was there, 0 if not, -1 if it stays. */
static int
clean_iface(uint32_t ifindex, const char *name, const struct dp_iface *known)
{
	int removed = 0;

	if (iface_has_filter(ifindex)) {
		if (iface_remove_filter(ifindex, BPF_TC_INGRESS) < 0) {
			log_warn("cleanup", "%s: cannot remove the packet program", name);
			return -1;
		}
		log_info("cleanup", "%s: packet program removed", name);
		removed++;
	}
	if (known->flags & DP_IF_MADE_QDISC && iface_remove_qdisc(ifindex)) {
		log_info("cleanup", "%s: clsact qdisc removed", name);
		removed++;
	}
	return removed;
}

static int
clean_ifaces(const char *pin_dir)
{
	struct if_nameindex *all = if_nameindex(), *i;
	int map = open_ifaces(pin_dir), removed = 0, n;
	bool failed = false;

	for (i = all; i && i->if_index; i++) {
		struct dp_iface known = { 0 };

		if (map >= 0)
			bpf_map_lookup_elem(map, &i->if_index, &known);
		n = clean_iface(i->if_index, i->if_name, &known);
		failed = failed || n < 0;
		removed += n > 0 ? n : 0;
	}
	if_freenameindex(all);
	if (map >= 0)
		close(map);
	return failed ? -1 : removed;
}

static int
count_pins(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Taken from the interfaces now, not when the kernel gets to it. */
static void
detach_xdp(const char *dir)
{
	DIR *d = opendir(dir);
	char name[IF_NAMESIZE];
	struct dirent *e;
	uint32_t ifindex;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (xdp_pin_ifindex(e->d_name, &ifindex) && xdp_detach(dir, ifindex) &&
		    if_indextoname(ifindex, name))
			log_info("cleanup", "%s: XDP program removed", name);
	closedir(d);
}

int
datapath_cleanup(const char *pin_dir)
{
	int removed, pins = count_pins(pin_dir);

	libbpf_set_print(print_nothing);
	removed = clean_ifaces(pin_dir);
	if (access(pin_dir, F_OK) < 0)
		return removed;
	detach_xdp(pin_dir);
	pin_remove(pin_dir, PIN_ALL);
	if (access(pin_dir, F_OK) == 0) {
		log_errx("cleanup", "%s: cannot be removed", pin_dir);
		return -1;
	}
	log_info("cleanup", "%s: %d programs and tables removed", pin_dir, pins);
	return removed < 0 ? -1 : removed + pins;
}
