/* SPDX-License-Identifier: ISC */
/* What the kernel tells: changes of sockets, and strays. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/clock.h"
#include "common/ev.h"
#include "common/log.h"

static const enum dp_sock_event event_names[] = {
	[DP_EV_LISTEN] = DP_LISTEN,
	[DP_EV_UNLISTEN] = DP_UNLISTEN,
	[DP_EV_ESTABLISHED] = DP_ESTABLISHED,
	[DP_EV_ENDING] = DP_ENDING,
	[DP_EV_CLOSED] = DP_CLOSED,
};

static void
tell(struct datapath *dp, enum dp_sock_event event, const struct dp_conn *conn, uint64_t when)
{
	if (dp->ops && dp->ops->on_sock)
		dp->ops->on_sock(event, conn, when, dp->arg);
}

static int
on_event(void *arg, void *data, size_t size)
{
	const struct dp_event *ev = data;
	struct datapath *dp = arg;
	struct dp_conn conn;

	if (size < sizeof(*ev) || ev->type > DP_EV_PROVEN)
		return 0;
	if (ev->type == DP_EV_PROVEN) {
		if (dp->ops && dp->ops->on_proven)
			dp->ops->on_proven(ev->client, dp->arg);
		return 0;
	}
	conn = (struct dp_conn){ .client.s_addr = ev->client, .alias.s_addr = ev->alias,
		.client_port = ev->client_port, .port = ev->port };
	tell(dp, event_names[ev->type], &conn, ev->when);
	return 0;
}

static bool
first_has_come(struct datapath *dp, const struct dp_fragment *id)
{
	struct dp_frag_key key = { .saddr = id->client.s_addr, .daddr = id->alias.s_addr, .id = id->id,
		.proto = id->ipproto };
	struct dp_frag f;

	return bpf_map_lookup_elem(bpf_map__fd(dp->skel->maps.frags), &key, &f) == 0 &&
	    f.node != DP_FRAG_HELD;
}

static void
on_fragment(struct datapath *dp, const struct dp_stray *s)
{
	struct dp_fragment id = { .client.s_addr = s->client, .alias.s_addr = s->alias,
		.id = s->client_port, .ipproto = (uint8_t)s->proto };

	if (s->kind == DP_UP_FIRST && dp->ops->on_first)
		dp->ops->on_first(&id, dp->arg);
	if (s->kind == DP_UP_FRAGMENT && dp->ops->on_fragment)
		dp->ops->on_fragment(
		    &id, first_has_come(dp, &id), (const uint8_t *)(s + 1), s->len, dp->arg);
}

static void
on_too_big(struct datapath *dp, const struct dp_stray *s)
{
	struct dp_too_big t = { .node = s->node, .limit = s->limit, .segment = s->segment };

	if (dp->ops->on_too_big)
		dp->ops->on_too_big(&t, s->ifindex, (const uint8_t *)(s + 1), s->len, dp->arg);
}

static int
on_stray(void *arg, void *data, size_t size)
{
	const struct dp_stray *s = data;
	struct datapath *dp = arg;
	struct dp_conn conn;

	if (size < sizeof(*s) || s->len > size - sizeof(*s) || !dp->ops)
		return 0;
	conn = (struct dp_conn){ .client.s_addr = s->client, .alias.s_addr = s->alias,
		.client_port = s->client_port, .port = s->port };
	if (s->kind == DP_UP_REFUSED && dp->ops->on_refused)
		dp->ops->on_refused(&conn, s->ifindex, (const uint8_t *)(s + 1), s->len, dp->arg);
	else if (s->kind == DP_UP_ARP && dp->ops->on_arp)
		dp->ops->on_arp(s->ifindex, (const uint8_t *)(s + 1), s->len, dp->arg);
	else if (s->kind == DP_UP_TOO_BIG)
		on_too_big(dp, s);
	else if ((s->kind == DP_UP_STRAY || s->kind == DP_UP_ASTRAY) && dp->ops->on_stray)
		dp->ops->on_stray(&conn, s->kind == DP_UP_STRAY ? s->ifindex : 0, (const uint8_t *)(s + 1), s->len,
		    dp->arg);
	else
		on_fragment(dp, s);
	return 0;
}

/* How many there were. */
static int
consume_ring(struct ring_buffer *rb)
{
	int n = ring_buffer__consume(rb);

	if (n < 0) {
		errno = -n;
		log_warn("datapath", "events");
	}
	return n;
}

static void
tell_lost(struct datapath *dp)
{
	static const struct dp_conn nothing;

	tell(dp, DP_LOST, &nothing, clock_ns());
}

/*
 * Handles the events there are. False: not all, because a processor that was interrupted while it put one in
 * holds up what others have put behind it.
 */
static bool
consume_events(struct datapath *dp, int *n)
{
	unsigned long produced = __atomic_load_n(dp->events_produced, __ATOMIC_ACQUIRE);

	*n = consume_ring(dp->events);
	return __atomic_load_n(dp->events_consumed, __ATOMIC_ACQUIRE) >= produced;
}

/*
 * The events, then those that have lasted since when: a connection that began by then is not told of before
 * the end of another one with the same ports. Whether anything came, or is about to.
 */
static bool
consume(struct datapath *dp, uint64_t when)
{
	struct dp_conn conn;
	struct dp_young y;
	int n;

	if (!consume_events(dp, &n))
		return true;
	while (young_take(dp, when, &y)) {
		n++;
		conn = (struct dp_conn){ .client.s_addr = y.client, .alias.s_addr = y.alias,
			.client_port = y.client_port, .port = y.port };
		tell(dp, DP_ESTABLISHED, &conn, y.when);
	}
	if (__atomic_exchange_n(dp->state.events_lost, 0, __ATOMIC_ACQ_REL)) {
		log_warnx("datapath", "the kernel's events overflowed");
		tell_lost(dp);
	}
	return n > 0;
}

