/* SPDX-License-Identifier: BSD-2-Clause
 *
 * reply.c -- answers: headers, and a stored object in the form that was
 * asked for.
 * Front loop. Contract: every function ends the request and returns
 * STEP_DONE; stored bytes in the stored form are sent as they lie, with the
 * revision put in. */
#include "core/apiserver/render.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/apiserver/chain.h"
#include "core/apiserver/gzip.h"
#include "core/apiserver/pretty.h"
#include "core/apiserver/verbs.h"

#define REPLY_HEADERS_MAX	(REQUEST_WARNINGS_MAX + 11)

/* RFC 9110 quoted-string, as upstream's warning header encoder. */
static struct pin_str
warning_header(struct request *r, struct pin_str text)
{
	struct pin_out o;
	size_t i;

	pin_out_init(&o, r->arena, 4096);
	pin_out_cstr(&o, "299 - \"");
	for (i = 0; i < text.len; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			pin_out_char(&o, '\\');
		if ((unsigned char)text.p[i] >= ' ')
			pin_out_char(&o, text.p[i]);
	}
	pin_out_char(&o, '"');
	return ((struct pin_str){ o.p, o.len });
}

static uint32_t
common_headers(struct request *r, struct http_header *h, const char *type)
{
	uint32_t n = 0, i;

	chain_lines(r);
	h[n++] = (struct http_header){ PIN_STR("Audit-Id"), r->uid };
	h[n++] = (struct http_header){ PIN_STR("Cache-Control"),
	    PIN_STR("no-cache, private") };
	h[n++] = (struct http_header){ PIN_STR("Content-Type"),
	    pin_str(type) };
	if (r->err.code == PIN_EBUSY || r->err.code == PIN_EFUTURE)
		h[n++] = (struct http_header){ PIN_STR("Retry-After"),
		    PIN_STR("1") };
	if (r->err.code == PIN_EUNAUTH)
		h[n++] = (struct http_header){ PIN_STR("Www-Authenticate"),
		    PIN_STR("Bearer realm=\"kubernetes-master\"") };
	for (i = 0; i < r->nwarnings; i++)
		h[n++] = (struct http_header){ PIN_STR("Warning"),
		    warning_header(r, r->warnings[i]) };
	return (n);
}

/* Takes the reference; without memory the bytes stay as they are. */
static struct pin_buf *
indented(PIN_OWN struct pin_buf *buf)
{
	struct pretty s = { 0, 0, 0, 0 };
	struct pin_buf *b;
	struct pin_out o;

	pin_out_init(&o, NULL, RENDER_MAX);
	pretty_put(&s, &o, (const char *)buf->data, buf->len);
	b = o.failed == PIN_OK ? pin_buf_copy(o.p, o.len) : NULL;
	pin_out_fini(&o);
	if (b == NULL)
		return (buf);
	pin_buf_put(&buf);
	return (b);
}

static uint32_t
gzip_headers(struct http_header *h, uint32_t n)
{
	h[n++] = (struct http_header){ PIN_STR("Content-Encoding"),
	    PIN_STR("gzip") };
	h[n++] = (struct http_header){ PIN_STR("Vary"),
	    PIN_STR("Accept-Encoding") };
	return (n);
}

int
reply_gzips(struct request *r)
{
	return (gzip_accepted(exchange_header(r->ex, "Accept-Encoding")));
}

/* Takes the reference. Did it become smaller? Without memory it stays. */
static int
shrink(struct request *r, struct pin_buf **buf)
{
	struct pin_buf *b = *buf, *small;
	struct gzip *g;

	if (b == NULL || b->len <= GZIP_LEAST || !reply_gzips(r))
		return (0);
	g = gzip_new(r->arena, &r->front->gzips);
	small = g == NULL ? NULL : gzip_put(g, (struct pin_str){
	    (const char *)b->data, b->len }, 1);
	if (small == NULL)
		return (0);
	pin_buf_put(buf);
	*buf = small;
	return (1);
}

