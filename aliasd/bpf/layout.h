/* SPDX-License-Identifier: ISC */
/*
 * What the packet program and the daemon share: the layout of every map, and the hash functions.
 * Compiled into the program, the daemon and the tests, so that they cannot drift apart.
 * Addresses and ports are in network byte order throughout. Any change of a size or a meaning here
 * needs a new DP_LAYOUT: it decides whether a daemon may take over what an earlier one pinned.
 */
#ifndef CLUA_ALIASD_BPF_LAYOUT_H
#define CLUA_ALIASD_BPF_LAYOUT_H

#include <linux/types.h>

#define DP_LAYOUT 25

/* Of what others write meanwhile: read once, and whole. */
#define DP_LOAD(x) (*(const volatile __u64 *)&(x))

#define DP_NODES 1024
#define DP_NODE_NONE 0xffff
#define DP_PATHS 8      /* ways to one member */
#define DP_PATH_BANKS 4 /* sets of them: one in use, the others free or just left */
#define DP_TARGETS 64 /* members of one service */
#define DP_COUNTERS 32 /* room for them; a power of two */
#define DP_SYNS 65536 /* a power of two */

/*
 * Aliases: two buckets of four places for an address; a place names the alias's number, which is that of
 * its slot and of its counters. As many buckets as there are numbers, or a little more: then both buckets
 * of an address are never full. A bit per hash value in front of them costs one load for packets that are
 * for somebody else. The daemon sizes all this by what it is configured for.
 */
#define DP_ALIAS_WAYS 4
#define DP_ALIASES_MIN 1024 /* numbers */
#define DP_ALIASES_MAX 131072
#define DP_ALIAS_NONE 0xffffffffu
#define DP_ALIAS_ASLEEP 0x80000000u /* in a bucket: the number of one that is not active */
#define DP_FILTER_BITS 1048576 /* at most in use */

enum { DP_ALIAS_ACTIVE = 1, DP_ALIAS_MASTER = 2, DP_ALIAS_VMAC = 4, DP_ALIAS_BY_DAEMON = 8 };

struct dp_alias_bucket {
	__u32 addr[DP_ALIAS_WAYS];
	__u32 number[DP_ALIAS_WAYS];
};

struct dp_alias_slot {
	__u16 flags;
	__u16 fallback;
	__u8 vmac[6];
	__u16 source; /* number of the routes that choose it as the source; 0: there are none */
	__u32 ifindex; /* where ARP is answered; 0: on every LAN interface */
};

struct dp_path_slot { /* the first 12 bytes of the frame as they shall be */
	__u8 dst[6];
	__u8 src[6];
	__u32 ifindex;
	__u32 limit; /* bytes of the largest IP packet that passes; 0: whatever comes */
	__u32 remote, local; /* in VXLAN between these addresses; 0: as the frame is */
	__u32 pad;
};

struct dp_node_slot {
	__u32 current; /* bank << 8 | number of paths: one word, so that a reader sees a whole set */
	__u32 pad[15];
	struct dp_path_slot path[DP_PATH_BANKS][DP_PATHS];
};

/*
 * Members in the order of their turns, for every service that has the same ones. The turns of t[i] end
 * before t[i].end. A single DP_NODE_NONE in place of them: new connections are refused.
 */
struct dp_ring {
	__u32 n;
	__u32 total;
	struct {
		__u32 end;
		__u32 node;
	} t[DP_TARGETS];
};

struct dp_service_key {
	__u32 alias;
	__u16 port;
	__u8 proto;
	__u8 pad;
};

struct dp_service {
	__u64 next; /* counts the turns given */
	__u32 ring;
	__u32 sticky; /* s that a client stays with its member; 0: everybody takes the next turn */
};

