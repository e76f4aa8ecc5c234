/* SPDX-License-Identifier: ISC */
/* The lists in messages between the aliasds: written item by item, and read so. */
#ifndef CLUA_PROTO_ALIAS_MSG_LIST_H
#define CLUA_PROTO_ALIAS_MSG_LIST_H

#include "proto/alias_msg.h"

/* Begin, put items, end fills in the count. The cursor must not move in between otherwise. */
struct alias_list {
	struct wire_wr *w;
	uint8_t *count_at;
	uint32_t count;
};
void alias_list_begin(struct alias_list *, struct wire_wr *, enum alias_msg_type);
void alias_list_begin_of(struct alias_list *, struct wire_wr *, uint16_t owner); /* FLOWS_OF */
void alias_list_begin_lan(
    struct alias_list *, struct wire_wr *, bool vmac, uint8_t step, const uint8_t prefix[2]);
void alias_list_lan(struct alias_list *, const struct alias_lan *);
void alias_list_arp(struct alias_list *, const struct alias_arp *);
void alias_list_begin_rows(
    struct alias_list *, struct wire_wr *, uint64_t token, uint32_t max_aliases);
void alias_list_row(struct alias_list *, const struct alias_row *);
void alias_list_client(struct alias_list *, const struct alias_client *);
void alias_list_listen(struct alias_list *, const struct alias_listen *);
void alias_list_conn(struct alias_list *, const struct alias_conn *, uint8_t op);
void alias_list_ask(struct alias_list *, const struct alias_ask *);
void alias_list_end(struct alias_list *);

/* The next item of a message that was decoded. False when there are no more. */
bool alias_msg_next_row(struct alias_msg *, struct alias_row *);
bool alias_msg_next_listen(struct alias_msg *, struct alias_listen *);
bool alias_msg_next_svc(struct alias_msg *, struct alias_svc *);
bool alias_msg_next_conn(struct alias_msg *, struct alias_conn *, uint8_t *op);
bool alias_msg_next_ask(struct alias_msg *, struct alias_ask *);
bool alias_msg_next_lan(struct alias_msg *, struct alias_lan *);
bool alias_msg_next_arp(struct alias_msg *, struct alias_arp *);
bool alias_msg_next_client(struct alias_msg *, struct alias_client *);
/* Every item can be read, and nothing follows: for alias_msg_decode(). */
bool alias_msg_list_ok(const struct alias_msg *);

#endif
