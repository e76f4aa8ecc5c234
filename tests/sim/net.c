/* SPDX-License-Identifier: ISC */
/* The network as lltd presents it: sessions, inside which nothing is lost or reordered. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

static struct sim_pair *
pair_of(struct sim *s, unsigned a, unsigned b)
{
	return a < b ? &s->pair[a][b] : &s->pair[b][a];
}

struct sim_dir *
net_dir(struct sim *s, unsigned src, unsigned dst)
{
	return &pair_of(s, src, dst)->dir[src > dst];
}

static bool
works(struct sim *s, unsigned a, unsigned b)
{
	return s->node[a].host_up && s->node[b].host_up && !pair_of(s, a, b)->cut;
}

static void
limbo_clear(struct sim_dir *d)
{
	while (d->limbo != NULL) {
		struct sim_msg *m = d->limbo;

		d->limbo = m->next;
		free(m);
	}
	d->limbo_tail = &d->limbo;
}

void
net_init(struct sim *s)
{
	for (unsigned a = 0; a < s->nodes; a++)
		for (unsigned b = a + 1; b < s->nodes; b++) {
			struct sim_pair *p = &s->pair[a][b];

			p->broken = true;
			for (unsigned i = 0; i < 2; i++) {
				p->dir[i].delay = s->latency / 2 + sim_rand(s, s->latency);
				p->dir[i].limbo_tail = &p->dir[i].limbo;
			}
		}
}

void
net_free(struct sim *s)
{
	for (unsigned a = 0; a < s->nodes; a++)
		for (unsigned b = a + 1; b < s->nodes; b++) {
			limbo_clear(&s->pair[a][b].dir[0]);
			limbo_clear(&s->pair[a][b].dir[1]);
		}
}

/* Both ends are closed and could talk: they will find each other. */
static void
kick(struct sim *s, unsigned a, unsigned b)
{
	struct sim_pair *p = pair_of(s, a, b);

	if (!works(s, a, b) || !p->broken || p->connecting || p->dir[0].open || p->dir[1].open)
		return;
	p->connecting = true;
	sim_at(s, SIM_MS + sim_rand(s, 20 * SIM_MS), SIM_EV_CONNECT, a, b);
}

static void
break_session(struct sim *s, unsigned a, unsigned b)
{
	struct sim_pair *p = pair_of(s, a, b);

	p->broken = true;
	p->epoch++;
	limbo_clear(&p->dir[0]);
	limbo_clear(&p->dir[1]);
}

/* a's end closes; the other end will notice. */
static void
close_end(struct sim *s, unsigned a, unsigned b)
{
	struct sim_dir *mine = net_dir(s, a, b), *other = net_dir(s, b, a);

	if (!mine->open)
		return;
	mine->open = false;
	break_session(s, a, b);
	sim_trace(s, "session %u-%u down at %u", s->node[a].id, s->node[b].id, s->node[a].id);
	sim_input(s, a, SIM_IN_DOWN, b, 0, NULL, 0);
	if (other->open)
		sim_at(s, sim_rand(s, s->detect), SIM_EV_LOST, b, a)->x = other->session;
	kick(s, a, b);
}

void
net_send(struct sim *s, unsigned src, unsigned dst, const uint8_t *data, size_t len)
{
	struct sim_pair *p = pair_of(s, src, dst);
	struct sim_dir *d = net_dir(s, src, dst);
	struct sim_event *e;
	uint64_t at = s->now + d->delay + sim_rand(s, s->latency / 4 + 1);

	if (!d->open || p->broken)
		return;
	if (at < d->last)
		at = d->last;
	d->last = at;
	e = sim_at(s, at - s->now, SIM_EV_DELIVER, src, dst);
	e->x = p->epoch;
	e->msg = calloc(1, sizeof(*e->msg) + len);
	e->msg->len = len;
	memcpy(e->msg->data, data, len);
}

static void
arrive(struct sim *s, struct sim_event *e)
{
	struct sim_pair *p = pair_of(s, e->a, e->b);
	struct sim_dir *d = net_dir(s, e->a, e->b), *rx = net_dir(s, e->b, e->a);

	if (e->x != p->epoch)
		return;
	if (d->limbo != NULL || !works(s, e->a, e->b) || !rx->open) {
		*d->limbo_tail = e->msg;
		d->limbo_tail = &e->msg->next;
		e->msg = NULL;
		return;
	}
	sim_input(s, e->b, SIM_IN_RECV, e->a, rx->session, e->msg->data, e->msg->len);
}

static void
release(struct sim *s, unsigned a, unsigned b)
{
	struct sim_dir *d = net_dir(s, a, b), *rx = net_dir(s, b, a);

	while (d->limbo != NULL && works(s, a, b) && rx->open) {
		struct sim_msg *m = d->limbo;

		d->limbo = m->next;
		if (d->limbo == NULL)
			d->limbo_tail = &d->limbo;
		sim_input(s, b, SIM_IN_RECV, a, rx->session, m->data, m->len);
		free(m);
	}
}