/*
 * The flow table: buckets of one cache line. An entry is a key and a value in the same column; a value
 * of 0 is an empty place. One writer, any number of readers, no locks:
 *	to add		key, then value
 *	to remove	value = 0
 * A reader that found a match reads the key and then the value once more: had the place been given to
 * another flow in between, they would differ. What does not fit its bucket is in a hash map beside,
 * and overflow says how many there are of this bucket. They move from there to here as places become
 * free (added here first, then removed there), never the other way. When a bucket is split, what moves
 * is copied before the new bucket is taken into use, and the old copy is left for readers that came
 * before; an entry counts only in the bucket that its hash points to.
 */
#define DP_WAYS 5
struct dp_bucket {
	__u64 key[DP_WAYS];
	__u32 value[DP_WAYS];
	__u32 overflow;
};

struct dp_flow_key { /* of the overflow map */
	__u64 key;
	__u32 alias;
	__u32 pad;
};

/*
 * Half-open connections, from the SYN until the owner tells of them or for good: sets of four places, one
 * cache line. Any CPU writes and the daemon empties places, at any time, without locks or order. All that
 * is said of a connection is one word: isn << 32 | alias << 15 | (node + 1) << 4 | order, and 0 in an
 * empty place. check is its key, mixed with that word: if the two are of different entries, as they may
 * be while others write, they make a key that is nobody's (but for one in 2^64), so that no connection
 * ever has the node of another. Two that are written into one place at once may both be lost, as may the
 * oldest, whose place a new one takes when a set is full: their packets are strays then, of which the
 * owner is asked.
 */
#define DP_HALF_WAYS 4
#define DP_HALF_ORDER_BITS 4
#define DP_HALF_ORDERS (1u << DP_HALF_ORDER_BITS)
#define DP_HALF_SPAN (1u << 24) /* bytes that a client may send while it is known by its SYN alone */
struct dp_half_open {
	__u64 check;
	__u64 entry;
};

struct dp_half_set {
	struct dp_half_open way[DP_HALF_WAYS];
};

struct dp_sticky_key {
	__u32 alias, client;
	__u16 port;
	__u8 proto;
	__u8 pad;
};
struct dp_sticky {
	__u64 seen; /* CLOCK_MONOTONIC ns */
	__u32 node;
	__u32 pad;
};

/*
 * What the table of services says of a port, for the sockets of this host: NOLOCAL and NOALIAS of its
 * own port, OUT of the port a connection goes to.
 */
enum { DP_PORT_NOLOCAL = 1, DP_PORT_NOALIAS = 2, DP_PORT_OUT = 4 };
#define DP_PORTS 65536
#define DP_PORT_TCP 0
#define DP_PORT_UDP 1

/*
 * The ports that connections from the default alias leave from are shared out: share i begins at
 * first + i * size. What comes back to one belongs to its node. Ports in host order here.
 */
#define DP_SHARES 256
struct dp_out {
	__u32 addr; /* the default alias */
	__u32 n;    /* shares; 0: there are none */
	__u32 first, size;
	__u32 source; /* what connections of this host leave from; 0: as ever */
	__u32 own_first, own_last;
	__u16 node[DP_SHARES];
};

struct dp_frag_key {
	__u32 saddr, daddr;
	__u16 id;
	__u8 proto;
	__u8 pad;
};

struct dp_frag {
	__u64 since; /* CLOCK_MONOTONIC ns */
	__u64 sign;  /* of the first fragment */
	__u32 node;  /* who got it; DP_NODE_NONE: nobody; or … */
	__u32 got, total; /* bytes that have passed, and that there are: 0 = not known yet */
	__u32 pad;
};
#define DP_FRAG_HELD 0xfffffffe /* … it has not come, and others wait for it */
#define DP_FRAG_FRESH 2000000000ull

