/* SPDX-License-Identifier: ISC */
#include "common/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/ev.h"
#include "common/log.h"
#include "common/netlink_msg.h"
#include "common/netlink_table.h"

#define BUF_SIZE 32768 /* what the kernel fills at most in a dump */
#define EVENTS_RCVBUF (1024 * 1024)
#define DUMP_TRIES 10

struct netlink {
	struct ev_io *io;
	struct ev_timer *resync;
	struct mnl_socket *events; /* subscribed, non-blocking */
	struct mnl_socket *change;
	unsigned seq; /* of the last change */
	struct netlink_table *table;
	/* Apart, for callbacks may make changes while events or a dump are being worked on. */
	uint8_t event_buf[BUF_SIZE];
	uint8_t dump_buf[BUF_SIZE];
};

static int
on_message(const struct nlmsghdr *nlh, void *arg)
{
	struct netlink *nl = arg;
	struct netlink_link link;
	struct netlink_addr addr;

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (netlink_msg_link(nlh, &link))
			netlink_table_link(nl->table, &link, nlh->nlmsg_type == RTM_DELLINK);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (netlink_msg_addr(nlh, &addr))
			netlink_table_addr(nl->table, &addr, nlh->nlmsg_type == RTM_DELADDR);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

struct mnl_socket *
netlink_socket(int bus, int flags, unsigned groups)
{
	struct mnl_socket *s = mnl_socket_open2(bus, SOCK_CLOEXEC | flags);

	if (s == NULL || mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) == 0)
		return s;
	mnl_socket_close(s);
	return NULL;
}

/* Sends one request and takes its answer, which the kernel gives at once. 0, or -1 and errno. */
static int
transact(struct mnl_socket *s, struct nlmsghdr *nlh, unsigned seq, uint8_t *buf, size_t size,
    mnl_cb_t cb, void *arg)
{
	unsigned port = mnl_socket_get_portid(s);
	int rc = MNL_CB_OK;
	ssize_t n;

	nlh->nlmsg_seq = seq;
	if (mnl_socket_sendto(s, nlh, nlh->nlmsg_len) == -1)
		return -1;
	while (rc > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(s, buf, size);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		rc = mnl_cb_run(buf, (size_t)n, seq, port, cb, arg);
	}
	return rc == MNL_CB_ERROR ? -1 : 0;
}

static int
dump_once(struct netlink *nl)
{
	static const uint16_t types[] = { RTM_GETLINK, RTM_GETADDR };
	/* Its own each time: the rest of a dump that was given up on must not meet the next one. */
	struct mnl_socket *s = netlink_socket(NETLINK_ROUTE, 0, 0);
	char req[256];
	int rc = 0, saved;

	if (s == NULL)
		return -1;
	for (unsigned i = 0; i < 2 && rc == 0; i++)
		rc = transact(s, netlink_msg_build_dump(req, types[i]), i + 1, nl->dump_buf,
		    sizeof(nl->dump_buf), on_message, nl);
	saved = errno;
	mnl_socket_close(s);
	errno = saved;
	return rc;
}

static int
dump(struct netlink *nl)
{
	int rc = -1;

	/* EINTR: something changed in the middle, so what was read may have holes. */
	for (unsigned i = 0; i < DUMP_TRIES; i++) {
		rc = dump_once(nl);
		if (rc == 0 || errno != EINTR)
			break;
	}
	return rc;
}

static int
read_all(struct netlink *nl)
{
	netlink_table_begin(nl->table);
	if (dump(nl) == -1)
		return -1;
	netlink_table_sweep(nl->table);
	return 0;
}

static void
on_resync(void *arg)
{
	struct netlink *nl = arg;

	if (read_all(nl) == -1) {
		log_warn("netlink", "cannot read links and addresses, will try again");
		ev_timer_set(nl->resync, NSEC_PER_SEC);
	}
}

static void
on_events(int fd, void *arg)
{
	struct netlink *nl = arg;

	for (unsigned i = 0; i < 64; i++) {
		ssize_t n = mnl_socket_recvfrom(nl->events, nl->event_buf, sizeof(nl->event_buf));

		if (n == -1 && errno == ENOBUFS) {
			log_warnx("netlink", "events came too fast, reading everything anew");
			ev_timer_set(nl->resync, 0);
			continue;
		}
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		mnl_cb_run(nl->event_buf, (size_t)n, 0, 0, on_message, nl);
	}
}

static int
open_sockets(struct netlink *nl, struct ev_loop *loop)
{
	int size = EVENTS_RCVBUF, fd;

	nl->change = netlink_socket(NETLINK_ROUTE, 0, 0);
	nl->events = netlink_socket(NETLINK_ROUTE, SOCK_NONBLOCK, RTMGRP_LINK | RTMGRP_IPV4_IFADDR);
	if (nl->change == NULL || nl->events == NULL)
		return -1;
	fd = mnl_socket_get_fd(nl->events);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == -1)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	nl->io = ev_io_new(loop, fd, on_events, NULL, nl);
	nl->resync = ev_timer_new(loop, on_resync, nl);
	return nl->io != NULL && nl->resync != NULL ? 0 : -1;
}

