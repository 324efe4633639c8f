/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wire.c -- the client of wire.h.
 * One thread. Contract: wire.h. */
#include "wire.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <unistd.h>

#include "tap.h"

extern char	**environ;

char	 wire_got[WIRE_MAX];
size_t	 wire_len;

int
wire_dial(const struct pin_addr *to)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	int unix_path = to->family == 1, fd, rc;

	fd = socket(unix_path ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		BAIL("socket: %s", strerror(errno));
	if (unix_path) {
		memcpy(u.sun_path, to->path, strlen(to->path));
		rc = connect(fd, (struct sockaddr *)&u, sizeof(u));
	} else {
		in.sin_port = htons(to->port);
		memcpy(&in.sin_addr, to->ip, 4);
		rc = connect(fd, (struct sockaddr *)&in, sizeof(in));
	}
	if (rc != 0)
		BAIL("connect: %s", strerror(errno));
	return (fd);
}

void
wire_say(int fd, const void *p, size_t len)
{
	const char *at = p;
	ssize_t n;

	while (len > 0 && (n = send(fd, at, len, MSG_NOSIGNAL)) > 0) {
		at += n;
		len -= (size_t)n;
	}
}

void
wire_text(int fd, const char *s)
{
	wire_say(fd, s, strlen(s));
}

void
wire_clear(void)
{
	wire_len = 0;
	wire_got[0] = '\0';
}

int
wire_hear(int fd, int ms)
{
	struct pollfd p = { fd, POLLIN, 0 };
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return (-1);
	n = recv(fd, wire_got + wire_len, WIRE_MAX - 1 - wire_len, 0);
	if (n <= 0)
		return (0);
	wire_len += (size_t)n;
	wire_got[wire_len] = '\0';
	return (1);
}

int
wire_all(int fd)
{
	uint64_t end = tap_now_ms() + WIRE_MS;
	int r = 1;

	wire_clear();
	while (r > 0 && tap_now_ms() < end)
		r = wire_hear(fd, WIRE_MS);
	return (r == 0);
}

int
wire_until(int fd, const char *text)
{
	uint64_t end = tap_now_ms() + WIRE_MS;

	while (strstr(wire_got, text) == NULL)
		if (tap_now_ms() > end || wire_hear(fd, 100) == 0)
			return (0);
	return (1);
}

const char *
wire_statuses(void)
{
	static char out[512];
	const char *p = wire_got;
	size_t n = 0;

	out[0] = '\0';
	while ((p = strstr(p, "HTTP/1.")) != NULL && n < 500) {
		if (p[8] == ' ')	/* else: in the text of a refusal */
			n += (size_t)snprintf(out + n, sizeof(out) - n,
			    "%s%.3s", n > 0 ? " " : "", p + 9);
		p += 7;
	}
	return (out);
}

/* ---- commands -------------------------------------------------------- */

int
sh_start(const char *cmd, int *pid)
{
	char sh[] = "/bin/sh", c[] = "-c", text[4096];
	char *argv[] = { sh, c, text, NULL };
	posix_spawn_file_actions_t a;
	int fds[2];
	pid_t p;

	(void)snprintf(text, sizeof(text), "%s", cmd);
	if (pipe(fds) != 0)
		BAIL("pipe: %s", strerror(errno));
	(void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	(void)posix_spawn_file_actions_init(&a);
	(void)posix_spawn_file_actions_adddup2(&a, fds[1], 1);
	(void)posix_spawn_file_actions_addclose(&a, fds[1]);
	errno = posix_spawn(&p, sh, &a, NULL, argv, environ);
	if (errno != 0)
		BAIL("sh: %s", strerror(errno));
	(void)posix_spawn_file_actions_destroy(&a);
	(void)close(fds[1]);
	*pid = (int)p;
	return (fds[0]);
}

int
sh_wait(int fd, int pid)
{
	int status;

	(void)close(fd);
	if (waitpid((pid_t)pid, &status, 0) != (pid_t)pid)
		return (-1);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

int
sh_run(const char *cmd, char *out, size_t max)
{
	int pid, fd = sh_start(cmd, &pid);
	char skip[512];
	ssize_t k = 1;
	size_t n = 0;

	while (k > 0) {
		int room = out != NULL && n + 1 < max;

		k = read(fd, room ? out + n : skip, room ? max - 1 - n :
		    sizeof(skip));
		if (k > 0 && room)
			n += (size_t)k;
	}
	if (out != NULL)
		out[n] = '\0';
	return (sh_wait(fd, pid));
}
