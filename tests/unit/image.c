/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image -- names, imports, layers over layers, and archives that lie, are
 * damaged or want out of their root.
 * Contract: core/image/image.h. One thread. */
#include "core/image/image_int.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/host/real.h"
#include "imagekit.h"
#include "tap.h"

static struct pin_host *host;
static struct pin_err err;
static char data[1024];
static char file[1100], layer[4][1100];

static int
import(const struct ik_image *im)
{
	struct image_import req = { .file = file };

	ik_archive(file, im);
	return (image_import(host, data, &req, &err));
}

static const char *
in_root(const struct image_info *i, const char *path)
{
	static char out[8192];

	snprintf(out, sizeof(out), "%s/%s", i->root, path);
	return (out);
}

static int
exists(const struct image_info *i, const char *path)
{
	struct stat st;

	return (lstat(in_root(i, path), &st) == 0);
}

static int
holds(const struct image_info *i, const char *path, const char *want)
{
	char *text;
	size_t len;
	int same;

	if (pin_path_slurp(host, in_root(i, path), 1 << 20, &text, &len,
	    &err) != PIN_OK)
		return (0);
	same = strcmp(text, want) == 0;
	free(text);
	return (same);
}

static int
count(const char *sub)
{
	char path[2048];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/images/%s", data, sub);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return (n);
}

/* ---- names ------------------------------------------------------------- */

#define HEX64	"0123456789abcdef0123456789abcdef0123456789abcdef" \
	"0123456789abcdef"

static const struct {
	const char	*in, *out;	/* NULL: refused */
} names[] = {
	{ "busybox", "docker.io/library/busybox:latest" },
	{ "busybox:1.36", "docker.io/library/busybox:1.36" },
	{ "user/x", "docker.io/user/x:latest" },
	{ "docker.io/x", "docker.io/library/x:latest" },
	{ "index.docker.io/x:1", "docker.io/library/x:1" },
	{ "localhost/x", "localhost/x:latest" },
	{ "localhost:5000/a/b:t", "localhost:5000/a/b:t" },
	{ "registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10" },
	{ "[::1]:5000/x", "[::1]:5000/x:latest" },
	{ "a_b/c__d/e--f.g", "docker.io/a_b/c__d/e--f.g:latest" },
	{ "x@sha256:" HEX64, "docker.io/library/x@sha256:" HEX64 },
	{ "x:1@sha256:" HEX64, "docker.io/library/x@sha256:" HEX64 },
	{ "", NULL }, { "Foo", NULL }, { "x:", NULL }, { ":x", NULL },
	{ "x/", NULL }, { "/x", NULL }, { "x//y", NULL }, { "x:y/z", NULL },
	{ "x@sha256:12", NULL }, { "x y", NULL }, { "x..y", NULL },
	{ "x___y", NULL }, { "-x", NULL }, { "x-", NULL },
	{ "../../etc", NULL }, { "x:-a", NULL }, { "a.b:x/y", NULL },
};

static void
test_names(void)
{
	char out[IMAGE_NAME_MAX], longer[700];

	for (size_t i = 0; i < PIN_LEN(names); i++)
		CASE("name \"%s\" is %s", names[i].in, names[i].out != NULL ?
		    names[i].out : "refused") {
			int rc = image_name(names[i].in, out, &err);

			CHECK_INT(rc, names[i].out != NULL ? PIN_OK :
			    PIN_EINVALID);
			if (rc == PIN_OK)
				CHECK_STR(out, names[i].out);
			else
				CHECK(strstr(err.text, "couldn't parse image "
				    "name") != NULL);
		}
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	OK(image_name(longer, out, &err) == PIN_EINVALID,
	    "a name of 699 letters is refused");
}

/* ---- what is well formed ----------------------------------------------- */

static void
base_layer(const char *path)
{
	struct ik_tar *t = ik_open(path);

	ik_dir(t, "etc", 0755);
	ik_file(t, "etc/a", "one", 0644);
	ik_file(t, "etc/b", "two", 04755);
	ik_dir(t, "d", 0750);
	ik_dir(t, "d/sub", 0755);
	ik_file(t, "d/sub/x", "x", 0600);
	ik_file(t, "d/y", "y", 0644);
	ik_dir(t, "usr/lib", 0755);
	ik_symlink(t, "lib", "usr/lib");
	ik_symlink(t, "abs", "/etc");
	ik_file(t, "\xc3\xa9t\xc3\xa9", "utf8", 0644);
	ik_owner(t, 1000, 2000);
	ik_file(t, "owned", "o", 0640);
	ik_node(t, "null", S_IFCHR, 1, 3);
	ik_close(t);
}

