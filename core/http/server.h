/* SPDX-License-Identifier: BSD-2-Clause
 *
 * server.h -- the front: listeners, TLS, HTTP/1.1, limits; it turns bytes
 * into exchanges. n front loops; front 0 accepts and hands sockets out in
 * turn.
 * Threads: open, close and retire from the process's main thread.
 * Contract: RFC 9112, strict: what is ambiguous is refused and the
 * connection closed. */
#ifndef PINTLE_SERVER_H
#define PINTLE_SERVER_H

#include "exchange.h"

struct http_server;
struct tls_server;		/* core/tls/tls.h */

struct http_limits {		/* 0: the default in limits.h */
	uint32_t	 head_bytes_max;	/* 64 KiB */
	uint32_t	 headers_max;		/* 128 */
	uint32_t	 connections_max;	/* 10 000, or what fits */
	uint32_t	 handshakes_max;	/* in flight */
	uint32_t	 handshake_ms, head_ms, body_ms, idle_ms, write_ms;
	uint32_t	 pad;
	uint64_t	 body_bytes_total;	/* bodies of all connections */
};

struct http_server_opts {
	struct pin_host	*host;
	struct pin_loop	**fronts;	/* made and started by the caller */
	uint32_t	 nfronts;
	uint32_t	 pad;
	const struct exchange_handler *handler;
	struct http_limits limits;
};

int	http_server_open(const struct http_server_opts *,
	    PIN_OWN struct http_server **, struct pin_err *);
/* tls NULL: plain HTTP, allowed on UNIX sockets only. port 0: bound gets
 * the one chosen. May be called several times. */
int	http_server_listen(struct http_server *, const struct pin_addr *,
	    struct tls_server *tls, struct pin_addr *bound, struct pin_err *);
/* Stops accepting, tells every exchange `gone`, closes idle connections,
 * waits for the others until the deadline. */
void	http_server_close(PIN_OWN struct http_server **, uint64_t grace_ms);

struct http_counters {
	uint64_t	accepted, open, handshakes, handshake_failures,
			requests, bytes_in, bytes_out, refused;
};
void	http_server_counters(const struct http_server *,
	    struct http_counters *);

#endif
