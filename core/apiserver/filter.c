/* SPDX-License-Identifier: BSD-2-Clause
 *
 * filter.c -- label and field selectors of one request, and the revision and
 * continue token that come with them.
 * Front loop. Contract: list.h; field names from the resource table. */
#include "core/apiserver/list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/apiserver/render.h"

#define TOKEN_MAX	(2 * PIN_KEY_MAX)

/* Fields that are not simply what is stored there: where they are, or else
 * are, and what it means when they are not. */
static const struct {
	const char	*field, *path, *other, *absent;
} fields[] = {
	{ "spec.unschedulable",	"spec.unschedulable", NULL, "false" },
	{ "spec.hostNetwork",	"spec.hostNetwork", NULL, "false" },
	{ "spec.host",		"spec.nodeName", NULL, "" },
	{ "status.replicas",	"status.replicas", NULL, "0" },
	{ "status.successful",	"status.succeeded", NULL, "0" },
	{ "source",		"source.component", "reportingComponent", "" },
};

/* Kinds without fields of their own know both, namespaced or not. */
static int
supported(struct request *r, struct pin_str field)
{
	const struct pin_schema *sc = r->srv->schema;

	return (pin_str_is(field, "metadata.name") ||
	    (((r->res->flags & PIN_RF_NAMESPACED) != 0 ||
	    pin_schema_nwords(sc, r->res->selects) == 0) &&
	    pin_str_is(field, "metadata.namespace")) ||
	    pin_schema_has_word(sc, r->res->selects, field.p, field.len));
}

/* Of kinds with no fields of their own upstream says which there are. */
static int
unsupported(struct request *r, struct pin_str field)
{
	if (pin_schema_nwords(r->srv->schema, r->res->selects) > 0)
		return (pin_err_set(&r->err, PIN_EINVAL, "field label not "
		    "supported: " PIN_SFMT, PIN_SARG(field)));
	return (pin_err_set(&r->err, PIN_EINVAL, "\"" PIN_SFMT "\" is not a "
	    "known field selector: only \"metadata.name\", "
	    "\"metadata.namespace\"", PIN_SARG(field)));
}

static int
fields_open(struct filter *f, struct request *r)
{
	const struct pin_field_term *t;
	uint32_t i, n;
	int rc;

	rc = pin_field_selector_parse(r->arena, r->opt.field_selector,
	    &f->fields, &r->err);
	if (rc != PIN_OK)
		return (rc);
	n = pin_field_selector_count(f->fields);
	for (i = 0; i < n; i++) {
		t = pin_field_selector_term(f->fields, i);
		if (!supported(r, t->field))
			return (unsupported(r, t->field));
	}
	pin_field_selector_exact(f->fields, PIN_STR("metadata.name"),
	    &f->name);
	pin_field_selector_exact(f->fields, PIN_STR("metadata.namespace"),
	    &f->namespace);
	if (n == 0)
		f->fields = NULL;
	return (PIN_OK);
}

int
filter_open(struct filter *f, struct request *r)
{
	int rc;

	memset(f, 0, sizeof(*f));
	if (r->opt.label_selector.len > 0) {
		rc = pin_selector_parse(r->arena, r->opt.label_selector,
		    &f->labels, &r->err);
		if (rc != PIN_OK)
			return (rc);
		if (pin_selector_everything(f->labels))
			f->labels = NULL;
	}
	if (r->opt.field_selector.len > 0) {
		rc = fields_open(f, r);
		if (rc != PIN_OK)
			return (rc);
	}
	f->selects = f->labels != NULL || f->fields != NULL;
	f->exact_key = f->name.len > 0 && (r->info.namespace.len > 0 ||
	    (r->res->flags & PIN_RF_NAMESPACED) == 0);
	if (!f->exact_key)
		f->name = PIN_STR_NONE;
	return (PIN_OK);
}

