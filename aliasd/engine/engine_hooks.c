/* SPDX-License-Identifier: ISC */
/* Event scripts: one at a time, in the order of the events, never waited for by anything else. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliasd/engine/engine_priv.h"
#include "common/child.h"

#define QUEUE_MIN 1024
#define OUTPUT_LINES 20 /* of one script that go into the log */

struct hooks {
	struct hookq *queue;
	struct child *running;
	struct hook_item item; /* what it runs for */
	struct ev_timer *next; /* a child's callback is no place to end it in */
};

/* The environment of a script, and nothing else. */
struct hook_env {
	char text[16][ALIAS_NAME_MAX + 32];
	char *list[17];
	size_t n;
};

static void
set(struct hook_env *env, const char *name, const char *value)
{
	snprintf(env->text[env->n], sizeof(env->text[0]), "%s=%s", name, value);
	env->list[env->n] = env->text[env->n];
	env->list[++env->n] = NULL;
}

static void
set_number(struct hook_env *env, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	set(env, name, text);
}

static void
set_alias(struct engine *e, struct hook_env *env, const struct hook_item *i, char addr[INET_ADDRSTRLEN])
{
	const struct state_alias *a = state_alias(e->state, i->addr);

	inet_ntop(AF_INET, &i->addr, addr, INET_ADDRSTRLEN);
	if (i->addr.s_addr == 0)
		return;
	set(env, "CLUA_ALIAS", a == NULL || a->name[0] == '\0' ? addr : a->name);
	set(env, "CLUA_ADDRESS", addr);
}

