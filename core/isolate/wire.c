/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wire.c -- fields and frames between a server and an isolated plugin.
 * A thread owns its end of the socket. Contract: wire.h. */
#include "core/isolate/wire.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIGN		16u
#define NONE		UINT64_MAX	/* length of a string that is none */

/* ---- fields ------------------------------------------------------ */

void
pin__put_u64(struct pin_out *o, uint64_t v)
{
	pin_out_put(o, &v, sizeof(v));
}

/* A length, the bytes at a multiple of ALIGN, a NUL. */
void
pin__put_str(struct pin_out *o, struct pin_str s)
{
	static const char zero[ALIGN];

	pin__put_u64(o, s.p == NULL ? NONE : s.len);
	if (s.p == NULL)
		return;
	pin_out_put(o, zero, (ALIGN - o->len % ALIGN) % ALIGN);
	pin_out_str(o, s);
	pin_out_char(o, '\0');
}

uint64_t
pin__get_u64(struct pin__in *in)
{
	uint64_t v = 0;

	if (in->bad || in->len - in->at < sizeof(v)) {
		in->bad = 1;
		return (0);
	}
	memcpy(&v, in->p + in->at, sizeof(v));
	in->at += sizeof(v);
	return (v);
}

struct pin_str
pin__get_str(struct pin__in *in)
{
	uint64_t len = pin__get_u64(in);
	size_t skip = (ALIGN - in->at % ALIGN) % ALIGN;
	struct pin_str s = PIN_STR_NONE;

	if (in->bad || len == NONE)
		return (s);
	if (in->len - in->at < skip || in->len - in->at - skip <= len ||
	    in->p[in->at + skip + len] != '\0') {
		in->bad = 1;
		return (s);
	}
	s.p = in->p + in->at + skip;
	s.len = (size_t)len;
	in->at += skip + (size_t)len + 1;
	return (s);
}

static void
put_list(struct pin_out *o, const struct pin_str *s, uint32_t n)
{
	pin__put_u64(o, n);
	for (uint32_t i = 0; i < n; i++)
		pin__put_str(o, s[i]);
}

static const struct pin_str *
get_list(struct pin__in *in, struct pin_arena *a, uint32_t *n)
{
	uint64_t count = pin__get_u64(in);
	struct pin_str *s;

	*n = 0;
	if (count > PIN_WIRE_LIST_MAX)
		in->bad = 1;
	if (in->bad || count == 0)
		return (NULL);
	s = pin_arena_alloc(a, (size_t)count * sizeof(*s));
	if (s == NULL) {
		in->bad = 1;
		return (NULL);
	}
	for (uint64_t i = 0; i < count; i++)
		s[i] = pin__get_str(in);
	*n = (uint32_t)count;
	return (s);
}

/* ---- the request ------------------------------------------------- */

static void
put_user(struct pin_out *o, const struct pin_user *u)
{
	pin__put_u64(o, u != NULL);
	if (u == NULL)
		return;
	pin__put_str(o, u->name);
	pin__put_str(o, u->uid);
	put_list(o, u->groups, u->ngroups);
	put_list(o, u->audiences, u->naudiences);
	pin__put_u64(o, u->nextra);
	for (uint32_t i = 0; i < u->nextra; i++) {
		pin__put_str(o, u->extra[i].key);
		pin__put_str(o, u->extra[i].value);
	}
}

static void
get_extra(struct pin__in *in, struct pin_arena *a, struct pin_user *u)
{
	uint64_t n = pin__get_u64(in);
	struct pin_extra *x;

	if (in->bad || n == 0)
		return;
	x = n > PIN_WIRE_LIST_MAX ? NULL : pin_arena_alloc(a,
	    (size_t)n * sizeof(*x));
	if (x == NULL) {
		in->bad = 1;
		return;
	}
	for (uint64_t i = 0; i < n; i++) {
		x[i].key = pin__get_str(in);
		x[i].value = pin__get_str(in);
	}
	u->extra = x;
	u->nextra = (uint32_t)n;
}

static const struct pin_user *
get_user(struct pin__in *in, struct pin_arena *a, struct pin_user *u)
{
	memset(u, 0, sizeof(*u));
	if (pin__get_u64(in) == 0)
		return (NULL);
	u->size = sizeof(*u);
	u->name = pin__get_str(in);
	u->uid = pin__get_str(in);
	u->groups = get_list(in, a, &u->ngroups);
	u->audiences = get_list(in, a, &u->naudiences);
	get_extra(in, a, u);
	return (u);
}

