/* SPDX-License-Identifier: BSD-2-Clause
 *
 * spawn.c -- a shim is started and says whether its container is.
 * Work pool. Contract: pintle/runtime.h, core/shim/shim.h. */
#include "shims.h"

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

/* The line the shim says; what stands after "error " is the reason. */
static int
hear(const struct shims *p, int fd, struct pin_err *err)
{
	struct pin_host *host = pin_env_host(p->env);
	uint64_t until = pin_host_now(host) + SHIMS_START_MS * UINT64_C(
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
spawn(struct shims *p, const char *dir, int status, pid_t *pid,
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
shims_spawn(struct shims *p, const char *id, struct shim_one *one,
    struct pin_err *err)
{
	char dir[SHIMS_PATH_MAX];
	int fd[2], rc;

	if (shims_path(p, dir, id, NULL) != PIN_OK)
		return (pin_err_set(err, PIN_ELIMIT, "path of %s", id));
	if (shims_pipe(fd) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "pipe"));
	fd[1] = high(fd[1]);
	/* Before there is a writer, so that its end is seen however soon. */
	one->life = shims_open_life(p, id);
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
	if (rc != PIN_OK) {
		if (one->life >= 0)
			close(one->life);
		one->life = -1;
		return (rc);
	}
	one->state.running = 1;
	one->state.started_ns = pin_host_wall(pin_env_host(p->env));
	return (PIN_OK);
}
