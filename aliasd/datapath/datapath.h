/* SPDX-License-Identifier: ISC */
/*
 * The kernel side of aliasd: all use of libbpf is behind this header.
 *
 * aliasd decides, the data plane carries out: it is told which aliases exist, who may get new
 * connections of a service, over which links a member is reached, and who owns which connection; it
 * tells what the kernel's sockets do and hands up the packets it has no answer for.
 *
 * Addresses and ports are in network byte order, as they stand in a packet, unless a name ends in _h.
 * Calls return 0, or -1 with errno, after logging what the kernel said.
 */
#ifndef CLUA_ALIASD_DATAPATH_H
#define CLUA_ALIASD_DATAPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include "common/llthosts.h"
#include "proto/llt_ctl.h"

struct ev_loop;
struct datapath;

struct dp_conn { /* a connection, seen from the alias */
	struct in_addr client, alias;
	in_port_t client_port, port;
};

struct dp_fragment { /* what the fragments of a datagram have in common */
	struct in_addr client, alias;
	uint16_t id; /* network order, as the addresses */
	uint8_t ipproto;
};

struct dp_too_big {
	uint16_t node;    /* who shall have it */
	uint16_t limit;   /* bytes of the largest IP packet on the way */
	uint16_t segment; /* of an aggregate: the payload of each packet; else 0 */
};

enum dp_sock_event {
	DP_LISTEN,      /* a TCP socket of this host began to listen: conn.alias = its bound address, or any */
	DP_UNLISTEN,    /* … ended to listen */
	DP_ESTABLISHED, /* a connection to an alias was accepted by this host */
	DP_ENDING,      /* … this host closed it, or its half of it */
	DP_CLOSED,      /* … ended here */
	DP_LOST,        /* some of these were not told: dump the sockets again (conn is void) */
};

struct dp_ops {
	/* when: CLOCK_MONOTONIC ns */
	void (*on_sock)(enum dp_sock_event, const struct dp_conn *, uint64_t when, void *arg);
	/*
	 * All that happened up to now has been told by on_sock: a good time to pass it on. Returns the time
	 * of the next look, if there has to be one; else UINT64_MAX. Not called for the first event after
	 * a while without any.
	 */
	uint64_t (*on_looked)(uint64_t now, void *arg);
	/*
	 * A TCP packet of a connection nobody here knows; frame is the Ethernet frame as it came in on
	 * ifindex, its first 2048 bytes if it is longer (an aggregate of several packets). The data
	 * plane has dropped it. ifindex 0: a member redirected it to us, who are half connected to its
	 * client, but it answers to another member; its sender is not reached that way.
	 */
	void (*on_stray)(const struct dp_conn *, uint32_t ifindex, const uint8_t *frame, size_t len,
	    void *arg);
	/* The same for a SYN that nobody shall have, as datapath_set_service() or the alias says. */
	void (*on_refused)(const struct dp_conn *, uint32_t ifindex, const uint8_t *frame, size_t len,
	    void *arg);
	/*
	 * A fragment that came before the first of its datagram, whole; the data plane has dropped it.
	 * known: by now the first one has come, and it may be put in again at once.
	 */
	void (*on_fragment)(const struct dp_fragment *, bool known, const uint8_t *frame, size_t len,
	    void *arg);
	/* An ARP request for an alias of which that is left to the daemon (struct dp_alias). */
	void (*on_arp)(uint32_t ifindex, const uint8_t *frame, size_t len, void *arg);
	/*
	 * A packet for another member that is too large for the way there; the data plane has dropped it.
	 * What may not be taken apart comes with its first 256 bytes and is to be answered, the rest whole
	 * and is to be sent on in pieces. ifindex is where the sender is.
	 */
	void (*on_too_big)(const struct dp_too_big *, uint32_t ifindex, const uint8_t *frame, size_t len,
	    void *arg);
	/* The first one has come: those that are held may be put in again. */
	void (*on_first)(const struct dp_fragment *, void *arg);
	/* A probe of another host came in by this LAN interface: its program is where it should be. */
	void (*on_proven)(uint32_t ifindex, void *arg);
};

enum dp_attach { DP_ATTACH_TC, DP_ATTACH_XDP, DP_ATTACH_XDP_GENERIC };

