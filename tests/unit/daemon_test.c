/* SPDX-License-Identifier: ISC */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/daemon.h"
#include "common/ipc.h"
#include "common/log.h"
#include "tests/unit/unit.h"

/* ---- a tiny daemon ---- */

struct tiny_conf {
	uint32_t value;
};

#define VALUE_REFUSED 9    /* parses, but cannot be switched to while running */
#define VALUE_INIT_FAILS 8
#define VALUE_EXIT_IN_INIT 7
#define VALUE_NOT_READY 6

static const struct conf_item schema[] = {
	{ .key = "value", .type = CONF_UINT, .offset = offsetof(struct tiny_conf, value), .min = 1,
	    .max = 10 },
	{ .type = CONF_END },
};

static struct tiny_conf *running;
static struct ipc_server *server;
static const struct ipc_cmd no_cmds[] = { { 0 } };
static const struct ipc_server_ops server_ops = { .cmds = no_cmds };

static void *
tiny_load(const char *path, struct conf_errors *errs)
{
	struct tiny_conf *c = calloc(1, sizeof(*c));

	if (conf_load(path, schema, c, errs))
		return c;
	free(c);
	return NULL;
}

static void
tiny_print(FILE *out, const void *conf)
{
	conf_print(out, schema, conf);
}

static void
say(void (*how)(const char *))
{
	char text[32];

	snprintf(text, sizeof(text), "value %u", running->value);
	how(text);
}

static int
tiny_init(struct ev_loop *loop, void *conf)
{
	running = conf;
	if (running->value == VALUE_INIT_FAILS) {
		free(running);
		return -1;
	}
	server = ipc_server_new(loop, unit_path("sock"), &server_ops, NULL);
	if (server == NULL)
		return -1;
	if (running->value == VALUE_EXIT_IN_INIT)
		clud_exit(3);
	else
		say(running->value == VALUE_NOT_READY ? clud_status : clud_ready);
	return 0;
}

static int
tiny_reload(void *conf, struct conf_errors *errs)
{
	struct tiny_conf *c = conf;

	if (c->value == VALUE_REFUSED) {
		conf_error(errs, "tiny", 0, "value", "needs a restart");
		return -1;
	}
	free(running);
	running = c;
	say(clud_status);
	return 0;
}

static void
tiny_fini(void)
{
	ipc_server_free(server);
	free(running);
}

static const struct clud_ops tiny = {
	.name = "tiny",
	.conf_path = "/nonexistent/tiny.conf",
	.load = tiny_load,
	.print = tiny_print,
	.free = free,
	.init = tiny_init,
	.reload = tiny_reload,
	.fini = tiny_fini,
};

/* ---- driving it ---- */

static pid_t pid;
static int notify_fd = -1;

static void
write_conf(const char *text)
{
	unit_file("tiny.conf", text);
}

static void
redirect(int fd, const char *name)
{
	FILE *f = fopen(unit_path(name), "w");

	dup2(fileno(f), fd);
	fclose(f);
}

static void
start(const char *opt)
{
	char conf[256], option[16];
	char *argv[] = { (char[]){ "tiny" }, (char[]){ "-f" }, conf, option, NULL };

	snprintf(conf, sizeof(conf), "%s", unit_path("tiny.conf"));
	snprintf(option, sizeof(option), "%s", opt != NULL ? opt : "");
	fflush(NULL);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid != 0)
		return;
	redirect(STDOUT_FILENO, "out");
	redirect(STDERR_FILENO, "err");
	exit(clud_run(&tiny, opt != NULL ? 4 : 3, argv));
}

static int
finish(void)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int
run(const char *opt)
{
	start(opt);
	return finish();
}

#define contains(name, part) \
	ck_assert_msg(strstr(unit_content(name), part) != NULL, "no \"%s\" in: %s", part, \
	    unit_content(name))