static int
put_object(struct pin_out *o, const struct pin_obj *obj)
{
	struct pin_out packed;
	int rc = PIN_OK;

	if (obj == NULL) {
		pin__put_str(o, PIN_STR_NONE);
		return (PIN_OK);
	}
	pin_out_init(&packed, NULL, PIN_FRAME_MAX);
	rc = pin_obj_pack(obj, &packed);
	if (rc == PIN_OK)
		rc = packed.failed;
	if (rc == PIN_OK)
		pin__put_str(o, (struct pin_str){ packed.p, packed.len });
	pin_out_fini(&packed);
	return (rc);
}

static const struct pin_obj *
get_object(struct pin__in *in, struct pin_arena *a, struct pin_err *err)
{
	struct pin_str s = pin__get_str(in);
	struct pin_obj *obj = NULL;

	if (s.p != NULL && pin_obj_map(a, s.p, s.len, &obj, err) != PIN_OK)
		in->bad = 1;
	return (obj);
}

int
pin__put_request(struct pin_out *o, const struct pin_admission_request *r)
{
	int rc;

	pin__put_u64(o, r->operation);
	pin__put_u64(o, r->dry_run);
	put_list(o, (const struct pin_str[]){ r->group, r->version, r->kind,
	    r->resource, r->subresource, r->namespace, r->name, r->uid }, 8);
	put_user(o, r->user);
	rc = put_object(o, r->object);
	if (rc == PIN_OK)
		rc = put_object(o, r->old_object);
	if (rc == PIN_OK)
		rc = put_object(o, r->options);
	return (rc == PIN_OK ? o->failed : rc);
}

int
pin__get_request(struct pin__in *in, struct pin_arena *a,
    struct pin_admission_request *r, struct pin_user *user,
    struct pin_err *err)
{
	const struct pin_str *s;
	uint32_t n;

	memset(r, 0, sizeof(*r));
	r->size = sizeof(*r);
	r->operation = (uint32_t)pin__get_u64(in);
	r->dry_run = (uint32_t)pin__get_u64(in);
	s = get_list(in, a, &n);
	if (n != 8)
		return (pin_err_set(err, PIN_ECORRUPT, "damaged request"));
	r->group = s[0];
	r->version = s[1];
	r->kind = s[2];
	r->resource = s[3];
	r->subresource = s[4];
	r->namespace = s[5];
	r->name = s[6];
	r->uid = s[7];
	r->user = get_user(in, a, user);
	r->object = get_object(in, a, err);
	r->old_object = get_object(in, a, err);
	r->options = get_object(in, a, err);
	return (!in->bad ? PIN_OK : pin_err_set(err, PIN_ECORRUPT,
	    "damaged request"));
}

/* ---- frames ------------------------------------------------------ */

/* Until one of them is ready; PIN_ETIMEOUT. */
static int
wait_for(struct pin_host *host, struct pollfd *p, nfds_t np,
    uint64_t deadline_ns, struct pin_err *err)
{
	uint64_t now;
	int ms = -1, n;

	for (;;) {
		if (deadline_ns != 0) {
			now = pin_host_now(host);
			if (now >= deadline_ns)
				return (pin_err_set(err, PIN_ETIMEOUT,
				    "no answer in time"));
			ms = (int)((deadline_ns - now) / 1000000 % 3600000) +
			    1;
		}
		n = poll(p, np, ms);
		if (n > 0)
			return (PIN_OK);
		if (n < 0 && errno != EINTR)
			return (pin_err_os(err, PIN_EIO, errno, "poll"));
	}
}

static int
is_again(int e)
{
	return (e == EINTR || e == EAGAIN || e == EWOULDBLOCK);
}

/* The head and the payload, as much of them as there is left, in one go. */
static int
send_all(struct pin_host *host, struct pin__wire *w, struct iovec iov[2],
    uint64_t deadline_ns, struct pin_err *err)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	struct pollfd p = { w->fd, POLLOUT, 0 };
	ssize_t n;
	size_t k;
	int rc;

	while (iov[0].iov_len + iov[1].iov_len > 0) {
		n = sendmsg(w->fd, &m, MSG_NOSIGNAL);
		if (n < 0 && !is_again(errno))
			return (pin_err_os(err, PIN_ECLOSED, errno, "send"));
		if (n < 0) {
			rc = wait_for(host, &p, 1, deadline_ns, err);
			if (rc != PIN_OK)
				return (rc);
			continue;
		}
		for (int i = 0; i < 2; i++) {
			k = (size_t)n < iov[i].iov_len ? (size_t)n :
			    iov[i].iov_len;
			iov[i].iov_base = (char *)iov[i].iov_base + k;
			iov[i].iov_len -= k;
			n -= (ssize_t)k;
		}
	}
	return (PIN_OK);
}

