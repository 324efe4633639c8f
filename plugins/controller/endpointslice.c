/* SPDX-License-Identifier: BSD-2-Clause
 *
 * endpointslice -- controller: the addresses of the pods a Service selects,
 * in slices of at most a hundred.
 * Stateless. Controller loop. A slice is made anew from what there is; one
 * that says the same is left alone, so a change writes the slices it touches.
 * Contract: pintle/controller.h; KEP-752; upstream's labels and fields. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pintle/labels.h>

#include "common/meta.h"

#define SLICE_MAX	100
#define SERVICE_LABEL	"kubernetes.io/service-name"
#define MANAGED_LABEL	"endpointslice.kubernetes.io/managed-by"
#define HEADLESS_LABEL	"service.kubernetes.io/headless"
#define MANAGER		"endpointslice-controller.k8s.io"

static pin_controller_reconcile_fn slice_reconcile;
static pin_controller_map_fn slice_map_pod, slice_map_slice;

enum { SERVICES, PODS, SLICES };

static const struct pin_controller_watch slice_watches[] = {
	[SERVICES] = { "", "v1", "services", NULL },
	[PODS] = { "", "v1", "pods", slice_map_pod },
	[SLICES] = { "discovery.k8s.io", "v1", "endpointslices",
	    slice_map_slice },
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

struct slices {
	struct pin_reconcile *rc;
	struct pin_plan	*plan;
	const struct pin_obj *svc;
	pin_node	 spec;
	const struct pin_obj **pods;	/* selected, with an address */
	uint32_t	 n, cap;
	const struct pin_obj *have[64];	/* slices there are */
	uint32_t	 nhave;
	int		 six;		/* this family's turn */
};

/* ---- which services --------------------------------------------------- */

struct find {
	const struct pin_obj *pod, *before;
	struct pin_keys	*out;
};

static int
selects(void *arg, const struct pin_obj *svc)
{
	struct find *f = arg;
	pin_node sel = pin_obj_at(svc, pin_obj_root(svc), "spec", "selector",
	    NULL);

	if (pin_labels_match_map(svc, sel, f->pod, meta_labels(f->pod)) ||
	    (f->before != NULL && pin_labels_match_map(svc, sel, f->before,
	    meta_labels(f->before))))
		pin_keys_add(f->out, meta_get(svc, "namespace"),
		    meta_get(svc, "name"));
	return (0);
}

static void
slice_map_pod(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	struct find f = { .pod = object, .before = before, .out = out };

	(void)self;
	pin_cache_list(rc, SERVICES, meta_get(object, "namespace"), selects,
	    &f);
}

static struct pin_str
label(const struct pin_obj *o, const char *key)
{
	return (pin_obj_str(o, pin_obj_get(o, meta_labels(o), key)));
}

static void
slice_map_slice(void *self, struct pin_reconcile *rc,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	(void)self;
	(void)rc;
	(void)before;
	if (pin_str_is(label(object, MANAGED_LABEL), MANAGER))
		pin_keys_add(out, meta_get(object, "namespace"), label(object,
		    SERVICE_LABEL));
}

/* ---- what there is ----------------------------------------------------- */

/* Its address of a family: an IPv6 one has colons. */
static struct pin_str
pod_ip(const struct pin_obj *pod, int six)
{
	pin_node status = pin_obj_get(pod, pin_obj_root(pod), "status"), n;
	struct pin_str ip;

	n = pin_obj_first(pod, pin_obj_get(pod, status, "podIPs"));
	for (; n != 0; n = pin_obj_next(pod, n)) {
		ip = pin_obj_str(pod, pin_obj_get(pod, n, "ip"));
		if (ip.len > 0 && (memchr(ip.p, ':', ip.len) != NULL) == six)
			return (ip);
	}
	ip = pin_obj_str(pod, pin_obj_get(pod, status, "podIP"));
	return (ip.len > 0 && (memchr(ip.p, ':', ip.len) != NULL) == six ? ip :
	    PIN_STR_NONE);
}

static int
take_pod(void *arg, const struct pin_obj *pod)
{
	struct slices *s = arg;
	uint32_t cap;

	if (!pin_labels_match_map(s->svc, pin_obj_get(s->svc, s->spec,
	    "selector"), pod, meta_labels(pod)) ||
	    pod_ip(pod, s->six).len == 0 ||
	    pod_ended(pod))
		return (0);
	if (s->n == s->cap) {
		cap = s->cap == 0 ? 32 : s->cap * 2;
		s->pods = pin_arena_grow(pin_reconcile_arena(s->rc), s->pods,
		    s->cap * sizeof(*s->pods), cap * sizeof(*s->pods));
		if (s->pods == NULL)
			return (1);
		s->cap = cap;
	}
	s->pods[s->n++] = pod;
	return (0);
}

static int
take_slice(void *arg, const struct pin_obj *slice)
{
	struct slices *s = arg;

	if (pin_str_is(pin_obj_str(slice, pin_obj_get(slice, pin_obj_root(
	    slice), "addressType")), s->six ? "IPv6" : "IPv4") &&
	    pin_str_eq(label(slice, SERVICE_LABEL), meta_get(s->svc,
	    "name")) && pin_str_is(label(slice, MANAGED_LABEL), MANAGER) &&
	    !meta_deleted(slice) && s->nhave < PIN_LEN(s->have))
		s->have[s->nhave++] = slice;
	return (0);
}

