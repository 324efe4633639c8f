/* SPDX-License-Identifier: BSD-2-Clause
 *
 * load.c -- libyaml's events to a tree of struct ynode: aliases need their
 * target, merges need to look back.
 * One thread at a time; no recursion. Contract: yaml_int.h. */
#include "yaml_int.h"
#include "lib/json/json_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ANCHORS_FIRST	64u

struct anchor {
	struct pin_str	name;		/* in names */
	uint32_t	y;		/* 0: free */
};

struct loader {
	struct ydoc		*doc;
	yaml_parser_t		 yp;
	struct pin_arena	*names;
	struct anchor		*anchors;
	uint32_t		 n_anchors, mask;
	uint32_t		 depth;
	uint32_t		 cur;		/* open container */
};

static int
no_memory(struct ydoc *d)
{
	return (pin_err_set(d->err, PIN_ENOMEM, "no memory for a YAML text"));
}

/* As go-yaml words it. */
static int
fail_parser(struct loader *l)
{
	yaml_parser_t *yp = &l->yp;
	unsigned long line = 0;
	const char *what = yp->problem != NULL ? yp->problem :
	    "unknown problem parsing YAML content";

	if (yp->error == YAML_MEMORY_ERROR)
		return (no_memory(l->doc));
	if (yp->problem_mark.line != 0)
		line = (unsigned long)yp->problem_mark.line +
		    (yp->error == YAML_SCANNER_ERROR);
	else
		line = (unsigned long)yp->context_mark.line;
	if (line != 0)
		return (pin_err_set(l->doc->err, PIN_EINVAL,
		    "yaml: line %lu: %s", line, what));
	return (pin_err_set(l->doc->err, PIN_EINVAL, "yaml: %s", what));
}

static int
tag_of(const char *tag)
{
	static const char *const names[] = {
		[TAG_STR] = "str", [TAG_BOOL] = "bool", [TAG_INT] = "int",
		[TAG_FLOAT] = "float", [TAG_NULL] = "null",
		[TAG_TIME] = "timestamp", [TAG_BINARY] = "binary",
		[TAG_MERGE] = "merge",
	};
	static const char prefix[] = "tag:yaml.org,2002:";
	int i;

	if (tag == NULL || *tag == '\0')
		return (TAG_NONE);
	if (strncmp(tag, prefix, sizeof(prefix) - 1) == 0) {
		for (i = TAG_STR; i <= TAG_MERGE; i++) {
			if (strcmp(tag + sizeof(prefix) - 1, names[i]) == 0)
				return (i);
		}
	}
	return (TAG_OTHER);
}

/* ---- anchors -------------------------------------------------------- */

static struct anchor *
anchor_find(struct loader *l, struct pin_str name)
{
	uint64_t h = pin__json_hash((uintptr_t)l->anchors, name);
	uint32_t i = (uint32_t)h & l->mask;

	while (l->anchors[i].y != 0 && !pin_str_eq(l->anchors[i].name, name))
		i = (i + 1) & l->mask;
	return (&l->anchors[i]);
}

static int
anchors_grow(struct loader *l)
{
	struct anchor *old = l->anchors;
	uint32_t n = old != NULL ? l->mask + 1 : 0, i;
	uint32_t size = n != 0 ? n * 2 : ANCHORS_FIRST;

	l->anchors = calloc(size, sizeof(*l->anchors));
	if (l->anchors == NULL) {
		l->anchors = old;
		return (no_memory(l->doc));
	}
	l->mask = size - 1;
	for (i = 0; i < n; i++) {
		if (old[i].y != 0)
			*anchor_find(l, old[i].name) = old[i];
	}
	free(old);
	return (PIN_OK);
}

static int
anchor_set(struct loader *l, const char *name, uint32_t y)
{
	struct pin_str s;
	struct anchor *a;
	int rc;

	if (name == NULL)
		return (PIN_OK);
	if (l->anchors == NULL || l->n_anchors >= l->mask / 2) {
		rc = anchors_grow(l);
		if (rc != PIN_OK)
			return (rc);
	}
	s = pin_arena_str(l->names, pin_str(name));
	if (s.p == NULL)
		return (no_memory(l->doc));
	a = anchor_find(l, s);
	l->n_anchors += a->y == 0;
	a->name = s;
	a->y = y;
	return (PIN_OK);
}

/* ---- nodes ---------------------------------------------------------- */

static int
add_node(struct loader *l, int kind, size_t line, uint32_t *out)
{
	struct ydoc *d = l->doc;
	struct ynode *y, *c;
	uint32_t cap;

	if (d->n == d->cap) {
		cap = d->cap != 0 ? d->cap * 2 : 64;
		y = realloc(d->nodes, cap * sizeof(*y));
		if (y == NULL)
			return (no_memory(d));
		d->nodes = y;
		d->cap = cap;
		if (d->n == 0)
			memset(&d->nodes[d->n++], 0, sizeof(*y));
	}
	*out = d->n++;
	y = &d->nodes[*out];
	memset(y, 0, sizeof(*y));
	y->kind = (uint8_t)kind;
	y->line = (uint32_t)line;
	if (l->cur == 0) {
		d->root = *out;
		return (PIN_OK);
	}
	c = &d->nodes[l->cur];
	y->prev = c->last;
	if (c->last != 0)
		d->nodes[c->last].next = *out;
	else
		c->off = *out;
	c->last = *out;
	return (PIN_OK);
}

