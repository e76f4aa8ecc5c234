/* SPDX-License-Identifier: ISC */
/* /etc/llthosts: "<id> <name>" lines; ids 0..1023, names of at most 63 bytes, each once. */
#ifndef CLUA_COMMON_LLTHOSTS_H
#define CLUA_COMMON_LLTHOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLT_MAX_NODES 1024
#define LLT_NAME_MAX 64 /* with the NUL */

struct conf_errors;

struct llthosts {
	size_t count;
	char name[LLT_MAX_NODES][LLT_NAME_MAX]; /* by id; "" = not used */
	int line[LLT_MAX_NODES];
};

bool llthosts_load(const char *file, struct llthosts *, struct conf_errors *);
/* -1 if there is none. */
int llthosts_id(const struct llthosts *, const char *name);

#endif
