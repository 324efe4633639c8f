/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watchfan -- N TLS watchers of one ConfigMap and one writer, all in one
 * thread (OpenSSL, so that the client costs little of the machine it shares
 * with the server). Closed loop: the next write goes out when the last one is
 * answered and at most AHEAD events are still on their way.
 * usage: watchfan ADDR PORT TOKEN WATCHERS SECONDS
 * prints: DELIVERIES/S  WRITES/S  P50_MS  P99_MS (write sent to the last
 * watcher's copy)  CONNECT_MS (one, mean).
 * Built by tests/bench/run.sh: it is no part of the product. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#define AHEAD		4	/* events under way */
#define EVENTS_MAX	400000
#define PATH		"/api/v1/namespaces/default/configmaps"
#define NAME		"watchfan"

struct conn {
	SSL		*ssl;
	int		 fd;
	unsigned long	 lines;		/* events seen */
	int		 started;	/* past the first event */
};

static struct conn *watchers, writer;
static int nwatchers;
static SSL_CTX *ctx;
static const char *addr, *token;
static int port;
static double *sent;			/* when write k went out */
static int *left;			/* watchers that still lack event k */
static double *took;
static unsigned long nsent, ndone, total;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

static void
die(const char *what)
{
	fprintf(stderr, "watchfan: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
dial(struct conn *c)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons((unsigned short)port) };
	int one = 1;

	inet_pton(AF_INET, addr, &sin.sin_addr);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (void *)&sin, sizeof(sin)) != 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->ssl = SSL_new(ctx);
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_connect(c->ssl) != 1)
		die("handshake");
}

static void
say(struct conn *c, const char *text)
{
	if (SSL_write(c->ssl, text, (int)strlen(text)) <= 0)
		die("write");
}

static void
send_write(unsigned long k)
{
	static char body[2048], req[4096], pad[1025];

	memset(pad, 'x', 1024);
	snprintf(body, sizeof(body), "{\"data\":{\"n\":\"%lu\",\"pad\":\"%s\""
	    "}}", k, pad);
	snprintf(req, sizeof(req), "PATCH " PATH "/" NAME " HTTP/1.1\r\n"
	    "Host: x\r\nAuthorization: Bearer %s\r\nContent-Type: "
	    "application/merge-patch+json\r\nContent-Length: %zu\r\n\r\n%s",
	    token, strlen(body), body);
	sent[k] = now();
	left[k] = nwatchers;
	say(&writer, req);
}

/* One answer of the writer: head, then Content-Length bytes. */
static void
read_answer(void)
{
	static char buf[65536];
	size_t n = 0, body;
	char *end, *len;
	int k;

	for (;;) {
		k = SSL_read(writer.ssl, buf + n, (int)(sizeof(buf) - 1 - n));
		if (k <= 0)
			die("writer");
		n += (size_t)k;
		buf[n] = '\0';
		end = strstr(buf, "\r\n\r\n");
		if (end == NULL)
			continue;
		len = strcasestr(buf, "content-length:");
		body = len != NULL ? strtoul(len + 15, NULL, 10) : 0;
		if (n >= (size_t)(end + 4 - buf) + body)
			break;
	}
	if (strncmp(buf, "HTTP/1.1 20", 11) != 0) {
		fprintf(stderr, "watchfan: %.300s\n", buf);
		exit(1);
	}
}

/* Events end in "}\n"; the first ones are the initial state. */
static void
take(struct conn *c)
{
	static char buf[131072];
	char *p, *q;
	int n;

	while ((n = SSL_read(c->ssl, buf, sizeof(buf))) > 0) {
		for (p = buf; (q = memchr(p, '\n', (size_t)(buf + n - p))) !=
		    NULL; p = q + 1) {
			if (q == buf || q[-1] != '}')
				continue;
			if (!c->started) {
				c->started = 1;
				continue;
			}
			total++;
			if (c->lines < nsent && --left[c->lines] == 0) {
				took[ndone++] = now() - sent[c->lines];
			}
			c->lines++;
		}
	}
}

static int
order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y ? -1 : x > y);
}

static void
open_watchers(int ep)
{
	struct epoll_event ev = { .events = EPOLLIN };
	char req[1024];
	int i;

	snprintf(req, sizeof(req), "GET " PATH "?watch=true&fieldSelector="
	    "metadata.name%%3D" NAME " HTTP/1.1\r\nHost: x\r\n"
	    "Authorization: Bearer %s\r\n\r\n", token);
	for (i = 0; i < nwatchers; i++) {
		dial(&watchers[i]);
		say(&watchers[i], req);
		ev.data.ptr = &watchers[i];
		epoll_ctl(ep, EPOLL_CTL_ADD, watchers[i].fd, &ev);
		SSL_set_mode(watchers[i].ssl, SSL_MODE_AUTO_RETRY);
	}
}

static void
make_object(void)
{
	char req[1024];
	const char *body = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
	    "\"metadata\":{\"name\":\"" NAME "\"},\"data\":{\"n\":\"-1\"}}";

	dial(&writer);
	snprintf(req, sizeof(req), "POST " PATH " HTTP/1.1\r\nHost: x\r\n"
	    "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s", token, strlen(body), body);
	say(&writer, req);
	read_answer();
}

static void
nonblocking(struct conn *c)
{
	fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
}

static void
wait_all_started(int ep)
{
	struct epoll_event ev[256];
	double until = now() + 30;
	int i, n, all;

	do {
		n = epoll_wait(ep, ev, 256, 100);
		for (i = 0; i < n; i++)
			take(ev[i].data.ptr);
		for (all = 1, i = 0; i < nwatchers; i++)
			all &= watchers[i].started;
	} while (!all && now() < until);
	if (!all)
		die("watchers do not start");
}

int
main(int argc, char **argv)
{
	struct epoll_event ev[256], wev = { .events = EPOLLIN };
	double seconds, begin, t;
	int ep, i, n, busy = 0;

	if (argc != 6)
		return (2);
	addr = argv[1];
	port = atoi(argv[2]);
	token = argv[3];
	nwatchers = atoi(argv[4]);
	seconds = atof(argv[5]);
	watchers = calloc((size_t)nwatchers, sizeof(*watchers));
	sent = calloc(EVENTS_MAX, sizeof(*sent));
	took = calloc(EVENTS_MAX, sizeof(*took));
	left = calloc(EVENTS_MAX, sizeof(*left));
	ctx = SSL_CTX_new(TLS_client_method());
	ep = epoll_create1(0);
	make_object();
	begin = now();
	open_watchers(ep);
	t = (now() - begin) * 1000 / nwatchers;
	for (i = 0; i < nwatchers; i++)
		nonblocking(&watchers[i]);
	wait_all_started(ep);
	wev.data.ptr = &writer;
	epoll_ctl(ep, EPOLL_CTL_ADD, writer.fd, &wev);
	begin = now();
	while (now() - begin < seconds && nsent < EVENTS_MAX - 1) {
		if (!busy && nsent - ndone < AHEAD) {
			send_write(nsent++);
			busy = 1;
		}
		n = epoll_wait(ep, ev, 256, 1000);
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr == &writer) {
				read_answer();
				busy = 0;
			} else {
				take(ev[i].data.ptr);
			}
		}
	}
	seconds = now() - begin;
	qsort(took, ndone, sizeof(*took), order);
	printf("%.0f %.1f %.2f %.2f %.2f\n", (double)total / seconds,
	    (double)ndone / seconds, ndone ? took[ndone / 2] * 1000 : 0,
	    ndone ? took[ndone * 99 / 100] * 1000 : 0, t);
	return (0);
}
