/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/core/map.h"
#include "common/ev.h"
#include "common/log.h"
#include "common/netlink.h"

#define BUF_SIZE 32768
/* A socket that has got its SYN; <netinet/tcp.h> does not know it. */
#define STATE_NEW_SYN_RECV 12
/* What idiag_timer says of a time-wait rest, whose state may be FIN_WAIT2 as well. */
#define TIMER_TIME_WAIT 3

struct diag {
	struct mnl_socket *nl;
	uint32_t seq;
	uint8_t buf[BUF_SIZE];
};

struct diag_watch {
	struct mnl_socket *nl;
	struct ev_io *io;
	void (*fn)(uint16_t port_h, struct in_addr bound, void *arg);
	void *arg;
};

static struct mnl_socket *
open_socket(unsigned groups)
{
	struct mnl_socket *nl = netlink_socket(NETLINK_SOCK_DIAG, 0, groups);

	if (nl == NULL)
		log_warn("diag", "cannot ask the kernel for its sockets");
	return nl;
}

struct diag *
diag_open(void)
{
	struct diag *d = mem_zalloc(sizeof(*d));

	d->nl = open_socket(0);
	if (d->nl == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

void
diag_close(struct diag *d)
{
	if (d == NULL)
		return;
	mnl_socket_close(d->nl);
	free(d);
}

static int
command(struct diag *d, uint16_t type, uint16_t flags, const struct inet_diag_req_v2 *req)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(d->buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++d->seq;
	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(*req)), req, sizeof(*req));
	return mnl_socket_sendto(d->nl, nlh, nlh->nlmsg_len) < 0 ? -1 : 0;
}

static int
request(struct diag *d, uint16_t flags, const struct inet_diag_req_v2 *req)
{
	return command(d, SOCK_DIAG_BY_FAMILY, flags, req);
}

/* Reads answers until the last; 0, or -1 and errno. */
static int
answers(struct diag *d, mnl_cb_t cb, void *arg)
{
	unsigned portid = mnl_socket_get_portid(d->nl);
	ssize_t n;
	int rc;

	do {
		n = mnl_socket_recvfrom(d->nl, d->buf, sizeof(d->buf));
		if (n < 0)
			return -1;
		rc = mnl_cb_run(d->buf, (size_t)n, d->seq, portid, cb, arg);
	} while (rc > MNL_CB_STOP);
	return rc < 0 ? -1 : 0;
}

static int
v6only_cb(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == INET_DIAG_SKV6ONLY &&
	    mnl_attr_validate(attr, MNL_TYPE_U8) == 0 && mnl_attr_get_u8(attr) != 0)
		*(bool *)arg = true;
	return MNL_CB_OK;
}

/* The IPv4 address for which this socket takes packets; false if for none. */
static bool
bound_v4(const struct nlmsghdr *nlh, const struct inet_diag_msg *m, struct in_addr *bound)
{
	static const uint32_t mapped[3] = { 0, 0, 0 };
	bool v6only = false;

	if (m->idiag_family == AF_INET) {
		bound->s_addr = m->id.idiag_src[0];
		return true;
	}
	bound->s_addr = m->id.idiag_src[3];
	if (memcmp(m->id.idiag_src, mapped, 8) != 0)
		return false;
	if (m->id.idiag_src[2] == htonl(0xffff))
		return true;
	if (m->id.idiag_src[2] != 0 || m->id.idiag_src[3] != 0)
		return false;
	mnl_attr_parse(nlh, sizeof(*m), v6only_cb, &v6only);
	return !v6only;
}

struct listeners {
	void (*fn)(uint16_t, struct in_addr, void *);
	void *arg;
};

static int
listener_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct listeners *l = arg;
	struct in_addr bound;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*m) && m->id.idiag_sport != 0 &&
	    bound_v4(nlh, m, &bound))
		l->fn(ntohs(m->id.idiag_sport), bound, l->arg);
	return MNL_CB_OK;
}