/* ---- what there shall be ------------------------------------------------ */

/* A named targetPort is looked up in the pod. 0: it has no such port. */
static int64_t
target_port(const struct pin_obj *svc, pin_node port,
    const struct pin_obj *pod)
{
	pin_node t = pin_obj_get(svc, port, "targetPort"), c, p;
	struct pin_str name;
	int64_t v = 0;

	if (t == 0)
		t = pin_obj_get(svc, port, "port");
	if (pin_obj_i64(svc, t, &v) && pin_obj_type(svc, t) == PIN_NUMBER)
		return (v);
	name = pin_obj_str(svc, t);
	for (c = pin_obj_first(pod, pin_obj_at(pod, pin_obj_root(pod), "spec",
	    "containers", NULL)); c != 0; c = pin_obj_next(pod, c))
		for (p = pin_obj_first(pod, pin_obj_get(pod, c, "ports"));
		    p != 0; p = pin_obj_next(pod, p))
			if (pin_str_eq(pin_obj_str(pod, pin_obj_get(pod, p,
			    "name")), name) && pin_obj_i64(pod,
			    pin_obj_get(pod, p, "containerPort"), &v))
				return (v);
	return (0);
}

static void
put_ports(struct slices *s, struct pin_obj *o)
{
	const struct pin_obj *pod = s->n > 0 ? s->pods[0] : NULL;
	pin_node list, p, q, n;
	int64_t v;

	list = pin_obj_set_new(o, pin_obj_root(o), "ports", PIN_ARRAY);
	for (p = pin_obj_first(s->svc, pin_obj_get(s->svc, s->spec, "ports"));
	    p != 0; p = pin_obj_next(s->svc, p)) {
		v = pod != NULL ? target_port(s->svc, p, pod) : 0;
		if (v == 0)
			continue;
		q = pin_obj_add_new(o, list, PIN_OBJECT);
		n = pin_obj_get(s->svc, p, "name");
		pin_obj_set_str(o, q, "name", n != 0 ? pin_obj_str(s->svc,
		    n) : PIN_STR(""));
		pin_obj_set_str(o, q, "protocol", pin_obj_str(s->svc,
		    pin_obj_get(s->svc, p, "protocol")));
		pin_obj_set_i64(o, q, "port", v);
		n = pin_obj_get(s->svc, p, "appProtocol");
		if (n != 0)
			pin_obj_set_node(o, q, PIN_STR("appProtocol"), s->svc,
			    n);
	}
}

static void
put_endpoint(struct slices *s, struct pin_obj *o, pin_node list,
    const struct pin_obj *pod)
{
	pin_node e = pin_obj_add_new(o, list, PIN_OBJECT), c, ref;
	struct pin_str node = pin_obj_str(pod, pin_obj_at(pod,
	    pin_obj_root(pod), "spec", "nodeName", NULL)), host;
	int ready = pod_ready(pod), leaving = meta_deleted(pod),
	    all = pin_obj_true(s->svc, pin_obj_get(s->svc, s->spec,
	    "publishNotReadyAddresses"));

	c = pin_obj_set_new(o, e, "addresses", PIN_ARRAY);
	pin_obj_add_str(o, c, pod_ip(pod, s->six));
	c = pin_obj_set_new(o, e, "conditions", PIN_OBJECT);
	pin_obj_set_bool(o, c, "ready", all || (ready && !leaving));
	pin_obj_set_bool(o, c, "serving", ready);
	pin_obj_set_bool(o, c, "terminating", leaving);
	ref = pin_obj_set_new(o, e, "targetRef", PIN_OBJECT);
	pin_obj_set_str(o, ref, "kind", PIN_STR("Pod"));
	pin_obj_set_str(o, ref, "namespace", meta_get(pod, "namespace"));
	pin_obj_set_str(o, ref, "name", meta_get(pod, "name"));
	pin_obj_set_str(o, ref, "uid", meta_get(pod, "uid"));
	if (node.len > 0)
		pin_obj_set_str(o, e, "nodeName", node);
	/* A name of its own beneath the Service's. */
	host = pin_obj_str(pod, pin_obj_at(pod, pin_obj_root(pod), "spec",
	    "hostname", NULL));
	if (host.len > 0 && pin_str_eq(pin_obj_str(pod, pin_obj_at(pod,
	    pin_obj_root(pod), "spec", "subdomain", NULL)), meta_get(s->svc,
	    "name")))
		pin_obj_set_str(o, e, "hostname", host);
}

