/* SPDX-License-Identifier: BSD-2-Clause
 *
 * payload.h -- the files of a volume that the agent writes: collected first,
 * then put into place as one. A reader sees all of the old ones or all of the
 * new, and what is no longer there goes.
 * Work pool, one thread a payload. Contract: upstream's layout, which programs
 * rely on: NAME -> ..data/NAME, ..data -> a directory named by a time. */
#ifndef PINTLE_KUBELET_PAYLOAD_H
#define PINTLE_KUBELET_PAYLOAD_H

#include "core/kubelet/kubelet_int.h"

#define PAYLOAD_FILES_MAX	16384
#define PAYLOAD_PATH_MAX	1024

struct payload_file {
	char		*path, *data;
	size_t		 len;
	uint32_t	 mode, pad;
};

struct payload {
	struct payload_file *file;
	uint32_t	 n, cap;
};

/* path comes from an object: PIN_EINVALID when it would leave the volume.
 * A second file of the same path takes the place of the first. */
int	payload_add(struct payload *, struct pin_str path, const void *,
	    size_t len, uint32_t mode, struct pin_err *);
/* Of everything in it, for whoever wants to know whether it changed. */
uint64_t payload_hash(const struct payload *);
/* gid: the files' group; -1: ours. dir is there. */
int	payload_write(const struct payload *, const char *dir, int64_t gid,
	    struct pin_err *);
void	payload_fini(struct payload *);

#endif
