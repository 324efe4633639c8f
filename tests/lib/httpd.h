/* SPDX-License-Identifier: BSD-2-Clause
 *
 * httpd -- a server with a trivial handler, its own CA and certificates, for
 * tests and benchmarks of TLS and HTTP.
 * The handler knows nothing of the API.
 * Threads: main opens and closes; handlers run on the fronts.
 * Contract: a failed fixture ends the test (tap_bail). */
#ifndef PIN_TESTS_HTTPD_H
#define PIN_TESTS_HTTPD_H

#include <pintle/host.h>

#include "core/http/server.h"
#include "core/tls/tls.h"

/* Paths the handler answers:
 *	/3k		3072 bytes
 *	/big?N		N bytes
 *	/echo		the body comes back, or its error's status
 *	/who		cn, organizations, uid of the peer
 *	/head		method, target, and each header on a line
 *	/later		answered by httpd_release()
 *	/watch		a stream fed by httpd_feed()
 *	/api/v1/namespaces/default/configmaps
 *			GET: as /watch; POST: the body as an event to all
 *			watchers, answered when every front has queued it
 *	/fill		a stream that sends for ever while there is credit
 *	/broken		a stream that ends with an error
 *	anything else	404 */
struct httpd {
	struct pin_host	*host;
	struct pin_loop	*loops[8];
	uint32_t	 nloops;
	struct http_server *srv;
	struct tls_server *tls, *tls_plain;
	struct pin_addr	 mutual;	/* asks for client certificates */
	struct pin_addr	 server_only;
	struct pin_addr	 local;		/* UNIX socket */
	char		 dir[256];
	char		 ca[300], cert[300], key[300];
	char		 client_cert[300], client_key[300];
	uint32_t	 begun, ended, gone, watching;	/* atomic */
	uint64_t	 delivered, dropped;		/* atomic */
};

void	httpd_open(struct httpd *, uint32_t nloops, const struct http_limits *);
void	httpd_close(struct httpd *, uint64_t grace_ms);
/* Answers everything waiting at /later. */
void	httpd_release(struct httpd *);
/* Queues len bytes to every watcher on every front, n times; returns when the
 * fronts have taken it. */
void	httpd_feed(struct httpd *, size_t len, uint32_t n);
/* Writes text to DIR/name and gives its path. */
void	httpd_file(struct httpd *, const char *name, const char *text,
	    char path[300]);

#endif
