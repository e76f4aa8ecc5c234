/* SPDX-License-Identifier: ISC */
/*
 * Questions to the LAN: "who has this address?", asked a few times, until somebody answers or nobody
 * does. What for, the asker says; it may ask for several reasons at once. Pure; times in ns.
 */
#ifndef CLUA_ALIASD_ASK_H
#define CLUA_ALIASD_ASK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASK_NEVER UINT64_MAX

enum ask_what {
	ASK_NEW,      /* is a new alias somebody's already, before we use it? */
	ASK_SET,      /* the same for the administrator; ref: of his request */
	ASK_CONFLICT, /* is the other host still there? */
	ASK_TAKEOVER, /* does the former master still answer? ref: its node */
	ASK_CHECK,    /* does the master answer? ref: its node */
	ASK_OPINION,  /* the same, for another member; ref: the master's node and the member's */
};

struct ask_question {
	enum ask_what what;
	struct in_addr addr;
	uint64_t ref;
};

struct ask_ops {
	/* Asks once, on the LAN. */
	void (*send)(const struct ask_question *, void *arg);
	/*
	 * Somebody with this MAC has it. direct: he answered, and not merely announced it. True: that is
	 * the answer. False: not what we want to hear of.
	 */
	bool (*on_answer)(const struct ask_question *, const uint8_t mac[6], bool direct, void *arg);
	void (*on_silence)(const struct ask_question *, void *arg);
};

struct ask;

struct ask *ask_new(const struct ask_ops *, void *arg);
void ask_free(struct ask *);
/* times: how often; gap_ns: how long to wait after each. Does nothing if the same is being asked. */
void ask_start(struct ask *, const struct ask_question *, unsigned times, uint64_t gap_ns, uint64_t now);
void ask_stop(struct ask *, enum ask_what, struct in_addr);
bool ask_pending(const struct ask *, enum ask_what, struct in_addr);
/* Somebody says by ARP that he has the address. */
void ask_heard(struct ask *, struct in_addr, const uint8_t mac[6], bool direct);
uint64_t ask_due(const struct ask *); /* when to call ask_run(), or ASK_NEVER */
/* Asks what is due. Returns when to call again, or ASK_NEVER. The calls may start and stop questions. */
uint64_t ask_run(struct ask *, uint64_t now);

#endif
