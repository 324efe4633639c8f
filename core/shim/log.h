/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log.h -- output of a container as lines of the CRI log format:
 * "2006-01-02T15:04:05.999999999Z stdout F text".
 * The shim's thread. Contract: a line longer than SHIM_LINE_MAX comes as
 * pieces marked P, its last one F; a file past SHIM_LOG_MAX is set aside as
 * NAME.1 and begun anew. */
#ifndef PINTLE_SHIM_LOG_H
#define PINTLE_SHIM_LOG_H

#include <sys/types.h>

#include "core/shim/shim.h"

struct shim_log {
	const char	*path;
	int		 fd;
	int64_t		 size;
	size_t		 len[2];	/* of what waits for its newline */
	char		*part[2];	/* stdout, stderr; made when needed */
};

int	shim_log_open(struct shim_log *, const char *path);
/* One read from fd; its result. */
ssize_t	shim_log_from(struct shim_log *, int stream, int fd);
void	shim_log_close(struct shim_log *);	/* what waits comes out */

#endif
