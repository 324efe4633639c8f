/* SPDX-License-Identifier: BSD-2-Clause
 *
 * real_sock.c -- sockets of the real host: our descriptors, readiness
 * by uv_poll. No buffers here.
 * Loop only; a socket that was never attached belongs to whoever has it.
 * Contract: pintle/host.h. */
#include "core/host/real_int.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/real.h"
#include "core/os.h"

/* What the kernel is asked for (`armed`) follows what the owner wants (`want`)
 * once a turn, before the loop waits, because one change costs libuv two
 * system calls. No longer wanting to read is not passed on at all until bytes
 * arrive that nobody wants: most pauses end before that. */
struct pin__real_sock {
	struct pin_sock		 base;
	int			 fd;
	uint32_t		 armed;
	int			 is_dirty;
	int			 is_unix;
	struct pin__real_sock	*dirty_next;
	uv_poll_t		 poll;
	/* A listening socket: rests when descriptors run out. */
	struct pin_timer	 rest;
};

union any_addr {
	struct sockaddr		 sa;
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;
	struct sockaddr_un	 un;
};

static struct pin__real_sock *
real(struct pin_sock *s)
{
	return ((struct pin__real_sock *)(void *)s);
}

static struct pin__real_loop *
loop_of(const struct pin__real_sock *s)
{
	return ((struct pin__real_loop *)(void *)s->base.loop);
}

/* ---- addresses ------------------------------------------------------ */

static int
addr_to_os(const struct pin_addr *a, union any_addr *u, socklen_t *len,
    struct pin_err *err)
{
	memset(u, 0, sizeof(*u));
	switch (a->family) {
	case 4:
		u->in.sin_family = AF_INET;
		u->in.sin_port = htons(a->port);
		memcpy(&u->in.sin_addr, a->ip, 4);
		*len = sizeof(u->in);
		return (PIN_OK);
	case 6:
		u->in6.sin6_family = AF_INET6;
		u->in6.sin6_port = htons(a->port);
		memcpy(&u->in6.sin6_addr, a->ip, 16);
		*len = sizeof(u->in6);
		return (PIN_OK);
	case 1:
		if (strnlen(a->path, sizeof(a->path)) >=
		    sizeof(u->un.sun_path))
			break;
		u->un.sun_family = AF_UNIX;
		memcpy(u->un.sun_path, a->path, strlen(a->path));
		*len = sizeof(u->un);
		return (PIN_OK);
	default:
		break;
	}
	return (pin_err_set(err, PIN_EINVAL, "address: family %u or its "
	    "path is not for this system", (unsigned int)a->family));
}

static void
addr_from_os(const union any_addr *u, socklen_t len, struct pin_addr *a)
{
	size_t n;

	memset(a, 0, sizeof(*a));
	if (len < sizeof(u->sa.sa_family))
		return;
	if (u->sa.sa_family == AF_INET) {
		a->family = 4;
		a->port = ntohs(u->in.sin_port);
		memcpy(a->ip, &u->in.sin_addr, 4);
	} else if (u->sa.sa_family == AF_INET6) {
		a->family = 6;
		a->port = ntohs(u->in6.sin6_port);
		memcpy(a->ip, &u->in6.sin6_addr, 16);
	} else if (u->sa.sa_family == AF_UNIX) {
		a->family = 1;
		if (len <= offsetof(struct sockaddr_un, sun_path))
			return;		/* the nameless end of a connection */
		n = len - offsetof(struct sockaddr_un, sun_path);
		if (n > sizeof(a->path) - 1)
			n = sizeof(a->path) - 1;
		memcpy(a->path, u->un.sun_path, n);
	}
}

/* ---- interest ------------------------------------------------------- */

static void
mark_dirty(struct pin__real_sock *s)
{
	struct pin__real_loop *l = loop_of(s);

	if (s->is_dirty)
		return;
	s->is_dirty = 1;
	s->dirty_next = l->dirty;
	l->dirty = s;
}

static void
unmark_dirty(struct pin__real_sock *s)
{
	struct pin__real_sock **p = &loop_of(s)->dirty;

	if (!s->is_dirty)
		return;
	while (*p != s)
		p = &(*p)->dirty_next;
	*p = s->dirty_next;
	s->is_dirty = 0;
}

static void on_poll(uv_poll_t *, int, int);

static void
arm(struct pin__real_sock *s, uint32_t events)
{
	int ev = 0;

	if ((events & PIN_SOCK_READ) != 0)
		ev |= UV_READABLE;
	if ((events & PIN_SOCK_WRITE) != 0)
		ev |= UV_WRITABLE;
	if (ev == 0)
		(void)uv_poll_stop(&s->poll);
	else
		(void)uv_poll_start(&s->poll, ev, on_poll);
	s->armed = events;
}

