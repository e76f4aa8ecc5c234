/* SPDX-License-Identifier: ISC */
/*
 * Control sockets: Unix SOCK_SEQPACKET, one packet a message, one framing for all daemons.
 *
 * Header, 16 bytes, big-endian: u16 magic, u8 version, u8 flags, u16 type, u16 zero,
 * u32 payload length, u32 request id. The payload is read and written with wire.h.
 *
 * Every request is answered with IPC_REPLY (u16 code, str text) that carries its request id; before
 * it come any number of rows (types of the daemon's own). Events have request id 0.
 * Types below 0x0100 belong to this file.
 */
#ifndef CLUA_COMMON_IPC_H
#define CLUA_COMMON_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ev_loop;
struct wire_wr;

#define IPC_MAGIC 0xc1a0
#define IPC_VERSION 1
#define IPC_HDR_LEN 16
#define IPC_MAX_PAYLOAD (72 * 1024)

enum ipc_type {
	IPC_REPLY = 0x0001,     /* u16 code, str text: ends a request */
	IPC_LOG_LEVEL = 0x0002, /* u8 level: any daemon, root only */
	IPC_RELOAD = 0x0003,    /* any daemon, root only: as SIGHUP, but the asker gets the answer */
};

enum ipc_code {
	IPC_OK = 0,
	IPC_EPROTO = 1,   /* malformed request */
	IPC_EVERSION = 2, /* other version of the framing */
	IPC_EUNKNOWN = 3, /* unknown request type */
	IPC_EPERM = 4,
	IPC_EINVAL = 5, /* understood, and refused: the text says why and what to do */
	IPC_ENOENT = 6,
	IPC_EBUSY = 7,
	IPC_EFAILED = 8, /* the daemon could not do it: the text says why */
};

struct ipc_msg {
	uint16_t type;
	uint8_t flags;
	uint32_t reqid;
	const uint8_t *data; /* lives as long as the callback */
	size_t len;
};

/* ---- server ---- */
struct ipc_server;
struct ipc_conn;

enum ipc_right { IPC_READ, IPC_CHANGE }; /* READ: root and the group clua; CHANGE: root */

struct ipc_cmd {
	uint16_t type;
	enum ipc_right right;
	void (*fn)(struct ipc_conn *, const struct ipc_msg *, void *arg);
};

struct ipc_server_ops {
	const struct ipc_cmd *cmds; /* ends with fn == NULL */
	void (*on_open)(struct ipc_conn *, void *arg);  /* may be NULL */
	void (*on_close)(struct ipc_conn *, void *arg); /* may be NULL; conn is gone afterwards */
	size_t max_queue; /* bytes a client may leave unread before it is cut off; 0 = 8 MiB */
};

/*
 * Listens on path, mode 0660, group clua if that group exists. A stale socket is replaced, a live one
 * is an error. NULL and errno on failure; logged. ops stays the caller's and must outlive the server.
 */
struct ipc_server *ipc_server_new(
    struct ev_loop *, const char *path, const struct ipc_server_ops *ops, void *arg);
void ipc_server_free(struct ipc_server *); /* closes all connections, removes the socket */
/*
 * Commands that every server of this process answers besides its own (ends with fn == NULL; stays the
 * caller's). The daemon's frame sets them: IPC_LOG_LEVEL and IPC_RELOAD.
 */
void ipc_server_set_base_cmds(const struct ipc_cmd *cmds);

/*
 * Sends a message; queues it if the client does not read. A client past max_queue is closed from the
 * loop, not from inside this call. 0, or -1 if it cannot be sent. The payload is copied.
 */
int ipc_conn_send(struct ipc_conn *, uint16_t type, uint32_t reqid, const void *data, size_t len);
int ipc_conn_reply(struct ipc_conn *, const struct ipc_msg *req, enum ipc_code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Bytes that the client has not read yet. */
size_t ipc_conn_queued(const struct ipc_conn *);
/* Back pressure: stop (true) or go on (false) reading requests of this client. */
void ipc_conn_pause(struct ipc_conn *, bool);
void ipc_conn_close(struct ipc_conn *); /* from the loop, after this callback */
void ipc_conn_set_data(struct ipc_conn *, void *);
void *ipc_conn_data(const struct ipc_conn *);
unsigned ipc_conn_id(const struct ipc_conn *); /* unique in this process, never 0 */
uid_t ipc_conn_uid(const struct ipc_conn *);
pid_t ipc_conn_pid(const struct ipc_conn *);
/* Calls fn for every open connection. */
void ipc_server_each(struct ipc_server *, void (*fn)(struct ipc_conn *, void *), void *arg);

/* ---- asynchronous client, for daemons ---- */
struct ipc_client;

struct ipc_client_ops {
	void (*on_up)(struct ipc_client *, void *arg);
	void (*on_down)(struct ipc_client *, void *arg); /* queued messages are gone */
	void (*on_msg)(struct ipc_client *, const struct ipc_msg *, void *arg);
};

/* Connects, and again every retry_ns after a failure or a loss. ops must outlive the client. */
struct ipc_client *ipc_client_new(struct ev_loop *, const char *path, uint64_t retry_ns,
    const struct ipc_client_ops *ops, void *arg);
void ipc_client_free(struct ipc_client *);
bool ipc_client_is_up(const struct ipc_client *);
/* Queues without limit while the server pauses us; ipc_client_queued() says how much. -1 if down. */
int ipc_client_send(
    struct ipc_client *, uint16_t type, uint32_t reqid, const void *data, size_t len);
size_t ipc_client_queued(const struct ipc_client *);
/* Calls on_msg for what has come already, instead of in the loop's next turn. Nothing inside on_msg. */
void ipc_client_poll(struct ipc_client *);

/* ---- synchronous call, for commands ---- */
struct ipc_result {
	enum ipc_code code;
	char text[1024];
};

/* An open socket, or -1 with errno. */
int ipc_connect(const char *path);
/*
 * One request; on_row is called for every message before the reply (NULL: there must be none).
 * 0 when a reply came (res says which), -1 with errno when the daemon went away, spoke nonsense, or
 * was silent for timeout_ms (ETIMEDOUT); timeout_ms -1 waits for ever.
 */
int ipc_call(int fd, uint16_t type, const void *data, size_t len, int timeout_ms,
    void (*on_row)(const struct ipc_msg *, void *arg), void *arg, struct ipc_result *res);

/* Encodes and decodes the header: shared by all of the above, and by the fuzz target. */
void ipc_hdr_encode(uint8_t hdr[IPC_HDR_LEN], uint16_t type, uint32_t reqid, size_t len);
/* NULL, or the reason why the packet is no message. */
const char *ipc_decode(const uint8_t *pkt, size_t len, struct ipc_msg *msg);

#endif
