/* SPDX-License-Identifier: ISC */
/* The sockets of this host: who listens, and what the kernel tells of them. */
#include <arpa/inet.h>

#include "aliasd/engine/engine_priv.h"

#define POLL_UDP (100 * NSEC_PER_MSEC)
#define POLLS_A_TCP_DUMP 50
#define POLLS_A_SECOND 10
#define POLLS_A_LOOK 50 /* at what is attached, in case somebody removed it */
#define VERIFY_SOON (5 * NSEC_PER_MSEC)
#define LISTENS_A_MESSAGE 4000

struct batch {
	struct engine *e;
	struct wire_wr w;
	struct alias_list list;
	uint8_t buf[LISTENS_A_MESSAGE * ALIAS_LISTEN_LEN + 64];
};

static bool
is_alias(struct in_addr addr, void *arg)
{
	struct batch *b = arg;

	return state_alias(b->e->state, addr) != NULL || own_get(b->e->own, addr) != NULL;
}

static void
batch_begin(struct batch *b)
{
	wire_wr_init(&b->w, b->buf, sizeof(b->buf));
	alias_list_begin(&b->list, &b->w, ALIAS_MSG_LISTEN);
}

static void
batch_send(struct batch *b)
{
	alias_list_end(&b->list);
	if (b->list.count > 0)
		engine_broadcast(b->e, b->buf, wire_wr_len(&b->w));
}

static void
emit(const struct alias_listen *l, void *arg)
{
	struct batch *b = arg;

	log_debug("listen", "port %u/%s: %s", l->port_h, alias_proto_name(l->proto),
	    l->add ? "listening" : "not listening any more");
	alias_list_listen(&b->list, l);
	if (b->list.count < LISTENS_A_MESSAGE)
		return;
	batch_send(b);
	batch_begin(b);
}

void
engine_listen_flush(struct engine *e)
{
	static struct batch b;

	if (!state_loaded(e->state))
		return;
	b.e = e;
	batch_begin(&b);
	listen_flush(e->listen, is_alias, emit, &b);
	batch_send(&b);
}

struct dumping {
	struct engine *e;
	uint8_t proto;
};

static void
dumped(uint16_t port_h, struct in_addr bound, void *arg)
{
	struct dumping *d = arg;

	/* The kernel's own socket, of the tunnel, is no service. */
	if (d->proto != IPPROTO_UDP || d->e->tunnel == NULL || port_h != d->e->conf->vxlan_port)
		listen_dump_socket(d->e->listen, d->proto, port_h, bound);
}

void
engine_listen_dump(struct engine *e, uint8_t proto)
{
	struct dumping d = { .e = e, .proto = proto };

	listen_dump_begin(e->listen, proto);
	if (diag_listeners(e->diag, proto, dumped, &d) < 0) {
		log_warn("listen", "cannot list the %s sockets", alias_proto_name(proto));
		return;
	}
	listen_dump_end(e->listen, proto);
	engine_listen_flush(e);
}

/*
 * Events are in time but may have been there before a dump that already counted them; a dump soon
 * after puts that right. That nobody listens any more is believed to a dump alone, at once: others
 * would take an in_single service over.
 */
static void
listen_changed(struct engine *e, bool add, const struct dp_conn *c)
{
	bool had = listen_has(e->listen, IPPROTO_TCP, ntohs(c->port), c->alias);
	unsigned left = listen_event(e->listen, add, IPPROTO_TCP, ntohs(c->port), c->alias);

	if (had && left == 0)
		engine_listen_dump(e, IPPROTO_TCP);
	else
		engine_listen_flush(e);
	ev_timer_set(e->verify_timer, VERIFY_SOON);
}

void
engine_verify_timer(void *arg)
{
	engine_listen_dump(arg, IPPROTO_TCP);
}

void
engine_udp_gone(uint16_t port_h, struct in_addr bound, void *arg)
{
	struct engine *e = arg;

	if (e->group != NULL && listen_has(e->listen, IPPROTO_UDP, port_h, bound))
		engine_listen_dump(e, IPPROTO_UDP);
}

/*
 * For a moment more the packet program may answer ARP. Not while lltd hangs: then the others do not hear
 * this member, and have another master.
 */
static void
renew(struct engine *e)
{
	uint64_t patience = e->peerinact_ns > NSEC_PER_SEC ? e->peerinact_ns : NSEC_PER_SEC;
	uint64_t now = clock_ns();

	lltsub_ask(e->llt);
	if (now - lltsub_alive(e->llt) < patience)
		datapath_answer_until(e->dp, now + ENGINE_MASTER_FOR);
}

/* UDP sockets are bound without an event; TCP is looked at too, now and then, to be sure. */
void
engine_poll_timer(void *arg)
{
	struct engine *e = arg;
	uint16_t ignored;

	renew(e);
	engine_out_source(e);
	engine_services_reports(e);
	engine_listen_dump(e, IPPROTO_UDP);
	if (++e->polls % POLLS_A_TCP_DUMP == 0)
		engine_listen_dump(e, IPPROTO_TCP);
	if (datapath_look_for_missed(e->dp))
		engine_conns_tick(e);
	if (e->polls % POLLS_A_LOOK == 0)
		datapath_check_all(e->dp);
	if (e->polls % POLLS_A_SECOND == 0) {
		engine_drained(e);
		engine_vigil_tick(e);
		engine_vigil_offer(e);
		engine_load_tick(e);
		engine_owners_missing(e, &ignored); /* forgets those that stay away */
		hostports_look(e->hostports);
	}
	ev_timer_set(e->poll_timer, POLL_UDP);
}

void
engine_on_sock(enum dp_sock_event ev, const struct dp_conn *c, uint64_t when, void *arg)
{
	struct engine *e = arg;
	struct alias_conn conn = engine_conn(c);

	switch (ev) {
	case DP_LISTEN:
	case DP_UNLISTEN:
		listen_changed(e, ev == DP_LISTEN, c);
		break;
	case DP_ESTABLISHED:
		engine_flow(e, &conn, ALIAS_FLOW_SET, when);
		break;
	case DP_ENDING:
		announce_ending(e->announce, &conn, when);
		break;
	case DP_CLOSED:
		engine_flow(e, &conn, ALIAS_FLOW_DEL, when);
		break;
	case DP_LOST:
		engine_conns_untold(e);
		break;
	}
}
