/* SPDX-License-Identifier: ISC */
/* The synchronous call, against a daemon in a process of its own. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/ev.h"
#include "common/ipc.h"
#include "tests/unit/unit.h"

enum { T_ROWS = 0x0300, T_SILENT, T_CLOSE, T_EVENTS, T_NONSENSE };

#define ROWS 3000

static pid_t pid;
static int fd;
static unsigned rows;

static void
cmd_rows(struct ipc_conn *c, const struct ipc_msg *m, void *arg)
{
	static const uint8_t row[1000];

	for (unsigned i = 0; i < ROWS; i++)
		ipc_conn_send(c, T_ROWS, m->reqid, row, sizeof(row));
	ipc_conn_reply(c, m, IPC_ENOENT, "that was all");
}

static void
cmd_silent(struct ipc_conn *c, const struct ipc_msg *m, void *arg)
{
}

static void
cmd_close(struct ipc_conn *c, const struct ipc_msg *m, void *arg)
{
	ipc_conn_close(c);
}

/* Events and the answer to another request come in between. */
static void
cmd_events(struct ipc_conn *c, const struct ipc_msg *m, void *arg)
{
	struct ipc_msg other = *m;

	other.reqid = m->reqid - 1;
	ipc_conn_send(c, T_EVENTS, 0, NULL, 0);
	ipc_conn_reply(c, &other, IPC_EFAILED, "not yours");
	ipc_conn_reply(c, m, IPC_OK, "yours");
}

static void
cmd_nonsense(struct ipc_conn *c, const struct ipc_msg *m, void *arg)
{
	ipc_conn_send(c, IPC_REPLY, m->reqid, "x", 1);
}

static const struct ipc_cmd cmds[] = {
	{ T_ROWS, IPC_READ, cmd_rows },
	{ T_SILENT, IPC_READ, cmd_silent },
	{ T_CLOSE, IPC_READ, cmd_close },
	{ T_EVENTS, IPC_READ, cmd_events },
	{ T_NONSENSE, IPC_READ, cmd_nonsense },
	{ 0 },
};

static const struct ipc_server_ops ops = { .cmds = cmds };

static void
start(void)
{
	int ready[2];
	char c;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct ev_loop *loop = ev_loop_new();

		if (ipc_server_new(loop, unit_path("sock"), &ops, NULL) == NULL)
			_exit(1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		ev_loop_run(loop);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	fd = ipc_connect(unit_path("sock"));
	ck_assert_int_ne(fd, -1);
}

static void
stop(void)
{
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
on_row(const struct ipc_msg *m, void *arg)
{
	ck_assert_uint_eq(m->type, T_ROWS);
	ck_assert_uint_eq(m->len, 1000);
	rows++;
}

START_TEST(rows_then_reply)
{
	struct ipc_result res;

	start();
	ck_assert_int_eq(ipc_call(fd, T_ROWS, NULL, 0, -1, on_row, NULL, &res), 0);
	ck_assert_uint_eq(rows, ROWS);
	ck_assert_int_eq(res.code, IPC_ENOENT);
	ck_assert_str_eq(res.text, "that was all");
	/* The same socket again. */
	ck_assert_int_eq(ipc_call(fd, T_EVENTS, NULL, 0, -1, NULL, NULL, &res), 0);
	ck_assert_int_eq(res.code, IPC_OK);
	ck_assert_str_eq(res.text, "yours");
	stop();
}
END_TEST

START_TEST(failures)
{
	struct ipc_result res;

	start();
	ck_assert_int_eq(ipc_call(fd, T_SILENT, NULL, 0, 1, NULL, NULL, &res), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
	ck_assert_int_eq(ipc_call(fd, T_NONSENSE, NULL, 0, -1, NULL, NULL, &res), -1);
	ck_assert_int_eq(errno, EPROTO);
	/* Rows that nobody asked for. */
	ck_assert_int_eq(ipc_call(fd, T_ROWS, NULL, 0, -1, NULL, NULL, &res), -1);
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_int_eq(ipc_call(fd, T_CLOSE, NULL, 0, -1, on_row, NULL, &res), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	ck_assert_int_eq(ipc_call(fd, T_EVENTS, NULL, 0, -1, NULL, NULL, &res), -1);
	stop();
	ck_assert_int_eq(ipc_connect(unit_path("sock")), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	ck_assert_int_eq(ipc_connect(unit_path("nothing")), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { rows_then_reply, failures, NULL };

	return unit_run("ipc_call", tests);
}