static int
dump(struct diag *d, uint8_t family, uint8_t proto, uint32_t states, uint8_t ext, mnl_cb_t cb, void *arg)
{
	struct inet_diag_req_v2 req = { .sdiag_family = family, .sdiag_protocol = proto,
		.idiag_states = states, .idiag_ext = ext };

	if (request(d, NLM_F_DUMP, &req) < 0 || answers(d, cb, arg) < 0) {
		/* A kernel without IPv6 has no such sockets. */
		if (family == AF_INET6 && errno == ENOENT)
			return 0;
		return -1;
	}
	return 0;
}

int
diag_listeners(struct diag *d, uint8_t proto,
    void (*fn)(uint16_t port_h, struct in_addr bound, void *arg), void *arg)
{
	struct listeners l = { .fn = fn, .arg = arg };
	uint32_t states = proto == IPPROTO_TCP ? 1u << TCP_LISTEN : 1u << TCP_CLOSE;

	if (dump(d, AF_INET, proto, states, 0, listener_cb, &l) < 0)
		return -1;
	return dump(d, AF_INET6, proto, states, 0, listener_cb, &l);
}

struct connections {
	void (*fn)(const struct alias_conn *, uint32_t, void *);
	void *arg;
};

/* A kernel may know more of a connection than we do, or less. */
static int
silent_cb(const struct nlattr *attr, void *arg)
{
	const size_t last = offsetof(struct tcp_info, tcpi_last_ack_recv);
	uint32_t *silent_ms = arg;

	if (mnl_attr_get_type(attr) == INET_DIAG_INFO && mnl_attr_get_payload_len(attr) >= last + sizeof(*silent_ms))
		memcpy(silent_ms, (const char *)mnl_attr_get_payload(attr) + last, sizeof(*silent_ms));
	return MNL_CB_OK;
}

static int
connection_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct connections *c = arg;
	struct alias_conn conn;
	uint32_t silent_ms = UINT32_MAX;
	int word = 0;

	/* The end of a rest is no event: it would stand in the tables for ever. */
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m) || m->idiag_timer == TIMER_TIME_WAIT)
		return MNL_CB_OK;
	if (m->idiag_family == AF_INET6) {
		if (m->id.idiag_src[2] != htonl(0xffff))
			return MNL_CB_OK;
		word = 3;
	}
	conn.alias.s_addr = m->id.idiag_src[word];
	conn.client.s_addr = m->id.idiag_dst[word];
	conn.port = m->id.idiag_sport;
	conn.client_port = m->id.idiag_dport;
	mnl_attr_parse(nlh, sizeof(*m), silent_cb, &silent_ms);
	c->fn(&conn, silent_ms, c->arg);
	return MNL_CB_OK;
}

int
diag_connections(struct diag *d, void (*fn)(const struct alias_conn *, uint32_t silent_ms, void *arg), void *arg)
{
	const uint32_t states = 1u << TCP_ESTABLISHED | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 |
	    1u << TCP_CLOSE_WAIT | 1u << TCP_LAST_ACK | 1u << TCP_CLOSING;
	const uint8_t info = 1u << (INET_DIAG_INFO - 1);
	struct connections c = { .fn = fn, .arg = arg };

	if (dump(d, AF_INET, IPPROTO_TCP, states, info, connection_cb, &c) < 0)
		return -1;
	return dump(d, AF_INET6, IPPROTO_TCP, states, info, connection_cb, &c);
}

struct lookup {
	const struct alias_conn *conn;
	enum alias_verdict verdict;
	uint32_t cookie[2]; /* of the socket, unless the verdict is NOT_MINE */
};

/* Its end will be an event. A half-open one is told when it is established, or ends in silence. */
static bool
has_event_to_come(const struct inet_diag_msg *m)
{
	return m->idiag_timer != TIMER_TIME_WAIT && m->idiag_state != TCP_TIME_WAIT &&
	    m->idiag_state != TCP_SYN_RECV && m->idiag_state != STATE_NEW_SYN_RECV;
}

