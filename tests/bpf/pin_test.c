/* SPDX-License-Identifier: ISC */
/* A daemon comes back to what it left, leaves other people's things alone, and removes all of its own. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <check.h>

#include <bpf/bpf.h>

#include "tests/bpf/rig.h"
#include "tests/bpf/suite.h"

#define CLIENT "10.1.0.101"

static struct rig rig;

static void
setup(void)
{
	memset(&rig, 0, sizeof(rig));
	rig_open(&rig);
}

static void
teardown(void)
{
	rig_close(&rig);
}

static int
output_of(const char *command)
{
	return WEXITSTATUS(system(command));
}

static int
where(uint16_t sport, uint16_t dport, uint8_t flags)
{
	struct frame f;

	rig_tcp(&rig, &f, CLIENT, sport, RIG_ALIAS, dport, flags, 1);
	return rig_where(&rig, &f);
}

static void
fill(void)
{
	static const struct dp_target web[] = { { 2, 2 }, { 3, 1 } };
	static const uint8_t mac[1][6] = { { 2, 9, 9, 9, 9, 9 } };
	struct dp_conn c;
	unsigned i;

	rig_alias(&rig, RIG_ALIAS, true);
	rig_paths(&rig, 2, 1);
	rig_paths(&rig, 3, 2);
	rig_service(&rig, RIG_ALIAS, IPPROTO_TCP, 80, 2, web);
	ck_assert_int_eq(datapath_set_member_macs(rig.dp, 2, mac, 1), 0);
	for (i = 0; i < 9000; i++) {
		c = rig_conn(CLIENT, 1000 + i, RIG_ALIAS, 443);
		ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 2 + i % 2), 0);
	}
	ck_assert_uint_gt(flow_table_overflowed(rig.dp->flows), 0);
}

static void
all_there(void)
{
	unsigned i;

	ck_assert_uint_eq(datapath_flow_count(rig.dp, 2), 4500);
	ck_assert_uint_eq(datapath_flow_count(rig.dp, 3), 4500);
	for (i = 0; i < 9000; i++)
		ck_assert_int_eq(where(1000 + i, 443, F_ACK), 2 + i % 2);
}

START_TEST(taken_over)
{
	unsigned overflowed;

	fill();
	ck_assert(!datapath_resumed(rig.dp));
	overflowed = flow_table_overflowed(rig.dp->flows);
	ck_assert_int_eq(where(20000, 80, F_SYN), 2);
	datapath_close(rig.dp, false);
	ck_assert_int_eq(output_of("tc filter show dev lan0 ingress | grep -q clua_lan"), 0);
	rig_open(&rig);
	ck_assert(datapath_resumed(rig.dp));
	ck_assert_uint_eq(flow_table_overflowed(rig.dp->flows), overflowed);
	all_there();
	/* The turns go on where they were. */
	ck_assert_int_eq(where(20001, 80, F_SYN), 2);
	ck_assert_int_eq(where(20002, 80, F_SYN), 3);
	ck_assert_int_eq(where(20000, 80, F_ACK), 2);
	ck_assert_uint_ge(rig_counter(&rig, DP_C_FLOW_FORWARDED), 9000);
	ck_assert_int_eq(output_of("test $(tc filter show dev lan0 ingress | grep -c clua_lan) = 1"), 0);
	ck_assert_uint_eq(datapath_del_owner(rig.dp, 2), 4500);
	ck_assert_uint_eq(datapath_flow_count(rig.dp, 2), 0);
	ck_assert_int_eq(where(1001, 443, F_ACK), 3);
}
END_TEST

START_TEST(killed)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		fill();
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	datapath_close(rig.dp, false);
	rig_open(&rig);
	ck_assert(datapath_resumed(rig.dp));
	all_there();
}
END_TEST

START_TEST(killed_for_good)
{
	fill();
	datapath_close(rig.dp, false);
	ck_assert_int_gt(datapath_cleanup(RIG_PIN), 5);
	ck_assert_int_eq(access(RIG_PIN, F_OK), -1);
	ck_assert_int_ne(output_of("tc qdisc show | grep -q clsact"), 0);
	ck_assert_int_eq(datapath_cleanup(RIG_PIN), 0);
	rig_open(&rig);
	ck_assert(!datapath_resumed(rig.dp));
	/* Also when somebody took the tables away and left the filters. */
	datapath_close(rig.dp, false);
	rig_command("rm -r " RIG_PIN);
	ck_assert_int_eq(datapath_cleanup(RIG_PIN), 2);
	ck_assert_int_ne(output_of("tc filter show dev lan0 ingress | grep -q clua"), 0);
	rig_command("tc qdisc del dev lan0 clsact; tc qdisc del dev ic0 clsact");
	rig_open(&rig);
}
END_TEST

