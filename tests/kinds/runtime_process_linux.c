/* SPDX-License-Identifier: BSD-2-Clause
 *
 * runtime_process_linux -- the runtime plugin process with images: as root,
 * then as an ordinary user, then where user namespaces are forbidden.
 * Contract: pintle/runtime.h; docs/images.md. One thread and the plugin's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/image/image.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <pintle/runtime.h>

#include "core/host/real.h"
#include "core/loader/loader_int.h"
#include "imagekit.h"
#include "tap.h"

#define BUSYBOX	"/bin/busybox"
#define NOBODY	65534

static struct pin_host *host;
static const struct pin_plugin *plugin;
static const struct pin_runtime_ops *ops;
static struct pin_env *env;
static struct pin_conf *conf;
static void *self;
static char data[1024], logfile[2048], archive[2048];
static const char *who = "root";
static struct pin_err err;
static struct pin_container c;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pin_container_state last;		/* under lock */
static int ends;				/* under lock */

static void
exited(void *arg, const struct pin_container_state *s)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	last = *s;
	ends++;
	pthread_mutex_unlock(&lock);
}

static char warning[512];

static void
warned(void *arg, const char *id, const char *text)
{
	(void)arg;
	snprintf(warning, sizeof(warning), "%s: %s", id, text);
}

static int
ended(void)
{
	int n;

	pthread_mutex_lock(&lock);
	n = ends;
	pthread_mutex_unlock(&lock);
	return (n);
}

static void
runtime_open(void)
{
	static const struct pin_runtime_sink sink = { .size = sizeof(sink),
	    .exited = exited, .warned = warned };
	char shim[1024], options[1100];
	struct pin_report rep = { 0 };

	snprintf(shim, sizeof(shim), "%s/pintle", tap_build());
	snprintf(options, sizeof(options), "s shim %zu %s\n", strlen(shim),
	    shim);
	env = pin__env_new(host, "runtimes", "process", data, NULL);
	conf = pin_conf_parse(options, plugin->options, &rep);
	pin_report_fini(&rep);
	if (plugin->open(env, conf, &self, &err) != PIN_OK)
		BAIL("open: %s", err.text);
	if (ops->attach(self, &sink, &err) != PIN_OK)
		BAIL("attach: %s", err.text);
}

static void
runtime_close(void)
{
	plugin->close(self);
	pin_conf_free(&conf);
	pin__env_free(&env);
	self = NULL;
}

static void
image_make(void)
{
	static const char *const names[] = { "sh", "cat", "id", "ls", "sleep",
	    "mkdir", "rm", "touch", "stat", "chmod", "head", "wc", "dd",
	    "grep" };
	char layer[2048], to[100];
	struct ik_image im = { .name = "demo:1", .run = "{\"Entrypoint\":["
	    "\"sh\",\"-c\"],\"Cmd\":[\"echo from the image\"],\"Env\":["
	    "\"PATH=/bin\",\"A=image\",\"B=image\"],\"User\":\"web\","
	    "\"WorkingDir\":\"/srv/made\"}", .layer = { layer } };
	struct ik_tar *t;

	snprintf(layer, sizeof(layer), "%s/layer.tar", tap_tmp());
	snprintf(archive, sizeof(archive), "%s/demo.tar", tap_tmp());
	t = ik_open(layer);
	ik_dir(t, "bin", 0755);
	ik_copy(t, "bin/busybox", BUSYBOX, 0755);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(to, sizeof(to), "bin/%s", names[i]);
		ik_symlink(t, to, "busybox");
	}
	ik_dir(t, "etc", 0755);
	ik_file(t, "etc/passwd", "root:x:0:0::/root:/bin/sh\n"
	    "web:x:33:34::/srv:/bin/sh\n", 0644);
	ik_file(t, "etc/group", "web:x:34:\nextra:x:44:x,web\n", 0644);
	ik_file(t, "etc/secret", "image's\n", 0600);
	/* A link that would lead out, were it followed outside. */
	ik_symlink(t, "out", "/tmp");
	ik_dir(t, "gone", 0755);
	ik_file(t, "gone/a", "a\n", 0644);
	ik_dir(t, "tmp", 01777);
	ik_close(t);
	ik_archive(archive, &im);
}

