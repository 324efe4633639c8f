/* SPDX-License-Identifier: BSD-2-Clause
 *
 * request.c -- what a pod asks of a node: containers are added up, an init
 * container counts when it alone needs more, a sidecar counts beside
 * everything that starts after it; a pod's own requests replace the sum; the
 * overhead comes on top.
 * Pure. Contract: component-helpers' resource.PodRequests. */
#include "core/scheduler/sched_int.h"

#include <stdlib.h>
#include <string.h>

#include "lib/quantity/quantity.h"

#define AMOUNT_MAX	((int64_t)1 << 50)	/* sums stay far from 2^63 */
#define NONZERO_CPU	100			/* thousandths */
#define NONZERO_MEMORY	((int64_t)200 << 20)

/* ---- names of resources ------------------------------------------------ */

uint32_t
names_id(struct names *ns, struct pin_str s, int add)
{
	uint32_t i;

	for (i = 0; i < ns->n; i++)
		if (pin_str_eq(ns->name[i], s))
			return (i);
	if (!add || ns->n >= SCHED_RESOURCES_MAX)
		return (UINT32_MAX);
	if (ns->n == ns->room) {
		ns->room = ns->room == 0 ? 8 : ns->room * 2;
		ns->name = pin_xrealloc(ns->name, ns->room *
		    sizeof(*ns->name));
	}
	ns->name[ns->n] = (struct pin_str){ pin_xstrndup(s.p, s.len),
	    s.len };
	return (ns->n++);
}

void
names_fini(struct names *ns)
{
	uint32_t i;

	for (i = 0; i < ns->n; i++)
		free((void *)(uintptr_t)ns->name[i].p);
	free(ns->name);
	*ns = (struct names){ 0 };
}

/* ---- arithmetic -------------------------------------------------------- */

static int64_t
add(int64_t a, int64_t b)
{
	if (b > 0 && a > INT64_MAX - b)
		return (INT64_MAX);
	if (b < 0 && a < INT64_MIN - b)
		return (INT64_MIN);
	return (a + b);
}

static int64_t *
slot_of(struct amounts *a, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < a->n; i++)
		if (a->ext[i].id == id)
			return (&a->ext[i].value);
	if (id == UINT32_MAX || a->n == SCHED_POD_RESOURCES_MAX) {
		a->overflow = 1;
		return (NULL);
	}
	a->ext[a->n] = (struct amount){ .id = id };
	return (&a->ext[a->n++].value);
}

static void
amounts_clear(struct amounts *a)
{
	struct amount *ext = a->ext;

	*a = (struct amounts){ .ext = ext };
}

static void
amounts_add(struct amounts *to, const struct amounts *a)
{
	int64_t *v;
	uint32_t i;

	to->cpu = add(to->cpu, a->cpu);
	to->memory = add(to->memory, a->memory);
	to->storage = add(to->storage, a->storage);
	to->nonzero_cpu = add(to->nonzero_cpu, a->nonzero_cpu);
	to->nonzero_memory = add(to->nonzero_memory, a->nonzero_memory);
	to->overflow |= a->overflow;
	for (i = 0; i < a->n; i++)
		if ((v = slot_of(to, a->ext[i].id)) != NULL)
			*v = add(*v, a->ext[i].value);
}

static void
raise_to(int64_t *a, int64_t b)
{
	if (b > *a)
		*a = b;
}

static void
amounts_max(struct amounts *to, const struct amounts *a)
{
	int64_t *v;
	uint32_t i;

	raise_to(&to->cpu, a->cpu);
	raise_to(&to->memory, a->memory);
	raise_to(&to->storage, a->storage);
	raise_to(&to->nonzero_cpu, a->nonzero_cpu);
	raise_to(&to->nonzero_memory, a->nonzero_memory);
	to->overflow |= a->overflow;
	for (i = 0; i < a->n; i++)
		if ((v = slot_of(to, a->ext[i].id)) != NULL)
			raise_to(v, a->ext[i].value);
}

void
amounts_copy(struct amounts *to, const struct amounts *from)
{
	struct amount *ext = to->ext;

	if (from->n == 0) {
		free(ext);
		ext = NULL;
	} else {
		ext = pin_xrealloc(ext, from->n * sizeof(*ext));
		memcpy(ext, from->ext, from->n * sizeof(*ext));
	}
	*to = *from;
	to->ext = ext;
}

int
amounts_equal(const struct amounts *a, const struct amounts *b)
{
	return (a->cpu == b->cpu && a->memory == b->memory &&
	    a->storage == b->storage && a->nonzero_cpu == b->nonzero_cpu &&
	    a->nonzero_memory == b->nonzero_memory && a->n == b->n &&
	    (a->n == 0 || memcmp(a->ext, b->ext, a->n * sizeof(*a->ext)) ==
	    0));
}

