/* SPDX-License-Identifier: BSD-2-Clause
 *
 * taprun -- runs test programs side by side and adds up the TAP they print.
 * Not a shell: it starts programs, reads lines, keeps deadlines, counts.
 * One thread; poll(2) and waitpid(2). libc only, built for the build machine.
 * Contract: tests/README.md; a skip that is not in tests/SKIPS is a failure. */
#include <sys/types.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* Limits of this tool. */
#define TAPRUN_JOBS_MAX		16
#define TAPRUN_LINE_MAX		4096	/* longer lines are cut */
#define TAPRUN_SKIPS_MAX	256
#define TAPRUN_DEADLINE_S	120	/* of one test, unless it asks */
#define TAPRUN_DEADLINE_MAX_S	1800	/* what it may ask for */
#define TAPRUN_TERM_MS		10000	/* from SIGTERM to SIGKILL */
#define TAPRUN_LINGER_MS	3000	/* for its children to vanish */
#define TAPRUN_TAIL		60	/* lines of log shown of a failure */
#define TAPRUN_RM_DEPTH		64

struct job {
	const char	*cmd;
	char		 name[256];
	char		 tmp[256];
	char		 logpath[512];
	char		 line[TAPRUN_LINE_MAX];
	size_t		 linelen;
	FILE		*log;
	pid_t		 pid;
	int		 fd;
	uint64_t	 started_ms;
	uint64_t	 deadline_ms;
	uint64_t	 kill_ms;	/* 0 until SIGTERM was sent */
	long		 plan;		/* -1 until seen */
	long		 seen;
	long		 passed;
	long		 failed;
	long		 skipped;
	bool		 bailed;
	bool		 timed_out;
};

static struct {
	const char	*stage;
	const char	*results;
	const char	*skips;
	const char	*logdir;
	int		 jobs;
	long		 deadline_s;
	bool		 quiet;
	bool		 verbose;	/* every line */
	bool		 claims;	/* what was claimed, with its figures */
	long		 passed;
	long		 failed;
	long		 skipped;
	int		 nskip_ids;
	char		 skip_ids[TAPRUN_SKIPS_MAX][64];
} tr = { .jobs = 2, .deadline_s = TAPRUN_DEADLINE_S, .stage = "tests",
    .skips = "tests/SKIPS" };

static struct job		 jobs[TAPRUN_JOBS_MAX];
static volatile sig_atomic_t	 stopped;

static void
die(const char *fmt, ...)
{
	va_list	 ap;

	fputs("taprun: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

static uint64_t
now_ms(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}

static void
on_signal(int sig)
{
	stopped = sig;
}

/* Lines "ID reason"; '#' begins a remark. "ID/local" is not allowed where CI
 * is set: there, what it needs must be there. */
static void
skips_read(void)
{
	FILE	*f;
	char	 line[1024], *p;
	size_t	 n;

	if ((f = fopen(tr.skips, "r")) == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		p = line + strspn(line, " \t\n");
		n = strcspn(p, " \t\n");
		if (*p == '#' || n == 0)
			continue;
		if (strspn(p + n, " \t\n") == strlen(p + n))
			die("%s: %.*s has no reason", tr.skips, (int)n, p);
		if (tr.nskip_ids == TAPRUN_SKIPS_MAX ||
		    n >= sizeof(tr.skip_ids[0]))
			die("%s: too many, or too long an id", tr.skips);
		if (n > 6 && memcmp(p + n - 6, "/local", 6) == 0) {
			if (getenv("CI") != NULL)
				continue;
			n -= 6;
		}
		(void)snprintf(tr.skip_ids[tr.nskip_ids++],
		    sizeof(tr.skip_ids[0]), "%.*s", (int)n, p);
	}
	fclose(f);
}

static bool
skip_listed(const char *id, size_t len)
{
	int	 i;

	for (i = 0; i < tr.nskip_ids; i++)
		if (strlen(tr.skip_ids[i]) == len &&
		    memcmp(tr.skip_ids[i], id, len) == 0)
			return (true);
	return (false);
}

static void
mkdirs(const char *path)
{
	char	 buf[512], *p;

	if ((size_t)snprintf(buf, sizeof(buf), "%s", path) >= sizeof(buf))
		die("path too long: %s", path);
	for (p = buf + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(buf, 0777);
		*p = '/';
	}
	if (mkdir(buf, 0777) != 0 && errno != EEXIST)
		die("mkdir %s: %s", buf, strerror(errno));
}

/* Removes what a test left in its folder; never follows a link and never
 * crosses into another file system (a test may have mounted something). */
static void
rm_tree(int at, const char *name, dev_t dev, int depth)
{
	struct dirent	*de;
	struct stat	 st;
	DIR		*d;
	int		 fd;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    (dev != 0 && st.st_dev != dev) || depth > TAPRUN_RM_DEPTH)
		return;
	if (!S_ISDIR(st.st_mode)) {
		(void)unlinkat(at, name, 0);
		return;
	}
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (d = fdopendir(fd)) != NULL) {
		while ((de = readdir(d)) != NULL)
			if (strcmp(de->d_name, ".") != 0 &&
			    strcmp(de->d_name, "..") != 0)
				rm_tree(dirfd(d), de->d_name, st.st_dev,
				    depth + 1);
		(void)closedir(d);
	}
	(void)unlinkat(at, name, AT_REMOVEDIR);
}

