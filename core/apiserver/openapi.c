/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi.c -- see openapi.h. A document is made for each request, in some
 * ten milliseconds, and not kept: clients keep it by its hash, and megabytes
 * that are read once a client need not lie in memory.
 * Contract: openapi.h. */
#include "core/apiserver/openapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_info.h"
#include "core/apiserver/openapi_int.h"
#include "core/apiserver/render.h"
#include "core/tls/tls.h"

/* The tables are fixed when the program is built: its hash names them. */
static void
doc_hash(const struct apiserver *srv, const char *what, char out[72])
{
	const struct pin_schema *sc = srv->schema;
	char text[256];
	uint8_t sum[2][32];
	size_t i;
	int n;

	tls_sha256(sc->fields, sc->nfields * sizeof(*sc->fields), sum[0]);
	tls_sha256(sc->strings, sc->nstrings, sum[1]);
	n = snprintf(text, sizeof(text), "%s %s %u", PIN_VERSION, what,
	    sc->ntypes);
	if (n < 0 || (size_t)n > sizeof(text) - 64)
		n = 0;
	memcpy(text + n, sum, 64);
	tls_sha256(text, (size_t)n + 64, sum[0]);
	for (i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02X", sum[0][i]);
}

static void
gv_path(const struct pin_schema *sc, const struct pin_gv_row *gv,
    char out[160])
{
	const char *group = pin_schema_str(sc, gv->group);

	snprintf(out, 160, "%s%s%s/%s", *group ? "apis" : "api", *group ? "/" :
	    "", group, pin_schema_str(sc, gv->version));
}

static int
serve_index(struct request *r)
{
	const struct pin_schema *sc = r->srv->schema;
	char path[160], hash[72];
	struct pin_out o;
	uint32_t i, n = 0;

	pin_out_init(&o, r->arena, 1u << 20);
	pin_out_cstr(&o, "{\"paths\":{");
	for (i = 0; i < sc->ngvs; i++) {
		if (sc->gvs[i].nres == 0)
			continue;
		gv_path(sc, &sc->gvs[i], path);
		doc_hash(r->srv, path, hash);
		pin_out_printf(&o, "%s\"%s\":{\"serverRelativeURL\":"
		    "\"/openapi/v3/%s?hash=%s\"}", n++ > 0 ? "," : "", path,
		    path, hash);
	}
	pin_out_cstr(&o, "}}\n");
	return (reply_bytes(r, 200, "application/json", (struct pin_str){ o.p,
	    o.len }));
}

static int
send(struct request *r, struct openapi *a, const char *what)
{
	char hash[72], etag[80];
	struct pin_buf *b;

	doc_hash(r->srv, what, hash);
	snprintf(etag, sizeof(etag), "\"%s\"", hash);
	b = a->o.failed == PIN_OK ? pin_buf_copy(a->o.p, a->o.len) : NULL;
	openapi_fini(a);
	if (b == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	return (reply_etag(r, 200, "application/json", etag, b));
}

static int
serve_v3(struct request *r, const struct pin_gv_row *gv, const char *path)
{
	(void)gv; (void)path;
	return (send(r, NULL, path));
}

static int
serve_v2(struct request *r)
{
	struct openapi a;

	openapi_init(&a, r->srv->schema, 2);
	openapi_v2(&a);
	return (send(r, &a, "v2"));
}

int
openapi_dispatch(struct request *r)
{
	const struct pin_schema *sc = r->srv->schema;
	static const char head[] = "/openapi/v3/";
	struct pin_str p = r->info.path, rest;
	char path[160];
	uint32_t i;

	if (pin_str_is(p, "/openapi/v2"))
		return (serve_v2(r));
	if (pin_str_is(p, "/openapi/v3"))
		return (serve_index(r));
	if (!pin_str_prefix(p, head))
		return (STEP_NEXT);
	rest = (struct pin_str){ p.p + sizeof(head) - 1,
	    p.len - (sizeof(head) - 1) };
	for (i = 0; i < sc->ngvs; i++) {
		gv_path(sc, &sc->gvs[i], path);
		if (sc->gvs[i].nres > 0 && pin_str_is(rest, path))
			return (serve_v3(r, &sc->gvs[i], path));
	}
	return (STEP_NEXT);
}
