/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nodeselector.c -- see nodeselector.h.
 * Contract: nodeselector.h. */
#include "nodeselector.h"

/* ---- requirements ------------------------------------------------------ */

static int
one_of(const struct pin_obj *o, pin_node values, struct pin_str s)
{
	pin_node v;

	for (v = pin_obj_first(o, values); v != 0; v = pin_obj_next(o, v))
		if (pin_str_eq(pin_obj_str(o, v), s))
			return (1);
	return (0);
}

/* A decimal int64, as strconv.ParseInt reads it. */
static int
number(struct pin_str s, int64_t *out)
{
	size_t i = s.len > 0 && (s.p[0] == '-' || s.p[0] == '+');
	int minus = s.len > 0 && s.p[0] == '-', digit;
	int64_t n = 0;

	if (i == s.len)
		return (0);
	for (; i < s.len; i++) {
		digit = s.p[i] - '0';
		if (digit < 0 || digit > 9 || n < (INT64_MIN + digit) / 10)
			return (0);
		n = n * 10 - digit;	/* negative: has the wider range */
	}
	if (!minus && n == INT64_MIN)
		return (0);
	*out = minus ? n : -n;
	return (1);
}

static int
compares(const struct pin_obj *o, pin_node values, struct pin_str label,
    int greater)
{
	int64_t have, want;

	if (pin_obj_count(o, values) != 1 || !number(label, &have) ||
	    !number(pin_obj_str(o, pin_obj_first(o, values)), &want))
		return (0);
	return (greater ? have > want : have < want);
}

/* -1: not a legal requirement, so that its whole term matches nothing. */
static int
label_meets(const struct pin_obj *o, pin_node req, const struct pin_obj *node,
    pin_node labels)
{
	struct pin_str key = pin_obj_str(o, pin_obj_get(o, req, "key")),
	    op = pin_obj_str(o, pin_obj_get(o, req, "operator")), value;
	pin_node values = pin_obj_get(o, req, "values"),
	    label = pin_obj_getn(node, labels, key.p, key.len);

	value = pin_obj_str(node, label);
	if (pin_str_is(op, "In"))
		return (label != 0 && one_of(o, values, value));
	if (pin_str_is(op, "NotIn"))
		return (label == 0 || !one_of(o, values, value));
	if (pin_str_is(op, "Exists"))
		return (label != 0);
	if (pin_str_is(op, "DoesNotExist"))
		return (label == 0);
	if (pin_str_is(op, "Gt") || pin_str_is(op, "Lt"))
		return (label != 0 && compares(o, values, value,
		    pin_str_is(op, "Gt")));
	return (-1);
}

static int
field_meets(const struct pin_obj *o, pin_node req, struct pin_str name)
{
	struct pin_str op = pin_obj_str(o, pin_obj_get(o, req, "operator"));
	pin_node values = pin_obj_get(o, req, "values");
	int same;

	if (pin_obj_count(o, values) != 1 || !pin_str_is(pin_obj_str(o,
	    pin_obj_get(o, req, "key")), "metadata.name"))
		return (0);
	same = one_of(o, values, name);
	return (pin_str_is(op, "In") ? same : pin_str_is(op, "NotIn") &&
	    !same);
}

int
node_term_matches(const struct pin_obj *o, pin_node term,
    const struct pin_obj *node, struct pin_str name)
{
	pin_node labels = pin_obj_at(node, pin_obj_root(node), "metadata",
	    "labels", NULL), r;
	int any = 0;

	for (r = pin_obj_first(o, pin_obj_get(o, term, "matchExpressions"));
	    r != 0; r = pin_obj_next(o, r), any = 1)
		if (label_meets(o, r, node, labels) <= 0)
			return (0);
	for (r = pin_obj_first(o, pin_obj_get(o, term, "matchFields"));
	    r != 0; r = pin_obj_next(o, r), any = 1)
		if (!field_meets(o, r, name))
			return (0);
	return (any);
}

/* ---- the pod ------------------------------------------------------------ */

static int
selector_matches(const struct pin_obj *o, pin_node selector,
    const struct pin_obj *node)
{
	pin_node labels = pin_obj_at(node, pin_obj_root(node), "metadata",
	    "labels", NULL), n, label;
	struct pin_str key;

	for (n = pin_obj_first(o, selector); n != 0; n = pin_obj_next(o, n)) {
		key = pin_obj_key(o, n);
		label = pin_obj_getn(node, labels, key.p, key.len);
		if (label == 0 || !pin_str_eq(pin_obj_str(node, label),
		    pin_obj_str(o, n)))
			return (0);
	}
	return (1);
}

static int
terms_match(const struct pin_obj *o, pin_node terms,
    const struct pin_obj *node, struct pin_str name)
{
	pin_node t;

	for (t = pin_obj_first(o, terms); t != 0; t = pin_obj_next(o, t))
		if (node_term_matches(o, t, node, name))
			return (1);
	return (0);
}

static pin_node
selector_of(const struct pin_obj *pod)
{
	return (pin_obj_at(pod, pin_obj_root(pod), "spec", "nodeSelector",
	    NULL));
}

static pin_node
required_of(const struct pin_obj *pod)
{
	return (pin_obj_at(pod, pin_obj_root(pod), "spec", "affinity",
	    "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
	    NULL));
}

int
pod_wants_nodes(const struct pin_obj *pod)
{
	return (pin_obj_count(pod, selector_of(pod)) > 0 ||
	    pin_obj_type(pod, required_of(pod)) == PIN_OBJECT);
}

int
pod_wants_node(const struct pin_obj *pod, const struct pin_obj *node,
    struct pin_str name)
{
	pin_node required = required_of(pod);

	return (selector_matches(pod, selector_of(pod), node) &&
	    (pin_obj_type(pod, required) != PIN_OBJECT || terms_match(pod,
	    pin_obj_get(pod, required, "nodeSelectorTerms"), node, name)));
}