static void
listen_notify(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", unit_path("notify"));
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unlink(sun.sun_path);
	ck_assert_int_eq(bind(notify_fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	setenv("NOTIFY_SOCKET", sun.sun_path, 1);
}

/* Waits for the next word to the service manager. */
static const char *
notified(void)
{
	static char text[512];
	ssize_t n = recv(notify_fd, text, sizeof(text) - 1, 0);

	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	return text;
}

static struct ipc_result
ask(uint16_t type, const void *data, size_t len)
{
	struct ipc_result res;
	int fd = ipc_connect(unit_path("sock"));

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(ipc_call(fd, type, data, len, -1, NULL, NULL, &res), 0);
	close(fd);
	return res;
}

START_TEST(check_good)
{
	write_conf("value = 3;\n");
	ck_assert_int_eq(run("-n"), 0);
	ck_assert_str_eq(unit_content("out"), "");
	ck_assert_str_eq(unit_content("err"), "");
	ck_assert_int_eq(run("-nv"), 0);
	ck_assert_str_eq(unit_content("out"), "value = 3;\n");
}
END_TEST

START_TEST(check_bad)
{
	char want[512];

	write_conf("valu = 3;\nvalue = 11;\n");
	ck_assert_int_eq(run("-nv"), 1);
	ck_assert_str_eq(unit_content("out"), "");
	snprintf(want, sizeof(want),
	    "%s:1: valu: unknown key, did you mean \"value\"?\n%s:2: value: is 11, expected 1..10\n",
	    unit_path("tiny.conf"), unit_path("tiny.conf"));
	ck_assert_str_eq(unit_content("err"), want);
}
END_TEST

START_TEST(start_bad)
{
	write_conf("value = 11;\n");
	ck_assert_int_eq(run(NULL), 1);
	contains("err", "tiny.conf:1: value: is 11, expected 1..10\n");
	write_conf("value = 8;\n");
	ck_assert_int_eq(run(NULL), 1);
	write_conf("value = 7;\n");
	ck_assert_int_eq(run(NULL), 3);
}
END_TEST

START_TEST(options)
{
	write_conf("value = 3;\n");
	ck_assert_int_eq(run("-V"), 0);
	contains("out", "tiny (clua) ");
	ck_assert_int_eq(run("-h"), 0);
	contains("out", "usage: tiny [-dhV]");
	ck_assert_str_eq(unit_content("err"), "");
	ck_assert_int_eq(run("-x"), 1);
	ck_assert_str_eq(unit_content("out"), "");
	contains("err", "usage: tiny");
	ck_assert_int_eq(run("-v"), 1);
	contains("err", "-v goes with -n");
	ck_assert_int_eq(run("more"), 1);
	contains("err", "there is an argument too many");
}
END_TEST

START_TEST(life)
{
	listen_notify();
	write_conf("value = 3;\n");
	start(NULL);
	ck_assert_str_eq(notified(), "READY=1\nSTATUS=value 3");
	write_conf("value = 4;\n");
	kill(pid, SIGHUP);
	ck_assert_ptr_nonnull(strstr(notified(), "RELOADING=1\nMONOTONIC_USEC="));
	ck_assert_str_eq(notified(), "STATUS=value 4");
	ck_assert_str_eq(notified(), "READY=1\nSTATUS=value 4");

	write_conf("value = 5;\nbogus = 1;\n");
	kill(pid, SIGHUP);
	ck_assert_ptr_nonnull(strstr(notified(), "RELOADING=1"));
	ck_assert_str_eq(notified(), "READY=1\nSTATUS=value 4");
	contains("err", "tiny.conf:2: bogus: unknown key");

	write_conf("value = 9;\n");
	kill(pid, SIGHUP);
	ck_assert_ptr_nonnull(strstr(notified(), "RELOADING=1"));
	ck_assert_str_eq(notified(), "READY=1\nSTATUS=value 4");
	contains("err", "tiny: value: needs a restart");

	kill(pid, SIGTERM);
	ck_assert_str_eq(notified(), "STOPPING=1");
	ck_assert_int_eq(finish(), 0);
	ck_assert_int_eq(access(unit_path("sock"), F_OK), -1);
}
END_TEST

/* Somebody who is still starting does not reload, for the manager: READY=1 would have to follow. */
START_TEST(reload_before_ready)
{
	listen_notify();
	write_conf("value = 6;\n");
	start(NULL);
	ck_assert_str_eq(notified(), "STATUS=value 6");
	write_conf("value = 5;\n");
	ck_assert_int_eq(ask(IPC_RELOAD, NULL, 0).code, IPC_OK);
	ck_assert_str_eq(notified(), "STATUS=value 5");
	kill(pid, SIGTERM);
	ck_assert_str_eq(notified(), "STOPPING=1");
	ck_assert_int_eq(finish(), 0);
}
END_TEST

START_TEST(reload_by_socket)
{
	uint8_t level = LOG_LVL_DEBUG, bad_level = 9;
	struct ipc_result res;

	listen_notify();
	write_conf("value = 3;\n");
	start(NULL);
	notified();
	write_conf("value = 12;\nbogus = 1;\n");
	res = ask(IPC_RELOAD, NULL, 0);
	ck_assert_int_eq(res.code, IPC_EINVAL);
	ck_assert_ptr_nonnull(strstr(res.text, ":1: value: is 12, expected 1..10\n"));
	ck_assert_ptr_nonnull(strstr(res.text, ":2: bogus: unknown key"));
	write_conf("value = 4;\n");
	res = ask(IPC_RELOAD, NULL, 0);
	ck_assert_int_eq(res.code, IPC_OK);
	ck_assert_int_eq(ask(IPC_LOG_LEVEL, &level, 1).code, IPC_OK);
	ck_assert_int_eq(ask(IPC_LOG_LEVEL, &bad_level, 1).code, IPC_EINVAL);
	ck_assert_int_eq(ask(IPC_LOG_LEVEL, NULL, 0).code, IPC_EPROTO);
	kill(pid, SIGINT);
	ck_assert_int_eq(finish(), 0);
}
END_TEST

START_TEST(reload_reasons_are_cut_to_size)
{
	char text[8192] = "";
	struct ipc_result res;

	listen_notify();
	write_conf("value = 3;\n");
	start(NULL);
	notified();
	for (int i = 0; i < 100; i++)
		sprintf(text + strlen(text), "some_unknown_key_%d = 1;\n", i);
	write_conf(text);
	res = ask(IPC_RELOAD, NULL, 0);
	ck_assert_int_eq(res.code, IPC_EINVAL);
	ck_assert_ptr_nonnull(strstr(res.text, "more, see the log)"));
	kill(pid, SIGTERM);
	ck_assert_int_eq(finish(), 0);
}
END_TEST

START_TEST(watchdog)
{
	listen_notify();
	setenv("WATCHDOG_USEC", "2000", 1);
	write_conf("value = 3;\n");
	start(NULL);
	ck_assert_str_eq(notified(), "READY=1\nSTATUS=value 3");
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(notified(), "WATCHDOG=1");
	kill(pid, SIGTERM);
	ck_assert_int_eq(finish(), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { check_good, check_bad, start_bad, options, life, reload_before_ready,
		reload_by_socket, reload_reasons_are_cut_to_size, watchdog, NULL };

	return unit_run("daemon", tests);
}
