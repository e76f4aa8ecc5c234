/* SPDX-License-Identifier: ISC */
/* Both ends in one process, on one loop. What blocks (ipc_call) is in ipc_call_test.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ev.h"
#include "common/ipc.h"
#include "common/ipc_sock.h"
#include "common/log.h"
#include "common/wire.h"
#include "tests/unit/unit.h"

enum { T_ECHO = 0x0300, T_COUNT, T_FLOOD, T_PAUSE, T_ROOT };

static struct ev_loop *loop;
static struct ipc_server *server;
static struct ipc_client *client;
static struct ipc_conn *conn; /* the one opened last */
static unsigned opened, closed, counted, ups, downs, messages;
static unsigned stop_at_counted, stop_at_messages;
static bool stop_on_close, stop_on_up, stop_on_down, free_in_callback;
/* The last of each kind: several may come in one turn of the loop. */
static struct ipc_msg last, reply;
static uint8_t last_data[IPC_MAX_PAYLOAD], reply_data[IPC_MAX_PAYLOAD];

/* ---- server ---- */

static void
cmd_echo(struct ipc_conn *c, const struct ipc_msg *m, void *arg)
{
	ipc_conn_send(c, T_ECHO, m->reqid, m->data, m->len);
	ipc_conn_reply(c, m, IPC_OK, "%zu bytes", m->len);
}

/* Messages carry their number: none may be lost or overtaken. */
static void
cmd_count(struct ipc_conn *c, const struct ipc_msg *m, void *arg)
{
	struct wire_rd r;

	wire_rd_init(&r, m->data, m->len);
	ck_assert_uint_eq(wire_rd_u32(&r), counted);
	if (++counted == stop_at_counted)
		ev_loop_break(loop);
}

static void
cmd_flood(struct ipc_conn *c, const struct ipc_msg *m, void *arg)
{
	static const uint8_t data[4096];
	unsigned n = 0;

	while (ipc_conn_send(c, T_ECHO, 0, data, sizeof(data)) == 0)
		n++;
	ck_assert_uint_gt(n, 100);
	ck_assert_uint_eq(closed, 0); /* not from inside the call */
	ck_assert_int_eq(ipc_conn_send(c, T_ECHO, 0, NULL, 0), -1);
}

static void
cmd_pause(struct ipc_conn *c, const struct ipc_msg *m, void *arg)
{
	ipc_conn_pause(c, true);
	conn = c;
	ev_loop_break(loop);
}

static const struct ipc_cmd cmds[] = {
	{ T_ECHO, IPC_READ, cmd_echo },
	{ T_COUNT, IPC_READ, cmd_count },
	{ T_FLOOD, IPC_READ, cmd_flood },
	{ T_PAUSE, IPC_READ, cmd_pause },
	{ 0 },
};

static void
on_open(struct ipc_conn *c, void *arg)
{
	opened++;
	conn = c;
	ck_assert_uint_ne(ipc_conn_id(c), 0);
	ck_assert_int_eq(ipc_conn_pid(c), getpid());
	ck_assert_uint_eq(ipc_conn_uid(c), geteuid());
	ipc_conn_set_data(c, &opened);
}

static void
on_close(struct ipc_conn *c, void *arg)
{
	closed++;
	ck_assert_ptr_eq(ipc_conn_data(c), &opened);
	if (stop_on_close)
		ev_loop_break(loop);
}

static const struct ipc_server_ops server_ops = {
	.cmds = cmds, .on_open = on_open, .on_close = on_close, .max_queue = 4 * 1024 * 1024
};

static void
start_server(void)
{
	if (loop == NULL)
		loop = ev_loop_new();
	server = ipc_server_new(loop, unit_path("sock"), &server_ops, NULL);
	ck_assert_ptr_nonnull(server);
}

static void
finish(void)
{
	ipc_client_free(client);
	ipc_server_free(server);
	ev_loop_free(loop);
}

/* ---- client ---- */

static void
drop_client(struct ipc_client *c)
{
	ipc_client_free(c);
	client = NULL;
	ev_loop_break(loop);
}

static void
on_up(struct ipc_client *c, void *arg)
{
	ups++;
	if (free_in_callback)
		drop_client(c);
	else if (stop_on_up)
		ev_loop_break(loop);
}

static void
on_down(struct ipc_client *c, void *arg)
{
	downs++;
	ck_assert(!ipc_client_is_up(c));
	ck_assert_int_eq(ipc_client_send(c, T_ECHO, 1, NULL, 0), -1);
	if (free_in_callback)
		drop_client(c);
	else if (stop_on_down)
		ev_loop_break(loop);
}

