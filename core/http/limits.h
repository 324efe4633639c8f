/* SPDX-License-Identifier: BSD-2-Clause
 *
 * limits.h -- every maximum of the HTTP front in one place, with the reason.
 * Values a server may override are in struct http_limits.
 * Contract: server.h. */
#ifndef PINTLE_HTTP_LIMITS_H
#define PINTLE_HTTP_LIMITS_H

/* ---- defaults of struct http_limits --------------------------------- */

#define HTTP_HEAD_BYTES_MAX	(64u << 10)
#define HTTP_HEADERS_MAX	128u
#define HTTP_CONNECTIONS_MAX	10000u
/* Descriptors that are not for connections, of those the process may have:
 * files, plugins, loops (about 50), and room for the log's next one. */
#define HTTP_FILES_KEPT		128u
#define HTTP_HANDSHAKES_MAX	2048u	/* in flight; about 10 KiB each */
#define HTTP_HANDSHAKE_MS	10000u
#define HTTP_HEAD_MS		32000u	/* kube-apiserver's ReadHeaderTimeout */
#define HTTP_BODY_MS		60000u	/* without one byte, and see below */
#define HTTP_IDLE_MS		90000u	/* kube-apiserver's IdleTimeout */
#define HTTP_WRITE_MS		30000u	/* without one record going out */
#define HTTP_BODY_BYTES_TOTAL	(256u << 20)

/* ---- fixed ---------------------------------------------------------- */

#define HTTP_FRONTS_MAX		64u
#define HTTP_LISTENERS_MAX	16u
#define HTTP_METHOD_MAX		32u
#define HTTP_CHUNK_LINE_MAX	256u	/* size and extensions */
#define HTTP_CHUNK_EXT_TOTAL	4096u	/* extension bytes of one body */
#define HTTP_TRAILER_MAX	(8u << 10)
/* A body that must arrive at this rate at least, after HTTP_BODY_MS. */
#define HTTP_BODY_RATE_MIN	1024u	/* bytes a second */
/* Unread bodies up to this size are read and dropped to keep a connection. */
#define HTTP_DRAIN_MAX		(256u << 10)
/* After an answer that closes, so long and so much is read and dropped, for
 * a reset would take the answer away from the client. A body a little larger
 * than the 3 MiB that are allowed fits. */
#define HTTP_LINGER_MS		1000u
#define HTTP_LINGER_MAX		(4u << 20)
/* Bytes queued for one slow reader before its credit is gone. */
#define HTTP_QUEUE_MAX		(256u << 10)
#define HTTP_QUEUE_ITEM_COST	64	/* so that tiny pieces count */
/* A stream to a fast reader lets others have a turn after so much. */
#define HTTP_TURN_MAX		(1u << 20)
/* Handshakes in flight are counted by a hash of the peer's address; one
 * bucket may have half of all that are allowed. */
#define HTTP_SOURCES		256u
#define HTTP_RECORD		16384u	/* one TLS record */
#define HTTP_IN_FIRST		4096u	/* first read buffer */
#define HTTP_POOL_MAX		64u	/* idle buffers and arenas a front
					 * keeps */
#define HTTP_ARENA_MAX		((size_t)128 << 20)
#define HTTP_REQUESTS_TURN	16u	/* pipelined requests in one turn */
#define HTTP_HEADERS_INLINE	16u
#define HTTP_REPLY_HEADERS_MAX	64u
#define HTTP_QUERY_MAX		256u	/* parameters of one query */
/* Deadlines are looked at no more often than this. */
#define HTTP_TICK_MIN_MS	10u

#endif
