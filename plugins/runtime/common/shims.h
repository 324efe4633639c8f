/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shims.h -- a set of containers below shims: started, seen to end, found
 * again by a later agent, erased. Knows nothing of what a shim runs.
 * Threads: work pool, and one of its own that waits for ends of shims; what
 * they share is under `lock`.
 * Contract: core/shim/shim.h for the files, all in ROOT/ID. */
#ifndef RUNTIME_SHIMS_H
#define RUNTIME_SHIMS_H

#include <pintle/runtime.h>

#include <pthread.h>
#include <sys/types.h>

#define SHIMS_PATH_MAX	4096
#define SHIMS_START_MS	20000	/* a shim says ok or error by then */
#define SHIMS_END_MS	5000	/* from SIGKILL to its end */
#define SHIMS_MAX	1024	/* containers at once */

struct shim_one {
	struct shim_one	*next;
	pid_t		 shim;		/* ours to wait for; 0: adopted */
	int		 life;		/* FIFO; -1: ended */
	struct pin_container_state state;
};

struct shims {
	struct pin_env	*env;
	char		*root;		/* the directory of all */
	char		*shim;		/* the program */
	/* After an end is known and before it is told; under lock; or NULL. */
	void		(*ended_fn)(void *arg, struct pin_container_state *);
	void		*arg;
	pthread_mutex_t	 lock;
	pthread_cond_t	 ended;
	struct shim_one	*all;		/* under lock, as are these: */
	uint32_t	 n;
	int		 stopping;
	struct pin_runtime_sink sink;
	pthread_t	 thread;
	int		 threaded;
	int		 wake[2];
};

/* shims.c */
int	shims_open(struct shims *, struct pin_env *, const char *root,
	    const char *shim, struct pin_err *);
void	shims_close(struct shims *);
int	shims_attach(struct shims *, const struct pin_runtime_sink *,
	    struct pin_err *);
/* Its directory, empty but for the FIFOs; there must be none. */
int	shims_make(struct shims *, const char *id, struct pin_err *);
/* With this spec. After an error the directory is for the caller to erase. */
int	shims_run(struct shims *, const char *id, const struct pin_out *spec,
	    struct pin_err *);
/* Kills, waits for the end and forgets; the directory stays. */
int	shims_forget(struct shims *, const char *id, struct pin_err *);
int	shims_list(struct shims *, int (*emit)(void *,
	    const struct pin_container_state *), void *arg);

/* files.c. An id is the name of a directory, or no path is made of it. */
int	shims_path(const struct shims *, char out[SHIMS_PATH_MAX],
	    const char *id, const char *file);
int	shims_alive(const struct shims *, const char *id);
int	shims_text(const struct shims *, const char *id, const char *file,
	    char *out, size_t size);	/* 1: read, cut to fit */
void	shims_begun(const struct shims *, const char *id,
	    struct pin_container_state *);	/* it runs: from DIR/pid */
/* Only when its shim is gone: kills what a killed shim left. */
void	shims_ending(const struct shims *, const char *id,
	    struct pin_container_state *);	/* from DIR/exit, DIR/pid */
int	shims_signal(const struct shims *, const char *id, int sig,
	    struct pin_err *);
/* Nothing may be mounted in it. */
int	shims_erase(const struct shims *, const char *id, struct pin_err *);
int	shims_open_life(const struct shims *, const char *id);
int	shims_pipe(int fd[2]);

/* spawn.c */
int	shims_spawn(struct shims *, const char *id, struct shim_one *,
	    struct pin_err *);

/* watch.c */
int	shims_watch_start(struct shims *, struct pin_err *);
void	shims_watch_stop(struct shims *);
void	shims_watch_wake(struct shims *);

#endif
