/* SPDX-License-Identifier: ISC */
/* Inside of the engine; for aliasd/engine*.c alone. */
#ifndef CLUA_ALIASD_ENGINE_PRIV_H
#define CLUA_ALIASD_ENGINE_PRIV_H

#include "aliasd/aliasd_conf.h"
#include "aliasd/core/acd.h"
#include "aliasd/core/announce.h"
#include "aliasd/core/ask.h"
#include "aliasd/core/claim.h"
#include "aliasd/core/formers.h"
#include "aliasd/core/fragq.h"
#include "aliasd/core/garp.h"
#include "aliasd/core/handover.h"
#include "aliasd/core/hookq.h"
#include "aliasd/core/inbound.h"
#include "aliasd/core/listen.h"
#include "aliasd/core/losses.h"
#include "aliasd/core/map.h"
#include "aliasd/core/overload.h"
#include "aliasd/core/own.h"
#include "aliasd/core/paths.h"
#include "aliasd/core/peers.h"
#include "aliasd/core/probe.h"
#include "aliasd/core/relearn.h"
#include "aliasd/core/stray.h"
#include "aliasd/core/vigil.h"
#include "aliasd/datapath/datapath.h"
#include "aliasd/edge/diag.h"
#include "aliasd/edge/door.h"
#include "aliasd/edge/group.h"
#include "aliasd/edge/hookwatch.h"
#include "aliasd/edge/hostports.h"
#include "aliasd/edge/lan.h"
#include "aliasd/edge/lltsub.h"
#include "aliasd/edge/load.h"
#include "aliasd/edge/local.h"
#include "aliasd/edge/rawsock.h"
#include "aliasd/edge/registry.h"
#include "aliasd/edge/sysctls.h"
#include "aliasd/edge/vmac.h"
#include "aliasd/engine/engine.h"
#include "aliasd/route/route.h"
#include "aliasd/state/state.h"
#include "common/addr.h"
#include "common/clock.h"
#include "common/ev.h"
#include "common/ipc.h"
#include "common/log.h"
#include "proto/alias_msg_list.h"

enum told_phase {
	TOLD_IDLE,    /* another is master, or nobody */
	TOLD_PROBING, /* we are to be: is the address some foreign host's? */
	TOLD_REFUSED, /* it is */
	TOLD_WAITING, /* we are to be: the former master may still answer */
	TOLD_MASTER,
};

struct told { /* an alias as the data plane has it */
	struct dp_alias dp;
	bool told; /* … if it has it at all */
	bool here; /* its address is on this host */
	struct in_addr from; /* what clients on this host have as their address; 0: no route */
	uint32_t from_mtu;
	enum told_phase phase;
	uint16_t fallback;  /* as it shall be */
	uint16_t last;      /* the master as the state had it last, or SEL_NO_NODE */
	uint16_t free_from; /* … when that one said that it let go, else SEL_NO_NODE */
	uint16_t waits_for; /* who is to let go before we answer */
	bool waited;        /* … but we are master no more, and never answered */
	struct formers formers; /* who were, before it, and have not let go */
	bool used;          /* a member was master of it before */
	bool said;          /* as its master we told everybody */
	uint64_t silent_until, silent_for; /* we are marked as not answering; 0 = we are not */
	bool retired;       /* we were, until we were told to end */
	unsigned nservices, nudp; /* of the data plane; over UDP, and this member answers it */
	uint16_t source; /* number of its routes, see door_source() */
	uint64_t left_at;     /* when it was found that we have left it; 0: we have not */
	uint64_t leave_until; /* then what is left of our connections is reset; 0 = never */
	bool said_alias;    /* what those who watch were told last */
	uint16_t said_master;
};

struct watcher { /* a client that follows what happens */
	struct watcher *next;
	struct ipc_conn *conn;
	uint32_t reqid;
};

struct page; /* a long answer on its way */
struct page_ops {
	void (*alias)(struct page *); /* writes what there is to say of p->alias */
	void (*end)(struct page *);
};
struct page {
	struct page *next;
	struct engine *e;
	struct ipc_conn *conn;
	uint32_t reqid;
	const struct page_ops *ops;
	const struct state_alias *alias;
	size_t n, at;
	struct in_addr *addr;
};

struct hooks; /* engine_hooks.c */

