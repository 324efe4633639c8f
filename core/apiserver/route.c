/* SPDX-License-Identifier: BSD-2-Clause
 *
 * route.c -- from a request's method and path to what is asked, as upstream's
 * RequestInfo says it (apiserver: endpoints/request).
 * Pure but for the request it fills; front loop.
 * Contract: a segment that decodes to '/', NUL, "." or ".." is refused, so no
 * spelling of a path reaches a key that was not authorized. */
#include "core/apiserver/request.h"

#include <stdio.h>
#include <string.h>

#include "core/apiserver/apiserver.h"

#define PATH_SEGMENTS_MAX	12

struct path {
	uint32_t	n;
	struct pin_str	seg[PATH_SEGMENTS_MAX];
};

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

int
url_decode(struct pin_arena *arena, struct pin_str in, int plus,
    struct pin_str *out)
{
	char *p;
	size_t i, n;
	int hi, lo;

	if (memchr(in.p, '%', in.len) == NULL &&
	    (!plus || memchr(in.p, '+', in.len) == NULL)) {
		*out = in;
		return (PIN_OK);
	}
	p = pin_arena_alloc(arena, in.len);
	if (p == NULL)
		return (PIN_ENOMEM);
	for (i = n = 0; i < in.len; i++) {
		if (plus && in.p[i] == '+') {
			p[n++] = ' ';
		} else if (in.p[i] == '%') {
			if (i + 2 >= in.len || (hi = hex(in.p[i + 1])) < 0 ||
			    (lo = hex(in.p[i + 2])) < 0)
				return (PIN_EINVAL);
			p[n++] = (char)(hi << 4 | lo);
			i += 2;
		} else {
			p[n++] = in.p[i];
		}
	}
	*out = (struct pin_str){ p, n };
	return (PIN_OK);
}

int
query_next(struct pin_arena *arena, struct pin_str *rest, struct pin_str *name,
    struct pin_str *value)
{
	struct pin_str pair;
	const char *end, *eq;

	for (;;) {
		if (rest->len == 0)
			return (0);
		end = memchr(rest->p, '&', rest->len);
		pair.p = rest->p;
		pair.len = end != NULL ? (size_t)(end - rest->p) : rest->len;
		rest->p += pair.len + (end != NULL);
		rest->len -= pair.len + (end != NULL);
		if (pair.len == 0)
			continue;
		eq = memchr(pair.p, '=', pair.len);
		*name = pair;
		*value = PIN_STR("");
		if (eq != NULL) {
			name->len = (size_t)(eq - pair.p);
			value->p = eq + 1;
			value->len = pair.len - name->len - 1;
		}
		/* As net/url: a pair that does not decode is left out. */
		if (url_decode(arena, *name, 1, name) == PIN_OK &&
		    url_decode(arena, *value, 1, value) == PIN_OK)
			return (1);
	}
}

static int
segment_ok(struct pin_str s)
{
	return (memchr(s.p, '/', s.len) == NULL &&
	    memchr(s.p, '\0', s.len) == NULL &&
	    !pin_str_is(s, ".") && !pin_str_is(s, ".."));
}

/* "/a//b/" has the segments a, b, as net/http's clean path would. */
static int
path_split(struct request *r, struct pin_str raw, struct path *p)
{
	struct pin_str s;
	const char *slash;

	p->n = 0;
	while (raw.len > 0) {
		slash = memchr(raw.p, '/', raw.len);
		s.p = raw.p;
		s.len = slash != NULL ? (size_t)(slash - raw.p) : raw.len;
		raw.p += s.len + (slash != NULL);
		raw.len -= s.len + (slash != NULL);
		if (s.len == 0)
			continue;
		if (p->n == PATH_SEGMENTS_MAX)
			return (pin_err_set(&r->err, PIN_ENOTFOUND,
			    "the server could not find the requested "
			    "resource"));
		if (url_decode(r->arena, s, 0, &s) != PIN_OK || !segment_ok(s))
			return (pin_err_set(&r->err, PIN_EINVAL,
			    "invalid path segment \"" PIN_SFMT "\"",
			    PIN_SARG(s)));
		p->seg[p->n++] = s;
	}
	return (PIN_OK);
}

static const struct {
	const char	*method;
	const char	*verb;		/* with a name */
	const char	*collection;	/* without one */
} verbs[] = {
	{ "GET",	"get",		"list" },
	{ "HEAD",	"get",		"list" },
	{ "POST",	"create",	"create" },
	{ "PUT",	"update",	"update" },
	{ "PATCH",	"patch",	"patch" },
	{ "DELETE",	"delete",	"deletecollection" },
};