struct netlink *
netlink_open(struct ev_loop *loop, const struct netlink_ops *ops, void *arg)
{
	struct netlink *nl = calloc(1, sizeof(*nl));

	if (nl == NULL)
		return NULL;
	nl->table = netlink_table_new(ops, arg);
	/* Subscribed first: what happens while reading is heard as well. */
	if (nl->table != NULL && open_sockets(nl, loop) == 0 && read_all(nl) == 0)
		return nl;
	log_err("netlink", "cannot read links and addresses");
	netlink_close(nl);
	return NULL;
}

void
netlink_close(struct netlink *nl)
{
	int saved = errno;

	if (nl == NULL)
		return;
	ev_io_free(nl->io);
	ev_timer_free(nl->resync);
	if (nl->events != NULL)
		mnl_socket_close(nl->events);
	if (nl->change != NULL)
		mnl_socket_close(nl->change);
	netlink_table_free(nl->table);
	free(nl);
	errno = saved;
}

static int
change_addr(struct netlink *nl, uint16_t type, const struct netlink_addr *a)
{
	char req[256];
	uint8_t ack[4096];

	return transact(nl->change, netlink_msg_build_addr(req, type, a), ++nl->seq, ack,
	    sizeof(ack), NULL, NULL);
}

int
netlink_addr_add(struct netlink *nl, uint32_t ifindex, struct in_addr addr, uint8_t prefixlen,
    uint8_t scope)
{
	struct netlink_addr a = {
		.ifindex = ifindex, .addr = addr, .prefixlen = prefixlen, .scope = scope
	};

	return change_addr(nl, RTM_NEWADDR, &a);
}

int
netlink_addr_del(struct netlink *nl, uint32_t ifindex, struct in_addr addr, uint8_t prefixlen)
{
	struct netlink_addr a = { .ifindex = ifindex, .addr = addr, .prefixlen = prefixlen };

	return change_addr(nl, RTM_DELADDR, &a);
}

static int
change_mac(struct netlink *nl, uint16_t type, uint32_t ifindex, const uint8_t mac[6])
{
	char req[256];
	uint8_t ack[4096];

	return transact(nl->change, netlink_msg_build_mac(req, type, ifindex, mac), ++nl->seq, ack,
	    sizeof(ack), NULL, NULL);
}

int
netlink_mac_add(struct netlink *nl, uint32_t ifindex, const uint8_t mac[6])
{
	return change_mac(nl, RTM_NEWNEIGH, ifindex, mac);
}

int
netlink_mac_del(struct netlink *nl, uint32_t ifindex, const uint8_t mac[6])
{
	return change_mac(nl, RTM_DELNEIGH, ifindex, mac);
}

static int
change_local(
    struct netlink *nl, uint16_t type, uint32_t ifindex, struct in_addr addr, uint8_t proto)
{
	char req[256];
	uint8_t ack[4096];

	return transact(nl->change, netlink_msg_build_local(req, type, ifindex, addr, proto), ++nl->seq,
	    ack, sizeof(ack), NULL, NULL);
}

int
netlink_local_add(struct netlink *nl, uint32_t ifindex, struct in_addr addr, uint8_t proto)
{
	return change_local(nl, RTM_NEWROUTE, ifindex, addr, proto);
}

int
netlink_local_del(struct netlink *nl, uint32_t ifindex, struct in_addr addr, uint8_t proto)
{
	return change_local(nl, RTM_DELROUTE, ifindex, addr, proto);
}

struct each_local {
	uint8_t proto;
	void (*fn)(struct in_addr, void *);
	void *arg;
};

static int
on_local(const struct nlmsghdr *nlh, void *arg)
{
	struct each_local *e = arg;
	struct in_addr addr;

	if (nlh->nlmsg_type == RTM_NEWROUTE && netlink_msg_local(nlh, e->proto, &addr))
		e->fn(addr, e->arg);
	return MNL_CB_OK;
}

int
netlink_each_local(
    struct netlink *nl, uint8_t proto, void (*fn)(struct in_addr, void *), void *arg)
{
	struct each_local e = { .proto = proto, .fn = fn, .arg = arg };
	struct mnl_socket *s = netlink_socket(NETLINK_ROUTE, 0, 0);
	char req[256];
	int rc, saved;

	if (s == NULL)
		return -1;
	rc = transact(s, netlink_msg_build_dump(req, RTM_GETROUTE), 1, nl->dump_buf,
	    sizeof(nl->dump_buf), on_local, &e);
	saved = errno;
	mnl_socket_close(s);
	errno = saved;
	return rc;
}

static bool
has_index(const struct netlink_link *l, const void *arg)
{
	return l->ifindex == *(const uint32_t *)arg;
}

static bool
has_name(const struct netlink_link *l, const void *arg)
{
	return strcmp(l->name, arg) == 0;
}

const struct netlink_link *
netlink_link_by_index(const struct netlink *nl, uint32_t ifindex)
{
	return netlink_table_find_link(nl->table, has_index, &ifindex);
}

const struct netlink_link *
netlink_link_by_name(const struct netlink *nl, const char *name)
{
	return netlink_table_find_link(nl->table, has_name, name);
}

void
netlink_each_link(
    const struct netlink *nl, void (*fn)(const struct netlink_link *, void *), void *arg)
{
	netlink_table_each_link(nl->table, fn, arg);
}

void
netlink_each_addr(
    const struct netlink *nl, void (*fn)(const struct netlink_addr *, void *), void *arg)
{
	netlink_table_each_addr(nl->table, fn, arg);
}