struct dp_conf {
	enum dp_attach attach; /* of LAN interfaces */
	uint16_t self;             /* our node id */
	uint32_t vni;              /* of packets in VXLAN, 24 bits */
	uint32_t max_flows;        /* established connections of the whole cluster, default 1,000,000 */
	uint32_t max_half_open;    /* connections, default 131,072 */
	uint32_t max_aliases;      /* default 8, at most 102,400 */
	uint32_t max_services;     /* (alias, port) pairs, default 65,536 */
	const char *pin_dir;       /* on a bpffs, made if missing: /sys/fs/bpf/clua */
	const char *cgroup;        /* cgroup2 directory for the UDP source hook; NULL = the mounted root */
	uint32_t deliver_ifindex;  /* 0: packets from links go up the stack as they are (needs rp_filter 0
	                            * there); else they enter it as if they had come in on this interface */
};

/* Loads, or takes over what an earlier aliasd pinned (flows and all) if it has the same layout. */
struct datapath *datapath_open(
    struct ev_loop *, const struct dp_conf *, const struct dp_ops *, void *arg);
/* leave = true: detach and unpin everything; false: packets go on flowing without us. */
void datapath_close(struct datapath *, bool leave);
/*
 * Removes what an aliasd that was killed left of its data plane; each thing is logged. How many they
 * were, or -1 if something could not be removed. Only while none is open.
 */
int datapath_cleanup(const char *pin_dir);
/* True if datapath_open() found a data plane in place. */
bool datapath_resumed(const struct datapath *);

/*
 * LAN interfaces answer ARP and redirect; link interfaces deliver what members redirect to us; on guarded
 * ones the kernel does not get to see ARP requests for aliases. One replaces the other without a gap. Where
 * XDP is asked for and impossible TC is used, with a warning.
 */
int datapath_attach_lan(struct datapath *, uint32_t ifindex);
int datapath_attach_link(struct datapath *, uint32_t ifindex);
int datapath_attach_guard(struct datapath *, uint32_t ifindex);
/*
 * The interface that packets take which leave in VXLAN, and by which those of members come. Until it is
 * detached LAN interfaces are attached by TC: what XDP redirects cannot say where it is to go.
 */
int datapath_attach_tunnel(struct datapath *, uint32_t ifindex);
int datapath_detach(struct datapath *, uint32_t ifindex);
/*
 * The interface that routes lead to for what this host sends to an alias; its other end, peer, is
 * where frames are put in that were held, and answers to this host.
 */
int datapath_attach_own(struct datapath *, uint32_t ifindex, uint32_t peer);
/* Detaches from interfaces where a predecessor was and this one was not told to be. */
void datapath_detach_others(struct datapath *);

/* Is the program still there? If not, it is attached again, with a warning. Unknown ones are ignored. */
void datapath_check(struct datapath *, uint32_t ifindex);
void datapath_check_all(struct datapath *);

struct dp_attachment {
	enum dp_attach mode;
	bool proven;
	char why[160]; /* mode is not what was asked for because of this; "" = it is */
};
/* How a LAN interface is attached; false if it is not. */
bool datapath_attachment(const struct datapath *, uint32_t ifindex, struct dp_attachment *);
const char *datapath_attach_name(enum dp_attach); /* as in aliasd.conf */
/* The probe by which other members' programs prove ours, from this address. */
#define DP_PROBE_LEN 42
void datapath_probe_frame(const uint8_t mac[6], uint8_t out[DP_PROBE_LEN]);

struct dp_alias {
	struct in_addr addr;
	bool master;       /* answer ARP requests for it, with the MAC of the interface or vmac */
	uint32_t ifindex;  /* … on this LAN interface; 0: on all */
	bool has_vmac;
	uint8_t vmac[6];
	uint16_t source;   /* number of the routes by which connected sockets leave from it; 0: none */
	bool by_daemon;    /* ARP requests are left to the daemon: who asks decides what he is told */
	/* Gets what no service claims (ICMP, SYN to a port nobody listens on): a member that joined. */
	uint16_t fallback; /* node id; DP_NO_NODE: SYNs are refused, the rest is dropped */
};
#define DP_NO_NODE 0xffff

