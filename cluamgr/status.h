/* SPDX-License-Identifier: ISC */
/* The answer to a status request, gathered from its rows, and the two ways to print it. */
#ifndef CLUA_CLUAMGR_STATUS_H
#define CLUA_CLUAMGR_STATUS_H

#include <stdio.h>

#include "proto/alias_api.h"
#include "proto/alias_ctl.h"


struct cm_alias_status {
	struct alias_ctl_alias row;
	size_t nmembers, nservices;
	struct alias_ctl_member *members;
	struct alias_ctl_service **services;
	bool draining;
	struct alias_ctl_drain drain;
};

struct cm_status {
	struct alias_ctl_group group;
	struct alias_ctl_routing routing;
	size_t nroutes;
	struct alias_ctl_route *routes;
	size_t nifaces, nnodes, naliases;
	struct alias_ctl_iface *ifaces;
	struct alias_ctl_node *nodes;
	struct cm_alias_status *aliases;
	size_t nregs;
	struct alias_api_reg *regs; /* what programs registered */
	size_t bad; /* rows that could not be understood */
};

struct ipc_msg;

void cm_status_row(const struct ipc_msg *, void *cm_status); /* for ipc_call() */
void cm_status_free(struct cm_status *);
/* "" if the name is not known. */
const char *cm_status_node_name(const struct cm_status *, uint16_t id);

void cm_drain_text(FILE *, const struct alias_ctl_drain *); /* a line */
/* "proven", … as an enum alias_proof is called. */
const char *cm_status_proof(uint8_t proof);

void cm_status_text(FILE *, const struct cm_status *);
void cm_status_json(FILE *, const struct cm_status *);

#endif
