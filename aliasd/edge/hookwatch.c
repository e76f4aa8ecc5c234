/* SPDX-License-Identifier: ISC */
#include "aliasd/edge/hookwatch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "aliasd/core/map.h"
#include "common/ev.h"
#include "common/log.h"
#include "common/netlink.h"

#define READS_A_TURN 64

struct hookwatch {
	struct mnl_socket *nl;
	struct ev_io *io;
	void (*fn)(uint32_t, void *);
	void *arg;
};

static int
on_message(const struct nlmsghdr *nlh, void *arg)
{
	struct hookwatch *w = arg;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh);

	switch (nlh->nlmsg_type) {
	case RTM_DELQDISC:
	case RTM_DELTFILTER:
	case RTM_NEWTFILTER: /* perhaps before ours */
		if (len >= sizeof(*tcm) && tcm->tcm_ifindex > 0)
			w->fn((uint32_t)tcm->tcm_ifindex, w->arg);
		break;
	case RTM_NEWLINK:
		if (len >= sizeof(*ifi) && ifi->ifi_index > 0)
			w->fn((uint32_t)ifi->ifi_index, w->arg);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static void
on_readable(int fd, void *arg)
{
	struct hookwatch *w = arg;
	_Alignas(8) char buf[32768];
	ssize_t n;
	int i;

	for (i = 0; i < READS_A_TURN; i++) {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno == ENOBUFS)
			w->fn(0, w->arg);
		if (n <= 0)
			return;
		mnl_cb_run(buf, (size_t)n, 0, 0, on_message, w);
	}
}

struct hookwatch *
hookwatch_open(struct ev_loop *loop, void (*fn)(uint32_t ifindex, void *arg), void *arg)
{
	struct hookwatch *w = mem_zalloc(sizeof(*w));

	w->fn = fn;
	w->arg = arg;
	w->nl = netlink_socket(NETLINK_ROUTE, SOCK_NONBLOCK, RTMGRP_TC | RTMGRP_LINK);
	if (w->nl == NULL) {
		log_warn("datapath", "cannot watch the interfaces' programs: they are looked at now and then");
		hookwatch_close(w);
		return NULL;
	}
	w->io = ev_io_new(loop, mnl_socket_get_fd(w->nl), on_readable, NULL, w);
	return w;
}

void
hookwatch_close(struct hookwatch *w)
{
	if (w == NULL)
		return;
	ev_io_free(w->io);
	if (w->nl != NULL)
		mnl_socket_close(w->nl);
	free(w);
}
