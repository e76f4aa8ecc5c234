/* SPDX-License-Identifier: ISC */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/bpf/rig.h"

const uint8_t rig_client_mac[6] = { 0x02, 0xcc, 0, 0, 0, 1 };
const uint8_t rig_broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

void
rig_command(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		exit(1);
	}
}

void
rig_isolate(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		die("unshare (the tests of the data plane need root)");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("private mounts");
	if (mount("none", "/run", "tmpfs", 0, NULL) < 0)
		die("/run");
	rig_command("ip link set lo up");
	/* No interface is to say anything by itself. */
	rig_command("f=/proc/sys/net/ipv6/conf/default/disable_ipv6; test ! -e $f || echo 1 >$f");
	rig_command("ip link add lan0 type veth peer name lan1");
	rig_command("ip link add ic0 type veth peer name ic1");
	rig_command("for i in lan0 lan1 ic0 ic1; do ip link set $i up; done");
}

void
rig_node_mac(uint16_t node, unsigned path, uint8_t mac[6])
{
	mac[0] = 0x02;
	mac[1] = 0xaa;
	mac[2] = node >> 8;
	mac[3] = node;
	mac[4] = 0;
	mac[5] = path;
}

static void
on_sock(enum dp_sock_event event, const struct dp_conn *conn, uint64_t when, void *arg)
{
	struct rig *rig = arg;

	rig->events[event]++;
	rig->last[event] = *conn;
}

static void
on_stray(const struct dp_conn *conn, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	struct rig *rig = arg;

	rig->strays++;
	rig->stray_conn = *conn;
	rig->stray_len = len;
	memcpy(rig->stray_frame, frame, len < FRAME_MAX ? len : FRAME_MAX);
}

static void
on_refused(const struct dp_conn *conn, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	struct rig *rig = arg;

	on_stray(conn, ifindex, frame, len, arg);
	rig->strays--;
	rig->refused++;
}

static void
on_fragment(
    const struct dp_fragment *id, bool known, const uint8_t *frame, size_t len, void *arg)
{
	struct rig *rig = arg;

	rig->fragments++;
	rig->known_fragments += known;
	rig->fragment = *id;
	rig->stray_len = len;
	memcpy(rig->stray_frame, frame, len < FRAME_MAX ? len : FRAME_MAX);
}

static void
on_first(const struct dp_fragment *id, void *arg)
{
	struct rig *rig = arg;

	rig->firsts++;
	rig->fragment = *id;
}

static void
on_too_big(const struct dp_too_big *t, uint32_t ifindex, const uint8_t *frame, size_t len, void *arg)
{
	struct rig *rig = arg;

	rig->too_bigs++;
	rig->too_big = *t;
	rig->stray_len = len;
	memcpy(rig->stray_frame, frame, len < FRAME_MAX ? len : FRAME_MAX);
}

void
rig_open(struct rig *rig)
{
	static const struct dp_ops ops = { .on_sock = on_sock, .on_stray = on_stray,
		.on_refused = on_refused, .on_fragment = on_fragment, .on_first = on_first,
		.on_too_big = on_too_big };

	rig_sent(rig);
	rig->lan = if_nametoindex("lan0");
	rig->link = if_nametoindex("ic0");
	if (!rig->conf.self)
		rig->conf.self = RIG_SELF;
	if (!rig->conf.max_flows)
		rig->conf.max_flows = 10000;
	rig->conf.pin_dir = RIG_PIN;
	if (iface_mac(rig->lan, rig->lan_mac) < 0 || iface_mac(rig->link, rig->link_mac) < 0)
		die("interfaces");
	if (!(rig->dp = datapath_open(NULL, &rig->conf, &ops, rig)))
		die("datapath_open");
	if (datapath_attach_lan(rig->dp, rig->lan) < 0 ||
	    datapath_attach_link(rig->dp, rig->link) < 0)
		die("attach");
}

void
rig_close(struct rig *rig)
{
	datapath_close(rig->dp, true);
	rig->dp = NULL;
}

void
rig_alias(struct rig *rig, const char *alias, bool master)
{
	struct dp_alias a = { .addr.s_addr = addr(alias), .master = master, .fallback = RIG_SELF };

	if (datapath_set_alias(rig->dp, &a) < 0)
		die("datapath_set_alias");
}

void
rig_paths(struct rig *rig, uint16_t node, size_t n)
{
	rig_narrow_paths(rig, node, n, 0);
}

void
rig_narrow_paths(struct rig *rig, uint16_t node, size_t n, uint32_t limit)
{
	struct dp_path path[DP_PATHS] = { 0 };
	size_t i;

	for (i = 0; i < n; i++) {
		path[i].ifindex = rig->link;
		path[i].limit = limit;
		memcpy(path[i].src, rig->link_mac, 6);
		rig_node_mac(node, i, path[i].dst);
	}
	if (datapath_set_paths(rig->dp, node, path, n) < 0)
		die("datapath_set_paths");
}

void
rig_service(struct rig *rig, const char *alias, int proto, uint16_t port, size_t n,
    const struct dp_target *t)
{
	struct in_addr a = { .s_addr = addr(alias) };

	if (datapath_set_service(rig->dp, a, proto, htons(port), t, n) < 0)
		die("datapath_set_service");
}

struct dp_conn
rig_conn(const char *client, uint16_t cport, const char *alias, uint16_t port)
{
	return (struct dp_conn){ .client.s_addr = addr(client), .alias.s_addr = addr(alias),
		.client_port = htons(cport), .port = htons(port) };
}

