/* SPDX-License-Identifier: ISC */
#include "lltd/session.h"

#include <string.h>

void
session_init(struct session *s, const uint8_t challenge[LLT_CHALLENGE])
{
	memset(s, 0, sizeof(*s));
	memcpy(s->next_ch, challenge, LLT_CHALLENGE);
}

static bool
same(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, LLT_CHALLENGE) == 0;
}

static void
take(struct session *s, uint64_t inc, const struct llt_hello *h, const uint8_t *fresh)
{
	s->up = true;
	s->cand = false;
	s->peer_inc = inc;
	memcpy(s->my_ch, s->next_ch, LLT_CHALLENGE);
	memcpy(s->peer_ch, h->challenge, LLT_CHALLENGE);
	memcpy(s->next_ch, fresh, LLT_CHALLENGE);
}

enum session_result
session_input(struct session *s, uint64_t inc, const struct llt_hello *h, bool old_silent,
    const uint8_t fresh[LLT_CHALLENGE], bool *answer)
{
	bool was_up = s->up;

	*answer = (h->flags & LLT_H_NEED) != 0;
	if (s->up && inc == s->peer_inc && same(h->challenge, s->peer_ch)) {
		s->cand = false;
		return SESSION_SAME;
	}
	if (s->up && !old_silent) {
		*answer = false;
		return SESSION_REFUSED;
	}
	s->cand = true;
	s->cand_inc = inc;
	memcpy(s->cand_ch, h->challenge, LLT_CHALLENGE);
	if ((h->flags & LLT_H_ECHO) == 0 || !same(h->echo, s->next_ch)) {
		*answer = true;
		return SESSION_SAME;
	}
	take(s, inc, h, fresh);
	return was_up ? SESSION_REPLACED : SESSION_OPENED;
}

void
session_output(const struct session *s, uint64_t inc, struct llt_hello *h)
{
	bool cand = s->cand && s->cand_inc == inc;
	bool ours = s->up && s->peer_inc == inc && !cand;

	h->flags = ours ? LLT_H_ECHO : LLT_H_NEED;
	memcpy(h->challenge, ours ? s->my_ch : s->next_ch, LLT_CHALLENGE);
	memset(h->echo, 0, LLT_CHALLENGE);
	if (cand)
		h->flags |= LLT_H_ECHO;
	if (ours || cand)
		memcpy(h->echo, ours ? s->peer_ch : s->cand_ch, LLT_CHALLENGE);
}

void
session_end(struct session *s, const uint8_t fresh[LLT_CHALLENGE])
{
	session_init(s, fresh);
}
