/* SPDX-License-Identifier: BSD-2-Clause
 *
 * render.c -- see render.h.
 * Front loop. Contract: render.h. */
#include "core/apiserver/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/api/printer.h"

#define META_GV(r)	((r)->out.beta ? "meta.k8s.io/v1beta1" : \
			    "meta.k8s.io/v1")

static int
is_stored_form(const struct request *r)
{
	return (&r->srv->schema->resources[r->res->store] == r->res);
}

int
render_is_plain(const struct request *r)
{
	return (r->out.form == OUT_JSON && !r->out.yaml && is_stored_form(r));
}

int
render_parse(struct request *r, struct pin_arena *arena, struct pin_buf *bytes,
    struct pin_obj **out)
{
	const struct pin_schema *sc = r->srv->schema;
	struct pin_obj *obj;
	int rc;

	rc = pin_obj_parse(arena, (const char *)bytes->data, bytes->len, &obj,
	    &r->err);
	if (rc != PIN_OK)
		return (pin_err_wrap(&r->err, "stored object"));
	*out = obj;
	if (is_stored_form(r))
		return (PIN_OK);
	return (pin_convert(arena, sc, &sc->resources[r->res->store], r->res,
	    obj, out, &r->err));
}

static void
set_revision(struct pin_obj *obj, uint64_t revision)
{
	char text[24];
	pin_node meta = pin_obj_get(obj, pin_obj_root(obj), "metadata");

	snprintf(text, sizeof(text), "%" PRIu64, revision);
	pin_obj_set_str(obj, meta, "resourceVersion", pin_str(text));
}

/* {"kind":"PartialObjectMetadata",...,"metadata":{...}} */
static void
put_partial(struct request *r, const struct pin_obj *obj, struct pin_out *o)
{
	pin_out_printf(o, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":"
	    "\"%s\",\"metadata\":", META_GV(r));
	pin_obj_write(obj, pin_obj_get(obj, pin_obj_root(obj), "metadata"), o);
	pin_out_char(o, '}');
}

static void
put_row(struct request *r, const struct pin_obj *obj, struct pin_out *o)
{
	pin_out_cstr(o, "{\"cells\":");
	pin_table_cells(r->srv->schema, r->res, obj,
	    pin_host_wall(r->srv->host) / 1000000000, o);
	pin_table_conditions(r->srv->schema, r->res, obj, ",\"conditions\":",
	    o);
	if (r->out.include == 0) {
		pin_out_cstr(o, ",\"object\":");
		put_partial(r, obj, o);
	} else if (r->out.include == 2) {
		pin_out_cstr(o, ",\"object\":");
		pin_obj_write(obj, pin_obj_root(obj), o);
	} else {
		pin_out_cstr(o, ",\"object\":null");
	}
	pin_out_char(o, '}');
}

static void
put_table_head(struct request *r, uint64_t revision, const char *token,
    int64_t remaining, int columns, struct pin_out *o)
{
	pin_out_printf(o, "{\"kind\":\"Table\",\"apiVersion\":\"%s\","
	    "\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"", META_GV(r),
	    revision);
	if (token != NULL)
		pin_out_cstr(o, token);
	if (remaining >= 0)
		pin_out_printf(o, ",\"remainingItemCount\":%" PRId64,
		    remaining);
	pin_out_cstr(o, "},\"columnDefinitions\":");
	if (columns)
		pin_table_columns(r->srv->schema, r->res, o);
	else
		pin_out_cstr(o, "null");
	pin_out_cstr(o, ",\"rows\":[");
}

/* One object in the wanted form, without a document around it. */
static int
put_object(struct request *r, struct pin_buf *bytes, uint64_t revision,
    int columns, struct pin_out *o)
{
	struct pin_obj *obj;
	int rc;

	if (r->out.form == OUT_JSON && is_stored_form(r)) {
		splice_write(o, bytes, revision, 0);
		return (PIN_OK);
	}
	rc = render_parse(r, r->arena, bytes, &obj);
	if (rc != PIN_OK)
		return (rc);
	set_revision(obj, revision);
	switch (r->out.form) {
	case OUT_TABLE:
		put_table_head(r, revision, NULL, -1, columns, o);
		put_row(r, obj, o);
		pin_out_cstr(o, "]}");
		break;
	case OUT_META:
		put_partial(r, obj, o);
		break;
	default:
		pin_obj_write(obj, pin_obj_root(obj), o);
		break;
	}
	return (o->failed);
}

