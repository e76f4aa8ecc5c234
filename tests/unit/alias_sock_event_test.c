/* SPDX-License-Identifier: ISC */
/* Which changes of a socket's state are worth an event. */
#include "aliasd/bpf/sock_event.h"
#include "tests/unit/unit.h"

START_TEST(listeners)
{
	ck_assert_int_eq(dp_sock_event(BPF_TCP_CLOSE, BPF_TCP_LISTEN), DP_EV_LISTEN);
	ck_assert_int_eq(dp_sock_event(BPF_TCP_LISTEN, BPF_TCP_CLOSE), DP_EV_UNLISTEN);
	ck_assert_int_eq(dp_sock_event(BPF_TCP_LISTEN, BPF_TCP_SYN_RECV), -1); /* its copy for a connection */
}
END_TEST

START_TEST(connections)
{
	static const int ends[] = { BPF_TCP_ESTABLISHED, BPF_TCP_CLOSE_WAIT, BPF_TCP_LAST_ACK, BPF_TCP_FIN_WAIT1,
		BPF_TCP_FIN_WAIT2, BPF_TCP_CLOSING };
	size_t i;

	ck_assert_int_eq(dp_sock_event(BPF_TCP_SYN_RECV, BPF_TCP_ESTABLISHED), DP_EV_ESTABLISHED);
	ck_assert_int_eq(dp_sock_event(BPF_TCP_SYN_SENT, BPF_TCP_ESTABLISHED), DP_EV_ESTABLISHED);
	ck_assert_int_eq(dp_sock_event(BPF_TCP_CLOSE, BPF_TCP_SYN_SENT), -1);
	ck_assert_int_eq(dp_sock_event(BPF_TCP_ESTABLISHED, BPF_TCP_CLOSE_WAIT), -1);
	ck_assert_int_eq(dp_sock_event(BPF_TCP_ESTABLISHED, BPF_TCP_FIN_WAIT1), DP_EV_ENDING);
	ck_assert_int_eq(dp_sock_event(BPF_TCP_FIN_WAIT1, BPF_TCP_FIN_WAIT2), -1);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		ck_assert_int_eq(dp_sock_event(ends[i], BPF_TCP_CLOSE), DP_EV_CLOSED);
}
END_TEST

/* The connection of the same name may live. */
START_TEST(what_was_never_established_does_not_end)
{
	ck_assert_int_eq(dp_sock_event(BPF_TCP_SYN_RECV, BPF_TCP_CLOSE), -1);
	ck_assert_int_eq(dp_sock_event(BPF_TCP_SYN_SENT, BPF_TCP_CLOSE), -1);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { listeners, connections, what_was_never_established_does_not_end, NULL };

	return unit_run("alias_sock_event", tests);
}
