/* SPDX-License-Identifier: BSD-2-Clause
 *
 * os_spawn.c -- the child process of an isolated plugin: started with a socket
 * and nothing else, limited, killed.
 * Any thread. Contract: wire.h. */
#include "core/isolate/wire.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FD_SCAN_MAX	65536
#define FILES_MAX	64		/* the plugin may open so many */

/* Both ends above PIN_ASK_FD, so that dup2 in the child makes a copy, and
 * closed in every other child. */
static int
pair_make(int fd[2], struct pin_err *err)
{
	int raw[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, raw) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "socketpair"));
	for (int i = 0; i < 2; i++) {
		fd[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, PIN_ASK_FD + 1);
		(void)close(raw[i]);
		if (fd[i] >= 0)		/* wire.c polls */
			(void)fcntl(fd[i], F_SETFL, O_NONBLOCK);
	}
	if (fd[0] >= 0 && fd[1] >= 0)
		return (PIN_OK);
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
	return (pin_err_os(err, PIN_EIO, EMFILE, "socketpair"));
}

static int
spawn_with(const char *exe, char *const argv[], const int child[2],
    pid_t *pid)
{
	static char *const env[] = { NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none, all;
	int rc;

	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawnattr_init(&at);
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawnattr_setsigmask(&at, &none);
	(void)posix_spawnattr_setsigdefault(&at, &all);
	(void)posix_spawnattr_setpgroup(&at, 0);
	(void)posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	rc = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY,
	    0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&fa, 2, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&fa, child[0],
		    PIN_WIRE_FD);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&fa, child[1],
		    PIN_ASK_FD);
	if (rc == 0)
		rc = posix_spawn(pid, exe, &fa, &at, argv, env);
	(void)posix_spawnattr_destroy(&at);
	(void)posix_spawn_file_actions_destroy(&fa);
	return (rc);
}

int
pin__spawn(const char *exe, const char *kind, const char *file, long *pid,
    int fd[2], struct pin_err *err)
{
	char verb[] = "plugin-host", name[] = "pintle", k[64], f[4096];
	char *argv[] = { name, verb, k, f, NULL };
	int calls[2], reads[2], theirs[2], rc;
	pid_t child;

	if ((size_t)snprintf(k, sizeof(k), "%s", kind) >= sizeof(k) ||
	    (size_t)snprintf(f, sizeof(f), "%s", file) >= sizeof(f))
		return (pin_err_set(err, PIN_ECONFIG,
		    "the plugin's path is too long"));
	rc = pair_make(calls, err);
	if (rc != PIN_OK)
		return (rc);
	rc = pair_make(reads, err);
	if (rc != PIN_OK) {
		(void)close(calls[0]);
		(void)close(calls[1]);
		return (rc);
	}
	theirs[0] = calls[1];
	theirs[1] = reads[1];
	fd[0] = calls[0];
	fd[1] = reads[0];
	rc = spawn_with(exe, argv, theirs, &child);
	for (int i = 0; i < 2; i++) {
		(void)close(theirs[i]);
		if (rc != 0)
			(void)close(fd[i]);
	}
	if (rc != 0)
		return (pin_err_os(err, PIN_EIO, rc, "cannot start %s", exe));
	*pid = (long)child;
	return (PIN_OK);
}

/* Waits at most so long for its end; 0 while it still runs. */
static pid_t
wait_ms(pid_t pid, int *status, int ms)
{
	struct timespec ts = { 0, 1000000 };
	pid_t got;

	for (;;) {
		got = waitpid(pid, status, WNOHANG);
		if (got != 0 || ms-- <= 0)
			return (got);
		(void)nanosleep(&ts, NULL);
	}
}

void
pin__reap(long pid, int grace_ms, char *how, size_t size)
{
	int status = 0;
	pid_t got;

	/* A crash is seen by its closed socket before its status is there, so
	 * ask first; only what still runs is killed. */
	got = wait_ms((pid_t)pid, &status, grace_ms);
	if (got == 0) {
		(void)kill((pid_t)pid, SIGKILL);
		do
			got = waitpid((pid_t)pid, &status, 0);
		while (got < 0 && errno == EINTR);
	}
	if (got < 0)
		(void)snprintf(how, size, "it is gone");
	else if (WIFSIGNALED(status))
		(void)snprintf(how, size, "killed by signal %d",
		    WTERMSIG(status));
	else
		(void)snprintf(how, size, "it ended with code %d",
		    WEXITSTATUS(status));
}

static void
limit(int what, rlim_t n)
{
	struct rlimit r = { n, n };

	(void)setrlimit(what, &r);
}

void
pin__limits_set(void)
{
	struct rlimit r;
	long top = FD_SCAN_MAX;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY &&
	    r.rlim_cur < FD_SCAN_MAX)
		top = (long)r.rlim_cur;
	for (int fd = PIN_ASK_FD + 1; fd < top; fd++)
		(void)close(fd);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, FILES_MAX);
}
