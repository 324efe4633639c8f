/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store.c -- what is kept of images, under DATA/images:
 *
 *	blobs/sha256/HEX	manifests, configs, layers, as they came
 *	roots/HEX/		the file system of the config HEX, merged
 *	held/HEX/HOLDER		a container that uses it
 *	refs.json		name -> config, replaced as a whole
 *	tmp/			work of one import; a leftover is swept
 *	lock			held by who imports or removes
 *
 * Threads: as image.h.
 * Contract: image.h. */
#include "core/image/image_int.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCK_POLL_MS	20
#define NS_MS		UINT64_C(1000000)

int
image__path(char out[IMAGE_PATH_MAX], struct pin_err *err, const char *fmt,
    ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, IMAGE_PATH_MAX, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= IMAGE_PATH_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "%.300s...: path too "
		    "long", out));
	return (PIN_OK);
}

/* ---- opening ----------------------------------------------------------- */

static int
lock(struct image__store *s, struct pin_err *err)
{
	uint64_t end = pin_host_now(s->host) + IMAGE_LOCK_MS * NS_MS;
	char path[IMAGE_PATH_MAX];
	int rc;

	rc = image__path(path, err, "%s/lock", s->dir);
	if (rc == PIN_OK)
		rc = pin_file_open(s->host, path, PIN_FILE_WRITE |
		    PIN_FILE_CREATE | PIN_FILE_PRIVATE, &s->lock, err);
	if (rc != PIN_OK)
		return (rc);
	while ((rc = pin_file_lock(s->lock, err)) == PIN_ELOCKED &&
	    pin_host_now(s->host) < end)
		(void)poll(NULL, 0, LOCK_POLL_MS);
	if (rc != PIN_OK)
		pin_file_close(&s->lock);
	return (rc);
}

int
image__store_open(struct image__store *s, struct pin_host *host,
    const char *data, struct pin_err *err)
{
	static const char *const dirs[] = { "", "/blobs", "/blobs/sha256",
	    "/roots", "/held", "/tmp" };
	char path[IMAGE_PATH_MAX];
	int rc;

	memset(s, 0, sizeof(*s));
	s->host = host;
	rc = image__path(s->dir, err, "%s/images", data);
	if (rc == PIN_OK)
		rc = pin_path_mkdir(host, data, err);
	for (size_t i = 0; rc == PIN_OK && i < PIN_LEN(dirs); i++) {
		rc = image__path(path, err, "%s%s", s->dir, dirs[i]);
		if (rc == PIN_OK)
			rc = pin_path_mkdir(host, path, err);
	}
	return (rc == PIN_OK ? lock(s, err) : rc);
}

void
image__store_close(struct image__store *s)
{
	if (s->lock != NULL)
		pin_file_close(&s->lock);
}

/* ---- refs.json --------------------------------------------------------- */

void
image__ref_fini(struct image__ref *r)
{
	free(r->name);
	free(r->id);
	free(r->manifest);
	if (r->blobs != NULL)
		pin_obj_free(&r->blobs);
	memset(r, 0, sizeof(*r));
}

void
image__refs_fini(struct image__refs *refs)
{
	for (uint32_t i = 0; i < refs->n; i++)
		image__ref_fini(&refs->ref[i]);
	free(refs->ref);
	memset(refs, 0, sizeof(*refs));
}

static char *
take_str(const struct pin_obj *o, pin_node at, const char *key)
{
	struct pin_str s = pin_obj_str(o, pin_obj_get(o, at, key));

	return (pin_xstrndup(s.len > 0 ? s.p : "", s.len));
}

static int
ref_read(const struct pin_obj *o, pin_node at, struct image__ref *r)
{
	int64_t size = 0;

	memset(r, 0, sizeof(*r));
	r->name = take_str(o, at, "name");
	r->id = take_str(o, at, "id");
	r->manifest = take_str(o, at, "manifest");
	(void)pin_obj_i64(o, pin_obj_get(o, at, "size"), &size);
	(void)pin_obj_i64(o, pin_obj_get(o, at, "imported"), &r->imported_ns);
	r->size = (uint64_t)size;
	r->blobs = pin_obj_new(NULL);
	if (r->blobs != NULL)
		(void)pin_obj_set_node(r->blobs, pin_obj_root(r->blobs),
		    PIN_STR("blobs"), o, pin_obj_get(o, at, "blobs"));
	return (r->blobs != NULL && !pin_obj_failed(r->blobs) &&
	    r->name[0] != '\0' && image__digest_hex(r->id) != NULL);
}