/* At least one byte, into p or, when less than a buffer is wanted, ahead. */
static int
recv_some(struct pin_host *host, struct pin__wire *w, char *p, size_t len,
    size_t *got, uint64_t deadline_ns, struct pin_err *err)
{
	struct pollfd pfd = { w->fd, POLLIN, 0 };
	int ahead = len < sizeof(w->buf), rc;
	ssize_t n;

	for (;;) {
		n = ahead ? recv(w->fd, w->buf, sizeof(w->buf), 0) :
		    recv(w->fd, p, len, 0);
		if (n < 0 && is_again(errno)) {
			rc = wait_for(host, &pfd, 1, deadline_ns, err);
			if (rc != PIN_OK)
				return (rc);
			continue;
		}
		if (n <= 0)
			return (pin_err_set(err, PIN_ECLOSED,
			    "the other end is gone"));
		w->at = 0;
		w->len = ahead ? (uint32_t)n : 0;
		*got = ahead ? 0 : (size_t)n;
		return (PIN_OK);
	}
}

static int
recv_all(struct pin_host *host, struct pin__wire *w, void *p, size_t len,
    uint64_t deadline_ns, struct pin_err *err)
{
	size_t at = 0, n;
	int rc;

	while (at < len) {
		n = w->len - w->at < len - at ? w->len - w->at : len - at;
		if (n == 0) {
			rc = recv_some(host, w, (char *)p + at, len - at, &n,
			    deadline_ns, err);
			if (rc != PIN_OK)
				return (rc);
		} else {
			memcpy((char *)p + at, w->buf + w->at, n);
			w->at += (uint32_t)n;
		}
		at += n;
	}
	return (PIN_OK);
}

int
pin__frame_send(struct pin_host *host, struct pin__wire *w, uint32_t type,
    const struct pin_out *payload, uint64_t deadline_ns, struct pin_err *err)
{
	struct pin__frame f = { PIN_FRAME_MAGIC, type,
	    (uint32_t)payload->len, 0 };
	struct iovec iov[2] = { { &f, sizeof(f) },
	    { payload->p, payload->len } };

	if (payload->failed || payload->len > PIN_FRAME_MAX)
		return (pin_err_set(err, PIN_ETOOBIG, "more than %u bytes "
		    "for an isolated plugin", PIN_FRAME_MAX));
	return (send_all(host, w, iov, deadline_ns, err));
}

int
pin__frame_recv(struct pin_host *host, struct pin__wire *w, uint32_t *type,
    char **payload, size_t *len, uint64_t deadline_ns, struct pin_err *err)
{
	struct pin__frame f;
	char *p;
	int rc;

	*payload = NULL;
	rc = recv_all(host, w, &f, sizeof(f), deadline_ns, err);
	if (rc != PIN_OK)
		return (rc);
	if (f.magic != PIN_FRAME_MAGIC || f.len > PIN_FRAME_MAX)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "what came is no frame"));
	p = malloc((size_t)f.len + 1);
	if (p == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "no memory"));
	rc = recv_all(host, w, p, f.len, deadline_ns, err);
	if (rc != PIN_OK) {
		free(p);
		return (rc);
	}
	*payload = p;
	*len = f.len;
	*type = f.type;
	return (PIN_OK);
}

int
pin__wire_wait(struct pin_host *host, const struct pin__wire *calls,
    const struct pin__wire *reads, uint64_t deadline_ns, struct pin_err *err)
{
	struct pollfd p[2] = { { calls->fd, POLLIN, 0 },
	    { reads->fd, POLLIN, 0 } };
	int rc;

	if (calls->at < calls->len)
		return (0);
	if (reads->at < reads->len)
		return (1);
	rc = wait_for(host, p, 2, deadline_ns, err);
	return (rc != PIN_OK ? rc : p[0].revents != 0 ? 0 : 1);
}