static void
image_put(void)
{
	struct image_import req = { 0 };

	req.file = archive;
	if (image_import(host, data, &req, &err) != PIN_OK)
		BAIL("import: %s", err.text);
}

static void
container(const char *id, const char *const *command)
{
	static char dir[2048];

	snprintf(dir, sizeof(dir), "%s/c-%s", data, id);
	snprintf(logfile, sizeof(logfile), "%s/%s.log", data, id);
	(void)unlink(logfile);
	memset(&c, 0, sizeof(c));
	c.size = sizeof(c);
	c.id = id;
	c.pod_uid = "uid";
	c.pod_namespace = "default";
	c.pod_name = "pod";
	c.name = "c";
	c.image = "demo:1";
	c.dir = dir;
	c.log = logfile;
	c.command = command;
	c.hostname = "pod-host";
	c.uid = c.gid = -1;
	c.host_network = 1;
}

static int
says(const char *what)
{
	char *p;
	size_t len;
	int found;

	if (pin_path_slurp(host, logfile, 65536, &p, &len, NULL) != PIN_OK)
		return (0);
	found = strstr(p, what) != NULL;
	free(p);
	return (found);
}

/* To its end; 0: it did not even start. */
static int
run(void)
{
	int before = ended();

	if (ops->start(self, &c, &err) != PIN_OK) {
		tap_diag("start: %s", err.text);
		return (0);
	}
	WAIT(ended() > before, 15000);
	return (1);
}

static int
entries(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0;
	if (d != NULL)
		closedir(d);
	return (n);
}

static int
mounted(const char *what)
{
	char *text;
	size_t len;
	int found;

	if (pin_path_slurp(host, "/proc/self/mountinfo", (size_t)4 << 20,
	    &text, &len, NULL) != PIN_OK)
		return (-1);
	found = strstr(text, what) != NULL;
	free(text);
	return (found);
}

static void
gone(const char *id)
{
	char path[4096];

	if (ops->remove(self, id, &err) != PIN_OK)
		tap_diag("remove: %s", err.text);
	snprintf(path, sizeof(path), "%s/run/process", data);
	CHECK_INT(entries(path), 0);
	CHECK_INT(mounted(path), 0);
}

/* ---- what must hold ------------------------------------------------------ */

static void
test_image(int root)
{
	static const char *const args[] = { "id; pwd; echo A=$A B=$B P=$PATH; "
	    "exit 7", NULL };
	static const char *const e[] = { "B=pod", NULL };

	CASE("%s: entry point, user, directory, variables of the image",
	    who) {
		container("one", NULL);
		c.args = args;
		c.env = e;
		if (!CHECK(run()))
			continue;
		CHECK_INT(last.exit_code, 7);
		CHECK(says("stdout F uid=33(web) gid=34(web)"));
		CHECK_INT(says("44(extra)"), root);
		CHECK(says("stdout F /srv/made"));
		CHECK(says("stdout F A=image B=pod P=/bin"));
		gone("one");
	}
	CASE("%s: the image's own command; the pod's user wins", who) {
		static const char *const cmd[] = { "id", NULL };

		container("two", NULL);
		if (CHECK(run()))
			CHECK(says("stdout F from the image"));
		gone("two");
		container("usr", cmd);
		c.uid = 1234;
		c.gid = 77;
		if (CHECK(run()))
			CHECK(says("stdout F uid=1234 gid=77"));
		gone("usr");
	}
}

