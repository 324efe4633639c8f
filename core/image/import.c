/* SPDX-License-Identifier: BSD-2-Clause
 *
 * import.c -- docker archives (manifest.json) and OCI layouts (index.json)
 * into the store. Everything is made below tmp/, verified, synced, and only
 * then named: blobs, root, and last the list of names.
 * One import at a time, by the store's lock.
 * Contract: image.h; the image layout, manifest and config of OCI 1.0, and
 * docker's image format 1.2. */
#include "core/image/image_int.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOBS		"blobs/sha256/"
#define BLOBS_LEN	13
#define NAMES_MAX	64			/* of one image */
#define ATTESTATION	"vnd.docker.reference.type"

struct plan {				/* one image to be */
	const struct image__file *config, *manifest;	/* manifest or NULL */
	uint32_t	 nlayers, nnames;
	const struct image__file *layer[IMAGE_LAYERS_MAX];
	char		*name[NAMES_MAX];
};

struct import {
	const struct image_import *req;
	struct pin_host	*host;
	struct image__store store;
	struct image__refs refs;
	struct image__stage stage;
	int		 tmp, trash;	/* directories */
	uint32_t	 n, named;	/* images; --name used */
	char		 os[32], arch[32];
};

static void
say(const struct import *im, const char *fmt, ...) PIN_PRINTF(2, 3);

static void
say(const struct import *im, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (im->req->said == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	im->req->said(im->req->arg, line);
}

/* ---- names ------------------------------------------------------------- */

static int
plan_name(struct import *im, struct plan *p, struct pin_str name,
    struct pin_err *err)
{
	char text[IMAGE_NAME_MAX], norm[IMAGE_NAME_MAX];

	if (p->nnames == NAMES_MAX)
		return (pin_err_set(err, PIN_ELIMIT, "%s: an image with more "
		    "than %d names", im->req->file, NAMES_MAX));
	snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(name));
	if (image_name(text, norm, err) != PIN_OK)
		return (pin_err_wrap(err, "%s", im->req->file));
	p->name[p->nnames++] = pin_xstrdup(norm);
	return (PIN_OK);
}

/* An image without a name gets the caller's; its own tag stays when the
 * caller names none. */
static int
plan_name_given(struct import *im, struct plan *p, struct pin_str tag,
    struct pin_err *err)
{
	char text[IMAGE_NAME_MAX * 2];
	const char *given = im->req->name, *slash;

	if (p->nnames > 0)
		return (PIN_OK);
	if (given == NULL)
		return (pin_err_set(err, PIN_EINVAL, "%s: an image in it has "
		    "no name" PIN_SFMT PIN_SFMT "; give one with --name",
		    im->req->file, PIN_SARG(tag.len > 0 ?
		    PIN_STR(" but the tag ") : PIN_STR_NONE), PIN_SARG(tag)));
	slash = strrchr(given, '/');
	if (tag.len > 0 && strpbrk(slash != NULL ? slash : given, ":@") ==
	    NULL) {
		snprintf(text, sizeof(text), "%s:" PIN_SFMT, given,
		    PIN_SARG(tag));
		return (plan_name(im, p, pin_str(text), err));
	}
	if (im->named++ > 0)
		return (pin_err_set(err, PIN_EINVAL, "%s: holds several "
		    "images without a name, --name can be of one only",
		    im->req->file));
	return (plan_name(im, p, pin_str(given), err));
}

static void
plan_fini(struct plan *p)
{
	for (uint32_t i = 0; i < p->nnames; i++)
		free(p->name[i]);
	memset(p, 0, sizeof(*p));
}

/* ---- into the store ---------------------------------------------------- */

static int
os_fail(const char *what, struct pin_err *err)
{
	return (pin_err_os(err, PIN_EIO, errno, "%s", what));
}

static int
sub_dir(int at, const char *name, struct pin_err *err)
{
	int fd;

	if (mkdirat(at, name, 0755) != 0)
		return (os_fail(name, err));
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return (fd >= 0 ? fd : os_fail(name, err));
}

