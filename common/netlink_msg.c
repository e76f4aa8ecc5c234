/* SPDX-License-Identifier: ISC */
#include "common/netlink_msg.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

/* Says who added an address; the kernel leaves the numbers above its own few to others. */
#define ADDR_PROTO 0xc1

static void
copy_str(char *dst, size_t size, const struct nlattr *a)
{
	size_t n = mnl_attr_get_payload_len(a);

	/* The kernel ends strings with a NUL, but that is its word only. */
	n = strnlen(mnl_attr_get_payload(a), n);
	if (n >= size)
		n = size - 1;
	memcpy(dst, mnl_attr_get_payload(a), n);
	dst[n] = '\0';
}

static bool
get_u32(const struct nlattr *a, uint32_t *v)
{
	if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
		return false;
	*v = mnl_attr_get_u32(a);
	return true;
}

static void
read_kind(const struct nlattr *info, struct netlink_link *l)
{
	const struct nlattr *a;

	if (mnl_attr_validate(info, MNL_TYPE_NESTED) < 0)
		return;
	mnl_attr_for_each_nested(a, info)
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			copy_str(l->kind, sizeof(l->kind), a);
}

static void
read_link_attr(const struct nlattr *a, struct netlink_link *l)
{
	switch (mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		copy_str(l->name, sizeof(l->name), a);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(a) == sizeof(l->mac))
			memcpy(l->mac, mnl_attr_get_payload(a), sizeof(l->mac));
		break;
	case IFLA_MTU:
		get_u32(a, &l->mtu);
		break;
	case IFLA_MASTER:
		get_u32(a, &l->master);
		break;
	case IFLA_CARRIER:
		if (mnl_attr_validate(a, MNL_TYPE_U8) == 0)
			l->carrier = mnl_attr_get_u8(a) != 0;
		break;
	case IFLA_CARRIER_CHANGES:
		get_u32(a, &l->carrier_changes);
		break;
	case IFLA_LINKINFO:
		read_kind(a, l);
		break;
	default:
		break;
	}
}

bool
netlink_msg_link(const struct nlmsghdr *nlh, struct netlink_link *l)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return false;
	/* Bridges speak of their ports in the same messages: a port removed is not a link removed. */
	if (ifi->ifi_family != AF_UNSPEC || ifi->ifi_index <= 0)
		return false;
	memset(l, 0, sizeof(*l));
	l->ifindex = (uint32_t)ifi->ifi_index;
	l->type = ifi->ifi_type;
	l->up = (ifi->ifi_flags & IFF_UP) != 0;
	l->carrier = (ifi->ifi_flags & IFF_RUNNING) != 0;
	mnl_attr_for_each(a, nlh, sizeof(*ifi))
		read_link_attr(a, l);
	/* Some devices keep their carrier while they are set down: it is of no use then. */
	l->carrier = l->carrier && l->up;
	return true;
}

bool
netlink_msg_addr(const struct nlmsghdr *nlh, struct netlink_addr *ad)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	uint16_t want = IFA_ADDRESS;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa) || ifa->ifa_family != AF_INET)
		return false;
	memset(ad, 0, sizeof(*ad));
	ad->ifindex = ifa->ifa_index;
	ad->prefixlen = ifa->ifa_prefixlen;
	ad->scope = ifa->ifa_scope;
	/* On a point-to-point link IFA_ADDRESS is the other end and IFA_LOCAL ours. */
	mnl_attr_for_each(a, nlh, sizeof(*ifa)) {
		uint16_t type = mnl_attr_get_type(a);

		if (type == IFA_PROTO && mnl_attr_validate(a, MNL_TYPE_U8) == 0)
			ad->ours = mnl_attr_get_u8(a) == ADDR_PROTO;
		if ((type != IFA_LOCAL && type != want) ||
		    mnl_attr_get_payload_len(a) != sizeof(ad->addr))
			continue;
		memcpy(&ad->addr, mnl_attr_get_payload(a), sizeof(ad->addr));
		if (type == IFA_LOCAL)
			want = IFA_LOCAL;
	}
	return true;
}

struct nlmsghdr *
netlink_msg_build_addr(void *buf, uint16_t type, const struct netlink_addr *ad)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (type == RTM_NEWADDR)
		nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = ad->prefixlen;
	ifa->ifa_scope = ad->scope;
	ifa->ifa_index = ad->ifindex;
	mnl_attr_put_u32(nlh, IFA_LOCAL, ad->addr.s_addr);
	mnl_attr_put_u32(nlh, IFA_ADDRESS, ad->addr.s_addr);
	if (type == RTM_NEWADDR)
		mnl_attr_put_u8(nlh, IFA_PROTO, ADDR_PROTO);
	return nlh;
}

/* What "bridge fdb add MAC dev IF self permanent" says: a filter entry of a NIC, a local one of a bridge. */
struct nlmsghdr *
netlink_msg_build_mac(void *buf, uint16_t type, uint32_t ifindex, const uint8_t mac[6])
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (type == RTM_NEWNEIGH)
		nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	ndm->ndm_family = AF_BRIDGE;
	ndm->ndm_ifindex = (int)ifindex;
	ndm->ndm_state = NUD_PERMANENT;
	ndm->ndm_flags = NTF_SELF;
	mnl_attr_put(nlh, NDA_LLADDR, 6, mac);
	return nlh;
}

struct nlmsghdr *
netlink_msg_build_local(
    void *buf, uint16_t type, uint32_t ifindex, struct in_addr addr, uint8_t proto)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (type == RTM_NEWROUTE)
		nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 32;
	rtm->rtm_table = RT_TABLE_LOCAL;
	rtm->rtm_protocol = proto;
	rtm->rtm_scope = RT_SCOPE_HOST;
	rtm->rtm_type = RTN_LOCAL;
	mnl_attr_put_u32(nlh, RTA_DST, addr.s_addr);
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	return nlh;
}

bool
netlink_msg_local(const struct nlmsghdr *nlh, uint8_t proto, struct in_addr *addr)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) || rtm->rtm_family != AF_INET ||
	    rtm->rtm_table != RT_TABLE_LOCAL || rtm->rtm_protocol != proto ||
	    rtm->rtm_type != RTN_LOCAL || rtm->rtm_dst_len != 32)
		return false;
	mnl_attr_for_each(a, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(a) != RTA_DST || mnl_attr_get_payload_len(a) != sizeof(*addr))
			continue;
		memcpy(addr, mnl_attr_get_payload(a), sizeof(*addr));
		return true;
	}
	return false;
}

struct nlmsghdr *
netlink_msg_build_dump(void *buf, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (type == RTM_GETLINK) {
		struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

		ifi->ifi_family = AF_UNSPEC;
	} else if (type == RTM_GETROUTE) {
		struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

		rtm->rtm_family = AF_INET;
	} else {
		struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

		ifa->ifa_family = AF_INET;
	}
	return nlh;
}
