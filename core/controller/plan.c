/* SPDX-License-Identifier: BSD-2-Clause
 *
 * plan.c -- what a reconcile wants done, noted: every argument is copied into
 * the plan's arena and turned into the request it will be.
 * Sends nothing. Controller loop. Contract: pintle/controller.h. */
#include "core/controller/controller_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PLAN_BODY_MAX	((size_t)8 << 20)

struct pin_plan *
plan_new(struct pin_arena *arena)
{
	struct pin_plan *p = pin_arena_zalloc(arena, sizeof(*p));

	if (p == NULL)
		return (NULL);
	p->arena = arena;
	p->writes_end = &p->writes;
	p->events_end = &p->events;
	p->lives_end = &p->lives;
	return (p);
}

int
plan_empty(const struct pin_plan *p)
{
	return (p->nwrites == 0 && p->nevents == 0 && p->nlives == 0);
}

static void
plan_fail(struct pin_plan *p, int code, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (p->failed != PIN_OK)
		return;			/* the first says it */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->failed = pin_err_set(&p->err, code, "%s", text);
}

/* ---- targets -------------------------------------------------------- */

struct pin_str
target_path(struct pin_arena *arena, const struct pin_target *t,
    int with_name)
{
	struct pin_out o;

	pin_out_init(&o, arena, 2048);
	pin_out_cstr(&o, t->group != NULL && *t->group ? "/apis/" : "/api");
	pin_out_cstr(&o, t->group != NULL ? t->group : "");
	pin_out_char(&o, '/');
	pin_out_cstr(&o, t->version);
	if (t->namespace.len > 0) {
		pin_out_cstr(&o, "/namespaces/");
		pin_out_str(&o, t->namespace);
	}
	pin_out_char(&o, '/');
	pin_out_cstr(&o, t->resource);
	if (with_name) {
		pin_out_char(&o, '/');
		pin_out_str(&o, t->name);
	}
	if (t->subresource != NULL && *t->subresource) {
		pin_out_char(&o, '/');
		pin_out_cstr(&o, t->subresource);
	}
	return (o.failed != PIN_OK ? PIN_STR_NONE :
	    (struct pin_str){ o.p, o.len });
}

struct pin_str
live_path(struct pin_arena *arena, const struct pin_target *t)
{
	struct pin_str path = target_path(arena, t, t->name.len > 0);
	struct pin_out o;

	if (t->name.len > 0 || path.p == NULL)
		return (path);
	pin_out_init(&o, arena, 2048);
	pin_out_str(&o, path);
	pin_out_printf(&o, "?limit=%d", PIN_LIST_MAX);
	return (o.failed != PIN_OK ? PIN_STR_NONE :
	    (struct pin_str){ o.p, o.len });
}

/* Names come from objects, so they hold nothing to escape; what does is
 * nobody's name. */
static int
plain(struct pin_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] == '/' || s.p[i] == '?' ||
		    s.p[i] == '%' || s.p[i] == '#' || (s.p[i] & 0x80) != 0)
			return (0);
	return (1);
}

static int
target_good(struct pin_plan *p, const struct pin_target *t, int with_name)
{
	if (t->version == NULL || t->resource == NULL)
		plan_fail(p, PIN_EINVAL, "a write without version or "
		    "resource");
	else if (!plain(t->namespace) || !plain(t->name))
		plan_fail(p, PIN_EINVAL, "%s: '" PIN_SFMT "' is no name",
		    t->resource, PIN_SARG(t->name));
	else if (with_name && t->name.len == 0)
		plan_fail(p, PIN_EINVAL, "a write to %s without a name",
		    t->resource);
	return (p->failed == PIN_OK);
}

static struct pin_str
copy(struct pin_plan *p, struct pin_str s)
{
	return (s.len > 0 ? pin_arena_str(p->arena, s) : PIN_STR_NONE);
}

static struct plan_write *
write_new(struct pin_plan *p, uint32_t verb, const struct pin_target *t,
    int with_name)
{
	struct plan_write *w;

	if (p->failed != PIN_OK || p->truncated)
		return (NULL);
	if (p->nwrites >= PIN_PLAN_WRITES_MAX) {
		p->truncated = 1;	/* and nothing after it */
		return (NULL);
	}
	if (!target_good(p, t, with_name))
		return (NULL);
	w = pin_arena_zalloc(p->arena, sizeof(*w));
	if (w == NULL) {
		plan_fail(p, PIN_ENOMEM, "the plan is too large");
		return (NULL);
	}
	w->verb = verb;
	w->group = copy(p, pin_str(t->group != NULL ? t->group : ""));
	w->version = copy(p, pin_str(t->version));
	w->resource = copy(p, pin_str(t->resource));
	w->subresource = copy(p, pin_str(t->subresource));
	w->namespace = copy(p, t->namespace);
	w->name = copy(p, t->name);
	w->path = target_path(p->arena, t, with_name);
	w->type = PIN_STR("application/json");
	return (w);
}