int
image__refs_put(struct image__refs *refs, struct image__ref *r,
    struct pin_err *err)
{
	uint32_t i;

	for (i = 0; i < refs->n; i++)
		if (strcmp(refs->ref[i].name, r->name) == 0)
			break;
	if (i == IMAGE_REFS_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "%s: there are %d names "
		    "of images, the most there can be", r->name,
		    IMAGE_REFS_MAX));
	if (i == refs->n && refs->n == refs->cap) {
		refs->cap = refs->cap == 0 ? 16 : refs->cap * 2;
		refs->ref = pin_xrealloc(refs->ref, refs->cap *
		    sizeof(*refs->ref));
	}
	if (i == refs->n)
		refs->n++;
	else
		image__ref_fini(&refs->ref[i]);
	refs->ref[i] = *r;
	memset(r, 0, sizeof(*r));
	return (PIN_OK);
}

int
image__refs_read(struct pin_host *host, const char *dir,
    struct image__refs *refs, struct pin_err *err)
{
	char path[IMAGE_PATH_MAX], *text = NULL;
	struct pin_obj *o = NULL;
	struct image__ref r;
	pin_node n;
	size_t len;
	int rc;

	memset(refs, 0, sizeof(*refs));
	rc = image__path(path, err, "%s/refs.json", dir);
	if (rc == PIN_OK)
		rc = pin_path_slurp(host, path, IMAGE_REFS_BYTES_MAX, &text,
		    &len, err);
	if (rc == PIN_ENOTFOUND)
		return (PIN_OK);		/* none yet */
	if (rc == PIN_OK)
		rc = pin_obj_parse(NULL, text, len, &o, err);
	free(text);
	if (rc != PIN_OK)
		return (pin_err_wrap(err, "%s", path));
	n = pin_obj_first(o, pin_obj_get(o, pin_obj_root(o), "images"));
	for (; n != 0 && rc == PIN_OK; n = pin_obj_next(o, n)) {
		if (!ref_read(o, n, &r))
			rc = pin_err_set(err, PIN_ECORRUPT, "%s: damaged at "
			    "\"%.100s\"", path, r.name);
		else
			rc = image__refs_put(refs, &r, err);
		image__ref_fini(&r);
	}
	pin_obj_free(&o);
	if (rc != PIN_OK)
		image__refs_fini(refs);
	return (rc);
}

int
image__refs_write(struct pin_host *host, const char *dir,
    const struct image__refs *refs, struct pin_err *err)
{
	char path[IMAGE_PATH_MAX];
	const struct image__ref *r;
	struct pin_out out;
	int rc;

	pin_out_init(&out, NULL, IMAGE_REFS_BYTES_MAX);
	pin_out_cstr(&out, "{\"version\":1,\"images\":[");
	for (uint32_t i = 0; i < refs->n; i++) {
		r = &refs->ref[i];
		pin_out_cstr(&out, i > 0 ? ",\n{\"name\":" : "\n{\"name\":");
		pin_json_quote(&out, pin_str(r->name));
		pin_out_printf(&out, ",\"id\":\"%s\",\"manifest\":\"%s\","
		    "\"size\":%llu,\"imported\":%lld,\"blobs\":", r->id,
		    r->manifest, (unsigned long long)r->size,
		    (long long)r->imported_ns);
		pin_obj_write(r->blobs, pin_obj_get(r->blobs,
		    pin_obj_root(r->blobs), "blobs"), &out);
		pin_out_char(&out, '}');
	}
	pin_out_cstr(&out, "\n]}\n");
	rc = out.failed != PIN_OK ? pin_err_set(err, out.failed,
	    "the list of images is too large") : image__path(path, err,
	    "%s/refs.json", dir);
	if (rc == PIN_OK)
		rc = pin_path_replace(host, path, out.p, out.len,
		    PIN_FILE_PRIVATE, err);
	pin_out_fini(&out);
	return (rc);
}

/* ---- sweeping ---------------------------------------------------------- */

