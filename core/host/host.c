/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host.c -- the public functions: check arguments and threads, then call the
 * host's table. Loops' hooks and timers are the same in both hosts.
 * Threads: as in pintle/host.h.
 * Contract: pintle/host.h. */
#include "core/host/host_int.h"

#include <stdio.h>
#include <string.h>

#include "core/host/move.h"

_Thread_local struct pin_loop *pin__loop_current;

/* ---- clock, random -------------------------------------------------- */

uint64_t
pin_host_now(struct pin_host *h)
{
	return (h->ops->now(h));
}

int64_t
pin_host_wall(struct pin_host *h)
{
	return (h->ops->wall(h));
}

void
pin_host_random(struct pin_host *h, void *buf, size_t len)
{
	PIN_VALID(h, PIN__HOST_MAGIC);
	h->ops->random(h, buf, len);
}

/* ---- loops ---------------------------------------------------------- */

int
pin_loop_open(struct pin_host *h, const char *name, struct pin_loop **out,
    struct pin_err *err)
{
	struct pin_loop *l = NULL;
	int rc;

	PIN_VALID(h, PIN__HOST_MAGIC);
	PIN_ASSERT(name != NULL && out != NULL);
	*out = NULL;
	rc = h->ops->loop_open(h, &l, err);
	if (rc != PIN_OK)
		return (pin_err_wrap(err, "loop %s", name), rc);
	l->magic = PIN__LOOP_MAGIC;
	l->host = h;
	snprintf(l->name, sizeof(l->name), "%s", name);
	pin__wheel_init(&l->wheel, h->ops->now(h));
	*out = l;
	return (PIN_OK);
}

int
pin_loop_start(struct pin_loop *l, struct pin_err *err)
{
	int rc;

	PIN_VALID(l, PIN__LOOP_MAGIC);
	PIN_ASSERT(atomic_load(&l->state) == PIN__LOOP_NEW);
	rc = l->host->ops->loop_start(l, err);
	if (rc != PIN_OK)
		pin_err_wrap(err, "loop %s", l->name);
	return (rc);
}

void
pin_loop_run(struct pin_loop *l)
{
	PIN_VALID(l, PIN__LOOP_MAGIC);
	PIN_ASSERT(atomic_load(&l->state) == PIN__LOOP_NEW);
	l->host->ops->loop_run(l);
}

void
pin_loop_stop(struct pin_loop *l)
{
	PIN_VALID(l, PIN__LOOP_MAGIC);
	l->host->ops->loop_stop(l);
}

void
pin_loop_close(struct pin_loop **lp)
{
	struct pin_loop *l;

	if (lp == NULL || (l = *lp) == NULL)
		return;
	PIN_VALID(l, PIN__LOOP_MAGIC);
	PIN_ASSERT(pin__loop_current != l);
	/* The loop's last callbacks may still look at *lp. */
	l->host->ops->loop_close(l);
	*lp = NULL;
}

struct pin_host *
pin_loop_host(struct pin_loop *l)
{
	PIN_VALID(l, PIN__LOOP_MAGIC);
	return (l->host);
}

const char *
pin_loop_name(const struct pin_loop *l)
{
	PIN_VALID(l, PIN__LOOP_MAGIC);
	return (l->name);
}

/* A loop that does not run belongs to whoever sets it up or closes it. */
int
pin_loop_here(const struct pin_loop *l)
{
	return (pin__loop_current == l ||
	    atomic_load(&l->state) != PIN__LOOP_RUNNING);
}

void
pin_loop_post(struct pin_loop *l, struct pin_msg *m)
{
	PIN_VALID(l, PIN__LOOP_MAGIC);
	PIN_ASSERT(m->fn != NULL);
	l->host->ops->loop_post(l, m);
}

