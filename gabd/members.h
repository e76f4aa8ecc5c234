/* SPDX-License-Identifier: ISC */
#ifndef CLUA_GABD_MEMBERS_H
#define CLUA_GABD_MEMBERS_H

#include <stddef.h>
#include <stdint.h>

/*
 * A membership as GAB prints it. While all ids are below 10: one digit a node, ascending, after a ';'
 * if node 0 is not in: "012", ";12". With ids from 10 on: numbers and ranges, "0-3,12,15".
 * Always ends with a NUL; what does not fit is cut.
 */
void members_text(const uint16_t *ids, unsigned n, char *buf, size_t size);

#endif
