/* SPDX-License-Identifier: ISC */
/*
 * Reliable, ordered transport of messages to and from one (peer, port): fragments with sequence
 * numbers from 1, cumulative and selective acknowledgement, retransmission. Pure; times in ns.
 * One life per session: there is no reset, make a new one.
 *
 * What is lost: a fragment is sent again when three that went over the same link after it have
 * arrived (a link keeps order, different links do not), when its link is gone, or when time is up.
 */
#ifndef CLUA_LLTD_STREAM_H
#define CLUA_LLTD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/llt_ctl.h"
#include "proto/llt_frame.h"

#define STREAM_WINDOW 512 /* fragments in flight; a power of two, at most 64 * LLT_ACK_WORDS */

/* ---- a message on its way out, shared by the streams to all its destinations ---- */
struct stream_msg {
	uint32_t refs;
	uint32_t len;
	bool patient;
	uint8_t data[];
};
struct stream_msg *stream_msg_new(
    const uint8_t *data, size_t len, bool patient); /* one reference: the caller's */
void stream_msg_unref(struct stream_msg *);

/* ---- sending ---- */
struct stream_tx;

struct stream_counters { /* shared by all streams of a node */
	uint64_t sent, resent, fast, timeouts, acked;
};

struct stream_tx *stream_tx_new(size_t frag_len, struct stream_counters *);
void stream_tx_free(struct stream_tx *);
void stream_tx_push(struct stream_tx *, struct stream_msg *); /* takes a reference */
size_t stream_tx_queued(const struct stream_tx *);            /* bytes not yet acknowledged */
bool stream_tx_idle(const struct stream_tx *);
/*
 * The fragment to send next, lost ones first; false: nothing may be sent now. seq, flags, data and
 * len are filled in. *avoid: the link on which its time ran out, which may be dying, or -1.
 * stream_tx_sent() must follow if it is sent.
 */
bool stream_tx_next(struct stream_tx *, struct llt_data *, int *avoid);
void stream_tx_sent(struct stream_tx *, uint64_t seq, unsigned link, uint64_t now);
/* False if it acknowledges what was never sent. Returns the bytes it freed in *freed. */
bool stream_tx_ack(struct stream_tx *, const struct llt_ack *, uint64_t now, size_t *freed);
void stream_tx_link_gone(struct stream_tx *, unsigned link);
void stream_tx_tick(struct stream_tx *, uint64_t now);
/* When stream_tx_tick() has to be called; UINT64_MAX = never. */
uint64_t stream_tx_deadline(const struct stream_tx *);

/* ---- receiving ---- */
struct stream_rx;

enum stream_rx_result {
	STREAM_TAKEN,
	STREAM_DUPLICATE,
	STREAM_OUT_OF_WINDOW,
	STREAM_BAD, /* fragments that are no message: dropped */
};

typedef void stream_deliver(void *arg, const uint8_t *data, size_t len);

struct stream_rx *stream_rx_new(void);
void stream_rx_free(struct stream_rx *);
/*
 * deliver is called for every message that this fragment completes. Any result wants an ack; *soon: it is
 * not to be put off.
 */
enum stream_rx_result stream_rx_input(
    struct stream_rx *, const struct llt_data *, stream_deliver *, void *arg, bool *soon);
void stream_rx_ack(const struct stream_rx *, struct llt_ack *); /* all but the port */
/* Forgets a message that has begun to arrive: its reader is gone. */
void stream_rx_forget(struct stream_rx *);

#endif
