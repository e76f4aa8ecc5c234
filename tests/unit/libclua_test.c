/* SPDX-License-Identifier: ISC */
/* The library, as a program has it, against daemons that are away, refuse, or talk nonsense. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/ipc.h"
#include "common/ipc_sock.h"
#include "libclua/call.h"
#include "libclua/clua/clua.h"
#include "proto/alias_api.h"
#include "proto/alias_ctl.h"
#include "tests/unit/unit.h"

/* What the daemon does with one request; false: it closes at once. */
struct daemon {
	int fd;
	pthread_t thread;
	bool (*act)(int fd, const struct ipc_msg *);
};

static struct daemon d;
static struct wire_wr w;
static uint8_t buf[4096];

static void
send_msg(int fd, uint16_t type, uint32_t reqid)
{
	struct ipc_out out;

	ipc_out_init(&out);
	ck_assert_int_eq(ipc_out_send(&out, fd, type, reqid, buf, wire_wr_len(&w)), 0);
	ipc_out_clear(&out);
}

static void
reply(int fd, const struct ipc_msg *m, enum ipc_code code)
{
	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_u16(&w, (uint16_t)code);
	wire_wr_str(&w, "text");
	send_msg(fd, IPC_REPLY, m->reqid);
}

static void *
serve(void *arg)
{
	static uint8_t pkt[IPC_PKT_MAX];
	struct ipc_msg m;
	int fd;

	while ((fd = accept(d.fd, NULL, NULL)) >= 0) {
		ssize_t n = recv(fd, pkt, sizeof(pkt), 0);

		if (n > 0 && ipc_decode(pkt, (size_t)n, &m) == NULL)
			d.act(fd, &m);
		close(fd);
	}
	return NULL;
}

