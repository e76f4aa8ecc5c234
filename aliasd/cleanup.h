/* SPDX-License-Identifier: ISC */
/* aliasd --cleanup: removes what an aliasd that was killed left on this host. */
#ifndef CLUA_ALIASD_CLEANUP_H
#define CLUA_ALIASD_CLEANUP_H

struct aliasd_conf;

/* The exit status: 0 if nothing is left, 1 if an aliasd runs or something could not be removed. */
int cleanup_all(const struct aliasd_conf *);

#endif
