/* SPDX-License-Identifier: BSD-2-Clause
 *
 * meta.c -- see meta.h.
 * Contract: meta.h. */
#include "meta.h"

#include <stdio.h>
#include <string.h>

#include <pintle/labels.h>

static pin_node
meta(const struct pin_obj *o)
{
	return (pin_obj_get(o, pin_obj_root(o), "metadata"));
}

struct pin_str
meta_get(const struct pin_obj *o, const char *key)
{
	return (pin_obj_str(o, pin_obj_get(o, meta(o), key)));
}

pin_node
meta_labels(const struct pin_obj *o)
{
	return (pin_obj_get(o, meta(o), "labels"));
}

int
meta_deleted(const struct pin_obj *o)
{
	return (meta_get(o, "deletionTimestamp").len > 0);
}

static int64_t
int_at(const struct pin_obj *o, const char *part, const char *key,
    int64_t fallback)
{
	int64_t v = fallback;

	pin_obj_i64(o, pin_obj_at(o, pin_obj_root(o), part, key, NULL), &v);
	return (v);
}

int64_t
spec_int(const struct pin_obj *o, const char *key, int64_t fallback)
{
	return (int_at(o, "spec", key, fallback));
}

int64_t
status_int(const struct pin_obj *o, const char *key)
{
	return (int_at(o, "status", key, 0));
}

struct pin_str
meta_controller(const struct pin_obj *o)
{
	pin_node n;

	for (n = pin_obj_first(o, pin_obj_get(o, meta(o),
	    "ownerReferences")); n != 0; n = pin_obj_next(o, n))
		if (pin_obj_true(o, pin_obj_get(o, n, "controller")))
			return (pin_obj_str(o, pin_obj_get(o, n, "uid")));
	return (PIN_STR_NONE);
}

struct pin_target
meta_target(const struct pin_obj *o, const char *group, const char *version,
    const char *resource)
{
	return ((struct pin_target){ .group = group, .version = version,
	    .resource = resource, .namespace = meta_get(o, "namespace"),
	    .name = meta_get(o, "name"), .uid = meta_get(o, "uid") });
}

void
meta_own(struct pin_obj *child, const struct pin_obj *owner,
    const char *api_version, const char *kind)
{
	pin_node m = meta(child), list, ref;

	if (m == 0)
		m = pin_obj_set_new(child, pin_obj_root(child), "metadata",
		    PIN_OBJECT);
	list = pin_obj_set_new(child, m, "ownerReferences", PIN_ARRAY);
	ref = pin_obj_add_new(child, list, PIN_OBJECT);
	pin_obj_set_str(child, ref, "apiVersion", pin_str(api_version));
	pin_obj_set_str(child, ref, "kind", pin_str(kind));
	pin_obj_set_str(child, ref, "name", meta_get(owner, "name"));
	pin_obj_set_str(child, ref, "uid", meta_get(owner, "uid"));
	pin_obj_set_bool(child, ref, "controller", 1);
	pin_obj_set_bool(child, ref, "blockOwnerDeletion", 1);
}

/* FNV-1a, then letters that spell no words. */
void
meta_suffix(struct pin_str uid, uint64_t salt, char out[6])
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	for (i = 0; i < uid.len; i++)
		h = (h ^ (unsigned char)uid.p[i]) * UINT64_C(1099511628211);
	for (i = 0; i < 8; i++)
		h = (h ^ (salt >> 8 * i & 255)) * UINT64_C(1099511628211);
	for (i = 0; i < 5; i++) {
		out[i] = letters[h % (sizeof(letters) - 1)];
		h /= sizeof(letters) - 1;
	}
	out[5] = '\0';
}

/* ---- pods ------------------------------------------------------------ */

int
pod_ended(const struct pin_obj *o)
{
	struct pin_str phase = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o),
	    "status", "phase", NULL));

	return (pin_str_is(phase, "Succeeded") || pin_str_is(phase,
	    "Failed"));
}

int
pod_active(const struct pin_obj *o)
{
	return (!meta_deleted(o) && !pod_ended(o));
}

