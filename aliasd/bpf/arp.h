/* SPDX-License-Identifier: ISC */
/* ARP: the master answers for an alias, in place; nobody else does, least of all the kernel. */
#ifndef CLUA_ALIASD_BPF_ARP_H
#define CLUA_ALIASD_BPF_ARP_H

#include "packet.h"
#include "up.h"

/* <linux/if_arp.h> drags the C library in. */
#define ARPHRD_ETHER 1
#define ARPOP_REQUEST 1
#define ARPOP_REPLY 2

struct arp_ether {
	__u16 hrd, pro;
	__u8 hln, pln;
	__u16 op;
	__u8 sha[6];
	__u8 spa[4];
	__u8 tha[6];
	__u8 tpa[4];
};

INLINE __u32
arp_addr(const __u8 *a)
{
	__u32 addr;

	__builtin_memcpy(&addr, a, sizeof(addr));
	return addr;
}

INLINE int
arp_is_ether_ip(const struct arp_ether *arp)
{
	return arp->hrd == bpf_htons(ARPHRD_ETHER) && arp->pro == bpf_htons(ETH_P_IP) &&
	    arp->hln == 6 && arp->pln == 4;
}

INLINE int
arp_answer(struct packet *p, const __u8 *mac)
{
	struct ethhdr *eth = packet_data(p);
	struct arp_ether *arp = (void *)(eth + 1);

	if ((void *)(arp + 1) > packet_end(p))
		return drop(p, DP_C_MALFORMED);
	__builtin_memcpy(eth->h_dest, eth->h_source, 6);
	__builtin_memcpy(eth->h_source, mac, 6);
	arp->op = bpf_htons(ARPOP_REPLY);
	__builtin_memcpy(arp->tha, arp->sha, 6);
	__builtin_memcpy(arp->sha, mac, 6);
	__builtin_memcpy(arp->tpa, arp->spa, 4);
	__builtin_memcpy(arp->spa, &p->addr, 4);
	count(p, DP_C_ARP_ANSWERED);
	return packet_send(p, packet_ifindex(p));
}

/* A daemon that does not come back is no master for ever: another member is, by then. */
INLINE int
arp_expired(void)
{
	return answer_until && bpf_ktime_get_ns() > answer_until;
}

/* With which MAC the one who asks shall be answered; NULL: not at all. */
INLINE const __u8 *
arp_answer_mac(struct packet *p, struct dp_alias_slot *slot)
{
	__u32 ifindex = packet_ifindex(p);
	struct dp_iface *iface;

	if (slot->ifindex && slot->ifindex != ifindex)
		return 0;
	if (slot->flags & DP_ALIAS_VMAC)
		return slot->vmac;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	return iface ? iface->mac : 0;
}

/* What is asked of everybody is for the master. */
INLINE void
arp_up(struct packet *p, struct dp_alias_slot *slot)
{
	if (((slot->flags & DP_ALIAS_MASTER) || packet_addressee(p) != PACKET_BROADCAST) &&
	    up_has_room(ARP_ROOM))
		up_frame(p, DP_STRAY_ARP, DP_UP_ARP, 0, 0);
}

INLINE int
arp_request(struct packet *p, int may_answer)
{
	struct dp_alias_slot *slot = alias_slot_of(p->alias);
	const __u8 *mac;

	if (may_answer && slot && (slot->flags & DP_ALIAS_BY_DAEMON))
		arp_up(p, slot);
	if (!may_answer || !slot || !(slot->flags & DP_ALIAS_MASTER) ||
	    (slot->flags & DP_ALIAS_BY_DAEMON) || arp_expired())
		return drop(p, DP_C_ARP_DROPPED);
	mac = arp_answer_mac(p, slot);
	return mac ? arp_answer(p, mac) : drop(p, DP_C_ARP_DROPPED);
}

/* Not ours to see: frames to somebody else that a switch or a bridge floods. */
INLINE int
arp_is_for_us(const struct packet *p)
{
	return packet_addressee(p) == PACKET_BROADCAST || frame_is_ours(p);
}

/* Said once: the daemon wakes up for it. */
INLINE void
probe_report(__u32 ifindex, struct dp_iface *iface)
{
	struct dp_event *ev;

	if (iface->proven)
		return;
	ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);
	if (!ev)
		return; /* the next one */
	iface->proven = 1;
	*ev = (struct dp_event){ .type = DP_EV_PROVEN, .client = ifindex };
	bpf_ringbuf_submit(ev, BPF_RB_FORCE_WAKEUP);
}

/* A frame of another member's that got here proves that this program is where the LAN's frames are. */
INLINE int
probe_packet(struct packet *p)
{
	__u32 ifindex = packet_ifindex(p);
	struct dp_iface *iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	struct ethhdr *eth = packet_data(p);
	struct arp_ether *arp = (void *)(eth + 1);
	__u32 addressee = packet_addressee(p);

	if (!iface || (void *)(arp + 1) > packet_end(p) ||
	    mac_load(eth->h_source) == mac_load(iface->mac) ||
	    (addressee != PACKET_HOST && addressee != PACKET_BROADCAST))
		return PASS;
	probe_report(ifindex, iface);
	if (arp->op != bpf_htons(DP_PROBE_ASK))
		return DROP;
	arp->op = bpf_htons(DP_PROBE_ANSWER);
	__builtin_memcpy(eth->h_dest, eth->h_source, 6);
	__builtin_memcpy(eth->h_source, iface->mac, 6);
	__builtin_memcpy(arp->tha, arp->sha, 6);
	__builtin_memcpy(arp->sha, iface->mac, 6);
	return packet_send(p, ifindex);
}

INLINE int
arp_packet(struct packet *p, int may_answer)
{
	struct arp_ether *arp = packet_header(p, ETH_HLEN, sizeof(*arp));

	if (!arp || packet_is_tagged(p) || !arp_is_ether_ip(arp))
		return PASS;
	if (may_answer && (arp->op == bpf_htons(DP_PROBE_ASK) || arp->op == bpf_htons(DP_PROBE_ANSWER)))
		return probe_packet(p);
	if (arp->op != bpf_htons(ARPOP_REQUEST))
		return PASS;
	p->client = arp_addr(arp->spa);
	p->addr = arp_addr(arp->tpa);
	p->alias = alias_find(p->addr);
	if (p->alias == DP_ALIAS_NONE || !arp_is_for_us(p))
		return PASS;
	/*
	 * One who asks for the address he has is announcing it. Our daemon shall hear of it, but the kernel
	 * may have the address too and must not answer: as a reply the frame says the same.
	 */
	if (p->client == p->addr) {
		arp->op = bpf_htons(ARPOP_REPLY);
		return PASS;
	}
	p->counts = counts_of(p->alias);
	return arp_request(p, may_answer);
}

#endif