static void
test_forms(void)
{
	static const struct {
		const char *what;
		int layout, modern, nested;
	} forms[] = {
		{ "docker archive", 0, 0, 0 },
		{ "docker archive with blobs", 0, 1, 0 },
		{ "OCI layout", 1, 0, 0 },
		{ "OCI layout, an index in the index", 1, 0, 1 },
	};
	struct image_info i;

	base_layer(layer[0]);
	for (size_t f = 0; f < PIN_LEN(forms); f++) {
		struct ik_image im = { .name = "form:1", .run =
		    "{\"Cmd\":[\"/x\"]}", .layer = { layer[0] },
		    .layout = forms[f].layout, .modern = forms[f].modern,
		    .nested = forms[f].nested };

		CASE("%s is imported", forms[f].what) {
			struct stat st;

			if (!CHECK_INT(import(&im), PIN_OK)) {
				tap_diag("%s", err.text);
				continue;
			}
			CHECK_INT(image_find(host, data, "form:1", &i, &err),
			    PIN_OK);
			CHECK(holds(&i, "etc/a", "one"));
			CHECK(holds(&i, "\xc3\xa9t\xc3\xa9", "utf8"));
			CHECK(stat(in_root(&i, "etc/b"), &st) == 0);
			CHECK_UINT(st.st_mode & 07777, geteuid() == 0 ?
			    04755 : 0755);
			CHECK_INT(st.st_mtime, 1000000000);
			CHECK(stat(in_root(&i, "owned"), &st) == 0);
			if (geteuid() == 0)
				CHECK(st.st_uid == 1000 && st.st_gid == 2000);
			CHECK(forms[f].layout ? strstr(i.resolved,
			    "docker.io/library/form@sha256:") == i.resolved :
			    strcmp(i.resolved, i.id) == 0);
			image_info_fini(&i);
			CHECK_INT(count("tmp"), 0);
		}
	}
	CASE("the same image again adds nothing, removed it leaves nothing") {
		CHECK_INT(count("roots"), 1);
		CHECK_INT(image_remove(host, data, "form:1", &err), PIN_OK);
		CHECK_INT(count("roots"), 0);
		CHECK_INT(count("blobs/sha256"), 0);
		CHECK_INT(image_find(host, data, "form:1", &i, &err),
		    PIN_ENOTFOUND);
		CHECK_INT(image_remove(host, data, "form:1", &err),
		    PIN_ENOTFOUND);
	}
}

static void
test_layers(void)
{
	struct ik_image im = { .name = "lay:1", .layer = { layer[0],
	    layer[1], layer[2] } };
	struct image_info i;
	struct ik_tar *t;

	base_layer(layer[0]);
	t = ik_open(layer[1]);
	ik_file(t, "etc/.wh.a", "", 0644);
	ik_file(t, "d/z", "kept though the opaque mark comes after", 0644);
	ik_file(t, "d/.wh..wh..opq", "", 0644);
	ik_file(t, "lib/new", "through the link", 0644);
	ik_file(t, "abs/c", "through the absolute link", 0644);
	ik_dir(t, "owned", 0755);
	ik_file(t, ".wh.nothing-there", "", 0644);
	ik_close(t);
	t = ik_open(layer[2]);
	ik_hardlink(t, "etc/hard", "etc/b");
	ik_file(t, "etc/.wh..wh.plnk", "", 0644);
	ik_file(t, "deep/er/than/made/f", "f", 0644);
	ik_close(t);
	CASE("layers: whiteouts, opaque directories, links on the way") {
		struct stat a, b;

		if (!CHECK_INT(import(&im), PIN_OK)) {
			tap_diag("%s", err.text);
			continue;
		}
		CHECK_INT(image_find(host, data, "lay:1", &i, &err), PIN_OK);
		CHECK(!exists(&i, "etc/a"));
		CHECK(exists(&i, "etc/b"));
		CHECK(!exists(&i, "d/sub"));
		CHECK(!exists(&i, "d/y"));
		CHECK(exists(&i, "d/z"));
		CHECK(holds(&i, "usr/lib/new", "through the link"));
		CHECK(holds(&i, "etc/c", "through the absolute link"));
		CHECK(stat(in_root(&i, "owned"), &a) == 0 &&
		    S_ISDIR(a.st_mode));
		CHECK(stat(in_root(&i, "etc/b"), &a) == 0 &&
		    stat(in_root(&i, "etc/hard"), &b) == 0);
		CHECK(a.st_ino == b.st_ino);
		CHECK(holds(&i, "deep/er/than/made/f", "f"));
		CHECK(!exists(&i, "etc/.wh..wh.plnk"));
		image_info_fini(&i);
	}
	CASE("a hold keeps the image, its release lets it go") {
		CHECK_INT(image_find(host, data, "lay:1", &i, &err), PIN_OK);
		CHECK_INT(image_hold(host, data, i.id, "c-1", &err), PIN_OK);
		CHECK_INT(image_remove(host, data, "lay:1", &err),
		    PIN_ELOCKED);
		CHECK(strstr(err.text, "c-1") != NULL);
		image_info_fini(&i);
		CHECK_INT(image_find(host, data, "lay:1", &i, &err), PIN_OK);
		image_release(host, data, i.id, "c-1");
		CHECK_INT(image_remove(host, data, i.id + 7, &err), PIN_OK);
		CHECK_INT(count("roots"), 0);
		CHECK_INT(count("held"), 0);
		CHECK_INT(image_hold(host, data, i.id, "c-1", &err),
		    PIN_ENOTFOUND);
		image_info_fini(&i);
	}
}

