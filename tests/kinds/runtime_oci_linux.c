/* SPDX-License-Identifier: BSD-2-Clause
 *
 * runtime_oci_linux -- the runtime plugin oci with each OCI runtime there is:
 * containers of an image made on the spot.
 * Contract: pintle/runtime.h. Root; one thread and the plugin's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/image/image.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <pintle/runtime.h>

#include "core/config/config_int.h"
#include "core/host/real.h"
#include "core/loader/loader_int.h"
#include "imagekit.h"
#include "tap.h"

#define BUSYBOX	"/bin/busybox"

static struct pin_host *host;
static const struct pin_plugin *plugin;
static const struct pin_runtime_ops *ops;
static struct pin_env *env;
static struct pin_conf *conf;
static void *self;
static char data[1024], logfile[2048];
static const char *program;
static struct pin_err err;

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
option(const char *name, const char *value)
{
	struct pin_report rep = { 0 };
	const struct pin_option *o = pin__option_find(conf->options, name);
	struct pin__value *v;

	if (o == NULL)
		BAIL("no option %s", name);
	v = &conf->value[o - conf->options];
	if (pin__value_parse(v, o, value, NULL, "test", &rep) != 0)
		BAIL("option %s=%s", name, value);
	v->given = 1;
	pin_report_fini(&rep);
}

static void
runtime_open(void)
{
	static const struct pin_runtime_sink sink = { .size = sizeof(sink),
	    .exited = exited };
	struct pin_report rep = { 0 };
	char shim[2048];

	env = pin__env_new(host, "runtime", "oci", data, NULL);
	conf = pin__conf_new(plugin->options, "test");
	snprintf(shim, sizeof(shim), "%s/pintle", tap_build());
	option("shim", shim);
	option("program", program);
	if (pin__conf_finish(conf, NULL, &rep) != PIN_OK)
		BAIL("options");
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
	static const char *const names[] = { "sh", "cat", "id", "env", "ls",
	    "sleep", "mknod", "hostname", "wc", "head", "dd", "unshare" };
	struct image_import req = { 0 };
	char layer[2048], file[2048], to[100];
	struct ik_image im = { .name = "demo:1", .run = "{\"Entrypoint\":["
	    "\"sh\",\"-c\"],\"Cmd\":[\"echo from the image\"],\"Env\":["
	    "\"A=image\",\"B=image\"],\"User\":\"web\",\"WorkingDir\":"
	    "\"/srv\"}", .layer = { layer } };
	struct ik_tar *t;

	snprintf(layer, sizeof(layer), "%s/layer.tar", tap_tmp());
	snprintf(file, sizeof(file), "%s/demo.tar", tap_tmp());
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
	ik_owner(t, 33, 34);
	ik_dir(t, "srv", 0755);
	ik_dir(t, "tmp", 01777);
	ik_close(t);
	ik_archive(file, &im);
	req.file = file;
	if (image_import(host, data, &req, &err) != PIN_OK)
		BAIL("import: %s", err.text);
}

/* ---- one container ----------------------------------------------------- */

static const char *const no_args[] = { NULL };
static struct pin_container c;

static struct pin_container *
container(const char *id, const char *const *command)
{
	static char dir[2048];

	(void)no_args;
	snprintf(dir, sizeof(dir), "%s/c-%s", tap_tmp(), id);
	snprintf(logfile, sizeof(logfile), "%s/%s.log", tap_tmp(), id);
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
	return (&c);
}

static char *
log_text(void)
{
	static char text[65536];
	char *p;
	size_t len;

	text[0] = '\0';
	if (pin_path_slurp(host, logfile, sizeof(text) - 1, &p, &len, NULL) ==
	    PIN_OK) {
		memcpy(text, p, len + 1);
		free(p);
	}
	return (text);
}

static int
says(const char *what)
{
	return (strstr(log_text(), what) != NULL);
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
		n += e->d_name[0] != '.';
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

	CHECK(ops->remove(self, id, &err) == PIN_OK);
	snprintf(path, sizeof(path), "%s/run/oci", data);
	CHECK_INT(entries(path), 0);
	CHECK_INT(mounted(path), 0);
	snprintf(path, sizeof(path), "%s/run/oci.state", data);
	CHECK_INT(entries(path), 0);
}

