/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apiclient -- many HTTPS connections to an API server on one loop, for load
 * and fault tests: whole answers or streams of lines, a bearer token.
 * No retries, no redirects, one request at a time a connection.
 * Threads: everything runs on the loop, or before it runs.
 * Contract: after done, or a lost connection, the next request may be made;
 * a failed fixture ends the test (tap_bail). */
#ifndef PIN_TESTS_APICLIENT_H
#define PIN_TESTS_APICLIENT_H

#include <pintle/host.h>

#include "core/http/parse.h"
#include "core/tls/tls.h"

#define API_HEAD_MAX	8192
#define API_IN		65536

struct api_client {
	struct pin_host	*host;
	struct pin_loop	*loop;
	struct tls_client *tls;
	struct pin_addr	 at;
	const char	*token;
};

struct api_conn {
	struct api_client *api;
	struct pin_sock	*sock;		/* NULL: closed */
	struct tls_conn	*tls;
	void		*arg;
	/* A whole answer. status 0: the connection was lost before its end. */
	void		(*done)(struct api_conn *, int status,
			    const char *body, size_t len);
	/* One line of a stream; with it, done comes with the end: status as
	 * answered, body empty when it was a stream in good order. */
	void		(*line)(struct api_conn *, const char *p, size_t len);
	/* the rest is the client's */
	uint32_t	 shaken, busy, paused, in_head, chunked, epoch;
	int		 status;
	uint64_t	 left;
	struct http_chunked chunks;
	char		*out;
	size_t		 out_len, out_off, out_cap;
	char		*body;
	size_t		 body_len, body_cap;
	char		 head[API_HEAD_MAX];
	size_t		 head_len;
};

/* ca: PEM file; url: https://ADDR:PORT. */
void	api_client_open(struct api_client *, const char *url, const char *ca,
	    const char *token);
void	api_client_close(struct api_client *);
/* Dials when it must, and asks. body NULL: none. */
void	api_ask(struct api_conn *, const char *method, const char *path,
	    const char *type, const char *body);
/* Stops reading, or goes on. */
void	api_pause(struct api_conn *, int paused);
/* Without a word, whatever is under way. done is not called. */
void	api_hang_up(struct api_conn *);
void	api_conn_fini(struct api_conn *);

/* The first "name":"value" (or number) in p, copied to out; 0: none. */
int	api_field(const char *p, size_t len, const char *name, char *out,
	    size_t size);

#endif
