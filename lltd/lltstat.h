/* SPDX-License-Identifier: ISC */
/* The tables of lltstat, as text and as JSON. */
#ifndef CLUA_LLTD_LLTSTAT_H
#define CLUA_LLTD_LLTSTAT_H

#include "common/json.h"
#include "lltd/cmd.h"

void lltstat_nodes_text(const struct cmd_state *, unsigned verbose);
void lltstat_links_text(const struct cmd_state *);
void lltstat_nodes_json(struct json *, const struct cmd_state *);
void lltstat_links_json(struct json *, const struct cmd_state *);
void lltstat_counters_text(int fd);
void lltstat_counters_json(struct json *, int fd);
void lltstat_ports_text(int fd);
void lltstat_ports_json(struct json *, int fd);
void lltstat_config_text(int fd);
void lltstat_config_json(struct json *, int fd);

#endif
