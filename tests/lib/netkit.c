/* SPDX-License-Identifier: BSD-2-Clause
 *
 * netkit.c -- see netkit.h.
 * Contract: netkit.h. */
#include "netkit.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

/* ---- sockets --------------------------------------------------------- */

int
listen_at(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(*port) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)(void *)&sin, len) != 0 ||
	    listen(fd, 128) != 0) {
		(void)close(fd);
		return (-1);
	}
	(void)getsockname(fd, (struct sockaddr *)(void *)&sin, &len);
	*port = ntohs(sin.sin_port);
	return (fd);
}

/* One that nobody listens on. */
uint16_t
free_port(void)
{
	uint16_t port = 0;
	int fd = listen_at(&port);

	if (fd < 0)
		BAIL("no port is free");
	(void)close(fd);
	return (port);
}

/* -1: refused, or closed before it was served. */
int
dial(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(port) };
	struct timeval tv = { .tv_sec = NET_WAIT_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)(void *)&sin, sizeof(sin)) == 0)
		return (fd);
	(void)close(fd);
	return (-1);
}

/* ---- backends: say who they are, echo, and after the end say 'E' ------ */

struct served {
	int		 fd;
	char		 id;
};

static void *
serve(void *arg)
{
	struct served *s = arg;
	char buf[8192], *p;
	ssize_t n, k;

	(void)send(s->fd, &s->id, 1, MSG_NOSIGNAL);
	while ((n = recv(s->fd, buf, sizeof(buf), 0)) > 0)
		for (p = buf; n > 0; p += k, n -= k)
			if ((k = send(s->fd, p, (size_t)n, MSG_NOSIGNAL)) <= 0)
				goto out;
	if (n == 0)
		(void)send(s->fd, "E", 1, MSG_NOSIGNAL);
out:
	(void)close(s->fd);
	free(s);
	return (NULL);
}

static void *
backend_main(void *arg)
{
	struct backend *b = arg;
	struct served *s;
	pthread_t t;
	int fd;

	while ((fd = accept(b->fd, NULL, NULL)) >= 0) {
		atomic_fetch_add(&b->accepted, 1);
		s = malloc(sizeof(*s));
		s->fd = fd;
		s->id = b->id;
		if (pthread_create(&t, NULL, serve, s) == 0)
			(void)pthread_detach(t);
	}
	return (NULL);
}

void
backend_open(struct backend *be)
{
	be->port = 0;
	be->fd = listen_at(&be->port);
	if (be->fd < 0 || pthread_create(&be->thread, NULL, backend_main,
	    be) != 0)
		BAIL("no backend");
	(void)pthread_detach(be->thread);
}

static atomic_uint seen_port;

uint16_t
udp_seen_port(void)
{
	return ((uint16_t)atomic_load(&seen_port));
}

/* The port of a flow that is no more. */
int
udp_is_free(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ok;

	ok = bind(fd, (struct sockaddr *)(void *)&sin, sizeof(sin)) == 0;
	(void)close(fd);
	return (ok);
}

/* Answers every datagram with its name. */
static void *
datagrams(void *arg)
{
	struct backend *be = arg;
	struct sockaddr_in from;
	socklen_t len;
	char buf[64];

	for (;;) {
		len = sizeof(from);
		if (recvfrom(be->fd, buf, sizeof(buf), 0,
		    (struct sockaddr *)(void *)&from, &len) < 0)
			return (NULL);
		atomic_store(&seen_port, ntohs(from.sin_port));
		(void)sendto(be->fd, &be->id, 1, 0,
		    (struct sockaddr *)(void *)&from, len);
	}
}

int
udp_open(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct timeval tv = { .tv_sec = NET_WAIT_MS / 1000 };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)(void *)&sin, len) != 0)
		BAIL("no port is free");
	(void)getsockname(fd, (struct sockaddr *)(void *)&sin, &len);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	*port = ntohs(sin.sin_port);
	return (fd);
}

