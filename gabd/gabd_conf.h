/* SPDX-License-Identifier: ISC */
/* /etc/gabd.conf */
#ifndef CLUA_GABD_CONF_H
#define CLUA_GABD_CONF_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/llthosts.h"

#define GABD_CONF_PATH SYSCONFDIR "/gabd.conf"

struct conf_errors;
struct gab_core_conf;

struct gabd_conf {
	char path[PATH_MAX]; /* where it was read */
	uint32_t seed;
	int quorum; /* enum gab_quorum */
	uint32_t expected;
	bool expected_set, two_node;
	int seed_line, expected_line, two_node_line, alive_line, dead_line;
	uint64_t settle, alone, alive, dead; /* ns */
	char hosts_file[PATH_MAX];
	struct llthosts hosts;
};

/* NULL when errors were added. */
struct gabd_conf *gabd_conf_load(const char *path, struct conf_errors *);
void gabd_conf_print(FILE *, const struct gabd_conf *);
void gabd_conf_free(struct gabd_conf *);
/* Fills in what comes from the file; the node and its incarnation are the caller's. */
void gabd_conf_core(const struct gabd_conf *, struct gab_core_conf *);
/* Adds an error for every key that differs and cannot be changed while running. */
void gabd_conf_check_fixed(
    const struct gabd_conf *old, const struct gabd_conf *fresh, struct conf_errors *);
const char *gabd_conf_quorum_name(int quorum);

#endif