/* build/tests/unit/json -> unit/json; tests/e2e/b1.sh -> e2e/b1.sh */
static void
job_name(struct job *j)
{
	const char	*p = strstr(j->cmd, "tests/");

	if (strchr(j->cmd, ' ') != NULL || p == NULL)
		p = j->cmd;
	else
		p += strlen("tests/");
	(void)snprintf(j->name, sizeof(j->name), "%s", p);
}

static void
job_exec(struct job *j, int out)
{
	int	 null = open("/dev/null", O_RDONLY);

	(void)setpgid(0, 0);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0)
		_exit(126);
	(void)setenv("TMPDIR", j->tmp, 1);
	if (strchr(j->cmd, ' ') != NULL)
		execlp("sh", "sh", "-c", j->cmd, (char *)NULL);
	else if (strlen(j->cmd) > 3 &&
	    strcmp(j->cmd + strlen(j->cmd) - 3, ".sh") == 0)
		execlp("sh", "sh", j->cmd, (char *)NULL);
	else
		execl(j->cmd, j->cmd, (char *)NULL);
	dprintf(2, "taprun: %s: %s\n", j->cmd, strerror(errno));
	_exit(127);
}

static void
job_start(struct job *j, const char *cmd)
{
	const char	*base = getenv("TMPDIR");
	char		*p;
	int		 fd[2];

	memset(j, 0, sizeof(*j));
	j->cmd = cmd;
	j->plan = -1;
	job_name(j);
	(void)snprintf(j->tmp, sizeof(j->tmp), "%s/pin-t.XXXXXX",
	    base != NULL && *base != '\0' ? base : "/tmp");
	if (mkdtemp(j->tmp) == NULL)
		die("mkdtemp %s: %s", j->tmp, strerror(errno));
	(void)snprintf(j->logpath, sizeof(j->logpath), "%s/", tr.logdir);
	p = j->logpath + strlen(j->logpath);
	(void)snprintf(p, sizeof(j->logpath) - (size_t)(p - j->logpath),
	    "%.200s.log", j->name);
	for (; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-')
			*p = '_';
	if ((j->log = fopen(j->logpath, "w")) == NULL)
		die("%s: %s", j->logpath, strerror(errno));
	if (pipe(fd) != 0)
		die("pipe: %s", strerror(errno));
	(void)fcntl(fd[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fd[1], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fileno(j->log), F_SETFD, FD_CLOEXEC);
	fflush(NULL);
	if ((j->pid = fork()) < 0)
		die("fork: %s", strerror(errno));
	if (j->pid == 0)
		job_exec(j, fd[1]);
	(void)setpgid(j->pid, j->pid);
	(void)close(fd[1]);
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	j->fd = fd[0];
	j->started_ms = now_ms();
	j->deadline_ms = j->started_ms + (uint64_t)tr.deadline_s * 1000;
}

/* Where " # SKIP" begins, or NULL; *id and *len are what follows it. */
static const char *
find_skip(const char *s, const char **id, size_t *len)
{
	const char	*p, *q;

	for (p = s; (p = strchr(p, '#')) != NULL; p++) {
		q = p + 1 + strspn(p + 1, " \t");
		if (strncasecmp(q, "SKIP", 4) != 0)
			continue;
		*id = q + 4 + strspn(q + 4, " \t");
		*len = strcspn(*id, ": \t");
		return (p);
	}
	return (NULL);
}

/* Every skip is shown; one that nobody allowed is a failure. */
static void
job_skip(struct job *j, const char *id, size_t len, const char *claim)
{
	bool	 listed = skip_listed(id, len);

	printf("  skip %s: %s%s%s\n", j->name, claim, *claim ? ": " : "", id);
	if (listed)
		j->skipped++;
	else {
		printf("       FAIL: %s does not allow the skip '%.*s'%s\n",
		    tr.skips, (int)len, id,
		    getenv("CI") != NULL ? " in CI" : "");
		j->failed++;
	}
}

static void
job_result(struct job *j, const char *s, bool good)
{
	const char	*id, *p;
	char		 claim[256];
	size_t		 len;

	j->seen++;
	s += strspn(s, " \t0123456789");
	s += strspn(s, " \t-");
	if (good && (p = find_skip(s, &id, &len)) != NULL) {
		(void)snprintf(claim, sizeof(claim), "%.*s", (int)(p - s), s);
		for (len = strlen(claim); len > 0 && claim[len - 1] == ' ';)
			claim[--len] = '\0';
		job_skip(j, id, strcspn(id, ": \t"), claim);
	} else if (good)
		j->passed++;
	else
		j->failed++;
}

static void
job_line(struct job *j)
{
	const char	*id, *s = j->line;
	char		*end;
	size_t		 len;
	long		 n;

	fprintf(j->log, "%s\n", s);
	if (tr.verbose || (tr.claims && (strncmp(s, "ok ", 3) == 0 ||
	    strncmp(s, "# seed ", 7) == 0)))
		printf("    %s\n", s);
	if (strncmp(s, "ok", 2) == 0 && (s[2] == ' ' || s[2] == '\0'))
		job_result(j, s + 2, true);
	else if (strncmp(s, "not ok", 6) == 0 && (s[6] == ' ' || s[6] == '\0'))
		job_result(j, s + 6, false);
	else if (strncmp(s, "1..", 3) == 0 && j->plan < 0) {
		n = strtol(s + 3, &end, 10);
		if (end != s + 3 && n >= 0)
			j->plan = n;
		if (j->plan == 0 && find_skip(end, &id, &len) != NULL)
			job_skip(j, id, len, "");
	} else if (strncmp(s, "Bail out!", 9) == 0)
		j->bailed = true;
	else if (strncmp(s, "# deadline ", 11) == 0) {
		n = strtol(s + 11, NULL, 10);
		if (n > TAPRUN_DEADLINE_MAX_S)
			n = TAPRUN_DEADLINE_MAX_S;
		if (n > tr.deadline_s)
			j->deadline_ms = j->started_ms + (uint64_t)n * 1000;
	}
}

static void
job_bytes(struct job *j, const char *p, size_t n)
{
	for (; n > 0; p++, n--) {
		if (*p == '\n') {
			j->line[j->linelen] = '\0';
			job_line(j);
			j->linelen = 0;
		} else if (j->linelen < sizeof(j->line) - 1)
			j->line[j->linelen++] = *p == '\0' ? '?' : *p;
	}
}

/* Reads what there is. False when the other end is closed. */
static bool
job_read(struct job *j)
{
	char	 buf[8192];
	ssize_t	 n;

	if (j->fd < 0)
		return (false);
	while ((n = read(j->fd, buf, sizeof(buf))) > 0)
		job_bytes(j, buf, (size_t)n);
	if (n == 0) {
		(void)close(j->fd);
		j->fd = -1;
		return (false);
	}
	return (true);
}

/* True when nothing of the test's process group is left in time. */
static bool
job_gone(struct job *j)
{
	struct timespec	 ts = { .tv_sec = 0, .tv_nsec = 10000000 };
	uint64_t	 end = now_ms() + TAPRUN_LINGER_MS;

	while (kill(-j->pid, 0) == 0) {
		if (now_ms() > end) {
			(void)kill(-j->pid, SIGKILL);
			return (false);
		}
		(void)nanosleep(&ts, NULL);
	}
	return (true);
}

static void
job_why(struct job *j, char *why, size_t len, const char *fmt, ...)
{
	size_t	 n = strlen(why);
	va_list	 ap;

	if (n != 0 && n + 2 < len) {
		memcpy(why + n, "; ", 3);
		n += 2;
	}
	va_start(ap, fmt);
	(void)vsnprintf(why + n, len - n, fmt, ap);
	va_end(ap);
	if (j->failed == 0)
		j->failed = 1;
}

/* What is wrong with the program beyond the results it printed. */
static void
job_judge(struct job *j, int status, char *why, size_t len)
{
	why[0] = '\0';
	if (j->failed > 0)
		job_why(j, why, len, "%ld failed", j->failed);
	if (j->timed_out)
		job_why(j, why, len, "deadline passed");
	else if (WIFSIGNALED(status))
		job_why(j, why, len, "killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		job_why(j, why, len, "exit %d", WEXITSTATUS(status));
	if (j->bailed)
		job_why(j, why, len, "bailed out");
	else if (j->plan < 0)
		job_why(j, why, len, "no plan");
	else if (j->plan != j->seen)
		job_why(j, why, len, "planned %ld, ran %ld", j->plan, j->seen);
	else if (j->plan == 0 && j->skipped == 0)
		job_why(j, why, len, "ran nothing");
	if (!job_gone(j))
		job_why(j, why, len, "left processes behind");
}

static void
job_tail(struct job *j)
{
	FILE	*f;
	char	 line[TAPRUN_LINE_MAX];
	long	 n = 0;

	if ((f = fopen(j->logpath, "r")) == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		n++;
	rewind(f);
	if (n > TAPRUN_TAIL)
		printf("       ... %s\n", j->logpath);
	for (; fgets(line, sizeof(line), f) != NULL; n--)
		if (n <= TAPRUN_TAIL || strncmp(line, "not ok", 6) == 0)
			printf("       %s%s", line,
			    strchr(line, '\n') != NULL ? "" : "\n");
	fclose(f);
}

static void
job_end(struct job *j, int status)
{
	char	 why[512];
	double	 secs = (double)(now_ms() - j->started_ms) / 1000;

	(void)job_read(j);
	if (j->linelen > 0)
		job_bytes(j, "\n", 1);
	job_judge(j, status, why, sizeof(why));
	if (j->fd >= 0)
		(void)close(j->fd);
	fclose(j->log);
	if (why[0] != '\0') {
		printf("  FAIL %s (%.1f s): %s\n", j->name, secs, why);
		job_tail(j);
	} else
		printf("  ok   %s (%.1f s): %ld\n", j->name, secs, j->passed);
	fflush(stdout);
	rm_tree(AT_FDCWD, j->tmp, 0, 0);
	tr.passed += j->passed;
	tr.failed += j->failed;
	tr.skipped += j->skipped;
	j->pid = 0;
}

static void
job_clock(struct job *j)
{
	uint64_t	 t = now_ms();

	if (j->kill_ms == 0 && (t > j->deadline_ms || stopped)) {
		j->timed_out = true;
		j->kill_ms = t + (stopped ? 2000 : TAPRUN_TERM_MS);
		(void)kill(-j->pid, SIGTERM);
	} else if (j->kill_ms != 0 && t > j->kill_ms)
		(void)kill(-j->pid, SIGKILL);
}

/* One turn: waits for output, reads, collects what ended. Returns running. */
static int
turn(void)
{
	struct pollfd	 pfd[TAPRUN_JOBS_MAX];
	int		 i, status, running = 0;
	nfds_t		 n = 0;
	bool		 closed = false;

	for (i = 0; i < tr.jobs; i++) {
		if (jobs[i].pid == 0)
			continue;
		if (jobs[i].fd >= 0)
			pfd[n++] = (struct pollfd){ .fd = jobs[i].fd,
			    .events = POLLIN };
		else
			closed = true;
	}
	(void)poll(pfd, n, closed ? 5 : 50);
	for (i = 0; i < tr.jobs; i++) {
		if (jobs[i].pid == 0)
			continue;
		(void)job_read(&jobs[i]);
		if (waitpid(jobs[i].pid, &status, WNOHANG) == jobs[i].pid)
			job_end(&jobs[i], status);
		else {
			job_clock(&jobs[i]);
			running++;
		}
	}
	return (running);
}

static void
run_all(char **cmds, int ncmd)
{
	int	 i, next = 0, running = 0;

	while (next < ncmd || running > 0) {
		for (i = 0; i < tr.jobs && next < ncmd && !stopped; i++)
			if (jobs[i].pid == 0)
				job_start(&jobs[i], cmds[next++]);
		running = turn();
		if (stopped && running == 0)
			break;
	}
	if (next < ncmd) {
		printf("  FAIL stopped by signal %d, %d tests not run\n",
		    (int)stopped, ncmd - next);
		tr.failed++;
	}
}

/* -T FILE: the table over all stages and the closing line. */
static int
totals(const char *path)
{
	FILE	*f;
	char	 line[512], stage[128];
	double	 secs, all = 0;
	long	 p, q, s, passed = 0, failed = 0, skipped = 0;

	if ((f = fopen(path, "r")) == NULL)
		die("%s: %s", path, strerror(errno));
	printf("\n%-12s %8s %8s %8s %8s\n", "stage", "seconds", "passed",
	    "failed", "skipped");
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%127s %lf %ld %ld %ld", stage, &secs, &p, &q,
		    &s) != 5)
			die("%s: bad line: %s", path, line);
		printf("%-12s %8.1f %8ld %8ld %8ld\n", stage, secs, p, q, s);
		all += secs;
		passed += p;
		failed += q;
		skipped += s;
	}
	fclose(f);
	printf("%-12s %8.1f %8ld %8ld %8ld\n\n", "all", all, passed, failed,
	    skipped);
	printf("%ld passed, %ld failed\n", passed, failed);
	return (failed != 0 || passed == 0);
}

static void
results_append(double secs)
{
	FILE	*f;

	if ((f = fopen(tr.results, "a")) == NULL)
		die("%s: %s", tr.results, strerror(errno));
	fprintf(f, "%s %.1f %ld %ld %ld\n", tr.stage, secs, tr.passed,
	    tr.failed, tr.skipped);
	if (fclose(f) != 0)
		die("%s: %s", tr.results, strerror(errno));
}

static void
usage(void)
{
	fputs("usage: taprun [-cqv] [-j jobs] [-t seconds] [-n stage] "
	    "[-l logdir]\n\t[-r results] [-s skips] test ...\n"
	    "       taprun -T results\n", stderr);
	exit(2);
}

static long
number(const char *s, long max)
{
	char	*end;
	long	 n = strtol(s, &end, 10);

	if (*s == '\0' || *end != '\0' || n < 1 || n > max)
		die("%s: not a number from 1 to %ld", s, max);
	return (n);
}

int
main(int argc, char **argv)
{
	struct sigaction	 sa = { .sa_handler = on_signal };
	static char		 logdir[512];
	const char		*build = getenv("PIN_BUILD");
	uint64_t		 t0 = now_ms();
	double			 secs;
	int			 c;

	while ((c = getopt(argc, argv, "T:cj:l:n:qr:s:t:v")) != -1)
		switch (c) {
		case 'T': return (totals(optarg));
		case 'c': tr.claims = true; break;
		case 'j': tr.jobs = (int)number(optarg, TAPRUN_JOBS_MAX); break;
		case 'l': tr.logdir = optarg; break;
		case 'n': tr.stage = optarg; break;
		case 'q': tr.quiet = true; break;
		case 'r': tr.results = optarg; break;
		case 's': tr.skips = optarg; break;
		case 't':
			tr.deadline_s = number(optarg, TAPRUN_DEADLINE_MAX_S);
			break;
		case 'v': tr.verbose = true; break;
		default: usage();
		}
	if (tr.logdir == NULL) {
		(void)snprintf(logdir, sizeof(logdir), "%s/log/%s",
		    build != NULL ? build : "build", tr.stage);
		tr.logdir = logdir;
	}
	mkdirs(tr.logdir);
	skips_read();
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
	run_all(argv + optind, argc - optind);
	secs = (double)(now_ms() - t0) / 1000;
	printf("%s: %.1f s, %ld skipped\n", tr.stage, secs, tr.skipped);
	if (tr.results != NULL)
		results_append(secs);
	if (!tr.quiet)
		printf("%ld passed, %ld failed\n", tr.passed, tr.failed);
	return (tr.failed != 0);
}