void
pin_loop_hook(struct pin_loop *l, void (*fn)(void *), void *arg)
{
	PIN_VALID(l, PIN__LOOP_MAGIC);
	PIN_ASSERT_LOOP(l);
	PIN_ASSERT(l->nhooks < PIN_LOOP_HOOKS_MAX);
	l->hooks[l->nhooks].fn = fn;
	l->hooks[l->nhooks].arg = arg;
	l->nhooks++;
}

void
pin__loop_hooks(struct pin_loop *l)
{
	uint32_t i;

	for (i = 0; i < l->nhooks; i++)
		l->hooks[i].fn(l->hooks[i].arg);
}

void
pin_timer_init(struct pin_timer *t, struct pin_loop *l,
    void (*fn)(struct pin_timer *))
{
	PIN_VALID(l, PIN__LOOP_MAGIC);
	memset(t, 0, sizeof(*t));
	t->loop = l;
	t->fn = fn;
}

void
pin_timer_start(struct pin_timer *t, uint64_t delay_ms)
{
	struct pin_loop *l = t->loop;

	PIN_ASSERT_LOOP(l);
	if (delay_ms > PIN_TIMER_DELAY_MS_MAX)
		delay_ms = PIN_TIMER_DELAY_MS_MAX;
	if (t->due_ns != 0)
		pin__wheel_unlink(&l->wheel, t);
	t->due_ns = l->host->ops->now(l->host) + delay_ms * PIN__MS;
	pin__wheel_link(&l->wheel, t);
}

void
pin_timer_stop(struct pin_timer *t)
{
	PIN_ASSERT_LOOP(t->loop);
	if (t->due_ns == 0)
		return;
	pin__wheel_unlink(&t->loop->wheel, t);
	t->due_ns = 0;
}

void
pin_work_start(struct pin_work *w)
{
	PIN_VALID(w->loop, PIN__LOOP_MAGIC);
	PIN_ASSERT_LOOP(w->loop);
	PIN_ASSERT(w->fn != NULL && w->done != NULL);
	w->loop->host->ops->work_start(w);
}

/* ---- files ---------------------------------------------------------- */

int
pin_file_open(struct pin_host *h, const char *path, uint32_t flags,
    struct pin_file **out, struct pin_err *err)
{
	PIN_VALID(h, PIN__HOST_MAGIC);
	PIN_ASSERT((flags & (PIN_FILE_READ | PIN_FILE_WRITE)) != 0);
	PIN_ASSERT((flags & PIN_FILE_EXCL) == 0 ||
	    (flags & PIN_FILE_CREATE) != 0);
	*out = NULL;
	return (h->ops->file_open(h, path, flags, out, err));
}

void
pin_file_close(struct pin_file **fp)
{
	struct pin_file *f;

	if (fp == NULL || (f = *fp) == NULL)
		return;
	*fp = NULL;
	PIN_VALID(f, PIN__FILE_MAGIC);
	f->host->ops->file_close(f);
}

int64_t
pin_file_read(struct pin_file *f, void *p, size_t len, uint64_t at,
    struct pin_err *err)
{
	PIN_VALID(f, PIN__FILE_MAGIC);
	return (f->host->ops->file_read(f, p, len, at, err));
}

int
pin_file_write(struct pin_file *f, const struct pin_iov *iov, uint32_t n,
    uint64_t at, struct pin_err *err)
{
	PIN_VALID(f, PIN__FILE_MAGIC);
	return (f->host->ops->file_write(f, iov, n, at, err));
}

int
pin_file_sync(struct pin_file *f, struct pin_err *err)
{
	int rc;

	PIN_VALID(f, PIN__FILE_MAGIC);
	if (f->failed)
		return (pin_err_set(err, PIN_EIO,
		    "%s: sync: an earlier sync failed", f->path));
	rc = f->host->ops->file_sync(f, err);
	if (rc != PIN_OK)
		f->failed = 1;
	return (rc);
}

int
pin_file_truncate(struct pin_file *f, uint64_t size, struct pin_err *err)
{
	PIN_VALID(f, PIN__FILE_MAGIC);
	return (f->host->ops->file_truncate(f, size, err));
}

