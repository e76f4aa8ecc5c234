/* SPDX-License-Identifier: ISC */
/*
 * How two nodes come to a session: each gives the other a fresh random challenge, and believes that
 * the other is there now when its challenge comes back. Pure: a hello in, what to do out.
 */
#ifndef CLUA_LLTD_SESSION_H
#define CLUA_LLTD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/llt_frame.h"

struct session {
	bool up;
	uint64_t peer_inc;                /* of the session */
	uint8_t my_ch[LLT_CHALLENGE];     /* the pair the session was made of */
	uint8_t peer_ch[LLT_CHALLENGE];
	uint8_t next_ch[LLT_CHALLENGE];   /* what the next session has to echo */
	bool cand;                        /* somebody greeted us whom we do not know yet: */
	uint64_t cand_inc;
	uint8_t cand_ch[LLT_CHALLENGE];
};

enum session_result {
	SESSION_SAME,     /* nothing new */
	SESSION_OPENED,   /* there is a session now, and there was none */
	SESSION_REPLACED, /* there was another one, which is over */
	SESSION_REFUSED,  /* another challenge or incarnation, while the session we have is alive */
};

void session_init(struct session *, const uint8_t challenge[LLT_CHALLENGE]);
/*
 * A hello to us from the incarnation inc. old_silent: the peer of the session that is up has been
 * silent for so long that we may believe it is gone. fresh: a new random challenge, used up if the
 * result is OPENED or REPLACED. *answer: a hello is to be sent back, now.
 */
enum session_result session_input(struct session *, uint64_t inc, const struct llt_hello *,
    bool old_silent, const uint8_t fresh[LLT_CHALLENGE], bool *answer);
/* Fills challenge, echo and flags of a hello to this incarnation of the peer. */
void session_output(const struct session *, uint64_t inc, struct llt_hello *);
void session_end(struct session *, const uint8_t fresh[LLT_CHALLENGE]);

#endif
