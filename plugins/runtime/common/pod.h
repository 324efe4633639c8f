/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pod.h -- what runtimes share but for their shims: what no runtime here can
 * honour, and the image a container holds.
 * Threads: work pool; nothing is kept.
 * Contract: pintle/runtime.h. */
#ifndef RUNTIME_POD_H
#define RUNTIME_POD_H

#include "core/image/image.h"
#include "plugins/runtime/common/shims.h"

/* refuse.c. PIN_EINVALID names the field and says `runtime` cannot. */
int	runtime_refuse(const struct pin_container *, const char *runtime,
	    struct pin_err *);
/* PIN_ENOTFOUND, which the agent knows as a mistake of the configuration:
 * uid is 0 and the pod says runAsNonRoot. */
int	runtime_refuse_root(const struct pin_container *, int64_t uid,
	    struct pin_err *);

/* held.c. In ROOT/ID, from start to remove. */
int	runtime_image_hold(const struct shims *, const char *id,
	    const struct image_info *, struct pin_err *);
void	runtime_image_release(const struct shims *, const char *id);
/* A small file in ROOT/ID that remove reads. */
int	runtime_note(const struct shims *, const char *id, const char *file,
	    const char *text, struct pin_err *);

#endif
