/* SPDX-License-Identifier: ISC */
/* What cluamgr -s prints for a canned answer, and which command lines it refuses. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluamgr/cluamgr.h"
#include "cluamgr/status.h"
#include "common/ipc.h"
#include "tests/unit/unit.h"

static struct cm_status status;
static uint8_t buf[8192];
static struct wire_wr w;

static void
row(uint16_t type)
{
	struct ipc_msg m = { .type = type, .data = buf, .len = wire_wr_len(&w) };

	cm_status_row(&m, &status);
}

static void
node(uint16_t id, const char *name)
{
	struct alias_ctl_node n = { .id = id, .member = true, .synced = true, .flows = 5, .paths = 2,
		.share = 100 };

	snprintf(n.name, sizeof(n.name), "%s", name);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_node_encode(&w, &n);
	row(ALIAS_ROW_NODE);
}

static void
member(uint16_t id, uint16_t selw, uint16_t flags)
{
	struct alias_ctl_member m = { .id = id, .selw = selw, .selp = 1, .rpri = 1, .flags = flags,
		.attached = true, .synced = true };

	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_member_encode(&w, &m);
	row(ALIAS_ROW_MEMBER);
}

static void
fill(void)
{
	static struct alias_ctl_service s = { .svc = { "http", IPPROTO_TCP, 80, ALIAS_IN_MULTI, 0 },
		.active = ALIAS_NO_NODE, .nlisteners = 2, .listener = { 2, 1 }, .ntargets = 2,
		.target = { { 1, 3 }, { 2, 2 } } };
	struct alias_ctl_group g = { .self = 1, .in_group = true, .quorate = true, .loaded = true,
		.synced = true, .gen = 7 };
	struct alias_ctl_routing r = { .opts = ALIAS_RT_DEFAULT, .daemon = "bird", .state = "done",
		.text = "well", .file = "/run/x" };
	struct alias_ctl_route route = { .prefixlen = 24, .metric = 14 };
	struct alias_ctl_alias a = { .id = 1, .flags = 7, .master = 2, .name = "clua",
		.counter = { 72, 14 } };

	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_group_encode(&w, &g);
	row(ALIAS_ROW_GROUP);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_routing_encode(&w, &r);
	row(ALIAS_ROW_ROUTING);
	inet_aton("10.77.0.0", &route.dst);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_route_encode(&w, &route);
	row(ALIAS_ROW_ROUTE);
	node(1, "n1");
	node(2, "n2");
	inet_aton("10.1.0.100", &a.addr);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_alias_encode(&w, &a);
	row(ALIAS_ROW_ALIAS);
	member(1, 3, 0x11);
	member(2, 2, 0x01);
	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_service_encode(&w, &s);
	row(ALIAS_ROW_SERVICE);
	s.svc = (struct alias_svc){ "", IPPROTO_UDP, 9, ALIAS_IN_SINGLE, 0 };
	s.ntargets = 0;
	s.active = 1;
	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_service_encode(&w, &s);
	row(ALIAS_ROW_SERVICE);
	ck_assert_uint_eq(status.bad, 0);
}

static char *
printed(void (*print)(FILE *, const struct cm_status *))
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	print(f, &status);
	fclose(f);
	return text;
}

START_TEST(text)
{
	char *got;

	fill();
	got = printed(cm_status_text);
	ck_assert_str_eq(got, "Status of Cluster Alias: clua\n\n"
	    "address: 10.1.0.100\n"
	    "netmask: 0\n"
	    "aliasid: 1\n"
	    "flags: 7<ENABLED,DEFAULT,IP_V4>\n"
	    "ARP master: memberid 2 (n2)\n"
	    "connections rcvd from net: 72\n"
	    "connections forwarded: 14\n"
	    "connections rcvd within cluster: 0\n"
	    "data packets received from network: 0\n"
	    "data packets forwarded within cluster: 0\n"
	    "datagrams received from network: 0\n"
	    "datagrams forwarded within cluster: 0\n"
	    "datagrams received within cluster: 0\n"
	    "fragments received from network: 0\n"
	    "fragments forwarded within cluster: 0\n"
	    "fragments received within cluster: 0\n"
	    "Member Attributes:\n"
	    "memberid: 1, selw=3, selp=1, rpri=1 flags=11<JOINED,ENABLED>\n"
	    "memberid: 2, selw=2, selp=1, rpri=1 flags=1<ENABLED>\n"
	    "service: http 80/tcp in_multi, listening: 2,1; receiving: 1*3,2*2\n"
	    "service: - 9/udp in_single, listening: 2,1; receiving: none\n"
	    "\nRouting of this member: start,noresvok,gated,novmac\n"
	    "routing daemon: bird, done: well\n"
	    "route: 10.77.0.0/24 metric 14\n");
	free(got);
	cm_status_free(&status);
}
END_TEST

static void
has(const char *json, const char *part)
{
	ck_assert_msg(strstr(json, part) != NULL, "%s is not in %s", part, json);
}

/* Without what separates the tokens: its layout is json_test's. */
static void
squeeze(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (strchr(" \t\n", *s) == NULL)
			*to++ = *s;
	}
	*to = '\0';
}

