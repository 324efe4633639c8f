/* SPDX-License-Identifier: BSD-2-Clause
 *
 * oci_linux.c -- namespaces, mounts, cgroups and devices of a container on
 * Linux; the root as an overlay over the image.
 * Work pool. Contract: oci.h; config-linux.md of the OCI specification. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "oci.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CGROUP		CGROUP_DIR
#define UNIFIED		CGROUP_DIR "/unified"

/* ---- cgroups ----------------------------------------------------------- */

/* v1 has files for it; v2 takes an eBPF program, whose loader wants to lock
 * memory without limit. */
int
oci_os_devices(uint32_t cgroups, uint32_t kind)
{
	struct rlimit old, want = { RLIM_INFINITY, RLIM_INFINITY };

	if (cgroups == CGROUP_V1 ||
	    (cgroups == CGROUP_HYBRID && kind == OCI_RUNC))
		return (access(CGROUP "/devices", W_OK) == 0);
	if (cgroups != CGROUP_V2 ||
	    getrlimit(RLIMIT_MEMLOCK, &old) != 0)
		return (0);
	if (setrlimit(RLIMIT_MEMLOCK, &want) != 0)
		return (0);
	(void)setrlimit(RLIMIT_MEMLOCK, &old);
	return (1);
}

void
oci_os_cgroup_view(void)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount(UNIFIED, CGROUP, NULL, MS_BIND, NULL) != 0)
		_exit(126);
}

/* ---- the root ---------------------------------------------------------- */

/* A path as a value among mount options. */
static int
escape(const char *path, char *out, size_t size)
{
	size_t n = 0;

	for (; *path != '\0'; path++) {
		if (n + 3 > size)
			return (0);
		if (strchr("\\:,", *path) != NULL)
			out[n++] = '\\';
		out[n++] = *path;
	}
	out[n] = '\0';
	return (1);
}

