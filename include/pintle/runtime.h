/* SPDX-License-Identifier: BSD-2-Clause
 *
 * runtime.h -- how a container runs: as processes of the node (process), by
 * an OCI runtime (oci).
 * Threads: start, kill, remove, image and list on the work pool, several at
 * once for different containers, may block until their deadline; `exited` of
 * the sink from any thread.
 * Contract: at most one running instance of a container id (K1); what runs
 * goes on when the node agent stops, and `list` finds it again; nothing is
 * left after `remove` (K3). */
#ifndef PINTLE_RUNTIME_H
#define PINTLE_RUNTIME_H

#include <pintle/object.h>
#include <pintle/plugin.h>

#define PIN_RUNTIME_ABI		PIN_ABI(1, 2) /* history: docs/abi/runtime.md */

#define PIN_MOUNTS_MAX		64

struct pin_mount {
	const char	*source;	/* absolute, on the node */
	const char	*target;	/* absolute, in the container */
	uint32_t	 read_only;
	/* 1: what the agent adds. Where the container has no files of its
	 * own, or nothing to mount it on can be made, it is left out. */
	uint32_t	 own_files;
};

/* Strings end in NUL; lists end in NULL. */
struct pin_container {
	uint32_t	 size;
	uint32_t	 attempt;	/* restarts so far */
	const char	*id;		/* ours: unique, [a-z0-9-] */
	const char	*pod_uid, *pod_namespace, *pod_name, *name;
	const char	*image;		/* as in the pod */
	const char	*dir;		/* private directory of this instance */
	const char	*log;		/* file: CRI log format lines */
	const char *const *command;	/* NULL: the image's entry point */
	const char *const *args;	/* NULL: the image's, unless command */
	const char *const *env;		/* "A=1", after the image's own */
	const char	*workdir;	/* NULL: the image's */
	const char	*hostname;
	const struct pin_mount *mounts;
	uint32_t	 nmounts;
	uint32_t	 host_network;
	int64_t		 uid, gid;	/* -1: the image's */
	int64_t		 cpu_milli;	/* limit; 0: none */
	int64_t		 memory;	/* limit in bytes; 0: none */
	const char	*netns;		/* path, or NULL: the node's */
	uint32_t	 read_only_root, privileged;
	/* The container as the pod has it, for what has no member here: what
	 * the runtime cannot honour it refuses by name. */
	const struct pin_obj *pod;
	pin_node	 spec;
	uint32_t	 pad;
};

struct pin_container_state {
	uint32_t	 size;
	uint32_t	 running;	/* else it has ended */
	int32_t		 exit_code;
	int32_t		 signal;
	int64_t		 started_ns, finished_ns;	/* UNIX time */
	uint32_t	 oom_killed;
	uint32_t	 pad;
	char		 id[128];
};

struct pin_runtime_sink {
	uint32_t	 size;
	uint32_t	 pad;
	void		(*exited)(void *arg,
			    const struct pin_container_state *);
	void		*arg;
	/* NULL, or: the container runs, but not quite as asked; the text
	 * names the field. Only while start runs, in its thread. */
	void		(*warned)(void *arg, const char *id,
			    const char *text);
};

/* Before anything else; also finds what ran before (then `exited` comes for
 * what has ended meanwhile). */
typedef int pin_runtime_attach_fn(void *self, const struct pin_runtime_sink *,
    struct pin_err *);
/* Makes the image usable. pull: "Always", "IfNotPresent", "Never".
 * PIN_ENOTFOUND: it is not there and cannot be got. resolved, of size bytes,
 * gets the image's digest. */
typedef int pin_runtime_image_fn(void *self, const char *image,
    const char *pull, char *resolved, size_t size, struct pin_err *);
/* PIN_EINVALID: the pod asks for something by name that cannot be honoured. */
typedef int pin_runtime_start_fn(void *self, const struct pin_container *,
    struct pin_err *);
/* SIGKILL: of all its processes; any other: of its first one, as upstream's
 * runtimes do. Gone: PIN_OK. */
typedef int pin_runtime_kill_fn(void *self, const char *id, int signal,
    struct pin_err *);
typedef int pin_runtime_remove_fn(void *self, const char *id,
    struct pin_err *);		/* kills what still runs */
typedef int pin_runtime_list_fn(void *self,
    int (*emit)(void *arg, const struct pin_container_state *), void *arg,
    struct pin_err *);

struct pin_runtime_ops {
	uint32_t		 size;
	uint32_t		 pad;
	pin_runtime_attach_fn	*attach;
	pin_runtime_image_fn	*image;
	pin_runtime_start_fn	*start;
	pin_runtime_kill_fn	*kill;
	pin_runtime_remove_fn	*remove;
	pin_runtime_list_fn	*list;
};

#endif