static void
connect_pair(struct sim *s, unsigned a, unsigned b)
{
	struct sim_pair *p = pair_of(s, a, b);

	p->connecting = false;
	if (!works(s, a, b) || !p->broken || p->dir[0].open || p->dir[1].open)
		return;
	p->broken = false;
	p->session++;
	p->epoch++;
	p->dir[0].last = p->dir[1].last = 0;
	sim_at(s, sim_rand(s, 2 * SIM_MS), SIM_EV_UP, a, b)->x = p->session;
	sim_at(s, sim_rand(s, 2 * SIM_MS), SIM_EV_UP, b, a)->x = p->session;
}

static void
end_up(struct sim *s, unsigned a, unsigned b, uint32_t session)
{
	struct sim_pair *p = pair_of(s, a, b);
	struct sim_dir *d = net_dir(s, a, b);

	if (p->broken || p->session != session || d->open || !s->node[a].host_up) {
		kick(s, a, b);
		return;
	}
	d->open = true;
	d->session = session;
	sim_trace(s, "session %u-%u up at %u", s->node[a].id, s->node[b].id, s->node[a].id);
	sim_input(s, a, SIM_IN_UP, b, session, NULL, 0);
	release(s, b, a);
	if (!works(s, a, b))
		sim_at(s, sim_rand(s, s->detect), SIM_EV_DETECT, a, b)->x = p->cut_no;
}

void
net_event(struct sim *s, struct sim_event *e)
{
	struct sim_dir *d = net_dir(s, e->a, e->b);

	switch (e->type) {
	case SIM_EV_DELIVER: arrive(s, e); break;
	case SIM_EV_DETECT:
		if (pair_of(s, e->a, e->b)->cut_no == e->x && !works(s, e->a, e->b))
			close_end(s, e->a, e->b);
		break;
	case SIM_EV_LOST:
		if (d->open && d->session == e->x)
			close_end(s, e->a, e->b);
		break;
	case SIM_EV_CONNECT: connect_pair(s, e->a, e->b); break;
	case SIM_EV_UP: end_up(s, e->a, e->b, e->x); break;
	case SIM_EV_RELEASE: release(s, e->a, e->b); break;
	default: break;
	}
}

/* Who loses the carrier sees at once what the other does only when it hears nothing more. */
static uint64_t
detected_in(struct sim *s)
{
	return sim_chance(s, 20) ? sim_rand(s, SIM_MS) : s->detect / 2 + sim_rand(s, s->detect);
}

static void
expect_detection(struct sim *s, unsigned a, unsigned b)
{
	struct sim_pair *p = pair_of(s, a, b);

	p->cut_no++;
	if (s->node[a].host_up)
		sim_at(s, detected_in(s), SIM_EV_DETECT, a, b)->x = p->cut_no;
	if (s->node[b].host_up)
		sim_at(s, detected_in(s), SIM_EV_DETECT, b, a)->x = p->cut_no;
}

static void
works_again(struct sim *s, unsigned a, unsigned b)
{
	pair_of(s, a, b)->cut_no++;
	sim_at(s, s->latency, SIM_EV_RELEASE, a, b);
	sim_at(s, s->latency, SIM_EV_RELEASE, b, a);
	kick(s, a, b);
}

void
net_cut(struct sim *s, unsigned a, unsigned b, bool cut)
{
	struct sim_pair *p = pair_of(s, a, b);

	if (a == b || p->cut == cut)
		return;
	p->cut = cut;
	if (!s->node[a].host_up || !s->node[b].host_up)
		return;
	sim_trace(s, "%s %u-%u", cut ? "cut" : "mend", s->node[a].id, s->node[b].id);
	if (cut)
		expect_detection(s, a, b);
	else
		works_again(s, a, b);
}

/* The host's lltd dies with it, without a word. */
static void
host_down(struct sim *s, unsigned node)
{
	for (unsigned i = 0; i < s->nodes; i++) {
		if (i == node)
			continue;
		break_session(s, node, i);
		net_dir(s, node, i)->open = false;
		expect_detection(s, node, i);
	}
}

void
net_host(struct sim *s, unsigned node, bool up)
{
	if (s->node[node].host_up == up)
		return;
	s->node[node].host_up = up;
	sim_trace(s, "host %u %s", s->node[node].id, up ? "boots" : "loses power");
	if (!up) {
		host_down(s, node);
		return;
	}
	for (unsigned i = 0; i < s->nodes; i++) {
		if (i == node)
			continue;
		/* Whoever did not notice the absence learns of it now. */
		if (net_dir(s, i, node)->open)
			sim_at(s, sim_rand(s, 5 * SIM_MS), SIM_EV_LOST, i, node)->x =
			    net_dir(s, i, node)->session;
		pair_of(s, node, i)->cut_no++;
		kick(s, node, i);
	}
}

void
net_snapshot(struct sim *s, unsigned node)
{
	for (unsigned i = 0; i < s->nodes; i++)
		if (i != node && net_dir(s, node, i)->open)
			sim_input(s, node, SIM_IN_UP, i, net_dir(s, node, i)->session, NULL, 0);
}
