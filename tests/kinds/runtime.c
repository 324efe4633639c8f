/* SPDX-License-Identifier: BSD-2-Clause
 *
 * runtime.c -- the contract of the kind `runtime`, what every plugin of it
 * must hold whatever its images are; what is oci's own is in runtime_oci.c.
 * One thread and the plugin's. Contract: pintle/runtime.h. */
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <pintle/runtime.h>

#include "core/config/config_int.h"
#include "core/host/real.h"
#include "core/loader/loader_int.h"
#include "tap.h"

#define WAIT_MS		10000

static const struct fixture {
	const char	*name, *image;
} fixtures[] = {
	{ "process", "host" },
};

static const struct fixture *fx;
static const struct pin_plugin *plugin;
static const struct pin_runtime_ops *ops;
static struct pin_env *env;
static struct pin_conf *conf;
static void *self;
static struct pin_err err;
static char logfile[4096];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pin_container_state last;		/* under lock */
static int ends;				/* under lock */

/* ---- the plugin ------------------------------------------------------ */

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
rt_open(void)
{
	static const struct pin_runtime_sink sink = { .size = sizeof(sink),
	    .exited = exited };
	const struct pin_option *o;
	struct pin_report rep = { 0 };
	struct pin__value *v;
	char shim[4096];

	env = pin__env_new(pin_host_real(), "runtime", fx->name, tap_tmp(),
	    NULL);
	conf = pin__conf_new(plugin->options, "test");
	o = pin__option_find(conf->options, "shim");
	if (o == NULL)
		BAIL("%s has no option shim", fx->name);
	snprintf(shim, sizeof(shim), "%s/pintle", tap_build());
	v = &conf->value[o - conf->options];
	if (pin__value_parse(v, o, shim, NULL, "test", &rep) != 0)
		BAIL("option shim=%s", shim);
	v->given = 1;
	if (pin__conf_finish(conf, NULL, &rep) != PIN_OK)
		BAIL("options: %s", rep.line[0].text);
	pin_report_fini(&rep);
	if (plugin->open(env, conf, &self, &err) != PIN_OK)
		BAIL("%s: %s", fx->name, err.text);
	if (ops->attach(self, &sink, &err) != PIN_OK)
		BAIL("%s: attach: %s", fx->name, err.text);
}

static void
rt_close(void)
{
	plugin->close(self);
	pin_conf_free(&conf);
	pin__env_free(&env);
}

/* ---- one container --------------------------------------------------- */

static struct pin_container c;

static void
sh(const char *id, const char *script)
{
	static const char *command[4] = { "/bin/sh", "-c", NULL, NULL };
	static char dir[4096];

	command[2] = script;
	snprintf(dir, sizeof(dir), "%s/c-%s", tap_tmp(), id);
	snprintf(logfile, sizeof(logfile), "%s/%s.log", tap_tmp(), id);
	memset(&c, 0, sizeof(c));
	c.size = sizeof(c);
	c.id = id;
	c.pod_uid = "uid";
	c.pod_namespace = "default";
	c.pod_name = "pod";
	c.name = "c";
	c.image = fx->image;
	c.dir = dir;
	c.log = logfile;
	c.command = command;
	c.uid = c.gid = -1;
}

static char text[8192];

static int
says(const char *what)
{
	FILE *f = fopen(logfile, "r");
	size_t n;

	if (f == NULL)
		return (0);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return (strstr(text, what) != NULL);
}

/* What the script printed as "pid N"; after says(). */
static pid_t
child(void)
{
	const char *p = strstr(text, "F pid ");

	return (p == NULL ? 0 : (pid_t)strtol(p + 6, NULL, 10));
}

struct census {
	const char	*id;
	int		 n, seen, running;
};

static int
count(void *arg, const struct pin_container_state *s)
{
	struct census *k = arg;

	k->n++;
	if (strcmp(s->id, k->id) == 0) {
		k->seen++;
		k->running = (int)s->running;
	}
	return (PIN_OK);
}

static struct census
census(const char *id)
{
	struct census k = { .id = id };

	CHECK_INT(ops->list(self, count, &k, &err), PIN_OK);
	return (k);
}

static void
gone(const char *id)
{
	CHECK_INT(ops->remove(self, id, &err), PIN_OK);
	CHECK_INT(census(id).seen, 0);
	CHECK_INT(ops->remove(self, id, &err), PIN_OK);
}

/* ---- the contract ---------------------------------------------------- */

static void
test_image(void)
{
	char got[200] = "";

	CASE("%s: an image that is there has a name", fx->name) {
		CHECK_INT(ops->image(self, fx->image, "IfNotPresent", got,
		    sizeof(got), &err), PIN_OK);
		CHECK(got[0] != '\0');
	}
	CASE("%s: an image that is not there is named", fx->name) {
		CHECK_INT(ops->image(self, "no-such:1", "Never", got,
		    sizeof(got), &err), PIN_ENOTFOUND);
		CHECK(strstr(err.text, "no-such:1") != NULL);
	}
}

