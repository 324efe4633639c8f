/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dummy -- test plugin: containers that are entries of a table. `sh -c "exit
 * N"` ends at once with N, anything else runs until it is killed.
 * Threads: any, under a lock. Contract: pintle/runtime.h. */
#include <pintle/runtime.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTAINERS	64

static pin_open_fn dummy_open;
static pin_close_fn dummy_close;
static pin_runtime_attach_fn dummy_attach;
static pin_runtime_image_fn dummy_image;
static pin_runtime_start_fn dummy_start;
static pin_runtime_kill_fn dummy_kill;
static pin_runtime_remove_fn dummy_remove;
static pin_runtime_list_fn dummy_list;

static const struct pin_runtime_ops dummy_ops = {
	.size = sizeof(dummy_ops),
	.attach = dummy_attach, .image = dummy_image, .start = dummy_start,
	.kill = dummy_kill, .remove = dummy_remove, .list = dummy_list,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(RUNTIME),
	.name = "dummy", .version = "1.0",
	.summary = "containers that are entries of a table, for tests",
	.ops = &dummy_ops, .open = dummy_open, .close = dummy_close,
};

struct dummy {
	struct pin_host	*host;
	pthread_mutex_t	 lock;
	struct pin_runtime_sink sink;
	struct pin_container_state c[CONTAINERS];	/* id "": free */
};

static int
dummy_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct dummy *d = pin_xcalloc(1, sizeof(*d));

	(void)conf;
	(void)err;
	d->host = pin_env_host(env);
	pthread_mutex_init(&d->lock, NULL);
	*self = d;
	return (PIN_OK);
}

static void
dummy_close(void *self)
{
	struct dummy *d = self;

	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int
dummy_attach(void *self, const struct pin_runtime_sink *sink,
    struct pin_err *err)
{
	struct dummy *d = self;

	(void)err;
	d->sink = *sink;
	return (PIN_OK);
}

static int
dummy_image(void *self, const char *image, const char *pull, char *resolved,
    size_t size, struct pin_err *err)
{
	(void)self;
	(void)pull;
	if (strcmp(image, "host") != 0)
		return (pin_err_set(err, PIN_ENOTFOUND, "image \"%s\"",
		    image));
	snprintf(resolved, size, "dummy");
	return (PIN_OK);
}

static struct pin_container_state *
find(struct dummy *d, const char *id)
{
	int i = 0;

	while (i < CONTAINERS && strcmp(d->c[i].id, id) != 0)
		i++;
	return (i < CONTAINERS ? &d->c[i] : NULL);
}

static void
end(struct dummy *d, struct pin_container_state *c, int code, int sig)
{
	struct pin_container_state copy;

	c->running = 0;
	c->exit_code = code;
	c->signal = sig;
	c->finished_ns = pin_host_wall(d->host);
	copy = *c;
	pthread_mutex_unlock(&d->lock);
	d->sink.exited(d->sink.arg, &copy);
	pthread_mutex_lock(&d->lock);
}

static int
dummy_start(void *self, const struct pin_container *pc, struct pin_err *err)
{
	struct pin_container_state *c;
	struct dummy *d = self;
	int rc = PIN_OK, n = 0;

	if (pc->command == NULL)
		return (pin_err_set(err, PIN_EINVALID, "no command"));
	if (pc->command[0][0] == '/')
		return (pin_err_set(err, PIN_EINVAL, "exec %s: none",
		    pc->command[0]));
	while (pc->command[n] != NULL)
		n++;
	pthread_mutex_lock(&d->lock);
	c = find(d, pc->id);
	if (c != NULL && c->running)
		rc = pin_err_set(err, PIN_EEXISTS, "%s runs", pc->id);
	else if (c == NULL && (c = find(d, "")) == NULL)
		rc = pin_err_set(err, PIN_ELIMIT, "too many");
	if (rc == PIN_OK) {
		memset(c, 0, sizeof(*c));
		c->size = sizeof(*c);
		snprintf(c->id, sizeof(c->id), "%s", pc->id);
		c->running = 1;
		c->started_ns = pin_host_wall(d->host);
		if (strncmp(pc->command[n - 1], "exit ", 5) == 0)
			end(d, c, atoi(pc->command[n - 1] + 5), 0);
	}
	pthread_mutex_unlock(&d->lock);
	return (rc);
}

static int
dummy_kill(void *self, const char *id, int sig, struct pin_err *err)
{
	struct pin_container_state *c;
	struct dummy *d = self;

	(void)err;
	pthread_mutex_lock(&d->lock);
	c = find(d, id);
	if (c != NULL && c->running)
		end(d, c, 128 + sig, sig);
	pthread_mutex_unlock(&d->lock);
	return (PIN_OK);
}

static int
dummy_remove(void *self, const char *id, struct pin_err *err)
{
	struct pin_container_state *c;
	struct dummy *d = self;

	(void)dummy_kill(self, id, 9, err);
	pthread_mutex_lock(&d->lock);
	c = find(d, id);
	if (c != NULL)
		c->id[0] = '\0';
	pthread_mutex_unlock(&d->lock);
	return (PIN_OK);
}

static int
dummy_list(void *self, int (*emit)(void *, const struct
    pin_container_state *), void *arg, struct pin_err *err)
{
	struct dummy *d = self;
	int i, rc = PIN_OK;

	(void)err;
	pthread_mutex_lock(&d->lock);
	for (i = 0; i < CONTAINERS && rc == PIN_OK; i++)
		if (d->c[i].id[0] != '\0')
			rc = emit(arg, &d->c[i]);
	pthread_mutex_unlock(&d->lock);
	return (rc);
}