static void
test_image_defaults(void)
{
	CASE("%s: entry point, user, groups, directory, hostname of the image "
	    "and the pod", program) {
		static const char *const args[] = { "id; pwd; hostname; "
		    "echo A=$A B=$B; echo err >&2; exit 7", NULL };
		static const char *const e[] = { "B=pod", NULL };

		container("one", NULL)->args = args;
		c.env = e;
		if (!CHECK(run()))
			continue;
		CHECK_INT(last.exit_code, 7);
		CHECK_INT(last.signal, 0);
		CHECK(last.finished_ns >= last.started_ns);
		CHECK(says("stdout F uid=33(web) gid=34(web)"));
		CHECK(says("44(extra)"));
		CHECK(says("stdout F /srv"));
		CHECK(says("stdout F pod-host"));
		CHECK(says("stdout F A=image B=pod"));
		CHECK(says("stderr F err"));
		gone("one");
	}
	CASE("%s: without args the image's", program) {
		container("two", NULL);
		if (CHECK(run()))
			CHECK(says("stdout F from the image"));
		gone("two");
	}
}

static void
test_isolation(void)
{
	CASE("%s: it sees its own processes and its own root only", program) {
		static const char *const cmd[] = { "sh", "-c", "echo pid $$; "
		    "echo new > /new && ls / ; ls /proc/1/root/etc | wc -l; "
		    "cat /proc/1/cmdline | head -c 2; echo; "
		    "test -e /etc/shadow && echo shadow", NULL };

		container("iso", cmd)->uid = 0;
		if (!CHECK(run()))
			continue;
		CHECK(says("stdout F pid 1"));
		CHECK(says("stdout F new"));
		CHECK(!says("shadow"));
		gone("iso");
	}
	CASE("%s: what it wrote is gone with it, the image is as it was",
	    program) {
		static const char *const cmd[] = { "sh", "-c",
		    "ls /new; exit 0", NULL };

		container("iso2", cmd);
		CHECK(run());
		CHECK(says("No such file"));
		gone("iso2");
	}
}

/* A node that the machine itself can open, and that no container has: a disk,
 * where the machine may. */