int datapath_set_alias(struct datapath *, const struct dp_alias *);
int datapath_del_alias(struct datapath *, struct in_addr);
/* Connections to it that are known, of all members. */
size_t datapath_alias_flows(struct datapath *, struct in_addr);
/* max_aliases for which there is room, whatever was asked for. */
uint32_t datapath_max_aliases(const struct datapath *);
/*
 * ARP requests are answered until then (clock_ns()) and not later, unless this is said again: whoever
 * is killed must not stay master. 0, as it is at first: without an end.
 */
void datapath_answer_until(struct datapath *, uint64_t when);
/*
 * Some alias has other routers than before, who know nothing of half-open connections. Until then (clock_ns())
 * it is looked whether what members redirect here is for the handshake of this host.
 */
void datapath_routers_new_until(struct datapath *, uint64_t when);

#define DP_REFUSE 0xffff
struct dp_target {
	uint16_t node;   /* DP_REFUSE, as the only one: SYNs are refused, datagrams dropped */
	uint16_t weight; /* consecutive new connections before the next member's turn; > 0 */
};

/*
 * Who gets new connections (TCP) or packets (UDP) of this service; none: the alias's fallback. Takes
 * effect at once for what comes next. Weighted round robin starts anew only if the set changed. At most
 * 64 members; a member that is not reachable is passed over.
 */
int datapath_set_service(struct datapath *, struct in_addr alias, uint8_t ipproto, in_port_t port,
    const struct dp_target *, size_t n);
/* What is set in between takes effect at the end at the latest: many cost less so. */
void datapath_services_begin(struct datapath *);
void datapath_services_end(struct datapath *);

/* What the table of services says of one port; see enum DP_PORT_* in aliasd/bpf/layout.h. */
struct dp_port {
	uint8_t ipproto;
	uint8_t flags;
	uint16_t port_h;
	uint16_t sticky; /* s that a client of it stays with its member; 0: it does not */
};
/*
 * The whole table. NOLOCAL: no new connections to addresses of this host that are no aliases, and no
 * datagrams; NOALIAS: none to aliases that come from this host itself; OUT: connections of this host
 * that go to the port leave as datapath_set_source() says.
 */
int datapath_set_ports(struct datapath *, const struct dp_port *, size_t n);

/* Who has which ports of the default alias for outgoing connections. */
struct dp_shares {
	struct in_addr addr;
	uint16_t first, size; /* share i: size ports from first + i * size, host order */
	size_t n;             /* at most 256; 0: none */
	uint16_t node[256];   /* or DP_NO_NODE */
};
void datapath_set_shares(struct datapath *, const struct dp_shares *);
/* Where connections of this host to a port that is OUT come from, and its share; 0: as ever. */
void datapath_set_source(struct datapath *, struct in_addr, uint16_t first_h, uint16_t last_h);

struct dp_path { /* a way to a member */
	uint32_t ifindex;
	uint32_t limit; /* bytes of the largest IP packet that passes; 0: whatever comes */
	uint8_t src[6], dst[6];
	struct in_addr remote, local; /* in VXLAN between these; remote 0: as it is */
};
/* The usable ways to a member, best class only; flows are spread over them. n = 0: unreachable. */
int datapath_set_paths(struct datapath *, uint16_t node, const struct dp_path *, size_t n);
/* MACs a member sends from on the LAN: what comes from them is delivered here, not redirected again. */
int datapath_set_member_macs(struct datapath *, uint16_t node, const uint8_t (*mac)[6], size_t n);

/* Addresses a member sends from in VXLAN; what comes from others is dropped. */
int datapath_set_member_addrs(struct datapath *, uint16_t node, const struct in_addr *, size_t n);

/*
 * Is a segment with these numbers (in host order; ack only if it acks, else it is a reset) for a connection
 * here: near what its socket expects, or answering a SYN cookie of a socket that listens? Then the connection
 * begins as soon as the packet reaches it.
 */
bool datapath_takes_segment(
    struct datapath *, const struct dp_conn *, bool acks, uint32_t seq, uint32_t ack);

/* The copy of the connections that other members, and we, own. set replaces an earlier owner. */
int datapath_set_flow(struct datapath *, const struct dp_conn *, uint16_t owner);
/*
 * The last view in which all this was in accord with the other members' tables: for the next life of this
 * daemon. 0: there was none.
 */