/* To find out whether an address is in use. A host on a LAN answers within a few milliseconds. */
#define ENGINE_PROBES 3
#define ENGINE_PROBE_GAP (35 * NSEC_PER_MSEC)
/* How long the packet program goes on as master without a sign of life from us. */
#define ENGINE_MASTER_FOR NSEC_PER_SEC
/* What was told to all so long ago has arrived. */
#define ENGINE_ARRIVES_IN (2 * NSEC_PER_SEC)

struct waiter { /* a client that waits for its change to come back in order */
	struct waiter *next;
	uint64_t token;
	struct ipc_conn *conn;
	uint32_t reqid;
	bool reports;     /* is to be told what the members say of a table of services … */
	uint32_t version; /* … of this version, once it is in force; 0: it is not yet */
	uint64_t until;   /* … but waits no longer */
	struct alias_ctl_set *set; /* not carried out yet: the address is looked for on the LAN */
	bool done;       /* agreed on; answered when it is carried out */
	const char *why; /* … or refused; static */
	bool says_left; /* the answer says how many connections to the alias are left */
	struct in_addr alias;
};

struct rows; /* engine_rows.c */
struct work; /* engine_work.c */

struct engine {
	struct ev_loop *loop;
	struct aliasd_conf *conf;
	uint32_t routing; /* enum alias_routing_opt: in force here */
	struct engine_routes *routes; /* NULL: none are announced */
	bool stopping; /* in order */

	/* lltd */
	struct lltsub *llt;
	struct paths *paths;
	bool known; /* who we are */
	uint16_t self, cluster;
	char name[LLT_MAX_NODES][LLT_NAME_MAX];
	bool open[LLT_MAX_NODES]; /* lltd has a session with the host */
	bool lost[LLT_MAX_NODES]; /* … and lost one since its aliasd joined */

	/* the kernel */
	struct lan *lan;
	struct local *local;
	struct sysctls *sysctls;
	struct hostports *hostports;

	/* services */
	bool services_due;     /* changed by the administrator while we were out of the group */
	uint32_t file_version; /* of the table when we said how our file is */
	bool any_out;          /* a service is out_alias, and there is a default alias */
	bool share_asked, said_shares;
	bool out_told; /* what the data plane knows: */
	struct in_addr out_source;
	uint16_t out_first;

	struct datapath *dp; /* NULL until lltd said who we are */
	struct tunnel *tunnel; /* NULL: no link is by UDP */
	bool tunnel_failed;
	struct rawsock *raw;
	struct probe *probe;
	struct diag *diag;
	struct diag_watch *watch;
	struct listen_table *listen;
	struct map *told;     /* address -> struct told */
	struct map *services; /* of the data plane: key as in engine_apply.c */
	struct hookwatch *hookwatch;
	uint64_t sources; /* numbers of routes in use, see door_source() */
	bool said_sources;
	uint32_t link_iface[LLT_MAX_LINKS];
	size_t nlink_ifaces;
	uint32_t link_mtu[LLT_MAX_LINKS]; /* as it was looked at last */

	/* the group */
	struct group *group;
	struct state *state;
	struct rows *rows;
	struct work *work;
	bool work_armed;
	const char *full; /* a row of ours in the message at hand was refused: why */
	struct own *own;
	struct registry *registry;
	struct announce *announce;
	struct holds *holds;
	struct losses *losses;
	bool said_synced;
	uint64_t peerinact_ns; /* of lltd */
	uint64_t quiet_until;  /* nobody is reset before */
	uint64_t told_all;     /* when all our connections were told to all; 0 = never */
	uint64_t quorate_since; /* in views; 0 = we are not */
	uint64_t orphaned[LLT_MAX_NODES];       /* since when its aliasd is away; 0 = it is not */
	uint64_t given_up[LLT_MAX_NODES]; /* since when its connections are; 0 = they are not */
	uint64_t told_lost[LLT_MAX_NODES]; /* when we said that we do not reach it; 0 = we did not */
	bool was_given_up;                /* we were, and do not doubt ours yet */
	bool doubted[LLT_MAX_NODES]; /* … by our table of an earlier life alone */
	struct relearn *relearn[LLT_MAX_NODES]; /* while it tells everything anew */
	uint32_t accord[LLT_MAX_NODES]; /* as it said when it began to: see claim.h */
	unsigned accord_hosts; /* how many there were when ours was noted last */