static void
on_msg(struct ipc_client *c, const struct ipc_msg *m, void *arg)
{
	struct ipc_msg *kept = m->type == IPC_REPLY ? &reply : &last;
	uint8_t *data = m->type == IPC_REPLY ? reply_data : last_data;

	memcpy(data, m->data, m->len);
	*kept = *m;
	kept->data = data;
	messages++;
	if (free_in_callback)
		drop_client(c);
	else if (messages == stop_at_messages)
		ev_loop_break(loop);
}

static const struct ipc_client_ops client_ops = {
	.on_up = on_up, .on_down = on_down, .on_msg = on_msg
};

static void
start_client(void)
{
	client = ipc_client_new(loop, unit_path("sock"), NSEC_PER_MSEC, &client_ops, NULL);
	ck_assert_ptr_nonnull(client);
	ck_assert_uint_eq(ups, 0); /* not from inside the call */
	stop_on_up = true;
	ck_assert_int_eq(ev_loop_run(loop), 0);
	ck_assert(ipc_client_is_up(client));
}

static void
run(void)
{
	ck_assert_int_eq(ev_loop_run(loop), 0);
}

static void
send_count(struct ipc_client *c, uint32_t n, size_t len)
{
	uint8_t buf[8192] = { 0 };

	wire_put_u32(buf, n);
	ck_assert_int_eq(ipc_client_send(c, T_COUNT, 0, buf, len), 0);
}

/* ---- tests ---- */

static const char *
decode(const char *bytes, size_t len)
{
	struct ipc_msg m;

	return ipc_decode((const uint8_t *)bytes, len, &m);
}

START_TEST(framing)
{
	uint8_t pkt[IPC_HDR_LEN + 3] = { 0 };
	struct ipc_msg m;

	ipc_hdr_encode(pkt, 0x1234, 0x89abcdef, 3);
	ck_assert_mem_eq(pkt, "\xc1\xa0\1\0\x12\x34\0\0\0\0\0\3\x89\xab\xcd\xef", IPC_HDR_LEN);
	ck_assert_ptr_null(ipc_decode(pkt, sizeof(pkt), &m));
	ck_assert_uint_eq(m.type, 0x1234);
	ck_assert_uint_eq(m.reqid, 0x89abcdef);
	ck_assert_uint_eq(m.len, 3);
	ck_assert_ptr_eq(m.data, pkt + IPC_HDR_LEN);

	ck_assert_str_eq(decode("", 0), "shorter than its header");
	ck_assert_str_eq(decode("\xc1\xa0\1\0\0\1\0\0\0\0\0\0\0\0\0", 15), "shorter than its header");
	ck_assert_str_eq(decode("\xc1\xa1\1\0\0\1\0\0\0\0\0\0\0\0\0\0", 16), "not a control message");
	ck_assert_str_eq(decode("\xc1\xa0\2\0\0\1\0\0\0\0\0\0\0\0\0\0", 16),
	    "other version of the control protocol");
	ck_assert_str_eq(decode("\xc1\xa0\1\0\0\1\0\0\0\0\0\1\0\0\0\0", 16),
	    "payload length does not match the packet");
	ck_assert_str_eq(decode("\xc1\xa0\1\0\0\1\0\0\xff\xff\xff\xff\0\0\0\0", 16),
	    "payload too long");
}
END_TEST

START_TEST(rights)
{
	struct ipc_peer root = { .uid = 0 }, user = { .uid = 1000, .gid = 1000 };
	struct ipc_peer primary = { .uid = 1000, .gid = 77 };
	struct ipc_peer other = { .uid = 1000, .gid = 1, .ngroups = 2, .groups = { 5, 77 } };

	ck_assert(ipc_allowed(&root, false, 0, IPC_CHANGE));
	ck_assert(ipc_allowed(&root, false, 0, IPC_READ));
	ck_assert(!ipc_allowed(&user, true, 77, IPC_READ));
	ck_assert(ipc_allowed(&primary, true, 77, IPC_READ));
	ck_assert(ipc_allowed(&other, true, 77, IPC_READ));
	ck_assert(!ipc_allowed(&primary, true, 77, IPC_CHANGE));
	ck_assert(!ipc_allowed(&other, true, 77, IPC_CHANGE));
	/* No such group: a group id that was never looked up must not match by chance. */
	ck_assert(!ipc_allowed(&primary, false, 77, IPC_READ));
}
END_TEST