static void
test_root(void)
{
	static const char *const cmd[] = { "sh", "-c", "cat /etc/secret; "
	    "echo new > /new && mkdir -p /gone/b && rm -r /gone && ls -d "
	    "/gone; mkdir /gone && ls /gone | wc -l; mkdir -p /deep/x && "
	    "chmod 0 /deep; test -e " BUSYBOX " && ls /; test -d /work -o -d "
	    "/usr && echo HOST; echo x > /dev/null && head -c 3 /dev/zero | "
	    "wc -c; ls -l /dev/fd; cat /proc/self/comm; echo y > /dev/shm/a "
	    "&& cat /dev/shm/a", NULL };

	CASE("%s: its root is the image's, what it writes is its own", who) {
		container("root", cmd);
		c.uid = c.gid = 0;
		if (!CHECK(run()))
			continue;
		CHECK(says("stdout F image's"));
		CHECK(says("F new"));
		CHECK(says("stdout F 0"));
		CHECK(says("stdout F 3"));
		CHECK(says("stdout F y"));
		CHECK(says("stdout F cat"));
		CHECK(!says("HOST"));
		gone("root");
	}
	CASE("%s: the next one finds the image as it was", who) {
		static const char *const again[] = { "sh", "-c",
		    "ls /new; cat /gone/a", NULL };

		container("root2", again);
		CHECK(run());
		CHECK(says("stderr F ls: /new"));
		CHECK(says("stdout F a"));
		gone("root2");
	}
	CASE("%s: a root that is read-only", who) {
		static const char *const ro[] = { "sh", "-c", "touch /x || "
		    "echo readonly; echo z > /dev/shm/z && echo shm", NULL };

		container("ro", ro);
		c.uid = 0;
		c.read_only_root = 1;
		if (CHECK(run())) {
			CHECK(says("stdout F readonly"));
			CHECK(says("stdout F shm"));
		}
		gone("ro");
	}
}

static void
test_mounts(void)
{
	static const char *const cmd[] = { "sh", "-c", "cat /vol/deep/a; "
	    "echo x > /vol/deep/b && echo wrote; echo x > /ro/b || echo "
	    "refused; cat /out/file; ls /out; cat /etc/hosts | head -n 1",
	    NULL };

	CASE("%s: volumes at targets that are not there, a file, read-only",
	    who) {
		struct pin_mount m[3] = { { 0 } };
		char dir[2048], file[4096], out[64];
		FILE *f;

		snprintf(dir, sizeof(dir), "%s/vol", data);
		(void)mkdir(dir, 0777);
		snprintf(file, sizeof(file), "%s/a", dir);
		f = fopen(file, "w");
		if (f == NULL || fputs("hello\n", f) < 0 || fclose(f) != 0)
			BAIL("%s", file);
		m[0].source = m[1].source = dir;
		m[0].target = "/vol/deep";
		m[1].target = "/ro";
		m[1].read_only = 1;
		m[2].source = file;
		snprintf(out, sizeof(out), "/out/pintle-%ld", (long)getpid());
		m[2].target = out;	/* /out is a link to /tmp */
		container("vol", cmd);
		c.mounts = m;
		c.nmounts = 3;
		c.uid = 0;
		if (CHECK(run())) {
			CHECK(says("stdout F hello"));
			CHECK(says("stdout F wrote"));
			CHECK(says("stdout F refused"));
			CHECK(says(out + 5));
		}
		CHECK(access(out + 4, F_OK) != 0);
		snprintf(file, sizeof(file), "/tmp%s", out + 4);
		CHECK(access(file, F_OK) != 0);
		snprintf(file, sizeof(file), "%s/b", dir);
		CHECK(access(file, F_OK) == 0);
		gone("vol");
	}
}

static int
number_of(const char *path)
{
	char *p;
	size_t len;
	int n = -1;

	if (pin_path_slurp(host, path, 64, &p, &len, NULL) == PIN_OK) {
		n = atoi(p);
		free(p);
	}
	return (n);
}

static pid_t
parent_of(const char *stat)
{
	long parent = 0;
	FILE *f = fopen(stat, "r");

	if (f == NULL)
		return (0);
	if (fscanf(f, "%*d %*s %*c %ld", &parent) != 1)
		parent = 0;
	fclose(f);
	return ((pid_t)parent);
}

static void
test_shim(void)
{
	static const char *const cmd[] = { "sh", "-c", "echo up; exec sleep "
	    "1000", NULL };
	char text[700];

	CASE("%s: a shim that is killed takes its container along", who) {
		int before = ended();
		pid_t pid, shim = 0;

		container("shim", cmd);
		if (!CHECK(ops->start(self, &c, &err) == PIN_OK))
			continue;
		WAIT(says("up"), 10000);
		snprintf(text, sizeof(text), "%s/run/process/shim/pid", data);
		pid = number_of(text);
		snprintf(text, sizeof(text), "/proc/%ld/stat", (long)pid);
		shim = parent_of(text);
		CHECK(pid > 1 && shim > 1 && kill(shim, SIGKILL) == 0);
		WAIT(ended() > before, 10000);
		CHECK_INT(last.exit_code, 137);
		WAIT(access(text, F_OK) != 0, 10000);
		gone("shim");
	}
}