	bool cut_off[LLT_MAX_NODES]; /* from the LAN */
	bool newly_cut_off[LLT_MAX_NODES], any_newly_cut_off;

	struct garp *garp;
	struct ask *ask;
	struct acd *acd;
	struct handover *handover;
	struct peers *peers;
	struct vigil *vigil;
	uint32_t watched_id; /* the alias that was checked last */
	uint64_t lan_heard; /* when an ARP frame of somebody else came in last; 0 = never */
	struct vmacs *vmacs;
	struct inbound *inbound;
	struct load *load;
	struct overload overload; /* ours */
	/* What is to be sent to all members about clients, when this turn is over. */
	uint8_t *clients_buf;
	struct wire_wr clients_w;
	struct alias_list clients_list;
	bool arp_running, arp_again;
	uint32_t up_ifindex;
	/* What is to be sent about ARP, to one member, when this turn is over. */
	uint8_t *arp_buf;
	struct wire_wr arp_w;
	struct alias_list arp_list;
	uint16_t arp_to;
	/* The last word about our LAN interfaces, and in which view. */
	uint8_t *lan_sent;
	size_t lan_sent_len;
	uint32_t lan_sent_gen;
	struct stray *stray;
	struct door *door; /* or NULL */
	struct fragq *fragq;
	size_t nasks, asks_size;
	struct alias_ask *asks;
	struct log_limit claim_limit, refuse_limit, full_limit;

	struct ev_timer *asks_timer, *arp_timer, *send_timer, *stray_timer, *poll_timer, *verify_timer;
	struct ev_timer *losses_timer;
	struct ev_timer *frag_timer, *ready_timer, *rejoin_timer, *work_timer, *probe_timer, *page_timer;
	bool ready;
	bool said_cut; /* a service has more targets than the data plane takes */
	const char *status; /* as it was told last */
	unsigned polls;
	unsigned relist;       /* so often: changes of sockets were not told of */
	uint64_t relist_after; /* and not before */
	/* A connection that has got something from its client after this lives; 0: none has shown it. */
	uint64_t back_since;
	uint64_t prove_at, prove_gap;

	struct ipc_server *ipc;
	struct page *pages;
	struct watcher *watchers;
	struct hooks *hooks;
	uint64_t event_seq; /* of the last event */
	bool said_group, said_quorate, said_member[LLT_MAX_NODES];
	struct map *active; /* in_single services that are active here, by key */
	struct waiter *waiters;
	uint64_t next_token;
};

/* Tokens below this are the engine's own. */
#define TOKEN_NONE 0
#define TOKEN_SWEEP 1 /* all our rows are in the state: what is not in it is to go */
#define TOKEN_ROUTES 2 /* of a waiter: for the routing daemon's answer */
#define TOKEN_FIRST 16

/* A connection in the words of the group and of the data plane. */
struct alias_conn engine_conn(const struct dp_conn *);
struct dp_conn engine_dp_conn(const struct alias_conn *);

/* engine.c */
void engine_update_status(struct engine *);
const char *engine_status_text(const struct engine *);

/* engine_links.c: lltd and the interfaces */
extern const struct lltsub_ops engine_llt_ops;
extern const struct lan_ops engine_lan_ops;
int engine_attach(struct engine *); /* once the data plane is there */
bool engine_usable(uint16_t node, void *engine);
void engine_tell_paths(struct engine *); /* all of them to the data plane, as links are now */

/* engine_tunnel.c */
void engine_open_tunnel(struct engine *); /* with the data plane, if there is a link by UDP */
bool engine_check_tunnel(struct engine *); /* after links changed; true: it is there now, and was not */
void engine_retry_tunnel(struct engine *); /* if it could not be had */
void engine_close_tunnel(struct engine *);

/* engine_probe.c: proof that packets come by */
void engine_probe_start(struct engine *, uint32_t ifindex);
void engine_probe_timer(void *engine);
void engine_on_proven(uint32_t ifindex, void *engine);
bool engine_probe_ok(const struct engine *, uint32_t ifindex);
void engine_probe_row(struct engine *, uint32_t ifindex, struct alias_ctl_iface *);

