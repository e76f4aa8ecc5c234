/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/rtnl.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/netlink.h"

struct nlmsghdr *
rtnl_begin(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = 1;
	return nlh;
}

struct mnl_socket *
rtnl_open(void)
{
	return netlink_socket(NETLINK_ROUTE, 0, 0);
}

int
rtnl_request(struct mnl_socket *nl, const struct nlmsghdr *nlh, mnl_cb_t fn, void *arg)
{
	char buf[16384];
	ssize_t n;
	int more = MNL_CB_OK;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -1;
	while (more == MNL_CB_OK) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			return -1;
		more = mnl_cb_run(buf, (size_t)n, nlh->nlmsg_seq, mnl_socket_get_portid(nl), fn, arg);
	}
	return more < 0 ? -1 : 0;
}

int
rtnl_link_up(struct mnl_socket *nl, uint32_t ifindex, uint32_t mtu)
{
	char buf[1024];
	struct nlmsghdr *nlh = rtnl_begin(buf, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = (int)ifindex;
	ifi->ifi_flags = ifi->ifi_change = IFF_UP | IFF_NOARP;
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return rtnl_request(nl, nlh, NULL, NULL);
}

int
rtnl_link_remove(struct mnl_socket *nl, uint32_t ifindex)
{
	char buf[1024];
	struct nlmsghdr *nlh = rtnl_begin(buf, RTM_DELLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = (int)ifindex;
	return rtnl_request(nl, nlh, NULL, NULL);
}

/* Where all interfaces are to be strict, ours can only be made tolerant. */
void
rtnl_quieten(const char *ifname)
{
	char path[128];
	int fd, all = 0;

	netlink_sysctl_get("all", "rp_filter", &all);
	netlink_sysctl_set(ifname, "rp_filter", all == 0 ? 0 : 2);
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", ifname);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd == -1)
		return; /* a kernel without IPv6 */
	if (write(fd, "1\n", 2) != 2)
		log_warn("netlink", "%s", path);
	close(fd);
}
