/* SPDX-License-Identifier: ISC */
/*
 * aliasd at work: what lltd, the group, the kernel and the administrator say goes in, and what the
 * replicated state makes of it is carried out: data plane, gratuitous ARP, local addresses.
 */
#ifndef CLUA_ALIASD_ENGINE_H
#define CLUA_ALIASD_ENGINE_H

#include "aliasd/aliasd_conf.h"

struct ev_loop;
struct engine;

/* Takes the configuration. NULL if it cannot start; logged. */
struct engine *engine_new(struct ev_loop *, struct aliasd_conf *);
/* An orderly end is wanted: true if it is under way, and clud_exit() will follow by itself. */
bool engine_stop(struct engine *);
/* Leaves the group and undoes everything. */
void engine_free(struct engine *);
/* Takes the configuration and returns 0, or adds the reasons, returns -1 and changes nothing. */
int engine_reload(struct engine *, struct aliasd_conf *, struct conf_errors *);

#endif