/* engine_group.c: views and messages */
void engine_join(struct engine *);
void engine_rejoin_timer(void *engine);
int engine_broadcast(struct engine *, const void *, size_t);
void engine_unicast(struct engine *, uint16_t node, const void *, size_t);
void engine_multicast(struct engine *, const void *, size_t); /* to every other member */
extern const struct state_ops engine_state_ops;

/* engine_work.c: what can wait for a moment */
struct work *engine_work_new(void);
void engine_work_free(struct work *);
void engine_work_soon(struct engine *);
bool engine_work_left(const struct engine *);
void engine_service_later(struct engine *, struct in_addr, uint8_t proto, uint16_t port_h);
void engine_services_now(struct engine *); /* as many as a moment takes */
void engine_refresh_later(struct engine *); /* every alias and its services */
/* To be called when an event is dealt with: does a little of it. */
void engine_settle(struct engine *);
void engine_work_timer(void *engine);
/* What happens to thousands at once is said of the first few, then counted: false = do not say. */
enum engine_say { SAY_MASTER, SAY_NOT_MASTER, SAY_JOINED, SAY_LEFT, ENGINE_SAY_MAX };
bool engine_say(struct engine *, enum engine_say);

/* engine_rows.c: our own rows on their way */
struct rows *engine_rows_new(void);
void engine_rows_clear(struct engine *);
void engine_rows_flush(struct engine *);
void engine_send_row(struct engine *, const struct alias_row *, uint64_t token);
/* A row that changes nothing: it comes back, with its token, behind all that was sent before. */
void engine_send_marker(struct engine *, uint64_t token);

/* engine_apply.c: the state, carried out */
struct told *engine_told(struct engine *, struct in_addr); /* made if missing */
uint64_t engine_service_key(struct in_addr, uint8_t proto, uint16_t port_h);
void engine_alias(struct engine *, const struct state_alias *);
void engine_alias_gone(struct engine *, struct in_addr);
void engine_service(struct engine *, struct in_addr, uint8_t proto, uint16_t port_h);
void engine_refresh(struct engine *); /* reachability changed: look at everything */
void engine_step_down(struct engine *);
void engine_retire(struct engine *); /* the same, and tells the others */
void engine_sweep(struct engine *);
/* Without a quorum nobody gets new connections and datagrams by us; was: whether we had one. */
void engine_services_quorum(struct engine *, bool was);
void engine_start_aliases(struct engine *); /* ours, before anything is agreed */
void engine_tell_alias(struct engine *, struct told *); /* the data plane, if anything differs */
void engine_routers_new(struct engine *); /* of an alias, or of some of its clients */
void engine_take_back_syns(struct engine *); /* of members that have left the LAN, once others get new ones */

/* engine_master.c: when we answer ARP for an alias */
extern const struct handover_ops engine_handover_ops;
void engine_master(struct engine *, struct told *, uint16_t master, bool attached);
void engine_not_master(struct engine *, struct told *); /* we know nothing of the others any more */
void engine_not_in_use(struct engine *, struct in_addr); /* no foreign host has it */
void engine_in_use(struct engine *, struct in_addr);
void engine_released(struct engine *, uint16_t src, struct in_addr);

/* engine_arp.c */
extern const struct ask_ops engine_ask_ops;
void engine_arp_run(struct engine *);
void engine_arp_soon(struct engine *); /* … in the next turn */
void engine_arp_timer(void *engine);
void engine_announce(struct engine *, struct in_addr);
void engine_announce_all(struct engine *);
void engine_lan_up(struct engine *, uint32_t ifindex);
void engine_arp_view(struct engine *, const struct gab_ev_view *);
/* No member has this MAC, nor is it the virtual one of the alias. */
bool engine_is_foreign(const struct engine *, struct in_addr alias, const uint8_t mac[6]);
void engine_on_arp(uint32_t ifindex, const uint8_t *frame, size_t len, void *engine);
void engine_arp_message(struct engine *, uint16_t src, struct alias_msg *);

/* engine_vigil.c: members watch each other */
extern const struct vigil_ops engine_vigil_ops;
void engine_vigil_tick(struct engine *); /* every second */
void engine_vigil_offer(struct engine *);
void engine_vigil_silence(struct engine *, struct in_addr, uint16_t master);
void engine_vigil_doubt(struct engine *, uint16_t src, const struct alias_arp *);
void engine_vigil_tell(struct engine *, const struct ask_question *, bool heard);
void engine_vigil_marked(struct engine *, struct told *, bool silent);

