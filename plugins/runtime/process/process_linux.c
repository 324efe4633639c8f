/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process_linux.c -- can a container enter an image here? The shim does it
 * (core/shim/root_linux.c); without root it takes a user namespace, which an
 * administrator may have forbidden.
 * Work pool; the child of fork calls nothing but the kernel.
 * Contract: process.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "process.h"

#include <sys/mount.h>
#include <sys/wait.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* AppArmor may let the namespace be and take its rights: so mount, too. */
static void
try(int flags)
{
	if (unshare(flags) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		_exit(errno < 255 ? errno : 255);
	_exit(0);
}

int
process_os_can_enter(int root, struct pin_err *err)
{
	int status = 0, e;
	pid_t pid = fork();

	if (pid == 0)
		try(root ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS);
	if (pid < 0)
		return (pin_err_os(err, PIN_EIO, errno, "fork"));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return (PIN_OK);
	e = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
	return (pin_err_set(err, PIN_EINVALID, "%s, and this system does not "
	    "allow it: %s", root ? "an image takes a mount namespace" :
	    "without root an image takes a user namespace with mounts",
	    e == ENOSPC ? "user.max_user_namespaces" : strerror(e)));
}

int
process_os_mounts(void)
{
	return (1);
}

int
process_os_root(const char *image, const char *dir, struct pin_err *err)
{
	(void)image;
	(void)dir;
	(void)err;
	return (PIN_OK);
}