int
pin_file_reserve(struct pin_file *f, uint64_t size, struct pin_err *err)
{
	PIN_VALID(f, PIN__FILE_MAGIC);
	return (f->host->ops->file_reserve(f, size, err));
}

int64_t
pin_file_size(struct pin_file *f, struct pin_err *err)
{
	PIN_VALID(f, PIN__FILE_MAGIC);
	return (f->host->ops->file_size(f, err));
}

int
pin_file_lock(struct pin_file *f, struct pin_err *err)
{
	PIN_VALID(f, PIN__FILE_MAGIC);
	return (f->host->ops->file_lock(f, err));
}

int
pin_path_rename(struct pin_host *h, const char *from, const char *to,
    struct pin_err *err)
{
	PIN_VALID(h, PIN__HOST_MAGIC);
	return (h->ops->path_rename(h, from, to, err));
}

int
pin_path_unlink(struct pin_host *h, const char *path, struct pin_err *err)
{
	PIN_VALID(h, PIN__HOST_MAGIC);
	return (h->ops->path_unlink(h, path, err));
}

int
pin_path_mkdir(struct pin_host *h, const char *path, struct pin_err *err)
{
	PIN_VALID(h, PIN__HOST_MAGIC);
	return (h->ops->path_mkdir(h, path, err));
}

int
pin_path_sync(struct pin_host *h, const char *dir, struct pin_err *err)
{
	PIN_VALID(h, PIN__HOST_MAGIC);
	return (h->ops->path_sync(h, dir, err));
}

int
pin_path_list(struct pin_host *h, const char *dir,
    int (*fn)(void *, const char *), void *arg, struct pin_err *err)
{
	PIN_VALID(h, PIN__HOST_MAGIC);
	return (h->ops->path_list(h, dir, fn, arg, err));
}

int
pin_path_move(struct pin_host *h, const char *from, const char *to,
    struct pin_err *err)
{
	char dir[PIN_PATH_MAX];
	int rc;

	PIN_VALID(h, PIN__HOST_MAGIC);
	if (h->ops->path_move != NULL)
		return (h->ops->path_move(h, from, to, err));
	rc = pin__path_dir(to, dir, sizeof(dir), err);
	if (rc == PIN_OK)
		rc = h->ops->path_rename(h, from, to, err);
	return (rc == PIN_OK ? h->ops->path_sync(h, dir, err) : rc);
}

/* ---- sockets -------------------------------------------------------- */

int
pin_sock_listen(struct pin_loop *l, const struct pin_addr *a,
    pin_sock_accept_fn *accept, void *arg, struct pin_sock **out,
    struct pin_err *err)
{
	PIN_VALID(l, PIN__LOOP_MAGIC);
	PIN_ASSERT_LOOP(l);
	*out = NULL;
	return (l->host->ops->sock_listen(l, a, accept, arg, out, err));
}

int
pin_sock_connect(struct pin_loop *l, const struct pin_addr *a,
    pin_sock_ready_fn *ready, void *arg, struct pin_sock **out,
    struct pin_err *err)
{
	PIN_VALID(l, PIN__LOOP_MAGIC);
	PIN_ASSERT_LOOP(l);
	*out = NULL;
	return (l->host->ops->sock_connect(l, a, ready, arg, out, err));
}

int
pin_sock_attach(struct pin_sock *s, struct pin_loop *l,
    pin_sock_ready_fn *ready, void *arg, struct pin_err *err)
{
	PIN_VALID(s, PIN__SOCK_MAGIC);
	PIN_VALID(l, PIN__LOOP_MAGIC);
	PIN_ASSERT_LOOP(l);
	PIN_ASSERT(s->loop == NULL && s->host == l->host);
	return (l->host->ops->sock_attach(s, l, ready, arg, err));
}