/* engine_peers.c */
void engine_send_lan(struct engine *); /* to all, if it is news */
void engine_lan_message(struct engine *, uint16_t src, struct alias_msg *);
bool engine_vmac_differs(const struct engine *, uint16_t node);
#define ENGINE_ALL 0xffff /* every other member */
void engine_send_arp(struct engine *, uint16_t node, const struct alias_arp *); /* when this turn is over */
void engine_flush_arp(struct engine *);
void engine_send_timer(void *engine);

/* engine_inbound.c: clients spread over the members */
bool engine_is_balanced(const struct engine *, struct in_addr);
void engine_inbound_alias(struct engine *, const struct state_alias *);
void engine_inbound_review(struct engine *); /* every alias */
void engine_inbound_announce(struct engine *, struct in_addr);
void engine_on_arp_request(uint32_t ifindex, const uint8_t *frame, size_t len, void *engine);
void engine_inbound_joined(struct engine *);
void engine_inbound_message(struct engine *, uint16_t src, struct alias_msg *);
void engine_inbound_flush(struct engine *);

/* engine_load.c */
void engine_load_tick(struct engine *);
unsigned engine_share(const struct engine *, uint16_t node); /* of its clients that it takes, in percent */

/* engine_own.c: our own rows and addresses */
void engine_send_all_rows(struct engine *);
uint32_t engine_max_aliases(const struct engine *); /* in force for the whole group */
const char *engine_full(struct engine *); /* why there can be no alias more */
/* NULL, or why not. */
const char *engine_check_set(struct engine *, const struct alias_ctl_set *);
void engine_set(struct engine *, const struct alias_ctl_set *, uint64_t token);
void engine_own_refused(struct engine *, struct in_addr); /* by the group: there are too many */
void engine_attached(struct engine *);
void engine_local_address(struct engine *, struct in_addr);
void engine_remove_addresses(struct engine *);

/* engine_routes.c: what is announced */
void engine_routes_open(struct engine *); /* once the data plane is there */
void engine_routes_close(struct engine *);
void engine_routes_touch(struct engine *); /* something changed that routes may depend on */
void engine_routes_again(struct engine *); /* told once more, whatever it confirmed */
/* The routing daemon has answered to all there was to say, or there is none. */
bool engine_routes_settled(const struct engine *);
/* Why not all routes are in place, or NULL. */
const char *engine_routes_failure(const struct engine *);
void engine_routes_status(const struct engine *, struct alias_ctl_routing *);
const struct route_set *engine_routes_set(const struct engine *); /* or NULL */
/* Withdraws all; clud_exit() follows. False if there is nothing to withdraw. */
bool engine_routes_stop(struct engine *);

/* engine_routing.c: how this member routes */
bool engine_may_route(const struct engine *);
void engine_set_routing(struct engine *, const struct alias_routing *);
void engine_routing_reload(struct engine *, const struct aliasd_conf *old);
/* engine_services.c: the table of services */
void engine_send_services(struct engine *, const struct services *, bool initial, uint64_t token);
void engine_services_changed(struct engine *);
void engine_services_apply(struct engine *);
void engine_services_loaded(struct engine *);
void engine_services_reread(struct engine *);
void engine_services_report(struct engine *, struct waiter *);
void engine_services_reports(struct engine *); /* to those who need not wait any more */
void engine_services_file(struct engine *, uint16_t node);

/* engine_out.c: connections from the default alias */
void engine_out_services(struct engine *, const struct alias_svc *, size_t n);
void engine_out_reserve(const struct engine *, const struct alias_svc *, size_t n, struct portset *);
void engine_out_shares(struct engine *);
void engine_out_source(struct engine *); /* whether they may, may have changed */

/* engine_drain.c: no more connections, and those that are left */
size_t engine_left(struct engine *, struct in_addr); /* connections of ours to the alias */
void engine_drain_set(struct engine *, const struct alias_ctl_set *);
/* False if this member is not, or not any more, about to leave the alias. Counts what is left. */
bool engine_draining(struct engine *, struct in_addr, struct alias_ctl_drain *);
void engine_drained(struct engine *); /* looks for addresses that are not needed any more */

