/* SPDX-License-Identifier: BSD-2-Clause
 *
 * defaults_pod.c -- the rule of pods: requests from limits, of containers
 * and of the pod, service links, host ports.
 * Run once a pod, before its members have their own defaults.
 * Contract: rules.def, "pod". */
#include "rules_int.h"

#include <string.h>

#include "lib/quantity/quantity.h"

#define HUGEPAGES	"hugepages-"
#define TOTALS_MAX	64	/* kinds of resources that are added up */

static const char *const lists[] = { "containers", "initContainers" };

/* ---- 1: a container's requests -------------------------------------- */

static void
container_requests(struct pin__conform *c, struct pin_type spec, pin_node o)
{
	struct pin_type res;
	pin_node m, r, limits;
	size_t k;

	for (k = 0; k < PIN_LEN(lists); k++) {
		res = pin__rule_type(pin__rule_type(spec, lists[k]),
		    "resources");
		for (m = pin_obj_first(c->out, pin_obj_get(c->out, o,
		    lists[k])); m != 0; m = pin_obj_next(c->out, m)) {
			r = pin_obj_get(c->out, m, "resources");
			limits = pin__rule_get(c, r, "limits");
			if (pin_obj_count(c->out, limits) != 0)
				pin__rule_fill(c, limits, pin__rule_tree(c,
				    res, r, "requests", PIN_OBJECT));
		}
	}
}

/* ---- 2: the pod's own resources ------------------------------------- */

struct total {
	struct pin_str		name;
	struct pin_quantity	sum;	/* containers and sidecars */
	struct pin_quantity	max;	/* of init containers, as they run */
};

struct totals {
	struct total	t[TOTALS_MAX];
	uint32_t	n;
};

static struct total *
total_of(struct totals *all, struct pin_str name)
{
	uint32_t k;

	for (k = 0; k < all->n; k++)
		if (pin_str_eq(all->t[k].name, name))
			return (&all->t[k]);
	if (all->n == TOTALS_MAX)
		return (NULL);
	memset(&all->t[k], 0, sizeof(all->t[k]));
	all->t[k].name = name;
	all->n++;
	return (&all->t[k]);
}

static int
is_hugepages(struct pin_str s)
{
	return (pin_str_prefix(s, HUGEPAGES));
}

/* What the pod level knows: cpu, memory and huge pages. */
static int
is_pod_level(struct pin_str s)
{
	return (pin_str_is(s, "cpu") || pin_str_is(s, "memory") ||
	    is_hugepages(s));
}

/* Adds one container's limits or requests. A sidecar counts while later
 * init containers run, and with the containers. */
static void
add_container(struct pin__conform *c, struct totals *all, pin_node m,
    const char *which, int init)
{
	pin_node map = pin_obj_at(c->out, m, "resources", which, NULL), k;
	int sidecar = init && pin_str_is(pin_obj_str(c->out,
	    pin_obj_get(c->out, m, "restartPolicy")), "Always");
	struct pin_quantity q, run;
	struct total *t;

	for (k = pin_obj_first(c->out, map); k != 0;
	    k = pin_obj_next(c->out, k)) {
		if (!is_pod_level(pin_obj_key(c->out, k)) ||
		    pin_quantity_parse(pin_obj_str(c->out, k), &q, NULL) !=
		    PIN_OK || (t = total_of(all, pin_obj_key(c->out, k))) ==
		    NULL)
			continue;
		if (!init || sidecar) {
			(void)pin_quantity_add(&t->sum, &q);
			run = t->sum;
		} else {
			run = t->sum;
			(void)pin_quantity_add(&run, &q);
		}
		if (init && pin_quantity_cmp(&run, &t->max) > 0)
			t->max = run;
	}
}

static void
add_all(struct pin__conform *c, struct totals *all, pin_node spec,
    const char *which)
{
	pin_node m;

	all->n = 0;
	for (m = pin_obj_first(c->out, pin_obj_get(c->out, spec,
	    "initContainers")); m != 0; m = pin_obj_next(c->out, m))
		add_container(c, all, m, which, 1);
	for (m = pin_obj_first(c->out, pin_obj_get(c->out, spec,
	    "containers")); m != 0; m = pin_obj_next(c->out, m))
		add_container(c, all, m, which, 0);
}

static pin_node
total_node(struct pin__conform *c, const struct total *t)
{
	char text[PIN_QUANTITY_TEXT_MAX];

	if (pin_quantity_format(pin_quantity_cmp(&t->sum, &t->max) >= 0 ?
	    &t->sum : &t->max, text) != PIN_OK)
		return (0);
	return (pin__text_node(c, PIN_STRING, text, strlen(text)));
}

