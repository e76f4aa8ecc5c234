/* SPDX-License-Identifier: ISC */
/* What the table of services says of ports, and the ports that connections from the default alias have. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "aliasd/datapath/datapath_int.h"
#include "common/clock.h"
#include "common/log.h"

#define LOOKUP_PIN "link_lookup"

static int
proto_index(uint8_t ipproto)
{
	return ipproto == IPPROTO_UDP ? DP_PORT_UDP : DP_PORT_TCP;
}

/* ---- closed ports ---- */

/* Takes datagrams of both versions of IP, if the kernel has both. */
static int
sink_socket(void)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), no = 0;

	six.sin6_addr.s6_addr32[2] = htonl(0xffff);
	six.sin6_addr.s6_addr32[3] = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) == 0 &&
	    bind(fd, (struct sockaddr *)&six, sizeof(six)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&four, sizeof(four)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Without it closed UDP ports answer that they are unreachable, which closes them too. */
static void
open_sink(struct datapath *dp)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { .len = 1, .filter = &nothing };
	uint32_t zero = 0;
	uint64_t fd;

	if (dp->sink >= 0 || (dp->sink = sink_socket()) < 0)
		return;
	fd = dp->sink;
	if (setsockopt(dp->sink, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    bpf_map_update_elem(bpf_map__fd(dp->skel->maps.sink), &zero, &fd, BPF_ANY) < 0) {
		log_warn("datapath", "no socket that throws datagrams away");
		close(dp->sink);
		dp->sink = -1;
	}
}

/* The program costs every datagram a little, so it is there only while a port is closed. */
static int
attach_lookup(struct datapath *dp)
{
	int ns;

	open_sink(dp);
	if (dp->lookup_link)
		return 0;
	/* The kernel does not replace such a link in its place. */
	pin_drop(dp, LOOKUP_PIN);
	if ((ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) < 0)
		return -1;
	dp->lookup_link = bpf_program__attach_netns(dp->skel->progs.clua_lookup, ns);
	close(ns);
	if (!dp->lookup_link) {
		log_err("datapath", "cannot watch over closed ports");
		return -1;
	}
	return pin_link(dp, dp->lookup_link, LOOKUP_PIN);
}

static void
detach_lookup(struct datapath *dp)
{
	pin_drop(dp, LOOKUP_PIN);
	bpf_link__destroy(dp->lookup_link);
	dp->lookup_link = NULL;
	if (dp->sink >= 0)
		close(dp->sink);
	dp->sink = -1;
}

void
port_close(struct datapath *dp)
{
	bpf_link__destroy(dp->lookup_link);
	if (dp->sink >= 0)
		close(dp->sink);
	free(dp->sticky);
}

/* ---- the table ---- */

int
port_open(struct datapath *dp)
{
	dp->sink = -1;
	dp->sticky = calloc(2 * DP_PORTS, sizeof(*dp->sticky));
	return dp->sticky ? 0 : -1;
}

/* A packet between the old and the new finds one of the two, so each byte is written once. */
static void
write_flags(struct datapath *dp, const uint8_t *fresh)
{
	uint8_t *flags = &dp->state.port_flags[0][0];
	size_t i;

	for (i = 0; i < 2 * DP_PORTS; i++)
		if (flags[i] != fresh[i])
			__atomic_store_n(&flags[i], fresh[i], __ATOMIC_RELAXED);
}

int
datapath_set_ports(struct datapath *dp, const struct dp_port *p, size_t n)
{
	uint8_t *flags = calloc(2, DP_PORTS), any = 0;
	size_t i, at;
	int err;

	if (!flags)
		return -1;
	memset(dp->sticky, 0, 2 * DP_PORTS * sizeof(*dp->sticky));
	dp->any_sticky = false;
	for (i = 0; i < n; i++) {
		at = proto_index(p[i].ipproto) * DP_PORTS + p[i].port_h;
		flags[at] = p[i].flags;
		any |= p[i].flags;
		dp->sticky[at] = p[i].sticky;
		dp->any_sticky |= p[i].sticky != 0;
	}
	write_flags(dp, flags);
	free(flags);
	service_restick(dp);
	if (any & (DP_PORT_NOLOCAL | DP_PORT_NOALIAS))
		err = attach_lookup(dp);
	else
		detach_lookup(dp), err = 0;
	return err;
}

uint16_t
port_sticky(const struct datapath *dp, uint8_t ipproto, in_port_t port)
{
	return dp->sticky[proto_index(ipproto) * DP_PORTS + ntohs(port)];
}

void
port_note_client(struct datapath *dp, int alias, const struct dp_conn *c, uint16_t owner)
{
	struct dp_sticky_key key = { .alias = alias, .client = c->client.s_addr, .port = c->port,
		.proto = IPPROTO_TCP };
	struct dp_sticky value = { .node = owner };

	if (!dp->any_sticky || !port_sticky(dp, IPPROTO_TCP, c->port))
		return;
	value.seen = clock_ns();
	bpf_map_update_elem(bpf_map__fd(dp->skel->maps.sticky), &key, &value, BPF_ANY);
}

/* ---- outgoing ---- */

void
datapath_set_shares(struct datapath *dp, const struct dp_shares *s)
{
	struct dp_out *out = dp->state.out;
	uint32_t i, n = s->n <= DP_SHARES ? s->n : DP_SHARES;
	bool same = out->addr == s->addr.s_addr && out->first == s->first && out->size == s->size;

	if (!same)
		__atomic_store_n(&out->n, 0, __ATOMIC_SEQ_CST);
	out->addr = s->addr.s_addr;
	out->first = s->first;
	out->size = s->size;
	for (i = 0; i < n; i++)
		__atomic_store_n(&out->node[i], s->node[i], __ATOMIC_RELAXED);
	__atomic_store_n(&out->n, n, __ATOMIC_SEQ_CST);
}

void
datapath_set_source(struct datapath *dp, struct in_addr source, uint16_t first, uint16_t last)
{
	struct dp_out *out = dp->state.out;

	__atomic_store_n(&out->source, 0, __ATOMIC_SEQ_CST);
	out->own_first = first;
	out->own_last = last;
	__atomic_store_n(&out->source, source.s_addr, __ATOMIC_SEQ_CST);
}