static int
forbidden_device(struct stat *st)
{
	static const char *const paths[] = { "/dev/sda", "/dev/vda",
	    "/dev/nvme0n1", "/dev/loop0", "/dev/zram0", "/dev/ram0",
	    "/dev/kmsg" };
	int fd;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		fd = open(paths[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		close(fd);
		return (stat(paths[i], st) == 0);
	}
	return (0);
}

static void
test_devices(void)
{
	struct stat st;

	if (!forbidden_device(&st)) {
		SKIP("device", "no device that this machine may open");
		return;
	}
	CASE("%s: no way to the machine's devices by a node of one's own",
	    program) {
		char text[500];
		const char *const cmd[] = { "sh", "-c", text, NULL };
		const char *type = S_ISBLK(st.st_mode) ? "b" : "c";

		tap_diag("%s %u:%u", type, major(st.st_rdev),
		    minor(st.st_rdev));
		snprintf(text, sizeof(text), "mknod /dev/k %s %u %u && "
		    "(: < /dev/k) && echo DISK; mknod /tmp/k %s %u %u && "
		    "(: < /tmp/k) && echo DISK; (: < /dev/null) && echo done",
		    type, major(st.st_rdev), minor(st.st_rdev), type,
		    major(st.st_rdev), minor(st.st_rdev));
		container("dev", cmd)->uid = 0;
		CHECK(run());
		CHECK(says("F done"));
		CHECK(!says("DISK"));
		gone("dev");
	}
}

/* A user namespace of one's own is what the kernel gives to anybody, and what
 * the filter takes away. */
static void
test_seccomp(void)
{
	static const struct {
		const char *pod;
		int filtered;
	} rows[] = {
		{ "{}", 1 },
		{ "{\"seccompProfile\":{\"type\":\"RuntimeDefault\"}}", 1 },
		{ "{\"seccompProfile\":{\"type\":\"Unconfined\"}}", 0 },
		{ "{\"capabilities\":{\"add\":[\"SYS_ADMIN\"]}}", 0 },
	};
	static const char *const cmd[] = { "sh", "-c", "cat /proc/self/status;"
	    " unshare -U sh -c 'echo free'; echo done", NULL };
	char text[300];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CASE("%s: securityContext %s: %s", program, rows[i].pod,
		    rows[i].filtered ? "filtered" : "may unshare") {
			struct pin_obj *o;

			snprintf(text, sizeof(text), "{\"spec\":{"
			    "\"containers\":[{\"securityContext\":%s}]}}",
			    rows[i].pod);
			if (pin_obj_parse(NULL, text, strlen(text), &o,
			    &err) != PIN_OK)
				BAIL("%s", err.text);
			container("sec", cmd)->pod = o;
			c.spec = pin_obj_first(o, pin_obj_at(o,
			    pin_obj_root(o), "spec", "containers", NULL));
			c.uid = 0;
			CHECK(run());
			CHECK(says("F done"));
			CHECK_INT(says("F free"), !rows[i].filtered);
			if (rows[i].filtered)
				CHECK(says("Seccomp:\t2"));
			pin_obj_free(&o);
			gone("sec");
		}
}

static void
test_kill(void)
{
	/* It is up when its trap is: process 1 of a namespace does not hear a
	 * TERM that it does not handle. */
	static const char *const cmd[] = { "sh", "-c",
	    "trap 'echo bye; exit 3' TERM; echo up; "
	    "while :; do sleep 1; done", NULL };

	CASE("%s: TERM reaches it, its exit code comes back", program) {
		int before = ended();

		container("kill", cmd);
		if (!CHECK(ops->start(self, &c, &err) == PIN_OK))
			continue;
		CHECK(ops->start(self, &c, &err) == PIN_EEXISTS);
		WAIT(says("up"), 10000);
		CHECK(ops->kill(self, "kill", SIGTERM, &err) == PIN_OK);
		WAIT(ended() > before, 10000);
		CHECK_INT(last.exit_code, 3);
		CHECK(ops->kill(self, "kill", SIGTERM, &err) == PIN_OK);
		gone("kill");
	}
	CASE("%s: it goes on without the agent and is found again", program) {
		int before = ended();

		container("adopt", cmd);
		if (!CHECK(ops->start(self, &c, &err) == PIN_OK))
			continue;
		WAIT(says("up"), 10000);
		runtime_close();
		runtime_open();
		CHECK_INT(ended(), before);
		CHECK(ops->kill(self, "adopt", SIGKILL, &err) == PIN_OK);
		WAIT(ended() > before, 10000);
		CHECK_INT(last.exit_code, 137);
		CHECK_INT(last.signal, SIGKILL);
		CHECK_INT(last.oom_killed, 0);
		gone("adopt");
	}
	CASE("%s: remove kills what runs", program) {
		container("rm", cmd);
		if (!CHECK(ops->start(self, &c, &err) == PIN_OK))
			continue;
		WAIT(says("up"), 10000);
		gone("rm");
	}
}

static void
test_errors(void)
{
	char text[200];

	CASE("%s: a command that is not there is named, nothing is left",
	    program) {
		static const char *const cmd[] = { "no-such-thing", NULL };

		container("bad", cmd);
		CHECK(ops->start(self, &c, &err) != PIN_OK);
		tap_diag("%s", err.text);
		CHECK(strstr(err.text, "no-such-thing") != NULL);
		gone("bad");
	}
	CASE("%s: an image that is not there", program) {
		CHECK_INT(ops->image(self, "none:1", "Always", text,
		    sizeof(text), &err), PIN_ENOTFOUND);
		CHECK_INT(ops->image(self, "host", "Always", text,
		    sizeof(text), &err), PIN_ENOTFOUND);
		CHECK_INT(ops->image(self, "docker.io/library/demo:1",
		    "Always", text, sizeof(text), &err), PIN_OK);
		CHECK(strncmp(text, "sha256:", 7) == 0);
	}
	CASE("%s: an image in use is not removed, and is afterwards",
	    program) {
		static const char *const cmd[] = { "sleep", "100", NULL };

		container("hold", cmd);
		if (!CHECK(ops->start(self, &c, &err) == PIN_OK))
			continue;
		CHECK_INT(image_remove(host, data, "demo:1", &err),
		    PIN_ELOCKED);
		CHECK(strstr(err.text, "hold") != NULL);
		gone("hold");
	}
}

static void
test_refusals(void)
{
	static const struct {
		const char *pod, *what;
	} rows[] = {
		{ "{\"spec\":{\"shareProcessNamespace\":true,\"containers\":"
		    "[{}]}}", "spec.shareProcessNamespace" },
		{ "{\"spec\":{\"hostUsers\":false,\"containers\":[{}]}}",
		    "spec.hostUsers" },
		{ "{\"spec\":{\"containers\":[{\"tty\":true}]}}", "tty" },
		{ "{\"spec\":{\"containers\":[{\"securityContext\":{"
		    "\"seccompProfile\":{\"type\":\"Localhost\"}}}]}}",
		    "securityContext.seccompProfile.type" },
		{ "{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{"
		    "\"hugepages-2Mi\":\"2Mi\"}}}]}}",
		    "resources.limits[hugepages-2Mi]" },
	};

	CASE("%s: what it cannot give is refused by name", program) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct pin_obj *o;

			if (pin_obj_parse(NULL, rows[i].pod,
			    strlen(rows[i].pod), &o, &err) != PIN_OK)
				BAIL("%s", err.text);
			container("ref", NULL)->pod = o;
			c.spec = pin_obj_first(o, pin_obj_at(o,
			    pin_obj_root(o), "spec", "containers", NULL));
			CHECK_INT(ops->start(self, &c, &err), PIN_EINVALID);
			if (!CHECK(strstr(err.text, rows[i].what) != NULL))
				tap_diag("%s", err.text);
			pin_obj_free(&o);
		}
	}
}

