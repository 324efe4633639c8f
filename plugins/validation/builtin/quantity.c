/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quantity.c -- amounts of resources: names, signs, whole numbers, requests
 * within limits.
 * Front threads. Contract: upstream's core validation of resource lists. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

#include "lib/quantity/quantity.h"

int
quantity_sign(struct pin_str s)
{
	struct pin_quantity q;

	return (pin_quantity_parse(s, &q, NULL) == PIN_OK ?
	    pin_quantity_sign(&q) : 0);
}

int
quantity_cmp(struct pin_str a, struct pin_str b)
{
	struct pin_quantity x, y;

	if (pin_quantity_parse(a, &x, NULL) != PIN_OK ||
	    pin_quantity_parse(b, &y, NULL) != PIN_OK)
		return (0);
	return (pin_quantity_cmp(&x, &y));
}

/* Has a value that is no whole number. */
static int
quantity_fraction(struct pin_str s)
{
	struct pin_quantity q;

	return (pin_quantity_parse(s, &q, NULL) == PIN_OK &&
	    pin_quantity_milli(&q) % 1000 != 0);
}

void
v_quantity_nonneg(struct v *v, const char *member, struct pin_str s)
{
	if (quantity_sign(s) < 0)
		v_bad_str(v, member, s, "must be greater than or equal to 0");
}

/* ---- names ------------------------------------------------------------- */

static int
native(struct pin_str s)
{
	return (s.len == 0 || memchr(s.p, '/', s.len) == NULL ||
	    pin_str_prefix(s, "kubernetes.io/"));
}

int
resource_standard(struct pin_str s)
{
	return (v_word(s, "cpu memory ephemeral-storage requests.cpu "
	    "requests.memory requests.ephemeral-storage limits.cpu "
	    "limits.memory limits.ephemeral-storage storage requests.storage "
	    "pods resourcequotas services replicationcontrollers secrets "
	    "configmaps persistentvolumeclaims services.nodeports "
	    "services.loadbalancers") || pin_str_prefix(s, "hugepages-") ||
	    pin_str_prefix(s, "requests.hugepages-"));
}

static int
container_standard(struct pin_str s)
{
	return (v_word(s, "cpu memory ephemeral-storage") ||
	    pin_str_prefix(s, "hugepages-"));
}

static int
extended(struct pin_str s)
{
	return (!native(s) && !pin_str_prefix(s, "requests.") &&
	    text_is(s, "qualified-name"));
}

int
resource_overcommit(struct pin_str s)
{
	return (native(s) && !pin_str_prefix(s, "hugepages-"));
}

void
v_resource_name(struct v *v, const char *member, struct pin_str name)
{
	if (!text_is(name, "qualified-name")) {
		v_format(v, member, name, "qualified-name");
		return;
	}
	if (memchr(name.p, '/', name.len) == NULL) {
		if (!resource_standard(name))
			v_bad_str(v, member, name, "must be a standard "
			    "resource type or fully qualified");
	}
}

void
v_container_resource(struct v *v, const char *member, struct pin_str name)
{
	v_resource_name(v, member, name);
	if (name.len == 0 || memchr(name.p, '/', name.len) == NULL) {
		if (!container_standard(name))
			v_bad_str(v, member, name, "must be a standard "
			    "resource for containers");
	} else if (!native(name) && !extended(name)) {
		v_bad_str(v, member, name, "doesn't follow extended resource "
		    "name standard");
	}
}

/* ---- values ------------------------------------------------------------ */

void
v_resource_value(struct v *v, struct pin_str name, struct pin_str amount)
{
	v_quantity_nonneg(v, NULL, amount);
	if ((v_word(name, "pods services replicationcontrollers secrets "
	    "configmaps persistentvolumeclaims resourcequotas "
	    "services.nodeports services.loadbalancers") || extended(name)) &&
	    quantity_fraction(amount))
		v_bad_str(v, NULL, amount, "must be an integer");
}

struct use {
	int	huge, plain;	/* hugepages-*, cpu or memory */
};

static void
note(struct use *u, struct pin_str name)
{
	if (pin_str_prefix(name, "hugepages-"))
		u->huge = 1;
	else if (v_word(name, "cpu memory"))
		u->plain = 1;
}

/* One amount, at the path of its name. */
static void
amount_of(struct v *v, struct pin_str name, struct pin_str amount,
    struct use *u)
{
	size_t key = v_key(v, name);

	v_container_resource(v, NULL, name);
	v_resource_value(v, name, amount);
	note(u, name);
	v_out(v, key);
}

static void
limits(struct v *v, pin_node resources, struct use *u)
{
	size_t back = v_in(v, "limits");
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, resources, "limits"), n, i)
		amount_of(v, pin_obj_key(v->o, n), pin_obj_str(v->o, n), u);
	v_out(v, back);
}

/* A request and its limit, at the path of both's owner. */
static void
within(struct v *v, struct pin_str name, struct pin_str amount, pin_node max)
{
	struct pin_str most = pin_obj_str(v->o, max);
	int free = resource_overcommit(name);

	if (max == 0) {
		if (!free)
			v_required(v, "limits", "Limit must be set for non "
			    "overcommitable resources");
	} else if (!free && quantity_cmp(amount, most) != 0) {
		v_bad_str(v, "requests", amount, "must be equal to " PIN_SFMT
		    " limit of " PIN_SFMT, PIN_SARG(name), PIN_SARG(most));
	} else if (quantity_cmp(amount, most) > 0) {
		v_bad_str(v, "requests", amount, "must be less than or equal "
		    "to " PIN_SFMT " limit of " PIN_SFMT, PIN_SARG(name),
		    PIN_SARG(most));
	}
}

static void
requests(struct v *v, pin_node resources, struct use *u)
{
	pin_node max = v_get(v, resources, "limits"), n;
	struct pin_str name, amount;
	uint32_t i;
	size_t back;

	V_EACH(v, v_get(v, resources, "requests"), n, i) {
		name = pin_obj_key(v->o, n);
		amount = pin_obj_str(v->o, n);
		back = v_in(v, "requests");
		amount_of(v, name, amount, u);
		v_out(v, back);
		within(v, name, amount, pin_obj_getn(v->o, max, name.p,
		    name.len));
	}
}

static void
claims(struct v *v, pin_node resources, struct v_set *known)
{
	size_t back = v_in(v, "claims"), item;
	struct v_set seen = { 0 };
	struct pin_str name, request;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, resources, "claims"), n, i) {
		item = v_item(v, i);
		name = v_str(v, n, "name");
		request = v_str(v, n, "request");
		if (name.len == 0) {
			v_required(v, NULL, NULL);
			v_out(v, item);
			continue;
		}
		if (request.len > 0)
			v_format(v, "request", request, "dns1123-label");
		else if (v_set_add(&seen, name, n))
			v_duplicate(v, NULL, name);
		if (!v_set_get(known, name, NULL))
			v_notfound(v, NULL, name, "must be one of the names in"
			    " pod.spec.resourceClaims%s", known->n == 0 ?
			    " which is empty" : "");
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}

/* At the path of the resources' owner, whose member they are. */
void
check_resources(struct v *v, pin_node resources, struct v_set *known)
{
	size_t back = v_in(v, "resources");
	struct use u = { 0, 0 };

	limits(v, resources, &u);
	requests(v, resources, &u);
	claims(v, resources, known);
	if (u.huge && !u.plain)
		v_forbidden(v, NULL, "HugePages require cpu or memory");
	v_out(v, back);
}