void
pin__real_sock_flush(struct pin__real_loop *l)
{
	struct pin__real_sock *s;

	while ((s = l->dirty) != NULL) {
		l->dirty = s->dirty_next;
		s->is_dirty = 0;
		if (s->armed != s->base.want &&
		    s->armed != (s->base.want | PIN_SOCK_READ))
			arm(s, s->base.want);
	}
}

void
pin__real_sock_want(struct pin_sock *base, uint32_t events)
{
	struct pin__real_sock *s = real(base);

	base->want = events;
	mark_dirty(s);
}

/* ---- events --------------------------------------------------------- */

static void accept_some(struct pin__real_sock *);

static void
on_poll(uv_poll_t *h, int status, int ev)
{
	struct pin__real_sock *s = h->data;
	uint32_t got = 0;

	pin__real_awake(loop_of(s));
	if (status < 0) {
		/* libuv has stopped watching; the owner finds the error when
		 * it reads or writes, and until then is told every turn. */
		got = PIN_SOCK_READ | PIN_SOCK_WRITE;
		s->armed = 0;
		if (s->base.want != 0)
			mark_dirty(s);
	} else {
		if ((ev & UV_READABLE) != 0)
			got |= PIN_SOCK_READ;
		if ((ev & UV_WRITABLE) != 0)
			got |= PIN_SOCK_WRITE;
	}
	if ((got & ~s->base.want) != 0 && status >= 0)
		arm(s, s->base.want);
	got &= s->base.want;
	if (got == 0)
		return;
	if (s->base.accept != NULL)
		accept_some(s);
	else
		s->base.ready(s->base.arg, &s->base, got);
}

/* ---- life ----------------------------------------------------------- */

static struct pin__real_sock *
sock_new(struct pin_host *h, int fd, int family)
{
	struct pin__real_sock *s = pin_xcalloc(1, sizeof(*s));
	int on = 1;

	s->base.magic = PIN__SOCK_MAGIC;
	s->base.host = h;
	s->fd = fd;
	s->is_unix = family == AF_UNIX;
	if (!s->is_unix)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on));
	return (s);
}

struct pin_sock *
pin_sock_wrap(int fd)
{
	return (&sock_new(pin_host_real(), fd, AF_UNIX)->base);
}

static int
sock_bind_loop(struct pin__real_sock *s, struct pin_loop *l,
    struct pin_err *err)
{
	struct pin__real_loop *rl = (struct pin__real_loop *)(void *)l;
	int rc;

	rc = uv_poll_init(&rl->uv, &s->poll, s->fd);
	if (rc != 0)
		return (pin_err_set(err, PIN_EIO, "socket: watch: %s",
		    uv_strerror(rc)));
	s->poll.data = s;
	s->base.loop = l;
	rl->nsocks++;
	return (PIN_OK);
}

static void
free_closed(uv_handle_t *h)
{
	free(h->data);
}

static void
keep_closed(uv_handle_t *h)
{
	(void)h;
}

void
pin__real_sock_close(struct pin_sock *base)
{
	struct pin__real_sock *s = real(base);

	base->magic = 0;
	if (base->loop == NULL) {
		if (s->fd >= 0)
			(void)close(s->fd);
		free(s);
		return;
	}
	unmark_dirty(s);
	if (base->accept != NULL)
		pin_timer_stop(&s->rest);
	loop_of(s)->nsocks--;
	uv_close((uv_handle_t *)&s->poll, free_closed);
	(void)close(s->fd);
	s->fd = -1;
}

/* A descriptor, which it owns from here on, as a socket of a loop. */
static int
sock_of(struct pin_loop *l, int fd, int family, struct pin__real_sock **out,
    struct pin_err *err)
{
	int rc;

	*out = sock_new(l->host, fd, family);
	rc = sock_bind_loop(*out, l, err);
	if (rc != PIN_OK)
		pin__real_sock_close(&(*out)->base);
	return (rc);
}

void
pin__real_sock_orphan(uv_handle_t *h)
{
	struct pin__real_sock *s = h->data;

	unmark_dirty(s);
	uv_close(h, keep_closed);
	(void)close(s->fd);
	s->fd = -1;
	s->base.loop = NULL;
	s->base.want = 0;
}

/* ---- listening ------------------------------------------------------ */

static void
on_rest_over(struct pin_timer *t)
{
	struct pin__real_sock *s;

	s = (struct pin__real_sock *)(void *)((char *)t -
	    offsetof(struct pin__real_sock, rest));
	pin__real_sock_want(&s->base, PIN_SOCK_READ);
}

