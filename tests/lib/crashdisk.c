/* SPDX-License-Identifier: BSD-2-Clause
 *
 * crashdisk.c -- see crashdisk.h. The durable part grows with the journal;
 * what hangs in the air is kept per file, and per directory as one list.
 * One thread. Contract: crashdisk.h. */
#include "crashdisk.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES	4096
#define NAMES	1024
#define SECTOR	512u

struct content {
	uint8_t		*p;
	size_t		 len, cap;
};

struct cfile {
	struct content	 durable;
	size_t		*pending;	/* indexes of operations */
	size_t		 n, cap;
	int		 no_sync;
};

struct name {
	char		 path[128];
	uint32_t	 file;		/* 0: a directory */
};

struct space {
	struct name	 names[NAMES];
	size_t		 n;
};

struct crashdisk {
	const struct sh_op *ops;
	size_t		 n, next;
	int		 flags;
	struct cfile	 files[FILES];
	struct space	 durable;
	size_t		*dirs;		/* pending directory operations */
	size_t		 ndirs, dirs_cap;
	uint32_t	 rnd;
};

static uint32_t
chance(struct crashdisk *cd, uint32_t below)
{
	cd->rnd = cd->rnd * 1664525u + 1013904223u;
	return ((uint32_t)((uint64_t)(cd->rnd >> 4) * below >> 28));
}

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return (p);
}

static void
resize(struct content *c, size_t len)
{
	if (len > c->cap) {
		c->cap = len + len / 2;
		c->p = must(realloc(c->p, c->cap));
	}
	if (len > c->len)
		memset(c->p + c->len, 0, len - c->len);
	c->len = len;
}

static void
put(struct content *c, uint64_t at, const uint8_t *p, size_t len)
{
	if (at + len > c->len)
		resize(c, (size_t)at + len);
	if (len != 0)
		memcpy(c->p + at, p, len);
}

static void
push(size_t **list, size_t *n, size_t *cap, size_t v)
{
	if (*n == *cap) {
		*cap = *cap == 0 ? 16 : *cap * 2;
		*list = must(realloc(*list, *cap * sizeof(**list)));
	}
	(*list)[(*n)++] = v;
}

/* ---- names ------------------------------------------------------- */

static size_t
find(const struct space *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->n && strcmp(s->names[i].path, path) != 0; i++)
		;
	return (i);
}

static void
set(struct space *s, const char *path, uint32_t file)
{
	size_t i = find(s, path);

	if (i == s->n && s->n++ == NAMES)
		abort();
	snprintf(s->names[i].path, sizeof(s->names[i].path), "%s", path);
	s->names[i].file = file;
}

static void
dir_op(struct space *s, const struct sh_op *op)
{
	size_t i;

	switch (op->type) {
	case SH_CREATE:
	case SH_INIT:
		set(s, op->a, op->file);
		break;
	case SH_MKDIR:
		set(s, op->a, 0);
		break;
	case SH_UNLINK:
		i = find(s, op->a);
		if (i < s->n)
			s->names[i] = s->names[--s->n];
		break;
	case SH_RENAME:
		i = find(s, op->a);
		if (i < s->n) {
			uint32_t file = s->names[i].file;

			s->names[i] = s->names[--s->n];
			set(s, op->b, file);
		}
		break;
	default:
		break;
	}
}

/* Is path directly in dir? */
static int
lies_in(const char *path, const char *dir)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : 0;

	return (n == strlen(dir) && strncmp(path, dir, n) == 0);
}

static void
dir_sync(struct crashdisk *cd, const char *dir)
{
	size_t k = 0;

	for (size_t i = 0; i < cd->ndirs; i++) {
		const struct sh_op *op = &cd->ops[cd->dirs[i]];

		if (lies_in(op->type == SH_RENAME ? op->b : op->a, dir))
			dir_op(&cd->durable, op);
		else
			cd->dirs[k++] = cd->dirs[i];
	}
	cd->ndirs = k;
}

/* ---- going on ---------------------------------------------------- */

static void
file_op(struct content *c, const struct sh_op *op)
{
	if (op->type == SH_SIZE)
		resize(c, (size_t)op->at);
	else
		put(c, op->at, op->data, op->len);
}

static void
file_sync(struct crashdisk *cd, struct cfile *f)
{
	for (size_t i = 0; i < f->n; i++)
		file_op(&f->durable, &cd->ops[f->pending[i]]);
	f->n = 0;
}

static int
ends(const char *s, const char *with)
{
	size_t a = strlen(s), b = strlen(with);

	return (a >= b && strcmp(s + a - b, with) == 0);
}

/* Files whose syncs are to count for nothing, whatever they are called now. */
static void
judge(struct crashdisk *cd, const struct sh_op *op)
{
	uint32_t file = op->file;
	const char *path = op->a;
	size_t i;

	if (op->type == SH_RENAME) {
		path = op->b;
		for (i = cd->next; i-- > 0 && file == 0;)
			if ((cd->ops[i].type == SH_CREATE ||
			    cd->ops[i].type == SH_INIT) &&
			    strcmp(cd->ops[i].a, op->a) == 0)
				file = cd->ops[i].file;
	}
	if (((cd->flags & CD_NO_LOG_SYNC) != 0 && ends(path, ".wal")) ||
	    ((cd->flags & CD_NO_STORE_SYNC) != 0 && ends(path, ".mdb")))
		cd->files[file].no_sync = 1;
}

