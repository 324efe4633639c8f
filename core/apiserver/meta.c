/* SPDX-License-Identifier: BSD-2-Clause
 *
 * meta.c -- metadata that the server owns: names, uid, times, generation.
 * Front loop. Contract: apiserver's rest.BeforeCreate and BeforeUpdate. */
#include "core/apiserver/apiserver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/apiserver/meta.h"
#include "lib/timefmt/timefmt.h"

#define GENERATED_LEN	5
#define GENERATED_BASE	58	/* names are cut so that the sum is 63 */

pin_node
meta_node(const struct pin_obj *obj)
{
	return (pin_obj_get(obj, pin_obj_root(obj), "metadata"));
}

struct pin_str
meta_str(const struct pin_obj *obj, const char *key)
{
	return (pin_obj_str(obj, pin_obj_get(obj, meta_node(obj), key)));
}

pin_node
meta_ensure(struct pin_obj *obj)
{
	pin_node n = meta_node(obj);

	if (pin_obj_type(obj, n) == PIN_OBJECT)
		return (n);
	return (pin_obj_set_new(obj, pin_obj_root(obj), "metadata",
	    PIN_OBJECT));
}

void
meta_now(struct request *r, int64_t add_s, char out[40])
{
	pin_time_format(pin_host_wall(r->srv->host) / 1000000000 + add_s, out);
}

