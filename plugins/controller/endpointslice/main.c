/* SPDX-License-Identifier: BSD-2-Clause
 *
 * endpointslice -- controller: the addresses of the pods a Service selects,
 * in slices of at most a hundred.
 * Stateless. Controller loop.
 * Contract: pintle/controller.h; KEP-752; upstream's endpointslice-controller.
 * Not here: hints by annotation (topology-mode), which upstream gives only
 * where every zone has its share of endpoints. */
#include <stdio.h>

#include "endpointslice.h"

static pin_controller_reconcile_fn slice_reconcile;
static pin_controller_map_fn slice_map_pod, slice_map_slice, slice_map_node;

static const struct pin_controller_watch slice_watches[] = {
	[SERVICES] = { "", "v1", "services", NULL },
	[PODS] = { "", "v1", "pods", slice_map_pod },
	[SLICES] = { "discovery.k8s.io", "v1", "endpointslices",
	    slice_map_slice },
	[NODES] = { "", "v1", "nodes", slice_map_node },
	{ NULL, NULL, NULL, NULL }
};

static const struct pin_controller_ops slice_ops = {
	.size = sizeof(slice_ops),
	.watches = slice_watches,
	.reconcile = slice_reconcile,
	.component = "endpointslice-controller",
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONTROLLER),
	.name = "endpointslice", .version = "1.0",
	.summary = "EndpointSlices of Services that select pods",
	.ops = &slice_ops,
};

/* ---- which services --------------------------------------------------- */

static void
slice_map_pod(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	(void)self;
	service_map_pod(rc, SERVICES, object, before, out);
}

static struct pin_str
label(const struct pin_obj *o, const char *key)
{
	return (pin_obj_str(o, pin_obj_get(o, meta_labels(o), key)));
}

static int
is_managed(const struct pin_obj *slice)
{
	return (pin_str_is(label(slice, MANAGED_LABEL), MANAGER));
}

static void
slice_map_slice(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	(void)self;
	(void)rc;
	if (is_managed(object))
		pin_keys_add(out, meta_get(object, "namespace"), label(object,
		    SERVICE_LABEL));
	if (before != NULL && is_managed(before))
		pin_keys_add(out, meta_get(before, "namespace"), label(before,
		    SERVICE_LABEL));
}

static int
every(void *arg, const struct pin_obj *svc)
{
	pin_keys_add(arg, meta_get(svc, "namespace"), meta_get(svc, "name"));
	return (0);
}

/* One that comes, goes or moves to another zone: rare enough to ask all. */
static void
slice_map_node(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	(void)self;
	if (before != NULL && !pin_map_deleted(rc) && pin_str_eq(label(object,
	    ZONE_LABEL), label(before, ZONE_LABEL)))
		return;
	pin_cache_list(rc, SERVICES, PIN_STR_NONE, every, out);
}

/* ---- what there is ----------------------------------------------------- */

void *
array_more(struct pin_reconcile *rc, void *p, uint32_t n, uint32_t *cap,
    size_t size)
{
	uint32_t more = *cap == 0 ? 16 : *cap * 2;

	if (n < *cap)
		return (p);
	p = pin_arena_grow(pin_reconcile_arena(rc), p, *cap * size,
	    more * size);
	if (p != NULL)
		*cap = more;
	return (p);
}

static int
take_pod(void *arg, const struct pin_obj *pod)
{
	struct slices *s = arg;

	if (!pod_ended(pod) && service_selects(s->svc, pod))
		(void)endpoint_put(s, pod);
	return (s->rc_code != PIN_OK);
}

/* The set of ports it is for; NO_PORTS: of no pod's. */
static uint32_t
ports_of(struct slices *s, const struct pin_obj *slice)
{
	pin_node n = pin_obj_get(slice, pin_obj_root(slice), "ports");
	uint32_t i;

	for (i = 0; i < s->nports; i++)
		if (pin_obj_equal(s->made, s->ports[i], slice, n) ||
		    (pin_obj_count(s->made, s->ports[i]) == 0 &&
		    pin_obj_count(slice, n) == 0))
			return (i);
	return (NO_PORTS);
}

