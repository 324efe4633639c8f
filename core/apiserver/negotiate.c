/* SPDX-License-Identifier: BSD-2-Clause
 *
 * negotiate.c -- media types: what the client accepts, what it sends.
 * Front loop. Contract: RFC 9110 section 12.5.1 as apiserver's negotiation
 * reads it: clauses in order of q then of place; 406 and 415 name what there
 * is. */
#include "core/apiserver/apiserver.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/json/dup.h"
#include "lib/yaml/yaml.h"

#define ACCEPT_CLAUSES_MAX	32

/* One clause of Accept, or Content-Type: type and the parameters we know. */
struct media {
	struct pin_str	type;
	struct pin_str	as, v, g;
	double		q;
	uint32_t	place;
};

static struct pin_str
trim(struct pin_str s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.len--;
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return (s);
}

/* Cuts the text before sep off *rest. */
static struct pin_str
cut(struct pin_str *rest, char sep)
{
	const char *at = rest->len > 0 ? memchr(rest->p, sep, rest->len) :
	    NULL;
	struct pin_str s = *rest;

	if (at == NULL) {
		rest->len = 0;
		return (trim(s));
	}
	s.len = (size_t)(at - rest->p);
	rest->p = at + 1;
	rest->len -= s.len + 1;
	return (trim(s));
}

static int
same(struct pin_str s, const char *word)
{
	return (s.len == strlen(word) && strncasecmp(s.p, word, s.len) == 0);
}

static void
media_parse(struct pin_str clause, struct media *m)
{
	struct pin_str param, name;
	char num[16];

	memset(m, 0, sizeof(*m));
	m->q = 1;
	m->type = cut(&clause, ';');
	while (clause.len > 0) {
		param = cut(&clause, ';');
		name = cut(&param, '=');
		if (param.len >= 2 && param.p[0] == '"')
			param = (struct pin_str){ param.p + 1, param.len - 2 };
		if (same(name, "as"))
			m->as = param;
		else if (same(name, "v"))
			m->v = param;
		else if (same(name, "g"))
			m->g = param;
		else if (same(name, "q") && param.len < sizeof(num)) {
			memcpy(num, param.p, param.len);
			num[param.len] = '\0';
			m->q = strtod(num, NULL);
		}
	}
}

/* Fills r->out when the clause can be served. */
static int
offer(struct request *r, const struct media *m, int tables)
{
	int json, yaml;

	json = same(m->type, "application/json") || same(m->type, "*/*") ||
	    same(m->type, "application/*");
	yaml = same(m->type, "application/yaml");
	if (!json && !yaml)
		return (0);
	memset(&r->out, 0, sizeof(r->out));
	r->out.yaml = (uint32_t)yaml;
	if (m->as.len == 0)
		return (1);
	if (!tables || !pin_str_is(m->g, "meta.k8s.io") ||
	    !(pin_str_is(m->v, "v1") || pin_str_is(m->v, "v1beta1")))
		return (0);
	r->out.beta = (uint32_t)pin_str_is(m->v, "v1beta1");
	if (pin_str_is(m->as, "Table"))
		r->out.form = OUT_TABLE;
	else if (pin_str_is(m->as, "PartialObjectMetadata"))
		r->out.form = OUT_META;
	else if (pin_str_is(m->as, "PartialObjectMetadataList"))
		r->out.form = OUT_META_LIST;
	else
		return (0);
	return (!yaml || r->out.form != OUT_TABLE);
}

static void
table_include(struct request *r)
{
	struct pin_str rest = r->ex->head.query, name, value;

	while (query_next(r->arena, &rest, &name, &value))
		if (pin_str_is(name, "includeObject"))
			r->out.include = pin_str_is(value, "None") ? 1 :
			    pin_str_is(value, "Object") ? 2 : 0;
}

int
negotiate(struct request *r, int tables)
{
	struct pin_str accept = exchange_header(r->ex, "Accept"), rest = accept;
	struct media m[ACCEPT_CLAUSES_MAX];
	uint32_t n = 0, i, best;
	int transforms = 0;

	while (rest.len > 0 && n < ACCEPT_CLAUSES_MAX) {
		media_parse(cut(&rest, ','), &m[n]);
		transforms |= m[n].as.len > 0;
		n += m[n].type.len > 0;
	}
	if (n == 0)
		return (PIN_OK);
	for (;;) {
		for (best = n, i = 0; i < n; i++)
			if (m[i].q > 0 && (best == n || m[i].q > m[best].q))
				best = i;
		if (best == n)
			break;
		if (offer(r, &m[best], tables)) {
			if (r->out.form == OUT_TABLE)
				table_include(r);
			return (PIN_OK);
		}
		m[best].q = 0;
	}
	memset(&r->out, 0, sizeof(r->out));
	if (transforms)
		return (pin_err_set(&r->err, PIN_EACCEPT, "only the following "
		    "media types are accepted: application/json, "
		    "application/yaml"));
	return (pin_err_set(&r->err, PIN_EACCEPT, "406: Not Acceptable\n\n"
	    "Available representations: application/json, application/yaml"));
}