static int
layers_apply(struct import *im, const struct plan *p,
    const struct pin_obj *config, pin_node diffs, struct image__root *root,
    struct pin_err *err)
{
	pin_node n = pin_obj_first(config, diffs);
	char digest[IMAGE_ID_MAX];
	int fd, rc = PIN_OK;

	for (uint32_t i = 0; i < p->nlayers; i++, n = pin_obj_next(config,
	    n)) {
		snprintf(digest, sizeof(digest), PIN_SFMT,
		    PIN_SARG(pin_obj_str(config, n)));
		if (image__digest_hex(digest) == NULL)
			return (pin_err_set(err, PIN_EINVALID, "%s: %s: "
			    "diff_ids[%u] \"%s\" is no sha256 digest",
			    im->req->file, p->config->name, i, digest));
		fd = image__stage_fd(&im->stage, p->layer[i], err);
		if (fd < 0)
			return (fd);
		rc = image__layer_apply(root, fd, digest + 7, err);
		close(fd);
		if (rc != PIN_OK)
			return (pin_err_wrap(err, "%s: layer %u (%.100s)",
			    im->req->file, i, p->layer[i]->name));
	}
	return (rc);
}

/* tmp/root becomes roots/HEX. */
static int
root_commit(struct import *im, const struct image__root *root,
    const char *hex, struct pin_err *err)
{
	char to[IMAGE_PATH_MAX], dir[IMAGE_PATH_MAX], from[IMAGE_PATH_MAX];
	int rc;

	rc = image__os_sync(root->fd);
	if (rc != 0)
		return (pin_err_os(err, PIN_EIO, rc, "%s", im->store.dir));
	rc = image__path(dir, err, "%s/roots", im->store.dir);
	if (rc == PIN_OK)
		rc = image__path(to, err, "%s/%s", dir, hex);
	if (rc == PIN_OK)
		rc = image__path(from, err, "%s/tmp/root", im->store.dir);
	if (rc == PIN_OK)
		rc = pin_path_rename(im->host, from, to, err);
	return (rc == PIN_OK ? pin_path_sync(im->host, dir, err) : rc);
}

static int
root_make(struct import *im, const struct plan *p,
    const struct pin_obj *config, pin_node diffs, struct pin_err *err)
{
	struct image__root root = { .fd = -1, .trash = im->trash };
	char path[IMAGE_PATH_MAX];
	int rc;

	rc = image__path(path, err, "%s/roots/%s", im->store.dir,
	    p->config->hex);
	if (rc != PIN_OK || access(path, F_OK) == 0)
		return (rc);		/* there already, and complete */
	root.fd = sub_dir(im->tmp, "root", err);
	if (root.fd < 0)
		return (root.fd);
	(void)fchmod(root.fd, 0755);
	rc = layers_apply(im, p, config, diffs, &root, err);
	if (rc == PIN_OK)
		rc = root_commit(im, &root, p->config->hex, err);
	close(root.fd);
	if (rc != PIN_OK)
		(void)image__remove_at(im->tmp, "root", im->trash, NULL);
	else if (root.skipped > 0)
		say(im, "%s: %u device nodes left out: no right to make them",
		    p->nnames > 0 ? p->name[0] : p->config->hex,
		    root.skipped);
	return (rc);
}

/* A hard link: several images of an archive share layers. */
static int
blob_commit(struct import *im, const struct image__file *f,
    struct pin_err *err)
{
	char from[IMAGE_PATH_MAX], to[IMAGE_PATH_MAX];
	int rc;

	rc = image__path(from, err, "%s/%u", im->stage.dir, f->number);
	if (rc == PIN_OK)
		rc = image__path(to, err, "%s/" BLOBS "%s", im->store.dir,
		    f->hex);
	if (rc == PIN_OK && link(from, to) != 0 && errno != EEXIST)
		rc = os_fail(to, err);
	return (rc);
}

static int
blobs_commit(struct import *im, const struct plan *p, struct pin_err *err)
{
	char dir[IMAGE_PATH_MAX];
	int rc;

	rc = image__os_sync(im->stage.dir_fd);
	if (rc != 0)
		return (pin_err_os(err, PIN_EIO, rc, "%s", im->stage.dir));
	rc = blob_commit(im, p->config, err);
	if (rc == PIN_OK && p->manifest != NULL)
		rc = blob_commit(im, p->manifest, err);
	for (uint32_t i = 0; rc == PIN_OK && i < p->nlayers; i++)
		rc = blob_commit(im, p->layer[i], err);
	if (rc == PIN_OK)
		rc = image__path(dir, err, "%s/" BLOBS, im->store.dir);
	return (rc == PIN_OK ? pin_path_sync(im->host, dir, err) : rc);
}

