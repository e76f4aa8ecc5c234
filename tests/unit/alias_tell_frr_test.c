/* SPDX-License-Identifier: ISC */
/* Telling FRR and gated: commands that are scripts here, and not always what they should be. */
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

/*
 * vtysh --vty_socket DIR -c COMMAND | -f FILE. What is running is a file; what is fed is added to it, or
 * taken away by "no". Each call is noted.
 */
#define VTYSH "test \"$1\" = --vty_socket && cd \"$2\" || exit 9\n" \
    "echo \"$3\" >>calls\n" \
    "test \"$3\" = -c && test \"$4\" = 'show running-config' && exec cat running\n" \
    "test \"$3\" = -f || exit 9\n" \
    "cp running old; sed -n 's/^no //p' \"$4\" >gone; grep -v '^no ' \"$4\" >new\n" \
    "{ grep -vxF -f gone old; cat new; } >running; exit 0\n"
#define ROUTE(n, metric) "ip route 198.51.100." #n "/32 blackhole tag 420" #metric "\n"

static struct tell_rig rig;
static char dir[4096], command[4200];

static void
script(const char *text)
{
	snprintf(command, sizeof(command), "/bin/sh  %s ", unit_file("vtysh.sh", text));
}

static void
begin(void)
{
	snprintf(dir, sizeof(dir), "%s", unit_path("x"));
	*strrchr(dir, '/') = '\0';
	unit_file("running", "!\nip route 0.0.0.0/0 10.1.0.1\n");
	unit_file("calls", "");
	script(VTYSH);
	rig = (struct tell_rig){ .conf = { .file = unit_path("frr.conf"), .socket = dir,
		.command = command, .timeout = 60 * NSEC_PER_SEC } };
	tell_rig_open(&rig, &tell_frr);
	tell_rig_routes(&rig, 2);
}

START_TEST(it_takes_the_routes)
{
	begin();
	tell_rig_expect(&rig, true, "it has 2 routes");
	ck_assert_ptr_nonnull(strstr(unit_content("running"), ROUTE(0, 14)));
	ck_assert_ptr_nonnull(strstr(unit_content("running"), ROUTE(1, 14)));
	ck_assert_ptr_nonnull(strstr(unit_content("running"), "route-map clua permit 14\n match tag 42014\n"));
	ck_assert_str_eq(unit_content("calls"), "-c\n-f\n-c\n");
	/* Nothing to do: it is only looked at. */
	tell_rig_expect(&rig, true, "it has 2 routes");
	ck_assert_str_eq(unit_content("calls"), "-c\n-f\n-c\n-c\n");
	tell_rig_routes(&rig, 1);
	tell_rig_expect(&rig, true, "it has 1 routes");
	ck_assert_ptr_null(strstr(unit_content("running"), ROUTE(1, 14)));
	tell_rig_routes(&rig, 0);
	tell_rig_expect(&rig, true, "it has 0 routes");
	ck_assert_ptr_null(strstr(unit_content("running"), "blackhole"));
	ck_assert_ptr_nonnull(strstr(unit_content("running"), "ip route 0.0.0.0/0 10.1.0.1\n"));
	tell_rig_close(&rig);
}
END_TEST

START_TEST(what_an_earlier_one_left_goes)
{
	begin();
	unit_file("running", ROUTE(9, 10) ROUTE(1, 10));
	tell_rig_expect(&rig, true, "it has 2 routes");
	ck_assert_ptr_null(strstr(unit_content("running"), "tag 42010\nip"));
	ck_assert_ptr_nonnull(strstr(unit_content("running"), ROUTE(1, 14)));
	tell_rig_close(&rig);
}
END_TEST

START_TEST(it_takes_nothing)
{
	begin();
	script("test \"$3\" = -c && echo 'hostname n3'; exit 0\n");
	tell_rig_expect(&rig, false, "3 changes were not taken: is staticd running?");
	script("test \"$3\" = -c && exit 0\n\necho; echo '  line 3: % Unknown command: x'; echo more; exit 2\n");
	tell_rig_expect(&rig, false, "vtysh: line 3: % Unknown command: x");
	ck_assert_ptr_null(strstr(rig.text, "more"));
	script("echo 'Exiting: failed to connect to any daemons.' >&2; exit 1\n");
	tell_rig_expect(&rig, false, "vtysh: Exiting: failed to connect to any daemons.");
	script("exit 7\n");
	tell_rig_expect(&rig, false, "vtysh: exit status 7");
	script(VTYSH);
	tell_rig_expect(&rig, true, "it has 2 routes");
	tell_rig_close(&rig);
}
END_TEST

START_TEST(it_does_not_answer)
{
	begin();
	rig.conf.timeout = 50 * NSEC_PER_MSEC;
	script("echo half; sleep 1000\n");
	tell_rig_expect(&rig, false, "vtysh: no answer");
	rig.conf.timeout = 60 * NSEC_PER_SEC;
	script(VTYSH);
	tell_rig_expect(&rig, true, "it has 2 routes");
	tell_rig_close(&rig);
}
END_TEST

