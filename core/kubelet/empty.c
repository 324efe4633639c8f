/* SPDX-License-Identifier: BSD-2-Clause
 *
 * empty.c -- emptyDir, and its medium. On disk it is made beside its place
 * and moved there: a directory that is in its place is finished.
 * Work pool. Contract: empty.h. */
#include "core/kubelet/empty.h"
#include "core/kubelet/subpath.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static struct pin_str
medium_of(const struct kpod *pod, pin_node v)
{
	return (pin_obj_str(pod->obj, pin_obj_at(pod->obj, v, "emptyDir",
	    "medium", NULL)));
}

int
empty_refuse(const struct kpod *pod, pin_node v, struct pin_err *err)
{
	struct pin_str medium = medium_of(pod, v), name = pin_obj_str(
	    pod->obj, pin_obj_get(pod->obj, v, "name"));

	if (medium.len == 0 || (pin_str_is(medium, "Memory") &&
	    empty_os_memory()))
		return (PIN_OK);
	return (pin_err_set(err, PIN_EINVALID, "volume \"" PIN_SFMT
	    "\": emptyDir.medium " PIN_SFMT ": %s", PIN_SARG(name),
	    PIN_SARG(medium), pin_str_is(medium, "Memory") ? "it takes an "
	    "agent that is root, on Linux" : "this node has none"));
}

/* ---- in memory --------------------------------------------------------- */

/* The pod's memory, when each of its containers has a limit; else 0. */
static int64_t
pod_memory(const struct kpod *pod)
{
	int64_t sum = 0, one;
	uint32_t i;

	for (i = 0; i < pod->n; i++) {
		one = container_limit(pod, &pod->c[i], "memory", 0);
		if (one <= 0)
			return (0);
		if (!pod->c[i].init)
			sum += one;
	}
	return (sum);
}

static int64_t
size_of(const struct kpod *pod, pin_node v)
{
	int64_t of[2] = { pod_quantity(pod, pin_obj_at(pod->obj, v,
	    "emptyDir", "sizeLimit", NULL), 0), pod_memory(pod) };
	int64_t has[KRES__COUNT], size;
	size_t i;

	node_has(pod->k, has);
	size = has[KRES_MEMORY];
	for (i = 0; i < PIN_LEN(of); i++)
		if (of[i] > 0 && (size == 0 || of[i] < size))
			size = of[i];
	return (size);
}

/* ---- both -------------------------------------------------------------- */

static int
place(const char *dir, uint32_t mode, int64_t gid, struct pin_err *err)
{
	char tmp[KUBELET_PATH_MAX + 8];
	struct stat st;
	int rc;

	if (stat(dir, &st) == 0)
		return (PIN_OK);
	snprintf(tmp, sizeof(tmp), "%s.new~", dir);
	rc = dirs_make(tmp, 0755, err);
	if (rc != PIN_OK)
		return (rc);
	if ((gid >= 0 && chown(tmp, (uid_t)-1, (gid_t)gid) != 0) ||
	    chmod(tmp, mode) != 0 || rename(tmp, dir) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", dir));
	return (PIN_OK);
}

int
empty_make(const struct kpod *pod, pin_node v, const char *dir, int64_t gid,
    struct pin_err *err)
{
	uint32_t mode = gid >= 0 ? 02777 : 0777;
	int rc = place(dir, mode, gid, err);

	if (rc != PIN_OK || medium_of(pod, v).len == 0)
		return (rc);
	return (empty_os_mount(dir, size_of(pod, v), mode, gid) == 0 ?
	    PIN_OK : pin_err_os(err, PIN_EIO, errno, "tmpfs at %s", dir));
}

void
empty_release(const char *dir)
{
	char path[KUBELET_PATH_MAX], one[KUBELET_PATH_MAX + 256];
	struct dirent *e;
	DIR *d;

	if (!empty_os_memory())
		return;
	snprintf(path, sizeof(path), "%s/volumes", dir);
	d = opendir(path);
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(one, sizeof(one), "%s/%s", path, e->d_name);
		subpath_os_unbind(one);
	}
	(void)closedir(d);
}