static pin_node
ready_condition(const struct pin_obj *o)
{
	pin_node n;

	for (n = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), "status",
	    "conditions", NULL)); n != 0; n = pin_obj_next(o, n))
		if (pin_str_is(pin_obj_str(o, pin_obj_get(o, n, "type")),
		    "Ready"))
			return (n);
	return (0);
}

int
pod_ready(const struct pin_obj *o)
{
	pin_node n = ready_condition(o);

	return (pin_str_is(pin_obj_str(o, pin_obj_get(o, n, "status")),
	    "True"));
}

void
meta_time(int64_t t, char out[32])
{
	int64_t days = t / 86400, s = t % 86400, z, era, doe, yoe, y, doy, mp,
	    m;

	z = days + 719468;
	era = z / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	y = yoe + era * 400;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	m = mp < 10 ? mp + 3 : mp - 9;
	snprintf(out, 32, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)(y + (m <=
	    2)), (int)m, (int)(doy - (153 * mp + 2) / 5 + 1), (int)(s / 3600),
	    (int)(s / 60 % 60), (int)(s % 60));
}

/* "2026-01-02T03:04:05Z" to UNIX seconds; 0 when it is none. */
int64_t
meta_seconds(struct pin_str s)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243,
	    273, 304, 334 };
	int64_t v[6] = { 0 }, days, y;
	size_t i, k = 0;

	for (i = 0; i < s.len && k < 6; i++) {
		if (s.p[i] >= '0' && s.p[i] <= '9')
			v[k] = v[k] * 10 + (s.p[i] - '0');
		else
			k++;
	}
	if (v[1] < 1 || v[1] > 12)
		return (0);
	y = v[0] - (v[1] <= 2);
	days = (v[0] - 1970) * 365 + (y / 4 - y / 100 + y / 400) - 477 +
	    before[v[1] - 1] + v[2] - 1;
	return (((days * 24 + v[3]) * 60 + v[4]) * 60 + v[5]);
}

int
pod_available(const struct pin_obj *o, int64_t min_ready_s, int64_t now_s,
    int64_t *again_s)
{
	pin_node n = ready_condition(o);
	int64_t since;

	if (!pod_ready(o))
		return (0);
	since = meta_seconds(pin_obj_str(o, pin_obj_get(o, n,
	    "lastTransitionTime")));
	if (min_ready_s == 0 || since + min_ready_s <= now_s)
		return (1);
	if (*again_s == 0 || since + min_ready_s < *again_s)
		*again_s = since + min_ready_s;
	return (0);
}

/* ---- status patches ---------------------------------------------------- */

static int
holds(const struct pin_obj *have, pin_node at, const struct pin_obj *want)
{
	pin_node n;
	struct pin_str key;

	for (n = pin_obj_first(want, pin_obj_root(want)); n != 0;
	    n = pin_obj_next(want, n)) {
		key = pin_obj_key(want, n);
		if (pin_obj_type(want, n) == PIN_NULL) {
			if (pin_obj_getn(have, at, key.p, key.len) != 0)
				return (0);
			continue;
		}
		if (!pin_obj_equal(want, n, have, pin_obj_getn(have, at,
		    key.p, key.len)))
			return (0);
	}
	return (1);
}

/* A null takes the member out. */
static void
put_members(struct pin_obj *o, pin_node at, const struct pin_obj *from)
{
	pin_node n;

	for (n = pin_obj_first(from, pin_obj_root(from)); n != 0;
	    n = pin_obj_next(from, n)) {
		char key[64];
		struct pin_str k = pin_obj_key(from, n);

		if (k.len >= sizeof(key))
			continue;
		memcpy(key, k.p, k.len);
		key[k.len] = '\0';
		if (pin_obj_type(from, n) == PIN_NULL)
			pin_obj_unset(o, at, key);
		else
			pin_obj_set_node(o, at, k, from, n);
	}
}

void
plan_status(struct pin_reconcile *rc, struct pin_plan *plan,
    const struct pin_obj *object, struct pin_target target,
    const struct pin_obj *status)
{
	if (!holds(object, pin_obj_get(object, pin_obj_root(object),
	    "status"), status))
		plan_status_anyway(rc, plan, object, target, status);
}

