/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shim.c -- see shim.h: start the container's process, then copy, signal,
 * wait.
 * One thread. Contract: shim.h. */
#include "core/shim/shim.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/files.h"
#include "core/shim/log.h"

#define NS	INT64_C(1000000000)

extern char **environ;

struct shim {
	const char	*dir;
	struct shim_spec spec;
	struct shim_log	 log;
	int		 out, err, ctl, life, lock;
	int		 ended;		/* the first process has */
	pid_t		 pid;
	int		 status;
	int64_t		 started, finished;
};

static int wake_fd[2];

static int64_t
wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (ts.tv_sec * NS + ts.tv_nsec);
}

static int64_t
mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static int
complain(const char *fmt, ...)
{
	char text[1100];
	size_t n = 6;
	va_list ap;
	int k;

	memcpy(text, "error ", n);
	va_start(ap, fmt);
	k = vsnprintf(text + n, sizeof(text) - n - 1, fmt, ap);
	va_end(ap);
	if (k > 0)
		n += (size_t)k < sizeof(text) - n - 1 ? (size_t)k :
		    sizeof(text) - n - 2;
	text[n++] = '\n';
	(void)files_write(SHIM_STATUS_FD, text, n);
	return (1);
}

/* ---- what is to be run ----------------------------------------------- */

static int
read_spec(int at, struct shim_spec *s)
{
	size_t len = 0, cap = 4096, na = 0, ne = 0, i, n;
	char *p = malloc(cap);
	ssize_t k = 0;

	while (p != NULL && (k = read(at, p + len, cap - len)) > 0) {
		len += (size_t)k;
		if (len == cap && cap <= SHIM_SPEC_MAX)
			p = realloc(p, cap *= 2);
		else if (len == cap)
			return (-1);
	}
	if (p == NULL || k < 0 || len == 0 || p[len - 1] != '\0')
		return (-1);
	s->text = p;
	for (i = 0; i < len; i += strlen(p + i) + 1) {
		na += p[i] == 'a';
		ne += p[i] == 'e';
	}
	s->argv = calloc(na + 1, sizeof(*s->argv));
	s->env = calloc(ne + 1, sizeof(*s->env));
	if (s->argv == NULL || s->env == NULL || na == 0)
		return (-1);
	s->uid = s->gid = -1;
	na = ne = 0;
	for (i = 0; i < len; i += strlen(p + i) + 1) {
		char *v = p + i + 1;

		n = s->nmounts;
		if (p[i] == '\0')
			return (-1);
		switch (p[i]) {
		case 'a': s->argv[na++] = v; break;
		case 'e': s->env[ne++] = v; break;
		case 'd': s->workdir = v; break;
		case 'l': s->log = v; break;
		case 'p': s->pid_file = v; break;
		case 'i': s->image = v; break;
		case 'o': s->read_only = 1; break;
		case 'n': s->no_new_privs = 1; break;
		case 'u': s->uid = strtoll(v, NULL, 10); break;
		case 'g': s->gid = strtoll(v, NULL, 10); break;
		case 'G':
			if (s->ngroups == SHIM_GROUPS_MAX)
				return (-1);
			s->groups[s->ngroups++] = (gid_t)strtoul(v, NULL, 10);
			break;
		case 'c':
			if (s->ncgroups == SHIM_CGROUPS_MAX)
				return (-1);
			s->cgroups[s->ncgroups++] = v;
			break;
		case 'm':
			if (n == SHIM_MOUNTS_MAX)
				return (-1);
			s->mounts[n].source = v;
			s->nmounts++;
			break;
		case 't': if (n > 0) s->mounts[n - 1].target = v; break;
		case 'r': if (n > 0) s->mounts[n - 1].read_only = 1; break;
		default: return (-1);
		}
	}
	return (s->log != NULL ? 0 : -1);
}

/* ---- the container's first process ------------------------------------ */

/* Says why over the pipe and is gone; a pipe closed by exec is success. */
static void
give_up(int fd, const char *what, const char *arg)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s%s%s: %s", what, arg != NULL ?
	    " " : "", arg != NULL ? arg : "", strerror(errno));

	if (n > 0)
		(void)files_write(fd, text, (size_t)n < sizeof(text) ?
		    (size_t)n : sizeof(text) - 1);
	_exit(127);
}

static void
become(const struct shim_spec *s, int root, int fd)
{
	gid_t gid = s->gid >= 0 ? (gid_t)s->gid : getgid();

	if (root) {
		if ((s->gid >= 0 || s->uid >= 0 || s->ngroups > 0) &&
		    shim__os_groups(s) != 0)
			give_up(fd, "setgroups", NULL);
		if (setgid(gid) != 0)
			give_up(fd, "setgid", NULL);
		if (s->uid >= 0 && setuid((uid_t)s->uid) != 0)
			give_up(fd, "setuid", NULL);
	}
	if (s->workdir != NULL && chdir(s->workdir) != 0)
		give_up(fd, "working directory", s->workdir);
	if (s->no_new_privs && shim__os_no_new_privs() != 0)
		give_up(fd, "no new privileges", NULL);
}

