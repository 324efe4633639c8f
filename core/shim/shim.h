/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shim.h -- the small process that stands above one container of a runtime:
 * it outlives the node agent, writes the log, passes signals on
 * and keeps the exit code. `pintle shim DIR`, status on descriptor 3.
 * One thread, no loop, no library but libc.
 * Contract: the files below, all in DIR; docs/node.md "Shim". */
#ifndef PINTLE_SHIM_H
#define PINTLE_SHIM_H

#include <stdint.h>
#include <sys/types.h>

/* DIR/spec: records of one letter, a value and a NUL.
 *	a argument (several)	e "NAME=value" (several)
 *	d working directory	l log file
 *	u user id		g group id	G further group (several)
 *	p file in which the first process, once it has ended well, left the
 *	  process id of the container (a child of its, now an orphan)
 *	i root of an image: it becomes the container's, what it writes goes to
 *	  DIR/upper; followed by o for a root that is read-only
 *	n no new privileges
 *	c file of a cgroup to be in (cgroup.procs; several)
 *	m source of a mount, followed by t its target, followed by r for
 *	  read-only
 * DIR/lock   locked as long as the shim lives
 * DIR/life   FIFO the shim holds open: its reader sees the end of the shim
 * DIR/ctl    FIFO: one signal number a line
 * DIR/pid    "PID STARTED_NS\n" of the container's first process
 * DIR/exit   "CODE SIGNAL STARTED_NS FINISHED_NS OOM\n", there when it ended
 * Descriptor 3: "ok\n", or "error WHAT\n". */
#define SHIM_STATUS_FD		3
#define SHIM_SPEC_MAX		((size_t)4 << 20)
#define SHIM_MOUNTS_MAX		72	/* a pod's 64, and ours */
#define SHIM_GROUPS_MAX		64
#define SHIM_CGROUPS_MAX	8
#define SHIM_LINE_MAX		16384	/* longer lines are cut in pieces */
#define SHIM_LOG_MAX		((int64_t)10 << 20) /* then to LOG.1 */
#define SHIM_DRAIN_MS		1000	/* for output after the end */
#define SHIM_ENTRIES_MAX	1024	/* of a directory that is mirrored */

struct shim_mount {
	const char	*source, *target;
	int		 read_only;
};

struct shim_spec {
	char		*text;		/* all strings point into it */
	char		**argv, **env;
	const char	*workdir, *log, *pid_file, *image;
	int		 read_only, no_new_privs;
	int64_t		 uid, gid;	/* -1: unchanged */
	gid_t		 groups[SHIM_GROUPS_MAX];
	const char	*cgroups[SHIM_CGROUPS_MAX];
	uint32_t	 ngroups, nmounts, ncgroups;
	struct shim_mount mounts[SHIM_MOUNTS_MAX];
};

int	shim_main(const char *dir);

/* shim_linux.c, shim_bsd.c. Orphans of the container come to the shim. */
void	shim__os_reaper(void);
/* The calling process dies with its parent, where the OS can. */
void	shim__os_tie(pid_t parent);
/* The supplementary groups of the calling process. */
int	shim__os_groups(const struct shim_spec *);
/* Signals children of the shim other than the container's group. */
void	shim__os_signal_rest(int sig);
/* The calling process can gain no privileges by exec. 0, or -1. */
int	shim__os_no_new_privs(void);
/* In the container's first process: enters the image and makes the mounts,
 * seen by it and its children only. 0, or -1 with why. */
int	shim__os_mounts(const struct shim_spec *, const char *dir, char *why,
	    size_t len);
/* root_linux.c: the namespaces for an image, then its root. root: as such,
 * not in a user namespace. */
int	shim__os_enter(const struct shim_spec *, char *why, size_t len);
int	shim__os_root(const struct shim_spec *, int root, char *why,
	    size_t len);

#endif
