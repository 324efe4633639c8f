/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process.h -- between the files of the runtime plugin `process`.
 * Threads: plugins/runtime/common/shims.h; what is here is set by open.
 * Contract: pintle/runtime.h; core/shim/shim.h for the files. */
#ifndef PROCESS_H
#define PROCESS_H

#include "plugins/runtime/common/cgroup.h"
#include "plugins/runtime/common/pod.h"

/* Put into every pod; the one mount that is left out where none can be. */
#define PROCESS_TOKEN_DIR	"/var/run/secrets/kubernetes.io/serviceaccount"
#define PROCESS_PATH	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:" \
	"/usr/bin:/sbin:/bin"

struct process {
	struct pin_env	*env;
	struct shims	 shims;		/* below DATA/run/process */
	struct cgroups	 cgroups;
};

/* One start, from open to running. */
struct process_start {
	struct process	*p;
	const struct pin_container *c;
	struct pin_arena *arena;
	int		 imaged;	/* image and user say something */
	int		 root;		/* the agent is */
	struct image_info image;
	struct image_user user;
	struct cgroup_limits limits;
	const char *const *argv, *const *env;
};

/* refuse.c: PIN_EINVALID names what cannot be honoured. */
int	process_refuse(const struct process_start *, struct pin_err *);

/* spec.c: what the shim is told. */
void	process_spec(const struct process_start *, struct pin_out *);

/* process_linux.c, process_bsd.c. Can a container have a root of its own
 * here? PIN_EINVALID says why not. */
int	process_os_can_enter(int root, struct pin_err *);
/* Can files be mounted into an image? */
int	process_os_mounts(void);
/* What the shim cannot do itself: dir/root. */
int	process_os_root(const char *image, const char *dir, struct pin_err *);

#endif