int
reply_buf(struct request *r, int status, const char *type,
    PIN_OWN struct pin_buf *buf)
{
	struct http_header h[REPLY_HEADERS_MAX];
	struct exchange *ex = r->ex;
	uint32_t n;

	if (buf == NULL) {
		status = 500;
		buf = pin_buf_copy("out of memory\n", 14);
		type = "text/plain";
	}
	if (r->opt.pretty && strcmp(type, "application/json") == 0)
		buf = indented(buf);
	n = common_headers(r, h, type);
	if (r->info.is_resource && shrink(r, &buf))
		n = gzip_headers(h, n);
	if (status >= 400)
		r->front->counters.errors++;
	request_end(r);
	ex->ops->reply(ex, status, h, n, &buf, buf != NULL);
	return (STEP_DONE);
}

int
reply_bytes(struct request *r, int status, const char *type, struct pin_str s)
{
	return (reply_buf(r, status, type, pin_buf_copy(s.p, s.len)));
}

int
reply_kept(struct request *r, int status, const char *type,
    const struct reply_keep *k, PIN_OWN struct pin_buf *buf)
{
	const struct {
		const char	*name, *value;
	} more[] = {
		{ "Etag", k->etag }, { "Expires", k->expires },
		{ "Location", k->location }, { "Vary", "Accept" },
	};
	struct http_header h[REPLY_HEADERS_MAX];
	struct exchange *ex = r->ex;
	uint32_t n, i;

	n = common_headers(r, h, type);
	h[1].value = pin_str(k->cache);
	if (shrink(r, &buf))
		n = gzip_headers(h, n);
	for (i = 0; i < PIN_LEN(more); i++)
		if (more[i].value != NULL)
			h[n++] = (struct http_header){ pin_str(more[i].name),
			    pin_arena_str(r->arena, pin_str(more[i].value)) };
	request_end(r);
	ex->ops->reply(ex, status, h, n, &buf, buf != NULL);
	return (STEP_DONE);
}

int
reply_etag(struct request *r, int status, const char *type, const char *etag,
    PIN_OWN struct pin_buf *buf)
{
	const struct reply_keep keep = { .etag = etag, .cache = "public" };

	return (reply_kept(r, status, type != NULL ? type : "application/json;"
	    "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", &keep,
	    buf));
}

void
reply_start_as(struct request *r, const char *type, int gzip)
{
	struct http_header h[REPLY_HEADERS_MAX];
	uint32_t n = common_headers(r, h, type);

	if (gzip)
		n = gzip_headers(h, n);
	r->ex->ops->start(r->ex, 200, h, n);
}

void
reply_start(struct request *r, const char *type)
{
	reply_start_as(r, type, 0);
}

int
reply_finish(struct request *r, int ok)
{
	struct exchange *ex = r->ex;

	request_end(r);
	ex->ops->finish(ex, ok);
	return (STEP_DONE);
}

int
reply_err(struct request *r, int code, const char *fmt, ...)
{
	char text[PIN_ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pin_err_set(&r->err, code, "%s", text);
	return (reply_error(r));
}

int
reply_out(struct request *r, int status, struct pin_out *o)
{
	if (o->failed != PIN_OK)
		return (reply_err(r, o->failed, "the answer is too large"));
	return (reply_bytes(r, status, r->out.yaml ? "application/yaml" :
	    "application/json", (struct pin_str){ o->p, o->len }));
}

int
reply_object(struct request *r, int status, struct pin_buf *bytes,
    uint64_t revision)
{
	struct pin_out o;

	if (render_is_plain(r))
		return (reply_buf(r, status, "application/json",
		    splice_revision(bytes, revision)));
	pin_out_init(&o, r->arena, RENDER_MAX);
	if (render_one(r, bytes, revision, &o) != PIN_OK)
		return (reply_error(r));
	return (reply_out(r, status, &o));
}

int
reply_obj(struct request *r, int status, const struct pin_obj *obj)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, RENDER_MAX);
	if (r->out.yaml)
		pin_yaml_write(obj, pin_obj_root(obj), &o);
	else
		pin_obj_write(obj, pin_obj_root(obj), &o);
	return (reply_out(r, status, &o));
}
