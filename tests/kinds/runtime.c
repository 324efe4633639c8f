/* SPDX-License-Identifier: BSD-2-Clause
 *
 * runtime.c -- the contract of the kind `runtime`, against every plugin that
 * runs here: a container starts once, ends are told once with code and
 * signal, however soon they come; kill reaches it, remove leaves nothing, and
 * what runs is found by list.
 * Contract: pintle/runtime.h. */
#include <pintle/runtime.h>

#include <sys/stat.h>

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/host/real.h"
#include "core/loader/loader_int.h"
#include "tap.h"

#define WAIT_S	10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static struct pin_container_state last;
static int ends;

static void
exited(void *arg, const struct pin_container_state *s)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	last = *s;
	ends++;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
}

static int
wait_ends(int n)
{
	struct timespec until;
	int rc = 0, got;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&lock);
	while (ends < n && rc == 0)
		rc = pthread_cond_timedwait(&cond, &lock, &until);
	got = ends;
	pthread_mutex_unlock(&lock);
	return (got);
}

static int
count(void *arg, const struct pin_container_state *s)
{
	(void)s;
	++*(int *)arg;
	return (PIN_OK);
}

static int
listed(const struct pin_runtime_ops *ops, void *self)
{
	struct pin_err err = PIN_ERR_INIT;
	int n = 0;

	CHECK_INT(ops->list(self, count, &n, &err), PIN_OK);
	return (n);
}

static int
run(const struct pin_runtime_ops *ops, void *self, const char *id,
    const char *log, const char *what, struct pin_err *err)
{
	const char *cmd[] = { "sh", "-c", what, NULL };
	const char *env[] = { "PATH=/usr/bin:/bin", NULL };
	struct pin_container c = { .size = sizeof(c), .id = id,
	    .pod_uid = "u", .pod_namespace = "n", .pod_name = "p",
	    .name = "c", .image = "host", .dir = "/tmp", .log = log,
	    .command = cmd, .env = env, .uid = -1, .gid = -1,
	    .host_network = 1 };

	return (ops->start(self, &c, err));
}

static void
check(const struct pin_runtime_ops *ops, void *self, const char *name,
    const char *data)
{
	struct pin_err err = PIN_ERR_INIT;
	char log[512], image[128];
	int i, n = 0;

	snprintf(log, sizeof(log), "%s/log", data);
	CASE("%s: an image that is not there is named", name) {
		CHECK_INT(ops->image(self, "no/such", "Always", image,
		    sizeof(image), &err), PIN_ENOTFOUND);
		CHECK(strstr(err.text, "no/such") != NULL);
		CHECK_INT(ops->image(self, "host", "Always", image,
		    sizeof(image), &err), PIN_OK);
	}
	CASE("%s: an end is told, however soon", name)
		for (i = 0; i < 10; i++) {
			CHECK_INT(run(ops, self, "quick", log, "exit 7",
			    &err), PIN_OK);
			n++;
			CHECK_INT(wait_ends(n), n);
			CHECK_INT(last.exit_code, 7);
			CHECK(last.running == 0 && last.finished_ns >=
			    last.started_ns && last.started_ns > 0);
			CHECK_STR(last.id, "quick");
		}
	CASE("%s: a container runs once", name) {
		CHECK_INT(run(ops, self, "long", log, "sleep 1000", &err),
		    PIN_OK);
		CHECK_INT(run(ops, self, "long", log, "sleep 1000", &err),
		    PIN_EEXISTS);
		CHECK_INT(listed(ops, self), 2);
	}
	CASE("%s: a signal ends it and is told", name) {
		CHECK_INT(ops->kill(self, "long", SIGTERM, &err), PIN_OK);
		n++;
		CHECK_INT(wait_ends(n), n);
		CHECK_INT(last.exit_code, 128 + SIGTERM);
		CHECK_INT(last.signal, SIGTERM);
		CHECK_INT(ops->kill(self, "long", SIGTERM, &err), PIN_OK);
	}
	CASE("%s: remove kills what runs and leaves nothing", name) {
		CHECK_INT(run(ops, self, "third", log, "sleep 1000", &err),
		    PIN_OK);
		CHECK_INT(ops->remove(self, "third", &err), PIN_OK);
		n++;
		CHECK_INT(wait_ends(n), n);
		CHECK_INT(ops->remove(self, "long", &err), PIN_OK);
		CHECK_INT(ops->remove(self, "quick", &err), PIN_OK);
		CHECK_INT(ops->remove(self, "never", &err), PIN_OK);
		CHECK_INT(listed(ops, self), 0);
	}
}

