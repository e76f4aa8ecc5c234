/* SPDX-License-Identifier: ISC */
/*
 * Real sockets through the data plane: a client, a router that is master, and an owner of the service,
 * each in a network namespace of its own, a LAN between all three and a link between router and owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <bpf/libbpf.h>
#include <check.h>

#include "aliasd/bpf/young.h"
#include "aliasd/datapath/datapath_int.h"
#include "common/clock.h"
#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define ROUTER 1
#define OWNER 2
#define PORT 7007

struct host {
	const char *name;
	int ns;
	struct datapath *dp;
	uint32_t lan, link;
	unsigned events[DP_LOST + 1];
	struct dp_conn last[DP_LOST + 1];
	unsigned strays;
};

static struct host client = { .name = "client" }, router = { .name = "router" },
		   owner = { .name = "owner" };
static int home;

static void
enter(const struct host *h)
{
	ck_assert_int_eq(setns(h ? h->ns : home, CLONE_NEWNET), 0);
}

static void
make_host(struct host *h)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	h->ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(h->ns, 0);
	memset(h->events, 0, sizeof(h->events));
	h->strays = 0;
	rig_command("ip link set lo up");
	enter(NULL);
}

/* A pair of interfaces, one end in each host; the ends are called name. */
static void
wire(const struct host *h, const char *name, const char *other_end)
{
	rig_command("ip link add e_%.3s_%.6s type veth peer name %s netns /proc/%d/fd/%d", other_end,
	    h->name, name, getpid(), h->ns);
}

static void
configure(struct host *h, const char *address, bool has_link)
{
	enter(h);
	rig_command("ip addr add %s/24 dev eth0; ip link set eth0 up", address);
	h->lan = if_nametoindex("eth0");
	if (!has_link) {
		enter(NULL);
		return;
	}
	rig_command("ip link set ic0 up; ip addr add " RIG_ALIAS "/32 dev lo");
	/* Nobody asks on behalf of the alias: that would tell others where it is. */
	rig_command("sysctl -qw net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.all.rp_filter=1 "
		    "net.ipv4.conf.ic0.rp_filter=1 net.ipv4.conf.eth0.rp_filter=1");
	h->link = if_nametoindex("ic0");
	enter(NULL);
}

static void
on_sock(enum dp_sock_event event, const struct dp_conn *conn, uint64_t when, void *arg)
{
	struct host *h = arg;

	h->events[event]++;
	h->last[event] = *conn;
}

static void
on_stray(const struct dp_conn *conn, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	((struct host *)arg)->strays++;
}

static const struct dp_ops ops = { .on_sock = on_sock, .on_stray = on_stray };

static void
start(struct host *h, uint16_t self, bool master)
{
	char dir[64];
	struct dp_conf conf = { .self = self, .max_flows = 1000, .deliver_ifindex = h->lan };
	struct dp_alias a = { .addr.s_addr = addr(RIG_ALIAS), .master = master, .fallback = self };

	snprintf(dir, sizeof(dir), "/run/clua-test/%s", h->name);
	conf.pin_dir = dir;
	enter(h);
	h->dp = datapath_open(NULL, &conf, &ops, h);
	ck_assert_ptr_nonnull(h->dp);
	ck_assert_int_eq(datapath_set_alias(h->dp, &a), 0);
	ck_assert_int_eq(datapath_attach_lan(h->dp, h->lan), 0);
	ck_assert_int_eq(datapath_attach_link(h->dp, h->link), 0);
	enter(NULL);
}

static void
path(struct host *from, struct host *to, uint16_t node)
{
	struct dp_path p = { .ifindex = from->link };

	enter(from);
	ck_assert_int_eq(iface_mac(from->link, p.src), 0);
	enter(to);
	ck_assert_int_eq(iface_mac(to->link, p.dst), 0);
	enter(NULL);
	ck_assert_int_eq(datapath_set_paths(from->dp, node, &p, 1), 0);
}

/* A test that failed leaves its wires behind. */
static void
clear(void)
{
	rig_command("for i in br0 br1 e_lan_client e_lan_router e_lan_owner e_ic0_router e_ic0_owner; "
		    "do ip link del $i 2>/dev/null; done; rm -rf /run/clua-test/router /run/clua-test/owner");
}