static int
is_needed(const struct image__refs *refs, const char *hex, int root)
{
	const struct image__ref *r;
	struct pin_str s;
	pin_node n;

	for (uint32_t i = 0; i < refs->n; i++) {
		r = &refs->ref[i];
		if (strcmp(r->id + 7, hex) == 0)
			return (1);
		if (root)
			continue;
		n = pin_obj_first(r->blobs, pin_obj_get(r->blobs,
		    pin_obj_root(r->blobs), "blobs"));
		for (; n != 0; n = pin_obj_next(r->blobs, n)) {
			s = pin_obj_str(r->blobs, n);
			if (s.len == 71 && memcmp(s.p + 7, hex, 64) == 0)
				return (1);
		}
	}
	return (0);
}

/* A name in held/HEX, or "" when nobody holds it. */
static void
holder_of(const struct image__store *s, const char *hex, char out[256])
{
	char path[IMAGE_PATH_MAX];
	struct dirent *e;
	DIR *d;

	out[0] = '\0';
	if (image__path(path, NULL, "%s/held/%s", s->dir, hex) != PIN_OK)
		return;
	d = opendir(path);
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			snprintf(out, 256, "%s", e->d_name);
	closedir(d);
}

/* Who takes a hold makes it and then looks whether the root is there; so a
 * root is moved away first, and back when there is a hold now. */
static int
sweep_root(struct image__store *s, int roots, const char *hex, int tmp,
    struct pin_err *err)
{
	char holder[256], held[IMAGE_PATH_MAX];

	holder_of(s, hex, holder);
	if (holder[0] != '\0')
		return (PIN_OK);
	if (renameat(roots, hex, tmp, hex) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "roots/%s", hex));
	holder_of(s, hex, holder);
	if (holder[0] != '\0') {
		(void)renameat(tmp, hex, roots, hex);
		return (PIN_OK);
	}
	if (image__path(held, NULL, "%s/held/%s", s->dir, hex) == PIN_OK)
		(void)rmdir(held);
	return (PIN_OK);
}

static int
sweep_dir(struct image__store *s, const struct image__refs *refs,
    const char *sub, int root, int tmp, struct pin_err *err)
{
	char path[IMAGE_PATH_MAX];
	struct dirent *e;
	int rc, fd;
	DIR *d;

	rc = image__path(path, err, "%s/%s", s->dir, sub);
	if (rc != PIN_OK)
		return (rc);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		rc = pin_err_os(err, PIN_EIO, errno, "%s", path);
		if (fd >= 0)
			close(fd);
		return (rc);
	}
	while (rc == PIN_OK && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || is_needed(refs, e->d_name, root))
			continue;
		rc = root ? sweep_root(s, fd, e->d_name, tmp, err) :
		    image__remove_at(fd, e->d_name, tmp, err);
	}
	closedir(d);
	return (rc);
}

int
image__sweep(struct image__store *s, const struct image__refs *refs,
    struct pin_err *err)
{
	char path[IMAGE_PATH_MAX];
	int tmp, rc;

	rc = image__path(path, err, "%s/tmp", s->dir);
	if (rc != PIN_OK)
		return (rc);
	tmp = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tmp < 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	rc = image__empty(tmp, err);
	if (rc == PIN_OK)
		rc = sweep_dir(s, refs, "roots", 1, tmp, err);
	if (rc == PIN_OK)
		rc = image__empty(tmp, err);
	if (rc == PIN_OK)
		rc = sweep_dir(s, refs, "blobs/sha256", 0, tmp, err);
	close(tmp);
	return (rc);
}

/* ---- list, remove ------------------------------------------------------ */

int
image_list(struct pin_host *host, const char *data,
    void (*emit)(void *, const struct image_row *), void *arg,
    struct pin_err *err)
{
	char dir[IMAGE_PATH_MAX];
	struct image__refs refs;
	struct image_row row;
	int rc;

	rc = image__path(dir, err, "%s/images", data);
	if (rc == PIN_OK)
		rc = image__refs_read(host, dir, &refs, err);
	if (rc != PIN_OK)
		return (rc);
	for (uint32_t i = 0; i < refs.n; i++) {
		row.name = refs.ref[i].name;
		row.id = refs.ref[i].id;
		row.size = refs.ref[i].size;
		row.imported_ns = refs.ref[i].imported_ns;
		emit(arg, &row);
	}
	image__refs_fini(&refs);
	return (PIN_OK);
}