static void
test_mounts(void)
{
	CASE("%s: volumes, read-only ones too, and a read-only root",
	    program) {
		static const char *const cmd[] = { "sh", "-c", "cat /vol/a; "
		    "echo x > /vol/b && echo wrote; echo x > /ro/b || echo "
		    "refused; echo x > /srv/c || echo readonly", NULL };
		static struct pin_mount m[2];
		char dir[2048], file[4096];
		FILE *f;

		snprintf(dir, sizeof(dir), "%s/vol-%s", tap_tmp(), program);
		(void)mkdir(dir, 0777);
		snprintf(file, sizeof(file), "%s/a", dir);
		f = fopen(file, "w");
		if (f == NULL || fputs("hello\n", f) < 0 || fclose(f) != 0)
			BAIL("%s", file);
		m[0].source = m[1].source = dir;
		m[0].target = "/vol";
		m[1].target = "/ro";
		m[1].read_only = 1;
		container("vol", cmd)->mounts = m;
		c.nmounts = 2;
		c.uid = 0;
		c.read_only_root = 0;
		CHECK(run());
		CHECK(says("stdout F hello"));
		CHECK(says("stdout F wrote"));
		CHECK(says("stdout F refused"));
		CHECK(!says("stdout F readonly"));
		gone("vol");
	}
	CASE("%s: a read-only root", program) {
		static const char *const cmd[] = { "sh", "-c",
		    "echo x > /srv/c || echo readonly", NULL };

		container("ror", cmd)->read_only_root = 1;
		c.uid = 0;
		CHECK(run());
		CHECK(says("stdout F readonly"));
		gone("ror");
	}
}

static void
test_limits(void)
{
	static const char *const cmd[] = { "sh", "-c", "echo start; "
	    "exec dd if=/dev/zero of=/dev/null bs=256M count=1", NULL };

	CASE("%s: memory is limited, or the pod is refused by name",
	    program) {
		int before = ended();

		container("mem", cmd)->memory = 32 << 20;
		if (ops->start(self, &c, &err) != PIN_OK) {
			CHECK_INT(err.code, PIN_EINVALID);
			CHECK(strstr(err.text, "resources.limits.memory") !=
			    NULL);
			tap_diag("%s", err.text);
			continue;
		}
		WAIT(ended() > before, 15000);
		CHECK(says("start"));
		CHECK_INT(last.exit_code, 137);
		CHECK_INT(last.oom_killed, 1);
		gone("mem");
	}
}

static void
all(const char *name)
{
	char *text = getenv("PATH"), path[4096];
	int here = 0;

	for (char *p = text; p != NULL && *p != '\0'; ) {
		size_t n = strcspn(p, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)n, p, name);
		here |= access(path, X_OK) == 0;
		p += n + (p[n] == ':');
	}
	if (!here) {
		SKIP("ociruntime", "no %s in PATH", name);
		return;
	}
	program = name;
	runtime_open();
	test_image_defaults();
	test_isolation();
	test_devices();
	test_seccomp();
	test_kill();
	test_mounts();
	test_limits();
	test_errors();
	test_refusals();
	runtime_close();
}

int
main(void)
{
	char path[2048];
	void *so;

	if (geteuid() != 0)
		SKIP_ALL("root", "containers take root");
	if (access(BUSYBOX, X_OK) != 0)
		SKIP_ALL("busybox", "no %s for an image", BUSYBOX);
	tap_deadline(120);
	host = pin_host_real();
	snprintf(data, sizeof(data), "%s/data", tap_tmp());
	snprintf(path, sizeof(path), "%s/plugins/runtime/oci.so",
	    tap_build());
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		BAIL("%s", dlerror());
	plugin = dlsym(so, "pin_plugin");
	if (plugin == NULL)
		BAIL("%s: no pin_plugin", path);
	ops = plugin->ops;
	image_make();
	all("crun");
	all("runc");
	return (tap_done());
}