static int
add_blob(struct pin_obj *o, pin_node list, const struct image__file *f)
{
	char digest[IMAGE_ID_MAX];

	snprintf(digest, sizeof(digest), "sha256:%s", f->hex);
	return (pin_obj_add_str(o, list, pin_str(digest)) != 0);
}

static int
refs_add(struct import *im, const struct plan *p, const char *name,
    struct pin_err *err)
{
	struct image__ref r = { .size = p->config->size };
	char digest[IMAGE_ID_MAX];
	pin_node list;
	int rc;

	snprintf(digest, sizeof(digest), "sha256:%s", p->config->hex);
	r.name = pin_xstrdup(name);
	r.id = pin_xstrdup(digest);
	snprintf(digest, sizeof(digest), "sha256:%s", p->manifest != NULL ?
	    p->manifest->hex : "");
	r.manifest = pin_xstrdup(p->manifest != NULL ? digest : "");
	r.imported_ns = pin_host_wall(im->host);
	r.blobs = pin_obj_new(NULL);
	if (r.blobs == NULL) {
		image__ref_fini(&r);
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	}
	list = pin_obj_set_new(r.blobs, pin_obj_root(r.blobs), "blobs",
	    PIN_ARRAY);
	(void)add_blob(r.blobs, list, p->config);
	if (p->manifest != NULL)
		(void)add_blob(r.blobs, list, p->manifest);
	for (uint32_t i = 0; i < p->nlayers; i++) {
		(void)add_blob(r.blobs, list, p->layer[i]);
		r.size += p->layer[i]->size;
	}
	rc = pin_obj_failed(r.blobs) ? pin_err_set(err, PIN_ENOMEM,
	    "out of memory") : image__refs_put(&im->refs, &r, err);
	image__ref_fini(&r);
	return (rc);
}

static void
check_platform(struct import *im, const struct plan *p,
    const struct pin_obj *config)
{
	pin_node root = pin_obj_root(config);
	struct pin_str os = pin_obj_str(config, pin_obj_get(config, root,
	    "os")), arch = pin_obj_str(config, pin_obj_get(config, root,
	    "architecture"));

	if ((os.len > 0 && !pin_str_is(os, im->os)) ||
	    (arch.len > 0 && !pin_str_is(arch, im->arch)))
		say(im, "%s is for " PIN_SFMT "/" PIN_SFMT ", this machine is "
		    "%s/%s", p->name[0], PIN_SARG(os), PIN_SARG(arch),
		    im->os, im->arch);
}

static int
plan_commit(struct import *im, const struct plan *p, struct pin_err *err)
{
	struct pin_obj *config = NULL;
	pin_node diffs;
	int rc;

	rc = image__stage_json(&im->stage, p->config, &config, err);
	if (rc != PIN_OK)
		return (rc);
	diffs = pin_obj_at(config, pin_obj_root(config), "rootfs", "diff_ids",
	    NULL);
	if (pin_obj_type(config, diffs) != PIN_ARRAY ||
	    pin_obj_count(config, diffs) != p->nlayers)
		rc = pin_err_set(err, PIN_EINVALID, "%s: %s has %u diff_ids "
		    "for %u layers", im->req->file, p->config->name,
		    pin_obj_count(config, diffs), p->nlayers);
	else {
		check_platform(im, p, config);
		rc = root_make(im, p, config, diffs, err);
	}
	pin_obj_free(&config);
	if (rc == PIN_OK)
		rc = blobs_commit(im, p, err);
	for (uint32_t i = 0; rc == PIN_OK && i < p->nnames; i++)
		rc = refs_add(im, p, p->name[i], err);
	if (rc == PIN_OK)
		rc = image__refs_write(im->host, im->store.dir, &im->refs,
		    err);
	for (uint32_t i = 0; rc == PIN_OK && i < p->nnames; i++)
		say(im, "imported %s sha256:%s", p->name[i], p->config->hex);
	im->n += rc == PIN_OK;
	return (rc);
}