/* ---- bodies --------------------------------------------------------- */

static int
find_type(void *arg, struct pin_str api_version, struct pin_str kind,
    struct pin_type *out, struct pin_err *err)
{
	struct request *r = arg;
	const struct pin_schema *sc = r->srv->schema;
	char name[256], group[128], text[64];
	const char *slash = memchr(api_version.p, '/', api_version.len);
	const struct pin_gv_row *gv;
	struct pin_str g = PIN_STR(""), v = api_version;

	if (slash != NULL) {
		g = (struct pin_str){ v.p, (size_t)(slash - v.p) };
		v = (struct pin_str){ slash + 1, v.len - g.len - 1 };
	}
	snprintf(group, sizeof(group), PIN_SFMT, PIN_SARG(g));
	snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(v));
	gv = pin_gv_find(sc, group, text);
	if (gv != NULL) {
		snprintf(name, sizeof(name), "%s." PIN_SFMT,
		    pin_schema_str(sc, gv->prefix), PIN_SARG(kind));
		if (pin_type_find(sc, name, out))
			return (PIN_OK);
	}
	/* Options kinds are registered in every group version. */
	snprintf(name, sizeof(name), "meta.v1." PIN_SFMT, PIN_SARG(kind));
	if (pin_type_find(sc, name, out))
		return (PIN_OK);
	return (pin_err_set(err, PIN_EINVAL, "no kind \"" PIN_SFMT "\" is "
	    "registered for version \"" PIN_SFMT "\"", PIN_SARG(kind),
	    PIN_SARG(api_version)));
}

/* Protobuf without a kind or version is of the one asked for, as JSON is. */
static int
find_sent(void *arg, struct pin_str api_version, struct pin_str kind,
    struct pin_type *out, struct pin_err *err)
{
	struct request *r = arg;
	struct pin_str gv, v;
	const char *want;

	if ((r->info.verb_bit & (PIN_VERB_CREATE | PIN_VERB_UPDATE)) == 0)
		return (find_type(arg, api_version, kind, out, err));
	gv = body_kind(r, &want);
	if (api_version.len == 0)
		api_version = gv;
	if (kind.len == 0)
		kind = pin_str(want);
	if (find_type(arg, api_version, kind, out, NULL) == PIN_OK)
		return (PIN_OK);
	v = version_part(api_version);
	return (pin_err_set(err, PIN_EINVAL, PIN_SFMT " in version \"" PIN_SFMT
	    "\"" BODY_NOT_A "%s: no kind \"" PIN_SFMT "\" is registered for "
	    "version \"" PIN_SFMT "\" in scheme \"pkg/runtime/scheme.go:111\"",
	    PIN_SARG(kind), PIN_SARG(v), want, PIN_SARG(kind),
	    PIN_SARG(api_version)));
}

static int
is_json(const struct media *m)
{
	return (m->type.len == 0 || same(m->type, "application/json") ||
	    same(m->type, "*/*"));
}

int
kind_known(struct request *r, struct pin_str api_version, struct pin_str kind)
{
	struct pin_type type;

	return (api_version.len > 0 && find_type(r, api_version, kind, &type,
	    NULL) == PIN_OK);
}

int
body_known(struct request *r)
{
	struct media m;

	media_parse(exchange_header(r->ex, "Content-Type"), &m);
	if (is_json(&m) || same(m.type, "application/yaml") ||
	    same(m.type, "application/vnd.kubernetes.protobuf"))
		return (PIN_OK);
	return (pin_err_set(&r->err, PIN_EMEDIA, "the body of the request was "
	    "in an unknown format - accepted media types include: "
	    "application/json, application/yaml, "
	    "application/vnd.kubernetes.protobuf"));
}

int
body_decode(struct request *r, PIN_OWN struct pin_obj **out,
    struct pin_strict *strict)
{
	struct media m;

	(void)strict;
	if (body_known(r) != PIN_OK)
		return (r->err.code);
	media_parse(exchange_header(r->ex, "Content-Type"), &m);
	if (is_json(&m))
		return (pin_obj_parse(r->arena, r->body.p, r->body.len, out,
		    &r->err));
	if (same(m.type, "application/yaml"))
		return (pin_yaml_parse(r->arena, r->body.p, r->body.len, out,
		    &r->err));
	return (pin_proto_decode(r->arena, r->body, find_sent, r, out,
	    &r->err));
}
