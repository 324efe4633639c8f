/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process.h -- between the files of the runtime plugin `process`.
 * Threads: plugins/runtime/common/shims.h; what is here is set by open.
 * Contract: pintle/runtime.h; core/shim/shim.h for the files. */
#ifndef PROCESS_H
#define PROCESS_H

#include "plugins/runtime/common/shims.h"

/* Put into every pod; the one mount that is left out where none can be. */
#define PROCESS_TOKEN_DIR	"/var/run/secrets/kubernetes.io/serviceaccount"

struct process {
	struct pin_env	*env;
	struct shims	 shims;		/* below DATA/run/process */
};

/* refuse.c: PIN_EINVALID names what cannot be honoured. */
int	process_refuse(const struct pin_container *, struct pin_err *);

/* spec.c: what the shim is told. */
void	process_spec(const struct pin_container *, struct pin_out *);

#endif