START_TEST(json)
{
	char *got;

	fill();
	got = printed(cm_status_json);
	squeeze(got);
	has(got, "\"schema\":1");
	has(got, "\"gen\":7,\"quorate\":true");
	has(got, "\"routing\":{\"options\":[\"start\",\"noresvok\",\"gated\",\"novmac\"],\"daemon\":\"bird\","
	    "\"state\":\"done\",\"text\":\"well\",\"file\":\"/run/x\",\"routes\":[{\"destination\":"
	    "\"10.77.0.0\",\"length\":24,\"metric\":14}]}");
	has(got, "\"nodes\":[{\"id\":1,\"name\":\"n1\",\"member\":true,\"synced\":true,\"flows\":5");
	has(got, "\"aliases\":[{\"alias\":\"10.1.0.100\",\"name\":\"clua\",\"id\":1");
	has(got, "\"master\":2");
	has(got, "\"members\":[{\"id\":1,\"name\":\"n1\",\"selw\":3");
	has(got, "\"flags\":[\"JOINED\",\"ENABLED\"]");
	has(got, "\"attrs\":[\"in_multi\"],\"sticky\":null,\"listeners\":[2,1],\"targets\":[{\"id\":1,\"weight\":3},");
	has(got, "\"active\":null");
	has(got, "\"targets\":[],\"active\":1");
	free(got);
	cm_status_free(&status);
	got = printed(cm_status_json);
	squeeze(got);
	has(got, "\"nodes\":[],\"aliases\":[]");
	has(got, "\"options\":[\"stop\",\"noresvok\",\"nogated\",\"novmac\"]");
	free(got);
}
END_TEST

static int
run(const char *a, const char *b, const char *c, const char *d)
{
	char *argv[] = { (char *)"cluamgr", (char *)a, (char *)b, (char *)c, (char *)d, NULL };
	int argc = 1;

	while (argv[argc] != NULL)
		argc++;
	optind = 0;
	return cluamgr_run(argc, argv);
}

START_TEST(usage)
{
	/* What it says goes where nobody looks. */
	int null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO);
	dup2(null, STDOUT_FILENO);
	ck_assert_int_eq(run(NULL, NULL, NULL, NULL), CM_USAGE);
	ck_assert_int_eq(run("-h", NULL, NULL, NULL), CM_OK);
	ck_assert_int_eq(run("-a", NULL, NULL, NULL), CM_USAGE);
	ck_assert_int_eq(run("-x", NULL, NULL, NULL), CM_USAGE);
	ck_assert_int_eq(run("-f", "-s", NULL, NULL), CM_USAGE);
	ck_assert_int_eq(run("-s", "-s", NULL, NULL), CM_USAGE);
	ck_assert_int_eq(run("-h", "-j", NULL, NULL), CM_USAGE);
	ck_assert_int_eq(run("-f", "-j", "-w", NULL), CM_USAGE);
	ck_assert_int_eq(run("-f", "x", NULL, NULL), CM_USAGE);
	ck_assert_int_eq(run("-a", "alias=1.2.3.4,", "join", NULL), CM_USAGE);
	ck_assert_int_eq(run("-a", "alias=1.2.3.4,joni", NULL, NULL), CM_USAGE);
	ck_assert_int_eq(run("-a", "alias=no-such-name.invalid", NULL, NULL), CM_FAILED);
	ck_assert_int_eq(run("-r", NULL, NULL, NULL), CM_USAGE);
	ck_assert_int_eq(run("-r", "restart", NULL, NULL), CM_USAGE);
	ck_assert_int_eq(run("-r", "start,", "resvok", NULL), CM_USAGE);
	ck_assert_int_eq(run("-r", "start", "-s", NULL), CM_USAGE);
	ck_assert_int_eq(run("-F", "/nonexistent", NULL, NULL), CM_FAILED);
	ck_assert_int_eq(run("-s", "all", "more", NULL), CM_USAGE);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { text, json, usage, NULL };

	return unit_run("cluamgr", tests);
}
