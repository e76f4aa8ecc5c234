/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
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

/* What is to be known of an interface. */
struct found {
	char name[IF_NAMESIZE];
	bool vxlan;
	uint16_t port; /* if it is */
};

static int
read_data(const struct nlattr *a, void *arg)
{
	struct found *f = arg;

	if (mnl_attr_get_type(a) == IFLA_VXLAN_PORT && mnl_attr_validate(a, MNL_TYPE_U16) == 0)
		f->port = ntohs(mnl_attr_get_u16(a));
	return MNL_CB_OK;
}

/* The kind comes first: what follows depends on it. */
static int
read_info(const struct nlattr *a, void *arg)
{
	struct found *f = arg;

	if (mnl_attr_get_type(a) == IFLA_INFO_KIND && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
		f->vxlan = strcmp(mnl_attr_get_str(a), "vxlan") == 0;
	return mnl_attr_get_type(a) == IFLA_INFO_DATA && f->vxlan ? mnl_attr_parse_nested(a, read_data, f) :
	    MNL_CB_OK;
}

static int
read_attr(const struct nlattr *a, void *arg)
{
	struct found *f = arg;

	if (mnl_attr_get_type(a) == IFLA_IFNAME && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
		snprintf(f->name, sizeof(f->name), "%s", mnl_attr_get_str(a));
	return mnl_attr_get_type(a) == IFLA_LINKINFO ? mnl_attr_parse_nested(a, read_info, f) : MNL_CB_OK;
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
	struct found f = { 0 };

	ifi->ifi_index = (int)ifindex;
	return rtnl_request(nl, nlh, read_link, &f) == 0 ? f.port : 0;
}

static int
look_for_port(const struct nlmsghdr *nlh, void *arg)
{
	struct found *wanted = arg, f = { 0 };

	if (read_link(nlh, &f) == MNL_CB_OK && f.port == wanted->port && !tunnel_is_name(f.name))
		*wanted = f;
	return MNL_CB_OK;
}

/* Another VXLAN interface, a program: whoever it is that has the port. */
static void
say_in_use(struct mnl_socket *nl, uint16_t port)
{
	char buf[1024];
	struct nlmsghdr *nlh = rtnl_begin(buf, RTM_GETLINK, NLM_F_DUMP);
	struct found other = { .name = "a program", .port = port };

	nlh->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	rtnl_request(nl, nlh, look_for_port, &other);
	log_errx("tunnel", "%s: UDP port %u is in use on this host by %s%s: give all members another vxlan_port",
	    TUNNEL_NAME, port, other.vxlan ? "the VXLAN interface " : "", other.name);
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
	if (t->nl != NULL && (errno == EADDRINUSE || errno == EEXIST))
		say_in_use(t->nl, port);
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
