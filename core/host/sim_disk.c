/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sim_disk.c -- a disk that knows what was never synced: file contents by
 * sector, names by change. Knows nothing of hosts, time or errors.
 * Threads: one.
 * Contract: after a cut, what was synced is there; the rest may be. */
#include "core/host/sim_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every page keeps two images, what the OS shows (`now`) and what the platter
 * has (`disk`), and a bit a sector where they may differ. Writing a sector that
 * is dirty already sometimes flushes the old version first, as an OS may at any
 * time, so that a cut can leave any version written since the last sync.
 *
 * Directories keep two lists of names. Changes between them stay in one list
 * for the whole disk, in order; syncing a directory applies those that touch
 * it. A cut keeps either a prefix (a journal) or any subset of the rest. */

/* ---- names ---------------------------------------------------------- */

static struct pin__entry *
dir_find(struct pin__dir *d, const char *name)
{
	uint32_t i;

	for (i = 0; i < d->n; i++)
		if (strcmp(d->v[i].name, name) == 0)
			return (&d->v[i]);
	return (NULL);
}

static void
dir_set(struct pin__dir *d, const char *name, struct pin__inode *inode)
{
	struct pin__entry *e = dir_find(d, name);

	if (e == NULL) {
		if (d->n == d->cap) {
			d->cap = d->cap != 0 ? d->cap * 2 : 8;
			d->v = pin_xrealloc(d->v, d->cap * sizeof(*d->v));
		}
		e = &d->v[d->n++];
		e->name = pin_xstrdup(name);
	}
	e->inode = inode;
}

static void
dir_drop(struct pin__dir *d, const char *name, const struct pin__inode *inode)
{
	struct pin__entry *e = dir_find(d, name);

	if (e == NULL || e->inode != inode)
		return;
	free(e->name);
	*e = d->v[--d->n];
}

static void
dir_fini(struct pin__dir *d)
{
	uint32_t i;

	for (i = 0; i < d->n; i++)
		free(d->v[i].name);
	free(d->v);
	memset(d, 0, sizeof(*d));
}

static void
dir_copy(struct pin__dir *to, const struct pin__dir *from)
{
	uint32_t i;

	dir_fini(to);
	for (i = 0; i < from->n; i++)
		dir_set(to, from->v[i].name, from->v[i].inode);
}

int
pin__disk_walk(struct pin__disk *d, const char *path,
    struct pin__inode **inode, struct pin__inode **dir, const char **name)
{
	struct pin__inode *at = d->root;
	struct pin__entry *e;
	char part[256];
	size_t len;

	*inode = NULL;
	if (dir != NULL)
		*dir = NULL;
	for (;;) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0)
			break;
		if (len >= sizeof(part))
			return (ENAMETOOLONG);
		if (!at->is_dir)
			return (ENOTDIR);
		memcpy(part, path, len);
		part[len] = '\0';
		if (strcmp(part, ".") == 0) {
			path += len;
			continue;
		}
		if (strcmp(part, "..") == 0)
			return (EINVAL);
		e = dir_find(&at->now, part);
		if (path[len] == '\0' && dir != NULL) {
			*dir = at;
			*name = path;
		}
		if (e == NULL)
			return (ENOENT);
		at = e->inode;
		path += len;
	}
	*inode = at;
	return (0);
}

struct pin__inode *
pin__disk_make(struct pin__disk *d, int is_dir)
{
	struct pin__inode *i = pin_xcalloc(1, sizeof(*i));

	i->id = ++d->next_id;
	i->is_dir = is_dir;
	i->next = d->inodes;
	d->inodes = i;
	return (i);
}

static void
count_space(struct pin__disk *d)
{
	struct pin__inode *i;

	d->used = 0;
	for (i = d->inodes; i != NULL; i = i->next)
		if (i->links > 0 || i->handles > 0)
			d->used += (i->size + SIM_SECTOR - 1) / SIM_SECTOR *
			    SIM_SECTOR;
}