/* The kernel answers with a listening socket if there is no other. */
static int
lookup_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct lookup *l = arg;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m) || m->id.idiag_dport != l->conn->client_port)
		return MNL_CB_STOP;
	if (m->idiag_state == TCP_LISTEN || m->idiag_state == TCP_CLOSE)
		return MNL_CB_STOP;
	l->verdict = has_event_to_come(m) ? ALIAS_MINE : ALIAS_MINE_CLOSING;
	memcpy(l->cookie, m->id.idiag_cookie, sizeof(l->cookie));
	return MNL_CB_STOP;
}

static struct inet_diag_req_v2
request_for(const struct alias_conn *c)
{
	struct inet_diag_req_v2 req = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP,
		.idiag_states = ~0u };

	req.id.idiag_sport = c->port;
	req.id.idiag_dport = c->client_port;
	req.id.idiag_src[0] = c->alias.s_addr;
	req.id.idiag_dst[0] = c->client.s_addr;
	req.id.idiag_cookie[0] = req.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return req;
}

static int
find(struct diag *d, const struct alias_conn *c, struct lookup *l)
{
	struct inet_diag_req_v2 req = request_for(c);

	*l = (struct lookup){ .conn = c, .verdict = ALIAS_NOT_MINE };
	if (request(d, 0, &req) < 0 || (answers(d, lookup_cb, l) < 0 && errno != ENOENT))
		return -1;
	return 0;
}

int
diag_lookup(struct diag *d, const struct alias_conn *c, enum alias_verdict *verdict)
{
	struct lookup l;

	if (find(d, c, &l) < 0)
		return -1;
	*verdict = l.verdict;
	return 0;
}

int
diag_abort(struct diag *d, const struct alias_conn *c)
{
	struct inet_diag_req_v2 req = request_for(c);
	struct lookup l;

	if (find(d, c, &l) < 0)
		return -1;
	if (l.verdict == ALIAS_NOT_MINE) {
		errno = ENOENT;
		return -1;
	}
	/* Without it the kernel takes the listening socket if this one ends just now. */
	memcpy(req.id.idiag_cookie, l.cookie, sizeof(l.cookie));
	return command(d, SOCK_DESTROY, NLM_F_ACK, &req) < 0 ? -1 : answers(d, NULL, NULL);
}

static int
watch_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct diag_watch *w = arg;
	struct in_addr bound;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*m) && bound_v4(nlh, m, &bound))
		w->fn(ntohs(m->id.idiag_sport), bound, w->arg);
	return MNL_CB_OK;
}

static void
watch_read(int fd, void *arg)
{
	struct diag_watch *w = arg;
	uint8_t buf[BUF_SIZE];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	/* What is lost here the next dump finds. */
	if (n > 0)
		mnl_cb_run(buf, (size_t)n, 0, 0, watch_cb, w);
}

struct diag_watch *
diag_watch_udp(struct ev_loop *loop, void (*fn)(uint16_t port_h, struct in_addr bound, void *arg),
    void *arg)
{
	struct diag_watch *w = mem_zalloc(sizeof(*w));

	w->fn = fn;
	w->arg = arg;
	w->nl = open_socket(
	    1u << (SKNLGRP_INET_UDP_DESTROY - 1) | 1u << (SKNLGRP_INET6_UDP_DESTROY - 1));
	if (w->nl == NULL) {
		free(w);
		return NULL;
	}
	w->io = ev_io_new(loop, mnl_socket_get_fd(w->nl), watch_read, NULL, w);
	return w;
}

void
diag_watch_free(struct diag_watch *w)
{
	if (w == NULL)
		return;
	ev_io_free(w->io);
	mnl_socket_close(w->nl);
	free(w);
}
