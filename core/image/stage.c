/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stage.c -- the files of an archive or of a layout's directory, copied to a
 * staging directory under numbers and hashed on the way. Their own names are
 * only compared.
 * One thread a stage.
 * Contract: image_int.h. */
#include "core/image/image_int.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#define BLOCK		((size_t)64 << 10)
#define NUMBER_MAX	16

static void
number_name(uint32_t number, char out[NUMBER_MAX])
{
	snprintf(out, NUMBER_MAX, "%u", number);
}

static struct image__file *
add(struct image__stage *s, const char *name, struct pin_err *err)
{
	struct image__file *f;

	if (s->n == IMAGE_MEMBERS_MAX) {
		(void)pin_err_set(err, PIN_ELIMIT, "%s: more than %d files",
		    s->file, IMAGE_MEMBERS_MAX);
		return (NULL);
	}
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		s->files = pin_xrealloc(s->files, s->cap * sizeof(*f));
	}
	f = &s->files[s->n];
	memset(f, 0, sizeof(*f));
	f->number = s->n++;
	f->name = pin_xstrdup(name);
	return (f);
}

/* ---- copying ----------------------------------------------------------- */

struct copy {
	struct image__stage *s;
	struct image__file *f;
	struct image__sha sha;
	int		 fd;
};

static int
copy_open(struct copy *c, struct image__stage *s, struct image__file *f,
    struct pin_err *err)
{
	char name[NUMBER_MAX];

	c->s = s;
	c->f = f;
	image__sha_init(&c->sha);
	number_name(f->number, name);
	c->fd = openat(s->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL |
	    O_CLOEXEC, 0600);
	if (c->fd < 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s/%s", s->dir,
		    name));
	return (PIN_OK);
}

static int
copy_bytes(struct copy *c, const char *p, size_t len, struct pin_err *err)
{
	ssize_t n;

	c->f->size += len;
	c->s->bytes += len;
	if (c->s->bytes > IMAGE_ARCHIVE_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "%s: holds more than "
		    "%llu bytes", c->s->file,
		    (unsigned long long)IMAGE_ARCHIVE_MAX));
	image__sha_add(&c->sha, p, len);
	for (; len > 0; p += n, len -= (size_t)n) {
		n = write(c->fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return (pin_err_os(err, PIN_EIO, errno, "%s",
			    c->s->dir));
	}
	return (PIN_OK);
}

static void
copy_close(struct copy *c)
{
	image__sha_end(&c->sha, c->f->hex);
	close(c->fd);
}

/* ---- an archive, all of it --------------------------------------------- */

static int
broken(const struct image__stage *s, struct archive *a, struct pin_err *err)
{
	const char *why = archive_error_string(a);

	return (pin_err_set(err, PIN_ECORRUPT, "%s: not a whole tar archive: "
	    "%s", s->file, why != NULL ? why : "cut short"));
}

static int
take_data(struct image__stage *s, struct archive *a, struct image__file *f,
    la_int64_t size, struct pin_err *err)
{
	char *block = pin_xmalloc(BLOCK);
	struct copy c;
	la_ssize_t n;
	int rc;

	rc = copy_open(&c, s, f, err);
	if (rc == PIN_OK) {
		while ((n = archive_read_data(a, block, BLOCK)) > 0 &&
		    rc == PIN_OK)
			rc = copy_bytes(&c, block, (size_t)n, err);
		if (rc == PIN_OK && n < 0)
			rc = broken(s, a, err);
		copy_close(&c);
	}
	if (rc == PIN_OK && f->size != (uint64_t)size)
		rc = pin_err_set(err, PIN_ECORRUPT, "%s: \"%.300s\" is cut "
		    "short", s->file, f->name);
	free(block);
	return (rc);
}

/* docker's old archives name a layer they hold twice by a link. */
static int
link_target(const char *name, const char *to, char out[IMAGE_PATH_MAX],
    struct pin_err *err)
{
	char path[IMAGE_PATH_MAX];
	const char *slash = strrchr(name, '/');
	size_t len = slash != NULL ? (size_t)(slash - name) : 0;