static void
join_cgroups(const struct shim_spec *s, int fd)
{
	uint32_t i;
	int at;

	for (i = 0; i < s->ncgroups; i++) {
		at = open(s->cgroups[i], O_WRONLY | O_CLOEXEC);
		if (at < 0 || write(at, "0", 1) != 1)
			give_up(fd, "cgroup", s->cgroups[i]);
		close(at);
	}
}

static void
container(const struct shim *sh, int out, int err, int say, pid_t parent)
{
	const struct shim_spec *s = &sh->spec;
	int null, i, root = geteuid() == 0;
	char why[1024];
	sigset_t none;

	setsid();
	umask(022);
	join_cgroups(s, say);
	if ((s->nmounts > 0 || s->image != NULL) && shim__os_mounts(s,
	    sh->dir, why, sizeof(why)) != 0) {
		(void)files_write(say, why, strlen(why));
		_exit(127);
	}
	null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(err, 2) < 0)
		give_up(say, "standard descriptors", NULL);
	if (null > 2)
		close(null);
	become(s, root, say);
	shim__os_tie(parent);
	for (i = 1; i < 32; i++)
		(void)signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	environ = s->env;
	execvp(s->argv[0], s->argv);
	give_up(say, "exec", s->argv[0]);
}

static int
cloexec(int fd)
{
	return (fd < 0 ? fd : fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1);
}

static int
make_pipe(int fd[2])
{
	if (pipe(fd) != 0)
		return (-1);
	return (cloexec(fd[0]) < 0 || cloexec(fd[1]) < 0 ? -1 : 0);
}

/* The first process only makes the container: wait for its end and take what
 * it left, which is our child since we are the subreaper. */
static int
take_over(struct shim *sh)
{
	char text[32];
	int status, fd;
	ssize_t n;
	long pid;

	while (waitpid(sh->pid, &status, 0) < 0)
		if (errno != EINTR)
			return (complain("wait: %s", strerror(errno)));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return (complain("%s failed", sh->spec.argv[0]));
	fd = open(sh->spec.pid_file, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	pid = strtol(text, NULL, 10);
	if (pid <= 1)
		return (complain("no process id in %s", sh->spec.pid_file));
	sh->pid = (pid_t)pid;
	return (0);
}

static int
launch(struct shim *sh)
{
	int out[2], err[2], say[2];
	pid_t self = getpid();
	char why[1024];
	size_t len = 0;
	ssize_t n;

	if (make_pipe(out) != 0 || make_pipe(err) != 0 || make_pipe(say) != 0)
		return (complain("pipe: %s", strerror(errno)));
	sh->started = wall();
	sh->pid = fork();
	if (sh->pid < 0)
		return (complain("fork: %s", strerror(errno)));
	if (sh->pid == 0)
		container(sh, out[1], err[1], say[1], self);
	close(out[1]);
	close(err[1]);
	close(say[1]);
	while ((n = read(say[0], why + len, sizeof(why) - 1 - len)) > 0 ||
	    (n < 0 && errno == EINTR))
		len += n > 0 ? (size_t)n : 0;
	close(say[0]);
	why[len] = '\0';
	if (len > 0) {
		(void)waitpid(sh->pid, NULL, 0);
		return (complain("%s", why));
	}
	if (sh->spec.pid_file != NULL && take_over(sh) != 0)
		return (1);
	sh->out = out[0];
	sh->err = err[0];
	(void)fcntl(sh->out, F_SETFL, O_NONBLOCK);
	(void)fcntl(sh->err, F_SETFL, O_NONBLOCK);
	return (0);
}

/* ---- files ------------------------------------------------------------ */

static int
write_file(const char *name, const char *text)
{
	int fd = open("new", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return (-1);
	(void)files_write(fd, text, strlen(text));
	close(fd);
	return (rename("new", name));
}

static int
prepare(struct shim *sh)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int spec;

	if (chdir(sh->dir) != 0)
		return (complain("%s: %s", sh->dir, strerror(errno)));
	/* First: descriptors go in their order, and while the lock is seen to
	 * be held the end of `life` is still to come. */
	sh->lock = cloexec(open("lock", O_RDWR | O_CREAT, 0600));
	/* Read-write: there is always a writer and a reader, us. */
	sh->life = cloexec(open("life", O_RDWR | O_NONBLOCK));
	sh->ctl = cloexec(open("ctl", O_RDWR | O_NONBLOCK));
	if (sh->life < 0 || sh->ctl < 0 || sh->lock < 0)
		return (complain("%s: %s", sh->dir, strerror(errno)));
	/* Not inherited by the container, unlike flock(2). */
	if (fcntl(sh->lock, F_SETLK, &whole) != 0)
		return (complain("%s: a shim is there already", sh->dir));
	spec = cloexec(open("spec", O_RDONLY));
	if (spec < 0 || read_spec(spec, &sh->spec) != 0)
		return (complain("%s/spec is damaged", sh->dir));
	close(spec);
	if (shim_log_open(&sh->log, sh->spec.log) != 0)
		return (complain("log %s: %s", sh->spec.log,
		    strerror(errno)));
	return (0);
}

/* ---- while it runs ----------------------------------------------------- */

static void
on_child(int sig)
{
	int e = errno;

	(void)sig;
	(void)!write(wake_fd[1], "", 1);
	errno = e;
}

static void
reap(struct shim *sh)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == sh->pid) {
			sh->ended = 1;
			sh->status = status;
			sh->finished = wall();
		}
}