/* RFC 9562 version 4. */
void
meta_uuid(struct pin_host *host, char out[37])
{
	uint8_t b[16];

	pin_host_random(host, b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
	    b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* Letters that spell no words, as upstream's SimpleNameGenerator. */
static void
generate_name(struct request *r, struct pin_str base, char *out, size_t size)
{
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
	uint8_t rnd[GENERATED_LEN];
	char tail[GENERATED_LEN + 1];
	size_t i;

	if (base.len > GENERATED_BASE)
		base.len = GENERATED_BASE;
	pin_host_random(r->srv->host, rnd, sizeof(rnd));
	for (i = 0; i < GENERATED_LEN; i++)
		tail[i] = alphabet[rnd[i] % (sizeof(alphabet) - 1)];
	tail[GENERATED_LEN] = '\0';
	snprintf(out, size, PIN_SFMT "%s", PIN_SARG(base), tail);
}

/* The namespace in the body must be the request's. */
int
meta_namespace(struct request *r, struct pin_obj *obj)
{
	struct pin_str ns = meta_str(obj, "namespace");
	pin_node meta = meta_ensure(obj);

	if ((r->res->flags & PIN_RF_NAMESPACED) == 0) {
		if (ns.len > 0)
			return (pin_err_set(&r->err, PIN_EINVAL, "namespace is"
			    " not allowed on this type"));
		return (PIN_OK);
	}
	if (ns.len > 0 && !pin_str_eq(ns, r->info.namespace))
		return (pin_err_set(&r->err, PIN_EINVAL, "the namespace of the"
		    " provided object does not match the namespace sent on the"
		    " request"));
	if (ns.len == 0)
		pin_obj_set_str(obj, meta, "namespace", r->info.namespace);
	return (PIN_OK);
}

static const char *const never_sent[] = { "deletionTimestamp",
    "deletionGracePeriodSeconds", "selfLink", "resourceVersion" };

int
meta_create(struct request *r)
{
	struct pin_obj *obj = r->obj;
	pin_node meta = meta_ensure(obj);
	struct pin_str name = meta_str(obj, "name");
	char text[64];
	uint64_t sent;
	size_t i;

	if (r->info.verb_bit == PIN_VERB_CREATE && version_parse(meta_str(obj,
	    "resourceVersion"), &sent, NULL) == PIN_OK && sent > 0)
		return (request_bare(r, "resourceVersion should not be set on "
		    "objects to be created"));
	for (i = 0; i < PIN_LEN(never_sent); i++)
		pin_obj_unset(obj, meta, never_sent[i]);
	if (name.len == 0 && meta_str(obj, "generateName").len > 0) {
		generate_name(r, meta_str(obj, "generateName"), text,
		    sizeof(text));
		pin_obj_set_str(obj, meta, "name", pin_str(text));
		r->generated = 1;
	}
	r->info.name = pin_arena_str(r->arena, meta_str(obj, "name"));
	meta_uuid(r->srv->host, text);
	pin_obj_set_str(obj, meta, "uid", pin_str(text));
	meta_now(r, 0, text);
	pin_obj_set_str(obj, meta, "creationTimestamp", pin_str(text));
	if ((r->res->flags & PIN_RF_GENERATION) != 0)
		pin_obj_set_i64(obj, meta, "generation", 1);
	else
		pin_obj_unset(obj, meta, "generation");
	return (pin_obj_failed(obj) ? pin_err_set(&r->err, PIN_ENOMEM,
	    "out of memory") : PIN_OK);
}

/* ---- update --------------------------------------------------------- */

static const char *const server_owned[] = { "uid", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
    "selfLink" };

static void
copy_member(struct pin_obj *to, pin_node to_parent, const struct pin_obj *from,
    pin_node from_parent, const char *key)
{
	pin_node n = pin_obj_get(from, from_parent, key);

	if (n == 0)
		pin_obj_unset(to, to_parent, key);
	else
		pin_obj_set_node(to, to_parent, pin_str(key), from, n);
}

static int
no_version(struct request *r)
{
	request_refuse(r, NULL, PIN_CAUSE_INVALID, "metadata.resourceVersion",
	    PIN_STR("0"), "must be specified for an update");
	r->refusal.kind = r->info.resource;
	return (PIN_EINVALID);
}

static int
check_version(struct request *r)
{
	struct pin_str v = meta_str(r->obj, "resourceVersion");
	uint64_t n;

	if (v.len == 0 || pin_str_is(v, "0")) {
		if ((r->res->flags & PIN_RF_UNCOND) == 0)
			return (no_version(r));
		return (PIN_OK);
	}
	if (version_parse(v, &n, &r->err) != PIN_OK)
		return (request_bare(r, "strconv.ParseUint: parsing \"" PIN_SFMT
		    "\": invalid syntax", PIN_SARG(v)));
	if (n != r->old_rev)
		return (pin_err_set(&r->err, PIN_ECONFLICT, "%s", ""));
	r->want_rev = n;
	return (PIN_OK);
}

#define IMMUTABLE	"field is immutable"

/* Only a DELETE begins a deletion. */
static int
check_deletion(struct request *r)
{
	struct pin_str at = meta_str(r->obj, "deletionTimestamp");
	int rc = PIN_OK;
	char text[24];
	int64_t grace;

	if (at.len > 0 && meta_str(r->old, "deletionTimestamp").len == 0)
		rc = request_refuse(r, NULL, PIN_CAUSE_INVALID,
		    "metadata.deletionTimestamp", request_quoted(r, at),
		    IMMUTABLE);
	if (pin_obj_i64(r->obj, pin_obj_get(r->obj, meta_node(r->obj),
	    "deletionGracePeriodSeconds"), &grace) && pin_obj_get(r->old,
	    meta_node(r->old), "deletionGracePeriodSeconds") == 0) {
		snprintf(text, sizeof(text), "%lld", (long long)grace);
		rc = request_refuse(r, NULL, PIN_CAUSE_INVALID,
		    "metadata.deletionGracePeriodSeconds", pin_str(text),
		    IMMUTABLE);
	}
	return (rc);
}

static int
uid_conflict(struct request *r, struct pin_str want, struct pin_str have)
{
	return (pin_err_set(&r->err, PIN_ECONFLICT, "StorageError: invalid "
	    "object, Code: 4, Key: " PIN_SFMT ", ResourceVersion: 0, "
	    "AdditionalErrorMsg: Precondition failed: UID in precondition: "
	    PIN_SFMT ", UID in object meta: " PIN_SFMT, PIN_SARG(r->key),
	    PIN_SARG(want), PIN_SARG(have)));
}

static int
check_uid(struct request *r)
{
	struct pin_str want = meta_str(r->obj, "uid"),
	    have = meta_str(r->old, "uid");

	if (want.len == 0 || pin_str_eq(want, have))
		return (PIN_OK);
	if (r->patch_kind != 0)
		return (request_refuse(r, NULL, PIN_CAUSE_INVALID,
		    "metadata.uid", request_quoted(r, want), IMMUTABLE));
	return (uid_conflict(r, want, have));
}

int
meta_named(struct request *r, const struct pin_obj *obj)
{
	struct pin_str name = meta_str(obj, "name");

	if (name.len == 0)
		return (pin_err_set(&r->err, PIN_EINVAL, "the name of the "
		    "object (" PIN_SFMT " based on URL) was undeterminable: "
		    "name must be provided", PIN_SARG(r->info.name)));
	if (!pin_str_eq(name, r->info.name))
		return (pin_err_set(&r->err, PIN_EINVAL, "the name of the "
		    "object (" PIN_SFMT ") does not match the name on the URL "
		    "(" PIN_SFMT ")", PIN_SARG(name), PIN_SARG(r->info.name)));
	return (PIN_OK);
}

int
meta_unborn(struct request *r, const struct pin_obj *obj)
{
	struct pin_str uid = meta_str(obj, "uid");

	if (uid.len == 0)
		return (PIN_OK);
	if (r->patch_kind == 0)
		return (uid_conflict(r, uid, PIN_STR("")));
	return (pin_err_set(&r->err, PIN_ECONFLICT, "uid mismatch: the "
	    "provided object specified uid " PIN_SFMT ", and no existing "
	    "object was found", PIN_SARG(uid)));
}

int
meta_update(struct request *r)
{
	pin_node meta = meta_ensure(r->obj);
	size_t i;
	int rc;

	rc = meta_namespace(r, r->obj);
	if (rc == PIN_OK)
		rc = check_version(r);
	if (rc == PIN_OK)
		rc = check_uid(r);
	if (rc == PIN_OK)
		rc = check_deletion(r);
	if (rc != PIN_OK)
		return (rc);
	pin_obj_unset(r->obj, meta, "resourceVersion");
	for (i = 0; i < PIN_LEN(server_owned); i++)
		copy_member(r->obj, meta, r->old, meta_node(r->old),
		    server_owned[i]);
	return (PIN_OK);
}

/* Everything but metadata and `part` comes from the old object, or, when
 * `part` is not what is written, only `part` does. */
void
meta_keep(struct request *r, const char *part, int only_part_is_new)
{
	pin_node root = pin_obj_root(r->obj), old = pin_obj_root(r->old), n,
	    next;
	struct pin_str key;

	if (!only_part_is_new) {
		copy_member(r->obj, root, r->old, old, part);
		return;
	}
	for (n = pin_obj_first(r->obj, root); n != 0; n = next) {
		next = pin_obj_next(r->obj, n);
		key = pin_obj_key(r->obj, n);
		if (!pin_str_is(key, part) && !pin_str_is(key, "metadata") &&
		    !pin_str_is(key, "kind") && !pin_str_is(key, "apiVersion"))
			pin_obj_remove(r->obj, root, n);
	}
	for (n = pin_obj_first(r->old, old); n != 0;
	    n = pin_obj_next(r->old, n)) {
		key = pin_obj_key(r->old, n);
		if (!pin_str_is(key, part) && !pin_str_is(key, "metadata") &&
		    !pin_str_is(key, "kind") && !pin_str_is(key, "apiVersion"))
			pin_obj_set_node(r->obj, root, key, r->old, n);
	}
}

/* Do these members of metadata count, and have they changed? */
static int
meta_counts(struct request *r)
{
	static const char *const members[] = { "annotations", "labels",
	    "ownerReferences" };
	size_t i, n = (r->res->flags & PIN_RF_GEN_ALL) != 0 ? 3 :
	    (r->res->flags & PIN_RF_GEN_NOTES) != 0 ? 1 : 0;

	for (i = 0; i < n; i++)
		if (!pin_obj_equal(r->obj, pin_obj_get(r->obj,
		    meta_node(r->obj), members[i]), r->old, pin_obj_get(
		    r->old, meta_node(r->old), members[i])))
			return (1);
	return (0);
}

/* generation + 1 when anything but metadata and status has changed. */
void
meta_generation(struct request *r)
{
	pin_node root = pin_obj_root(r->obj), old = pin_obj_root(r->old), n;
	uint32_t have = 0, had = 0;
	struct pin_str key;
	int64_t gen = 0;
	int same = 1;

	if ((r->res->flags & PIN_RF_GENERATION) == 0 ||
	    (r->res->flags & PIN_RF_GEN_FIXED) != 0 ||
	    pin_str_is(r->info.subresource, "status"))
		return;
	for (n = pin_obj_first(r->obj, root); n != 0 && same;
	    n = pin_obj_next(r->obj, n)) {
		key = pin_obj_key(r->obj, n);
		if (pin_str_is(key, "metadata") || pin_str_is(key, "status"))
			continue;
		have++;
		same = pin_obj_equal(r->obj, n, r->old, pin_obj_getn(r->old,
		    old, key.p, key.len));
	}
	for (n = pin_obj_first(r->old, old); n != 0;
	    n = pin_obj_next(r->old, n)) {
		key = pin_obj_key(r->old, n);
		had += !pin_str_is(key, "metadata") &&
		    !pin_str_is(key, "status");
	}
	if (same && have == had && !meta_counts(r))
		return;
	pin_obj_i64(r->old, pin_obj_get(r->old, meta_node(r->old),
	    "generation"), &gen);
	pin_obj_set_i64(r->obj, meta_node(r->obj), "generation", gen + 1);
}
