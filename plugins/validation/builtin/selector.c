/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selector.c -- labels and label selectors: are they legal, do they match.
 * Front threads. Contract: builtin.h; apimachinery's
 * meta/v1/validation.ValidateLabelSelector. */
#include "plugins/validation/builtin/builtin.h"

void
v_labels(struct v *v, const char *member, pin_node map)
{
	pin_node n;
	uint32_t i;

	V_EACH(v, map, n, i) {
		v_format(v, member, pin_obj_key(v->o, n), "qualified-name");
		v_format(v, member, pin_obj_str(v->o, n), "label-value");
	}
}

/* Keys and values have rows of their own. */
static void
requirement(struct v *v, pin_node e)
{
	struct pin_str op = v_str(v, e, "operator");
	uint32_t values = v_count(v, e, "values");

	if (v_word(op, "In NotIn")) {
		if (values == 0)
			v_required(v, "values", "must be specified when "
			    "`operator` is 'In' or 'NotIn'");
	} else if (v_word(op, "Exists DoesNotExist")) {
		if (values > 0)
			v_forbidden(v, "values", "may not be specified when "
			    "`operator` is 'Exists' or 'DoesNotExist'");
	} else {
		v_bad_str(v, "operator", op, "not a valid selector operator");
	}
}

void
v_selector(struct v *v, const char *member, pin_node selector)
{
	pin_node list = v_get(v, selector, "matchExpressions"), e;
	size_t back, here = v->len, item;
	uint32_t i;

	if (member != NULL)
		(void)v_in(v, member);
	v_labels(v, "matchLabels", v_get(v, selector, "matchLabels"));
	back = v_in(v, "matchExpressions");
	V_EACH(v, list, e, i) {
		item = v_item(v, i);
		requirement(v, e);
		v_out(v, item);
	}
	v_out(v, back);
	v_out(v, here);
}

int
selector_empty(const struct v *v, pin_node selector)
{
	return (v_count(v, selector, "matchLabels") == 0 &&
	    v_count(v, selector, "matchExpressions") == 0);
}

/* What turns it into a matcher takes it: operators and their values. */
int
selector_legal(const struct v *v, pin_node selector)
{
	pin_node e, m;
	uint32_t i, k;

	V_EACH(v, v_get(v, selector, "matchExpressions"), e, i) {
		struct pin_str op = v_str(v, e, "operator");
		uint32_t values = v_count(v, e, "values");

		if (v_word(op, "In NotIn") ? values == 0 :
		    v_word(op, "Exists DoesNotExist") ? values > 0 : 1)
			return (0);
		if (!text_is(v_str(v, e, "key"), "qualified-name"))
			return (0);
		V_EACH(v, v_get(v, e, "values"), m, k)
			if (!text_is(pin_obj_str(v->o, m), "label-value"))
				return (0);
	}
	V_EACH(v, v_get(v, selector, "matchLabels"), e, i)
		if (!text_is(pin_obj_key(v->o, e), "qualified-name") ||
		    !text_is(pin_obj_str(v->o, e), "label-value"))
			return (0);
	return (1);
}

static int
expression_matches(const struct v *v, pin_node e, pin_node labels)
{
	struct pin_str key = v_str(v, e, "key"), op = v_str(v, e, "operator");
	pin_node have = pin_obj_getn(v->o, labels, key.p, key.len), n;
	uint32_t i;
	int in = 0;

	if (pin_str_is(op, "Exists"))
		return (have != 0);
	if (pin_str_is(op, "DoesNotExist"))
		return (have == 0);
	V_EACH(v, v_get(v, e, "values"), n, i)
		in |= have != 0 && pin_str_eq(pin_obj_str(v->o, n),
		    pin_obj_str(v->o, have));
	return (pin_str_is(op, "In") ? in : !in);
}

int
selector_matches(const struct v *v, pin_node selector, pin_node labels)
{
	pin_node n, have;
	struct pin_str key;
	uint32_t i;

	V_EACH(v, v_get(v, selector, "matchLabels"), n, i) {
		key = pin_obj_key(v->o, n);
		have = pin_obj_getn(v->o, labels, key.p, key.len);
		if (have == 0 || !pin_str_eq(pin_obj_str(v->o, have),
		    pin_obj_str(v->o, n)))
			return (0);
	}
	V_EACH(v, v_get(v, selector, "matchExpressions"), n, i)
		if (!expression_matches(v, n, labels))
			return (0);
	return (1);
}
