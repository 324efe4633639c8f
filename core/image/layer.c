/* SPDX-License-Identifier: BSD-2-Clause
 *
 * layer.c -- one layer over a root. It is read twice: the first time its
 * uncompressed bytes are hashed and its whiteouts applied, which are about
 * lower layers only wherever in the archive they stand; the second time its
 * files are made.
 *
 *	blob -> [decompress] -> hash -> [tar] -> entries
 *
 * Keeps no state. Any thread.
 * Contract: image_int.h; the image layer filesystem changeset of OCI. */
#include "core/image/image_int.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#define BLOCK		((size_t)64 << 10)
#define WH		".wh."
#define WH_LEN		4
#define WH_OPAQUE	".wh..wh..opq"

struct layer {
	struct image__root *root;
	struct archive	*raw, *tar;
	struct image__sha sha;
	uint64_t	 bytes;
	int		 too_big, hashing;
};

/* ---- two archives, one behind the other -------------------------------- */

/* Decompression by the library only, never by a program it would start. */
static void
add_filters(struct archive *a)
{
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_bzip2(a);
	(void)archive_read_support_filter_xz(a);
	if (archive_read_support_filter_zstd(a) != ARCHIVE_OK)
		archive_clear_error(a);
}

static la_ssize_t
pull(struct archive *tar, void *arg, const void **out)
{
	struct layer *l = arg;
	la_int64_t off;
	size_t len = 0;
	int rc;

	do
		rc = archive_read_data_block(l->raw, out, &len, &off);
	while (rc == ARCHIVE_OK && len == 0);
	if (rc == ARCHIVE_EOF)
		return (0);
	if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) {
		archive_set_error(tar, archive_errno(l->raw), "%s",
		    archive_error_string(l->raw));
		return (-1);
	}
	l->bytes += len;
	if (l->bytes > IMAGE_ROOT_BYTES_MAX) {
		l->too_big = 1;
		archive_set_error(tar, EFBIG, "larger than %llu bytes",
		    (unsigned long long)IMAGE_ROOT_BYTES_MAX);
		return (-1);
	}
	if (l->hashing)
		image__sha_add(&l->sha, *out, len);
	return ((la_ssize_t)len);
}

static int
broken(const struct layer *l, struct archive *a, struct pin_err *err)
{
	const char *why = archive_error_string(a);

	return (pin_err_set(err, l->too_big ? PIN_ELIMIT : PIN_ECORRUPT,
	    "not a whole tar archive: %s", why != NULL ? why : "cut short"));
}

static void
layer_close(struct layer *l)
{
	if (l->tar != NULL)
		archive_read_free(l->tar);
	if (l->raw != NULL)
		archive_read_free(l->raw);
	l->tar = l->raw = NULL;
}

static int
layer_open(struct layer *l, struct image__root *root, int fd, int hashing,
    struct pin_err *err)
{
	struct archive_entry *e;

	memset(l, 0, sizeof(*l));
	l->root = root;
	l->hashing = hashing;
	image__sha_init(&l->sha);
	if (lseek(fd, 0, SEEK_SET) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "seek"));
	l->raw = archive_read_new();
	l->tar = archive_read_new();
	if (l->raw == NULL || l->tar == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	add_filters(l->raw);
	(void)archive_read_support_format_raw(l->raw);
	(void)archive_read_support_format_tar(l->tar);
	if (archive_read_open_fd(l->raw, fd, BLOCK) != ARCHIVE_OK ||
	    archive_read_next_header(l->raw, &e) != ARCHIVE_OK)
		return (broken(l, l->raw, err));
	if (archive_read_open(l->tar, l, NULL, pull, NULL) != ARCHIVE_OK)
		return (broken(l, l->tar, err));
	return (PIN_OK);
}

/* 1: an entry and its clean path, 0: the end, or an error. */
static int
layer_next(struct layer *l, struct archive_entry **e,
    char path[IMAGE_PATH_MAX], struct pin_err *err)
{
	const char *name;
	int rc = archive_read_next_header(l->tar, e);

	if (rc == ARCHIVE_EOF)
		return (0);
	if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
		return (broken(l, l->tar, err));
	name = archive_entry_pathname(*e);
	if (name == NULL)
		return (pin_err_set(err, PIN_EINVALID,
		    "a path that is not UTF-8"));
	rc = image__clean(name, path, err);
	return (rc == PIN_OK ? 1 : rc);
}

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash != NULL ? slash + 1 : path);
}