int
render_one(struct request *r, struct pin_buf *bytes, uint64_t revision,
    struct pin_out *o)
{
	struct pin_out json;
	struct pin_obj *obj;
	int rc;

	if (!r->out.yaml) {
		rc = put_object(r, bytes, revision, 1, o);
		pin_out_char(o, '\n');
		return (rc);
	}
	pin_out_init(&json, r->arena, RENDER_MAX);
	rc = put_object(r, bytes, revision, 1, &json);
	if (rc != PIN_OK)
		return (rc);
	rc = pin_obj_parse(r->arena, json.p, json.len, &obj, &r->err);
	if (rc == PIN_OK)
		pin_yaml_write(obj, pin_obj_root(obj), o);
	return (rc);
}

void
render_list_head(struct request *r, const struct render_list *l,
    struct pin_out *o)
{
	const struct apiserver *srv = r->srv;
	const char *group = res_group(srv, r->res);
	struct pin_out t;

	pin_out_init(&t, r->arena, 4096);
	if (l->continue_token.len > 0) {
		pin_out_cstr(&t, ",\"continue\":");
		pin_json_quote(&t, l->continue_token);
	}
	pin_out_char(&t, '\0');
	if (r->out.form == OUT_TABLE) {
		put_table_head(r, l->revision, t.p, l->remaining, 1, o);
		return;
	}
	if (r->out.form == OUT_META_LIST || r->out.form == OUT_META)
		pin_out_printf(o, "{\"kind\":\"PartialObjectMetadataList\","
		    "\"apiVersion\":\"%s\"", META_GV(r));
	else
		pin_out_printf(o, "{\"kind\":\"%s\",\"apiVersion\":\"%s%s%s\"",
		    S(srv, r->res->list_kind), group, *group ? "/" : "",
		    res_version(srv, r->res));
	pin_out_printf(o, ",\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"",
	    l->revision);
	pin_out_put(o, t.p, t.len - 1);
	if (l->remaining >= 0)
		pin_out_printf(o, ",\"remainingItemCount\":%" PRId64,
		    l->remaining);
	pin_out_cstr(o, "},\"items\":[");
}

int
render_list_item(struct request *r, struct render_list *l,
    struct pin_buf *bytes, uint64_t revision, struct pin_out *o)
{
	struct pin_obj *obj;
	int rc;

	if (l->nitems++ > 0)
		pin_out_char(o, ',');
	if (r->out.form == OUT_JSON && is_stored_form(r)) {
		splice_write(o, bytes, revision, 1);
		return (o->failed);
	}
	rc = render_parse(r, o->arena, bytes, &obj);
	if (rc != PIN_OK)
		return (rc);
	set_revision(obj, revision);
	if (r->out.form == OUT_TABLE) {
		put_row(r, obj, o);
	} else if (r->out.form != OUT_JSON) {
		put_partial(r, obj, o);
	} else {
		pin_obj_unset(obj, pin_obj_root(obj), "kind");
		pin_obj_unset(obj, pin_obj_root(obj), "apiVersion");
		pin_obj_write(obj, pin_obj_root(obj), o);
	}
	return (o->failed);
}

void
render_list_tail(struct request *r, struct pin_out *o)
{
	(void)r;
	pin_out_cstr(o, "]}\n");
}

int
render_event(struct request *r, const char *type, struct pin_buf *bytes,
    uint64_t revision, int first, struct pin_out *o)
{
	int rc;

	pin_out_printf(o, "{\"type\":\"%s\",\"object\":", type);
	rc = put_object(r, bytes, revision, first, o);
	pin_out_cstr(o, "}\n");
	return (rc);
}