static void
one(struct crashdisk *cd, size_t i)
{
	const struct sh_op *op = &cd->ops[i];
	struct cfile *f = &cd->files[op->file < FILES ? op->file : 0];

	switch (op->type) {
	case SH_INIT:
		put(&f->durable, 0, op->data, op->len);
		dir_op(&cd->durable, op);
		judge(cd, op);
		break;
	case SH_CREATE:
	case SH_RENAME:
	case SH_UNLINK:
	case SH_MKDIR:
		push(&cd->dirs, &cd->ndirs, &cd->dirs_cap, i);
		if (op->type == SH_CREATE || op->type == SH_RENAME)
			judge(cd, op);
		break;
	case SH_DWRITE:
		if (!f->no_sync) {
			put(&f->durable, op->at, op->data, op->len);
			break;
		}
		/* FALLTHROUGH */
	case SH_WRITE:
	case SH_SIZE:
		push(&f->pending, &f->n, &f->cap, i);
		break;
	case SH_SYNC:
		if (!f->no_sync)
			file_sync(cd, f);
		break;
	case SH_DIRSYNC:
		if ((cd->flags & CD_NO_DIR_SYNC) == 0)
			dir_sync(cd, op->a);
		break;
	default:
		break;
	}
}

void
crashdisk_advance(struct crashdisk *cd, size_t i)
{
	for (; cd->next <= i && cd->next < cd->n; cd->next++)
		one(cd, cd->next);
}

struct crashdisk *
crashdisk_new(const struct sh_op *ops, size_t n, int flags)
{
	struct crashdisk *cd = must(calloc(1, sizeof(*cd)));

	cd->ops = ops;
	cd->n = n;
	cd->flags = flags;
	return (cd);
}

void
crashdisk_free(struct crashdisk *cd)
{
	for (size_t i = 0; i < FILES; i++) {
		free(cd->files[i].durable.p);
		free(cd->files[i].pending);
	}
	free(cd->dirs);
	free(cd);
}

/* ---- making a disk ----------------------------------------------- */

/* Probability in 1/256 that one pending thing got through. */
struct luck {
	unsigned	 p;
	int		 prefix;	/* all up to a place, then by chance */
};

static int
lucky(struct crashdisk *cd, const struct luck *l)
{
	return (l->p >= 256 || (l->p != 0 && chance(cd, 256) < l->p));
}

static void
sectors(struct crashdisk *cd, struct content *c, const struct sh_op *op,
    const struct luck *l)
{
	size_t done = 0, k;

	while (done < op->len) {
		k = SECTOR - (size_t)((op->at + done) % SECTOR);
		if (k > op->len - done)
			k = op->len - done;
		if (lucky(cd, l))
			put(c, op->at + done, op->data + done, k);
		done += k;
	}
}

static void
make_content(struct crashdisk *cd, const struct cfile *f, struct content *c,
    const struct luck *l)
{
	size_t prefix = l->prefix ? chance(cd, (uint32_t)f->n + 1) : 0;

	c->len = 0;
	if (f->durable.len != 0)
		put(c, 0, f->durable.p, f->durable.len);
	for (size_t i = 0; i < f->n; i++) {
		const struct sh_op *op = &cd->ops[f->pending[i]];

		if (i < prefix || (op->type == SH_SIZE && lucky(cd, l)))
			file_op(c, op);
		else if (op->type != SH_SIZE)
			sectors(cd, c, op, l);
	}
}

static void
write_file(const char *path, const struct content *c)
{
	static const uint8_t zeros[4096];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	size_t k;

	if (fd < 0 || ftruncate(fd, (off_t)c->len) != 0)
		abort();
	for (size_t at = 0; at < c->len; at += k) {
		k = c->len - at < sizeof(zeros) ? c->len - at : sizeof(zeros);
		if (memcmp(c->p + at, zeros, k) != 0 &&
		    pwrite(fd, c->p + at, k, (off_t)at) != (ssize_t)k)
			abort();
	}
	close(fd);
}

void
crashdisk_clear(const char *dir)
{
	char path[4096];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (unlink(path) != 0)
			crashdisk_clear(path);	/* two levels deep */
	}
	if (d != NULL)
		closedir(d);
	(void)rmdir(dir);
}

static void
make_names(struct crashdisk *cd, struct space *s, const struct luck *l)
{
	size_t prefix = l->prefix || chance(cd, 2) == 0 ?
	    chance(cd, (uint32_t)cd->ndirs + 1) : 0;

	*s = cd->durable;
	for (size_t i = 0; i < cd->ndirs; i++)
		if (l->p >= 256 || (l->p != 0 && i < prefix) || lucky(cd, l))
			dir_op(s, &cd->ops[cd->dirs[i]]);
}

static const struct luck lucks[] = {
	{ 0, 0 }, { 256, 0 }, { 128, 0 }, { 128, 1 }, { 16, 0 }, { 240, 0 },
	{ 128, 1 }, { 16, 1 },
};

void
crashdisk_make(struct crashdisk *cd, const char *dir, unsigned variant,
    uint32_t seed)
{
	const struct luck *l = &lucks[variant % (sizeof(lucks) /
	    sizeof(lucks[0]))];
	static struct space s;
	static struct content c;
	char path[4096];
	struct stat st;

	cd->rnd = seed * 2654435761u + variant;
	crashdisk_clear(dir);
	if (mkdir(dir, 0700) != 0)
		abort();
	make_names(cd, &s, l);
	for (size_t i = 0; i < s.n; i++)
		if (s.names[i].file == 0) {
			snprintf(path, sizeof(path), "%s/%s", dir,
			    s.names[i].path);
			if (mkdir(path, 0700) != 0)
				abort();
		}
	for (size_t i = 0; i < s.n; i++) {
		if (s.names[i].file == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, s.names[i].path);
		*strrchr(path, '/') = '\0';	/* a lost directory takes */
		if (stat(path, &st) != 0)	/* what lay in it along */
			continue;
		path[strlen(path)] = '/';
		make_content(cd, &cd->files[s.names[i].file], &c, l);
		write_file(path, &c);
	}
}
