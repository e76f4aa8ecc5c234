/* SPDX-License-Identifier: ISC */
/* Telling BIRD: its control socket with something behind it that is not always BIRD. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ev.h"
#include "common/ipc_sock.h"
#include "tests/unit/alias_tell.h"
#include "tests/unit/unit.h"

#define GREETING "0001 BIRD 2.0.12 ready.\n"
#define READING "0002-Reading configuration from /etc/bird/bird.conf\n0003 Reconfigured\n"
#define UP "1000-BIRD 2.0.12\n1011-Router ID is 10.1.0.12\n Hostname is n2\n0013 Daemon is up and running\n"
#define TWO "1007-2 of 9 routes for 2 networks in table master4\n0014 Total: 2 of 9 routes\n"
#define LONG ((size_t)100000)

struct bird { /* what it answers; NULL: nothing */
	const char *greeting, *configure, *status, *count;
	unsigned late; /* so many questions are answered by the next two */
	const char *status_late, *count_late;
	bool piecemeal; /* byte by byte */
	bool hang_up;   /* instead of an answer to "configure" */
	int listener, fd;
	unsigned configured, asked;
	struct ev_io *io, *door;
};

static struct bird bird;
static struct tell_rig rig;

static void
hang_up(void)
{
	ev_io_free(bird.io);
	bird.io = NULL;
	close(bird.fd);
	bird.fd = -1;
}