/* ---- docker archives --------------------------------------------------- */

/* A file whose name tells its digest must have it. */
static int
docker_file(struct import *im, struct pin_str name,
    const struct image__file **out, struct pin_err *err)
{
	char path[IMAGE_PATH_MAX], clean[IMAGE_PATH_MAX], want[IMAGE_ID_MAX];
	const char *hex = NULL;
	size_t len;
	int rc;

	snprintf(path, sizeof(path), PIN_SFMT, PIN_SARG(name));
	rc = image__clean(path, clean, err);
	if (rc != PIN_OK)
		return (pin_err_wrap(err, "%s: manifest.json",
		    im->req->file));
	*out = image__stage_get(&im->stage, clean, &rc, err);
	if (*out == NULL)
		return (rc);
	len = strlen(clean);
	if (strncmp(clean, BLOBS, BLOBS_LEN) == 0)
		hex = clean + BLOBS_LEN;
	else if (len == 69 && strcmp(clean + 64, ".json") == 0)
		hex = clean;
	if (hex == NULL)
		return (PIN_OK);
	snprintf(want, sizeof(want), "sha256:%.64s", hex);
	if (image__digest_hex(want) != NULL &&
	    strcmp(want + 7, (*out)->hex) != 0)
		return (pin_err_set(err, PIN_ECORRUPT, "%s: %s has the digest "
		    "sha256:%s", im->req->file, clean, (*out)->hex));
	return (PIN_OK);
}

static int
docker_plan(struct import *im, const struct pin_obj *o, pin_node at,
    struct plan *p, struct pin_err *err)
{
	pin_node n;
	int rc;

	rc = docker_file(im, pin_obj_str(o, pin_obj_get(o, at, "Config")),
	    &p->config, err);
	n = pin_obj_first(o, pin_obj_get(o, at, "Layers"));
	for (; rc == PIN_OK && n != 0; n = pin_obj_next(o, n)) {
		if (p->nlayers == IMAGE_LAYERS_MAX)
			return (pin_err_set(err, PIN_ELIMIT, "%s: an image "
			    "with more than %d layers", im->req->file,
			    IMAGE_LAYERS_MAX));
		rc = docker_file(im, pin_obj_str(o, n),
		    &p->layer[p->nlayers], err);
		p->nlayers += rc == PIN_OK;
	}
	n = pin_obj_first(o, pin_obj_get(o, at, "RepoTags"));
	for (; rc == PIN_OK && n != 0; n = pin_obj_next(o, n))
		rc = plan_name(im, p, pin_obj_str(o, n), err);
	return (rc == PIN_OK ? plan_name_given(im, p, PIN_STR_NONE, err) :
	    rc);
}

static int
docker_import(struct import *im, const struct image__file *f,
    struct pin_err *err)
{
	struct plan *p = pin_xcalloc(1, sizeof(*p));
	struct pin_obj *o = NULL;
	uint32_t count = 0;
	pin_node n;
	int rc;

	rc = image__stage_json(&im->stage, f, &o, err);
	if (rc == PIN_OK && pin_obj_type(o, pin_obj_root(o)) != PIN_ARRAY)
		rc = pin_err_set(err, PIN_EINVALID, "%s: manifest.json is no "
		    "list", im->req->file);
	n = rc == PIN_OK ? pin_obj_first(o, pin_obj_root(o)) : 0;
	for (; rc == PIN_OK && n != 0; n = pin_obj_next(o, n)) {
		if (++count > IMAGE_IN_ARCHIVE_MAX)
			rc = pin_err_set(err, PIN_ELIMIT, "%s: more than %d "
			    "images", im->req->file, IMAGE_IN_ARCHIVE_MAX);
		if (rc == PIN_OK)
			rc = docker_plan(im, o, n, p, err);
		if (rc == PIN_OK)
			rc = plan_commit(im, p, err);
		plan_fini(p);
	}
	if (o != NULL)
		pin_obj_free(&o);
	free(p);
	return (rc);
}

/* ---- OCI layouts ------------------------------------------------------- */