static void
setup(void)
{
	struct in_addr alias = { .s_addr = addr(RIG_ALIAS) };
	struct dp_target t = { OWNER, 1 };

	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	clear();
	make_host(&client);
	make_host(&router);
	make_host(&owner);
	rig_command("ip link add br0 type bridge && ip link set br0 up");
	wire(&client, "eth0", "lan");
	wire(&router, "eth0", "lan");
	wire(&owner, "eth0", "lan");
	rig_command("for i in client router owner; do ip link set e_lan_$i master br0 up; done");
	rig_command("ip link add br1 type bridge && ip link set br1 up");
	wire(&router, "ic0", "ic0");
	wire(&owner, "ic0", "ic0");
	rig_command("for i in router owner; do ip link set e_ic0_$i master br1 up; done");
	configure(&client, "10.1.0.101", false);
	configure(&router, "10.1.0.11", true);
	configure(&owner, "10.1.0.12", true);
	start(&router, ROUTER, true);
	start(&owner, OWNER, false);
	path(&router, &owner, OWNER);
	path(&owner, &router, ROUTER);
	ck_assert_int_eq(datapath_set_service(router.dp, alias, IPPROTO_TCP, htons(PORT), &t, 1), 0);
	ck_assert_int_eq(datapath_set_service(router.dp, alias, IPPROTO_UDP, htons(PORT), &t, 1), 0);
}

static void
teardown(void)
{
	enter(&router);
	datapath_close(router.dp, true);
	enter(&owner);
	datapath_close(owner.dp, true);
	enter(NULL);
	clear();
	close(client.ns);
	close(router.ns);
	close(owner.ns);
	close(home);
}