void
pin__disk_move(struct pin__disk *d, struct pin__inode *inode,
    struct pin__inode *from_dir, const char *from,
    struct pin__inode *to_dir, const char *to)
{
	struct pin__dirop *op = pin_xcalloc(1, sizeof(*op));
	struct pin__entry *old;

	op->inode = inode;
	if (from_dir != NULL) {
		op->from_dir = from_dir;
		op->from = pin_xstrdup(from);
		dir_drop(&from_dir->now, from, inode);
		inode->links--;
	}
	if (to_dir != NULL) {
		op->to_dir = to_dir;
		op->to = pin_xstrdup(to);
		old = dir_find(&to_dir->now, to);
		if (old != NULL)
			old->inode->links--;
		dir_set(&to_dir->now, to, inode);
		inode->links++;
	}
	*d->ops_last = op;
	d->ops_last = &op->next;
	count_space(d);
}

static void
op_apply(const struct pin__dirop *op)
{
	if (op->from_dir != NULL)
		dir_drop(&op->from_dir->disk, op->from, op->inode);
	if (op->to_dir != NULL)
		dir_set(&op->to_dir->disk, op->to, op->inode);
}

static void
op_free(struct pin__dirop *op)
{
	free(op->from);
	free(op->to);
	free(op);
}

static void
inode_free_pages(struct pin__inode *i)
{
	uint64_t p;

	for (p = 0; p < i->npages; p++)
		free(i->pages[p]);
	free(i->pages);
	i->pages = NULL;
	i->npages = 0;
	i->dirty_lo = i->dirty_hi = 0;
}

static int
on_disk(const struct pin__disk *d, const struct pin__inode *inode)
{
	const struct pin__inode *dir;
	const struct pin__dirop *op;
	uint32_t k;

	for (op = d->ops; op != NULL; op = op->next)
		if (op->inode == inode)
			return (1);
	for (dir = d->inodes; dir != NULL; dir = dir->next)
		for (k = 0; k < dir->disk.n; k++)
			if (dir->disk.v[k].inode == inode)
				return (1);
	return (0);
}

/* Contents nobody can ever reach again are given back. */
static void
collect(struct pin__disk *d)
{
	struct pin__inode *i;

	for (i = d->inodes; i != NULL; i = i->next)
		if (i->pages != NULL && i->links == 0 && i->handles == 0 &&
		    !on_disk(d, i))
			inode_free_pages(i);
}

void
pin__disk_sync_dir(struct pin__disk *d, struct pin__inode *dir)
{
	struct pin__dirop **p = &d->ops, *op;

	while ((op = *p) != NULL) {
		if (op->from_dir != dir && op->to_dir != dir) {
			p = &op->next;
			continue;
		}
		op_apply(op);
		*p = op->next;
		op_free(op);
	}
	d->ops_last = p;
	collect(d);
}

/* ---- contents ------------------------------------------------------- */

static struct pin__page *
page_get(struct pin__inode *i, uint64_t p)
{
	uint64_t n;

	if (p >= i->npages) {
		n = i->npages != 0 ? i->npages : 16;
		while (n <= p)
			n *= 2;
		i->pages = pin_xrealloc(i->pages, n * sizeof(*i->pages));
		memset(i->pages + i->npages, 0,
		    (n - i->npages) * sizeof(*i->pages));
		i->npages = n;
	}
	if (i->pages[p] == NULL)
		i->pages[p] = pin_xcalloc(1, sizeof(**i->pages));
	return (i->pages[p]);
}

static void
page_flush(struct pin__page *pg, uint32_t s)
{
	memcpy(pg->disk + s * SIM_SECTOR, pg->now + s * SIM_SECTOR,
	    SIM_SECTOR);
	pg->dirty &= (uint8_t)~(1u << s);
}

