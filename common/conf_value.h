/* SPDX-License-Identifier: ISC */
/* Single values of a configuration: checked against their item and stored. Knows nothing of libconfig. */
#ifndef CLUA_COMMON_CONF_VALUE_H
#define CLUA_COMMON_CONF_VALUE_H

#include "common/conf.h"

struct conf_num {
	uint64_t u; /* 0 if negative */
	double d;
	bool negative;
};

/* Why a value may not be: what it is and what was expected. */
struct conf_why {
	char text[512];
};

/* dst is the value's own place. False, and why, if the value may not be. */
bool conf_value_uint(const struct conf_item *, struct conf_num, uint32_t *dst, struct conf_why *);
bool conf_value_msec(const struct conf_item *, double ms, uint64_t *dst, struct conf_why *);
bool conf_value_string(const struct conf_item *, const char *, char *dst, struct conf_why *);
bool conf_value_strlist_item(const struct conf_item *, const char *, char *dst, struct conf_why *);
bool conf_value_enum(const struct conf_item *, const char *, int *dst, struct conf_why *);

/* Stores the default of an item that has one. A bad default is a bug in the schema: aborts. */
void conf_value_default(const struct conf_item *, void *base);
void conf_value_zero(const struct conf_item *schema, void *base);

#endif
