/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process.h -- between the files of the runtime plugin `process`.
 * Threads: work pool, and one of its own that waits for ends of shims; what
 * they share is under `lock`.
 * Contract: pintle/runtime.h; core/shim/shim.h for the files. */
#ifndef PROCESS_H
#define PROCESS_H

#include <pintle/runtime.h>

#include <pthread.h>
#include <sys/types.h>

#define PROCESS_PATH_MAX	4096
#define PROCESS_START_MS	10000	/* a shim says ok or error by then */
#define PROCESS_END_MS		5000	/* from SIGKILL to its end */
#define PROCESS_MAX		1024	/* containers at once */
/* Put into every pod; the one mount that is left out where none can be. */
#define PROCESS_TOKEN_DIR	"/var/run/secrets/kubernetes.io/serviceaccount"

struct process_one {
	struct process_one *next;
	pid_t		 shim;		/* ours to wait for; 0: adopted */
	int		 life;		/* FIFO; -1: ended */
	struct pin_container_state state;
};

struct process {
	struct pin_env	*env;
	char		*root;		/* DATA/run/process */
	char		*shim;		/* the program */
	pthread_mutex_t	 lock;
	pthread_cond_t	 ended;
	struct process_one *all;	/* under lock, as are these: */
	uint32_t	 n;
	int		 stopping;
	struct pin_runtime_sink sink;
	pthread_t	 thread;
	int		 threaded;
	int		 wake[2];
};

/* files.c */
int	process_path(const struct process *, char out[PROCESS_PATH_MAX],
	    const char *id, const char *file);
int	process_alive(const struct process *, const char *id);
void	process_begun(const struct process *, const char *id,
	    struct pin_container_state *);	/* it runs: from DIR/pid */
/* Only when its shim is gone: kills what a killed shim left. */
void	process_ending(const struct process *, const char *id,
	    struct pin_container_state *);	/* from DIR/exit, DIR/pid */
int	process_signal(const struct process *, const char *id, int sig,
	    struct pin_err *);
int	process_erase(const struct process *, const char *id,
	    struct pin_err *);
int	process_open_life(const struct process *, const char *id);
int	process_pipe(int fd[2]);

/* start.c */
int	process_start(struct process *, const struct pin_container *,
	    struct process_one *, struct pin_err *);

/* watch.c */
int	process_watch_start(struct process *, struct pin_err *);
void	process_watch_stop(struct process *);
void	process_watch_wake(struct process *);

#endif
