/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loaded -- for tests of the loader and of calls: a configuration of test
 * plugins, a manager that has loaded it, two loops that stand in for the API
 * server's fronts, and one admission call at a time through a stage.
 * Main thread but for what runs on the loops. Contract: below. */
#ifndef PIN_TESTS_LOADED_H
#define PIN_TESTS_LOADED_H

#include <sys/stat.h>

#include <stdatomic.h>

#include "core/loader/stage.h"
#include "tap.h"

extern char loaded_dir[1024];		/* where the test plugins are */
extern char loaded_data[1024];
extern char loaded_path[1024];		/* the configuration, "test.conf" */
extern struct pin_host *loaded_host;
extern struct pin_loop *loaded_front[2];
extern struct pin_calls *loaded_calls[2];
extern const struct pin_env_services *loaded_services; /* of the next open */

void	loaded_init(void);
void	loaded_fini(void);

void	loaded_file(const char *where, const void *, size_t len, mode_t);
void	loaded_text(const char *conf);	/* the whole configuration */
void	loaded_conf(const char *admission); /* what is needed, and this */
/* NULL: the report says why. */
struct pin_plugins *loaded_try(struct pin_report *);
struct pin_plugins *loaded_open(const char *admission);	/* or bails out */
bool	loaded_says(const struct pin_report *, const char *what);

/* One call of one request. */
struct req {
	struct pin_msg	 msg;
	struct pin_calls *calls;
	struct pin_stage *stage;
	struct pin_set	*set;
	struct pin_arena *arena;
	struct pin_call	*call;
	struct pin_admission_request in;
	struct pin_patch *patch;
	uint64_t	 deadline_ns;
	int		 mutate, cancel;
	const char	*json;		/* NULL: a pod */

	int		 verdict;
	int		 owed;		/* what pin_call_end said */
	uint32_t	 patches;
	char		 text[PIN_ERR_TEXT_MAX];
	char		 warn[PIN_CALL_LINE_BYTES], note[PIN_CALL_LINE_BYTES];
	struct pin_decision decision;
	atomic_int	 answered, released;
};

/* Into admission stage i, answered or given up when it returns. */
void	req_run(struct req *, struct pin_plugins *, uint32_t i);
/* Its steps, for who wants them alone: on the loop. */
void	req_begin(struct req *, pin_call_resume_fn *, void *arg);
int	req_call(struct req *);

#endif