static void
test_life(void)
{
	static const char *const cmd[] = { "sh", "-c", "trap 'echo bye; exit "
	    "3' TERM; echo up; while :; do sleep 1; done", NULL };
	char text[700];

	CASE("%s: it goes on without the agent, is found, signalled, ended",
	    who) {
		int before = ended();

		container("life", cmd);
		if (!CHECK(ops->start(self, &c, &err) == PIN_OK))
			continue;
		WAIT(says("up"), 10000);
		runtime_close();
		runtime_open();
		CHECK_INT(ops->start(self, &c, &err), PIN_EEXISTS);
		CHECK_INT(image_remove(host, data, "demo:1", &err),
		    PIN_ELOCKED);
		CHECK_INT(ops->kill(self, "life", SIGTERM, &err), PIN_OK);
		WAIT(ended() > before, 10000);
		CHECK_INT(last.exit_code, 3);
		gone("life");
	}
	CASE("%s: SIGKILL, and remove of what runs", who) {
		int before = ended();

		container("kill", cmd);
		if (!CHECK(ops->start(self, &c, &err) == PIN_OK))
			continue;
		WAIT(says("up"), 10000);
		CHECK_INT(ops->kill(self, "kill", SIGKILL, &err), PIN_OK);
		WAIT(ended() > before, 10000);
		CHECK_INT(last.exit_code, 137);
		CHECK(ops->start(self, &c, &err) == PIN_OK);
		gone("kill");
	}
	CASE("%s: images are found by name, what is not there is named",
	    who) {
		CHECK_INT(ops->image(self, "docker.io/library/demo:1",
		    "Always", text, sizeof(text), &err), PIN_OK);
		CHECK(strncmp(text, "sha256:", 7) == 0);
		CHECK_INT(ops->image(self, "none:1", "Always", text,
		    sizeof(text), &err), PIN_ENOTFOUND);
		CHECK(strstr(err.text, "none:1") != NULL);
	}
	CASE("%s: a command that is not in the image is named", who) {
		static const char *const bad[] = { "cc-no", NULL };

		container("bad", bad);
		CHECK(ops->start(self, &c, &err) != PIN_OK);
		CHECK(strstr(err.text, "exec cc-no") != NULL);
		gone("bad");
	}
}

static void
test_refusals(void)
{
	static const struct {
		const char *pod, *what;
		int rc;
	} rows[] = {
		{ "{\"spec\":{\"shareProcessNamespace\":true,\"containers\":"
		    "[{}]}}", "spec.shareProcessNamespace", PIN_EINVALID },
		{ "{\"spec\":{\"hostUsers\":false,\"containers\":[{}]}}",
		    "spec.hostUsers", PIN_EINVALID },
		{ "{\"spec\":{\"containers\":[{\"tty\":true}]}}", "tty",
		    PIN_EINVALID },
		{ "{\"spec\":{\"containers\":[{\"securityContext\":{"
		    "\"seccompProfile\":{\"type\":\"Localhost\"}}}]}}",
		    "securityContext.seccompProfile.type", PIN_EINVALID },
		{ "{\"spec\":{\"securityContext\":{\"runAsNonRoot\":true},"
		    "\"containers\":[{}]}}", "runAsNonRoot", PIN_ENOTFOUND },
	};
	struct pin_obj *o;

	CASE("%s: what it cannot give is refused by name", who)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			if (pin_obj_parse(NULL, rows[i].pod,
			    strlen(rows[i].pod), &o, &err) != PIN_OK)
				BAIL("%s", err.text);
			container("ref", NULL);
			c.uid = 0;
			c.pod = o;
			c.spec = pin_obj_first(o, pin_obj_at(o,
			    pin_obj_root(o), "spec", "containers", NULL));
			CHECK_INT(ops->start(self, &c, &err), rows[i].rc);
			if (!CHECK(strstr(err.text, rows[i].what) != NULL))
				tap_diag("%s", err.text);
			pin_obj_free(&o);
		}
	CASE("%s: no new privileges when escalation is not allowed", who) {
		static const char *const cmd[] = { "sh", "-c", "cat /proc/self"
		    "/status", NULL };
		static const char pod[] = "{\"spec\":{\"containers\":[{"
		    "\"securityContext\":{\"allowPrivilegeEscalation\":false}}"
		    "]}}";

		if (pin_obj_parse(NULL, pod, strlen(pod), &o, &err) != PIN_OK)
			BAIL("%s", err.text);
		container("nnp", cmd);
		c.pod = o;
		c.spec = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o),
		    "spec", "containers", NULL));
		if (CHECK(run()))
			CHECK(says("NoNewPrivs:\t1"));
		pin_obj_free(&o);
		gone("nnp");
	}
}