static void
write_add(struct pin_plan *p, struct plan_write *w, const struct pin_out *o)
{
	if (o != NULL) {
		if (o->failed != PIN_OK) {
			plan_fail(p, o->failed, "the body of a write to "
			    PIN_SFMT " is too large", PIN_SARG(w->resource));
			return;
		}
		w->body = (struct pin_str){ o->p, o->len };
	}
	if (w->path.p == NULL) {
		plan_fail(p, PIN_ELIMIT, "a path is too long");
		return;
	}
	w->index = p->nwrites++;
	*p->writes_end = w;
	p->writes_end = &w->next;
}

/* ---- writes --------------------------------------------------------- */

static void
write_object(struct pin_plan *p, struct plan_write *w,
    const struct pin_obj *obj)
{
	struct pin_out o;

	if (w == NULL)
		return;
	pin_out_init(&o, p->arena, PLAN_BODY_MAX);
	pin_obj_write(obj, pin_obj_root(obj), &o);
	write_add(p, w, &o);
}

void
pin_plan_create(struct pin_plan *p, const struct pin_target *t,
    const struct pin_obj *obj)
{
	int sub = t->subresource != NULL && *t->subresource;

	write_object(p, write_new(p, WRITE_CREATE, t, sub), obj);
}

void
pin_plan_update(struct pin_plan *p, const struct pin_target *t,
    const struct pin_obj *obj)
{
	write_object(p, write_new(p, WRITE_UPDATE, t, 1), obj);
}

static void
json_member(struct pin_out *o, const char *before, const char *name,
    struct pin_str value)
{
	pin_out_printf(o, "%s\"%s\":", before, name);
	pin_json_quote(o, value);
}

/* A JSON patch tests first what it takes for granted. */
static void
patch_json(struct pin_out *o, const struct pin_target *t, struct pin_str json)
{
	size_t i = 0;

	while (i < json.len && json.p[i] != '[')
		i++;
	pin_out_char(o, '[');
	if (t->uid.len > 0) {
		json_member(o, "{\"op\":\"test\",\"path\":\"/metadata/uid\",",
		    "value", t->uid);
		pin_out_cstr(o, "},");
	}
	if (t->version_seen.len > 0) {
		json_member(o, "{\"op\":\"test\",\"path\":\"/metadata/"
		    "resourceVersion\",", "value", t->version_seen);
		pin_out_cstr(o, "},");
	}
	if (i < json.len)
		pin_out_put(o, json.p + i + 1, json.len - i - 1);
}

/* The others say it in metadata. */
static int
patch_object(struct pin_plan *p, struct pin_out *o,
    const struct pin_target *t, struct pin_str json)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *obj;
	pin_node root, meta;

	if (pin_obj_parse(p->arena, json.p, json.len, &obj, &err) != PIN_OK) {
		plan_fail(p, PIN_EINVAL, "patch of %s: %s", t->resource,
		    err.text);
		return (0);
	}
	root = pin_obj_root(obj);
	meta = pin_obj_get(obj, root, "metadata");
	if (pin_obj_type(obj, meta) != PIN_OBJECT)
		meta = pin_obj_set_new(obj, root, "metadata", PIN_OBJECT);
	if (t->uid.len > 0)
		pin_obj_set_str(obj, meta, "uid", t->uid);
	if (t->version_seen.len > 0)
		pin_obj_set_str(obj, meta, "resourceVersion",
		    t->version_seen);
	pin_obj_write(obj, pin_obj_root(obj), o);
	return (1);
}

void
pin_plan_patch(struct pin_plan *p, const struct pin_target *t, int type,
    struct pin_str json)
{
	struct plan_write *w = write_new(p, WRITE_PATCH, t, 1);
	struct pin_out o;

	if (w == NULL)
		return;
	pin_out_init(&o, p->arena, PLAN_BODY_MAX);
	if (t->uid.len == 0 && t->version_seen.len == 0)
		pin_out_str(&o, json);
	else if (type == PIN_PATCH_TYPE_JSON)
		patch_json(&o, t, json);
	else if (!patch_object(p, &o, t, json))
		return;
	if (type == PIN_PATCH_TYPE_JSON)
		w->type = PIN_STR("application/json-patch+json");
	else if (type == PIN_PATCH_TYPE_MERGE)
		w->type = PIN_STR("application/merge-patch+json");
	else if (type == PIN_PATCH_TYPE_STRATEGIC)
		w->type = PIN_STR("application/strategic-merge-patch+json");
	else
		plan_fail(p, PIN_EINVAL, "patch of %s: there is no patch "
		    "type %d", t->resource, type);
	write_add(p, w, &o);
}

