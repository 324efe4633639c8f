/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process_bsd.c -- the root of a container is a copy of its image, entered by
 * chroot as root; there is no overlay, no /dev and no volume in it. Compiled,
 * never run.
 * Work pool. Contract: process.h. */
#include "process.h"

#include <sys/wait.h>

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <unistd.h>

extern char **environ;

int
process_os_can_enter(int root, struct pin_err *err)
{
	if (root)
		return (PIN_OK);
	return (pin_err_set(err, PIN_EINVALID, "an image takes chroot, and "
	    "the node agent is not root"));
}

int
process_os_mounts(void)
{
	return (0);
}

int
process_os_root(const char *image, const char *dir, struct pin_err *err)
{
	char from[SHIMS_PATH_MAX + 4], to[SHIMS_PATH_MAX + 8];
	char cp[] = "cp", flags[] = "-RPp";
	char *argv[] = { cp, flags, from, to, NULL };
	int status = 0, rc;
	pid_t pid;

	if (snprintf(from, sizeof(from), "%s", image) >= (int)sizeof(from) ||
	    snprintf(to, sizeof(to), "%s/root", dir) >= (int)sizeof(to))
		return (pin_err_set(err, PIN_ELIMIT, "%s: path too long",
		    image));
	rc = posix_spawnp(&pid, cp, NULL, NULL, argv, environ);
	if (rc != 0)
		return (pin_err_os(err, PIN_EIO, rc, "cp"));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return (pin_err_set(err, PIN_EIO, "copy of %s failed",
		    image));
	return (PIN_OK);
}
