/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/wire.h"
#include "tests/sim/sim.h"

const unsigned client_port[SIM_PORTS] = { 'c' - 'a', 'h' - 'a', 'm' - 'a' };

int
client_of_port(unsigned port)
{
	for (int i = 0; i < SIM_PORTS; i++)
		if (client_port[i] == port)
			return i;
	return -1;
}

void
client_gone(struct sim *s, unsigned node)
{
	memset(s->node[node].client, 0, sizeof(s->node[node].client));
}

void
client_room(struct sim *s, unsigned node, unsigned port)
{
	int i = client_of_port(port);

	if (i >= 0)
		s->node[node].client[i].full = false;
}

static void
come_or_go(struct sim *s, struct sim_node *n, unsigned i)
{
	struct sim_client *c = &n->client[i];

	if (c->inst != 0) {
		sim_trace(s, "client %u:%c leaves", n->id, 'a' + client_port[i]);
		memset(c, 0, sizeof(*c));
		gab_core_leave(n->core, client_port[i], s->now);
		return;
	}
	memset(c, 0, sizeof(*c));
	c->uid = ++s->next_uid;
	c->inst = gab_core_register(n->core, client_port[i], s->now);
	sim_trace(s, "client %u:%c registers, uid %llu", n->id, 'a' + client_port[i],
	    (unsigned long long)c->uid);
	if (c->inst == 0)
		sim_fail(s, "node %u: free port refused", n->id);
}

/*
 * u64 uid, u32 number, u32 generation, then filler; of a unicast the filler begins with the number that
 * it has for each node, u32 by index, because one message may go to many.
 */
static size_t
compose(struct sim *s, const struct sim_client *c, uint32_t no, uint8_t *buf, size_t size)
{
	struct wire_wr w;
	size_t fill = sim_chance(s, 2) ? sim_rand(s, size - 16) : sim_rand(s, 60);

	wire_wr_init(&w, buf, size);
	wire_wr_u64(&w, c->uid);
	wire_wr_u32(&w, no);
	wire_wr_u32(&w, c->vid.gen);
	wire_wr_reserve(&w, fill);
	return wire_wr_len(&w);
}

static void
broadcast(struct sim *s, struct sim_node *n, unsigned i)
{
	struct sim_client *c = &n->client[i];
	uint8_t buf[20000];
	struct gab_ctl_send send = { .kind = GAB_ORDERED, .gen = c->vid.gen, .data = buf };
	enum gab_sent sent;

	send.len = compose(s, c, c->sent + 1, buf, sizeof(buf));
	/* It may come back before the call does, which then counts. */
	c->sent++;
	sent = gab_core_send(n->core, client_port[i], &send, s->now);
	if (sent == GAB_SENT_NOT)
		sim_fail(s, "node %u: message of a member refused", n->id);
	c->full = sent == GAB_SENT_FULL;
}

/* To one member or to all others. */
static void
unicast(struct sim *s, struct sim_node *n, unsigned i)
{
	struct sim_client *c = &n->client[i];
	unsigned dst = (unsigned)sim_rand(s, s->nodes);
	bool many = sim_chance(s, 40);
	uint8_t buf[2000];
	struct gab_ctl_send send = { .kind = many ? GAB_MULTICAST : GAB_UNICAST,
		.dst = many ? 0 : (uint16_t)s->node[dst].id, .gen = c->vid.gen, .data = buf };
	struct wire_wr w;

	if (!many && (dst == n->idx || !gab_set_has(&c->members, s->node[dst].id)))
		return;
	send.len = compose(s, c, 0, buf, sizeof(buf) - 4 * s->nodes) + 4 * s->nodes;
	wire_wr_init(&w, buf + 16, 4 * s->nodes);
	for (unsigned k = 0; k < s->nodes; k++)
		wire_wr_u32(&w, c->uni_out[k] + 1);
	if (gab_core_send(n->core, client_port[i], &send, s->now) == GAB_SENT_NOT)
		return;
	for (unsigned k = 0; k < s->nodes; k++)
		if (many || k == dst)
			c->uni_out[k]++;
}

static void
act(struct sim *s, struct sim_node *n, unsigned i)
{
	struct sim_client *c = &n->client[i];
	unsigned burst = sim_chance(s, 5) ? 1 + (unsigned)sim_rand(s, 200) : 1;

	if (sim_chance(s, c->inst == 0 ? 20 : 1)) {
		come_or_go(s, n, i);
		return;
	}
	for (unsigned k = 0; k < burst && c->in_view && !c->full && s->violation[0] == '\0'; k++)
		if (sim_chance(s, 70))
			broadcast(s, n, i);
		else
			unicast(s, n, i);
}

void
client_event(struct sim *s, unsigned node)
{
	struct sim_node *n = &s->node[node];

	if (s->quiet)
		return;
	if (n->core != NULL && !n->paused) {
		act(s, n, (unsigned)sim_rand(s, SIM_PORTS));
		sim_arm(s, n);
	}
	sim_at(s, sim_rand(s, 12 * SIM_MS) * (s->nodes > 8 ? 4 : 1), SIM_EV_CLIENT, node, 0);
}
