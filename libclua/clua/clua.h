/* SPDX-License-Identifier: ISC */
/*
 * Programs and cluster aliases: which aliases there are, and how ports behave behind them. Names,
 * values and structures are those of the ancestor's interface. See clua_getaliasaddress(3),
 * clua_registerservice(3), clusvc_getcommport(3). Link with -lclua (pkg-config clua).
 *
 * All functions may be called by several threads at once. None keeps a descriptor open or raises a
 * signal. Addresses are in network byte order, port numbers in host byte order.
 */
#ifndef CLUA_CLUA_H
#define CLUA_CLUA_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int clua_status_t;
typedef short aliasid_t;

/* ---- status: negative for all that went wrong ---- */
#define CLUA_ENOCLUSTER (-100)   /* this host is not a member of a cluster now */
#define CLUA_ENODEFAULT (-99)    /* there is no default alias */
#define CLUA_NOMOREALIASES (-98) /* the end of the list: no error */
#define CLUA_ENOTALIAS (-97)     /* not the address of a cluster alias */
#define CLUA_EBADOPTION (-96)    /* unknown options, or options that exclude each other */
#define CLUA_EBADTYPE (-95)      /* neither SOCK_STREAM nor SOCK_DGRAM */
#define CLUA_EPORTCONFLICT (-94) /* the port is registered with other attributes */
#define CLUA_ENOTRESERVED (-93)  /* the port is not registered */
#define CLUA_EBADVERSION (-92)   /* the library and aliasd do not understand each other */
#define CLUA_ENOTCONFIG (-91)    /* not returned here */
#define CLUA_ECONFIG (-90)       /* not returned here */
#define CLUA_ERRNO (-89)         /* see errno */
#define CLUA_SUCCESS 1

/* ---- options of clua_registerservice() ---- */
#define CLUASRV_MULTI 0x0010      /* every member that listens gets its share */
#define CLUASRV_SINGLE 0x0020     /* one member at a time gets all */
#define CLUASRV_IN (CLUASRV_MULTI | CLUASRV_SINGLE)
#define CLUASRV_IN_NOALIAS 0x0080 /* nothing that comes to an alias is accepted */
#define CLUASRV_OUT 0x0100        /* connections to this port come from the default alias */
#define CLUASRV_IN_NOLOCAL 0x0200 /* nothing that comes to a member's own address is accepted */
#define CLUASRV_STATIC 0x0400     /* never given to a client as its own port */
#define CLUASRV_OUT_LOCAL 0x0800  /* refused here */
#define CLUASRV_TRANSIENT 0x1000  /* until the last socket on the port is closed */
#define CLUASRV_STICKY 0x2000     /* the same client comes to the same member */
#define CLUASRV_NONE 0x4000       /* alone: undo what was registered */
#define CLUASRV_VALID 0x7fff
#define CLUA_DFPORTFLAGS CLUASRV_SINGLE

/* ---- what is known of an alias, as this member sees it ---- */
#define CLUA_MAX_MEMBERS 64

/* clua_info.flags */
#define CLUA_ALIAS_ENABLED 0x1
#define CLUA_ALIAS_DEFAULT 0x2
#define CLUA_ALIAS_IP_V4 0x4
#define CLUA_ALIAS_VIRTUAL 0x8

/* clua_member_info.flags */
#define CLUA_MEMBER_ENABLED 0x01
#define CLUA_MEMBER_JOINED 0x10

struct clua_member_info {
	unsigned short flags; /* 0: not a member of this alias */
	unsigned short selw;
	unsigned short selp;
	unsigned short rpri;
};

struct clua_info {
	struct in_addr addr;
	struct in_addr netmask;
	int aliasid;
	unsigned int flags;
	/* Connections, data packets, datagrams and fragments: received from the network, forwarded to
	   another member, received from another member. count_data_rcv_clu is not counted here: 0. */
	unsigned long count_cnx_rcv_net;
	unsigned long count_cnx_fwd_clu;
	unsigned long count_cnx_rcv_clu;
	unsigned long count_data_rcv_net;
	unsigned long count_data_fwd_clu;
	unsigned long count_data_rcv_clu;
	unsigned long count_dgm_rcv_net;
	unsigned long count_dgm_fwd_clu;
	unsigned long count_dgm_rcv_clu;
	unsigned long count_frag_rcv_net;
	unsigned long count_frag_fwd_clu;
	unsigned long count_frag_rcv_clu;
	int maxmember; /* highest index that is filled, -1 if none */
	struct clua_member_info members[CLUA_MAX_MEMBERS]; /* by node id; higher ids are left out */
};

/* ---- aliases ---- */

/* The address of the default alias, as a struct sockaddr_in. */
clua_status_t clua_getdefaultalias(struct sockaddr *);
/*
 * One alias that this member has joined for each call, by ascending alias id, as a struct sockaddr_in.
 * *context is 0 before the first call. CLUA_NOMOREALIASES at the end.
 */
clua_status_t clua_getaliasaddress(struct sockaddr *, int *context);
/* What is known of the alias with this address. */
clua_status_t clua_getaliasinfo(struct sockaddr *, struct clua_info *);
/* 1 if the address is that of an alias of the cluster; 0 if it is not, or cannot be found out. */
int clua_isalias(struct in_addr *);

/* ---- services ---- */

/* type: SOCK_STREAM or SOCK_DGRAM. Returns when it is in force. */
clua_status_t clua_registerservice(unsigned short portno, int type, int options);
clua_status_t clua_unregisterservice(unsigned short portno, int type);

/*
 * Binds a socket to the port that all instances of this RPC program in the cluster use, and registers
 * it as CLUASRV_MULTI | CLUASRV_STATIC | CLUASRV_TRANSIENT. sockfd: an AF_INET socket that is not bound,
 * or -1 (RPC_ANYSOCK) for a new one. proto: IPPROTO_TCP or IPPROTO_UDP. addr: the address to bind, any if its
 * family is 0; filled in; may be NULL. The descriptor, or -1 and errno.
 */
int clusvc_getcommport(
    int sockfd, unsigned int prog, unsigned int proto, struct sockaddr_in *addr);
/* The same with a reserved port: below 1024, for root. */
int clusvc_getresvcommport(
    int sockfd, unsigned int prog, unsigned int proto, struct sockaddr_in *addr);

/* ---- texts ---- */

/* In words; constant, not to be freed. */
char *clua_error(clua_status_t);
/* The same on stderr, with the text of errno for CLUA_ERRNO. */
void print_clua_liberror(clua_status_t);

#ifdef __cplusplus
}
#endif

#endif
