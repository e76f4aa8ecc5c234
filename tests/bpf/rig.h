/* SPDX-License-Identifier: ISC */
/* A data plane of its own: in fresh network and mount namespaces, on a BPF file system that ends with them. */
#ifndef CLUA_TESTS_BPF_RIG_H
#define CLUA_TESTS_BPF_RIG_H

#include "aliasd/datapath/datapath_int.h"
#include "tests/bpf/frame.h"

#define RIG_SELF 1
#define RIG_PASS ((uint32_t)-1)
#define RIG_DROP 2
#define RIG_REDIRECT 7
#define RIG_ALIAS "10.1.0.100"
#define RIG_PIN "/run/clua-test/clua"

struct rig {
	struct datapath *dp;
	struct dp_conf conf;
	uint16_t segment; /* frames by TC are aggregates: the payload of each packet */
	bool xdp; /* frames of the LAN go through the entry of XDP */
	uint32_t lan, link; /* interfaces */
	uint8_t lan_mac[6], link_mac[6];
	unsigned events[DP_LOST + 1];
	struct dp_conn last[DP_LOST + 1]; /* by kind of event */
	unsigned strays, refused, fragments, known_fragments, firsts;
	struct dp_fragment fragment;
	struct dp_too_big too_big; /* the last one */
	unsigned too_bigs;
	struct dp_conn stray_conn;
	size_t stray_len; /* of a stray, a refused SYN or a fragment */
	uint64_t sent;
	uint8_t stray_frame[FRAME_MAX];
};

/* Once for the process, before anything else. Exits when it cannot be done. */
void rig_isolate(void);
/* Exits with a message when a command fails. */
void rig_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

extern const uint8_t rig_client_mac[6], rig_broadcast[6];
/* The address that node is reached at, by its path; a path is a place of 0..7. */
void rig_node_mac(uint16_t node, unsigned path, uint8_t mac[6]);

void rig_open(struct rig *); /* with the conf in it; what is 0 gets a value fit for tests */
void rig_close(struct rig *);
/* Alias with fallback RIG_SELF, master or not. */
void rig_alias(struct rig *, const char *alias, bool master);
void rig_paths(struct rig *, uint16_t node, size_t n);
void rig_narrow_paths(struct rig *, uint16_t node, size_t n, uint32_t limit);
void rig_service(struct rig *, const char *alias, int proto, uint16_t port, size_t n,
    const struct dp_target *);
struct dp_conn rig_conn(const char *client, uint16_t cport, const char *alias, uint16_t port);

struct run {
	uint32_t verdict; /* as TC would say it */
	struct frame out;
};
/* One frame through the program of a LAN interface, or of a link. -1: the kernel does not run such a frame. */
int rig_try(struct rig *, const struct frame *, struct run *);
int rig_try_link(struct rig *, const struct frame *, struct run *);
/* The same for frames that it must run. */
void rig_run(struct rig *, const struct frame *, struct run *);
void rig_run_link(struct rig *, const struct frame *, struct run *);
/* What has passed XDP, through the program of TC behind it. */
void rig_run_rest(struct rig *, const struct frame *, struct run *);
/* Out of clua0, from this host; and into it, from the daemon. */
int rig_try_own(struct rig *, const struct frame *, struct run *);
int rig_try_again(struct rig *, const struct frame *, struct run *);
void rig_run_own(struct rig *, const struct frame *, struct run *);
void rig_run_again(struct rig *, const struct frame *, struct run *);
/* The node that a frame was sent to, RIG_SELF if it passed, -1 if it was dropped, -2 if it makes no sense. */
int rig_where(struct rig *, const struct frame *);
/* Frames that left by the link since it was asked last: copies, as what is redirected here goes nowhere. */
uint64_t rig_sent(struct rig *);
uint64_t rig_counter(struct rig *, enum dp_counter);

/* Frames from the client to the LAN interface. */
void rig_tcp(struct rig *, struct frame *, const char *client, uint16_t sport, const char *dst,
    uint16_t dport, uint8_t flags, uint32_t seq);
void rig_udp(struct rig *, struct frame *, const char *client, uint16_t sport, const char *dst,
    uint16_t dport);

#endif
