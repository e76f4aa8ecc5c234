/* SPDX-License-Identifier: ISC */
/* An event on one line, in words or as JSON. */
#ifndef CLUA_CLUAMGR_WATCH_H
#define CLUA_CLUAMGR_WATCH_H

#include <stdio.h>
#include <time.h>

#include "proto/alias_event.h"

void cm_watch_text(FILE *, const struct alias_event *, const struct timespec *when);
void cm_watch_json(FILE *, const struct alias_event *, const struct timespec *when);

#endif