/* 1: r is meant by name (norm: written out, or ""). */
static int
is_meant(const struct image__ref *r, const char *name, const char *norm)
{
	size_t len = strlen(name);

	if (norm[0] != '\0' && strcmp(r->name, norm) == 0)
		return (1);
	if (strncmp(name, "sha256:", 7) == 0)
		return (strcmp(r->id, name) == 0);
	return (len >= 12 && len <= 64 && strncmp(r->id + 7, name, len) == 0);
}

static int
forget(struct image__store *s, struct image__refs *refs, const char *name,
    const char *norm, struct pin_err *err)
{
	char holder[256], id[IMAGE_ID_MAX];
	uint32_t keep = 0, gone = 0;

	for (uint32_t i = 0; i < refs->n; i++) {
		if (!is_meant(&refs->ref[i], name, norm)) {
			refs->ref[keep++] = refs->ref[i];
			continue;
		}
		snprintf(id, sizeof(id), "%s", refs->ref[i].id);
		image__ref_fini(&refs->ref[i]);
		gone++;
	}
	refs->n = keep;
	if (gone == 0)
		return (pin_err_set(err, PIN_ENOTFOUND, "no image \"%.300s\"",
		    name));
	holder_of(s, id + 7, holder);
	if (holder[0] != '\0' && !is_needed(refs, id + 7, 1))
		return (pin_err_set(err, PIN_ELOCKED, "image \"%.300s\" is "
		    "used by container %s", name, holder));
	return (PIN_OK);
}

int
image_remove(struct pin_host *host, const char *data, const char *name,
    struct pin_err *err)
{
	char norm[IMAGE_NAME_MAX];
	struct image__store s;
	struct image__refs refs;
	int rc;

	if (image_name(name, norm, err) != PIN_OK)
		norm[0] = '\0';
	rc = image__store_open(&s, host, data, err);
	if (rc != PIN_OK)
		return (rc);
	rc = image__refs_read(host, s.dir, &refs, err);
	if (rc == PIN_OK) {
		rc = forget(&s, &refs, name, norm, err);
		if (rc == PIN_OK)
			rc = image__refs_write(host, s.dir, &refs, err);
		if (rc == PIN_OK)
			rc = image__sweep(&s, &refs, err);
		image__refs_fini(&refs);
	}
	image__store_close(&s);
	return (rc);
}

/* ---- find, hold -------------------------------------------------------- */

static int
config_read(struct pin_host *host, const char *dir, struct image_info *info,
    struct pin_err *err)
{
	char path[IMAGE_PATH_MAX], *text = NULL;
	size_t len;
	int rc;

	rc = image__path(path, err, "%s/blobs/sha256/%s", dir, info->id + 7);
	if (rc == PIN_OK)
		rc = pin_path_slurp(host, path, IMAGE_JSON_MAX, &text, &len,
		    err);
	if (rc == PIN_OK)
		rc = pin_obj_parse(NULL, text, len, &info->config, err);
	free(text);
	if (rc != PIN_OK)
		return (pin_err_wrap(err, "image %s", info->name));
	info->run = pin_obj_get(info->config, pin_obj_root(info->config),
	    "config");
	return (PIN_OK);
}

/* docker.io/library/x:1 -> docker.io/library/x@sha256:... */
static void
resolve(struct image_info *info, const char *manifest)
{
	const char *end = info->name + strcspn(info->name, "@");
	const char *slash = strrchr(info->name, '/'), *colon;

	if (manifest[0] == '\0') {
		snprintf(info->resolved, sizeof(info->resolved), "%s",
		    info->id);
		return;
	}
	colon = slash != NULL ? strchr(slash, ':') : NULL;
	if (colon != NULL && colon < end)
		end = colon;
	snprintf(info->resolved, sizeof(info->resolved), "%.*s@%s",
	    (int)(end - info->name), info->name, manifest);
}