/* The file a descriptor speaks of, its digest and size as it says. */
static int
blob_get(struct import *im, const struct pin_obj *o, pin_node desc,
    const struct image__file **out, struct pin_err *err)
{
	struct pin_str d = pin_obj_str(o, pin_obj_get(o, desc, "digest"));
	char digest[IMAGE_ID_MAX + 64], name[IMAGE_ID_MAX + BLOBS_LEN];
	const char *hex;
	int64_t size;
	int rc;

	snprintf(digest, sizeof(digest), PIN_SFMT, PIN_SARG(d));
	hex = image__digest_hex(digest);
	if (hex == NULL || d.len != 71)
		return (pin_err_set(err, PIN_EINVALID, "%s: \"%s\" is no "
		    "sha256 digest", im->req->file, digest));
	snprintf(name, sizeof(name), BLOBS "%.64s", hex);
	*out = image__stage_get(&im->stage, name, &rc, err);
	if (*out == NULL)
		return (rc);
	if (strcmp((*out)->hex, hex) != 0)
		return (pin_err_set(err, PIN_ECORRUPT, "%s: %s has the digest "
		    "sha256:%s", im->req->file, name, (*out)->hex));
	if (pin_obj_i64(o, pin_obj_get(o, desc, "size"), &size) &&
	    (uint64_t)size != (*out)->size)
		return (pin_err_set(err, PIN_ECORRUPT, "%s: %s has %llu "
		    "bytes, its descriptor says %lld", im->req->file, name,
		    (unsigned long long)(*out)->size, (long long)size));
	return (PIN_OK);
}

static int
is_index(const struct pin_obj *o, pin_node desc)
{
	struct pin_str m = pin_obj_str(o, pin_obj_get(o, desc, "mediaType"));

	return (pin_str_is(m, "application/vnd.oci.image.index.v1+json") ||
	    pin_str_is(m, "application/vnd.docker.distribution.manifest."
	    "list.v2+json"));
}

/* 2: for this machine, 1: says nothing of one, 0: for another, or none. */
static int
fitness(const struct import *im, const struct pin_obj *o, pin_node desc)
{
	pin_node at = pin_obj_get(o, desc, "platform");
	struct pin_str os = pin_obj_str(o, pin_obj_get(o, at, "os")),
	    arch = pin_obj_str(o, pin_obj_get(o, at, "architecture"));

	if (pin_obj_at(o, desc, "annotations", ATTESTATION, NULL) != 0)
		return (0);
	if (at == 0)
		return (1);
	return (pin_str_is(os, im->os) && pin_str_is(arch, im->arch) ? 2 : 0);
}

/* Down to the one manifest for this machine. */
static int
oci_manifest(struct import *im, const struct pin_obj *top, pin_node desc,
    struct plan *p, struct pin_obj **out, struct pin_err *err)
{
	struct pin_obj *o = NULL;
	pin_node n, best;
	int depth, rc;

	rc = blob_get(im, top, desc, &p->manifest, err);
	for (depth = 0; rc == PIN_OK; depth++) {
		int index = is_index(top, desc);

		rc = image__stage_json(&im->stage, p->manifest, out, err);
		if (o != NULL)
			pin_obj_free(&o);
		if (rc != PIN_OK || (!index && pin_obj_get(*out,
		    pin_obj_root(*out), "manifests") == 0))
			return (rc);
		o = *out;
		*out = NULL;
		best = 0;
		n = pin_obj_first(o, pin_obj_get(o, pin_obj_root(o),
		    "manifests"));
		for (; n != 0; n = pin_obj_next(o, n))
			if (fitness(im, o, n) > (best != 0 ? fitness(im, o,
			    best) : 0))
				best = n;
		if (depth >= IMAGE_INDEX_DEPTH_MAX)
			rc = pin_err_set(err, PIN_ELIMIT, "%s: indexes more "
			    "than %d deep", im->req->file,
			    IMAGE_INDEX_DEPTH_MAX);
		else if (best == 0)
			rc = pin_err_set(err, PIN_ENOTFOUND, "%s: %s has no "
			    "image for %s/%s", im->req->file,
			    p->manifest->name, im->os, im->arch);
		else
			rc = blob_get(im, o, best, &p->manifest, err);
		top = o;
		desc = best;
	}
	if (o != NULL)
		pin_obj_free(&o);
	return (rc);
}