/* SIGKILL is for all there is. Any other is for the first process: what it
 * means to the ones it has started, it alone knows. */
static void
signal_to(struct shim *sh, int sig)
{
	if (sig == SIGKILL) {
		(void)kill(-sh->pid, sig);
		shim__os_signal_rest(sig);
	} else if (!sh->ended)
		(void)kill(sh->pid, sig);
}

/* Commands are whole lines of at most a few bytes: written atomically. */
static void
control(struct shim *sh)
{
	char buf[256], *line, *save = NULL;
	ssize_t n = read(sh->ctl, buf, sizeof(buf) - 1);
	int sig;

	if (n <= 0)
		return;
	buf[n] = '\0';
	for (line = strtok_r(buf, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		sig = atoi(line);
		if (sig > 0 && sig < 65)
			signal_to(sh, sig);
	}
}

/* 0 at the end of the stream. */
static int
copy(struct shim *sh, int fd, int stream)
{
	ssize_t n = shim_log_from(&sh->log, stream, fd);

	return (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
}

static void
watch(struct shim *sh)
{
	struct pollfd p[4] = { { sh->out, POLLIN, 0 }, { sh->err, POLLIN, 0 },
	    { sh->ctl, POLLIN, 0 }, { wake_fd[0], POLLIN, 0 } };
	int64_t until = 0;
	char junk[64];
	int wait;

	for (;;) {
		wait = sh->ended ? (int)(until - mono_ms()) : -1;
		if (sh->ended && (wait <= 0 || (p[0].fd < 0 && p[1].fd < 0)))
			break;
		if (poll(p, 4, wait) < 0 && errno != EINTR)
			break;
		if (p[0].revents != 0 && !copy(sh, p[0].fd, 0))
			p[0].fd = -1;
		if (p[1].revents != 0 && !copy(sh, p[1].fd, 1))
			p[1].fd = -1;
		if (p[2].revents != 0)
			control(sh);
		if (p[3].revents != 0)
			(void)!read(wake_fd[0], junk, sizeof(junk));
		if (!sh->ended) {
			reap(sh);
			if (sh->ended) {
				signal_to(sh, SIGKILL);
				until = mono_ms() + SHIM_DRAIN_MS;
			}
		} else {
			reap(sh);
			shim__os_signal_rest(SIGKILL);
		}
		p[0].revents = p[1].revents = p[2].revents = p[3].revents = 0;
	}
	shim_log_close(&sh->log);
}

int
shim_main(const char *dir)
{
	struct shim sh = { .dir = dir };
	struct sigaction sa;
	sigset_t none;
	char text[160];
	int code, sig;

	files_inherit();
	(void)setsid();
	umask(077);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_child;
	sa.sa_flags = SA_RESTART | SA_NOCLDSTOP;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)cloexec(SHIM_STATUS_FD);
	if (make_pipe(wake_fd) != 0)
		return (complain("pipe: %s", strerror(errno)));
	(void)fcntl(wake_fd[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(wake_fd[1], F_SETFL, O_NONBLOCK);
	sigaction(SIGCHLD, &sa, NULL);
	/* Whoever spawned us may have blocked all; SIGCHLD must come. */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	shim__os_reaper();
	if (prepare(&sh) != 0 || launch(&sh) != 0)
		return (1);
	snprintf(text, sizeof(text), "%ld %lld\n", (long)sh.pid,
	    (long long)sh.started);
	(void)write_file("pid", text);
	(void)files_write(SHIM_STATUS_FD, "ok\n", 3);
	close(SHIM_STATUS_FD);
	watch(&sh);
	sig = WIFSIGNALED(sh.status) ? WTERMSIG(sh.status) : 0;
	code = sig != 0 ? 128 + sig : WEXITSTATUS(sh.status);
	snprintf(text, sizeof(text), "%d %d %lld %lld 0\n", code, sig,
	    (long long)sh.started, (long long)sh.finished);
	return (write_file("exit", text) == 0 ? 0 : 1);
}