static int
sock_in(const struct host *h, int type, const char *address, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval limit = { .tv_sec = 10 };
	int fd, one = 1;

	enter(h);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	enter(NULL);
	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	sin.sin_addr.s_addr = addr(address);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static int
listener(const struct host *h, uint16_t port)
{
	int fd = sock_in(h, SOCK_STREAM, "0.0.0.0", port);

	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

static int
connect_to(int fd, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = addr(RIG_ALIAS) };

	return connect(fd, (struct sockaddr *)&sin, sizeof(sin));
}

/* Sends n bytes one way while the other end reads them all. */
static void
pour(int from, int to, size_t n)
{
	static char out[65536], in[65536];
	pid_t pid = fork();
	size_t done = 0;
	ssize_t got;
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		while (done < n && (got = write(from, out, sizeof(out))) > 0)
			done += got;
		_exit(done != n);
	}
	while (done < n && (got = read(to, in, sizeof(in))) > 0)
		done += got;
	ck_assert_uint_eq(done, n);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static uint64_t
counter(struct host *h, enum dp_counter c)
{
	uint64_t all[DP_C_MAX];

	ck_assert_int_eq(datapath_counters(h->dp, all), 0);
	return all[c];
}

/* Handles events until there is one of this kind; the socket that makes it has done so already. */
static void
expect_event(struct host *h, enum dp_sock_event event, unsigned n)
{
	int i;

	for (i = 0; i < 1000 && h->events[event] < n; i++) {
		datapath_poll(h->dp);
		if (h->events[event] < n)
			poll(NULL, 0, 10);
	}
	ck_assert_uint_eq(h->events[event], n);
}

START_TEST(tcp_through_the_router)
{
	int l = listener(&owner, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;

	expect_event(&owner, DP_LISTEN, 1);
	ck_assert_uint_eq(ntohs(owner.last[DP_LISTEN].port), PORT);
	ck_assert_uint_eq(owner.last[DP_LISTEN].alias.s_addr, 0);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	ck_assert_int_ge(a, 0);
	expect_event(&owner, DP_ESTABLISHED, 1);
	ck_assert_uint_eq(owner.events[DP_UNLISTEN], 0); /* its socket began as a copy of the listener */
	ck_assert_uint_eq(owner.last[DP_ESTABLISHED].alias.s_addr, addr(RIG_ALIAS));
	ck_assert_uint_eq(owner.last[DP_ESTABLISHED].client.s_addr, addr("10.1.0.101"));
	ck_assert_uint_eq(ntohs(owner.last[DP_ESTABLISHED].port), PORT);
	ck_assert_int_eq(
	    datapath_set_flow(router.dp, &owner.last[DP_ESTABLISHED], OWNER), 0);
	pour(c, a, 64 << 20);
	pour(a, c, 64 << 20);
	ck_assert_uint_eq(counter(&router, DP_C_NEW_FORWARDED), 1);
	ck_assert_uint_gt(counter(&router, DP_C_FLOW_FORWARDED), 100);
	ck_assert_uint_eq(counter(&router, DP_C_ARP_ANSWERED) > 0, true);
	ck_assert_uint_gt(counter(&owner, DP_C_FROM_MEMBER), 100);
	ck_assert_uint_eq(counter(&owner, DP_C_NEW_LOCAL), 0);
	close(c);
	close(a);
	expect_event(&owner, DP_CLOSED, 1);
	ck_assert_mem_eq(
	    &owner.last[DP_CLOSED], &owner.last[DP_ESTABLISHED], sizeof(struct dp_conn));
	close(l);
	expect_event(&owner, DP_UNLISTEN, 1);
	/* What happens in another namespace is not told. */
	datapath_poll(router.dp);
	ck_assert_uint_eq(router.events[DP_LISTEN] + router.events[DP_ESTABLISHED], 0);
	ck_assert_uint_eq(router.strays + owner.strays, 0);
}
END_TEST

static bool
nobody_is_young(const struct datapath *dp)
{
	__u64 when;

	return dp_young_first(dp->state.young, DP_YOUNGS, &when) == DP_YOUNG_FIRST_NONE;
}

/* What ends before it is old enough is not told of at all. */
START_TEST(short_connections)
{
	int l = listener(&owner, PORT), c, a, i, k;

	expect_event(&owner, DP_LISTEN, 1);
	for (i = 0; i < 20; i++) {
		c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0);
		ck_assert_int_eq(connect_to(c, PORT), 0);
		a = accept(l, NULL, NULL);
		ck_assert_int_ge(a, 0);
		close(i % 2 ? c : a); /* either side may be the first */
		close(i % 2 ? a : c);
		for (k = 0; k < 1000 && !nobody_is_young(owner.dp); k++)
			poll(NULL, 0, 10);
		ck_assert(nobody_is_young(owner.dp));
	}
	datapath_poll(owner.dp);
	ck_assert_uint_eq(owner.events[DP_ESTABLISHED] + owner.events[DP_ENDING] + owner.events[DP_CLOSED], 0);
	close(l);
}
END_TEST

/* Nothing else happens: the kernel's timer wakes the daemon for it, again and again. */
START_TEST(a_connection_that_lasts)
{
	int l = listener(&owner, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a, i;
	struct pollfd woken = { .events = POLLIN };
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	struct dp_conn conn = { .alias.s_addr = addr(RIG_ALIAS), .client.s_addr = addr("10.1.0.101"),
		.port = htons(PORT) };
	struct dp_young y;

	expect_event(&owner, DP_LISTEN, 1);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, (struct sockaddr *)&peer, &len);
	conn.client_port = peer.sin_port;
	ck_assert(datapath_is_young(owner.dp, &conn));
	woken.fd = ring_buffer__epoll_fd(owner.dp->events);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(poll(&woken, 1, 10000), 1);
		ck_assert_int_gt(ring_buffer__consume(owner.dp->events), 0);
	}
	ck_assert_uint_eq(owner.events[DP_ESTABLISHED], 0);
	ck_assert(young_take(owner.dp, clock_ns() - DP_YOUNG_AGE, &y));
	ck_assert_uint_eq(y.client, conn.client.s_addr);
	ck_assert_uint_eq(y.client_port, conn.client_port);
	ck_assert(!datapath_is_young(owner.dp, &conn));
	close(a);
	close(c);
	expect_event(&owner, DP_CLOSED, 1);
	ck_assert_mem_eq(&owner.last[DP_CLOSED], &conn, sizeof(conn));
	close(l);
}
END_TEST

