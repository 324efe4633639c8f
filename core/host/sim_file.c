/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sim_file.c -- files of the simulated host: errors, faults, latencies and
 * crashes around sim_disk.c.
 * Threads: one; may be called from callbacks and work.
 * Contract: pintle/host.h and core/host/sim.h. */
#include "core/host/sim_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Drawn for every call, ns. One sync in a hundred stalls. */
#define READ_NS_MIN	1000
#define READ_NS_MAX	20000
#define WRITE_NS_MIN	2000
#define WRITE_NS_MAX	50000
#define SYNC_NS_MIN	80000
#define SYNC_NS_MAX	400000
#define STALL_NS_MAX	40000000

static struct pin__sim_file *
sim_file(struct pin_file *f)
{
	return ((struct pin__sim_file *)(void *)f);
}

static int
code_of(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return (PIN_ENOTFOUND);
	case EEXIST:
		return (PIN_EEXISTS);
	case EACCES:
		return (PIN_EFORBIDDEN);
	default:
		return (PIN_EIO);
	}
}

static int
fail(struct pin_err *err, const char *path, const char *what, int errnum)
{
	return (pin_err_os(err, code_of(errnum), errnum, "%s: %s", path,
	    what));
}

static int
is_off(const struct pin__sim_file *f)
{
	return (f->boot != f->host->boot);
}

static int
off(struct pin_err *err, const char *path, const char *what)
{
	return (pin_err_set(err, PIN_EIO, "%s: %s: the machine is off", path,
	    what));
}

static void
spend_sync(struct pin_sim *s)
{
	pin__sim_spend(s, SYNC_NS_MIN, SYNC_NS_MAX);
	if (pin__rng_below(&s->order, 100) == 0)
		pin__sim_spend(s, SYNC_NS_MAX, STALL_NS_MAX);
}

/* Calls that change names: 0, or the error that was injected. A power cut
 * here comes before the change: a later call sees the one after it. */
static int
meta_fault(struct pin__sim_host *m, uint32_t call, const char *path,
    const char *what, struct pin_err *err)
{
	uint32_t how = pin__sim_faulty(m, call);

	switch (how) {
	case 0:
	case PIN_SIM_LIE:
		return (PIN_OK);
	case PIN_SIM_ENOSPC:
		return (fail(err, path, what, ENOSPC));
	case PIN_SIM_POWER:
		pin__sim_crash(m, 1);
		return (off(err, path, what));
	default:
		return (fail(err, path, what, EIO));
	}
}

/* ---- open and close ------------------------------------------------- */

static int
open_new(struct pin__sim_host *m, const char *path, struct pin__inode *dir,
    const char *name, struct pin__inode **inode, struct pin_err *err)
{
	int rc = meta_fault(m, PIN_SIM_META, path, "open", err);

	if (rc != PIN_OK)
		return (rc);
	*inode = pin__disk_make(&m->disk, 0);
	pin__disk_move(&m->disk, *inode, NULL, NULL, dir, name);
	return (PIN_OK);
}

int
pin__sim_file_open(struct pin_host *h, const char *path, uint32_t flags,
    struct pin_file **out, struct pin_err *err)
{
	struct pin__sim_host *m = pin__sim_host_of(h);
	struct pin__inode *inode, *dir;
	struct pin__sim_file *f;
	const char *name = NULL;
	int rc, made = 0;

