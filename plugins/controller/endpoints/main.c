/* SPDX-License-Identifier: BSD-2-Clause
 *
 * endpoints -- controller: the addresses of the pods a Service selects, as
 * the older API, v1 Endpoints, has them. Whoever reads EndpointSlices does not
 * need it.
 * Stateless. Controller loop.
 * Contract: pintle/controller.h; upstream's endpoint-controller. An object
 * goes with its Service, whoever made it: nobody owns it, so the deletion is
 * looked for in the events, and after a restart by our label. */
#include "endpoints.h"

#define MANAGED_LABEL	"endpoints.kubernetes.io/managed-by"
#define MANAGER		"endpoint-controller"
#define OVER_CAPACITY	"endpoints.kubernetes.io/over-capacity"

static pin_controller_reconcile_fn endpoints_reconcile;
static pin_controller_map_fn endpoints_map_pod, endpoints_map_own;

enum { SERVICES, PODS, ENDPOINTS };

static const struct pin_controller_watch endpoints_watches[] = {
	[SERVICES] = { "", "v1", "services", NULL },
	[PODS] = { "", "v1", "pods", endpoints_map_pod },
	[ENDPOINTS] = { "", "v1", "endpoints", endpoints_map_own },
	{ NULL, NULL, NULL, NULL }
};

static const struct pin_controller_ops endpoints_ops = {
	.size = sizeof(endpoints_ops),
	.watches = endpoints_watches,
	.reconcile = endpoints_reconcile,
	.component = "endpoint-controller",
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(CONTROLLER),
	.name = "endpoints", .version = "1.0",
	.summary = "Endpoints of Services that select pods",
	.ops = &endpoints_ops,
};

/* ---- which services ------------------------------------------------------ */

static void
endpoints_map_pod(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	(void)self;
	service_map_pod(rc, SERVICES, object, before, out);
}

/* One without a Service may be there before it: let it be, unless it is one
 * of ours that was left over. */
static void
endpoints_map_own(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	struct pin_str ns = meta_get(object, "namespace"),
	    name = meta_get(object, "name");

	(void)self;
	(void)before;
	if (pin_cache_get(rc, SERVICES, ns, name) != NULL ||
	    pin_str_is(pin_obj_str(object, pin_obj_get(object,
	    meta_labels(object), MANAGED_LABEL)), MANAGER))
		pin_keys_add(out, ns, name);
}

/* ---- when it changed --------------------------------------------- */

enum { ABSENT, WAITS, SERVES };

static int
listed(const struct pin_obj *o, pin_node list, struct pin_str uid)
{
	pin_node n;

	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n))
		if (pin_str_eq(pin_obj_str(o, pin_obj_at(o, n, "targetRef",
		    "uid", NULL)), uid))
			return (1);
	return (0);
}

static int
was(const struct pin_obj *have, struct pin_str uid)
{
	pin_node n = pin_obj_first(have, pin_obj_get(have, pin_obj_root(have),
	    "subsets"));

	for (; n != 0; n = pin_obj_next(have, n)) {
		if (listed(have, pin_obj_get(have, n, "addresses"), uid))
			return (SERVES);
		if (listed(have, pin_obj_get(have, n, "notReadyAddresses"),
		    uid))
			return (WAITS);
	}
	return (ABSENT);
}

/* The oldest of the changes that are written now. */
static struct pin_str
trigger(const struct endpoints *e)
{
	struct pin_str t, first = PIN_STR_NONE;
	uint32_t i;

	if (e->have == NULL)
		return (meta_get(e->svc, "creationTimestamp"));
	for (i = 0; i < e->naddr; i++) {
		t = service_pod_time(e->addr[i].pod);
		if (t.len > 0 && (first.len == 0 || pin_str_cmp(t, first) <
		    0) && was(e->have, meta_get(e->addr[i].pod, "uid")) !=
		    (e->addr[i].ready ? SERVES : WAITS))
			first = t;
	}
	return (first);
}

/* ---- what there shall be ----------------------------------------- */

static int
take_pod(void *arg, const struct pin_obj *pod)
{
	struct endpoints *e = arg;

	if (!pod_ended(pod) && service_selects(e->svc, pod))
		endpoints_take(e, pod);
	return (e->rc_code != PIN_OK);
}

static void
put_capacity(const struct endpoints *e, struct pin_obj *o, pin_node meta)
{
	pin_node n = pin_obj_get(o, meta, "annotations");

	if (e->truncated) {
		if (n == 0)
			n = pin_obj_set_new(o, meta, "annotations",
			    PIN_OBJECT);
		pin_obj_set_str(o, n, OVER_CAPACITY, PIN_STR("truncated"));
	} else if (pin_obj_unset(o, n, OVER_CAPACITY) && pin_obj_count(o,
	    n) == 0) {
		pin_obj_unset(o, meta, "annotations");
	}
}

static struct pin_obj *
object(struct endpoints *e)
{
	struct pin_arena *arena = pin_reconcile_arena(e->rc);
	struct pin_obj *o = e->have != NULL ? pin_obj_copy(arena, e->have) :
	    pin_obj_new(arena);
	pin_node meta, labels;

	if (o == NULL)
		return (NULL);
	meta = pin_obj_get(o, pin_obj_root(o), "metadata");
	if (meta == 0)
		meta = pin_obj_set_new(o, pin_obj_root(o), "metadata",
		    PIN_OBJECT);
	pin_obj_set_str(o, meta, "name", meta_get(e->svc, "name"));
	labels = service_put_labels(e->svc, o, meta);
	pin_obj_set_str(o, labels, MANAGED_LABEL, PIN_STR(MANAGER));
	endpoints_subsets(e, o);
	service_put_trigger(o, meta, trigger(e));
	put_capacity(e, o, meta);
	return (o);
}

static int
same(const struct pin_obj *a, const struct pin_obj *b)
{
	pin_node x = pin_obj_get(a, pin_obj_root(a), "subsets"),
	    y = pin_obj_get(b, pin_obj_root(b), "subsets");

	return (((pin_obj_count(a, x) == 0 && pin_obj_count(b, y) == 0) ||
	    pin_obj_equal(a, x, b, y)) && pin_obj_equal(a, meta_labels(a), b,
	    meta_labels(b)));
}

static int
endpoints_reconcile(void *self, struct pin_reconcile *rc, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	struct pin_target t = { .group = "", .version = "v1",
	    .resource = "endpoints", .namespace = ns, .name = name };
	struct endpoints e = { .rc = rc };
	struct pin_obj *o;

	(void)self;
	e.svc = pin_cache_get(rc, SERVICES, ns, name);
	e.have = pin_cache_get(rc, ENDPOINTS, ns, name);
	if (e.svc == NULL) {
		if (e.have != NULL)
			pin_plan_delete(plan, &t, NULL);
		return (PIN_OK);
	}
	if (!service_is_ours(e.svc))
		return (PIN_OK);
	e.spec = pin_obj_get(e.svc, pin_obj_root(e.svc), "spec");
	e.made = pin_obj_new(pin_reconcile_arena(rc));
	if (e.made == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	e.made_list = pin_obj_set_new(e.made, pin_obj_root(e.made), "made",
	    PIN_ARRAY);
	pin_cache_list(rc, PODS, ns, take_pod, &e);
	o = e.rc_code == PIN_OK ? object(&e) : NULL;
	if (o == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	if (e.have == NULL)
		pin_plan_create(plan, &t, o);
	else if (!same(e.have, o))
		pin_plan_update(plan, &t, o);
	return (PIN_OK);
}