/* The end of an earlier one may be among what is held up. */
START_TEST(none_begins_before_all_is_told)
{
	int l = listener(&owner, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a, i;
	const unsigned long *produced = owner.dp->events_produced, more = ULONG_MAX;

	expect_event(&owner, DP_LISTEN, 1);
	ck_assert(datapath_look_for_missed(owner.dp));
	owner.dp->events_produced = &more;
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	for (i = 0; i < 5; i++) {
		poll(NULL, 0, 10);
		datapath_poll(owner.dp);
		ck_assert(!datapath_look_for_missed(owner.dp));
	}
	ck_assert_uint_eq(owner.events[DP_ESTABLISHED], 0);
	owner.dp->events_produced = produced;
	expect_event(&owner, DP_ESTABLISHED, 1);
	ck_assert(datapath_look_for_missed(owner.dp));
	close(a);
	close(c);
	expect_event(&owner, DP_CLOSED, 1);
	close(l);
}
END_TEST

static uint32_t
queue_seq(int fd, int queue)
{
	uint32_t seq = 0;
	socklen_t len = sizeof(seq);

	ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)), 0);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, &len), 0);
	return seq;
}

/* What its client's later connection sends, which has the same ports, is not its. */
START_TEST(segments_of_a_connection)
{
	int l = listener(&owner, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a, on = TCP_REPAIR_ON;
	const uint32_t far = 1u << 25, near = 1u << 20;
	uint32_t seq, ack;
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	struct dp_conn conn = { .alias.s_addr = addr(RIG_ALIAS), .client.s_addr = addr("10.1.0.101"),
		.port = htons(PORT) };

	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, (struct sockaddr *)&peer, &len);
	conn.client_port = peer.sin_port;
	ck_assert_int_eq(setsockopt(a, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), 0);
	seq = queue_seq(a, TCP_RECV_QUEUE);
	ack = queue_seq(a, TCP_SEND_QUEUE);
	enter(&owner);
	ck_assert(datapath_takes_segment(owner.dp, &conn, true, seq, ack));
	ck_assert(datapath_takes_segment(owner.dp, &conn, true, seq - 1, ack)); /* is it still there? */
	ck_assert(datapath_takes_segment(owner.dp, &conn, true, seq + near, ack));
	ck_assert(datapath_takes_segment(owner.dp, &conn, true, seq - near, ack - near));
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq + far, ack));
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq - far, ack));
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq, ack + 1)); /* we have not sent that */
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq, ack - far));
	ck_assert(datapath_takes_segment(owner.dp, &conn, false, seq, 0)); /* a reset */
	ck_assert(!datapath_takes_segment(owner.dp, &conn, false, seq - far, 0));
	conn.client_port ^= 1;
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq, ack));
	enter(NULL);
	close(a);
	close(c);
	close(l);
}
END_TEST

/* The client's end: what it sends next, and what it expects. */
static struct dp_conn
numbers_of(int c, uint32_t *seq, uint32_t *ack)
{
	struct dp_conn conn = { .alias.s_addr = addr(RIG_ALIAS), .client.s_addr = addr("10.1.0.101"),
		.port = htons(PORT) };
	int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP;
	struct sockaddr_in own;
	socklen_t len = sizeof(own);

	ck_assert_int_eq(getsockname(c, (struct sockaddr *)&own, &len), 0);
	conn.client_port = own.sin_port;
	ck_assert_int_eq(setsockopt(c, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), 0);
	*seq = queue_seq(c, TCP_SEND_QUEUE);
	*ack = queue_seq(c, TCP_RECV_QUEUE);
	ck_assert_int_eq(setsockopt(c, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)), 0);
	return conn;
}

/* It waits for the client's data: to the kernel a connection is half open until then. */
static int
deferring_listener(const struct host *h)
{
	int l = listener(h, PORT), patience = 60;

	ck_assert_int_eq(setsockopt(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, &patience, sizeof(patience)), 0);
	return l;
}

/* The one that it shall become is another's, if its client's SYN came again and went there. */
START_TEST(segments_of_one_half_open)
{
	int l = deferring_listener(&owner), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0);
	struct dp_conn conn;
	uint32_t seq, ack;

	ck_assert_int_eq(connect_to(c, PORT), 0);
	conn = numbers_of(c, &seq, &ack);
	enter(&owner);
	ck_assert(datapath_takes_segment(owner.dp, &conn, true, seq, ack));
	ck_assert(datapath_takes_segment(owner.dp, &conn, true, seq + 1000, ack));
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq, ack + 1));
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq, ack - 1));
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq - 2, ack));
	ck_assert(datapath_takes_segment(owner.dp, &conn, false, seq, 0)); /* a reset */
	ck_assert(!datapath_takes_segment(owner.dp, &conn, false, seq + (1u << 25), 0));
	enter(NULL);
	close(c);
	close(l);
}
END_TEST