START_TEST(echo)
{
	static uint8_t data[IPC_MAX_PAYLOAD];
	struct wire_rd r;
	char text[64];

	start_server();
	start_client();
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	ck_assert_int_eq(ipc_client_send(client, T_ECHO, 9, data, sizeof(data) + 1), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_int_eq(ipc_client_send(client, T_ECHO, 9, data, sizeof(data)), 0);
	stop_at_messages = 2;
	run();
	ck_assert_uint_eq(last.type, T_ECHO);
	ck_assert_uint_eq(last.reqid, 9);
	ck_assert_uint_eq(last.len, sizeof(data));
	ck_assert_mem_eq(last_data, data, sizeof(data));
	ck_assert_uint_eq(reply.reqid, 9);
	wire_rd_init(&r, reply.data, reply.len);
	ck_assert_uint_eq(wire_rd_u16(&r), IPC_OK);
	wire_rd_str(&r, text, sizeof(text));
	ck_assert(wire_rd_done(&r));
	ck_assert_str_eq(text, "73728 bytes");
	finish();
}
END_TEST

START_TEST(burst)
{
	start_server();
	start_client();
	for (uint32_t i = 0; i < 2000; i++)
		send_count(client, i, 4096);
	ck_assert_uint_gt(ipc_client_queued(client), 0);
	stop_at_counted = 2000;
	run();
	ck_assert_uint_eq(ipc_client_queued(client), 0);
	finish();
}
END_TEST

START_TEST(back_pressure)
{
	start_server();
	start_client();
	ck_assert_int_eq(ipc_client_send(client, T_PAUSE, 0, NULL, 0), 0);
	for (uint32_t i = 0; i < 1000; i++)
		send_count(client, i, 4096);
	run(); /* until paused */
	ck_assert_uint_lt(counted, 64);
	ck_assert_uint_gt(ipc_client_queued(client), 0);
	ipc_conn_pause(conn, false);
	stop_at_counted = 1000;
	run();
	finish();
}
END_TEST

/* A client with much to say must not keep the others waiting. */
START_TEST(fairness)
{
	struct ipc_client *other;

	start_server();
	start_client();
	other = client;
	ups = 0;
	start_client();
	for (uint32_t i = 0; i < 1000; i++)
		send_count(other, i, 8);
	ck_assert_int_eq(ipc_client_send(client, T_ECHO, 1, NULL, 0), 0);
	stop_at_messages = messages + 1;
	run();
	ck_assert_uint_lt(counted, 1000);
	ipc_client_free(other);
	finish();
}
END_TEST

START_TEST(slow_reader)
{
	uint8_t hdr[IPC_HDR_LEN];
	int fd;

	start_server();
	fd = ipc_connect(unit_path("sock"));
	ck_assert_int_ne(fd, -1);
	ipc_hdr_encode(hdr, T_FLOOD, 1, 0);
	ck_assert_int_eq(send(fd, hdr, sizeof(hdr), 0), IPC_HDR_LEN);
	stop_on_close = true;
	run();
	ck_assert_uint_eq(closed, 1);
	close(fd);
	finish();
}
END_TEST

/* Sends a packet, runs the loop until the server has closed, and returns the code it answered. */
static int
refused_with(const void *pkt, size_t len)
{
	uint8_t buf[2048];
	struct ipc_msg m;
	struct wire_rd r;
	ssize_t n;
	int fd = ipc_connect(unit_path("sock"));

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(send(fd, pkt, len, 0), (ssize_t)len);
	stop_on_close = true;
	run();
	n = recv(fd, buf, sizeof(buf), 0);
	ck_assert_int_gt(n, 0);
	ck_assert_ptr_null(ipc_decode(buf, (size_t)n, &m));
	ck_assert_uint_eq(m.type, IPC_REPLY);
	ck_assert_int_eq(recv(fd, buf, sizeof(buf), 0), 0);
	close(fd);
	wire_rd_init(&r, m.data, m.len);
	return wire_rd_u16(&r);
}

START_TEST(garbage)
{
	static uint8_t big[IPC_PKT_MAX + 1];

	start_server();
	ck_assert_int_eq(refused_with("hello", 5), IPC_EPROTO);
	ck_assert_int_eq(refused_with("\xc1\xa0\x63\0\0\1\0\0\0\0\0\0\0\0\0\1", 16), IPC_EVERSION);
	ck_assert_int_eq(refused_with("\xc1\xa0\1\0\0\1\0\0\0\0\0\xff\0\0\0\1", 16), IPC_EPROTO);
	ck_assert_int_eq(refused_with(big, sizeof(big)), IPC_EPROTO);
	ck_assert_uint_eq(closed, 4);
	finish();
}
END_TEST

START_TEST(unknown_request)
{
	struct wire_rd r;

	start_server();
	start_client();
	ck_assert_int_eq(ipc_client_send(client, 0x7777, 3, NULL, 0), 0);
	stop_at_messages = 1;
	run();
	wire_rd_init(&r, reply.data, reply.len);
	ck_assert_uint_eq(wire_rd_u16(&r), IPC_EUNKNOWN);
	ck_assert_uint_eq(reply.reqid, 3);
	finish();
}
END_TEST

START_TEST(reconnect)
{
	loop = ev_loop_new();
	client = ipc_client_new(loop, unit_path("sock"), NSEC_PER_MSEC, &client_ops, NULL);
	ck_assert_int_eq(ipc_client_send(client, T_ECHO, 1, NULL, 0), -1);
	start_server();
	stop_on_up = stop_on_down = true;
	run();
	ck_assert_uint_eq(ups, 1);
	stop_at_messages = 1;
	ipc_client_send(client, T_ECHO, 1, NULL, 0);
	run();
	ipc_server_free(server);
	run();
	ck_assert_uint_eq(downs, 1);
	start_server();
	run();
	ck_assert_uint_eq(ups, 2);
	finish();
}
END_TEST

/* The loss is noticed by sending: on_down still comes from the loop. */
START_TEST(loss_while_sending)
{
	start_server();
	start_client();
	stop_at_messages = 1;
	ipc_client_send(client, T_ECHO, 1, NULL, 0);
	run();
	ipc_server_free(server);
	server = NULL;
	ck_assert_int_eq(ipc_client_send(client, T_ECHO, 1, NULL, 0), -1);
	ck_assert_uint_eq(downs, 0);
	ck_assert(!ipc_client_is_up(client));
	stop_on_down = true;
	run();
	ck_assert_uint_eq(downs, 1);
	finish();
}
END_TEST

START_TEST(client_frees_itself)
{
	start_server();
	free_in_callback = true;
	client = ipc_client_new(loop, unit_path("sock"), NSEC_PER_MSEC, &client_ops, NULL);
	run(); /* in on_up */
	ck_assert_ptr_null(client);

	free_in_callback = false;
	ups = 0;
	start_client();
	free_in_callback = true;
	ipc_client_send(client, T_ECHO, 1, NULL, 0);
	run(); /* in on_msg */
	ck_assert_ptr_null(client);

	free_in_callback = false;
	ups = 0;
	start_client();
	free_in_callback = true;
	ipc_server_free(server);
	server = NULL;
	run(); /* in on_down */
	ck_assert_ptr_null(client);
	finish();
}
END_TEST

static void
count_conn(struct ipc_conn *c, void *arg)
{
	++*(unsigned *)arg;
}

START_TEST(each)
{
	struct ipc_client *first;
	unsigned n = 0;

	start_server();
	start_client();
	first = client;
	ups = 0;
	start_client();
	stop_at_messages = 1;
	ipc_client_send(client, T_ECHO, 1, NULL, 0);
	run();
	ipc_server_each(server, count_conn, &n);
	ck_assert_uint_eq(n, 2);
	ipc_client_free(first);
	finish();
}
END_TEST

START_TEST(place)
{
	struct sockaddr_un sun;
	struct stat st;
	int fd;

	start_server();
	ck_assert_int_eq(stat(unit_path("sock"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	/* Alive: not to be taken away. */
	ck_assert_ptr_null(ipc_server_new(loop, unit_path("sock"), &server_ops, NULL));
	ck_assert_int_eq(errno, EADDRINUSE);
	ck_assert_int_eq(access(unit_path("sock"), F_OK), 0);
	/* Stale: left behind by a process that died. */
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ck_assert_int_ne(fd, -1);
	ipc_server_free(server);
	ck_assert_int_eq(access(unit_path("sock"), F_OK), -1);
	ck_assert(ipc_sock_addr(&sun, unit_path("sock")));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	start_server();
	ipc_server_free(server);
	/* Something else: nothing of ours. */
	unit_file("sock", "precious");
	ck_assert_ptr_null(ipc_server_new(loop, unit_path("sock"), &server_ops, NULL));
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_int_eq(access(unit_path("sock"), F_OK), 0);
	server = NULL;
	finish();
}
END_TEST

static void
quiet(enum log_level level, const char *line, void *arg)
{
}

int
main(void)
{
	const TTest *const tests[] = { framing, rights, echo, burst, back_pressure, fairness,
		slow_reader, garbage, unknown_request, reconnect, loss_while_sending,
		client_frees_itself, each, place, NULL };

	log_set_sink(quiet, NULL);
	return unit_run("ipc", tests);
}