	pin__sim_spend(m->sim, READ_NS_MIN, READ_NS_MAX);
	rc = pin__disk_walk(&m->disk, path, &inode, &dir, &name);
	if (rc == ENOENT && dir != NULL && (flags & PIN_FILE_CREATE) != 0) {
		rc = open_new(m, path, dir, name, &inode, err);
		if (rc != PIN_OK)
			return (rc);
		made = 1;
	}
	if (rc != 0)
		return (fail(err, path, "open", rc));
	if ((flags & PIN_FILE_EXCL) != 0 && !made)
		return (fail(err, path, "open", EEXIST));
	if (inode->is_dir)
		return (fail(err, path, "open", EISDIR));
	if ((flags & PIN_FILE_TRUNC) != 0)
		pin__inode_resize(inode, 0, &m->sim->faults);
	pin__sim_trace(m->sim, 'o', m->id, inode->id);
	f = pin_xcalloc(1, sizeof(*f));
	f->base.magic = PIN__FILE_MAGIC;
	f->base.host = h;
	f->base.path = pin_xstrdup(path);
	f->host = m;
	f->boot = m->boot;
	f->flags = flags;
	f->inode = inode;
	inode->handles++;
	f->next = m->sim->files;
	f->pprev = &m->sim->files;
	if (f->next != NULL)
		f->next->pprev = &f->next;
	m->sim->files = f;
	*out = &f->base;
	return (PIN_OK);
}

void
pin__sim_file_free(struct pin__sim_file *f)
{
	*f->pprev = f->next;
	if (f->next != NULL)
		f->next->pprev = f->pprev;
	f->base.magic = 0;
	free(f->base.path);
	free(f);
}

void
pin__sim_file_close(struct pin_file *base)
{
	struct pin__sim_file *f = sim_file(base);

	if (!is_off(f)) {
		if (f->inode->locked_by == base)
			f->inode->locked_by = NULL;
		f->inode->handles--;
	}
	pin__sim_file_free(f);
}

/* ---- data ----------------------------------------------------------- */

int64_t
pin__sim_file_read(struct pin_file *base, void *p, size_t len, uint64_t at,
    struct pin_err *err)
{
	struct pin__sim_file *f = sim_file(base);
	struct pin__inode *i = f->inode;

	if (is_off(f))
		return (off(err, base->path, "read"));
	if ((f->flags & PIN_FILE_READ) == 0)
		return (fail(err, base->path, "read", EBADF));
	pin__sim_spend(f->host->sim, READ_NS_MIN, READ_NS_MAX);
	switch (pin__sim_faulty(f->host, PIN_SIM_READ)) {
	case 0:
	case PIN_SIM_LIE:
		break;
	case PIN_SIM_POWER:
		pin__sim_crash(f->host, 1);
		return (off(err, base->path, "read"));
	default:
		return (fail(err, base->path, "read", EIO));
	}
	if (at >= i->size)
		return (0);
	if (len > i->size - at)
		len = (size_t)(i->size - at);
	pin__inode_read(i, p, len, at);
	pin__sim_trace(f->host->sim, 'r', at, len);
	return ((int64_t)len);
}