static void
accept_some(struct pin__real_sock *s)
{
	struct pin__real_sock *c;
	union any_addr peer;
	size_t len;
	int i, fd;

	/* Closed by the callback it has no descriptor; libuv keeps it until
	 * the end of the turn. */
	for (i = 0; i < PIN_SOCK_ACCEPT_BATCH && s->fd >= 0; i++) {
		len = sizeof(peer);
		fd = pin_os_accept(s->fd, &peer, &len);
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS ||
		    fd == -ENOMEM) {
			pin_log(s->base.host, PIN_LOG_WARN, "accept: %s; "
			    "resting for %d ms", strerror(-fd),
			    PIN_SOCK_ACCEPT_REST_MS);
			pin__real_sock_want(&s->base, 0);
			arm(s, 0);
			pin_timer_start(&s->rest, PIN_SOCK_ACCEPT_REST_MS);
			break;
		}
		if (fd < 0)
			break;		/* none left, or that one has gone */
		c = sock_new(s->base.host, fd, s->is_unix ? AF_UNIX : AF_INET);
		s->base.accept(s->base.arg, &c->base);
	}
}

/* A UNIX socket's name outlives its process: take it over when nobody
 * answers there. Two that start at once are kept apart by the lock on their
 * data directory. */
static void
unlink_stale(const struct pin_addr *a, const union any_addr *u, socklen_t len)
{
	struct stat st;
	int fd, rc;

	if (lstat(a->path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = pin_os_socket(AF_UNIX);
	if (fd < 0)
		return;
	rc = connect(fd, &u->sa, len);
	if (rc != 0 && errno == ECONNREFUSED)
		(void)unlink(a->path);
	(void)close(fd);
}

static int
sock_fail(struct pin_err *err, const struct pin_addr *a, const char *what,
    int errnum)
{
	char text[160];
	int code = PIN_EIO;

	pin_addr_print(a, text, sizeof(text));
	if (errnum == EADDRINUSE)
		code = PIN_ELOCKED;
	else if (errnum == EACCES || errnum == EPERM)
		code = PIN_EFORBIDDEN;
	else if (errnum == ECONNREFUSED || errnum == ENOENT ||
	    errnum == ENETUNREACH || errnum == EHOSTUNREACH)
		code = PIN_EUNAVAIL;
	return (pin_err_os(err, code, errnum, "%s: %s", text, what));
}

int
pin__real_sock_listen(struct pin_loop *l, const struct pin_addr *a,
    pin_sock_accept_fn *accept_cb, void *arg, struct pin_sock **out,
    struct pin_err *err)
{
	struct pin__real_sock *s;
	union any_addr u;
	socklen_t len;
	int fd, rc, on = 1;

	rc = addr_to_os(a, &u, &len, err);
	if (rc != PIN_OK)
		return (rc);
	fd = pin_os_socket(u.sa.sa_family);
	if (fd < 0)
		return (sock_fail(err, a, "socket", -fd));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->family == 6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
		    sizeof(on));
	if (a->family == 1)
		unlink_stale(a, &u, len);
	if (bind(fd, &u.sa, len) != 0)
		rc = sock_fail(err, a, "bind", errno);
	else if (listen(fd, PIN_SOCK_BACKLOG) != 0)
		rc = sock_fail(err, a, "listen", errno);
	if (rc != PIN_OK) {
		(void)close(fd);
		return (rc);
	}
	rc = sock_of(l, fd, u.sa.sa_family, &s, err);
	if (rc != PIN_OK)
		return (rc);
	s->base.accept = accept_cb;
	s->base.arg = arg;
	pin_timer_init(&s->rest, l, on_rest_over);
	pin__real_sock_want(&s->base, PIN_SOCK_READ);
	*out = &s->base;
	return (PIN_OK);
}

/* ---- connections ---------------------------------------------------- */

int
pin__real_sock_connect(struct pin_loop *l, const struct pin_addr *a,
    pin_sock_ready_fn *ready, void *arg, struct pin_sock **out,
    struct pin_err *err)
{
	struct pin__real_sock *s;
	union any_addr u;
	socklen_t len;
	int fd, rc;

	rc = addr_to_os(a, &u, &len, err);
	if (rc != PIN_OK)
		return (rc);
	fd = pin_os_socket(u.sa.sa_family);
	if (fd < 0)
		return (sock_fail(err, a, "socket", -fd));
	/* Interrupted, a connect goes on by itself. */
	if (connect(fd, &u.sa, len) != 0 && errno != EINPROGRESS &&
	    errno != EINTR) {
		rc = sock_fail(err, a, "connect", errno);
		(void)close(fd);
		return (rc);
	}
	rc = sock_of(l, fd, u.sa.sa_family, &s, err);
	if (rc != PIN_OK)
		return (rc);
	s->base.ready = ready;
	s->base.arg = arg;
	pin__real_sock_want(&s->base, PIN_SOCK_WRITE);
	*out = &s->base;
	return (PIN_OK);
}

int
pin__real_sock_attach(struct pin_sock *base, struct pin_loop *l,
    pin_sock_ready_fn *ready, void *arg, struct pin_err *err)
{
	int rc;

	rc = sock_bind_loop(real(base), l, err);
	if (rc != PIN_OK)
		return (rc);
	base->ready = ready;
	base->arg = arg;
	base->want = 0;
	return (PIN_OK);
}

int64_t
pin__real_sock_recv(struct pin_sock *s, void *p, size_t len)
{
	ssize_t n;

	do
		n = recv(real(s)->fd, p, len, 0);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return ((int64_t)n);
	return (errno == EAGAIN || errno == EWOULDBLOCK ? PIN_EAGAIN :
	    PIN_ECLOSED);
}

int64_t
pin__real_sock_send(struct pin_sock *s, const void *p, size_t len)
{
	ssize_t n;

	do
		n = send(real(s)->fd, p, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return ((int64_t)n);
	/* ENOTCONN: still connecting, on some systems. */
	return (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ?
	    PIN_EAGAIN : PIN_ECLOSED);
}

void
pin__real_sock_shutdown(struct pin_sock *s)
{
	(void)shutdown(real(s)->fd, SHUT_WR);
}

void
pin__real_sock_peer(struct pin_sock *s, struct pin_addr *a)
{
	union any_addr u;
	socklen_t len = sizeof(u);

	memset(&u, 0, sizeof(u));
	if (getpeername(real(s)->fd, &u.sa, &len) == 0)
		addr_from_os(&u, len, a);
}

void
pin__real_sock_local(struct pin_sock *s, struct pin_addr *a)
{
	union any_addr u;
	socklen_t len = sizeof(u);

	memset(&u, 0, sizeof(u));
	if (getsockname(real(s)->fd, &u.sa, &len) == 0)
		addr_from_os(&u, len, a);
}

int
pin__real_sock_cred(struct pin_sock *s, uint32_t *uid, uint32_t *pid)
{
	if (!real(s)->is_unix)
		return (PIN_EINVAL);
	return (pin_os_peercred(real(s)->fd, uid, pid) == 0 ? PIN_OK :
	    PIN_EINVAL);
}

/* ---- datagrams ------------------------------------------------------ */

int
pin__real_dgram_open(struct pin_loop *l, const struct pin_addr *a,
    int is_connect, pin_sock_ready_fn *ready, void *arg,
    struct pin_sock **out, struct pin_err *err)
{
	struct pin__real_sock *s;
	union any_addr u;
	socklen_t len;
	int fd, rc, on = 1;

	rc = addr_to_os(a, &u, &len, err);
	if (rc != PIN_OK)
		return (rc);
	fd = pin_os_dgram(u.sa.sa_family);
	if (fd < 0)
		return (sock_fail(err, a, "socket", -fd));
	if (!is_connect && a->family == 6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
		    sizeof(on));
	if ((is_connect ? connect(fd, &u.sa, len) : bind(fd, &u.sa, len)) !=
	    0) {
		rc = sock_fail(err, a, is_connect ? "connect" : "bind",
		    errno);
		(void)close(fd);
		return (rc);
	}
	rc = sock_of(l, fd, AF_UNIX, &s, err);	/* no TCP options */
	if (rc != PIN_OK)
		return (rc);
	s->base.ready = ready;
	s->base.arg = arg;
	pin__real_sock_want(&s->base, PIN_SOCK_READ);
	*out = &s->base;
	return (PIN_OK);
}

int64_t
pin__real_dgram_recv(struct pin_sock *s, void *p, size_t len,
    struct pin_addr *from)
{
	union any_addr u;
	socklen_t ulen;
	ssize_t n;

	do {
		ulen = sizeof(u);
		n = recvfrom(real(s)->fd, p, len, 0, &u.sa, &ulen);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return (errno == EAGAIN || errno == EWOULDBLOCK ?
		    PIN_EAGAIN : PIN_ECLOSED);
	if (from != NULL)
		addr_from_os(&u, ulen, from);
	return ((int64_t)n);
}

int64_t
pin__real_dgram_send(struct pin_sock *s, const void *p, size_t len,
    const struct pin_addr *to)
{
	union any_addr u;
	socklen_t ulen = 0;
	ssize_t n;

	if (to != NULL && addr_to_os(to, &u, &ulen, NULL) != PIN_OK)
		return (PIN_EINVAL);
	do
		n = sendto(real(s)->fd, p, len, MSG_NOSIGNAL, to != NULL ?
		    &u.sa : NULL, ulen);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return ((int64_t)n);
	return (errno == EAGAIN || errno == EWOULDBLOCK ||
	    errno == ENOBUFS ? PIN_EAGAIN : PIN_ECLOSED);
}
