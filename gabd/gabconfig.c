/* SPDX-License-Identifier: ISC */
/* gabconfig: memberships for people and for programs; seeding by hand. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/ipc.h"
#include "common/json.h"
#include "config.h"
#include "gabd/core.h"
#include "gabd/members.h"
#include "proto/gab_status.h"

#define TIMEOUT_MS 5000

struct state {
	struct gab_row_status status;
	unsigned nports, ncounters;
	struct gab_row_port port[GAB_NPORTS];
	struct gab_row_counter counter[32];
};

struct wishes {
	bool all, json, list, on, off, seed_now;
	uint32_t seed;
};

static void __attribute__((noreturn))
usage(FILE *out, int status)
{
	fprintf(out, "usage: gabconfig -a | -j | -l | -h | -V\n"
	    "       gabconfig [-c] [-n nodes] [-x]\n"
	    "       gabconfig -U\n");
	exit(status);
}

static void __attribute__((noreturn))
fail(const char *what)
{
	fprintf(stderr, "gabconfig: %s\n", what);
	exit(1);
}

static void
parse(int argc, char **argv, struct wishes *w)
{
	uint64_t n;
	int opt;

	memset(w, 0, sizeof(*w));
	while ((opt = getopt(argc, argv, "ajlcn:xUhV")) != -1) {
		switch (opt) {
		case 'a': w->all = true; break;
		case 'j': w->json = true; break;
		case 'l': w->list = true; break;
		case 'c': w->on = true; break;
		case 'x': w->seed_now = true; break;
		case 'U': w->off = true; break;
		case 'n':
			if (!conf_number(optarg, 1, LLT_MAX_NODES, &n))
				fail("-n needs a number of nodes from 1 to 1024");
			w->seed = (uint32_t)n;
			w->on = true;
			break;
		case 'h': usage(stdout, 0);
		case 'V': printf("gabconfig (clua) " PACKAGE_VERSION "\n"); exit(0);
		default: usage(stderr, 2);
		}
	}
	if (optind != argc || (w->off && (w->on || w->seed_now)) ||
	    !(w->all || w->json || w->list || w->on || w->off || w->seed_now))
		usage(stderr, 2);
}

/* ---- asking ---- */

static void
take_row(const struct ipc_msg *msg, void *arg)
{
	struct state *s = arg;
	bool ok = true;

	if (msg->type == GAB_ROW_STATUS)
		ok = gab_row_status_decode(msg->data, msg->len, &s->status);
	else if (msg->type == GAB_ROW_PORT && s->nports < GAB_NPORTS)
		ok = gab_row_port_decode(msg->data, msg->len, &s->port[s->nports++]);
	else if (msg->type == GAB_ROW_COUNTER && s->ncounters < 32)
		ok = gab_row_counter_decode(msg->data, msg->len, &s->counter[s->ncounters++]);
	if (!ok)
		fail("malformed answer from gabd");
}

static void
ask(int fd, uint16_t type, const void *data, size_t len, struct state *s)
{
	struct ipc_result res;

	if (ipc_call(fd, type, data, len, TIMEOUT_MS, s == NULL ? NULL : take_row, s, &res) == -1) {
		perror("gabconfig: no answer from gabd");
		exit(1);
	}
	if (res.code != IPC_OK)
		fail(res.text);
}

static void
configure(int fd, enum gab_configure what, uint32_t seed)
{
	struct gab_req_configure req = { .what = (uint8_t)what, .seed = seed };
	struct wire_wr w;
	uint8_t buf[16];

	wire_wr_init(&w, buf, sizeof(buf));
	gab_req_configure_encode(&w, &req);
	ask(fd, GAB_CONFIGURE, buf, wire_wr_len(&w), NULL);
}

/* ---- printing ---- */

static void
print_line(const struct gab_row_port *p, const char *what, const uint16_t *ids, unsigned n)
{
	char text[8192];

	if (n == 0)
		return;
	members_text(ids, n, text, sizeof(text));
	printf("Port %c gen %8x %s %s\n", p->letter, p->gen, what, text);
}