/* The number in DATA/run/NAME/ID/FILE; 0: none. */
static long
number_in(const char *data, const char *name, const char *id,
    const char *what)
{
	char path[1024];
	long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/run/%s/%s/%s", data, name, id, what);
	f = fopen(path, "r");
	if (f == NULL)
		return (0);
	if (fscanf(f, "%ld", &n) != 1)
		n = 0;
	fclose(f);
	return (n);
}

/* The shim of a container: the parent of its first process. */
static pid_t
shim_of(const char *data, const char *name, const char *id)
{
	long pid = number_in(data, name, id, "pid"), parent = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	f = pid > 1 ? fopen(path, "r") : NULL;
	if (f == NULL)
		return (0);
	if (fscanf(f, "%*d %*s %*c %ld", &parent) != 1)
		parent = 0;
	fclose(f);
	return ((pid_t)parent);
}

/* Ends nobody was there to see. */
static void
check_missed(const struct pin_plugin *p, struct pin_env *env,
    struct pin_conf *conf, const char *data)
{
	struct pin_runtime_sink sink = { .size = sizeof(sink),
	    .exited = exited };
	const struct pin_runtime_ops *ops = p->ops;
	struct pin_err err = PIN_ERR_INIT;
	char log[512], path[1024];
	void *self = NULL;
	int before = ends;
	pid_t shim;

	snprintf(log, sizeof(log), "%s/log3", data);
	CASE("%s: an end without an agent is told to the next one, once",
	    p->name) {
		CHECK_INT(p->open(env, conf, &self, &err), PIN_OK);
		CHECK_INT(ops->attach(self, &sink, &err), PIN_OK);
		CHECK_INT(run(ops, self, "alone", log, "sleep 1000 & "
		    "trap 'exit 9' TERM; while :; do sleep 0.05; done", &err),
		    PIN_OK);
		p->close(self);
		CHECK(kill((pid_t)number_in(data, p->name, "alone", "pid"),
		    SIGTERM) == 0);
		WAIT(shim_of(data, p->name, "alone") == 0, 10000);
		snprintf(path, sizeof(path), "%s/run/%s/half", data, p->name);
		CHECK(mkdir(path, 0700) == 0);
		CHECK_INT(p->open(env, conf, &self, &err), PIN_OK);
		CHECK_INT(ops->attach(self, &sink, &err), PIN_OK);
		CHECK_INT(wait_ends(before + 2), before + 2);
		CHECK_INT(listed(ops, self), 2);
		CHECK_INT(ops->remove(self, "half", &err), PIN_OK);
		CHECK_INT(ops->kill(self, "alone", SIGTERM, &err), PIN_OK);
		CHECK_INT(ops->remove(self, "alone", &err), PIN_OK);
		CHECK_INT(listed(ops, self), 0);
		CHECK(access(path, F_OK) != 0);
	}
	CASE("%s: a shim that is killed takes its container along, 137",
	    p->name) {
		CHECK_INT(run(ops, self, "orphan", log, "sleep 1000", &err),
		    PIN_OK);
		shim = shim_of(data, p->name, "orphan");
		CHECK(shim > 1 && kill(shim, SIGKILL) == 0);
		CHECK_INT(wait_ends(before + 3), before + 3);
		CHECK_INT(last.exit_code, 137);
		CHECK(last.started_ns > 0);
		WAIT(kill((pid_t)number_in(data, p->name, "orphan", "pid"),
		    0) != 0, 10000);
		CHECK_INT(ops->remove(self, "orphan", &err), PIN_OK);
	}
	CASE("%s: an id that leaves its directory is refused", p->name) {
		CHECK(run(ops, self, "../x", log, "exit 0", &err) != PIN_OK);
		CHECK(ops->remove(self, "../x", &err) != PIN_OK);
	}
	p->close(self);
}

