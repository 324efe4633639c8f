/* SPDX-License-Identifier: BSD-2-Clause
 *
 * discovery.c -- see discovery.h: every document is written once at start
 * and then only referenced.
 * Contract: discovery.h. */
#include "core/apiserver/discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/apiserver/openapi.h"
#include "core/apiserver/render.h"
#include "core/apiserver/verbs.h"
#include "core/tls/tls.h"

#define DOC_MAX		(4u << 20)
#define DOCS_MAX	64

struct doc {
	char		 path[96];
	struct pin_buf	*bytes;		/* NULL: made anew each time */
	struct pin_buf	*aggregated;	/* NULL: there is no such form */
	char		 etag[72];	/* of the aggregated form, quoted */
};

struct discovery {
	struct openapi_docs *openapi;
	struct doc	 docs[DOCS_MAX];
	uint32_t	 n;
};

/* ---- pieces --------------------------------------------------------- */

static void
put_words(struct pin_out *o, const struct pin_schema *sc, uint32_t w)
{
	uint32_t i, n = pin_schema_nwords(sc, w);

	pin_out_char(o, '[');
	for (i = 0; i < n; i++)
		pin_out_printf(o, "%s\"%s\"", i > 0 ? "," : "",
		    pin_schema_str(sc, pin_schema_word(sc, w, i)));
	pin_out_char(o, ']');
}

static void
put_verbs(struct pin_out *o, uint32_t verbs)
{
	uint32_t i, n = 0;

	pin_out_char(o, '[');
	for (i = 0; i < PIN_VERB__COUNT; i++)
		if ((verbs & 1u << i) != 0)
			pin_out_printf(o, "%s\"%s\"", n++ > 0 ? "," : "",
			    pin_verb_name(1u << i));
	pin_out_char(o, ']');
}

static void
put_gv(struct pin_out *o, const struct pin_schema *sc,
    const struct pin_gv_row *gv)
{
	const char *group = pin_schema_str(sc, gv->group);

	pin_out_printf(o, "%s%s%s", group, *group ? "/" : "",
	    pin_schema_str(sc, gv->version));
}

/* base64 of the first eight bytes of sha256("group/version/Kind") of the
 * stored form. */
static void
put_hash(struct pin_out *o, const struct pin_schema *sc,
    const struct pin_res_row *res)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const struct pin_res_row *st = &sc->resources[res->store];
	const struct pin_gv_row *gv = &sc->gvs[st->gv];
	char text[256];
	uint8_t sum[32];
	uint32_t v, i, k;
	int n;

	n = snprintf(text, sizeof(text), "%s/%s/%s",
	    pin_schema_str(sc, gv->group), pin_schema_str(sc,
	    st->hash_version != 0 ? st->hash_version : gv->version),
	    pin_schema_str(sc, st->kind));
	tls_sha256(text, (size_t)n, sum);
	for (i = 0; i < 8; i += 3) {
		for (v = 0, k = 0; k < 3; k++)
			v = v << 8 | (i + k < 8 ? sum[i + k] : 0);
		for (k = 0; k < 4; k++)
			pin_out_char(o, i + k <= 8 ? set[v >> (18 - 6 * k) &
			    63] : '=');
	}
}

/* ---- one group version: APIResourceList ------------------------------ */

static void
put_sub(struct pin_out *o, const struct pin_schema *sc,
    const struct pin_res_row *res, const struct pin_sub_row *sub)
{
	const struct pin_gv_row *gv = &sc->gvs[res->gv];
	const char *sgv = pin_schema_str(sc, sub->gv), *slash;
	char own[128];

	pin_out_printf(o, ",{\"name\":\"%s/%s\",\"singularName\":\"\","
	    "\"namespaced\":%s", pin_schema_str(sc, res->plural),
	    pin_schema_str(sc, sub->name), (res->flags & PIN_RF_NAMESPACED) !=
	    0 ? "true" : "false");
	snprintf(own, sizeof(own), "%s%s%s", pin_schema_str(sc, gv->group),
	    *pin_schema_str(sc, gv->group) ? "/" : "",
	    pin_schema_str(sc, gv->version));
	if (strcmp(sgv, own) != 0) {
		slash = strchr(sgv, '/');
		if (slash != NULL)
			pin_out_printf(o, ",\"group\":\"%.*s\"",
			    (int)(slash - sgv), sgv);
		pin_out_printf(o, ",\"version\":\"%s\"", slash != NULL ?
		    slash + 1 : sgv);
	}
	pin_out_printf(o, ",\"kind\":\"%s\",\"verbs\":",
	    pin_schema_str(sc, sub->kind));
	put_verbs(o, sub->verbs);
	pin_out_char(o, '}');
}

