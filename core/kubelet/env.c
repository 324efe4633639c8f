/* SPDX-License-Identifier: BSD-2-Clause
 *
 * env.c -- a container's environment: Services, envFrom, env, in that order;
 * $(NAME) put in.
 * Work pool. Contract: Kubernetes' (docs/node.md "Environment"). A missing
 * ConfigMap or Secret that is not optional is PIN_ENOTFOUND. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kubelet/kubelet_int.h"
#include "core/kubelet/source.h"

struct list {
	char		**v;		/* "NAME=value"; ends in NULL */
	uint32_t	 n;
	int		 failed;
};

static char *
find(char *const *env, const char *name, size_t len)
{
	char *found = NULL;

	for (; env != NULL && *env != NULL; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			found = *env + len + 1;
	return (found);
}

static void
put(struct list *l, struct pin_str name, struct pin_str value)
{
	char *p;
	uint32_t i;

	if (l->n >= KUBELET_ENV_MAX) {
		l->failed = PIN_ELIMIT;
		return;
	}
	p = pin_xmalloc(name.len + value.len + 2);
	memcpy(p, name.p, name.len);
	p[name.len] = '=';
	if (value.len > 0)
		memcpy(p + name.len + 1, value.p, value.len);
	p[name.len + value.len + 1] = '\0';
	for (i = 0; i < l->n; i++)
		if (strncmp(l->v[i], p, name.len + 1) == 0) {
			free(l->v[i]);
			l->v[i] = p;
			return;
		}
	l->v = pin_xrealloc(l->v, (l->n + 2) * sizeof(*l->v));
	l->v[l->n++] = p;
	l->v[l->n] = NULL;
}

static void
put_text(struct list *l, const char *name, const char *value)
{
	put(l, (struct pin_str){ name, strlen(name) }, (struct pin_str){
	    value, strlen(value) });
}

/* $(NAME) becomes its value, $$ a dollar; what is not known stays. */
char *
env_expand(char *const *env, struct pin_str s)
{
	struct pin_out o;
	const char *end, *v;
	size_t i;
	char *p;

	pin_out_init(&o, NULL, KUBELET_TEXT_MAX);
	for (i = 0; i < s.len; i++) {
		if (s.p[i] != '$' || i + 1 == s.len) {
			pin_out_char(&o, s.p[i]);
		} else if (s.p[i + 1] == '$') {
			pin_out_char(&o, '$');
			i++;
		} else if (s.p[i + 1] == '(' && (end = memchr(s.p + i, ')',
		    s.len - i)) != NULL && (v = find(env, s.p + i + 2,
		    (size_t)(end - s.p) - i - 2)) != NULL) {
			pin_out_cstr(&o, v);
			i = (size_t)(end - s.p);
		} else
			pin_out_char(&o, '$');
	}
	pin_out_char(&o, '\0');
	p = o.failed == PIN_OK ? pin_xstrdup(o.p) : pin_xstrdup("");
	pin_out_fini(&o);
	return (p);
}

/* ---- Services ---------------------------------------------------------- */

static void
upper(char *out, size_t size, struct pin_str name)
{
	size_t i;

	str_copy(out, size, name);
	for (i = 0; out[i] != '\0'; i++)
		out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned
		    char)out[i]);
}