/* ---- first pass -------------------------------------------------------- */

static int
whiteout(struct layer *l, const char *path, struct pin_err *err)
{
	const char *base, *name = base_of(path) + WH_LEN;
	struct stat st;
	int dir, rc, sub;

	rc = image__walk(l->root->fd, path, 0, &dir, &base, err);
	if (rc == PIN_ENOTFOUND)
		return (PIN_OK);	/* about what is not there */
	if (rc != PIN_OK)
		return (rc);
	if (strcmp(base, WH_OPAQUE) == 0)
		rc = image__remove_all(dir, l->root->trash, err);
	else if (strncmp(name, WH, WH_LEN) != 0 && name[0] != '\0' &&
	    strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		sub = dir;
		rc = image__remove_at(sub, name, l->root->trash, err);
	}
	close(dir);
	return (rc);
}

/* The rest of the stream, behind the archive's end, is hashed too. */
static int
finish_hash(struct layer *l, const char *diff, struct pin_err *err)
{
	char hex[IMAGE_HEX_MAX];
	const void *p;
	la_ssize_t n;

	while ((n = pull(l->tar, l, &p)) > 0)
		;
	if (n < 0)
		return (broken(l, l->tar, err));
	image__sha_end(&l->sha, hex);
	if (strcmp(hex, diff) != 0)
		return (pin_err_set(err, PIN_ECORRUPT, "its contents are "
		    "sha256:%s, the config's diff_ids say sha256:%s", hex,
		    diff));
	return (PIN_OK);
}

static int
pass_whiteouts(struct image__root *root, int fd, const char *diff,
    struct pin_err *err)
{
	char path[IMAGE_PATH_MAX];
	struct archive_entry *e;
	struct layer l;
	int rc;

	rc = layer_open(&l, root, fd, 1, err);
	while (rc == PIN_OK && (rc = layer_next(&l, &e, path, err)) == 1) {
		rc = PIN_OK;
		if (strncmp(base_of(path), WH, WH_LEN) == 0)
			rc = whiteout(&l, path, err);
	}
	if (rc == PIN_OK)
		rc = finish_hash(&l, diff, err);
	layer_close(&l);
	return (rc);
}

/* ---- second pass ------------------------------------------------------- */

static int
entry_os(const char *path, struct pin_err *err)
{
	return (pin_err_os(err, PIN_EIO, errno, "\"%.300s\"", path));
}

static int
write_data(struct layer *l, int fd, const char *path, struct pin_err *err)
{
	const char *p;
	const void *block;
	la_int64_t off;
	size_t len;
	ssize_t n;
	int rc;

	for (;;) {
		rc = archive_read_data_block(l->tar, &block, &len, &off);
		if (rc == ARCHIVE_EOF)
			return (PIN_OK);
		if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
			return (broken(l, l->tar, err));
		for (p = block; len > 0; p += n, len -= (size_t)n, off += n) {
			n = pwrite(fd, p, len, off);
			if (n < 0 && errno == EINTR)
				n = 0;
			else if (n <= 0)
				return (entry_os(path, err));
		}
	}
}

/* Owner, mode (which a change of owner may cut), attributes, time. */
static int
finish_file(int fd, struct archive_entry *e, const char *path,
    struct pin_err *err)
{
	struct timespec t[2] = { { 0, UTIME_OMIT }, { archive_entry_mtime(e),
	    archive_entry_mtime_nsec(e) } };
	mode_t mode = archive_entry_mode(e) & 07777;
	const char *name;
	const void *value;
	size_t size;
	int rc;

