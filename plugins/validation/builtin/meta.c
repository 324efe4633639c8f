/* SPDX-License-Identifier: BSD-2-Clause
 *
 * meta.c -- metadata of every object: labels, annotations, owners,
 * finalizers. Names are the host's.
 * Front threads. Contract: apimachinery's api/validation.ValidateObjectMeta
 * and ValidateObjectMetaUpdate. */
#include "plugins/validation/builtin/builtin.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ANNOTATIONS_MAX	(256u << 10)	/* bytes of keys and values */
#define KEY_MAX		1024		/* longer keys are wrong anyway */

/* Case does not matter in an annotation's key, but the complaint shows it as
 * it is. */
static void
annotation_key(struct v *v, struct pin_str key)
{
	char lower[KEY_MAX];
	struct pin_str s = { lower, key.len < KEY_MAX ? key.len : KEY_MAX };
	size_t i;

	for (i = 0; i < s.len; i++)
		lower[i] = (char)tolower((unsigned char)key.p[i]);
	if (!text_is(s, "qualified-name"))
		v_format(v, "annotations", key, "qualified-name");
}

static void
annotations(struct v *v, pin_node meta)
{
	pin_node n;
	size_t size = 0;
	uint32_t i;

	V_EACH(v, v_get(v, meta, "annotations"), n, i) {
		annotation_key(v, pin_obj_key(v->o, n));
		size += pin_obj_key(v->o, n).len + pin_obj_str(v->o, n).len;
	}
	if (size > ANNOTATIONS_MAX)
		v_toolong(v, "annotations", ANNOTATIONS_MAX);
}

static const char *const owner_members[] = { "kind", "name", "uid" };

static void
owners(struct v *v, pin_node meta)
{
	pin_node list = v_get(v, meta, "ownerReferences"), n, first = 0;
	size_t back = v_in(v, "ownerReferences"), k;
	struct pin_str api;
	uint32_t i;

	V_EACH(v, list, n, i) {
		api = v_str(v, n, "apiVersion");
		if (api.len == 0 || api.p[api.len - 1] == '/')
			v_bad_str(v, "apiVersion", api, "version must not be "
			    "empty");
		for (k = 0; k < PIN_LEN(owner_members); k++)
			if (v_str(v, n, owner_members[k]).len == 0)
				v_bad_str(v, owner_members[k], PIN_STR(""),
				    "must not be empty");
		if (pin_str_is(api, "v1") && v_is(v, n, "kind", "Event"))
			v_bad_node(v, NULL, n, "/v1, Kind=Event is disallowed "
			    "from being an owner");
		if (!v_true(v, n, "controller"))
			continue;
		if (first != 0)
			v_bad_node(v, NULL, list, "Only one reference can have"
			    " Controller set to true. Found \"true\" in "
			    "references for " PIN_SFMT "/" PIN_SFMT " and "
			    PIN_SFMT "/" PIN_SFMT,
			    PIN_SARG(v_str(v, first, "kind")),
			    PIN_SARG(v_str(v, first, "name")),
			    PIN_SARG(v_str(v, n, "kind")),
			    PIN_SARG(v_str(v, n, "name")));
		else
			first = n;
	}
	v_out(v, back);
}

static int
in_list(const struct pin_obj *o, pin_node list, struct pin_str s)
{
	pin_node n;

	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n))
		if (pin_str_eq(pin_obj_str(o, n), s))
			return (1);
	return (0);
}

/* A deleted object gets no new finalizers. */
static void
no_new_finalizers(struct v *v, pin_node list)
{
	pin_node meta = pin_obj_get(v->old, pin_obj_root(v->old), "metadata"),
	    was = pin_obj_get(v->old, meta, "finalizers"), n;
	char text[1024];
	size_t len = 0;
	uint32_t i;

	if (pin_obj_type(v->old, pin_obj_get(v->old, meta,
	    "deletionTimestamp")) != PIN_STRING)
		return;
	text[0] = '\0';
	V_EACH(v, list, n, i) {
		struct pin_str s = pin_obj_str(v->o, n);

		if (in_list(v->old, was, s) || len >= sizeof(text))
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s\"" PIN_SFMT "\"", len > 0 ? ", " : "", PIN_SARG(s));
	}
	if (len > 0)
		v_forbidden(v, "finalizers", "no new finalizers can be added "
		    "if the object is being deleted, found new finalizers "
		    "[]string{%s}", text);
}

static const char *const core_finalizers =
    "kubernetes orphan foregroundDeletion";

static void
finalizers(struct v *v, pin_node meta)
{
	pin_node list = v_get(v, meta, "finalizers"), n;
	int orphan = 0, foreground = 0;
	uint32_t i;
	size_t back;

	V_EACH(v, list, n, i) {
		struct pin_str s = pin_obj_str(v->o, n);

		v_format(v, "finalizers", s, "qualified-name");
		orphan |= pin_str_is(s, "orphan");
		foreground |= pin_str_is(s, "foregroundDeletion");
	}
	if (orphan && foreground)
		v_bad_node(v, "finalizers", list, "finalizer orphan and "
		    "foregroundDeletion cannot be both set");
	if (v->old != NULL)
		no_new_finalizers(v, list);
	/* Core's own kinds also want a domain. */
	if (v->q->group.len > 0 || pin_obj_count(v->o, list) == 0)
		return;
	back = v_in(v, "finalizers");
	V_EACH(v, list, n, i) {
		struct pin_str s = pin_obj_str(v->o, n);
		size_t item;

		if (memchr(s.p, '/', s.len) != NULL ||
		    v_word(s, core_finalizers))
			continue;
		item = v_item(v, i);
		v_bad_str(v, NULL, s, "name is neither a standard finalizer "
		    "name nor is it fully qualified");
		v_out(v, item);
	}
	v_out(v, back);
}

/* Labels and annotations alone, at their path: a template's. */
void
check_notes(struct v *v, pin_node meta)
{
	v_labels(v, "labels", v_get(v, meta, "labels"));
	annotations(v, meta);
}

void
check_meta(struct v *v)
{
	pin_node meta = v_get(v, pin_obj_root(v->o), "metadata");
	size_t back = v_in(v, "metadata");

	check_notes(v, meta);
	owners(v, meta);
	finalizers(v, meta);
	v_out(v, back);
}