/* From the client, as if it had taken another member's answer to its SYN. */
static void
send_ack(uint16_t sport, uint32_t seq, uint32_t ack)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = addr(RIG_ALIAS) };
	struct frame f;
	int raw;

	frame_ether(&f, rig_broadcast, rig_client_mac, 0x0800);
	frame_ip(&f, "10.1.0.101", RIG_ALIAS, IPPROTO_TCP, 0);
	frame_tcp(&f, sport, PORT, F_ACK, seq);
	ack = htonl(ack);
	memcpy(f.b + f.l4 + 8, &ack, 4);
	frame_finish(&f);
	enter(&client);
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	enter(NULL);
	ck_assert_int_ge(raw, 0);
	ck_assert_int_eq(sendto(raw, f.b + f.ip, f.len - f.ip, 0, (struct sockaddr *)&to, sizeof(to)),
	    (ssize_t)(f.len - f.ip));
	close(raw);
}

static void
expect_from_member(uint64_t n)
{
	int i;

	for (i = 0; i < 1000 && counter(&owner, DP_C_FROM_MEMBER) < n; i++)
		poll(NULL, 0, 10);
	ck_assert_uint_eq(counter(&owner, DP_C_FROM_MEMBER), n);
}

/* While there may be others, it is looked at, and no longer. */
START_TEST(acknowledgement_of_anothers_answer)
{
	int l = deferring_listener(&owner), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;
	struct dp_conn conn;
	uint32_t seq, ack;
	uint16_t sport;

	ck_assert_int_eq(connect_to(c, PORT), 0);
	expect_from_member(2);
	conn = numbers_of(c, &seq, &ack);
	sport = ntohs(conn.client_port);
	datapath_routers_new_until(owner.dp, clock_ns() + 60 * NSEC_PER_SEC);
	send_ack(sport, seq, ack + 1000);
	expect_from_member(3);
	datapath_poll(owner.dp);
	ck_assert_uint_eq(owner.strays, 1);
	ck_assert_uint_eq(counter(&owner, DP_C_STRAY), 1);
	send_ack(sport, seq, ack);
	expect_from_member(4);
	ck_assert_uint_eq(counter(&owner, DP_C_STRAY), 1);
	datapath_routers_new_until(owner.dp, clock_ns());
	poll(NULL, 0, 20); /* its clock has a tick of some milliseconds */
	send_ack(sport, seq, ack + 1000);
	expect_from_member(5);
	ck_assert_uint_eq(counter(&owner, DP_C_STRAY), 1);
	ck_assert_int_eq(write(c, "x", 1), 1);
	a = accept(l, NULL, NULL);
	ck_assert_int_ge(a, 0);
	close(a);
	close(c);
	close(l);
}
END_TEST

/* The router that dealt the SYN out to itself; always. */
START_TEST(acknowledgement_of_anothers_answer_at_the_router)
{
	struct in_addr alias = { .s_addr = addr(RIG_ALIAS) };
	struct dp_target t = { ROUTER, 1 };
	int l = deferring_listener(&router), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a, i;
	struct dp_conn conn;
	uint32_t seq, ack;

	ck_assert_int_eq(datapath_set_service(router.dp, alias, IPPROTO_TCP, htons(PORT), &t, 1), 0);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	conn = numbers_of(c, &seq, &ack);
	send_ack(ntohs(conn.client_port), seq, ack + 1000);
	for (i = 0; i < 1000 && counter(&router, DP_C_STRAY) < 1; i++)
		poll(NULL, 0, 10);
	datapath_poll(router.dp);
	ck_assert_uint_eq(router.strays, 1);
	ck_assert_int_eq(write(c, "x", 1), 1);
	a = accept(l, NULL, NULL);
	ck_assert_int_ge(a, 0);
	ck_assert_uint_eq(counter(&router, DP_C_STRAY), 1);
	close(a);
	close(c);
	close(l);
}
END_TEST

