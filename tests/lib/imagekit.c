/* SPDX-License-Identifier: BSD-2-Clause
 *
 * imagekit.c -- see imagekit.h. */
#include "imagekit.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#include <archive.h>
#include <archive_entry.h>

#include "core/image/image_int.h"
#include "core/host/real.h"
#include "tap.h"

struct ik_tar {
	struct archive	*a;
	unsigned	 uid, gid;
};

struct ik_tar *
ik_open(const char *path)
{
	struct ik_tar *t = calloc(1, sizeof(*t));

	if (t == NULL || (t->a = archive_write_new()) == NULL ||
	    archive_write_set_format_pax_restricted(t->a) != ARCHIVE_OK ||
	    archive_write_open_filename(t->a, path) != ARCHIVE_OK)
		BAIL("cannot write %s", path);
	return (t);
}

void
ik_owner(struct ik_tar *t, unsigned uid, unsigned gid)
{
	t->uid = uid;
	t->gid = gid;
}

static void
put(struct ik_tar *t, struct archive_entry *e, const void *p, size_t len)
{
	archive_entry_set_uid(e, t->uid);
	archive_entry_set_gid(e, t->gid);
	archive_entry_set_mtime(e, 1000000000, 0);
	if (archive_write_header(t->a, e) < ARCHIVE_WARN ||
	    (len > 0 && archive_write_data(t->a, p, len) != (ssize_t)len))
		BAIL("tar: %s", archive_error_string(t->a));
	archive_entry_free(e);
	t->uid = t->gid = 0;
}

static struct archive_entry *
entry(const char *name, mode_t type, mode_t mode)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, mode);
	return (e);
}

static void
put_bytes(struct ik_tar *t, const char *name, const void *p, size_t len,
    mode_t mode)
{
	struct archive_entry *e = entry(name, S_IFREG, mode);

	archive_entry_set_size(e, (int64_t)len);
	put(t, e, p, len);
}

void
ik_file(struct ik_tar *t, const char *name, const char *text, mode_t mode)
{
	put_bytes(t, name, text, strlen(text), mode);
}

static char *
slurp(const char *from, size_t *len)
{
	struct pin_err err = PIN_ERR_INIT;
	char *p;

	if (pin_path_slurp(pin_host_real(), from, (size_t)64 << 20, &p, len,
	    &err) != PIN_OK)
		BAIL("%s", err.text);
	return (p);
}

void
ik_copy(struct ik_tar *t, const char *name, const char *from, mode_t mode)
{
	size_t len;
	char *p = slurp(from, &len);

	put_bytes(t, name, p, len, mode);
	free(p);
}

void
ik_dir(struct ik_tar *t, const char *name, mode_t mode)
{
	put(t, entry(name, S_IFDIR, mode), NULL, 0);
}

void
ik_symlink(struct ik_tar *t, const char *name, const char *to)
{
	struct archive_entry *e = entry(name, S_IFLNK, 0777);

	archive_entry_set_symlink(e, to);
	put(t, e, NULL, 0);
}

void
ik_hardlink(struct ik_tar *t, const char *name, const char *to)
{
	struct archive_entry *e = entry(name, S_IFREG, 0644);

	archive_entry_set_hardlink(e, to);
	put(t, e, NULL, 0);
}

void
ik_node(struct ik_tar *t, const char *name, mode_t type, unsigned major,
    unsigned minor)
{
	struct archive_entry *e = entry(name, type, 0666);

	archive_entry_set_rdevmajor(e, major);
	archive_entry_set_rdevminor(e, minor);
	put(t, e, NULL, 0);
}

void
ik_close(struct ik_tar *t)
{
	if (archive_write_close(t->a) != ARCHIVE_OK)
		BAIL("tar: %s", archive_error_string(t->a));
	archive_write_free(t->a);
	free(t);
}

static void
sha(const void *p, size_t len, char hex[65])
{
	struct image__sha s;

	image__sha_init(&s);
	image__sha_add(&s, p, len);
	image__sha_end(&s, hex);
}

void
ik_sha(const char *path, char hex[65])
{
	size_t len;
	char *p = slurp(path, &len);

	sha(p, len, hex);
	free(p);
}

/* ---- archives ---------------------------------------------------------- */

static const char *
arch(void)
{
	static struct utsname u;

	(void)uname(&u);
	return (strcmp(u.machine, "x86_64") == 0 ? "amd64" :
	    strcmp(u.machine, "aarch64") == 0 ? "arm64" : u.machine);
}

static void
config(const struct ik_image *im, char *out, size_t size)
{
	char hex[65];
	size_t n;

	n = (size_t)snprintf(out, size, "{\"architecture\":\"%s\",\"os\":"
	    "\"linux\",\"config\":%s,\"rootfs\":{\"type\":\"layers\","
	    "\"diff_ids\":[", arch(), im->run != NULL ? im->run : "{}");
	for (int i = 0; im->layer[i] != NULL; i++) {
		ik_sha(im->layer[i], hex);
		n += (size_t)snprintf(out + n, size - n, "%s\"sha256:%s\"",
		    i > 0 ? "," : "", im->diff != NULL ? im->diff : hex);
	}
	snprintf(out + n, size - n, "]}}");
}