static void
test_warning(int root)
{
	static const char *const cmd[] = { "sh", "-c", "echo", NULL };
	static const char pod[] = "{\"spec\":{\"securityContext\":{"
	    "\"seccompProfile\":{\"type\":\"RuntimeDefault\"}},"
	    "\"containers\":[{\"securityContext\":{\"capabilities\":{"
	    "\"drop\":[\"ALL\"]}}}]}}";
	struct pin_obj *o;

	CASE("%s: what is asked everywhere and not enforced is told", who) {
		warning[0] = '\0';
		if (pin_obj_parse(NULL, pod, strlen(pod), &o, &err) != PIN_OK)
			BAIL("%s", err.text);
		container("warn", cmd);
		c.pod = o;
		c.spec = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o),
		    "spec", "containers", NULL));
		c.uid = 0;
		CHECK(run());
		CHECK(strstr(warning, "securityContext.seccompProfile") !=
		    NULL);
		CHECK_INT(strstr(warning, "capabilities.drop") != NULL, root);
		c.uid = 7;
		CHECK(run());
		CHECK(strstr(warning, "capabilities.drop") == NULL);
		pin_obj_free(&o);
		gone("warn");
	}
}

/* Without root they hold where a group is delegated, as in a session. */
static void
test_limits(void)
{
	static const char *const hog[] = { "sh", "-c", "echo start; exec dd "
	    "if=/dev/zero of=/dev/null bs=256M count=1", NULL };
	static const char *const calm[] = { "sh", "-c", "grep -E 'cpu[,:]|"
	    "^0::' /proc/self/cgroup; exec sleep 1000", NULL };
	static const char *const cpu[][2] = {
		{ "/cpu", "cpu.cfs_quota_us" },
		{ "/cpu,cpuacct", "cpu.cfs_quota_us" },
		{ "", "cpu.max" },
	};
	char path[4096], found[4096] = "", *name, *group;
	size_t len;

	CASE("%s: a limit of memory holds, or the pod is told that it does "
	    "not", who) {
		warning[0] = '\0';
		container("mem", hog);
		c.memory = 32 << 20;
		if (!CHECK(run()))
			continue;
		CHECK(says("start"));
		tap_diag("%s, exit %d", warning, last.exit_code);
		CHECK_INT(last.exit_code, warning[0] != '\0' ? 0 : 137);
		CHECK_INT(last.oom_killed, warning[0] == '\0');
		if (warning[0] != '\0')
			CHECK(strstr(warning, "mem: container c: resources."
			    "limits.memory: ") != NULL);
		gone("mem");
	}
	CASE("%s: a limit of cpu, too", who) {
		int seen = -1;

		warning[0] = '\0';
		container("cpu", calm);
		c.cpu_milli = 250;
		if (!CHECK(ops->start(self, &c, &err) == PIN_OK))
			continue;
		WAIT(says(" F "), 10000);
		name = NULL;
		CHECK(warning[0] == '\0' || strstr(warning,
		    "resources.limits.cpu: ") != NULL);
		if (warning[0] == '\0' && pin_path_slurp(host, logfile, 4096,
		    &name, &len, NULL) == PIN_OK &&
		    (group = strstr(name, ":/")) != NULL)
			for (size_t i = 0; i < 3; i++) {
				snprintf(path, sizeof(path), "/sys/fs/cgroup"
				    "%s%.*s/%s", cpu[i][0],
				    (int)strcspn(group + 1, "\n"), group + 1,
				    cpu[i][1]);
				if (number_of(path) <= seen)
					continue;
				seen = number_of(path);
				memcpy(found, path, sizeof(found));
			}
		if (warning[0] == '\0')
			CHECK_INT(seen, 25000);
		free(name);
		gone("cpu");
		if (seen > 0)
			CHECK(access(found, F_OK) != 0);
	}
}

