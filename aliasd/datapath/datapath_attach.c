/* SPDX-License-Identifier: ISC */
/*
 * Which program is attached where, and how. At any moment one program sees every packet of a LAN
 * interface, also while another takes its place: a packet of somebody's connection that came through
 * would be answered by this host's stack with a reset.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/log.h"

#define FRAME_BEYOND_MTU 18 /* the Ethernet header and a VLAN tag */

static const char *const attach_names[] = { [DP_ATTACH_TC] = "tc", [DP_ATTACH_XDP] = "xdp",
	[DP_ATTACH_XDP_GENERIC] = "xdp-generic" };

const char *
datapath_attach_name(enum dp_attach mode)
{
	return attach_names[mode];
}

static const char *
if_name(uint32_t ifindex, char name[IF_NAMESIZE])
{
	return if_indextoname(ifindex, name) ? name : "?";
}

static struct attached *
find(const struct datapath *dp, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < dp->nattached; i++)
		if (dp->attached[i].ifindex == ifindex)
			return &dp->attached[i];
	return NULL;
}

/* What a predecessor's program saw proves nothing. */
static void
unprove(struct datapath *dp, uint32_t ifindex)
{
	int map = bpf_map__fd(dp->skel->maps.ifaces);
	struct dp_iface iface;

	if (bpf_map_lookup_elem(map, &ifindex, &iface) < 0 || !iface.proven)
		return;
	iface.proven = 0;
	bpf_map_update_elem(map, &ifindex, &iface, BPF_ANY);
}

static struct attached *
get(struct datapath *dp, uint32_t ifindex)
{
	struct attached *a = find(dp, ifindex);

	if (a)
		return a;
	a = reallocarray(dp->attached, dp->nattached + 1, sizeof(*a));
	if (!a)
		return NULL;
	dp->attached = a;
	a += dp->nattached++;
	*a = (struct attached){ .ifindex = ifindex };
	unprove(dp, ifindex);
	return a;
}

static void
forget(struct datapath *dp, uint32_t ifindex)
{
	struct attached *a = find(dp, ifindex);

	if (a)
		*a = dp->attached[--dp->nattached];
}

/* What the programs know of the interface: its address before the first packet. */
static int
note(struct datapath *dp, uint32_t ifindex, uint16_t kind)
{
	struct dp_iface iface = { 0 };

	bpf_map_lookup_elem(bpf_map__fd(dp->skel->maps.ifaces), &ifindex, &iface);
	iface.flags = (iface.flags & DP_IF_MADE_QDISC) | kind;
	iface.limit = iface_mtu(ifindex) + FRAME_BEYOND_MTU;
	if (iface_mac(ifindex, iface.mac) < 0)
		return iface_fail(0, "no Ethernet address", ifindex);
	if (bpf_map_update_elem(bpf_map__fd(dp->skel->maps.ifaces), &ifindex, &iface, BPF_ANY) < 0)
		return iface_fail(0, "too many interfaces", ifindex);
	return 0;
}

static int
attach_tc(struct datapath *dp, uint32_t ifindex, uint16_t kind, const struct bpf_program *prog)
{
	int made;

	if (note(dp, ifindex, kind) < 0 || (made = iface_make_qdisc(ifindex)) < 0 ||
	    (made && note(dp, ifindex, kind | DP_IF_MADE_QDISC) < 0))
		return -1;
	return iface_attach_filter(ifindex, BPF_TC_INGRESS, bpf_program__fd(prog));
}

/* TC holds the place until XDP has it. */
static int
attach_xdp(struct datapath *dp, struct attached *a)
{
	bool native = a->mode == DP_ATTACH_XDP;
	const struct bpf_program *prog =
	    native ? dp->skel->progs.clua_lan_xdp : dp->skel->progs.clua_lan_generic;
	uint32_t ifindex = a->ifindex;

	if (note(dp, ifindex, DP_IF_LAN) < 0)
		return -1;
	if (!xdp_replace(dp, ifindex, a->mode, bpf_program__fd(prog))) {
		if (attach_tc(dp, ifindex, DP_IF_LAN, dp->skel->progs.clua_lan) < 0)
			return -1;
		xdp_detach(dp->conf.pin_dir, ifindex);
		if (xdp_attach(dp, ifindex, a->mode, bpf_program__fd(prog), a->why) < 0)
			return -1;
	}
	return attach_tc(dp, ifindex, DP_IF_LAN,
	    native ? dp->skel->progs.clua_lan_rest : dp->skel->progs.clua_lan_large);
}