/* Who sent a UDP packet to which port of ours: the answer leaves from the alias it went to. */
struct dp_udp_key {
	__u32 client;
	__u16 client_port, port;
};
struct dp_udp_source {
	__u64 seen; /* CLOCK_MONOTONIC ns */
	__u32 alias;
	__u32 pad;
};
#define DP_UDP_SOURCES 65536
#define DP_UDP_RECENT 4096 /* a power of two */
/* The mark of a socket that leaves the choice of its address to those routes. */
#define DP_MARK 0xc1a00000u
#define DP_MARK_MASK 0xfff00000u
/*
 * A wake-up costs more than the event. The first connection that comes or goes after a while without
 * any wakes the daemon, which from then on looks by itself, at least every DP_LOOK (ns), until it finds
 * nothing. If it is late by more than DP_LOOK_LATE, or dead, it is woken again, at most once in
 * DP_WAKE_GAP.
 *
 * The kernel's timer for the young (below) leaves them to a daemon that looks by itself, and goes off when that is
 * late. If it looked just before somebody was due, and no more after that, the timer is late by that much: with
 * DP_YOUNG_AGE no more than 5 ms.
 */
#define DP_LOOK 4500000ull
#define DP_LOOK_LATE 400000ull
#define DP_LOOK_SLACK 1000000ull /* who will be old enough within that goes along with who is */
#define DP_WAKE_GAP 1000000ull
#define DP_UDP_FRESH 180000000000ull

enum { DP_IF_LAN = 1, DP_IF_LINK = 2, DP_IF_MADE_QDISC = 4, DP_IF_GUARD = 8, DP_IF_OWN = 16,
	DP_IF_TUNNEL = 32 };
struct dp_iface {
	__u8 mac[6];
	__u16 flags;
	__u32 limit;  /* generic XDP: longer frames are aggregates, for TC */
	__u32 proven; /* a probe of another host came in */
};

/*
 * Connections of this host that have just begun: a queue in the order in which they did, with places
 * for each by its hash. Most end before others have to know of them, which is seen here: the daemon, for which
 * a wake-up is dear, never hears of those. It takes those that have lasted for DP_YOUNG_AGE (ns), and is
 * woken for that by a timer of the kernel. Any processor puts in, and ends what is there; the daemon alone
 * takes. All by atomic operations on two words: what place says (a ticket + 1, 0: nothing), and the state of
 * a slot, ticket << 2 | DP_YOUNG_…, which tells of whom it speaks.
 */
enum { DP_YOUNG_BEGAN = 1, DP_YOUNG_ENDED, DP_YOUNG_TAKEN };
struct dp_young {
	__u64 state;
	__u64 when; /* CLOCK_MONOTONIC ns */
	__u32 alias, client;
	__u16 client_port, port;
	__u32 pad;
};
#define DP_YOUNG_AGE 4500000ull
#define DP_YOUNG_AGAIN 10000000ull /* if the daemon does not come, it is woken again */
#define DP_YOUNGS 4096 /* a power of two */
#define DP_YOUNG_PLACES 8192 /* a power of two */
#define DP_YOUNG_CHOICES 4   /* a power of two; of one cache line */
#define DP_YOUNG_SPARE 1024 /* slots for those that all processors put in at once; not in use otherwise */
struct dp_young_queue {
	__u64 head __attribute__((aligned(64))); /* the next ticket */
	__u64 tail __attribute__((aligned(64))); /* of the first in the queue */
	__u64 place[DP_YOUNG_PLACES] __attribute__((aligned(64)));
	struct dp_young slot[DP_YOUNGS];
};
/* BUSY: to be looked at again in a moment. */
enum dp_young_first { DP_YOUNG_FIRST_NONE, DP_YOUNG_FIRST_BEGAN, DP_YOUNG_FIRST_BUSY };

enum { DP_EV_LISTEN, DP_EV_UNLISTEN, DP_EV_ESTABLISHED, DP_EV_ENDING, DP_EV_CLOSED, DP_EV_PROVEN,
	DP_EV_DUE }; /* somebody in the queue is old enough */