static void
say(const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text), step = bird.piecemeal ? 1 : len, n;

	for (; len > 0; len -= n, text += n) {
		n = len < step ? len : step;
		ck_assert_int_eq(send(bird.fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
	}
}

static const char *
late(const char *now, const char *then)
{
	if (bird.late == 0)
		return now;
	bird.late--;
	return then;
}

static void
on_question(int fd, void *arg)
{
	char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	if (n <= 0) {
		hang_up();
		return;
	}
	text[n] = '\0';
	bird.asked++;
	if (strcmp(text, "configure\n") == 0) {
		bird.configured++;
		if (bird.hang_up)
			hang_up();
		else
			say(bird.configure);
	} else if (strcmp(text, "show status\n") == 0) {
		say(late(bird.status, bird.status_late));
	} else if (strcmp(text, "show route protocol clua count\n") == 0) {
		say(late(bird.count, bird.count_late));
	} else {
		ck_abort_msg("\"%s\"", text);
	}
}

static void
on_caller(int fd, void *arg)
{
	if (bird.io != NULL)
		hang_up();
	bird.fd = accept(fd, NULL, NULL);
	ck_assert_int_ge(bird.fd, 0);
	bird.io = ev_io_new(rig.loop, bird.fd, on_question, NULL, NULL);
	say(bird.greeting);
}

static void
start_bird(void)
{
	struct sockaddr_un sun;

	unlink(rig.conf.socket);
	ck_assert(ipc_sock_addr(&sun, rig.conf.socket));
	bird.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(bird.listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(bird.listener, 4), 0);
	bird.door = ev_io_new(rig.loop, bird.listener, on_caller, NULL, NULL);
}

static void
stop_bird(void)
{
	ev_io_free(bird.door);
	close(bird.listener);
	if (bird.io != NULL)
		hang_up();
}

static void
begin(void)
{
	bird = (struct bird){ .greeting = GREETING, .configure = READING, .status = UP, .count = TWO,
		.fd = -1 };
	rig = (struct tell_rig){ .conf = { .file = "/run/clua-routes/bird.conf",
		.socket = unit_path("bird.ctl"), .timeout = 60 * NSEC_PER_SEC } };
	rig.loop = ev_loop_new();
	tell_rig_open(&rig, &tell_bird);
	tell_rig_routes(&rig, 2);
	start_bird();
}

static void
end(void)
{
	stop_bird();
	tell_rig_close(&rig);
}

START_TEST(it_has_the_routes)
{
	begin();
	tell_rig_expect(&rig, true, "reconfigured, it has 2 routes");
	/* Over the same connection. */
	tell_rig_expect(&rig, true, "reconfigured, it has 2 routes");
	ck_assert_uint_eq(bird.configured, 2);
	bird.piecemeal = true;
	tell_rig_expect(&rig, true, "reconfigured, it has 2 routes");
	end();
}
END_TEST

START_TEST(it_takes_its_time)
{
	begin();
	bird.late = 4;
	bird.status_late = "1000-BIRD 2.0.12\n0013 Reconfiguration in progress\n";
	tell_rig_expect(&rig, true, "reconfigured, it has 2 routes");
	ck_assert_uint_eq(bird.asked, 1 + 5 + 1);
	bird.asked = 0;
	bird.late = 3;
	bird.status_late = UP;
	bird.count_late = "1007-1 of 8 routes for 1 networks in table master4\n0014 Total: 1 of 8 routes\n";
	tell_rig_expect(&rig, true, "reconfigured, it has 2 routes");
	ck_assert_uint_eq(bird.asked, 1 + 1 + 3);
	end();
}
END_TEST

START_TEST(routes_in_two_tables)
{
	begin();
	bird.count = "1007-1 of 8 routes for 1 networks in table master4\n"
	    " 1 of 3 routes for 1 networks in table other\n0014 Total: 2 of 11 routes\n";
	tell_rig_expect(&rig, true, "reconfigured, it has 2 routes");
	end();
}
END_TEST

START_TEST(it_refuses)
{
	begin();
	bird.configure = "0002-Reading configuration from /etc/bird/bird.conf\n"
	    "8002 /run/clua-routes/bird.conf:5:1 syntax error\n";
	tell_rig_expect(&rig, false, "/run/clua-routes/bird.conf:5:1 syntax error");
	bird.configure = "0006 Reconfiguration request ignored, shutting down\n";
	tell_rig_expect(&rig, false, "Reconfiguration request ignored, shutting down");
	bird.configure = READING;
	tell_rig_expect(&rig, true, "reconfigured");
	end();
}
END_TEST

START_TEST(our_file_is_not_included)
{
	begin();
	rig.conf.timeout = 3 * NSEC_PER_SEC;
	bird.count = "8003 No protocols match\n";
	tell_rig_expect(&rig, false,
	    "it has no protocol \"clua\": its configuration does not include /run/clua-routes/bird.conf");
	bird.count = "1007-1 of 8 routes for 1 networks in table master4\n0014 Total: 1 of 8 routes\n";
	tell_rig_expect(&rig, false, "it has 1 of our 2 routes");
	end();
}
END_TEST

START_TEST(nobody_is_there)
{
	char why[512];

	begin();
	stop_bird();
	snprintf(why, sizeof(why), "cannot reach bird: %s: %s", rig.conf.socket, strerror(ECONNREFUSED));
	tell_rig_expect(&rig, false, why);
	unlink(rig.conf.socket);
	snprintf(why, sizeof(why), "cannot reach bird: %s: %s", rig.conf.socket, strerror(ENOENT));
	tell_rig_expect(&rig, false, why);
	start_bird();
	tell_rig_expect(&rig, true, "reconfigured");
	end();
}
END_TEST

START_TEST(it_says_nothing)
{
	char why[512];

	begin();
	rig.conf.timeout = 50 * NSEC_PER_MSEC;
	snprintf(why, sizeof(why), "%s: no answer", rig.conf.socket);
	bird.greeting = NULL;
	tell_rig_expect(&rig, false, why);
	bird.greeting = GREETING;
	bird.configure = NULL;
	tell_rig_expect(&rig, false, why);
	bird.configure = "0002-Reading configuration\n";
	tell_rig_expect(&rig, false, why);
	bird.configure = READING;
	bird.status = "1000-BIRD 2.0.12\n0013 Reconfiguration in progress\n";
	tell_rig_expect(&rig, false, why);
	end();
}
END_TEST

START_TEST(it_goes_away)
{
	char why[512];

	begin();
	snprintf(why, sizeof(why), "%s: bird has gone away", rig.conf.socket);
	bird.hang_up = true;
	tell_rig_expect(&rig, false, why);
	bird.hang_up = false;
	tell_rig_expect(&rig, true, "reconfigured");
	hang_up();
	tell_rig_expect_lost(&rig, why);
	tell_rig_expect(&rig, true, "reconfigured");
	end();
}
END_TEST

/* A line without an end, whose last part looks like an answer; then more of them than anybody wants. */
START_TEST(it_talks_too_much)
{
	char *text = malloc(LONG + 200), *p;

	begin();
	memset(text, 'x', LONG);
	snprintf(text + LONG, 200, "\n0003 Reconfigured\n");
	/* Where it is cut for the last time. */
	memcpy(text + LONG / 4095 * 4095, "8002 not an answer", 18);
	memcpy(text, "0002-", 5);
	bird.configure = text;
	tell_rig_expect(&rig, true, "reconfigured, it has 2 routes");
	for (p = text; p < text + LONG; p += 10)
		memcpy(p, "1011-more\n", 10);
	snprintf(p, 200, "0003 Reconfigured\n");
	tell_rig_expect(&rig, true, "reconfigured, it has 2 routes");
	end();
	free(text);
}
END_TEST

START_TEST(it_is_something_else)
{
	char why[512];

	begin();
	rig.conf.timeout = 50 * NSEC_PER_MSEC;
	snprintf(why, sizeof(why), "%s: no answer", rig.conf.socket);
	bird.greeting = "220 mail.example ESMTP\n250\n\n\n0\n00012 x\n    \n";
	tell_rig_expect(&rig, false, why);
	ck_assert_uint_eq(bird.asked, 0);
	end();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { it_has_the_routes, it_takes_its_time, routes_in_two_tables, it_refuses,
		our_file_is_not_included, nobody_is_there, it_says_nothing, it_goes_away, it_talks_too_much,
		it_is_something_else, NULL };

	return unit_run("alias_tell_bird", tests);
}
