/* SPDX-License-Identifier: ISC */
/* The programs on interfaces: traffic control's ingress hook, beside whatever else is there. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/log.h"

/* Ours alone: a filter of somebody else at another priority is left in peace. */
#define FILTER_HANDLE 0xc1a
#define FILTER_PRIORITY 0xc1a

int
iface_mac(uint32_t ifindex, uint8_t mac[6])
{
	struct ifreq ifr = { 0 };
	int fd, err;

	if (!if_indextoname(ifindex, ifr.ifr_name))
		return -1;
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return -1;
	err = ioctl(fd, SIOCGIFHWADDR, &ifr);
	close(fd);
	if (err < 0)
		return -1;
	if (ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
		errno = EPROTOTYPE;
		return -1;
	}
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return 0;
}

uint32_t
iface_mtu(uint32_t ifindex)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return 0;
	err = if_indextoname(ifindex, ifr.ifr_name) ? ioctl(fd, SIOCGIFMTU, &ifr) : -1;
	close(fd);
	return err < 0 ? 0 : (uint32_t)ifr.ifr_mtu;
}

int
iface_fail(int err, const char *what, uint32_t ifindex)
{
	char name[IF_NAMESIZE] = "?";

	if_indextoname(ifindex, name);
	errno = err < 0 ? -err : errno;
	log_err("datapath", "%s on %s", what, name);
	return -1;
}

static uint32_t
program_id(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) < 0 ? 0 : info.id;
}

int
iface_attach_filter(uint32_t ifindex, enum bpf_tc_attach_point point, int prog)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
	    .prog_fd = prog, .flags = BPF_TC_F_REPLACE);
	DECLARE_LIBBPF_OPTS(
	    bpf_tc_opts, proof, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	int err;

	if ((err = bpf_tc_attach(&hook, &opts)) < 0)
		return iface_fail(err, "cannot attach the packet program", ifindex);
	if ((err = bpf_tc_query(&hook, &proof)) < 0 || proof.prog_id != program_id(prog))
		return iface_fail(err ? err : -ENOENT, "the packet program is not there", ifindex);
	return 0;
}

int
iface_make_qdisc(uint32_t ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	int err = bpf_tc_hook_create(&hook);

	if (err == 0)
		return 1;
	return err == -EEXIST ? 0 : iface_fail(err, "cannot make a clsact qdisc", ifindex);
}

/* All filters at the ingress or egress hook of the interface; none also if that cannot be told. */
static void
each_filter(uint32_t ifindex, uint32_t parent, mnl_cb_t fn, void *arg)
{
	char buf[8192];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	struct tcmsg *tc;
	int n;

	if (!nl)
		return;
	nlh->nlmsg_type = RTM_GETTFILTER;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = ifindex;
	tc->tcm_parent = parent;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0)
		while ((n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0 &&
		    mnl_cb_run(buf, n, 1, mnl_socket_get_portid(nl), fn, arg) == MNL_CB_OK)
			continue;
	mnl_socket_close(nl);
}

static int
count_filter(const struct nlmsghdr *nlh, void *arg)
{
	++*(unsigned *)arg;
	return MNL_CB_OK;
}

static unsigned
filters_at(uint32_t ifindex, uint32_t parent)
{
	unsigned count = 0;

	each_filter(ifindex, parent, count_filter, &count);
	return count;
}

/* We made the qdisc, but another program may have come to use it since. */
bool
iface_remove_qdisc(uint32_t ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
	    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	return !filters_at(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) &&
	    !filters_at(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)) &&
	    bpf_tc_hook_destroy(&hook) == 0;
}

static bool
has_our_name(const struct nlattr *options)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, options)
		if (mnl_attr_get_type(a) == TCA_BPF_NAME)
			return mnl_attr_get_payload_len(a) > 5 &&
			    strncmp(mnl_attr_get_str(a), "clua_", 5) == 0;
	return false;
}

static int
find_ours(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	bool *found = arg;

	if (tc->tcm_handle != FILTER_HANDLE || TC_H_MAJ(tc->tcm_info) >> 16 != FILTER_PRIORITY)
		return MNL_CB_OK;
	mnl_attr_for_each(a, nlh, sizeof(*tc))
		if (mnl_attr_get_type(a) == TCA_OPTIONS && has_our_name(a))
			*found = true;
	return MNL_CB_OK;
}

/*
 * By its name: the place could be another's. To ask for the program itself takes the right to administer
 * the whole system, which a daemon is not given.
 */
bool
iface_has_filter(uint32_t ifindex)
{
	bool found = false;

	each_filter(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), find_ours, &found);
	return found;
}

int
iface_remove_filter(uint32_t ifindex, enum bpf_tc_attach_point point)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	DECLARE_LIBBPF_OPTS(
	    bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	return bpf_tc_detach(&hook, &opts);
}

/* Interfaces that went away took the program with them, and their numbers may be given again. */
void
iface_forget_gone(struct datapath *dp)
{
	int map = bpf_map__fd(dp->skel->maps.ifaces), more;
	char name[IF_NAMESIZE];
	uint32_t ifindex, next;

	more = bpf_map_get_next_key(map, NULL, &next);
	while (more == 0) {
		ifindex = next;
		more = bpf_map_get_next_key(map, &ifindex, &next);
		if (!if_indextoname(ifindex, name))
			bpf_map_delete_elem(map, &ifindex);
	}
}

void
iface_detach_all(struct datapath *dp)
{
	int map = bpf_map__fd(dp->skel->maps.ifaces);
	uint32_t ifindex;

	while (bpf_map_get_next_key(map, NULL, &ifindex) == 0)
		if (attach_remove(dp, ifindex) < 0)
			bpf_map_delete_elem(map, &ifindex);
}