struct dp_event {
	__u64 when; /* CLOCK_MONOTONIC ns */
	__u32 type;
	__u32 alias, client; /* DP_EV_PROVEN: client is the interface */
	__u16 port, client_port;
};

#define DP_STRAY_ROOM (1 << 21)
#define DP_STRAY_ARP 64
#define DP_STRAY_SHORT 256
#define DP_STRAY_LONG 2048
#define DP_STRAY_JUMBO 9216
#define DP_STRAY_HUGE 65552 /* an IP packet of any length */
enum {
	DP_UP_STRAY,    /* TCP of no known connection */
	DP_UP_ASTRAY,   /* a member redirected it here, and it belongs to another one */
	DP_UP_REFUSED,  /* a SYN that nobody shall have */
	DP_UP_FRAGMENT, /* came before the first of its datagram; client_port is the number of that */
	DP_UP_FIRST,    /* the first one has come while others are held */
	DP_UP_ARP,      /* a request that the daemon answers */
	DP_UP_TOO_BIG,  /* for its way to node: the sender is to be told, or it is to be taken apart */
};
struct dp_stray {
	__u32 ifindex; /* where the sender is */
	__u32 len;     /* of what follows */
	__u32 alias, client;
	__u16 port, client_port;
	__u16 kind, proto;
	__u16 node, limit; /* too big: the largest IP packet on the way … */
	__u16 segment;     /* … and the payload of each in an aggregate, 0: it is none */
	__u16 pad;
};

/* One element, kept with the maps: what a successor must know. */
struct dp_meta {
	__u32 layout;
	__u32 buckets;
	__u32 max_flows;
	__u32 max_half_open;
	__u32 aliases; /* numbers */
	__u32 services;
	__u32 accord; /* the last view in which the flows were in accord with all the members' */
	__u32 pad;
	__u64 seed;
	__u64 retired[DP_COUNTERS]; /* counts of aliases that are gone */
};

/*
 * Probes: ARP frames with the operation codes that are set aside for experiments (RFC 5494), which every
 * other host leaves alone. The program answers one to all with one to its sender.
 */
#define DP_PROBE_ASK 24
#define DP_PROBE_ANSWER 25

static inline __u32
dp_alias_hash(__u32 addr)
{
	__u32 h = (addr * 0x9e3779b97f4a7c15ull) >> 32; /* any bit of the address changes half of these */

	return h ^ h >> 15;
}

/* All bits set if d is 0, else none: in place of jumps that the processor and the verifier would follow. */
static inline __u64
dp_if_zero(__u64 d)
{
	return ((d | -d) >> 63) - 1;
}

/* shift: 32 less the number of bits that number the filter's. */
static inline __u32
dp_alias_filter_bit(__u32 hash, __u32 shift)
{
	return hash >> shift;
}

static inline __u32
dp_alias_bucket(__u32 hash, int choice, __u32 mask)
{
	return (choice ? hash >> 15 : hash) & mask;
}

/* A MAC as the key of a map: its first two bytes and the other four, as they lie in memory. */
static inline __u64
dp_mac_number(__u16 first, __u32 rest)
{
	return (__u64)first << 32 | rest;
}

static inline __u32
dp_mac_hash(__u64 mac)
{
	return (mac * 0x9e3779b97f4a7c15ull) >> 52; /* 12 bits */
}

static inline __u64
dp_flow_key(__u32 client, __u16 client_port, __u16 port)
{
	return (__u64)client << 32 | (__u32)client_port << 16 | port;
}

/* The low 32 bits choose the bucket, the 16 above them the place in it, the rest the path. */
static inline __u64
dp_flow_hash(__u64 key, __u32 alias, __u64 seed)
{
	__u64 h = (key ^ seed) + alias * 0xc2b2ae3d27d4eb4full;

	h *= 0x9e3779b97f4a7c15ull;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ull;
	return h ^ h >> 32;
}

