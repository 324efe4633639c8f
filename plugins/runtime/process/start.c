/* SPDX-License-Identifier: BSD-2-Clause
 *
 * start.c -- one container's directory, its spec, and a shim above it.
 * Work pool. Contract: pintle/runtime.h, core/shim/shim.h. */
#include "process.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/shim/shim.h"

extern char **environ;

static void
record(struct pin_out *o, char what, const char *value)
{
	pin_out_char(o, what);
	pin_out_put(o, value, strlen(value) + 1);
}

static void
record_i64(struct pin_out *o, char what, int64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	record(o, what, text);
}

static void
groups(struct pin_out *o, const struct pin_container *c)
{
	pin_node list = pin_obj_at(c->pod, pin_obj_root(c->pod), "spec",
	    "securityContext", NULL), g;
	int64_t id;

	g = pin_obj_get(c->pod, list, "fsGroup");
	if (pin_obj_i64(c->pod, g, &id))
		record_i64(o, 'G', id);
	list = pin_obj_get(c->pod, list, "supplementalGroups");
	for (g = pin_obj_first(c->pod, list); g != 0;
	    g = pin_obj_next(c->pod, g))
		if (pin_obj_i64(c->pod, g, &id))
			record_i64(o, 'G', id);
}

static int
write_spec(const struct pin_container *c, const char *path,
    struct pin_err *err)
{
	const char *const *p;
	struct pin_out o;
	int fd, rc = PIN_OK;
	uint32_t i;

	pin_out_init(&o, NULL, SHIM_SPEC_MAX);
	for (p = c->command; p != NULL && *p != NULL; p++)
		record(&o, 'a', *p);
	for (p = c->args; p != NULL && *p != NULL; p++)
		record(&o, 'a', *p);
	for (p = c->env; p != NULL && *p != NULL; p++)
		record(&o, 'e', *p);
	record(&o, 'l', c->log);
	record(&o, 'd', c->workdir != NULL ? c->workdir : "/");
	if (c->uid >= 0)
		record_i64(&o, 'u', c->uid);
	if (c->gid >= 0)
		record_i64(&o, 'g', c->gid);
	if (c->pod != NULL)
		groups(&o, c);
	for (i = 0; i < c->nmounts && geteuid() == 0; i++) {
		record(&o, 'm', c->mounts[i].source);
		record(&o, 't', c->mounts[i].target);
		if (c->mounts[i].read_only)
			record(&o, 'r', "");
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (o.failed != PIN_OK)
		rc = pin_err_set(err, o.failed, "command and environment are "
		    "too long");
	else if (fd < 0 || write(fd, o.p, o.len) != (ssize_t)o.len)
		rc = pin_err_os(err, PIN_EIO, errno, "%s", path);
	if (fd >= 0)
		close(fd);
	pin_out_fini(&o);
	return (rc);
}

static int
make_dir(const struct process *p, const struct pin_container *c,
    struct pin_err *err)
{
	static const char *const fifos[] = { "life", "ctl" };
	char path[PROCESS_PATH_MAX];
	size_t i;

	if (process_path(p, path, c->id, "stage") != PIN_OK)
		return (pin_err_set(err, PIN_ELIMIT, "path of %s", c->id));
	(void)process_path(p, path, c->id, NULL);
	if (mkdir(path, 0700) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	for (i = 0; i < PIN_LEN(fifos); i++) {
		(void)process_path(p, path, c->id, fifos[i]);
		if (mkfifo(path, 0600) != 0)
			return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	}
	(void)process_path(p, path, c->id, "spec");
	return (write_spec(c, path, err));
}

/* The line the shim says; what stands after "error " is the reason. */
static int
hear(const struct process *p, int fd, struct pin_err *err)
{
	struct pin_host *host = pin_env_host(p->env);
	uint64_t until = pin_host_now(host) + PROCESS_START_MS * UINT64_C(
	    1000000), now;
	struct pollfd pf = { fd, POLLIN, 0 };
	char text[1200];
	size_t len = 0;
	ssize_t n;

	for (;;) {
		now = pin_host_now(host);
		if (now >= until || poll(&pf, 1, (int)((until - now) /
		    1000000 + 1)) == 0)
			return (pin_err_set(err, PIN_ETIMEOUT, "the shim did "
			    "not start in time"));
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (text[len - 1] == '\n')
			break;
	}
	text[len > 0 ? len - 1 : 0] = '\0';
	if (strcmp(text, "ok") == 0)
		return (PIN_OK);
	if (strncmp(text, "error ", 6) == 0)
		return (pin_err_set(err, PIN_EINVAL, "%s", text + 6));
	return (pin_err_set(err, PIN_EIO, "the shim %s ended without a word",
	    p->shim));
}

static int
spawn(struct process *p, const char *dir, int status, pid_t *pid,
    struct pin_err *err)
{
	char *argv[] = { p->shim, (char *)(uintptr_t)"shim",
	    (char *)(uintptr_t)dir, NULL };
	posix_spawn_file_actions_t fa;
	int rc;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, status, SHIM_STATUS_FD);
	rc = posix_spawn(pid, p->shim, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	return (rc == 0 ? PIN_OK : pin_err_os(err, PIN_EIO, rc, "%s",
	    p->shim));
}

/* A descriptor that is no target of spawn's: dup2 onto itself would keep
 * the close-on-exec flag. */
static int
high(int fd)
{
	int up;

	if (fd > SHIM_STATUS_FD)
		return (fd);
	up = fcntl(fd, F_DUPFD_CLOEXEC, SHIM_STATUS_FD + 1);
	close(fd);
	return (up);
}

int
process_start(struct process *p, const struct pin_container *c,
    struct process_one *one, struct pin_err *err)
{
	char dir[PROCESS_PATH_MAX];
	int fd[2], rc;

	if (process_alive(p, c->id))
		return (pin_err_set(err, PIN_EEXISTS, "container %s runs",
		    c->id));
	rc = process_erase(p, c->id, err);
	if (rc == PIN_OK)
		rc = make_dir(p, c, err);
	if (rc != PIN_OK)
		goto out;
	(void)process_path(p, dir, c->id, NULL);
	if (process_pipe(fd) != 0) {
		rc = pin_err_os(err, PIN_EIO, errno, "pipe");
		goto out;
	}
	fd[1] = high(fd[1]);
	/* Before there is a writer, so that its end is seen however soon. */
	one->life = process_open_life(p, c->id);
	rc = one->life < 0 ? pin_err_os(err, PIN_EIO, errno, "%s/life", dir) :
	    spawn(p, dir, fd[1], &one->shim, err);
	close(fd[1]);
	if (rc == PIN_OK) {
		rc = hear(p, fd[0], err);
		if (rc != PIN_OK) {
			(void)kill(one->shim, SIGKILL);
			(void)waitpid(one->shim, NULL, 0);
		}
	}
	close(fd[0]);
	if (rc == PIN_OK) {
		one->state.running = 1;
		one->state.started_ns = pin_host_wall(pin_env_host(p->env));
	} else if (one->life >= 0)
		close(one->life);
out:
	if (rc != PIN_OK)
		(void)process_erase(p, c->id, NULL);
	return (rc);
}
