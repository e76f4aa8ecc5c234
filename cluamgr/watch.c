/* SPDX-License-Identifier: ISC */
#include "cluamgr/watch.h"

#include <inttypes.h>

#include "common/addr.h"
#include "common/json.h"
#include "proto/alias_svc.h"

static void
format_time(char out[40], const struct timespec *when)
{
	struct tm tm;
	char day[32];

	gmtime_r(&when->tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, 40, "%s.%03uZ", day, (unsigned)(when->tv_nsec / 1000000) % 1000);
}

/* What "on" and "off" are called for each kind. */
static const char *
state_word(const struct alias_event *ev)
{
	static const char *const words[ALIAS_EV_MAX][2] = { [ALIAS_EV_GROUP] = { "out", "in" },
		[ALIAS_EV_QUORUM] = { "lost", "held" }, [ALIAS_EV_MEMBER] = { "down", "up" },
		[ALIAS_EV_ALIAS] = { "gone", "added" }, [ALIAS_EV_MASTER] = { "none", "elected" },
		[ALIAS_EV_SERVICE] = { "gone", "listening" }, [ALIAS_EV_CONFLICT] = { "over", "found" },
		[ALIAS_EV_SYNCED] = { "", "snapshot" } };

	return ev->type < ALIAS_EV_MAX && words[ev->type][0] != NULL ? words[ev->type][ev->on] : "";
}

static void
put_node(FILE *out, const char *key, uint16_t node)
{
	if (node != ALIAS_EV_NO_NODE)
		fprintf(out, " %s=%u", key, node);
}

void
cm_watch_text(FILE *out, const struct alias_event *ev, const struct timespec *when)
{
	char time[40];
	uint16_t i;

	format_time(time, when);
	fprintf(out, "%s ", time);
	if (ev->seq != 0 || ev->type == ALIAS_EV_SYNCED)
		fprintf(out, "#%" PRIu64, ev->seq);
	else
		fputs("#-", out);
	fprintf(out, " %s %s", alias_event_word(ev->type), state_word(ev));
	if (ev->addr.s_addr != 0)
		fprintf(out, " alias=%s", addr_ip(ev->addr).s);
	if (ev->name[0] != '\0')
		fprintf(out, " name=%s", ev->name);
	if (ev->port_h != 0)
		fprintf(out, " port=%u/%s", ev->port_h, alias_proto_name(ev->proto));
	put_node(out, ev->type == ALIAS_EV_SERVICE ? "active" : "node", ev->node);
	put_node(out, "former", ev->former);
	for (i = 0; i < ev->nlisteners; i++)
		fprintf(out, "%s%u", i == 0 ? " listeners=" : ",", ev->listener[i]);
	if (ev->text[0] != '\0')
		fprintf(out, " mac=%s", ev->text);
	putc('\n', out);
}

static void
node_or_null(struct json *j, const char *key, uint16_t node)
{
	if (node == ALIAS_EV_NO_NODE)
		json_null(j, key);
	else
		json_uint(j, key, node);
}

static void
put_service(struct json *j, const struct alias_event *ev)
{
	uint16_t i;

	json_uint(j, "port", ev->port_h);
	json_str(j, "proto", alias_proto_name(ev->proto));
	node_or_null(j, "active", ev->node);
	json_array(j, "listeners");
	for (i = 0; i < ev->nlisteners; i++)
		json_uint(j, NULL, ev->listener[i]);
	json_array_end(j);
}

static void
put_about(struct json *j, const struct alias_event *ev)
{
	if (ev->addr.s_addr != 0)
		json_str(j, "alias", addr_ip(ev->addr).s);
	if (ev->type == ALIAS_EV_SERVICE)
		put_service(j, ev);
	if (ev->type == ALIAS_EV_GROUP || ev->type == ALIAS_EV_MEMBER || ev->type == ALIAS_EV_MASTER)
		node_or_null(j, "node", ev->node);
	if (ev->type == ALIAS_EV_MASTER)
		node_or_null(j, "former", ev->former);
	if (ev->type == ALIAS_EV_GROUP || ev->type == ALIAS_EV_MEMBER || ev->type == ALIAS_EV_ALIAS ||
	    ev->type == ALIAS_EV_MASTER)
		json_str(j, "name", ev->name);
	if (ev->type == ALIAS_EV_CONFLICT)
		json_str(j, "mac", ev->text);
}

void
cm_watch_json(FILE *out, const struct alias_event *ev, const struct timespec *when)
{
	struct json j;
	char time[40];

	format_time(time, when);
	json_begin_line(&j, out);
	json_uint(&j, "schema", 1);
	json_str(&j, "time", time);
	json_uint(&j, "seq", ev->seq);
	json_bool(&j, "snapshot", ev->snapshot);
	json_str(&j, "event", alias_event_word(ev->type));
	json_str(&j, "state", state_word(ev));
	put_about(&j, ev);
	json_finish(&j);
}
