/* SPDX-License-Identifier: ISC */
/*
 * Packets in VXLAN, to a member and from one. The tunnel is real and leads over lo to this very host, as
 * what test runs redirect goes nowhere and brings no outer header.
 */
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <check.h>

#include "aliasd/core/paths.h"
#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define CLIENT "10.1.0.101"
#define LIMIT 1400
#define VNI 0xc1002a
#define HERE "127.0.0.1"
#define MEMBER "127.0.0.2"
#define STRANGER "127.0.0.3"

static struct rig rig;
static uint32_t tunnel;

static struct in_addr
ip(const char *text)
{
	return (struct in_addr){ .s_addr = addr(text) };
}

static void
setup(void)
{
	static const struct dp_target two = { 2, 1 };
	struct in_addr member = ip(MEMBER);
	struct dp_path path = { .remote = ip(HERE), .local = ip(MEMBER), .limit = LIMIT };

	memset(&rig, 0, sizeof(rig));
	rig.conf.vni = VNI;
	rig_open(&rig);
	rig_command("ip link add vx0 address 02:63:6c:75:61:01 mtu 9000 type vxlan external nolearning dstport 4789");
	rig_command("ip link set vx0 up");
	tunnel = if_nametoindex("vx0");
	ck_assert_int_eq(datapath_attach_tunnel(rig.dp, tunnel), 0);
	rig_alias(&rig, RIG_ALIAS, true);
	path.ifindex = tunnel;
	memcpy(path.src, paths_tunnel_peer_mac, 6);
	memcpy(path.dst, paths_tunnel_mac, 6);
	ck_assert_int_eq(datapath_set_paths(rig.dp, 2, &path, 1), 0);
	ck_assert_int_eq(datapath_set_member_addrs(rig.dp, 2, &member, 1), 0);
	rig_service(&rig, RIG_ALIAS, IPPROTO_UDP, 53, 1, &two);
}

static void
teardown(void)
{
	rig_close(&rig);
	rig_command("ip link del vx0");
}

static void
datagram(struct frame *f, const uint8_t dst[6], size_t len, bool df)
{
	frame_ether(f, dst, rig_client_mac, 0x0800);
	frame_ip(f, CLIENT, RIG_ALIAS, IPPROTO_UDP, 0);
	frame_fragment(f, 7, 0, false);
	if (df)
		f->b[f->ip + 6] = 0x40;
	frame_udp(f, 5000, 53);
	frame_data(f, len - (f->len - ETH_HLEN));
	frame_finish(f);
}

START_TEST(addressed_for_the_tunnel)
{
	struct frame f;
	struct run r;

	datagram(&f, rig.lan_mac, 100, true);
	rig_run(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_REDIRECT);
	ck_assert_mem_eq(r.out.b, paths_tunnel_mac, 6);
	ck_assert_mem_eq(r.out.b + 6, paths_tunnel_peer_mac, 6);
	ck_assert_mem_eq(r.out.b + 12, f.b + 12, f.len - 12);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_UDP_FORWARDED), 1);
}
END_TEST

START_TEST(too_long_for_the_tunnel)
{
	struct frame f;
	struct run r;

	datagram(&f, rig.lan_mac, LIMIT, true);
	rig_run(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_REDIRECT);
	datagram(&f, rig.lan_mac, LIMIT + 1, true);
	rig_run(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_DROP);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_TOO_BIG), 1);
	/* What may be taken apart the kernel takes apart, with what is around it. */
	datagram(&f, rig.lan_mac, LIMIT + 1, false);
	rig_run(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_REDIRECT);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_TOO_BIG_SPLIT), 0);
}
END_TEST

/* XDP cannot say to whom: nobody gets there what is another's. */
START_TEST(not_by_xdp)
{
	struct frame f;
	struct run r;

	rig.xdp = true;
	datagram(&f, rig.lan_mac, 100, true);
	rig_run(&rig, &f, &r);
	ck_assert_uint_eq(r.verdict, RIG_DROP);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_NO_PATH), 1);
}
END_TEST

/* A tunnel that comes takes LAN interfaces from XDP, as those that come later, until it goes. */
START_TEST(the_lan_leaves_xdp)
{
	struct dp_attachment a;

	rig_close(&rig);
	rig.conf.attach = DP_ATTACH_XDP;
	rig_open(&rig);
	ck_assert(datapath_attachment(rig.dp, rig.lan, &a));
	ck_assert_int_eq(a.mode, DP_ATTACH_XDP);
	ck_assert_int_eq(datapath_attach_tunnel(rig.dp, tunnel), 0);
	ck_assert(datapath_attachment(rig.dp, rig.lan, &a));
	ck_assert_int_eq(a.mode, DP_ATTACH_TC);
	ck_assert_ptr_nonnull(strstr(a.why, "vx0"));
	ck_assert_int_eq(datapath_attach_lan(rig.dp, rig.lan), 0);
	ck_assert(datapath_attachment(rig.dp, rig.lan, &a));
	ck_assert_int_eq(a.mode, DP_ATTACH_TC);
	ck_assert_int_eq(datapath_detach(rig.dp, tunnel), 0);
	ck_assert(datapath_attachment(rig.dp, rig.lan, &a));
	ck_assert_int_eq(a.mode, DP_ATTACH_XDP);
	ck_assert_str_eq(a.why, "");
}
END_TEST