static void
test_life(void)
{
	static const char *const e[] = { "A=from the pod", NULL };
	int before = ended();

	CASE("%s: environment, log, times and exit code", fx->name) {
		sh("life", "echo A=$A; echo err >&2; exit 7");
		c.env = e;
		if (!CHECK_INT(ops->start(self, &c, &err), PIN_OK))
			continue;
		WAIT(ended() > before, WAIT_MS);
		CHECK_STR(last.id, "life");
		CHECK_INT(last.running, 0);
		CHECK_INT(last.exit_code, 7);
		CHECK_INT(last.signal, 0);
		CHECK(last.started_ns > 0);
		CHECK(last.finished_ns >= last.started_ns);
		CHECK(says("stdout F A=from the pod"));
		CHECK(says("stderr F err"));
		CHECK_INT(census("life").seen, 1);
		CHECK_INT(census("life").running, 0);
	}
	CASE("%s: the end is said once", fx->name) {
		CHECK_INT(ended(), before + 1);
		CHECK_INT(ops->kill(self, "life", SIGTERM, &err), PIN_OK);
		gone("life");
		CHECK_INT(ended(), before + 1);
	}
}

static void
test_one(void)
{
	CASE("%s: K1: no second instance of a running id", fx->name) {
		int before = ended();

		sh("once", "trap 'exit 3' TERM; echo up; "
		    "while :; do sleep 0.1; done");
		if (!CHECK_INT(ops->start(self, &c, &err), PIN_OK))
			continue;
		WAIT(says("up"), WAIT_MS);
		CHECK_INT(ops->start(self, &c, &err), PIN_EEXISTS);
		CHECK_INT(census("once").seen, 1);
		CHECK_INT(census("once").running, 1);
		CHECK_INT(ops->kill(self, "once", SIGTERM, &err), PIN_OK);
		WAIT(ended() > before, WAIT_MS);
		CHECK_INT(last.exit_code, 3);
		gone("once");
	}
	CASE("%s: a signal that ends it is told", fx->name) {
		int before = ended();

		sh("sig", "echo up; while :; do sleep 0.1; done");
		if (!CHECK_INT(ops->start(self, &c, &err), PIN_OK))
			continue;
		WAIT(says("up"), WAIT_MS);
		CHECK_INT(ops->kill(self, "sig", SIGKILL, &err), PIN_OK);
		WAIT(ended() > before, WAIT_MS);
		CHECK_INT(last.signal, SIGKILL);
		CHECK_INT(last.exit_code, 137);
		gone("sig");
	}
}

static void
test_adopt(void)
{
	CASE("%s: what runs goes on without the agent and is found again",
	    fx->name) {
		int before = ended();

		sh("stay", "echo up; while :; do sleep 0.1; done");
		if (!CHECK_INT(ops->start(self, &c, &err), PIN_OK))
			continue;
		WAIT(says("up"), WAIT_MS);
		rt_close();
		rt_open();
		CHECK_INT(census("stay").running, 1);
		CHECK_INT(ops->start(self, &c, &err), PIN_EEXISTS);
		CHECK_INT(ended(), before);
		CHECK_INT(ops->kill(self, "stay", SIGKILL, &err), PIN_OK);
		WAIT(ended() > before, WAIT_MS);
		CHECK_STR(last.id, "stay");
		CHECK_INT(last.signal, SIGKILL);
		gone("stay");
	}
}

static void
test_remove(void)
{
	CASE("%s: K3: remove ends all its processes", fx->name) {
		pid_t pid;

		sh("rm", "sleep 1000 & echo pid $!; echo up; wait");
		if (!CHECK_INT(ops->start(self, &c, &err), PIN_OK))
			continue;
		WAIT(says("up"), WAIT_MS);
		pid = child();
		CHECK(pid > 0 && kill(pid, 0) == 0);
		gone("rm");
		WAIT(kill(pid, 0) != 0, WAIT_MS);
		CHECK_INT(census("rm").n, 0);
	}
	CASE("%s: a command that is not there is named, nothing stays",
	    fx->name) {
		static const char *const none[] = { "/no/such/thing", NULL };

		sh("bad", "");
		c.command = none;
		CHECK(ops->start(self, &c, &err) != PIN_OK);
		CHECK(strstr(err.text, "/no/such/thing") != NULL);
		CHECK_INT(census("bad").n, 0);
		gone("bad");
	}
}

int
main(void)
{
	char path[4096];
	size_t i;
	void *so;

	for (i = 0; i < PIN_LEN(fixtures); i++) {
		fx = &fixtures[i];
		snprintf(path, sizeof(path), "%s/plugins/runtime/%s.so",
		    tap_build(), fx->name);
		so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (so == NULL)
			BAIL("%s", dlerror());
		plugin = dlsym(so, "pin_plugin");
		ops = plugin->ops;
		rt_open();
		test_image();
		test_life();
		test_one();
		test_adopt();
		test_remove();
		rt_close();
	}
	return (tap_done());
}
