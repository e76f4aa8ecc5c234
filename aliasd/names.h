/* SPDX-License-Identifier: ISC */
/*
 * Names of aliases. Those that stand in a file like /etc/hosts are read once, when the first one is asked
 * for: getaddrinfo(3) reads the whole file for each, which takes seconds for thousands.
 */
#ifndef CLUA_ALIASD_NAMES_H
#define CLUA_ALIASD_NAMES_H

#include <netinet/in.h>
#include <stdbool.h>

#define NAMES_HOSTS "/etc/hosts"

struct names;

struct names *names_new(const char *hosts); /* the path is not copied; the file need not exist */
void names_free(struct names *);
/* An address, or a name by way of the file, else of what getaddrinfo(3) asks. May wait. */
bool names_resolve(struct names *, const char *name, struct in_addr *);

#endif