/* What runs outlives its agent: another one finds it. */
static void
check_adoption(const struct pin_plugin *p, struct pin_env *env,
    struct pin_conf *conf, const char *data)
{
	struct pin_runtime_sink sink = { .size = sizeof(sink),
	    .exited = exited };
	const struct pin_runtime_ops *ops = p->ops;
	struct pin_err err = PIN_ERR_INIT;
	char log[512];
	void *self = NULL;
	int before = ends;

	snprintf(log, sizeof(log), "%s/log2", data);
	CASE("%s: what runs goes on without its agent", p->name) {
		CHECK_INT(p->open(env, conf, &self, &err), PIN_OK);
		CHECK_INT(ops->attach(self, &sink, &err), PIN_OK);
		CHECK_INT(run(ops, self, "kept", log, "sleep 1000", &err),
		    PIN_OK);
		p->close(self);
		self = NULL;
		CHECK_INT(p->open(env, conf, &self, &err), PIN_OK);
		CHECK_INT(ops->attach(self, &sink, &err), PIN_OK);
		CHECK_INT(listed(ops, self), 1);
		CHECK_INT(ends, before);
		CHECK_INT(ops->kill(self, "kept", SIGKILL, &err), PIN_OK);
		CHECK_INT(wait_ends(before + 1), before + 1);
		CHECK_INT(last.signal, SIGKILL);
		CHECK_INT(ops->remove(self, "kept", &err), PIN_OK);
		p->close(self);
	}
}

static void
open_and_check(const char *dir, const char *name, const char *options,
    int adopts)
{
	struct pin_runtime_sink sink = { .size = sizeof(sink),
	    .exited = exited };
	char data[512], file[1024];
	struct pin_err err = PIN_ERR_INIT;
	struct pin_report rep = { 0 };
	const struct pin_plugin *p;
	struct pin_module *m;
	struct pin_conf *conf;
	struct pin_env *env;
	void *self = NULL;

	snprintf(file, sizeof(file), "%s/%s/runtime/%s.so", tap_build(), dir,
	    name);
	snprintf(data, sizeof(data), "%s/%s", tap_tmp(), name);
	if (mkdir(data, 0700) != 0 || pin_module_open(pin_host_real(), NULL,
	    file, PIN_KIND_RUNTIME, name, &m, &err) != PIN_OK)
		BAIL("%s", err.text);
	ends = 0;
	p = pin_module_plugin(m);
	env = pin__env_new(pin_host_real(), "runtimes", name, data, NULL);
	conf = pin_conf_parse(options, p->options, &rep);
	OK(p->open(env, conf, &self, &err) == PIN_OK && ((const struct
	    pin_runtime_ops *)p->ops)->attach(self, &sink, &err) == PIN_OK,
	    "%s opens and attaches", name);
	check(p->ops, self, name, data);
	p->close(self);
	if (adopts) {
		check_adoption(p, env, conf, data);
		check_missed(p, env, conf, data);
	}
	pin_conf_free(&conf);
	pin__env_free(&env);
	pin_module_put(&m);
	pin_report_fini(&rep);
}

int
main(void)
{
	char options[1100], shim[1024];

	tap_deadline(60);
	open_and_check("tests/plugins", "dummy", "", 0);
	snprintf(shim, sizeof(shim), "%s/pintle", tap_build());
	snprintf(options, sizeof(options), "s shim %zu %s\n", strlen(shim),
	    shim);
	open_and_check("plugins", "process", options, 1);
	return (tap_done());
}
