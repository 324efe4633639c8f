/* SPDX-License-Identifier: BSD-2-Clause
 *
 * client.h -- asking an API server: one request and its answer, or a stream
 * of lines. The same for a caller in the server's process and for one
 * outside; which, a transport knows.
 * Thread: the client's loop; everything here and every callback runs there.
 * Contract: a started call ends exactly once, by done or by client_cancel;
 * every wait has a deadline, every queue a limit (below). What is retried is
 * only what cannot have taken effect: GET after a lost connection, and what
 * the server refused with Retry-After. */
#ifndef PINTLE_CLIENT_H
#define PINTLE_CLIENT_H

#include <pintle/arena.h>
#include <pintle/host.h>

#define CLIENT_INFLIGHT_MAX	256	/* requests at the server at once */
#define CLIENT_QUEUE_MAX	8192	/* waiting behind them; then EBUSY */
#define CLIENT_STREAMS_MAX	256	/* watches at once */
#define CLIENT_RETRIES_MAX	5
#define CLIENT_BACKOFF_MS	50	/* first; doubles, half of it random */
#define CLIENT_BACKOFF_MAX_MS	10000
#define CLIENT_TIMEOUT_MS	30000	/* of a call that says 0 */
#define CLIENT_BODY_MAX		((size_t)64 << 20)	/* of one answer */
#define CLIENT_LINE_MAX		((size_t)16 << 20)	/* of one event */

/* Who asks, as a verified client certificate would say it. Borrowed for the
 * life of every call that names it. */
struct client_identity {
	struct pin_str	 name;		/* "system:kube-controller-manager" */
	const struct pin_str *groups;
	uint32_t	 ngroups, pad;
};

struct client_answer {
	int32_t		 rc;		/* PIN_OK: the server has answered */
	int32_t		 status;	/* of the head; 0: there was none */
	int32_t		 retry_after;	/* seconds; -1: not said */
	int32_t		 pad;
	/* The body: references are the client's; take one to keep it. */
	struct pin_buf	*buf;		/* NULL: empty */
	size_t		 off, len;
};

enum {
	CLIENT_STREAM = 1,	/* a 200 goes to `line`, piece by piece */
};

struct client;

struct client_call {
	/* The caller's, unchanged until the end. */
	uint32_t	 flags;
	uint32_t	 pad;
	struct pin_str	 method, target;
	struct pin_str	 type;		/* of the body */
	struct pin_str	 accept;	/* none: "application/json" */
	struct pin_str	 body;
	const struct client_identity *who;	/* NULL: the client's own */
	uint64_t	 timeout_ms;	/* in all; of a stream: between bytes */
	/* May start and cancel calls, and free this one. */
	void		(*done)(struct client_call *,
			    const struct client_answer *);
	/* One line without its newline; take a reference to keep it. */
	void		(*line)(struct client_call *, struct pin_buf *,
			    size_t off, size_t len);
	void		*arg;

	/* The client's. */
	uint32_t	 state, retries;
	struct client	*client;
	void		*carrier;	/* the transport's */
	struct client_call *next, *prev;
	struct pin_timer timer;
	uint64_t	 deadline_ns;
	struct client_answer answer;
	int32_t		 failing;	/* what the timer will say */
	uint32_t	 got;		/* bytes came since the timer began */
	struct pin_out	 part;		/* what is not whole yet */
};

struct transport;

/* Takes the transport. */
struct client *client_new(struct pin_loop *, const struct client_identity *,
	    PIN_OWN struct transport **);
/* Ends every call (done says PIN_ECANCELED); gone(arg) when the transport
 * has nothing under way any more and the client is freed. */
void	client_close(PIN_OWN struct client **, void (*gone)(void *),
	    void *arg);
struct pin_loop *client_loop(const struct client *);

/* Never calls back before it returns. */
void	client_start(struct client *, struct client_call *);
void	client_cancel(struct client_call *);	/* fine when not started */
int	client_active(const struct client_call *);

struct client_counters {
	uint64_t	calls, failed, retried, refused, lines;
};
const struct client_counters *client_count(const struct client *);

/* ---- transports ----------------------------------------------------- */

struct exchange_handler;

/* In the server's process: exchanges handed to its fronts. handler and
 * fronts outlive the transport. agent: the User-Agent header. */
struct transport *transport_local(struct pin_loop *,
	    const struct exchange_handler *, struct pin_loop *const *fronts,
	    uint32_t nfronts, const char *agent);

struct tls_client;

struct transport_remote_opts {
	struct pin_loop	*loop;
	struct pin_addr	 addr;		/* TCP or UNIX */
	struct tls_client *tls;		/* NULL: UNIX sockets only */
	const char	*name;		/* in the server's certificate */
	const char	*agent;
	const char	*bearer;	/* token; NULL: none */
};

/* HTTP/1.1. Strings are copied; tls outlives the transport. */
struct transport *transport_remote(const struct transport_remote_opts *);

#endif