/* ---- reading ----------------------------------------------------------- */

/* What is no quantity counts as none: the server has checked it. */
static int64_t
quantity(const struct pin_obj *o, pin_node n, int milli)
{
	struct pin_quantity q;
	struct pin_str s = pin_obj_str(o, n);

	int64_t v;

	if (pin_quantity_parse(s, &q, NULL) != PIN_OK)
		return (0);
	v = milli ? pin_quantity_milli(&q) : pin_quantity_value(&q);
	return (v < 0 ? 0 : v > AMOUNT_MAX ? AMOUNT_MAX : v);
}

void
request_list(struct names *ns, const struct pin_obj *o, pin_node list,
    struct amounts *a, int64_t *pods)
{
	struct pin_str key;
	int64_t *v;
	pin_node n;

	amounts_clear(a);
	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n)) {
		key = pin_obj_key(o, n);
		if (pin_str_is(key, "cpu"))
			a->cpu = quantity(o, n, 1);
		else if (pin_str_is(key, "memory"))
			a->memory = quantity(o, n, 0);
		else if (pin_str_is(key, "ephemeral-storage"))
			a->storage = quantity(o, n, 0);
		else if (pin_str_is(key, "pods")) {
			if (pods != NULL)
				*pods = quantity(o, n, 0);
		} else if ((v = slot_of(a, names_id(ns, key, 1))) != NULL)
			*v = quantity(o, n, 0);
	}
	a->nonzero_cpu = a->cpu;
	a->nonzero_memory = a->memory;
}

static void
container_of(struct names *ns, const struct pin_obj *o, pin_node c,
    struct amounts *a)
{
	pin_node req = pin_obj_at(o, c, "resources", "requests", NULL);

	request_list(ns, o, req, a, NULL);
	if (pin_obj_get(o, req, "cpu") == 0)
		a->nonzero_cpu = NONZERO_CPU;
	if (pin_obj_get(o, req, "memory") == 0)
		a->nonzero_memory = NONZERO_MEMORY;
}

static void
init_containers(struct names *ns, const struct pin_obj *o, pin_node spec,
    struct amounts *sum)
{
	struct amount ext[4][SCHED_POD_RESOURCES_MAX];
	struct amounts one = { .ext = ext[0] }, sidecars = { .ext = ext[1] },
	    most = { .ext = ext[2] }, with = { .ext = ext[3] };
	pin_node c = pin_obj_first(o, pin_obj_get(o, spec, "initContainers"));

	for (; c != 0; c = pin_obj_next(o, c)) {
		container_of(ns, o, c, &one);
		if (pin_str_is(pin_obj_str(o, pin_obj_get(o, c,
		    "restartPolicy")), "Always")) {
			amounts_add(sum, &one);
			amounts_add(&sidecars, &one);
			amounts_max(&most, &sidecars);
			continue;
		}
		amounts_clear(&with);
		amounts_add(&with, &one);
		amounts_add(&with, &sidecars);
		amounts_max(&most, &with);
	}
	amounts_max(sum, &most);
}

/* Requests of the pod as a whole: cpu, memory and huge pages. */
static void
pod_level(struct names *ns, const struct pin_obj *o, pin_node spec,
    struct amounts *sum)
{
	pin_node n = pin_obj_first(o, pin_obj_at(o, spec, "resources",
	    "requests", NULL));
	struct pin_str key;
	int64_t *v;

	for (; n != 0; n = pin_obj_next(o, n)) {
		key = pin_obj_key(o, n);
		if (pin_str_is(key, "cpu"))
			sum->cpu = sum->nonzero_cpu = quantity(o, n, 1);
		else if (pin_str_is(key, "memory"))
			sum->memory = sum->nonzero_memory =
			    quantity(o, n, 0);
		else if (pin_str_prefix(key, "hugepages-") &&
		    (v = slot_of(sum, names_id(ns, key, 1))) != NULL)
			*v = quantity(o, n, 0);
	}
}

void
request_of(struct names *ns, const struct pin_obj *o, struct amounts *sum)
{
	struct amount ext[SCHED_POD_RESOURCES_MAX];
	struct amounts one = { .ext = ext };
	pin_node spec = pin_obj_get(o, pin_obj_root(o), "spec"), c;

	amounts_clear(sum);
	for (c = pin_obj_first(o, pin_obj_get(o, spec, "containers"));
	    c != 0; c = pin_obj_next(o, c)) {
		container_of(ns, o, c, &one);
		amounts_add(sum, &one);
	}
	if (pin_obj_count(o, pin_obj_get(o, spec, "initContainers")) > 0)
		init_containers(ns, o, spec, sum);
	pod_level(ns, o, spec, sum);
	request_list(ns, o, pin_obj_get(o, spec, "overhead"), &one, NULL);
	amounts_add(sum, &one);
}