int
datapath_attach_lan(struct datapath *dp, uint32_t ifindex)
{
	struct attached *a = get(dp, ifindex);
	char name[IF_NAMESIZE];

	if (!a)
		return -1;
	a->kind = DP_IF_LAN;
	a->mode = dp->conf.attach;
	a->why[0] = '\0';
	if (a->mode != DP_ATTACH_TC && dp->no_xdp[0])
		memcpy(a->why, dp->no_xdp, sizeof(a->why));
	else if (a->mode != DP_ATTACH_TC && attach_xdp(dp, a) == 0)
		return 0;
	if (a->why[0])
		log_warnx("datapath", "%s: not by %s but by tc: %s", if_name(ifindex, name),
		    datapath_attach_name(a->mode), a->why);
	a->mode = DP_ATTACH_TC;
	if (attach_tc(dp, ifindex, DP_IF_LAN, dp->skel->progs.clua_lan) < 0) {
		forget(dp, ifindex);
		return -1;
	}
	xdp_detach(dp->conf.pin_dir, ifindex);
	return 0;
}

/* What a link's driver cannot send is lost without a word: no interface may redirect to it by XDP. */
static void
give_up_xdp(struct datapath *dp, uint32_t link, const char *why)
{
	char name[IF_NAMESIZE];
	size_t i;

	snprintf(dp->no_xdp, sizeof(dp->no_xdp), "link %s: %.100s", if_name(link, name), why);
	dp->no_xdp_with = link;
	for (i = 0; i < dp->nattached; i++)
		if (dp->attached[i].kind == DP_IF_LAN && dp->attached[i].mode != DP_ATTACH_TC)
			datapath_attach_lan(dp, dp->attached[i].ifindex);
}

static void
prepare_for_xdp(struct datapath *dp, uint32_t ifindex)
{
	int pass = bpf_program__fd(dp->skel->progs.clua_pass);
	char why[160];

	if (dp->conf.attach != DP_ATTACH_XDP || dp->no_xdp[0]) {
		xdp_detach(dp->conf.pin_dir, ifindex);
		return;
	}
	if (xdp_replace(dp, ifindex, DP_ATTACH_XDP, pass))
		return;
	xdp_detach(dp->conf.pin_dir, ifindex);
	if (xdp_attach(dp, ifindex, DP_ATTACH_XDP, pass, why) < 0)
		give_up_xdp(dp, ifindex, why);
}

static bool
is_by_xdp(const struct datapath *dp, const struct attached *a)
{
	return a->kind == DP_IF_LAN && a->mode == dp->conf.attach;
}

/* The one that was in the way is gone. Another may be in it too. */
static void
try_xdp_again(struct datapath *dp)
{
	char name[IF_NAMESIZE];
	size_t i;

	dp->no_xdp[0] = '\0';
	dp->no_xdp_with = 0;
	for (i = 0; i < dp->nattached; i++)
		if (dp->attached[i].kind == DP_IF_LINK)
			prepare_for_xdp(dp, dp->attached[i].ifindex);
	for (i = 0; !dp->no_xdp[0] && i < dp->nattached; i++) {
		if (dp->attached[i].kind != DP_IF_LAN || is_by_xdp(dp, &dp->attached[i]))
			continue;
		if (datapath_attach_lan(dp, dp->attached[i].ifindex) == 0 && is_by_xdp(dp, &dp->attached[i]))
			log_info("datapath", "%s: by %s again", if_name(dp->attached[i].ifindex, name),
			    datapath_attach_name(dp->attached[i].mode));
	}
}

/* What only TC can do. */
static int
attach_other(struct datapath *dp, uint32_t ifindex, uint16_t kind, const struct bpf_program *prog)
{
	struct attached *a = get(dp, ifindex);

	if (!a)
		return -1;
	a->kind = kind;
	a->mode = DP_ATTACH_TC;
	if (attach_tc(dp, ifindex, kind, prog) == 0)
		return 0;
	forget(dp, ifindex);
	return -1;
}

int
datapath_attach_link(struct datapath *dp, uint32_t ifindex)
{
	if (attach_other(dp, ifindex, DP_IF_LINK, dp->skel->progs.clua_link) < 0)
		return -1;
	prepare_for_xdp(dp, ifindex);
	return 0;
}

int
datapath_attach_guard(struct datapath *dp, uint32_t ifindex)
{
	if (attach_other(dp, ifindex, DP_IF_GUARD, dp->skel->progs.clua_guard) < 0)
		return -1;
	xdp_detach(dp->conf.pin_dir, ifindex);
	return 0;
}

int
datapath_attach_tunnel(struct datapath *dp, uint32_t ifindex)
{
	if (attach_other(dp, ifindex, DP_IF_TUNNEL, dp->skel->progs.clua_tunnel) < 0)
		return -1;
	if (dp->conf.attach != DP_ATTACH_TC)
		give_up_xdp(dp, ifindex, "what XDP redirects cannot say to which member it is to go");
	return 0;
}

