/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shim_bsd.c -- what the shim asks of a BSD: nothing yet beyond POSIX.
 * Contract: shim.h. */
#include "core/shim/shim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
shim__os_reaper(void)
{
}

void
shim__os_tie(pid_t parent)
{
	(void)parent;
}

int
shim__os_groups(const struct shim_spec *s)
{
	return (setgroups((int)s->ngroups, s->groups));
}

void
shim__os_signal_rest(int sig)
{
	(void)sig;
}

int
shim__os_no_new_privs(void)
{
	errno = ENOTSUP;
	return (-1);
}

/* The runtime has put a copy of the image there; chroot takes root. */
int
shim__os_mounts(const struct shim_spec *s, const char *dir, char *why,
    size_t len)
{
	(void)dir;
	if (s->nmounts > 0) {
		snprintf(why, len, "mount at %s: not on this system",
		    s->mounts[0].target);
		return (-1);
	}
	if (chdir("root") != 0 || chroot(".") != 0) {
		snprintf(why, len, "chroot: %s", strerror(errno));
		return (-1);
	}
	return (0);
}