void datapath_set_accord(struct datapath *, uint32_t gen);
uint32_t datapath_accord(const struct datapath *);
/* A hint that so many will be set soon: makes room for them at once. */
void datapath_expect_flows(struct datapath *, size_t more);
uint16_t datapath_flow_owner(struct datapath *, const struct dp_conn *); /* DP_NO_NODE: none */
/*
 * As an owner: this host has, or had, a socket of it, but the client may have given it up. To the packet
 * program it is a connection that nobody knows, until a packet proves that it lives.
 */
#define DP_DOUBTED 1024
bool datapath_is_doubted(struct datapath *, const struct dp_conn *);
int datapath_del_flow(struct datapath *, const struct dp_conn *, uint16_t owner); /* only if owner's */
/* All of its flows, and what it was given and has not told of. The number of flows. */
int datapath_del_owner(struct datapath *, uint16_t owner);
/* The connections that it was given and has not told of: their SYNs are dealt out anew when they come again. */
void datapath_forget_syns(struct datapath *, uint16_t node);
size_t datapath_flow_count(const struct datapath *, uint16_t owner);
/*
 * It has just begun, and has ended since the last look or will be told of by on_sock when it is old enough: who
 * finds it among the kernel's sockets need not see to it.
 */
bool datapath_is_young(const struct datapath *, const struct dp_conn *);
/*
 * Has all told that is there to be told, and DP_LOST if the kernel could not tell of all changes of sockets. To
 * be called now and then. False: some of it is not there yet, and a list of sockets may be ahead of it.
 */
bool datapath_look_for_missed(struct datapath *);
/* Has on_looked called at that time, or earlier. */
void datapath_look_by(struct datapath *, uint64_t when);
/* Calls fn for every flow of owner (DP_NO_NODE: of all). */
void datapath_each_flow(struct datapath *, uint16_t owner,
    void (*fn)(const struct dp_conn *, uint16_t owner, void *arg), void *arg);

/*
 * Per CPU in the kernel, summed here. RECEIVED: from a member that redirected it. FRAGMENT: all but
 * the first of a datagram, which counts as the datagram; delivered here. FRAGMENT_HELD: came before the
 * first; LOST: dropped, as the first was, or did not come in time. OWN: sent by this host; counts as
 * what it is, too. TOO_BIG: for a link, dropped, and the sender told; SPLIT: forwarded in pieces; LOST:
 * dropped, as there were too many. TUNNEL_STRANGER: in the tunnel from an address that is no member's;
 * dropped.
 */
enum dp_counter {
	DP_C_ARP_ANSWERED, DP_C_ARP_DROPPED, DP_C_NEW_LOCAL, DP_C_NEW_FORWARDED, DP_C_FLOW_LOCAL,
	DP_C_FLOW_FORWARDED, DP_C_HALFOPEN_HIT, DP_C_UDP_LOCAL, DP_C_UDP_FORWARDED, DP_C_FROM_MEMBER,
	DP_C_STRAY, DP_C_STRAY_LOST, DP_C_NO_TARGET, DP_C_NO_PATH, DP_C_FALLBACK, DP_C_MALFORMED,
	DP_C_FRAGMENT, DP_C_REFUSED, DP_C_NEW_RECEIVED, DP_C_UDP_RECEIVED, DP_C_FRAGMENT_FORWARDED,
	DP_C_FRAGMENT_RECEIVED, DP_C_HALFOPEN_FORWARDED, DP_C_FRAGMENT_HELD, DP_C_FRAGMENT_LOST,
	DP_C_ICMP_ERROR, DP_C_OWN, DP_C_TOO_BIG, DP_C_TOO_BIG_SPLIT, DP_C_TOO_BIG_LOST,
	DP_C_TUNNEL_STRANGER, DP_C_MAX
};
const char *datapath_counter_name(enum dp_counter);
int datapath_counters(struct datapath *, uint64_t out[DP_C_MAX]);
/* The same for one alias; false if there is no such alias. */
bool datapath_alias_counters(struct datapath *, struct in_addr, uint64_t out[DP_C_MAX]);

#endif