static void
path_verb(struct request *r, int named)
{
	struct pin_str m = r->ex->head.method;
	char *low;
	size_t i;

	for (i = 0; i < PIN_LEN(verbs); i++)
		if (pin_str_is(m, verbs[i].method)) {
			r->info.verb = pin_str(named ? verbs[i].verb :
			    verbs[i].collection);
			return;
		}
	low = pin_arena_strndup(r->arena, m.p, m.len);
	for (i = 0; low != NULL && i < m.len; i++)
		if (low[i] >= 'A' && low[i] <= 'Z')
			low[i] = (char)(low[i] - 'A' + 'a');
	r->info.verb = low != NULL ? pin_str(low) : PIN_STR("unknown");
}

static uint32_t
verb_bit(struct pin_str verb)
{
	uint32_t i;

	for (i = 0; i < PIN_VERB__COUNT; i++)
		if (pin_str_is(verb, pin_verb_name(1u << i)))
			return (1u << i);
	return (0);
}

/* What follows the group version: [watch/] [namespaces/NS/] RESOURCE
 * [NAME [SUBRESOURCE]]. `at` is the first segment of it. */
static void
path_resource(struct request *r, const struct path *p, uint32_t at)
{
	struct request_info *in = &r->info;
	int watch = 0;

	if (p->n > at + 1 && pin_str_is(p->seg[at], "watch")) {
		watch = 1;
		at++;
	}
	if (pin_str_is(p->seg[at], "namespaces") && p->n > at + 1) {
		in->namespace = p->seg[at + 1];
		/* namespaces/NS[/status|finalize] is the namespace itself. */
		if (p->n > at + 2 && !pin_str_is(p->seg[at + 2], "status") &&
		    !pin_str_is(p->seg[at + 2], "finalize"))
			at += 2;
	}
	in->resource = p->seg[at];
	if (p->n > at + 1)
		in->name = p->seg[at + 1];
	if (p->n > at + 2)
		in->subresource = p->seg[at + 2];
	path_verb(r, in->name.len > 0);
	if (watch) {
		in->verb = PIN_STR("watch");
		r->opt.watch = 1;
	}
	in->is_resource = 1;
}

static void
find_resource(struct request *r)
{
	struct request_info *in = &r->info;
	char group[128], version[32], plural[64], sub[64];

	if (in->group.len >= sizeof(group) ||
	    in->version.len >= sizeof(version) ||
	    in->resource.len >= sizeof(plural) ||
	    in->subresource.len >= sizeof(sub))
		return;
	snprintf(group, sizeof(group), PIN_SFMT, PIN_SARG(in->group));
	snprintf(version, sizeof(version), PIN_SFMT, PIN_SARG(in->version));
	snprintf(plural, sizeof(plural), PIN_SFMT, PIN_SARG(in->resource));
	snprintf(sub, sizeof(sub), PIN_SFMT, PIN_SARG(in->subresource));
	r->res = pin_res_find(r->srv->schema, group, version, plural);
	if (r->res != NULL && in->subresource.len > 0)
		r->sub = pin_res_sub(r->srv->schema, r->res, sub);
}

int
request_route(struct request *r)
{
	struct path p;
	struct request_info *in = &r->info;
	uint32_t at;
	int rc;

	rc = url_decode(r->arena, r->ex->head.path, 0, &in->path);
	if (rc != PIN_OK)
		return (pin_err_set(&r->err, PIN_EINVAL, "invalid path"));
	rc = path_split(r, r->ex->head.path, &p);
	if (rc != PIN_OK)
		return (rc);
	path_verb(r, 1);
	if (p.n >= 3 && pin_str_is(p.seg[0], "api")) {
		in->version = p.seg[1];
		at = 2;
	} else if (p.n >= 4 && pin_str_is(p.seg[0], "apis")) {
		in->group = p.seg[1];
		in->version = p.seg[2];
		at = 3;
	} else {
		return (PIN_OK);
	}
	in->prefix = p.seg[0];
	path_resource(r, &p, at);
	find_resource(r);
	if (r->opt.watch && pin_str_is(in->verb, "list"))
		in->verb = PIN_STR("watch");
	in->verb_bit = verb_bit(in->verb);
	return (PIN_OK);
}

/* Kinds that upstream tells everyone to leave. */
void
request_deprecated(struct request *r)
{
	if (r->info.group.len > 0)
		return;
	if (pin_str_is(r->info.resource, "endpoints"))
		request_warn(r, "v1 Endpoints is deprecated in v1.33+; use "
		    "discovery.k8s.io/v1 EndpointSlice");
	else if (pin_str_is(r->info.resource, "componentstatuses"))
		request_warn(r, "v1 ComponentStatus is deprecated in v1.19+");
}
