/* SPDX-License-Identifier: BSD-2-Clause
 *
 * supervise.h -- a few processes kept running: forked before there are
 * threads, restarted with back-off when they end, told of signals.
 * Main thread, the only one. Contract: below. */
#ifndef PINTLE_SUPERVISE_H
#define PINTLE_SUPERVISE_H

#define SUPERVISE_MAX		4
#define SUPERVISE_BACKOFF_MS	100	/* doubles */
#define SUPERVISE_BACKOFF_MAX_MS 10000
#define SUPERVISE_CALM_MS	60000	/* up so long: back-off forgotten */
#define SUPERVISE_AGAIN		75	/* exit code: had begun well */
#define SUPERVISE_GRACE_MS	20000	/* from SIGTERM to SIGKILL */

struct supervised {
	const char	*name;		/* "control plane" */
	int		(*run)(const void *arg);	/* its exit code */
	const void	*arg;
	int		 optional;	/* may be missing from the start */
};

/* Until SIGTERM or SIGINT; the exit code. SIGHUP is passed on. One that ends
 * by itself with an error the first time (but for SUPERVISE_AGAIN) is not
 * tried again: an optional one is left out, another ends everything with its
 * code. The first is stopped last. */
int	supervise(const struct supervised *, int n);

/* os: the calling process dies with its parent, where the OS can. */
void	supervise__os_tie(long parent);

#endif