static void
put_resource(struct pin_out *o, const struct pin_schema *sc,
    const struct pin_res_row *res)
{
	uint32_t i;

	pin_out_printf(o, "{\"name\":\"%s\",\"singularName\":\"%s\","
	    "\"namespaced\":%s,\"kind\":\"%s\",\"verbs\":",
	    pin_schema_str(sc, res->plural), pin_schema_str(sc, res->singular),
	    (res->flags & PIN_RF_NAMESPACED) != 0 ? "true" : "false",
	    pin_schema_str(sc, res->kind));
	put_verbs(o, res->verbs);
	if (pin_schema_nwords(sc, res->shorts) > 0) {
		pin_out_cstr(o, ",\"shortNames\":");
		put_words(o, sc, res->shorts);
	}
	if (pin_schema_nwords(sc, res->categories) > 0) {
		pin_out_cstr(o, ",\"categories\":");
		put_words(o, sc, res->categories);
	}
	if ((res->flags & (PIN_RF_REVIEW | PIN_RF_COMPUTED)) == 0) {
		pin_out_cstr(o, ",\"storageVersionHash\":\"");
		put_hash(o, sc, res);
		pin_out_char(o, '"');
	}
	pin_out_char(o, '}');
	for (i = 0; i < res->nsubs; i++)
		put_sub(o, sc, res, &sc->subs[res->sub0 + i]);
}

static void
put_resources(struct pin_out *o, const struct pin_schema *sc,
    const struct pin_gv_row *gv)
{
	uint32_t i;

	pin_out_cstr(o, "{\"kind\":\"APIResourceList\",");
	if (*pin_schema_str(sc, gv->group) != '\0')
		pin_out_cstr(o, "\"apiVersion\":\"v1\",");
	pin_out_cstr(o, "\"groupVersion\":\"");
	put_gv(o, sc, gv);
	pin_out_cstr(o, "\",\"resources\":[");
	for (i = 0; i < gv->nres; i++) {
		if (i > 0)
			pin_out_char(o, ',');
		put_resource(o, sc, &sc->resources[gv->res0 + i]);
	}
	pin_out_cstr(o, "]}\n");
}

/* ---- aggregated ------------------------------------------------------ */

/* A kind of the group version it is listed in says neither. */
static void
put_kind(struct pin_out *o, const struct pin_schema *sc,
    const struct pin_gv_row *in, const char *gv, const char *kind)
{
	const char *slash = strchr(gv, '/'), *version;
	int group_len = slash != NULL ? (int)(slash - gv) : 0;
	char own[128];

	version = slash != NULL ? slash + 1 : gv;
	snprintf(own, sizeof(own), "%s%s%s", pin_schema_str(sc, in->group),
	    *pin_schema_str(sc, in->group) ? "/" : "",
	    pin_schema_str(sc, in->version));
	if (strcmp(own, gv) == 0) {
		group_len = 0;
		version = "";
	}
	pin_out_printf(o, "\"responseKind\":{\"group\":\"%.*s\","
	    "\"version\":\"%s\",\"kind\":\"%s\"}", group_len, gv, version,
	    kind);
}

static void
agg_subs(struct pin_out *o, const struct pin_schema *sc,
    const struct pin_res_row *res)
{
	const struct pin_sub_row *sub;
	uint32_t i;

	if (res->nsubs == 0)
		return;
	pin_out_cstr(o, ",\"subresources\":[");
	for (i = 0; i < res->nsubs; i++) {
		sub = &sc->subs[res->sub0 + i];
		pin_out_printf(o, "%s{\"subresource\":\"%s\",", i > 0 ? "," :
		    "", pin_schema_str(sc, sub->name));
		put_kind(o, sc, &sc->gvs[res->gv], pin_schema_str(sc, sub->gv),
		    pin_schema_str(sc, sub->kind));
		pin_out_cstr(o, ",\"verbs\":");
		put_verbs(o, sub->verbs);
		pin_out_char(o, '}');
	}
	pin_out_char(o, ']');
}