static int
is_owned(const struct slices *s, const struct pin_obj *slice)
{
	pin_node n = pin_obj_at(slice, pin_obj_root(slice), "metadata",
	    "ownerReferences", NULL);

	for (n = pin_obj_first(slice, n); n != 0; n = pin_obj_next(slice, n))
		if (pin_str_eq(pin_obj_str(slice, pin_obj_get(slice, n,
		    "uid")), meta_get(s->svc, "uid")))
			return (1);
	return (0);
}

static int
is_service_s(const struct slices *s, const struct pin_obj *slice)
{
	return (is_managed(slice) && !meta_deleted(slice) &&
	    pin_str_eq(label(slice, SERVICE_LABEL), meta_get(s->svc,
	    "name")));
}

static int
note_slice(void *arg, const struct pin_obj *slice)
{
	struct slices *s = arg;

	if (!is_service_s(s, slice))
		return (0);
	s->have = array_more(s->rc, s->have, s->nhave, &s->have_cap,
	    sizeof(*s->have));
	if (s->have == NULL) {
		s->rc_code = PIN_ENOMEM;
		return (1);
	}
	s->have[s->nhave++] = slice;
	return (0);
}

static void
take_slices(struct slices *s)
{
	struct slice *sl;
	uint32_t i;

	for (i = 0; i < s->nhave; i++) {
		if (pin_str_is(pin_obj_str(s->have[i], pin_obj_get(s->have[i],
		    pin_obj_root(s->have[i]), "addressType")), "IPv6") !=
		    s->six)
			continue;
		sl = slice_add(s);
		if (sl == NULL)
			return;
		sl->o = s->have[i];
		sl->name = meta_get(sl->o, "name");
		sl->ports = is_owned(s, sl->o) ? ports_of(s, sl->o) :
		    NO_PORTS;
		sl->drop = sl->ports == NO_PORTS;
	}
}

/* ---- what there shall be ------------------------------------------------ */

static int
same(const struct pin_obj *a, const struct pin_obj *b)
{
	static const char *const parts[] = { "endpoints", "ports" };
	pin_node x, y;
	size_t i;

	for (i = 0; i < PIN_LEN(parts); i++) {
		x = pin_obj_get(a, pin_obj_root(a), parts[i]);
		y = pin_obj_get(b, pin_obj_root(b), parts[i]);
		if (pin_obj_count(a, x) == 0 && pin_obj_count(b, y) == 0)
			continue;
		if (!pin_obj_equal(a, x, b, y))
			return (0);
	}
	return (pin_obj_equal(a, meta_labels(a), b, meta_labels(b)));
}

/* One that would be deleted is written anew instead of being replaced. */
static struct slice *
reuse(struct slices *s)
{
	uint32_t i;

	for (i = 0; i < s->nslices; i++)
		if (s->slice[i]->o != NULL && s->slice[i]->drop &&
		    is_owned(s, s->slice[i]->o))
			return (s->slice[i]);
	return (NULL);
}

/* A name that is not taken. */
static struct pin_str
new_name(struct slices *s, uint64_t *salt)
{
	struct pin_str base = meta_get(s->svc, "name"),
	    ns = meta_get(s->svc, "namespace");
	char name[256], tail[6];

	do {
		meta_suffix(meta_get(s->svc, "uid"), (*salt)++ +
		    ((uint64_t)s->six << 32), tail);
		snprintf(name, sizeof(name), PIN_SFMT "-%s", PIN_SARG(base),
		    tail);
	} while (pin_cache_get(s->rc, SLICES, ns, pin_str(name)) != NULL);
	return (pin_arena_str(pin_reconcile_arena(s->rc), pin_str(name)));
}

