/* SPDX-License-Identifier: ISC */
#include "tests/unit/llt_net.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct net net;

static const uint8_t key[32] = "a key that only the tests have.";

static uint64_t
chance(uint64_t n)
{
	return n == 0 ? 0 : (uint64_t)random() % n;
}

/* ---- the heap of frames on their way, by time of arrival ---- */
static void
swap(unsigned a, unsigned b)
{
	struct net_frame f = net.heap[a];

	net.heap[a] = net.heap[b];
	net.heap[b] = f;
}

static void
push(const struct net_frame *f)
{
	unsigned i = net.nframes++;

	if (i >= NET_FRAMES)
		ck_abort_msg("too many frames");
	net.heap[i] = *f;
	for (; i > 0 && net.heap[i].at < net.heap[(i - 1) / 2].at; i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
}

static struct net_frame
pop(void)
{
	struct net_frame f = net.heap[0];
	unsigned i = 0, k;

	net.heap[0] = net.heap[--net.nframes];
	while ((k = 2 * i + 1) < net.nframes) {
		if (k + 1 < net.nframes && net.heap[k + 1].at < net.heap[k].at)
			k++;
		if (net.heap[i].at <= net.heap[k].at)
			break;
		swap(i, k);
		i = k;
	}
	return f;
}

/* ---- what the cores want ---- */
void
net_mac(unsigned i, unsigned link, uint8_t mac[6])
{
	const uint8_t m[6] = { 2, 0, 0, 0, (uint8_t)i, (uint8_t)link };

	memcpy(mac, m, sizeof(m));
}

static void
put(unsigned from, unsigned to, unsigned link, const uint8_t *bytes, size_t len)
{
	unsigned copies = 1 + (chance(1000) < net.dup);

	if (chance(1000) < net.loss || net.mute == to + 1 || net.node[from].cut[link] ||
	    net.node[to].cut[link] || net.node[from].dumb[link])
		return;
	while (copies-- > 0) {
		struct net_frame f = { .at = net.now + net.delay + chance(net.jitter), .to = to,
			.link = link, .len = len, .bytes = malloc(len) };

		net_mac(from, link, f.src);
		memcpy(f.bytes, bytes, len);
		push(&f);
	}
}

static void
on_transmit(void *arg, unsigned link, const uint8_t *dst, const uint8_t *frame, size_t len)
{
	unsigned from = (unsigned)((struct net_node *)arg - net.node);

	if (net.tap != NULL)
		net.tap(from, link, frame, len);
	for (unsigned i = 0; i <= NET_NODES; i++) {
		uint8_t mac[6];

		net_mac(i, link, mac);
		if (i != from && net.node[i].core != NULL && (dst[0] == 0xff || memcmp(dst, mac, 6) == 0))
			put(from, i, link, frame, len);
	}
}

static size_t
msg_len(uint64_t n)
{
	return 8 + n * 7919 % 5000;
}

/* Not an assertion for each byte: they cost more than all the rest. */
static bool
intact(const struct llt_ctl_recv *m, uint64_t n)
{
	for (size_t i = 8; i < m->len; i++)
		if (m->data[i] != (uint8_t)(n + i))
			return false;
	return m->len == msg_len(n);
}

static bool
on_deliver(void *arg, const struct llt_ctl_recv *m)
{
	struct net_node *me = arg;
	struct wire_rd r;

	if (me->deaf)
		return false;
	wire_rd_init(&r, m->data, m->len);
	if (m->datagram) {
		me->dgrams++;
		return true;
	}
	ck_assert_uint_eq(wire_rd_u64(&r), me->got[m->src][m->port]);
	ck_assert(intact(m, me->got[m->src][m->port]));
	me->got[m->src][m->port]++;
	return true;
}

static void
on_node_changed(void *arg, uint16_t node)
{
	((struct net_node *)arg)->node_events++;
}

static void
on_link_changed(void *arg, uint16_t node, unsigned link)
{
	((struct net_node *)arg)->link_events++;
}

static void
on_drained(void *arg, uint16_t node)
{
	((struct net_node *)arg)->drained++;
}

static void
on_random(void *arg, void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)random();
}

static void
on_checked(void *arg, const char *why)
{
	struct net_node *me = arg;

	me->checked = true;
	if (why != NULL)
		snprintf(me->refused, sizeof(me->refused), "%s", why);
}

static const struct core_ops ops = { on_transmit, on_deliver, on_node_changed, on_link_changed,
	on_drained, on_random, on_checked };

/* ---- life ---- */
static void
quiet(enum log_level level, const char *line, void *arg)
{
}

void
net_start(unsigned nnodes, unsigned nlinks, unsigned seed)
{
	memset(&net, 0, sizeof(net));
	srandom(seed);
	if (getenv("LLT_NET_LOG") == NULL)
		log_set_sink(quiet, NULL);
	net.nnodes = nnodes;
	net.now = 1000 * MS;
	net.delay = 50000;
	for (unsigned i = 0; i < nnodes; i++)
		snprintf(net.hosts.name[i], LLT_NAME_MAX, "n%u", i);
	net.hosts.count = nnodes;
	net.conf = (struct core_conf){ .cluster = 42, .key = key, .nlinks = nlinks,
		.hosts = &net.hosts, .check_ns = 0,
		.timers = { { 10 * MS, 20 * MS }, { 20 * MS, 40 * MS }, 30 * MS } };
	for (unsigned i = 0; i < nlinks; i++)
		net.conf.link[i].burst = 32;
}