/* engine_local.c: sockets of this host */
void engine_on_sock(enum dp_sock_event, const struct dp_conn *, uint64_t when, void *engine);
void engine_listen_flush(struct engine *);
void engine_listen_dump(struct engine *, uint8_t proto);
void engine_poll_timer(void *engine);
void engine_verify_timer(void *engine);
void engine_udp_gone(uint16_t port_h, struct in_addr bound, void *engine);

/* engine_conns.c: the connections of this host, as its kernel lists them */
size_t engine_flows_dump(struct engine *); /* how many of ours changed by it */
void engine_conns_untold(struct engine *); /* the kernel has not told of all that began and ended */
size_t engine_conns_doubt(struct engine *); /* all of them have to prove that they live; how many */
void engine_conns_tick(struct engine *);

/* engine_flows.c: who owns which connection */
/* A connection of this host began or ended. */
void engine_flow(struct engine *, const struct alias_conn *, enum alias_flow_op, uint64_t when);
uint64_t engine_on_looked(uint64_t now, void *engine);
/* Nobody is reset for a while: a host was lost. */
uint64_t engine_quiet_time(const struct engine *);
void engine_flows_quiet(struct engine *);
void engine_flows_view(struct engine *, const struct gab_ev_view *);
void engine_flows_message(struct engine *, uint16_t src, struct alias_msg *);
void engine_flows_loaded(struct engine *);

/* engine_owners.c: connections of members that leave and come back */
void engine_owner_left(struct engine *, uint16_t node);
/* We do not reach a host any more that has left: what others keep for it is to go, too. */
void engine_owner_tell_lost(struct engine *, uint16_t node);
void engine_owners_tell_lost_again(struct engine *); /* in a new view */
void engine_owner_lost(struct engine *, uint16_t src, uint16_t node); /* a member says so */
void engine_owner_tell_given_up(struct engine *, uint16_t node, uint64_t now);
void engine_owner_doubt_ours(struct engine *); /* if we were given up */
/* All that members have for us is here: what they do not keep for a host is void. */
void engine_owners_loaded(struct engine *);
bool engine_owner_is_absent(const struct engine *, uint16_t node);
void engine_owner_absent(struct engine *, uint16_t node);
void engine_owner_down(struct engine *, uint16_t node);
void engine_owner_begins(struct engine *, uint16_t node);
/* It has told the connection in this life, or has told everything. */
bool engine_owner_settled(const struct engine *, uint16_t node, const struct alias_conn *);
bool engine_is_anothers(struct engine *, const struct alias_conn *);
bool engine_host_is_up(const struct engine *, uint16_t node);
unsigned engine_hosts(const struct engine *); /* that are up, with this one */
/* The same, where a member says so of a host. */
bool engine_owner_vouched(struct engine *, uint16_t node);
void engine_owner_told(struct engine *, uint16_t node, const struct alias_conn *);
void engine_owner_ends(struct engine *, uint16_t node);
void engine_owners_fresh(struct engine *);
/*
 * How many hosts there are without aliasd, so that nobody can be asked for what they own; *one is one
 * of them. Forgets those that have been so for long.
 */
size_t engine_owners_missing(struct engine *, uint16_t *one);

/* engine_door.c: this host's own packets, and fragments that are held */
void engine_open_door(struct engine *);
void engine_close_door(struct engine *);
void engine_door_lan(struct engine *, const char *ifname);
void engine_door_route(struct engine *, struct told *, bool wanted);
void engine_door_routes(struct engine *); /* addresses or MTUs changed */
void engine_door_source(struct engine *, struct told *); /* its address or its services changed */
void engine_put_in(const uint8_t *frame, size_t len, void *engine);
void engine_frag_timer(void *engine);
void engine_check_mtu(struct engine *);
void engine_on_fragment(
    const struct dp_fragment *, bool known, const uint8_t *frame, size_t len, void *engine);
void engine_on_first(const struct dp_fragment *, void *engine);

/* engine_size.c: packets too large for the way to a member */
size_t engine_paths(const struct engine *, uint16_t node, struct dp_path out[LLT_MAX_LINKS]);
void engine_on_too_big(const struct dp_too_big *, uint32_t ifindex, const uint8_t *frame, size_t len,
    void *engine);