static int
make(const char *dir, const char *sub, mode_t mode, struct pin_err *err)
{
	char path[OCI_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, sub);
	if ((mkdir(path, mode) != 0 && errno != EEXIST) ||
	    chmod(path, mode) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	return (PIN_OK);
}

/* nodev: an image may bring nodes of the machine's disks. An overlay also
 * where the container may not write: the runtime makes what it mounts on, and
 * others use the same image. */
int
oci_os_mount(const char *image, const char *dir, int read_only,
    struct pin_err *err)
{
	char low[OCI_PATH_MAX], top[OCI_PATH_MAX], root[OCI_PATH_MAX];
	char *opts = pin_xmalloc(3 * OCI_PATH_MAX);
	struct stat st;
	int rc;

	(void)read_only;		/* by config.json */
	snprintf(root, sizeof(root), "%s/root", dir);
	rc = make(dir, "root", 0755, err);
	if (rc == PIN_OK && stat(image, &st) != 0)
		rc = pin_err_os(err, PIN_ENOTFOUND, errno, "%s", image);
	if (rc == PIN_OK)
		rc = make(dir, "upper", st.st_mode & 07777, err);
	if (rc == PIN_OK)
		rc = make(dir, "work", 0700, err);
	if (rc == PIN_OK && (!escape(image, low, sizeof(low)) ||
	    !escape(dir, top, sizeof(top))))
		rc = pin_err_set(err, PIN_ELIMIT, "%s: path too long", image);
	if (rc == PIN_OK)
		snprintf(opts, 3 * OCI_PATH_MAX, "lowerdir=%s,upperdir=%s/"
		    "upper,workdir=%s/work", low, top, top);
	if (rc == PIN_OK && mount("overlay", root, "overlay", MS_NODEV,
	    opts) != 0)
		rc = pin_err_os(err, PIN_EIO, errno, "overlay over %s",
		    image);
	free(opts);
	return (rc);
}

void
oci_os_unmount(const char *dir)
{
	char root[OCI_PATH_MAX];

	snprintf(root, sizeof(root), "%s/root", dir);
	while (umount2(root, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
}

/* ---- config.json ------------------------------------------------------- */

static const struct {
	const char	*target, *type, *source, *options;
} mounts[] = {
	{ "/proc", "proc", "proc", "\"nosuid\",\"noexec\",\"nodev\"" },
	{ "/dev", "tmpfs", "tmpfs", "\"nosuid\",\"strictatime\",\"mode=755\","
	    "\"size=65536k\"" },
	{ "/dev/pts", "devpts", "devpts", "\"nosuid\",\"noexec\","
	    "\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"" },
	{ "/dev/shm", "tmpfs", "shm", "\"nosuid\",\"noexec\",\"nodev\","
	    "\"mode=1777\",\"size=65536k\"" },
	{ "/dev/mqueue", "mqueue", "mqueue",
	    "\"nosuid\",\"noexec\",\"nodev\"" },
	{ "/sys", "sysfs", "sysfs", "\"nosuid\",\"noexec\",\"nodev\"" },
};

static void
put_volume(const struct pin_mount *m, struct pin_out *out)
{
	pin_out_cstr(out, ",{\"destination\":");
	pin_json_quote(out, pin_str(m->target));
	pin_out_cstr(out, ",\"type\":\"bind\",\"source\":");
	pin_json_quote(out, pin_str(m->source));
	pin_out_printf(out, ",\"options\":[\"rbind\",\"rprivate\",\"%s\"]}",
	    m->read_only ? "ro" : "rw");
}

/* A shorter target first: none may hide another. */
static void
put_volumes(const struct oci_start *s, struct pin_out *out)
{
	const struct pin_container *c = s->c;
	size_t last = 0, next, len;

	for (;;) {
		next = SIZE_MAX;
		for (uint32_t i = 0; i < c->nmounts; i++) {
			len = strlen(c->mounts[i].target) + 1;
			if (len > last && len < next)
				next = len;
		}
		if (next == SIZE_MAX)
			return;
		for (uint32_t i = 0; i < c->nmounts; i++)
			if (strlen(c->mounts[i].target) + 1 == next)
				put_volume(&c->mounts[i], out);
		last = next;
	}
}

static void
put_mounts(const struct oci_start *s, struct pin_out *out)
{
	pin_out_cstr(out, ",\"mounts\":[");
	for (size_t i = 0; i < PIN_LEN(mounts); i++)
		pin_out_printf(out, "%s{\"destination\":\"%s\",\"type\":\"%s\","
		    "\"source\":\"%s\",\"options\":[%s%s]}", i > 0 ? "," : "",
		    mounts[i].target, mounts[i].type, mounts[i].source,
		    mounts[i].options, strcmp(mounts[i].target, "/sys") == 0 ?
		    s->c->privileged ? ",\"rw\"" : ",\"ro\"" : "");
	if (s->o->cgroups.kind == CGROUP_V2)
		pin_out_printf(out, ",{\"destination\":\"" CGROUP "\",\"type\""
		    ":\"cgroup\",\"source\":\"cgroup\",\"options\":[\"nosuid\","
		    "\"noexec\",\"nodev\",\"relatime\",\"%s\"]}",
		    s->c->privileged ? "rw" : "ro");
	put_volumes(s, out);
	pin_out_char(out, ']');
}

static void
put_namespaces(const struct oci_start *s, struct pin_out *out)
{
	pin_out_cstr(out, "\"namespaces\":[{\"type\":\"mount\"}");
	if (!oci_pod_says(s, "hostPID"))
		pin_out_cstr(out, ",{\"type\":\"pid\"}");
	if (!oci_pod_says(s, "hostIPC"))
		pin_out_cstr(out, ",{\"type\":\"ipc\"}");
	if (!oci_pod_says(s, "hostNetwork"))
		pin_out_cstr(out, ",{\"type\":\"uts\"}");
	if (s->c->netns != NULL && !s->c->host_network) {
		pin_out_cstr(out, ",{\"type\":\"network\",\"path\":");
		pin_json_quote(out, pin_str(s->c->netns));
		pin_out_char(out, '}');
	}
	if (s->o->cgroups.kind == CGROUP_V2)
		pin_out_cstr(out, ",{\"type\":\"cgroup\"}");
	pin_out_char(out, ']');
}

static void
put_sysctls(const struct oci_start *s, struct pin_out *out)
{
	const struct pin_obj *o = s->c->pod;
	uint32_t n = 0;
	pin_node at;

	at = o != NULL ? pin_obj_first(o, pin_obj_get(o, s->pod_sec,
	    "sysctls")) : 0;
	if (at == 0)
		return;
	pin_out_cstr(out, ",\"sysctl\":{");
	for (; at != 0; at = pin_obj_next(o, at)) {
		if (n++ > 0)
			pin_out_char(out, ',');
		pin_json_quote(out, pin_obj_str(o, pin_obj_get(o, at,
		    "name")));
		pin_out_char(out, ':');
		pin_json_quote(out, pin_obj_str(o, pin_obj_get(o, at,
		    "value")));
	}
	pin_out_char(out, '}');
}

/* The nodes every container has, and terminals; nothing else. */
#define RULE(t, major, minor, acc)					\
	",{\"allow\":true,\"type\":\"" t "\",\"major\":" major		\
	",\"minor\":" minor ",\"access\":\"" acc "\"}"

static void
put_resources(const struct oci_start *s, struct pin_out *out)
{
	const struct pin_container *c = s->c;
	int n = 0;

	if (!s->limits && !s->devices)
		return;
	pin_out_cstr(out, ",\"resources\":{");
	if (s->devices && c->privileged)
		pin_out_cstr(out, "\"devices\":[{\"allow\":true,\"access\":"
		    "\"rwm\"}]");
	else if (s->devices)
		pin_out_cstr(out, "\"devices\":[{\"allow\":false,\"access\":"
		    "\"rwm\"},{\"allow\":true,\"type\":\"c\",\"access\":\"m\"}"
		    ",{\"allow\":true,\"type\":\"b\",\"access\":\"m\"}"
		    RULE("c", "1", "3", "rwm") RULE("c", "1", "5", "rwm")
		    RULE("c", "1", "7", "rwm") RULE("c", "1", "8", "rwm")
		    RULE("c", "1", "9", "rwm") RULE("c", "5", "0", "rwm")
		    RULE("c", "5", "2", "rwm") ",{\"allow\":true,\"type\":"
		    "\"c\",\"major\":136,\"access\":\"rwm\"}]");
	n = s->devices;
	if (s->limits && c->memory > 0) {
		pin_out_printf(out, "%s\"memory\":{\"limit\":%lld",
		    n++ > 0 ? "," : "", (long long)c->memory);
		if (s->no_swap)
			pin_out_printf(out, ",\"swap\":%lld",
			    (long long)c->memory);
		pin_out_char(out, '}');
	}
	if (s->limits && c->cpu_milli > 0)
		pin_out_printf(out, "%s\"cpu\":{\"quota\":%lld,\"period\":%d,"
		    "\"shares\":%lld}", n++ > 0 ? "," : "",
		    (long long)cgroups_quota(c->cpu_milli), CGROUP_PERIOD,
		    (long long)cgroups_shares(c->cpu_milli));
	pin_out_char(out, '}');
}

/* A privileged container sees the nodes the machine has. */
static void
put_devices(struct pin_out *out)
{
	DIR *d = opendir("/dev");
	struct dirent *e;
	struct stat st;
	uint32_t n = 0;

	pin_out_cstr(out, ",\"devices\":[");
	while (d != NULL && n < OCI_DEVICES_MAX && (e = readdir(d)) != NULL) {
		char path[300];

		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		if (lstat(path, &st) != 0 || (!S_ISCHR(st.st_mode) &&
		    !S_ISBLK(st.st_mode)) || strcmp(e->d_name, "console") == 0)
			continue;
		pin_out_cstr(out, n++ > 0 ? ",{\"path\":" : "{\"path\":");
		pin_json_quote(out, pin_str(path));
		pin_out_printf(out, ",\"type\":\"%s\",\"major\":%u,"
		    "\"minor\":%u,\"fileMode\":%u,\"uid\":%u,\"gid\":%u}",
		    S_ISCHR(st.st_mode) ? "c" : "b", major(st.st_rdev),
		    minor(st.st_rdev), (unsigned)st.st_mode & 0777,
		    (unsigned)st.st_uid, (unsigned)st.st_gid);
	}
	if (d != NULL)
		closedir(d);
	pin_out_char(out, ']');
}

static const char *const masked = ",\"maskedPaths\":[\"/proc/acpi\","
    "\"/proc/asound\",\"/proc/interrupts\",\"/proc/kcore\",\"/proc/keys\","
    "\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\","
    "\"/proc/sched_debug\",\"/proc/scsi\",\"/sys/firmware\","
    "\"/sys/devices/virtual/powercap\"],\"readonlyPaths\":[\"/proc/bus\","
    "\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]";

void
oci_os_config(const struct oci_start *s, struct pin_out *out)
{
	const struct pin_obj *o = s->c->pod;
	int unmasked = s->c->privileged || (o != NULL && pin_str_is(
	    pin_obj_str(o, pin_obj_get(o, s->sec, "procMount")), "Unmasked"));

	put_mounts(s, out);
	pin_out_cstr(out, ",\"linux\":{");
	put_namespaces(s, out);
	pin_out_cstr(out, ",\"cgroupsPath\":");
	pin_out_char(out, '"');
	pin_out_printf(out, "%s/%s\"", s->o->cgroups.name, s->c->id);
	put_sysctls(s, out);
	put_resources(s, out);
	if (s->c->privileged)
		put_devices(out);
	if (!unmasked)
		pin_out_cstr(out, masked);
	oci_os_put_seccomp(s, out);
	pin_out_char(out, '}');
}
