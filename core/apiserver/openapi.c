/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi.c -- see openapi.h. A document is made for each request, in a few
 * milliseconds, and not kept: clients keep it by its hash, and megabytes that
 * are read once a client need not lie in memory. Only the hashes are kept.
 * Contract: openapi.h. */
#include "core/apiserver/openapi.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/apiserver/openapi_int.h"
#include "core/apiserver/render.h"
#include "core/tls/tls.h"

#define DOCS_MAX	256
#define HASH_TEXT_MAX	72
#define ACCEPT_MAX	32		/* clauses that are looked at */
#define YEAR_S		(INT64_C(365) * 24 * 3600)

struct doc {
	char		 name[160];
	char		 hash[HASH_TEXT_MAX];
};

/* Documents of version 3, and the hash of that of version 2. The lock is held
 * while they are hashed for the first time. */
struct openapi_docs {
	pthread_mutex_t	 lock;
	const struct pin_schema *sc;
	int		 known;
	uint32_t	 n;
	struct doc	 docs[DOCS_MAX];
	char		 hash_v2[HASH_TEXT_MAX];
};

static void
hash_text(const struct pin_out *o, char out[HASH_TEXT_MAX])
{
	uint8_t sum[32];
	size_t i;

	tls_sha256(o->p, o->len, sum);
	for (i = 0; i < sizeof(sum); i++)
		snprintf(out + 2 * i, 3, "%02X", sum[i]);
}

static void
docs_hash(struct openapi_docs *d)
{
	struct openapi a;

	openapi_init(&a, d->sc, 2);
	openapi_v2(&a);
	hash_text(&a.o, d->hash_v2);
	openapi_fini(&a);
	for (d->n = 0; d->n < DOCS_MAX; d->n++) {
		openapi_init(&a, d->sc, 3);
		if (openapi_v3(d->sc, d->n, d->docs[d->n].name, &a) == 0) {
			openapi_fini(&a);
			break;
		}
		hash_text(&a.o, d->docs[d->n].hash);
		openapi_fini(&a);
	}
	d->known = 1;
}

struct openapi_docs *
openapi_open(const struct pin_schema *sc)
{
	struct openapi_docs *d = pin_xcalloc(1, sizeof(*d));

	pthread_mutex_init(&d->lock, NULL);
	d->sc = sc;
	return (d);
}