static void
agg_version(struct pin_out *o, const struct pin_schema *sc,
    const struct pin_gv_row *gv)
{
	const struct pin_res_row *res;
	char own[128];
	uint32_t i;

	snprintf(own, sizeof(own), "%s%s%s", pin_schema_str(sc, gv->group),
	    *pin_schema_str(sc, gv->group) ? "/" : "",
	    pin_schema_str(sc, gv->version));
	pin_out_printf(o, "{\"version\":\"%s\",\"resources\":[",
	    pin_schema_str(sc, gv->version));
	for (i = 0; i < gv->nres; i++) {
		res = &sc->resources[gv->res0 + i];
		pin_out_printf(o, "%s{\"resource\":\"%s\",", i > 0 ? "," : "",
		    pin_schema_str(sc, res->plural));
		put_kind(o, sc, gv, own, pin_schema_str(sc, res->kind));
		pin_out_printf(o, ",\"scope\":\"%s\",\"singularResource\":"
		    "\"%s\",\"verbs\":", (res->flags & PIN_RF_NAMESPACED) !=
		    0 ? "Namespaced" : "Cluster",
		    pin_schema_str(sc, res->singular));
		put_verbs(o, res->verbs);
		if (pin_schema_nwords(sc, res->shorts) > 0) {
			pin_out_cstr(o, ",\"shortNames\":");
			put_words(o, sc, res->shorts);
		}
		if (pin_schema_nwords(sc, res->categories) > 0) {
			pin_out_cstr(o, ",\"categories\":");
			put_words(o, sc, res->categories);
		}
		agg_subs(o, sc, res);
		pin_out_char(o, '}');
	}
	pin_out_cstr(o, "],\"freshness\":\"Current\"}");
}

/* ---- groups ----------------------------------------------------------- */

/* Served group versions in discovery's order, core left out. */
static uint32_t
ordered(const struct pin_schema *sc, const struct pin_gv_row *out[DOCS_MAX])
{
	const struct pin_gv_row *gv, *tmp;
	uint32_t i, k, n = 0;

	for (i = 0; i < sc->ngvs && n < DOCS_MAX; i++) {
		gv = &sc->gvs[i];
		if (gv->nres == 0 || *pin_schema_str(sc, gv->group) == '\0')
			continue;
		out[n++] = gv;
		for (k = n - 1; k > 0 && (out[k]->order < out[k - 1]->order ||
		    (out[k]->order == out[k - 1]->order &&
		    out[k]->rank < out[k - 1]->rank)); k--) {
			tmp = out[k];
			out[k] = out[k - 1];
			out[k - 1] = tmp;
		}
	}
	return (n);
}

static void
put_version(struct pin_out *o, const struct pin_schema *sc,
    const struct pin_gv_row *gv)
{
	pin_out_cstr(o, "{\"groupVersion\":\"");
	put_gv(o, sc, gv);
	pin_out_printf(o, "\",\"version\":\"%s\"}",
	    pin_schema_str(sc, gv->version));
}