static void
put_blob(struct ik_tar *t, const char *text, char hex[65])
{
	char name[100];

	sha(text, strlen(text), hex);
	snprintf(name, sizeof(name), "blobs/sha256/%s", hex);
	ik_file(t, name, text, 0644);
}

static void
docker(struct ik_tar *t, const struct ik_image *im, const char *conf)
{
	char name[100], hex[65], text[8192];
	size_t n;

	if (im->modern) {
		put_blob(t, conf, hex);
		snprintf(name, sizeof(name), "blobs/sha256/%s", hex);
	} else {
		sha(conf, strlen(conf), hex);
		snprintf(name, sizeof(name), "%s.json", hex);
		ik_file(t, name, conf, 0644);
	}
	n = (size_t)snprintf(text, sizeof(text), "[{\"Config\":\"%s\","
	    "\"RepoTags\":%s%s%s,\"Layers\":[", name, im->name != NULL ?
	    "[\"" : "null", im->name != NULL ? im->name : "", im->name !=
	    NULL ? "\"]" : "");
	for (int i = 0; im->layer[i] != NULL; i++) {
		ik_sha(im->layer[i], hex);
		snprintf(name, sizeof(name), im->modern ? "blobs/sha256/%s" :
		    "%s/layer.tar", i == 0 && im->blob != NULL ? im->blob +
		    7 : hex);
		ik_copy(t, name, im->layer[i], 0644);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"%s\"",
		    i > 0 ? "," : "", name);
	}
	snprintf(text + n, sizeof(text) - n, "]}]");
	ik_file(t, "manifest.json", text, 0644);
}

static void
layout_index(struct ik_tar *t, const struct ik_image *im, const char *man)
{
	char text[4096], hex[65], name[600] = "";
	size_t len = strlen(man);

	put_blob(t, man, hex);
	if (im->nested) {
		snprintf(text, sizeof(text), "{\"schemaVersion\":2,"
		    "\"manifests\":[{\"mediaType\":\"application/vnd.oci.image."
		    "manifest.v1+json\",\"digest\":\"sha256:%064d\",\"size\":1,"
		    "\"platform\":{\"os\":\"linux\",\"architecture\":"
		    "\"s390y\"}},{\"mediaType\":\"application/vnd.oci.image."
		    "manifest.v1+"
		    "json\",\"digest\":\"sha256:%s\",\"size\":%zu,\"platform\":"
		    "{\"os\":\"linux\",\"architecture\":\"%s\"}}]}", 0, hex,
		    len, arch());
		put_blob(t, text, hex);
		len = strlen(text);
	}
	if (im->name != NULL)
		snprintf(name, sizeof(name), ",\"annotations\":{\"org."
		    "opencontainers.image.ref.name\":\"%s\"}", im->name);
	snprintf(text, sizeof(text), "{\"schemaVersion\":2,\"manifests\":[{"
	    "\"mediaType\":\"application/vnd.oci.image.%s.v1+json\","
	    "\"digest\":\"sha256:%s\",\"size\":%zu%s}]}", im->nested ?
	    "index" : "manifest", hex, len, name);
	ik_file(t, "index.json", text, 0644);
}

static void
layout(struct ik_tar *t, const struct ik_image *im, const char *conf)
{
	char name[100], hex[65], text[8192];
	struct stat st;
	size_t n;

	ik_file(t, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", 0644);
	put_blob(t, conf, hex);
	n = (size_t)snprintf(text, sizeof(text), "{\"schemaVersion\":2,"
	    "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+"
	    "json\",\"digest\":\"sha256:%s\",\"size\":%zu},\"layers\":[", hex,
	    strlen(conf));
	for (int i = 0; im->layer[i] != NULL; i++) {
		ik_sha(im->layer[i], hex);
		if (i == 0 && im->blob != NULL)
			snprintf(hex, sizeof(hex), "%s", im->blob + 7);
		snprintf(name, sizeof(name), "blobs/sha256/%s", hex);
		ik_copy(t, name, im->layer[i], 0644);
		if (stat(im->layer[i], &st) != 0)
			BAIL("%s", im->layer[i]);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s{"
		    "\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\","
		    "\"digest\":\"sha256:%s\",\"size\":%lld}", i > 0 ? "," :
		    "", hex, (long long)st.st_size);
	}
	snprintf(text + n, sizeof(text) - n, "]}");
	layout_index(t, im, text);
}

void
ik_archive(const char *path, const struct ik_image *im)
{
	struct ik_tar *t = ik_open(path);
	char conf[8192];

	config(im, conf, sizeof(conf));
	if (im->layout)
		layout(t, im, conf);
	else
		docker(t, im, conf);
	ik_close(t);
}
