/* SPDX-License-Identifier: BSD-2-Clause
 *
 * views.c -- see views.h. A view is opened under the lock that also delivers
 * events: what exists is reported first, and nothing is missed or told twice
 * in between.
 * Contract: views.h. */
#include "core/apiserver/views.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_view {
	struct api_view	*next;
	struct view_hub	*hub;
	const struct pin_res_row *res;
	pin_view_changed_fn *changed;
	void		*arg;
	uint64_t	 since;		/* revisions up to here are told */
};

struct view_hub {
	struct apiserver *srv;
	pthread_mutex_t	 lock;
	struct api_view	*views;
};

struct view_hub *
views_new(struct apiserver *srv)
{
	struct view_hub *hub = pin_xcalloc(1, sizeof(*hub));

	hub->srv = srv;
	pthread_mutex_init(&hub->lock, NULL);
	return (hub);
}

void
views_free(PIN_OWN struct view_hub **hubp)
{
	struct view_hub *hub = *hubp;

	*hubp = NULL;
	if (hub == NULL)
		return;
	PIN_ASSERT(hub->views == NULL);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

void
views_publish(struct view_hub *hub, const struct ring_event *e)
{
	struct pin_view_event ev = { .size = sizeof(ev),
	    .revision = e->revision, .namespace = e->namespace,
	    .name = e->name, .object = e->value, .before = e->before };
	struct api_view *v;

	pthread_mutex_lock(&hub->lock);
	for (v = hub->views; v != NULL; v = v->next)
		if (v->res == e->res && e->revision > v->since)
			v->changed(v->arg, &ev);
	pthread_mutex_unlock(&hub->lock);
}

static const struct pin_res_row *
stored_resource(struct apiserver *srv, const char *group, const char *resource)
{
	const struct pin_schema *sc = srv->schema;
	uint32_t i;

	for (i = 0; i < sc->nresources; i++)
		if (strcmp(S(srv, sc->resources[i].plural), resource) == 0 &&
		    strcmp(res_group(srv, &sc->resources[i]), group) == 0)
			return (&sc->resources[sc->resources[i].store]);
	return (NULL);
}

static int
view_emit(void *arg, const struct pin_kv *kv)
{
	struct api_view *v = arg;
	struct pin_view_event ev = { .size = sizeof(ev),
	    .revision = kv->mod_rev, .object = kv->value };

	if (key_resource(v->hub->srv, kv->key, &ev.namespace, &ev.name) ==
	    v->res)
		v->changed(v->arg, &ev);
	return (0);
}

static int
view_open(void *arg, const char *group, const char *resource,
    pin_view_changed_fn *changed, void *changed_arg, PIN_OWN void **out,
    struct pin_err *err)
{
	struct view_hub *hub = arg;
	struct apiserver *srv = hub->srv;
	struct pin_range q = { .size = sizeof(q) };
	struct pin_range_result res = { .size = sizeof(res) };
	char start[128], end[128];
	struct api_view *v;
	int rc;

	v = pin_xcalloc(1, sizeof(*v));
	v->hub = hub;
	v->changed = changed;
	v->arg = changed_arg;
	v->res = stored_resource(srv, group, resource);
	if (v->res == NULL) {
		free(v);
		return (pin_err_set(err, PIN_ENOTFOUND, "no resource %s.%s",
		    resource, group));
	}
	snprintf(start, sizeof(start), "%s/", S(srv, v->res->key));
	snprintf(end, sizeof(end), "%s0", S(srv, v->res->key));
	q.start = pin_str(start);
	q.end = pin_str(end);
	pthread_mutex_lock(&hub->lock);
	rc = srv->store->range(srv->store_self, &q, view_emit, v, &res, err);
	if (rc == PIN_OK) {
		v->since = res.revision;
		v->next = hub->views;
		hub->views = v;
	}
	pthread_mutex_unlock(&hub->lock);
	if (rc != PIN_OK)
		free(v);
	else
		*out = v;
	return (rc);
}

static void
view_close(void *arg, PIN_OWN void *view)
{
	struct view_hub *hub = arg;
	struct api_view *v = view, **at;

	pthread_mutex_lock(&hub->lock);
	for (at = &hub->views; *at != v; at = &(*at)->next)
		PIN_ASSERT(*at != NULL);
	*at = v->next;
	pthread_mutex_unlock(&hub->lock);
	free(v);
}

static int
view_synced(void *arg, const void *view)
{
	(void)arg;
	(void)view;
	return (1);
}

static int
view_read(void *arg, const char *group, const char *resource,
    struct pin_str ns, struct pin_str name, PIN_OWN struct pin_buf **out,
    uint64_t *revision, struct pin_err *err)
{
	struct view_hub *hub = arg;
	struct apiserver *srv = hub->srv;
	const struct pin_res_row *res = stored_resource(srv, group, resource);
	char key[PIN_KEY_MAX];
	struct pin_kv kv;
	int n, rc;

	if (res == NULL)
		return (pin_err_set(err, PIN_ENOTFOUND, "no resource %s.%s",
		    resource, group));
	n = snprintf(key, sizeof(key), "%s/" PIN_SFMT "%s" PIN_SFMT,
	    S(srv, res->key), PIN_SARG(ns), ns.len > 0 ? "/" : "",
	    PIN_SARG(name));
	if (n < 0 || (size_t)n >= sizeof(key))
		return (pin_err_set(err, PIN_ENOTFOUND, "the name is too "
		    "long"));
	rc = srv->store->get(srv->store_self, (struct pin_str){ key,
	    (size_t)n }, 0, out, &kv, err);
	if (rc == PIN_OK && revision != NULL)
		*revision = kv.mod_rev;
	return (rc);
}

void
views_services(struct view_hub *hub, struct pin_env_services *s)
{
	*s = (struct pin_env_services){ .arg = hub, .read = view_read,
	    .view_open = view_open, .view_close = view_close,
	    .view_synced = view_synced };
}
