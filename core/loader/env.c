/* SPDX-License-Identifier: BSD-2-Clause
 *
 * env.c -- what one opened plugin may ask of its process: its name, a log
 * with its name in front, the data directory, and the cluster's objects
 * through whatever services the process registered.
 * Any thread. Contract: plugin.h, view.h, store.h. */
#include "core/loader/loader_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIEW_MAGIC	0x76696577u
#define LINE_BYTES	1024

struct pin_view {
	uint32_t	 magic;
	uint32_t	 pad;
	const struct pin_env_services *services;
	void		*view;		/* the implementor's */
};

struct pin_env *
pin__env_new(struct pin_host *host, const char *section, const char *name,
    const char *data, const struct pin_env_services *const *services)
{
	struct pin_env *env = pin_xcalloc(1, sizeof(*env));
	size_t size = strlen(section) + strlen(name) + 2;

	env->magic = PIN_ENV_MAGIC;
	env->host = host;
	env->name = pin_xstrdup(name);
	env->data = data != NULL ? pin_xstrdup(data) : NULL;
	env->prefix = pin_xmalloc(size);
	(void)snprintf(env->prefix, size, "%s %s", section, name);
	env->services = services;
	return (env);
}

void
pin__env_free(struct pin_env **envp)
{
	struct pin_env *env = *envp;

	PIN_VALID(env, PIN_ENV_MAGIC);
	*envp = NULL;
	free(env->name);
	free(env->data);
	free(env->prefix);
	env->magic = 0;
	free(env);
}

struct pin_host *
pin_env_host(struct pin_env *env)
{
	PIN_VALID(env, PIN_ENV_MAGIC);
	return (env->host);
}

const char *
pin_env_name(struct pin_env *env)
{
	PIN_VALID(env, PIN_ENV_MAGIC);
	return (env->name);
}

const char *
pin_env_data(struct pin_env *env)
{
	PIN_VALID(env, PIN_ENV_MAGIC);
	return (env->data);
}

void
pin_env_log(struct pin_env *env, int level, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list ap;

	PIN_VALID(env, PIN_ENV_MAGIC);
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	pin_log(env->host, level, "%s: %s", env->prefix, line);
}

const struct pin_consensus *
pin_env_consensus(struct pin_env *env)
{
	PIN_VALID(env, PIN_ENV_MAGIC);
	return (env->consensus);
}

/* ---- views and reads --------------------------------------------- */

int
pin_view_open(struct pin_env *env, const char *group, const char *resource,
    pin_view_changed_fn *changed, void *arg, struct pin_view **out,
    struct pin_err *err)
{
	const struct pin_env_services *sv;
	struct pin_view *v;
	int rc;

	PIN_VALID(env, PIN_ENV_MAGIC);
	*out = NULL;
	sv = *env->services;
	if (sv == NULL || sv->view_open == NULL)
		return (pin_err_set(err, PIN_EUNAVAIL,
		    "views are not available here"));
	v = pin_xcalloc(1, sizeof(*v));
	v->magic = VIEW_MAGIC;
	v->services = sv;
	rc = sv->view_open(sv->arg, group, resource, changed, arg, &v->view,
	    err);
	if (rc != PIN_OK)
		free(v);
	else
		*out = v;
	return (rc);
}

void
pin_view_close(struct pin_view **vp)
{
	struct pin_view *v = *vp;

	*vp = NULL;
	if (v == NULL)
		return;
	PIN_VALID(v, VIEW_MAGIC);
	v->services->view_close(v->services->arg, v->view);
	v->magic = 0;
	free(v);
}

int
pin_view_synced(const struct pin_view *v)
{
	PIN_VALID(v, VIEW_MAGIC);
	return (v->services->view_synced(v->services->arg, v->view));
}

int
pin_read(struct pin_env *env, const char *group, const char *resource,
    struct pin_str namespace, struct pin_str name, struct pin_buf **out,
    uint64_t *revision, struct pin_err *err)
{
	const struct pin_env_services *sv;

	PIN_VALID(env, PIN_ENV_MAGIC);
	*out = NULL;
	sv = *env->services;
	if (sv == NULL || sv->read == NULL)
		return (pin_err_set(err, PIN_EUNAVAIL,
		    "reads are not available here"));
	return (sv->read(sv->arg, group, resource, namespace, name, out,
	    revision, err));
}

/* ---- plugins that keep nothing have neither ------------------------ */

int
pin__plugin_open(const struct pin_plugin *p, struct pin_env *env,
    const struct pin_conf *conf, PIN_OWN void **self, struct pin_err *err)
{
	*self = NULL;
	return (p->open != NULL ? p->open(env, conf, self, err) : PIN_OK);
}

void
pin__plugin_close(const struct pin_plugin *p, PIN_OWN void *self)
{
	if (p->close != NULL)
		p->close(self);
}
