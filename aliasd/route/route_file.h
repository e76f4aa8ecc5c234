/* SPDX-License-Identifier: ISC */
/* A file that another daemon reads: whole, or as it was. */
#ifndef CLUA_ALIASD_ROUTE_FILE_H
#define CLUA_ALIASD_ROUTE_FILE_H

#include <stddef.h>

/*
 * 1 when it was written, readable for all; 0 when it says so already; -1 with the reason in why. Its
 * folder is made if only that is missing.
 */
int route_file_put(const char *path, const char *text, size_t len, char *why, size_t size);

#endif