/* bytes NULL: zeros. */
static void
page_write(struct pin__inode *i, uint64_t p, uint32_t off, const void *bytes,
    uint32_t len, struct pin__rng *rng)
{
	struct pin__page *pg = page_get(i, p);
	uint32_t s;

	for (s = off / SIM_SECTOR; s * SIM_SECTOR < off + len; s++) {
		if ((pg->dirty & 1u << s) != 0 && pin__rng_below(rng, 4) == 0)
			page_flush(pg, s);
		pg->dirty |= (uint8_t)(1u << s);
	}
	if (bytes != NULL)
		memcpy(pg->now + off, bytes, len);
	else
		memset(pg->now + off, 0, len);
	if (i->dirty_lo >= i->dirty_hi) {
		i->dirty_lo = p;
		i->dirty_hi = p + 1;
	}
	if (p < i->dirty_lo)
		i->dirty_lo = p;
	if (p >= i->dirty_hi)
		i->dirty_hi = p + 1;
}

void
pin__inode_write(struct pin__inode *i, const void *bytes, size_t len,
    uint64_t at, struct pin__rng *rng)
{
	const uint8_t *from = bytes;
	uint32_t off, n;

	if (at + len > i->size)
		i->size = at + len;
	while (len > 0) {
		off = (uint32_t)(at % SIM_PAGE);
		n = len < SIM_PAGE - off ? (uint32_t)len : SIM_PAGE - off;
		page_write(i, at / SIM_PAGE, off, from, n, rng);
		from += n;
		at += n;
		len -= n;
	}
}

void
pin__inode_read(struct pin__inode *i, void *bytes, size_t len, uint64_t at)
{
	uint8_t *to = bytes;
	uint64_t p;
	uint32_t off, n;

	while (len > 0) {
		p = at / SIM_PAGE;
		off = (uint32_t)(at % SIM_PAGE);
		n = len < SIM_PAGE - off ? (uint32_t)len : SIM_PAGE - off;
		if (p < i->npages && i->pages[p] != NULL)
			memcpy(to, i->pages[p]->now + off, n);
		else
			memset(to, 0, n);
		to += n;
		at += n;
		len -= n;
	}
}

void
pin__inode_resize(struct pin__inode *i, uint64_t size, struct pin__rng *rng)
{
	uint64_t p, end = (i->size + SIM_PAGE - 1) / SIM_PAGE;
	uint32_t off;

	/* What is cut off reads as zeros when the file grows again. */
	for (p = size / SIM_PAGE; p < end && p < i->npages; p++) {
		off = p == size / SIM_PAGE ? (uint32_t)(size % SIM_PAGE) : 0;
		if (i->pages[p] != NULL)
			page_write(i, p, off, NULL, SIM_PAGE - off, rng);
	}
	i->size = size;
}

void
pin__inode_sync(struct pin__inode *i, struct pin__rng *lost)
{
	struct pin__page *pg;
	uint64_t p;
	uint32_t s;

	for (p = i->dirty_lo; p < i->dirty_hi; p++) {
		pg = p < i->npages ? i->pages[p] : NULL;
		if (pg == NULL)
			continue;
		for (s = 0; s < SIM_PAGE / SIM_SECTOR; s++) {
			if ((pg->dirty & 1u << s) == 0)
				continue;
			if (lost == NULL || pin__rng_below(lost, 2) == 0)
				page_flush(pg, s);
		}
		pg->dirty = 0;
	}
	i->dirty_lo = i->dirty_hi = 0;
	if (lost == NULL || pin__rng_below(lost, 2) == 0)
		i->disk_size = i->size;
}

/* ---- the cut -------------------------------------------------------- */

