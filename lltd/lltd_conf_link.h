/* SPDX-License-Identifier: ISC */
/* The list of links in lltd.conf. */
#ifndef CLUA_LLTD_CONF_LINK_H
#define CLUA_LLTD_CONF_LINK_H

#include <stdbool.h>

#include "common/conf.h"

struct lltd_conf;

extern const struct conf_item lltd_link_items[];

/* Looks at what a table cannot say, and fills in what was left out. hosts and node are known. */
void lltd_links_check(const char *path, struct lltd_conf *, struct conf_errors *);
bool lltd_links_same(const struct lltd_conf *, const struct lltd_conf *);

#endif