static int
oci_layers(struct import *im, const struct pin_obj *m, struct plan *p,
    struct pin_err *err)
{
	pin_node n = pin_obj_first(m, pin_obj_get(m, pin_obj_root(m),
	    "layers"));
	struct pin_str type;
	char media[128];
	int rc = PIN_OK;

	for (; rc == PIN_OK && n != 0; n = pin_obj_next(m, n)) {
		type = pin_obj_str(m, pin_obj_get(m, n, "mediaType"));
		snprintf(media, sizeof(media), PIN_SFMT, PIN_SARG(type));
		if (strstr(media, ".tar") == NULL || strstr(media, "encrypt"))
			return (pin_err_set(err, PIN_EINVALID, "%s: %s: a "
			    "layer of type \"%s\" is none we can unpack",
			    im->req->file, p->manifest->name, media));
		if (p->nlayers == IMAGE_LAYERS_MAX)
			return (pin_err_set(err, PIN_ELIMIT, "%s: an image "
			    "with more than %d layers", im->req->file,
			    IMAGE_LAYERS_MAX));
		rc = blob_get(im, m, n, &p->layer[p->nlayers], err);
		p->nlayers += rc == PIN_OK;
	}
	return (rc);
}

/* "io.containerd.image.name" is whole, "...ref.name" whole or only a tag. */
static int
oci_names(struct import *im, const struct pin_obj *o, pin_node desc,
    struct plan *p, struct pin_err *err)
{
	pin_node at = pin_obj_get(o, desc, "annotations");
	struct pin_str name = pin_obj_str(o, pin_obj_get(o, at,
	    "io.containerd.image.name")), ref = pin_obj_str(o,
	    pin_obj_get(o, at, "org.opencontainers.image.ref.name"));
	int rc = PIN_OK;

	if (name.len == 0 && ref.len > 0 && (memchr(ref.p, ':', ref.len) !=
	    NULL || memchr(ref.p, '/', ref.len) != NULL))
		name = ref;
	if (name.len > 0)
		rc = plan_name(im, p, name, err);
	return (rc == PIN_OK ? plan_name_given(im, p, name.len > 0 ?
	    PIN_STR_NONE : ref, err) : rc);
}

static int
oci_plan(struct import *im, const struct pin_obj *o, pin_node desc,
    struct plan *p, struct pin_err *err)
{
	struct pin_obj *m = NULL;
	int rc;

	rc = oci_manifest(im, o, desc, p, &m, err);
	if (rc == PIN_OK)
		rc = blob_get(im, m, pin_obj_get(m, pin_obj_root(m),
		    "config"), &p->config, err);
	if (rc == PIN_OK)
		rc = oci_layers(im, m, p, err);
	if (rc == PIN_OK)
		rc = oci_names(im, o, desc, p, err);
	if (m != NULL)
		pin_obj_free(&m);
	return (rc);
}

static int
oci_import(struct import *im, const struct image__file *f,
    struct pin_err *err)
{
	struct plan *p = pin_xcalloc(1, sizeof(*p));
	struct pin_obj *o = NULL;
	uint32_t count = 0;
	pin_node n;
	int rc;

	rc = image__stage_json(&im->stage, f, &o, err);
	n = rc == PIN_OK ? pin_obj_first(o, pin_obj_get(o, pin_obj_root(o),
	    "manifests")) : 0;
	for (; rc == PIN_OK && n != 0; n = pin_obj_next(o, n)) {
		if (fitness(im, o, n) == 0)
			continue;
		if (++count > IMAGE_IN_ARCHIVE_MAX)
			rc = pin_err_set(err, PIN_ELIMIT, "%s: more than %d "
			    "images", im->req->file, IMAGE_IN_ARCHIVE_MAX);
		if (rc == PIN_OK)
			rc = oci_plan(im, o, n, p, err);
		if (rc == PIN_OK)
			rc = plan_commit(im, p, err);
		plan_fini(p);
	}
	if (rc == PIN_OK && count == 0)
		rc = pin_err_set(err, PIN_ENOTFOUND, "%s: index.json has no "
		    "image for %s/%s", im->req->file, im->os, im->arch);
	if (o != NULL)
		pin_obj_free(&o);
	free(p);
	return (rc);
}

