/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exchange.h -- one request and its answer, whatever carries them: HTTP/1.1
 * over TLS or a UNIX socket, the in-process client; HTTP/2 and WebSocket
 * later. The pipeline sees only this.
 * Thread: an exchange lives on one loop; every function and callback runs
 * there.
 * Contract: the producer calls handler->begin once the head is complete;
 * the handler answers exactly once (reply, or start ... finish) and may
 * then touch the exchange no more. `gone` may come first: then nothing is
 * sent, and the handler still ends with exchange_finish or reply. */
#ifndef PINTLE_EXCHANGE_H
#define PINTLE_EXCHANGE_H

#include <pintle/auth.h>

struct exchange;

struct http_header {
	struct pin_str	name;		/* as sent; compare without case */
	struct pin_str	value;		/* outer white space removed */
};

enum {
	EXCHANGE_HTTP10 = 1,
	EXCHANGE_HAS_BODY = 2,		/* Content-Length > 0 or chunked */
	EXCHANGE_LOCAL = 4,		/* in-process or UNIX: no TLS */
};

/* What the producer knows of the request; borrowed for its life. */
struct exchange_head {
	uint32_t	 flags;
	uint32_t	 nheaders;
	struct pin_str	 method;
	struct pin_str	 target;	/* raw: "/api/v1/pods?limit=5" */
	struct pin_str	 path;		/* raw, before '?' */
	struct pin_str	 query;		/* raw, after '?'; may be none */
	const struct http_header *headers;
	uint64_t	 body_len;	/* declared; UINT64_MAX when chunked */
	struct pin_credentials creds;	/* bearer is filled in */
};

/* Implemented by the producer. */
struct exchange_ops {
	/* Collects the whole body, at most max bytes, into one block that lives
	 * as long as the exchange, then calls body() once: rc PIN_OK,
	 * PIN_ETOOBIG, PIN_ETIMEOUT, PIN_ECLOSED, PIN_EINVAL (framing) or
	 * PIN_EBUSY (no bytes left for bodies: 429 with Retry-After). May
	 * call body() before it returns. At most once an exchange; an
	 * answer before body() was called calls it off.
	 * Not called: the body is drained (within limits) or the connection
	 * closed after the answer. */
	void	(*read_body)(struct exchange *, size_t max,
		    void (*body)(struct exchange *, int rc, struct pin_str));
	/* Whole answer: the producer adds Content-Length, Date, Connection.
	 * The n pieces are references the producer takes over from the array
	 * (it puts each when sent). Ends the exchange. */
	void	(*reply)(struct exchange *, int status,
		    const struct http_header *, uint32_t nheaders,
		    struct pin_buf **pieces, uint32_t n);
	/* Streamed answer: chunked (or until close for HTTP/1.0). */
	void	(*start)(struct exchange *, int status,
		    const struct http_header *, uint32_t nheaders);
	/* Queues bytes; takes one reference of its own on buf, sends
	 * [off, off + len). Returns the credit left in bytes; <= 0 means: wait
	 * for `credit` (what was given is queued all the same). PIN_ECLOSED:
	 * the peer is gone. */
	int64_t	(*send)(struct exchange *, struct pin_buf *, size_t off,
		    size_t len);
	int64_t	(*credit)(struct exchange *);	/* as send, without sending */
	/* Lets queued bytes go out now (end of one batch). */
	void	(*flush)(struct exchange *);
	/* Ends a streamed answer. ok = 0: the stream is broken off, so that
	 * the client sees an error (no final chunk). */
	void	(*finish)(struct exchange *, int ok);
};

/* Implemented by the pipeline. */
struct exchange_handler {
	void	(*begin)(void *arg, struct exchange *);
	/* Credit is above zero again (after send returned <= 0). */
	void	(*credit)(struct exchange *);
	/* The peer is gone or the server is stopping; answer soon. */
	void	(*gone)(struct exchange *);
	void	*arg;
};

struct exchange {
	const struct exchange_ops *ops;
	const struct exchange_handler *handler;
	struct pin_loop	*loop;
	struct exchange_head head;
	struct pin_arena *arena;	/* dies with the exchange */
	uint64_t	 begun_ns;
	uint64_t	 id;		/* unique in the process */
	void		*data;		/* the handler's */
	uint32_t	 front;		/* index of the front loop */
	uint32_t	 pad;
};

/* Value of the first header of that name (any case); none when absent. */
struct pin_str	exchange_header(const struct exchange *, const char *name);
/* The k-th, for headers that may come several times. */
struct pin_str	exchange_header_at(const struct exchange *, const char *name,
		    uint32_t k);

#endif