void
plan_status_anyway(struct pin_reconcile *rc, struct pin_plan *plan,
    const struct pin_obj *object, struct pin_target target,
    const struct pin_obj *status)
{
	struct pin_obj *o;
	pin_node at;

	o = pin_obj_copy(pin_reconcile_arena(rc), object);
	if (o == NULL)
		return;			/* the host gives up on its own */
	at = pin_obj_get(o, pin_obj_root(o), "status");
	if (at == 0)
		at = pin_obj_set_new(o, pin_obj_root(o), "status", PIN_OBJECT);
	put_members(o, at, status);
	target.subresource = "status";
	pin_plan_update(plan, &target, o);
}

void
meta_annotate(struct pin_obj *o, const char *key, int64_t v)
{
	pin_node m = meta(o), a = pin_obj_get(o, m, "annotations");
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	if (a == 0)
		a = pin_obj_set_new(o, m, "annotations", PIN_OBJECT);
	pin_obj_set_str(o, a, key, pin_str(text));
}

/* ---- whose it is ----------------------------------------------------- */

void
plan_release(struct pin_reconcile *rc, struct pin_plan *plan,
    struct pin_target child, const struct pin_obj *owner)
{
	struct pin_out o;

	pin_out_init(&o, pin_reconcile_arena(rc), 4096);
	pin_out_cstr(&o, "{\"metadata\":{\"ownerReferences\":[{\"$patch\":"
	    "\"delete\",\"uid\":");
	pin_json_quote(&o, meta_get(owner, "uid"));
	pin_out_cstr(&o, "}],\"uid\":");
	pin_json_quote(&o, child.uid);
	pin_out_cstr(&o, "}}");
	pin_plan_patch(plan, &child, PIN_PATCH_TYPE_STRATEGIC,
	    (struct pin_str){ o.p, o.len });
}

void
plan_adopt(struct pin_reconcile *rc, struct pin_plan *plan,
    struct pin_target child, const struct pin_obj *owner,
    const char *api_version, const char *kind)
{
	struct pin_out o;

	pin_out_init(&o, pin_reconcile_arena(rc), 4096);
	pin_out_printf(&o, "{\"metadata\":{\"ownerReferences\":[{"
	    "\"apiVersion\":\"%s\",\"kind\":\"%s\",\"name\":", api_version,
	    kind);
	pin_json_quote(&o, meta_get(owner, "name"));
	pin_out_cstr(&o, ",\"uid\":");
	pin_json_quote(&o, meta_get(owner, "uid"));
	pin_out_cstr(&o, ",\"controller\":true,\"blockOwnerDeletion\":true}],"
	    "\"uid\":");
	pin_json_quote(&o, child.uid);
	pin_out_cstr(&o, "}}");
	pin_plan_patch(plan, &child, PIN_PATCH_TYPE_STRATEGIC,
	    (struct pin_str){ o.p, o.len });
}

int
may_adopt(struct pin_reconcile *rc, struct pin_plan *plan,
    struct pin_target owner)
{
	const struct pin_obj *live;

	if (!pin_live_result(rc, &owner, &live)) {
		pin_plan_live(plan, &owner);
		return (0);
	}
	return (live != NULL && pin_str_eq(meta_get(live, "uid"), owner.uid) &&
	    !meta_deleted(live));
}

struct takers {
	const struct pin_obj *orphan;
	struct pin_reconcile *rc;
	struct pin_keys	*out;
};

static int
would_take(void *arg, const struct pin_obj *o)
{
	struct takers *t = arg;

	if (pin_labels_match(pin_reconcile_arena(t->rc), o, pin_obj_at(o,
	    pin_obj_root(o), "spec", "selector", NULL), t->orphan,
	    meta_labels(t->orphan)) == 1)
		pin_keys_add(t->out, meta_get(o, "namespace"), meta_get(o,
		    "name"));
	return (0);
}

void
meta_map_owned(struct pin_reconcile *rc, const struct pin_obj *object,
    const struct pin_obj *before, const char *kind, uint32_t index,
    struct pin_keys *out)
{
	struct takers t = { .orphan = object, .rc = rc, .out = out };

	pin_keys_add_owner(out, object, kind);
	if (before != NULL)
		pin_keys_add_owner(out, before, kind);
	if (meta_controller(object).len == 0)
		pin_cache_list(rc, index, meta_get(object, "namespace"),
		    would_take, &t);
}