static uint64_t
sum_bytes(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t h = len, v;

	for (; len >= 8; b += 8, len -= 8) {
		memcpy(&v, b, 8);
		h = (h ^ v) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	for (; len > 0; b++, len--)
		h = (h ^ *b) * 0x100000001b3u;
	return (h);
}

/* Room for the file to grow to size. */
static int
grow(struct pin__sim_file *f, uint64_t size, const char *what,
    struct pin_err *err)
{
	struct pin__disk *d = &f->host->disk;
	uint64_t have, want;

	if (size > SIM_FILE_MAX)
		return (fail(err, f->base.path, what, EFBIG));
	have = (f->inode->size + SIM_SECTOR - 1) / SIM_SECTOR * SIM_SECTOR;
	want = (size + SIM_SECTOR - 1) / SIM_SECTOR * SIM_SECTOR;
	if (want <= have)
		return (PIN_OK);
	if (d->max != 0 && d->used + (want - have) > d->max)
		return (fail(err, f->base.path, what, ENOSPC));
	d->used += want - have;
	return (PIN_OK);
}

static void
put_pieces(struct pin__sim_file *f, const struct pin_iov *iov, uint32_t n,
    uint64_t at, uint64_t max)
{
	struct pin_sim *s = f->host->sim;
	uint32_t i;
	size_t len;

	for (i = 0; i < n && max > 0; i++) {
		len = iov[i].len < max ? iov[i].len : (size_t)max;
		if (len == 0)
			continue;
		pin__inode_write(f->inode, iov[i].p, len, at, &s->faults);
		pin__sim_trace(s, 'w', at, sum_bytes(iov[i].p, len));
		at += len;
		max -= len;
	}
}

int
pin__sim_file_write(struct pin_file *base, const struct pin_iov *iov,
    uint32_t n, uint64_t at, struct pin_err *err)
{
	struct pin__sim_file *f = sim_file(base);
	struct pin_sim *s = f->host->sim;
	uint64_t len = 0, part;
	uint32_t i, how;
	int rc;

	if (is_off(f))
		return (off(err, base->path, "write"));
	if ((f->flags & PIN_FILE_WRITE) == 0)
		return (fail(err, base->path, "write", EBADF));
	pin__sim_spend(s, WRITE_NS_MIN, WRITE_NS_MAX);
	for (i = 0; i < n; i++)
		len += iov[i].len;
	part = pin__rng_below(&s->faults, len + 1);
	how = pin__sim_faulty(f->host, PIN_SIM_WRITE);
	if (how == PIN_SIM_EIO)
		return (fail(err, base->path, "write", EIO));
	if (how == PIN_SIM_ENOSPC)
		return (fail(err, base->path, "write", ENOSPC));
	if (len == 0)
		return (PIN_OK);
	rc = grow(f, at + len, "write", err);
	if (rc != PIN_OK)
		return (rc);
	put_pieces(f, iov, n, at, how == 0 || how == PIN_SIM_LIE ? len : part);
	if (how == PIN_SIM_SHORT)
		return (fail(err, base->path, "write", EIO));
	if (how == PIN_SIM_POWER) {
		pin__sim_crash(f->host, 1);
		return (off(err, base->path, "write"));
	}
	return (PIN_OK);
}

int
pin__sim_file_sync(struct pin_file *base, struct pin_err *err)
{
	struct pin__sim_file *f = sim_file(base);
	struct pin_sim *s = f->host->sim;

	if (is_off(f))
		return (off(err, base->path, "sync"));
	spend_sync(s);
	pin__sim_trace(s, 's', f->inode->id, f->inode->size);
	switch (pin__sim_faulty(f->host, PIN_SIM_SYNC)) {
	case 0:
		pin__inode_sync(f->inode, NULL);
		return (PIN_OK);
	case PIN_SIM_LIE:
		return (PIN_OK);
	case PIN_SIM_POWER:
		pin__sim_crash(f->host, 1);
		return (off(err, base->path, "sync"));
	case PIN_SIM_ENOSPC:
		pin__inode_sync(f->inode, &s->faults);
		return (fail(err, base->path, "sync", ENOSPC));
	default:
		pin__inode_sync(f->inode, &s->faults);
		return (fail(err, base->path, "sync", EIO));
	}
}

/* truncate and reserve: 0, or the injected error. */
static int
size_fault(struct pin__sim_file *f, const char *what, struct pin_err *err)
{
	if (is_off(f))
		return (off(err, f->base.path, what));
	if ((f->flags & PIN_FILE_WRITE) == 0)
		return (fail(err, f->base.path, what, EBADF));
	pin__sim_spend(f->host->sim, WRITE_NS_MIN, WRITE_NS_MAX);
	return (meta_fault(f->host, PIN_SIM_WRITE, f->base.path, what, err));
}

int
pin__sim_file_truncate(struct pin_file *base, uint64_t size,
    struct pin_err *err)
{
	struct pin__sim_file *f = sim_file(base);
	uint64_t was = f->inode->size;
	int rc;

	rc = size_fault(f, "truncate", err);
	if (rc == PIN_OK)
		rc = grow(f, size, "truncate", err);
	if (rc != PIN_OK)
		return (rc);
	pin__inode_resize(f->inode, size, &f->host->sim->faults);
	if (size < was)
		f->host->disk.used -= (was + SIM_SECTOR - 1) / SIM_SECTOR *
		    SIM_SECTOR - (size + SIM_SECTOR - 1) / SIM_SECTOR *
		    SIM_SECTOR;
	pin__sim_trace(f->host->sim, 't', f->inode->id, size);
	return (PIN_OK);
}

int
pin__sim_file_reserve(struct pin_file *base, uint64_t size,
    struct pin_err *err)
{
	struct pin__sim_file *f = sim_file(base);
	int rc;

	rc = size_fault(f, "reserve", err);
	if (rc != PIN_OK || size <= f->inode->size)
		return (rc);
	rc = grow(f, size, "reserve", err);
	if (rc == PIN_OK)
		pin__inode_resize(f->inode, size, &f->host->sim->faults);
	pin__sim_trace(f->host->sim, 'v', f->inode->id, size);
	return (rc);
}

int64_t
pin__sim_file_size(struct pin_file *base, struct pin_err *err)
{
	struct pin__sim_file *f = sim_file(base);

	if (is_off(f))
		return (off(err, base->path, "stat"));
	return ((int64_t)f->inode->size);
}

int
pin__sim_file_lock(struct pin_file *base, struct pin_err *err)
{
	struct pin__sim_file *f = sim_file(base);

	if (is_off(f))
		return (off(err, base->path, "lock"));
	if (f->inode->locked_by != NULL && f->inode->locked_by != base)
		return (pin_err_set(err, PIN_ELOCKED,
		    "%s: lock: in use by another process", base->path));
	f->inode->locked_by = base;
	return (PIN_OK);
}

/* ---- names ---------------------------------------------------------- */

int
pin__sim_path_rename(struct pin_host *h, const char *from, const char *to,
    struct pin_err *err)
{
	struct pin__sim_host *m = pin__sim_host_of(h);
	struct pin__inode *inode, *old, *from_dir, *to_dir;
	const char *from_name = NULL, *to_name = NULL;
	int rc;

	pin__sim_spend(m->sim, WRITE_NS_MIN, WRITE_NS_MAX);
	rc = pin__disk_walk(&m->disk, from, &inode, &from_dir, &from_name);
	if (rc == 0 && from_dir == NULL)
		rc = EBUSY;
	if (rc == 0) {
		rc = pin__disk_walk(&m->disk, to, &old, &to_dir, &to_name);
		if (to_dir != NULL && rc == ENOENT)
			rc = 0;
		else if (rc == 0 && (to_dir == NULL || old->is_dir ||
		    inode->is_dir))
			rc = EISDIR;
	}
	if (rc != 0)
		return (pin_err_os(err, code_of(rc), rc, "%s: rename to %s",
		    from, to));
	rc = meta_fault(m, PIN_SIM_META, from, "rename", err);
	if (rc != PIN_OK || old == inode)
		return (rc);
	pin__sim_trace(m->sim, 'm', m->id, inode->id);
	pin__disk_move(&m->disk, inode, from_dir, from_name, to_dir, to_name);
	return (PIN_OK);
}

int
pin__sim_path_unlink(struct pin_host *h, const char *path,
    struct pin_err *err)
{
	struct pin__sim_host *m = pin__sim_host_of(h);
	struct pin__inode *inode, *dir;
	const char *name = NULL;
	int rc;

	pin__sim_spend(m->sim, WRITE_NS_MIN, WRITE_NS_MAX);
	rc = pin__disk_walk(&m->disk, path, &inode, &dir, &name);
	if (rc == 0 && (inode->is_dir || dir == NULL))
		rc = EISDIR;
	if (rc != 0)
		return (fail(err, path, "unlink", rc));
	rc = meta_fault(m, PIN_SIM_META, path, "unlink", err);
	if (rc != PIN_OK)
		return (rc);
	pin__sim_trace(m->sim, 'x', m->id, inode->id);
	pin__disk_move(&m->disk, inode, dir, name, NULL, NULL);
	return (PIN_OK);
}

int
pin__sim_path_mkdir(struct pin_host *h, const char *path,
    struct pin_err *err)
{
	struct pin__sim_host *m = pin__sim_host_of(h);
	char plain[PIN_PATH_MAX];
	struct pin__inode *inode, *dir;
	const char *name = NULL;
	size_t len = strlen(path);
	int rc;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= sizeof(plain))
		return (fail(err, path, "mkdir", ENAMETOOLONG));
	memcpy(plain, path, len);
	plain[len] = '\0';
	rc = pin__disk_walk(&m->disk, plain, &inode, &dir, &name);
	if (rc == 0)
		return (inode->is_dir ? PIN_OK :
		    fail(err, path, "mkdir", ENOTDIR));
	if (rc != ENOENT || dir == NULL)
		return (fail(err, path, "mkdir", rc));
	rc = meta_fault(m, PIN_SIM_META, path, "mkdir", err);
	if (rc != PIN_OK)
		return (rc);
	inode = pin__disk_make(&m->disk, 1);
	pin__disk_move(&m->disk, inode, NULL, NULL, dir, name);
	pin__sim_trace(m->sim, 'd', m->id, inode->id);
	return (PIN_OK);
}