	while (strncmp(to, "../", 3) == 0) {
		while (len > 0 && name[len - 1] != '/')
			len--;
		len -= len > 0;
		to += 3;
	}
	if (snprintf(path, sizeof(path), "%.*s/%s", (int)len, name, to) >=
	    (int)sizeof(path))
		return (pin_err_set(err, PIN_ELIMIT, "link too long"));
	return (image__clean(path, out, err));
}

static int
take(struct image__stage *s, struct archive *a, struct archive_entry *e,
    struct pin_err *err)
{
	char name[IMAGE_PATH_MAX], to[IMAGE_PATH_MAX];
	const char *raw = archive_entry_pathname(e), *link;
	mode_t type = archive_entry_filetype(e);
	struct image__file *f;
	int rc;

	if (raw == NULL)
		return (pin_err_set(err, PIN_EINVALID,
		    "%s: a path that is not UTF-8", s->file));
	rc = image__clean(raw, name, err);
	link = archive_entry_hardlink(e);
	if (rc == PIN_OK && link != NULL)
		rc = image__clean(link, to, err);
	else if (rc == PIN_OK && type == S_IFLNK) {
		link = archive_entry_symlink(e);
		rc = link_target(name, link != NULL ? link : "", to, err);
	}
	if (rc != PIN_OK) {
		(void)pin_err_wrap(err, "%s", s->file);
		return (rc);
	}
	if ((link == NULL && type != S_IFREG) || name[0] == '\0')
		return (PIN_OK);	/* directories and what we never ask */
	f = add(s, name, err);
	if (f == NULL)
		return (PIN_ELIMIT);
	if (link != NULL) {
		f->link = pin_xstrdup(to);
		return (PIN_OK);
	}
	return (take_data(s, a, f, archive_entry_size(e), err));
}

static int
read_archive(struct image__stage *s, int fd, struct pin_err *err)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	int rc, ar;

	if (a == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_bzip2(a);
	(void)archive_read_support_filter_xz(a);
	if (archive_read_support_filter_zstd(a) != ARCHIVE_OK)
		archive_clear_error(a);
	(void)archive_read_support_format_tar(a);
	rc = archive_read_open_fd(a, fd, BLOCK) == ARCHIVE_OK ? PIN_OK :
	    broken(s, a, err);
	while (rc == PIN_OK) {
		ar = archive_read_next_header(a, &e);
		if (ar == ARCHIVE_EOF)
			break;
		rc = ar == ARCHIVE_OK || ar == ARCHIVE_WARN ?
		    take(s, a, e, err) : broken(s, a, err);
	}
	archive_read_free(a);
	return (rc);
}

/* ---- a directory, file by file ----------------------------------------- */

/* The name is one of ours ("index.json") or made of a digest. */
static int
read_file(struct image__stage *s, const char *name, struct pin_err *err)
{
	char *block = pin_xmalloc(BLOCK);
	const char *base;
	struct image__file *f;
	struct stat st;
	struct copy c;
	ssize_t n = 0;
	int dir, fd = -1, rc;

	rc = image__walk(s->source_fd, name, 0, &dir, &base, err);
	if (rc == PIN_OK) {
		fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
		    O_NONBLOCK);
		if (fd < 0 || fstat(fd, &st) != 0)
			rc = pin_err_os(err, errno == ENOENT ? PIN_ENOTFOUND :
			    PIN_EIO, errno, "%s/%s", s->file, name);
		else if (!S_ISREG(st.st_mode))
			rc = pin_err_set(err, PIN_EINVALID, "%s/%s is no file",
			    s->file, name);
		close(dir);
	}
	f = rc == PIN_OK ? add(s, name, err) : NULL;
	if (rc == PIN_OK)
		rc = f != NULL ? copy_open(&c, s, f, err) : PIN_ELIMIT;
	if (rc == PIN_OK) {
		while (rc == PIN_OK && (n = read(fd, block, BLOCK)) > 0)
			rc = copy_bytes(&c, block, (size_t)n, err);
		if (n < 0)
			rc = pin_err_os(err, PIN_EIO, errno, "%s/%s", s->file,
			    name);
		copy_close(&c);
	}
	if (fd >= 0)
		close(fd);
	free(block);
	return (rc);
}

