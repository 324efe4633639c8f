/* SPDX-License-Identifier: BSD-2-Clause
 *
 * domains.c -- see domains.h.
 * Contract: domains.h. */
#include "domains.h"

#include <pintle/labels.h>

#define SLOTS		64	/* at first; doubles */

/* ---- numbers by domain ------------------------------------------- */

static uint64_t
hash(uint64_t h, struct pin_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		h = (h ^ (uint8_t)s.p[i]) * UINT64_C(0x100000001b3);
	return ((h ^ 0xff) * UINT64_C(0x100000001b3));
}

/* Where it is, or where it would be. */
static struct domain *
find(const struct domains *d, struct pin_str key, struct pin_str value)
{
	uint64_t h = hash(hash(UINT64_C(0xcbf29ce484222325), key), value);
	struct domain *at;

	for (;; h++) {
		at = &d->slot[(h ^ h >> 32) & (d->nslots - 1)];
		if (!at->used || (pin_str_eq(at->key, key) &&
		    pin_str_eq(at->value, value)))
			return (at);
	}
}

static int
grow(struct domains *d)
{
	struct domains more = { .arena = d->arena, .n = d->n,
	    .nslots = d->nslots == 0 ? SLOTS : d->nslots * 2 };
	uint32_t i;

	more.slot = pin_arena_zalloc(d->arena, more.nslots *
	    sizeof(*more.slot));
	if (more.slot == NULL)
		return (0);
	for (i = 0; i < d->nslots; i++)
		if (d->slot[i].used)
			*find(&more, d->slot[i].key, d->slot[i].value) =
			    d->slot[i];
	*d = more;
	return (1);
}

void
domains_init(struct domains *d, const struct pin_snapshot *snap)
{
	*d = (struct domains){ .arena = pin_snap_arena(snap) };
}

int64_t *
domains_add(struct domains *d, struct pin_str key, struct pin_str value)
{
	struct domain *at;

	if (d->n * 2 >= d->nslots && !grow(d))
		return (NULL);
	at = find(d, key, value);
	if (!at->used) {
		*at = (struct domain){ .key = key, .value = value,
		    .used = 1 };
		d->n++;
	}
	return (&at->n);
}

int64_t
domains_get(const struct domains *d, struct pin_str key,
    struct pin_str value)
{
	return (d->n > 0 ? find(d, key, value)->n : 0);
}

/* ---- nodes and pods ---------------------------------------------- */

int
node_domain(const struct pin_snapshot *snap, uint32_t i, struct pin_str key,
    struct pin_str *value)
{
	const struct pin_obj *o = pin_snap_brief(snap, i);
	pin_node n = pin_obj_getn(o, pin_obj_at(o, pin_obj_root(o),
	    "metadata", "labels", NULL), key.p, key.len);

	*value = pin_obj_str(o, n);
	return (n != 0);
}

pin_node
pod_labels(const struct pin_obj *o)
{
	return (pin_obj_at(o, pin_obj_root(o), "metadata", "labels", NULL));
}

struct pin_str
pod_namespace(const struct pin_obj *o)
{
	return (pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "metadata",
	    "namespace", NULL)));
}

/* Each key the pod has: the other has the same value, or must not. */
static int
keys_agree(const struct pin_obj *pod, pin_node keys,
    const struct pin_obj *other, int alike)
{
	pin_node k, mine, its;
	struct pin_str key;

	for (k = pin_obj_first(pod, keys); k != 0; k = pin_obj_next(pod, k)) {
		key = pin_obj_str(pod, k);
		mine = pin_obj_getn(pod, pod_labels(pod), key.p, key.len);
		its = pin_obj_getn(other, pod_labels(other), key.p, key.len);
		if (mine != 0 && (its != 0 && pin_str_eq(pin_obj_str(pod,
		    mine), pin_obj_str(other, its))) != alike)
			return (0);
	}
	return (1);
}

int
term_selects(struct pin_arena *arena, const struct pin_obj *pod,
    pin_node term, const struct pin_obj *other)
{
	return (pin_labels_match(arena, pod, pin_obj_get(pod, term,
	    "labelSelector"), other, pod_labels(other)) == 1 &&
	    keys_agree(pod, pin_obj_get(pod, term, "matchLabelKeys"), other,
	    1) && keys_agree(pod, pin_obj_get(pod, term,
	    "mismatchLabelKeys"), other, 0));
}