START_TEST(it_cannot_be_run)
{
	begin();
	snprintf(command, sizeof(command), "%s/none -x", dir);
	tell_rig_expect(&rig, false, "cannot run \"");
	ck_assert_ptr_nonnull(strstr(rig.text, "/none -x\": No such file or directory"));
	snprintf(command, sizeof(command), "  ");
	tell_rig_expect(&rig, false, "cannot run \"  \": No such file or directory");
	/* No place for the changes. */
	script(VTYSH);
	rig.ops->free(rig.tell);
	rig.conf.file = "/proc/nowhere/frr.conf";
	tell_rig_open(&rig, &tell_frr);
	tell_rig_expect(&rig, false, "/proc/nowhere/frr.conf.changes: No such file or directory");
	tell_rig_close(&rig);
}
END_TEST

START_TEST(it_has_a_long_configuration)
{
	begin();
	script("test \"$3\" = -f && exit 0\n"
	    "yes '" ROUTE(7, 01) "' | head -n 400000; cat \"$2/section\"\n");
	unit_file("section", "route-map clua permit 10\n match tag 42010\n set metric 10\nexit\n"
	    "route-map clua permit 14\n match tag 42014\n set metric 14\nexit\n" ROUTE(0, 14) ROUTE(1, 14));
	tell_rig_expect(&rig, false, "vtysh: a configuration of more than 8 MiB");
	script("test \"$3\" = -f && exit 0\n"
	    "yes '" ROUTE(7, 01) "' | head -n 20000; yes x | head -c 1000000 | tr -d '\\n'\n"
	    "echo; cat \"$2/section\"\n");
	tell_rig_expect(&rig, true, "it has 2 routes");
	tell_rig_close(&rig);
}
END_TEST

/* ---- the daemons' lives ---- */

static int
listen_as(const char *name)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(unit_path(name));
	ck_assert(ipc_sock_addr(&sun, unit_path(name)));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	return fd;
}

START_TEST(one_of_its_daemons_goes_away)
{
	int zebra, staticd, one, other;

	begin();
	zebra = listen_as("zebra.vty");
	staticd = listen_as("staticd.vty");
	tell_rig_expect(&rig, true, "it has 2 routes");
	one = accept(zebra, NULL, NULL);
	other = accept(staticd, NULL, NULL);
	ck_assert_int_ge(one, 0);
	ck_assert_int_ge(other, 0);
	/* What it says is of no interest. */
	ck_assert_int_eq(send(one, "hello", 5, 0), 5);
	close(other);
	tell_rig_expect_lost(&rig, "staticd of FRR has gone away");
	/* All is told anew, the frame too. */
	unit_file("calls", "");
	tell_rig_expect(&rig, true, "it has 2 routes");
	ck_assert_str_eq(unit_content("calls"), "-c\n-f\n-c\n");
	close(one);
	tell_rig_expect_lost(&rig, "zebra of FRR has gone away");
	tell_rig_close(&rig);
	close(zebra);
	close(staticd);
}
END_TEST

/* What the others were told it was not. */
START_TEST(one_more_of_its_daemons_is_started)
{
	int zebra, ospfd;

	begin();
	zebra = listen_as("zebra.vty");
	tell_rig_expect(&rig, true, "it has 2 routes");
	ospfd = listen_as("ospfd.vty");
	tell_rig_expect_lost(&rig, "ospfd of FRR was started");
	unit_file("calls", "");
	tell_rig_expect(&rig, true, "it has 2 routes");
	ck_assert_str_eq(unit_content("calls"), "-c\n-f\n-c\n");
	close(accept(ospfd, NULL, NULL));
	tell_rig_expect_lost(&rig, "ospfd of FRR has gone away");
	tell_rig_close(&rig);
	close(zebra);
	close(ospfd);
}
END_TEST

/* ---- gated ---- */

START_TEST(gated)
{
	begin();
	rig.ops->free(rig.tell);
	tell_rig_open(&rig, &tell_gated);
	script("exit 0\n");
	tell_rig_expect(&rig, true, "reconfigured");
	script("echo 'gdc: not running' >&2; exit 1\n");
	tell_rig_expect(&rig, false, "/bin/sh  ");
	ck_assert_ptr_nonnull(strstr(rig.text, "vtysh.sh : gdc: not running"));
	script("kill -9 $$\n");
	tell_rig_expect(&rig, false, "/bin/sh  ");
	ck_assert_ptr_nonnull(strstr(rig.text, ": exit status 137"));
	rig.conf.command = "";
	tell_rig_expect(&rig, false, "cannot run \"\": No such file or directory");
	rig.conf.command = "sleep 1000";
	rig.conf.timeout = 50 * NSEC_PER_MSEC;
	tell_rig_expect(&rig, false, "sleep 1000: no answer");
	tell_rig_close(&rig);
}
END_TEST

START_TEST(an_end_in_the_middle)
{
	begin();
	script("sleep 1000\n");
	rig.ops->begin(rig.tell, &(struct route_spec){ .name = "n2", .area = "0" }, &rig.set);
	rig.ops->free(rig.tell);
	tell_rig_open(&rig, &tell_gated);
	rig.ops->begin(rig.tell, NULL, &rig.set);
	tell_rig_close(&rig);
	ck_assert_int_eq(rig.answers, 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { it_takes_the_routes, what_an_earlier_one_left_goes, it_takes_nothing,
		it_does_not_answer, it_cannot_be_run, it_has_a_long_configuration, one_of_its_daemons_goes_away,
		one_more_of_its_daemons_is_started, 		gated, an_end_in_the_middle, NULL };

	return unit_run("alias_tell_frr", tests);
}
