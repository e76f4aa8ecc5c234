/* SPDX-License-Identifier: ISC */
/*
 * Tells the daemon of connections that there are not, in the words of the program that sees sockets: as
 * many, and as often, as no test network can open.
 */
#include "aliasd/bpf/clua.bpf.c"
#include "owners.h"

#define OWNERS_ROOM (768 * 1024)

static long
tell_one(__u32 i, void *arg)
{
	struct owners_feed *f = arg;
	__u64 n = f->first + i;
	struct dp_event ev = {
		.type = f->closed ? DP_EV_CLOSED : DP_EV_ESTABLISHED,
		.alias = f->alias,
		.client = bpf_htonl(OWNERS_CLIENTS + n / OWNERS_PORTS),
		.client_port = bpf_htons(1024 + n % OWNERS_PORTS),
		.port = f->port,
	};

	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > OWNERS_ROOM)
		return 1; /* lost ones would make the daemon list the sockets that there are */
	event_report(&ev);
	f->told++;
	return 0;
}

/* f->told of them, for as many there was room. */
SEC("syscall")
int
owners_feed(struct owners_feed *f)
{
	struct owners_feed feed = { .first = f->first, .count = f->count, .alias = f->alias, .port = f->port,
		.closed = f->closed };

	bpf_loop(feed.count, tell_one, &feed, 0);
	f->told = feed.told;
	return 0;
}
