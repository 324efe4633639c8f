/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files.c -- what a shim leaves in its directory, read and sent to.
 * Any thread. Contract: core/shim/shim.h. */
#include "shims.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/image/image.h"

int
shims_path(const struct shims *p, char out[SHIMS_PATH_MAX],
    const char *id, const char *file)
{
	int n;

	if (id[0] == '\0' || id[0] == '.' || strchr(id, '/') != NULL)
		return (PIN_EINVAL);
	n = snprintf(out, SHIMS_PATH_MAX, "%s/%s%s%s", p->root, id,
	    file != NULL ? "/" : "", file != NULL ? file : "");
	return (n > 0 && n < SHIMS_PATH_MAX ? PIN_OK : PIN_ELIMIT);
}

static int
open_in(const struct shims *p, const char *id, const char *file, int flags)
{
	char path[SHIMS_PATH_MAX];

	if (shims_path(p, path, id, file) != PIN_OK) {
		errno = EINVAL;
		return (-1);
	}
	return (open(path, flags | O_CLOEXEC));
}

/* The shim holds the lock as long as it lives, whoever its parent is. */
int
shims_alive(const struct shims *p, const char *id)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_in(p, id, "lock", O_RDWR), rc;

	if (fd < 0)
		return (0);
	rc = fcntl(fd, F_GETLK, &whole);
	close(fd);
	return (rc == 0 && whole.l_type != F_UNLCK);
}

int
shims_text(const struct shims *p, const char *id, const char *file,
    char *out, size_t size)
{
	int fd = open_in(p, id, file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return (0);
	n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return (n > 0);
}

static void
times(const struct shims *p, const char *id, struct pin_container_state *s,
    long *pid)
{
	long long started;
	char text[256];

	*pid = 0;
	if (shims_text(p, id, "pid", text, sizeof(text)) &&
	    sscanf(text, "%ld %lld", pid, &started) == 2)
		s->started_ns = started;
}

void
shims_begun(const struct shims *p, const char *id,
    struct pin_container_state *s)
{
	long pid;

	times(p, id, s, &pid);
	s->running = 1;
}

void
shims_ending(const struct shims *p, const char *id,
    struct pin_container_state *s)
{
	long long started = 0, finished = 0;
	int code = 0, sig = 0, oom = 0;
	char text[256];
	long pid;

	times(p, id, s, &pid);
	s->running = 0;
	if (shims_text(p, id, "exit", text, sizeof(text)) && sscanf(text,
	    "%d %d %lld %lld %d", &code, &sig, &started, &finished, &oom) ==
	    5) {
		s->exit_code = code;
		s->signal = sig;
		s->started_ns = started;
		s->finished_ns = finished;
		s->oom_killed = oom != 0;
		return;
	}
	/* The shim itself was killed, or the machine: nobody saw the end. */
	if (pid > 1 && !shims_alive(p, id) && kill(-(pid_t)pid, 0) == 0)
		(void)kill(-(pid_t)pid, SIGKILL);
	s->exit_code = 137;
	s->signal = SIGKILL;
	s->finished_ns = pin_host_wall(pin_env_host(p->env));
}

int
shims_signal(const struct shims *p, const char *id, int sig,
    struct pin_err *err)
{
	int fd = open_in(p, id, "ctl", O_WRONLY | O_NONBLOCK);
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", sig);
	ssize_t k;

	if (fd < 0 && (errno == ENXIO || errno == ENOENT))
		return (PIN_OK);	/* no shim: it has ended */
	if (fd < 0)
		return (pin_err_os(err, PIN_EIO, errno, "container %s", id));
	k = write(fd, text, (size_t)n);
	n = errno;
	close(fd);
	if (k < 0 && n != EPIPE)
		return (pin_err_os(err, PIN_EIO, n, "container %s", id));
	return (PIN_OK);
}

int
shims_erase(const struct shims *p, const char *id, struct pin_err *err)
{
	char dir[SHIMS_PATH_MAX];

	if (shims_path(p, dir, id, NULL) != PIN_OK)
		return (pin_err_set(err, PIN_EINVAL, "container id \"%s\"",
		    id));
	return (image_tree_remove(p->root, id, err));
}

int
shims_open_life(const struct shims *p, const char *id)
{
	return (open_in(p, id, "life", O_RDONLY | O_NONBLOCK));
}

int
shims_pipe(int fd[2])
{
	if (pipe(fd) != 0)
		return (-1);
	if (fcntl(fd[0], F_SETFD, FD_CLOEXEC) == 0 &&
	    fcntl(fd[1], F_SETFD, FD_CLOEXEC) == 0)
		return (0);
	close(fd[0]);
	close(fd[1]);
	return (-1);
}
