/* SPDX-License-Identifier: BSD-2-Clause
 *
 * brief.c -- what a pod on a node says to those that want to come: its labels,
 * its host ports, whom it does not want. Kept as text, as most pods are never
 * asked.
 * Pure. Contract: pintle/scheduler.h, pin_snap_pods. */
#include "core/scheduler/sched_int.h"

#include <stdlib.h>
#include <string.h>

#define BRIEF_MAX	((size_t)1 << 20)
#define REQUIRED	"requiredDuringSchedulingIgnoredDuringExecution"

static void
put_meta(struct pin_obj *b, const struct pin_obj *o)
{
	static const char *const keys[] = { "namespace", "name", "labels",
	    "deletionTimestamp" };
	pin_node from = pin_obj_get(o, pin_obj_root(o), "metadata"), to, n;
	size_t i;

	to = pin_obj_set_new(b, pin_obj_root(b), "metadata", PIN_OBJECT);
	for (i = 0; i < PIN_LEN(keys); i++)
		if ((n = pin_obj_get(o, from, keys[i])) != 0)
			pin_obj_set_node(b, to, pin_str(keys[i]), o, n);
}

/* The ports of one list of containers that are the host's, too. */
static int
put_ports(struct pin_obj *b, pin_node to, const struct pin_obj *o,
    pin_node spec, const char *list)
{
	int sidecars = strcmp(list, "initContainers") == 0, any = 0;
	pin_node c = pin_obj_first(o, pin_obj_get(o, spec, list)), p;
	int64_t port;

	for (; c != 0; c = pin_obj_next(o, c)) {
		if (sidecars && !pin_str_is(pin_obj_str(o, pin_obj_get(o, c,
		    "restartPolicy")), "Always"))
			continue;
		p = pin_obj_first(o, pin_obj_get(o, c, "ports"));
		for (; p != 0; p = pin_obj_next(o, p)) {
			if (!pin_obj_i64(o, pin_obj_get(o, p, "hostPort"),
			    &port) || port <= 0)
				continue;
			pin_obj_add_node(b, to, o, p);
			any = 1;
		}
	}
	return (any);
}

static void
put_affinity(struct pin_obj *b, pin_node to, const struct pin_obj *o,
    pin_node from, uint32_t *says)
{
	static const char *const which[] = { "podAffinity",
	    "podAntiAffinity" };
	pin_node n;
	size_t i;

	if (pin_obj_count(o, pin_obj_at(o, from, "podAntiAffinity", REQUIRED,
	    NULL)) > 0)
		*says |= PIN_PODS_ANTI;
	for (i = 0; i < PIN_LEN(which); i++) {
		n = pin_obj_get(o, from, which[i]);
		if (pin_obj_count(o, n) == 0)
			continue;
		if ((*says & PIN_PODS_AFFINITY) == 0)
			to = pin_obj_set_new(b, to, "affinity", PIN_OBJECT);
		*says |= PIN_PODS_AFFINITY;
		pin_obj_set_node(b, to, pin_str(which[i]), o, n);
	}
}

static void
put_spec(struct pin_obj *b, const struct pin_obj *o, uint32_t *says)
{
	pin_node spec = pin_obj_get(o, pin_obj_root(o), "spec"), to, n, c;

	to = pin_obj_set_new(b, pin_obj_root(b), "spec", PIN_OBJECT);
	n = pin_obj_set_new(b, to, "containers", PIN_ARRAY);
	c = pin_obj_add_new(b, n, PIN_OBJECT);
	n = pin_obj_set_new(b, c, "ports", PIN_ARRAY);
	if (put_ports(b, n, o, spec, "containers") | put_ports(b, n, o, spec,
	    "initContainers"))
		*says |= PIN_PODS_PORTS;
	else
		pin_obj_unset(b, to, "containers");
	put_affinity(b, to, o, pin_obj_get(o, spec, "affinity"), says);
}

int
brief_put(struct spod *p, const struct pin_obj *o)
{
	struct pin_obj *b = pin_obj_new(NULL);
	struct pin_out out;
	uint32_t says = 0;
	int changed;

	PIN_ASSERT(b != NULL);
	put_meta(b, o);
	put_spec(b, o, &says);
	pin_out_init(&out, NULL, BRIEF_MAX);
	pin_obj_write(b, pin_obj_root(b), &out);
	pin_obj_free(&b);
	changed = p->brief == NULL || out.len != p->brief_len ||
	    memcmp(out.p, p->brief, out.len) != 0;
	if (changed && out.failed == PIN_OK) {
		free(p->brief);
		p->brief = pin_xstrndup(out.p, out.len);
		p->brief_len = out.len;
		p->says = says;
		p->seen = NULL;
	}
	pin_out_fini(&out);
	return (changed);
}

int
brief_is_social(const struct pin_obj *o)
{
	pin_node spec = pin_obj_get(o, pin_obj_root(o), "spec"),
	    a = pin_obj_get(o, spec, "affinity");

	return (pin_obj_count(o, pin_obj_get(o, spec,
	    "topologySpreadConstraints")) > 0 || pin_obj_count(o,
	    pin_obj_at(o, a, "podAffinity", REQUIRED, NULL)) > 0 ||
	    pin_obj_count(o, pin_obj_at(o, a, "podAntiAffinity", REQUIRED,
	    NULL)) > 0);
}