static int
add_scalar(struct loader *l, const yaml_event_t *ev)
{
	uint32_t id, off;
	struct ynode *y;
	int rc;

	rc = add_node(l, Y_SCALAR, ev->start_mark.line, &id);
	if (rc != PIN_OK)
		return (rc);
	if (!pin__obj_text_add(l->doc->o, (const char *)ev->data.scalar.value,
	    ev->data.scalar.length, &off))
		return (no_memory(l->doc));
	y = &l->doc->nodes[id];
	y->off = off;
	y->len = (uint32_t)ev->data.scalar.length;
	y->tag = (uint8_t)tag_of((const char *)ev->data.scalar.tag);
	y->plain = ev->data.scalar.plain_implicit != 0;
	return (anchor_set(l, (const char *)ev->data.scalar.anchor, id));
}

static int
add_alias(struct loader *l, const yaml_event_t *ev)
{
	struct pin_str name = pin_str((const char *)ev->data.alias.anchor);
	struct anchor *a = l->anchors != NULL ? anchor_find(l, name) : NULL;
	uint32_t id, off;
	int rc;

	if (a == NULL || a->y == 0)
		return (pin_err_set(l->doc->err, PIN_EINVAL, "yaml: unknown "
		    "anchor '" PIN_SFMT "' referenced", PIN_SARG(name)));
	rc = add_node(l, Y_ALIAS, ev->start_mark.line, &id);
	if (rc != PIN_OK)
		return (rc);
	if (!pin__obj_text_add(l->doc->o, name.p, name.len, &off))
		return (no_memory(l->doc));
	l->doc->nodes[id].off = off;
	l->doc->nodes[id].len = (uint32_t)name.len;
	l->doc->nodes[id].alias = a->y;
	return (PIN_OK);
}

/* While a container is open, `alias` holds its parent. */
static int
open_tree(struct loader *l, int kind, size_t line, const yaml_char_t *anchor,
    const yaml_char_t *tag)
{
	char where[32] = "";
	uint32_t id;
	int rc;

	if (l->depth >= PIN_YAML_DEPTH_MAX) {
		if (line != 0)
			snprintf(where, sizeof(where), "line %lu: ",
			    (unsigned long)line + 1);
		return (pin_err_set(l->doc->err, PIN_ELIMIT, "yaml: %s"
		    "exceeded max depth of %d", where, PIN_YAML_DEPTH_MAX));
	}
	rc = add_node(l, kind, line, &id);
	if (rc != PIN_OK)
		return (rc);
	l->doc->nodes[id].alias = l->cur;
	l->doc->nodes[id].tag = (uint8_t)tag_of((const char *)tag);
	l->cur = id;
	l->depth++;
	return (anchor_set(l, (const char *)anchor, id));
}

static void
close_tree(struct loader *l)
{
	struct ynode *c = &l->doc->nodes[l->cur];

	l->cur = c->alias;
	c->alias = 0;
	l->depth--;
}

/* 1 when the document is complete. */
static int
event(struct loader *l, const yaml_event_t *ev, int *rc)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		*rc = add_scalar(l, ev);
		break;
	case YAML_ALIAS_EVENT:
		*rc = add_alias(l, ev);
		break;
	case YAML_SEQUENCE_START_EVENT:
		*rc = open_tree(l, Y_SEQ, ev->start_mark.line,
		    ev->data.sequence_start.anchor,
		    ev->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		*rc = open_tree(l, Y_MAP, ev->start_mark.line,
		    ev->data.mapping_start.anchor,
		    ev->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_tree(l);
		break;
	case YAML_DOCUMENT_END_EVENT:
	case YAML_STREAM_END_EVENT:
		return (1);
	default:
		break;
	}
	return (0);
}

int
pin__yaml_load(struct ydoc *d, const char *text, size_t len)
{
	struct loader l;
	yaml_event_t ev;
	int rc = PIN_OK, done = 0;

	memset(&l, 0, sizeof(l));
	l.doc = d;
	if (!yaml_parser_initialize(&l.yp))
		return (no_memory(d));
	l.names = pin_arena_new(PIN_OBJ_TEXT_MAX);
	/* A body of no bytes has no address either; libyaml insists on one. */
	yaml_parser_set_input_string(&l.yp, (const unsigned char *)(len > 0 ?
	    text : ""), len);
	while (rc == PIN_OK && !done) {
		if (!yaml_parser_parse(&l.yp, &ev)) {
			rc = fail_parser(&l);
			break;
		}
		done = event(&l, &ev, &rc);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&l.yp);
	pin_arena_free(&l.names);
	free(l.anchors);
	return (rc);
}

void
pin__yaml_unload(struct ydoc *d)
{
	free(d->nodes);
	d->nodes = NULL;
}