static void
print_all(const struct state *s)
{
	printf("GAB Port Memberships\n"
	    "===============================================================\n");
	for (unsigned i = 0; i < s->nports; i++) {
		const struct gab_row_port *p = &s->port[i];

		print_line(p, "membership", p->members, p->nmembers);
		print_line(p, "jeopardy", p->jeopardy, p->njeopardy);
		print_line(p, "visible", p->visible, p->nvisible);
	}
}

static void
print_list(const struct state *s)
{
	const struct gab_row_status *st = &s->status;

	printf("GAB Configuration\n");
	printf("Driver state         : %s\n", st->configured ? "Configured" : "Unconfigured");
	printf("LLT                  : %s\n", st->lltd ? "Connected" : "Not connected");
	printf("Node                 : %u\n", st->self);
	printf("Control port seed    : %s\n", st->seeded ? "Enabled" : "Disabled");
	printf("Node count           : %u\n", st->seed);
	printf("Quorum               : %s\n", st->quorum == GAB_QUORUM_MAJORITY ? "majority" : "none");
	printf("Expected nodes       : %u\n", st->expected);
	printf("Two-node rule        : %s\n", st->two_node ? "Enabled" : "Disabled");
	printf("Quorate              : %s\n", st->quorate ? "Yes" : "No");
	printf("Settle time (ms)     : %g\n", (double)st->settle / 1e6);
}

static void
json_ids(struct json *j, const char *key, const uint16_t *ids, unsigned n)
{
	json_array(j, key);
	for (unsigned i = 0; i < n; i++)
		json_uint(j, NULL, ids[i]);
	json_array_end(j);
}

static void
json_port(struct json *j, const struct gab_row_port *p)
{
	char letter[2] = { p->letter, '\0' };

	json_object(j, NULL);
	json_str(j, "port", letter);
	json_uint(j, "gen", p->gen);
	json_ids(j, "members", p->members, p->nmembers);
	json_ids(j, "jeopardy", p->jeopardy, p->njeopardy);
	json_ids(j, "visible", p->visible, p->nvisible);
	json_str(j, "client", p->client);
	json_object_end(j);
}

static void
print_json(const struct state *s)
{
	const struct gab_row_status *st = &s->status;
	struct json j;

	json_begin(&j, stdout);
	json_bool(&j, "configured", st->configured);
	json_bool(&j, "lltd", st->lltd);
	json_uint(&j, "node", st->self);
	json_bool(&j, "seeded", st->seeded);
	json_bool(&j, "quorate", st->quorate);
	json_bool(&j, "changing", st->changing);
	json_uint(&j, "seed", st->seed);
	json_str(&j, "quorum", st->quorum == GAB_QUORUM_MAJORITY ? "majority" : "none");
	json_uint(&j, "expected", st->expected);
	json_bool(&j, "two_node", st->two_node);
	json_array(&j, "ports");
	for (unsigned i = 0; i < s->nports; i++)
		json_port(&j, &s->port[i]);
	json_array_end(&j);
	json_object(&j, "counters");
	for (unsigned i = 0; i < s->ncounters; i++)
		json_uint(&j, s->counter[i].name, s->counter[i].value);
	json_object_end(&j);
	json_finish(&j);
}

int
main(int argc, char **argv)
{
	static struct state state;
	struct wishes w;
	int fd;

	parse(argc, argv, &w);
	fd = ipc_connect(GAB_SOCK);
	if (fd == -1) {
		perror("gabconfig: gabd does not answer on " GAB_SOCK);
		return 1;
	}
	if (w.off)
		configure(fd, GAB_CONFIGURE_OFF, 0);
	if (w.on)
		configure(fd, GAB_CONFIGURE_ON, w.seed);
	if (w.seed_now)
		configure(fd, GAB_CONFIGURE_SEED, 0);
	if (w.all || w.json || w.list)
		ask(fd, GAB_GET_STATUS, NULL, 0, &state);
	if (w.json)
		print_json(&state);
	if (w.all && !w.json)
		print_all(&state);
	if (w.list && !w.json)
		print_list(&state);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		perror("gabconfig: standard output");
		return 1;
	}
	return 0;
}
