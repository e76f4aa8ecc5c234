/* SPDX-License-Identifier: ISC */
#include "aliasd/cleanup.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "aliasd/aliasd_conf.h"
#include "aliasd/core/map.h"
#include "aliasd/datapath/datapath.h"
#include "aliasd/edge/door.h"
#include "aliasd/edge/hostports.h"
#include "aliasd/edge/registry.h"
#include "aliasd/edge/sysctls.h"
#include "aliasd/edge/tunnel.h"
#include "aliasd/edge/vmac.h"
#include "common/addr.h"
#include "common/ev.h"
#include "common/log.h"
#include "common/netlink.h"
#include "proto/alias_ctl.h"

static int
remove_programs(const struct aliasd_conf *c)
{
	return datapath_cleanup(c->pin_dir);
}

static int
remove_settings(const struct aliasd_conf *c)
{
	return sysctls_cleanup(SYSCTLS_SAVED);
}

static int
remove_port_settings(const struct aliasd_conf *c)
{
	int n = hostports_cleanup(HOSTPORTS_DIR, HOSTPORTS_SAVED);

	if (n > 0)
		log_info("cleanup", "ports are handed out as before");
	return n;
}

struct found {
	size_t n;
	struct netlink_addr *addr;
};

static void
collect(const struct netlink_addr *a, void *arg)
{
	struct found *f = arg;

	if (!a->ours)
		return;
	f->addr = mem_grow(f->addr, f->n + 1, sizeof(*f->addr));
	f->addr[f->n++] = *a;
}

static int
remove_each(struct netlink *nl, const struct found *f)
{
	char name[IF_NAMESIZE] = "?";
	int removed = 0;
	size_t i;

	for (i = 0; i < f->n; i++) {
		struct addr_text text = addr_ip(f->addr[i].addr);

		if_indextoname(f->addr[i].ifindex, name);
		if (netlink_addr_del(nl, f->addr[i].ifindex, f->addr[i].addr, f->addr[i].prefixlen) < 0)
			log_warn("cleanup", "cannot remove %s from %s", text.s, name);
		else if (++removed)
			log_info("cleanup", "%s: address %s removed", name, text.s);
	}
	return removed == (int)f->n ? removed : -1;
}

static int
with_netlink(int (*fn)(struct netlink *))
{
	static const struct netlink_ops none;
	struct ev_loop *loop = ev_loop_new();
	struct netlink *nl = loop == NULL ? NULL : netlink_open(loop, &none, NULL);
	int removed = -1;

	if (nl != NULL) {
		removed = fn(nl);
		netlink_close(nl);
	}
	ev_loop_free(loop);
	return removed;
}

static int
remove_marked(struct netlink *nl)
{
	struct found f = { 0 };
	int removed;

	netlink_each_addr(nl, collect, &f);
	removed = remove_each(nl, &f);
	free(f.addr);
	return removed;
}

/* Those of aliases; they are marked in the kernel. */
static int
remove_addresses(const struct aliasd_conf *c)
{
	return with_netlink(remove_marked);
}

static int
take_off_vmacs(struct netlink *nl)
{
	int n = vmacs_cleanup(nl, VMACS_SAVED);

	if (n > 0)
		log_info("cleanup", "%d virtual MACs taken off", n);
	return n;
}

static int
remove_vmacs(const struct aliasd_conf *c)
{
	return with_netlink(take_off_vmacs);
}

static int
remove_door(const struct aliasd_conf *c)
{
	int n = door_remove();

	if (n > 0)
		log_info("cleanup", "%s, and the rule that led there, removed", DOOR_IN);
	return n;
}

static int
remove_tunnel(const struct aliasd_conf *c)
{
	int n = tunnel_remove();

	if (n > 0)
		log_info("cleanup", "%s removed", TUNNEL_NAME);
	return n;
}

static int
remove_files(const struct aliasd_conf *c)
{
	static const char *const files[] = { ALIAS_SOCK, REGISTRY_SAVED };
	int removed = 0;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (unlink(files[i]) < 0)
			continue;
		log_info("cleanup", "%s removed", files[i]);
		removed++;
	}
	return removed;
}

/*
 * Whoever puts something on the host that outlives the process has a function here, which also works
 * when none of it is there. It logs each thing that it removes, and returns how many, or -1 after it
 * has logged what it could not. In this order: first packets stop being taken, last the addresses go.
 */
static int (*const parts[])(const struct aliasd_conf *) = {
	remove_door,
	remove_programs,
	remove_tunnel,
	remove_settings,
	remove_port_settings,
	remove_vmacs,
	remove_addresses,
	remove_files,
};

/* A socket that nobody listens on was left, too; the next aliasd makes a new one. */
static bool
is_running(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return false;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", ALIAS_SOCK);
	err = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 ? errno : 0;
	close(fd);
	return err == 0 || err == EAGAIN; /* so busy that it has not yet answered others */
}

int
cleanup_all(const struct aliasd_conf *c)
{
	int removed = 0, n;
	bool failed = false;
	size_t i;

	if (is_running()) {
		log_errx("cleanup", "aliasd is running: stop it first (it then removes everything itself)");
		return 1;
	}
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		n = parts[i](c);
		failed = failed || n < 0;
		removed += n < 0 ? 0 : n;
	}
	if (failed)
		log_errx("cleanup", "something is left");
	else if (removed == 0)
		log_info("cleanup", "there was nothing to remove");
	else
		log_info("cleanup", "done: %d things removed", removed);
	return failed ? 1 : 0;
}
