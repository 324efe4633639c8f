/* SPDX-License-Identifier: BSD-2-Clause
 *
 * service.c -- see service.h.
 * Contract: service.h. */
#include "service.h"

#include <string.h>

#include <pintle/labels.h>

static struct pin_str
spec_str(const struct pin_obj *o, const char *key)
{
	return (pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "spec", key,
	    NULL)));
}

static pin_node
selector(const struct pin_obj *svc)
{
	return (pin_obj_at(svc, pin_obj_root(svc), "spec", "selector", NULL));
}

int
service_is_ours(const struct pin_obj *svc)
{
	return (pin_obj_count(svc, selector(svc)) > 0 &&
	    !pin_str_is(spec_str(svc, "type"), "ExternalName"));
}

int
service_selects(const struct pin_obj *svc, const struct pin_obj *pod)
{
	return (pin_labels_match_map(svc, selector(svc), pod,
	    meta_labels(pod)));
}

int
service_is_headless(const struct pin_obj *svc)
{
	struct pin_str ip = spec_str(svc, "clusterIP");

	return (ip.len == 0 || pin_str_is(ip, "None"));
}

/* ---- ports -------------------------------------------------------------- */

/* The container port of this name and protocol. 0: there is none. */
static int64_t
named_port(const struct pin_obj *pod, const char *list, struct pin_str name,
    struct pin_str protocol)
{
	pin_node c = pin_obj_first(pod, pin_obj_at(pod, pin_obj_root(pod),
	    "spec", list, NULL)), p;
	int init = strcmp(list, "initContainers") == 0;
	int64_t v = 0;

	for (; c != 0; c = pin_obj_next(pod, c)) {
		if (init && !pin_str_is(pin_obj_str(pod, pin_obj_get(pod, c,
		    "restartPolicy")), "Always"))
			continue;
		p = pin_obj_first(pod, pin_obj_get(pod, c, "ports"));
		for (; p != 0; p = pin_obj_next(pod, p))
			if (pin_str_eq(pin_obj_str(pod, pin_obj_get(pod, p,
			    "name")), name) && pin_str_eq(pin_obj_str(pod,
			    pin_obj_get(pod, p, "protocol")), protocol) &&
			    pin_obj_i64(pod, pin_obj_get(pod, p,
			    "containerPort"), &v))
				return (v);
	}
	return (0);
}

int64_t
service_port(const struct pin_obj *svc, pin_node port,
    const struct pin_obj *pod)
{
	pin_node t = pin_obj_get(svc, port, "targetPort");
	struct pin_str protocol = pin_obj_str(svc, pin_obj_get(svc, port,
	    "protocol"));
	int64_t v = 0;

	if (t == 0)
		t = pin_obj_get(svc, port, "port");
	if (pin_obj_type(svc, t) == PIN_NUMBER && pin_obj_i64(svc, t, &v))
		return (v);
	v = named_port(pod, "containers", pin_obj_str(svc, t), protocol);
	return (v != 0 ? v : named_port(pod, "initContainers",
	    pin_obj_str(svc, t), protocol));
}

/* ---- pods -------------------------------------------------------- */

struct pin_str
service_hostname(const struct pin_obj *svc, const struct pin_obj *pod)
{
	return (pin_str_eq(spec_str(pod, "subdomain"), meta_get(svc,
	    "name")) ? spec_str(pod, "hostname") : PIN_STR_NONE);
}

int
service_ip_is_six(struct pin_str ip)
{
	return (ip.len > 0 && memchr(ip.p, ':', ip.len) != NULL);
}

struct pin_str
service_pod_time(const struct pin_obj *pod)
{
	pin_node n = pin_obj_first(pod, pin_obj_at(pod, pin_obj_root(pod),
	    "status", "conditions", NULL));

	for (; n != 0; n = pin_obj_next(pod, n))
		if (pin_str_is(pin_obj_str(pod, pin_obj_get(pod, n, "type")),
		    "Ready"))
			return (pin_obj_str(pod, pin_obj_get(pod, n,
			    "lastTransitionTime")));
	return (PIN_STR_NONE);
}

void
service_put_ref(struct pin_obj *o, pin_node parent, const char *key,
    const struct pin_obj *pod)
{
	pin_node ref = pin_obj_set_new(o, parent, key, PIN_OBJECT);

	pin_obj_set_str(o, ref, "kind", PIN_STR("Pod"));
	pin_obj_set_str(o, ref, "namespace", meta_get(pod, "namespace"));
	pin_obj_set_str(o, ref, "name", meta_get(pod, "name"));
	pin_obj_set_str(o, ref, "uid", meta_get(pod, "uid"));
}

struct find {
	const struct pin_obj *pod, *before;
	struct pin_keys	*out;
};

static int
find_service(void *arg, const struct pin_obj *svc)
{
	struct find *f = arg;

	if (service_selects(svc, f->pod) || (f->before != NULL &&
	    service_selects(svc, f->before)))
		pin_keys_add(f->out, meta_get(svc, "namespace"),
		    meta_get(svc, "name"));
	return (0);
}

void
service_map_pod(struct pin_reconcile *rc, uint32_t index,
    const struct pin_obj *object, const struct pin_obj *before,
    struct pin_keys *out)
{
	struct find f = { .pod = object, .before = before, .out = out };

	pin_cache_list(rc, index, meta_get(object, "namespace"), find_service,
	    &f);
}

/* ---- what lists them --------------------------------------------- */

pin_node
service_put_labels(const struct pin_obj *svc, struct pin_obj *o,
    pin_node meta)
{
	pin_node to = pin_obj_set_new(o, meta, "labels", PIN_OBJECT), n;

	n = pin_obj_first(svc, meta_labels(svc));
	for (; n != 0; n = pin_obj_next(svc, n))
		pin_obj_set_node(o, to, pin_obj_key(svc, n), svc, n);
	pin_obj_unset(o, to, SERVICE_HEADLESS);
	if (service_is_headless(svc))
		pin_obj_set_str(o, to, SERVICE_HEADLESS, PIN_STR(""));
	return (to);
}

void
service_put_trigger(struct pin_obj *o, pin_node meta, struct pin_str time)
{
	pin_node to = pin_obj_get(o, meta, "annotations");

	if (time.len > 0) {
		if (to == 0)
			to = pin_obj_set_new(o, meta, "annotations",
			    PIN_OBJECT);
		pin_obj_set_str(o, to, SERVICE_TRIGGER, time);
	} else if (pin_obj_unset(o, to, SERVICE_TRIGGER) &&
	    pin_obj_count(o, to) == 0) {
		pin_obj_unset(o, meta, "annotations");
	}
}
