/* SPDX-License-Identifier: ISC */
/* Inside the core: what its files share with each other and nobody else. */
#ifndef CLUA_LLTD_CORE_PRIV_H
#define CLUA_LLTD_CORE_PRIV_H

#include "common/log.h"
#include "lltd/core.h"
#include "lltd/crypto.h"
#include "lltd/replay.h"
#include "lltd/sched.h"
#include "lltd/session.h"
#include "lltd/stream.h"

#define HELLO_WINDOWS 3                  /* incarnations of a peer whose hellos we tell apart */
#define QUEUE_HIGH (8u * 1024 * 1024)    /* bytes queued to one peer at which senders wait … */
#define QUEUE_LOW (4u * 1024 * 1024)     /* … and go on */
#define ACK_EVERY 32                     /* data frames, inside one batch of input */

struct hello_window {
	uint64_t inc;
	uint64_t used; /* for finding the one to give up */
	struct replay seen;
};

struct peer {
	uint16_t node;
	const char *name;
	struct session s;
	struct crypto_session keys;
	bool confirmed;   /* a frame of this session came: the peer has it too */
	uint32_t session; /* how many there were */
	uint64_t tx_seq;
	struct replay rx_seen;
	uint64_t top_at;       /* when its newest frame came */
	uint64_t stale[2];     /* the newest one, by the last two times we looked … */
	uint64_t next_stale;   /* … and when to look again */
	struct hello_window hello[HELLO_WINDOWS];
	struct log_limit answers; /* hellos and verdicts that it can make us send */
	struct linkstate link[LLT_MAX_LINKS];
	uint8_t up[2];            /* links in state UP, by priority */
	uint8_t links_up;         /* not inactive */
	size_t frag_len;
	struct sched sched;
	struct stream_tx *tx[LLT_MAX_PORTS];
	struct stream_rx *rx[LLT_MAX_PORTS];
	uint32_t tx_ports;  /* with something to send or to be acknowledged */
	uint32_t ack_ports; /* owing an acknowledgement */
	bool ack_soon;      /* when this round of input is over */
	uint64_t ack_by;    /* else by then; 0: nothing is owed */
	unsigned unacked;   /* data frames since the last one */
	uint8_t ack_link;
	unsigned next_port;
	size_t queued;
	bool congested;
};

struct core_link {
	uint8_t prio;
	uint32_t burst;
	bool carrier;
	uint32_t ifindex;
	uint8_t addr[LLT_ADDR_LEN];
	size_t mtu;
	uint64_t next_hello; /* when to broadcast again */
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
};

enum core_state { CORE_CHECKING, CORE_RUNNING, CORE_REFUSED };

struct core {
	struct core_conf conf;
	const struct core_ops *ops;
	void *arg;
	uint8_t state;
	struct crypto_cluster keys;
	const struct crypto_cluster *cluster_keys; /* NULL: no authentication */
	uint64_t inc;
	uint64_t hello_seq;
	struct core_link link[LLT_MAX_LINKS];
	uint32_t burst[LLT_MAX_LINKS];
	uint64_t next_hb[2]; /* by priority: all peers' heartbeats go out together */
	struct peer *by_node[LLT_MAX_NODES];
	struct peer **peers;
	unsigned npeers;
	uint64_t check_end, next_probe;
	uint64_t wake;        /* what core_next() said */
	uint64_t stream_wake; /* streams want a tick by then */
	struct stats stats;
	struct stream_counters streams;
	struct log_limit log_late, log_auth, log_dup, log_name, log_crossed;
	struct log_limit welcomes, refusals; /* answers to those who start */
	uint8_t out[LLT_FRAME_MAX + LLT_FRAME_TAG];
	uint8_t plain[LLT_FRAME_MAX];
};

/* One arriving frame. */
struct input {
	struct llt_frame f;
	unsigned link;
	const uint8_t *src;
	const uint8_t *bytes;
	uint64_t now;
};

static inline void
core_count(struct core *c, enum stat s)
{
	c->stats.n[s]++;
}

/* ---- core_tx.c ---- */
/* A writer for the body of a frame of that type, in c->out. */
void tx_begin(struct core *, struct wire_wr *, uint8_t type);
void tx_cluster(struct core *, struct wire_wr *, uint8_t type, unsigned link, uint16_t node,
    const uint8_t *addr);
void tx_session(struct core *, struct wire_wr *, uint8_t type, struct peer *, unsigned link);
void tx_heartbeat(struct core *, struct peer *, unsigned link, uint16_t flags);
void tx_pump(struct core *, struct peer *, uint64_t now);
void tx_acks(struct core *, struct peer *);
void tx_tick(struct core *, struct peer *, uint64_t now);
void tx_acked(struct core *, struct peer *, size_t freed);

/* ---- core_hello.c ---- */
void hello_broadcast(struct core *, unsigned link);
void hello_input(struct core *, struct peer *, const struct input *, const uint8_t *body);
/* Somebody else with the id of a peer that is alive? */
bool hello_is_stranger(const struct peer *, const struct input *);
/* … he is told so, and it is reported. */
void hello_stranger(struct core *, const struct peer *, const struct input *);
/* Window of this incarnation's hellos; NULL: we have heard none. */
struct replay *hello_window(struct peer *, uint64_t inc);

/* ---- core_peer.c ---- */
void peer_open(struct core *, struct peer *, const struct input *, const struct llt_hello *);
void peer_close(struct core *, struct peer *, const char *why);
/* After a change of link states: masks, events, and the end of the session when none is left. */
void peer_links_changed(struct core *, struct peer *, uint32_t changed);
void peer_learn(struct core *, struct peer *, unsigned link, const uint8_t *addr);
void peer_free(struct peer *);

/* ---- core_check.c ---- */
void check_tick(struct core *, uint64_t now);
void check_probe_input(struct core *, const struct input *, const uint8_t *body);
void check_answer_input(struct core *, const struct input *, const uint8_t *body);
/* holder: whom the sender is refused for; NULL: us, or nobody. */
void check_answer(struct core *, const struct input *, uint8_t verdict, const struct peer *holder);
/* Somebody speaks for our cluster and has not our key. */
void check_report_auth(struct core *, const struct input *);
void check_report_duplicate(struct core *, const struct input *, const char *name);
/*
 * Is it from the address that it names, and from a node other than this one that we know by that name? If
 * not it is counted, and the sender told.
 */
bool check_sender(
    struct core *, const struct input *, const uint8_t addr[LLT_ADDR_LEN], const char *name);

/* For the eye, in a static buffer. */
const char *addr_text(const struct core *, unsigned link, const uint8_t *addr);

#endif
