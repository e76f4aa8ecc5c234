/* SPDX-License-Identifier: ISC */
/* The list of links in lltd.conf. */
#ifndef CLUA_LLTD_CONF_LINK_H
#define CLUA_LLTD_CONF_LINK_H

#include <stdint.h>

#include "common/conf.h"
#include "proto/llt_addr.h"

struct lltd_conf;

#define LLTD_KIND_NONE (LLT_KIND_LAST + 1) /* beside enum llt_link_kind: keeps a number free */

extern const struct conf_item lltd_link_items[];

/* Looks at what a table cannot say, and fills in what was left out. hosts and node are known. */
void lltd_links_check(const char *path, struct lltd_conf *, struct conf_errors *);
/* The links, a bit each, that are in one of two configurations only, or not the same in both. */
uint32_t lltd_links_moved(const struct lltd_conf *, const struct lltd_conf *);
/* Those that are in both, and whose peers differ. */
uint32_t lltd_links_other_peers(const struct lltd_conf *, const struct lltd_conf *);

#endif