START_TEST(another_layout)
{
	fill();
	rig.dp->meta->layout++;
	datapath_close(rig.dp, false);
	rig_open(&rig);
	ck_assert(!datapath_resumed(rig.dp));
	ck_assert_uint_eq(datapath_flow_count(rig.dp, 2), 0);
	rig_alias(&rig, RIG_ALIAS, true);
	ck_assert_int_eq(where(1000, 80, F_SYN), RIG_SELF);
}
END_TEST

/* A real frame, which the program that is attached sees, and not the one that a test runs. */
static void
check_attached_counts(void)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("lan1") };
	uint64_t before = rig_counter(&rig, DP_C_FALLBACK);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), i;
	struct frame f;

	ck_assert_int_ge(fd, 0);
	rig_tcp(&rig, &f, CLIENT, 1001, RIG_ALIAS, 80, F_SYN, 1);
	ck_assert_int_eq(sendto(fd, f.b, f.len, 0, (struct sockaddr *)&to, sizeof(to)), f.len);
	close(fd);
	for (i = 0; i < 1000 && rig_counter(&rig, DP_C_FALLBACK) == before; i++)
		usleep(5000);
	ck_assert_uint_eq(rig_counter(&rig, DP_C_FALLBACK), before + 1);
}

static void
xdp_is_ours(const char *program, const char *behind)
{
	char command[256];

	snprintf(command, sizeof(command),
	    "test \"$(bpftool net show dev lan0 | grep -c 'lan0.*%s')\" = 1", behind);
	ck_assert_int_eq(output_of(command), 0);
	snprintf(command, sizeof(command),
	    "id=$(ip link show lan0 | sed -n 's/.*prog.xdp id \\([0-9]*\\).*/\\1/p'); "
	    "bpftool prog show id $id | grep -q 'name %s '", program);
	ck_assert_int_eq(output_of(command), 0);
}

/* The old program would find the new tables no better than the old ones: it must not stay. */
START_TEST(another_layout_under_xdp)
{
	static const struct {
		enum dp_attach attach;
		const char *program, *behind;
	} modes[] = { { DP_ATTACH_XDP, "clua_lan_xdp", "clua_lan_rest" },
		{ DP_ATTACH_XDP_GENERIC, "clua_lan_generic", "clua_lan_large" } };

	rig_close(&rig);
	rig.conf.attach = modes[_i].attach;
	rig_open(&rig);
	fill();
	xdp_is_ours(modes[_i].program, modes[_i].behind);
	rig.dp->meta->layout--;
	datapath_close(rig.dp, false);
	xdp_is_ours(modes[_i].program, modes[_i].behind);
	rig_open(&rig);
	ck_assert(!datapath_resumed(rig.dp));
	xdp_is_ours(modes[_i].program, modes[_i].behind);
	ck_assert_uint_eq(datapath_flow_count(rig.dp, 2), 0);
	rig_alias(&rig, RIG_ALIAS, true);
	ck_assert_int_eq(where(1000, 80, F_SYN), RIG_SELF);
	/* What is attached counts in the new tables. */
	check_attached_counts();
	rig_close(&rig);
	ck_assert_int_ne(output_of("ip link show | grep -q xdp"), 0);
	ck_assert_int_ne(output_of("tc filter show dev lan0 ingress | grep -q clua"), 0);
	ck_assert_int_eq(access(RIG_PIN, F_OK), -1);
	rig.conf.attach = DP_ATTACH_TC;
	rig_open(&rig);
}
END_TEST

START_TEST(the_size_stays)
{
	fill();
	datapath_close(rig.dp, false);
	rig.conf.max_flows = 50000;
	rig_open(&rig);
	ck_assert(datapath_resumed(rig.dp));
	ck_assert_uint_eq(rig.dp->meta->max_flows, 10000);
	all_there();
}
END_TEST

START_TEST(leaving_removes_everything)
{
	fill();
	rig_close(&rig);
	ck_assert_int_eq(access(RIG_PIN, F_OK), -1);
	ck_assert_int_ne(output_of("tc qdisc show dev lan0 | grep -q clsact"), 0);
	ck_assert_int_ne(output_of("tc qdisc show dev ic0 | grep -q clsact"), 0);
	rig_open(&rig);
	ck_assert(!datapath_resumed(rig.dp));
}
END_TEST

