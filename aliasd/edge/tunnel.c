/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "aliasd/core/paths.h"
#include "aliasd/edge/rtnl.h"
#include "common/log.h"

#define TUNNEL_MTU 9202 /* the program minds what passes; this is for what it was put together from */

struct tunnel {
	struct mnl_socket *nl;
	uint32_t ifindex;
};

static int
make(struct mnl_socket *nl, uint16_t port)
{
	char buf[1024];
	struct nlmsghdr *nlh = rtnl_begin(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, TUNNEL_NAME);
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(paths_tunnel_mac), paths_tunnel_mac);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_str(nlh, IFLA_INFO_KIND, "vxlan");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u8(nlh, IFLA_VXLAN_COLLECT_METADATA, 1);
	mnl_attr_put_u8(nlh, IFLA_VXLAN_LEARNING, 0);
	mnl_attr_put_u16(nlh, IFLA_VXLAN_PORT, htons(port));
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return rtnl_request(nl, nlh, NULL, NULL);
}

static int
read_data(const struct nlattr *a, void *arg)
{
	uint16_t *port = arg;

	if (mnl_attr_get_type(a) == IFLA_VXLAN_PORT && mnl_attr_validate(a, MNL_TYPE_U16) == 0)
		*port = ntohs(mnl_attr_get_u16(a));
	return MNL_CB_OK;
}

static int
read_info(const struct nlattr *a, void *arg)
{
	return mnl_attr_get_type(a) == IFLA_INFO_DATA ? mnl_attr_parse_nested(a, read_data, arg) : MNL_CB_OK;
}

static int
read_attr(const struct nlattr *a, void *arg)
{
	return mnl_attr_get_type(a) == IFLA_LINKINFO ? mnl_attr_parse_nested(a, read_info, arg) : MNL_CB_OK;
}

static int
read_link(const struct nlmsghdr *nlh, void *arg)
{
	return mnl_attr_parse(nlh, sizeof(struct ifinfomsg), read_attr, arg);
}

/* The port of the one that is there; 0: it is of another kind. */
static uint16_t
port_of(struct mnl_socket *nl, uint32_t ifindex)
{
	char buf[1024];
	struct nlmsghdr *nlh = rtnl_begin(buf, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	uint16_t port = 0;

	ifi->ifi_index = (int)ifindex;
	return rtnl_request(nl, nlh, read_link, &port) == 0 ? port : 0;
}

static int
make_ready(struct tunnel *t, uint16_t port)
{
	uint32_t there = if_nametoindex(TUNNEL_NAME);

	if (there != 0 && port_of(t->nl, there) != port) {
		if (rtnl_link_remove(t->nl, there) < 0)
			return -1;
		there = 0;
	}
	if (there == 0 && make(t->nl, port) < 0)
		return -1;
	t->ifindex = if_nametoindex(TUNNEL_NAME);
	if (t->ifindex == 0)
		return -1;
	rtnl_quieten(TUNNEL_NAME);
	return rtnl_link_up(t->nl, t->ifindex, TUNNEL_MTU);
}

struct tunnel *
tunnel_open(uint16_t port)
{
	struct tunnel *t = mem_zalloc(sizeof(*t));

	t->nl = rtnl_open();
	if (t->nl != NULL && make_ready(t, port) == 0)
		return t;
	if (errno == EADDRINUSE || errno == EEXIST)
		log_errx("tunnel", "%s: UDP port %u is in use on this host: give all members another vxlan_port",
		    TUNNEL_NAME, port);
	else
		log_err("tunnel", "%s", TUNNEL_NAME);
	tunnel_close(t);
	return NULL;
}

static int
take_away(struct mnl_socket *nl)
{
	uint32_t ifindex = if_nametoindex(TUNNEL_NAME);

	if (ifindex == 0)
		return 0;
	if (rtnl_link_remove(nl, ifindex) == 0)
		return 1;
	log_warn("tunnel", "cannot remove %s", TUNNEL_NAME);
	return -1;
}

void
tunnel_close(struct tunnel *t)
{
	if (t == NULL)
		return;
	if (t->nl != NULL) {
		take_away(t->nl);
		mnl_socket_close(t->nl);
	}
	free(t);
}

int
tunnel_remove(void)
{
	struct mnl_socket *nl = rtnl_open();
	int n = nl == NULL ? -1 : take_away(nl);

	if (nl != NULL)
		mnl_socket_close(nl);
	return n;
}

uint32_t
tunnel_ifindex(const struct tunnel *t)
{
	return t->ifindex;
}

bool
tunnel_is_name(const char *ifname)
{
	return strcmp(ifname, TUNNEL_NAME) == 0;
}