void
pin_sock_want(struct pin_sock *s, uint32_t events)
{
	PIN_VALID(s, PIN__SOCK_MAGIC);
	PIN_ASSERT((events & ~(uint32_t)(PIN_SOCK_READ | PIN_SOCK_WRITE)) == 0);
	if (s->want == events)
		return;
	PIN_ASSERT(s->loop != NULL);
	PIN_ASSERT_LOOP(s->loop);
	s->host->ops->sock_want(s, events);
}

int64_t
pin_sock_recv(struct pin_sock *s, void *p, size_t len)
{
	PIN_VALID(s, PIN__SOCK_MAGIC);
	PIN_ASSERT(len > 0);
	return (s->host->ops->sock_recv(s, p, len));
}

int64_t
pin_sock_send(struct pin_sock *s, const void *p, size_t len)
{
	PIN_VALID(s, PIN__SOCK_MAGIC);
	return (s->host->ops->sock_send(s, p, len));
}

void
pin_sock_shutdown(struct pin_sock *s)
{
	PIN_VALID(s, PIN__SOCK_MAGIC);
	s->host->ops->sock_shutdown(s);
}

void
pin_sock_close(struct pin_sock **sp)
{
	struct pin_sock *s;

	if (sp == NULL || (s = *sp) == NULL)
		return;
	*sp = NULL;
	PIN_VALID(s, PIN__SOCK_MAGIC);
	if (s->loop != NULL)
		PIN_ASSERT_LOOP(s->loop);
	s->host->ops->sock_close(s);
}

void
pin_sock_peer(struct pin_sock *s, struct pin_addr *a)
{
	PIN_VALID(s, PIN__SOCK_MAGIC);
	memset(a, 0, sizeof(*a));
	s->host->ops->sock_peer(s, a);
}

void
pin_sock_local(struct pin_sock *s, struct pin_addr *a)
{
	PIN_VALID(s, PIN__SOCK_MAGIC);
	memset(a, 0, sizeof(*a));
	s->host->ops->sock_local(s, a);
}

int
pin_sock_cred(struct pin_sock *s, uint32_t *uid, uint32_t *pid)
{
	PIN_VALID(s, PIN__SOCK_MAGIC);
	*uid = *pid = UINT32_MAX;
	return (s->host->ops->sock_cred(s, uid, pid));
}

/* ---- datagrams ------------------------------------------------------ */

static int
dgram_open(struct pin_loop *l, const struct pin_addr *a, int is_connect,
    pin_sock_ready_fn *ready, void *arg, struct pin_sock **out,
    struct pin_err *err)
{
	PIN_VALID(l, PIN__LOOP_MAGIC);
	PIN_ASSERT_LOOP(l);
	*out = NULL;
	if (l->host->ops->dgram_open == NULL)
		return (pin_err_set(err, PIN_EUNAVAIL, "this host has no "
		    "datagrams"));
	return (l->host->ops->dgram_open(l, a, is_connect, ready, arg, out,
	    err));
}

int
pin_dgram_bind(struct pin_loop *l, const struct pin_addr *a,
    pin_sock_ready_fn *ready, void *arg, struct pin_sock **out,
    struct pin_err *err)
{
	return (dgram_open(l, a, 0, ready, arg, out, err));
}

int
pin_dgram_connect(struct pin_loop *l, const struct pin_addr *a,
    pin_sock_ready_fn *ready, void *arg, struct pin_sock **out,
    struct pin_err *err)
{
	return (dgram_open(l, a, 1, ready, arg, out, err));
}

int64_t
pin_dgram_recv(struct pin_sock *s, void *p, size_t len, struct pin_addr *from)
{
	PIN_VALID(s, PIN__SOCK_MAGIC);
	return (s->host->ops->dgram_recv(s, p, len, from));
}

int64_t
pin_dgram_send(struct pin_sock *s, const void *p, size_t len,
    const struct pin_addr *to)
{
	PIN_VALID(s, PIN__SOCK_MAGIC);
	return (s->host->ops->dgram_send(s, p, len, to));
}
