/* SPDX-License-Identifier: ISC */
/* aliasd.conf, and the two files it names: clu_alias.config and clua_services. */
#ifndef CLUA_ALIASD_CONF_H
#define CLUA_ALIASD_CONF_H

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "aliasd/core/hookq.h"
#include "common/netlink.h"
#include "proto/alias_ctl.h"
#include "proto/alias_svc.h"

#define ALIASD_CONF_IFACES 64
#define ALIASD_CONF_ALIASES_MAX 102400

struct conf_errors;

struct services { /* a parsed clua_services */
	size_t n;
	struct alias_svc *svc;
	int *line;
};

#define ALIASD_CONF_HOOKS 64

struct aliasd_hook { /* an event script */
	int event; /* enum hook_event, or HOOK_EVENTS: any */
	char run[512];
	int run_line;
	uint64_t timeout; /* ns */
};

struct aliasd_conf {
	char path[PATH_MAX]; /* where all this was read */
	size_t nifaces;
	int ifaces_line;
	char ifaces[ALIASD_CONF_IFACES][NETLINK_NAME_MAX];
	char default_alias[ALIAS_NAME_MAX]; /* as written; "" = none */
	int default_alias_line;
	struct in_addr default_addr; /* resolved */
	uint32_t vxlan_port;
	int vxlan_port_line;
	uint32_t max_flows, max_half_open, max_aliasid, max_services; /* max_services 0: enough */
	int max_aliasid_line, max_services_line, max_flows_line, max_half_open_line, cgroup_line, pin_dir_line;
	bool local_clients; /* what this host sends to an alias is dealt out like what others send */
	int local_clients_line;
	uint32_t leave_limit; /* seconds; 0 = none */
	/* inbound=balance: a member is overloaded with more than this; 0 = not looked at */
	uint32_t overload_receive, overload_drops, overload_cpu; /* %, packets a second, % */
	int attach; /* enum dp_attach */
	bool probe; /* who is not proven by a probe frame is master last of all */
	int attach_line, probe_line;
	bool keep_addresses;
	int routing; /* enum route_daemon */
	char routing_file[PATH_MAX], routing_socket[PATH_MAX]; /* "" = the daemon's usual */
	char routing_command[PATH_MAX], routing_area[16];
	char routing_protocols[2][8];
	size_t nprotocols;
	bool protocols_set; /* else the daemon's usual */
	bool routing_bfd;
	int routing_line, routing_file_line, routing_socket_line, routing_command_line;
	int routing_area_line, routing_bfd_line, routing_protocols_line;
	uint64_t withdraw_wait; /* ns */
	size_t nhooks;
	struct aliasd_hook hooks[ALIASD_CONF_HOOKS];
	bool route, resvok, vmac; /* what aliasd starts with of enum alias_routing_opt */
	char vmac_prefix_text[16];
	uint8_t vmac_prefix[2]; /* the same, parsed */
	int vmac_prefix_line;
	char cgroup[PATH_MAX]; /* "" = the mounted root */
	char pin_dir[PATH_MAX];
	char out_ports[16];           /* as written; "" = what the kernel hands out */
	uint16_t out_first, out_last; /* the same, host order; 0 */
	uint32_t out_members;         /* 0 = as llthosts says */
	int out_ports_line, out_members_line;
	char alias_config[PATH_MAX];
	char services_file[PATH_MAX];

	size_t naliases; /* the lines of clu_alias.config, in order, resolved */
	struct alias_ctl_set *aliases;
	int *alias_line; /* of each */
	struct services services;
};

/* NULL when errors were added. */
struct aliasd_conf *aliasd_conf_load(const char *path, struct conf_errors *);
void aliasd_conf_free(struct aliasd_conf *);
void aliasd_conf_print(FILE *, const struct aliasd_conf *);
/* The set of enum alias_routing_opt that the file says. */
uint32_t aliasd_conf_routing(const struct aliasd_conf *);
/* What else the file says of routing, with the defaults of the routing daemon filled in. */
extern const char *const aliasd_conf_routing_names[]; /* by enum route_daemon */
const char *aliasd_conf_routing_socket(const struct aliasd_conf *);
const char *aliasd_conf_routing_command(const struct aliasd_conf *);
unsigned aliasd_conf_protocols(const struct aliasd_conf *); /* of enum route_protocol */
void aliasd_conf_check_routing(struct aliasd_conf *, struct conf_errors *); /* normalises, too */
/*
 * For each line of clu_alias.config whether it was not there before, which is so for the lines of an
 * alias from the first on that differs from what stood at its place among them. Where they stand among
 * the lines of others is no matter. old may be NULL. Caller frees.
 */
bool *aliasd_conf_new_lines(const struct aliasd_conf *, const struct aliasd_conf *old);
/* Adds an error for every key that differs and cannot be changed while running. */
void aliasd_conf_check_fixed(
    const struct aliasd_conf *old, const struct aliasd_conf *fresh, struct conf_errors *);

/* False when errors were added; then there is nothing to free. */
bool services_load(const char *path, struct services *, struct conf_errors *);
void services_free(struct services *);
bool services_equal(const struct services *, const struct services *);

/* (alias, port) pairs that there is to be room for. */
uint32_t aliasd_conf_services(const struct aliasd_conf *);

/* As names_resolve(), of one that is given by itself. */
bool aliasd_conf_resolve(const char *name, struct in_addr *);

#endif
