/* SPDX-License-Identifier: BSD-2-Clause
 *
 * field.c -- the downward API: fieldRef and resourceFieldRef as text.
 * Work pool. Contract: the fields Kubernetes allows; another one is refused
 * by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/addrs.h"
#include "core/kubelet/kubelet_int.h"
#include "lib/quantity/quantity.h"

void
pod_ip(const struct kpod *pod, uint32_t i, char out[64])
{
	const struct pin_ip *ip = &pod->net.ips[i];
	struct pin_addr a;

	memset(&a, 0, sizeof(a));
	a.family = ip->family;
	memcpy(a.ip, ip->ip, sizeof(a.ip));
	pin_addr_ip(&a, out);
}

static void
ips(const struct kpod *pod, uint32_t max, struct pin_out *out)
{
	char text[64];
	uint32_t i;

	for (i = 0; i < pod->net.nips && i < max; i++) {
		pod_ip(pod, i, text);
		pin_out_printf(out, "%s%s", i > 0 ? "," : "", text);
	}
}

/* key="value" a line, as a file of the downward API has them. */
static void
map(const struct pin_obj *o, pin_node m, struct pin_out *out)
{
	pin_node n = pin_obj_first(o, m);
	int first = 1;

	for (; n != 0; n = pin_obj_next(o, n)) {
		if (!first)
			pin_out_char(out, '\n');
		first = 0;
		pin_out_str(out, pin_obj_key(o, n));
		pin_out_char(out, '=');
		pin_json_quote(out, pin_obj_str(o, n));
	}
}

static int
subscript(const struct pin_obj *o, pin_node meta, const char *path,
    struct pin_out *out)
{
	static const char *const maps[] = { "labels", "annotations" };
	char what[32];
	size_t i, n;

	for (i = 0; i < PIN_LEN(maps); i++) {
		n = (size_t)snprintf(what, sizeof(what), "metadata.%s['",
		    maps[i]);
		if (strncmp(path, what, n) != 0 || strlen(path) < n + 2)
			continue;
		pin_out_str(out, pin_obj_str(o, pin_obj_getn(o,
		    pin_obj_get(o, meta, maps[i]), path + n, strlen(path) -
		    n - 2)));
		return (1);
	}
	return (0);
}

int
field_value(const struct kpod *pod, pin_node ref, struct pin_out *out,
    struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	pin_node root = pin_obj_root(o), meta = pin_obj_get(o, root,
	    "metadata"), spec = pin_obj_get(o, root, "spec");
	char path[512], text[64];

	str_copy(path, sizeof(path), pin_obj_str(o, pin_obj_get(o, ref,
	    "fieldPath")));
	if (strcmp(path, "metadata.name") == 0)
		pin_out_cstr(out, pod->name);
	else if (strcmp(path, "metadata.namespace") == 0)
		pin_out_cstr(out, pod->ns);
	else if (strcmp(path, "metadata.uid") == 0)
		pin_out_cstr(out, pod->uid);
	else if (strcmp(path, "metadata.labels") == 0)
		map(o, pin_obj_get(o, meta, "labels"), out);
	else if (strcmp(path, "metadata.annotations") == 0)
		map(o, pin_obj_get(o, meta, "annotations"), out);
	else if (strcmp(path, "spec.nodeName") == 0)
		pin_out_cstr(out, pod->k->node);
	else if (strcmp(path, "spec.serviceAccountName") == 0)
		pin_out_str(out, pin_obj_str(o, pin_obj_get(o, spec,
		    "serviceAccountName")));
	else if (strcmp(path, "status.podIP") == 0)
		ips(pod, 1, out);
	else if (strcmp(path, "status.podIPs") == 0)
		ips(pod, PIN_POD_IPS_MAX, out);
	else if (strcmp(path, "status.hostIP") == 0 ||
	    strcmp(path, "status.hostIPs") == 0) {
		if (pod->k->nips > 0) {
			pin_addr_ip(&pod->k->ips[0], text);
			pin_out_cstr(out, text);
		}
	} else if (!subscript(o, meta, path, out))
		return (pin_err_set(err, PIN_EINVALID, "fieldPath \"%s\" is "
		    "not supported", path));
	return (PIN_OK);
}

int64_t
pod_quantity(const struct kpod *pod, pin_node n, int milli)
{
	struct pin_str s = pin_obj_str(pod->obj, n);
	struct pin_quantity q;

	if (s.len == 0 || pin_quantity_parse(s, &q, NULL) != PIN_OK)
		return (0);
	return (milli ? pin_quantity_milli(&q) : pin_quantity_value(&q));
}

int64_t
container_limit(const struct kpod *pod, const struct kcontainer *c,
    const char *what, int milli)
{
	return (pod_quantity(pod, pin_obj_at(pod->obj, c->spec, "resources",
	    "limits", what, NULL), milli));
}

/* A limit that is not set is what the node has. */
static void
limit_default(const struct kpod *pod, struct pin_str what,
    struct pin_quantity *q)
{
	int64_t has[KRES__COUNT];
	int cpu = pin_str_is(what, "cpu");

	node_has(pod->k, has);
	pin_quantity_set(q, cpu ? has[KRES_CPU] : pin_str_is(what, "memory") ?
	    has[KRES_MEMORY] : pin_str_is(what, "ephemeral-storage") ?
	    has[KRES_STORAGE] : 0, cpu ? -3 : 0, PIN_QUANTITY_DECIMAL_SI);
}

int
resource_value(const struct kpod *pod, pin_node ref,
    const struct kcontainer *own, struct pin_out *out, struct pin_err *err)
{
	const struct pin_obj *o = pod->obj;
	struct pin_str name = pin_obj_str(o, pin_obj_get(o, ref,
	    "containerName")), res = pin_obj_str(o, pin_obj_get(o, ref,
	    "resource")), s, d, what;
	const struct kcontainer *c = own;
	struct pin_quantity q, div;
	int64_t v, by;
	uint32_t i;
	int cpu;
	const char *dot = memchr(res.p != NULL ? res.p : "", '.', res.len);

	for (i = 0; name.len > 0 && i < pod->n; i++)
		if (pin_str_is(name, pod->c[i].name))
			c = &pod->c[i];
	if (c == NULL || dot == NULL)
		return (pin_err_set(err, PIN_EINVALID, "resourceFieldRef \""
		    PIN_SFMT "\" is not supported", PIN_SARG(res)));
	what.p = dot + 1;
	what.len = res.len - (size_t)(dot + 1 - res.p);
	s = pin_obj_str(o, pin_obj_getn(o, pin_obj_at(o, c->spec, "resources",
	    res.p[0] == 'l' ? "limits" : "requests", NULL), what.p,
	    what.len));
	d = pin_obj_str(o, pin_obj_get(o, ref, "divisor"));
	cpu = pin_str_is(what, "cpu");
	if (s.len == 0 || pin_quantity_parse(s, &q, NULL) != PIN_OK)
		memset(&q, 0, sizeof(q));
	if (res.p[0] == 'l' && pin_quantity_value(&q) == 0)
		limit_default(pod, what, &q);
	if (d.len == 0 || pin_str_is(d, "0") || pin_quantity_parse(d, &div,
	    NULL) != PIN_OK)
		pin_quantity_set(&div, 1, 0, PIN_QUANTITY_DECIMAL_SI);
	v = cpu ? pin_quantity_milli(&q) : pin_quantity_value(&q);
	by = cpu ? pin_quantity_milli(&div) : pin_quantity_value(&div);
	if (by <= 0)
		by = 1;
	pin_out_i64(out, (v + by - 1) / by);
	return (PIN_OK);
}
