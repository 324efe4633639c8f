/* SPDX-License-Identifier: BSD-2-Clause
 *
 * run.c -- the OCI runtime as a program: found, run, heard.
 * Work pool; the child of fork calls nothing but the kernel.
 * Contract: oci.h. */
#include "oci.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/files.h"

#define DIRS	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

char *
oci_find(const char *name)
{
	const char *dirs = getenv("PATH"), *p;
	char path[OCI_PATH_MAX];
	size_t n;

	if (strchr(name, '/') != NULL)
		return (access(name, X_OK) == 0 ? pin_xstrdup(name) : NULL);
	for (p = dirs != NULL ? dirs : DIRS; *p != '\0'; p += n +
	    (p[n] == ':')) {
		n = strcspn(p, ":");
		if (n == 0 || p[0] != '/' || snprintf(path, sizeof(path),
		    "%.*s/%s", (int)n, p, name) >= (int)sizeof(path))
			continue;
		if (access(path, X_OK) == 0)
			return (pin_xstrdup(path));
	}
	return (NULL);
}

uint32_t
oci_kind(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;

	return (strcmp(base, "crun") == 0 ? OCI_CRUN :
	    strcmp(base, "runc") == 0 ? OCI_RUNC : OCI_OTHER);
}

static void
child(const struct oci *o, const char *const *argv, int out)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0)
		_exit(127);
	if (o->cgroups.kind == CGROUP_HYBRID && oci_kind(argv[0]) == OCI_CRUN)
		oci_os_cgroup_view();
	files_restore();
	(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* What it says, until it closes its output; 0 when that takes too long. */
static int
hear(const struct oci *o, int fd, char text[OCI_OUTPUT_MAX])
{
	struct pin_host *host = pin_env_host(o->env);
	uint64_t end = pin_host_now(host) + OCI_RUN_MS * UINT64_C(1000000);
	struct pollfd pf = { fd, POLLIN, 0 };
	char junk[512];
	size_t len = 0, keep;
	ssize_t n;

	for (;;) {
		uint64_t now = pin_host_now(host);

		text[len] = '\0';
		if (now >= end || poll(&pf, 1, (int)((end - now) / 1000000 +
		    1)) == 0)
			return (0);
		n = read(fd, junk, sizeof(junk));
		if (n == 0 || (n < 0 && errno != EINTR))
			return (1);
		keep = n > 0 ? (size_t)n : 0;
		if (keep > OCI_OUTPUT_MAX - 1 - len)
			keep = OCI_OUTPUT_MAX - 1 - len;
		memcpy(text + len, junk, keep);
		len += keep;
	}
}

/* To its end, with what it said in one line or more. */
static int
run(const struct oci *o, const char *const *argv, char text[OCI_OUTPUT_MAX],
    struct pin_err *err)
{
	int fd[2], status = 0, heard;
	pid_t pid;

	if (shims_pipe(fd) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "pipe"));
	pid = fork();
	if (pid == 0)
		child(o, argv, fd[1]);
	close(fd[1]);
	if (pid < 0) {
		close(fd[0]);
		return (pin_err_os(err, PIN_EIO, errno, "fork"));
	}
	heard = hear(o, fd[0], text);
	close(fd[0]);
	if (!heard)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!heard)
		return (pin_err_set(err, PIN_ETIMEOUT, "%s did not end within "
		    "%d s", argv[0], OCI_RUN_MS / 1000));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return (pin_err_set(err, PIN_EIO, "%s: %.*s", argv[0],
		    text[0] != '\0' ? (int)strcspn(text, "\n") : 6,
		    text[0] != '\0' ? text : "failed"));
	return (PIN_OK);
}

int
oci_run(const struct oci *o, const char *const *argv, struct pin_err *err)
{
	char text[OCI_OUTPUT_MAX];

	return (run(o, argv, text, err));
}

int
oci_says(const struct oci *o, const char *const *argv, const char *what)
{
	struct pin_err err = PIN_ERR_INIT;
	char text[OCI_OUTPUT_MAX];

	return (run(o, argv, text, &err) == PIN_OK &&
	    strstr(text, what) != NULL);
}

int
oci_log_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096], *at;
	ssize_t n;

	if (fd < 0)
		return (0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return (0);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	/* runc: time="..." level=error msg="..."; crun: 2026-...Z: ... */
	at = strstr(text, "msg=\"");
	if (at != NULL) {
		at += 5;
		if (at[0] != '\0' && at[strlen(at) - 1] == '"')
			at[strlen(at) - 1] = '\0';
	} else {
		at = strstr(text, "Z: ");
		at = at != NULL ? at + 3 : text;
	}
	snprintf(out, size, "%s", at);
	return (1);
}