static struct pin_str
value_at(const struct pin_obj *obj, struct pin_str path)
{
	pin_node n = pin_obj_root(obj);
	struct pin_str seg;
	const char *dot;

	while (path.len > 0) {
		dot = memchr(path.p, '.', path.len);
		seg = (struct pin_str){ path.p, dot != NULL ?
		    (size_t)(dot - path.p) : path.len };
		n = pin_obj_getn(obj, n, seg.p, seg.len);
		path.p += seg.len + (dot != NULL);
		path.len -= seg.len + (dot != NULL);
	}
	switch (pin_obj_type(obj, n)) {
	case PIN_TRUE:
		return (PIN_STR("true"));
	case PIN_FALSE:
		return (PIN_STR("false"));
	default:
		return (pin_obj_str(obj, n));
	}
}

static struct pin_str
field_value(const void *ctx, struct pin_str field)
{
	struct pin_str v;
	size_t i;

	for (i = 0; i < PIN_LEN(fields); i++)
		if (pin_str_is(field, fields[i].field))
			break;
	if (i == PIN_LEN(fields))
		return (value_at(ctx, field));
	v = value_at(ctx, pin_str(fields[i].path));
	if (v.len == 0 && fields[i].other != NULL)
		v = value_at(ctx, pin_str(fields[i].other));
	return (v.len > 0 ? v : pin_str(fields[i].absent));
}

int
filter_match(const struct filter *f, struct request *r, struct pin_str key,
    struct pin_buf *value, struct pin_arena *scratch, int *rc)
{
	struct pin_obj *obj;

	(void)key;
	*rc = PIN_OK;
	if (!f->selects)
		return (1);
	*rc = render_parse(r, scratch, value, &obj);
	if (*rc != PIN_OK)
		return (0);
	if (f->labels != NULL && !pin_selector_match(f->labels, obj,
	    pin_obj_at(obj, pin_obj_root(obj), "metadata", "labels", NULL)))
		return (0);
	return (f->fields == NULL ||
	    pin_field_selector_match(f->fields, field_value, obj));
}

int
version_parse(struct pin_str text, uint64_t *out, struct pin_err *err)
{
	char copy[24], *end;

	*out = 0;
	if (text.len == 0)
		return (PIN_OK);
	if (text.len < sizeof(copy) && text.p[0] >= '0' && text.p[0] <= '9') {
		memcpy(copy, text.p, text.len);
		copy[text.len] = '\0';
		*out = strtoull(copy, &end, 10);
		if (*end == '\0')
			return (PIN_OK);
	}
	return (pin_err_set(err, PIN_EINVALID, "resourceVersion: Invalid "
	    "value: \"" PIN_SFMT "\": strconv.ParseUint: parsing \"" PIN_SFMT
	    "\": invalid syntax", PIN_SARG(text), PIN_SARG(text)));
}

int
count_nothing(void *arg, const struct pin_kv *kv)
{
	(void)arg;
	(void)kv;
	return (0);
}

/* ---- continue tokens ------------------------------------------------ */

static const char b64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
b64_put(struct pin_out *o, const char *p, size_t n)
{
	uint32_t v;
	size_t i, k, left;

	for (i = 0; i < n; i += 3) {
		left = n - i < 3 ? n - i : 3;
		for (v = 0, k = 0; k < 3; k++)
			v = v << 8 | (k < left ? (unsigned char)p[i + k] : 0);
		for (k = 0; k <= left; k++)
			pin_out_char(o, b64[v >> (18 - 6 * k) & 63]);
	}
}

/* Where it cannot go on is *bad. */
static int
b64_get(struct pin_arena *arena, struct pin_str in, struct pin_str *out,
    size_t *bad)
{
	char *p = pin_arena_alloc(arena, in.len + 1);
	const char *at;
	uint32_t v = 0, bits = 0;
	size_t i, n = 0;

	if (p == NULL)
		return (PIN_ENOMEM);
	for (i = 0; i < in.len; i++) {
		at = memchr(b64, in.p[i], 64);
		*bad = i;
		if (at == NULL)
			return (PIN_EINVAL);
		v = v << 6 | (uint32_t)(at - b64);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			p[n++] = (char)(v >> bits & 0xff);
		}
	}
	*bad = in.len > 0 ? in.len - 1 : 0;
	*out = (struct pin_str){ p, n };
	return (in.len % 4 == 1 ? PIN_EINVAL : PIN_OK);
}