static void
all(int root)
{
	image_put();
	runtime_open();
	test_image(root);
	test_root();
	test_mounts();
	test_life();
	test_shim();
	test_refusals();
	test_limits();
	test_warning(root);
	CASE("%s: an image nobody uses can go", who)
		if (!CHECK(image_remove(host, data, "demo:1", &err) == PIN_OK))
			tap_diag("%s", err.text);
	runtime_close();
}

/* ---- without root ------------------------------------------------------- */

static int
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), rc;

	if (fd < 0)
		return (0);
	rc = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return (rc);
}

/* A user namespace that allows no further one. */
static int
forbid(void)
{
	char map[64];

	snprintf(map, sizeof(map), "%ld %ld 1", (long)getuid(),
	    (long)getuid());
	/* /proc/self is ours again after setuid. */
	return (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 &&
	    unshare(CLONE_NEWUSER) == 0 &&
	    write_text("/proc/self/setgroups", "deny") &&
	    write_text("/proc/self/uid_map", map) &&
	    write_text("/proc/sys/user/max_user_namespaces", "0"));
}

/* 0, or why not. EINVAL: a sanitizer has a thread of its own, in the shim
 * too. */
static int
may_unshare(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 ? errno : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		BAIL("fork");
	return (WEXITSTATUS(status));
}

static void
as_user(void)
{
	char above[1024];
	struct stat st;
	int denied, allowed;

	who = "user";
	/* The runner's directory for this test is root's; /tmp is not. */
	snprintf(above, sizeof(above), "%s/..", tap_tmp());
	if (geteuid() == 0 && stat(above, &st) == 0 &&
	    (st.st_mode & S_ISVTX) == 0)
		(void)chmod(above, 0711);
	snprintf(data, sizeof(data), "%s/user", tap_tmp());
	if (mkdir(data, 0700) != 0)
		BAIL("%s", data);
	if (geteuid() == 0 && (chown(data, NOBODY, NOBODY) != 0 ||
	    chmod(tap_tmp(), 0755) != 0 || chmod(archive, 0644) != 0 ||
	    setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
		BAIL("becoming a user");
	denied = may_unshare();
	allowed = denied == 0;
	if (denied == EINVAL) {
		tap_diag("no user namespaces in a sanitizer's process");
		return;
	}
	if (allowed)
		all(0);
	else
		SKIP("userns", "%s", strerror(denied));
	if (allowed && !forbid()) {
		SKIP("userns", "a namespace without namespaces: %s",
		    strerror(errno));
		return;
	}
	image_put();
	runtime_open();
	CASE("%s: without user namespaces an image is refused by name", who) {
		static const char *const cmd[] = { "sh", "-c", "echo", NULL };

		container("no", cmd);
		CHECK_INT(ops->start(self, &c, &err), PIN_EINVALID);
		tap_diag("%s", err.text);
		CHECK(strstr(err.text, "user namespace") != NULL);
		c.image = "host";
		CHECK(run());
		gone("no");
	}
	runtime_close();
}

int
main(void)
{
	char path[2048];
	void *so;

	if (access(BUSYBOX, X_OK) != 0)
		SKIP_ALL("busybox", "no %s for an image", BUSYBOX);
	tap_deadline(120);
	host = pin_host_real();
	snprintf(data, sizeof(data), "%s/root", tap_tmp());
	snprintf(path, sizeof(path), "%s/plugins/runtime/process.so",
	    tap_build());
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		BAIL("%s", dlerror());
	plugin = dlsym(so, "pin_plugin");
	if (plugin == NULL)
		BAIL("%s: no pin_plugin", path);
	ops = plugin->ops;
	image_make();
	if (geteuid() == 0)
		all(1);
	else
		SKIP("root", "images with root");
	as_user();
	return (tap_done());
}
