/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files.c -- the limit of open files is raised, told to programs that are
 * started, and taken back in a child.
 * Contract: core/files.h. */
#include <sys/resource.h>
#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/files.h"
#include "tap.h"

static long
soft(void)
{
	struct rlimit r = { 0, 0 };

	(void)getrlimit(RLIMIT_NOFILE, &r);
	return ((long)r.rlim_cur);
}

/* What fn leaves in a child of its own. */
static long
in_child(void (*fn)(void))
{
	int fd[2], status;
	long n = -1;
	pid_t pid;

	if (pipe(fd) != 0)
		return (-1);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		fn();
		n = soft();
		_exit(write(fd[1], &n, sizeof(n)) != sizeof(n));
	}
	(void)close(fd[1]);
	if (read(fd[0], &n, sizeof(n)) != sizeof(n))
		n = -1;
	(void)close(fd[0]);
	(void)waitpid(pid, &status, 0);
	return (n);
}

int
main(void)
{
	struct rlimit low = { 100, 200 };

	CASE("where nothing was raised nothing is taken back") {
		CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
		CHECK(unsetenv(FILES_ENV) == 0);
		CHECK_INT(in_child(files_restore), 100);
		CHECK_INT(in_child(files_inherit), 100);
	}
	CASE("raised to what is allowed, and said") {
		files_raise();
		CHECK_INT(soft(), 200);
		CHECK(getenv(FILES_ENV) != NULL);
		CHECK_STR(getenv(FILES_ENV), "100");
		files_raise();
		CHECK_INT(soft(), 200);
		CHECK_STR(getenv(FILES_ENV), "100");
	}
	CASE("a child has what was before") {
		CHECK_INT(in_child(files_restore), 100);
		CHECK_INT(in_child(files_inherit), 100);
		CHECK_INT(soft(), 200);
	}
	CASE("what is said is never more than there is, nor nonsense") {
		CHECK(setenv(FILES_ENV, "5000", 1) == 0);
		CHECK_INT(in_child(files_inherit), 200);
		CHECK(setenv(FILES_ENV, "many", 1) == 0);
		CHECK_INT(in_child(files_inherit), 200);
		files_inherit();
		CHECK(getenv(FILES_ENV) == NULL);
	}
	return (tap_done());
}