/* What is left of a connection that its server closed is not what its client began from the same port since. */
START_TEST(segments_of_one_that_is_over)
{
	int l = listener(&owner, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a, i;
	const uint32_t far = 1u << 25;
	struct dp_conn conn;
	uint32_t seq, ack;

	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	conn = numbers_of(c, &seq, &ack);
	close(a);
	close(l); /* so that what takes a segment is no listener */
	close(c);
	enter(&owner);
	for (i = 0; i < 1000 && !datapath_takes_segment(owner.dp, &conn, true, seq + 1, ack + 1); i++)
		poll(NULL, 0, 10);
	ck_assert(datapath_takes_segment(owner.dp, &conn, true, seq, ack + 1)); /* its last one, again */
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq + far, ack + 1));
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq - far, ack + 1));
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq, ack - far));
	ck_assert(!datapath_takes_segment(owner.dp, &conn, true, seq, ack + 2));
	ck_assert(!datapath_takes_segment(owner.dp, &conn, false, seq + far, 0));
	enter(NULL);
}
END_TEST

START_TEST(ip6_socket_that_takes_ip4)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int l, c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;

	enter(&owner);
	l = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enter(NULL);
	ck_assert_int_eq(bind(l, (struct sockaddr *)&sin6, sizeof(sin6)), 0);
	ck_assert_int_eq(listen(l, 4), 0);
	expect_event(&owner, DP_LISTEN, 1);
	ck_assert_uint_eq(owner.last[DP_LISTEN].alias.s_addr, 0);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	expect_event(&owner, DP_ESTABLISHED, 1);
	ck_assert_uint_eq(owner.last[DP_ESTABLISHED].client.s_addr, addr("10.1.0.101"));
	close(a);
	close(c);
	close(l);
	expect_event(&owner, DP_CLOSED, 1);
}
END_TEST