static void
cut_page(struct pin__page *pg, struct pin__rng *rng, uint32_t mood)
{
	uint32_t s, torn;
	uint64_t dice;

	for (s = 0; s < SIM_PAGE / SIM_SECTOR; s++) {
		if ((pg->dirty & 1u << s) == 0)
			continue;
		dice = pin__rng_below(rng, 16);
		if (mood == 0 || (mood == 2 && dice < 7))
			continue;			/* lost */
		if (mood == 2 && dice == 7) {		/* torn */
			torn = (uint32_t)pin__rng_below(rng, SIM_SECTOR);
			memcpy(pg->disk + s * SIM_SECTOR,
			    pg->now + s * SIM_SECTOR, torn);
			continue;
		}
		page_flush(pg, s);			/* kept */
	}
	memcpy(pg->now, pg->disk, SIM_PAGE);
	pg->dirty = 0;
}

static void
zero_tail(struct pin__inode *i)
{
	uint64_t p = i->size / SIM_PAGE;
	uint32_t off = (uint32_t)(i->size % SIM_PAGE);

	for (; p < i->npages; p++, off = 0) {
		if (i->pages[p] == NULL)
			continue;
		memset(i->pages[p]->now + off, 0, SIM_PAGE - off);
		memset(i->pages[p]->disk + off, 0, SIM_PAGE - off);
	}
}

static void
cut_file(struct pin__inode *i, struct pin__rng *rng)
{
	uint32_t mood = (uint32_t)pin__rng_below(rng, 4);
	uint64_t p, lo, hi;

	/* All lost, all kept, or a mixture (as often as both). */
	if (mood == 3)
		mood = 2;
	/* Clean ones too: a failed sync leaves those that never got there. */
	for (p = 0; p < i->npages; p++)
		if (i->pages[p] != NULL)
			cut_page(i->pages[p], rng, mood);
	i->dirty_lo = i->dirty_hi = 0;
	if (i->size != i->disk_size) {
		lo = i->size < i->disk_size ? i->size : i->disk_size;
		hi = i->size < i->disk_size ? i->disk_size : i->size;
		if (mood == 0)
			i->size = i->disk_size;
		else if (mood == 2 && pin__rng_below(rng, 2) == 0)
			i->size = lo + pin__rng_below(rng, hi - lo + 1) /
			    SIM_SECTOR * SIM_SECTOR;
	}
	i->disk_size = i->size;
	zero_tail(i);
}

void
pin__disk_cut(struct pin__disk *d, struct pin__rng *rng)
{
	int journal = pin__rng_below(rng, 3) != 0, keep = 1;
	struct pin__inode *i;
	struct pin__dirop *op;
	uint32_t k;

	while ((op = d->ops) != NULL) {
		d->ops = op->next;
		if (!journal)
			keep = pin__rng_below(rng, 2) == 0;
		else if (keep && pin__rng_below(rng, 4) == 0)
			keep = 0;
		if (keep)
			op_apply(op);
		op_free(op);
	}
	d->ops_last = &d->ops;
	for (i = d->inodes; i != NULL; i = i->next) {
		i->links = 0;
		if (i->is_dir)
			dir_copy(&i->now, &i->disk);
		else
			cut_file(i, rng);
	}
	for (i = d->inodes; i != NULL; i = i->next)
		for (k = 0; k < i->now.n; k++)
			i->now.v[k].inode->links++;
	count_space(d);
}

/* ---- life ----------------------------------------------------------- */

void
pin__disk_init(struct pin__disk *d, uint64_t max)
{
	memset(d, 0, sizeof(*d));
	d->max = max;
	d->ops_last = &d->ops;
	d->root = pin__disk_make(d, 1);
	d->root->links = 1;
}

void
pin__disk_fini(struct pin__disk *d)
{
	struct pin__inode *i;
	struct pin__dirop *op;

	while ((op = d->ops) != NULL) {
		d->ops = op->next;
		op_free(op);
	}
	while ((i = d->inodes) != NULL) {
		d->inodes = i->next;
		inode_free_pages(i);
		dir_fini(&i->now);
		dir_fini(&i->disk);
		free(i);
	}
}