/* ---- the whole of it --------------------------------------------------- */

static void
platform(struct import *im)
{
	static const char *const arch[][2] = { { "x86_64", "amd64" },
	    { "aarch64", "arm64" }, { "armv7l", "arm" }, { "armv6l", "arm" },
	    { "i386", "386" }, { "i486", "386" }, { "i586", "386" },
	    { "i686", "386" }, { "evbarm", "arm" } };
	struct utsname u;

	if (uname(&u) != 0)
		memset(&u, 0, sizeof(u));
	snprintf(im->os, sizeof(im->os), "%s", u.sysname);
	snprintf(im->arch, sizeof(im->arch), "%s", u.machine);
	for (char *c = im->os; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	for (size_t i = 0; i < PIN_LEN(arch); i++)
		if (strcmp(u.machine, arch[i][0]) == 0)
			snprintf(im->arch, sizeof(im->arch), "%s",
			    arch[i][1]);
}

static int
tmp_open(struct import *im, char stage[IMAGE_PATH_MAX], struct pin_err *err)
{
	char path[IMAGE_PATH_MAX];
	int fd, rc;

	rc = image__path(path, err, "%s/tmp", im->store.dir);
	if (rc == PIN_OK)
		rc = image__path(stage, err, "%s/stage", path);
	if (rc != PIN_OK)
		return (rc);
	im->tmp = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (im->tmp < 0)
		return (os_fail(path, err));
	rc = image__empty(im->tmp, err);	/* of an import that died */
	if (rc != PIN_OK)
		return (rc);
	fd = sub_dir(im->tmp, "stage", err);
	if (fd < 0)
		return (fd);
	close(fd);
	im->trash = sub_dir(im->tmp, "trash", err);
	return (im->trash < 0 ? im->trash : PIN_OK);
}

static int
import_all(struct import *im, struct pin_err *err)
{
	const struct image__file *f;
	int rc, other;

	f = image__stage_get(&im->stage, "manifest.json", &rc, err);
	if (f != NULL)
		return (docker_import(im, f, err));
	if (rc != PIN_ENOTFOUND)
		return (rc);
	f = image__stage_get(&im->stage, "index.json", &other, err);
	if (f != NULL)
		return (oci_import(im, f, err));
	if (other != PIN_ENOTFOUND)
		return (other);
	return (pin_err_set(err, PIN_EINVALID, "%s: neither a docker archive "
	    "(no manifest.json) nor an OCI layout (no index.json)",
	    im->req->file));
}

void
image_utf8(void)
{
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		(void)setlocale(LC_CTYPE, "en_US.UTF-8");
}

int
image_import(struct pin_host *host, const char *data,
    const struct image_import *req, struct pin_err *err)
{
	struct import *im = pin_xcalloc(1, sizeof(*im));
	char stage[IMAGE_PATH_MAX];
	int rc;

	im->req = req;
	im->host = host;
	im->tmp = im->trash = -1;
	platform(im);
	rc = image__store_open(&im->store, host, data, err);
	if (rc != PIN_OK)
		goto out;
	rc = image__refs_read(host, im->store.dir, &im->refs, err);
	if (rc == PIN_OK)
		rc = tmp_open(im, stage, err);
	if (rc == PIN_OK) {
		rc = image__stage_open(&im->stage, host, stage, req->file,
		    err);
		if (rc == PIN_OK) {
			rc = import_all(im, err);
			image__stage_close(&im->stage);
		}
	}
	if (im->trash >= 0)
		close(im->trash);
	/* What a name had before, and what an error left. */
	if (im->tmp >= 0) {
		image__refs_fini(&im->refs);
		if (image__refs_read(host, im->store.dir, &im->refs, NULL) ==
		    PIN_OK)
			(void)image__sweep(&im->store, &im->refs, NULL);
		close(im->tmp);
	}
	image__refs_fini(&im->refs);
out:
	image__store_close(&im->store);
	free(im);
	return (rc);
}
