/* SPDX-License-Identifier: ISC */
/* The way to members that only links by UDP lead to. */
#include "aliasd/edge/tunnel.h"
#include "aliasd/engine/engine_priv.h"

/*
 * Where there is a link by UDP, what it leads to is there before it is needed; else it is taken away, as
 * an earlier aliasd may have left it.
 */
void
engine_check_tunnel(struct engine *e)
{
	if (!paths_any_udp(e->paths)) {
		if (e->tunnel == NULL)
			tunnel_remove();
		return;
	}
	if (e->tunnel != NULL || e->tunnel_failed)
		return;
	e->tunnel = tunnel_open((uint16_t)e->conf->vxlan_port);
	if (e->tunnel != NULL && datapath_attach_tunnel(e->dp, tunnel_ifindex(e->tunnel)) < 0)
		engine_close_tunnel(e);
	e->tunnel_failed = e->tunnel == NULL;
	if (e->tunnel_failed) {
		log_warnx("tunnel", "members that are reached by UDP alone get nothing from this one");
		return;
	}
	paths_set_tunnel(e->paths, tunnel_ifindex(e->tunnel));
	log_info("tunnel", "%s: for members that no Ethernet link leads to, UDP port %u", TUNNEL_NAME,
	    e->conf->vxlan_port);
}

void
engine_close_tunnel(struct engine *e)
{
	paths_set_tunnel(e->paths, 0);
	tunnel_close(e->tunnel);
	e->tunnel = NULL;
}