static void
begin(bool (*act)(int, const struct ipc_msg *))
{
	const char *path = unit_path("sock");
	struct sockaddr_un sun;

	setenv(CLUA_SOCK_ENV, path, 1);
	d.act = act;
	d.fd = ipc_sock_new(0);
	ck_assert(ipc_sock_addr(&sun, path));
	ck_assert_int_eq(bind(d.fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(d.fd, 16), 0);
	ck_assert_int_eq(pthread_create(&d.thread, NULL, serve, NULL), 0);
}

static void
finish(void)
{
	shutdown(d.fd, SHUT_RDWR);
	pthread_join(d.thread, NULL);
	close(d.fd);
	unlink(unit_path("sock"));
}

static clua_status_t
ask_default(void)
{
	struct sockaddr_in sin;

	return clua_getdefaultalias((struct sockaddr *)&sin);
}

START_TEST(nobody_there)
{
	struct sockaddr_in sin;
	struct clua_info info;
	struct in_addr addr = { .s_addr = htonl(0x0a010064) };
	int context = 0, fd;

	setenv(CLUA_SOCK_ENV, unit_path("none"), 1);
	ck_assert_int_eq(ask_default(), CLUA_ENOCLUSTER);
	ck_assert_int_eq(
	    clua_getaliasaddress((struct sockaddr *)&sin, &context), CLUA_ENOCLUSTER);
	ck_assert_int_eq(context, 0);
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	ck_assert_int_eq(clua_getaliasinfo((struct sockaddr *)&sin, &info), CLUA_ENOCLUSTER);
	ck_assert_int_eq(info.maxmember, -1);
	errno = 7;
	ck_assert_int_eq(clua_isalias(&addr), 0);
	ck_assert_int_eq(errno, 7);
	ck_assert_int_eq(clua_registerservice(80, SOCK_STREAM, CLUASRV_MULTI), CLUA_ENOCLUSTER);
	ck_assert_int_eq(clua_unregisterservice(80, SOCK_DGRAM), CLUA_ENOCLUSTER);
	ck_assert_int_eq(clusvc_getcommport(-1, 1, IPPROTO_TCP, NULL), -1);
	ck_assert_int_eq(errno, ENETDOWN);
	/* A socket without its daemon. */
	fd = ipc_sock_new(0);
	setenv(CLUA_SOCK_ENV, unit_file("old", ""), 1);
	ck_assert_int_eq(ask_default(), CLUA_ENOCLUSTER);
	close(fd);
}
END_TEST

START_TEST(bad_arguments)
{
	struct sockaddr_in sin = { .sin_family = AF_INET6 };
	struct clua_info info;
	int context = -1, fd;

	setenv(CLUA_SOCK_ENV, unit_path("none"), 1);
	ck_assert_int_eq(clua_getdefaultalias(NULL), CLUA_ERRNO);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(clua_getaliasaddress((struct sockaddr *)&sin, NULL), CLUA_ERRNO);
	ck_assert_int_eq(clua_getaliasaddress((struct sockaddr *)&sin, &context), CLUA_ERRNO);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(clua_getaliasinfo((struct sockaddr *)&sin, &info), CLUA_ERRNO);
	ck_assert_int_eq(errno, EAFNOSUPPORT);
	ck_assert_int_eq(clua_getaliasinfo(NULL, &info), CLUA_ERRNO);
	ck_assert_int_eq(clua_isalias(NULL), 0);
	ck_assert_int_eq(clua_registerservice(80, SOCK_RAW, CLUASRV_MULTI), CLUA_EBADTYPE);
	ck_assert_int_eq(clua_registerservice(80, SOCK_STREAM, 0x10000), CLUA_EBADOPTION);
	ck_assert_int_eq(clua_registerservice(0, SOCK_STREAM, CLUASRV_MULTI), CLUA_ERRNO);
	ck_assert_int_eq(clua_unregisterservice(0, SOCK_STREAM), CLUA_ENOTRESERVED);
	ck_assert_int_eq(clusvc_getcommport(-1, 0, IPPROTO_TCP, NULL), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(clusvc_getcommport(-1, 1, IPPROTO_TCP + 256, NULL), -1);
	ck_assert_int_eq(errno, EPROTONOSUPPORT);
	ck_assert_int_eq(clusvc_getcommport(-1, 1, IPPROTO_TCP, &sin), -1);
	ck_assert_int_eq(errno, EAFNOSUPPORT);
	ck_assert_int_eq(clusvc_getresvcommport(9999, 1, IPPROTO_TCP, NULL), -1);
	ck_assert_int_eq(errno, EBADF);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(clusvc_getcommport(fd, 1, IPPROTO_TCP, NULL), -1);
	ck_assert_int_eq(errno, EPROTOTYPE);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

static enum ipc_code code;

static bool
act_refuse(int fd, const struct ipc_msg *m)
{
	reply(fd, m, code);
	return true;
}

START_TEST(refusals)
{
	static const struct {
		enum ipc_code code;
		clua_status_t status;
	} cases[] = { { IPC_ENOENT, CLUA_ENODEFAULT }, { IPC_EBUSY, CLUA_ENOCLUSTER },
		{ IPC_EFAILED, CLUA_ENOCLUSTER }, { IPC_EUNKNOWN, CLUA_EBADVERSION },
		{ IPC_EVERSION, CLUA_EBADVERSION }, { IPC_EPERM, CLUA_ERRNO }, { IPC_EINVAL, CLUA_ERRNO },
		{ IPC_OK, CLUA_EBADVERSION } }; /* OK without the row is none */
	size_t i;

	begin(act_refuse);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		code = cases[i].code;
		ck_assert_int_eq(ask_default(), cases[i].status);
	}
	code = IPC_OK;
	ck_assert_int_eq(clua_registerservice(80, SOCK_STREAM, CLUASRV_MULTI), CLUA_EBADVERSION);
	code = IPC_EPERM;
	ck_assert_int_eq(clua_registerservice(80, SOCK_STREAM, CLUASRV_MULTI), CLUA_ERRNO);
	ck_assert_int_eq(errno, EACCES);
	finish();
}
END_TEST

static bool
act_nothing(int fd, const struct ipc_msg *m)
{
	return false;
}

static bool
act_garbage(int fd, const struct ipc_msg *m)
{
	ck_assert_int_eq(write(fd, "nonsense, and long enough for a header", 38), 38);
	return true;
}

/* Rows cut short, of members that cannot be, and of kinds that a later version may have. */
static bool
act_bad_rows(int fd, const struct ipc_msg *m)
{
	wire_wr_init(&w, buf, sizeof(buf));
	wire_wr_u32(&w, 1);
	send_msg(fd, 0x03ff, m->reqid);
	send_msg(fd, ALIAS_ROW_ALIAS, m->reqid);
	send_msg(fd, ALIAS_ROW_RESULT, m->reqid);
	reply(fd, m, IPC_OK);
	return true;
}

START_TEST(nonsense)
{
	bool (*const acts[])(int, const struct ipc_msg *) = { act_nothing, act_garbage, act_bad_rows };
	static const clua_status_t status[] = { CLUA_ENOCLUSTER, CLUA_EBADVERSION, CLUA_EBADVERSION };
	size_t i;

	for (i = 0; i < 3; i++) {
		begin(acts[i]);
		ck_assert_int_eq(ask_default(), status[i]);
		/* 0x0000 0x0001 reads as success with port 1. */
		ck_assert_int_eq(clua_registerservice(80, SOCK_STREAM, 0), i == 2 ? 1 : status[i]);
		ck_assert_int_eq(clua_isalias(&(struct in_addr){ 1 }), 0);
		finish();
	}
}
END_TEST

static void
member_row(int fd, const struct ipc_msg *m, uint16_t id)
{
	struct alias_ctl_member row = { .id = id, .flags = ALIAS_MF_ENABLED | ALIAS_MF_JOINED, .selw = 3,
		.selp = 2, .rpri = 1 };

	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_member_encode(&w, &row);
	send_msg(fd, ALIAS_ROW_MEMBER, m->reqid);
}

static bool
act_alias(int fd, const struct ipc_msg *m)
{
	struct alias_ctl_alias row = { .id = 70000, .flags = ALIAS_F_ENABLED | ALIAS_F_DEFAULT };
	size_t i;

	inet_aton("10.1.0.100", &row.addr);
	for (i = 0; i < ALIAS_COUNTERS; i++)
		row.counter[i] = 100 + i;
	wire_wr_init(&w, buf, sizeof(buf));
	alias_ctl_alias_encode(&w, &row);
	send_msg(fd, ALIAS_ROW_ALIAS, m->reqid);
	member_row(fd, m, 5);
	member_row(fd, m, 63);
	member_row(fd, m, 64); /* does not fit the ancestor's structure */
	reply(fd, m, IPC_OK);
	return true;
}

START_TEST(an_alias)
{
	struct sockaddr_in sin;
	struct clua_info i;
	int context = 0;

	begin(act_alias);
	ck_assert_int_eq(clua_getdefaultalias((struct sockaddr *)&sin), CLUA_SUCCESS);
	ck_assert_str_eq(inet_ntoa(sin.sin_addr), "10.1.0.100");
	ck_assert_int_eq(sin.sin_family, AF_INET);
	ck_assert_int_eq(sin.sin_port, 0);
	ck_assert_int_eq(clua_getaliasaddress((struct sockaddr *)&sin, &context), CLUA_SUCCESS);
	ck_assert_int_eq(context, 70000);
	ck_assert_int_eq(clua_getaliasinfo((struct sockaddr *)&sin, &i), CLUA_SUCCESS);
	ck_assert_int_eq(i.aliasid, 70000);
	ck_assert_uint_eq(i.flags, CLUA_ALIAS_ENABLED | CLUA_ALIAS_DEFAULT);
	ck_assert_int_eq(i.maxmember, 63);
	ck_assert_uint_eq(i.members[5].flags, CLUA_MEMBER_ENABLED | CLUA_MEMBER_JOINED);
	ck_assert_uint_eq(i.members[63].selw, 3);
	ck_assert_uint_eq(i.members[6].flags, 0);
	ck_assert_uint_eq(i.count_cnx_rcv_net, 100);
	ck_assert_uint_eq(i.count_data_rcv_clu, 0);
	ck_assert_uint_eq(i.count_frag_rcv_clu, 110);
	ck_assert_int_eq(clua_isalias(&sin.sin_addr), 1);
	finish();
}
END_TEST

static struct alias_api_result result;
static struct alias_api asked;

static bool
act_result(int fd, const struct ipc_msg *m)
{
	ck_assert(alias_api_request_decode(m->data, m->len, &asked));
	wire_wr_init(&w, buf, sizeof(buf));
	alias_api_result_encode(&w, &result);
	send_msg(fd, ALIAS_ROW_RESULT, m->reqid);
	reply(fd, m, result.status == ALIAS_API_OK ? IPC_OK : IPC_EINVAL);
	return true;
}

START_TEST(results)
{
	static const clua_status_t expected[] = { CLUA_SUCCESS, CLUA_EBADOPTION, CLUA_EPORTCONFLICT,
		CLUA_ENOTRESERVED, CLUA_ERRNO, CLUA_ERRNO, CLUA_EBADVERSION };
	uint16_t i;

	begin(act_result);
	for (i = 0; i < 7; i++) {
		result.status = i;
		errno = 0;
		ck_assert_int_eq(
		    clua_registerservice(7300, SOCK_DGRAM, CLUASRV_MULTI | CLUASRV_TRANSIENT), expected[i]);
		ck_assert_uint_eq(asked.port_h, 7300);
		ck_assert_uint_eq(asked.proto, IPPROTO_UDP);
		ck_assert_uint_eq(asked.options, ALIAS_IN_MULTI | ALIAS_TRANSIENT);
	}
	finish();
}
END_TEST

static unsigned
open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

START_TEST(a_common_port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int taken = socket(AF_INET, SOCK_STREAM, 0), fd;
	socklen_t len = sizeof(sin);
	unsigned before, tries;

	begin(act_result);
	result.status = ALIAS_API_OK;
	ck_assert_int_eq(bind(taken, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(getsockname(taken, (struct sockaddr *)&sin, &len), 0);
	before = open_fds();
	/* Taken, and offered again each time: it gives up, and says which port it cannot have. */
	result.port_h = ntohs(sin.sin_port);
	ck_assert_int_eq(clusvc_getcommport(-1, 77, IPPROTO_TCP, NULL), -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	ck_assert_uint_eq(asked.port_h, result.port_h);
	ck_assert_uint_eq(asked.prog, 77);
	ck_assert(!asked.resv);
	/* The daemon here is a thread: its end of the last connection may be open for a moment yet. */
	for (tries = 0; open_fds() > before && tries < 500; tries++)
		usleep(10000);
	ck_assert_uint_eq(open_fds(), before);
	close(taken);
	fd = clusvc_getcommport(-1, 77, IPPROTO_TCP, &sin);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(asked.port_h, 0);
	ck_assert_uint_eq(ntohs(sin.sin_port), result.port_h);
	ck_assert_uint_eq(sin.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	ck_assert_int_eq(clusvc_getcommport(fd, 77, IPPROTO_TCP, &sin), -1);
	ck_assert_int_eq(errno, EINVAL);
	close(fd);
	clusvc_getresvcommport(-1, 77, IPPROTO_UDP, NULL);
	ck_assert(asked.resv);
	finish();
}
END_TEST

START_TEST(texts)
{
	clua_status_t s;

	for (s = CLUA_ENOCLUSTER; s <= CLUA_ERRNO; s++)
		ck_assert_str_ne(clua_error(s), "unknown status");
	ck_assert_str_eq(clua_error(CLUA_SUCCESS), "success");
	ck_assert_str_eq(clua_error(0), "unknown status");
	errno = EACCES;
	print_clua_liberror(CLUA_ERRNO);
	print_clua_liberror(CLUA_ENOTALIAS);
	ck_assert_int_eq(errno, EACCES);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { nobody_there, bad_arguments, refusals, nonsense, an_alias, results,
		a_common_port, texts, NULL };

	return unit_run("libclua", tests);
}