/* ---- the stage --------------------------------------------------------- */

int
image__stage_open(struct image__stage *s, struct pin_host *host,
    const char *dir, const char *file, struct pin_err *err)
{
	struct stat st;
	int fd, rc;

	memset(s, 0, sizeof(*s));
	s->host = host;
	s->file = file;
	s->source_fd = -1;
	snprintf(s->dir, sizeof(s->dir), "%s", dir);
	s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", dir));
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		rc = pin_err_os(err, errno == ENOENT ? PIN_ENOTFOUND :
		    PIN_EIO, errno, "%s", file);
	} else if (S_ISDIR(st.st_mode)) {
		s->source_fd = fd;
		return (PIN_OK);
	} else
		rc = read_archive(s, fd, err);
	if (fd >= 0)
		close(fd);
	if (rc != PIN_OK)
		image__stage_close(s);
	return (rc);
}

void
image__stage_close(struct image__stage *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		free(s->files[i].name);
		free(s->files[i].link);
	}
	free(s->files);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	if (s->source_fd >= 0)
		close(s->source_fd);
	memset(s, 0, sizeof(*s));
	s->dir_fd = s->source_fd = -1;
}

/* Of one name the last, as tar unpacks. */
static const struct image__file *
find(const struct image__stage *s, const char *name)
{
	for (uint32_t i = s->n; i > 0; i--)
		if (strcmp(s->files[i - 1].name, name) == 0)
			return (&s->files[i - 1]);
	return (NULL);
}

const struct image__file *
image__stage_get(struct image__stage *s, const char *name, int *rc,
    struct pin_err *err)
{
	const struct image__file *f = find(s, name);
	char clean[IMAGE_PATH_MAX];

	*rc = PIN_OK;
	for (int i = 0; f != NULL && f->link != NULL; i++)
		f = i < IMAGE_LINKS_MAX ? find(s, f->link) : NULL;
	if (f == NULL && s->source_fd >= 0) {
		*rc = image__clean(name, clean, err);
		if (*rc == PIN_OK && clean[0] != '\0')
			*rc = read_file(s, clean, err);
		if (*rc == PIN_OK)
			f = find(s, clean);
	}
	if (f == NULL && *rc == PIN_OK)
		*rc = pin_err_set(err, PIN_ENOTFOUND, "%s: has no \"%.300s\"",
		    s->file, name);
	return (f);
}

int
image__stage_fd(struct image__stage *s, const struct image__file *f,
    struct pin_err *err)
{
	char name[NUMBER_MAX];
	int fd;

	number_name(f->number, name);
	fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC);
	return (fd >= 0 ? fd : pin_err_os(err, PIN_EIO, errno, "%s/%s",
	    s->dir, name));
}

int
image__stage_json(struct image__stage *s, const struct image__file *f,
    struct pin_obj **out, struct pin_err *err)
{
	char path[IMAGE_PATH_MAX], *text = NULL;
	size_t len;
	int rc;

	*out = NULL;
	rc = image__path(path, err, "%s/%u", s->dir, f->number);
	if (rc == PIN_OK)
		rc = pin_path_slurp(s->host, path, IMAGE_JSON_MAX, &text, &len,
		    err);
	if (rc == PIN_OK)
		rc = pin_obj_parse(NULL, text, len, out, err);
	if (rc != PIN_OK)
		(void)pin_err_wrap(err, "%s: %.300s", s->file, f->name);
	free(text);
	return (rc);
}
