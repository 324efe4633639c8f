/* SPDX-License-Identifier: BSD-2-Clause
 *
 * oci_bsd.c -- what ocijail on FreeBSD takes; compiled, never run. The root
 * is the image itself, so only read-only roots are possible.
 * Work pool. Contract: oci.h. */
#include "oci.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
oci_os_devices(uint32_t cgroups, uint32_t kind)
{
	(void)cgroups;
	(void)kind;
	return (0);
}

int
oci_os_mount(const char *image, const char *dir, int read_only,
    struct pin_err *err)
{
	char root[OCI_PATH_MAX];

	if (!read_only)
		return (pin_err_set(err, PIN_EINVALID, "securityContext."
		    "readOnlyRootFilesystem: must be true here, there is no "
		    "overlay"));
	snprintf(root, sizeof(root), "%s/root", dir);
	if (symlink(image, root) != 0)
		return (pin_err_set(err, PIN_EIO, "%s: cannot be made",
		    root));
	return (PIN_OK);
}

void
oci_os_unmount(const char *dir)
{
	(void)dir;
}

void
oci_os_cgroup_view(void)
{
}

int
oci_os_seccomp(const struct oci_start *s)
{
	(void)s;
	return (OCI_SECCOMP_NONE);
}

void
oci_os_config(const struct oci_start *s, struct pin_out *out)
{
	pin_out_cstr(out, ",\"mounts\":[{\"destination\":\"/dev\",\"type\":"
	    "\"devfs\",\"source\":\"devfs\"}");
	for (uint32_t i = 0; i < s->c->nmounts; i++) {
		if (s->c->mounts[i].own_files)
			continue;	/* the root is read-only here */
		pin_out_cstr(out, ",{\"destination\":");
		pin_json_quote(out, pin_str(s->c->mounts[i].target));
		pin_out_cstr(out, ",\"type\":\"nullfs\",\"source\":");
		pin_json_quote(out, pin_str(s->c->mounts[i].source));
		pin_out_printf(out, ",\"options\":[\"%s\"]}",
		    s->c->mounts[i].read_only ? "ro" : "rw");
	}
	pin_out_char(out, ']');
}
