/* SPDX-License-Identifier: BSD-2-Clause
 *
 * template.c -- pod templates: their hash, their equality, and the ReplicaSet
 * made of one.
 * Contract: deployment.h. The hash is FNV-1a over the template's JSON, in
 * upstream's alphabet; as upstream's it is a name, not a promise. */
#include <stdio.h>
#include <string.h>

#include "deployment.h"

static pin_node
template_of(const struct pin_obj *o)
{
	return (pin_obj_at(o, pin_obj_root(o), "spec", "template", NULL));
}

void
template_hash(const struct pin_obj *d, int64_t collisions, char out[16])
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	char dec[16];
	struct pin_out o;
	uint32_t h = 2166136261u;
	size_t i;

	pin_out_init(&o, NULL, SIZE_MAX);
	pin_obj_write(d, template_of(d), &o);
	for (i = 0; i < o.len; i++)
		h = (h ^ (unsigned char)o.p[i]) * 16777619u;
	pin_out_fini(&o);
	for (i = 0; i < 8; i++)
		h = (h ^ (uint32_t)(collisions >> 8 * i & 255)) * 16777619u;
	snprintf(dec, sizeof(dec), "%u", h);
	for (i = 0; dec[i] != '\0'; i++)	/* SafeEncodeString */
		out[i] = letters[(unsigned char)dec[i] %
		    (sizeof(letters) - 1)];
	out[i] = '\0';
}

/* Members of b's node, HASH_LABEL not counted, equal a's. */
static int
labels_equal(const struct pin_obj *a, pin_node an, const struct pin_obj *b,
    pin_node bn)
{
	uint32_t na = pin_obj_count(a, an), nb = 0;
	struct pin_str key;
	pin_node n;

	for (n = pin_obj_first(b, bn); n != 0; n = pin_obj_next(b, n)) {
		key = pin_obj_key(b, n);
		if (pin_str_is(key, HASH_LABEL))
			continue;
		nb++;
		if (!pin_obj_equal(b, n, a, pin_obj_getn(a, an, key.p,
		    key.len)))
			return (0);
	}
	return (na == nb);
}

int
template_equal(const struct pin_obj *d, const struct pin_obj *set)
{
	pin_node a = template_of(d), b = template_of(set), am, bm;

	if (!pin_obj_equal(d, pin_obj_get(d, a, "spec"), set, pin_obj_get(set,
	    b, "spec")))
		return (0);
	am = pin_obj_get(d, a, "metadata");
	bm = pin_obj_get(set, b, "metadata");
	return (labels_equal(d, pin_obj_get(d, am, "labels"), set,
	    pin_obj_get(set, bm, "labels")) && labels_equal(d,
	    pin_obj_get(d, am, "annotations"), set, pin_obj_get(set, bm,
	    "annotations")));
}

static void
add_label(struct pin_obj *o, pin_node parent, const char *map,
    const char *hash)
{
	pin_node n = pin_obj_get(o, parent, map);

	if (pin_obj_type(o, n) != PIN_OBJECT)
		n = pin_obj_set_new(o, parent, map, PIN_OBJECT);
	pin_obj_set_str(o, n, HASH_LABEL, pin_str(hash));
}

/* Others belong to the Deployment, or to the set, alone. */
int
template_annotation(struct pin_str key)
{
	static const char *const own[] = { REVISION, DESIRED, MAX_REPLICAS,
	    "kubectl.kubernetes.io/last-applied-configuration",
	    HISTORY, "deprecated.deployment.rollback.to" };
	size_t i;

	for (i = 0; i < PIN_LEN(own); i++)
		if (pin_str_is(key, own[i]))
			return (0);
	return (1);
}

static void
put_annotations(struct deploy *d, struct pin_obj *o, pin_node meta)
{
	pin_node to = pin_obj_set_new(o, meta, "annotations", PIN_OBJECT), n;
	char text[24];

	for (n = pin_obj_first(d->d, pin_obj_at(d->d, pin_obj_root(d->d),
	    "metadata", "annotations", NULL)); n != 0;
	    n = pin_obj_next(d->d, n))
		if (template_annotation(pin_obj_key(d->d, n)))
			pin_obj_set_node(o, to, pin_obj_key(d->d, n), d->d, n);
	snprintf(text, sizeof(text), "%lld", (long long)d->max_revision + 1);
	pin_obj_set_str(o, to, REVISION, pin_str(text));
	snprintf(text, sizeof(text), "%lld", (long long)d->replicas);
	pin_obj_set_str(o, to, DESIRED, pin_str(text));
	snprintf(text, sizeof(text), "%lld", (long long)(d->replicas +
	    d->surge));
	pin_obj_set_str(o, to, MAX_REPLICAS, pin_str(text));
}

struct pin_obj *
template_set(struct deploy *d, int64_t replicas)
{
	struct pin_obj *o = pin_obj_new(pin_reconcile_arena(d->rc));
	pin_node meta, spec, t, n;
	char name[256];

	if (o == NULL)
		return (NULL);
	snprintf(name, sizeof(name), PIN_SFMT "-%s", PIN_SARG(meta_get(d->d,
	    "name")), d->hash);
	meta = pin_obj_set_new(o, pin_obj_root(o), "metadata", PIN_OBJECT);
	pin_obj_set_str(o, meta, "name", pin_str(name));
	n = pin_obj_at(d->d, d->spec, "template", "metadata", "labels", NULL);
	if (n != 0)
		pin_obj_set_node(o, meta, PIN_STR("labels"), d->d, n);
	add_label(o, meta, "labels", d->hash);
	put_annotations(d, o, meta);
	meta_own(o, d->d, "apps/v1", "Deployment");
	spec = pin_obj_set_new(o, pin_obj_root(o), "spec", PIN_OBJECT);
	pin_obj_set_i64(o, spec, "replicas", replicas);
	n = pin_obj_get(d->d, d->spec, "minReadySeconds");
	if (n != 0)
		pin_obj_set_node(o, spec, PIN_STR("minReadySeconds"), d->d, n);
	pin_obj_set_node(o, spec, PIN_STR("selector"), d->d, pin_obj_get(d->d,
	    d->spec, "selector"));
	add_label(o, pin_obj_get(o, spec, "selector"), "matchLabels",
	    d->hash);
	t = pin_obj_set_node(o, spec, PIN_STR("template"), d->d,
	    template_of(d->d));
	n = pin_obj_get(o, t, "metadata");
	if (n == 0)
		n = pin_obj_set_new(o, t, "metadata", PIN_OBJECT);
	add_label(o, n, "labels", d->hash);
	return (o);
}