/* The versions gv[0..n) of one group, preferred first. */
static void
put_group(struct pin_out *o, const struct pin_schema *sc,
    const struct pin_gv_row *const *gv, uint32_t n, int whole)
{
	uint32_t i;

	pin_out_char(o, '{');
	if (whole)
		pin_out_cstr(o, "\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
	pin_out_printf(o, "\"name\":\"%s\",\"versions\":[",
	    pin_schema_str(sc, gv[0]->group));
	for (i = 0; i < n; i++) {
		if (i > 0)
			pin_out_char(o, ',');
		put_version(o, sc, gv[i]);
	}
	pin_out_cstr(o, "],\"preferredVersion\":");
	put_version(o, sc, gv[0]);
	pin_out_char(o, '}');
}

/* ---- documents -------------------------------------------------------- */

static struct doc *
doc_add(struct discovery *d, const char *path, struct pin_out *o)
{
	struct doc *doc;

	PIN_ASSERT(d->n < DOCS_MAX && o->failed == PIN_OK);
	doc = &d->docs[d->n++];
	snprintf(doc->path, sizeof(doc->path), "%s", path);
	doc->bytes = o->len == 0 ? NULL : pin_buf_copy(o->p, o->len);
	o->len = 0;
	return (doc);
}

static void
doc_aggregate(struct doc *doc, struct pin_out *o)
{
	uint8_t sum[32];
	size_t i;

	PIN_ASSERT(o->failed == PIN_OK);
	doc->aggregated = pin_buf_copy(o->p, o->len);
	tls_sha256(o->p, o->len, sum);
	doc->etag[0] = '"';
	for (i = 0; i < sizeof(sum); i++)
		snprintf(doc->etag + 1 + 2 * i, 3, "%02X", sum[i]);
	doc->etag[65] = '"';
	o->len = 0;
}

static void
make_core(struct apiserver *srv, struct discovery *d, struct pin_out *o)
{
	const struct pin_schema *sc = srv->schema;
	const struct pin_gv_row *core = pin_gv_find(sc, "", "v1");
	struct doc *doc;

	doc = doc_add(d, "/api", o);	/* its bytes: put_versions */
	pin_out_cstr(o, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":"
	    "\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":["
	    "{\"metadata\":{},\"versions\":[");
	agg_version(o, sc, core);
	pin_out_cstr(o, "]}]}\n");
	doc_aggregate(doc, o);
	put_resources(o, sc, core);
	(void)doc_add(d, "/api/v1", o);
}

static uint32_t
same_group(const struct pin_gv_row *const *gv, uint32_t n)
{
	uint32_t k = 1;

	while (k < n && gv[k]->group == gv[0]->group)
		k++;
	return (k);
}

static void
make_groups(struct apiserver *srv, struct discovery *d, struct pin_out *o)
{
	const struct pin_schema *sc = srv->schema;
	const struct pin_gv_row *gv[DOCS_MAX];
	uint32_t n = ordered(sc, gv), i, k, j;
	struct doc *doc;
	char path[96];

	pin_out_cstr(o, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\","
	    "\"groups\":[");
	for (i = 0; i < n; i += same_group(gv + i, n - i)) {
		if (i > 0)
			pin_out_char(o, ',');
		put_group(o, sc, gv + i, same_group(gv + i, n - i), 0);
	}
	pin_out_cstr(o, "]}\n");
	doc = doc_add(d, "/apis", o);
	pin_out_cstr(o, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":"
	    "\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[");
	for (i = 0; i < n; i += k) {
		k = same_group(gv + i, n - i);
		pin_out_printf(o, "%s{\"metadata\":{\"name\":\"%s\"},"
		    "\"versions\":[", i > 0 ? "," : "",
		    pin_schema_str(sc, gv[i]->group));
		for (j = 0; j < k; j++) {
			if (j > 0)
				pin_out_char(o, ',');
			agg_version(o, sc, gv[i + j]);
		}
		pin_out_cstr(o, "]}");
	}
	pin_out_cstr(o, "]}\n");
	doc_aggregate(doc, o);
	for (i = 0; i < n; i++) {
		if (i == 0 || gv[i]->group != gv[i - 1]->group) {
			put_group(o, sc, gv + i, same_group(gv + i, n - i), 1);
			pin_out_char(o, '\n');
			snprintf(path, sizeof(path), "/apis/%s",
			    pin_schema_str(sc, gv[i]->group));
			(void)doc_add(d, path, o);
		}
		put_resources(o, sc, gv[i]);
		snprintf(path, sizeof(path), "/apis/%s/%s",
		    pin_schema_str(sc, gv[i]->group),
		    pin_schema_str(sc, gv[i]->version));
		(void)doc_add(d, path, o);
	}
}

static int
path_cmp(const void *a, const void *b)
{
	return (strcmp(*(const char *const *)a, *(const char *const *)b));
}

static void
make_index(struct discovery *d, struct pin_out *o)
{
	static const char *const more[] = {
		"/.well-known/openid-configuration", "/apis/", "/healthz",
		"/livez", "/metrics", "/openapi/v2", "/openapi/v3",
		"/openapi/v3/", "/openid/v1/jwks", "/readyz", "/version" };
	const char *paths[DOCS_MAX + PIN_LEN(more)];
	uint32_t i, n = 0;

	for (i = 0; i < d->n; i++)
		paths[n++] = d->docs[i].path;
	for (i = 0; i < PIN_LEN(more); i++)
		paths[n++] = more[i];
	qsort(paths, n, sizeof(paths[0]), path_cmp);
	pin_out_cstr(o, "{\"paths\":[");
	for (i = 0; i < n; i++)
		pin_out_printf(o, "%s\"%s\"", i > 0 ? "," : "", paths[i]);
	pin_out_cstr(o, "]}\n");
	(void)doc_add(d, "/", o);
}

int
discovery_open(struct apiserver *srv, struct pin_err *err)
{
	struct discovery *d = pin_xcalloc(1, sizeof(*d));
	struct pin_out o;

	(void)err;
	pin_out_init(&o, NULL, DOC_MAX);
	make_core(srv, d, &o);
	make_groups(srv, d, &o);
	make_index(d, &o);
	pin_out_fini(&o);
	d->openapi = openapi_open(srv->schema);
	srv->discovery = d;
	return (PIN_OK);
}

void
discovery_close(struct apiserver *srv)
{
	struct discovery *d = srv->discovery;
	uint32_t i;

	srv->discovery = NULL;
	if (d == NULL)
		return;
	for (i = 0; i < d->n; i++) {
		pin_buf_put(&d->docs[i].bytes);
		pin_buf_put(&d->docs[i].aggregated);
	}
	openapi_close(&d->openapi);
	free(d);
}

/* Where the server listens is known only when it does, so this one document
 * is made anew each time. */
static void
put_versions(const struct apiserver *srv, struct pin_out *o)
{
	pin_out_cstr(o, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
	    "\"serverAddressByClientCIDRs\":[{\"clientCIDR\":\"0.0.0.0/0\","
	    "\"serverAddress\":\"");
	pin_out_printf(o, strchr(srv->advertise, ':') != NULL ? "[%s]:%u" :
	    "%s:%u", srv->advertise, srv->bound.port);
	pin_out_cstr(o, "\"}]}\n");
}

int
discovery_doc(const struct apiserver *srv, const char *path, int aggregated,
    struct pin_out *o)
{
	const struct discovery *d = srv->discovery;
	const struct pin_buf *b = NULL;
	uint32_t i;

	if (strcmp(path, "/api") == 0 && !aggregated) {
		put_versions(srv, o);
		return (1);
	}
	for (i = 0; i < d->n && b == NULL; i++)
		if (strcmp(d->docs[i].path, path) == 0)
			b = aggregated ? d->docs[i].aggregated :
			    d->docs[i].bytes;
	if (b == NULL)
		return (0);
	pin_out_put(o, b->data, b->len);
	return (1);
}

/* ---- serving ----------------------------------------------------------- */

static int
contains(struct pin_str s, const char *word)
{
	size_t n = strlen(word), i;

	for (i = 0; i + n <= s.len; i++)
		if (memcmp(s.p + i, word, n) == 0)
			return (1);
	return (0);
}

/* v2 is the only form there is: v2beta1 falls back to the plain one. */
static int
wants_aggregated(struct request *r)
{
	struct pin_str rest = exchange_header(r->ex, "Accept"), clause;
	const char *comma;

	while (rest.len > 0) {
		comma = memchr(rest.p, ',', rest.len);
		clause = rest;
		if (comma != NULL)
			clause.len = (size_t)(comma - rest.p);
		if (contains(clause, "as=APIGroupDiscoveryList") &&
		    contains(clause, "application/json") &&
		    (contains(clause, "v=v2;") || (clause.len > 4 &&
		    memcmp(clause.p + clause.len - 4, "v=v2", 4) == 0)))
			return (1);
		rest.p += clause.len + (comma != NULL);
		rest.len -= clause.len + (comma != NULL);
	}
	return (0);
}

static int
serve_aggregated(struct request *r, const struct doc *doc)
{
	if (pin_str_is(exchange_header(r->ex, "If-None-Match"), doc->etag))
		return (reply_etag(r, 304, NULL, doc->etag, NULL));
	return (reply_etag(r, 200, NULL, doc->etag,
	    pin_buf_get(doc->aggregated)));
}

int
discovery_dispatch(struct request *r)
{
	struct discovery *d = r->srv->discovery;
	struct pin_out o;
	uint32_t i;

	for (i = 0; i < d->n; i++) {
		if (!pin_str_is(r->info.path, d->docs[i].path))
			continue;
		if (d->docs[i].aggregated != NULL && wants_aggregated(r))
			return (serve_aggregated(r, &d->docs[i]));
		if (d->docs[i].bytes == NULL) {
			pin_out_init(&o, r->arena, DOC_MAX);
			put_versions(r->srv, &o);
			return (reply_bytes(r, 200, "application/json",
			    (struct pin_str){ o.p, o.len }));
		}
		return (reply_buf(r, 200, "application/json",
		    pin_buf_get(d->docs[i].bytes)));
	}
	return (openapi_dispatch(r, d->openapi));
}