/* engine_stray.c */
extern const struct stray_ops engine_stray_ops;
void engine_on_stray(
    const struct dp_conn *, uint32_t ifindex, const uint8_t *frame, size_t len, void *engine);
void engine_on_refused(
    const struct dp_conn *, uint32_t ifindex, const uint8_t *frame, size_t len, void *engine);
void engine_flush_asks(void *engine);
void engine_asked(struct engine *, uint16_t src, struct alias_msg *);
void engine_answered(struct engine *, uint16_t src, struct alias_msg *);
void engine_stray_timer(void *engine);
void engine_losses_timer(void *engine);

/* engine_ctl.c, engine_status.c: the control socket */
extern const struct ipc_server_ops engine_ipc_ops;
void engine_ctl_done(struct engine *, uint64_t token);
void engine_ctl_settled(struct engine *); /* what is agreed on is carried out */
void engine_ctl_finish(struct engine *, uint64_t token); /* done, whatever it waits for */
void engine_ctl_lost(struct engine *);
void engine_ctl_in_use(struct engine *, uint64_t token, const char *mac); /* refuses a new alias */
void engine_ctl_not_in_use(struct engine *, uint64_t token);
void engine_ctl_routes(struct engine *); /* engine_routes_settled() */
void engine_page(struct engine *, struct ipc_conn *, uint32_t reqid, const struct page_ops *);
void engine_page_timer(void *engine);
void engine_page_closed(struct engine *, const struct ipc_conn *);

/* engine_events.c: what happens, for those who watch and for scripts */
void engine_event_group(struct engine *);
void engine_event_members(struct engine *, const struct gab_ev_view *); /* NULL: none */
void engine_event_quorum(struct engine *);
void engine_event_alias(struct engine *, const struct state_alias *);
void engine_event_alias_gone(struct engine *, struct in_addr);
void engine_event_master_here(struct engine *, struct in_addr, bool master);
void engine_event_service(struct engine *, struct in_addr, uint8_t proto, uint16_t port_h);
/* mac NULL: it is over. ours: we found it, and scripts are to be run. */
void engine_event_conflict(struct engine *, struct in_addr, const char *mac, bool ours);
void engine_event_reset(struct engine *);
void engine_ctl_watch(struct ipc_conn *, const struct ipc_msg *, void *engine);
void engine_watch_closed(struct engine *, const struct ipc_conn *);

/* engine_hooks.c */
struct hooks *engine_hooks_new(struct engine *);
void engine_hooks_free(struct hooks *);
void engine_hooks_reload(struct engine *, const struct aliasd_conf *old);
void engine_hook(struct engine *, const struct hook_item *);

void engine_ctl_status(struct ipc_conn *, const struct ipc_msg *, void *engine);
/* The token of a change whose answer this client waits for. */
uint64_t engine_ctl_wait(struct engine *, struct ipc_conn *, const struct ipc_msg *);
void engine_ctl_result(struct engine *, uint64_t token, enum alias_api_status, uint16_t port_h);
/* NULL, or why no change can be agreed on now. */
const char *engine_ctl_not_now(const struct engine *);
/* The row of an alias, and that of its member. */
void engine_ctl_alias_row(struct engine *, const struct state_alias *, struct alias_ctl_alias *);
void engine_ctl_member_row(struct engine *, const struct state_row *, struct alias_ctl_member *);

/* engine_api.c: what programs ask for through libclua */
void engine_api_next(struct ipc_conn *, const struct ipc_msg *, void *engine);
void engine_api_alias(struct ipc_conn *, const struct ipc_msg *, void *engine);
void engine_api_register(struct ipc_conn *, const struct ipc_msg *, void *engine);
void engine_api_unregister(struct ipc_conn *, const struct ipc_msg *, void *engine);
void engine_api_commport(struct ipc_conn *, const struct ipc_msg *, void *engine);
void engine_api_start(struct engine *);   /* looks after programs that registered before a restart */
void engine_api_loaded(struct engine *);  /* tells a group that may not know them */
void engine_api_reset(struct engine *);   /* the group knows nothing of us */
void engine_api_changed(struct engine *); /* registrations came or went */
void engine_api_result(struct engine *, uint64_t token, enum alias_api_status, uint16_t port_h);
void engine_api_probe(struct engine *, const struct alias_api *);
void engine_api_stop(struct engine *);

#endif