	if (geteuid() == 0 && fchown(fd, (uid_t)archive_entry_uid(e),
	    (gid_t)archive_entry_gid(e)) != 0)
		return (entry_os(path, err));
	if (fchmod(fd, geteuid() == 0 ? mode : (mode & 01777) | 0600) != 0)
		return (entry_os(path, err));
	(void)archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &size) ==
	    ARCHIVE_OK) {
		if (geteuid() != 0 || size > IMAGE_XATTR_MAX ||
		    (strncmp(name, "user.", 5) != 0 &&
		    strcmp(name, "security.capability") != 0))
			continue;
		rc = image__os_xattr(fd, name, value, size);
		if (rc != 0 && rc != ENOTSUP && rc != EPERM) {
			errno = rc;
			return (entry_os(path, err));
		}
	}
	(void)futimens(fd, t);
	return (PIN_OK);
}

static int
make_file(struct layer *l, int dir, const char *base, const char *path,
    struct archive_entry *e, struct pin_err *err)
{
	la_int64_t size = archive_entry_size(e);
	int fd, rc;

	if (size < 0 || (uint64_t)size > IMAGE_ROOT_BYTES_MAX -
	    l->root->bytes)
		return (pin_err_set(err, PIN_ELIMIT, "\"%.300s\": with it the "
		    "image unpacks to more than %llu bytes", path,
		    (unsigned long long)IMAGE_ROOT_BYTES_MAX));
	l->root->bytes += (uint64_t)size;
	fd = openat(dir, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd < 0)
		return (entry_os(path, err));
	rc = write_data(l, fd, path, err);
	if (rc == PIN_OK && ftruncate(fd, size) != 0)
		rc = entry_os(path, err);
	if (rc == PIN_OK)
		rc = finish_file(fd, e, path, err);
	if (close(fd) != 0 && rc == PIN_OK)
		rc = entry_os(path, err);
	return (rc);
}

static int
make_dir(int dir, const char *base, const char *path,
    struct archive_entry *e, struct pin_err *err)
{
	mode_t mode = archive_entry_mode(e) & 07777;
	int fd, rc = PIN_OK;

	if (mkdirat(dir, base, 0755) != 0 && errno != EEXIST)
		return (entry_os(path, err));
	fd = openat(dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd < 0)
		return (entry_os(path, err));
	if (geteuid() == 0 && fchown(fd, (uid_t)archive_entry_uid(e),
	    (gid_t)archive_entry_gid(e)) != 0)
		rc = entry_os(path, err);
	/* Without root, what is inside must stay ours to write. */
	if (rc == PIN_OK && fchmod(fd, geteuid() == 0 ? mode :
	    (mode & 01777) | 0700) != 0)
		rc = entry_os(path, err);
	close(fd);
	return (rc);
}

static int
make_link(struct layer *l, int dir, const char *base, const char *path,
    const char *to, struct pin_err *err)
{
	char clean[IMAGE_PATH_MAX];
	const char *to_base;
	int to_dir, rc;

	rc = image__clean(to, clean, err);
	if (rc == PIN_OK && clean[0] == '\0')
		rc = pin_err_set(err, PIN_EINVALID, "a link to the root");
	if (rc == PIN_OK)
		rc = image__walk(l->root->fd, clean, 0, &to_dir, &to_base,
		    err);
	if (rc != PIN_OK) {
		(void)pin_err_wrap(err, "hard link \"%.300s\"", path);
		return (rc);
	}
	if (linkat(to_dir, to_base, dir, base, 0) != 0)
		rc = pin_err_os(err, PIN_EINVALID, errno, "hard link "
		    "\"%.300s\" to \"%.300s\"", path, clean);
	close(to_dir);
	return (rc);
}

static int
make_symlink(int dir, const char *base, const char *path,
    struct archive_entry *e, struct pin_err *err)
{
	struct timespec t[2] = { { 0, UTIME_OMIT }, { archive_entry_mtime(e),
	    archive_entry_mtime_nsec(e) } };
	const char *to = archive_entry_symlink(e);

