/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tap -- prints and counts the results of one test program.
 * Holds the only global state of a test; one mutex guards it and stdout.
 * Any thread may check; CASE and tap_done belong to main.
 * Contract: tests/lib/tap.h. */
#include "tap.h"

#include <sys/wait.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

static struct {
	pthread_mutex_t	 mtx;
	int		 count;		/* results so far */
	int		 failed;
	bool		 in_case;
	bool		 case_failed;
	char		 case_name[256];
	char		 tmp[256];
} tap = { .mtx = PTHREAD_MUTEX_INITIALIZER };

/* A name must stay on its line and must not look like a directive. */
static void
tap_clean(char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n' || *s == '\r')
			*s = ' ';
		else if (*s == '#')
			*s = '%';
	}
}

/* Caller holds the mutex. */
static void
tap_result(bool good, const char *name)
{
	char	 buf[512];

	(void)snprintf(buf, sizeof(buf), "%s", name);
	tap_clean(buf);
	tap.count++;
	if (!good)
		tap.failed++;
	printf("%s %d - %s\n", good ? "ok" : "not ok", tap.count, buf);
	fflush(stdout);
}

static void
tap_where(const char *file, int line, const char *what)
{
	printf("# failed at %s:%d: %s\n", file, line, what);
	fflush(stdout);
}

bool
tap_ok(bool cond, const char *file, int line, const char *fmt, ...)
{
	char	 name[512];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&tap.mtx);
	if (!cond)
		tap_where(file, line, name);
	tap_result(cond, name);
	pthread_mutex_unlock(&tap.mtx);
	return (cond);
}

int
tap_case_begin(const char *fmt, ...)
{
	va_list	 ap;

	pthread_mutex_lock(&tap.mtx);
	if (tap.in_case) {
		printf("Bail out! a CASE inside a CASE\n");
		exit(1);
	}
	va_start(ap, fmt);
	(void)vsnprintf(tap.case_name, sizeof(tap.case_name), fmt, ap);
	va_end(ap);
	tap.in_case = true;
	tap.case_failed = false;
	pthread_mutex_unlock(&tap.mtx);
	return (1);
}

int
tap_case_end(void)
{
	pthread_mutex_lock(&tap.mtx);
	tap.in_case = false;
	tap_result(!tap.case_failed, tap.case_name);
	pthread_mutex_unlock(&tap.mtx);
	return (0);
}

/* Caller holds the mutex. */
static bool
tap_checked(bool cond, const char *expr)
{
	if (!tap.in_case)
		tap_result(cond, expr);
	else if (!cond)
		tap.case_failed = true;
	return (cond);
}

bool
tap_check(bool cond, const char *file, int line, const char *expr)
{
	pthread_mutex_lock(&tap.mtx);
	if (!cond)
		tap_where(file, line, expr);
	tap_checked(cond, expr);
	pthread_mutex_unlock(&tap.mtx);
	return (cond);
}

bool
tap_check_int(intmax_t got, intmax_t want, const char *file, int line,
    const char *expr)
{
	pthread_mutex_lock(&tap.mtx);
	if (got != want) {
		tap_where(file, line, expr);
		printf("#   got  %" PRIdMAX "\n#   want %" PRIdMAX "\n", got,
		    want);
	}
	tap_checked(got == want, expr);
	pthread_mutex_unlock(&tap.mtx);
	return (got == want);
}

bool
tap_check_uint(uintmax_t got, uintmax_t want, const char *file, int line,
    const char *expr)
{
	pthread_mutex_lock(&tap.mtx);
	if (got != want) {
		tap_where(file, line, expr);
		printf("#   got  %" PRIuMAX "\n#   want %" PRIuMAX "\n", got,
		    want);
	}
	tap_checked(got == want, expr);
	pthread_mutex_unlock(&tap.mtx);
	return (got == want);
}

/* Bytes as a quoted string, at most 1 KiB of them. */
static void
tap_quote(const char *label, const unsigned char *p, size_t len)
{
	size_t	 i, n = len < 1024 ? len : 1024;

	printf("#   %s ", label);
	if (p == NULL) {
		printf("(null)\n");
		return;
	}
	putchar('"');
	for (i = 0; i < n; i++) {
		if (p[i] == '"' || p[i] == '\\')
			printf("\\%c", p[i]);
		else if (p[i] >= ' ' && p[i] < 127)
			putchar(p[i]);
		else
			printf("\\x%02x", p[i]);
	}
	printf("\"%s (%zu bytes)\n", n < len ? "..." : "", len);
}

