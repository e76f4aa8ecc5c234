/* SPDX-License-Identifier: ISC */
/* The way to members that only links by UDP lead to. */
#include "aliasd/edge/tunnel.h"
#include "aliasd/engine/engine_priv.h"

static bool
open_tunnel(struct engine *e)
{
	e->tunnel = tunnel_open((uint16_t)e->conf->vxlan_port);
	if (e->tunnel != NULL && datapath_attach_tunnel(e->dp, tunnel_ifindex(e->tunnel)) < 0)
		engine_close_tunnel(e);
	e->tunnel_failed = e->tunnel == NULL;
	if (e->tunnel_failed) {
		log_warnx("tunnel", "members that are reached by UDP alone get nothing from this one");
		return false;
	}
	paths_set_tunnel(e->paths, tunnel_ifindex(e->tunnel));
	log_info("tunnel", "%s: for members that no Ethernet link leads to, UDP port %u", TUNNEL_NAME,
	    e->conf->vxlan_port);
	return true;
}

/* Where there is a link by UDP, what it leads to is there before it is needed; with the last one it goes. */
bool
engine_check_tunnel(struct engine *e)
{
	if (paths_any_udp(e->paths))
		return e->tunnel == NULL && !e->tunnel_failed && open_tunnel(e);
	e->tunnel_failed = false;
	if (e->tunnel != NULL) {
		datapath_detach(e->dp, tunnel_ifindex(e->tunnel));
		engine_close_tunnel(e);
		log_info("tunnel", "%s: no link by UDP is left", TUNNEL_NAME);
	}
	return false;
}

void
engine_open_tunnel(struct engine *e)
{
	engine_check_tunnel(e);
	if (e->tunnel == NULL)
		tunnel_remove(); /* which an earlier aliasd may have left */
}

/* What was in its way may be gone. */
void
engine_retry_tunnel(struct engine *e)
{
	e->tunnel_failed = false;
	if (e->dp == NULL || !engine_check_tunnel(e))
		return;
	engine_tell_paths(e);
	engine_refresh(e);
}

void
engine_close_tunnel(struct engine *e)
{
	paths_set_tunnel(e->paths, 0);
	tunnel_close(e->tunnel);
	e->tunnel = NULL;
}