/* at: NULL, as the Service says. */
static void
service(struct list *l, const struct pin_obj *o, pin_node svc,
    const struct service_at *at)
{
	struct pin_str ip = at != NULL ? pin_str(at->ip) : pin_obj_str(o,
	    pin_obj_at(o, svc, "spec", "clusterIP", NULL)), proto, name;
	char up[256], key[400], text[256], pname[128];
	int64_t port = 0;
	int first = 1;
	pin_node p;

	if (ip.len == 0 || pin_str_is(ip, "None"))
		return;
	upper(up, sizeof(up), pin_obj_str(o, pin_obj_at(o, svc, "metadata",
	    "name", NULL)));
	snprintf(key, sizeof(key), "%s_SERVICE_HOST", up);
	snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(ip));
	put_text(l, key, text);
	for (p = pin_obj_first(o, pin_obj_at(o, svc, "spec", "ports", NULL));
	    p != 0; p = pin_obj_next(o, p)) {
		char num[24], low[16], PROTO[16];
		size_t i;

		(void)pin_obj_i64(o, pin_obj_get(o, p, "port"), &port);
		if (at != NULL)
			port = at->port;
		proto = pin_obj_str(o, pin_obj_get(o, p, "protocol"));
		name = pin_obj_str(o, pin_obj_get(o, p, "name"));
		snprintf(num, sizeof(num), "%lld", (long long)port);
		upper(PROTO, sizeof(PROTO), proto.len > 0 ? proto :
		    (struct pin_str){ "TCP", 3 });
		for (i = 0; PROTO[i] != '\0'; i++)
			low[i] = (char)tolower((unsigned char)PROTO[i]);
		low[i] = '\0';
		snprintf(text, sizeof(text), "%s://" PIN_SFMT ":%s", low,
		    PIN_SARG(ip), num);
		if (first) {
			snprintf(key, sizeof(key), "%s_SERVICE_PORT", up);
			put_text(l, key, num);
			snprintf(key, sizeof(key), "%s_PORT", up);
			put_text(l, key, text);
			first = 0;
		}
		if (name.len > 0) {
			upper(pname, sizeof(pname), name);
			snprintf(key, sizeof(key), "%s_SERVICE_PORT_%s", up,
			    pname);
			put_text(l, key, num);
		}
		snprintf(key, sizeof(key), "%s_PORT_%s_%s", up, num, PROTO);
		put_text(l, key, text);
		snprintf(key, sizeof(key), "%s_PORT_%s_%s_PROTO", up, num,
		    PROTO);
		put_text(l, key, low);
		snprintf(key, sizeof(key), "%s_PORT_%s_%s_PORT", up, num,
		    PROTO);
		put_text(l, key, num);
		snprintf(key, sizeof(key), "%s_PORT_%s_%s_ADDR", up, num,
		    PROTO);
		snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(ip));
		put_text(l, key, text);
	}
}

static int
services(struct kpod *pod, struct list *l, struct pin_err *err)
{
	pin_node links = pin_obj_at(pod->obj, pin_obj_root(pod->obj), "spec",
	    "enableServiceLinks", NULL), n;
	struct service_at at;
	struct pin_obj *o;
	int rc;

	rc = api_get(pod->k, &o, err, "/api/v1/namespaces/default/services/"
	    "kubernetes");
	if (rc == PIN_OK) {
		rc = services_apiserver(pod->k, o, &at, err);
		if (rc == PIN_OK)
			service(l, o, pin_obj_root(o), &at);
	}
	pin_obj_free(&o);
	if (rc != PIN_OK && rc != PIN_ENOTFOUND)
		return (rc);
	if (links != 0 && !pin_obj_true(pod->obj, links))
		return (PIN_OK);
	rc = api_get(pod->k, &o, err, "/api/v1/namespaces/%s/services",
	    pod->ns);
	if (rc == PIN_OK)
		for (n = pin_obj_first(o, pin_obj_get(o, pin_obj_root(o),
		    "items")); n != 0; n = pin_obj_next(o, n))
			if (!pin_str_is(pin_obj_str(o, pin_obj_at(o, n,
			    "metadata", "name", NULL)), "kubernetes") ||
			    strcmp(pod->ns, "default") != 0)
				service(l, o, n, NULL);
	pin_obj_free(&o);
	return (rc);
}

/* ---- envFrom, env ------------------------------------------------- */

static int
from_one(struct kpod *pod, pin_node f, struct list *l, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str prefix = pin_obj_str(o, pin_obj_get(o, f, "prefix"));
	pin_node ref = pin_obj_get(o, f, "configMapRef");
	int secret = ref == 0, rc;
	struct source src;
	char name[512];
	struct pin_str v;
	uint32_t i;

	if (secret)
		ref = pin_obj_get(o, f, "secretRef");
	rc = source_get(pod, secret, pin_obj_str(o, pin_obj_get(o, ref,
	    "name")), &src, err);
	if (rc == PIN_ENOTFOUND && pin_obj_true(o, pin_obj_get(o, ref,
	    "optional")))
		return (PIN_OK);
	for (i = 0; rc == PIN_OK && i < source_count(&src); i++) {
		struct pin_str key;

		source_at(&src, i, &key, &v);
		snprintf(name, sizeof(name), PIN_SFMT PIN_SFMT,
		    PIN_SARG(prefix), PIN_SARG(key));
		put(l, (struct pin_str){ name, strlen(name) }, v);
	}
	source_fini(&src);
	return (rc);
}