bool
tap_check_mem(const void *got, size_t gotlen, const void *want,
    size_t wantlen, const char *file, int line, const char *expr)
{
	bool	 same;
	size_t	 i;

	if (got == NULL || want == NULL)
		same = got == want;
	else
		same = gotlen == wantlen && memcmp(got, want, gotlen) == 0;
	pthread_mutex_lock(&tap.mtx);
	if (!same) {
		tap_where(file, line, expr);
		tap_quote("got ", got, gotlen);
		tap_quote("want", want, wantlen);
		for (i = 0; got != NULL && want != NULL && i < gotlen &&
		    i < wantlen; i++)
			if (((const char *)got)[i] != ((const char *)want)[i])
				break;
		printf("#   first difference at byte %zu\n", i);
	}
	tap_checked(same, expr);
	pthread_mutex_unlock(&tap.mtx);
	return (same);
}

bool
tap_check_str(const char *got, const char *want, const char *file, int line,
    const char *expr)
{
	return (tap_check_mem(got, got != NULL ? strlen(got) : 0, want,
	    want != NULL ? strlen(want) : 0, file, line, expr));
}

void
tap_skip(const char *id, const char *fmt, ...)
{
	char	 why[256];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	tap_clean(why);
	pthread_mutex_lock(&tap.mtx);
	tap.count++;
	printf("ok %d # SKIP %s: %s\n", tap.count, id, why);
	fflush(stdout);
	pthread_mutex_unlock(&tap.mtx);
}

_Noreturn void
tap_skip_all(const char *id, const char *fmt, ...)
{
	char	 why[256];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	tap_clean(why);
	printf("1..0 # SKIP %s: %s\n", id, why);
	exit(0);
}

_Noreturn void
tap_bail(const char *fmt, ...)
{
	va_list	 ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

void
tap_diag(const char *fmt, ...)
{
	char	 buf[2048], *line, *next;
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&tap.mtx);
	for (line = buf; line != NULL; line = next) {
		if ((next = strchr(line, '\n')) != NULL)
			*next++ = '\0';
		printf("# %s\n", line);
	}
	fflush(stdout);
	pthread_mutex_unlock(&tap.mtx);
}

void
tap_deadline(unsigned int secs)
{
	printf("# deadline %u\n", secs);
	fflush(stdout);
}

int
tap_done(void)
{
	int	 rc;

	pthread_mutex_lock(&tap.mtx);
	printf("1..%d\n", tap.count);
	fflush(stdout);
	rc = tap.failed != 0 || tap.count == 0;
	pthread_mutex_unlock(&tap.mtx);
	return (rc);
}

uint64_t
tap_now_ms(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}

void
tap_nap(void)
{
	struct timespec	 ts = { .tv_sec = 0, .tv_nsec = 1000000 };

	(void)nanosleep(&ts, NULL);
}

int
tap_sh(const char *cmd, char *out, size_t size)
{
	char	 rest[4096];
	size_t	 len = 0;
	ssize_t	 n;
	pid_t	 pid;
	int	 fd[2], status;

	fflush(stdout);
	if (pipe(fd) != 0 || (pid = fork()) < 0)
		tap_bail("cannot start: %s: %s", cmd, strerror(errno));
	if (pid == 0) {
		(void)dup2(fd[1], 1);
		(void)dup2(fd[1], 2);
		(void)close(fd[0]);
		(void)close(fd[1]);
		execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	(void)close(fd[1]);
	do {
		if (len + 1 < size)
			n = read(fd[0], out + len, size - 1 - len);
		else
			n = read(fd[0], rest, sizeof(rest));
		if (n > 0 && len + 1 < size)
			len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	out[len] = '\0';
	(void)close(fd[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			tap_bail("waitpid: %s", strerror(errno));
	return (WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status));
}

unsigned long
tap_scale(void)
{
	const char	*s = getenv("SCALE");
	unsigned long	 n = s != NULL ? strtoul(s, NULL, 10) : 1;

	return (n != 0 ? n : 1);
}

const char *
tap_build(void)
{
	const char	*b = getenv("PIN_BUILD");

	return (b != NULL && *b != '\0' ? b : "build");
}

const char *
tap_tmp(void)
{
	const char	*base = getenv("TMPDIR");

	if (tap.tmp[0] != '\0')
		return (tap.tmp);
	(void)snprintf(tap.tmp, sizeof(tap.tmp), "%s/pin-test.XXXXXX",
	    base != NULL && *base != '\0' ? base : "/tmp");
	if (mkdtemp(tap.tmp) == NULL)
		tap_bail("mkdtemp %s: %s", tap.tmp, strerror(errno));
	return (tap.tmp);
}