static int
run(int prog, uint32_t ifindex, uint16_t segment, const struct frame *f, struct run *r)
{
	struct __sk_buff in = { .ifindex = ifindex, .gso_size = segment,
		.gso_segs = segment ? f->len / segment + 1 : 0 };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->len,
	    .data_out = r->out.b, .data_size_out = sizeof(r->out.b), .ctx_in = &in,
	    .ctx_size_in = sizeof(in), .repeat = 1);

	if (bpf_prog_test_run_opts(prog, &opts) < 0)
		return -1;
	r->verdict = opts.retval;
	r->out.len = opts.data_size_out;
	return 0;
}

static int
run_xdp(struct rig *rig, const struct frame *f, struct run *r)
{
	static const uint32_t verdicts[] = { [XDP_PASS] = RIG_PASS, [XDP_DROP] = RIG_DROP,
		[XDP_TX] = RIG_REDIRECT, [XDP_REDIRECT] = RIG_REDIRECT };
	struct xdp_md in = { .ingress_ifindex = rig->lan, .data_end = f->len };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->len,
	    .data_out = r->out.b, .data_size_out = sizeof(r->out.b), .ctx_in = &in,
	    .ctx_size_in = sizeof(in), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(rig->dp->skel->progs.clua_lan_xdp), &opts) < 0)
		return -1;
	r->verdict = opts.retval <= XDP_REDIRECT ? verdicts[opts.retval] : opts.retval;
	r->out.len = opts.data_size_out;
	return 0;
}

int
rig_try(struct rig *rig, const struct frame *f, struct run *r)
{
	if (rig->xdp)
		return run_xdp(rig, f, r);
	return run(bpf_program__fd(rig->dp->skel->progs.clua_lan), rig->lan, rig->segment, f, r);
}

void
rig_run(struct rig *rig, const struct frame *f, struct run *r)
{
	if (rig_try(rig, f, r) < 0)
		die("bpf_prog_test_run_opts");
}

int
rig_try_link(struct rig *rig, const struct frame *f, struct run *r)
{
	return run(bpf_program__fd(rig->dp->skel->progs.clua_link), rig->link, rig->segment, f, r);
}

void
rig_run_link(struct rig *rig, const struct frame *f, struct run *r)
{
	if (rig_try_link(rig, f, r) < 0)
		die("bpf_prog_test_run_opts");
}

void
rig_run_rest(struct rig *rig, const struct frame *f, struct run *r)
{
	if (run(bpf_program__fd(rig->dp->skel->progs.clua_lan_rest), rig->lan, rig->segment, f, r) < 0)
		die("bpf_prog_test_run_opts");
}

int
rig_try_own(struct rig *rig, const struct frame *f, struct run *r)
{
	return run(bpf_program__fd(rig->dp->skel->progs.clua_own), rig->lan, rig->segment, f, r);
}

int
rig_try_again(struct rig *rig, const struct frame *f, struct run *r)
{
	return run(bpf_program__fd(rig->dp->skel->progs.clua_again), rig->lan, rig->segment, f, r);
}

void
rig_run_own(struct rig *rig, const struct frame *f, struct run *r)
{
	if (rig_try_own(rig, f, r) < 0)
		die("bpf_prog_test_run_opts");
}

void
rig_run_again(struct rig *rig, const struct frame *f, struct run *r)
{
	if (rig_try_again(rig, f, r) < 0)
		die("bpf_prog_test_run_opts");
}

uint64_t
rig_sent(struct rig *rig)
{
	FILE *f = fopen("/proc/net/dev", "re");
	unsigned long long sent = 0, before = rig->sent;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, " ic0: %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu", &sent);
	if (f)
		fclose(f);
	rig->sent = sent;
	return sent - before;
}

int
rig_where(struct rig *rig, const struct frame *f)
{
	struct run r;

	rig_run(rig, f, &r);
	if (r.verdict == RIG_PASS)
		return memcmp(r.out.b, f->b, f->len) == 0 ? RIG_SELF : -2;
	if (r.verdict == RIG_DROP)
		return -1;
	if (r.verdict != RIG_REDIRECT || r.out.len != f->len || r.out.b[0] != 0x02 ||
	    r.out.b[1] != 0xaa || memcmp(r.out.b + 6, rig->link_mac, 6) != 0 ||
	    memcmp(r.out.b + 12, f->b + 12, f->len - 12) != 0)
		return -2;
	return r.out.b[2] << 8 | r.out.b[3];
}

uint64_t
rig_counter(struct rig *rig, enum dp_counter c)
{
	uint64_t all[DP_C_MAX];

	if (datapath_counters(rig->dp, all) < 0)
		die("datapath_counters");
	return all[c];
}

void
rig_tcp(struct rig *rig, struct frame *f, const char *client, uint16_t sport, const char *dst,
    uint16_t dport, uint8_t flags, uint32_t seq)
{
	frame_ether(f, rig->lan_mac, rig_client_mac, 0x0800);
	frame_ip(f, client, dst, IPPROTO_TCP, 0);
	frame_tcp(f, sport, dport, flags, seq);
	frame_finish(f);
}

void
rig_udp(struct rig *rig, struct frame *f, const char *client, uint16_t sport, const char *dst,
    uint16_t dport)
{
	frame_ether(f, rig->lan_mac, rig_client_mac, 0x0800);
	frame_ip(f, client, dst, IPPROTO_UDP, 0);
	frame_udp(f, sport, dport);
	frame_finish(f);
}