void
datagrams_open(struct backend *be, char id)
{
	be->id = id;
	be->fd = udp_open(&be->port);
	(void)setsockopt(be->fd, SOL_SOCKET, SO_RCVTIMEO,
	    &(struct timeval){ 0, 0 }, sizeof(struct timeval));
	if (pthread_create(&be->thread, NULL, datagrams, be) != 0)
		BAIL("no backend");
	(void)pthread_detach(be->thread);
}

/* Who answers that client there; 0: nobody. */
char
udp_ask(int fd, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(port) };
	char id = 0;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (sendto(fd, "?", 1, 0, (struct sockaddr *)(void *)&sin,
	    sizeof(sin)) != 1 || recv(fd, &id, 1, 0) != 1)
		return (0);
	return (id);
}

/* For tests that need an HTTP server: `proxy serve ADDR PORT WORD` answers
 * everything with WORD, until it is killed. */
static int
serve_http(char **arg)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0), c;
	char buf[4096];

	sin.sin_port = htons((uint16_t)atoi(arg[1]));
	(void)inet_pton(AF_INET, arg[0], &sin.sin_addr);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)(void *)&sin, sizeof(sin)) != 0 ||
	    listen(fd, 16) != 0)
		return (1);
	printf("serving\n");
	fflush(stdout);
	while ((c = accept(fd, NULL, NULL)) >= 0) {
		(void)recv(c, buf, sizeof(buf), 0);
		on = snprintf(buf, sizeof(buf), "HTTP/1.0 200 OK\r\n"
		    "Content-Length: %zu\r\n\r\n%s", strlen(arg[2]),
		    arg[2]);
		(void)send(c, buf, (size_t)on, MSG_NOSIGNAL);
		(void)close(c);
	}
	return (1);
}

/* `proxy serve-udp ADDR PORT WORD`: the same, a datagram for a datagram;
 * `proxy ask-udp ADDR PORT [FROM-PORT]` prints what it is answered. */
static int
udp_at(struct sockaddr_in *sin, const char *addr, const char *port)
{
	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_port = htons((uint16_t)atoi(port));
	(void)inet_pton(AF_INET, addr, &sin->sin_addr);
	return (socket(AF_INET, SOCK_DGRAM, 0));
}

static int
serve_udp(char **arg)
{
	struct sockaddr_in sin, from;
	int fd = udp_at(&sin, arg[0], arg[1]);
	socklen_t len;
	char buf[64];

	if (bind(fd, (struct sockaddr *)(void *)&sin, sizeof(sin)) != 0)
		return (1);
	printf("serving\n");
	fflush(stdout);
	for (;;) {
		len = sizeof(from);
		if (recvfrom(fd, buf, sizeof(buf), 0,
		    (struct sockaddr *)(void *)&from, &len) >= 0)
			(void)sendto(fd, arg[2], strlen(arg[2]), 0,
			    (struct sockaddr *)(void *)&from, len);
	}
}

static int
ask_udp(char **arg)
{
	struct timeval tv = { .tv_sec = 2 };
	struct sockaddr_in sin, me;
	int fd = udp_at(&me, "0.0.0.0", arg[2] != NULL ? arg[2] : "0");
	char buf[64];
	ssize_t n;

	(void)close(udp_at(&sin, arg[0], arg[1]));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (bind(fd, (struct sockaddr *)(void *)&me, sizeof(me)) != 0 ||
	    connect(fd, (struct sockaddr *)(void *)&sin, sizeof(sin)) != 0 ||
	    send(fd, "?", 1, 0) != 1)
		return (1);
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return (1);
	printf("%.*s\n", (int)n, buf);
	return (0);
}

int
net_program(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "serve") == 0)
		return (serve_http(argv + 2));
	if (argc == 5 && strcmp(argv[1], "serve-udp") == 0)
		return (serve_udp(argv + 2));
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "ask-udp") == 0)
		return (ask_udp(argv + 2));
	return (2);
}
