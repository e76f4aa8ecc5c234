/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/door_msg.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "aliasd/bpf/layout.h"
#include "aliasd/edge/rtnl.h"

#define PROTOCOL 202 /* whose routes and rules these are */
#define ADDRESS 0x7f0c1a01 /* 127.12.26.1 */

struct nlmsghdr *
door_msg_make_pair(void *buf)
{
	struct nlmsghdr *nlh = rtnl_begin(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *peer;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, DOOR_IN);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_str(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, DOOR_OUT);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return nlh;
}

/* One that is local to every host anyway: nobody ever sees it. */
struct nlmsghdr *
door_msg_address(void *buf, uint32_t ifindex)
{
	struct nlmsghdr *nlh = rtnl_begin(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 32;
	ifa->ifa_scope = RT_SCOPE_HOST;
	ifa->ifa_index = ifindex;
	mnl_attr_put_u32(nlh, IFA_LOCAL, htonl(ADDRESS));
	mnl_attr_put_u32(nlh, IFA_ADDRESS, htonl(ADDRESS));
	return nlh;
}

/* Priority 0 for both: among equals the kernel asks in the order in which they were made. */
struct nlmsghdr *
door_msg_rule(void *buf, uint16_t type, bool own)
{
	struct nlmsghdr *nlh = rtnl_begin(buf, type, type == RTM_NEWRULE ? NLM_F_CREATE : 0);
	struct fib_rule_hdr *frh = mnl_nlmsg_put_extra_header(nlh, sizeof(*frh));

	frh->family = AF_INET;
	frh->action = FR_ACT_TO_TBL;
	frh->table = own ? RT_TABLE_UNSPEC : RT_TABLE_LOCAL;
	mnl_attr_put_u32(nlh, FRA_PRIORITY, 0);
	mnl_attr_put_u32(nlh, FRA_TABLE, own ? DOOR_TABLE : RT_TABLE_LOCAL);
	if (own)
		mnl_attr_put_strz(nlh, FRA_IIFNAME, "lo"); /* what this host sends */
	if (type == RTM_NEWRULE)
		mnl_attr_put_u8(nlh, FRA_PROTOCOL, own ? PROTOCOL : RTPROT_KERNEL);
	return nlh;
}

/* For what has no address yet: once it has the alias's, its way is that of everybody else. */
struct nlmsghdr *
door_msg_source_rule(void *buf, uint16_t type, unsigned n)
{
	struct nlmsghdr *nlh = rtnl_begin(buf, type, type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0);
	struct fib_rule_hdr *frh = mnl_nlmsg_put_extra_header(nlh, sizeof(*frh));

	frh->family = AF_INET;
	frh->action = FR_ACT_TO_TBL;
	frh->src_len = 32;
	mnl_attr_put_u32(nlh, FRA_PRIORITY, 0);
	mnl_attr_put_u32(nlh, FRA_SRC, 0);
	mnl_attr_put_u32(nlh, FRA_FWMARK, DP_MARK | n);
	mnl_attr_put_u32(nlh, FRA_FWMASK, 0xffffffff);
	mnl_attr_put_u32(nlh, FRA_TABLE, DP_MARK | n);
	if (type == RTM_NEWRULE)
		mnl_attr_put_u8(nlh, FRA_PROTOCOL, PROTOCOL);
	return nlh;
}

struct nlmsghdr *
door_msg_source_route(void *buf, uint16_t type, unsigned n, uint32_t ifindex, struct in_addr alias)
{
	struct nlmsghdr *nlh =
	    rtnl_begin(buf, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = AF_INET;
	rtm->rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_LINK : RT_SCOPE_NOWHERE;
	mnl_attr_put_u32(nlh, RTA_TABLE, DP_MARK | n);
	if (type != RTM_NEWROUTE)
		return nlh;
	rtm->rtm_protocol = PROTOCOL;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	mnl_attr_put_u32(nlh, RTA_PREFSRC, alias.s_addr);
	return nlh;
}

struct nlmsghdr *
door_msg_dump_rules(void *buf)
{
	struct nlmsghdr *nlh = rtnl_begin(buf, RTM_GETRULE, NLM_F_DUMP);
	struct fib_rule_hdr *frh = mnl_nlmsg_put_extra_header(nlh, sizeof(*frh));

	nlh->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	frh->family = AF_INET;
	return nlh;
}

struct nlmsghdr *
door_msg_route(void *buf, uint16_t type, struct in_addr to, uint32_t ifindex, struct in_addr from,
    uint32_t mtu)
{
	struct nlmsghdr *nlh =
	    rtnl_begin(buf, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct nlattr *metrics;

	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 32;
	rtm->rtm_table = RT_TABLE_UNSPEC;
	rtm->rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_LINK : RT_SCOPE_NOWHERE;
	mnl_attr_put_u32(nlh, RTA_TABLE, DOOR_TABLE);
	mnl_attr_put_u32(nlh, RTA_DST, to.s_addr);
	if (type != RTM_NEWROUTE)
		return nlh;
	rtm->rtm_protocol = PROTOCOL;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	mnl_attr_put_u32(nlh, RTA_PREFSRC, from.s_addr);
	if (mtu == 0)
		return nlh;
	metrics = mnl_attr_nest_start(nlh, RTA_METRICS);
	mnl_attr_put_u32(nlh, RTAX_MTU, mtu);
	mnl_attr_nest_end(nlh, metrics);
	return nlh;
}

struct selectors {
	uint32_t table, mark;
	bool from_here, more; /* more: it asks for something else besides */
};

static void
read_attr(const struct nlattr *a, struct selectors *s)
{
	switch (mnl_attr_get_type(a)) {
	case FRA_TABLE:
		if (mnl_attr_validate(a, MNL_TYPE_U32) == 0)
			s->table = mnl_attr_get_u32(a);
		break;
	case FRA_IIFNAME:
		s->from_here = mnl_attr_get_payload_len(a) == 3 &&
		    memcmp(mnl_attr_get_payload(a), "lo", 3) == 0;
		s->more = !s->from_here;
		break;
	case FRA_FWMARK:
		if (mnl_attr_validate(a, MNL_TYPE_U32) == 0)
			s->mark = mnl_attr_get_u32(a);
		s->more = true;
		break;
	case FRA_SRC:
	case FRA_DST:
	case FRA_OIFNAME:
	case FRA_L3MDEV:
		s->more = true;
		break;
	default:
		break;
	}
}

enum door_rule
door_msg_read_rule(const struct nlmsghdr *nlh)
{
	const struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	struct selectors s = { 0 };
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*frh) || frh->family != AF_INET ||
	    frh->action != FR_ACT_TO_TBL)
		return DOOR_RULE_OTHER;
	s.table = frh->table;
	mnl_attr_for_each(a, nlh, sizeof(*frh))
		read_attr(a, &s);
	if (s.table == DOOR_TABLE && s.from_here && !s.more)
		return DOOR_RULE_OWN;
	if (s.table == s.mark && (s.mark & DP_MARK_MASK) == DP_MARK)
		return DOOR_RULE_SOURCE;
	return s.table == RT_TABLE_LOCAL && !s.from_here && !s.more ? DOOR_RULE_LOCAL : DOOR_RULE_OTHER;
}
