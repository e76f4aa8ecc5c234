/* SPDX-License-Identifier: ISC */
/* What the daemon is told when the state of a TCP socket changes. Also compiled into the tests. */
#ifndef CLUA_ALIASD_BPF_SOCK_EVENT_H
#define CLUA_ALIASD_BPF_SOCK_EVENT_H

#include <linux/bpf.h>

#include "layout.h"

/*
 * The event that a change of state is, or -1. What ends before it was established was never told of. And
 * it may be the twin of a connection that lives on: when its acknowledgement and its first data come to two
 * processors at once, each makes a socket, and one of them is closed again.
 */
static inline int
dp_sock_event(int from, int to)
{
	if (to == BPF_TCP_LISTEN)
		return DP_EV_LISTEN;
	/* A new connection's socket is a copy of the listening one: it comes from there, too. */
	if (from == BPF_TCP_LISTEN && to != BPF_TCP_SYN_RECV)
		return DP_EV_UNLISTEN;
	if (from == BPF_TCP_SYN_RECV || from == BPF_TCP_SYN_SENT)
		return to == BPF_TCP_ESTABLISHED ? DP_EV_ESTABLISHED : -1;
	if (to == BPF_TCP_FIN_WAIT1)
		return DP_EV_ENDING;
	return to == BPF_TCP_CLOSE ? DP_EV_CLOSED : -1;
}

#endif
