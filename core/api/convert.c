/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert.c -- one stored object in two forms. A conversion puts members
 * under their other names; conform then makes the result canonical.
 * Pure. Contract: conform.h. */
#include "convert_int.h"

#include <string.h>

void
pin__convert_move(struct pin__convert *c, pin_node to, const char *name,
    const struct pin_obj *from, pin_node n)
{
	if (n != 0)
		(void)pin_obj_set_node(c->o, to, pin_str(name), from, n);
}

/* ---- events --------------------------------------------------------- */

/* Members that have another name in events.k8s.io. */
static const struct {
	const char	*core, *events;
} event_names[] = {
	{ "involvedObject", "regarding" },
	{ "message", "note" },
	{ "source", "deprecatedSource" },
	{ "firstTimestamp", "deprecatedFirstTimestamp" },
	{ "lastTimestamp", "deprecatedLastTimestamp" },
	{ "count", "deprecatedCount" },
	{ "reportingComponent", "reportingController" },
};

void
pin__convert_event(struct pin__convert *c)
{
	pin_node root = pin_obj_root(c->o), m;
	struct pin_str key;
	size_t i;

	for (m = pin_obj_first(c->in, pin_obj_root(c->in)); m != 0;
	    m = pin_obj_next(c->in, m)) {
		key = pin_obj_key(c->in, m);
		for (i = 0; i < PIN_LEN(event_names); i++)
			if (pin_str_is(key, c->stored ?
			    event_names[i].events : event_names[i].core))
				break;
		if (i < PIN_LEN(event_names))
			key = pin_str(c->stored ? event_names[i].core :
			    event_names[i].events);
		(void)pin_obj_set_node(c->o, root, key, c->in, m);
	}
}

/* ---- entry ---------------------------------------------------------- */

typedef void convert_fn(struct pin__convert *);

static convert_fn *const converts[PIN_CONVERT__COUNT] = {
	[PIN_CONVERT_EVENT] = pin__convert_event,
	[PIN_CONVERT_HPA] = pin__convert_hpa,
};

static void
put_type(struct pin__convert *c, const struct pin_res_row *to)
{
	const struct pin_gv_row *gv = &c->schema->gvs[to->gv];
	const char *group = pin_schema_str(c->schema, gv->group);
	const char *version = pin_schema_str(c->schema, gv->version);
	pin_node root = pin_obj_root(c->o);
	char *av;

	av = pin_arena_printf(c->arena, NULL, "%s%s%s", group,
	    *group != '\0' ? "/" : "", version);
	if (av != NULL)
		(void)pin_obj_set_str(c->o, root, "apiVersion", pin_str(av));
	(void)pin_obj_set_str(c->o, root, "kind",
	    pin_str(pin_schema_str(c->schema, to->kind)));
}

int
pin_convert(struct pin_arena *a, const struct pin_schema *s,
    const struct pin_res_row *from, const struct pin_res_row *to,
    const struct pin_obj *in, struct pin_obj **out, struct pin_err *err)
{
	struct pin__convert c = { a, s, in, NULL, 0 };

	*out = NULL;
	if (from == to) {
		*out = pin_obj_copy(a, in);
		return (*out != NULL ? PIN_OK : pin_err_set(err, PIN_ENOMEM,
		    "no memory for a copy of an object"));
	}
	if (from->convert == 0 || from->convert != to->convert ||
	    from->convert >= PIN_CONVERT__COUNT || from->store != to->store)
		return (pin_err_set(err, PIN_EINVAL, "%s.%s is not another "
		    "form of %s.%s", pin_schema_str(s, from->plural),
		    pin_schema_str(s, s->gvs[from->gv].version),
		    pin_schema_str(s, to->plural),
		    pin_schema_str(s, s->gvs[to->gv].version)));
	c.stored = &s->resources[to->store] == to;
	c.o = pin_obj_new(a);
	if (c.o == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "no memory for the "
		    "other form of an object"));
	converts[from->convert](&c);
	put_type(&c, to);
	if (pin_obj_failed(c.o) != PIN_OK)
		return (pin_err_set(err, pin_obj_failed(c.o), "no memory for "
		    "the other form of an object"));
	return (pin_conform(a, pin_schema_type(s, to->type), c.o,
	    pin_obj_root(c.o), 0, out, NULL, err));
}