/* ---- what wants out ---------------------------------------------------- */

static char outside[1100];

static int
untouched(void)
{
	char *text;
	size_t len;
	int same;

	if (pin_path_slurp(host, outside, 1000, &text, &len, &err) != PIN_OK)
		return (0);
	same = strcmp(text, "safe") == 0;
	free(text);
	return (same);
}

static void
evil_dotdot(struct ik_tar *t)
{
	ik_file(t, "a/../../../../../../outside", "evil", 0644);
}

static void
evil_link_out(struct ik_tar *t)
{
	ik_symlink(t, "out", tap_tmp());
	ik_file(t, "out/outside", "evil", 0644);
}

static void
evil_link_up(struct ik_tar *t)
{
	ik_symlink(t, "up", "../../../../../../../../../../../..");
	ik_symlink(t, "tmp", outside);
	ik_file(t, "tmp", "evil", 0644);
	ik_file(t, "up/escaped", "inside", 0644);
}

static void
evil_hardlink(struct ik_tar *t)
{
	ik_hardlink(t, "stolen", outside);
}

static void
evil_hardlink_via(struct ik_tar *t)
{
	ik_symlink(t, "l", "/");
	ik_hardlink(t, "stolen", "l/../../../../../../etc/passwd");
}

static void
evil_loop(struct ik_tar *t)
{
	ik_symlink(t, "a", "b");
	ik_symlink(t, "b", "a");
	ik_file(t, "a/x", "evil", 0644);
}

static void
evil_whiteout(struct ik_tar *t)
{
	ik_symlink(t, "out", tap_tmp());
	ik_file(t, "out/.wh.outside", "", 0644);
	ik_file(t, ".wh...", "", 0644);
	ik_file(t, ".wh..", "", 0644);
}

static void
evil_file_as_dir(struct ik_tar *t)
{
	ik_file(t, "f", "f", 0644);
	ik_file(t, "f/g", "g", 0644);
}

static void
evil_absolute(struct ik_tar *t)
{
	ik_file(t, "/etc/absolute", "inside", 0644);
}

static void
evil_long(struct ik_tar *t)
{
	static char name[6000];

	for (size_t i = 0; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "a/", 3);
	ik_file(t, name, "deep", 0644);
}

static const struct {
	const char	*what;
	void		(*make)(struct ik_tar *);
	int		 rc;
	const char	*inside;	/* where it must have landed, or NULL */
} evils[] = {
	{ "\"..\" in a path", evil_dotdot, PIN_EINVALID, NULL },
	{ "an absolute link out, and a file through it", evil_link_out,
	    PIN_OK, NULL },
	{ "links above the root, and files through them", evil_link_up,
	    PIN_OK, "escaped" },
	{ "a hard link to a file outside", evil_hardlink, PIN_ENOTFOUND,
	    NULL },
	{ "a hard link with \"..\" behind a link", evil_hardlink_via,
	    PIN_EINVALID, NULL },
	{ "links in a circle", evil_loop, PIN_EINVALID, NULL },
	{ "whiteouts outside, and of \".\" and \"..\"", evil_whiteout,
	    PIN_OK, NULL },
	{ "a file as a directory", evil_file_as_dir, PIN_EINVALID, NULL },
	{ "an absolute path", evil_absolute, PIN_OK, "etc/absolute" },
	{ "a path of 6000 bytes", evil_long, PIN_ELIMIT, NULL },
};

