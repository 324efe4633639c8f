/* SPDX-License-Identifier: BSD-2-Clause
 *
 * server_int.h -- the front's connections, shared by server.c (accepting,
 * stopping, deadlines), conn.c (reading, the life of a connection), body.c
 * (request bodies) and out.c (answers).
 * Threads: a front and its connections belong to the front's loop.
 * Contract: server.h. */
#ifndef PINTLE_HTTP_SERVER_INT_H
#define PINTLE_HTTP_SERVER_INT_H

#include <pthread.h>

#include <pintle/arena.h>
#include <pintle/err.h>
#include <pintle/host.h>

#include "core/tls/tls.h"

#include "limits.h"
#include "parse.h"
#include "server.h"

struct front;

/* HANDSHAKE -> HEAD -> ACTIVE (the handler has the exchange) -> ANSWERED (the
 * rest of the answer goes out) -> DRAIN (the rest of the body comes in) ->
 * HEAD; LINGER before closing, DEAD when only the memory is left. */
enum {
	ST_HANDSHAKE = 1,
	ST_HEAD,
	ST_ACTIVE,
	ST_ANSWERED,
	ST_DRAIN,
	ST_LINGER,
	ST_DEAD,
};

enum {
	F_CLOSE = 1,		/* no request after this one */
	F_EOF = 2,		/* the peer will send no more */
	F_LOST = 4,		/* the peer is gone */
	F_STARTED = 8,		/* streamed answer */
	F_CHUNKED = 16,
	F_GONE_TOLD = 32,
	F_BODY_WANTED = 64,	/* read_body waits */
	F_BODY_DONE = 128,	/* every byte of it was taken */
	F_BODY_BAD = 256,	/* framing is lost: close after the answer */
	F_CONTINUED = 512,	/* 100 was sent */
	F_NO_CREDIT = 1024,	/* the handler waits for credit */
	F_BLOCKED = 2048,	/* the socket takes no more now */
	F_IN_RUN = 4096,	/* on the front's run list */
	F_SHAKING = 8192,	/* counted in handshakes */
	F_NO_BODY = 16384,	/* the answer has none (HEAD, 204, 304) */
	F_STOPPING = 32768,
	F_BODY_ASKED = 65536,	/* read_body was called */
	F_PAUSED = 131072,	/* not reading: the buffer is full */
	F_NEXT = 262144,	/* look for a head in what is buffered */
};

/* Deadlines of one kind have one length, so each kind is a queue in order of
 * time and arming is O(1). */
enum { DL_HANDSHAKE, DL_HEAD, DL_BODY, DL_IDLE, DL_WRITE, DL_LINGER, DL_COUNT,
    DL_NONE = DL_COUNT };

struct conn;
struct dl_queue {
	struct conn	*head, *tail;
};

struct out_item {
	struct pin_buf	*buf;
	size_t		 off, len;
	uint32_t	 is_chunk;	/* to be framed */
	uint32_t	 in_chunk;	/* its head is out, its CR LF not */
};

struct out_queue {
	struct out_item	*items;		/* ring of cap, a power of two */
	uint32_t	 first, n, cap;
	uint32_t	 is_final;	/* 0 CR LF CR LF comes at the end */
	uint64_t	 bytes;		/* what counts against the credit */
	char		*hold;		/* taken from the queue, not yet out */
	size_t		 hold_off, hold_len;
};

struct body {
	void		(*done)(struct exchange *, int, struct pin_str);
	char		*p;
	size_t		 len, cap, max;
	uint64_t	 left;		/* Content-Length still to come */
	uint64_t	 charged;	/* to the budget of all bodies */
	uint64_t	 dropped;
	uint64_t	 begun_ns;
	struct http_chunked chunked;
};

struct conn {
	struct exchange	 x;		/* first: ops cast back */
	uint32_t	 magic;
	uint32_t	 state;
	uint32_t	 flags;
	uint32_t	 busy;		/* frames of ours on the stack */
	struct front	*front;
	struct pin_sock	*sock;
	struct tls_conn	*tls;
	struct tls_server *tls_of;
	struct conn	*next, *prev;	/* of the front */
	struct conn	*run_next;
	struct conn	*dl_next, *dl_prev;
	uint64_t	 due_ns;
	uint32_t	 dl;
	uint32_t	 lingered;
	uint32_t	 source;	/* bucket of the peer's address */
	uint32_t	 turn_bytes;	/* sent since the loop called us */
	char		*in;		/* head, then what came after it */
	size_t		 in_len, in_off, in_cap;
	size_t		 head_len;
	struct http_scan scan;
	struct http_header headers[HTTP_HEADERS_INLINE];
	struct body	 body;
	struct out_queue out;
	struct pin_msg	 msg;		/* on the way to its front */
	struct pin_credentials creds;
	char		 peer_ip[48];
};