static int
key_ref(struct kpod *pod, pin_node ref, int secret, struct pin_out *out,
    int *absent, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str name = pin_obj_str(o, pin_obj_get(o, ref, "name")),
	    key = pin_obj_str(o, pin_obj_get(o, ref, "key")), v;
	int optional = pin_obj_true(o, pin_obj_get(o, ref, "optional"));
	struct source src;
	int rc;

	rc = source_get(pod, secret, name, &src, err);
	if (rc == PIN_OK && !source_find(&src, key, &v))
		rc = pin_err_set(err, PIN_ENOTFOUND, "couldn't find key "
		    PIN_SFMT " in %s %s/" PIN_SFMT, PIN_SARG(key), secret ?
		    "Secret" : "ConfigMap", pod->ns, PIN_SARG(name));
	else if (rc == PIN_OK)
		pin_out_str(out, v);
	if (rc == PIN_ENOTFOUND && optional) {
		*absent = 1;
		rc = PIN_OK;
	}
	source_fini(&src);
	return (rc);
}

static int
env_one(struct kpod *pod, struct kcontainer *c, pin_node e, struct list *l,
    struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	pin_node from = pin_obj_get(o, e, "valueFrom"), ref;
	struct pin_out out;
	int absent = 0, rc = PIN_OK;
	char *text;

	pin_out_init(&out, NULL, KUBELET_TEXT_MAX);
	if (from == 0) {
		text = env_expand(l->v, pin_obj_str(o, pin_obj_get(o, e,
		    "value")));
		pin_out_cstr(&out, text);
		free(text);
	} else if ((ref = pin_obj_get(o, from, "fieldRef")) != 0)
		rc = field_value(pod, ref, &out, err);
	else if ((ref = pin_obj_get(o, from, "resourceFieldRef")) != 0)
		rc = resource_value(pod, ref, c, &out, err);
	else if ((ref = pin_obj_get(o, from, "configMapKeyRef")) != 0)
		rc = key_ref(pod, ref, 0, &out, &absent, err);
	else if ((ref = pin_obj_get(o, from, "secretKeyRef")) != 0)
		rc = key_ref(pod, ref, 1, &out, &absent, err);
	else
		rc = pin_err_set(err, PIN_EINVALID, "valueFrom." PIN_SFMT
		    " is not supported", PIN_SARG(pin_obj_key(o,
		    pin_obj_first(o, from))));
	if (rc == PIN_OK && out.failed != PIN_OK)
		rc = pin_err_set(err, out.failed, "environment");
	if (rc == PIN_OK && !absent)
		put(l, pin_obj_str(o, pin_obj_get(o, e, "name")),
		    (struct pin_str){ out.p, out.len });
	pin_out_fini(&out);
	return (rc);
}

int
env_make(struct kpod *pod, struct kcontainer *c, char ***out,
    struct pin_err *err)
{
	struct list l = { NULL, 0, 0 };
	char path[KUBELET_PATH_MAX], key[320], host[KUBELET_NAME_MAX];
	struct pin_str name;
	pin_node n;
	int rc;

	*out = NULL;
	rc = etc_hostname(pod, host, err);
	if (rc != PIN_OK)
		return (rc);
	put_text(&l, "HOSTNAME", host);
	message_path(pod, c, c->attempt, path);
	put_text(&l, "PINTLE_TERMINATION_LOG", path);
	rc = services(pod, &l, err);
	for (n = pin_obj_first(pod->obj, pin_obj_get(pod->obj, c->spec,
	    "volumeMounts")); n != 0; n = pin_obj_next(pod->obj, n)) {
		name = pin_obj_str(pod->obj, pin_obj_get(pod->obj, n,
		    "name"));
		if (volume_path(pod, name, path) < 0)
			continue;
		snprintf(key, sizeof(key), "PINTLE_VOLUME_" PIN_SFMT,
		    PIN_SARG(name));
		for (char *p = key; *p != '\0'; p++)
			if (*p == '-' || *p == '.')
				*p = '_';
		put_text(&l, key, path);
	}
	for (n = pin_obj_first(pod->obj, pin_obj_get(pod->obj, c->spec,
	    "envFrom")); n != 0 && rc == PIN_OK; n = pin_obj_next(pod->obj,
	    n))
		rc = from_one(pod, n, &l, err);
	for (n = pin_obj_first(pod->obj, pin_obj_get(pod->obj, c->spec,
	    "env")); n != 0 && rc == PIN_OK; n = pin_obj_next(pod->obj, n))
		rc = env_one(pod, c, n, &l, err);
	if (rc == PIN_OK && l.failed != 0)
		rc = pin_err_set(err, PIN_EINVALID, "more than %d variables",
		    KUBELET_ENV_MAX);
	if (rc != PIN_OK)
		env_free(&l.v);
	*out = l.v;
	return (rc);
}

void
env_free(char ***list)
{
	uint32_t i;

	for (i = 0; *list != NULL && (*list)[i] != NULL; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
}