static void
test_evil(void)
{
	struct ik_image im = { .name = "evil:1", .layer = { layer[0],
	    layer[1] } };
	struct image_info i;
	struct ik_tar *t;

	base_layer(layer[0]);
	snprintf(outside, sizeof(outside), "%s/outside", tap_tmp());
	if (pin_path_replace(host, outside, "safe", 4, 0, &err) != PIN_OK)
		BAIL("%s", err.text);
	for (size_t e = 0; e < PIN_LEN(evils); e++)
		CASE("a layer with %s: nothing outside is touched",
		    evils[e].what) {
			t = ik_open(layer[1]);
			evils[e].make(t);
			ik_close(t);
			if (!CHECK_INT(import(&im), evils[e].rc))
				tap_diag("%s", err.text);
			CHECK(untouched());
			CHECK_INT(count("tmp"), 0);
			if (evils[e].rc != PIN_OK) {
				CHECK(strstr(err.text, "layer 1") != NULL);
				CHECK_INT(count("roots"), 0);
				CHECK_INT(count("blobs/sha256"), 0);
				continue;
			}
			CHECK_INT(image_find(host, data, "evil:1", &i, &err),
			    PIN_OK);
			if (evils[e].inside != NULL)
				CHECK(holds(&i, evils[e].inside, "inside"));
			CHECK(exists(&i, "etc/a"));
			image_info_fini(&i);
			CHECK_INT(image_remove(host, data, "evil:1", &err),
			    PIN_OK);
		}
}

/* ---- what is damaged --------------------------------------------------- */

static void
cut(const char *path, long size)
{
	if (truncate(path, size) != 0)
		BAIL("truncate");
}

static void
test_damage(void)
{
	struct image_import req = { .file = file };
	struct stat st;

	base_layer(layer[0]);
	for (int oci = 0; oci < 2; oci++) {
		struct ik_image im = { .name = "bad:1", .layer = { layer[0] },
		    .layout = oci };
		const char *what = oci ? "OCI layout" : "docker archive";

		CASE("%s: diff_ids that are not true", what) {
			im.diff = HEX64;
			CHECK_INT(import(&im), PIN_ECORRUPT);
			CHECK(strstr(err.text, "diff_ids") != NULL);
			im.diff = "12";
			CHECK_INT(import(&im), PIN_EINVALID);
			im.diff = NULL;
		}
		CASE("%s: a blob that has another digest", what) {
			im.blob = "sha256:" HEX64;
			im.modern = 1;
			CHECK_INT(import(&im), PIN_ECORRUPT);
			CHECK(strstr(err.text, "has the digest") != NULL);
			im.blob = NULL;
			im.modern = 0;
		}
		CASE("%s: cut anywhere", what) {
			ik_archive(file, &im);
			if (stat(file, &st) != 0)
				BAIL("stat");
			for (long n = 0; n < st.st_size - 10240; n += 777) {
				ik_archive(file, &im);
				cut(file, n);
				CHECK(image_import(host, data, &req, &err) !=
				    PIN_OK);
			}
			CHECK_INT(count("roots"), 0);
			CHECK_INT(count("tmp"), 0);
		}
	}
}

static void
test_misfits(void)
{
	struct image_import req = { .file = file };

	base_layer(layer[0]);
	for (int oci = 0; oci < 2; oci++) {
		struct ik_image im = { .name = "bad:1", .layer = { layer[0] },
		    .layout = oci };
		const char *what = oci ? "OCI layout" : "docker archive";

		CASE("%s: a layer that is no tar", what) {
			struct ik_tar *t = ik_open(layer[1]);

			ik_close(t);
			if (pin_path_replace(host, layer[1], "junk", 4, 0,
			    &err) != PIN_OK)
				BAIL("%s", err.text);
			im.layer[0] = layer[1];
			CHECK_INT(import(&im), PIN_ECORRUPT);
			CHECK(strstr(err.text, "layer 0") != NULL);
			im.layer[0] = layer[0];
		}
		CASE("%s: without a name", what) {
			im.name = NULL;
			CHECK_INT(import(&im), PIN_EINVAL);
			CHECK(strstr(err.text, "--name") != NULL);
			req.name = "given";
			CHECK_INT(image_import(host, data, &req, &err),
			    PIN_OK);
			CHECK_INT(image_remove(host, data, "given", &err),
			    PIN_OK);
			req.name = NULL;
		}
	}
	CASE("a tar that is no image, a file that is no tar, no file") {
		struct ik_tar *t = ik_open(file);

		ik_file(t, "hello", "x", 0644);
		ik_close(t);
		CHECK_INT(image_import(host, data, &req, &err), PIN_EINVALID);
		CHECK(strstr(err.text, "neither") != NULL);
		if (pin_path_replace(host, file, "junk", 4, 0, &err) != PIN_OK)
			BAIL("%s", err.text);
		CHECK_INT(image_import(host, data, &req, &err), PIN_ECORRUPT);
		(void)unlink(file);
		CHECK_INT(image_import(host, data, &req, &err),
		    PIN_ENOTFOUND);
	}
}

