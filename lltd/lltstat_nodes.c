/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>

#include "lltd/lltstat.h"

static const char *const prio_names[] = { "high", "low" };

static unsigned
links_with_carrier(const struct cmd_state *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->nlinks; i++)
		n += s->link[i].carrier;
	return n;
}

static void
self_row(const struct cmd_state *s)
{
	printf("   * %-3u %-18s %-8s %5u\n", s->self.node, s->self.name, "OPEN", links_with_carrier(s));
}

static void
self_verbose(const struct cmd_state *s)
{
	printf("  * %-3u %-18s OPEN\n", s->self.node, s->self.name);
	for (unsigned i = 0; i < s->nlinks; i++)
		printf("%35s%-8s %-8s%s\n", "", s->link[i].ifname, s->link[i].carrier ? "UP" : "DOWN",
		    llt_addr_text(s->link[i].kind, s->link[i].addr));
}

static void
node_row(const struct cmd_node *n)
{
	printf("     %-3u %-18s %-8s %5u\n", n->node.node, n->node.name, cmd_node_state(n->node.state),
	    n->node.links_up);
}

static void
node_verbose(const struct cmd_node *n)
{
	printf("    %-3u %-18s %s\n", n->node.node, n->node.name, cmd_node_state(n->node.state));
	for (unsigned i = 0; i < n->nlinks; i++) {
		const struct llt_ev_link *l = &n->link[i];

		printf("%35s%-8s %-8s%s\n", "", l->ifname, cmd_link_state(l->state),
		    l->known ? llt_addr_text(l->kind, l->peer_addr) : "");
	}
}

void
lltstat_nodes_text(const struct cmd_state *s, unsigned verbose)
{
	bool self_done = false;

	printf("LLT node information:\n");
	if (verbose > 0)
		printf("    Node                   State    Link     Status  Address\n");
	else
		printf("    Node                   State    Links\n");
	for (unsigned i = 0; i <= s->nnodes; i++) {
		if (!self_done && (i == s->nnodes || s->node[i]->node.node > s->self.node)) {
			self_done = true;
			(verbose > 0 ? self_verbose : self_row)(s);
		}
		if (i < s->nnodes)
			(verbose > 0 ? node_verbose : node_row)(s->node[i]);
	}
}

void
lltstat_links_text(const struct cmd_state *s)
{
	printf("LLT link information:\n");
	for (unsigned i = 0; i < s->nlinks; i++) {
		const struct llt_row_link *l = &s->link[i];

		printf("link %u %s %s %s %s\n", l->link, l->ifname, l->carrier ? "on" : "off",
		    llt_kind_name(l->kind), l->prio == LLT_PRIO_LOW ? "lowpri" : "hipri");
		printf("    mtu %u, ", l->mtu);
		if (l->kind == LLT_KIND_ETHER)
			printf("sap 0x%04x, ", l->ethertype);
		printf("burst %u, address %s\n", l->burst, llt_addr_text(l->kind, l->addr));
		printf("    txpkts %llu  txbytes %llu\n", (unsigned long long)l->tx_frames,
		    (unsigned long long)l->tx_bytes);
		printf("    rxpkts %llu  rxbytes %llu\n", (unsigned long long)l->rx_frames,
		    (unsigned long long)l->rx_bytes);
		printf("    latehb %llu  losthb %llu\n", (unsigned long long)l->hb_late,
		    (unsigned long long)l->hb_lost);
	}
}

/* ---- JSON ---- */
static void
node_head_json(struct json *j, unsigned id, const char *name, bool self, const char *state)
{
	json_object(j, NULL);
	json_uint(j, "node", id);
	json_str(j, "name", name);
	json_bool(j, "self", self);
	json_str(j, "state", state);
}

static void
link_json(struct json *j, unsigned index, const char *device, uint8_t kind, uint8_t prio,
    const char *state, const char *address)
{
	json_object(j, NULL);
	json_uint(j, "link", index);
	json_str(j, "device", device);
	json_str(j, "type", llt_kind_name(kind));
	json_str(j, "priority", prio_names[prio]);
	json_str(j, "state", state);
	if (address != NULL)
		json_str(j, "address", address);
	else
		json_null(j, "address");
	json_object_end(j);
}

static void
self_json(struct json *j, const struct cmd_state *s)
{
	node_head_json(j, s->self.node, s->self.name, true, "OPEN");
	json_uint(j, "session", 0);
	json_uint(j, "links_up", links_with_carrier(s));
	json_array(j, "links");
	for (unsigned i = 0; i < s->nlinks; i++)
		link_json(j, s->link[i].link, s->link[i].ifname, s->link[i].kind, s->link[i].prio,
		    s->link[i].carrier ? "UP" : "DOWN", llt_addr_text(s->link[i].kind, s->link[i].addr));
	json_array_end(j);
	json_object_end(j);
}

static void
node_json(struct json *j, const struct cmd_node *n)
{
	node_head_json(j, n->node.node, n->node.name, false, cmd_node_state(n->node.state));
	json_uint(j, "session", n->node.session);
	json_uint(j, "links_up", n->node.links_up);
	json_array(j, "links");
	for (unsigned i = 0; i < n->nlinks; i++) {
		const struct llt_ev_link *l = &n->link[i];

		link_json(j, l->link, l->ifname, l->kind, l->prio, cmd_link_state(l->state),
		    l->known ? llt_addr_text(l->kind, l->peer_addr) : NULL);
	}
	json_array_end(j);
	json_object_end(j);
}

void
lltstat_nodes_json(struct json *j, const struct cmd_state *s)
{
	bool self_done = false;
	char incarnation[17];

	/* All 64 bits count, and readers that keep numbers as doubles would round them. */
	snprintf(incarnation, sizeof(incarnation), "%016" PRIx64, s->self.incarnation);
	json_uint(j, "cluster", s->self.cluster);
	json_uint(j, "node", s->self.node);
	json_str(j, "name", s->self.name);
	json_str(j, "incarnation", incarnation);
	json_array(j, "nodes");
	for (unsigned i = 0; i <= s->nnodes; i++) {
		if (!self_done && (i == s->nnodes || s->node[i]->node.node > s->self.node)) {
			self_done = true;
			self_json(j, s);
		}
		if (i < s->nnodes)
			node_json(j, s->node[i]);
	}
	json_array_end(j);
}

void
lltstat_links_json(struct json *j, const struct cmd_state *s)
{
	json_array(j, "links");
	for (unsigned i = 0; i < s->nlinks; i++) {
		const struct llt_row_link *l = &s->link[i];

		json_object(j, NULL);
		json_uint(j, "link", l->link);
		json_str(j, "device", l->ifname);
		json_str(j, "type", llt_kind_name(l->kind));
		json_str(j, "priority", prio_names[l->prio]);
		json_bool(j, "carrier", l->carrier);
		json_str(j, "address", llt_addr_text(l->kind, l->addr));
		if (l->kind == LLT_KIND_ETHER)
			json_uint(j, "sap", l->ethertype);
		else
			json_null(j, "sap");
		json_uint(j, "mtu", l->mtu);
		json_uint(j, "burst", l->burst);
		json_uint(j, "tx_frames", l->tx_frames);
		json_uint(j, "tx_bytes", l->tx_bytes);
		json_uint(j, "rx_frames", l->rx_frames);
		json_uint(j, "rx_bytes", l->rx_bytes);
		json_uint(j, "late_heartbeats", l->hb_late);
		json_uint(j, "lost_heartbeats", l->hb_lost);
		json_object_end(j);
	}
	json_array_end(j);
}