int
datapath_attach_own(struct datapath *dp, uint32_t ifindex, uint32_t peer)
{
	if (attach_other(dp, ifindex, DP_IF_OWN, dp->skel->progs.clua_again) < 0 ||
	    iface_attach_filter(ifindex, BPF_TC_EGRESS, bpf_program__fd(dp->skel->progs.clua_own)) < 0)
		return -1;
	__atomic_store_n(dp->state.own_ifindex, peer, __ATOMIC_RELEASE);
	return 0;
}

int
attach_remove(struct datapath *dp, uint32_t ifindex)
{
	int map = bpf_map__fd(dp->skel->maps.ifaces), err;
	struct dp_iface iface;
	bool xdp;

	forget(dp, ifindex);
	if (bpf_map_lookup_elem(map, &ifindex, &iface) < 0)
		return -1;
	xdp = xdp_detach(dp->conf.pin_dir, ifindex);
	err = iface_remove_filter(ifindex, BPF_TC_INGRESS);
	if (iface.flags & DP_IF_OWN)
		iface_remove_filter(ifindex, BPF_TC_EGRESS);
	if (iface.flags & DP_IF_MADE_QDISC)
		iface_remove_qdisc(ifindex);
	bpf_map_delete_elem(map, &ifindex);
	/* An interface that is gone took the filter with it. */
	if (err < 0 && !xdp && err != -ENOENT && err != -ENODEV && err != -EINVAL)
		return iface_fail(err, "cannot detach", ifindex);
	return 0;
}

int
datapath_detach(struct datapath *dp, uint32_t ifindex)
{
	int err = attach_remove(dp, ifindex);

	if (dp->no_xdp[0] && dp->no_xdp_with == ifindex)
		try_xdp_again(dp);
	return err;
}

static bool
is_there(const struct datapath *dp, const struct attached *a)
{
	bool xdp = a->mode != DP_ATTACH_TC;

	if (xdp && !xdp_is_attached(dp->conf.pin_dir, a->ifindex, a->mode))
		return false;
	return iface_has_filter(a->ifindex);
}

static int
attach_again(struct datapath *dp, uint32_t ifindex, uint16_t kind)
{
	switch (kind) {
	case DP_IF_LAN:
		return datapath_attach_lan(dp, ifindex);
	case DP_IF_LINK:
		return datapath_attach_link(dp, ifindex);
	case DP_IF_TUNNEL:
		return datapath_attach_tunnel(dp, ifindex);
	case DP_IF_OWN:
		return datapath_attach_own(dp, ifindex, *dp->state.own_ifindex);
	default:
		return datapath_attach_guard(dp, ifindex);
	}
}

void
datapath_check(struct datapath *dp, uint32_t ifindex)
{
	struct attached *a = find(dp, ifindex);
	char name[IF_NAMESIZE];

	if (!a || !if_indextoname(ifindex, name) || is_there(dp, a))
		return;
	log_warnx("datapath", "%s: somebody removed the packet program: attaching it again", name);
	if (attach_again(dp, ifindex, a->kind) < 0)
		log_errx("datapath", "%s: packets of aliases pass by", name);
}

void
datapath_check_all(struct datapath *dp)
{
	size_t i;

	for (i = 0; i < dp->nattached; i++)
		datapath_check(dp, dp->attached[i].ifindex);
}

void
datapath_detach_others(struct datapath *dp)
{
	int map = bpf_map__fd(dp->skel->maps.ifaces), more;
	uint32_t ifindex, next;
	char name[IF_NAMESIZE];

	more = bpf_map_get_next_key(map, NULL, &next);
	while (more == 0) {
		ifindex = next;
		more = bpf_map_get_next_key(map, &ifindex, &next);
		if (find(dp, ifindex))
			continue;
		log_info("datapath", "%s: not needed any more", if_name(ifindex, name));
		datapath_detach(dp, ifindex);
	}
}

bool
datapath_attachment(const struct datapath *dp, uint32_t ifindex, struct dp_attachment *out)
{
	const struct attached *a = find(dp, ifindex);
	struct dp_iface iface = { 0 };

	if (!a || a->kind != DP_IF_LAN)
		return false;
	bpf_map_lookup_elem(bpf_map__fd(dp->skel->maps.ifaces), &ifindex, &iface);
	*out = (struct dp_attachment){ .mode = a->mode, .proven = iface.proven };
	memcpy(out->why, a->why, sizeof(out->why));
	return true;
}

void
datapath_probe_frame(const uint8_t mac[6], uint8_t out[DP_PROBE_LEN])
{
	static const uint8_t ether_ip[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, DP_PROBE_ASK };

	memset(out, 0, DP_PROBE_LEN);
	memset(out, 0xff, 6);
	memcpy(out + 6, mac, 6);
	memcpy(out + 12, ether_ip, sizeof(ether_ip));
	memcpy(out + 22, mac, 6);
}
