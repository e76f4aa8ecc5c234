/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <check.h>

#include "tests/bpf/live.h"

struct host client = { .name = "client" }, router = { .name = "router" }, owner = { .name = "owner" };
static int home;

void
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

void
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

void
deal_to(uint16_t node)
{
	struct in_addr alias = { .s_addr = addr(RIG_ALIAS) };
	struct dp_target t = { node, 1 };

	ck_assert_int_eq(datapath_set_service(router.dp, alias, IPPROTO_TCP, htons(PORT), &t, 1), 0);
	ck_assert_int_eq(datapath_set_service(router.dp, alias, IPPROTO_UDP, htons(PORT), &t, 1), 0);
}

static void
setup(void)
{
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
	configure(&client, CLIENT, false);
	configure(&router, "10.1.0.11", true);
	configure(&owner, "10.1.0.12", true);
	start(&router, ROUTER, true);
	start(&owner, OWNER, false);
	path(&router, &owner, OWNER);
	path(&owner, &router, ROUTER);
	deal_to(OWNER);
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

int
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

int
listener(const struct host *h, uint16_t port)
{
	int fd = sock_in(h, SOCK_STREAM, "0.0.0.0", port);

	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

int
connect_to(int fd, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = addr(RIG_ALIAS) };

	return connect(fd, (struct sockaddr *)&sin, sizeof(sin));
}

void
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

uint64_t
counter(struct host *h, enum dp_counter c)
{
	uint64_t all[DP_C_MAX];

	ck_assert_int_eq(datapath_counters(h->dp, all), 0);
	return all[c];
}

void
expect_counter(struct host *h, enum dp_counter c, uint64_t n)
{
	int i;

	for (i = 0; i < 1000 && counter(h, c) < n; i++)
		poll(NULL, 0, 10);
	ck_assert_uint_eq(counter(h, c), n);
}

void
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

int
live_run(const char *name, void (*add)(TCase *))
{
	const struct suite suite = { .name = name, .add = add, .setup = setup, .teardown = teardown,
		.timeout = 120 };

	rig_isolate();
	rig_command("mkdir -p /run/clua-test && mount -t bpf bpf /run/clua-test");
	return suite_run(&suite);
}