/* name@sha256:... may also mean a tag that was imported from it. */
static int
by_digest(const struct image__ref *r, const char *norm)
{
	const char *at = strchr(norm, '@');
	size_t len = at != NULL ? (size_t)(at - norm) : 0;

	return (at != NULL && (strcmp(r->manifest, at + 1) == 0 ||
	    strcmp(r->id, at + 1) == 0) && strncmp(r->name, norm, len) == 0 &&
	    (r->name[len] == ':' || r->name[len] == '@'));
}

int
image_find(struct pin_host *host, const char *data, const char *name,
    struct image_info *info, struct pin_err *err)
{
	int is_id = image__digest_hex(name) != NULL;
	char dir[IMAGE_PATH_MAX];
	const struct image__ref *r = NULL;
	struct image__refs refs;
	int rc;

	memset(info, 0, sizeof(*info));
	rc = is_id ? PIN_OK : image_name(name, info->name, err);
	if (rc == PIN_OK)
		rc = image__path(dir, err, "%s/images", data);
	if (rc == PIN_OK)
		rc = image__refs_read(host, dir, &refs, err);
	if (rc != PIN_OK)
		return (rc);
	for (uint32_t i = 0; i < refs.n && r == NULL; i++)
		if (is_id ? strcmp(refs.ref[i].id, name) == 0 :
		    strcmp(refs.ref[i].name, info->name) == 0 ||
		    by_digest(&refs.ref[i], info->name))
			r = &refs.ref[i];
	if (r == NULL)
		rc = pin_err_set(err, PIN_ENOTFOUND, "no image \"%.300s\" on "
		    "this node (`pintle image import` brings one)", name);
	else {
		if (is_id)
			snprintf(info->name, sizeof(info->name), "%s",
			    r->name);
		snprintf(info->id, sizeof(info->id), "%s", r->id);
		info->size = r->size;
		resolve(info, r->manifest);
		rc = image__path(info->root, err, "%s/roots/%s", dir,
		    r->id + 7);
		if (rc == PIN_OK)
			rc = config_read(host, dir, info, err);
	}
	image__refs_fini(&refs);
	return (rc);
}

void
image_info_fini(struct image_info *info)
{
	if (info->config != NULL)
		pin_obj_free(&info->config);
	memset(info, 0, sizeof(*info));
}

static int
hold_path(char out[IMAGE_PATH_MAX], const char *data, const char *id,
    const char *holder, struct pin_err *err)
{
	const char *hex = image__digest_hex(id);

	if (hex == NULL || holder[0] == '\0' || holder[0] == '.' ||
	    strchr(holder, '/') != NULL || strlen(holder) > 255)
		return (pin_err_set(err, PIN_EINVALID, "hold of \"%.100s\" by "
		    "\"%.100s\"", id, holder));
	return (image__path(out, err, "%s/images/held/%s/%s", data, hex,
	    holder));
}

int
image_hold(struct pin_host *host, const char *data, const char *id,
    const char *holder, struct pin_err *err)
{
	char path[IMAGE_PATH_MAX], dir[IMAGE_PATH_MAX];
	struct pin_file *f = NULL;
	int rc;

	rc = hold_path(path, data, id, holder, err);
	if (rc == PIN_OK)
		rc = image__path(dir, err, "%s/images/held/%s", data, id + 7);
	if (rc == PIN_OK)
		rc = pin_path_mkdir(host, dir, err);
	if (rc == PIN_OK)
		rc = pin_file_open(host, path, PIN_FILE_WRITE |
		    PIN_FILE_CREATE | PIN_FILE_PRIVATE, &f, err);
	if (rc != PIN_OK)
		return (rc);
	pin_file_close(&f);
	/* After the hold is there: a removal either saw it or took away. */
	rc = image__path(dir, err, "%s/images/roots/%s", data, id + 7);
	if (rc == PIN_OK && access(dir, F_OK) != 0)
		rc = pin_err_set(err, PIN_ENOTFOUND, "image %s was removed",
		    id);
	if (rc != PIN_OK)
		(void)pin_path_unlink(host, path, NULL);
	return (rc);
}

void
image_release(struct pin_host *host, const char *data, const char *id,
    const char *holder)
{
	char path[IMAGE_PATH_MAX];

	if (hold_path(path, data, id, holder, NULL) == PIN_OK)
		(void)pin_path_unlink(host, path, NULL);
}