/* As upstream's: the start key is relative, so a token cannot leave the
 * list it was made for. */
struct pin_str
continue_encode(struct apiserver *srv, struct pin_arena *arena,
    uint64_t revision, struct pin_str start, struct pin_str end)
{
	struct pin_out json, o;
	size_t prefix = end.len;	/* same length as the prefix */

	(void)srv;
	pin_out_init(&json, arena, TOKEN_MAX);
	pin_out_printf(&json, "{\"v\":\"meta.k8s.io/v1\",\"rv\":%" PRId64
	    ",\"start\":", revision == 0 ? -1 : (int64_t)revision);
	pin_json_quote(&json, (struct pin_str){ start.p + prefix,
	    start.len - prefix });
	pin_out_char(&json, '}');
	pin_out_init(&o, arena, 2 * TOKEN_MAX);
	b64_put(&o, json.p, json.len);
	return ((struct pin_str){ o.p, o.len });
}

#define BAD_TOKEN	"invalid continue token: continue key is not valid: "

static int
continue_open(struct pin_arena *arena, struct pin_str token,
    PIN_OWN struct pin_obj **out, struct pin_err *err)
{
	struct pin_str json, v;
	struct pin_err why;
	size_t bad = 0;
	int rc;

	if (token.len > TOKEN_MAX)
		return (pin_err_set(err, PIN_EINVAL, BAD_TOKEN "more than %u "
		    "bytes", TOKEN_MAX));
	rc = b64_get(arena, token, &json, &bad);
	if (rc == PIN_EINVAL)
		return (pin_err_set(err, rc, BAD_TOKEN "illegal base64 data "
		    "at input byte %zu", bad));
	if (rc == PIN_OK)
		rc = pin_obj_parse(arena, json.p, json.len, out, &why);
	if (rc == PIN_ENOMEM)
		return (pin_err_set(err, rc, "out of memory"));
	if (rc != PIN_OK)
		return (pin_err_set(err, PIN_EINVAL, BAD_TOKEN "%s",
		    why.text));
	v = pin_obj_str(*out, pin_obj_get(*out, pin_obj_root(*out), "v"));
	if (!pin_str_is(v, "meta.k8s.io/v1"))
		return (pin_err_set(err, PIN_EINVAL, BAD_TOKEN "server does "
		    "not recognize this encoded version " PIN_SFMT,
		    PIN_SARG(v)));
	return (PIN_OK);
}

int
continue_decode(struct apiserver *srv, struct pin_arena *arena,
    struct pin_str token, struct pin_str prefix, uint64_t *revision,
    struct pin_str *start, struct pin_err *err)
{
	struct pin_str key;
	struct pin_obj *obj;
	int64_t rv;
	char *p;
	int rc;

	(void)srv;
	rc = continue_open(arena, token, &obj, err);
	if (rc != PIN_OK)
		return (rc);
	if (!pin_obj_i64(obj, pin_obj_get(obj, pin_obj_root(obj), "rv"),
	    &rv) || rv == 0)
		return (pin_err_set(err, PIN_EINVAL, BAD_TOKEN "incorrect "
		    "encoded start resourceVersion (version "
		    "meta.k8s.io/v1)"));
	key = pin_obj_str(obj, pin_obj_get(obj, pin_obj_root(obj), "start"));
	if (key.len == 0 || prefix.len + key.len > PIN_KEY_MAX)
		return (pin_err_set(err, PIN_EINVAL, BAD_TOKEN "encoded start "
		    "key empty (version meta.k8s.io/v1)"));
	p = pin_arena_alloc(arena, prefix.len + key.len);
	if (p == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	memcpy(p, prefix.p, prefix.len);
	memcpy(p + prefix.len, key.p, key.len);
	*start = (struct pin_str){ p, prefix.len + key.len };
	*revision = rv < 0 ? 0 : (uint64_t)rv;
	return (PIN_OK);
}