static void
write_slice(struct slices *s, struct slice *sl, uint64_t *salt)
{
	struct pin_target t = { .group = "discovery.k8s.io", .version = "v1",
	    .resource = "endpointslices",
	    .namespace = meta_get(s->svc, "namespace") };
	struct slice *old = sl->o == NULL ? reuse(s) : NULL;
	struct pin_obj *o;

	if (old != NULL) {
		sl->o = old->o;
		sl->name = old->name;
		old->o = NULL;
	}
	t.name = sl->o != NULL ? sl->name : new_name(s, salt);
	o = slice_object(s, sl, t.name);
	if (o == NULL)
		s->rc_code = PIN_ENOMEM;
	else if (sl->o == NULL && !meta_deleted(s->svc))
		pin_plan_create(s->plan, &t, o);
	else if (sl->o != NULL && !same(sl->o, o))
		pin_plan_update(s->plan, &t, o);
}

static void
write_slices(struct slices *s)
{
	struct pin_target t;
	uint64_t salt = 0;
	uint32_t i;

	for (i = 0; i < s->nslices && s->rc_code == PIN_OK; i++)
		if (!s->slice[i]->drop)
			write_slice(s, s->slice[i], &salt);
	for (i = 0; i < s->nslices; i++)
		if (s->slice[i]->drop && s->slice[i]->o != NULL) {
			t = meta_target(s->slice[i]->o, "discovery.k8s.io",
			    "v1", "endpointslices");
			pin_plan_delete(s->plan, &t, NULL);
		}
}

/* Does the Service have addresses of this family? */
static int
has_family(const struct slices *s)
{
	pin_node list = pin_obj_get(s->svc, s->spec, "ipFamilies"), n;

	for (n = pin_obj_first(s->svc, list); n != 0; n = pin_obj_next(s->svc,
	    n))
		if (pin_str_is(pin_obj_str(s->svc, n), s->six ? "IPv6" :
		    "IPv4"))
			return (1);
	return (pin_obj_count(s->svc, list) == 0 && !s->six);
}

static void
family(struct slices *s)
{
	struct pin_str ns = meta_get(s->svc, "namespace");
	int wanted = has_family(s);

	s->n = s->nslices = s->nports = 0;
	s->trigger = s->nhave == 0 ? meta_get(s->svc, "creationTimestamp") :
	    PIN_STR_NONE;
	s->made = pin_obj_new(pin_reconcile_arena(s->rc));
	if (s->made == NULL) {
		s->rc_code = PIN_ENOMEM;
		return;
	}
	s->made_list = pin_obj_set_new(s->made, pin_obj_root(s->made), "made",
	    PIN_ARRAY);
	if (wanted)
		pin_cache_list(s->rc, PODS, ns, take_pod, s);
	take_slices(s);
	if (wanted && s->rc_code == PIN_OK)
		pack(s);
	if (s->rc_code == PIN_OK)
		write_slices(s);
}

static int
slice_reconcile(void *self, struct pin_reconcile *rc, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	struct slices s = { .rc = rc, .plan = plan };

	(void)self;
	s.svc = pin_cache_get(rc, SERVICES, ns, name);
	if (s.svc == NULL)
		return (PIN_OK);	/* its slices go with their owner */
	s.spec = pin_obj_get(s.svc, pin_obj_root(s.svc), "spec");
	/* Without a selector the addresses are somebody else's affair, those
	 * there are included. */
	if (!service_is_ours(s.svc))
		return (PIN_OK);
	s.hints = hints_of(s.svc);
	pin_cache_list(rc, SLICES, ns, note_slice, &s);
	for (s.six = 0; s.six <= 1 && s.rc_code == PIN_OK; s.six++)
		family(&s);
	if (s.rc_code != PIN_OK)
		return (pin_err_set(err, s.rc_code, "out of memory"));
	return (PIN_OK);
}