/*
 * The kernel does not run a program on a processor where it is just running. While a process ends a
 * connection, a timer's interrupt may have a whole batch of packets come in, and of the connections that
 * those begin and end nobody is told. But they are counted.
 */
bool
datapath_look_for_missed(struct datapath *dp)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int n;

	if (!consume_events(dp, &n))
		return false;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(dp->skel->progs.clua_sock), &info, &len) < 0 ||
	    info.recursion_misses == dp->missed)
		return true;
	log_debug("datapath", "the kernel has not told of %llu changes of sockets",
	    (unsigned long long)(info.recursion_misses - dp->missed));
	dp->missed = info.recursion_misses;
	tell_lost(dp);
	return true;
}

void
datapath_poll(struct datapath *dp)
{
	consume(dp, clock_ns());
	consume_ring(dp->strays);
}

/* Until then nobody needs to wake us; nor shall what is in the buffer, before its time. */
static void
look_at(struct datapath *dp, uint64_t when)
{
	ev_io_want(dp->events_io, false, false);
	__atomic_store_n(dp->state.events_look, when + DP_LOOK_LATE, __ATOMIC_RELEASE);
	dp->look_at = when;
	ev_timer_set_at(dp->look, when);
}

void
datapath_look_by(struct datapath *dp, uint64_t when)
{
	if (dp->look != NULL && (dp->look_at == 0 || when < dp->look_at))
		look_at(dp, when);
}

static void
on_strays(int fd, void *arg)
{
	struct datapath *dp = arg;

	consume_ring(dp->strays);
}

/*
 * Begun by when? If one is due, those go along that will be in a moment, so as not to be woken for them. Else
 * nobody: most of those will have ended by then.
 */
static uint64_t
old_enough(struct datapath *dp, uint64_t now)
{
	return now - DP_YOUNG_AGE + (young_due(dp) <= now ? DP_LOOK_SLACK : 0);
}

static void
on_look(void *arg)
{
	struct datapath *dp = arg;
	uint64_t now = clock_ns(), next = UINT64_MAX, due;
	bool came;

	/* What is told meanwhile may ask for a look, which is to be seen below. */
	dp->look_at = now + DP_LOOK;
	came = consume(dp, old_enough(dp, now));
	if (dp->ops && dp->ops->on_looked)
		next = dp->ops->on_looked(now, dp->arg);
	if (came || next != UINT64_MAX) {
		due = young_due(dp); /* nobody wakes us for it */
		next = due < next ? due : next;
		look_at(dp, next < now + DP_LOOK ? next : now + DP_LOOK);
		return;
	}
	dp->look_at = 0;
	__atomic_store_n(dp->state.events_look, 0, __ATOMIC_RELEASE);
	ev_io_want(dp->events_io, true, false); /* also for what came just now */
}

static void
on_events(int fd, void *arg)
{
	on_look(arg);
}

static int
discard(void *arg, void *data, size_t size)
{
	return 0;
}

/* Strays that waited for a daemon to come back are older than any client's patience. */
static void
discard_strays(struct datapath *dp)
{
	struct ring_buffer *rb =
	    ring_buffer__new(bpf_map__fd(dp->skel->maps.strays), discard, NULL, NULL);

	if (rb)
		ring_buffer__consume(rb);
	ring_buffer__free(rb);
}

/* How far the two ends are: the first two pages of the buffer. */
static int
map_positions(struct datapath *dp)
{
	int fd = bpf_map__fd(dp->skel->maps.events);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumed = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	void *produced = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);

	dp->events_consumed = consumed != MAP_FAILED ? consumed : NULL;
	dp->events_produced = produced != MAP_FAILED ? produced : NULL;
	return dp->events_consumed && dp->events_produced ? 0 : -1;
}

static void
unmap_positions(struct datapath *dp)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (dp->events_consumed)
		munmap((void *)(uintptr_t)dp->events_consumed, page);
	if (dp->events_produced)
		munmap((void *)(uintptr_t)dp->events_produced, page);
	dp->events_consumed = dp->events_produced = NULL;
}

int
event_open(struct datapath *dp)
{
	if (dp->resumed)
		discard_strays(dp);
	dp->events = ring_buffer__new(bpf_map__fd(dp->skel->maps.events), on_event, dp, NULL);
	dp->strays = ring_buffer__new(bpf_map__fd(dp->skel->maps.strays), on_stray, dp, NULL);
	if (!dp->events || !dp->strays || map_positions(dp) < 0) {
		log_err("datapath", "event buffers");
		return -1;
	}
	if (!dp->loop)
		return 0;
	dp->look = ev_timer_new(dp->loop, on_look, dp);
	dp->events_io = ev_io_new(dp->loop, ring_buffer__epoll_fd(dp->events), on_events, NULL, dp);
	dp->strays_io = ev_io_new(dp->loop, ring_buffer__epoll_fd(dp->strays), on_strays, NULL, dp);
	return dp->look && dp->events_io && dp->strays_io ? 0 : -1;
}

void
event_close(struct datapath *dp)
{
	ev_io_free(dp->events_io);
	ev_io_free(dp->strays_io);
	ev_timer_free(dp->look);
	ring_buffer__free(dp->events);
	ring_buffer__free(dp->strays);
	unmap_positions(dp);
	dp->events_io = dp->strays_io = NULL;
	dp->look = NULL;
	dp->events = dp->strays = NULL;
}