/* ---- with an outer header ---- */
static void
send_outer(const char *from, uint32_t vni, const struct frame *f)
{
	struct sockaddr_in src = { .sin_family = AF_INET, .sin_addr = ip(from) },
		dst = { .sin_family = AF_INET, .sin_addr = ip(HERE), .sin_port = htons(4789) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint8_t buf[8 + FRAME_MAX] = { 0x08, 0, 0, 0, vni >> 16, vni >> 8, vni };

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&src, sizeof(src)), 0);
	memcpy(buf + 8, f->b, f->len);
	ck_assert_int_eq(sendto(fd, buf, 8 + f->len, 0, (struct sockaddr *)&dst, sizeof(dst)),
	    (int)(8 + f->len));
	close(fd);
}

/* What goes over lo has arrived when sendto() returns, or when the processor has done what it put off. */
static void
await(enum dp_counter c, uint64_t n)
{
	unsigned i;

	for (i = 0; i < 5000 && rig_counter(&rig, c) < n; i++)
		usleep(1000);
	ck_assert_uint_eq(rig_counter(&rig, c), n);
}

START_TEST(members_are_believed)
{
	struct in_addr none;
	struct frame f;

	datagram(&f, paths_tunnel_mac, 100, false);
	send_outer(MEMBER, VNI, &f);
	await(DP_C_FROM_MEMBER, 1);
	await(DP_C_UDP_RECEIVED, 1);
	send_outer(STRANGER, VNI, &f);
	await(DP_C_TUNNEL_STRANGER, 1);
	send_outer(MEMBER, VNI + 1, &f); /* of another cluster */
	await(DP_C_TUNNEL_STRANGER, 2);
	ck_assert_int_eq(datapath_set_member_addrs(rig.dp, 2, &none, 0), 0);
	send_outer(MEMBER, VNI, &f);
	await(DP_C_TUNNEL_STRANGER, 3);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FROM_MEMBER), 1);
}
END_TEST

/* Nothing else has any business there: what is dropped is not counted, but does not come up either. */
START_TEST(nothing_but_aliases)
{
	struct frame f;
	struct run r;
	int prog = bpf_program__fd(rig.dp->skel->progs.clua_tunnel);
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.b, .data_out = r.out.b,
	    .data_size_out = sizeof(r.out.b), .repeat = 1);

	frame_ether(&f, paths_tunnel_mac, rig_client_mac, 0x0800);
	frame_ip(&f, CLIENT, "10.1.0.11", IPPROTO_UDP, 0);
	frame_udp(&f, 5000, 53);
	frame_finish(&f);
	opts.data_size_in = f.len;
	ck_assert_int_eq(bpf_prog_test_run_opts(prog, &opts), 0);
	ck_assert_uint_eq(opts.retval, RIG_DROP);
	frame_arp(&f, 1, rig_client_mac, CLIENT, paths_tunnel_mac, RIG_ALIAS);
	opts.data_size_in = f.len;
	opts.data_size_out = sizeof(r.out.b);
	ck_assert_int_eq(bpf_prog_test_run_opts(prog, &opts), 0);
	ck_assert_uint_eq(opts.retval, RIG_DROP);
}
END_TEST

static void
from_the_lan(const struct frame *f)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("lan1") };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	ck_assert_int_eq(sendto(fd, f->b, f->len, 0, (struct sockaddr *)&to, sizeof(to)), (int)f->len);
	close(fd);
}

/* From the client to the router, in the tunnel, and out of it: also when the outer packet is taken apart. */
START_TEST(the_whole_way)
{
	struct frame f;

	datagram(&f, rig.lan_mac, 100, true);
	from_the_lan(&f);
	await(DP_C_UDP_FORWARDED, 1);
	await(DP_C_UDP_RECEIVED, 1);
	rig_command("ip link set lo mtu 1400");
	datagram(&f, rig.lan_mac, 1480, false);
	from_the_lan(&f);
	await(DP_C_UDP_FORWARDED, 2);
	await(DP_C_UDP_RECEIVED, 2);
	rig_command("ip link set lo mtu 65536");
	ck_assert_uint_eq(rig_counter(&rig, DP_C_TUNNEL_STRANGER), 0);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, addressed_for_the_tunnel);
	tcase_add_test(t, too_long_for_the_tunnel);
	tcase_add_test(t, not_by_xdp);
	tcase_add_test(t, the_lan_leaves_xdp);
	tcase_add_test(t, members_are_believed);
	tcase_add_test(t, nothing_but_aliases);
	tcase_add_test(t, the_whole_way);
}

int
main(void)
{
	static const struct suite suite = { .name = "tunnel", .add = add, .setup = setup,
		.teardown = teardown, .timeout = 60 };

	rig_isolate();
	return suite_run(&suite);
}
