/* SPDX-License-Identifier: ISC */
/* /etc/lltd.conf, llthosts and the key file, as one struct. */
#ifndef CLUA_LLTD_CONF_H
#define CLUA_LLTD_CONF_H

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/llthosts.h"
#include "lltd/crypto.h"
#include "lltd/linkstate.h"

#define LLTD_CONF_PATH SYSCONFDIR "/lltd.conf"

struct conf_errors;

/* Where a node is, on a link of type udp. */
struct lltd_peer {
	char node[LLT_NAME_MAX];
	char address[INET_ADDRSTRLEN];
	uint32_t port;
	int line;
	uint8_t addr[LLT_ADDR_LEN];
};

struct lltd_link {
	char device[LLT_IFNAME_MAX]; /* ether */
	int line;
	int kind; /* enum llt_link_kind, or LLTD_KIND_NONE */
	int prio; /* enum llt_link_prio */
	uint32_t burst;
	uint32_t ethertype; /* ether; host byte order */
	bool ethertype_set;
	uint32_t mtu; /* 0 = the interface's; udp: of the IP packet */
	char address[INET_ADDRSTRLEN]; /* udp, and what follows */
	int address_line;
	uint32_t port;
	int port_line;
	struct lltd_peer peer[LLT_MAX_NODES]; /* as they stand in the file: one may be this node */
	size_t npeers;
	/* Made from the above: what it is called, and where it is. */
	char name[LLT_IFNAME_MAX];
	uint8_t addr[LLT_ADDR_LEN];
};

/* A timer that may stand in the file; else it comes from the profile. */
struct lltd_timer {
	uint64_t ns;
	bool set;
	int line;
};

struct lltd_conf {
	char path[PATH_MAX]; /* where all this was read */
	uint32_t cluster;
	char node[LLT_NAME_MAX];
	int node_line;
	uint16_t id; /* of node, from llthosts */
	int profile; /* enum lltd_profile */
	struct lltd_timer heartbeat, heartbeat_low, trouble, trouble_low, inactive, check;
	int balance; /* enum core_balance */
	struct lltd_link link[LLT_MAX_LINKS];
	size_t nlinks;
	int authentication; /* enum lltd_auth */
	char key_file[PATH_MAX];
	int key_line;
	char hosts_file[PATH_MAX];
	uint8_t key[CRYPTO_KEY_LEN];
	struct llthosts hosts;
};

enum lltd_profile { LLTD_CLASSIC, LLTD_LAN, LLTD_FAST, LLTD_EXTREME };
enum lltd_auth { LLTD_AUTH_KEY, LLTD_AUTH_NONE };

struct lltd_conf *lltd_conf_load(const char *path, struct conf_errors *); /* NULL: errors were added */
void lltd_conf_print(FILE *, const struct lltd_conf *);
void lltd_conf_free(struct lltd_conf *); /* wipes the key */
void lltd_conf_timers(const struct lltd_conf *, struct llt_timers *);
const char *lltd_conf_profile_name(const struct lltd_conf *);
/* NULL, or the name of the first thing that differs and that a running lltd cannot change. */
const char *lltd_conf_fixed_difference(const struct lltd_conf *, const struct lltd_conf *);

#endif
