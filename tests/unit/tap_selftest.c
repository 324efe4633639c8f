/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tap_selftest -- the test library and the runner, seen from outside.
 * Runs itself as a child in several broken shapes and asks what taprun says.
 * One thread. Contract: tests/lib/tap.h, tools/taprun.c. */
#include <signal.h>
#include <unistd.h>

#include "tap.h"

static char	 out[16384];

/* What this program does when the runner starts it as a test. */
static int
child(const char *shape)
{
	if (strcmp(shape, "good") == 0) {
		OK(true, "a # in a name is not a directive");
		CASE("two checks, one line") {
			CHECK_INT(2, 2);
			CHECK_STR("x", "x");
		}
	} else if (strcmp(shape, "bad") == 0) {
		CASE("a false check fails its case") {
			CHECK_STR("left", "right");
			CHECK_INT(1, 1);
		}
	} else if (strcmp(shape, "noplan") == 0) {
		OK(true, "fine so far");
		exit(0);
	} else if (strcmp(shape, "empty") == 0) {
		exit(0);
	} else if (strcmp(shape, "crash") == 0) {
		OK(true, "fine so far");
		signal(SIGABRT, SIG_DFL);
		abort();
	} else if (strcmp(shape, "hang") == 0) {
		OK(true, "fine so far");
		for (;;)
			pause();
	} else if (strcmp(shape, "listed") == 0) {
		SKIP("self", "an allowed skip");
	} else if (strcmp(shape, "unlisted") == 0) {
		SKIP("nobody-knows", "a skip nobody allowed");
	} else if (strcmp(shape, "skipall") == 0) {
		SKIP_ALL("self", "nothing of it runs here");
	} else if (strcmp(shape, "orphan") == 0) {
		OK(true, "fine so far");
		if (fork() == 0) {
			(void)close(1);
			(void)close(2);
			for (;;)
				pause();
		}
	} else
		BAIL("unknown shape %s", shape);
	return (tap_done());
}

/* Runs taprun on one child; its exit status, its output in out[]. */
static int
runner(const char *self, const char *shape)
{
	char	 cmd[2048];

	(void)snprintf(cmd, sizeof(cmd), "exec '%s/tools/taprun' -t 1 -l "
	    "'%s/log' -n self -s tests/SKIPS 'TAP_SHAPE=%s exec %s'",
	    tap_build(), tap_tmp(), shape, self);
	return (tap_sh(cmd, out, sizeof(out)));
}

static bool
ends(const char *tail)
{
	size_t	 n = strlen(out), m = strlen(tail);

	return (n >= m && strcmp(out + n - m, tail) == 0);
}

static const struct {
	const char	*shape;
	int		 status;
	const char	*says;		/* somewhere in its output */
	const char	*tail;		/* the closing line */
} shapes[] = {
	{ "good", 0, "ok   ", "\n2 passed, 0 failed\n" },
	{ "bad", 1, "want \"right\"", "\n0 passed, 1 failed\n" },
	{ "noplan", 1, "no plan", "\n1 passed, 1 failed\n" },
	{ "empty", 1, "no plan", "\n0 passed, 1 failed\n" },
	{ "crash", 1, "killed by signal", "\n1 passed, 1 failed\n" },
	{ "hang", 1, "deadline passed", "\n1 passed, 1 failed\n" },
	{ "listed", 0, "an allowed skip", "\n0 passed, 0 failed\n" },
	{ "unlisted", 1, "does not allow", "\n0 passed, 1 failed\n" },
	{ "skipall", 0, "nothing of it", "\n0 passed, 0 failed\n" },
	{ "orphan", 1, "left processes", "\n1 passed, 1 failed\n" },
};

int
main(int argc, char **argv)
{
	const char	*shape = getenv("TAP_SHAPE");
	size_t		 i;
	int		 status;

	(void)argc;
	if (shape != NULL)
		return (child(shape));
	tap_deadline(240);
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		CASE("the runner judges a test of shape %s", shapes[i].shape) {
			status = runner(argv[0], shapes[i].shape);
			CHECK_INT(status, shapes[i].status);
			CHECK(strstr(out, shapes[i].says) != NULL);
			CHECK(ends(shapes[i].tail));
			if (status != shapes[i].status)
				tap_diag("%s", out);
		}
	return (tap_done());
}