static int
has_key(const struct pin__conform *c, pin_node map, struct pin_str key)
{
	return (pin_obj_getn(c->out, map, key.p, key.len) != 0);
}

static void
pod_limits(struct pin__conform *c, struct pin_type res, pin_node spec,
    pin_node r, struct totals *all)
{
	pin_node limits, requests = pin__rule_get(c, r, "requests");
	uint32_t k;

	add_all(c, all, spec, "limits");
	for (k = 0; k < all->n; k++) {
		limits = pin__rule_get(c, r, "limits");
		if (!is_hugepages(all->t[k].name) ||
		    has_key(c, limits, all->t[k].name) ||
		    has_key(c, requests, all->t[k].name))
			continue;
		limits = pin__rule_tree(c, res, r, "limits", PIN_OBJECT);
		pin__rule_map_put(c, limits, all->t[k].name,
		    total_node(c, &all->t[k]));
	}
}

static void
pod_requests(struct pin__conform *c, struct pin_type res, pin_node spec,
    pin_node r, struct totals *all)
{
	pin_node limits = pin__rule_get(c, r, "limits"), requests, m;
	struct pin_str key;
	uint32_t k;

	if (pin_obj_count(c->out, limits) == 0)
		return;
	requests = pin__rule_tree(c, res, r, "requests", PIN_OBJECT);
	add_all(c, all, spec, "requests");
	for (k = 0; k < all->n; k++)
		if (!is_hugepages(all->t[k].name) &&
		    !has_key(c, requests, all->t[k].name))
			pin__rule_map_put(c, requests, all->t[k].name,
			    total_node(c, &all->t[k]));
	for (m = pin_obj_first(c->out, limits); m != 0;
	    m = pin_obj_next(c->out, m)) {
		key = pin_obj_key(c->out, m);
		if (is_pod_level(key) && !has_key(c, requests, key))
			pin__rule_map_put(c, requests, key,
			    pin__obj_clone(c->out, c->out, m));
	}
	if (pin_obj_count(c->out, requests) == 0)
		(void)pin_obj_unset(c->out, r, "requests");
}

static void
pod_resources(struct pin__conform *c, struct pin_type spec_type,
    pin_node spec)
{
	pin_node r = pin__rule_get(c, spec, "resources");
	struct pin_type res;
	struct totals *all;

	if (r == 0)
		return;
	all = pin_arena_alloc(c->arena, sizeof(*all));
	if (all == NULL) {
		(void)pin__conform_fail(c, PIN_ENOMEM);
		return;
	}
	res = pin__rule_type(spec_type, "resources");
	if (pin_obj_count(c->out, pin__rule_get(c, r, "limits")) != 0 ||
	    pin_obj_count(c->out, pin__rule_get(c, r, "requests")) != 0)
		pod_limits(c, res, spec, r, all);
	pod_requests(c, res, spec, r, all);
}

/* ---- 3 and 4 -------------------------------------------------------- */

static void
host_ports(struct pin__conform *c, struct pin_type spec, pin_node o)
{
	struct pin_type port;
	pin_node m, p;
	size_t k;

	for (k = 0; k < PIN_LEN(lists); k++) {
		port = pin__rule_type(pin__rule_type(spec, lists[k]), "ports");
		for (m = pin_obj_first(c->out, pin_obj_get(c->out, o,
		    lists[k])); m != 0; m = pin_obj_next(c->out, m))
			for (p = pin_obj_first(c->out, pin_obj_get(c->out, m,
			    "ports")); p != 0; p = pin_obj_next(c->out, p))
				if (pin_obj_get(c->out, p, "hostPort") == 0)
					pin__rule_put(c, port, p, "hostPort",
					    pin__obj_clone(c->out, c->out,
					    pin_obj_get(c->out, p,
					    "containerPort")));
	}
}

void
pin__rule_pod(struct pin__conform *c, struct pin_type t, pin_node o,
    const struct pin_field_row *f)
{
	struct pin_type spec_type = pin__rule_type(t, "spec");
	pin_node spec = pin_obj_get(c->out, o, "spec");

	(void)f;
	if (spec == 0)
		return;
	container_requests(c, spec_type, spec);
	pod_resources(c, spec_type, spec);
	if (pin__rule_get(c, spec, "enableServiceLinks") == 0)
		pin__rule_put(c, spec_type, spec, "enableServiceLinks",
		    pin__obj_node_add(c->out, PIN_TRUE, 0, 0));
	if (pin_obj_true(c->out, pin_obj_get(c->out, spec, "hostNetwork")))
		host_ports(c, spec_type, spec);
}
