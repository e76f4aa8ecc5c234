/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>

#include "common/ipc.h"
#include "lltd/lltstat.h"

#define PROGRAM "lltstat"
#define MAX_COUNTERS 128

struct counters {
	unsigned n;
	struct llt_row_counter row[MAX_COUNTERS];
};

static void
on_counter(const struct ipc_msg *msg, void *arg)
{
	struct counters *c = arg;

	if (msg->type != LLT_ROW_COUNTER || c->n == MAX_COUNTERS ||
	    !llt_row_counter_decode(msg->data, msg->len, &c->row[c->n]))
		cmd_bad_row(PROGRAM);
	c->n++;
}

static void
get_counters(int fd, struct counters *c)
{
	c->n = 0;
	cmd_ask(fd, PROGRAM, LLT_GET_COUNTERS, on_counter, c);
}

static void
counters_part(const struct counters *c, const char *title, bool error)
{
	printf("%s\n", title);
	for (unsigned i = 0; i < c->n; i++)
		if (c->row[i].error == error)
			printf("    %-12llu %s\n", (unsigned long long)c->row[i].value, c->row[i].text);
}

void
lltstat_counters_text(int fd)
{
	struct counters c;

	get_counters(fd, &c);
	counters_part(&c, "LLT statistics:", false);
	counters_part(&c, "LLT errors:", true);
}

static void
counters_json_part(struct json *j, const struct counters *c, const char *key, bool error)
{
	json_object(j, key);
	for (unsigned i = 0; i < c->n; i++)
		if (c->row[i].error == error)
			json_uint(j, c->row[i].key, c->row[i].value);
	json_object_end(j);
}

void
lltstat_counters_json(struct json *j, int fd)
{
	struct counters c;

	get_counters(fd, &c);
	counters_json_part(j, &c, "counters", false);
	counters_json_part(j, &c, "errors", true);
}

static void
port_text(const struct ipc_msg *msg, void *arg)
{
	struct llt_row_port p;

	if (msg->type != LLT_ROW_PORT || !llt_row_port_decode(msg->data, msg->len, &p))
		cmd_bad_row(PROGRAM);
	printf("    %2u     %-12s pid %u\n        connects: ", p.port, p.usage, p.pid);
	for (unsigned i = 0; i < p.npeers; i++)
		printf(" %u", p.peers[i]);
	printf("\n");
}

void
lltstat_ports_text(int fd)
{
	printf("LLT port information:\n   Port    Usage        Process\n");
	cmd_ask(fd, PROGRAM, LLT_GET_PORTS, port_text, NULL);
}

static void
port_json(const struct ipc_msg *msg, void *arg)
{
	struct json *j = arg;
	struct llt_row_port p;

	if (msg->type != LLT_ROW_PORT || !llt_row_port_decode(msg->data, msg->len, &p))
		cmd_bad_row(PROGRAM);
	json_object(j, NULL);
	json_uint(j, "port", p.port);
	json_str(j, "usage", p.usage);
	json_uint(j, "pid", p.pid);
	json_array(j, "connects");
	for (unsigned i = 0; i < p.npeers; i++)
		json_uint(j, NULL, p.peers[i]);
	json_array_end(j);
	json_object_end(j);
}

void
lltstat_ports_json(struct json *j, int fd)
{
	json_array(j, "ports");
	cmd_ask(fd, PROGRAM, LLT_GET_PORTS, port_json, j);
	json_array_end(j);
}

static void
setting_text(const struct ipc_msg *msg, void *arg)
{
	struct llt_row_setting s;

	if (msg->type != LLT_ROW_SETTING || !llt_row_setting_decode(msg->data, msg->len, &s))
		cmd_bad_row(PROGRAM);
	printf("    %s: %s\n", s.key, s.value);
}

void
lltstat_config_text(int fd)
{
	printf("LLT configuration information:\n");
	cmd_ask(fd, PROGRAM, LLT_GET_CONFIG, setting_text, NULL);
}

static void
setting_json(const struct ipc_msg *msg, void *arg)
{
	struct llt_row_setting s;

	if (msg->type != LLT_ROW_SETTING || !llt_row_setting_decode(msg->data, msg->len, &s))
		cmd_bad_row(PROGRAM);
	json_str(arg, s.key, s.value);
}

void
lltstat_config_json(struct json *j, int fd)
{
	json_object(j, "configuration");
	cmd_ask(fd, PROGRAM, LLT_GET_CONFIG, setting_json, j);
	json_object_end(j);
}