/* Somebody else's filter; the program does not matter. */
static void
foreign_filter(uint32_t ifindex, enum bpf_tc_attach_point where)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = where);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 10,
	    .prog_fd = bpf_program__fd(rig.dp->skel->progs.clua_link));

	ck_assert_int_eq(bpf_tc_attach(&hook, &opts), 0);
}

START_TEST(other_filters_stay)
{
	rig_close(&rig);
	rig_command("tc qdisc add dev lan0 clsact");
	rig_open(&rig);
	foreign_filter(rig.lan, BPF_TC_INGRESS);
	foreign_filter(rig.link, BPF_TC_EGRESS);
	ck_assert_int_eq(output_of("test $(tc filter show dev lan0 ingress | grep -c clua_lan) = 1"), 0);
	rig_close(&rig);
	ck_assert_int_eq(output_of("tc filter show dev lan0 ingress | grep -q 'pref 10 '"), 0);
	ck_assert_int_eq(output_of("tc filter show dev ic0 egress | grep -q 'pref 10 '"), 0);
	ck_assert_int_ne(output_of("tc filter show dev lan0 ingress | grep -q clua_lan"), 0);
	rig_command("tc qdisc del dev lan0 clsact; tc qdisc del dev ic0 clsact");
	rig_open(&rig);
}
END_TEST

START_TEST(detached_interface)
{
	ck_assert_int_eq(datapath_detach(rig.dp, rig.lan), 0);
	ck_assert_int_ne(output_of("tc qdisc show dev lan0 | grep -q clsact"), 0);
	ck_assert_int_eq(datapath_detach(rig.dp, rig.lan), -1);
	ck_assert_int_eq(datapath_attach_lan(rig.dp, rig.lan), 0);
	ck_assert_int_eq(datapath_attach_lan(rig.dp, rig.lan), 0);
	ck_assert_int_eq(datapath_attach_lan(rig.dp, 99999), -1);
}
END_TEST

START_TEST(bad_calls)
{
	struct dp_path paths[9] = { 0 };
	struct dp_target t[DP_TARGETS + 1];
	struct in_addr alias = { .s_addr = addr(RIG_ALIAS) }, none = { 0 };
	struct dp_conn c = rig_conn(CLIENT, 1, "0.0.0.0", 80);
	unsigned i;

	for (i = 0; i < DP_TARGETS + 1; i++)
		t[i] = (struct dp_target){ i, 1 };
	ck_assert_int_eq(datapath_set_paths(rig.dp, 1, paths, 9), -1);
	ck_assert_int_eq(datapath_set_paths(rig.dp, DP_NODES, paths, 1), -1);
	ck_assert_int_eq(datapath_set_service(rig.dp, alias, 6, 80, t, DP_TARGETS + 1), -1);
	ck_assert_int_eq(datapath_set_service(rig.dp, alias, 6, 80, t, DP_TARGETS), 0);
	ck_assert_int_eq(datapath_set_service(rig.dp, alias, 6, 80, NULL, 0), 0);
	ck_assert_int_eq(datapath_set_service(rig.dp, alias, 6, 80, NULL, 0), 0);
	t[0].weight = 0;
	ck_assert_int_eq(datapath_set_service(rig.dp, alias, 6, 80, t, 1), -1);
	ck_assert_int_eq(datapath_set_service(rig.dp, none, 6, 80, t + 1, 1), -1);
	ck_assert_int_eq(datapath_set_flow(rig.dp, &c, 1), -1);
	ck_assert_int_eq(datapath_del_flow(rig.dp, &c, 1), -1);
	ck_assert_int_eq(datapath_del_alias(rig.dp, none), -1);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, taken_over);
	tcase_add_test(tc, killed);
	tcase_add_test(tc, killed_for_good);
	tcase_add_test(tc, another_layout);
	tcase_add_loop_test(tc, another_layout_under_xdp, 0, 2);
	tcase_add_test(tc, the_size_stays);
	tcase_add_test(tc, leaving_removes_everything);
	tcase_add_test(tc, other_filters_stay);
	tcase_add_test(tc, detached_interface);
	tcase_add_test(tc, bad_calls);
}

int
main(void)
{
	static const struct suite suite = { .name = "pin", .add = add_tests, .setup = setup,
		.teardown = teardown, .timeout = 120 };

	rig_isolate();
	return suite_run(&suite);
}
