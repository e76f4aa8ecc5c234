/* SPDX-License-Identifier: ISC */
/*
 * Settings of the kernel's interfaces that aliasd changes, and puts back at its end. What they were is
 * kept in a file, so that it is not forgotten when aliasd is killed.
 */
#ifndef CLUA_ALIASD_SYSCTLS_H
#define CLUA_ALIASD_SYSCTLS_H

#define SYSCTLS_SAVED RUNDIR "/aliasd.sysctl"

struct sysctls;

struct sysctls *sysctls_new(const char *file);
void sysctls_free(struct sysctls *);
/* 0, or -1 and errno; logged. */
int sysctls_set(struct sysctls *, const char *ifname, const char *key, int value);
/* Puts everything back. */
void sysctls_restore(struct sysctls *);
/* What an aliasd that was killed did not put back; how many settings that were. */
int sysctls_cleanup(const char *file);

#endif