void
openapi_close(PIN_OWN struct openapi_docs **dp)
{
	struct openapi_docs *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* ---- what the client takes ------------------------------------------- */

enum { FORM_JSON, FORM_PROTO, FORM__NONE };
#define PROTO_TYPE	"application/com.github.proto-openapi.spec.v2.v1.0+"  \
    "protobuf"

static struct pin_str
cut(struct pin_str *rest, char at)
{
	struct pin_str s = *rest;
	const char *p = rest->len == 0 ? NULL : memchr(rest->p, at, rest->len);

	if (p == NULL) {
		rest->p += rest->len;
		rest->len = 0;
	} else {
		s.len = (size_t)(p - s.p);
		rest->len -= s.len + 1;
		rest->p = p + 1;
	}
	while (s.len > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return (s);
}

/* "0.5" in thousandths; nonsense is 1. */
static uint32_t
quality(struct pin_str s)
{
	uint32_t q, unit = 100;
	size_t i;

	if (s.len == 0 || (s.p[0] != '0' && s.p[0] != '1'))
		return (1000);
	q = s.p[0] == '1' ? 1000 : 0;
	for (i = 2; i < s.len && i < 5 && q < 1000; i++, unit /= 10) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (1000);
		q += (uint32_t)(s.p[i] - '0') * unit;
	}
	return (q);
}

static uint32_t
form_of(struct pin_str type, int proto)
{
	static const char *const json[] = { "application/json",
	    "application/*", "*/*" };
	static const char *const protos[] = { PROTO_TYPE,
	    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" };
	size_t i;

	for (i = 0; i < PIN_LEN(json); i++)
		if (pin_str_is(type, json[i]))
			return (FORM_JSON);
	for (i = 0; proto && i < PIN_LEN(protos); i++)
		if (pin_str_is(type, protos[i]))
			return (FORM_PROTO);
	return (FORM__NONE);
}

/* The form of the best clause there is a form for. */
static uint32_t
accepted(struct request *r, int proto)
{
	struct pin_str rest = exchange_header(r->ex, "Accept"), clause, type,
	    param;
	uint32_t best = FORM__NONE, best_q = 0, q, form, n = 0;

	if (rest.len == 0)
		return (FORM_JSON);
	while (rest.len > 0 && n++ < ACCEPT_MAX) {
		clause = cut(&rest, ',');
		type = cut(&clause, ';');
		q = 1000;
		while (clause.len > 0) {
			param = cut(&clause, ';');
			if (pin_str_prefix(param, "q="))
				q = quality((struct pin_str){ param.p + 2,
				    param.len - 2 });
		}
		form = form_of(type, proto);
		if (form != FORM__NONE && q > best_q) {
			best = form;
			best_q = q;
		}
	}
	return (best);
}

/* ---- answers ---------------------------------------------------------- */

static int
is_known(struct request *r, const char *etag)
{
	struct pin_str rest = exchange_header(r->ex, "If-None-Match"), one;

	while (rest.len > 0) {
		one = cut(&rest, ',');
		if (pin_str_prefix(one, "W/"))
			one = (struct pin_str){ one.p + 2, one.len - 2 };
		if (pin_str_is(one, etag) || pin_str_is(one, "*"))
			return (1);
	}
	return (0);
}

/* What was asked for by its hash never changes. */
static void
keep_for_ever(struct request *r, struct reply_keep *k, char expires[64])
{
	time_t t = (time_t)(pin_host_wall(r->srv->host) / 1000000000 + YEAR_S);
	struct tm tm;

	k->cache = "public, immutable";
	if (gmtime_r(&t, &tm) != NULL && strftime(expires, 64,
	    "%a, %d %b %Y %H:%M:%S UTC", &tm) != 0)
		k->expires = expires;
}

static int
send_doc(struct request *r, struct openapi *a, uint32_t form,
    const struct reply_keep *k)
{
	const char *type = "application/json";
	struct pin_buf *b = NULL;
	struct pin_out o;
	int rc = a->o.failed;

	if (rc == PIN_OK && form == FORM_PROTO) {
		type = PROTO_TYPE;
		pin_out_init(&o, NULL, OPENAPI_DOC_MAX);
		rc = openapi_proto((struct pin_str){ a->o.p, a->o.len }, &o,
		    &r->err);
		if (rc == PIN_OK)
			b = pin_buf_copy(o.p, o.len);
		pin_out_fini(&o);
		if (rc == PIN_EINTERNAL) {
			openapi_fini(a);
			return (reply_error(r));
		}
	} else if (rc == PIN_OK) {
		b = pin_buf_copy(a->o.p, a->o.len);
	}
	openapi_fini(a);
	if (b == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	return (reply_kept(r, 200, type, k, b));
}

static int
refuse(struct request *r, const char *types)
{
	return (reply_err(r, PIN_EACCEPT, "only the following media types are "
	    "accepted: %s", types));
}

static int
serve_v2(struct request *r, const struct openapi_docs *d)
{
	struct reply_keep k = { .cache = "no-cache, private" };
	uint32_t form = accepted(r, 1);
	char etag[HASH_TEXT_MAX + 4];
	struct openapi a;

	if (form == FORM__NONE)
		return (refuse(r, "application/json, " PROTO_TYPE));
	snprintf(etag, sizeof(etag), "\"%s\"", d->hash_v2);
	k.etag = etag;
	if (is_known(r, etag))
		return (reply_kept(r, 304, "application/json", &k, NULL));
	openapi_init(&a, d->sc, 2);
	openapi_v2(&a);
	return (send_doc(r, &a, form, &k));
}

static int
serve_index(struct request *r, const struct openapi_docs *d)
{
	struct pin_out o;
	uint32_t i;

	pin_out_init(&o, r->arena, 1u << 20);
	pin_out_cstr(&o, "{\"paths\":{");
	for (i = 0; i < d->n; i++)
		pin_out_printf(&o, "%s\"%s\":{\"serverRelativeURL\":"
		    "\"/openapi/v3/%s?hash=%s\"}", i > 0 ? "," : "",
		    d->docs[i].name, d->docs[i].name, d->docs[i].hash);
	pin_out_cstr(&o, "}}\n");
	if (o.failed != PIN_OK)
		return (reply_err(r, o.failed, "out of memory"));
	/* Upstream names no type here, and its library guesses this one. */
	return (reply_bytes(r, 200, "text/plain; charset=utf-8",
	    (struct pin_str){ o.p, o.len }));
}

static struct pin_str
asked_hash(struct request *r)
{
	struct pin_str rest = r->ex->head.query, name, value;

	while (query_next(r->arena, &rest, &name, &value))
		if (pin_str_is(name, "hash"))
			return (value);
	return (PIN_STR_NONE);
}

static int
serve_v3(struct request *r, const struct openapi_docs *d, uint32_t i)
{
	struct reply_keep k = { .cache = "no-cache, private" };
	struct pin_str hash = asked_hash(r);
	char etag[HASH_TEXT_MAX + 4], expires[64], name[160], location[320];
	struct openapi a;

	if (accepted(r, 0) == FORM__NONE)
		return (refuse(r, "application/json"));
	snprintf(etag, sizeof(etag), "\"%s\"", d->docs[i].hash);
	k.etag = etag;
	if (hash.len > 0 && !pin_str_is(hash, d->docs[i].hash)) {
		snprintf(location, sizeof(location), "/openapi/v3/%s?hash=%s",
		    d->docs[i].name, d->docs[i].hash);
		k.location = location;
		return (reply_kept(r, 301, "text/plain", &k, NULL));
	}
	if (hash.len > 0)
		keep_for_ever(r, &k, expires);
	if (is_known(r, etag))
		return (reply_kept(r, 304, "application/json", &k, NULL));
	openapi_init(&a, d->sc, 3);
	(void)openapi_v3(d->sc, i, name, &a);
	return (send_doc(r, &a, FORM_JSON, &k));
}

int
openapi_dispatch(struct request *r, struct openapi_docs *d)
{
	static const char head[] = "/openapi/v3/";
	struct pin_str p = r->info.path, rest;
	uint32_t i;

	if (!pin_str_prefix(p, "/openapi/"))
		return (STEP_NEXT);
	pthread_mutex_lock(&d->lock);
	if (!d->known)
		docs_hash(d);
	pthread_mutex_unlock(&d->lock);
	if (pin_str_is(p, "/openapi/v2"))
		return (serve_v2(r, d));
	if (pin_str_is(p, "/openapi/v3"))
		return (serve_index(r, d));
	if (!pin_str_prefix(p, head))
		return (STEP_NEXT);
	rest = (struct pin_str){ p.p + sizeof(head) - 1,
	    p.len - (sizeof(head) - 1) };
	for (i = 0; i < d->n; i++)
		if (pin_str_is(rest, d->docs[i].name))
			return (serve_v3(r, d, i));
	return (STEP_NEXT);
}
