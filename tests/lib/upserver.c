/* SPDX-License-Identifier: BSD-2-Clause
 *
 * upserver.c -- see upserver.h.
 * One thread.
 * Contract: upserver.h. */
#include "upserver.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tap.h"

#define STOP_MS		20000

static const char conf[] =
    "authentication = ( { plugin = \"x509\"; }, { plugin = \"token-file\"; "
    "path = \"%s/tokens\"; } );\n"
    "authorization = ( { plugin = \"rbac\"; } );\n"
    "admission = ( { plugin = \"namespace-lifecycle\"; } );\n"
    "store = { plugin = \"lmdb\"; };\n"
    "consensus = { plugin = \"solo\"; };\n"
    "apiserver = { %s };\n";

static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 ||
	    chmod(path, 0600) != 0)
		BAIL("%s: %s", path, strerror(errno));
}

/* One that nobody listens on; somebody else may take it first, then the
 * server says so. */
static unsigned
free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		BAIL("a port: %s", strerror(errno));
	close(fd);
	return (ntohs(a.sin_port));
}

void
upserver_make(struct upserver *s, const char *settings)
{
	char text[2048];

	memset(s, 0, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "%s/up", tap_tmp());
	if (mkdir(s->dir, 0700) != 0)
		BAIL("%s: %s", s->dir, strerror(errno));
	snprintf(s->token, sizeof(s->token), "token-%ld", (long)getpid());
	snprintf(text, sizeof(text), "%s,test,1,\"system:masters\"\n",
	    s->token);
	write_file(s->dir, "tokens", text);
	snprintf(text, sizeof(text), conf, s->dir, settings);
	write_file(s->dir, "pintle.conf", text);
	s->port = free_port();
	snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u", s->port);
	snprintf(s->ca, sizeof(s->ca), "%s/data/pki/ca.crt", s->dir);
}

void
upserver_start(struct upserver *s)
{
	char exe[400], data[300], cfg[300], listen[64], log[300];
	int fd;

	snprintf(exe, sizeof(exe), "%s/pintle", tap_build());
	snprintf(data, sizeof(data), "%s/data", s->dir);
	snprintf(cfg, sizeof(cfg), "%s/pintle.conf", s->dir);
	snprintf(log, sizeof(log), "%s/log", s->dir);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", s->port);
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		BAIL("%s: %s", log, strerror(errno));
	s->pid = fork();
	if (s->pid < 0)
		BAIL("fork: %s", strerror(errno));
	if (s->pid == 0) {
		dup2(fd, 1);
		dup2(fd, 2);
		execl(exe, exe, "up", "--data", data, "--listen", listen,
		    "--config", cfg, (char *)NULL);
		_exit(127);
	}
	close(fd);
}

static size_t
log_read(const struct upserver *s, char *out, size_t size)
{
	char log[300];
	ssize_t n = 0;
	off_t end;
	int fd;

	snprintf(log, sizeof(log), "%s/log", s->dir);
	fd = open(log, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		end = lseek(fd, 0, SEEK_END);
		lseek(fd, end > (off_t)size - 1 ? end - (off_t)size + 1 : 0,
		    SEEK_SET);
		n = read(fd, out, size - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
	return (n > 0 ? (size_t)n : 0);
}

int
upserver_ready(struct upserver *s)
{
	char text[65536];
	int status;

	log_read(s, text, sizeof(text));
	if (strncmp(text, "ready ", 6) == 0 || strstr(text, "\nready ") !=
	    NULL)
		return (1);
	if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
		s->pid = 0;
		BAIL("the server ended with %d: %.2000s", status, text);
	}
	return (0);
}

void
upserver_kill(struct upserver *s)
{
	if (s->pid == 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

int
upserver_stop(struct upserver *s)
{
	uint64_t end = tap_now_ms() + STOP_MS;
	int status = -1;

	kill(s->pid, SIGTERM);
	while (waitpid(s->pid, &status, WNOHANG) == 0) {
		if (tap_now_ms() > end) {
			upserver_kill(s);
			return (-1);
		}
		tap_nap();
	}
	s->pid = 0;
	return (status);
}

void
upserver_diag(const struct upserver *s)
{
	char text[4096];

	log_read(s, text, sizeof(text));
	tap_diag("%s", text);
}