static void
write_delete(struct pin_plan *p, struct plan_write *w,
    const struct pin_target *t, const char *propagation)
{
	struct pin_out o;

	if (w == NULL)
		return;
	pin_out_init(&o, p->arena, 4096);
	pin_out_cstr(&o, "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\"");
	if (t->uid.len > 0 || t->version_seen.len > 0) {
		pin_out_cstr(&o, ",\"preconditions\":{");
		if (t->uid.len > 0)
			json_member(&o, "", "uid", t->uid);
		if (t->version_seen.len > 0)
			json_member(&o, t->uid.len > 0 ? "," : "",
			    "resourceVersion", t->version_seen);
		pin_out_char(&o, '}');
	}
	if (propagation != NULL)
		json_member(&o, ",", "propagationPolicy",
		    pin_str(propagation));
	pin_out_char(&o, '}');
	write_add(p, w, &o);
}

void
pin_plan_delete(struct pin_plan *p, const struct pin_target *t,
    const char *propagation)
{
	write_delete(p, write_new(p, WRITE_DELETE, t, 1), t, propagation);
}

void
pin_plan_delete_all(struct pin_plan *p, const struct pin_target *t,
    const char *propagation)
{
	struct pin_target all = *t;

	all.name = all.uid = all.version_seen = PIN_STR_NONE;
	write_delete(p, write_new(p, WRITE_DELETE_ALL, &all, 0), &all,
	    propagation);
}

/* ---- the rest ------------------------------------------------------- */

void
pin_plan_event(struct pin_plan *p, const struct pin_obj *about,
    const char *type, const char *reason, const char *fmt, ...)
{
	pin_node root = pin_obj_root(about), meta;
	char text[EVENT_MESSAGE_MAX];
	struct recorder_event *says;
	struct plan_event *e;
	va_list ap;

	if (p->failed != PIN_OK || p->truncated ||
	    p->nevents >= PIN_PLAN_EVENTS_MAX)
		return;
	e = pin_arena_zalloc(p->arena, sizeof(*e));
	if (e == NULL)
		return;			/* only an Event */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	meta = pin_obj_get(about, root, "metadata");
	says = &e->says;
	e->after = p->nwrites > 0 ? p->nwrites - 1 : NO_WRITE;
	says->api_version = copy(p, pin_obj_str(about, pin_obj_get(about, root,
	    "apiVersion")));
	says->kind = copy(p, pin_obj_str(about, pin_obj_get(about, root,
	    "kind")));
	says->namespace = copy(p, pin_obj_str(about, pin_obj_get(about, meta,
	    "namespace")));
	says->name = copy(p, pin_obj_str(about, pin_obj_get(about, meta,
	    "name")));
	says->uid = copy(p, pin_obj_str(about, pin_obj_get(about, meta,
	    "uid")));
	says->revision = copy(p, pin_obj_str(about, pin_obj_get(about, meta,
	    "resourceVersion")));
	says->type = copy(p, pin_str(type));
	says->reason = copy(p, pin_str(reason));
	says->message = copy(p, pin_str(text));
	p->nevents++;
	*p->events_end = e;
	p->events_end = &e->next;
}

void
pin_plan_requeue(struct pin_plan *p, uint64_t after_ms)
{
	if (!p->requeue || after_ms < p->requeue_ms)
		p->requeue_ms = after_ms;	/* the soonest */
	p->requeue = 1;
}

void
pin_plan_live(struct pin_plan *p, const struct pin_target *t)
{
	struct plan_live *l;

	if (p->failed != PIN_OK || !target_good(p, t, 0))
		return;
	if (p->nlives >= PIN_PLAN_LIVE_MAX) {
		plan_fail(p, PIN_ELIMIT, "more than %d live reads at once",
		    PIN_PLAN_LIVE_MAX);
		return;
	}
	l = pin_arena_zalloc(p->arena, sizeof(*l));
	if (l != NULL)
		l->path = live_path(p->arena, t);
	if (l == NULL || l->path.p == NULL) {
		plan_fail(p, PIN_ENOMEM, "the plan is too large");
		return;
	}
	p->nlives++;
	*p->lives_end = l;
	p->lives_end = &l->next;
}
