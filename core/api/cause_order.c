/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cause_order.c -- causes as upstream's validation comes upon them: along the
 * members of the type, what rows and rules say side by side; at the end what
 * compares with the old object.
 * Pure; for refusals only, so it may look members up by name. Contract:
 * conform.h. */
#include "check_int.h"

#include <stdlib.h>
#include <string.h>

/* Where upstream looks at members in another order than it declares them:
 * these first, in this order. */
static const struct {
	const char	*type, *first;
} looked_at[] = {
	{ "Container", "name image terminationMessagePolicy ports env envFrom "
	    "volumeMounts volumeDevices imagePullPolicy resources" },
	{ "ObjectMeta", "generateName name" },
	{ "PodSpec", "terminationGracePeriodSeconds volumes resourceClaims "
	    "containers initContainers ephemeralContainers" },
};

/* A place in a path: `spec.containers[0].name`. */
struct step {
	struct pin_str	rest;		/* what follows */
	struct pin_str	name;		/* a member, or what [ ] hold */
	int		bracket;
};

static int
step_next(struct step *s)
{
	const char *p = s->rest.p, *end = p + s->rest.len, *q;

	if (s->rest.len == 0)
		return (0);
	s->bracket = *p == '[';
	p += s->bracket || *p == '.';
	for (q = p; q < end && (s->bracket ? *q != ']' : *q != '.' &&
	    *q != '['); q++)
		;
	s->name = (struct pin_str){ p, (size_t)(q - p) };
	q += q < end && s->bracket;
	s->rest = (struct pin_str){ q, (size_t)(end - q) };
	return (1);
}

/* The place of word in a list of words parted by blanks; n when not there. */
static uint32_t
word_place(const char *list, struct pin_str word, uint32_t *n)
{
	uint32_t place = UINT32_MAX;
	size_t len;

	for (*n = 0; *list != '\0'; ++*n) {
		len = strcspn(list, " ");
		if (len == word.len && memcmp(list, word.p, len) == 0)
			place = *n;
		list += len + (list[len] == ' ');
	}
	return (place == UINT32_MAX ? *n : place);
}

static uint32_t
member_place(struct pin_type t, struct pin_str name)
{
	const struct pin_field_row *f = pin_type_field(t, name.p, name.len);
	const char *bare = pin_schema_str(t.schema, t.row->bare);
	uint32_t i, n = 0, place;

	for (i = 0; i < PIN_LEN(looked_at); i++) {
		if (strcmp(bare, looked_at[i].type) != 0)
			continue;
		place = word_place(looked_at[i].first, name, &n);
		if (place < n)
			return (place);
		break;
	}
	return (f != NULL ? n + pin_field_pos(t, f) : UINT32_MAX);
}

static int
compare(uint64_t a, uint64_t b)
{
	return (a < b ? -1 : a > b);
}

static int
index_cmp(const struct step *a, const struct step *b)
{
	if (a->name.len != b->name.len && a->name.len > 0 &&
	    b->name.len > 0 && a->name.p[0] >= '0' && a->name.p[0] <= '9' &&
	    b->name.p[0] >= '0' && b->name.p[0] <= '9')
		return (compare(a->name.len, b->name.len));
	return (pin_str_cmp(a->name, b->name));
}

static int
path_cmp(struct pin_type t, struct pin_str p, struct pin_str q)
{
	struct step a = { p, PIN_STR_NONE, 0 }, b = { q, PIN_STR_NONE, 0 };
	const struct pin_field_row *f;
	int more_a, more_b;

	for (;;) {
		more_a = step_next(&a);
		more_b = step_next(&b);
		if (!more_a || !more_b)
			return (more_a - more_b);
		if (a.bracket != b.bracket)
			return (b.bracket - a.bracket);
		if (!pin_str_eq(a.name, b.name))
			break;
		if (a.bracket || t.row == NULL)
			continue;
		f = pin_type_field(t, a.name.p, a.name.len);
		if (f == NULL || f->kind != PIN_F_OBJECT)
			t.row = NULL;
		else
			t = pin_field_type(t, f);
	}
	if (a.bracket)
		return (index_cmp(&a, &b));
	return (t.row == NULL ? 0 : compare(member_place(t, a.name),
	    member_place(t, b.name)));
}

/* What compares with the old object is looked at last. */
static int
is_late(const struct pin_cause *c)
{
	static const char tail[] = ": field is immutable";
	size_t n = sizeof(tail) - 1;

	return (c->message.len >= n && memcmp(c->message.p + c->message.len -
	    n, tail, n) == 0);
}

void
pin_causes_order(struct pin_causes *causes, struct pin_type t)
{
	uint32_t i, k, n;
	struct pin_cause *c = pin__causes_all(causes, &n), one;

	for (i = 1; i < n; i++) {
		one = c[i];
		for (k = i; k > 0 && (is_late(&one) < is_late(&c[k - 1]) ||
		    (is_late(&one) == is_late(&c[k - 1]) && path_cmp(t,
		    one.field, c[k - 1].field) < 0)); k--)
			c[k] = c[k - 1];
		c[k] = one;
	}
}