START_TEST(connection_to_the_router_itself)
{
	struct in_addr alias = { .s_addr = addr(RIG_ALIAS) };
	struct dp_target t = { ROUTER, 1 };
	int l = listener(&router, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;

	ck_assert_int_eq(datapath_set_service(router.dp, alias, IPPROTO_TCP, htons(PORT), &t, 1), 0);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	ck_assert_int_ge(a, 0);
	pour(c, a, 1 << 20);
	pour(a, c, 1 << 20);
	close(a);
	close(c);
	close(l);
}
END_TEST

/* The tables of the router are empty, but its own sockets know their connections. */
START_TEST(own_sockets_are_asked)
{
	struct in_addr alias = { .s_addr = addr(RIG_ALIAS) };
	struct dp_target t = { ROUTER, 1 };
	int l = listener(&router, PORT), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;

	ck_assert_int_eq(datapath_set_service(router.dp, alias, IPPROTO_TCP, htons(PORT), &t, 1), 0);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	a = accept(l, NULL, NULL);
	enter(&router);
	datapath_close(router.dp, true);
	start(&router, ROUTER, true);
	ck_assert(!datapath_resumed(router.dp));
	pour(c, a, 1 << 20);
	ck_assert_uint_gt(counter(&router, DP_C_FLOW_LOCAL), 0);
	ck_assert_uint_eq(counter(&router, DP_C_STRAY), 0);
	close(a);
	close(c);
	close(l);
}
END_TEST

static void
udp_echo(int server, int c, const char *from)
{
	struct sockaddr_in peer, to = { .sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = addr(RIG_ALIAS) };
	socklen_t len = sizeof(peer);
	char buf[16];

	ck_assert_int_eq(sendto(c, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	ck_assert_int_eq(
	    recvfrom(server, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len), 5);
	ck_assert_int_eq(sendto(server, buf, 5, 0, (struct sockaddr *)&peer, len), 5);
	len = sizeof(peer);
	ck_assert_int_eq(recvfrom(c, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len), 5);
	ck_assert_str_eq(inet_ntoa(peer.sin_addr), from);
	ck_assert_uint_eq(ntohs(peer.sin_port), PORT);
}

START_TEST(udp_answers_from_the_alias)
{
	int server = sock_in(&owner, SOCK_DGRAM, "0.0.0.0", PORT);
	int c = sock_in(&client, SOCK_DGRAM, "0.0.0.0", 0), i;

	for (i = 0; i < 3; i++)
		udp_echo(server, c, RIG_ALIAS);
	ck_assert_uint_eq(counter(&router, DP_C_UDP_FORWARDED), 3);
	close(server);
	server = sock_in(&owner, SOCK_DGRAM, RIG_ALIAS, PORT); /* bound to it: the same */
	udp_echo(server, c, RIG_ALIAS);
	close(server);
	close(c);
}
END_TEST

/* A dual-stack server: the client's address comes and goes as a mapped one. */
START_TEST(udp_answers_of_an_ip6_socket)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) }, peer6;
	struct sockaddr_in peer, to = { .sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = addr(RIG_ALIAS) };
	int c = sock_in(&client, SOCK_DGRAM, "0.0.0.0", 0), server;
	socklen_t len = sizeof(peer6);
	char buf[16];

	enter(&owner);
	server = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enter(NULL);
	ck_assert_int_eq(bind(server, (struct sockaddr *)&sin6, sizeof(sin6)), 0);
	ck_assert_int_eq(sendto(c, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	ck_assert_int_eq(
	    recvfrom(server, buf, sizeof(buf), 0, (struct sockaddr *)&peer6, &len), 5);
	ck_assert_int_eq(sendto(server, buf, 5, 0, (struct sockaddr *)&peer6, len), 5);
	len = sizeof(peer);
	ck_assert_int_eq(recvfrom(c, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len), 5);
	ck_assert_str_eq(inet_ntoa(peer.sin_addr), RIG_ALIAS);
	close(server);
	close(c);
}
END_TEST

START_TEST(udp_to_the_host_is_left_alone)
{
	struct sockaddr_in peer, to = { .sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = addr("10.1.0.12") };
	int server = sock_in(&owner, SOCK_DGRAM, "0.0.0.0", PORT);
	int c = sock_in(&client, SOCK_DGRAM, "0.0.0.0", 0);
	socklen_t len = sizeof(peer);
	char buf[16];

	ck_assert_int_eq(sendto(c, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	ck_assert_int_eq(
	    recvfrom(server, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len), 5);
	ck_assert_int_eq(sendto(server, buf, 5, 0, (struct sockaddr *)&peer, len), 5);
	len = sizeof(peer);
	ck_assert_int_eq(recvfrom(c, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len), 5);
	ck_assert_str_eq(inet_ntoa(peer.sin_addr), "10.1.0.12");
	close(server);
	close(c);
}
END_TEST

START_TEST(large_datagrams)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT),
		.sin_addr.s_addr = addr(RIG_ALIAS) };
	static char out[8192], in[9000];
	int server = sock_in(&owner, SOCK_DGRAM, "0.0.0.0", PORT);
	int c = sock_in(&client, SOCK_DGRAM, "0.0.0.0", 0), i;

	for (i = 0; i < 10; i++) {
		memset(out, i, sizeof(out));
		ck_assert_int_eq(
		    sendto(c, out, sizeof(out), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(out));
		ck_assert_int_eq(recv(server, in, sizeof(in), 0), sizeof(out));
		ck_assert_mem_eq(in, out, sizeof(out));
	}
	ck_assert_uint_eq(counter(&router, DP_C_FRAGMENT_FORWARDED), 50);
	ck_assert_uint_eq(counter(&owner, DP_C_FRAGMENT_RECEIVED), 50);
	ck_assert_uint_eq(counter(&owner, DP_C_UDP_RECEIVED), 10);
	close(server);
	close(c);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, tcp_through_the_router);
	tcase_add_test(tc, short_connections);
	tcase_add_test(tc, a_connection_that_lasts);
	tcase_add_test(tc, none_begins_before_all_is_told);
	tcase_add_test(tc, segments_of_a_connection);
	tcase_add_test(tc, segments_of_one_half_open);
	tcase_add_test(tc, acknowledgement_of_anothers_answer);
	tcase_add_test(tc, acknowledgement_of_anothers_answer_at_the_router);
	tcase_add_test(tc, segments_of_one_that_is_over);
	tcase_add_test(tc, ip6_socket_that_takes_ip4);
	tcase_add_test(tc, connection_to_the_router_itself);
	tcase_add_test(tc, own_sockets_are_asked);
	tcase_add_test(tc, udp_answers_from_the_alias);
	tcase_add_test(tc, udp_answers_of_an_ip6_socket);
	tcase_add_test(tc, udp_to_the_host_is_left_alone);
	tcase_add_test(tc, large_datagrams);
}

int
main(void)
{
	static const struct suite suite = { .name = "live", .add = add_tests, .setup = setup,
		.teardown = teardown, .timeout = 120 };

	rig_isolate();
	rig_command("mkdir -p /run/clua-test && mount -t bpf bpf /run/clua-test");
	return suite_run(&suite);
}