	if (to == NULL || to[0] == '\0')
		return (pin_err_set(err, PIN_EINVALID, "symbolic link "
		    "\"%.300s\" without target", path));
	if (symlinkat(to, dir, base) != 0 || (geteuid() == 0 &&
	    fchownat(dir, base, (uid_t)archive_entry_uid(e),
	    (gid_t)archive_entry_gid(e), AT_SYMLINK_NOFOLLOW) != 0))
		return (entry_os(path, err));
	(void)utimensat(dir, base, t, AT_SYMLINK_NOFOLLOW);
	return (PIN_OK);
}

static int
make_node(struct layer *l, int dir, const char *base, const char *path,
    struct archive_entry *e, struct pin_err *err)
{
	mode_t type = archive_entry_filetype(e);

	if (type != S_IFCHR && type != S_IFBLK && type != S_IFIFO) {
		l->root->skipped++;		/* a socket and the like */
		return (PIN_OK);
	}
	if (mknodat(dir, base, archive_entry_mode(e), type == S_IFIFO ? 0 :
	    archive_entry_rdev(e)) != 0) {
		if (errno != EPERM && errno != ENOTSUP)
			return (entry_os(path, err));
		l->root->skipped++;
		return (PIN_OK);
	}
	if (geteuid() == 0 && (fchownat(dir, base, (uid_t)archive_entry_uid(e),
	    (gid_t)archive_entry_gid(e), AT_SYMLINK_NOFOLLOW) != 0 ||
	    fchmodat(dir, base, archive_entry_mode(e) & 07777, 0) != 0))
		return (entry_os(path, err));
	return (PIN_OK);
}

/* A directory over a directory keeps what is in it; all else replaces. */
static int
make_room(struct layer *l, int dir, const char *base, int is_dir,
    struct pin_err *err)
{
	struct stat st;

	if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return (PIN_OK);
	if (is_dir && S_ISDIR(st.st_mode))
		return (PIN_OK);
	return (image__remove_at(dir, base, l->root->trash, err));
}

static int
make_entry(struct layer *l, const char *path, struct archive_entry *e,
    struct pin_err *err)
{
	const char *base, *hard = archive_entry_hardlink(e);
	mode_t type = archive_entry_filetype(e);
	int dir, rc;

	if (++l->root->files > IMAGE_ROOT_FILES_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "more than %u files",
		    IMAGE_ROOT_FILES_MAX));
	if (path[0] == '\0')		/* "./" */
		return (type == S_IFDIR ? make_dir(l->root->fd, ".", "/", e,
		    err) : pin_err_set(err, PIN_EINVALID,
		    "the root is no directory"));
	rc = image__walk(l->root->fd, path, 1, &dir, &base, err);
	if (rc != PIN_OK)
		return (rc);
	/* A link to itself would lose the file. */
	if (hard == NULL || strcmp(hard, path) != 0)
		rc = make_room(l, dir, base, hard == NULL && type == S_IFDIR,
		    err);
	else
		rc = pin_err_set(err, PIN_EINVALID,
		    "hard link \"%.300s\" to itself", path);
	if (rc != PIN_OK)
		;
	else if (hard != NULL)
		rc = make_link(l, dir, base, path, hard, err);
	else if (type == S_IFREG)
		rc = make_file(l, dir, base, path, e, err);
	else if (type == S_IFDIR)
		rc = make_dir(dir, base, path, e, err);
	else if (type == S_IFLNK)
		rc = make_symlink(dir, base, path, e, err);
	else
		rc = make_node(l, dir, base, path, e, err);
	close(dir);
	return (rc);
}

static int
pass_files(struct image__root *root, int fd, struct pin_err *err)
{
	char path[IMAGE_PATH_MAX];
	struct archive_entry *e;
	struct layer l;
	int rc;

	rc = layer_open(&l, root, fd, 0, err);
	while (rc == PIN_OK && (rc = layer_next(&l, &e, path, err)) == 1) {
		rc = PIN_OK;
		if (strncmp(base_of(path), WH, WH_LEN) != 0)
			rc = make_entry(&l, path, e, err);
	}
	layer_close(&l);
	return (rc);
}

int
image__layer_apply(struct image__root *root, int fd, const char *diff,
    struct pin_err *err)
{
	int rc = pass_whiteouts(root, fd, diff, err);

	return (rc == PIN_OK ? pass_files(root, fd, err) : rc);
}