void
net_stop(void)
{
	for (unsigned i = 0; i <= NET_NODES; i++)
		net_off(i);
	while (net.nframes > 0)
		free(pop().bytes);
	log_set_sink(NULL, NULL);
}

void
net_carrier(unsigned i, unsigned link, bool up)
{
	uint8_t mac[6];

	net_mac(i, link, mac);
	core_carrier(net.node[i].core, link, up, mac, 1 + link, 1500, net.now);
}

void
net_on_as(unsigned i, uint16_t node, const char *name)
{
	struct core_conf conf = net.conf;

	conf.node = node;
	snprintf(conf.name, sizeof(conf.name), "%s", name);
	net.node[i].checked = false;
	net.node[i].refused[0] = '\0';
	memset(net.node[i].got, 0, sizeof(net.node[i].got));
	net.node[i].core = core_new(&conf, &ops, &net.node[i], net.now);
	ck_assert_ptr_nonnull(net.node[i].core);
	for (unsigned l = 0; l < conf.nlinks; l++)
		net_carrier(i, l, true);
}

void
net_on(unsigned i)
{
	net_on_as(i, (uint16_t)i, net.hosts.name[i]);
}

void
net_off(unsigned i)
{
	core_free(net.node[i].core);
	net.node[i].core = NULL;
}

static void
arrive(void)
{
	struct net_frame f = pop();
	struct net_node *n = &net.node[f.to];

	if (n->core != NULL && n->asleep) {
		f.at = net.now + MS / 10;
		push(&f);
		return;
	}
	if (n->core != NULL) {
		core_input(n->core, f.link, f.src, f.bytes, f.len, net.now);
		core_flush(n->core, net.now);
	}
	free(f.bytes);
}

static uint64_t
next_event(unsigned *who)
{
	uint64_t at = net.nframes > 0 ? net.heap[0].at : UINT64_MAX;

	*who = UINT32_MAX;
	for (unsigned i = 0; i <= NET_NODES; i++)
		if (net.node[i].core != NULL && !net.node[i].asleep && core_next(net.node[i].core) < at) {
			at = core_next(net.node[i].core);
			*who = i;
		}
	return at;
}

void
net_run(uint64_t ns)
{
	uint64_t end = net.now + ns, at;
	unsigned who;

	while ((at = next_event(&who)) <= end) {
		if (at > net.now)
			net.now = at;
		if (who == UINT32_MAX) {
			arrive();
			continue;
		}
		core_tick(net.node[who].core, net.now);
		core_flush(net.node[who].core, net.now);
	}
	net.now = end;
}

static bool
formed(void)
{
	for (unsigned i = 0; i < net.nnodes; i++)
		for (unsigned k = 0; k < net.nnodes; k++)
			for (unsigned l = 0; i != k && l < net.conf.nlinks; l++)
				if (net.node[i].core != NULL && net.node[k].core != NULL &&
				    net_link(i, k, l) != LLT_LINK_UP)
					return false;
	return true;
}

void
net_form(uint64_t limit)
{
	uint64_t end = net.now + limit;

	while (!formed() && net.now < end)
		net_run(MS);
	ck_assert_msg(formed(), "not formed after %llu ms", (unsigned long long)(limit / MS));
}

void
net_send(unsigned from, unsigned to, uint8_t port, uint64_t n)
{
	static uint8_t data[LLT_MAX_MSG];
	static struct llt_ctl_send s;
	struct wire_wr w;

	wire_wr_init(&w, data, sizeof(data));
	wire_wr_u64(&w, n);
	for (size_t i = 8; i < msg_len(n); i++)
		data[i] = (uint8_t)(n + i);
	s = (struct llt_ctl_send){ .port = port, .patient = net.patient, .ndst = 1, .dst = { (uint16_t)to },
		.data = data, .len = msg_len(n) };
	core_send(net.node[from].core, &s, net.now);
	core_flush(net.node[from].core, net.now);
}

uint64_t
net_stat(unsigned i, enum stat s)
{
	return core_stats(net.node[i].core)->n[s];
}

uint64_t
net_drops(unsigned i)
{
	uint64_t sum = 0;

	for (unsigned s = STAT_DROPS; s < STAT_COUNT; s++)
		sum += net_stat(i, (enum stat)s);
	return sum;
}

bool
net_open(unsigned i, unsigned peer)
{
	struct llt_ev_node e;

	return core_node_info(net.node[i].core, (uint16_t)peer, &e) && e.state == LLT_OPEN_STATE;
}

uint8_t
net_link(unsigned i, unsigned peer, unsigned link)
{
	struct llt_ev_link e;

	ck_assert(core_link_state(net.node[i].core, (uint16_t)peer, link, &e));
	return e.state;
}

uint32_t
net_session(unsigned i, unsigned peer)
{
	struct llt_ev_node e;

	ck_assert(core_node_info(net.node[i].core, (uint16_t)peer, &e));
	return e.session;
}