static void
make_env(struct engine *e, struct hook_env *env, const struct hook_item *i, char addr[INET_ADDRSTRLEN])
{
	env->n = 0;
	set(env, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
	set(env, "LANG", "C");
	set(env, "CLUA_EVENT", hook_event_word[i->event]);
	set_number(env, "CLUA_SEQ", i->seq);
	set_number(env, "CLUA_SELF", e->self);
	set(env, "CLUA_SELF_NAME", e->name[e->self]);
	set_alias(e, env, i, addr);
	if (i->node != SEL_NO_NODE && i->node < LLT_MAX_NODES) {
		set_number(env, "CLUA_NODE", i->node);
		set(env, "CLUA_NODE_NAME", e->name[i->node]);
	}
	if (i->port_h != 0) {
		set_number(env, "CLUA_PORT", i->port_h);
		set(env, "CLUA_PROTO", alias_proto_name(i->proto));
	}
	if (i->text[0] != '\0')
		set(env, "CLUA_MAC", i->text);
}

/* What it is about: an address, a node's name, an address and a port; or nothing. */
static void
make_args(struct engine *e, const struct hook_item *i, const char *addr, char first[], char second[],
    size_t size)
{
	first[0] = second[0] = '\0';
	if (i->addr.s_addr != 0)
		snprintf(first, size, "%s", addr);
	else if (i->node != SEL_NO_NODE && i->node < LLT_MAX_NODES)
		snprintf(first, size, "%s", e->name[i->node]);
	if (i->port_h != 0)
		snprintf(second, size, "%u/%s", i->port_h, alias_proto_name(i->proto));
	else if (i->text[0] != '\0')
		snprintf(second, size, "%s", i->text);
}

static void
log_output(const char *run, const char *out)
{
	unsigned lines = 0;
	size_t len;

	for (; *out != '\0' && lines < OUTPUT_LINES; lines++) {
		len = strcspn(out, "\n");
		log_info("hook", "%s: %.*s", run, (int)(len < 400 ? len : 400), out);
		out += len + (out[len] == '\n');
	}
	if (*out != '\0')
		log_info("hook", "%s: … the rest of its output is left out", run);
}

static const struct aliasd_hook *
hook_of(const struct engine *e, const struct hook_item *i)
{
	return i->hook < e->conf->nhooks ? &e->conf->hooks[i->hook] : NULL;
}

static void
done(const struct child_result *r, void *arg)
{
	struct engine *e = arg;
	const struct aliasd_hook *h = hook_of(e, &e->hooks->item);
	const char *run = h == NULL ? "?" : h->run;

	log_output(run, r->out);
	if (r->timed_out)
		log_warnx("hook", "%s %s: killed, for it took longer than %.3f s", run,
		    hook_event_word[e->hooks->item.event], h == NULL ? 0 : (double)h->timeout / NSEC_PER_SEC);
	else if (r->status != 0)
		log_warnx("hook", "%s %s: exit status %d", run, hook_event_word[e->hooks->item.event],
		    r->status);
	e->hooks->running = NULL;
	ev_timer_set(e->hooks->next, 0);
}

static void
start(struct engine *e)
{
	struct hook_item *i = &e->hooks->item;
	const struct aliasd_hook *h = hook_of(e, i);
	char addr[INET_ADDRSTRLEN], first[ALIAS_NAME_MAX], second[64];
	const char *argv[5] = { NULL };
	struct hook_env env;

	if (h == NULL) /* the configuration has fewer now */
		return;
	make_env(e, &env, i, addr);
	make_args(e, i, addr, first, second, sizeof(second));
	argv[0] = h->run;
	argv[1] = hook_event_word[i->event];
	argv[2] = first[0] == '\0' ? NULL : first;
	argv[3] = second[0] == '\0' ? NULL : second;
	log_debug("hook", "%s %s %s %s", h->run, argv[1], first, second);
	e->hooks->running = child_run(e->loop, argv, env.list, h->timeout, done, e);
	if (e->hooks->running == NULL)
		log_warn("hook", "%s %s: cannot be run", h->run, argv[1]);
}

static void
say_overflow(struct hookq *q)
{
	size_t coalesced = hookq_coalesced(q), dropped = hookq_dropped(q);

	if (coalesced > 0)
		log_warnx("hook", "scripts are too slow: %zu events took the place of older ones about the same",
		    coalesced);
	if (dropped > 0)
		log_warnx("hook", "scripts are too slow: %zu events were dropped", dropped);
}

static void
run_next(void *arg)
{
	struct engine *e = arg;

	if (e->hooks->running != NULL)
		return;
	while (e->hooks->running == NULL && hookq_get(e->hooks->queue, &e->hooks->item))
		start(e);
	say_overflow(e->hooks->queue);
}

void
engine_hook(struct engine *e, const struct hook_item *about)
{
	struct hook_item i = *about;
	size_t k;

	i.seq = e->event_seq;
	for (k = 0; k < e->conf->nhooks; k++) {
		if (e->conf->hooks[k].event != (int)i.event && e->conf->hooks[k].event != HOOK_EVENTS)
			continue;
		i.hook = (uint16_t)k;
		hookq_put(e->hooks->queue, &i);
		ev_timer_set(e->hooks->next, 0);
	}
}

struct hooks *
engine_hooks_new(struct engine *e)
{
	struct hooks *h = mem_zalloc(sizeof(*h));

	h->queue = hookq_new(QUEUE_MIN + 2 * (size_t)e->conf->max_aliasid);
	h->next = ev_timer_new(e->loop, run_next, e);
	return h;
}

/* A script that runs is ended with us: the unit would do so anyway. */
void
engine_hooks_free(struct hooks *h)
{
	if (h == NULL)
		return;
	child_free(h->running);
	ev_timer_free(h->next);
	hookq_free(h->queue);
	free(h);
}

/* What waits was meant for scripts of the old configuration. */
void
engine_hooks_reload(struct engine *e, const struct aliasd_conf *old)
{
	if (old->nhooks == e->conf->nhooks &&
	    memcmp(old->hooks, e->conf->hooks, old->nhooks * sizeof(old->hooks[0])) == 0)
		return;
	if (hookq_count(e->hooks->queue) > 0)
		log_info("hook", "the scripts were changed: %zu events that waited are dropped",
		    hookq_count(e->hooks->queue));
	hookq_clear(e->hooks->queue);
}