/* The Service's labels, and ours. */
static void
put_labels(struct slices *s, struct pin_obj *o, pin_node meta)
{
	pin_node to = pin_obj_set_new(o, meta, "labels", PIN_OBJECT), n;

	n = pin_obj_first(s->svc, meta_labels(s->svc));
	for (; n != 0; n = pin_obj_next(s->svc, n))
		pin_obj_set_node(o, to, pin_obj_key(s->svc, n), s->svc, n);
	pin_obj_unset(o, to, HEADLESS_LABEL);
	if (pin_str_is(pin_obj_str(s->svc, pin_obj_get(s->svc, s->spec,
	    "clusterIP")), "None"))
		pin_obj_set_str(o, to, HEADLESS_LABEL, PIN_STR(""));
	pin_obj_set_str(o, to, MANAGED_LABEL, PIN_STR(MANAGER));
	pin_obj_set_str(o, to, SERVICE_LABEL, meta_get(s->svc, "name"));
}

static struct pin_obj *
new_slice(struct slices *s, uint32_t k)
{
	struct pin_obj *o = pin_obj_new(pin_reconcile_arena(s->rc));
	pin_node meta, list;
	char name[256], tail[6];
	struct pin_str base = meta_get(s->svc, "name");
	uint32_t i, end = (k + 1) * SLICE_MAX < s->n ? (k + 1) * SLICE_MAX :
	    s->n;

	if (o == NULL)
		return (NULL);
	meta_suffix(meta_get(s->svc, "uid"), k + ((uint64_t)s->six << 32),
	    tail);
	snprintf(name, sizeof(name), PIN_SFMT "-%s", PIN_SARG(base), tail);
	meta = pin_obj_set_new(o, pin_obj_root(o), "metadata", PIN_OBJECT);
	pin_obj_set_str(o, meta, "name", pin_str(name));
	put_labels(s, o, meta);
	meta_own(o, s->svc, "v1", "Service");
	pin_obj_set_str(o, pin_obj_root(o), "addressType", s->six ?
	    PIN_STR("IPv6") : PIN_STR("IPv4"));
	list = pin_obj_set_new(o, pin_obj_root(o), "endpoints", PIN_ARRAY);
	for (i = k * SLICE_MAX; i < end; i++)
		put_endpoint(s, o, list, s->pods[i]);
	put_ports(s, o);
	return (o);
}

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

static const struct pin_obj *
find(struct slices *s, struct pin_str name)
{
	uint32_t i;

	for (i = 0; i < s->nhave; i++)
		if (s->have[i] != NULL &&
		    pin_str_eq(meta_get(s->have[i], "name"), name))
			return (s->have[i]);
	return (NULL);
}

static int
write_slices(struct slices *s, uint32_t want, struct pin_err *err)
{
	struct pin_target t = { .group = "discovery.k8s.io", .version = "v1",
	    .resource = "endpointslices",
	    .namespace = meta_get(s->svc, "namespace") };
	const struct pin_obj *old;
	struct pin_obj *o;
	uint32_t k, i;

	for (k = 0; k < want; k++) {
		o = new_slice(s, k);
		if (o == NULL)
			return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
		t.name = meta_get(o, "name");
		old = find(s, t.name);
		if (old == NULL) {
			pin_plan_create(s->plan, &t, o);
		} else if (!same(old, o)) {
			pin_obj_set_str(o, pin_obj_get(o, pin_obj_root(o),
			    "metadata"), "resourceVersion", meta_get(old,
			    "resourceVersion"));
			pin_plan_update(s->plan, &t, o);
		}
		for (i = 0; i < s->nhave; i++)
			if (s->have[i] == old)
				s->have[i] = NULL;
	}
	for (i = 0; i < s->nhave; i++)
		if (s->have[i] != NULL) {
			t = meta_target(s->have[i], "discovery.k8s.io", "v1",
			    "endpointslices");
			pin_plan_delete(s->plan, &t, NULL);
		}
	return (PIN_OK);
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

static int
slice_reconcile(void *self, struct pin_reconcile *rc, struct pin_str ns,
    struct pin_str name, struct pin_plan *plan, struct pin_err *err)
{
	struct slices s = { .rc = rc, .plan = plan };
	int res = PIN_OK, wanted;

	(void)self;
	s.svc = pin_cache_get(rc, SERVICES, ns, name);
	if (s.svc == NULL || meta_deleted(s.svc))
		return (PIN_OK);	/* its slices go with their owner */
	s.spec = pin_obj_get(s.svc, pin_obj_root(s.svc), "spec");
	/* Without a selector the addresses are somebody else's affair. */
	if (pin_obj_count(s.svc, pin_obj_get(s.svc, s.spec, "selector")) == 0 ||
	    pin_str_is(pin_obj_str(s.svc, pin_obj_get(s.svc, s.spec,
	    "type")), "ExternalName"))
		return (PIN_OK);
	for (s.six = 0; s.six <= 1 && res == PIN_OK; s.six++) {
		s.n = s.nhave = 0;
		pin_cache_owned(rc, SLICES, ns, meta_get(s.svc, "uid"),
		    take_slice, &s);
		wanted = has_family(&s);
		if (wanted)
			pin_cache_list(rc, PODS, ns, take_pod, &s);
		res = write_slices(&s, !wanted ? 0 : s.n == 0 ? 1 : (s.n +
		    SLICE_MAX - 1) / SLICE_MAX, err);
	}
	return (res);
}
