/* SPDX-License-Identifier: ISC */
/*
 * Virtual MACs that interfaces of this host take frames for, while it is master of their aliases. They
 * are taken off at the end; which there are is kept in a file, so that those of a killed aliasd are taken
 * off by the next.
 */
#ifndef CLUA_ALIASD_VMAC_H
#define CLUA_ALIASD_VMAC_H

#include <stdint.h>

#define VMACS_SAVED RUNDIR "/aliasd.vmac"

struct netlink;
struct vmacs;

/* Takes off what the file says, and removes it: how many there were. */
int vmacs_cleanup(struct netlink *, const char *file);
/* The same, and goes on from there. */
struct vmacs *vmacs_new(struct netlink *, const char *file);
/* Takes off all. */
void vmacs_free(struct vmacs *);
/* Logged if it cannot be done: then only an interface that takes every frame gets those for the alias. */
void vmacs_add(struct vmacs *, uint32_t ifindex, const uint8_t mac[6]);
void vmacs_del(struct vmacs *, uint32_t ifindex, const uint8_t mac[6]);

#endif