struct front {
	struct pin_loop	*loop;
	struct http_server *srv;
	uint32_t	 index;
	uint32_t	 nconns;
	struct conn	*conns;
	struct conn	*run_head, *run_tail;
	struct dl_queue	 dl[DL_COUNT];
	struct pin_timer timer;
	struct pin_msg	 run_msg, stop_msg;
	int		 run_posted;
	int		 stopping;	/* 1: gracefully, 2: now, 3: over */
	uint64_t	 next_id;
	int64_t		 date_s;
	char		 date[64];	/* "Date: ...\r\n" */
	size_t		 date_len;
	char		*bufs[HTTP_POOL_MAX];
	uint32_t	 nbufs;
	uint32_t	 narenas;
	struct pin_arena *arenas[HTTP_POOL_MAX];
	struct http_counters count;	/* written here, read anywhere */
	struct http_header headers[512];
	char		 scratch[HTTP_RECORD];
};

struct http_server {
	uint32_t	 magic;
	uint32_t	 nfronts;
	uint32_t	 refs;		/* atomic: owner, connections */
	uint32_t	 nopen;		/* atomic */
	uint32_t	 nshaking;	/* atomic */
	uint32_t	 next_front;	/* front 0 only */
	uint32_t	 pad;
	uint32_t	 shaking[HTTP_SOURCES];	/* atomic */
	uint64_t	 body_bytes;	/* atomic */
	struct pin_host	*host;
	struct exchange_handler handler;
	struct http_limits limits;
	struct front	**fronts;
	struct listener	*listeners;	/* front 0 only */
	uint32_t	 nlisteners;
	pthread_mutex_t	 lock;
	pthread_cond_t	 wake;
	uint32_t	 waiting;	/* fronts that have not stopped yet */
};

#define CONN_MAGIC	0x48636f6eu

/* server.c */
void	front_arm(struct conn *, uint32_t dl);
void	front_disarm(struct conn *);
void	front_run_later(struct conn *);
uint32_t front_ms(const struct front *, uint32_t dl);
char	*front_buf_get(struct front *);
void	front_buf_put(struct front *, char *);
void	conn_unlink(struct conn *);		/* from its front, and free */
void	server_put(struct http_server *);

/* conn.c */
void	conn_start(struct conn *);		/* on its own loop */
void	conn_ready(void *, struct pin_sock *, uint32_t);
void	conn_run(struct conn *);
void	conn_expired(struct conn *);
void	conn_stop(struct conn *, int now);
void	conn_lost(struct conn *);
void	conn_die(struct conn *);
void	conn_answered(struct conn *);
void	conn_enter(struct conn *);
void	conn_leave(struct conn *);
void	conn_want(struct conn *);
/* > 0, 0 end, PIN_EAGAIN, PIN_ECLOSED */
int64_t	conn_read(struct conn *, char *, size_t);
extern const struct exchange_ops conn_ops;

/* body.c */
void	body_read(struct exchange *, size_t, void (*)(struct exchange *, int,
	    struct pin_str));
void	body_input(struct conn *);
void	body_fail(struct conn *, int rc);
void	body_reset(struct conn *);
/* 1: nothing of it is left, 0: more must come, -1: give up */
int	body_drop(struct conn *);

/* out.c */
void	out_reply(struct exchange *, int, const struct http_header *, uint32_t,
	    struct pin_buf **, uint32_t);
void	out_start(struct exchange *, int, const struct http_header *,
	    uint32_t);
int64_t	out_send(struct exchange *, struct pin_buf *, size_t, size_t);
int64_t	out_credit(struct exchange *);
void	out_flush(struct exchange *);
void	out_finish(struct exchange *, int);
/* A plain answer of the server itself; the connection closes after it. */
void	out_refuse(struct conn *, int status, const char *why);
void	out_continue(struct conn *);
/* PIN_OK: all out; PIN_EAGAIN: the socket is full; PIN_ECLOSED. */
int	out_pump(struct conn *);
void	out_drop(struct conn *);

#endif