/*
 * Linear hashing: the table takes one bucket more into use whenever it holds enough, which splits an
 * older one. A small table stays small and near the processor, whatever it may grow to. space says how
 * many are in use, and the mask of the next power of two; both in one word for the reader's sake.
 */
static inline __u64
dp_flow_space(__u32 buckets)
{
	__u64 mask = 1;

	while (mask < buckets)
		mask *= 2;
	return (__u64)buckets << 32 | (mask - 1);
}

static inline __u32
dp_flow_bucket(__u64 hash, __u64 space)
{
	__u32 mask = space, i = hash & mask;

	return i < space >> 32 ? i : i & mask >> 1;
}

/* Of client and ports, the alias, and the time in steps of two seconds that are the same again in a year. */
static inline __u64
dp_udp_tag(__u64 hash, __u32 alias, __u64 now)
{
	return ((hash + alias * 0x9e3779b97f4a7c15ull) & ~0xffffffull) | (now >> 31 & 0xffffff);
}

/* The place in a bucket that an entry has if it is free when it comes: looked at first. */
static inline __u32
dp_flow_way(__u64 hash)
{
	return ((hash >> 32 & 0xffff) * DP_WAYS) >> 16;
}

#define DP_OWNER_BITS 11
/* Owned by this host, it may be: to the program it is a connection that nobody knows. */
#define DP_OWNER_DOUBTED DP_NODES
#define DP_OWNERS (DP_NODES + 1)
static inline __u32
dp_flow_value(__u32 alias, __u32 owner)
{
	return (alias + 1) << DP_OWNER_BITS | (owner + 1);
}

static inline __u32
dp_flow_alias(__u32 value)
{
	return (value >> DP_OWNER_BITS) - 1;
}

static inline __u32
dp_flow_owner(__u32 value)
{
	return (value & ((1u << DP_OWNER_BITS) - 1)) - 1;
}

/*
 * Which member a client sticks to, agreed without a word: each member draws a number from the client's
 * address, and the lowest in proportion to its weight wins. When a member comes or goes, no other
 * clients move than those it gets or had. The draw is -log2 of a number evenly spread over 0..1, in
 * 1/65536: with it the shares are as the weights.
 */
static inline __u32
dp_sticky_draw(__u32 client, __u32 node)
{
	__u32 u = dp_flow_hash(client, node, 0x5bd1e995) >> 32 | 1, exponent = 31, step, f;

	for (step = 16; step; step /= 2)
		if (!(u >> (32 - step))) {
			u <<= step;
			exponent -= step;
		}
	f = u << 1 >> 16;
	/* log2(1 + f) is f and a little more, at most 0.086 in the middle. */
	f += ((f * (65536 - f)) >> 16) * 22525 >> 16;
	return (32u << 16) - (exponent << 16) - f;
}

#ifndef __cplusplus
_Static_assert(sizeof(struct dp_bucket) == 64, "one cache line");
_Static_assert(sizeof(struct dp_half_set) == 64, "one cache line");
_Static_assert(sizeof(struct dp_path_slot) == 32, "path");
_Static_assert(sizeof(struct dp_alias_slot) == 16, "alias");
_Static_assert(sizeof(struct dp_alias_bucket) == 32, "half a cache line");
_Static_assert(DP_OWNERS < 1 << DP_OWNER_BITS, "owners fit");
_Static_assert(DP_ALIASES_MAX < 1 << (32 - DP_OWNER_BITS), "aliases fit");
_Static_assert(DP_ALIASES_MAX <= 1 << (32 - DP_OWNER_BITS - DP_HALF_ORDER_BITS), "aliases fit there, too");
_Static_assert(sizeof(struct dp_flow_key) == 16, "no padding in keys");
_Static_assert(sizeof(struct dp_service_key) == 8, "no padding in keys");
_Static_assert(sizeof(struct dp_frag_key) == 12, "no padding in keys");
_Static_assert(sizeof(struct dp_sticky_key) == 12, "no padding in keys");
#endif

#endif
