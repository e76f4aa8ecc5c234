/* SPDX-License-Identifier: ISC */
/* Whose a segment is, as this host's sockets say. */
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <check.h>

#include "common/clock.h"
#include "tests/bpf/live.h"

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
	struct dp_conn conn = { .alias.s_addr = addr(RIG_ALIAS), .client.s_addr = addr(CLIENT),
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
	struct dp_conn conn = { .alias.s_addr = addr(RIG_ALIAS), .client.s_addr = addr(CLIENT),
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
	frame_ip(&f, CLIENT, RIG_ALIAS, IPPROTO_TCP, 0);
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

/* While there may be others, it is looked at, and no longer. */
START_TEST(acknowledgement_of_anothers_answer)
{
	int l = deferring_listener(&owner), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;
	struct dp_conn conn;
	uint32_t seq, ack;
	uint16_t sport;

	ck_assert_int_eq(connect_to(c, PORT), 0);
	expect_counter(&owner, DP_C_FROM_MEMBER, 2);
	conn = numbers_of(c, &seq, &ack);
	sport = ntohs(conn.client_port);
	datapath_routers_new_until(owner.dp, clock_ns() + 60 * NSEC_PER_SEC);
	send_ack(sport, seq, ack + 1000);
	expect_counter(&owner, DP_C_FROM_MEMBER, 3);
	datapath_poll(owner.dp);
	ck_assert_uint_eq(owner.strays, 1);
	ck_assert_uint_eq(counter(&owner, DP_C_STRAY), 1);
	send_ack(sport, seq, ack);
	expect_counter(&owner, DP_C_FROM_MEMBER, 4);
	ck_assert_uint_eq(counter(&owner, DP_C_STRAY), 1);
	datapath_routers_new_until(owner.dp, clock_ns());
	poll(NULL, 0, 20); /* its clock has a tick of some milliseconds */
	send_ack(sport, seq, ack + 1000);
	expect_counter(&owner, DP_C_FROM_MEMBER, 5);
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
	int l = deferring_listener(&router), c = sock_in(&client, SOCK_STREAM, "0.0.0.0", 0), a;
	struct dp_conn conn;
	uint32_t seq, ack;

	deal_to(ROUTER);
	ck_assert_int_eq(connect_to(c, PORT), 0);
	conn = numbers_of(c, &seq, &ack);
	send_ack(ntohs(conn.client_port), seq, ack + 1000);
	expect_counter(&router, DP_C_STRAY, 1);
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

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, segments_of_a_connection);
	tcase_add_test(tc, segments_of_one_half_open);
	tcase_add_test(tc, acknowledgement_of_anothers_answer);
	tcase_add_test(tc, acknowledgement_of_anothers_answer_at_the_router);
	tcase_add_test(tc, segments_of_one_that_is_over);
}

int
main(void)
{
	return live_run("segment", add_tests);
}
