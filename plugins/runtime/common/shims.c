/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shims.c -- see shims.h: the set, and the life of one in it.
 * Threads: shims.h. Contract: shims.h. */
#include "shims.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/image/image.h"
#include "core/loader/loader.h"
#include "core/shim/shim.h"

int
shims_open(struct shims *p, struct pin_env *env, const char *root,
    const char *shim, struct pin_err *err)
{
	int rc = PIN_OK;

	p->env = env;
	p->root = pin_xstrdup(root);
	if (shim != NULL)
		p->shim = pin_xstrdup(shim);
	else
		rc = pin_exe_path(NULL, &p->shim, err);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->ended, NULL);
	return (rc == PIN_OK ? shims_watch_start(p, err) : rc);
}

void
shims_close(struct shims *p)
{
	struct shim_one *one;

	shims_watch_stop(p);
	while ((one = p->all) != NULL) {
		p->all = one->next;
		if (one->life >= 0)
			close(one->life);
		free(one);
	}
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->ended);
	free(p->root);
	free(p->shim);
}

static struct shim_one *
one_new(const char *id)
{
	struct shim_one *one = pin_xcalloc(1, sizeof(*one));

	one->state.size = sizeof(one->state);
	one->life = -1;
	snprintf(one->state.id, sizeof(one->state.id), "%s", id);
	return (one);
}

static void
link_one(struct shims *p, struct shim_one *one)
{
	pthread_mutex_lock(&p->lock);
	one->next = p->all;
	p->all = one;
	p->n++;
	pthread_mutex_unlock(&p->lock);
	shims_watch_wake(p);
}

/* What an earlier agent started: its directories are still there. One that
 * was half made is listed as ended, so that it will be removed. */
static int
adopt(void *arg, const char *id)
{
	struct shims *p = arg;
	struct shim_one *one;

	if (strncmp(id, IMAGE_TRASH, strlen(IMAGE_TRASH)) == 0)
		(void)shims_erase(p, id + strlen(IMAGE_TRASH), NULL);
	if (id[0] == '.' || strlen(id) >= sizeof(one->state.id) ||
	    p->n == SHIMS_MAX)
		return (0);
	one = one_new(id);
	/* First the FIFO, then the question: an end in between is seen. */
	one->life = shims_open_life(p, id);
	if (one->life >= 0 && shims_alive(p, id)) {
		shims_begun(p, id, &one->state);
	} else {
		if (one->life >= 0)
			close(one->life);
		one->life = -1;
		shims_ending(p, id, &one->state);
		if (p->ended_fn != NULL)
			p->ended_fn(p->arg, &one->state);
	}
	link_one(p, one);
	if (!one->state.running && p->sink.exited != NULL)
		p->sink.exited(p->sink.arg, &one->state);
	return (0);
}

int
shims_attach(struct shims *p, const struct pin_runtime_sink *sink,
    struct pin_err *err)
{
	p->sink = *sink;
	return (pin_path_list(pin_env_host(p->env), p->root, adopt, p, err));
}

int
shims_make(struct shims *p, const char *id, struct pin_err *err)
{
	static const char *const fifos[] = { "life", "ctl" };
	char path[SHIMS_PATH_MAX];
	uint32_t n;

	if (strlen(id) >= sizeof(p->all->state.id) ||
	    shims_path(p, path, id, "config.json") != PIN_OK)
		return (pin_err_set(err, PIN_ELIMIT, "container id %s is too "
		    "long", id));
	pthread_mutex_lock(&p->lock);
	n = p->n;
	pthread_mutex_unlock(&p->lock);
	if (n >= SHIMS_MAX)
		return (pin_err_set(err, PIN_EBUSY, "%u containers run", n));
	(void)shims_path(p, path, id, NULL);
	if (mkdir(path, 0700) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	for (size_t i = 0; i < PIN_LEN(fifos); i++) {
		(void)shims_path(p, path, id, fifos[i]);
		if (mkfifo(path, 0600) != 0)
			return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	}
	return (PIN_OK);
}

int
shims_run(struct shims *p, const char *id, const struct pin_out *spec,
    struct pin_err *err)
{
	struct shim_one *one = one_new(id);
	char path[SHIMS_PATH_MAX];
	int fd, rc = PIN_OK;

	(void)shims_path(p, path, id, "spec");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (spec->failed != PIN_OK)
		rc = pin_err_set(err, spec->failed, "container %s: its spec "
		    "is too large", id);
	else if (fd < 0 || write(fd, spec->p, spec->len) !=
	    (ssize_t)spec->len)
		rc = pin_err_os(err, PIN_EIO, errno, "%s", path);
	if (fd >= 0)
		close(fd);
	if (rc == PIN_OK)
		rc = shims_spawn(p, id, one, err);
	if (rc != PIN_OK)
		free(one);
	else
		link_one(p, one);
	return (rc);
}

static struct shim_one *
find_one(struct shims *p, const char *id)
{
	struct shim_one *one = p->all;

	while (one != NULL && strcmp(one->state.id, id) != 0)
		one = one->next;
	return (one);
}

int
shims_forget(struct shims *p, const char *id, struct pin_err *err)
{
	struct shim_one *one, **at;
	struct timespec until;

	(void)shims_signal(p, id, SIGKILL, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SHIMS_END_MS / 1000;
	pthread_mutex_lock(&p->lock);
	while ((one = find_one(p, id)) != NULL && one->life >= 0)
		if (pthread_cond_timedwait(&p->ended, &p->lock, &until) != 0)
			break;
	if (one != NULL && one->life >= 0) {
		pthread_mutex_unlock(&p->lock);
		return (pin_err_set(err, PIN_ETIMEOUT, "container %s does "
		    "not end", id));
	}
	for (at = &p->all; *at != NULL; at = &(*at)->next)
		if (*at == one) {
			*at = one->next;
			p->n--;
			break;
		}
	pthread_mutex_unlock(&p->lock);
	free(one);
	return (PIN_OK);
}

int
shims_list(struct shims *p, int (*emit)(void *,
    const struct pin_container_state *), void *arg)
{
	struct shim_one *one;
	int rc = PIN_OK;

	pthread_mutex_lock(&p->lock);
	for (one = p->all; one != NULL && rc == PIN_OK; one = one->next)
		rc = emit(arg, &one->state);
	pthread_mutex_unlock(&p->lock);
	return (rc);
}