int
pin__sim_path_sync(struct pin_host *h, const char *path, struct pin_err *err)
{
	struct pin__sim_host *m = pin__sim_host_of(h);
	struct pin__inode *inode;
	int rc;

	rc = pin__disk_walk(&m->disk, path, &inode, NULL, NULL);
	if (rc == 0 && !inode->is_dir)
		rc = ENOTDIR;
	if (rc != 0)
		return (fail(err, path, "open to sync", rc));
	spend_sync(m->sim);
	pin__sim_trace(m->sim, 'y', m->id, inode->id);
	switch (pin__sim_faulty(m, PIN_SIM_DIRSYNC)) {
	case 0:
		pin__disk_sync_dir(&m->disk, inode);
		return (PIN_OK);
	case PIN_SIM_LIE:
		return (PIN_OK);
	case PIN_SIM_POWER:
		pin__sim_crash(m, 1);
		return (off(err, path, "sync"));
	default:
		return (fail(err, path, "sync", EIO));
	}
}

static int
by_name(const void *a, const void *b)
{
	return (strcmp(*(const char *const *)a, *(const char *const *)b));
}

/* From a copy, because fn may change the directory. The order is one that
 * no real file system promises, so it is drawn. */
int
pin__sim_path_list(struct pin_host *h, const char *path,
    int (*fn)(void *, const char *), void *arg, struct pin_err *err)
{
	struct pin__sim_host *m = pin__sim_host_of(h);
	struct pin__inode *inode;
	char **names, *swap;
	uint32_t i, k, n;
	int rc, stop = 0;

	rc = pin__disk_walk(&m->disk, path, &inode, NULL, NULL);
	if (rc == 0 && !inode->is_dir)
		rc = ENOTDIR;
	if (rc != 0)
		return (fail(err, path, "list", rc));
	pin__sim_spend(m->sim, READ_NS_MIN, READ_NS_MAX);
	n = inode->now.n;
	names = pin_xcalloc(n, sizeof(*names));
	for (i = 0; i < n; i++)
		names[i] = pin_xstrdup(inode->now.v[i].name);
	if (n > 1)
		qsort(names, n, sizeof(*names), by_name);
	for (i = n; i > 1; i--) {
		k = (uint32_t)pin__rng_below(&m->sim->order, i);
		swap = names[k];
		names[k] = names[i - 1];
		names[i - 1] = swap;
	}
	for (i = 0; i < n; i++) {
		if (!stop)
			stop = fn(arg, names[i]) != 0;
		free(names[i]);
	}
	free(names);
	return (PIN_OK);
}
