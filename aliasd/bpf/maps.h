/* SPDX-License-Identifier: ISC */
/* The maps of the data plane and the small tables that live in the program's own data. */
#ifndef CLUA_ALIASD_BPF_MAPS_H
#define CLUA_ALIASD_BPF_MAPS_H

#include "half_open.h"
#include "young.h"

/* Set before loading. */
const volatile __u32 self_node;
const volatile __u32 tunnel_vni;
const volatile __u64 flow_seed;
const volatile __u32 half_open_sets;
const volatile __u64 netns_cookie;
const volatile __u32 deliver_ifindex;
const volatile __u8 deliver_mac[6];
const volatile __u32 alias_filter_shift;
const volatile __u32 alias_bucket_mask;

/* Written by the daemon through the mapping, read by plain loads. */
__u64 alias_filter[DP_FILTER_BITS / 64];
__u64 mac_filter[4096 / 64];
struct dp_node_slot nodes[DP_NODES];
__u64 flow_space;
__u32 own_ifindex; /* what the daemon sends there comes in by clua0; 0: there is none */
__u8 port_flags[2][DP_PORTS];
struct dp_out out;
__u64 answer_until; /* CLOCK_MONOTONIC ns after which no ARP is answered; 0 = no end */
/*
 * The same: until then, what comes from a member may be of a handshake with another one. Routers do not know
 * of each other's half-open connections: a SYN that comes again by another than the first did may be given
 * to another member than the first was. 0: not, or not any more.
 */
__u64 routers_new_until;

/* Written here: when the next notice of a packet that was too big is due, if many come. */
__u64 notice_due;
/*
 * Tags of the SYNs that members redirected here, in places by the hash of the connection: one that comes
 * again finds its own, and is counted once. That of a connection whose place another one has taken since
 * is forgotten: at R new ones a second, of the SYNs that come again t seconds later R * t / DP_SYNS, as
 * long as that is little, are counted twice.
 */
__u32 syns_received[DP_SYNS];
/*
 * Tags of those whose datagrams came last, in places by the hash of client and ports: who comes again within
 * two seconds is in udp_sources already. Others cannot have pushed it out of there: so many would have come
 * by its place here long before.
 */
__u64 udp_recent[DP_UDP_RECENT];
/* An event found no room. */
__u32 events_lost;
__u64 events_woken; /* when the daemon was last woken for one */
/* Written by the daemon: until then it looks by itself, so nobody needs to wake it. */
__u64 events_look;
struct dp_young_queue young;
__u64 young_timed; /* 1: young_timer will go off */

struct young_timer {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct young_timer);
	__uint(max_entries, 1);
} young_timers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dp_meta);
	__uint(max_entries, 1);
} meta SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dp_alias_bucket);
	__uint(max_entries, 1);
} alias_buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dp_alias_slot);
	__uint(max_entries, 1);
} alias_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dp_bucket);
	__uint(max_entries, 1);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct dp_flow_key);
	__type(value, __u32);
	__uint(max_entries, 1);
} overflow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dp_half_set);
	__uint(max_entries, 1);
} half_open SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct dp_service_key);
	__type(value, struct dp_service);
	__uint(max_entries, 1);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct dp_ring);
	__uint(max_entries, 1);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct dp_sticky_key);
	__type(value, struct dp_sticky);
	__uint(max_entries, 65536);
} sticky SEC(".maps");

/* A socket of the daemon that throws away what it gets. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} sink SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, __u32);
	__uint(max_entries, DP_NODES * 8);
} macs SEC(".maps");

/* Addresses from which members send in VXLAN, and which member it is. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, DP_NODES * 8);
} tunnel_peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct dp_frag_key);
	__type(value, struct dp_frag);
	__uint(max_entries, 16384);
} frags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct dp_udp_key);
	__type(value, struct dp_udp_source);
	__uint(max_entries, DP_UDP_SOURCES);
} udp_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct dp_iface);
	__uint(max_entries, 256);
} ifaces SEC(".maps");

struct counters {
	__u64 v[DP_COUNTERS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct counters);
	__uint(max_entries, 1);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, DP_STRAY_ROOM);
} strays SEC(".maps");

#endif