/* ---- what runs --------------------------------------------------------- */

static void
test_run(void)
{
	struct ik_image im = { .name = "run:1", .run = "{\"Entrypoint\":"
	    "[\"/e\"],\"Cmd\":[\"c1\",\"c2\"],\"Env\":[\"A=1\",\"B=2\"],"
	    "\"User\":\"web:data\"}", .layer = { layer[0] } };
	static const char *const cmd[] = { "x", NULL }, *const args[] = {
	    "y", "z", NULL }, *const env[] = { "B=3", "C=4", NULL };
	struct pin_arena *a = pin_arena_new(1 << 20);
	const char *const *v;
	struct image_user u;
	struct image_info i;
	struct ik_tar *t;

	t = ik_open(layer[0]);
	ik_dir(t, "etc", 0755);
	ik_file(t, "real", "root:x:0:0::/root:/x\n:bad\nweb:x:33:34::/srv:/x\n",
	    0644);
	ik_symlink(t, "etc/passwd", "/../../../real");
	ik_file(t, "etc/group", "data:x:44:\nmore:x:45:root,web\n", 0644);
	ik_close(t);
	if (import(&im) != PIN_OK || image_find(host, data, "run:1", &i,
	    &err) != PIN_OK)
		BAIL("%s", err.text);
	CASE("command replaces all, args only the arguments") {
		CHECK_INT(image_argv(a, &i, NULL, NULL, &v, &err), PIN_OK);
		CHECK_STR(v[0], "/e");
		CHECK_STR(v[2], "c2");
		CHECK_INT(image_argv(a, &i, NULL, args, &v, &err), PIN_OK);
		CHECK_STR(v[0], "/e");
		CHECK_STR(v[1], "y");
		CHECK_INT(image_argv(a, &i, cmd, NULL, &v, &err), PIN_OK);
		CHECK_STR(v[0], "x");
		CHECK(v[1] == NULL);
	}
	CASE("of one variable the last stays") {
		CHECK_INT(image_env(a, &i, env, &v, &err), PIN_OK);
		CHECK(strncmp(v[0], "PATH=", 5) == 0);
		CHECK_STR(v[1], "A=1");
		CHECK_STR(v[2], "B=3");
		CHECK_STR(v[3], "C=4");
		CHECK(v[4] == NULL);
	}
	CASE("users and groups are the image's, links in it too") {
		CHECK_INT(image_user(&i, -1, -1, &u, &err), PIN_OK);
		CHECK_UINT(u.uid, 33);
		CHECK_UINT(u.gid, 44);
		CHECK_UINT(u.ngroups, 1);
		CHECK_UINT(u.groups[0], 45);
		CHECK_STR(u.home, "/srv");
		CHECK_INT(image_user(&i, 0, -1, &u, &err), PIN_OK);
		CHECK_UINT(u.gid, 0);
		CHECK_INT(image_user(&i, 77, 78, &u, &err), PIN_OK);
		CHECK(u.uid == 77 && u.gid == 78);
	}
	image_info_fini(&i);
	pin_arena_free(&a);
}

int
main(void)
{
	tap_deadline(60);
	image_utf8();
	host = pin_host_real();
	snprintf(data, sizeof(data), "%s/data", tap_tmp());
	snprintf(file, sizeof(file), "%s/image.tar", tap_tmp());
	for (int i = 0; i < 4; i++)
		snprintf(layer[i], sizeof(layer[i]), "%s/layer%d.tar",
		    tap_tmp(), i);
	test_names();
	test_forms();
	test_layers();
	test_evil();
	test_damage();
	test_misfits();
	test_run();
	return (tap_done());
}
